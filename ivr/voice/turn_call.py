"""The call to who kept her place in the operators' queue: her turn has come.

Who answers may be anybody: nothing of her matter is told. She is put through before those on the line, for
she came before them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ivr.voice.actions import Operator, Say
from ivr.voice.events import Said, Transfer, Transferred
from ivr.voice.our_call import OurCallStep
from ivr.voice.talk import Flow, Talk

SPEAKS = frozenset({"turn.who", "turn.menu", "turn.connecting", "turn.declined", "turn.nobody"})


@dataclass(frozen=True, slots=True)
class TurnNews:
    """`queue`: its name in Asterisk."""

    queue: str


@dataclass(frozen=True, slots=True)
class TurnStep(OurCallStep):
    """Says who calls and why; 1 puts her through, 2 lets her place go.

    Without a key, or an operator who answers, she was not reached: nothing came of her turn, and she is rung
    once more. So is who hangs up as she waits for one: the line may have broken, or Asterisk gone down.
    """

    code: str
    news: TurnNews

    TYPE = "turn"

    def perform(self, talk: Talk) -> Flow[str]:
        talk.code = self.code
        yield from talk.do(Say(("callback.greeting", "turn.who"), talk.language), Said)
        match (yield from self.key(talk, ("turn.menu",), ("1", "2"), again=("turn.who",))):
            case "1":
                yield from self._put_through(talk)
            case "2":
                yield from self.settle(talk, "wont_talk", "turn.declined")
        return (yield from self.goodbye(talk))

    def _put_through(self, talk: Talk) -> Flow[None]:
        yield from talk.do(Say(("turn.connecting",), talk.language), Said)
        operator = Operator(self.news.queue, talk.language, first=True)
        reached = yield from talk.do(operator, Transferred)
        if reached.result is Transfer.ANSWERED:
            talk.verdict = "talked"
        else:
            talk.say("turn.nobody")
