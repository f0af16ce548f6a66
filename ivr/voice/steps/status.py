"""type: status. Looks `code` up and tells how its case stands; `unknown_go` after an unknown code.

Then `after_prompt`: key `repeat` tells again, `another` asks for another code at `unknown_go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from ivr.cases.statuses import Status
from ivr.voice import saying, verdict
from ivr.voice.actions import LookUpCase, Speech, WishCallBack
from ivr.voice.events import CaseSeen, Ended, Lookup, WishNoted
from ivr.voice.menu import Asking
from ivr.voice.step_fields import PROMPT, StepFields
from ivr.voice.talk import Back, Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import ONE_KEY, PromptsValue, StepValue

CALL_BACK_KEY = "1"  # what the prompt follow_up.call_back_offer names
_EXAMPLE_DAY = date(2026, 3, 20)


@dataclass(frozen=True, slots=True)
class StatusStep(Asking):
    unknown_prompt: tuple[str, ...]
    too_many_prompt: tuple[str, ...]
    unavailable_prompt: tuple[str, ...]
    after_prompt: tuple[str, ...]
    repeat: str
    another: str
    unknown_go: str
    go: str

    TYPE = "status"
    TITLE = "where a case stands"
    TELLS_ALL = True
    PROMPT = replace(PROMPT, default=("status.intro",))
    KEYS = (
        YamlKey(
            "unknown_prompt",
            PromptsValue(),
            "said when no case has the code; then `unknown_go`, at `no_match`'s limit its `then`",
            ("follow_up.unknown",),
        ),
        YamlKey(
            "too_many_prompt",
            PromptsValue(),
            "said to a caller who tried too many wrong codes; then `go`",
            ("follow_up.too_many",),
        ),
        YamlKey(
            "unavailable_prompt",
            PromptsValue(),
            "said when the books can't be read; she is offered a call back (key 1), then `go`",
            ("follow_up.unavailable",),
        ),
        YamlKey("after_prompt", PromptsValue(), "said after the status", ("status.after",)),
        YamlKey("repeat", ONE_KEY, "the key that tells it again", "1"),
        YamlKey("another", ONE_KEY, "the key that asks for another code", "2"),
        YamlKey("unknown_go", StepValue(), "the step that asks for a code"),
        YamlKey("go", StepValue(), "the next step"),
    )
    ABOUT = "The code comes from a `digits` step with `into: code`."
    SPEAKS = verdict.PROMPTS | {
        "follow_up.call_later",
        "follow_up.call_back_offer",
        "follow_up.call_back_noted",
    }
    EXAMPLE = """\
status:
  type: status
  prompt: [status.intro]
  unknown_prompt: [follow_up.unknown]
  too_many_prompt: [follow_up.too_many]
  unavailable_prompt: [follow_up.unavailable]
  after_prompt: [status.after]
  repeat: "1"
  another: "2"
  unknown_go: follow_up
  go: goodbye
"""

    @classmethod
    def read(cls, written: StepFields) -> StatusStep:
        found = super(StatusStep, cls).read(written)
        if found.repeat and found.repeat == found.another:
            written.fields.wrong(written.fields.table, "another", "must be another key than repeat")
        return found

    def perform(self, talk: Talk) -> Flow[str]:
        code = talk.draft.pop("code", "")
        seen = yield from talk.do(LookUpCase(code), CaseSeen)
        match seen.result:
            case Lookup.UNKNOWN:
                talk.unknown_codes += 1
                talk.say(*self.unknown_prompt)
                return self.no_match.then if talk.unknown_codes >= self.no_match.limit else self.unknown_go
            case Lookup.TOO_MANY:
                talk.say(*self.too_many_prompt)
                return self.go
            case Lookup.UNAVAILABLE:
                talk.say(*self.unavailable_prompt)
                talk.say(*(yield from self._call_back(talk, code)))
                return self.go
            case Lookup.FOUND:
                return (yield from self._found(talk, seen.into or code, seen))

    def _found(self, talk: Talk, code: str, seen: CaseSeen) -> Flow[str]:
        awaited = verdict.awaited(seen, talk.caller.now, talk.language, talk.directory)
        lead = self.prompt + verdict.standing(seen, talk.directory)
        if seen.withheld:
            yield from verdict.offer_operator(talk, self, (*lead, verdict.not_told(seen), *awaited))
            return self.go
        if verdict.is_unread(seen):
            unread = (*lead, *verdict.answer(seen, talk.language, talk.directory), *awaited)
            yield from verdict.offer_operator(talk, self, unread)
            return self.go
        if seen.may_confirm and seen.status == Status.ANSWERED:
            news = verdict.answer(seen, talk.language, talk.directory) + awaited
            if (yield from verdict.ask(talk, self, code, seen, lead, news, proven=False)) is None:
                talk.say("callback.later")
            return self.go
        situation = verdict.situation(seen, talk.caller.now, talk.language, talk.directory)
        speech = self.prompt + situation
        if seen.may_reopen:
            yield from verdict.offer_reopening(talk, self, code, speech)
            return self.go
        return (yield from self._tell(talk, speech + self.after_prompt))

    def _tell(self, talk: Talk, speech: Speech) -> Flow[str]:
        while True:
            keys = yield from talk.ask(self, speech, 1)
            if not keys.pressed and keys.ended is Ended.HASH:
                raise Back
            if keys.pressed == self.another:
                return self.unknown_go
            if keys.pressed not in (self.repeat, "*"):
                return self.go

    def _call_back(self, talk: Talk, code: str) -> Flow[Speech]:
        """Offer to call her once the books can be read; what she is told: a promise only if it is kept."""
        wished = talk.can_be_called and (yield from self._wishes(talk))
        noted = wished and (yield from talk.do(WishCallBack(code), WishNoted)).noted
        return ("follow_up.call_back_noted",) if noted else ("follow_up.call_later",)

    def _wishes(self, talk: Talk) -> Flow[bool]:
        keys = yield from talk.ask_key(self, ("follow_up.call_back_offer",))
        return keys.pressed == CALL_BACK_KEY

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.ALONE)
        yield Way(self.unknown_go, By.WRONG)
        yield Way(self.no_match.then, By.WRONG)

    def at_best(self, timing: Timing) -> float:
        said = ("status.referred", "status.agency_is", "status.due_is", "status.no_answer_yet")
        day = saying.day(_EXAMPLE_DAY, timing.language)
        agency = timing.longest(f"agency.{code}" for code in timing.directory.agencies)
        return timing.speech((*self.prompt, *said, *day, *self.after_prompt)) + agency

    def at_worst(self, timing: Timing, by: By) -> float:
        offer = ("follow_up.call_back_offer", "follow_up.call_back_noted")
        prompts = (self.unknown_prompt, self.too_many_prompt, self.unavailable_prompt + offer)
        return max(self.at_best(timing) + self.first_key, *map(timing.speech, prompts))
