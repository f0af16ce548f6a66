"""Figures of meetings: each request and order once, as it stands now; days of waiting to whole days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.cases.meeting_figures import (
    AskedFact,
    OrderedFact,
    OrderedFigures,
    Waited,
    by,
    of_orders,
    of_requests,
    waited,
)
from ivr.cases.meeting_orders import OrderState as O
from ivr.cases.meetings import RequestState as S

NOW, TEHRAN = datetime(2026, 12, 1, 9, tzinfo=UTC), ZoneInfo("Asia/Tehran")


def asked(days_ago: int, state: S, met_after: int | None = None) -> AskedFact:
    at = NOW - timedelta(days=days_ago)
    return AskedFact("1", at, state, None if met_after is None else at + timedelta(days=met_after))


def ordered(agency: str, state: O, late: bool = False, session: int | None = 1) -> OrderedFact:
    return OrderedFact(agency, session, NOW, state, late)


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ([], Waited()),
        ([5], Waited(1, 5, 5)),
        ([1, 9], Waited(2, 1, 9)),
        ([*range(1, 11)], Waited(10, 5, 9)),
        ([3] * 9 + [100], Waited(10, 3, 3)),
    ],
)
def test_half_of_them_and_nine_in_ten_were_heard_within_so_many_days(days: list[int], found: Waited) -> None:
    assert waited(reversed(days)) == found


def test_every_request_is_somewhere_and_waiting_counts_from_asking() -> None:
    facts = [asked(30, S.MET, 12), asked(20, S.MET, 4), asked(9, S.WAITING), asked(3, S.NO_SHOW)]
    facts += [asked(9, state) for state in (S.SETTLED, S.SENT_BELOW, S.DECLINED, S.WITHDRAWN, S.REQUESTED)]
    found = of_requests(facts, NOW, TEHRAN)
    ended = found.met + found.settled + found.sent_below + found.declined + found.withdrawn
    assert found.requests == len(facts) == ended + found.pending
    assert (found.met, found.missed, found.pending) == (2, 1, 3)
    assert found.waited == Waited(2, 4, 12) and found.waiting == Waited(3, 9, 9)


def test_who_asked_in_the_evening_has_waited_a_day_by_the_next_morning() -> None:
    evening = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)  # 23:30 in the province
    morning = evening + timedelta(hours=10)
    found = of_requests(
        [AskedFact("1", evening, S.MET, morning), AskedFact("2", evening, S.WAITING, None)], morning, TEHRAN
    )
    assert found.waited == found.waiting == Waited(1, 1, 1)


def test_orders_are_counted_by_body_and_session_and_a_revoked_one_was_not_given() -> None:
    facts = [ordered("abfa", O.KEPT), ordered("abfa", O.GIVEN, late=True), ordered("edu", O.REVOKED)]
    facts += [ordered("abfa", O.CONTRADICTED, session=2), ordered("edu", O.OBJECTED, session=None)]
    facts.append(OrderedFact("abfa", 1, NOW, O.KEPT, late=False, kept_late=True))
    assert of_orders(facts) == OrderedFigures(5, kept=2, kept_late=1, late=1, contradicted=1, objected=1)
    of_bodies = by(facts, lambda fact: fact.agency)
    assert [*of_bodies] == ["abfa", "edu"] and of_bodies["abfa"].given == 4 and of_bodies["edu"].given == 1
    assert {number: its.given for number, its in by(facts, lambda f: f.session).items()} == {
        1: 3,
        2: 1,
        None: 1,
    }
