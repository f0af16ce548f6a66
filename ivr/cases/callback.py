"""When a citizen may be called, when again, and when it has been tried often enough. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ivr.cases.deadlines import Calendar

VERIFY_WITHIN = timedelta(days=90)
HASTE_GAPS = (timedelta(minutes=20), timedelta(hours=2))
HASTE_BUSY_GAP, HASTE_RINGS = timedelta(minutes=5), 2
_MOST_DAYS = 60  # a calendar with no day to call on in this many is a mistake


class NoDay(ValueError):
    """The calendar has no day to call on: everybody's trouble, and no call-back's fault."""


class Outcome(StrEnum):
    """How one attempt ended. The values are stable names: database and JSON."""

    SOLVED = "solved"  # she pressed 1 …
    NOT_SOLVED = "not_solved"  # … or 2
    HEARD = "heard"  # a status was told, which asks nothing of her; or that a slot is off, and she pressed 1
    UNREAD = "unread"  # no voice reads the answer, or its recording is lost: somebody must tell her
    CONFIRMED = "confirmed"  # a number that was given: whoever answered wants to be called there …
    REFUSED = "refused"  # … or not
    COMES = "comes"  # to her meeting …
    CANT_COME = "cant_come"  # … or not
    ANOTHER_DAY = "another_day"  # … or on another day
    ORDER_DONE = "order_done"  # what was ordered for her …
    ORDER_NOT_DONE = "order_not_done"  # … or not
    ORDER_PARTLY = "order_partly"  # … or in part
    TALKED = "talked"  # with an official who rang her because her case was drawn …
    WONT_TALK = "wont_talk"  # … or did not want to
    NOT_CONNECTED = "not_connected"  # … or wanted to, and he was gone
    NO_KEY = "no_key"  # someone or something answered, and no key was pressed: voicemail, a child, no time
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    GIVEN_UP = "given_up"  # not her doing: the official who held the line put down before she answered
    FAILED = "failed"  # the network or the trunk could not put it through
    UNKNOWN = "unknown"  # the process that placed it died, or lost sight of it: it may have rung
    NOT_SENT = "not_sent"  # surely never left us, so it counts as no attempt


VERIFIED = frozenset({Outcome.CONFIRMED, Outcome.REFUSED})
MEETING_ANSWERS = frozenset({Outcome.COMES, Outcome.CANT_COME, Outcome.ANOTHER_DAY})
ORDER_ANSWERS = frozenset({Outcome.ORDER_DONE, Outcome.ORDER_NOT_DONE, Outcome.ORDER_PARTLY})
SETTLED = VERIFIED | MEETING_ANSWERS | ORDER_ANSWERS | {Outcome.WONT_TALK}  # by a key, before the call ends
REACHED = frozenset({Outcome.SOLVED, Outcome.NOT_SOLVED, Outcome.HEARD})
REACHED |= SETTLED | {Outcome.TALKED, Outcome.NOT_CONNECTED}
# Whoever has the number was not disturbed.
UNHEARD = frozenset({Outcome.BUSY, Outcome.FAILED, Outcome.NOT_SENT})


@dataclass(frozen=True, slots=True)
class Policy:
    """When calls may be placed. All times are the province's.

    `gaps`: how long after the first, second, … attempt the next may follow; the last holds for all later
    ones. Given up after `attempts`, but not sooner than `over` after the first. `days_off`: call on holidays
    and at the week's end too.

    Whether a number that was given is whose it should be is asked at most once in `verify_gap` and
    `verify_rings` times in `VERIFY_WITHIN`, however many cases name it; and as often a day for one caller, or
    for one channel with all its senders (withheld numbers together are one).
    """

    opens: time = time(9)
    closes: time = time(20)
    days_off: bool = False
    attempts: int = 5
    over: timedelta = timedelta(days=3)
    gaps: Sequence[timedelta] = (timedelta(hours=3), timedelta(hours=21), timedelta(hours=27))
    busy_gap: timedelta = timedelta(minutes=30)
    per_number_per_day: int = 2
    verify_gap: timedelta = timedelta(days=3)
    verify_rings: int = 3
    verify_per_caller_per_day: int = 3
    verify_per_channel_per_day: int = 200


def in_haste(policy: Policy) -> Policy:
    """For what is of no use tomorrow, a meeting's reminder or delay: days off too, and sooner again."""
    most = policy.per_number_per_day + HASTE_RINGS
    return replace(policy, days_off=True, gaps=HASTE_GAPS, busy_gap=HASTE_BUSY_GAP, per_number_per_day=most)


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried so far: how often, since when, and when and how last."""

    attempts: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    last: Outcome | None = None


def allowed_from(policy: Policy, calendar: Calendar, moment: datetime, county: str = "") -> datetime:
    """The first time, from `moment` on, at which a citizen may be rung. Raises NoDay."""
    zone = ZoneInfo(calendar.timezone)
    local = moment.astimezone(zone)
    for days in range(_MOST_DAYS):
        day = local.date() + timedelta(days=days)
        opens, closes = (datetime.combine(day, at, zone) for at in (policy.opens, policy.closes))
        if (policy.days_off or calendar.is_working(day, county)) and local < closes:
            return max(local, opens)
    raise NoDay(f"there is no day to call on within {_MOST_DAYS} days")


def next_day(policy: Policy, calendar: Calendar, moment: datetime, county: str = "") -> datetime:
    """The first time at which she may be rung after today."""
    zone = ZoneInfo(calendar.timezone)
    tomorrow = moment.astimezone(zone).date() + timedelta(days=1)
    return allowed_from(policy, calendar, datetime.combine(tomorrow, time(0), zone), county)


def next_attempt(
    policy: Policy, calendar: Calendar, tried: Tried, now: datetime, county: str = ""
) -> datetime | None:
    """When the next attempt may be made; None when it has been tried often and long enough."""
    if tried.last_at is None or tried.first_at is None:
        return allowed_from(policy, calendar, now, county)
    if tried.attempts >= policy.attempts and now - tried.first_at >= policy.over:
        return None
    if tried.last is Outcome.NOT_SENT:
        return allowed_from(policy, calendar, now, county)
    gap = policy.busy_gap if tried.last is Outcome.BUSY else _gap(policy, tried.attempts)
    return allowed_from(policy, calendar, max(tried.last_at + gap, now), county)


def _gap(policy: Policy, attempts: int) -> timedelta:
    return policy.gaps[min(max(attempts, 1), len(policy.gaps)) - 1]
