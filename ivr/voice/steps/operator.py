"""type: operator. A human; nobody there or out of hours leads to `nobody`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time

from ivr.cases.turns import Hours
from ivr.voice.actions import LookAtQueue, Operator, Say, Speech
from ivr.voice.conditions import DAYS, TIME
from ivr.voice.events import QueueSeen, Said, Transfer, Transferred
from ivr.voice.fields import Fields
from ivr.voice.menu import END, Step
from ivr.voice.mistakes import shown
from ivr.voice.step_fields import PROMPT
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Miss, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import NO_MISS, NumberValue, OwnValue, PromptsValue, StepValue, TextValue


def _hours(outer: Fields, name: str) -> Hours | None:
    fields = outer.inner(name)
    if fields is None:
        return None
    days = set()
    for item in fields.items("days"):
        if item.value in DAYS:
            days.add(DAYS[item.value])
        else:
            fields.wrong(item, "days", f"{shown(item.value)} is none of {', '.join(DAYS)}", item.value, DAYS)
    opens, closes = _time(fields, "opens"), _time(fields, "closes")
    if opens and closes and opens >= closes:
        fields.wrong(fields.table, "closes", "must be later than opens, within one day")
    fields.close()
    return Hours(frozenset(days), opens or time(0), closes or time(0))


def _time(fields: Fields, name: str) -> time | None:
    node = fields.scalar(name)
    if node is None:
        return None
    if re.fullmatch(TIME, node.value):
        return time.fromisoformat(node.value)
    fields.wrong(node, name, f'{shown(node.value)} must be a time from "00:00" to "23:59"')
    return None


HOURS = {
    "type": "object",
    "properties": {
        "days": {"type": "array", "items": {"enum": list(DAYS)}, "uniqueItems": True},
        "opens": {"type": "string", "pattern": f"^{TIME}$"},
        "closes": {"type": "string", "pattern": f"^{TIME}$"},
    },
    "required": ["days", "opens", "closes"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class PlaceOffer:
    """How she is asked: 1 keeps her place; silence, and any other key, is to wait on the line."""

    first_key: float = 4.0
    next_key: float = 3.0
    barge_in: bool = True
    no_input: Miss = NO_MISS
    no_match: Miss = NO_MISS
    sorts: bool = False


OFFER = PlaceOffer()
KEEPS_PLACE = "1"
NOBODY = "operator.closed"  # said where nobody came


@dataclass(frozen=True, slots=True)
class OperatorStep(Step):
    queue: str
    hours: Hours | None
    wait_seconds: int
    closed_prompt: tuple[str, ...]
    nobody: str
    call_back: str = ""

    TYPE = "operator"
    TITLE = "a human"
    PROMPT = replace(PROMPT, meaning="said before the queue", default=("operator.connecting",))
    KEYS = (
        YamlKey(
            "queue",
            TextValue("[A-Za-z0-9_-]{1,40}", "a queue's name of a-z, 0-9, _ and -"),
            "the queue's name in Asterisk",
            "operators",
        ),
        YamlKey(
            "hours",
            OwnValue("`{days, opens, closes}`", _hours, HOURS),
            "`days` (`sat` … `fri`), `opens` and `closes` within one day; left out, always open",
            None,
        ),
        YamlKey("wait_seconds", NumberValue(5, 3600, whole=True), "how long to wait in the queue", 300),
        YamlKey("closed_prompt", PromptsValue(), "said out of hours", ("operator.closed",)),
        YamlKey("nobody", StepValue(), "the step when nobody answers or it is out of hours"),
        YamlKey(
            "call_back",
            StepValue("record"),
            "where who would have to wait and rather wants to be called in her turn says what it is about",
            "",
        ),
    )
    ABOUT = """\
Whom nobody answers hears that nobody is there (`operator.closed`), unless the prompt of `nobody` says it.

With `call_back`, whoever comes when all operators are busy is offered to hang up and be called when it is her
turn (1; anything else, and silence, is to wait on the line). Her words come first, if she has left none yet;
once they are a case her place is kept: behind those who came before her, on the line or at home, before those
who came after. She is called within `hours` and those of `callbacks`, three times at most, hears who calls
and why, and is put through by a 1. It is offered to nobody who can't be called back (a withheld number or one
from abroad, an installation that dials nobody), to nobody outside the hours of `callbacks`, nor to who is
blocked."""
    SPEAKS = frozenset({NOBODY, "turn.offer", "turn.kept", "turn.not_kept", "goodbye"})
    LEAF = "operator"
    LOOK = "operator"
    EXAMPLE = """\
operator:
  type: operator
  prompt: [operator.connecting]
  queue: operators
  hours: {days: [sat, sun, mon, tue, wed], opens: "07:00", closes: "19:00"}
  wait_seconds: 300
  closed_prompt: [operator.closed]
  nobody: message
  call_back: message
"""

    def perform(self, talk: Talk) -> Flow[str]:
        if (yield from self._keeps_place(talk)):
            talk.turn_queue, talk.turn_hours = self.queue, self.hours.written() if self.hours else ""
            if not talk.code:
                return self.call_back
            yield from talk.keep_place()
            yield from talk.do(Say((*talk.take_pending(), "goodbye"), talk.language), Said)
            return END
        onward = talk.steps.get(self.nobody)
        if not (yield from self.connect(talk, onward.prompt if isinstance(onward, Step) else ())):
            return self.nobody
        talk.turn_queue = ""  # she has had her turn: words that are safe only as the call ends keep no place
        return END

    def _keeps_place(self, talk: Talk) -> Flow[bool]:
        """Whether she would have to wait, could be called, and wants that."""
        may = self.call_back and talk.can_be_called and not talk.blocked
        if not may or talk.turn_queue or talk.code == "" or self.is_closed(talk):
            return False
        seen = yield from talk.do(LookAtQueue(self.queue), QueueSeen)
        if not seen.busy:
            return False
        keys = yield from talk.ask_key(OFFER, ("turn.offer",))
        return keys.pressed == KEEPS_PLACE

    def is_closed(self, talk: Talk) -> bool:
        return self.hours is not None and not self.hours.hold(talk.caller.now)

    def connect(self, talk: Talk, said_next: Speech = ()) -> Flow[bool]:
        """Whether she has talked with somebody; else it is said that nobody is there, once.

        Other steps ask for it, too, also those of another tree.
        """
        if self.is_closed(talk):
            talk.say(*talk.in_words_of(self.id, self.closed_prompt))
            return False
        said = talk.take_pending() + talk.in_words_of(self.id, self.prompt)
        yield from talk.do(Say(said, talk.language), Said)
        reached = yield from talk.do(Operator(self.queue, talk.language, self.wait_seconds), Transferred)
        if reached.result is Transfer.ANSWERED:
            return True
        if NOBODY not in said_next:
            talk.say(*talk.in_words_of(self.id, (NOBODY,)))
        return False

    def ways(self) -> Iterator[Way]:
        yield Way(self.nobody, By.ALONE)
        if self.call_back:
            yield Way(self.call_back, By.CALLER, key=KEEPS_PLACE)

    @property
    def asks_who(self) -> bool:
        return bool(self.call_back)  # who is blocked is not called

    def at_best(self, timing: Timing) -> float:
        return timing.speech(self.prompt)

    def at_worst(self, timing: Timing, by: By) -> float:
        offered = timing.speech(("turn.offer",)) + OFFER.first_key if self.call_back else 0.0
        return offered if by is By.CALLER else offered + self._waited(timing)

    def _waited(self, timing: Timing) -> float:
        in_vain = timing.speech((*self.prompt, NOBODY)) + self.wait_seconds
        return max(in_vain, timing.speech(self.closed_prompt))


def own_operator(steps: Mapping[str, object]) -> OperatorStep | None:
    """The one of the tree itself, where it has one, and not that of a tree it calls."""
    operators = (step for step in steps.values() if isinstance(step, OperatorStep))
    return min(operators, key=lambda step: step.id.count("."), default=None)
