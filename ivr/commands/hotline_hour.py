"""`ivr meeting hours|announce-hour|hour|close-hour`: an official takes calls of the hotline himself."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ivr.commands.books import Json
from ivr.commands.closure import day_named
from ivr.commands.meeting import By, Number, Reason, app, instruct, moment_of, zone_here
from ivr.commands.output import fail, load_settings, show_json, show_rows, show_table, with_page

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page
    from ivr.desk.case.change import Instruction


@app.command(
    "announce-hour",
    epilog="Example: ivr meeting announce-hour --on 1405-09-11 --from 10:00 --to 11:00 --extension 201",
)
def announce_hour(
    on: Annotated[str, typer.Option(help="The day: 1405-09-11 (Jalali) or 2026-12-02 (Gregorian).")],
    begins: Annotated[str, typer.Option("--from", help="When it begins, like 10:00.")],
    ends: Annotated[str, typer.Option("--to", help="When it ends.")],
    extension: Annotated[
        list[str], typer.Option(help="Which telephone of meetings.extensions rings; several.")
    ],
    official: Annotated[
        str, typer.Option(help="governor, deputy, county_governor, mayor or head.")
    ] = "governor",
    agency: Annotated[str, typer.Option(help="Of which body; the governor's office if not given.")] = "",
    room: Annotated[int, typer.Option(help="How many may wait in line.")] = 10,
    even_off: Annotated[
        bool, typer.Option("--even-off", help="On a holiday or at the week's end, too.")
    ] = False,
    by: By = "desk",
) -> None:
    """An official takes calls of 111 himself: while it is open, callers are offered it."""
    from ivr.cases.meetings import Official
    from ivr.desk.case.change import actor_named
    from ivr.desk.meetings import hour_planning
    from ivr.desk.meetings.request_deciding import the_office

    if official not in set(Official):
        fail(f"--official must be one of {', '.join(Official)}", 2)
    starts_at, ends_at = moment_of(on, begins), moment_of(on, ends)
    allowed = load_settings().meetings.extensions

    async def work(engine: AsyncEngine, page: Page) -> int:
        whose = (Official(official), agency or the_office(page))
        wanted = hour_planning.WantedHour(*whose, starts_at, ends_at, tuple(extension), room, even_off)
        by_whom = actor_named(page, by)
        return await hour_planning.announce(engine, page, by_whom, wanted, allowed, datetime.now(UTC))

    number = with_page(work)
    typer.echo(f"hour {number}: announced, {starts_at:%H:%M} to {ends_at:%H:%M} on {on}")


@app.command(epilog="Example: ivr meeting hours --since 1405-01-01 --json")
def hours(
    since: Annotated[str, typer.Option(help="From this day on; today if not given.")] = "today",
    json: Json = False,
) -> None:
    """Hours in which officials take calls themselves, by day."""
    from ivr.desk.meetings import hour_planning
    from ivr.desk.meetings.hour_reading import hour_json

    midnight = datetime.combine(day_named(since), time(0), zone_here())

    async def work(engine: AsyncEngine, _: Page) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            return [hour_json(row) for row in await hour_planning.hours(connection, midnight)]

    rows = with_page(work)
    if not json:
        for row in rows:
            row["extensions"] = " ".join(row["extensions"])
    show_rows(["number", "official", "agency", "starts_at", "ends_at", "extensions", "state"], rows, json)


@app.command(epilog="Example: ivr meeting hour 3 --json")
def hour(number: Number, json: Json = False) -> None:
    """Who waits in an hour's line, whom the official talks with, and who was."""
    from ivr.desk.meetings import hour_reading
    from ivr.desk.meetings.request_list import EVERYTHING

    async def work(engine: AsyncEngine, _: Page) -> dict[str, Any]:
        async with engine.connect() as connection:
            seen = await hour_reading.read(connection, number, EVERYTHING, datetime.now(UTC))
        if seen is None:
            fail(f"there is no hour {number}")
        called = hour_reading.call_json
        told = hour_reading.hour_json(seen.hour) | {"line": [called(each) for each in seen.line]}
        told |= {"with_him": called(seen.with_him) if seen.with_him else None}
        return told | {"past": [called(each) for each in seen.past]}

    told = with_page(work)
    if json:
        show_json(told)
        return
    rows = [*([told["with_him"]] if told["with_him"] else []), *told["line"], *told["past"]]
    show_table(["code", "state", "outcome", "number", "county", "earlier", "joined_at", "talked_at"], rows)


@app.command("close-hour", epilog="Example: ivr meeting close-hour 3 --reason 'مأموریت استاندار' --by sadr")
def close_hour(number: Number, by: By = "desk", reason: Reason = "") -> None:
    """Nobody else is taken; who waits is told so."""
    from ivr.desk.meetings import hour_planning

    async def does(engine: AsyncEngine, _: Page, ask: Instruction) -> None:
        await hour_planning.close(engine, ask, number)

    instruct("", by, reason, does)
    typer.echo(f"hour {number}: closed")
