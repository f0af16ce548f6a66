"""What a page of figures was asked for: a period and what it is about, from the address and back into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from ivr.cases.channels import CITIZEN
from ivr.cases.figures import DIMENSIONS
from ivr.cases.kinds import Kind
from ivr.cases.periods import Grain, Period, named, period
from ivr.desk.book.names import Called, called
from ivr.desk.people.scope import Scope
from ivr.desk.reading.figures import Subject
from ivr.web.panel.visit import NotFound, Visit

BY = DIMENSIONS
_OFFERED = {Grain.MONTH: 12, Grain.WEEK: 8, Grain.YEAR: 3, Grain.DAY: 8}


@dataclass(frozen=True, slots=True)
class FiguresQuery:
    """`by`: the dimension of the table. `fixed`: codes that the person can't choose: they see no others."""

    period: Period
    subject: Subject
    by: str
    called: Called
    today: date
    fixed: Mapping[str, str]

    def query(self, **change: str) -> str:
        """The same page's address with some of it changed; "" takes a part away."""
        parts = {"period": self.period.name, "by": self.by}
        parts |= {name: getattr(self.subject, name) for name in DIMENSIONS if name not in self.fixed}
        return urlencode({name: value for name, value in (parts | change).items() if value})

    def inbox(self, measure: str, **codes: str) -> str:
        """The cases behind a number, as the inbox's query; "" where the inbox has no such list.

        It has none of the bodies to which cases went first: it knows those that have them now.
        """
        about = {name: getattr(self.subject, name) for name in DIMENSIONS} | codes
        if measure == "late":
            about["queue"] = "overdue"
        elif measure == "opened" and not (about["agency"] or self.subject.seen.agency):
            last = self.period.until - timedelta(days=1)
            about |= {"queue": "all", "since": _day(self.period.since), "until": _day(last)}
            about["channel"] = CITIZEN
        else:
            return ""
        return urlencode({name: value for name, value in about.items() if value})

    @property
    def about(self) -> list[tuple[str, str]]:
        """What it is narrowed to: dimension and code of each that was chosen, or else that they see alone."""
        subject, seen = self.subject, self.subject.seen
        alone = {"agency": (seen.agency,), "county": seen.areas}
        chosen = {name: (getattr(subject, name),) for name in DIMENSIONS if getattr(subject, name)}
        return [(name, code) for name in DIMENSIONS for code in (alone | chosen).get(name, ()) if code]

    def name_of(self, dimension: str, code: str) -> str:
        """ "" for a kind and for a code without a name: the page has its words for them."""
        names: Mapping[str, Mapping[str, str]] = {
            "agency": self.called.agency, "county": self.called.county, "topic": self.called.topic
        }  # fmt: skip
        return names.get(dimension, {}).get(code, "")

    def periods(self) -> dict[Grain, list[Period]]:
        """Those to choose from, the newest first; the one that was asked for among them."""
        found: dict[Grain, list[Period]] = {}
        for grain, many in _OFFERED.items():
            one, offered = period(grain, self.today), []
            for _ in range(many):
                offered.append(one)
                one = one.before
            if grain is self.period.grain and self.period not in offered:
                offered.append(self.period)
            found[grain] = offered
        return found

    @property
    def whole(self) -> bool:
        """Whether nothing is left out, so that calls may be shown too."""
        return replace(self.subject, seen=Scope(*self.subject.seen.limits)) == Subject()


def _day(day: date) -> str:
    """1405/09/05, as the inbox's fields take it."""
    return period(Grain.DAY, day).name.partition(":")[2].replace("-", "/")


async def asked(visit: Visit) -> FiguresQuery:
    """Raises NotFound for a period, a code or a dimension that is none, or that they may not see."""
    query, today = visit.request.query, visit.panel.archive.today()
    span = named(query["period"]) if query.get("period") else period(Grain.MONTH, today)
    by = query.get("by", "agency")
    if span is None or by not in BY or span.since > today + timedelta(days=1):
        raise NotFound
    names, seen = await called(visit.panel.engine), visit.scope
    known = {"agency": names.agency, "county": names.county, "topic": names.topic, "kind": set(Kind)}
    codes = {name: query.get(name, "") for name in DIMENSIONS}
    for name, code in codes.items():
        if code and code not in known[name]:
            raise NotFound
    if seen.agency and codes["agency"] not in ("", seen.agency):
        raise NotFound
    if seen.areas and codes["county"] and codes["county"] not in seen.areas:
        raise NotFound
    fixed = {"agency": seen.agency} if seen.agency else {}
    return FiguresQuery(span, Subject(**codes, seen=seen), by, names, today, fixed)
