"""The step that tells someone who knows a tracking code how its case stands."""

from __future__ import annotations

from ivr.cases.statuses import Status
from ivr.voice import verdict
from ivr.voice.actions import LookUpCase, Speech, WishCallBack
from ivr.voice.events import CaseSeen, Ended, Lookup, WishNoted
from ivr.voice.menu import StatusStep
from ivr.voice.talk import Back, Flow, Talk

CALL_BACK_KEY = "1"  # what the prompt follow_up.call_back_offer names


def status(talk: Talk, step: StatusStep) -> Flow[str]:
    code = talk.draft.pop("code", "")
    seen = yield from talk.do(LookUpCase(code), CaseSeen)
    match seen.result:
        case Lookup.UNKNOWN:
            talk.unknown_codes += 1
            talk.say(*step.unknown_prompt)
            if talk.unknown_codes >= step.no_match.limit:
                return step.no_match.then
            return step.unknown_go
        case Lookup.TOO_MANY:
            talk.say(*step.too_many_prompt)
            return step.go
        case Lookup.UNAVAILABLE:
            talk.say(*step.unavailable_prompt)
            talk.say(*(yield from _call_back(talk, step, code)))
            return step.go
        case Lookup.FOUND:
            if verdict.is_unread(seen):
                lead = step.prompt + verdict.standing(seen) + ("status.answer_unread",)
                yield from verdict.offer_operator(talk, step, lead)
                return step.go
            if seen.may_confirm and seen.status == Status.ANSWERED:
                lead = step.prompt + verdict.standing(seen)
                yield from verdict.ask(talk, step, code, seen, lead, verdict.answer(seen, talk.language))
                return step.go
            if seen.may_reopen:
                speech = step.prompt + verdict.situation(seen, talk.caller.now, talk.language)
                yield from verdict.offer_reopening(talk, step, code, speech)
                return step.go
            return (yield from _tell(talk, step, seen))


def _call_back(talk: Talk, step: StatusStep, code: str) -> Flow[Speech]:
    """Offer to call her once the books can be read. What she is to be told: a promise only if it is kept."""
    can = talk.directory.calls_back and talk.shows_number
    wished = can and (yield from _wishes(talk, step))
    noted = wished and (yield from talk.do(WishCallBack(code), WishNoted)).noted
    return ("follow_up.call_back_noted",) if noted else ("follow_up.call_later",)


def _wishes(talk: Talk, step: StatusStep) -> Flow[bool]:
    while True:
        keys = yield from talk.ask(step, ("follow_up.call_back_offer",), 1)
        if keys.pressed != "*":
            return keys.pressed == CALL_BACK_KEY


def _tell(talk: Talk, step: StatusStep, seen: CaseSeen) -> Flow[str]:
    speech = step.prompt + verdict.situation(seen, talk.caller.now, talk.language) + step.after_prompt
    while True:
        keys = yield from talk.ask(step, speech, 1)
        if not keys.pressed and keys.ended is Ended.HASH:
            raise Back
        if keys.pressed == step.another:
            return step.unknown_go
        if keys.pressed not in (step.repeat, "*"):
            return step.go
