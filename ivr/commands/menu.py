"""`ivr menu`: check, show, publish, history, schema, reference."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.output import load_settings, out, show_json, show_rows, with_database
from ivr.installation import CommandError
from ivr.settings import ROOT, Settings

if TYPE_CHECKING:
    from ivr.voice.menu import Menu
    from ivr.voice.proof import Proof

app = typer.Typer(help="The menu trees: check, show, publish.", no_args_is_help=True)
TREES = ROOT / "dialplan" / "menus"
DEFAULT = Path("dialplan/menus/111.yaml")
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]
File = Annotated[Path, typer.Argument(help="A menu tree in YAML.")]


def checked(settings: Settings, path: Path) -> tuple[bytes, Menu, Proof]:
    """The file's bytes, its menu and its proof. Finding or MenuMistakes says everything that is wrong."""
    from ivr import installation
    from ivr.desk.editing.seeding import directory_from
    from ivr.voice import proof

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
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


@app.command(epilog="Example: ivr menu schema > var/menu.schema.json")
def schema() -> None:
    """The form of a menu file as JSON Schema with this installation's names, for editors."""
    from ivr import installation
    from ivr.desk.editing.seeding import directory_from
    from ivr.voice.menu_schema import menu_schema

    settings = load_settings()
    directory, languages = directory_from(settings.seed_path), settings.calls.languages
    found = menu_schema(
        languages=languages,
        prompts=frozenset.intersection(*map(installation.catalogue(settings).ids, languages)),
        topics=[topic.code for topic in directory.topics],
        counties=[county.code for county in directory.counties],
    )
    show_json(found)


@app.command(epilog="Example: ivr menu reference")
def reference() -> None:
    """Write what the step types say of themselves into docs/menus.md, in a checkout."""
    from ivr.settings import ROOT
    from ivr.voice.menu_reference import with_reference

    path = ROOT / "docs" / "menus.md"
    path.write_text(with_reference(path.read_text(encoding="utf-8")), encoding="utf-8")
    out.print(f"{path} is as the steps say", highlight=False)


@app.command(epilog="Example: ivr menu check dialplan/menus/111.yaml")
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A menu tree in YAML; all that ship by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Report every mistake with file, line, column, key and the nearest right name; exit 1 if any."""
    settings = load_settings()
    files = [file] if file else sorted(TREES.glob("*.yaml"))
    sound = [_checked_aloud(settings, each, json) for each in files]
    raise SystemExit(0 if all(sound) else 1)


def _checked_aloud(settings: Settings, file: Path, json: bool) -> bool:
    from ivr.voice.mistakes import MenuMistakes
    from ivr.voice.report import report, report_json

    try:
        _, menu, proof = checked(settings, file)
    except MenuMistakes as error:
        if json:
            show_json({"ok": False, "mistakes": [m.as_json() for m in error.mistakes]})
        else:
            for mistake in error.mistakes:
                print(mistake)
        return False
    if json:
        show_json(report_json(menu, proof))
    else:
        print("\n".join(report(menu, proof)))
    return True


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
