"""How far somebody sees: the one place that decides it, for a single case and for lists of any length.

An agency sees what it has now; what left it is not there any more. Whom a case is about never sees it, be it
a body or a person. Of a confidential case nobody reads where she is, nor who, unless two of the few opened it
(`ivr.desk.people.unsealing`), and an agency reads what the desk wrote for it in place of her words, and no
answer of a body that had it before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, literal, null, or_, select, true

from ivr.cases.kinds import Kind
from ivr.cases.statuses import Status
from ivr.store.cases import KEPT
from ivr.store.tables import agencies, cases, provinces

IDENTITY = ("caller", "caller_key", "caller_name", "callback", "national_id")
ANSWER = ("answer", "answer_voice", "answer_spoken")
OPEN_TO_ALL = cases.c.confidential.is_(None)
# By the body that has it; else what is there may be of one that had it before.
_ANSWERED = cases.c.status.in_([Status.ANSWERED, Status.CLOSED, Status.ADVISED])

_ALL = cases.c


@dataclass(frozen=True, slots=True)
class Scope:
    """How far someone sees: "" = every agency, () = every county.

    `person`: whom a case may be kept from; None: the machine. `of_desk`: they are the desk's own people,
    `of_office` the governor's.
    """

    agency: str = ""
    areas: tuple[str, ...] = ()
    person: UUID | None = None
    of_desk: bool = False
    of_office: bool = False

    def cases(self, its: Any = _ALL) -> ColumnElement[bool]:
        """The condition: with that agency now, in those counties or none known, and not kept from them."""
        return and_(its.agency == self.agency if self.agency else true(), self.in_sight(its))

    def in_sight(self, its: Any = _ALL) -> ColumnElement[bool]:
        """The condition without that agency: for what it is asked about, too (`ivr.desk.meetings.agenda`)."""
        if not self.areas:
            return self.not_kept(its)
        return and_(or_(its.county.in_(self.areas), its.county.is_(None)), self.not_kept(its))

    def not_kept(self, its: Any = _ALL) -> ColumnElement[bool]:
        """The condition that it is neither about their body nor kept from themselves.

        A request to meet the governor is for the governor's office, whomever it is about.
        """
        limits: list[ColumnElement[bool]] = []
        body = self._body
        if body is not None:
            asked = (its.kind == Kind.MEETING,) if self.of_office else ()
            limits.append(or_(its.accused.is_(None), its.accused != body, *asked))
        if self.person is not None:
            limits.append(or_(its.kept_from.is_(None), ~its.kept_from.bool_op("?")(_text(self.person))))
        return and_(true(), *limits)

    def kept(self) -> Select[Any]:
        """The ids of what is kept from them, for lists that are read off another table: few, by an index."""
        return select(cases.c.id).where(KEPT, ~self.not_kept())

    def columns(self) -> list[Any]:
        """A case's columns as far as they may be read: what is confidential comes empty."""
        return [self._column(column) for column in cases.c]

    def reads_whole(self, row: Any) -> bool:
        """Whether they may read and hear her very words: an agency not those of a confidential case."""
        return not (self.agency and row.confidential)

    @property
    def limits(self) -> tuple[str, tuple[str, ...]]:
        """Agency and counties, whoever it is."""
        return self.agency, self.areas

    @property
    def _body(self) -> Any:
        if self.agency:
            return self.agency
        if self.of_office:  # the body that the desk is a part of
            above = select(agencies.c.parent).join(provinces, provinces.c.desk == agencies.c.code)
            return func.coalesce(above.limit(1).scalar_subquery(), "")
        return select(provinces.c.desk).limit(1).scalar_subquery() if self.of_desk else None

    def _column(self, column: Any) -> Any:
        name = column.name
        if name in IDENTITY:
            return case((OPEN_TO_ALL, column), else_="").label(name)
        if self.agency and name == "words":
            return case((OPEN_TO_ALL, column), else_=_told()).label(name)
        if self.agency and name == "draft":
            theirs = column["agency"].astext == self.agency
            return case((or_(OPEN_TO_ALL, theirs), column), else_=null()).label(name)
        if self.agency and name in ANSWER:
            return case((or_(OPEN_TO_ALL, _ANSWERED), column), else_="").label(name)
        if name == "place":
            return case((OPEN_TO_ALL, column), else_=null()).label(name)
        return column


def _told() -> Any:
    return func.coalesce(cases.c.told, "")


def _text(person: Any) -> Any:
    return literal(str(person), Text) if isinstance(person, UUID) else cast(person, Text)
