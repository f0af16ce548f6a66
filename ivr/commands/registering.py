"""`ivr case open`: what the service desk registers for a citizen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ivr.commands.books import Json, cases, locate, mask_numbers, print_case
from ivr.commands.output import load_settings, show_json, with_page
from ivr.installation import CommandError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page
    from ivr.desk.case.registering import Wanted


@cases.command(
    "open",
    epilog="Example: ivr case open complaint --words 'آب نداریم' --county ahar --caller 09141234567",
)
def open_(
    kind: Annotated[str, typer.Argument(help="complaint, criticism, suggestion, request or meeting.")],
    words: Annotated[str, typer.Option(help="What the citizen wants, in her words.")] = "",
    topic: Annotated[str, typer.Option(help="A topic's code; without one the words decide.")] = "",
    county: Annotated[str, typer.Option(help="A county's code.")] = "",
    caller: Annotated[str, typer.Option(help="Her telephone number.")] = "",
    name: Annotated[str, typer.Option(help="Her name.")] = "",
    callback: Annotated[str, typer.Option(help="Where to call her back, if elsewhere.")] = "",
    national_id: Annotated[str, typer.Option(help="Her national ID.")] = "",
    language: Annotated[str, typer.Option(help="The language she hears.")] = "fa",
    audio: Annotated[Path | None, typer.Option(help="A WAV file with her words.", dir_okay=False)] = None,
    by: Annotated[str, typer.Option(help="Who registers it: a person of the desk.")] = "desk",
    json: Json = False,
) -> None:
    """Register a case for a citizen: the same rules and the same code as by telephone."""
    from ivr.desk.case.registering import Wanted

    wanted = Wanted(kind, topic, county, words, caller, name, callback, national_id, language, by=by)
    case, top = _register(wanted, audio)
    if json:
        show_json(case | {"suggestion": top})
        return
    print_case(case)
    for guess in top or ():
        typer.echo(f"{'suggested':<10} {guess['agency']} {guess['confidence']:.0%} ({guess['topic']})")


def _register(wanted: Wanted, audio: Path | None) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
    from dataclasses import replace

    from ivr.desk.book.learning import Learning
    from ivr.desk.case import registering, suggestion_outcomes
    from ivr.desk.counter.audio import put
    from ivr.desk.reading import as_json

    settings = load_settings()
    learning = Learning(settings.seed_path)
    now = datetime.now(UTC)

    async def work(engine: AsyncEngine, page: Page) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        content = _content(audio) if audio else None
        registering.check(replace(wanted, audio=None if content is None else registering.TO_COME), page)
        suggester = await learning.if_any() if wanted.words.strip() else None
        recording = None if content is None else put(content, settings.recordings, now)
        done = await registering.register(engine, page, replace(wanted, audio=recording), now, suggester)
        case = await as_json.case_json(engine, done.code, page.conventions.languages)
        assert case is not None
        return case, suggestion_outcomes.as_json(done.suggestion) if done.suggestion else None

    case, top = with_page(work)
    locate(settings, [case])
    mask_numbers([case])
    return case, top


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}") from None
