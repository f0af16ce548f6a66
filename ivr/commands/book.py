"""`ivr book`: what people change of the province's book, without the panel."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ivr.commands.output import fail, load_settings, show_json, show_table, with_database, with_page
from ivr.installation import CommandError, conventions

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.editing.listing import Files
    from ivr.settings import Settings

app = typer.Typer(help="Agencies, topics, rules, calendar: changed by people.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]
Noun = Annotated[
    str,
    typer.Argument(help="agency, topic, area, rule, kind, day, wording, notice, limit, retention or factor."),
]
Reason = Annotated[str, typer.Option(help="Why; it stays in the history.")]
By = Annotated[str, typer.Option(help="Who does it: a person of the desk.")]


@app.command("export", epilog="Example: ivr book export topic > topics.csv")
def export_(noun: Noun, form: Annotated[str, typer.Option("--form", help="csv or yaml.")] = "csv") -> None:
    """All rows of a noun on standard output."""
    from ivr.desk.editing.exchange import FORMS, export

    _known(noun)
    if form not in FORMS:
        fail(f"{form} is no form: csv or yaml", 2)
    settings = load_settings()
    data = with_database(settings, lambda engine: export(engine, noun, form, _files(settings)))
    sys.stdout.buffer.write(data)


@app.command("import", epilog="Example: ivr book import topic topics.csv --dry-run")
def import_(
    noun: Noun,
    file: Annotated[Path, typer.Argument(help="A .csv or .yaml file; rows that it does not name stay.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would change.")] = False,
    reason: Reason = "",
    by: By = "desk",
    json: Json = False,
) -> None:
    """All of a file, or nothing of it; a mistake names line and column, exit 1."""
    from ivr.desk.editing.changing import Done
    from ivr.desk.editing.exchange import bring_in

    _known(noun)
    if noun == "retention" and not dry_run:  # as in the panel: each row tells what it takes, and asks
        fail("retention takes things away for good: each row is decided by itself, in the panel", 2)
    files = _files(load_settings())
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}") from None

    async def work(engine: AsyncEngine, page: Any) -> list[Done]:
        return await bring_in(engine, _why(page, by, reason), noun, data, file.name, files, rehearse=dry_run)

    _show(with_page(work), json)


@app.command(epilog="Example: ivr book history --noun rule --json")
def history(
    noun: Annotated[str, typer.Option(help="Only of this noun.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    json: Json = False,
) -> None:
    """What people changed, newest first."""
    from ivr.desk.editing.undoing import history as changes

    rows = with_database(load_settings(), lambda engine: changes(engine, noun, limit=limit))
    if json:
        show_json(rows)
        return
    lines = [row | {"fields": " ".join(row["fields"])} for row in rows]
    show_table(["number", "at", "by", "noun", "key", "fields", "undoes", "reason"], lines)


@app.command(epilog="Example: ivr book undo 12 --reason 'اشتباه'")
def undo(number: int, reason: Reason = "", by: By = "desk", json: Json = False) -> None:
    """Put back what was before a change; of an import, before all its changes."""
    from ivr.desk.editing.changing import Done
    from ivr.desk.editing.terms import undone_would_go
    from ivr.desk.editing.undoing import undo as take_back

    folder, now = load_settings().seed_path, datetime.now().astimezone()

    async def work(engine: AsyncEngine, page: Any) -> list[Done]:
        if gone := await undone_would_go(engine, folder, number, now):
            raise CommandError(f"to undo change {number} takes {gone} away for good: decide it in the panel")
        return await take_back(engine, _why(page, by, reason), number)

    _show(with_page(work), json)


@app.command(epilog="Example: ivr book who water.bill --county ahar --json")
def who(
    topic: Annotated[str, typer.Argument(help="A topic's code.")],
    county: Annotated[str, typer.Option(help="A county's code; none = unknown.")] = "",
    kind: Annotated[
        str, typer.Option(help="complaint, criticism, suggestion, request or meeting.")
    ] = "complaint",
    json: Json = False,
) -> None:
    """Who would get such a call now, by which rule, and until when."""
    from ivr.desk.editing.who_gets import WhoGets, who_gets

    now = datetime.now().astimezone()

    async def work(engine: AsyncEngine, page: Any) -> WhoGets:
        if topic not in page.deadlines:
            raise CommandError(f"there is no topic {topic}")
        return await who_gets(engine, page, kind, topic, county, now)

    found = with_page(work)
    rules = [
        {"scope": each.rule.scope, "county": each.rule.county, "agency": each.agency, "fate": each.fate}
        for each in found.weighed
    ]
    route = {"agency": found.route.agency, "reason": found.route.reason, "due_at": found.due_at.isoformat()}
    if json:
        show_json(route | {"topic": found.topic, "county": found.county, "days": found.days, "rules": rules})
    else:
        typer.echo(f"{found.route.agency} ({found.route.reason}), until {found.due_at:%Y-%m-%d}")
        show_table(["scope", "county", "agency", "fate"], rules)


def _known(noun: str) -> None:
    from ivr.desk.editing.nouns import BY_NAME

    if noun not in BY_NAME:
        fail(f"{noun} is no noun of the book: {', '.join(BY_NAME)}", 2)


def _files(settings: Settings) -> Files:
    from ivr.desk.editing.listing import Files

    its = conventions(settings)
    return Files(settings.seed_path, its.limits, settings.web.factor_roles, its.languages)


def _why(page: Any, by: str, reason: str) -> Any:
    from ivr.desk.case.change import actor_named
    from ivr.desk.editing.changing import Why

    return Why(actor_named(page, by), reason)


def _show(done: Any, json: bool) -> None:
    rows = [
        {
            "number": d.number,
            "noun": d.noun,
            "key": d.key,
            "fields": d.fields,
            "before": d.before,
            "after": d.after,
        }
        for d in done
    ]
    if json:
        show_json(rows)
    else:
        show_table(["noun", "key", "fields"], [row | {"fields": " ".join(row["fields"])} for row in rows])
