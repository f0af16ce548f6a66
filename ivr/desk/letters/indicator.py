"""Papers on their way out: each gets its indicator number, once, and a token by which anybody can confirm it.

The same text about the same thing is the same paper: printed again it has the number and day that it had.
Nothing of the text is kept but its fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from persiantools import digits
from persiantools.jdatetime import JalaliDate
from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.periods import Grain, period
from ivr.cases.statuses import Status
from ivr.desk.case.change import Books, Instruction
from ivr.desk.case.transaction import transaction
from ivr.desk.letters.formal_letters import LetterKind, Paper
from ivr.desk.letters.outgoing import jalali
from ivr.desk.people import auditing
from ivr.desk.refusals import Refused
from ivr.store.journal.journal_marks import Setback
from ivr.store.named_lock import alone
from ivr.store.tables import case_events, cases, papers

TOKEN_BYTES = 16
SHORT = 12  # letters of a fingerprint that people compare
LEFT_OUT = 1_000  # numbers, after the books went back: more than a month has

AskSetbacks = Callable[[AsyncConnection], Awaitable[Sequence[Setback]]]


class PaperKind(StrEnum):
    """The values are stable names: database and the panel's words."""

    INVITATION = LetterKind.INVITATION.value
    ORDER = LetterKind.ORDER.value
    MINUTES = "minutes"
    ANNEX = "annex"  # minutes of what is kept from those who sat there
    ATTENDANCE = "attendance"
    REPORT = "report"


# Of which a newer one of the same session takes the place of the older.
_REPLACED = (PaperKind.MINUTES, PaperKind.ANNEX, PaperKind.ATTENDANCE)
# After these events of its case such a paper tells what is so no more.
_UNDONE = {
    PaperKind.INVITATION: (
        *(f"meeting_{deed}" for deed in ("invite", "move", "delayed", "release", "another_day", "give_up")),
        *("withdrawn", "closed", "advised", "merged"),  # the slot of a case that is over is anybody's
    ),
    PaperKind.ORDER: ("referred", "ruled", "extended", "withdrawn", "merged"),
}


@dataclass(frozen=True, slots=True)
class Issue:
    """What a paper is. `as_of`: the last event of its case that it knows of; `session`: of which it is."""

    kind: PaperKind
    case: UUID | None = None
    as_of: int | None = None
    session: int | None = None


@dataclass(frozen=True, slots=True)
class IssuedPaper:
    """`number` has Persian digits; `holds`: nothing has taken its place, and nobody has withdrawn it."""

    token: str
    kind: PaperKind
    number: str
    dated: date
    office: str
    fingerprint: str
    holds: bool
    withdrawn_at: datetime | None
    reason: str

    @property
    def date(self) -> str:
        """As the paper bears it."""
        return jalali(self.dated, "fa")


async def issue(
    connection: AsyncConnection,
    paper: Paper,
    what: Issue,
    by: str,
    now: datetime,
    day: date,
    confirm: str,
    went_back: AskSetbacks | None = None,
) -> Paper:
    """The paper with its number and day, fingerprint and the address that confirms it (`confirm` and token).

    `day`: the one it bears, where it is new. Two who print at once get one number. `went_back` tells when the
    books did: the numbers that they had given before are left out.
    """
    await alone(connection, "paper numbers")
    print_ = _fingerprint(paper, what)
    its = (papers.c.fingerprint == print_, papers.c.withdrawn_at.is_(None))
    found = (await connection.execute(select(papers).where(*its, _holds()))).first()
    if found is None:
        backs = await went_back(connection) if went_back else []
        number = await _next_number(connection, day, max((each.at for each in backs), default=None))
        row = {"token": secrets.token_urlsafe(TOKEN_BYTES), "kind": what.kind, "dated": day}
        row |= {"year": _year(day), "number": number, "office": _office(paper)}
        row |= {"fingerprint": print_, "case_id": what.case, "as_of": what.as_of, "session": what.session}
        done = papers.insert().values(row | {"issued_by": by, "issued_at": now}).returning(papers)
        found = (await connection.execute(done)).one()
    return replace(
        paper,
        number=_number(found),
        date=jalali(found.dated, "fa"),
        confirm=f"{confirm}{found.token}",
        fingerprint=short(found.fingerprint),
    )


async def found(connection: AsyncConnection, token: str) -> IssuedPaper | None:
    """None: it is none of ours."""
    row = (await connection.execute(_seen().where(papers.c.token == token))).first()
    return _issued(row) if row else None


async def listed(connection: AsyncConnection, session: int | None = None) -> list[IssuedPaper]:
    """The newest first: of a session, or all."""
    query = _seen().order_by(papers.c.year.desc(), papers.c.number.desc())
    if session is not None:
        query = query.where(papers.c.session == session)
    return [_issued(row) for row in await connection.execute(query)]


async def withdraw(
    books: Books, number: str, ask: Instruction, session: int | None = None, person: uuid.UUID | None = None
) -> None:
    """Its page says from now on that it does not hold; the reason stands in the audit alone.

    `ask.code` is of no matter. Raises Refused without a reason, and for what is none or is withdrawn already.
    """
    if not ask.reason.strip():
        raise Refused("a paper is withdrawn with a reason")
    year, _, its = str(digits.fa_to_en(number)).strip().partition("/")
    known = year.isascii() and year.isdigit() and its.isascii() and its.isdigit() and len(year + its) < 12
    row = {"withdrawn_at": ask.now, "withdrawn_by": ask.actor.name, "reason": ask.reason.strip()}
    async with transaction(books) as connection:
        done = update(papers).values(row).where(papers.c.withdrawn_at.is_(None))
        if known:
            done = done.where(papers.c.year == int(year), papers.c.number == int(its))
        if session is not None:
            done = done.where(papers.c.session == session)
        if not known or not (await connection.execute(done)).rowcount:
            raise Refused(f"there is no paper {number[:40]} in force")
        await auditing.note(
            connection, ask.now, "paper_withdrawn", person=person, subject=f"paper/{year}/{its}",
            reason=ask.reason.strip(),
        )  # fmt: skip


def paper_json(paper: IssuedPaper) -> dict[str, Any]:
    """Stable JSON: days and times ISO 8601."""
    told = asdict(paper) | {"kind": str(paper.kind), "dated": paper.dated.isoformat()}
    return told | {"withdrawn_at": paper.withdrawn_at and paper.withdrawn_at.isoformat()}


def short(fingerprint: str) -> str:
    """So that two people can compare it: three groups of four."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, SHORT, 4))


def _fingerprint(paper: Paper, what: Issue) -> str:
    about = [what.kind, str(what.case or ""), what.session]
    blocks = [each if isinstance(each, str) else asdict(each) for each in paper.paragraphs]
    whole = json.dumps([about, paper.to, paper.subject, blocks], ensure_ascii=False, default=list)
    return hashlib.sha256(whole.encode()).hexdigest()


def _year(day: date) -> int:
    jalali_date: Any = JalaliDate  # it has no types
    return int(jalali_date(day).year)


async def _next_number(connection: AsyncConnection, day: date, went_back: datetime | None) -> int:
    """`went_back`: when the books did last. Where none of this year's was given since, some may be away."""
    its = select(func.coalesce(func.max(papers.c.number), 0), func.max(papers.c.issued_at))
    number, at = (await connection.execute(its.where(papers.c.year == _year(day)))).one()
    since = at or datetime.combine(period(Grain.YEAR, day).since, time(), UTC)
    away = went_back is not None and went_back > since
    return int(number) + 1 + (LEFT_OUT if away else 0)


def _number(row: Row[Any]) -> str:
    return str(digits.en_to_fa(f"{row.year}/{row.number}"))


def _office(paper: Paper) -> str:
    """As the letterhead ends: the office, and whose it is."""
    return "، ".join(reversed(paper.stationery.letterhead.lines[-2:]))


def _holds() -> ColumnElement[bool]:
    """Nothing has happened since that makes it untrue."""
    newer = papers.alias("newer")
    its = (newer.c.session == papers.c.session, newer.c.kind == papers.c.kind)
    since = tuple_(newer.c.year, newer.c.number) > tuple_(papers.c.year, papers.c.number)
    replaced = papers.c.kind.in_(_REPLACED) & select(newer.c.token).where(*its, since).exists()
    undone: list[ColumnElement[bool]] = []
    for kind, events in _UNDONE.items():
        later = (case_events.c.case_id == papers.c.case_id, case_events.c.seq > papers.c.as_of)
        told = select(case_events.c.seq).where(*later, case_events.c.event.in_(events)).exists()
        undone.append((papers.c.kind == kind) & told)
    over = (cases.c.id == papers.c.case_id, cases.c.status.in_((Status.WITHDRAWN, Status.MERGED)))
    # Older releases printed one after it was withdrawn, too.
    undone.append((papers.c.kind == PaperKind.ORDER) & select(cases.c.id).where(*over).exists())
    return ~or_(replaced, *undone)


def _seen() -> Select[Any]:
    return select(papers, and_(_holds(), papers.c.withdrawn_at.is_(None)).label("holds"))


def _issued(row: Row[Any]) -> IssuedPaper:
    return IssuedPaper(
        row.token,
        PaperKind(row.kind),
        _number(row),
        row.dated,
        row.office,
        short(row.fingerprint),
        row.holds,
        row.withdrawn_at,
        row.reason,
    )
