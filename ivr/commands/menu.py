"""`ivr menu`: check, draw, publish, roll back, schema, reference; `ivr.commands.menu_telling` only tells."""

from __future__ import annotations

import dataclasses
import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ivr.commands.closure import day_named
from ivr.commands.output import err, fail, load_settings, out, show_json, with_database, with_page
from ivr.installation import CommandError
from ivr.settings import ROOT, Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page
    from ivr.desk.book.menus import OnTrial, Revision
    from ivr.desk.reading.gaps import Unled
    from ivr.desk.trees.drafts import TreeCheck
    from ivr.desk.trees.publishing import Planned
    from ivr.voice.bundling import TreeText
    from ivr.voice.directory import Directory
    from ivr.voice.menu import Menu
    from ivr.voice.proof import Proof

app = typer.Typer(help="The menu trees: check, publish, take back, compare.", no_args_is_help=True)
TREES = ROOT / "dialplan" / "menus"
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]
Author = Annotated[str, typer.Option(help="Who does it; the login name by default.")]
Reason = Annotated[str, typer.Option(help="Why; asked for at a terminal.")]
Name = Annotated[str, typer.Argument(help="Which menu; the hotline's own by default.")]
File = Annotated[Path | None, typer.Argument(help="A menu tree in YAML; the hotline's own by default.")]


def own_file(settings: Settings) -> Path:
    """Where the tree of the hotline's own number ships."""
    return TREES / f"{settings.calls.menu}.yaml"


def checked(prove: TreeCheck, path: Path) -> tuple[bytes, Menu, Proof]:
    """The text to be published, its menu, its proof. CommandError or MenuMistakes says what is wrong."""
    from ivr.voice.mistakes import MenuMistakes

    text = read(path)
    try:
        menu, proof = prove(text.data, text.file)
    except MenuMistakes as error:
        raise text.placed(error.mistakes) from None
    return text.data, menu, proof


def read(path: Path) -> TreeText:
    """With the fragments that it takes from files. CommandError; MenuMistakes of what is no YAML."""
    from ivr.desk.trees.tree_files import read_tree_file

    try:
        return read_tree_file(path)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def offered(settings: Settings) -> Directory:
    """What calls offer by the book, as the panel proves by it. CommandError where the book can't be read."""
    from ivr.desk.book.book import Book
    from ivr.installation import conventions, directory_of
    from ivr.loops.offered import Offered
    from ivr.speech.sound_book import SoundBook

    async def read(engine: AsyncEngine) -> Directory:
        sounds = SoundBook(settings.sounds, settings.calls.languages)
        found = Offered(Book(engine, conventions(settings)), directory_of(settings), sounds.path)
        await found.reread()
        return found.directory

    return with_database(settings, read)


def unled(menu: Menu) -> list[Unled]:
    """What its callers can say and no body is responsible for. CommandError where the books can't be read."""
    from ivr.desk.reading.gaps import of_menu

    async def compared(_: AsyncEngine, page: Page) -> list[Unled]:
        return of_menu(page, menu)

    return with_page(compared)


@app.command(epilog="Example: ivr menu schema > var/menu.schema.json")
def schema() -> None:
    """The form of a menu file as JSON Schema with this installation's names, for editors."""
    from ivr import installation
    from ivr.voice.menu_schema import menu_schema

    settings = load_settings()
    directory, languages = installation.directory_of(settings), settings.calls.languages
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
    from ivr.installation import tree_check

    settings, directory = load_settings(), None
    try:
        directory = offered(settings)
    except CommandError as error:
        if not json:
            print(f"proved by the topics and counties of the files, not by the book: {error}")
    prove = tree_check(settings, directory)
    found = [
        _examined(prove, each, aloud=not json) for each in ([file] if file else sorted(TREES.glob("*.yaml")))
    ]
    if json:
        show_json(found[0] if file else found)
    raise SystemExit(0 if all(each["ok"] for each in found) else 1)


def _examined(prove: TreeCheck, file: Path, aloud: bool) -> dict[str, Any]:
    """What is found of it, as JSON; `aloud`: printed as text, too."""
    from ivr.voice.mistakes import MenuMistakes
    from ivr.voice.report import report, report_json

    try:
        _, menu, proof = checked(prove, file)
    except MenuMistakes as error:
        for mistake in error.mistakes if aloud else ():
            print(mistake)
        return {"ok": False, "mistakes": [m.as_json() for m in error.mistakes]}
    gaps, why = None, ""
    try:
        gaps = unled(menu)
    except CommandError as error:
        why = str(error)
    if aloud:
        print("\n".join([*report(menu, proof), *_responsible(gaps, why)]))
    rows = None if gaps is None else [dataclasses.asdict(gap) for gap in gaps]
    return report_json(menu, proof) | {"unled": rows}


def _responsible(gaps: list[Unled] | None, why: str) -> list[str]:
    if gaps is None:
        return [f"not compared with the books, whether somebody is responsible for every matter: {why}"]
    return [f"warning: {gap}" for gap in gaps] or ["a body is responsible for every matter in every county"]


@app.command(epilog="Example: ivr menu draw dialplan/menus/111.yaml -o tree.svg")
def draw(
    file: File = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to; the terminal without it.")
    ] = None,
) -> None:
    """Draw a tree as SVG: its steps in Persian, its keys, and the seconds of each way."""
    from ivr import installation
    from ivr.voice.tree_drawing import draw as drawn
    from ivr.web.panel.menu_words import tree_words

    settings = load_settings()
    _, menu, _ = checked(installation.tree_check(settings), file or own_file(settings))
    words = tree_words(installation.catalogue(settings), menu.languages[0], menu.words)
    seconds = installation.lengths(settings)
    picture = drawn(menu, installation.directory_of(settings), words, seconds_of=seconds)
    if output is None:
        print(picture)
        return
    try:
        output.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{output}: {error.strerror}") from None


@app.command(
    epilog="Example: ivr menu publish 111.yaml --reason 'shorter' --share 0.1 --at '1405-09-10 07:00'"
)
def publish(
    file: File = None,
    author: Author = "",
    reason: Reason = "",
    share: Annotated[
        float | None,
        typer.Option(help="First for that share of the calls, such as 0.1; taken back if it is worse."),
    ] = None,
    at: Annotated[
        str, typer.Option(help="When, like 1405-09-10 07:00, in the province's time; now by default.")
    ] = "",
) -> None:
    """Check a tree, store it and put it on the air: now or at a time, for all calls or first for some."""
    from ivr.desk.trees import drafts
    from ivr.desk.trees.publishing import publish_draft
    from ivr.installation import tree_check

    settings, who = load_settings(), author or getpass.getuser()
    prove = tree_check(settings, offered(settings))
    raw, menu, _ = checked(prove, file or own_file(settings))  # its mistakes are told with the file's name
    for gap in unled(menu):
        err.print(f"warning: {gap}", style="yellow", markup=False, highlight=False)
    when, why = _moment(settings, at), reason or _asked_why()

    async def whole(engine: AsyncEngine) -> Revision | OnTrial | Planned:
        await _spoken(settings, menu)
        draft = await drafts.save_draft(engine, menu.name, raw.decode(), who, why)
        await drafts.check_draft(engine, menu.name, draft.number, who, prove)
        now = datetime.now(UTC)
        return await publish_draft(engine, menu.name, draft.number, who, why, now, at=when, share=share)

    out.print(_told(menu.name, with_database(settings, whole)), highlight=False)


async def _spoken(settings: Settings, menu: Menu) -> None:
    """Gives the tree's own words their sound. Raises CommandError where that fails."""
    from ivr.speech.sound_book import SoundBook
    from ivr.voice.own_words import all_own

    book = SoundBook(settings.sounds, settings.calls.languages, settings.sip.codecs)
    for id, language, own in all_own(menu.words):
        if await book.speak(own.text, language) is None:
            raise CommandError(f"the words of {id} in {language} can't be spoken, so nothing is published")


def _told(name: str, done: Revision | OnTrial | Planned) -> str:
    from ivr.desk.book.menus import OnTrial, Revision

    if isinstance(done, Revision):
        return f"menu {name}: revision {done.number} is live"
    if isinstance(done, OnTrial):
        return f"menu {name}: revision {done.revision.number} is tried on {100 * done.share:g} % of the calls"
    return f"menu {name}: draft {done.draft} goes on the air at {done.at.isoformat()}"


def _moment(settings: Settings, at: str) -> datetime | None:
    """Of either calendar; exit code 2 for what is none, or over: that would be on the air at once."""
    from ivr.desk.editing.values import hour_of

    if not at:
        return None
    day, _, hour = at.strip().replace("T", " ").partition(" ")
    try:
        clock = hour_of(hour or "00:00")
    except ValueError:
        fail(f"--at is a date and time like 1405-09-10 07:00 or 2026-12-01 07:00, not {at[:40]}", 2)
    when = datetime.combine(day_named(day), clock, clock.tzinfo or ZoneInfo(settings.province.timezone))
    if when <= datetime.now(UTC):
        fail(f"--at {at[:40]} is over: without --at it goes on the air now", 2)
    return when


def _asked_why() -> str:
    """Somebody at a terminal is asked; a script need not say."""
    return typer.prompt("Why", default="", show_default=False) if sys.stdin.isatty() else ""


@app.command("roll-back", epilog="Example: ivr menu roll-back --reason 'callers get lost'")
def roll_back(
    name: Name = "",
    to: Annotated[
        int | None, typer.Option(help="The revision to go back to; by default the one before.")
    ] = None,
    author: Author = "",
    reason: Reason = "",
) -> None:
    """End the trial that is under way; without one, put the text before the live one on the air again."""
    from ivr.desk.trees import publishing

    who, why, settings = author or getpass.getuser(), reason or _asked_why(), load_settings()
    which = name or settings.calls.menu
    now = with_database(settings, lambda engine: publishing.roll_back(engine, which, who, why, to))
    out.print(f"menu {which}: revision {now.revision.number} is live for all calls", highlight=False)
