"""`ivr user`: who may sign in to the panel (docs/panel.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ivr.cases.roles import Role
from ivr.commands.output import load_settings, show_json, show_table, with_database

app = typer.Typer(help="Who may sign in to the panel.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The name that is typed to sign in.")]
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for the password instead of making one by chance.")]


@app.command(epilog="Example: ivr user add karimi --name 'مریم کریمی' --role officer --agency abfa")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What they are.")],
    full_name: Annotated[
        str, typer.Option("--name", help="As others see it; the sign-in name if left out.")
    ] = "",
    agency: Annotated[str, typer.Option(help="Whose officer or head they are.")] = "",
    area: Annotated[
        list[str] | None, typer.Option(help="A county they see; again for more; all if none.")
    ] = None,
    email: Annotated[str, typer.Option(help="Where they are told what others do to their account.")] = "",
    ask: Ask = False,
    first: Annotated[bool, typer.Option(help="Only when there is nobody yet; else say nothing.")] = False,
    json: Json = False,
) -> None:
    """Make someone and print their first password, once: only its hash is kept."""
    from ivr.desk.people import people

    password = _password(ask)
    wanted = people.NewPerson(name, full_name or name, role, agency, tuple(area or ()), email=email)
    now = datetime.now(UTC)
    made = with_database(
        load_settings(), lambda engine: people.add(engine, wanted, password, now, only_first=first)
    )
    if made is not None:
        _show(name, "" if ask else password, json)


@app.command(epilog="Example: ivr user change karimi --role head --agency abfa")
def change(
    name: Name,
    role: Annotated[Role | None, typer.Option(help="What they are from now on.")] = None,
    full_name: Annotated[str | None, typer.Option("--name", help="As others see it.")] = None,
    agency: Annotated[str | None, typer.Option(help='Whose officer or head; "" = of none.')] = None,
    area: Annotated[list[str] | None, typer.Option(help="A county they see, in place of all others.")] = None,
    email: Annotated[str | None, typer.Option(help='Where they are told; "" = nowhere.')] = None,
) -> None:
    """Change someone, also what takes two admins in the panel; they are told, and signed out everywhere."""
    from ivr.desk.people import staffing

    given = {"role": role, "full_name": full_name, "agency": agency, "email": email}
    wanted = {key: value for key, value in given.items() if value is not None}
    now = datetime.now(UTC)
    with_database(
        load_settings(), lambda engine: staffing.reassign_some(engine, name, wanted, tuple(area or ()), now)
    )
    typer.echo(f"{name}: changed")


@app.command(epilog="Example: ivr user trust karimi")
def trust(
    name: Name, no: Annotated[bool, typer.Option("--no", help="They are none of them any more.")] = False
) -> None:
    """Mark someone as one of the few who open, two together, what is sealed; they are told."""
    from ivr.desk.people import staffing

    now = datetime.now(UTC)
    with_database(
        load_settings(), lambda engine: staffing.reassign_some(engine, name, {"trusted": not no}, (), now)
    )
    typer.echo(f"{name}: {'no longer trusted' if no else 'trusted'} with the seal")


@app.command("list", epilog="Example: ivr user list --json")
def list_(json: Json = False) -> None:
    """Everybody who may sign in, or might."""
    from ivr.desk.people import people

    rows = with_database(load_settings(), people.listed)
    if json:
        show_json(rows)
        return
    columns = ["name", "role", "agency", "areas", "locked", "second_factor", "trusted", "signed_in_at"]
    columns += ["full_name"]
    show_table(columns, [row | {"areas": " ".join(row["areas"])} for row in rows])


@app.command(epilog="Example: ivr user password karimi")
def password(name: Name, ask: Ask = False, json: Json = False) -> None:
    """Give someone a new password, which they must change; they are signed out everywhere."""
    from ivr.desk.people import people

    new = _password(ask)
    with_database(load_settings(), lambda engine: people.set_password(engine, name, new, datetime.now(UTC)))
    _show(name, "" if ask else new, json)


@app.command(epilog="Example: ivr user lock karimi")
def lock(name: Name) -> None:
    """Sign someone out everywhere; they can't sign in any more."""
    from ivr.desk.people import people

    with_database(load_settings(), lambda engine: people.lock(engine, name, datetime.now(UTC)))
    typer.echo(f"{name}: locked")


@app.command(epilog="Example: ivr user unlock karimi")
def unlock(name: Name) -> None:
    """Let someone sign in again, also after too many wrong passwords."""
    from ivr.desk.people import people

    with_database(load_settings(), lambda engine: people.unlock(engine, name, datetime.now(UTC)))
    typer.echo(f"{name}: may sign in")


@app.command("totp-reset", epilog="Example: ivr user totp-reset karimi")
def totp_reset(name: Name) -> None:
    """Take away a lost second factor; they are signed out everywhere and set up another one."""
    from ivr.desk.people import people

    with_database(load_settings(), lambda engine: people.reset_totp(engine, name, datetime.now(UTC)))
    typer.echo(f"{name}: signs in with the password alone until a new second factor is set up")


@app.command("seal-factors", epilog="Example: ivr user seal-factors --new-key")
def seal_factors(
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Under a new key; the ones before are forgotten.")
    ] = False,
) -> None:
    """Seal the seeds of all second factors with the newest key, beside the running server."""
    from ivr.desk.people import resealing
    from ivr.installation import CommandError, factor_keys
    from ivr.store import key_file

    settings = load_settings()
    keys = factor_keys(settings, make=False)
    # Whom the database refuses makes no key: nothing would be sealed with it.
    with_database(settings, lambda engine: resealing.look(engine, keys))
    keys = factor_keys(settings)
    assert keys.path is not None
    if new_key:
        key_file.add(keys.path)
    done = with_database(settings, lambda engine: resealing.reseal(engine, keys))
    seeds = with_database(settings, lambda engine: resealing.look(engine, keys))
    if new_key and not seeds.others:
        key_file.keep_newest(keys.path)
    typer.echo(
        f"{done} sealed anew, {seeds.sealed} in all; key: {keys.path} (in no backup: keep a copy apart)"
    )
    if seeds.lost:
        raise CommandError(f"no key there opens those of {', '.join(seeds.lost)}: ivr user totp-reset NAME")


def _password(ask: bool) -> str:
    from ivr.desk.people import passwords

    return (
        typer.prompt("password", hide_input=True, confirmation_prompt=True) if ask else passwords.by_chance()
    )


def _show(name: str, password: str, json: bool) -> None:
    if json:
        show_json({"name": name, "password": password or None})
    else:
        typer.echo(f"{name} {password}" if password else f"{name}: done")
