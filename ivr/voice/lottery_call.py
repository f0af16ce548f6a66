"""We call a citizen whose closed case was drawn: the governor's office is on the line and asks how it went.

1 talks and is recorded, 2 talks unrecorded, 3 does not want to. Nothing is recorded before she has said so.
"""

from __future__ import annotations

from dataclasses import dataclass

from ivr.voice import saying
from ivr.voice.actions import Connect, LookAtLine, Say, Speech
from ivr.voice.events import Connected, LineSeen, Said
from ivr.voice.our_call import OurCallStep
from ivr.voice.recorded_talk import MOST_SECONDS, UNRECORDED, keep, may_record
from ivr.voice.talk import Flow, Talk

SPEAKS = frozenset({"lottery.who", "lottery.menu", "lottery.connecting", UNRECORDED, "lottery.gone"}) | {
    "lottery.declined",
    "meeting.code_is",
}
TO_THE_OFFICIAL = "lottery.not_reached"  # on his own line


@dataclass(frozen=True, slots=True)
class LotteryNews:
    """`line`: the channel on which the official waits."""

    line: str


@dataclass(frozen=True, slots=True)
class LotteryStep(OurCallStep):
    """Says who calls about which case, asks for her consent, and puts her through.

    Once he has put down she is asked nothing: she would agree to what can't be.
    """

    code: str
    news: LotteryNews

    TYPE = "lottery"

    def perform(self, talk: Talk) -> Flow[str]:
        talk.code = self.code
        which: Speech = ("meeting.code_is", *saying.code(self.code, talk.language))
        talk.say("callback.greeting")
        if (yield from self.is_void(talk)):
            return (yield from self.goodbye(talk))
        yield from talk.do(Say((*talk.take_pending(), "lottery.who", *which), talk.language), Said)
        match (yield from self.key(talk, ("lottery.menu",), ("1", "2", "3"), again=("lottery.who",))):
            case "1" | "2" as key:
                yield from self._talk(talk, key == "1")
            case "3":
                yield from self.settle(talk, "wont_talk", "lottery.declined")
        return (yield from self.goodbye(talk))

    def is_void(self, talk: Talk) -> Flow[bool]:
        held = (yield from talk.do(LookAtLine(self.news.line), LineSeen)).held
        if not held:
            talk.say("lottery.gone")
        return not held

    def _talk(self, talk: Talk, record: bool) -> Flow[None]:
        record = yield from may_record(talk, record)
        speech = (*talk.take_pending(), "lottery.connecting")
        yield from talk.do(Say(speech, talk.language), Said)
        talk.verdict = "not_connected"
        how = yield from talk.do(Connect(self.news.line, talk.language, record, MOST_SECONDS), Connected)
        if how.talked:
            talk.verdict = "talked"
        else:
            talk.say("lottery.gone")
        yield from keep(talk, how)
