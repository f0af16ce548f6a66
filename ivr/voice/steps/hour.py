"""type: hour. In line for the official who takes calls himself; whoever nobody takes goes on to `go`.

Only whose words are safe already waits here, so nothing is lost whatever becomes of the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.voice import saying
from ivr.voice.actions import AwaitHour, JoinHour, RingOfficial, Say, Speech
from ivr.voice.events import Connected, HourState, HourTold, Said
from ivr.voice.menu import Asking
from ivr.voice.recorded_talk import MOST_SECONDS, UNRECORDED, keep, may_record
from ivr.voice.step_fields import PROMPT
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import NumberValue, StepValue

LOOK_SECONDS = 60.0  # after which who waits is told her place again
ASKS = "asks whether the conversation may be recorded: 1 yes; anything else, and silence, no"
WHY = {
    HourState.CLOSED: "hour.closed",
    HourState.FULL: "hour.full",
    HourState.AWAY: "hour.away",
    HourState.WAITING: "hour.nobody",  # she has waited as long as the tree lets her
}


@dataclass(frozen=True, slots=True)
class HourStep(Asking):
    wait_seconds: int
    go: str

    TYPE = "hour"
    TITLE = "the line of an official who takes calls himself"
    PROMPT = replace(PROMPT, meaning=ASKS, default=("hour.consent",))
    KEYS = (
        YamlKey("wait_seconds", NumberValue(30, 3600, whole=True), "how long she waits at most", 1500),
        YamlKey("go", StepValue(), "the next step, whether he took her call or not"),
    )
    ABOUT = """\
Whoever comes here has her words safe: put a `record` step, and the `code`, before it. She hears her place,
again when it changes, music between, and the truth when the hour is over, the line is full, or nobody took
her."""
    GONE_BACK_TO = False
    SPEAKS = frozenset(
        {
            *WHY.values(),
            "hour.kept",
            "hour.turn",
            "hour.unanswered",
            "hour.over",
            UNRECORDED,
            "queue.youarenext",
            "queue.thereare",
            "queue.callswaiting",
        }
    )
    EXAMPLE = """\
hour:
  type: hour
  prompt: [hour.consent]
  wait_seconds: 1500
  go: goodbye
"""

    def perform(self, talk: Talk) -> Flow[str]:
        if talk.code is None:  # nothing of hers is kept, and she was told so
            return self.go
        if not talk.code:  # her words are safe, and it takes a person to find them
            talk.say(WHY[HourState.AWAY], "hour.kept")
            return self.go
        keys = yield from talk.ask_key(self, self.prompt)
        record = keys.pressed == "1"
        told = yield from talk.do(JoinHour(talk.code, talk.language, record, talk.hour), HourTold)
        left, place = float(self.wait_seconds), 0
        while told.state is HourState.TURN or (told.state is HourState.WAITING and left > 0):
            if told.state is HourState.TURN:
                if (yield from self._talk(talk, record)):
                    return self.go
                place = 0
            place = yield from self._tell_place(talk, told.place or 1, place)
            told = yield from talk.do(AwaitHour(told.place, min(left, LOOK_SECONDS)), HourTold)
            left -= told.waited
        talk.say(WHY[told.state], "hour.kept")
        return self.go

    def _tell_place(self, talk: Talk, now: int, before: int) -> Flow[int]:
        """Only where it is another one than she was told."""
        if now != before:
            where: Speech = ("queue.youarenext",)
            if now > 1:
                where = ("queue.thereare", *saying.number(now, talk.language))
            speech = (*talk.take_pending(), *where, "queue.callswaiting")
            yield from talk.do(Say(speech, talk.language), Said)
        return now

    def _talk(self, talk: Talk, record: bool) -> Flow[bool]:
        """Whether they talked."""
        record = yield from may_record(talk, record)
        speech = (*talk.take_pending(), "hour.turn")
        yield from talk.do(Say(speech, talk.language), Said)
        how = yield from talk.do(RingOfficial(talk.language, record, MOST_SECONDS), Connected)
        yield from keep(talk, how)
        talk.say("hour.over" if how.talked else "hour.unanswered")
        return how.talked

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.ALONE)

    def at_best(self, timing: Timing) -> float:
        return timing.speech((*self.prompt, "hour.turn", "hour.over"))

    def at_worst(self, timing: Timing, by: By) -> float:
        asked = timing.speech(self.prompt) + self.first_key
        return asked + self.wait_seconds + timing.longest(WHY.values()) + timing.speech(("hour.kept",))
