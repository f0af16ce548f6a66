"""`ivr case` and `ivr call`: reading the books."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ivr.commands.output import fail, load_settings, show_json, show_rows, with_database
from ivr.installation import CommandError
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

cases = typer.Typer(help="The cases.", no_args_is_help=True)
calls = typer.Typer(help="The calls.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of a table.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many.")]
PLAIN = ["code", "kind", "topic", "county", "agency", "status", "channel", "caller", "by_phone"]
PLAIN += ["opened_at", "due_at"]
Code = Annotated[str, typer.Argument(help="A tracking code, in any digits; blanks and dashes don't matter.")]


@cases.command("list", epilog="Example: ivr case list --limit 5 --json")
def case_list(limit: Limit = 20, json: Json = False) -> None:
    """The newest cases."""
    from ivr.desk.reading import as_json

    columns = ["code", "kind", "topic", "county", "agency", "status", "due_at"]
    settings = load_settings()
    read = partial(as_json.cases, limit=limit, languages=settings.calls.languages)
    _list(settings, read, columns, json)


@cases.command(
    epilog="Examples: ivr case show '123 456 78 94' --json   ·   "
    "ivr case show 1234567894 --reveal --reason 'رسیدگی به درخواست دادگاه'"
)
def show(
    code: Code,
    json: Json = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="The caller's numbers whole; noted in the audit.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why they are revealed; needed with --reveal.")] = "",
) -> None:
    """One case with its recordings, referrals and events. The caller's numbers are masked."""
    from ivr.desk.reading import as_json

    settings = load_settings()

    async def work(engine: AsyncEngine) -> dict[str, Any] | None:
        if reveal:
            await _note_revealed(engine, plain(code), reason)
        return await as_json.case_json(engine, plain(code), settings.calls.languages)

    case = with_database(settings, work)
    if case is None:
        raise CommandError(f"no case has the code {code}")
    locate(settings, [case])
    if not reveal:
        mask_numbers([case])
    if json:
        show_json(case)
    else:
        print_case(case)


@calls.command("list", epilog="Examples: ivr call list --json   ·   ivr call list --passed topic:hung_up")
def call_list(
    limit: Limit = 20,
    passed: Annotated[
        str, typer.Option(help="Only who did that at that step, like topic:hung_up (ivr menu stats).")
    ] = "",
    revision: Annotated[str, typer.Option(help="Only through that revision of the tree.")] = "",
    json: Json = False,
) -> None:
    """The newest calls with every step, its time and key, and whether words of hers were kept.

    Numbers and codes are masked.
    """
    from ivr.desk.reading import as_json

    columns = ["started_at", "caller", "language", "outcome", "words_kept", "case", "id"]
    read = partial(as_json.calls, limit=limit, passed=passed, revision=revision)
    _list(load_settings(), read, columns, json)


def _list(
    settings: Settings,
    read: Callable[[AsyncEngine], Awaitable[list[dict[str, Any]]]],
    columns: list[str],
    json: bool,
) -> None:
    rows = with_database(settings, read)
    locate(settings, rows)
    mask_numbers(rows)
    show_rows(columns, rows, json)


def plain(code: str) -> str:
    """A code without the blanks and dashes people write into it, in ASCII."""
    from ivr.cases.search import plain_number

    return "".join(c for c in plain_number(code) if c.isalnum())


def locate(settings: Settings, rows: Iterable[dict[str, Any]]) -> None:
    """Make the recordings' paths, which the books keep relative, whole."""
    for row in rows:
        for recording in row.get("recordings") or ():
            if recording["path"]:  # none of a confidential case
                recording["path"] = str(settings.recordings / recording["path"])


def mask_numbers(rows: Iterable[dict[str, Any]]) -> None:
    """A terminal's scroll-back keeps what it was shown: enough of a number to tell two callers apart."""
    from ivr.cases import phone
    from ivr.voice.footprints import choices_only

    for row in rows:
        for step in row.get("steps") or ():
            step["key"] = choices_only(step.get("key", ""))
        for name in ("caller", "callback"):
            if row.get(name):
                row[name] = phone.mask(row[name])


async def _note_revealed(engine: AsyncEngine, code: str, reason: str) -> None:
    """Raises Finding."""
    from ivr.desk.recordings import revealing
    from ivr.desk.refusals import NoSuchCase, WrongField

    try:
        await revealing.reveal_at_terminal(engine, code, reason, datetime.now(UTC), getpass.getuser())
    except NoSuchCase:
        return  # said by whoever finds no case
    except WrongField as error:
        fail(f"--{error}", 2)


def print_case(case: dict[str, Any]) -> None:
    """A case as a short block of lines."""
    for name in PLAIN:
        typer.echo(f"{name:<10} {case.get(name) or ''}")
    for recording in case["recordings"]:
        typer.echo(f"{'recording':<10} {recording['path'] or ''}  {recording['seconds']:.1f} s")
    for referral in case["referrals"]:
        typer.echo(f"{'referral':<10} {referral['agency']} due {referral['due_at']}")
    for event in case["events"]:
        typer.echo(f"{'event':<10} {event['at']} {event['what']}")
