"""`ivr menu`: check, show, publish, history."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from ivr.commands.output import Finding, load_settings, out, show_json, show_table, with_database
from ivr.settings import Settings
from ivr.voice.menu import Menu

app = typer.Typer(help="The menu trees: check, show, publish.", no_args_is_help=True)
DEFAULT = Path("dialplan/menus/111.yaml")
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]
File = Annotated[Path, typer.Argument(help="A menu tree in YAML.")]


def read(settings: Settings, path: Path) -> tuple[bytes, Menu]:
    """The file's bytes and the menu in it; a Finding or MenuMistakes says what is wrong."""
    from ivr import prompts
    from ivr.voice.parse import parse

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Finding(f"{path}: {error.strerror}") from None
    known = frozenset.intersection(*map(prompts.catalogue(settings).ids, settings.calls.languages))
    menu = parse(raw, str(path), languages=settings.calls.languages, prompts=known)
    return raw, menu


@app.command(epilog="Example: ivr menu check dialplan/menus/111.yaml")
def check(file: File = DEFAULT, json: Json = False) -> None:
    """Report every mistake with file, line, column, key and the nearest right name; exit 1 if any."""
    from ivr import prompts
    from ivr.desk.seeding import directory_from
    from ivr.voice.mistakes import MenuMistakes
    from ivr.voice.proof import prove, report, report_json

    settings = load_settings()
    try:
        _, menu = read(settings, file)
    except MenuMistakes as error:
        if json:
            show_json({"ok": False, "mistakes": [m.as_json() for m in error.mistakes]})
        else:
            for mistake in error.mistakes:
                print(mistake)
        raise SystemExit(1) from None
    proof = prove(menu, directory_from(settings.seed_path), prompts.lengths(settings))
    if json:
        show_json(report_json(menu, proof))
    else:
        print("\n".join(report(menu, proof)))
    raise SystemExit(1 if proof.mistakes else 0)


@app.command(epilog="Example: ivr menu publish dialplan/menus/111.yaml --note 'shorter welcome'")
def publish(
    file: File = DEFAULT,
    author: Annotated[str, typer.Option(help="Who publishes; the login name by default.")] = "",
) -> None:
    """Check a tree, store it as a revision and make it live for the next call."""
    from ivr.desk import menus
    from ivr.desk.seeding import directory_from
    from ivr.voice.proof import prove

    settings = load_settings()
    raw, menu = read(settings, file)
    proof = prove(menu, directory_from(settings.seed_path), None)
    if proof.mistakes:
        raise Finding("\n".join(str(m) for m in proof.mistakes))
    text = raw.decode("utf-8")
    revision = with_database(
        settings, lambda engine: menus.publish(engine, menu.name, text, author or getpass.getuser())
    )
    out.print(f"menu {revision.name}: revision {revision.number} is live", highlight=False)


@app.command(epilog="Example: ivr menu show 111 > 111.yaml")
def show(name: Annotated[str, typer.Argument(help="Which menu.")] = "111") -> None:
    """Print the live revision's YAML."""
    from ivr.desk import menus

    revision = with_database(load_settings(), lambda engine: menus.current(engine, name))
    if revision is None:
        raise Finding(f"menu {name} has never been published")
    print(revision.text, end="")


@app.command(epilog="Example: ivr menu history 111 --json")
def history(name: Annotated[str, typer.Argument(help="Which menu.")] = "111", json: Json = False) -> None:
    """The revisions of a menu, newest first."""
    from ivr.desk import menus

    revisions = with_database(load_settings(), lambda engine: menus.history(engine, name))
    rows = [
        {"name": r.name, "number": r.number, "at": r.at.isoformat(), "author": r.author, "sha256": r.sha256}
        for r in revisions
    ]
    if json:
        show_json(rows)
    else:
        show_table(["number", "at", "author", "sha256"], rows)
