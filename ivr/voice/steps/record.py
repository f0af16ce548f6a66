"""type: record. After the words a case is opened; nothing that follows can lose them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ivr.voice.actions import FindRoom, Say, Speech
from ivr.voice.events import Ended, Recorded, RoomFound, Said
from ivr.voice.fields import Fields
from ivr.voice.menu import Asking
from ivr.voice.step_fields import PROMPT, StepFields, miss_key, sets
from ivr.voice.steps.operator import OperatorStep
from ivr.voice.talk import LEAST_SECONDS, VOICED_SECONDS, Back, Flow, Gone, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Miss, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import ANY_PROMPTS, NumberValue, OwnValue, StepValue

SETTABLE = ("kind", "topic", "county")
SETS = {
    "type": "object",
    "properties": {name: {"$ref": f"#/$defs/{name}"} for name in SETTABLE},
    "additionalProperties": False,
}


def _sets(fields: Fields, name: str) -> Mapping[str, str]:
    inner = fields.inner(name)
    if inner is None:
        return MappingProxyType({})
    values = sets(inner, SETTABLE)
    inner.close()
    return values


def _is_voiced(recorded: Recorded) -> bool:
    return recorded.voiced_seconds >= VOICED_SECONDS


@dataclass(frozen=True, slots=True)
class RecordStep(Asking):
    max_seconds: float
    silence_seconds: float
    min_seconds: float
    too_short: Miss
    sets: Mapping[str, str]
    promise_prompt: tuple[str, ...]
    go: str

    TYPE = "record"
    TITLE = "the caller's words"
    PROMPT = replace(PROMPT, default=("record.ask",))
    KEYS = (
        YamlKey("max_seconds", NumberValue(5, 900), "the longest that she may speak", 180),
        YamlKey("silence_seconds", NumberValue(2, 60), "silence that ends it", 8),
        YamlKey("min_seconds", NumberValue(0, 30), "shorter is asked again", 2),
        miss_key(
            "too_short",
            "what happens then; its `then` is also where she goes when no disk takes a recording",
            "record.too_short",
        ),
        YamlKey(
            "sets",
            OwnValue("`kind`, `topic`, `county`", _sets, SETS),
            "of the case, each where she has chosen none",
            MappingProxyType({}),
        ),
        YamlKey(
            "promise_prompt",
            ANY_PROMPTS,
            'said behind "your words are safe", where a code is set aside for her',
            (),
        ),
        YamlKey("go", StepValue(), "the next step"),
    )
    ABOUT = """\
A beep, then the recording; `#` ends it. Behind it the words are safe: a case is open, whatever follows. A
caller who spoke at all is never sent to `then`: what there is becomes a case. Who is, and to no operator,
hears that nothing was kept.

`topic`, `county` and the numbers of `digits` may be asked before the beep or behind it (`111.yaml`,
`111-words-first.yaml`). What she says behind it refines the case that is there: its topic and county, the
body in charge, a deadline that never becomes a later one. Who hangs up before she has said it leaves her
words to the desk, as a matter "of anything else". The kind is chosen before the beep: behind it only the
matter of a meeting itself changes it (`topic`)."""
    LEAF = "record"
    LOOK = "record"
    TELLS_ALL = True
    GONE_BACK_TO = False  # her words are safe: a second visit would open a second case
    SPEAKS = frozenset(
        {
            "record.silent",
            "record.failed",
            "record.no_room",
            "record.not_more",
            "record.unsure",
            "record.unsure_more",
            "record.call_again",
            "record.cut",
            "record.again_kept",
            "record.added",
            "record.joined",
            "record.safe",
            "record.same_matter",
            "fallback.not_kept",
        }
    )
    EXAMPLE = """\
record:
  type: record
  prompt: [record.ask]
  max_seconds: 180
  silence_seconds: 8
  min_seconds: 2
  too_short: {limit: 3, say: [record.too_short], then: operator}
  sets: {kind: request, topic: other.other}
  go: review
"""

    @classmethod
    def read(cls, written: StepFields) -> RecordStep:
        found = super(RecordStep, cls).read(written)
        written.refuse_reversed("min_seconds", found.min_seconds, "max_seconds", found.max_seconds)
        return found

    def perform(self, talk: Talk) -> Flow[str]:
        mode, talk.review_mode = talk.review_mode, ""
        onward = (talk.reviewed_at or self.go) if mode else self.go
        talk.recorded_at, talk.least_seconds = self.id, self.min_seconds
        attempts = 0
        while True:
            room = yield from talk.do(FindRoom(self.max_seconds), RoomFound)
            if not room.found:
                return self._refuse(talk, "record.not_more" if mode else "record.no_room", mode and onward)
            if not mode and talk.asked_of != talk.chosen:
                # Whether she speaks of the open case of her number. Only if she says so: lines are shared.
                asked = ("record.same_matter",)
                talk.joins = room.same_matter and (yield from talk.says_yes(self, asked))
                talk.asked_of = talk.chosen
            try:
                recorded = yield from self._take(talk)
            except Back:
                if not mode:
                    raise
                return onward  # there is a case: never one step back, to a recording that opens another one
            complaint = self._what_is_wrong(recorded)
            if not complaint:
                break
            attempts += 1
            if attempts >= self.too_short.limit:
                if mode:
                    return onward  # her earlier words are safe; what came since is kept when the call ends
                talk.least_seconds = min(self.min_seconds, LEAST_SECONDS)  # as once she is past this step
                if talk.rescue() is None:
                    if not self._leads_to_operator(talk):
                        talk.say("fallback.not_kept")
                    return self.too_short.then
                break  # what there is is kept, silent or not
            talk.say(*complaint)
        kept = yield from self._keep(talk, mode, recorded)
        if not kept:
            return self._refuse(talk, "record.unsure_more" if mode else "record.unsure", mode and onward)
        talk.say("record.cut" if recorded.ended is Ended.CUT else kept)
        if talk.code and not mode and not talk.joined:
            talk.say(*self.promise_prompt)
        return onward

    def _take(self, talk: Talk) -> Flow[Recorded]:
        yield from self._invite(talk)
        recorded = yield from talk.record(self.max_seconds, self.silence_seconds)
        if recorded.ended is not Ended.FAILED:
            talk.uncased.append(recorded)
        if recorded.ended.is_gone:
            raise Gone  # the frame keeps her words
        return recorded

    def _keep(self, talk: Talk, mode: str, recorded: Recorded) -> Flow[str]:
        """What is said of her words once they are safe; "" if nobody knows: a case may come of their file."""
        if mode:  # neither silence nor a mere beginning stands instead of words that are whole
            instead = mode == "again" and _is_voiced(recorded) and recorded.ended is not Ended.CUT
            kept = yield from talk.keep_words(instead=instead)
            return ("record.again_kept" if instead else "record.added") if kept else ""
        talk.set({name: value for name, value in self.sets.items() if not talk.draft.get(name)})
        if not (yield from talk.open_case()):
            return ""
        return "record.joined" if talk.joined else "record.safe"

    def _refuse(self, talk: Talk, apology: str, reviewed: str) -> str:
        """Her words are not safe: to the operator, if the tree has one, else an honest end. Never "kept".

        `reviewed`: where her earlier words wait, which are.
        """
        talk.say(apology)
        if reviewed:
            return reviewed
        if not self._leads_to_operator(talk):
            talk.say("record.call_again")
        return self.too_short.then

    def _leads_to_operator(self, talk: Talk) -> bool:
        return isinstance(talk.steps.get(self.too_short.then), OperatorStep)

    def _invite(self, talk: Talk) -> Flow[None]:
        """Say what to do. Any key goes straight to the beep, `*` repeats, `#` goes back."""
        speech = talk.take_pending() + self.prompt
        while True:
            said = yield from talk.do(Say(speech, talk.language, self.barge_in), Said)
            ends_number = talk.ends_number(said.key == "#", said.after)
            if said.key == "#" and not ends_number:
                raise Back
            if said.key not in ("*", "#"):
                return

    def _what_is_wrong(self, recorded: Recorded) -> Speech:
        if recorded.ended is Ended.FAILED:
            return ("record.failed",)
        whole = recorded.ended is Ended.HASH and recorded.seconds >= self.min_seconds
        if not _is_voiced(recorded) and (whole or recorded.ended is Ended.SILENCE):
            return ("record.silent",)
        if recorded.seconds < self.min_seconds:  # the disk may have taken two seconds of twenty
            return ("record.failed",) if recorded.ended is Ended.CUT else self.too_short.say
        return ()

    def ways(self) -> Iterator[Way]:
        # A line with noise on it fills a recording without any caller.
        yield Way(self.go, By.ALONE, fills=self.sets)
        yield Way(self.too_short.then, By.SILENT)

    def at_best(self, timing: Timing) -> float:
        return timing.speech((*self.prompt, "record.safe", *self.promise_prompt))

    def at_worst(self, timing: Timing, by: By) -> float:
        invitation = timing.speech(self.prompt)
        asked = timing.speech(("record.same_matter",)) + self.first_key
        complaint = max(timing.speech(self.too_short.say), timing.speech(("record.silent",)))
        misses = (self.too_short.limit - 1) * (invitation + self.silence_seconds + complaint)
        told = timing.longest(("record.safe", "record.cut")) + timing.speech(self.promise_prompt)
        in_vain = self.silence_seconds + timing.speech(("fallback.not_kept",))
        return asked + misses + invitation + max(self.max_seconds + told, in_vain)
