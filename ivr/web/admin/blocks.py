"""Blocked numbers: they hear a notice and still reach a person or the beep."""

from __future__ import annotations

import uuid
from datetime import datetime

from aiohttp import web

from ivr.desk.call import blocking
from ivr.desk.refusals import Refused
from ivr.web.panel.forms import Form
from ivr.web.panel.visit import Route, Visit


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/admin/blocks", "admin.blocks", page),
        Route("POST", "/panel/admin/blocks", "admin.blocks.add", add),
        Route("POST", "/panel/admin/blocks/lift", "admin.blocks.lift", lift),
    ]


async def page(visit: Visit, form: Form | None = None, notice: str = "") -> web.Response:
    past = "past" in visit.request.query
    rows = await blocking.listed(visit.panel.engine, past, visit.now)
    return visit.render(
        "admin/blocks.html",
        status=422 if form is not None or notice else 200,
        rows=[
            row | {name: datetime.fromisoformat(row[name]) for name in ("blocked_at", "until")}
            for row in rows
        ],
        past=past,
        sent={name: form.raw(name) if form else "" for name in ("number", "days", "reason")},
        wrong=form.wrong if form else {},
        remark=notice,
        most=blocking.MOST_DAYS,
        said=visit.request.query.get("said", ""),
        may_edit=visit.allowed("blocks_edit"),
    )


async def add(visit: Visit) -> web.Response:
    form, panel = visit.form(), visit.panel
    number = form.text("number", most=30)
    days = form.number("days", 1, blocking.MOST_DAYS)
    reason = form.text("reason", most=300)
    if form.wrong:
        return await page(visit, form)
    try:
        await blocking.block(
            panel.engine, await panel.book.page(), visit.actor, number, days, reason, visit.now
        )
    except Refused:
        form.refuse("number", "admin.blocks.no_number")
        return await page(visit, form)
    return visit.redirect("/panel/admin/blocks?said=blocked")


async def lift(visit: Visit) -> web.Response:
    try:
        block = uuid.UUID(visit.form().raw("id"))
        await blocking.lift_one(visit.panel.engine, visit.actor, block, visit.now)
    except (ValueError, Refused):
        return await page(visit, notice=visit.words("admin.blocks.not_blocked"))
    return visit.redirect("/panel/admin/blocks?said=lifted")
