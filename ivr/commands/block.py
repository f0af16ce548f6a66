"""`ivr block`: numbers that get only the operator or the beep, for some days."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.output import load_settings, show_rows, with_database, with_page

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page

app = typer.Typer(help="Callers who misuse the line; they are still heard.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]
Number = Annotated[str, typer.Argument(help="A telephone number in any usual form.")]
By = Annotated[str, typer.Option(help="Who does it: a person of the desk.")]


@app.command(epilog="Example: ivr block add 09140000000 --days 7 --reason 'شوخی‌های پیاپی' --by desk/karimi")
def add(
    number: Number,
    days: Annotated[int, typer.Option(min=1, help="For so many days; then it ends by itself.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    by: By = "desk",
) -> None:
    """Block a number for some days. Its caller hears so, and reaches the operator or leaves a message."""
    from ivr.desk.call import blocking
    from ivr.desk.case.change import actor_named

    async def work(engine: AsyncEngine, page: Page) -> datetime:
        return await blocking.block(engine, page, actor_named(page, by), number, days, reason)

    until = with_page(work)
    typer.echo(f"{number}: blocked until {until.isoformat(timespec='minutes')}")


@app.command(epilog="Example: ivr block remove 09140000000")
def remove(
    number: Annotated[str, typer.Argument(help="The number, or the id of its block (ivr block list).")],
    by: By = "desk",
) -> None:
    """Let a number in again before its time."""
    from ivr.desk.call import blocking
    from ivr.desk.case.change import actor_named

    async def work(engine: AsyncEngine, page: Page) -> None:
        actor = actor_named(page, by)
        try:
            block = uuid.UUID(number)
        except ValueError:
            await blocking.lift(engine, page, actor, number)
        else:
            await blocking.lift_one(engine, actor, block)

    with_page(work)
    typer.echo(f"{number}: not blocked any more")


@app.command("list", epilog="Example: ivr block list --all --json")
def block_list(
    everything: Annotated[bool, typer.Option("--all", help="Those that ended too.")] = False,
    json: Json = False,
) -> None:
    """The numbers that are blocked, masked, and why."""
    from ivr.commands.books import mask_numbers
    from ivr.desk.call import blocking

    rows = with_database(load_settings(), lambda engine: blocking.listed(engine, everything))
    mask_numbers(rows)
    show_rows(["id", "caller", "until", "reason", "blocked_by"], rows, json)
