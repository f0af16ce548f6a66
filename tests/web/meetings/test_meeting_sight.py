"""Of a session each sees what is not kept from them: on its pages, in its files, by codes they send."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from openpyxl import load_workbook  # type: ignore[attr-defined]
from sqlalchemy import select, update

from ivr.cases.meetings import RequestState as S
from ivr.desk.case import answers, confiding
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.registering import Wanted, register
from ivr.desk.meetings import inviting, order_giving, session_day
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.session_day import Hearing
from ivr.desk.people import auditing
from ivr.store.tables import callbacks, cases, meeting_slots
from ivr.web.panel.locale import digits, words
from tests.desk.meetings.hall import Hall
from tests.desk.meetings.test_order_giving import NEAR
from tests.web.meetings.test_meeting_papers import MEETINGS, at
from tests.web.numbers.test_numbers import MARKUP
from tests.web.panel import Client, PanelServed

__all__ = ["at"]

HERS, NATIONAL = "09141234562", "0013542419"
SECRET, TOLD = "رئیس اداره رشوه خواست", "شکایت از یک کارمند"


async def become(at: Hall, code: str, **values: Any) -> None:
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == code).values(values))


async def confide(at: Hall, code: str, *kept_from: str) -> None:
    by = at.by(code, "تهدید شده است", "desk/sadr")
    await confiding.confide(at.engine, at.page, by, Secrecy("", kept_from, TOLD))


async def sealed_session(at: Hall, *kept_from: str) -> tuple[int, str, str]:
    """Two are to be heard; the second one's request is confidential, and needs abfa and edu. Their codes."""
    plain = await at.accepted(9, "09141234561", bodies=["abfa"])
    sealed = await at.accepted(8, HERS, bodies=["abfa", "edu"])
    number = await at.session(slots=3)
    await at.fill(number)
    await become(at, sealed, caller_name="زهرا احمدی", national_id=NATIONAL, words=SECRET)
    await confide(at, sealed, *kept_from)
    return number, plain, sealed


async def heard(panel: PanelServed, at: Hall, number: int, *codes: str) -> None:
    """On the day; panel and office have its time."""
    at.at += timedelta(days=6, hours=1)
    for code in codes:
        await session_day.heard(at.engine, at.page, at.by(code), number, at.at, Hearing("رشوه خواسته‌اند"))
        await order_giving.give(at.engine, at.page, at.by(code), [MeetingOrder("abfa", "رسیدگی شود", NEAR)])
    panel.clock.now = at.at


async def cells(client: Client, number: int) -> str:
    answer = await client.get(f"{MEETINGS}/sessions/{number}/agenda.xlsx")
    assert answer.status == 200
    page = load_workbook(io.BytesIO(await answer.read())).worksheets[0]  # type: ignore[no-untyped-call]
    return str(list(page.iter_rows(min_row=2, values_only=True)))


async def slot_of(at: Hall, code: str) -> Any:
    query = select(meeting_slots).join(cases, cases.c.id == meeting_slots.c.case_id)
    async with at.engine.connect() as connection:
        return (await connection.execute(query.where(cases.c.code == code))).first()


async def test_the_day_s_page_names_nobody_whose_case_is_confidential_and_she_is_found_at_the_door(
    panel: PanelServed, at: Hall
) -> None:
    other = (await register(at.engine, at.page, Wanted("complaint", words="آب", caller=HERS), at.at)).code
    number, _, sealed = await sealed_session(at)
    panel.clock.now = at.at = at.at + timedelta(days=6)
    office, path = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}/day"
    text = await office.text(path)
    assert f'data-code="{sealed}"' in text and words()("day.sealed_earlier") in text
    for hidden in ("احمدی", NATIONAL[-4:], digits(NATIONAL[-4:]), other, digits(other)):
        assert hidden not in text, hidden
    assert (await office.post(f"{path}/arrive", {"code": digits(NATIONAL)})).status == 303
    assert (await slot_of(at, sealed)).arrived_at is not None


async def test_a_number_that_stands_for_a_name_of_before_is_on_no_screen_of_the_day(
    panel: PanelServed, at: Hall
) -> None:
    names = {HERS: "", f"HOTLINE:{HERS}": "HOTLINE:•••", "زهرا احمدی": "زهرا احمدی"}
    codes = [await at.accepted(9 - n, f"0914123456{n}") for n in range(3)]
    number = await at.session(slots=3)
    await at.fill(number)
    for code, name in zip(codes, names, strict=True):
        await become(at, code, caller_name=name)
    panel.clock.now = at.at = at.at + timedelta(days=6)
    office, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    for code in codes:
        assert (await office.post(f"{session}/day/begin", {"code": code})).status == 303
    for text in (await office.text(f"{session}/board"), await office.text(f"{session}/day")):
        assert HERS not in text and all(f"<bdi>{name}</bdi>" in text for name in names.values() if name)


async def test_why_a_confidential_request_has_its_place_tells_nothing_of_her_other_cases(
    panel: PanelServed, at: Hall
) -> None:
    number, plain, sealed = await sealed_session(at)
    first = f'class="badge">{words()("meetings.why.first_meeting")}'
    office, head = await panel.signed_in("governor"), await panel.signed_in("head")
    requests = f"{MEETINGS}/requests"
    for client, path, told in (
        (office, f"{MEETINGS}?tab=invited", 1),
        (office, f"{requests}/{plain}", 1),
        (office, f"{requests}/{sealed}", 0),
        (office, f"{MEETINGS}/sessions/{number}", 1),
        (head, f"{MEETINGS}/sessions/{number}", 1),
    ):
        assert (await client.text(path)).count(first) == told, path


async def test_why_a_request_has_its_place_tells_nothing_of_her_confidential_cases(
    panel: PanelServed, at: Hall
) -> None:
    before = await at.accepted(8, HERS)
    await at.fill(number := await at.session())
    await heard(panel, at, number, before)
    panel.clock.now = at.later(20)
    office, path = await panel.signed_in("governor"), f"{MEETINGS}/requests/{await at.wish(caller=HERS)}"
    first, owed = words()("meetings.why.first_meeting"), words()("meetings.why.unkept_orders", n=1)
    text = await office.text(path)
    assert owed in text and first not in text
    await confide(at, before)
    text = await office.text(path)
    assert owed not in text and first in text


async def test_the_day_s_page_tells_orders_not_carried_out_but_of_no_confidential_case(
    panel: PanelServed, at: Hall
) -> None:
    before = await at.open(caller=HERS)
    await order_giving.give(at.engine, at.page, at.by(before), [MeetingOrder("abfa", "لوله عوض شود", NEAR)])
    code = await at.accepted(8, HERS)
    await at.fill(number := await at.session(starts_at=at.at + timedelta(days=20)))
    panel.clock.now = at.later(20)
    office, path = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}/day"
    owed = words()("meetings.why.unkept_orders", n=1)
    assert owed in await office.text(path)
    await confide(at, code)
    assert owed not in await office.text(path)


async def test_a_head_s_table_has_what_his_page_has(panel: PanelServed, at: Hall) -> None:
    number, plain, sealed = await sealed_session(at)
    table = await cells(await panel.signed_in("head"), number)
    assert plain in table and sealed in table and TOLD in table and SECRET not in table
    names = {"edu": "آموزش", "abfa": "آب و فاضلاب"}
    assert names["abfa"] in table and names["edu"] not in table
    assert names["edu"] in await cells(await panel.signed_in("governor"), number)


async def test_the_report_counts_a_confidential_hearing_and_tells_nothing_of_it(
    panel: PanelServed, at: Hall
) -> None:
    number, plain, sealed = await sealed_session(at)
    await heard(panel, at, number, sealed)
    office, path = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}/report"
    text = await office.text(path)
    assert "با ۱ شهروند" in text and "رسیدگی شود" not in text and "آموزش" not in text
    await order_giving.give(at.engine, at.page, at.by(sealed), [MeetingOrder("edu", "پیگیری شود", NEAR)])
    assert "پیگیری شود" not in await office.text(path)
    await session_day.heard(at.engine, at.page, at.by(plain), number, at.at, Hearing("آب"))
    await order_giving.give(at.engine, at.page, at.by(plain), [MeetingOrder("abfa", "وصل شود", NEAR)])
    assert "وصل شود" in await office.text(path)


async def test_who_it_is_kept_from_has_it_on_no_page_of_the_session_and_in_no_paper(
    panel: PanelServed, at: Hall
) -> None:
    friend = await panel.person("governor")
    number, plain, sealed = await sealed_session(at, friend.name)
    await heard(panel, at, number, plain, sealed)
    kept = await panel.client(friend, await panel.token_of(friend))
    other, session = await panel.signed_in("governor"), f"{MEETINGS}/sessions/{number}"
    for client, sees in ((other, True), (kept, False)):
        for page in (session, f"{session}/day"):
            text = await client.text(page)
            assert plain in text and (sealed in text or digits(sealed) in text) is sees, page
        assert ("minutes.pdf?annex" in await client.text(session)) is sees
        assert (await client.get(f"{session}/minutes.pdf?annex")).status == (200 if sees else 404)
        assert (await client.get(f"{session}/minutes.pdf")).status == 200
        assert (sealed in await cells(client, number)) is sees
    answer = await kept.post(f"{session}/missed", {"code": sealed})
    assert answer.status == 422 and words()("inbox.no_case") in await answer.text()
    assert (await slot_of(at, sealed)).outcome == "met"
    for path in ("heard", "amend", "order"):
        sent = {"code": sealed, "said": "نادرست", "agency": "edu", "words": "نادرست", "due_on": "۱۴۰۵/۰۹/۱۷"}
        assert (await kept.post(f"{session}/day/{path}", sent)).status == 422, path


async def test_a_head_who_sees_other_counties_writes_no_view_of_her_request(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.accepted(9, bodies=["abfa"])
    number = await at.session(slots=1)
    await at.fill(number)
    await inviting.invite(at.engine, at.page, at.by("").actor, number, at.at)
    here, elsewhere = [await panel.signed_in("head", areas=(county,)) for county in ("ahar", "tabriz")]
    sent = {"code": code, "words": "لوله فرسوده است"}
    for client, status in ((elsewhere, 422), (here, 303)):
        assert (await client.post(f"{MEETINGS}/sessions/{number}/view", sent)).status == status


async def test_who_sees_some_counties_places_and_reads_no_request_of_others(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.accepted(5)
    number = await at.session(slots=2)
    here, elsewhere = [await panel.signed_in("governor", areas=(county,)) for county in ("ahar", "tabriz")]
    session, sent = f"{MEETINGS}/sessions/{number}", {"code": code, "slot": "1", "reason": "بیمار است"}
    answer = await elsewhere.post(f"{session}/place", sent)
    assert answer.status == 422 and await slot_of(at, code) is None
    async with at.engine.connect() as connection:
        invited = select(callbacks.c.id).where(callbacks.c.notice["what"].astext == "invited")
        assert (await connection.execute(invited)).first() is None, "nobody is rung"
    assert (await here.post(f"{session}/place", sent)).status == 303
    assert code in await here.text(session) and digits(code) not in await elsewhere.text(session)
    answer = await elsewhere.post(f"{session}/missed", {"code": code})
    assert answer.status == 422 and (await at.seen(code)).state is S.INVITED


async def test_who_sees_other_counties_has_no_paper_of_a_session_nor_a_link_to_one(
    panel: PanelServed, at: Hall
) -> None:
    number, plain, sealed = await sealed_session(at)
    await heard(panel, at, number, plain, sealed)
    session = f"{MEETINGS}/sessions/{number}"
    for county, status in (("ahar", 200), ("tabriz", 404)):
        client = await panel.signed_in("governor", areas=(county,))
        page = await client.text(session)
        for paper in ("minutes", "attendance"):
            assert (await client.get(f"{session}/{paper}.pdf")).status == status, (county, paper)
            assert (f"{paper}.pdf" in page) is (status == 200), (county, paper)
        assert (await client.get(f"{session}/report")).status == status, county
        assert (f"{session}/report" in page) is (status == 200), county


async def test_what_heads_the_agenda_is_of_the_counties_they_see(panel: PanelServed, at: Hall) -> None:
    code = await at.accepted(9, bodies=["abfa"])
    number = await at.session(slots=1)
    await at.fill(number)
    await heard(panel, at, number, code)
    at.at = panel.clock.now = at.at + timedelta(days=28)
    later = await at.session(starts_at=at.at + timedelta(days=7))
    seen = [
        "رسیدگی شود"
        in await (await panel.signed_in("governor", areas=(county,))).text(f"{MEETINGS}/sessions/{later}")
        for county in ("ahar", "tabriz")
    ]
    assert seen == [True, False]


async def test_an_order_out_of_sight_is_neither_confirmed_nor_handed_back(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.open()
    [part] = await order_giving.give(
        at.engine, at.page, at.by(code, who="desk/sadr"), [MeetingOrder("abfa", "لوله عوض شود", NEAR)]
    )
    await answers.give(at.engine, at.page, at.by(part, who="abfa/karimi"), "عوض شد")
    elsewhere = await panel.signed_in("governor", areas=("tabriz",))
    for deed in ("confirm", "hand-back"):
        answer = await elsewhere.post(f"{MEETINGS}/reported/{part}/{deed}", {"reason": "دیده نشد"})
        assert answer.status == 422, deed
        unknown = await elsewhere.post(f"{MEETINGS}/reported/1234567897/{deed}", {"reason": "دیده نشد"})
        assert unknown.status == 422, deed
    assert (await at.case(part))["status"] == "answered"
    here = await panel.signed_in("governor", areas=("ahar",))
    assert (await here.post(f"{MEETINGS}/reported/{part}/confirm")).status == 303


async def test_the_audit_tells_nobody_who_looked_into_what_is_kept_from_them(
    panel: PanelServed, at: Hall
) -> None:
    accused, code = await panel.person("auditor"), await at.open()
    await confide(at, code, accused.name)
    supervisor = await panel.signed_in("supervisor")
    await supervisor.text(f"/panel/cases/{code}")
    kept = await panel.client(accused, await panel.token_of(accused))
    other = await panel.signed_in("auditor")
    assert len(await auditing.listed(at.engine, case=code)) > 0
    for query in ("", f"?about=case/{code}"):
        path = f"/panel/admin/audit{query}"
        seen = [f'about=case/{code}">' in await client.text(path) for client in (other, kept)]
        assert seen == [True, False], path


async def test_the_audit_tells_who_sees_some_counties_nothing_of_cases_of_others(
    panel: PanelServed, at: Hall
) -> None:
    code = await at.open()
    await (await panel.signed_in("supervisor")).text(f"/panel/cases/{code}")
    for query in ("", f"?about=case/{code}"):
        path = f"/panel/admin/audit{query}"
        clients = [await panel.signed_in("auditor", areas=(area,)) for area in ("ahar", "tabriz")]
        seen = [f'about=case/{code}">' in await client.text(path) for client in clients]
        assert seen == [True, False], path


async def test_what_an_older_release_noted_tells_no_code_to_who_sees_some_counties(
    panel: PanelServed, at: Hall
) -> None:
    """It does not tell of which county the case is."""
    code = await at.open()
    async with at.engine.begin() as connection:
        await auditing.note(connection, at.at, "lottery_rung", subject=f"case/{code}")
    client = await panel.signed_in("auditor", areas=("tabriz",))
    page = await client.text("/panel/admin/audit")
    assert words()("admin.audit.action.lottery_rung") in page and code not in page


async def test_words_that_look_like_a_workbook_s_own_markup_stand_in_the_agenda_as_they_were_sent(
    panel: PanelServed, at: Hall
) -> None:
    for n, text in enumerate(MARKUP):
        await become(at, await at.accepted(9, f"0914123456{n}", bodies=["abfa"]), words=text)
    number = await at.session(slots=2)
    await at.fill(number)
    answer = await (await panel.signed_in("governor")).get(f"{MEETINGS}/sessions/{number}/agenda.xlsx")
    page = load_workbook(io.BytesIO(await answer.read())).worksheets[0]  # type: ignore[no-untyped-call]
    cells = [cell for row in page.iter_rows() for cell in row]
    assert set(MARKUP) <= {str(cell.value).lstrip() for cell in cells}
    assert not [cell for cell in cells if cell.data_type == "f"]
