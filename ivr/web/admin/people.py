"""Who may sign in: made, changed, locked, given a new password, signed out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from aiohttp import web

from ivr.cases.roles import GUARDED, OF_AN_AGENCY, Role
from ivr.desk.editing.book_names import BookNames, read_names
from ivr.desk.people import granting, own_account, passwords, staffing
from ivr.desk.people import people as making
from ivr.desk.people.granting import AskedAlready, NobodyElse
from ivr.desk.people.limiting import TooOften
from ivr.desk.people.people import NewPerson, Outdated
from ivr.desk.people.staffing import LastAdmin
from ivr.desk.people.two_admins import NeedsTwo, SecondAdmin
from ivr.desk.refusals import Refused, WrongField
from ivr.web.admin.showing import holds
from ivr.web.panel import sessions
from ivr.web.panel.forms import Form
from ivr.web.panel.visit import NotFound, Route, Visit

SENTENCES = {
    name: f"admin.people.wrong.{name}"
    for name in ("name", "full_name", "agency", "areas", "password", "email", "trusted")
}
REFUSED: Mapping[type[Refused], str] = {
    LastAdmin: "admin.people.last_admin",
    SecondAdmin: "admin.people.second_admin",
    NobodyElse: "admin.people.nobody_else",
    AskedAlready: "admin.people.asked_already",
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


async def listed(visit: Visit, remark: str = "") -> web.Response:
    """`remark`: why something could not be done."""
    rows = await making.listed(visit.panel.engine)
    asked = visit.request.query.get("q", "").strip()[:60]
    role = visit.request.query.get("role", "")
    fitting = [r for r in rows if holds(asked, r["name"], r["full_name"]) and role in ("", r["role"])]
    for row in fitting:
        row["signed_in_at"] = row["signed_in_at"] and datetime.fromisoformat(row["signed_in_at"])
    return visit.render(
        "admin/people.html",
        status=422 if remark else 200,
        remark=remark,
        rows=fitting,
        asked=asked,
        role=role,
        roles=[*Role],
        names=await _names(visit),
        said=visit.request.query.get("said", ""),
        waiting=await granting.waiting(visit.panel.engine, visit.now),
    )


async def new(visit: Visit) -> web.Response:
    visit.require("people_edit")
    return await _form(visit, {})


async def add(visit: Visit) -> web.Response:
    """The first password is shown once, on this very page; only its hash is kept."""
    form = visit.form()
    wanted = _wanted(form, form.text("name", most=30).lower())
    await prove(visit, form)
    password = passwords.by_chance()
    if not form.wrong:
        try:
            await making.add(visit.panel.engine, wanted, password, visit.now, **_by(visit))
            return visit.render("admin/password.html", name=wanted.name, password=password, made=True)
        except NeedsTwo:
            return await _ask(visit, "add", wanted, _sent(form), form)
        except WrongField as error:
            form.refused(error, SENTENCES)
    return await _form(visit, _sent(form), form=form)


async def one(visit: Visit) -> web.Response:
    return await _form(visit, await _row(visit))


async def change(visit: Visit) -> web.Response:
    form, row = visit.form(), await _row(visit)
    wanted, sent = _wanted(form, row["name"]), row | _sent(form) | {"name": row["name"]}
    seen = sent["seen"] = form.raw("seen")
    await prove(visit, form)
    if not form.wrong:
        try:
            await staffing.reassign(visit.panel.engine, wanted, visit.now, seen=seen, **_by(visit))
            return visit.redirect("/panel/admin/people?said=saved")
        except NeedsTwo:
            return await _ask(visit, "change", wanted, sent, form)
        except Outdated:
            return await _outdated(visit, sent)
        except WrongField as error:
            form.refused(error, SENTENCES)
        except LastAdmin:
            form.refuse("role", "admin.people.last_admin")
    return await _form(visit, sent, form=form)


async def do(visit: Visit) -> web.Response:
    """lock | unlock | password | totp | sign_out."""
    row = await _row(visit)
    asked, form = visit.form().raw("what"), visit.form()
    if asked in ("password", "totp"):
        await prove(visit, form)
        if form.wrong:
            return await _form(visit, row, notice=form.wrong["mine"])
    try:
        return await _done(visit, row, asked)
    except NeedsTwo:
        wanted = NewPerson(
            row["name"], row["full_name"], Role(row["role"]), row["agency"] or "", tuple(row["areas"]),
            email=row["email"], trusted=row["trusted"],
        )  # fmt: skip
        return await _ask(visit, asked, wanted, row)
    except (LastAdmin, SecondAdmin) as error:
        return await _form(visit, row, notice=visit.words(REFUSED[type(error)]))


async def _ask(
    visit: Visit, deed: str, wanted: NewPerson, shown: dict[str, Any], form: Form | None = None
) -> web.Response:
    """Of another admin, who finds it above the list."""
    try:
        seen = shown.get("seen", "")
        await granting.ask(visit.panel.engine, deed, wanted, visit.now, seen=seen, **_by(visit))
    except (NobodyElse, AskedAlready) as error:
        return await _form(visit, shown, notice=visit.words(REFUSED[type(error)]))
    except Outdated:
        return await _outdated(visit, shown)
    except WrongField as error:
        form = form or visit.form()
        form.refused(error, SENTENCES)
        return await _form(visit, shown, form=form)
    return visit.redirect("/panel/admin/people?said=asked")


async def _outdated(visit: Visit, sent: dict[str, Any]) -> web.Response:
    """What was sent again, beside what somebody else made of them; saved anew it takes its place."""
    current = await _row(visit)
    shown = sent | {"seen": making.version(current)}
    return await _form(visit, shown, notice=visit.words("admin.people.outdated"), current=current)


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


async def prove(visit: Visit, form: Form) -> None:
    """It is really them: lately, or by what they gave now. Else form.wrong has "mine"."""
    if visit.proven:
        return
    assert visit.session is not None
    given = form.raw("mine")
    code = sessions.plain_code(given[:40])
    try:
        await own_account.prove_again(
            visit.panel.engine,
            visit.session,
            code if code.isdigit() else given,
            visit.now,
            visit.panel.entry.keeping.keys,
        )
        visit.session = replace(visit.session, proved_at=visit.now)
    except WrongField:
        form.refuse("mine", "admin.people.mine_wrong")
    except TooOften:
        form.refuse("mine", "common.sign_in.too_often")


def _by(visit: Visit) -> dict[str, Any]:
    return {"by": visit.person.id, "address": visit.came.address}


def _wanted(form: Form, name: str) -> NewPerson:
    full_name = form.text("full_name", most=making.LONGEST_NAME)
    role = form.choice("role", [*Role])
    agency = form.raw("agency") if role in set(OF_AN_AGENCY) else ""
    if role in set(OF_AN_AGENCY) and not agency:
        form.refuse("agency", "admin.people.wrong.agency")
    email = form.text("email", most=250, needed=False)
    return NewPerson(
        name, full_name, Role(role or Role.OPERATOR), agency, tuple(form.many("areas")),
        trusted=form.flag("trusted"), email=email,
    )  # fmt: skip


def _sent(form: Form) -> dict[str, Any]:
    return {name: form.raw(name) for name in ("name", "full_name", "role", "agency", "email")} | {
        "areas": form.many("areas"),
        "trusted": form.flag("trusted"),
    }


async def _row(visit: Visit) -> dict[str, Any]:
    """Raises NotFound."""
    name = visit.request.match_info["name"]
    for row in await making.listed(visit.panel.engine):
        if row["name"] == name:
            row["signed_in_at"] = row["signed_in_at"] and datetime.fromisoformat(row["signed_in_at"])
            return row | {"seen": making.version(row)}
    raise NotFound


async def _names(visit: Visit) -> BookNames:
    async with visit.panel.engine.connect() as connection:
        return await read_names(connection)


async def _form(
    visit: Visit, row: dict[str, Any], form: Form | None = None, notice: str = "",
    current: dict[str, Any] | None = None,
) -> web.Response:  # fmt: skip
    return visit.render(
        "admin/person.html",
        status=422 if form is not None or notice else 200,
        row=row,
        known="signed_in_at" in row,
        current=current,
        wrong=form.wrong if form else {},
        remark=notice,
        roles=[*Role],
        names=await _names(visit),
        said=visit.request.query.get("said", ""),
        may_edit=visit.allowed("people_edit"),
        of_agency=[str(role) for role in OF_AN_AGENCY],
        guarded=sorted(map(str, GUARDED)),
    )
