"""The steps around the caller's words: record, review, and the tracking code that stands for them."""

from __future__ import annotations

from ivr.cases import phone
from ivr.voice import saying
from ivr.voice.actions import Clip, FindRoom, Record, Say, Speech
from ivr.voice.events import Ended, Recorded, RoomFound, Said
from ivr.voice.menu import CodeStep, OperatorStep, RecordStep, ReviewStep
from ivr.voice.talk import VOICED_SECONDS, Back, Flow, Gone, Talk


def record(talk: Talk, step: RecordStep) -> Flow[str]:
    mode, talk.review_mode = talk.review_mode, ""
    talk.recorded_at = step.id
    attempts = 0
    while True:
        room = yield from talk.do(FindRoom(step.max_seconds), RoomFound)
        if not room.found:
            return _refuse(talk, step, "record.no_room", mode)
        yield from _invite(talk, step)
        recorded = yield from talk.do(Record(talk.language, step.max_seconds, step.silence_seconds), Recorded)
        if recorded.ended is not Ended.FAILED:
            talk.uncased.append(recorded)
        if recorded.ended is Ended.HANGUP:
            raise Gone  # the frame keeps her words
        complaint = _what_is_wrong(step, recorded)
        if not complaint:
            break
        attempts += 1
        if attempts >= step.too_short.limit:
            onward = _give_up(talk, step, mode)
            if onward:
                return onward
            break
        talk.say(*complaint)
    if not mode:
        talk.set({name: value for name, value in step.sets.items() if not talk.draft.get(name)})
        if not (yield from talk.open_case()):
            return _refuse(talk, step, "record.not_kept", mode)
        said = "record.joined" if talk.joined else "record.safe"
    else:
        if not (yield from talk.keep_words(instead=mode == "again")):
            return _refuse(talk, step, "record.not_kept", mode)
        said = "record.again_kept" if mode == "again" else "record.added"
    talk.say("record.cut" if recorded.ended is Ended.CUT else said)
    return step.go


def _refuse(talk: Talk, step: RecordStep, apology: str, mode: str) -> str:
    """No disk takes her words: to the operator, where the tree has one, else an honest end. Never "kept"."""
    if mode:
        talk.say("record.not_more")
        return step.go
    talk.say(apology)
    if not isinstance(talk.menu.steps.get(step.too_short.then), OperatorStep):
        talk.say("record.call_again")
    return step.too_short.then


def _invite(talk: Talk, step: RecordStep) -> Flow[None]:
    """Say what to do. Any key goes straight to the beep, `*` repeats, `#` goes back."""
    while True:
        speech = talk.take_pending() + step.prompt
        said = yield from talk.do(Say(speech, talk.language, step.barge_in), Said)
        ends_number = talk.ends_number(said.key == "#", said.after)
        if said.key == "#" and not ends_number:
            raise Back
        if said.key not in ("*", "#"):
            return


def _what_is_wrong(step: RecordStep, recorded: Recorded) -> Speech:
    if recorded.ended is Ended.FAILED:
        return ("record.failed",)
    if recorded.ended is Ended.SILENCE and recorded.voiced_seconds < VOICED_SECONDS:
        return ("record.silent",)
    if recorded.seconds < step.min_seconds:
        return step.too_short.say
    return ()


def _give_up(talk: Talk, step: RecordStep, mode: str) -> str:
    """After too many poor recordings: where to go, or "" to keep what there is, silent or not."""
    if mode:
        return step.go  # her earlier words are safe; what came since is kept when the call ends
    if talk.rescue() is not None:
        return ""
    return step.too_short.then


def review(talk: Talk, step: ReviewStep) -> Flow[str]:
    prompt = step.prompt
    while True:
        choice = yield from talk.listen(step, prompt, step.keys.get, hash_means=step.keys.get("#"))
        if choice == "hear":
            talk.say("record.hear_intro", *(Clip(r.name) for r in talk.words))
        elif choice == "keep":
            return step.go
        else:
            talk.review_mode = choice
            return talk.recorded_at or step.record


# What she may expect after her code: to be called, to be asked first whether the number is hers, or neither.
WILL_CALL, WILL_VERIFY, NO_CALL = EXPECT = ("code.will_call", "code.will_verify", "code.no_call")


def _expects(talk: Talk) -> str:
    """Who gave a number is called there and nowhere else."""
    directory, given = talk.directory, talk.draft.get("callback", "")
    if not directory.calls_back:
        return NO_CALL
    if given and not phone.is_same(given, talk.caller.number, directory.area_code):
        return WILL_VERIFY
    return WILL_CALL if talk.shows_number else NO_CALL


def code(talk: Talk, step: CodeStep) -> Flow[str]:
    if not talk.code:
        if talk.code is not None:  # else nothing was kept, and that was said
            talk.say(*step.no_code_prompt)
        return step.go
    if step.ready_prompt:  # a key only shortens the wait for her pen
        ready = talk.take_pending() + step.ready_prompt
        yield from talk.do(Say(ready, talk.language, step.barge_in), Said)
    digits = saying.dictated(talk.code, talk.language)
    speech: Speech = (*step.prompt, *digits)
    for _ in range(step.times - 1):
        speech += ("code.once_more", *digits)
    speech += (_expects(talk),)
    while True:
        keys = yield from talk.ask(step, speech + step.repeat_prompt, 1)
        if not keys.pressed and keys.ended is Ended.HASH:
            raise Back
        if keys.pressed not in (step.repeat, "*"):
            return step.go
