"""Answers: given at once, or proposed by an agency and approved at the desk; in words, a voice, or both."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.statuses import Status
from ivr.cases.transitions import CaseAction
from ivr.desk.book.book import Page
from ivr.desk.case import callback_planning, order_calls
from ivr.desk.case.change import Books, Change, Instruction, must_go
from ivr.desk.case.rows import MOVED
from ivr.desk.case.transaction import changing, locked, transaction
from ivr.desk.refusals import Refused, WrongField
from ivr.voice import script


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """An answer spoken by a person, made ready for the telephone. `name` is under the recordings folder."""

    name: str
    sha256: str
    seconds: float


async def give(
    books: Books,
    page: Page,
    ask: Instruction,
    words: str,
    voice: SpokenAnswer | None = None,
    spoken: str = "",
    of: str = "",
) -> None:
    """Store an answer: she is called about it, and hears it when she follows her code up. Not a closure.

    `words` are what she reads (SMS, the page with her case, letters); `spoken`, what she hears instead where
    she speaks another language. `of`: whose answer it is and the case from now on, where another body had it.
    Raises NoSuchCase, or Refused as the table says and when there are neither words nor a voice.
    """
    _refuse_nothing(words, voice, spoken)
    async with changing(books, page, CaseAction.ANSWER, ask) as change:
        await _answer(change, words.strip(), voice, spoken.strip())
        if of and of != change.agency:
            change.move(of, "desk")


async def propose(
    engine: AsyncEngine,
    page: Page,
    ask: Instruction,
    words: str,
    voice: SpokenAnswer | None = None,
    spoken: str = "",
) -> bool:
    """Store an answer that the citizen hears only once the desk approves of it. Its clock goes on.

    To what is about the desk itself it is given at once: that sees nothing of it, so nobody
    could approve. Says whether it waits.
    """
    _refuse_nothing(words, voice, spoken)
    async with transaction(engine) as connection:
        if (await locked(connection, ask.code)).accused == page.rules.desk:
            await give(connection, page, ask, words, voice, spoken)
            return False
        async with changing(connection, page, CaseAction.PROPOSE, ask) as change:
            draft = _said(words.strip(), voice, spoken.strip())
            change.values = {"draft": draft | {"by": ask.actor.name, "agency": change.agency}}
            change.details = draft
    return True


async def approve(engine: AsyncEngine, page: Page, ask: Instruction) -> None:
    """What waits becomes the answer. Refused when nothing waits, or what another agency had proposed."""
    async with changing(engine, page, CaseAction.APPROVE, ask) as change:
        draft = _draft(change)
        voice = SpokenAnswer(**draft["voice"]) if draft.get("voice") else None
        await _answer(change, draft["text"], voice, draft.get("spoken", ""))
        change.details["proposed_by"] = draft["by"]


async def turn_down(engine: AsyncEngine, page: Page, ask: Instruction) -> None:
    """What waits is not good enough, for the reason given."""
    async with changing(engine, page, CaseAction.TURN_DOWN, ask) as change:
        _draft(change)
        change.values = {"draft": None}


async def hand_back(books: Books, page: Page, ask: Instruction) -> None:
    """What a body answered is not enough, for the reason given: it owes it again, and its time goes on.

    An order keeps the day that it had; what became confidential since goes on where a body may read it.
    Raises Refused as the table says, and for a case that is split.
    """
    async with changing(books, page, CaseAction.HAND_BACK, ask) as change:
        if must_go(page, change.case):
            change.move(page.away_from(change.case.accused or ""), MOVED)
            change.status = Status.OPENED if change.agency == page.rules.desk else change.status
        if await order_calls.is_order(change.connection, change.case.id):
            calendar, county = page.calendar, change.county
            clock = change.clock.run(calendar, ask.now, county)
            days = calendar.working_days(clock.opened_at, change.case.due_at, county)
            change.clock = replace(clock, ordered_days=days - clock.stopped_days)


async def _answer(change: Change, words: str, voice: SpokenAnswer | None, spoken: str) -> None:
    change.values = {"answer": words, "answer_voice": voice.name if voice else "", "answer_spoken": spoken}
    change.values |= {"draft": None, "answered_at": change.ask.now}
    change.details = _said(words, voice, spoken)
    await callback_planning.plan(change.connection, change.case, f"answer:{change.ask.cause}", change.ask.now)


def _said(words: str, voice: SpokenAnswer | None, spoken: str) -> dict[str, Any]:
    more = {"spoken": spoken, "voice": asdict(voice) if voice else None}
    return {"text": words} | {name: value for name, value in more.items() if value}


def _draft(change: Change) -> dict[str, Any]:
    draft: dict[str, Any] | None = change.case.draft
    if draft is None:
        raise Refused(f"no answer to case {change.ask.code} waits for approval")
    if draft["agency"] != change.case.agency and change.action is CaseAction.APPROVE:
        owner = draft["agency"]
        raise Refused(f"the answer that waits is of {owner}, and the case is with {change.case.agency} now")
    return draft


def _refuse_nothing(words: str, voice: SpokenAnswer | None, spoken: str) -> None:
    """What is only spoken leaves nothing to read; a person's voice is heard instead of both."""
    if not words.strip() and voice is None:
        raise Refused("an answer needs words or a voice")
    refuse_latin(words, "words")
    if voice is None:
        refuse_unreadable(spoken, "spoken")
        if not spoken.strip():
            refuse_unreadable(words, "words")


def refuse_latin(words: str, field: str) -> None:
    """She could not read it in her SMS, on the page with her case, in a letter. Raises WrongField."""
    if script.language_of(words) == script.AZ:
        raise WrongField(
            field,
            "people here read no Azerbaijani in Latin letters: write what they read in Persian, and give "
            "this as what is spoken",
        )


def refuse_unreadable(words: str, field: str) -> None:
    """She would hear noise for an answer, or nothing. Raises WrongField."""
    if not script.is_readable(words):
        raise WrongField(
            field,
            "no voice reads Azerbaijani in Arabic letters to a caller, nor signs without a word: write it in "
            "Latin letters or in Persian, take a ready wording, or record it",
        )
