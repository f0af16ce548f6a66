"""A citizen follows her case by its code, without signing in: what 111 → 6 would tell, and nothing about her.

The answer to a case that was opened by telephone takes the number too, as on the telephone; of a confidential
one it is heard there alone: here whoever knows its code could try whose number it is.

Ten digits that are no code take the same way as one that is nobody's. With a million cases in the books a
well-formed guess hits one in 900 times, so guessing must cost; but what many guess shuts nobody out. When an
address asked or missed often, or all of them together missed often, whoever asks pays first: her browser
computes for a while (`ivr.desk.people.puzzles`), longer the more was guessed, or, where there are no scripts,
she answers a small sum. Only who answers sums waits for the wrong codes of her address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases import phone
from ivr.cases.channels import tells_number_only
from ivr.cases.meetings import OF_A_BODY
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import REOPEN
from ivr.desk.book.book import meeting_in, with_meeting
from ivr.desk.counter import questions
from ivr.desk.counter.questions import Sum
from ivr.desk.people import limiting, puzzles
from ivr.desk.people.limiting import Limit
from ivr.desk.people.puzzles import Puzzle
from ivr.desk.refusals import Refused
from ivr.store.case_parts import followed_by, is_voiced, parts_column, parts_seen
from ivr.store.tables import agencies, cases
from ivr.voice import meeting_standing
from ivr.voice.events import MeetingSeen, PartSeen

# For nothing:
LOOKS = Limit(30, timedelta(minutes=10))  # of one address
SLIPS = Limit(5, timedelta(minutes=10))  # wrong ones of one address
MISSES = Limit(300, timedelta(minutes=10))  # wrong ones of all addresses
# By sums:
MOST_MISSES = Limit(30, timedelta(minutes=10))  # of one address
# How many times the first price a puzzle costs at most, for the wrong codes of an address, and of all:
MOST_OF_ONE, MOST_OF_ALL = 32, 8
_ALL = "track"
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Tracked:
    """How a case stands. `answer`: the last that was given; `voiced`: spoken, to be heard by telephone.

    `due_at`: only while an answer is owed. `locked`: there is an answer, for whoever knows her number too;
    `past`: nobody can show it any more, for retention took it away. `merged`: it goes on in another case, of
    which all but the code is. `has_number`: she can tell 111 whether it is solved. `sealed`: locked, and no
    number opens it here. `reopens`: how many days after its end 111 hears from her number that it is not
    solved; 0: no more, or not at all.
    `meeting`: told in place of deadline and delay, as on the telephone; `meeting_body`: the body's name where
    its official is one of many of his rank. `parts`: while an answer of several bodies is owed, in place of
    `agency`: the name of each, and whether it has answered.
    """

    code: str
    status: Status
    agency: str
    answer: str
    voiced: bool
    due_at: datetime | None
    overdue: bool
    locked: bool = False
    past: bool = False
    merged: bool = False
    has_number: bool = True
    meeting: MeetingSeen | None = None
    sealed: bool = False
    reopens: int = 0
    meeting_body: str = ""
    parts: Sequence[tuple[str, bool]] = ()


class Doubted(Refused):
    """It may be a machine that guesses: `puzzle` or `question` first, then the same code again.

    No `question`: who has no scripts waits `until` then.
    """

    def __init__(self, puzzle: Puzzle, question: Sum | None, until: datetime | None) -> None:
        super().__init__("a puzzle must be solved first")
        self.puzzle = puzzle
        self.question = question
        self.until = until


@dataclass(frozen=True, slots=True)
class ProofAnswer:
    """`solved`: a puzzle; else `total` to the question that `proof` came with."""

    proof: str = ""
    total: str = ""
    solved: str = ""


async def track(
    engine: AsyncEngine,
    code: str,
    address: str,
    now: datetime,
    answer: ProofAnswer = ProofAnswer(),
    number: str = "",
) -> Tracked | None:
    """None when the code is nobody's, or no code at all. Raises Doubted.

    `number`: hers, as `phone.key` has it; a wrong one counts as a wrong code. `now` in the province's zone.
    """
    own = f"{_ALL}/{limiting.source_of(address)}"
    async with engine.begin() as connection:
        often = await limiting.count(connection, own, LOOKS, now)
        doubted = None
        if often or await _suspected(connection, own, now):
            doubted = await _doubt(connection, own, answer, now)
        found = None
        if doubted is None:
            found = await _find(connection, code[:_LONGEST], number, now)
            if found is None or (number and found.locked):
                await _missed(connection, own, now)
    if doubted:
        raise doubted
    return found


def _misses(own: str) -> str:
    return f"{own}/misses"


async def _suspected(connection: AsyncConnection, own: str, now: datetime) -> bool:
    limits = ((_misses(own), SLIPS), (_ALL, MISSES))
    return any([await limiting.spent(connection, key, limit, now) for key, limit in limits])


async def _doubt(connection: AsyncConnection, own: str, answer: ProofAnswer, now: datetime) -> Doubted | None:
    """None: it has been paid for."""
    least = await _price(connection, own, now)
    if await puzzles.fits(connection, own, answer.solved, least, now):
        return None
    until = await limiting.spent(connection, _misses(own), MOST_MISSES, now)
    if not until and await questions.fits(connection, answer.proof, answer.total, now):
        return None
    question = None if until else await questions.ask(connection, now)
    return Doubted(await puzzles.ask(connection, own, least, now), question, until)


async def _price(connection: AsyncConnection, own: str, now: datetime) -> int:
    """Looks that find something make it no dearer: an office behind one address looks often."""
    mine = await limiting.tried(connection, _misses(own), SLIPS, now)
    all_ = await limiting.tried(connection, _ALL, MISSES, now)
    return max(puzzles.price(mine, SLIPS, MOST_OF_ONE), puzzles.price(all_, MISSES, MOST_OF_ALL))


async def _missed(connection: AsyncConnection, own: str, now: datetime) -> None:
    await limiting.count(connection, _misses(own), MOST_MISSES, now)
    await limiting.count(connection, _ALL, MISSES, now)


async def _find(connection: AsyncConnection, code: str, number: str, now: datetime) -> Tracked | None:
    its = cases.c
    query = select(its.code, its.status, its.answer, its.answer_voice, its.due_at, agencies.c.name)
    query = query.add_columns(its.channel, its.caller_key, its.callback, its.anonymised_at, parts_column())
    query = query.add_columns(its.kind, its.answered_at, its.confidential, its.closed_at)
    query = query.join(agencies, agencies.c.code == its.agency).where(followed_by(code))
    row = (await connection.execute(with_meeting(query))).first()
    if row is None:
        return None
    voiced = is_voiced(row)
    status, told = Status(row.status), bool(row.answer) or voiced
    owed = status in OPEN - {Status.ANSWERED}
    meeting = meeting_standing.of_now(meeting_in(row._mapping), status, now)
    sealed, past = row.confidential is not None, row.anonymised_at is not None
    numbers = phone.of_case(row.caller_key, row.callback)
    hers = not sealed and number in numbers
    merged = row.code != code  # which opens the answer to her number alone
    locked = told and not hers and (merged or tells_number_only(row.channel, row.caller_key, past))
    over = row.closed_at if status in (Status.CLOSED, Status.ADVISED, Status.WITHDRAWN) else None
    parts = await _parts(connection, parts_seen(row.parts)) if owed else []
    shared = len({name for name, _ in parts}) > 1
    reopens = numbers and over is not None and now - over <= REOPEN  # as `book.seen_in` offers it
    return Tracked(
        code,
        status,
        parts[0][0] if parts else row.name,
        "" if locked else row.answer,
        voiced and not locked,
        row.due_at if owed else None,
        owed and meeting is None and row.due_at < now,
        locked,
        locked and past,
        merged,
        bool(numbers),
        meeting,
        locked and sealed,
        REOPEN.days if reopens else 0,
        await _body(connection, meeting),
        parts if shared else (),
    )


async def _parts(connection: AsyncConnection, parts: Sequence[PartSeen]) -> list[tuple[str, bool]]:
    if not parts:
        return []
    query = select(agencies.c.code, agencies.c.name)
    query = query.where(agencies.c.code.in_({part.agency for part in parts}))
    names = {row.code: row.name for row in await connection.execute(query)}
    return [(names[part.agency], part.answered) for part in parts]


async def _body(connection: AsyncConnection, meeting: MeetingSeen | None) -> str:
    if meeting is None or meeting.official not in OF_A_BODY:
        return ""
    query = select(agencies.c.name).where(agencies.c.code == meeting.agency)
    return (await connection.execute(query)).scalar() or ""
