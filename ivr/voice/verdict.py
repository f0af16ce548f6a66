"""A citizen hears the answer to her case and says whether it is solved: on our call, or when she asks."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from ivr.cases.statuses import OPEN, Status
from ivr.voice import saying, script
from ivr.voice.actions import Clip, Confirm, Rate, Record, Say, Sound, Speech, Words
from ivr.voice.events import CaseSeen, Confirmed, Ended, Rated, Recorded, Said
from ivr.voice.menu import AnswerStep, Asking, Menu, Miss
from ivr.voice.talk import Flow, Gone, Talk

MISSES = 2  # the question is asked so often without a key; then nobody is there
HEARINGS = 6  # and the answer told so often at most
RATES = "12345"
WHY_SECONDS, WHY_SILENCE = 180.0, 8.0

# Prompt ids spoken here.
PROMPTS = frozenset(
    {
        "callback.greeting",
        "callback.code_is",
        "callback.agency_is",
        "callback.later",
        "callback.goodbye",
        "status.answer_in_fa",
        "status.answer_in_az",
        "status.answer_unread",
        "verdict.menu",
        "verdict.solved",
        "verdict.rate",
        "verdict.thanks",
        "verdict.why",
        "verdict.reopened",
    }
)


def menu(code: str, seen: CaseSeen, language: str) -> Menu:
    """The call flow of one call-back: a single step, built for this case."""
    never = Miss(MISSES, (), "")
    step = AnswerStep("answer", 0, (), 7.0, 3.0, True, never, never, False, code=code, seen=seen)
    return Menu("callback", (language,), step.id, MappingProxyType({step.id: step}))


def tell(talk: Talk, step: AnswerStep) -> Flow[str]:
    """Who answers what; then her verdict. Without a key she was not reached."""
    seen, code = step.seen, step.code
    talk.code = code  # whatever she says belongs to this case
    opening: Speech = ("callback.greeting", "callback.code_is", *saying.code(code, talk.language))
    if not seen.may_confirm:  # she only wanted to know how it stands
        speech = (*opening, *situation(seen, talk.caller.now, talk.language), "callback.goodbye")
        yield from talk.do(Say(speech, talk.language), Said)
        talk.verdict = "heard"
        return ""
    speech = (*opening, *_who(seen), *answer(seen, talk.language))
    if (yield from ask(talk, step, code, seen, speech)) is None:
        talk.say("callback.later")
    yield from talk.do(Say((*talk.take_pending(), "callback.goodbye"), talk.language), Said)
    return ""


def answer(seen: CaseSeen, language: str) -> Speech:
    """The answer as it is heard: a person's voice, or words for the synthesiser.

    Words in another language than hers are announced as such: they are read by that language's voice.
    """
    if seen.voice:
        return ("status.answer_is", Clip(seen.voice))
    read_in = script.read_in(seen.answer, language)
    if read_in is None:  # stored before answers were looked at, or by other hands: not noise, and not silence
        return ("status.answer_unread",)
    intro = "status.answer_is" if read_in == language else f"status.answer_in_{read_in}"
    words: Speech = (Words(seen.answer),) if seen.answer else ()
    spoken = [(f"agency.{part.agency}", Clip(part.voice)) for part in seen.parts if part.voice]
    said: Speech = (*words, *(sound for each in spoken for sound in each))
    return (intro, *said) if said else ()


def ask(talk: Talk, step: Asking, code: str, seen: CaseSeen, speech: Speech) -> Flow[bool | None]:
    """Speak, then: 1 solved, 2 not solved, 3 or * again. None without a verdict."""
    silent, said = 0, speech
    for _ in range(HEARINGS):
        keys = yield from talk.ask(step, (*said, "verdict.menu"), 1)
        said = speech
        match keys.pressed:
            case "1":
                yield from _solved(talk, step, code, seen)
                return True
            case "2":
                yield from _not_solved(talk, code)
                return False
            case "":
                silent, said = silent + 1, ()  # not the whole answer again to an empty room
                if silent == MISSES:
                    break
    return None


def _solved(talk: Talk, step: Asking, code: str, seen: CaseSeen) -> Flow[None]:
    talk.verdict = "solved"
    yield from talk.do(Confirm(code, solved=True), Confirmed)
    talk.say("verdict.solved")
    if seen.rated:
        return
    keys = yield from talk.ask(step, ("verdict.rate",), 1)
    if keys.pressed and keys.pressed in RATES:
        yield from talk.do(Rate(code, int(keys.pressed)), Rated)
        talk.say("verdict.thanks")


def _not_solved(talk: Talk, code: str) -> Flow[None]:
    """Her key counts at once, whatever she does after it; her words then join the case."""
    talk.code = code
    talk.verdict = "not_solved"
    yield from talk.do(Confirm(code, solved=False), Confirmed)
    yield from talk.do(Say((*talk.take_pending(), "verdict.why"), talk.language, barge_in=True), Said)
    recorded = yield from talk.do(Record(talk.language, WHY_SECONDS, WHY_SILENCE), Recorded)
    if recorded.ended is not Ended.FAILED and recorded.voiced_seconds:
        talk.uncased.append(recorded)
    if recorded.ended is Ended.HANGUP:
        raise Gone  # the frame keeps her words
    yield from talk.keep_words(instead=False)
    talk.say("verdict.reopened")


def _who(seen: CaseSeen) -> Speech:
    return ("callback.agency_is", f"agency.{seen.agency}") if seen.agency else ()


def situation(seen: CaseSeen, now: datetime, language: str) -> Speech:
    """Status, agency, deadline or delay, answer: each only where it is true of a case in that status."""
    speech: list[Sound] = [f"status.{seen.status}"]
    if seen.parts and seen.status in OPEN - {Status.ANSWERED}:
        speech.append("status.parts_are")
        for part in seen.parts:
            stands = "status.part_answered" if part.answered else "status.part_waiting"
            speech += [f"agency.{part.agency}", stands]
    elif seen.agency:
        speech += ["status.agency_is", f"agency.{seen.agency}"]
    if said := answer(seen, language):
        return (*speech, *said)
    if seen.status not in OPEN:
        return tuple(speech)
    if seen.due_at is not None and seen.due_at < now:
        speech.append("status.overdue")
    elif seen.due_at is not None:
        speech += ["status.due_is", *saying.day(seen.due_at.astimezone(now.tzinfo).date(), language)]
    return (*speech, "status.no_answer_yet")
