"""We call a citizen once an order given for her falls due: is it done? 1 yes, 2 no, 3 partly.

Her key counts at once. Who says "partly" is asked what is missing, and her words join the order's own case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ivr.voice import saying, script, verdict
from ivr.voice.actions import Say, Speech, Words
from ivr.voice.events import Said
from ivr.voice.our_call import OurCallStep
from ivr.voice.talk import Flow, Talk

_MEANS = {"1": "order_done", "2": "order_not_done", "3": "order_partly"}

SPEAKS = frozenset(
    {
        "order.due",
        "order.was_due",
        "order.menu",
        "order.done",
        "order.not_done",
        "order.missing",
        "order.no_words",
        "record.unsure",
    }
) | {"meeting.code_is"}


@dataclass(frozen=True, slots=True)
class OrderNews:
    """Which body was to do what, and by when. `order`: the code of the case that carries it."""

    agency: str
    words: str
    order: str = ""
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class OrderStep(OurCallStep):
    """Tells the order, then asks. A key counts once all of it was heard; * tells it again."""

    code: str
    news: OrderNews

    TYPE = "order"

    def perform(self, talk: Talk) -> Flow[str]:
        talk.code = self.code
        whose = talk.directory.named(self.news.agency)
        told = (*self._due(talk), *whose, *map(Words, script.pieces(self.news.words)))
        which: Speech = ("meeting.code_is", *saying.code(self.code, talk.language))
        yield from talk.do(Say(("callback.greeting", *told, *which), talk.language), Said)
        key = yield from self.key(talk, ("order.menu",), _MEANS, again=told)
        if key and (yield from self.settle(talk, _MEANS[key])):
            if key == "3" and self.news.order:
                yield from self._what_is_missing(talk)
            talk.say("order.done" if key == "1" else "order.not_done")
        return (yield from self.goodbye(talk))

    def _due(self, talk: Talk) -> Speech:
        """She may be reached days later."""
        day = self.news.due_on
        if day is None or day == talk.caller.now.date():
            return ("order.due",)
        return ("order.was_due", *saying.day(day, talk.language))

    def _what_is_missing(self, talk: Talk) -> Flow[None]:
        talk.code = self.news.order
        yield from verdict.record_words(talk, "order.missing")
        if talk.reason_lost:
            talk.say("record.unsure" if talk.reason_lost == "not_kept" else "order.no_words")
