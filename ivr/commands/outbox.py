"""`ivr outbox`: what leaves the house, and what did not."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.commands.output import fail, load_settings, show_json, show_rows, with_database

app = typer.Typer(help="Messages on their way out.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of a table.")]
STATES = ("dead", "waiting", "sent", "given_up", "not_sent", "all")


@app.command("list", epilog="Example: ivr outbox list --state dead --json")
def outbox_list(
    state: Annotated[str, typer.Option(help=f"One of {', '.join(STATES)}.")] = "all",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    json: Json = False,
) -> None:
    """The newest messages; receivers are masked. Exit 1 when any of those shown is dead."""
    from ivr.desk.letters import outgoing

    if state not in STATES:
        fail(f"--state must be one of {', '.join(STATES)}, not {state}", 2)
    rows = with_database(load_settings(), lambda engine: outgoing.listed(engine, state, limit))
    show_rows(["id", "kind", "case", "to", "state", "attempts", "last_error"], rows, json)
    raise SystemExit(1 if any(row["state"] == "dead" for row in rows) else 0)


@app.command(epilog="Examples: ivr outbox retry   ·   ivr outbox retry 0b8e4a0c-… --json")
def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids from the list; none = all dead ones.")] = None,
    json: Json = False,
) -> None:
    """Dead messages begin anew."""
    from ivr.desk.letters import outgoing

    only = _read(ids or [])
    count = with_database(load_settings(), lambda engine: outgoing.retry(engine, datetime.now(UTC), only))
    if json:
        show_json({"retried": count})
    else:
        typer.echo(f"messages that begin anew: {count}")


@app.command(epilog="Example: ivr outbox done 0b8e4a0c-… --reason 'این شماره واگذار شده است'")
def done(
    ids: Annotated[list[str], typer.Argument(help="Ids from the list.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit.")] = "",
    json: Json = False,
) -> None:
    """Dead letters that can reach nobody are given up: they are sent no more, and missed no more.

    What becomes of events and of wishes to be called is not: see retry. Exit 1 when any of these is no dead
    letter.
    """
    from ivr.desk.letters import outgoing

    only = _read(ids)
    its = datetime.now(UTC), only, reason
    done = with_database(load_settings(), lambda engine: outgoing.give_up(engine, *its))
    if json:
        show_json({"given_up": len(done)})
    else:
        typer.echo(f"letters that are given up: {len(done)}")
    if left := ", ".join(str(each) for each in only if each not in done):
        fail(
            f"no dead letters, and not given up: {left}; an event or a call that was promised can only be "
            "tried again: ivr outbox retry"
        )


def _read(ids: list[str]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(each) for each in ids]
    except ValueError:
        fail("an id looks like 0b8e4a0c-1f2d-4c3b-9a8e-7d6c5b4a3f2e: ivr outbox list shows them", 2)
