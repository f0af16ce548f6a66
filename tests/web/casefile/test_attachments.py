"""A paper put to a case on its page: taken, refused in one sentence, opened on record and shut in."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from playwright.async_api import Browser, Page
from sqlalchemy import select
from sqlalchemy.event import listen

from ivr.store.tables import attachments, audit
from tests.cases.papers import HOME, PDF, at_her_home, image
from tests.desk.counter import Counter, counter
from tests.web.browser import PHONE, screenshot, serious, window
from tests.web.panel import Client, PanelServed


@pytest.fixture
async def at(panel: PanelServed) -> Counter:
    its = await counter(panel.engine)
    its.at = panel.clock()
    return its


async def put(
    client: Client, code: str, content: bytes, name: str = "x.jpg", note: str = ""
) -> tuple[int, str]:
    """The status, and the sentence where it is refused."""
    await client.get("/panel/account")  # for its proof
    form = FormData({"csrf": client.proof, "note": note})
    form.add_field("file", content, filename=name, content_type="image/jpeg")
    answer = await client.http.post(f"/panel/cases/{code}/attachments", data=form, allow_redirects=False)
    said = re.search(r'<p class="notice bad" role="alert">([^<]+)</p>', await answer.text())
    return answer.status, said[1] if said else ""


def files(panel: PanelServed) -> list[Path]:
    return [path for path in (panel.panel.places.state / "attachments").rglob("*") if path.is_file()]


async def test_it_is_taken_by_its_bytes_and_opened_on_record_where_nothing_of_it_can_run(
    panel: PanelServed, at: Counter
) -> None:
    code, officer = await at.open(), await panel.signed_in("officer")
    assert await put(officer, code, PDF, "photo.jpg", "صورت‌جلسه") == (303, "")
    panel.clock.now += timedelta(seconds=1)
    assert await put(officer, code, image("PNG"), "<script>.exe") == (303, "")
    text = await officer.text(f"/panel/cases/{code}")
    found = re.findall(r"/panel/attachments/([0-9a-f-]{36})", text)
    assert len(found) == 2 and "صورت‌جلسه" in text and "عکسی پیوست شد" in text and "<script>.exe" not in text
    for id, kind, shown, content in (
        (found[0], "application/pdf", "attachment", PDF), (found[1], "image/png", "inline", image("PNG")),
    ):  # fmt: skip
        answer = await officer.get(f"/panel/attachments/{id}")
        assert (answer.status, await answer.read()) == (200, content)
        headers = answer.headers
        assert headers["Content-Type"] == kind and headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"].startswith(f'{shown}; filename="111-{code}-20261125-1130')
        assert headers["Content-Security-Policy"].endswith("; sandbox")
        assert headers["Cache-Control"] == "private, no-store"
    async with panel.engine.connect() as connection:
        seen = (await connection.execute(select(audit).where(audit.c.action == "attachment_opened"))).all()
    assert [row.subject for row in seen] == [f"attachment/{id}" for id in found]
    assert {row.person_id for row in seen} == {officer.person.id if officer.person else None}


async def test_a_body_gets_a_photograph_without_the_place_where_it_was_taken(
    panel: PanelServed, at: Counter
) -> None:
    code, photograph = await at.open(), at_her_home("JPEG")
    assert (await put(await panel.signed_in("operator"), code, photograph))[0] == 303
    async with panel.engine.connect() as connection:
        id = (await connection.execute(select(attachments.c.id))).scalar_one()
    for role, is_whole in (("supervisor", True), ("officer", False), ("head", False)):
        answer = await (await panel.signed_in(role)).get(f"/panel/attachments/{id}")
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        content = await answer.read()
        assert (content == photograph) is is_whole and (HOME in content) is is_whole
        assert content.startswith(b"\xff\xd8") and answer.headers["Content-Security-Policy"].endswith(
            "sandbox"
        )
    assert [file.read_bytes() for file in files(panel)] == [photograph]


async def test_who_does_not_see_the_case_neither_opens_nor_adds(panel: PanelServed, at: Counter) -> None:
    code = await at.open()
    await put(await panel.signed_in("officer"), code, PDF)
    async with panel.engine.connect() as connection:
        id = (await connection.execute(select(attachments.c.id))).scalar_one()
    stranger = await panel.signed_in("officer", agency="tamin")
    assert (await stranger.get(f"/panel/attachments/{id}")).status == 404
    assert (await put(stranger, code, PDF))[0] == 404
    assert (await put(await panel.signed_in("auditor"), code, PDF))[0] == 403
    assert (await (await panel.signed_in("auditor")).get(f"/panel/attachments/{id}")).status == 200
    assert (await (await panel.client()).get(f"/panel/attachments/{id}")).status == 303


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "خالی است"),
        (b"MZ program", "نه عکس"),
        (image("JPEG")[:-200], "ناقص است"),
        (PDF + bytes(11 << 20), "بزرگ‌تر است"),
    ],
    ids=["empty", "kind", "broken", "large"],
)
async def test_each_bad_one_is_told_in_one_sentence_and_leaves_nothing(
    panel: PanelServed, at: Counter, content: bytes, says: str
) -> None:
    code, officer = await at.open(), await panel.signed_in("officer")
    status, sentence = await put(officer, code, content)
    assert status == 422 and says in sentence and files(panel) == []
    async with panel.engine.connect() as connection:
        assert (await connection.execute(select(attachments.c.id))).all() == []


async def attached(panel: PanelServed) -> list[Path]:
    """What the books name."""
    async with panel.engine.connect() as connection:
        names = (await connection.execute(select(attachments.c.name))).scalars().all()
    return [panel.panel.places.state / "attachments" / name for name in names]


@pytest.mark.parametrize("is_done", [True, False], ids=["committed", "not even written"])
async def test_its_file_stays_where_the_answer_to_its_commit_is_lost_and_goes_where_nothing_was_written(
    panel: PanelServed, at: Counter, monkeypatch: pytest.MonkeyPatch, is_done: bool
) -> None:
    code, officer, lose = await at.open(), await panel.signed_in("officer"), list[str]()
    pool = panel.panel.engine.sync_engine
    commit = pool.dialect.do_commit

    def wrote(*its: Any) -> None:
        if "INSERT INTO attachments" in its[2]:
            lose.append("it")
            if not is_done:
                raise ConnectionResetError

    def committed(connection: Any) -> None:
        commit(connection)
        if lose:
            lose.clear()
            raise ConnectionResetError

    listen(pool, "before_cursor_execute", wrote)
    monkeypatch.setattr(pool.dialect, "do_commit", committed)
    assert (await put(officer, code, PDF))[0] == 503
    assert len(files(panel)) == is_done and files(panel) == await attached(panel)


async def test_without_a_file_it_says_so(panel: PanelServed, at: Counter) -> None:
    code, officer = await at.open(), await panel.signed_in("officer")
    answer = await officer.post(f"/panel/cases/{code}/attachments", {"note": "x"})
    assert answer.status == 422 and "انتخاب نشده است" in await answer.text()


async def test_who_is_shown_the_page_for_want_of_a_file_has_seen_the_case(
    panel: PanelServed, at: Counter
) -> None:
    code, officer = await at.open(), await panel.signed_in("officer")
    for _ in range(2):
        assert (await officer.post(f"/panel/cases/{code}/attachments", {"note": "x"})).status == 422
    async with panel.engine.connect() as connection:
        query = select(audit.c.person_id, audit.c.case_id).where(audit.c.action == "case_seen")
        [seen] = (await connection.execute(query)).all()
    assert officer.person and tuple(seen) == (officer.person.id, (await at.row(code)).id), "once in a sitting"


async def attach(page: Page, code: str, photo: Path) -> None:
    """By keyboard, on the case's page."""
    await page.goto(f"/panel/cases/{code}")
    await page.click("#attachments summary")
    await page.set_input_files("#file", photo)
    await page.fill("#paper-note", "دادخواست شهروند")
    await page.press("#paper-note", "Enter")
    await page.wait_for_selector("text=پیوست افزوده شد")


async def test_a_file_is_taken_whatever_its_name_holds(
    panel: PanelServed, at: Counter, chrome: Browser, tmp_path: Path
) -> None:
    code, photo = await at.open(), tmp_path / 'a;b;"c"; name=note;d.jpg'
    photo.write_bytes(image("JPEG"))
    async with window(chrome, panel, "officer") as page:
        await attach(page, code, photo)
    assert len(files(panel)) == 1


async def test_it_reads_well(panel: PanelServed, at: Counter, chrome: Browser, tmp_path: Path) -> None:
    """A photograph by keyboard, on a screen and on a phone; opened, its page is an image and no more."""
    code, photo = await at.open(), tmp_path / "petition.jpg"
    photo.write_bytes(image("JPEG", (1200, 900)))
    its = ("Applying inline style violates",)  # what Chrome puts around an image, which may bring nothing
    async with window(chrome, panel, "officer", size={"width": 1366, "height": 768}, told=its) as page:
        await attach(page, code, photo)
        await screenshot(page, "attachments")
        await page.click("#attachments summary")
        await page.set_viewport_size(PHONE)
        top = "each => document.querySelector(each).getBoundingClientRect().top"
        assert await page.evaluate(top, ".facts") < await page.evaluate(top, "#attachments")
        assert not await serious(page)
        await screenshot(page, "attachments-phone")
        async with page.context.expect_page() as opening:
            await page.click("text=گشودن")
        image_page = await opening.value
        await image_page.wait_for_load_state()
        assert await image_page.evaluate("document.images[0].naturalWidth") == 1200
