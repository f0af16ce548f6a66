"""A matter of several agencies: the case is split into parts, each a case of its own with body and clock.

The citizen keeps her code. The whole stays with the desk until every part is dealt with; then their answers
together are its answer (`ivr.desk.case.family`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ivr.cases.channels import PART
from ivr.cases.clock import Clock
from ivr.cases.transitions import CaseAction
from ivr.desk.book.book import Page
from ivr.desk.case import registering
from ivr.desk.case.change import Books, Change, Instruction
from ivr.desk.case.codes import desk_code
from ivr.desk.case.discretion import refuse_told_of
from ivr.desk.case.rows import Kin, Rows, add_kin
from ivr.desk.case.transaction import changing
from ivr.desk.refusals import Refused

LEAST, MOST = 2, 8


@dataclass(frozen=True, slots=True)
class Part:
    """What one agency is to see to. Without a topic that of the whole, without `days` in its time."""

    agency: str
    words: str
    topic: str = ""
    days: int | None = None


async def split(
    books: Books, page: Page, ask: Instruction, parts: Sequence[Part], least: int = LEAST
) -> list[str]:
    """The codes of the parts, in order. One transaction.

    Raises Refused as the table says, for fewer than two parts, for a body that can't be given cases, for one
    body twice with one topic, and for a topic that there is not.
    """
    codes: list[str] = []
    async with changing(books, page, CaseAction.SPLIT, ask) as change:
        _check(change, parts, least)
        await refuse_told_of(change, *(part.agency for part in parts))
        rows = Rows()
        for part in parts:
            codes.append(await desk_code(change.connection))
            add_kin(rows, _kin(change, part), codes[-1], page, ask.now)
        await registering.save(change.connection, rows)
        if change.agency != page.rules.desk:
            change.move(page.rules.desk, "split")
        change.details["parts"] = dict(zip(codes, (part.agency for part in parts), strict=True))
    return codes


def _kin(change: Change, part: Part) -> Kin:
    """In the whole's time, so that nothing gives back what was used, without the pause that it may have.

    Where the whole has fewer days than the part's topic, so has the part.
    """
    ask, clock, topic = change.ask, change.clock, part.topic or change.topic
    of_topic = replace(clock, ordered_days=None)
    days = change.page.term(of_topic, change.case.kind, topic, change.county).days
    if clock.ordered_days is not None and clock.ordered_days >= days:
        clock = of_topic
    if part.days is not None:
        clock = Clock(ask.now, ordered_days=part.days)
    elif clock.paused_at:
        clock = clock.resume(change.page.calendar, ask.now, change.county)
    its = (change.case, PART, part.agency, ask.actor.name, topic, part.words)
    return Kin(*its, clock, climbs_on=part.days is None)


def _check(change: Change, parts: Sequence[Part], least: int) -> None:
    page, code = change.page, change.ask.code
    if not least <= len(parts) <= MOST:
        raise Refused(f"case {code} can be split into {least} to {MOST} parts, not {len(parts)}")
    if len({(part.agency, part.topic or change.topic) for part in parts}) < len(parts):
        raise Refused(f"case {code} can't be split into two parts for one agency about one topic")
    for part in parts:
        if not page.rules.can_have(part.agency):
            raise Refused(f"{part.agency} is no body that can be given a case")
        if part.topic and part.topic not in page.live_topics | {change.topic}:
            raise Refused(f"there is no topic {part.topic}")
        if not part.words.strip():
            raise Refused(f"the part for {part.agency} needs words that say what it is to see to")
