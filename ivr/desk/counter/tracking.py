"""A citizen follows her case by its code, without signing in: what 111 → 6 would tell, and nothing about her.

The answer to a case that was opened by telephone takes the number too, as on the telephone.

A code that is no code takes the same way as one that is nobody's. With a million cases in the books a
well-formed guess hits one in 900 times, so guessing must cost; but what many guess shuts nobody out. When an
address asked or missed often, or all of them together missed often, whoever asks answers a small sum first.
Only the wrong codes of an address itself make it wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import tells_number_only
from ivr.cases.statuses import OPEN, Status
from ivr.desk.counter import questions
from ivr.desk.counter.questions import Sum
from ivr.desk.people import limiting
from ivr.desk.people.limiting import Limit, TooOften
from ivr.desk.refusals import Refused
from ivr.store.tables import agencies, cases

# Without a question:
LOOKS = Limit(30, timedelta(minutes=10))  # of one address
SLIPS = Limit(5, timedelta(minutes=10))  # wrong ones of one address
MISSES = Limit(300, timedelta(minutes=10))  # wrong ones of all addresses
# At all:
MOST_MISSES = Limit(30, timedelta(minutes=10))  # of one address
_ALL = "track"
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Tracked:
    """How a case stands. `answer`: the last that was given; `voiced`: spoken, to be heard by telephone.

    `due_at`: only while an answer is owed. `locked`: there is an answer, for whoever knows her number too.
    """

    code: str
    status: Status
    agency: str
    answer: str
    voiced: bool
    due_at: datetime | None
    overdue: bool
    locked: bool = False


class Doubted(Refused):
    """It may be a machine that guesses: `question` first, then the same code again."""

    def __init__(self, question: Sum) -> None:
        super().__init__("a question must be answered first")
        self.question = question


@dataclass(frozen=True, slots=True)
class Answer:
    """To the question that `proof` came with."""

    proof: str = ""
    total: str = ""


async def track(
    engine: AsyncEngine, code: str, address: str, now: datetime, answer: Answer = Answer(), number: str = ""
) -> Tracked | None:
    """None when the code is nobody's, or no code at all. Raises Doubted, TooOften.

    `number`: hers, as `phone.key` has it; a wrong one counts as a wrong code.
    """
    own = f"{_ALL}/{_network(address)}"
    async with engine.begin() as connection:
        often = await limiting.count(connection, own, LOOKS, now)
        until = await limiting.spent(connection, _misses(own), MOST_MISSES, now)
        question = None
        if not until and (often or await _suspected(connection, own, now)):
            question = await _question(connection, answer, now)
        found = None
        if not until and not question:
            found = await _find(connection, code[:_LONGEST], number, now)
            if found is None or (number and found.locked):
                await _missed(connection, own, now)
    if until:
        raise TooOften(until)
    if question:
        raise Doubted(question)
    return found


def _misses(own: str) -> str:
    return f"{own}/misses"


async def _suspected(connection: AsyncConnection, own: str, now: datetime) -> bool:
    limits = ((_misses(own), SLIPS), (_ALL, MISSES))
    return any([await limiting.spent(connection, key, limit, now) for key, limit in limits])


async def _question(connection: AsyncConnection, answer: Answer, now: datetime) -> Sum | None:
    """None: it has been answered."""
    right = await questions.fits(connection, answer.proof, answer.total, now)
    return None if right else await questions.ask(connection, now)


async def _missed(connection: AsyncConnection, own: str, now: datetime) -> None:
    await limiting.count(connection, _misses(own), MOST_MISSES, now)
    await limiting.count(connection, _ALL, MISSES, now)


async def _find(connection: AsyncConnection, code: str, number: str, now: datetime) -> Tracked | None:
    its = cases.c
    query = select(its.code, its.status, its.answer, its.answer_voice, its.due_at, agencies.c.name)
    query = query.add_columns(its.channel, its.caller_key, its.callback)
    query = query.join(agencies, agencies.c.code == its.agency).where(its.code == code)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    status, told = Status(row.status), bool(row.answer or row.answer_voice)
    owed = status in OPEN and not told
    hers = bool(number) and number in (row.caller_key, row.callback)
    locked = told and not hers and tells_number_only(row.channel, row.caller_key)
    return Tracked(
        row.code,
        status,
        row.name,
        "" if locked else row.answer,
        bool(row.answer_voice) and not locked,
        row.due_at if owed else None,
        owed and row.due_at < now,
        locked,
    )


def _network(address: str) -> str:
    """A household's IPv6 addresses are one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else address
