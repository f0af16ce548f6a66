"""`ivr case answer|approve|turn-down|wordings`: what a citizen is told."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.books import Code, Json, cases, plain
from ivr.commands.caseflow import By, Reason, act
from ivr.commands.output import fail, load_settings, show_rows, with_page
from ivr.installation import CommandError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page


@cases.command(
    epilog="Examples: ivr case answer 1234567894 'آب وصل شد.' --by abfa   ·   "
    "ivr case answer 1234567894 --voice answer.wav   ·   ivr case answer 1234567894 --wording done"
)
def answer(
    code: Code,
    text: Annotated[str, typer.Argument(help="The answer: what the caller reads, and hears too.")] = "",
    by: By = "desk",
    voice: Annotated[
        Path | None, typer.Option(help="A PCM WAV in which a person says it; heard instead of the text.")
    ] = None,
    spoken: Annotated[
        str, typer.Option(help="What a caller of another language hears instead, in Latin letters for az.")
    ] = "",
    wording: Annotated[str, typer.Option(help="A ready wording: ivr case wordings CODE.")] = "",
) -> None:
    """Give a case its answer; the citizen is then called. With answers.approval an agency's waits."""
    from ivr.cases.transitions import Side
    from ivr.desk.case import answers
    from ivr.desk.case.answers import SpokenAnswer
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.letters import wording as ready
    from ivr.speech.answer_sound import prepare
    from ivr.speech.telephone import AudioError

    settings, recorded = load_settings(), None
    if text and wording:
        fail("give words or --wording, not both", 2)
    if voice is not None:
        try:
            made = prepare(voice, settings.recordings)
        except AudioError as error:
            raise CommandError(str(error)) from None
        recorded = SpokenAnswer(made.name, made.sha256, made.seconds)

    async def give(engine: AsyncEngine, page: Page) -> bool:
        words, aloud = text, spoken
        if wording:
            words, ready_to_hear = await ready.worded(
                engine, page.calendar, settings.seed_path, plain(code), wording
            )
            aloud = spoken or ready_to_hear
        ask = Instruction(plain(code), actor_named(page, by))
        proposed = settings.answers.approval and ask.actor.side is Side.AGENCY
        if proposed:
            return await answers.propose(engine, page, ask, words, recorded, aloud)
        await answers.give(engine, page, ask, words, recorded, aloud)
        return False

    proposed = with_page(give)
    typer.echo(f"case {plain(code)}: {'the answer waits for approval' if proposed else 'answered'}")


@cases.command(epilog="Example: ivr case approve 1234567894 --by desk/karimi")
def approve(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """The answer that waits becomes the answer; the citizen is called."""
    from ivr.desk.case import answers

    act(code, by, reason, answers.approve)


@cases.command("turn-down", epilog="Example: ivr case turn-down 1234567894 --reason 'روشن نیست'")
def turn_down(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """The answer that waits is not good enough."""
    from ivr.desk.case import answers

    act(code, by, reason, answers.turn_down)


@cases.command(epilog="Example: ivr case wordings 1234567894 --json")
def wordings(
    code: Code,
    status: Annotated[str, typer.Option(help="answered or advised.")] = "answered",
    json: Json = False,
) -> None:
    """The ready wordings that fit a case, filled in."""
    from ivr.desk.letters import wording as ready

    settings = load_settings()

    def offered(engine: AsyncEngine, page: Page) -> Awaitable[list[dict[str, str]]]:
        return ready.offered(engine, page.calendar, settings.seed_path, plain(code), status)

    rows = with_page(offered)
    show_rows(["name", "topic", "text", "spoken"], rows, json)
