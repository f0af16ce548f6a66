"""`ivr callback`: whom we call back, and how that went."""

from __future__ import annotations

from typing import Annotated

import typer

from ivr.commands.output import fail, load_settings, show_rows, with_database

app = typer.Typer(help="Calls to citizens.", no_args_is_help=True)
STATES = ("waiting", "calling", "reached", "unconfirmed", "cancelled", "unreachable", "all")


@app.command("list", epilog="Example: ivr callback list --state unreachable --json")
def callback_list(
    state: Annotated[str, typer.Option(help=f"One of {', '.join(STATES)}.")] = "all",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Stable JSON instead of a table.")] = False,
) -> None:
    """The newest call-backs with their attempts; numbers are masked."""
    from ivr.desk.call import callback_list as calling

    if state not in STATES:
        fail(f"--state must be one of {', '.join(STATES)}, not {state}", 2)
    rows = with_database(load_settings(), lambda engine: calling.listed(engine, state, limit))
    show_rows(
        ["case", "purpose", "number", "state", "next_at", "tries", "last_outcome", "put_aside"], rows, json
    )
