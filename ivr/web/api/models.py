"""What goes over the wire, as pydantic models: they check what comes and describe it.

A `title` is the name that a schema has for other systems, where that word means something else in the house.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ivr.cases.kinds import Kind
from ivr.cases.meeting_orders import OrderState
from ivr.cases.meetings import MeetingWay, Official, RequestState, SessionState
from ivr.cases.statuses import ANSWER_OWED, Status
from ivr.desk.case.callback_planning import Reach
from ivr.desk.case.registering import LONGEST, MOST_ADDRESS, MOST_WORDS
from ivr.desk.meetings.order_reading import ToldOrder
from ivr.desk.meetings.request_list import MeetingRequest
from ivr.desk.meetings.session_report import SessionReport
from ivr.store.case_parts import is_voiced

Short = Annotated[str, StringConstraints(max_length=LONGEST)]
Code = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{9}$")]


class Message(BaseModel):
    """Further keys are mistakes; numbers are no texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Place(Message):
    """Where it is."""

    address: Annotated[str, StringConstraints(max_length=MOST_ADDRESS)] | None = None
    address_id: Short | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None


class NewCase(Message):
    """A case for a citizen: with a topic, or with words that decide, or (multipart) with a recording."""

    kind: Annotated[Kind, Field(strict=False)]
    topic: Short = Field("", description="A topic's code (GET /topics); without one the words decide.")
    county: Short = Field("", description="A county's code (GET /counties).")
    words: Annotated[str, StringConstraints(max_length=MOST_WORDS)] = Field(
        "", description="What the citizen wants, in her words."
    )
    caller: Short = Field("", description="Her telephone number in any usual form.")
    caller_name: Short = ""
    callback: Short = Field("", description="Where to call her back, if elsewhere; an Iranian number.")
    national_id: Short = Field(
        "", description="Ten digits with a right check digit, also Persian ones or in groups."
    )
    language: Short = Field("fa", description="The language that she hears: fa or az.")
    place: Place | None = None


class SuggestionQuestion(Message):
    """Words to be asked for topic and agency."""

    model_config = ConfigDict(title="Question")
    text: Annotated[str, StringConstraints(min_length=1, max_length=MOST_WORDS)]
    county: Short = ""
    kind: Annotated[Kind, Field(strict=False)] | None = None


class Guess(BaseModel):
    agency: str
    topic: str
    confidence: float = Field(ge=0, le=1)
    part: bool = False


class Suggested(BaseModel):
    """Up to three bodies, the likeliest first. `assigned`: sure enough to act without a person; else `doubt`
    tells why not. With several matters in the words those who each have one are marked as `part`."""

    topic: str
    agency: str
    confidence: float
    assigned: bool
    county: str
    doubt: str
    top: list[Guess]


class Part(BaseModel):
    """What one of several agencies sees to. They have one answer together, which is the case's."""

    agency: str
    status: Status


class Meeting(BaseModel):
    """How a request to meet an official stands."""

    state: RequestState
    next_on: date | None = Field(description="Until which day she waits, or of her slot.")
    at: datetime | None = Field(description="Of the slot that she has or had.")
    official: Official | None
    agency: str | None = Field(description="Of which body that official is.")
    place: str

    @classmethod
    def of(cls, wish: MeetingRequest, slot: Any) -> Meeting:
        told: dict[str, Any] = {"state": wish.state, "next_on": wish.next_on}
        told |= {"at": slot and slot.starts_at, "official": slot and slot.official}
        told |= {"agency": slot and slot.agency}
        return cls.model_validate(told | {"place": slot.place if slot else ""})


class Case(BaseModel):
    """A case as the channel that sent it may see it. Times are ISO 8601 with zone."""

    code: Code
    kind: str
    topic: str
    county: str | None
    agency: str
    agency_name: str
    status: Status
    channel: str
    opened_at: datetime
    due_at: datetime
    answer: str = Field(
        description="Empty while another one is owed than she rejected, and where it was only spoken."
    )
    voiced: bool = Field(
        description="Whether it was spoken, or a part of it: that she hears on our call, or under 111 → 6."
    )
    answered_at: datetime | None
    closed_at: datetime | None
    closure: str | None
    by_phone: Reach = Field(
        description="Whether she is told by telephone: `yes`; `to_verify`: the number that was given is rung "
        "once to ask; `refused` there; `no`: tell her to keep the code and to dial 111."
    )
    parts: list[Part] = Field(description="Of a case that several agencies share; else empty.")
    meeting: Meeting | None = Field(None, description="Of a request to meet an official; else null.")

    @classmethod
    def of(cls, row: Any, by_phone: Reach, meeting: Meeting | None = None) -> Case:
        own = ("voiced", "by_phone", "meeting")
        found = {name: getattr(row, name) for name in cls.model_fields if name not in own}
        found |= {"voiced": is_voiced(row), "parts": row.parts or []}
        found |= {"by_phone": by_phone, "meeting": meeting}
        if Status(row.status) in ANSWER_OWED:
            found |= {"answer": "", "voiced": False, "answered_at": None}
        return cls.model_validate(found)


class Cases(BaseModel):
    """One page. `after`: give it as `after` to get the next one; null at the end."""

    cases: list[Case]
    after: Code | None


class MeetingSession(BaseModel):
    """A day on which an official meets citizens."""

    model_config = ConfigDict(title="Session")
    number: int
    official: Official
    agency: str
    state: SessionState
    starts_at: datetime
    ends_at: datetime
    way: MeetingWay
    place: str
    slots: int
    booked: int

    @classmethod
    def of(cls, row: Any) -> MeetingSession:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class Sessions(BaseModel):
    sessions: list[MeetingSession]


class Order(BaseModel):
    """What a body is to do after a citizen was heard."""

    code: Code = Field(description="Of the case that carries the order.")
    session: int | None = Field(description="At which it was given.")
    agency: str
    agency_name: str
    words: str = Field(description="What it is to do; without the right to names no name and no long number.")
    state: OrderState
    late: bool
    due_on: date
    first_due_on: date = Field(description="As it was given; later than that it was extended to.")
    given_at: datetime
    said: str = Field(
        description="Her answer on the day: order_done, order_not_done, order_partly, or nothing yet; "
        "order_not_done also once she said of her whole case that it is not solved."
    )
    level: str = Field(description="Who is responsible now, as the ladder has it.")
    of: Code | None = Field(description="Her own case; null without the right to names.")
    citizen: str | None = Field(description="Her name; null without the right to names.")

    @classmethod
    def of_told(cls, told: ToldOrder) -> Order:
        part = told.seen.part
        names = ("code", "due_on", "first_due_on", "given_at", "said", "level")
        found = {name: getattr(part, name) for name in names} | {"agency": part.ordered_of}
        found |= {"state": told.seen.state, "late": told.seen.late, "session": told.session}
        found |= {"agency_name": told.agency_name, "words": told.words, "of": told.whole}
        return cls.model_validate(found | {"citizen": told.name})


class Orders(BaseModel):
    """One page. `after`: give it as `after` to get the next one; null at the end."""

    orders: list[Order]
    after: Code | None


class Theme(BaseModel):
    topic: str
    heard: int


class MeetingReport(BaseModel):
    """What the press report is written from: how many were heard, about what, and what was ordered."""

    model_config = ConfigDict(title="Report")
    session: MeetingSession
    heard: int
    themes: list[Theme]
    bodies: list[str] = Field(description="That were to attend.")
    orders: list[Order]

    @classmethod
    def of(cls, report: SessionReport, orders: Sequence[ToldOrder]) -> MeetingReport:
        themes = [Theme(topic=topic, heard=heard) for topic, heard in report.themes]
        told = {"session": MeetingSession.of(report.session), "heard": report.heard, "themes": themes}
        return cls.model_validate(
            told | {"bodies": [*report.bodies], "orders": [Order.of_told(each) for each in orders]}
        )


class Named(BaseModel):
    code: str
    name: str


class Topic(Named):
    group: str
    keywords: list[str]


class Wrong(BaseModel):
    """What is the matter, in one sentence. `field`: what it is about, "" when about the whole."""

    error: str
    field: str
