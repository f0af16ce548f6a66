"""What the address asks for: a queue or everything, what is sought, filters, and where a page begins."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ivr.cases.search import Sought, sought
from ivr.desk.reading.inbox import Filters, Key, Sight
from ivr.desk.reading.queues import Queue
from ivr.web.inbox.names import InboxNames
from ivr.web.panel.forms import Form
from ivr.web.panel.visit import Visit

ALL = "all"
FIELDS = ("kind", "topic", "county", "agency", "status", "channel")
DAYS = ("since", "until")
LONGEST_SEARCH = 200
_AGENCYS = (Queue.NEW, Queue.MINE, Queue.OVERDUE, Queue.ESCALATED, Queue.TO_APPROVE)


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """`tab`: a queue's name or "all". `typed`: the search, as typed. `wrong`: field → what is wrong."""

    tab: str
    typed: str
    sought: Sought
    filters: Filters
    after: Key | None
    fields: Mapping[str, str]
    wrong: Mapping[str, str]

    @property
    def queue(self) -> Queue | None:
        """None: search, or all."""
        return None if self.tab == ALL or self.sought else Queue(self.tab)

    @property
    def is_filtered(self) -> bool:
        return any(self.fields.values())

    def address(self, **changes: str) -> str:
        """The query of a page like this one, from its beginning; `changes`: fields that differ."""
        values = {"queue": self.tab, "q": self.typed, **self.fields, **changes}
        return urlencode({name: value for name, value in values.items() if value})


async def sight(visit: Visit) -> Sight:
    """What this person may see."""
    page, scope = await visit.panel.book.page(), visit.scope
    return Sight(
        body=scope.agency or page.rules.desk,
        agency=scope.agency,
        counties=frozenset(scope.areas),
        person=visit.person.id,
        lowest=page.ladders.levels[0],
        of_desk=scope.of_desk,
        of_office=scope.of_office,
    )


def queues_for(sight: Sight) -> tuple[Queue, ...]:
    """An agency has nothing to do with what came back to the desk, or what the desk must listen to."""
    return _AGENCYS if sight.agency else tuple(Queue)


def read(visit: Visit, names: InboxNames, sight: Sight) -> InboxQuery:
    """What can't be is left out; a day that is none gets its sentence."""
    query = visit.request.query
    form = Form(query, visit.words)  # type: ignore[arg-type]
    tabs = {*map(str, queues_for(sight)), ALL}
    tab = query.get("queue", "")
    fields = {name: query.get(name, "") for name in FIELDS}
    fields = {name: value if value in names.choices(name) else "" for name, value in fields.items()}
    typed = query.get("q", "").strip()[:LONGEST_SEARCH]
    since, until = (form.day(name, needed=False) for name in DAYS)
    zone = ZoneInfo(visit.panel.book.timezone)
    filters = Filters(
        **fields,
        since=_midnight(since, zone),
        until=_midnight(until + timedelta(days=1), zone) if until and until < date.max else None,
    )
    return InboxQuery(
        tab if tab in tabs else (ALL if typed else str(Queue.NEW)),
        typed,
        sought(typed, visit.panel.book.area_code),
        filters,
        key_in(query.get("after", "")),
        fields | {name: query.get(name, "").strip()[:20] for name in DAYS},
        form.wrong,
    )


def key_text(key: Key) -> str:
    """For an address: microseconds since 1970 and the case."""
    micro = (key.at - _EPOCH) // timedelta(microseconds=1)
    return f"{micro}-{key.case.hex}"


def key_in(text: str) -> Key | None:
    """None for what is none."""
    micro, _, case = text.partition("-")
    try:
        return Key(_EPOCH + timedelta(microseconds=int(micro)), uuid.UUID(case))
    except (ValueError, OverflowError):
        return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time(), zone) if day else None
