"""What an agency does about a session that needs it: says who comes, and writes its view of each request."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from ivr.cases.attendance import InvitationState
from ivr.desk.case.change import Instruction
from ivr.desk.meetings import inviting
from ivr.desk.refusals import Refused
from ivr.web.meetings.meeting_words import names_of, put
from ivr.web.meetings.session_pages import found_session, moment_seen, session_page
from ivr.web.panel.visit import Visit
from ivr.web.window import tracking_code

LONGEST = 1000


async def attend(visit: Visit) -> web.StreamResponse:
    """Accepts, a substitute by name, or refuses with the reason."""
    form, (row, _) = visit.form(), await found_session(visit)
    choices = set(InvitationState) - {InvitationState.INVITED}
    state = form.choice("state", choices)
    who = form.text("who", inviting.LONGEST_NAME, needed=False)
    ask = Instruction("", visit.actor, form.text("reason", LONGEST, needed=False, lines=True), visit.now)
    if form.wrong:
        return await session_page(visit, "attend", form)
    its: dict[str, Any] = {"person": visit.person.id, "seen": moment_seen(form.raw("seen"))}
    doing = inviting.answer(visit.panel.engine, ask, row.number, InvitationState(state), who, **its)
    return await _do(visit, row.number, "attend", doing)


async def view(visit: Visit) -> web.StreamResponse:
    """What stood there is kept in the case's story; the last one counts."""
    form, (row, _) = visit.form(), await found_session(visit)
    code = tracking_code(form.raw("code")) or form.refuse("code", "meetings.form.code")
    words = form.text("words", inviting.LONGEST_VIEW, lines=True)
    if form.wrong:
        return await session_page(visit, "view", form, about=code)
    ask, page = Instruction(code, visit.actor, now=visit.now), await visit.panel.book.page()
    doing = inviting.give_view(visit.panel.engine, page, ask, row.number, words, visit.scope)
    return await _do(visit, row.number, "view", doing, code)


async def _do(
    visit: Visit, number: int, deed: str, doing: Awaitable[None], about: str = ""
) -> web.StreamResponse:
    try:
        await doing
    except Refused as refusal:
        form = visit.form()
        return await session_page(visit, deed, form, put(form, refusal, visit, await names_of(visit)), about)
    return visit.redirect(f"{visit.path('meetings.session', number=number)}?done={deed}")
