"""Requests to meet an official: the list in its fair order with reasons, one request, and deciding on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from ivr.cases.hearing_order import Urgency
from ivr.cases.meetings import RequestAction, RequestState, permitted
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import TABLE, CaseAction
from ivr.desk.book.book import Page
from ivr.desk.case import attachments
from ivr.desk.case.change import Instruction
from ivr.desk.meetings import agenda, order_giving, order_ruling, request_deciding, request_list
from ivr.desk.meetings.order_giving import MeetingOrder, OrderSeen
from ivr.desk.meetings.request_list import MeetingRequest
from ivr.desk.refusals import Refused
from ivr.web.meetings.meeting_words import jalali_day, names_of, put
from ivr.web.panel.forms import Form, whole_number
from ivr.web.panel.visit import NotFound, Visit
from ivr.web.window import tracking_code

A, S = RequestAction, RequestState
LONGEST, BODIES = 1000, 3
PAGE = 100  # of a list, at once
TABS: Mapping[str, frozenset[RequestState]] = {
    "undecided": frozenset({S.REQUESTED, S.UNDER_REVIEW, S.NO_SHOW}),
    "waiting": frozenset({S.WAITING}),
    "invited": frozenset({S.INVITED, S.CONFIRMED}),
    "below": frozenset({S.SENT_BELOW}),
    "over": frozenset({S.SETTLED, S.DECLINED, S.MET}),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """`fields`: of its form, besides the reason. `does` gets them by name."""

    name: str
    fields: tuple[str, ...]
    does: Callable[..., Awaitable[None]]


async def _order(engine: Any, page: Page, ask: Instruction, **given: Any) -> None:
    await order_giving.give(
        engine, page, ask, [MeetingOrder(given["agency"], given["words"], given["due_on"])]
    )


def _ruled(does: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def rule(engine: Any, page: Page, ask: Instruction, order: str) -> None:
        await does(engine, page, replace(ask, code=order, seen=None))

    return rule


async def _extend(engine: Any, page: Page, ask: Instruction, order: str, due_on: date) -> None:
    await order_giving.extend(engine, page, replace(ask, code=order, seen=None), due_on)


_OWED = OPEN - {Status.ANSWERED}
DECISIONS = {
    each.name: each
    for each in (
        Decision(A.ACCEPT, ("next_on",), request_deciding.accept),
        Decision(A.PUT_OFF, ("next_on",), request_deciding.put_off),
        Decision(A.SETTLE, ("agency",), request_deciding.settle),
        Decision(A.SEND_BELOW, ("agency",), request_deciding.send_below),
        Decision(A.DECLINE, (), request_deciding.decline),
        Decision(A.RELEASE, ("next_on",), agenda.release),
        Decision("order", ("agency", "due_on", "words"), _order),
        Decision("accepted", ("order",), _ruled(order_ruling.accept_here)),
        Decision("objected", ("order",), _ruled(order_ruling.object_here)),
        Decision("uphold", ("order",), _ruled(order_ruling.uphold)),
        Decision("revoke", ("order",), _ruled(partial(order_ruling.revoke, owed=_OWED))),
        Decision("extend", ("order", "due_on"), _extend),
        Decision("review", ("urgency", "bodies", "about"), request_deciding.review),
    )
}


# As what the case of an order must stand for which decision. She may contradict it in each.
RULED_IN: Mapping[str, frozenset[Status]] = {
    "accepted": TABLE[CaseAction.ACCEPT].sources,
    "objected": TABLE[CaseAction.RETURN].sources,
    "uphold": frozenset({Status.RETURNED}),
    "revoke": _OWED,
    "extend": _OWED,
}


async def listed(visit: Visit) -> web.StreamResponse:
    """One list, from behind the request `after`, of which and of those in front of it there were `n`."""
    if visit.scope.agency:
        return visit.redirect(visit.path("meetings.sessions"))
    tab = visit.request.query.get("tab", "")
    tab = tab if tab in TABS else "undecided"
    page = await visit.panel.book.page()
    every = frozenset().union(*TABS.values())
    async with visit.panel.engine.connect() as connection:
        found = await request_list.listed(connection, page, visit.now, visit.scope, every)
    tabs = {name: [wish for wish in found if _tab(wish) == name] for name in TABS}
    before = _before(found, tab, visit.request.query)
    shown = tabs[tab][before : before + PAGE]
    more = {"tab": tab, "after": shown[-1].code, "n": before + len(shown)} if shown else {}
    return visit.render(
        "meetings/requests.html",
        wishes=shown,
        tab=tab,
        before=before,
        next_page=urlencode(more) if before + PAGE < len(tabs[tab]) else "",
        counts={name: len(wishes) for name, wishes in tabs.items()},
        names=await names_of(visit),
        day=jalali_day,
    )


def _before(found: Sequence[MeetingRequest], tab: str, query: Mapping[str, str]) -> int:
    """How many of the list were seen: nobody is skipped, whoever was decided on or moved meanwhile.

    By her code, for her points tell what is kept from who reads of her; from the first on where she is gone.
    """
    behind = next((n for n, wish in enumerate(found, 1) if wish.code == query.get("after")), 0)
    return min(sum(_tab(wish) == tab for wish in found[:behind]), whole_number(query.get("n", "")))


def _tab(wish: MeetingRequest) -> str:
    """Of whom nobody said whether she was heard, the office has still to say so."""
    if wish.unnoted_in:
        return "undecided"
    return next(name for name, states in TABS.items() if wish.state in states)


async def request(visit: Visit) -> web.StreamResponse:
    return await _page(visit, await _wish(visit))


async def decide(visit: Visit) -> web.StreamResponse:
    """Do it, or show what is wrong with everything typed still there."""
    decision = DECISIONS.get(visit.request.match_info["decision"])
    if decision is None:
        raise NotFound
    wish, form = await _wish(visit), visit.form()
    reason = form.text("reason", LONGEST, needed=False, lines=True)
    given = _given(form, decision)
    if given.get("order") and given["order"] not in {each.part.code for each in await _orders(visit, wish)}:
        raise NotFound
    sentence = ""
    if not form.wrong:
        ask = Instruction(wish.code, visit.actor, reason, visit.now, form.number("seen", otherwise=0) or None)
        try:
            await decision.does(visit.panel.engine, await visit.panel.book.page(), ask, **given)
            return visit.redirect(f"{visit.path('meetings.request', code=wish.code)}?done={decision.name}")
        except Refused as refusal:
            sentence = put(form, refusal, visit, await names_of(visit)) or _stray(form, decision)
    return await _page(visit, await _wish(visit), decision.name, form, sentence)


def _stray(form: Form, decision: Decision) -> str:
    """What is wrong with a field that the form has not. The reason of who declines is the answer's words."""
    if decision.name == A.DECLINE and "words" in form.wrong:
        form.wrong["reason"] = form.wrong.pop("words")
    return next((said for name, said in form.wrong.items() if name not in (*decision.fields, "reason")), "")


async def _page(
    visit: Visit, wish: MeetingRequest, tried: str = "", form: Form | None = None, sentence: str = ""
) -> web.Response:
    may = visit.allowed("meetings_hold")
    orders = await _orders(visit, wish)
    ruled = {name: [each for each in orders if each.part.status in its] for name, its in RULED_IN.items()}
    offered = [each for each in DECISIONS.values() if may and _is_possible(each, wish, ruled)]
    async with visit.panel.engine.connect() as connection:
        papers = await attachments.of_cases(connection, {each.part.id for each in orders})
    done = visit.request.query.get("done", "")
    return visit.render(
        "meetings/request.html",
        status=422 if form else 200,
        wish=wish,
        offered=offered,
        tried=tried,
        sentence=sentence,
        wrong=form.wrong if form else {},
        typed=_typed(wish, form),
        bodies=(form.many("bodies") if form and tried == "review" else [*wish.bodies]),
        rows=BODIES,
        urgencies=[each.name.lower() for each in Urgency],
        done=done if done in DECISIONS else "",
        names=await names_of(visit),
        seat=await _seat(visit, wish),
        day=jalali_day,
        orders=orders,
        ruled=ruled,
        papers=[paper for paper in papers if paper.removed_at is None],
    )


async def _orders(visit: Visit, wish: MeetingRequest) -> list[OrderSeen]:
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        return await order_giving.listed(connection, page, visit.now, of_case=wish.case.id)


async def _seat(visit: Visit, wish: MeetingRequest) -> Any:
    async with visit.panel.engine.connect() as connection:
        return await agenda.slot_of(connection, wish.case.id)


def _is_possible(decision: Decision, wish: MeetingRequest, ruled: Mapping[str, Sequence[OrderSeen]]) -> bool:
    if wish.case.member_of:
        return False  # it goes on in its collective case
    if decision.name == "review":
        return wish.state in request_deciding.REVIEWABLE
    if decision.name == "order":
        return wish.state is S.MET and Status(wish.case.status) in OPEN - {Status.ANSWERED}
    if decision.name in ruled:
        return bool(ruled[decision.name])
    return decision.name in permitted(wish.state, answered=wish.case.status == Status.ANSWERED)


def _typed(wish: MeetingRequest, form: Form | None) -> dict[str, str]:
    names = ("reason", "next_on", "agency", "urgency", "about", "due_on", "words", "order")
    if form is not None:
        return {name: form.raw(name) for name in names}
    noted = {"urgency": Urgency(wish.case.urgency or 0).name.lower(), "about": wish.case.about or ""}
    return dict.fromkeys(names, "") | noted


def _given(form: Form, decision: Decision) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name in decision.fields:
        match name:
            case "next_on" | "due_on":
                given[name] = form.day(name) or date.min
            case "words":
                given[name] = form.text(name, LONGEST, lines=True)
            case "order":
                given[name] = tracking_code(form.raw(name)) or form.refuse(name, "meetings.form.code")
            case "agency":
                given[name] = form.text(name)
            case "about":
                given[name] = form.text(name, needed=False)
            case "bodies":
                given[name] = [code for code in form.many(name) if code]
            case "urgency":
                chosen = form.choice(name, [each.name.lower() for each in Urgency])
                given[name] = Urgency[chosen.upper()] if chosen else Urgency.USUAL
    return given


async def _wish(visit: Visit) -> MeetingRequest:
    """Raises NotFound."""
    code = tracking_code(visit.request.match_info["code"])
    page = await visit.panel.book.page()
    async with visit.panel.engine.connect() as connection:
        found = await request_list.of_case(connection, page, visit.now, visit.scope, code)
    if found is None:
        raise NotFound
    return found
