"""What an earlier call of a number left: an open case, or one that broke off and can be gone on with.

Caller id proves nothing: who calls is asked about it, and told nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    ScalarSelect,
    Select,
    Text,
    any_,
    bindparam,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.store.direct import Prepared, asking
from ivr.store.tables import calls, cases, provinces, recordings
from ivr.voice.events import BROKEN_OFF, IN_MID_WORD, OPEN, TakenUp

JUST_NOW = timedelta(hours=1)
MOST_OPEN = 3  # open cases of one number: more are those of a whole office, and who calls there hears of none
_WITHHELD: ColumnElement[str] = literal_column("''")  # literally, or no plan that is kept uses the index
NOT_WITHHELD = cases.c.caller_key != _WITHHELD
_ONE: ColumnElement[int] = literal_column("1")
_HOUR = bindparam("hour", type_=cases.c.opened_at.type)
# Of her cases those that are open, in words that fit no index of all open cases: see `has_row`.
NOT_CLOSED = func.num_nulls(cases.c.closed_at) == _ONE
UNANSWERED = (NOT_CLOSED, func.num_nulls(cases.c.stopped_at) == _ONE)
Hers = Sequence[ColumnElement[bool]]  # which cases are those of a number


async def take_up(engine: AsyncEngine, caller: str, now: datetime) -> tuple[str, TakenUp] | None:
    """The case, by its id, of this number's call of the last hour that broke off before all was said."""
    async with asking(engine) as raw:
        row = await _BROKEN_OFF.first(raw, caller=caller, hour=now - JUST_NOW)
    if row is None:
        return None
    topic = "" if row["topic"] == row["other_topic"] else row["topic"]
    return str(row["id"]), TakenUp(row["code"], topic, row["county"] or "")


def has_row(query: Select[Any]) -> ColumnElement[bool]:
    """Whether there is one, looked for each time by the query's own index.

    EXISTS may be planned as a hash of all rows that fit its other conditions: few, as long as nobody has
    counted them. Kept while a young hotline's books grow, such a plan made every call read all open cases.
    """
    found = query.with_only_columns(true(), maintain_column_froms=True).limit(_ONE)
    return func.coalesce(found.scalar_subquery(), false())


def told(row: Any) -> str:
    """One of `ivr.voice.events.EARLIER`, or ""."""
    return BROKEN_OFF if row["broken_off"] else OPEN if 0 < row["open"] <= MOST_OPEN else ""


def broken_off(hers: Hers) -> Select[Any]:
    """The number's latest case, where it is of a call after `hour` that broke off before all was said.

    In mid-word, or with her matter or county unsaid; not once it has its answer. Who heard the tree to its
    end has said what she wished.
    """
    newer, other = cases.alias("newer"), select(provinces.c.other_topic).scalar_subquery()
    same = (newer.c.caller_key == cases.c.caller_key, newer.c.caller_key != _WITHHELD)
    later = select(newer.c.id).where(*same, newer.c.opened_at > cases.c.opened_at)
    said = select(recordings.c.ended).where(recordings.c.case_id == cases.c.id)
    last = said.order_by(recordings.c.recorded_at.desc()).limit(1).scalar_subquery()
    cut_off = last == any_(literal([*IN_MID_WORD], ARRAY(Text)))
    unsaid = or_(cases.c.topic == other, cases.c.county.is_(None), cut_off)
    names = (cases.c.id, cases.c.code, cases.c.topic, cases.c.county, other.label("other_topic"))
    query = select(*names).join(calls, calls.c.id == cases.c.call_id)
    query = query.where(*hers, cases.c.opened_at > _HOUR, *UNANSWERED, unsaid)
    query = query.where(cases.c.confidential.is_(None), cases.c.code.is_not(None))
    return query.where(calls.c.outcome != "completed", ~has_row(later))


def open_before(hers: Hers) -> ScalarSelect[int]:
    """How many open cases it has from before `hour`: who has just called is not asked about that call."""
    before = func.count().filter(cases.c.opened_at < _HOUR)  # no condition, lest an index by time be used
    query = select(before).select_from(cases).where(*hers, NOT_CLOSED, cases.c.confidential.is_(None))
    return query.scalar_subquery()


_BROKEN_OFF = Prepared(broken_off((cases.c.caller_key == bindparam("caller"), NOT_WITHHELD)))
