"""`ivr retention`: what is kept how long; `ivr hold`: cases of which nothing goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ivr.commands.books import Code, Json
from ivr.commands.caseflow import By, act
from ivr.commands.output import fail, load_settings, show_json, show_rows, want_sure_time, with_database
from ivr.installation import CommandError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

EXAMPLES = "Examples: ivr retention --dry-run --json   ·   ivr retention (what `ivr serve` does every hour)"
hold = typer.Typer(help="Legal holds: cases of which retention takes nothing.", no_args_is_help=True)
Reason = Annotated[str, typer.Option(help="Why.")]


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: Json = False,
) -> None:
    """Take away recordings and names whose time is over, by retention.yaml and what people changed of it.

    Exit code 1 where anything could not be taken.
    """
    from ivr.desk.editing import terms
    from ivr.desk.keeping import proved
    from ivr.desk.keeping import retention as rules
    from ivr.store.aside import Aside
    from ivr.store.derived import Derived

    settings = load_settings()
    now = datetime.now(UTC)

    async def look(engine: AsyncEngine) -> list[dict[str, Any]]:
        kept = await terms.in_force(engine, settings.seed_path)
        return await rules.preview(engine, kept, now, settings.recordings)

    if dry_run:
        rows = with_database(settings, look)
        show_rows(["what", "kind", "status", "days", "cases", "held", "oldest"], rows, json)
        return

    aside = Aside()

    async def work(engine: AsyncEngine) -> dict[str, Any]:
        await want_sure_time(engine)
        async with engine.connect() as connection:
            if spared := await proved.spared(connection):
                raise CommandError(spared[0])
        kept = await terms.in_force(engine, settings.seed_path)
        derived = Derived(settings.derived)
        return rules.as_json(await rules.keep(engine, kept, settings.recordings, derived, now, aside=aside))

    done = with_database(settings, work)
    if json:
        show_json(done)
    else:
        typer.echo(", ".join(f"{name}: {count}" for name, count in done.items()))
    if left := {what: count for what, count in aside.counts.items() if count}:
        told = ", ".join(f"{what}: {count}" for what, count in left.items())
        fail(f"not all went whose time is over, the lines above say why ({told}); the next pass tries again")


@hold.command(epilog="Example: ivr hold add 1234567894 --reason 'پروندهٔ دادگاه ۱۲'")
def add(code: Code, reason: Reason = "", by: By = "desk") -> None:
    """Nothing of this case goes until the hold ends."""
    from ivr.desk.case import holds

    act(code, by, reason, lambda engine, page, ask: holds.hold(engine, ask))


@hold.command(epilog="Example: ivr hold end 1234567894 --reason 'رأی قطعی شد'")
def end(code: Code, reason: Reason = "", by: By = "desk") -> None:
    """The rules hold for it again."""
    from ivr.desk.case import holds

    act(code, by, reason, lambda engine, page, ask: holds.end(engine, ask))


@hold.command("list", epilog="Example: ivr hold list --all --json")
def hold_list(
    everything: Annotated[bool, typer.Option("--all", help="Those that ended too.")] = False,
    json: Json = False,
) -> None:
    """The holds in force, by whom and why."""
    from ivr.desk.case import holds

    rows = with_database(load_settings(), lambda engine: holds.listed(engine, everything))
    show_rows(["case", "held_at", "held_by", "reason", "ended_at"], rows, json)
