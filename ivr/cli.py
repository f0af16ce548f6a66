"""The command line: `ivr …`. Exit 0 good, 1 a finding, 2 wrong usage; an error is one clear sentence."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from ivr.commands import (
    answering,  # noqa: F401  adds to `ivr case`
    backup,
    block,
    book,
    books,
    callback,
    caseflow,  # noqa: F401  adds to `ivr case`
    channels,
    closure,
    escalation,
    family,  # noqa: F401  adds to `ivr case`
    hearing_day,  # noqa: F401  adds to `ivr meeting`
    hotline_hour,  # noqa: F401  adds to `ivr meeting`
    keys,
    meeting,
    menu,
    menu_announcing,  # noqa: F401  adds to `ivr menu`
    menu_telling,
    outbox,
    registering,  # noqa: F401  adds to `ivr case`
    retention,
    route,
    sounds,
    spool,
    user,
    verify,
)
from ivr.commands.output import fail, in_sentences, load_settings, run, show_json, with_database

app = typer.Typer(
    help="Seda 111: the citizens' hotline beside Asterisk.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
database = typer.Typer(help="The database.", no_args_is_help=True)
dialplan = typer.Typer(help="Asterisk's side.", no_args_is_help=True)
app.add_typer(menu_telling.app, name="menu")
app.add_typer(books.cases, name="case")
app.add_typer(books.calls, name="call")
app.add_typer(sounds.app, name="sounds")
app.add_typer(route.app, name="route")
app.add_typer(spool.app, name="spool")
app.add_typer(escalation.app, name="escalation")
app.add_typer(closure.app, name="closure")
app.add_typer(channels.app, name="channel")
app.add_typer(meeting.app, name="meeting")
app.add_typer(outbox.app, name="outbox")
app.add_typer(callback.app, name="callback")
app.add_typer(block.app, name="block")
app.add_typer(book.app, name="book")
app.add_typer(user.app, name="user")
app.add_typer(keys.app, name="keys")
app.command(epilog=verify.EXAMPLES)(verify.verify)
app.command(epilog=retention.EXAMPLES)(retention.retention)
app.add_typer(retention.hold, name="hold")
app.command(epilog=backup.BACKUP_EXAMPLES)(backup.backup)
app.command(epilog=backup.RESTORE_EXAMPLES)(backup.restore)
app.add_typer(database, name="db")
app.add_typer(dialplan, name="dialplan")
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]


@app.command(epilog="Examples: ivr serve   ·   ivr serve --take-over (a deploy)   ·   ivr serve --role calls")
def serve(
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Once ready, tell those that serve already to drain.")
    ] = False,
    when_ready: Annotated[
        bool, typer.Option("--when-ready", help="Answer only once database, Asterisk and prompts are well.")
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, max=32, help="Processes that carry calls; not with --role.")
    ] = 1,
    role: Annotated[
        list[str], typer.Option(help="calls, panel, work, or all: only this, in one process; repeatable.")
    ] = [],  # noqa: B006  typer's way
) -> None:
    """Run the hotline until SIGTERM or Ctrl-C, each role in a process of its own; live calls are finished.

    Without --role: those of `serve.roles`, kept by a small parent, which starts again who dies.
    """
    gc.disable()  # what is imported is no garbage: to look for some there takes a fifth of the start
    from ivr.app import serve as serve_forever
    from ivr.commands import workers as many
    from ivr.settings import DUTIES

    gc.enable()
    settings = load_settings()
    if not role and not settings.serve.together:
        raise SystemExit(many.serve(settings, workers, take_over, when_ready))
    if workers > 1:
        fail("--workers is for processes that a parent keeps, not with --role or serve.together", 2)
    duties = DUTIES if "all" in role else tuple(duty for duty in DUTIES if duty in role)
    if unknown := set(role) - {*DUTIES, "all"}:
        fail(f"--role is calls, panel, work or all, not {', '.join(sorted(unknown))}", 2)
    serve_forever(settings, duties or settings.serve.roles, take_over, when_ready)


@app.command("demo-call", epilog="Example: ivr demo-call --json")
def demo_call(json: Json = False) -> None:
    """Place one call through the running Asterisk and print the case that came of it."""
    from ivr.lab.demo import demo_case

    settings = load_settings()
    case = with_database(settings, lambda engine: demo_case(engine, settings))
    books.locate(settings, [case])
    books.mask_numbers([case])
    if json:
        show_json(case)
    else:
        books.print_case(case)


@app.command(epilog="Examples: ivr simulate   ·   ivr simulate --keys '1,1,1,1,01,say:آب قطع است,1' --json")
def simulate(
    keys: Annotated[
        str, typer.Option(help="Answers in order: digits, #, *, - (silence), say:TEXT, r:SECONDS, hangup.")
    ] = "",
    file: Annotated[Path | None, typer.Option(help="The menu tree; the hotline's own by default.")] = None,
    caller: Annotated[str, typer.Option(help="The caller's number.")] = "",
    call: Annotated[str, typer.Option(help="The call's id: it decides at `share` steps.")] = "",
    json: Json = False,
) -> None:
    """Walk a menu in the terminal, without Asterisk or database."""
    from ivr.commands.simulate import simulate as walk

    settings = load_settings()
    walk(settings, file or menu.own_file(settings), keys, caller, call, json)


@app.command(epilog="Example: ivr doctor --json")
def doctor(json: Json = False) -> None:
    """Say what is missing or misconfigured and how to mend it; exit 1 if anything is."""
    from ivr.commands.doctor import examine

    findings = run(examine(load_settings()))
    if json:
        show_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            print(f"{'ok ' if finding.ok else 'BAD'} {finding.name}: {finding.found}")
            if not finding.ok:
                print(f"    mend: {finding.mend}")
    raise SystemExit(0 if all(finding.ok for finding in findings) else 1)


@database.command(epilog="Example: ivr db upgrade")
def upgrade() -> None:
    """Bring the schema up to date, then load the province's seeds and a first menu. Re-runnable."""
    from ivr.commands.progress import bars
    from ivr.desk.book import menus
    from ivr.desk.editing.seeding import seed
    from ivr.installation import CommandError, owner_url, service_role, tree_check
    from ivr.store.grants import NoSuchRole
    from ivr.store.schema import NewerSchema, missing
    from ivr.store.schema import upgrade as migrate

    settings = load_settings()
    try:
        owner, service = owner_url(settings), service_role(settings)
        many = with_database(settings, missing, as_owner=True)
        with bars({"migrations": many} if many else {}) as done:
            step = partial(done, "migrations")
            with_database(settings, lambda _: migrate(owner, service, step), as_owner=True)  # its own engine
    except (NewerSchema, NoSuchRole) as error:
        raise CommandError(str(error)) from None
    for kept in with_database(settings, lambda engine: seed(engine, settings.seed_path)):
        print(f"kept: {kept}")
    for name in dict.fromkeys(settings.calls.trees.values()):
        if with_database(settings, partial(menus.current, name=name)) is None:
            raw, _, _ = menu.checked(tree_check(settings), menu.TREES / f"{name}.yaml")
            first = partial(menus.publish, name=name, text=raw.decode(), author="نخستین راه‌اندازی")
            with_database(settings, first)
    print("database: schema and seeds are up to date")


@dialplan.command(epilog="Example: ivr dialplan render production --out /tmp/seda111")
def render(
    kind: Annotated[str, typer.Argument(help="lab: a whole configuration; production: include files.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into; asterisk/etc in IVR_STATE by default.")
    ] = None,
) -> None:
    """Write Asterisk's configuration from the templates in dialplan/."""
    from ivr.asterisk.dialplan import render as write
    from ivr.installation import CommandError, load_secrets

    if kind not in ("lab", "production"):
        fail(f"render what? lab or production, not {kind}", 2)
    settings = load_settings()
    secrets, folder = load_secrets(settings), out or settings.state_path / "asterisk/etc"
    try:
        written = write("lab" if kind == "lab" else "production", settings, secrets, folder)
    except OSError as error:
        raise CommandError(f"{error.filename or folder} can't be written: {error.strerror}") from error
    for path in written:
        print(path)


@cache
def command() -> Callable[[], object]:
    """All of `ivr`; to put it together takes a sixth of a second."""
    return get_command(app)


def main() -> None:
    """All of it, in sentences; `ivr.__main__` begins here."""
    in_sentences(command())


if __name__ == "__main__":
    main()
