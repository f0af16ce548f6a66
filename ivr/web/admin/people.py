"""Who may sign in: made, changed, locked, given a new password, signed out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from ivr.cases.roles import OF_AN_AGENCY, Role
from ivr.desk.editing.book_names import BookNames, read_names
from ivr.desk.people import own_account, passwords, staffing
from ivr.desk.people import people as making
from ivr.desk.people.limiting import TooOften
from ivr.desk.people.people import NewPerson, SecondAdmin
from ivr.desk.people.staffing import LastAdmin
from ivr.desk.refusals import WrongField
from ivr.web.panel.forms import Form
from ivr.web.panel.visit import NotFound, Route, Visit

SENTENCES = {
    name: f"admin.people.wrong.{name}"
    for name in ("name", "full_name", "agency", "areas", "password", "trusted")
}


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/admin/people", "admin.people", listed),
        Route("GET", "/panel/admin/people/new", "admin.people.new", new),
        Route("POST", "/panel/admin/people/new", "admin.people.add", add),
        Route("GET", "/panel/admin/people/{name}", "admin.person", one),
        Route("POST", "/panel/admin/people/{name}/change", "admin.person.change", change),
        Route("POST", "/panel/admin/people/{name}/do", "admin.person.do", do),
    ]


async def listed(visit: Visit) -> web.Response:
    rows = await making.listed(visit.panel.engine)
    asked = visit.request.query.get("q", "").strip()[:60].casefold()
    role = visit.request.query.get("role", "")
    fitting = [
        r for r in rows if asked in f"{r['name']} {r['full_name']}".casefold() and role in ("", r["role"])
    ]
    for row in fitting:
        row["signed_in_at"] = row["signed_in_at"] and datetime.fromisoformat(row["signed_in_at"])
    return visit.render(
        "admin/people.html", rows=fitting, asked=asked, role=role, roles=[*Role], names=await _names(visit),
        said=visit.request.query.get("said", ""),
    )  # fmt: skip


async def new(visit: Visit) -> web.Response:
    visit.require("people_edit")
    return await _form(visit, {})


async def add(visit: Visit) -> web.Response:
    """The first password is shown once, on this very page; only its hash is kept."""
    form = visit.form()
    wanted = _wanted(form, form.text("name", most=30).lower())
    password = passwords.by_chance()
    if not form.wrong:
        try:
            await making.add(visit.panel.engine, wanted, password, visit.now, **_by(visit))
        except WrongField as error:
            form.refused(error, SENTENCES)
    if form.wrong:
        return await _form(visit, _sent(form), form=form)
    return visit.render("admin/password.html", name=wanted.name, password=password, made=True)


async def one(visit: Visit) -> web.Response:
    return await _form(visit, await _row(visit))


async def change(visit: Visit) -> web.Response:
    form, row = visit.form(), await _row(visit)
    wanted = _wanted(form, row["name"])
    if not form.wrong:
        try:
            await staffing.reassign(visit.panel.engine, wanted, visit.now, **_by(visit))
            return visit.redirect("/panel/admin/people?said=saved")
        except WrongField as error:
            form.refused(error, SENTENCES)
        except LastAdmin:
            form.refuse("role", "admin.people.last_admin")
    return await _form(visit, row | _sent(form) | {"name": row["name"]}, form=form)


async def do(visit: Visit) -> web.Response:
    """lock | unlock | password | totp | sign_out. For two of them the admin's own password too."""
    row, engine = await _row(visit), visit.panel.engine
    asked = visit.form().raw("what")
    if asked in ("password", "totp"):
        try:
            await own_account.prove(engine, visit.person, visit.form().raw("mine"), visit.now)
        except WrongField:
            return await _form(visit, row, notice=visit.words("admin.people.mine_wrong"))
        except TooOften:
            return await _form(visit, row, notice=visit.words("common.sign_in.too_often"))
    try:
        return await _done(visit, row, asked)
    except LastAdmin:
        return await _form(visit, row, notice=visit.words("admin.people.last_admin"))
    except SecondAdmin:
        return await _form(visit, row, notice=visit.words("admin.people.second_admin"))


async def _done(visit: Visit, row: dict[str, Any], asked: str) -> web.Response:
    name, engine = str(row["name"]), visit.panel.engine
    acts: dict[str, Callable[..., Awaitable[None]]] = {
        "lock": staffing.lock,
        "unlock": making.unlock,
        "totp": making.reset_totp,
        "sign_out": staffing.sign_out_everywhere,
    }
    if asked == "password":
        password = passwords.by_chance()
        await making.set_password(engine, name, password, visit.now, **_by(visit))
        return visit.render("admin/password.html", name=name, password=password, made=False)
    if asked not in acts:
        raise NotFound
    await acts[asked](engine, name, visit.now, **_by(visit))
    return visit.redirect(f"/panel/admin/people/{name}?said={asked}")


def _by(visit: Visit) -> dict[str, Any]:
    return {"by": visit.person.id, "address": visit.came.address}


def _wanted(form: Form, name: str) -> NewPerson:
    full_name = form.text("full_name", most=making.LONGEST_NAME)
    role = form.choice("role", [*Role])
    agency = form.raw("agency") if role in set(OF_AN_AGENCY) else ""
    if role in set(OF_AN_AGENCY) and not agency:
        form.refuse("agency", "admin.people.wrong.agency")
    its = Role(role or Role.OPERATOR)
    trusted = form.flag("trusted")
    return NewPerson(name, full_name, its, agency, tuple(form.many("areas")), trusted=trusted)


def _sent(form: Form) -> dict[str, Any]:
    return {name: form.raw(name) for name in ("name", "full_name", "role", "agency")} | {
        "areas": form.many("areas"),
        "trusted": form.flag("trusted"),
    }


async def _row(visit: Visit) -> dict[str, Any]:
    """Raises NotFound."""
    name = visit.request.match_info["name"]
    for row in await making.listed(visit.panel.engine):
        if row["name"] == name:
            row["signed_in_at"] = row["signed_in_at"] and datetime.fromisoformat(row["signed_in_at"])
            return row
    raise NotFound


async def _names(visit: Visit) -> BookNames:
    async with visit.panel.engine.connect() as connection:
        return await read_names(connection)


async def _form(
    visit: Visit, row: dict[str, Any], form: Form | None = None, notice: str = ""
) -> web.Response:
    return visit.render(
        "admin/person.html",
        status=422 if form is not None or notice else 200,
        row=row,
        known="signed_in_at" in row,
        wrong=form.wrong if form else {},
        remark=notice,
        roles=[*Role],
        names=await _names(visit),
        said=visit.request.query.get("said", ""),
        may_edit=visit.allowed("people_edit"),
        of_agency=[str(role) for role in OF_AN_AGENCY],
    )
