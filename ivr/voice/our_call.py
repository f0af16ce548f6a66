"""What the steps of the calls that we place share: each is the only one of its tree, and says goodbye."""

from __future__ import annotations

from collections.abc import Container, Iterator

from ivr.voice.actions import Say, Settle, Sound, Speech
from ivr.voice.events import Confirmed, Said
from ivr.voice.menu import END, Asking
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way

MENU = "callback"  # the tree by which the books know such a call
TRIES = 3  # at hearing a key that means something


class OurCallStep(Asking):
    """Nobody proves a tree of one step, built for one call."""

    __slots__ = ()

    def key(self, talk: Talk, menu: Speech, keys: Container[str], again: Speech) -> Flow[str]:
        """Which of `keys` she presses, "" of who presses none. `again` goes before the next times.

        `*` only has it told again, as everywhere.
        """
        told, left = Speech(), TRIES
        while left and not (yield from self.is_void(talk)):
            pressed = (yield from talk.ask(self, (*told, *menu), 1)).pressed
            if pressed in keys:
                return pressed
            left -= pressed != "*"
            told = again
        return ""

    def is_void(self, talk: Talk) -> Flow[bool]:
        """Whether nothing is to be asked any more; looked at before each time."""
        yield from ()
        return False

    def settle(self, talk: Talk, outcome: str, *thanks: Sound) -> Flow[bool]:
        """Her key counts before she is thanked for it. Where no journal takes it she hears that nobody knows.

        The end of her call says the same word all the same: whichever of the two gets through counts.
        """
        talk.verdict = outcome
        noted = (yield from talk.do(Settle(outcome), Confirmed)).noted
        talk.say(*(thanks if noted else ("verdict.unsure",)))
        return noted

    def goodbye(self, talk: Talk) -> Flow[str]:
        """The end of the call, after what is still to be told."""
        yield from talk.do(Say((*talk.take_pending(), "callback.goodbye"), talk.language), Said)
        return END

    def ways(self) -> Iterator[Way]:
        yield from ()

    def at_best(self, timing: Timing) -> float:
        return timing.speech(self.prompt)

    def at_worst(self, timing: Timing, by: By) -> float:
        return timing.speech(self.prompt)
