"""`ivr closure`: days on which a county or the province suddenly does not work."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from ivr.commands.output import fail, load_settings, show_json, show_rows, with_database, with_page

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page

app = typer.Typer(help="Sudden closures, and what they do to deadlines.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]
Day = Annotated[str, typer.Argument(help="today, tomorrow, 1405-09-05 (Jalali) or 2026-11-26 (Gregorian).")]
County = Annotated[str, typer.Option(help="A county's code; without one the whole province.")]
By = Annotated[str, typer.Option(help="Who declares it: a person of the desk.")]


@app.command(epilog="Example: ivr closure add tomorrow --county tabriz --reason 'برودت هوا'")
def add(
    day: Day,
    county: County = "",
    reason: Annotated[str, typer.Option(help="Why, like snow or cold.")] = "",
    by: By = "desk",
    json: Json = False,
) -> None:
    """Close a county for a day; the deadlines of its open cases and their next rungs move at once."""
    from ivr.desk.case.change import actor_named
    from ivr.desk.editing import closures

    when = day_named(day)

    async def work(engine: AsyncEngine, page: Page) -> None:
        await closures.declare(engine, page, actor_named(page, by), when, county, reason)

    with_page(work)
    _follow(when, county, "closed", json)


@app.command(epilog="Example: ivr closure remove 1405-09-05 --county tabriz")
def remove(day: Day, county: County = "", by: By = "desk", json: Json = False) -> None:
    """Work goes on that day after all; the deadlines move back."""
    from ivr.desk.case.change import actor_named
    from ivr.desk.editing import closures

    when = day_named(day)

    async def work(engine: AsyncEngine, page: Page) -> None:
        await closures.lift(engine, page, actor_named(page, by), when, county)

    with_page(work)
    _follow(when, county, "open", json)


@app.command("list", epilog="Example: ivr closure list --since 1405-01-01 --json")
def closure_list(
    since: Annotated[str, typer.Option(help="From this day on; the last 31 days if not given.")] = "",
    json: Json = False,
) -> None:
    """The closures, by day."""
    from ivr.desk.editing import closures

    first = day_named(since) if since else day_named("today") - closures.BACK
    rows = with_database(load_settings(), lambda engine: closures.listed(engine, first))
    show_rows(["day", "county", "reason", "declared_by"], rows, json)


def day_named(text: str) -> date:
    """A day as people write it; exit code 2 for what is none."""
    from ivr.desk.editing.values import day_of

    today = datetime.now(ZoneInfo(load_settings().province.timezone)).date()
    words = {"today": today, "tomorrow": today + timedelta(days=1)}
    if text in words:
        return words[text]
    try:
        return day_of(text)
    except (ValueError, OverflowError):
        fail(f"{text!r} is no day: write today, tomorrow, 1405-09-05 or 2026-11-26", 2)


def _follow(day: date, county: str, how: str, json: bool) -> None:
    """Time the open cases anew, under the calendar as it is now."""
    from ivr.desk.deadlines.retiming import retime
    from ivr.desk.meetings.order_giving import put_off

    async def follow(engine: AsyncEngine, page: Page) -> int:
        return await put_off(engine, page) + await retime(engine, page)

    moved = with_page(follow)
    if json:
        show_json({"day": day.isoformat(), "county": county, "working": how == "open", "moved": moved})
    else:
        typer.echo(f"{day} {county or 'the whole province'}: {how}; {moved} deadlines moved")
