"""A citizen hears the answer to her case and says whether it is solved: on our call, or when she asks.

No key ends her case before the answer was heard to its end: until then one only skips what leads to it.
"""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from ivr.cases.kinds import Kind
from ivr.cases.statuses import OPEN, Status
from ivr.voice import saying, script
from ivr.voice.actions import Clip, Confirm, FindRoom, Rate, Record, Say, Sound, Speech, Words
from ivr.voice.events import CaseSeen, Confirmed, Ended, Rated, Recorded, RoomFound, Said
from ivr.voice.menu import AnswerStep, Asking, Menu, Miss, OperatorStep, Step, VerifyStep
from ivr.voice.operators import connect
from ivr.voice.talk import Flow, Gone, Talk

MISSES = 2  # the question is asked so often without a key; then nobody is there
HEARINGS = 6  # and the answer told so often at most
TRIES = 3  # at recording why it is not solved
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
        "callback.verify",
        "callback.verified",
        "callback.refused",
        *(f"callback.answer_to.{kind}" for kind in Kind),
        "status.answer_in_fa",
        "status.answer_in_az",
        "status.answer_unread",
        "verdict.menu",
        "verdict.closed_menu",
        "verdict.solved",
        "verdict.rate",
        "verdict.thanks",
        "verdict.why",
        "verdict.reopened",
        "verdict.no_words",
        "verdict.try_again",
        "verdict.or_operator",
    }
)
_NEVER = Miss(MISSES, (), "")
_ASKING = (7.0, 3.0, True, _NEVER, _NEVER, False)  # of a step that no tree holds


def menu(code: str, seen: CaseSeen, language: str, operator: OperatorStep | None = None) -> Menu:
    """The call flow of one call-back: a single step, built for this case. `operator`: whom she may ask."""
    return _menu(language, AnswerStep("answer", 0, (), *_ASKING, code=code, seen=seen), operator)


def verification(language: str) -> Menu:
    """The call flow of the call that asks whether a number that was given is whose it should be."""
    return _menu(language, VerifyStep("verify", 0, (), *_ASKING), None)


def _menu(language: str, step: Step, operator: OperatorStep | None) -> Menu:
    steps = {step.id: step} | ({operator.id: operator} if operator else {})
    return Menu("callback", (language,), step.id, MappingProxyType(steps))


def verify(talk: Talk, step: VerifyStep) -> Flow[str]:
    """Nothing of the matter is told: who answers may be anybody. A key counts once the question was heard."""
    speech: Speech = ("callback.greeting", "callback.verify")
    yield from talk.do(Say(speech, talk.language), Said)
    for again in ((), speech, speech):
        keys = yield from talk.ask(step, again, 1)
        if keys.pressed in ("1", "2"):
            talk.verdict = "confirmed" if keys.pressed == "1" else "refused"
            talk.say("callback.verified" if keys.pressed == "1" else "callback.refused")
            break
    yield from talk.do(Say((*talk.take_pending(), "callback.goodbye"), talk.language), Said)
    return ""


def tell(talk: Talk, step: AnswerStep) -> Flow[str]:
    """Who answers what; then her verdict. Without a key she was not reached."""
    seen, code = step.seen, step.code
    talk.code = code  # whatever she says belongs to this case
    which: Speech = ("callback.code_is", *saying.code(code, talk.language))
    if not seen.may_confirm:  # she only wanted to know how it stands
        stands = situation(seen, talk.caller.now, talk.language)
        speech = ("callback.greeting", *stands, *which, "callback.goodbye")
        yield from talk.do(Say(speech, talk.language), Said)
        talk.verdict = "heard"
        return ""
    lead: Speech = ("callback.greeting", f"callback.answer_to.{seen.kind}")
    if is_unread(seen):
        yield from offer_operator(talk, step, (*lead, "status.answer_unread", *which))
        talk.verdict = "unread"
        yield from talk.do(Say((*talk.take_pending(), "callback.goodbye"), talk.language), Said)
        return ""
    said = answer(seen, talk.language)
    said = said[1:] if said[:1] == ("status.answer_is",) else said  # the lead says that
    news = (*said, "callback.agency_is", f"agency.{seen.agency}")
    if (yield from ask(talk, step, code, seen, lead, news, which)) is None:
        talk.say("callback.later", *which)
    yield from talk.do(Say((*talk.take_pending(), "callback.goodbye"), talk.language), Said)
    return ""


def answer(seen: CaseSeen, language: str) -> Speech:
    """The answer as it is heard: a person's voice, or words for the synthesiser.

    Words in another language than hers are announced as such: they are read by that language's voice.
    """
    if seen.voice:
        return ("status.answer_is", Clip(seen.voice))
    if is_unread(seen):  # stored before answers were looked at, or by other hands: not noise, and not silence
        return ("status.answer_unread",)
    text = script.heard(seen.answer, seen.spoken, language)
    read_in = script.read_in(text, language)
    intro = "status.answer_is" if read_in == language else f"status.answer_in_{read_in}"
    words: Speech = (Words(text),) if text else ()
    spoken = [(f"agency.{part.agency}", Clip(part.voice)) for part in seen.parts if part.voice]
    said: Speech = (*words, *(sound for each in spoken for sound in each))
    return (intro, *said) if said else ()


def is_unread(seen: CaseSeen) -> bool:
    """Whether there is an answer that no voice reads: nobody can say what she thinks of it."""
    written = seen.answer.strip() or seen.spoken.strip()
    return bool(written) and not seen.voice and not script.heard(seen.answer, seen.spoken, script.FA)


def offer_operator(talk: Talk, step: Asking, speech: Speech) -> Flow[None]:
    """She is not asked about what she has not heard: somebody may read it to her; the desk must word it."""
    operator = _operator(talk)
    if operator is None:
        yield from talk.do(Say((*talk.take_pending(), *speech), talk.language, barge_in=True), Said)
        return
    keys = yield from talk.ask(step, (*talk.take_pending(), *speech, "verdict.or_operator"), 1)
    if keys.pressed == "0":
        yield from connect(talk, operator)


def _operator(talk: Talk) -> OperatorStep | None:
    return next((each for each in talk.menu.steps.values() if isinstance(each, OperatorStep)), None)


def ask(
    talk: Talk, step: Asking, code: str, seen: CaseSeen, lead: Speech, news: Speech, after: Speech = ()
) -> Flow[bool | None]:
    """Speak, then: 1 solved, 2 not solved, 3 or * again. None without a verdict.

    A key during the `lead` goes on to the `news`, which nothing cuts short the first time. Told again, it has
    `after` behind it.
    """
    yield from talk.do(Say((*talk.take_pending(), *lead), talk.language, barge_in=True), Said)
    if news:
        yield from talk.do(Say(news, talk.language), Said)
    silent, said = 0, Speech()
    for _ in range(HEARINGS):
        keys = yield from talk.ask(step, (*said, "verdict.menu"), 1)
        said = (*news, *after)
        match keys.pressed:
            case "1":
                yield from _solved(talk, step, code, seen)
                return True
            case "2":
                yield from not_solved(talk, step, code)
                return False
            case "":
                silent, said = silent + 1, ()  # not the whole answer again to an empty room
                if silent == MISSES:
                    break
    return None


def offer_reopening(talk: Talk, step: Asking, code: str, speech: Speech) -> Flow[None]:
    """How a closed case stands; then 2: it is not solved after all. 3 or *: again."""
    yield from talk.do(Say((*talk.take_pending(), *speech), talk.language, barge_in=True), Said)
    said = Speech()
    for _ in range(HEARINGS):
        keys = yield from talk.ask(step, (*said, "verdict.closed_menu"), 1)
        said = speech
        match keys.pressed:
            case "2":
                yield from not_solved(talk, step, code)
                return
            case "":
                return


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


def not_solved(talk: Talk, step: Asking, code: str) -> Flow[None]:
    """Her key counts at once, whatever she does after it; her words then join the case."""
    talk.code = code
    talk.verdict = "not_solved"
    yield from talk.do(Confirm(code, solved=False), Confirmed)
    operator = _operator(talk)
    for _ in range(TRIES):
        yield from _say_why(talk)
        if not talk.reason_lost:
            talk.say("verdict.reopened")
            return
        speech: Speech = ("verdict.no_words", "verdict.try_again")
        keys = yield from talk.ask(step, speech + (("verdict.or_operator",) if operator else ()), 1)
        if keys.pressed == "0" and operator:
            yield from connect(talk, operator)
        if keys.pressed != "1":
            return


def _say_why(talk: Talk) -> Flow[None]:
    """One try at recording her reason; `reason_lost` says why it is not kept. Silence is no reason lost."""
    talk.reason_lost = "no_room"
    if not (yield from talk.do(FindRoom(WHY_SECONDS), RoomFound)).found:
        return
    talk.reason_lost = ""
    yield from talk.do(Say((*talk.take_pending(), "verdict.why"), talk.language, barge_in=True), Said)
    recorded = yield from talk.do(Record(talk.language, WHY_SECONDS, WHY_SILENCE), Recorded)
    if recorded.ended is Ended.FAILED:
        talk.reason_lost = "failed"
        return
    if recorded.voiced_seconds:
        talk.uncased.append(recorded)
    if recorded.ended is Ended.HANGUP:
        raise Gone  # the frame keeps her words
    if not (yield from talk.keep_words(instead=False)):
        talk.reason_lost = "not_kept"
    elif recorded.ended is Ended.CUT:
        talk.say("record.cut")


def standing(seen: CaseSeen) -> Speech:
    """Status, and whose it is."""
    speech: list[Sound] = [f"status.{seen.status}"]
    if seen.parts and seen.status in OPEN - {Status.ANSWERED}:
        speech.append("status.parts_are")
        for part in seen.parts:
            stands = "status.part_answered" if part.answered else "status.part_waiting"
            speech += [f"agency.{part.agency}", stands]
    elif seen.agency:
        speech += ["status.agency_is", f"agency.{seen.agency}"]
    return tuple(speech)


def situation(seen: CaseSeen, now: datetime, language: str) -> Speech:
    """Status, agency, deadline or delay, answer: each only where it is true of a case in that status."""
    speech: list[Sound] = [*standing(seen)]
    if said := answer(seen, language):
        return (*speech, *said)
    if seen.status not in OPEN:
        return tuple(speech)
    if seen.due_at is not None and seen.due_at < now:
        speech.append("status.overdue")
    elif seen.due_at is not None:
        speech += ["status.due_is", *saying.day(seen.due_at.astimezone(now.tzinfo).date(), language)]
    return (*speech, "status.no_answer_yet")
