"""`ivr escalation`: the ladder, climbing it now, and the proof that nobody was forgotten."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ivr.commands.output import show_json, show_table, want_sure_time, with_page

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page
    from ivr.desk.deadlines.escalation_proof import Alarm

app = typer.Typer(help="The escalation ladder: who must act when time runs out.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]


@app.command(epilog="Example: ivr escalation sweep --json")
def sweep(json: Json = False) -> None:
    """Time anew what a closure moved, and let every case climb whose time has come, as `ivr serve` does."""
    from ivr.desk.deadlines.escalating import sweep as climb
    from ivr.desk.deadlines.retiming import retime
    from ivr.desk.meetings.order_giving import put_off

    async def work(engine: AsyncEngine, page: Page) -> dict[str, int]:
        await want_sure_time(engine)
        retimed = await put_off(engine, page) + await retime(engine, page)
        return {"retimed": retimed, "escalated": await climb(engine, page)}

    done = with_page(work)
    if json:
        show_json(done)
    else:
        typer.echo(f"{done['retimed']} deadlines moved, {done['escalated']} cases escalated")


@app.command(epilog="Example: ivr escalation check || echo alarm")
def check(json: Json = False) -> None:
    """Prove from the events that every open case has its body, its clock and its rung; exit 1 if not."""
    from ivr.desk.deadlines.escalation_proof import prove

    async def work(engine: AsyncEngine, page: Page) -> list[Alarm]:
        await want_sure_time(engine)
        return await prove(engine, page)

    alarms = with_page(work)
    if json:
        show_json({"ok": not alarms, "alarms": [asdict(alarm) for alarm in alarms]})
    else:
        for alarm in alarms:
            typer.echo(f"{alarm.why}: {alarm}")
        if not alarms:
            typer.echo("every open case has its body, its clock and its rung")
    raise SystemExit(1 if alarms else 0)


@app.command(epilog="Example: ivr escalation ladder --topic water.supply --agency abfa --json")
def ladder(
    topic: Annotated[str, typer.Option(help="A topic's code.")] = "",
    agency: Annotated[str, typer.Option(help="An agency's code.")] = "",
    json: Json = False,
) -> None:
    """The rungs that a case climbs, in working days from its deadline; for a topic and an agency if given."""
    from ivr.cases.escalation import as_json
    from ivr.desk.refusals import Refused

    async def work(engine: AsyncEngine, page: Page) -> dict[str, Any]:
        if topic and topic not in page.deadlines:
            raise Refused(f"there is no topic {topic}")
        if agency and agency not in page.rules.agencies:
            raise Refused(f"there is no agency {agency}")
        return as_json(page.ladders) | {"shown": asdict(page.ladders.of(topic, agency))}

    found = with_page(work)
    if json:
        show_json(found)
        return
    show_table(["name", "level", "days"], found["shown"]["rungs"])
    if every := found["shown"]["repeat"]:
        typer.echo(f"the last rung comes again every {every} working days")
