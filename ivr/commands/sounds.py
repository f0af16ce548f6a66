"""`ivr sounds`: build and check the prompts."""

from __future__ import annotations

import dataclasses
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.output import err, load_settings, show_json, show_table, with_database
from ivr.commands.progress import lines
from ivr.installation import CommandError
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

app = typer.Typer(help="The spoken prompts.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")]


@app.command(epilog="Example: ivr sounds build --jobs 4")
def build(
    jobs: Annotated[int, typer.Option(min=1, help="Utterances at once.")] = os.cpu_count() or 2,
    json: Json = False,
) -> None:
    """Speak every prompt that is new or changed; a recording in sounds/recorded/<language>/ wins."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ivr import installation
    from ivr.speech.build import build as build_all

    settings = load_settings()
    columns = (TextColumn("prompts"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        bar = progress.add_task("prompts", total=None)

        tell = lines(lambda line: err.print(f"prompts: {line}", markup=False, highlight=False))

        def advance(done: int, total: int, _: str) -> None:
            progress.update(bar, completed=done, total=total)
            if not err.is_terminal:  # as under `make run`
                tell(done, total)

        built = build_all(
            installation.catalogue(settings),
            settings.calls.languages,
            settings.sounds,
            installation.recorded(settings),
            jobs=jobs,
            progress=advance,
            codecs=settings.sip.codecs,
        )
    if json:
        show_json(dataclasses.asdict(built))
    else:
        print(f"prompts: {built.made} made, {built.kept} unchanged, {built.recorded} recorded by people")
        if built.prepared:
            print(f"         {built.prepared} more put into {', '.join(settings.sip.codecs)} anew")
    _tell_of_other_words(settings)
    for failure in built.failed:
        if failure.spoken:
            err.print(str(failure), style="yellow", markup=False)
    if dumb := [failure for failure in built.failed if not failure.spoken]:
        raise CommandError("could not be spoken: " + "; ".join(map(str, dumb)))


def _tell_of_other_words(settings: Settings) -> None:
    """No fault of an update, so nothing fails for it: somebody hears it and records it anew, or does not."""
    from ivr import installation
    from ivr.speech.build import of_other_words

    told = (settings.calls.languages, settings.sounds, installation.recorded(settings))
    for key in of_other_words(installation.catalogue(settings), *told):
        language, _, id = key.partition("/")
        err.print(f"{language}: {id} was recorded for other words", style="yellow", markup=False)


def _tell_of_what_is_not_offered(settings: Settings) -> None:
    """What people added to the book and has no audio is no fault of a prompt's: no call reaches it."""
    from ivr.desk.book.book import Book
    from ivr.installation import conventions, directory_of
    from ivr.loops.offered import Offered
    from ivr.speech.check import missing

    async def added(engine: AsyncEngine) -> frozenset[str]:
        found = Offered(Book(engine, conventions(settings)), directory_of(settings), lambda id, _: id)
        await found.reread()
        return found.added

    with suppress(CommandError):  # where the book can't be read, as before there is any
        for gap in missing(with_database(settings, added), settings.calls.languages, settings.sounds):
            told = f"{gap.language}: {gap.id}, which people added, has no audio, so no caller is told of it"
            err.print(told, style="yellow", markup=False)


@app.command("list", epilog="Example: ivr sounds list --missing --json")
def sounds_list(
    missing: Annotated[bool, typer.Option("--missing", help="Only those that calls need and lack.")] = False,
    json: Json = False,
) -> None:
    """Every prompt in every language: whose voice it is, how long, how loud."""
    from ivr import installation

    settings = load_settings()
    booth = installation.booth(settings)
    found = booth.seen(installation.needed(settings, lenient=True))
    chosen = [one for one in found if one.needed and not one.source] if missing else found
    rows = [dataclasses.asdict(booth.measured(one)) for one in chosen]
    if json:
        show_json(rows)
    else:
        lines = [row | {"seconds": f"{row['seconds']:.1f}"} for row in rows]
        show_table(["language", "id", "source", "needed", "seconds", "text"], lines)
        for row in rows:
            if row["unfit"]:
                err.print(f"{row['unfit']}; it is not heard", style="yellow", markup=False)


@app.command(epilog="Example: ivr sounds check --json")
def check(json: Json = False) -> None:
    """Prove that every prompt any menu can reach has audio in every language, ready in the channels' codecs,
    and that every recording can be heard; exit 1 if not."""
    from ivr import installation
    from ivr.speech.check import missing, not_ready, strays
    from ivr.speech.recorded import unfit

    settings = load_settings()
    needed, languages = installation.needed(settings), settings.calls.languages
    gaps = missing(needed, languages, settings.sounds)
    waiting = not_ready(needed, languages, settings.sounds, settings.sip.codecs)
    for path in strays(installation.catalogue(settings), installation.RECORDED):
        err.print(f"{path}: no prompt has this name, so nobody hears it", style="yellow", markup=False)
    _tell_of_other_words(settings)
    _tell_of_what_is_not_offered(settings)
    bad = list(
        unfit(installation.catalogue(settings), settings.calls.languages, installation.recorded(settings))
    )
    if json:
        show_json(
            [{"language": gap.language, "id": gap.id, "why": ""} for gap in gaps]
            + [{"language": each.language, "id": each.id, "why": each.why} for each in bad]
            + [
                {"language": one.language, "id": one.id, "why": f"not ready as {one.codec}"}
                for one in waiting
            ]
        )
    else:
        for gap in gaps:
            print(f"{gap.language}: {gap.id} has no audio")
        for each in bad:
            print(f"{each.language}: {each.why}; the synthesiser speaks {each.id} instead")
        for one in waiting:
            print(f"{one}: Asterisk encodes it for each caller; run `ivr sounds build`")
        if not gaps:
            print("every prompt has audio in every language")
    raise SystemExit(1 if gaps or bad or waiting else 0)
