"""`ivr channel`: other systems that may send cases by the API (docs/api.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ivr.commands.output import fail, load_settings, show_json, show_table, with_database

app = typer.Typer(help="Other systems that may send cases by the API.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The channel's name, like city_app.")]
By = Annotated[str, typer.Option(help="Who does it.")]
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]


@app.command(
    epilog="Examples: ivr channel add city_app --per-minute 120 --note 'the municipality'   ·   "
    "ivr channel add automation --right orders --webhook https://oa.example.ir/111"
)
def add(
    name: Name,
    per_minute: Annotated[int, typer.Option(min=1, max=100_000, help="Requests a minute.")] = 60,
    note: Annotated[str, typer.Option(help="Whose it is.")] = "",
    right: Annotated[
        list[str],
        typer.Option(help="cases, orders, or names (of those whom orders are about); several times."),
    ] = ["cases"],  # noqa: B006  typer's
    agency: Annotated[str, typer.Option(help="Only the orders of this agency.")] = "",
    webhook: Annotated[str, typer.Option(help="The address that gets news of orders.")] = "",
    json: Json = False,
) -> None:
    """Make a channel and print its token, once: only its hash is kept."""
    from ivr.desk.counter import channels

    now = datetime.now(UTC)
    its: dict[str, Any] = {"per_minute": per_minute, "note": note, "rights": right}
    its |= {"agency": agency, "webhook": webhook}
    token = with_database(load_settings(), lambda engine: channels.add(engine, name, now, **its))
    _show(name, token, json)


@app.command(epilog="Example: ivr channel renew city_app")
def renew(name: Name, json: Json = False) -> None:
    """Print another token; the old one is worth nothing from now on."""
    from ivr.desk.counter import channels

    _show(name, with_database(load_settings(), lambda engine: channels.renew(engine, name)), json)


@app.command("list", epilog="Example: ivr channel list --json")
def list_(json: Json = False) -> None:
    """The channels, those in force first."""
    from ivr.desk.counter import channels

    rows = with_database(load_settings(), channels.listed)
    if json:
        show_json(rows)
    else:
        for row in rows:
            row["rights"] = " ".join(row["rights"])
        show_table(["name", "rights", "agency", "per_minute", "cases", "made_at", "revoked_at", "note"], rows)


@app.command(
    epilog="Example: ivr channel change automation --right orders --right names --reason 'تفاهم‌نامهٔ تازه'"
)
def change(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; it stays on record with what was before.")],
    right: Annotated[
        list[str], typer.Option(help="All that it may from now on: cases, orders, names; several times.")
    ] = [],  # noqa: B006  typer's
    agency: Annotated[str | None, typer.Option(help="Only the orders of this agency; '' for all.")] = None,
    webhook: Annotated[str | None, typer.Option(help="Where news of orders go; '' for nowhere.")] = None,
    by: By = "admin",
) -> None:
    """Change what a channel may do, from its next request on; what is not named stays."""
    from ivr.desk.counter import channels

    given = (right or None, agency, webhook, by, reason)
    now = datetime.now(UTC)
    with_database(load_settings(), lambda engine: channels.change(engine, name, now, *given))
    typer.echo(f"channel {name}: changed")


@app.command(epilog="Example: ivr channel revoke city_app --reason 'پایان تفاهم‌نامه'")
def revoke(
    name: Name,
    by: By = "admin",
    reason: Annotated[str, typer.Option(help="Why; it stays on record.")] = "",
) -> None:
    """End a channel; the cases that it sent go on."""
    from ivr.desk.counter import channels

    now = datetime.now(UTC)
    with_database(load_settings(), lambda engine: channels.revoke(engine, name, now, by, reason))
    typer.echo(f"channel {name}: revoked")


@app.command(epilog="Example: ivr channel key https://oa.example.ir/111")
def key(
    address: Annotated[str, typer.Argument(help="A webhook's, letter for letter as it is configured.")],
) -> None:
    """Print the key under which what is posted to that address is signed, for who receives there alone."""
    from ivr.notify.webhook import own_key

    if not (secret := load_settings().notify.webhook_secret):
        fail("notify.webhook_secret is empty, and unsigned nothing is sent")
    typer.echo(own_key(secret.encode(), address))


def _show(name: str, token: str, json: bool) -> None:
    if json:
        show_json({"name": name, "token": token})
    else:
        typer.echo(token)
