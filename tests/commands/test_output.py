"""What every command says of a database that does not take what it is given, and how it shows rows."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands import output
from ivr.commands.output import with_database
from ivr.installation import CommandError
from ivr.settings import Settings
from ivr.store.tables import factor_roles


@pytest.mark.parametrize(
    "console", [Console(width=80, force_terminal=True), output.out], ids=["terminal", "pipe"]
)
def test_a_row_of_a_table_is_one_line_in_which_nothing_is_cut_nor_taken_for_a_sign(
    console: Console, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "out", console)
    dead = {"id": str(uuid.uuid4()), "to": None, "last_error": "gateway: [/refused] " + 30 * "too long\n "}
    sent = {"id": "نامه", "to": "09121234567", "last_error": ""}
    output.show_table(["id", "to", "last_error"], [dead, sent])
    [_, first, second] = capsys.readouterr().out.splitlines()
    error = "gateway: [/refused]" + 30 * " too long"
    assert first == f"{dead['id']}  {11 * ' '}  {error}" and len(error) > 250
    assert second == f"نامه{32 * ' '}  09121234567"


def test_what_stands_between_colons_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    said = "2001:db8:a:b::1 has no :id: and no :key:"
    output.show_table(["why"], [{"why": said}])
    output.out.print(said, soft_wrap=True)
    with pytest.raises(SystemExit):
        output.fail(said)
    told = capsys.readouterr()
    assert told.out.splitlines() == ["why", said, said] and told.err.splitlines() == [said]


async def test_of_a_row_that_is_there_already_nobody_is_sent_to_the_doctor(
    database_url: str, tmp_path: Path
) -> None:
    async def twice(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            for _ in range(2):
                await connection.execute(factor_roles.insert().values(role="operator", needed=True))

    settings = Settings(state=tmp_path, database_url=database_url)
    with pytest.raises(CommandError, match="the database refused it: duplicate key") as told:
        await asyncio.to_thread(with_database, settings, twice)
    assert "doctor" not in str(told.value)
