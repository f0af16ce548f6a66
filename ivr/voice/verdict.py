"""How a case stands, its answer, and whether it is solved: on our call, or when a citizen asks.

No key ends her case before the answer was heard to its end: until then one only skips what leads to it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from ivr.cases.statuses import OPEN, Status
from ivr.voice import meeting_standing, saying, script
from ivr.voice.actions import Clip, Confirm, FindRoom, Rate, Say, Sound, Speech, WishCallBack, Words
from ivr.voice.directory import Directory
from ivr.voice.events import CaseSeen, Confirmed, Ended, Rated, RoomFound, Said, WishNoted
from ivr.voice.steps.operator import NOBODY, own_operator
from ivr.voice.talk import Asks, Flow, Gone, Talk

MISSES = 2  # the question is asked so often without a key; then nobody is there
HEARINGS = 6  # and the answer told so often at most
TRIES = 3  # at recording why it is not solved
RATES = "12345"
WHY_SECONDS, WHY_SILENCE = 180.0, 8.0

# Prompt ids spoken here.
PROMPTS = meeting_standing.PROMPTS | frozenset(
    {
        *(f"status.{status}" for status in Status),
        "status.agency_is",
        "status.due_is",
        "status.overdue",
        "status.no_answer_yet",
        "status.parts_are",
        "status.part_answered",
        "status.part_waiting",
        "status.answer_is",
        "status.answer_was",
        "status.answer_in_fa",
        "status.answer_in_az",
        "status.answer_unread",
        "status.answer_unheard",
        "status.answer_withheld",
        "status.answer_was_unread",
        "status.answer_was_withheld",
        "status.answer_past",
        "verdict.menu",
        "verdict.closed_menu",
        "verdict.solved",
        "verdict.by_call",
        "verdict.noted",
        "verdict.rate",
        "verdict.thanks",
        "verdict.why",
        "verdict.reopened",
        "verdict.no_words",
        "verdict.try_again",
        "verdict.or_operator",
        "callback.later",
        "enquiry.wait",  # by the shell, until the answer is spoken
        NOBODY,
        "record.cut",
        "record.unsure",
        "verdict.unsure",
        "record.call_again",
    }
)


def answer(seen: CaseSeen, language: str, directory: Directory) -> Speech:
    """The answer as it is heard: a person's voice, or words for the synthesiser.

    Words in another language than hers are announced as such: they are read by that language's voice. So is
    the answer to a case that was opened again.
    """
    old: Speech = ("status.answer_was",) if _is_open(seen) else ()
    simply = old or ("status.answer_is",)
    if seen.voice:
        return (*simply, _voiced(seen, seen.voice))
    if _is_in_no_voice(seen):  # stored before answers were looked at, or by others: neither noise nor silence
        return ("status.answer_was_unread" if old else "status.answer_unread",)
    text = script.heard(seen.answer, seen.spoken, language)
    pieces = [*script.pieces(text)]
    voices = (script.piece_read_in(piece, language) for piece in pieces)
    read_in = next(filter(None, voices), language)  # which she hears first
    intro = simply if read_in == language else (*old, f"status.answer_in_{read_in}")
    words = map(Words, pieces)
    voiced = [part for part in seen.parts if part.voice]
    spoken = [(*directory.named(part.agency), _voiced(seen, part.voice)) for part in voiced]
    said: Speech = (*words, *(sound for each in spoken for sound in each))
    return (*intro, *said) if said else ()


def _voiced(seen: CaseSeen, voice: str) -> Sound:
    return "status.answer_unheard" if voice in seen.unheard else Clip(voice)


def clips(seen: CaseSeen) -> list[str]:
    """The recordings by which `answer` is heard, be it in part."""
    return [seen.voice] if seen.voice else [part.voice for part in seen.parts if part.voice]


def without(seen: CaseSeen, gone: Collection[str]) -> CaseSeen:
    """The same where these of its `clips` can't be played: what is written beside a voice is read then."""
    if seen.voice in gone and script.heard(seen.answer, seen.spoken, script.FA):
        return replace(seen, voice="")
    return replace(seen, unheard=frozenset(gone))


def is_unread(seen: CaseSeen) -> bool:
    """Whether some of the answer no voice reads, or plays now: nobody can say what she thinks of it."""
    return bool(seen.unheard) or _is_in_no_voice(seen)


def _is_in_no_voice(seen: CaseSeen) -> bool:
    written = seen.answer.strip() or seen.spoken.strip()
    return bool(written) and not seen.voice and not script.heard(seen.answer, seen.spoken, script.FA)


def not_told(seen: CaseSeen) -> Sound:
    """Why an answer that is withheld is not told here."""
    if seen.past:
        return "status.answer_past"
    return "status.answer_was_withheld" if _is_open(seen) else "status.answer_withheld"


def _is_open(seen: CaseSeen) -> bool:
    """Whether an answer is owed, so that one that there is was given before."""
    return seen.status in OPEN - {Status.ANSWERED}


def offer_operator(talk: Talk, step: Asks, speech: Speech) -> Flow[None]:
    """She is not asked about what she has not heard: somebody may read it to her, or see who she is."""
    operator = own_operator(talk.steps)
    if operator is None:
        yield from talk.do(Say((*talk.take_pending(), *speech), talk.language, barge_in=True), Said)
        return
    keys = yield from talk.ask_key(step, (*talk.take_pending(), *speech, "verdict.or_operator"))
    if keys.pressed == "0":
        yield from operator.connect(talk)


def ask(
    talk: Talk, step: Asks, code: str, seen: CaseSeen, lead: Speech, news: Speech, after: Speech = (),
    *, proven: bool,
) -> Flow[bool | None]:  # fmt: skip
    """Speak, then: 1 solved, 2 not solved, 3 or * again. None without a verdict.

    False also of who could not be asked, as the answer could not be spoken.

    1 ends her case only where it is `proven` who speaks, because we called her: the number that a call shows
    can be faked, and whoever handles a case knows its code.

    A key during the `lead` goes on to the `news`, which nothing cuts short the first time. Told again, it has
    `after` behind it.
    """
    yield from talk.do(Say((*talk.take_pending(), *lead), talk.language, barge_in=True), Said)
    if news:
        told = yield from talk.do(Say(news, talk.language), Said)
        if told.unspoken:
            yield from offer_operator(talk, step, ("status.answer_unheard", *after))
            return False
    silent, said = 0, Speech()
    for _ in range(HEARINGS):
        keys = yield from talk.ask(step, (*said, "verdict.menu"), 1)
        said = (*news, *after)
        match keys.pressed:
            case "1":
                yield from (_solved(talk, step, code, seen) if proven else _says_solved(talk, code))
                return True
            case "2":
                yield from not_solved(talk, step, code)
                return False
            case "":
                silent, said = silent + 1, ()  # not the whole answer again to an empty room
                if silent == MISSES:
                    break
    return None


def offer_reopening(talk: Talk, step: Asks, code: str, speech: Speech) -> Flow[None]:
    """How a closed case stands; then 2: it is not solved after all. 3 or *: again.

    Whose answer could not be spoken is told so, and may press 2 all the same: she may have heard it before.
    """
    told = yield from talk.do(Say((*talk.take_pending(), *speech), talk.language, barge_in=True), Said)
    if told.unspoken:
        talk.say("status.answer_unheard")
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


def _solved(talk: Talk, step: Asks, code: str, seen: CaseSeen) -> Flow[None]:
    if not (yield from _is_noted(talk, Confirm(code, solved=True))):
        return
    talk.verdict = "solved"
    talk.say("verdict.solved")
    if seen.rated:
        return
    keys = yield from talk.ask_heard(step, ("verdict.rate",))
    if keys.pressed and keys.pressed in RATES:
        yield from talk.do(Rate(code, int(keys.pressed)), Rated)
        talk.say("verdict.thanks")


def _says_solved(talk: Talk, code: str) -> Flow[None]:
    """Her word is noted for whoever reads the case, and we call her number to be told so by her."""
    if not (yield from _is_noted(talk, Confirm(code, solved=True, proven=False))):
        return
    talk.verdict = "solved"
    called = talk.can_be_called and (yield from talk.do(WishCallBack(code), WishNoted)).noted
    talk.say("verdict.by_call" if called else "verdict.noted")


def _is_noted(talk: Talk, verdict: Confirm) -> Flow[bool]:
    """Where no journal takes it she is told that nobody knows: she may call again, and is called again."""
    noted = (yield from talk.do(verdict, Confirmed)).noted
    if not noted:
        talk.say("verdict.unsure", "record.call_again")
    return noted


def not_solved(talk: Talk, step: Asks, code: str) -> Flow[None]:
    """Her key counts at once, whatever she does after it; her words then join the case.

    What she says behind this, in a tree that goes on, is of another matter.
    """
    if not (yield from _is_noted(talk, Confirm(code, solved=False))):
        return
    before, talk.code, talk.verdict = talk.code, code, "not_solved"
    yield from _why(talk, step)
    talk.code = before


def _why(talk: Talk, step: Asks) -> Flow[None]:
    operator = own_operator(talk.steps)
    for _ in range(TRIES):
        yield from record_words(talk, "verdict.why")
        if not talk.reason_lost:
            talk.say("verdict.reopened")
            return
        unsure = talk.reason_lost == "not_kept"  # it is in a file, and may yet join the case
        speech: Speech = ("verdict.reopened", "record.unsure") if unsure else ("verdict.no_words",)
        speech += ("verdict.try_again",)
        keys = yield from talk.ask_key(step, speech + (("verdict.or_operator",) if operator else ()))
        if keys.pressed == "0" and operator:
            yield from operator.connect(talk)
        if keys.pressed != "1":
            return


def record_words(talk: Talk, ask: str) -> Flow[None]:
    """Ask, and try once to record what she says for the case `talk.code`. Silence is nothing lost.

    `talk.reason_lost` says why it is not kept.
    """
    talk.reason_of, talk.reason_lost = talk.code, "no_room"
    if not (yield from talk.do(FindRoom(WHY_SECONDS), RoomFound)).found:
        return
    talk.reason_lost = ""
    yield from talk.do(Say((*talk.take_pending(), ask), talk.language, barge_in=True), Said)
    recorded = yield from talk.record(WHY_SECONDS, WHY_SILENCE)
    if recorded.ended is Ended.FAILED:
        talk.reason_lost = "failed"
        return
    if recorded.voiced_seconds:
        talk.uncased.append(recorded)
    if recorded.ended.is_gone:
        raise Gone  # the frame keeps her words
    if not (yield from talk.keep_words(instead=False)):
        talk.reason_lost = "not_kept"
    elif recorded.ended is Ended.CUT:
        talk.say("record.cut")


def standing(seen: CaseSeen, directory: Directory) -> Speech:
    """Status, and whose it is; of a duplicate, of the case in which it goes on."""
    speech: list[Sound] = [*(["status.merged"] if seen.into else []), f"status.{seen.status}"]
    bodies = {part.agency for part in seen.parts} if _is_open(seen) else set()
    if len(bodies) > 1:
        speech.append("status.parts_are")
        for part in seen.parts:
            stands = "status.part_answered" if part.answered else "status.part_waiting"
            if name := directory.named(part.agency):
                speech += [*name, stands]
    elif seen.status != Status.RETURNED and (name := directory.named(next(iter(bodies), seen.agency))):
        speech += ["status.agency_is", *name]  # returned, its words say that whose it is is being determined
    return tuple(speech)


def awaited(seen: CaseSeen, now: datetime, language: str, directory: Directory) -> Speech:
    """What she waits for: her meeting, else an answer until its deadline, be it anew."""
    if meeting := _meeting(seen, now, language, directory):
        return meeting
    if not _is_open(seen) or seen.due_at is None:
        return ()
    if seen.due_at < now:
        return ("status.overdue",)
    return ("status.due_is", *saying.day(seen.due_at.astimezone(now.tzinfo).date(), language))


def _meeting(seen: CaseSeen, now: datetime, language: str, directory: Directory) -> Speech:
    meeting = meeting_standing.of_now(seen.meeting, seen.status, now)
    return meeting_standing.told(meeting, now, language, directory) if meeting else ()


def situation(seen: CaseSeen, now: datetime, language: str, directory: Directory) -> Speech:
    """Status, agency, answer, deadline or delay: each only where it is true of a case in that status."""
    said = answer(seen, language, directory)
    has_news = bool(said or _meeting(seen, now, language, directory))
    none: Speech = ("status.no_answer_yet",) if seen.status in OPEN and not has_news else ()
    return (*standing(seen, directory), *said, *awaited(seen, now, language, directory), *none)
