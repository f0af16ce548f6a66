"""`ivr spool`: what is on this machine and not in the books yet, and bringing it there now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ivr.commands.output import fail, load_settings, run, show_json, show_table, with_database
from ivr.installation import CommandError, fact_term
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

app = typer.Typer(help="What is not in the books yet.", no_args_is_help=True)
UNREAD = "its disk does not show all of it: see dmesg, and ivr doctor (damage)"
LOST = "what its disk lost for good: move it away, the words of its call are a file of their own"
IN_PROGRESS = "its call goes on, or has just ended"
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of a table.")]


@dataclass(frozen=True, slots=True)
class Pending:
    """`where`: journal, quarantine, fallback or recordings; `since` an ISO time in UTC."""

    where: str
    name: str
    count: int
    since: str
    why: str


@app.command("list", epilog="Example: ivr spool list --json")
def spool_list(json: Json = False) -> None:
    """What waits in the journal, in quarantine, in the dialplan's folder, and recordings in no row."""
    settings = load_settings()
    rows, trouble = [*on_disk(settings)], ""
    try:
        rows += with_database(settings, lambda engine: stray_recordings(settings, engine))
    except CommandError as error:
        trouble = f"which recordings have no row can't be said: {error}"
    if json:
        show_json([asdict(row) for row in rows])
    else:
        show_table([column.name for column in fields(Pending)], [asdict(row) for row in rows])
    if trouble:
        fail(trouble)


@app.command(epilog="Example: ivr spool retry")
def retry(
    json: Json = False,
    unnamed: Annotated[
        bool,
        typer.Option("--unnamed", help="With agi.others: also recordings that no journal here names."),
    ] = False,
) -> None:
    """Bring into the books what can be now, whether `ivr serve` runs or not. Harmless at any time.

    What Asterisk died over, of the dialplan's, is left to `ivr serve`, which watches it for three minutes.

    --unnamed only after every machine's own retry: another one's journal may still tell whose they are.
    """
    settings = load_settings()
    done = with_database(settings, lambda engine: take_all(settings, engine, unnamed))
    if json:
        show_json(done)
    else:
        typer.echo(
            f"new cases: {done['cases']}, added to their cases: {done['added']}, "
            f"without a word: {done['empty']}, from the dialplan: {done['fallback']}, "
            f"put aside before: {done['again']}, "
            f"still waiting: {len(done['waiting'])}"
            + (f", of the dialplan's: {len(done['left'])} (ivr spool list)" if done["left"] else "")
        )
    if done["damaged"]:
        fail(f"put aside before, and its disk refuses: {'; '.join(done['damaged'])} (see dmesg; {LOST})")


@app.command(epilog="Examples: ivr spool inspect 2026/11/25/3f…   ·   ivr spool inspect CALL-ID --json")
def inspect(
    what: Annotated[str, typer.Argument(help="A recording's name, a call's or case's id, or a code.")],
    json: Json = False,
) -> None:
    """All that is known of one recording, call, case or code: journal lines, file, rows, and why it waits."""
    from ivr.commands.inspecting import known, print_known

    settings, trouble = load_settings(), ""
    try:
        found = with_database(settings, lambda engine: known(settings, what, engine))
    except CommandError as error:
        found, trouble = run(known(settings, what, None)), f"the books can't be read: {error}"
    if json:
        show_json(found)
    else:
        print_known(found)
    if trouble:
        fail(trouble)
    if not found["found"]:
        fail(f"nothing on this machine or in the books is called {what}")


def on_disk(settings: Settings) -> Iterator[Pending]:
    """What waits, as far as it shows without the database."""
    from ivr.desk.facts.fallback import fallbacks, nameless
    from ivr.store import slots
    from ivr.store.journal import journal_reading

    unread: list[Path] = []
    for journal in slots.journals(settings.spool):
        yield from _in_journal(journal)
        for path in journal_reading.put_aside(journal, lambda place, error: unread.append(place)):
            yield Pending("quarantine", path.stem, 1, _grown(path), _why(path))
    yield from (Pending("quarantine", str(place), 1, "", UNREAD) for place in unread)
    hidden: list[Path] = []
    for path in fallbacks(settings.state_path / "fallback", hidden):
        yield Pending("fallback", nameless(path), 1, _grown(path), "recorded by the dialplan alone")
    for place in hidden:
        yield Pending("fallback", str(place), 1, "", UNREAD)


def _in_journal(journal: Path) -> Iterator[Pending]:
    from ivr.store.facts import Unreadable, happened_at
    from ivr.store.journal import journal_reading

    kinds: Counter[str] = Counter()
    first: dict[str, str] = {}
    try:
        for fact in journal_reading.waiting(journal):
            if isinstance(fact, Unreadable):
                yield Pending("journal", "unreadable", 1, "", f"in {journal}, will be put aside: {fact.why}")
                continue
            kinds[fact.TYPE] += 1
            first.setdefault(fact.TYPE, happened_at(fact).astimezone(UTC).isoformat())
    except OSError as error:
        yield Pending("journal", str(journal), 1, "", f"{UNREAD}: {error}")
    for kind, count in kinds.items():
        yield Pending("journal", kind, count, first[kind], f"in {journal}, not in the database yet")


async def stray_recordings(settings: Settings, engine: AsyncEngine) -> list[Pending]:
    """Recordings in no row. Those of a server that runs may belong to calls in progress."""
    from ivr.desk.facts.strays import strays

    look = await strays(_shelf(settings, engine))
    named = _named_by_the_living(settings.spool)
    why = {True: IN_PROGRESS, False: "nothing accounts for it"}
    return [
        Pending("recordings", stray.name, 1, _moment(stray.grown_at), why[stray.name in named])
        for stray in look.strays
    ] + [Pending("recordings", folder, 1, "", UNREAD) for folder in look.unread]


async def take_all(settings: Settings, engine: AsyncEngine, unnamed: bool = False) -> dict[str, Any]:
    """One pass over everything. Beside a running server only what is not its own."""
    from ivr.desk.facts.adopting import adopt_left
    from ivr.desk.facts.fallback import fallbacks, nameless
    from ivr.desk.facts.quarantine import try_again
    from ivr.desk.facts.reconcile import reconcile
    from ivr.desk.facts.strays import START_LOOK_BACK_SECONDS
    from ivr.store import slots
    from ivr.store.journal import journal_reading

    shelf, fallback = _shelf(settings, engine), 0
    await shelf.book.page()  # a database that is away is told at once
    if all(journal_reading.run_began(journal) is None for journal in slots.journals(settings.spool)):
        fallback = await _take_in(settings, engine)
    await adopt_left(engine, shelf.book, settings.spool, fact_term(settings))
    damaged: list[str] = []

    def refused(path: Path, error: OSError) -> None:
        damaged.append(f"{path}: {error.strerror}")

    again = await try_again(engine, await shelf.book.page(), settings.spool, refused)
    shelf = replace(shelf, alone=shelf.alone or unnamed)
    done = await reconcile(shelf, look_back=START_LOOK_BACK_SECONDS)
    left = [nameless(path) for path in fallbacks(settings.state_path / "fallback", [])]
    return {**asdict(done), "fallback": fallback, "left": left, "again": again, "damaged": damaged}


async def _take_in(settings: Settings, engine: AsyncEngine) -> int:
    """What `ivr serve` would do at its start. How many recordings of the dialplan's were taken in."""
    from ivr.desk.call.intake import Intake
    from ivr.desk.case.codes import CodeBlock
    from ivr.desk.facts.adopting import empty
    from ivr.desk.facts.apply import Pump
    from ivr.desk.facts.fallback import take_in
    from ivr.store import slots
    from ivr.store.journal import JournalError

    book = _shelf(settings, engine).book
    try:
        journal = slots.take(settings.spool, term=fact_term(settings))
    except JournalError as error:
        raise CommandError(str(error)) from error
    try:
        intake = Intake(journal, CodeBlock(journal.folder.parent / "codes"), book)
        taken = await take_in(intake, settings.state_path / "fallback", settings.recordings)
        await empty(Pump(engine, journal, book, linger=0))
    except JournalError as error:
        raise CommandError(str(error)) from error
    finally:
        await journal.close()
    return taken


def _shelf(settings: Settings, engine: AsyncEngine) -> Any:
    from ivr.desk.book.book import Book
    from ivr.desk.facts.strays import Shelf
    from ivr.installation import conventions

    book = Book(engine, conventions(settings))
    alone, fallback = not settings.agi.others, settings.state_path / "fallback"
    return Shelf(engine, book, settings.recordings, settings.spool, alone, fallback)


def _named_by_the_living(spool: Path) -> set[str]:
    """The recordings of running servers since their start: their own to look after."""
    from ivr.store import slots
    from ivr.store.journal import journal_reading

    found = set[str]()
    for journal in slots.journals(spool):
        with suppress(OSError):  # `on_disk` tells of it
            if (began := journal_reading.run_began(journal)) is not None:
                found |= journal_reading.names_since(journal, began)
    return found


def _why(report: Path) -> str:
    try:
        return report.read_text(encoding="utf-8", errors="backslashreplace").strip()
    except OSError as error:
        return f"why can't be read: {error.strerror}; the fact beside it is tried again all the same"


def _grown(path: Path) -> str:
    """Nothing where its disk does not say."""
    try:
        return _moment(path.stat().st_mtime)
    except OSError:
        return ""


def _moment(seconds: float) -> str:
    """Nothing for what is no time of ours: a damaged file may be of the year 10000."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return ""
