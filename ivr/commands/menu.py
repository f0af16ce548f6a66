"""`ivr menu`: check, show, publish, history."""

from __future__ import annotations

import dataclasses
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.output import err, load_settings, out, show_json, show_rows, with_database, with_page
from ivr.installation import CommandError
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page
    from ivr.desk.reading.gaps import Unled
    from ivr.voice.menu import Menu
    from ivr.voice.proof import Proof

app = typer.Typer(help="The menu trees: check, show, publish.", no_args_is_help=True)
DEFAULT = Path("dialplan/menus/111.yaml")
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]
File = Annotated[Path, typer.Argument(help="A menu tree in YAML.")]


def checked(settings: Settings, path: Path) -> tuple[bytes, Menu, Proof]:
    """The file's bytes, its menu and its proof. Finding or MenuMistakes says everything that is wrong."""
    from ivr import installation
    from ivr.desk.editing.seeding import directory_from
    from ivr.voice import proof

    raw = read_menu(path)
    languages = settings.calls.languages
    menu, proved = proof.check(
        raw,
        str(path),
        directory_from(settings.seed_path),
        languages=languages,
        prompts=frozenset.intersection(*map(installation.catalogue(settings).ids, languages)),
        seconds_of=installation.lengths(settings),
    )
    return raw, menu, proved


def read_menu(path: Path) -> bytes:
    """No more of it than a menu may have, and what shows that it has more."""
    from ivr.voice.yaml_tree import LARGEST_FILE

    try:
        with path.open("rb") as file:
            raw, size = file.read(LARGEST_FILE + 1), path.stat().st_size
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    if len(raw) > LARGEST_FILE:
        raise CommandError(f"{path}: has {size:,} bytes; a menu has at most {LARGEST_FILE:,}")
    return raw


def unled(menu: Menu) -> list[Unled]:
    """What its callers can say and no body is responsible for. CommandError where the books can't be read."""
    from ivr.desk.reading.gaps import of_menu

    async def compared(_: AsyncEngine, page: Page) -> list[Unled]:
        return of_menu(page, menu)

    return with_page(compared)


@app.command(epilog="Example: ivr menu check dialplan/menus/111.yaml")
def check(file: File = DEFAULT, json: Json = False) -> None:
    """Report every mistake with file, line, column, key and the nearest right name; exit 1 if any."""
    from ivr.voice.mistakes import MenuMistakes
    from ivr.voice.report import report, report_json

    try:
        _, menu, proof = checked(load_settings(), file)
    except MenuMistakes as error:
        if json:
            show_json({"ok": False, "mistakes": [m.as_json() for m in error.mistakes]})
        else:
            for mistake in error.mistakes:
                print(mistake)
        raise SystemExit(1) from None
    gaps: list[Unled] | None
    try:
        gaps, why = unled(menu), ""
    except CommandError as error:
        gaps, why = None, str(error)
    if json:
        rows = None if gaps is None else [dataclasses.asdict(gap) for gap in gaps]
        show_json(report_json(menu, proof) | {"unled": rows})
        return
    print("\n".join(report(menu, proof)))
    if gaps is None:
        print(f"not compared with the books, whether somebody is responsible for every matter: {why}")
    elif not gaps:
        print("a body is responsible for every matter in every county")
    for gap in gaps or ():
        print(f"warning: {gap}")


@app.command(epilog="Example: ivr menu publish dialplan/menus/111.yaml --note 'shorter welcome'")
def publish(
    file: File = DEFAULT,
    author: Annotated[str, typer.Option(help="Who publishes; the login name by default.")] = "",
) -> None:
    """Check a tree, store it as a revision and make it live for the next call."""
    from ivr.desk.book import menus

    settings = load_settings()
    raw, menu, _ = checked(settings, file)
    text = raw.decode("utf-8")
    for gap in unled(menu):
        err.print(f"warning: {gap}", style="yellow", markup=False, highlight=False)
    revision = with_database(
        settings, lambda engine: menus.publish(engine, menu.name, text, author or getpass.getuser())
    )
    out.print(f"menu {revision.name}: revision {revision.number} is live", highlight=False)


@app.command(epilog="Example: ivr menu show 111 > 111.yaml")
def show(name: Annotated[str, typer.Argument(help="Which menu.")] = "111") -> None:
    """Print the live revision's YAML."""
    from ivr.desk.book import menus

    revision = with_database(load_settings(), lambda engine: menus.current(engine, name))
    if revision is None:
        raise CommandError(f"menu {name} has never been published")
    print(revision.text, end="")


@app.command(epilog="Example: ivr menu history 111 --json")
def history(name: Annotated[str, typer.Argument(help="Which menu.")] = "111", json: Json = False) -> None:
    """The revisions of a menu, newest first."""
    from ivr.desk.book import menus

    revisions = with_database(load_settings(), lambda engine: menus.history(engine, name))
    rows = [
        {"name": r.name, "number": r.number, "at": r.at.isoformat(), "author": r.author, "sha256": r.sha256}
        for r in revisions
    ]
    show_rows(["number", "at", "author", "sha256"], rows, json)
