"""What people do with a case on its page: which of it is offered to whom, and by which form.

One table. What stands as things are is decided at the desk (`ivr.cases.transitions`); here is only who may
press which button.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.channels import NOBODYS
from ivr.cases.kinds import Kind
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import TABLE, CaseAction, Side
from ivr.desk.book.book import Page
from ivr.desk.case import (
    answers,
    assigning,
    closing,
    collecting,
    confiding,
    contact,
    pausing,
    referring,
    splitting,
)
from ivr.desk.case.change import Instruction
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.contact import RightContact
from ivr.desk.meetings import office_deeds, order_checking, order_giving, order_ruling
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.reading.casefile import CaseFile
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.visit import Visit

Given = Mapping[str, Any]  # what the form said, by field
Does = Callable[[AsyncEngine, Page, Instruction, Given], Awaitable[object]]

BOTH = frozenset({Side.DESK, Side.AGENCY})
DESK, AGENCY = frozenset({Side.DESK}), frozenset({Side.AGENCY})


@dataclass(frozen=True, slots=True)
class Deed:
    """`name`: in its address, its route's name and its words. `fields` beside the reason.

    `action`: None where the table of transitions has none, for the body stays responsible.

    `rare`: its button is small. `grave`: it ends something, and its button looks like it. `reasoned`: it
    takes a reason, whatever the table says.
    """

    name: str
    action: CaseAction | None
    permission: P
    sides: frozenset[Side]
    does: Does
    fields: tuple[str, ...] = ()
    rare: bool = False
    grave: bool = False
    reasoned: bool = False

    def needs_reason(self, side: Side) -> bool:
        return self.reasoned or (self.action is not None and side in TABLE[self.action].reason)


async def _collect(engine: AsyncEngine, page: Page, ask: Instruction, given: Given) -> None:
    its = (given["members"], given["about"], ask.now, given["collective"], ask.seen)
    await collecting.collect(engine, page, ask.actor, *its)


async def _answer(engine: AsyncEngine, page: Page, ask: Instruction, given: Given) -> None:
    proposed = given["approval"] and ask.actor.side is Side.AGENCY
    give = answers.propose if proposed else answers.give
    await give(engine, page, ask, given["words"], given["voice"], given["spoken"])


async def _order(engine: AsyncEngine, page: Page, ask: Instruction, given: Given) -> None:
    order = MeetingOrder(given["agency"], given["order_words"], given["due_on"])
    await order_giving.give(engine, page, ask, [order])


async def _contact(engine: AsyncEngine, page: Page, ask: Instruction, given: Given) -> None:
    names = ("caller", "callback", "national_id", "person", "address")
    await contact.put_right(engine, page, ask, RightContact(**{name: given[name] for name in names}))


DEEDS = (
    Deed("approve", CaseAction.APPROVE, P.CASES_APPROVE, DESK, lambda e, p, a, g: answers.approve(e, p, a)),
    Deed("turn-down", CaseAction.TURN_DOWN, P.CASES_APPROVE, DESK,
         lambda e, p, a, g: answers.turn_down(e, p, a)),
    Deed("told", None, P.CASES_CLOSE, DESK, lambda e, p, a, g: closing.told(e, p, a), reasoned=True),
    Deed("close", CaseAction.CLOSE, P.CASES_CLOSE, DESK,
         lambda e, p, a, g: closing.close(e, p, a, told=g["untold"]), ("untold",)),
    Deed("accept", CaseAction.ACCEPT, P.CASES_ANSWER, AGENCY, lambda e, p, a, g: referring.accept(e, p, a)),
    Deed("refer", CaseAction.REFER, P.CASES_REFER, DESK,
         lambda e, p, a, g: referring.refer(e, p, a, g["agency"]), ("agency",)),
    Deed("answer", CaseAction.ANSWER, P.CASES_ANSWER, BOTH, _answer, ("words", "spoken", "voice")),
    Deed("onward", CaseAction.REFER, P.CASES_RETURN, AGENCY,
         lambda e, p, a, g: referring.refer(e, p, a, g["agency"]), ("agency",)),
    Deed("report", None, P.CASES_ANSWER, AGENCY, lambda e, p, a, g: office_deeds.give_report(e, p, a),
         reasoned=True),
    Deed("return", CaseAction.RETURN, P.CASES_RETURN, AGENCY,
         lambda e, p, a, g: referring.give_back(e, p, a)),
    Deed("reopen", CaseAction.REOPEN, P.CASES_CLOSE, DESK, lambda e, p, a, g: closing.reopen(e, p, a)),
    Deed("confide", None, P.CASES_REFER, DESK,
         lambda e, p, a, g: confiding.confide(e, p, a, Secrecy(g["accused"], g["kept_from"], g["told"])),
         ("accused", "kept_from", "told"), rare=True, reasoned=True),
    Deed("contact", None, P.CASES_REFER, DESK, _contact, ("caller", "callback", "national_id"), rare=True),
    Deed("hand", None, P.CASES_ANSWER, BOTH,
         lambda e, p, a, g: assigning.hand(e, p, a, g["person"]), ("person",), rare=True),
    Deed("rule", CaseAction.RULE, P.CASES_REFER, DESK,
         lambda e, p, a, g: referring.rule(e, p, a, g["agency"]), ("agency",), rare=True),
    Deed("topic", CaseAction.CHANGE_TOPIC, P.CASES_REFER, DESK,
         lambda e, p, a, g: pausing.change_topic(e, p, a, g["topic"], g["county"]), ("topic", "county"),
         rare=True),
    Deed("pause", CaseAction.PAUSE, P.CASES_ANSWER, BOTH,
         lambda e, p, a, g: pausing.pause(e, p, a, g["days"]), ("days",), rare=True),
    Deed("resume", CaseAction.RESUME, P.CASES_ANSWER, BOTH,
         lambda e, p, a, g: pausing.resume(e, p, a), rare=True),
    Deed("advise", CaseAction.ADVISE, P.CASES_CLOSE, DESK,
         lambda e, p, a, g: closing.advise(e, p, a, g["spoken"]), ("spoken",), rare=True),
    Deed("split", CaseAction.SPLIT, P.CASES_CLOSE, DESK,
         lambda e, p, a, g: splitting.split(e, p, a, g["parts"]), ("parts",), rare=True),
    Deed("collect", CaseAction.COLLECT, P.CASES_CLOSE, DESK, _collect,
         ("members", "collective", "about"), rare=True),
    Deed("release", CaseAction.RELEASE, P.CASES_CLOSE, DESK,
         lambda e, p, a, g: collecting.release(e, p, a), rare=True),
    Deed("merge", CaseAction.MERGE, P.CASES_CLOSE, DESK,
         lambda e, p, a, g: closing.merge(e, p, a, g["into"]), ("into",), rare=True, grave=True),
    Deed("withdraw", CaseAction.WITHDRAW, P.CASES_CLOSE, DESK,
         lambda e, p, a, g: closing.withdraw(e, p, a), rare=True, grave=True),
    Deed("order", CaseAction.SPLIT, P.CASES_DIRECT, DESK, _order, ("agency", "order_words", "due_on")),
    Deed("hand-back", None, P.CASES_DIRECT, DESK,
         lambda e, p, a, g: order_checking.hand_back(e, p, a), reasoned=True),
    Deed("remind", None, P.CASES_DIRECT, DESK, lambda e, p, a, g: office_deeds.remind(e, p, a),
         reasoned=True),
    Deed("ask-report", None, P.CASES_DIRECT, DESK,
         lambda e, p, a, g: office_deeds.ask_report(e, p, a, g["due_on"]), ("due_on",), reasoned=True),
    Deed("extend", CaseAction.EXTEND, P.CASES_DIRECT, DESK,
         lambda e, p, a, g: order_giving.extend(e, p, a, g["due_on"]), ("due_on",), rare=True),
    Deed("revoke", CaseAction.WITHDRAW, P.CASES_DIRECT, DESK,
         lambda e, p, a, g: order_ruling.revoke(e, p, a), rare=True, grave=True),
)  # fmt: skip
BY_NAME = {deed.name: deed for deed in DEEDS}
_OF_ORDERS = frozenset({"extend", "revoke"})


def offered(visit: Visit, file: CaseFile) -> list[Deed]:
    """Those that this person may do with this case as it stands, the likeliest first."""
    side, case = visit.actor.side, file.case
    possible = file.actions(visit.actor)
    return [
        deed
        for deed in DEEDS
        if (deed.action in possible if deed.action else _beside_the_table(visit, file, deed))
        and (file.order is not None or deed.name not in _OF_ORDERS)
        and (deed.name != "pause" or side is Side.DESK or (file.order is None and case.due_at > visit.now))
        and (case.kind != Kind.MEETING or deed.name != "order")  # that is on the request's page
        and side in deed.sides
        and (file.of_matter or deed.name != "collect")
        and not (case.confidential and deed.name == "onward")
        and visit.allowed(deed.permission, case.agency, case.county or "")
    ]


def _beside_the_table(visit: Visit, file: CaseFile, deed: Deed) -> bool:
    """Told: it has ended, and nobody could be told. Confide: a caller's. In hands: the asker's body has it.
    Contact: a caller's own that is not nameless, to whoever may see who she is.

    Of the governor's office: what a body answered or returned is handed back, what it has not is reminded of.
    """
    if deed.name == "confide":
        return file.case.channel not in NOBODYS and file.case.status != Status.MERGED
    if deed.name == "contact":
        its, knows = file.case, visit.allowed(P.IDENTITY_REVEAL, area=file.case.county or "")
        is_hers = its.channel not in NOBODYS and its.status != Status.MERGED and its.anonymised_at is None
        return is_hers and knows and (not its.confidential or visit.person.trusted)
    if deed.name == "hand-back":
        does = {Status.ANSWERED: CaseAction.HAND_BACK, Status.RETURNED: CaseAction.REFER}
        return does.get(Status(file.case.status)) in file.actions(visit.actor)
    if deed.name in ("remind", "ask-report", "report"):
        with_body = file.case.status in OPEN and file.case.agency != file.names.desk
        return with_body and (deed.name == "remind" or (deed.name == "report") == (file.report is not None))
    if deed.name == "told":
        return file.untold and file.case.closed_at is not None
    return file.case.closed_at is None and file.case.agency == (visit.actor.agency or file.names.desk)
