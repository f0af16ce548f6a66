"""What one admin asked: another allows it or not, who asked may take it back."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from ivr.desk.people import granting
from ivr.desk.people.granting import NotYours
from ivr.desk.people.people import Outdated
from ivr.desk.people.staffing import LastAdmin
from ivr.desk.people.two_admins import SecondAdmin
from ivr.desk.refusals import Refused, WrongField
from ivr.web.admin import people
from ivr.web.panel.visit import NotFound, Route, Visit

PEOPLE = "/panel/admin/people"
WHY: dict[type[Refused], str] = {
    NotYours: "admin.people.not_yours",
    LastAdmin: "admin.people.last_admin",
    SecondAdmin: "admin.people.second_admin",
    Outdated: "admin.people.asked_before",
}


def routes() -> list[Route]:
    return [Route("POST", "/panel/admin/grants/{id}", "admin.grant", decide)]


async def decide(visit: Visit) -> web.Response:
    """allow | refuse. Allowing asks who it is; a password that comes of it is shown once, on this page."""
    form, engine = visit.form(), visit.panel.engine
    answer = form.choice("answer", ("allow", "refuse"))
    try:
        request = UUID(visit.request.match_info["id"])
    except ValueError:
        raise NotFound from None
    by, address = visit.person.id, visit.came.address
    if answer == "refuse":
        await granting.refuse(engine, request, visit.now, by=by, address=address)
        return visit.redirect(f"{PEOPLE}?said=refused")
    await people.prove(visit, form)
    if form.wrong:
        return await people.listed(visit, form.wrong.get("mine", ""))
    try:
        name, password = await granting.allow(engine, request, visit.now, by=by, address=address)
    except (NotYours, SecondAdmin, LastAdmin, Outdated, WrongField) as error:
        return await people.listed(visit, visit.words(WHY.get(type(error), "admin.people.no_longer")))
    if not password:
        return visit.redirect(f"{PEOPLE}?said=allowed")
    return visit.render("admin/password.html", name=name, password=password, made=True)
