"""`ivr case refer|accept|return|rule|…`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.models import CommandInfo

from ivr.commands import books, caseflow
from tests.desk.counter import counter
from tests.fixtures.commands import ivr, started


async def test_a_case_goes_its_way_from_the_command_line(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await counter(engine)
    code = await at.open()

    async def case(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "case", *arguments)

    spoken = f"{code[:3]} {code[3:6]}-{code[6:]}"
    assert await case("accept", spoken, "--by", "abfa/karimi") == (
        0,
        f"case {code}: in_progress, with abfa, due 2026-11-29T23:59:59+03:30",
    )
    exit_code, said = await case("return", code, "--by", "abfa")
    assert (exit_code, said) == (1, f"case {code} can't be returned without a reason")
    assert (await case("return", code, "--by", "abfa", "--reason", "شهرداری"))[0] == 0
    assert (await case("refer", code, "edu"))[0] == 0
    assert (await case("return", code, "--by", "edu", "--reason", "x"))[0] == 0
    exit_code, said = await case("refer", code, "tamin")
    assert exit_code == 1 and "takes a ruling" in said
    assert (await case("rule", code, "tamin", "--reason", "ماده ۵"))[0] == 0
    (ruling,) = json.loads((await case("rulings", "--json"))[1])
    assert (ruling["agency"], ruling["county"], ruling["reason"]) == ("tamin", "ahar", "ماده ۵")
    assert await case("revoke", ruling["id"], "--reason", "x") == (0, f"ruling {ruling['id']}: revoked")
    assert json.loads((await case("bounces", "--json"))[1])[0]["returned"] == 1
    exit_code, said = await started(database_url, tmp_path, "case", "close", code, "--reason", "x")
    assert exit_code == 1 and "that is possible from answered" in said


@pytest.mark.parametrize(
    "command", books.cases.registered_commands, ids=lambda c: c.name or c.callback.__name__
)
def test_every_command_shows_an_example(command: CommandInfo) -> None:
    assert (command.epilog or "").startswith(("Example: ivr case ", "Examples: ivr case "))


def test_they_belong_to_ivr_case() -> None:
    known = {command.callback for command in books.cases.registered_commands}
    assert {caseflow.refer, caseflow.give_back, caseflow.rule, caseflow.reopen} <= known
