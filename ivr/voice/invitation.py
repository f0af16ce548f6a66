"""We call a citizen about her meeting: when and where, and whether she comes; or that she still waits.

Pure like all calls. Nothing of the matter is told, only date, place and her code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ivr.cases.meetings import MeetingWay, Official
from ivr.voice import meeting_standing, saying
from ivr.voice.actions import Say, Speech
from ivr.voice.events import Said
from ivr.voice.our_call import OurCallStep
from ivr.voice.talk import Flow, Talk

LEADS = ("reminder", "moved", "delayed")  # news of a slot that she may have heard of before
NO_DAY = ("elsewhere", "declined")  # news after which she waits for no day
SPEAKS = meeting_standing.SLOT_PROMPTS | frozenset(
    {
        *(f"meeting.{lead}" for lead in LEADS),
        "meeting.code_is",
        "meeting.menu",
        "meeting.comes",
        "meeting.cant_come",
        "meeting.another_day",
        "meeting.waiting",
        "meeting.off",
        "meeting.heard_menu",
        *(f"meeting.{what}" for what in NO_DAY),
        "callback.greeting",
        "callback.goodbye",
    }
)


@dataclass(frozen=True, slots=True)
class MeetingNews:
    """What she is told. `what`: invited, reminder, moved, delayed; waiting, off, elsewhere or declined.
    `starts_at`: of her slot, in the province's zone.

    `again_on`: until when she hears of another slot, if she has none or wants another day.
    """

    what: str
    again_on: date
    official: Official = Official.GOVERNOR
    way: MeetingWay = MeetingWay.IN_PERSON
    starts_at: datetime | None = None
    place: str = ""
    agency: str = ""  # of the official; "": whoever planned the call said none


@dataclass(frozen=True, slots=True)
class InvitationStep(OurCallStep):
    """Tells the news. A key counts once all of it was heard: 1 comes, 2 can't, 3 another day, * again."""

    code: str
    news: MeetingNews

    TYPE = "invitation"

    def perform(self, talk: Talk) -> Flow[str]:
        talk.code = self.code
        told = ("callback.greeting", *self.speech(talk))
        yield from talk.do(Say(told, talk.language), Said)
        if self.news.starts_at is not None:
            yield from self._ask(talk)
        elif self.news.what == "waiting" or (yield from self._is_heard(talk)):
            talk.verdict = "heard"
        return (yield from self.goodbye(talk))

    def _is_heard(self, talk: Talk) -> Flow[bool]:
        """An answering machine would leave her to come for a slot that is off."""
        return bool((yield from self.key(talk, ("meeting.heard_menu",), ("1",), self.speech(talk))))

    def _ask(self, talk: Talk) -> Flow[None]:
        again = self.speech(talk)
        match (yield from self.key(talk, ("meeting.menu",), ("1", "2", "3"), again)):
            case "1":
                yield from self.settle(talk, "comes", "meeting.comes")
            case "2":
                yield from self.settle(talk, "cant_come", "meeting.cant_come")
            case "3":
                until = saying.day(self.news.again_on, talk.language)
                yield from self.settle(talk, "another_day", "meeting.another_day", *until)

    def speech(self, talk: Talk) -> Speech:
        """Date, hour and place in words, until when she waits, or that she waits no more; then her code."""
        news, language = self.news, talk.language
        code = ("meeting.code_is", *saying.code(self.code, language))
        if news.starts_at is None:
            until = () if news.what in NO_DAY else saying.day(news.again_on, language)
            return (f"meeting.{news.what}", *until, *code)
        lead: Speech = (f"meeting.{news.what}",) if news.what in LEADS else ()
        whose = meeting_standing.body(news.official, news.agency, talk.directory)
        slot = meeting_standing.slot(news.official, news.way, news.starts_at, news.place, language, whose)
        return (*lead, *slot, *code)
