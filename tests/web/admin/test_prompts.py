"""The prompts page: recorded in a browser or uploaded, heard first, and then what the next call plays."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, Page, async_playwright, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.lab.browser import FLAGS, chromium
from ivr.lab.pace import patience
from ivr.speech.booth import Booth
from ivr.speech.build import build
from ivr.speech.files import Cached
from ivr.speech.sound_book import SoundBook
from ivr.speech.telephone import LOUDNESS, measure, read
from ivr.store.tables import audit
from ivr.web.panel.locale import words
from tests.speech.test_booth import YAML, hz, voice, wav
from tests.web.browser import screenshot, serious, window
from tests.web.casefile.test_answering import HUM
from tests.web.panel import PanelServed, panel_served

TEXT = words()
NEEDED = frozenset({"greeting", "digit", "beep", "topic.new"})
ONE = "/panel/prompts/fa/greeting"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prompts")
    (folder / "prompts.yaml").write_text(YAML)
    build(Cached([folder / "prompts.yaml"]).catalogue(), ("fa", "az"), folder / "sounds", [], jobs=2)
    return folder


@pytest.fixture
async def panel(engine: AsyncEngine, built: Path, tmp_path: Path) -> AsyncIterator[PanelServed]:
    catalogue = Cached([built / "prompts.yaml"])
    booth = Booth(catalogue, ("fa", "az"), built / "sounds", built / "house", tmp_path / "voices")
    async with panel_served(engine, tmp_path, prompts=booth, needed=lambda: NEEDED) as served:
        yield served
    booth.restore("fa", "greeting", "")


def next_call_hears(built: Path) -> Path:
    """The file that the book of sounds gives to the next call."""
    path = SoundBook(built / "sounds", ("fa", "az")).path("greeting", "fa")
    assert path
    return Path(f"{path}.wav")


async def until(page: Page, holds: str) -> None:
    """Playwright's own way of waiting for a condition is what the page's policy forbids."""
    async with asyncio.timeout(patience(20)):
        while not await page.evaluate(holds):
            await asyncio.sleep(0.05)


def upload(content: bytes) -> FilePayload:
    return {"name": "greeting.wav", "mimeType": "audio/wav", "buffer": content}


async def test_a_voice_is_uploaded_heard_taken_and_put_back(
    chrome: Browser, panel: PanelServed, built: Path
) -> None:
    heard = next_call_hears(built)
    machine = heard.read_bytes()
    async with window(chrome, panel, "admin") as page:
        await page.goto("/panel/prompts")
        assert await page.get_by_text(TEXT("admin.prompts.lacking", n=2)).count() == 1
        await screenshot(page, "prompts")
        assert not await serious(page)
        await page.goto(ONE)
        await page.set_input_files("#file", upload(wav(voice(size=3.0).clip(-1, 1))))
        await page.get_by_role("button", name=TEXT("admin.prompt.try")).click()
        assert "بریده است" in await page.get_by_role("alert").inner_text()
        await page.set_input_files("#file", upload(wav(voice(600, rate=48_000), 48_000, 3, 2)))
        await page.get_by_role("button", name=TEXT("admin.prompt.try")).click()
        await page.locator(".taken .heard-by").wait_for()
        await screenshot(page, "prompt-take")
        assert not await serious(page)
        assert heard.read_bytes() == machine, "nothing is live before somebody decides"
        await until(page, "document.querySelector('.taken audio').duration > 1")
        await page.get_by_role("button", name=TEXT("admin.prompt.accept")).click()
        await page.get_by_text(TEXT("admin.prompt.said.live")).wait_for()
        assert hz(heard) == pytest.approx(600, abs=10)
        assert measure(read(heard)[0]) == pytest.approx(LOUDNESS, abs=0.7)
        await page.get_by_role("button", name=TEXT("admin.prompt.back_to_machine")).click()
        await page.get_by_text(TEXT("admin.prompt.said.restored")).wait_for()
        assert heard.read_bytes() == machine
        await page.get_by_role("button", name=TEXT("admin.prompt.restore")).click()
        await page.get_by_text(TEXT("admin.prompt.said.restored")).wait_for()
        assert hz(heard) == pytest.approx(600, abs=10)
    async with panel.engine.connect() as connection:
        noted = (await connection.execute(select(audit.c.action, audit.c.subject).order_by(audit.c.id))).all()
    assert [tuple(row) for row in noted if row.subject.startswith("prompt/")] == [
        ("prompt_recorded", "prompt/fa/greeting"),
        ("prompt_restored", "prompt/fa/greeting"),
        ("prompt_restored", "prompt/fa/greeting"),
    ]


async def test_a_voice_is_recorded_with_the_microphone(
    panel: PanelServed, built: Path, tmp_path: Path
) -> None:
    """Chromium's pretended microphone speaks a file of ours."""
    spoken = tmp_path / "spoken.wav"
    spoken.write_bytes(wav(voice(440, 4.0, 48_000, 0.3), 48_000))
    found = chromium(print)
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
             f"--use-file-for-fake-audio-capture={spoken}"]  # fmt: skip
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=found.program, args=[*FLAGS, *flags], env={**os.environ, **found.environment}
        )
        async with window(browser, panel, "admin") as page:
            await page.goto(ONE)
            await page.click("#record")
            await until(page, "document.getElementById('level').value > 0.1")
            await page.wait_for_timeout(1_500)  # somebody speaks
            await page.click("#stop")
            await page.locator("#own + .heard-by").wait_for()
            assert await page.locator(".file output").inner_text() == "microphone.wav"
            await screenshot(page, "prompt-recorded")
            await page.get_by_role("button", name=TEXT("admin.prompt.try")).click()
            await page.get_by_role("button", name=TEXT("admin.prompt.accept")).click()
            await page.get_by_text(TEXT("admin.prompt.said.live")).wait_for()
        await browser.close()
    assert hz(next_call_hears(built)) == pytest.approx(440, abs=15)


def recorded(panel: PanelServed, id: str) -> str:
    """Somebody said it; the address of its page."""
    booth = panel.panel.voices.prompts
    assert booth
    take = booth.try_out("fa", id, wav(voice()), NEEDED)
    booth.accept("fa", id, take.token, "admin/karimi", panel.clock())
    return f"/panel/prompts/fa/{id}"


async def test_who_takes_back_the_only_sound_of_a_name_is_told_what_callers_then_miss(
    panel: PanelServed,
) -> None:
    admin, new = await panel.signed_in("admin"), recorded(panel, "topic.new")
    page = await admin.text(new)
    assert TEXT("admin.prompt.no_machine") in page and TEXT("admin.prompt.take_back") in page
    assert TEXT("admin.prompt.back_to_machine") not in page
    assert (await admin.post(f"{new}/restore", {"version": ""})).status == 303
    page = await admin.text(f"{new}?said=restored")
    assert TEXT("admin.prompt.no_sound") in page and TEXT("admin.prompt.said.restored") not in page


async def test_who_takes_back_the_recording_of_a_tone_is_told_that_the_tone_comes_back(
    panel: PanelServed,
) -> None:
    admin, beep = await panel.signed_in("admin"), recorded(panel, "beep")
    page = await admin.text(beep)
    assert TEXT("admin.prompt.back_to_machine") in page and TEXT("admin.prompt.no_machine") not in page
    assert (await admin.post(f"{beep}/restore", {"version": ""})).status == 303
    page = await admin.text(f"{beep}?said=restored")
    assert TEXT("admin.prompts.source.tone") in page and TEXT("admin.prompt.said.restored") in page


async def test_what_keeps_a_recording_from_beginning_is_called_a_refusal_only_where_it_is_one(
    panel: PanelServed, built: Path, chrome: Browser
) -> None:
    async with window(chrome, panel, "admin") as page:
        await page.goto(ONE)
        for error, sentence in (
            ("NotAllowedError", "refused"),
            ("NotFoundError", "no_microphone"),
            ("NotReadableError", "no_recording"),
        ):
            await page.evaluate(
                """(name) => {
                  const no = new DOMException("", name);
                  navigator.mediaDevices.getUserMedia = () => Promise.reject(no);
                }""",
                error,
            )
            await page.click("#record")
            await page.locator("#state").get_by_text(TEXT(f"admin.prompt.{sentence}")).wait_for()


async def test_a_recording_ends_by_itself_where_its_prompt_may_be_no_longer_and_is_taken(
    panel: PanelServed, built: Path, chrome: Browser
) -> None:
    async with window(chrome, panel, "admin") as page:
        softer = "its.connect(new GainNode(context, { gain: 0.2 })).connect(hears)"
        await page.add_init_script(HUM.replace("its.connect(hears)", softer))
        await page.goto(ONE)
        clock = page.locator("#clock")
        await page.click("#record")
        await expect(clock).to_contain_text("/ ۴")
        await expect(clock).to_have_class("small bad")  # it is full soon
        await page.locator("#state").get_by_text(TEXT("admin.prompt.longest")).wait_for()
        assert await page.locator("#stop").is_hidden() and await page.locator("#record").is_visible()
        await page.get_by_role("button", name=TEXT("admin.prompt.try")).click()
        await expect(page.get_by_role("button", name=TEXT("admin.prompt.accept"))).to_be_visible()
        await page.goto("/panel/prompts/fa/topic.new")
        assert await page.locator("#booth").get_attribute("data-most") == "90"


async def test_who_may_only_look_may_only_listen(panel: PanelServed, built: Path) -> None:
    auditor, officer = await panel.signed_in("auditor"), await panel.signed_in("officer")
    page = await auditor.text(ONE)
    assert 'id="booth"' not in page and "/audio?v=" in page
    sound = await auditor.http.get(f"{ONE}/audio")
    assert sound.status == 200 and await sound.read() == next_call_hears(built).read_bytes()
    assert (await auditor.post(f"{ONE}/restore", {"version": ""})).status == 403
    assert (await officer.get("/panel/prompts")).status == 403
    admin = await panel.signed_in("admin")
    for path in ("/panel/prompts/de/greeting", "/panel/prompts/fa/no.such", "/panel/prompts/fa/no.such/audio",
                 "/panel/prompts/takes/gone/audio", "/panel/prompts/fa/..%2fgreeting/audio"):  # fmt: skip
        assert (await admin.http.get(path)).status == 404, path
    assert (await admin.post(f"{ONE}/accept", {"token": "../../x"})).status == 422


async def test_the_list_finds_what_lacks_and_goes_on_by_pages(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    lacking = await admin.text("/panel/prompts?show=missing&language=fa")
    assert re.findall(r'href="/panel/prompts/fa/([a-z.]+)"', lacking) == ["topic.new"]
    assert "topic.new" not in await admin.text("/panel/prompts?show=machine")
    for asked in ("شهروند", "شهروند گرامي", "GREETING درود"):
        found = await admin.text(f"/panel/prompts?q={asked}")
        assert re.findall(r'href="/panel/prompts/(\w+/[a-z.]+)"', found) == ["fa/greeting"], asked
