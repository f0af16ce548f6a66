"""Whoever complains is safe from whom she complains of: sight, seal, second person, limits; page by page."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Page
from ivr.desk.case import answers, closing, pausing, referring
from ivr.desk.case.attachments import ATTACHED
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.event_log import add_event
from ivr.desk.people import passwords, staffing, unsealing
from ivr.desk.people.limiting import TooOften
from ivr.desk.people.unsealing import OPEN_FOR
from ivr.desk.reading import as_json
from ivr.desk.recordings import revealing
from ivr.desk.recordings.revealing import Hidden
from ivr.store.audit import TELLING
from ivr.store.tables import audit, calls, cases, limits, openings, recordings, suggestions
from ivr.web.casefile import opening_pages, privacy
from ivr.web.panel.locale import digits, words
from ivr.web.panel.sheets import jalali_day
from tests.desk.office import WEDNESDAY
from tests.web.browser import PHONE, WIDE, screenshot, serious, window
from tests.web.casefile import Desk, desk_served
from tests.web.panel import PASSWORD, QUICK, Client

HERS = "09141234567"
TOLD = "کارمندی رشوه خواسته است."
WHY = "پیگیری تلفنی با شهروند"
MONTH = "period=month:1405-09"


@pytest.fixture
async def desk(engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(passwords, "HASHER", QUICK)
    async with desk_served(engine, tmp_path) as served:
        yield served


async def trusted(desk: Desk, role: str = "supervisor") -> Client:
    person = await desk.panel.person(role, trusted=True)
    return await desk.panel.client(person, await desk.panel.token_of(person))


async def confide(desk: Desk, code: str, **fields: str) -> Client:
    """By a supervisor; her."""
    client = await desk.panel.signed_in("supervisor")
    sent = {"accused": "", "kept_from": "", "told": TOLD, "reason": "تهدید شده است"} | fields
    answer = await client.post(f"/panel/cases/{code}/confide", sent)
    assert answer.status == 303, await answer.text()
    return client


async def noted(desk: Desk, *actions: str) -> list[Any]:
    async with desk.panel.engine.connect() as connection:
        query = select(audit).where(audit.c.action.in_(actions)).order_by(audit.c.id)
        return list((await connection.execute(query)).all())


async def waiting(desk: Desk) -> str:
    async with desk.panel.engine.connect() as connection:
        query = select(openings.c.id).where(openings.c.allowed.is_(None))
        return str((await connection.execute(query)).scalar_one())


async def test_what_was_sent_on_is_one_line_without_its_reason(desk: Desk) -> None:
    code = await desk.open()
    theirs = await desk.panel.signed_in("head")
    assert code in await theirs.text("/panel/inbox?queue=new")
    heard = (await desk.recordings(code))[0]
    book = await desk.panel.panel.book.page()
    ask = Instruction(code, actor_named(book, "desk"), "شکایت از رئیس آبفاست", desk.panel.clock())
    await referring.refer(desk.panel.engine, book, ask, "edu")
    page = await theirs.get(f"/panel/cases/{code}")
    said = await page.text()
    assert page.status == 404 and "دیگر نزد دستگاه شما نیست" in said and "شکایت از رئیس" not in said
    for path in (
        f"/panel/cases/{code}/seen-by",
        f"/panel/recordings/{heard}",
        f"/panel/letters/{code}/referral",
    ):
        assert (await theirs.get(path)).status == 404, path
    for query in ("queue=new", "queue=all", f"queue=all&q={code}", f"queue=all&q={HERS}"):
        assert f"/panel/cases/{code}" not in await theirs.text(f"/panel/inbox?{query}"), query
    assert code not in await (await theirs.get(f"/panel/numbers/export/cases.csv?{MONTH}")).text()


async def test_an_agency_gets_words_and_no_voice_and_the_desk_no_name(desk: Desk) -> None:
    code = await desk.open(name="زینب")
    heard = (await desk.recordings(code))[0]
    office = await confide(desk, code)
    page = await office.text(f"/panel/cases/{code}")
    assert "محرمانه" in page and "زینب" not in page and "۰۹۱۴" not in page and HERS not in page
    assert "reveal-caller" not in page and "reveal-voice" not in page and "/download" not in page
    assert (await office.get(f"/panel/recordings/{heard}?as=blind")).status == 200
    officer = await desk.panel.signed_in("officer")
    page = await officer.text(f"/panel/cases/{code}")
    assert TOLD in page and "زینب" not in page and str(heard) not in page and "تهدید شده" not in page
    assert 'data-deed="return"' in page and 'data-deed="onward"' not in page
    for kind in ("", "/outline", "/marks", "/transcripts"):
        assert (await officer.get(f"/panel/recordings/{heard}{kind}")).status == 404
    for client in (office, await desk.panel.signed_in("head")):
        for what in ("caller", "voice"):
            answer = await client.post(f"/panel/cases/{code}/reveal", {"what": what, "reason": WHY})
            assert answer.status in (403, 422) and HERS not in await answer.text()
        assert (await client.get(f"/panel/recordings/{heard}?as=plain")).status in (403, 404)
        assert (await client.post(f"/panel/recordings/{heard}/download", {"reason": WHY})).status in (
            403,
            404,
        )
    listed = await office.text("/panel/inbox?queue=all")
    assert code in listed and TOLD in listed and str(heard) not in listed
    assert not await noted(desk, "caller_revealed", "voice_revealed", "recording_downloaded")


NAMED = "خانم احمدی را خودمان می‌شناسیم"


async def by(desk: Desk, code: str, name: str, reason: str = "") -> tuple[AsyncEngine, Page, Instruction]:
    book = await desk.panel.panel.book.page()
    return desk.panel.engine, book, Instruction(code, actor_named(book, name), reason, desk.panel.clock())


async def read_by(desk: Desk, code: str, body: str) -> str:
    """Its page, to an officer of that body."""
    return await (await desk.panel.signed_in("officer", agency=body)).text(f"/panel/cases/{code}")


async def test_the_body_that_gets_it_does_not_read_why_another_one_gave_it_back(desk: Desk) -> None:
    code = await desk.open()
    await referring.give_back(*await by(desk, code, "abfa/karimi", NAMED))
    office = await confide(desk, code)
    await referring.refer(*await by(desk, code, "desk", "تا شنبه"), "edu")
    page = await read_by(desk, code, "edu")
    assert "از آنِ ما نیست" in page and NAMED not in page and "تا شنبه" in page
    assert NAMED in await office.text(f"/panel/cases/{code}")
    await referring.give_back(*await by(desk, code, "edu/amini", "کار ما نیست"))
    await referring.rule(*await by(desk, code, "desk", "آب است"), "abfa")
    page = await read_by(desk, code, "abfa")
    assert NAMED in page and "کار ما نیست" not in page and "تا شنبه" not in page, "but what it wrote itself"


async def test_why_the_desk_gave_it_a_confidential_topic_is_read_by_no_body(desk: Desk) -> None:
    code = await desk.open()
    await pausing.change_topic(*await by(desk, code, "desk", NAMED), "gov.conduct")
    await confide(desk, code)
    await referring.refer(*await by(desk, code, "desk"), "edu")
    assert NAMED not in await read_by(desk, code, "edu")
    await pausing.change_topic(*await by(desk, code, "desk", "خواهر احمدی چنین گفت"), "water.supply")
    page = await read_by(desk, code, "edu")
    assert "تغییر کرد" in page and "احمدی" not in page


async def test_no_body_reads_or_hears_what_another_one_proposed_or_answered_or_what_her_words_suggest(
    desk: Desk,
) -> None:
    code, guess = await desk.open(), {"agency": "abfa", "topic": "water.supply", "confidence": 0.9}
    async with desk.panel.engine.begin() as connection:
        id = (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
        at = desk.panel.clock()
        row = {"id": uuid.uuid4(), "case_id": id, "suggested_at": at, "source": "words"}
        row |= {"top": [guess], "assigned": False}
        await connection.execute(suggestions.insert(), [row])
    await answers.give(*await by(desk, code, "abfa/karimi"), NAMED, None, "")
    office = await confide(desk, code)
    await closing.reopen(*await by(desk, code, "citizen"))
    await answers.propose(*await by(desk, code, "abfa/karimi"), "خانم احمدی را دیدیم")
    page = await read_by(desk, code, "abfa")
    assert NAMED in page and "خانم احمدی را دیدیم" in page, "it wrote that itself"
    async with desk.panel.engine.connect() as connection:
        draft = (await connection.execute(select(cases.c.draft).where(cases.c.id == id))).scalar_one()
    await referring.refer(*await by(desk, code, "desk"), "edu")
    async with desk.panel.engine.begin() as connection:  # as older releases left it
        await connection.execute(update(cases).values(draft=draft, answer_voice="answers/ab/abcd"))
    page = await read_by(desk, code, "edu")
    assert "احمدی" not in page and 'class="draft' not in page and "answer-voice" not in page
    assert 'id="suggested"' not in page and 'id="suggested"' in await office.text(f"/panel/cases/{code}")
    await answers.give(*await by(desk, code, "edu/amini"), "رسیدگی شد", None, "")
    assert "رسیدگی شد" in (await read_by(desk, code, "edu")).partition('id="facts"')[2]


async def test_what_an_older_release_told_of_a_paper_is_no_line_of_the_story(desk: Desk) -> None:
    code = await desk.open()
    engine, now = desk.panel.engine, desk.panel.clock()
    async with engine.begin() as connection:
        id = (await connection.execute(select(cases.c.id).where(cases.c.code == code))).scalar_one()
        told = {"attachment": str(uuid.uuid4()), "kind": "application/pdf", "text": "شناسنامهٔ زینب احمدی"}
        await add_event(connection, uuid.uuid4(), id, now, ATTACHED, told, "desk")
    await confide(desk, code)
    page = await (await desk.panel.signed_in("officer")).text(f"/panel/cases/{code}")
    assert "پیوستی افزوده شد" in page and "زینب" not in page


async def test_the_body_above_answers_what_is_about_the_desk_though_answers_wait_for_approval(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHER", QUICK)
    async with desk_served(engine, tmp_path, approval=True) as desk:
        code, book = await desk.open(topic="other.other"), await desk.panel.panel.book.page()
        await confide(desk, code, accused=book.rules.desk)
        theirs = await desk.panel.signed_in("officer", agency=book.away_from(book.rules.desk))
        form, waits = await theirs.text(f"/panel/cases/{code}?do=answer"), words()("casefile.answer.waits")
        assert 'data-name="answer"' in form and waits not in form
        assert (await theirs.post(f"/panel/cases/{code}/answer", {"words": "رسیدگی شد."})).status == 303
        told = await as_json.case_json(engine, code)
        assert told and told["status"] == "answered" and told["answer"] == "رسیدگی شد."


async def test_its_json_leads_to_none_of_her_words(desk: Desk) -> None:
    code = await desk.open()
    engine = desk.panel.engine
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(transcript="من زینب احمدی هستم"))
    before = await as_json.case_json(engine, code)
    assert before and "زینب" in str(before)
    await confide(desk, code)
    told = await as_json.case_json(engine, code)
    assert told and before["recordings"][0]["path"] not in str(told) and "زینب" not in str(told)
    assert told["recordings"][0]["seconds"] == before["recordings"][0]["seconds"]


async def test_no_number_that_she_keyed_in_her_call_is_read_off_its_path(desk: Desk) -> None:
    code = await desk.open(caller="", callback="09120000001")
    pressed = {"callback_number": "09120000001", "topic": "1234"}
    keyed = [
        {"at": WEDNESDAY.isoformat(), "step": step, "key": keys, "note": ""} for step, keys in pressed.items()
    ]
    async with desk.panel.engine.begin() as connection:
        await connection.execute(update(calls).values(steps=keyed))
    await confide(desk, code)
    page = await (await desk.panel.signed_in("supervisor")).text(f"/panel/cases/{code}")
    assert f"<kbd>{'•' * 11}</kbd>" in page and digits("09120000001") not in page
    assert "09120000001" not in page and f"<kbd>{digits('1234')}</kbd>" in page, "a menu's keys are no number"


async def test_the_seal_is_opened_by_two_for_a_while_and_both_are_on_record(desk: Desk) -> None:
    code = await desk.open()
    heard = (await desk.recordings(code))[0]
    await confide(desk, code)
    asker, second = await trusted(desk), await trusted(desk, "auditor")
    reveal = f"/panel/cases/{code}/reveal"
    assert (await asker.post(reveal, {"what": "caller", "reason": WHY})).status == 422
    assert (await asker.post(f"/panel/cases/{code}/ask", {"reason": "کوتاه"})).status == 422
    assert (await asker.post(f"/panel/cases/{code}/ask", {"reason": WHY})).status == 303
    id = await waiting(desk)
    assert "در انتظار" in await asker.text(f"/panel/cases/{code}")
    own = await asker.post(f"/panel/openings/{id}/allow")
    nobody = await (await desk.panel.signed_in("supervisor")).post(f"/panel/openings/{id}/allow")
    assert own.status == nobody.status == 403
    assert (await asker.post(reveal, {"what": "caller", "reason": WHY})).status == 422
    assert WHY in await second.text("/panel/openings")
    assert (await second.post(f"/panel/openings/{id}/allow")).status == 303
    assert (await second.post(f"/panel/openings/{id}/allow")).status == 403, "once"
    shown = await asker.post(reveal, {"what": "caller", "reason": WHY})
    assert shown.status == 200 and HERS in (await shown.text()).translate(
        str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
    )
    assert (await asker.post(reveal, {"what": "voice", "reason": WHY})).status == 303
    assert (await asker.get(f"/panel/recordings/{heard}?as=plain")).status == 200
    assert (await second.post(reveal, {"what": "caller", "reason": WHY})).status == 403, (
        "auditors see no names"
    )
    desk.panel.clock.now += OPEN_FOR + timedelta(minutes=1)
    late = await desk.panel.client(asker.person, await desk.panel.token_of(asker.person))  # type: ignore[arg-type]
    assert (await late.post(reveal, {"what": "caller", "reason": WHY})).status == 422
    assert (await late.get(f"/panel/recordings/{heard}?as=plain")).status == 403
    asked, allowed, seen = await noted(desk, "opening_asked", "opening_allowed", "caller_revealed")
    assert asker.person and second.person
    assert (asked.person_id, allowed.person_id, seen.person_id) == (
        asker.person.id,
        second.person.id,
        asker.person.id,
    )
    assert asked.reason == allowed.reason == WHY


async def test_who_is_one_of_the_few_no_more_opens_nothing_that_was_allowed_or_waits(desk: Desk) -> None:
    code, other = await desk.open(), await desk.open()
    for each in (code, other):
        await confide(desk, each)
    asker, second = await trusted(desk), await trusted(desk, "auditor")
    assert asker.person
    await asker.post(f"/panel/cases/{code}/ask", {"reason": WHY})
    assert (await second.post(f"/panel/openings/{await waiting(desk)}/allow")).status == 303
    await asker.post(f"/panel/cases/{other}/ask", {"reason": WHY})
    engine, now = desk.panel.engine, desk.panel.clock()
    await staffing.reassign_some(engine, asker.person.name, {"trusted": False}, (), now)
    late = await desk.panel.client(asker.person, await desk.panel.token_of(asker.person))
    for what in ("caller", "voice"):
        answer = await late.post(f"/panel/cases/{code}/reveal", {"what": what, "reason": WHY})
        assert answer.status == 422 and HERS not in await answer.text()
    heard = (await desk.recordings(code))[0]
    assert (await late.get(f"/panel/recordings/{heard}?as=plain")).status == 403
    assert "/allow" not in await second.text("/panel/openings")
    assert (await second.post(f"/panel/openings/{await waiting(desk)}/allow")).status == 403


async def test_who_is_kept_from_it_neither_sees_nor_allows(desk: Desk) -> None:
    code = await desk.open()
    friend = await trusted(desk)
    assert friend.person
    await confide(desk, code, kept_from=friend.person.name)
    asker = await trusted(desk)
    await asker.post(f"/panel/cases/{code}/ask", {"reason": WHY})
    assert (await friend.get(f"/panel/cases/{code}")).status == 404
    address = f"/panel/cases/{code}"
    assert address not in await friend.text("/panel/openings")
    assert address in await asker.text("/panel/openings")
    assert (await friend.post(f"/panel/openings/{await waiting(desk)}/allow")).status == 403
    assert code not in await friend.text("/panel/inbox?queue=all")


async def test_identities_leave_in_a_file_only_when_another_person_allows_it(desk: Desk) -> None:
    open_case, sealed = await desk.open(), await desk.open(caller="09143334455", topic="water.bill")
    await confide(desk, sealed)
    head = await desk.panel.signed_in("head")
    path = f"/panel/numbers/export/cases.csv?{MONTH}"
    assert (await head.post(path, {"reason": "کوتاه"})).status == 422
    first = await head.post(path, {"reason": WHY})
    assert first.status == 202 and HERS not in await first.text()
    second = await trusted(desk, "governor")
    page = await second.text("/panel/openings")
    assert "خروجی با هویت شهروندان" in page and WHY in page
    assert (await second.post(f"/panel/openings/{await waiting(desk)}/allow")).status == 303
    whole = await (await head.post(path, {"reason": WHY})).text()
    assert open_case in whole and HERS in whole
    assert sealed in whole and "09143334455" not in whole and TOLD in whole
    others = await head.post(f"{path}&kind=complaint", {"reason": WHY})
    assert others.status == 202, "another file is another asking"
    colleague = await desk.panel.signed_in("head")
    assert (await colleague.post(path, {"reason": WHY})).status == 202, "it is hers alone"
    desk.panel.clock.now += OPEN_FOR + timedelta(minutes=1)
    late = await desk.panel.client(head.person, await desk.panel.token_of(head.person))  # type: ignore[arg-type]
    assert (await late.post(path, {"reason": WHY})).status == 202


async def take(desk: Desk, client: Client, query: str, reason: str) -> str:
    """The file of these cases with who the callers are."""
    path, second = f"/panel/numbers/export/cases.csv?{query}", await trusted(desk, "governor")
    assert (await client.post(path, {"reason": reason})).status == 202
    assert (await second.post(f"/panel/openings/{await waiting(desk)}/allow")).status == 303
    answer = await client.post(path, {"reason": reason})
    assert answer.status == 200
    return await answer.text()


async def files_with(desk: Desk, code: str) -> list[str]:
    """Why who took files away that the case may be in did so, the first first; by the case's page."""
    page = await (await desk.panel.signed_in("auditor")).text(f"/panel/cases/{code}/seen-by")
    said, reason = words()("casefile.audit.identities_exported"), words()("casefile.reason")
    return re.findall(rf"— {said}\s*<br><span class=\"soft\">{reason}:</span> (.*?)<br>", page)[::-1]


async def test_who_took_a_case_away_in_a_file_with_identities_is_among_those_who_saw_it(desk: Desk) -> None:
    supervisor, clock = await desk.panel.signed_in("supervisor"), desk.panel.clock
    clock.now = WEDNESDAY - timedelta(minutes=5)
    await take(desk, supervisor, MONTH, "before there was the case")
    code, nowhere = await desk.open(), await desk.open(caller="09143334455", topic="water.bill", county="")
    clock.now = WEDNESDAY + timedelta(minutes=5)
    named = f"{MONTH}&agency=abfa&county=ahar&topic=water.supply&kind=complaint"
    for role, more, query, reason in (
        ("supervisor", {}, MONTH, "of the month"),
        ("supervisor", {}, named, "of its topic"),
        ("head", {}, MONTH, "of their body"),
        ("governor", {"areas": ("ahar",)}, MONTH, "of their county"),
        ("governor", {"areas": ("tabriz",)}, MONTH, "of a county not its own"),
        ("head", {"agency": "edu"}, MONTH, "of a body not its own"),
        ("supervisor", {}, f"{MONTH}&agency=edu", "of another body"),
        ("supervisor", {}, f"{MONTH}&county=tabriz", "of another county"),
        ("supervisor", {}, f"{MONTH}&kind=request", "of another kind"),
        ("supervisor", {}, "period=month:1405-08", "of another month"),
    ):
        await take(desk, await desk.panel.signed_in(role, **more), query, reason)
    taken = ["of the month", "of its topic", "of their body", "of their county"]
    assert await files_with(desk, code) == taken
    its = ["of the month", "of their body", "of their county", "of a county not its own"]
    assert await files_with(desk, nowhere) == its, "who sees some counties sees what has none"
    await referring.refer(*await by(desk, code, "desk", "ادارهٔ دیگر"), "edu")
    assert await files_with(desk, code) == [*taken, "of a body not its own", "of another body"], "maybe"


@pytest.mark.parametrize("by_topic", [False, True])
async def test_a_file_of_before_a_case_was_confidential_is_told_there_and_none_of_after_it(
    desk: Desk, by_topic: bool
) -> None:
    code, supervisor = await desk.open(), await desk.panel.signed_in("supervisor")
    sealed = await desk.open(caller="09143334455", topic="gov.conduct")
    desk.panel.clock.now = WEDNESDAY + timedelta(minutes=5)
    await take(desk, supervisor, MONTH, "it is open")
    desk.panel.clock.now += timedelta(minutes=5)
    if by_topic:
        sent = {"topic": "gov.conduct", "county": "ahar", "reason": "رفتار کارمند"}
        assert (await supervisor.post(f"/panel/cases/{code}/topic", sent)).status == 303
    else:
        await confide(desk, code)
    desk.panel.clock.now += timedelta(minutes=5)
    await take(desk, await desk.panel.signed_in("supervisor"), MONTH, "it is sealed")
    desk.panel.clock.now += timedelta(minutes=5)
    await pausing.change_topic(*await by(desk, code, "desk", "نه، قبض"), "water.bill")
    assert await files_with(desk, code) == ["it is open"], "whatever its topic is afterwards"
    assert await files_with(desk, sealed) == []


async def test_a_file_with_identities_holds_no_case_that_came_while_it_left(desk: Desk) -> None:
    code, held = await desk.open(), []
    query = select(cases.c.opened_at).where(cases.c.code == code)
    async with desk.panel.engine.connect() as connection:
        opened = (await connection.execute(query)).scalar_one()
    for seconds, reason in ((-1, "it comes while this leaves"), (1, "it was there")):
        desk.panel.clock.now = opened + timedelta(seconds=seconds)
        held.append(code in await take(desk, await desk.panel.signed_in("supervisor"), MONTH, reason))
    assert held == [False, True]
    assert await files_with(desk, code) == ["it was there"]


async def test_who_has_seen_a_case_is_found_by_indexes(desk: Desk) -> None:
    """Among as many other rows as the planner believes in."""
    code, engine = await desk.open(), desk.panel.engine
    rows = (
        "INSERT INTO audit (at, action, subject) SELECT now(), 'x', 'x/' || n FROM generate_series(1, 9999) n"
    )
    async with engine.begin() as connection:
        await connection.execute(text(rows))
        await connection.execute(text("ANALYZE audit"))
        case = (await connection.execute(select(cases).where(cases.c.code == code))).one()
        query = revealing.seeing(case, ["abfa"], "Asia/Tehran").limit(100)
        asked = query.compile(engine.sync_engine, compile_kwargs={"literal_binds": True})
        plan = "\n".join((await connection.exec_driver_sql(f"EXPLAIN {asked}")).scalars())
    assert "BitmapOr" in plan and "Seq Scan on audit" not in plan, plan


async def test_one_person_reveals_so_many_a_day_and_supervisors_and_auditors_are_told(
    desk: Desk,
) -> None:
    codes = [await desk.open(caller=f"0914123450{n}") for n in range(3)]
    async with desk.panel.engine.begin() as connection:
        await connection.execute(limits.insert().values(name="reveals_per_day", value=2))
    await desk.panel.panel.book.load()
    head = await desk.panel.signed_in("head")
    tried = []
    for code in codes:
        answer = await head.post(f"/panel/cases/{code}/reveal", {"what": "caller", "reason": "بی دلیل"})
        tried.append(answer.status)
    assert tried == [200, 200, 422]
    again_on = desk.panel.clock() + timedelta(days=1)
    assert f"از {digits(jalali_day(again_on))}، ساعت" in await answer.text(), "it is tomorrow"
    again = await head.post(f"/panel/cases/{codes[0]}/reveal", {"what": "caller", "reason": WHY})
    assert again.status == 200, "the same case again is no further one"
    (alert,) = await noted(desk, revealing.LIMIT_REACHED)
    assert head.person and alert.person_id == head.person.id
    for role in ("supervisor", "auditor"):
        page = await (await desk.panel.signed_in(role)).text("/panel/openings")
        assert "به سقف" in page and "بی دلیل" in page
    assert (await head.get("/panel/openings")).status == 403


async def test_who_reached_the_limit_stands_in_red_and_the_rest_on_further_pages_however_many_were_revealed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening_pages, "PAGE", 2)
    codes, (head, other) = [await desk.open(), await desk.open()], [
        await desk.panel.signed_in("head") for _ in range(2)
    ]  # fmt: skip
    engine, now = desk.panel.engine, desk.panel.clock()
    assert head.person and other.person
    await revealing.reveal(engine, head.person, codes[0], Hidden.CALLER, "نخستین", now, "", most=1)
    with pytest.raises(TooOften):
        await revealing.reveal(engine, head.person, codes[1], Hidden.CALLER, WHY, now, "", most=1)
    for code in codes:
        await revealing.reveal(engine, other.person, code, Hidden.CALLER, "تازه‌تر", now, "")
    client = await desk.panel.signed_in("auditor")
    page = await client.text("/panel/openings")
    assert "به سقف" in page and "تازه‌تر" in page and "نخستین" not in page
    [older] = re.findall(r'href="(/panel/openings\?before=\d+)#lately"', page)
    page = await client.text(older)
    assert "به سقف" in page and "نخستین" in page and "تازه‌تر" not in page and "before=" not in page


@pytest.mark.parametrize("deed", [revealing.LIMIT_REACHED, *(f"{what}_revealed" for what in Hidden)])
def test_no_way_to_reveal_somebody_is_missing_among_what_somebody_should_read(deed: str) -> None:
    assert f"'{deed}'" in TELLING.text


async def test_what_was_revealed_at_the_command_line_is_among_what_somebody_should_read(desk: Desk) -> None:
    code, now = await desk.open(), desk.panel.clock()
    await revealing.reveal_at_terminal(desk.panel.engine, code, "پرسش دادستان", now, "karimi@server")
    page = await (await desk.panel.signed_in("auditor")).text("/panel/openings")
    assert "پرسش دادستان" in page and "karimi@server" in page and words()("casefile.terminal") in page


async def test_an_asking_that_waits_is_listed_however_many_newer_ones_were_decided(desk: Desk) -> None:
    engine, now = desk.panel.engine, desk.panel.clock()
    asker, second = [await desk.panel.person("auditor", trusted=True) for _ in range(2)]
    for number, topic in enumerate(("water.supply", "energy.gas")):
        at = now + timedelta(minutes=number)
        await unsealing.ask_for_export(engine, asker, {"topic": topic}, WHY, at)
    newest, waits = await unsealing.listed(engine, second, now)
    await unsealing.allow(engine, second, newest.id, now)
    [first] = await unsealing.listed(engine, second, now, limit=1)
    assert first.id == waits.id


async def test_who_has_seen_a_case_is_told_page_by_page_to_the_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "PAGE", 2)
    code = await desk.open()
    for _ in range(3):
        await (await desk.panel.signed_in("supervisor")).get(f"/panel/cases/{code}")
    client, path, lines = await desk.panel.signed_in("auditor"), f"/panel/cases/{code}/seen-by", []
    while path:
        page = await client.text(path)
        lines.append(page.count("<li"))
        [path] = re.findall(r'hx-get="([^"]+)"', page) or [""]
    assert lines == [2, 1]


@pytest.mark.parametrize("scripts", [True, False])
async def test_whose_deed_is_refused_has_seen_the_case_whose_story_comes_with_that(
    desk: Desk, scripts: bool
) -> None:
    code, client = await desk.open(), await desk.panel.signed_in("supervisor")
    head = {"HX-Request": "true"} if scripts else {}
    sent = {"into": code, "reason": "همان تماس است"}
    answer = await client.post(f"/panel/cases/{code}/merge", sent, headers=head)
    assert answer.status == 422 and "با تماس شهروند ثبت شد" in await answer.text()
    [seen] = await noted(desk, "case_seen")
    assert client.person and seen.person_id == client.person.id


async def test_who_writes_down_a_recording_has_seen_the_case_whose_story_comes_with_that(desk: Desk) -> None:
    code, client = await desk.open(), await desk.panel.signed_in("supervisor")
    path = f"/panel/recordings/{(await desk.recordings(code))[0]}/transcript"
    sent = {"transcript": "آب قطع است", "story_seen": "9"}
    answer = await client.post(path, sent, headers={"HX-Request": "true"})
    assert answer.status == 200 and "با تماس شهروند ثبت شد" in await answer.text()
    [seen] = await noted(desk, "case_seen")
    assert client.person and seen.person_id == client.person.id


async def test_two_admins_name_the_few_and_nobody_of_an_agency(desk: Desk) -> None:
    admin, other = [await desk.panel.signed_in("admin") for _ in range(2)]
    person = await desk.panel.person("auditor")  # a role that one admin alone gives
    sent = {"full_name": "مریم کریمی", "role": "auditor", "agency": "", "trusted": "1", "mine": PASSWORD}
    asked = await admin.post(f"/panel/admin/people/{person.name}/change", sent)
    assert asked.headers["Location"].endswith("said=asked")
    page = await other.text("/panel/admin/people")
    assert "از امینان است" in page
    [grant] = re.findall(r'action="(/panel/admin/grants/[0-9a-f-]{36})"', page)
    assert (await other.post(grant, {"answer": "allow", "mine": PASSWORD})).status == 303
    assert (
        "checked"
        in (await admin.text(f"/panel/admin/people/{person.name}")).partition('name="trusted"')[2][:40]
    )
    officer = await desk.panel.person("officer")
    sent |= {"role": "officer", "agency": "abfa"}
    assert (await admin.post(f"/panel/admin/people/{officer.name}/change", sent)).status == 422


async def test_the_pages_are_right_in_a_browser(desk: Desk, chrome: Browser) -> None:
    code, other = await desk.open(), await desk.open()
    await confide(desk, code)
    asker = await trusted(desk)
    await asker.post(f"/panel/cases/{code}/ask", {"reason": WHY})
    head = await desk.panel.signed_in("head")
    await head.post(f"/panel/numbers/export/cases.csv?{MONTH}", {"reason": WHY})
    await head.post(f"/panel/cases/{other}/reveal", {"what": "caller", "reason": WHY})
    for name, size in (("wide", WIDE), ("phone", PHONE)):
        async with window(chrome, desk.panel, "auditor", trusted=True, size=size) as page:
            await page.goto("/panel/openings")
            await screenshot(page, f"openings-{name}")
            assert not await serious(page)
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{other}?do=confide")
        await screenshot(page, "confide-form")
        await page.locator("form.deed [name=accused]").select_option("abfa")
        await page.locator("form.deed [name=reason]").fill("از رئیس خود می‌ترسد")
        await page.locator("form.deed button[type=submit]").click()
        await page.wait_for_url("**?done=confide")
        await screenshot(page, "confidential-case")
        assert not await serious(page)
