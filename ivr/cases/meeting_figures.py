"""Figures of meetings: how many asked and were heard, after how long, and what became of orders. Pure.

A request counts in the period in which it was made, an order in the one in which it was given; each as it
stands now. Waiting is counted in calendar days, from asking to being heard.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import TypeVar
from zoneinfo import ZoneInfo

from ivr.cases.meeting_orders import OrderState
from ivr.cases.meetings import RequestState
from ivr.cases.periods import days_between

K = TypeVar("K", bound=Hashable)
NEARLY_ALL = 0.9
S = RequestState
# Neither heard nor otherwise decided.
PENDING = frozenset({S.REQUESTED, S.UNDER_REVIEW, S.WAITING, S.INVITED, S.CONFIRMED, S.NO_SHOW})


@dataclass(frozen=True, slots=True)
class AskedFact:
    """A request. `reason`: of the last decision."""

    code: str
    asked_at: datetime
    state: RequestState
    met_at: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderedFact:
    """An order. `session`: at which it was given; None where that is not known any more.

    `kept_late`: it is kept, and its body reported so only after its day, on which she had not said so.
    """

    agency: str
    session: int | None
    given_at: datetime
    state: OrderState
    late: bool
    kept_late: bool = False


@dataclass(frozen=True, slots=True)
class Waited:
    """Days within which half of them, and nine in ten, were heard; None of nobody."""

    count: int = 0
    median: int | None = None
    p90: int | None = None


@dataclass(frozen=True, slots=True)
class AskedFigures:
    """Each is one of: met, settled, sent below, declined, withdrawn (unheard), pending.

    `missed`: did not come to their slot. `pending`: neither heard nor otherwise decided, missed too.
    """

    requests: int
    met: int
    settled: int
    sent_below: int
    declined: int
    withdrawn: int
    missed: int
    pending: int
    waited: Waited
    waiting: Waited  # those pending, so far


@dataclass(frozen=True, slots=True)
class OrderedFigures:
    """`late`: owed beyond its day. `kept_late`: of those kept. Revoked ones are not counted as given."""

    given: int = 0
    kept: int = 0
    kept_late: int = 0
    late: int = 0
    contradicted: int = 0
    objected: int = 0


def of_requests(facts: Iterable[AskedFact], now: datetime, zone: ZoneInfo) -> AskedFigures:
    """`zone`: the province's, whose days are counted."""
    found = list(facts)

    def many(*states: RequestState) -> int:
        return sum(fact.state in states for fact in found)

    met = [fact for fact in found if fact.met_at is not None]
    pending = [fact for fact in found if fact.met_at is None and fact.state in PENDING]
    return AskedFigures(
        requests=len(found),
        met=len(met),
        settled=many(S.SETTLED),
        sent_below=many(S.SENT_BELOW),
        declined=many(S.DECLINED),
        withdrawn=sum(fact.state is S.WITHDRAWN for fact in found if fact.met_at is None),
        missed=many(S.NO_SHOW),
        pending=len(pending),
        waited=waited(days_between(fact.asked_at, fact.met_at, zone) for fact in met if fact.met_at),
        waiting=waited(days_between(fact.asked_at, now, zone) for fact in pending),
    )


def of_orders(facts: Iterable[OrderedFact]) -> OrderedFigures:
    found = [fact for fact in facts if fact.state is not OrderState.REVOKED]

    def many(state: OrderState) -> int:
        return sum(fact.state is state for fact in found)

    return OrderedFigures(
        given=len(found),
        kept=many(OrderState.KEPT),
        kept_late=sum(fact.kept_late for fact in found),
        late=sum(fact.late for fact in found),
        contradicted=many(OrderState.CONTRADICTED),
        objected=many(OrderState.OBJECTED),
    )


def by(facts: Iterable[OrderedFact], key: Callable[[OrderedFact], K]) -> dict[K, OrderedFigures]:
    """The same for each agency or session, whoever has most first."""
    groups: dict[K, list[OrderedFact]] = {}
    for fact in facts:
        groups.setdefault(key(fact), []).append(fact)
    found = {name: of_orders(its) for name, its in groups.items()}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1].given, str(pair[0]))))


def waited(days: Iterable[int]) -> Waited:
    """The least number of days within which that share was heard."""
    found = sorted(days)
    if not found:
        return Waited()
    return Waited(len(found), _within(found, 0.5), _within(found, NEARLY_ALL))


def _within(days: Sequence[int], share: float) -> int:
    return days[ceil(share * len(days)) - 1]
