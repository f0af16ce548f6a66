"""`ivr case split|collect|release`: cases that belong together."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.books import Code, Json, cases, plain
from ivr.commands.caseflow import By, Reason, act
from ivr.commands.output import fail, show_json, with_page

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page
    from ivr.desk.case.collecting import Collected
    from ivr.desk.case.splitting import Part


@cases.command(
    epilog="Example: ivr case split 1234567894 --part 'abfa=لولهٔ ترکیده' "
    "--part 'shahrdari_ahar/roads.asphalt=آسفالت همان‌جا'"
)
def split(
    code: Code,
    part: Annotated[list[str], typer.Option(help="AGENCY[/TOPIC]=what it is to see to; two or more.")],
    by: By = "desk",
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Parts for several agencies, each with its clock; the citizen keeps her code and hears one answer."""
    from ivr.desk.case import splitting
    from ivr.desk.case.change import Instruction, actor_named

    parts = [_part(text) for text in part]

    async def work(engine: AsyncEngine, page: Page) -> list[str]:
        ask = Instruction(plain(code), actor_named(page, by), reason)
        return await splitting.split(engine, page, ask, parts)

    codes = with_page(work)
    if json:
        show_json([{"code": each, "agency": part.agency} for each, part in zip(codes, parts, strict=True)])
        return
    for each, one in zip(codes, parts, strict=True):
        typer.echo(f"case {plain(code)}: part {each} is with {one.agency}")


@cases.command(
    epilog="Example: ivr case collect 1234567894 1234567881 --words 'قطع آب کوی ولیعصر'   ·   "
    "ivr case collect - --into 1234567878 < codes.txt"
)
def collect(
    codes: Annotated[list[str], typer.Argument(help="Tracking codes; - reads them from standard input.")],
    words: Annotated[str, typer.Option(help="What it is about.")] = "",
    into: Annotated[str, typer.Option(help="A collective case that there is; else a new one.")] = "",
    by: By = "desk",
    json: Json = False,
) -> None:
    """One matter of many callers: one case for the agency, one answer, of which each is told by telephone."""
    from ivr.desk.case import collecting
    from ivr.desk.case.change import actor_named

    wanted = [plain(code) for code in (sys.stdin.read().split() if codes == ["-"] else codes)]

    async def work(engine: AsyncEngine, page: Page) -> Collected:
        actor, now = actor_named(page, by), datetime.now(UTC)
        return await collecting.collect(engine, page, actor, wanted, words, now, plain(into))

    done = with_page(work)
    if json:
        show_json({"code": done.code, "members": list(done.members), "merged": list(done.merged)})
        return
    typer.echo(f"case {done.code}: {len(done.members)} cases wait in it")
    for code in done.merged:
        typer.echo(f"case {code}: merged, its caller is in it already")


@cases.command(epilog="Example: ivr case release 1234567894 --reason 'موضوع دیگری است'")
def release(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """Out of its collective case again."""
    from ivr.desk.case import collecting

    act(code, by, reason, collecting.release)


def _part(text: str) -> Part:
    from ivr.desk.case.splitting import Part

    place, sign, words = text.partition("=")
    agency, _, topic = place.partition("/")
    if not sign:
        fail(f"--part {text}: give AGENCY[/TOPIC]=WORDS", 2)
    return Part(agency.strip(), words.strip(), topic.strip())
