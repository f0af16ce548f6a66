"""`ivr case refer|accept|return|rule|close|…`: what may be done with a case (docs/cases.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ivr.commands.books import Code, Json, cases, plain
from ivr.commands.output import load_settings, show_rows, with_database, with_page

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page
    from ivr.desk.case.change import Instruction

By = Annotated[
    str, typer.Option(help="Who does it: an agency's code, AGENCY/OFFICER, citizen, or a person of the desk.")
]
Reason = Annotated[str, typer.Option(help="Why. docs/cases.md tells who must give one.")]
Agency = Annotated[str, typer.Argument(help="An agency's code.")]


@cases.command(epilog="Example: ivr case refer 1234567894 abfa --by desk/karimi")
def refer(code: Code, agency: Agency, by: By = "desk", reason: Reason = "") -> None:
    """Give a case to an agency, or send it onward once."""
    from ivr.desk.case import referring

    act(code, by, reason, partial(referring.refer, agency=agency))


@cases.command(epilog="Example: ivr case accept 1234567894 --by abfa/ahmadi")
def accept(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """The agency takes the case up."""
    from ivr.desk.case import referring

    act(code, by, reason, referring.accept)


@cases.command("return", epilog="Example: ivr case return 1234567894 --by abfa --reason 'کار شهرداری است'")
def give_back(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """Not its own, says the agency: back to the desk; after the second time it takes a ruling."""
    from ivr.desk.case import referring

    act(code, by, reason, referring.give_back)


@cases.command(epilog="Example: ivr case rule 1234567894 abfa --reason 'مادهٔ ۵'")
def rule(code: Code, agency: Agency, by: By = "desk", reason: Reason = "") -> None:
    """Decide whose the case is; a precedent for its topic and county, which routing obeys."""
    from ivr.desk.case import referring

    act(code, by, reason, partial(referring.rule, agency=agency))


@cases.command(epilog="Example: ivr case close 1234567894 --by citizen")
def close(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """An answered case is over."""
    from ivr.desk.case import closing

    act(code, by, reason, closing.close)


@cases.command(epilog="Example: ivr case reopen 1234567894 --by citizen --reason 'باز قطع شد'")
def reopen(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """Not solved: back to the agency that had it."""
    from ivr.desk.case import closing

    act(code, by, reason, closing.reopen)


@cases.command(epilog="Example: ivr case withdraw 1234567894 --by citizen")
def withdraw(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """The citizen takes the case back."""
    from ivr.desk.case import closing

    act(code, by, reason, closing.withdraw)


@cases.command(epilog="Example: ivr case advise 1234567894 --reason 'این کار دادگاه است.'")
def advise(
    code: Code,
    by: By = "desk",
    reason: Reason = "",
    spoken: Annotated[str, typer.Option(help="What a caller of another language hears instead.")] = "",
) -> None:
    """Answer on the spot: the reason is the advice, with which the caller is called."""
    from ivr.desk.case import closing

    act(code, by, reason, partial(closing.advise, spoken=spoken))


@cases.command(epilog="Example: ivr case told 1234567894 --reason 'نامه فرستاده شد'")
def told(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """Somebody told the citizen what nobody could tell her by telephone (the inbox queue untold)."""
    from ivr.desk.case import closing

    act(code, by, reason, closing.told)


@cases.command(epilog="Example: ivr case merge 1234567894 1234567881 --reason 'همان تماس'")
def merge(
    code: Code,
    into: Annotated[str, typer.Argument(help="The code of the case that it repeats.")],
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """A duplicate goes on in another case of the same caller and topic."""
    from ivr.desk.case import closing

    act(code, by, reason, partial(closing.merge, into=plain(into)))


@cases.command(epilog="Example: ivr case topic 1234567894 water.bill --reason 'دربارهٔ قبض است'")
def topic(
    code: Code,
    topic: Annotated[str, typer.Argument(help="A topic's code; without one it stays.")] = "",
    county: Annotated[str | None, typer.Option(help="A county's code; '' for unknown.")] = None,
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """Another topic or county; the deadline is worked out from the opening again."""
    from ivr.desk.case import pausing

    act(code, by, reason, partial(pausing.change_topic, topic=topic, county=county))


@cases.command(epilog="Example: ivr case pause 1234567894 --days 5 --by abfa --reason 'منتظر مدارک'")
def pause(
    code: Code,
    days: Annotated[int, typer.Option(min=1, help="Working days; then the clock runs again by itself.")],
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """Stop a case's clock; ten working days in all."""
    from ivr.desk.case import pausing

    act(code, by, reason, partial(pausing.pause, days=days))


@cases.command(epilog="Example: ivr case resume 1234567894 --by abfa")
def resume(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """Let a paused clock run again."""
    from ivr.desk.case import pausing

    act(code, by, reason, pausing.resume)


@cases.command(epilog="Example: ivr case rulings --all --json")
def rulings(
    everything: Annotated[bool, typer.Option("--all", help="Those that ended too.")] = False,
    json: Json = False,
) -> None:
    """The precedents that routing obeys, newest first."""
    from ivr.desk.case import precedents

    rows = with_database(load_settings(), lambda engine: precedents.listed(engine, everything))
    show_rows(["id", "topic", "county", "agency", "case", "ruled_by", "reason", "ended_reason"], rows, json)


@cases.command(epilog="Example: ivr case revoke 0b8e4a0c-… --reason 'قانون تازه'")
def revoke(
    ruling: Annotated[str, typer.Argument(help="The id that `ivr case rulings` shows.")],
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """End a precedent: routing goes by its rules again."""
    from ivr.desk.case import precedents
    from ivr.desk.case.change import actor_named

    def work(engine: AsyncEngine, page: Page) -> Awaitable[None]:
        return precedents.revoke(engine, ruling, actor_named(page, by), reason)

    with_page(work)
    typer.echo(f"ruling {ruling}: revoked")


@cases.command(epilog="Example: ivr case bounces --json")
def bounces(json: Json = False) -> None:
    """How many of its cases each agency returned or sent onward."""
    from ivr.desk.case import precedents

    rows = with_database(load_settings(), precedents.bounces)
    show_rows(["agency", "referrals", "returned", "onward"], rows, json)


def act(
    code: str, by: str, reason: str, does: Callable[[AsyncEngine, Page, Instruction], Awaitable[None]]
) -> None:
    """Do it, then say how the case stands."""
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.reading import as_json

    async def work(engine: AsyncEngine, page: Page) -> dict[str, Any] | None:
        await does(engine, page, Instruction(plain(code), actor_named(page, by), reason))
        return await as_json.case_json(engine, plain(code))

    case = with_page(work)
    assert case is not None
    typer.echo(f"case {case['code']}: {case['status']}, with {case['agency']}, due {case['due_at']}")
