"""An answer recorded on the panel: what the case names by then is on the disk."""

from __future__ import annotations

import io
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.speech.telephone import RATE, Samples
from ivr.web.panel.locale import words
from tests.fixtures.hotline import write_tone
from tests.web.browser import screenshot, serious, window
from tests.web.casefile import Desk, desk_served


@pytest.fixture
async def desk(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_served(engine, tmp_path) as served:
        yield served


async def test_a_spoken_answer_is_flushed_with_its_folders_before_its_case_names_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut leaves an answer that is an empty file: she is called, and hears nothing."""
    real, order, answered = os.fsync, list[str](), "UPDATE cases"

    def fsync(fd: int) -> None:
        order.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    path = f"/panel/cases/{await desk.open()}"
    client = await desk.panel.signed_in("supervisor")
    write_tone(tmp_path / "said.wav", 500, 2.0)
    with (tmp_path / "said.wav").open("rb") as said:
        made = await (await client.post(f"{path}/voice", {"voice": said})).json()
    monkeypatch.setattr(os, "fsync", fsync)
    engine = desk.panel.panel.engine.sync_engine
    listen(engine, "before_cursor_execute", lambda *its: order.append(its[2][: len(answered)]))
    assert (await client.post(f"{path}/answer", {"voice": made["digest"]})).status == 303
    heard = await client.get(f"{path}/answer-voice")
    assert heard.status == 200 and len(await heard.read()) > 16_000
    recordings = desk.panel.panel.places.recordings
    [kept] = recordings.glob("answers/*/*.wav")
    before = order[: order.index(answered)]
    assert {str(place) for place in (kept, kept.parent, kept.parent.parent, recordings)} <= {*before}
    [half] = [place for place in before if place.startswith(f"{kept.parent}/.")]
    assert before.index(half) < before.index(str(kept)), "flushed before it has that name"
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]


# Whether every microphone that the page was given is let go.
KEPT = """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.given = [];
navigator.mediaDevices.getUserMedia = async (wish) => {
  given.push(await ask(wish));
  return given.at(-1);
};"""
LET_GO = """() => given.length > 0 &&
given.every((each) => each.getTracks().every((track) => track.readyState === 'ended'))"""

# A microphone that hears 500 Hz and nothing else.
HUM = """navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext(), its = new OscillatorNode(context, { frequency: 500 });
  const hears = context.createMediaStreamDestination();
  its.connect(hears);
  its.start();
  return hears.stream;
};"""

# What changes where a screen reader tells it: in a live region that is not off by itself, as a timer is.
TOLD = """() => {
  window.told = [];
  const live = "[aria-live], [role=status], [role=alert], [role=timer]";
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const near = (target.nodeType === Node.TEXT_NODE ? target.parentElement : target)?.closest(live);
      if (near && !near.matches("[aria-live=off], [role=timer]")) told.push(near.outerHTML);
    }
  }).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""


async def answer_form(page: Page, code: str) -> Locator:
    await page.goto(f"/panel/cases/{code}")
    await page.locator("[data-deed=answer]").click()
    return page.locator("form.deed")


async def said_in(form: Locator, code: str) -> Samples:
    """What the telephone would carry of it."""
    digest = await form.locator("[name=voice]").input_value()
    made = await form.page.request.get(f"/panel/cases/{code}/voice/{digest}")
    with wave.open(io.BytesIO(await made.body())) as sound:
        assert sound.getframerate() == RATE
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(float)


async def test_what_he_said_goes_with_his_answer_though_the_network_failed_and_he_signed_in_anew(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        [person] = desk.panel.made.values()
        form = await answer_form(page, code)
        answer, record, heard = form.locator("[type=submit]"), form.locator(".record"), form.locator(".heard")
        await form.locator("[name=words]").fill("آب وصل شد.")
        await record.evaluate(
            "its => { its.click(); its.click(); }"
        )  # while the browser asks for the microphone
        await expect(record).to_have_attribute("aria-pressed", "true")
        await expect(heard).to_contain_text("۲")
        await expect(answer).to_be_disabled()

        async def cut(route: Route) -> None:
            await route.abort()

        await page.route("**/voice", cut)
        await record.click()
        await expect(heard).to_have_text(words()("casefile.voice.failed"))
        await expect(record).to_have_text(words()("casefile.voice.again"))
        await expect(answer).to_be_disabled()
        await screenshot(page, "casefile-voice-again")
        assert await serious(page) == []
        await page.unroute("**/voice", cut)
        token = await desk.panel.token_of(person)  # signed in in another tab
        await page.context.add_cookies(
            [{"name": "seda", "value": token, "url": desk.panel.url, "httpOnly": True}]
        )
        await record.click()
        await expect(form.locator("[name=voice]")).not_to_have_value("")
        await expect(record).to_have_text(words()("casefile.voice.start"))
        await answer.click()
        await page.wait_for_url("**?done=answer")
        await expect(page.locator("audio[src$=answer-voice]")).to_have_count(1)


async def test_while_he_speaks_nothing_is_told_to_a_screen_reader_that_the_microphone_would_hear(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        form = await answer_form(page, code)
        await form.locator(".record").click()
        await expect(form.locator(".heard")).to_contain_text("۱")
        await page.evaluate(TOLD)
        await expect(form.locator(".heard")).to_contain_text("۳ /")
        assert await page.evaluate("told") == []
        await form.locator(".record").click()
        await expect(form.locator("[name=voice]")).not_to_have_value("")
        await expect(form.locator(".heard")).to_have_text("")


async def test_a_voice_that_is_put_aside_is_waited_for_no_longer(desk: Desk, chrome: Browser) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        form = await answer_form(page, code)
        await form.locator("[name=words]").fill("آب وصل شد.")
        await page.route("**/voice", lambda route: route.abort())
        await form.locator(".record").click()
        await expect(form.locator(".heard")).to_contain_text("۱")
        await form.locator(".record").click()
        await form.locator(".forget").click()
        await form.locator("[type=submit]").click()
        await page.wait_for_url("**?done=answer")


async def test_who_is_signed_out_meanwhile_is_told_so_and_keeps_what_he_said(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        [person] = desk.panel.made.values()
        form = await answer_form(page, code)
        record, heard = form.locator(".record"), form.locator(".heard")
        await record.click()
        await expect(heard).to_contain_text("۲")
        await page.context.clear_cookies()
        for button in (record, form.locator(".speak"), record):
            await form.locator("[name=words]").fill("آب وصل شد.")
            await button.click()
            await expect(heard).to_have_text(words()("common.error.signed_out"))
        token = await desk.panel.token_of(person)
        await page.context.add_cookies(
            [{"name": "seda", "value": token, "url": desk.panel.url, "httpOnly": True}]
        )
        await record.click()
        await expect(form.locator("[name=voice]")).not_to_have_value("")


async def test_an_answer_is_given_in_words_while_the_browser_s_question_for_the_microphone_stands(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.add_init_script("navigator.mediaDevices.getUserMedia = () => new Promise(() => {});")
        form = await answer_form(page, code)
        await form.locator("[name=words]").fill("آب وصل شد.")
        await form.locator(".record").click()
        await form.locator("[type=submit]").click()
        await page.wait_for_url("**?done=answer")


async def test_what_was_spoken_is_not_left_unasked_and_who_cancels_leaves_no_microphone_open(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        page.on("dialog", lambda asked: asked.dismiss())
        await page.add_init_script(KEPT)
        form = await answer_form(page, code)
        record, heard = form.locator(".record"), form.locator(".heard")
        other, away = page.locator("[data-deed=rule]"), page.locator("nav.menu a").first
        await record.click()
        await expect(heard).to_contain_text("۲")
        async with page.expect_event("dialog"):  # while he speaks
            await other.click()
        await page.route("**/voice", lambda route: route.abort())
        await record.click()
        await expect(record).to_have_text(words()("casefile.voice.again"))
        async with page.expect_event("dialog"):  # not sent yet
            await other.click()
        await page.unroute("**/voice")
        await record.click()
        await expect(form.locator("[name=voice]")).not_to_have_value("")
        for leads in (other, away):  # sent, and not given
            async with page.expect_event("dialog"):
                await leads.click()
        await expect(form.locator("[name=voice]")).not_to_have_value("")
        await form.locator(".forget").click()
        await other.click()  # unasked: there is nothing to lose
        await expect(page.locator("form.deed[data-name=rule]")).to_be_visible()
        await page.locator("[data-deed=answer]").click()
        await record.click()
        await expect(heard).to_contain_text("۱")
        await form.locator("[data-leave]").click()
        await page.wait_for_function(LET_GO)
        await away.click()
        await page.wait_for_url("**/panel/inbox")


async def test_an_answer_that_is_spoken_for_longer_than_is_taken_ends_by_itself_and_is_kept(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.add_init_script(f"{HUM} {KEPT}")
        form = await answer_form(page, code)
        record, heard, place = (form.locator(its) for its in (".record", ".heard", ".preview"))
        assert await place.get_attribute("data-most") == "300"
        await place.evaluate("its => { its.dataset.most = 3; }")
        await record.click()
        await expect(heard).to_have_text(words()("casefile.voice.longest"))
        assert await page.evaluate(LET_GO)
        await expect(record).to_have_text(words()("casefile.voice.start"))
        assert 2.8 < len(await said_in(form, code)) / RATE <= 3
        await form.locator("[name=words]").fill("آب وصل شد.")
        await form.locator("[type=submit]").click()
        await page.wait_for_url("**?done=answer")


async def test_who_goes_on_before_the_microphone_is_allowed_leaves_none_open(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.add_init_script(
            f"""{KEPT} const soon = navigator.mediaDevices.getUserMedia, allowed = new Promise((done) => {{
            window.allow = done; }});
            navigator.mediaDevices.getUserMedia = (wish) => allowed.then(() => soon(wish));"""
        )
        form = await answer_form(page, code)
        await form.locator(".record").click()
        await page.locator("[data-deed=rule]").click()
        await expect(page.locator("form.deed[data-name=rule]")).to_be_visible()
        await page.evaluate("allow()")
        await page.wait_for_function(LET_GO)


async def test_a_microphone_that_was_given_and_can_not_be_heard_is_let_go_and_called_no_refusal(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.add_init_script(KEPT)
        form = await answer_form(page, code)
        heard = form.locator(".heard")
        await page.evaluate(
            """() => {
              window.real = AudioWorklet.prototype.addModule;
              AudioWorklet.prototype.addModule = () => Promise.reject(new DOMException("", "AbortError"));
            }"""
        )
        await form.locator(".record").click()
        await expect(heard).to_have_text(words()("casefile.voice.failed"))
        assert await page.evaluate(LET_GO)
        await page.evaluate("() => { AudioWorklet.prototype.addModule = real; }")
        await form.locator(".record").click()
        await expect(heard).to_contain_text("۲")
        await form.locator(".record").click()
        await expect(form.locator("[name=voice]")).not_to_have_value("")
        for name, sentence in (("NotAllowedError", "refused"), ("NotFoundError", "no_microphone")):
            await page.evaluate(
                """(name) => {
                  const no = new DOMException("", name);
                  navigator.mediaDevices.getUserMedia = () => Promise.reject(no);
                }""",
                name,
            )
            await form.locator(".record").click()
            await expect(heard).to_have_text(words()(f"casefile.voice.{sentence}"))


async def test_a_browser_that_hears_a_microphone_at_its_own_rate_only_records_what_is_said(
    desk: Desk, chrome: Browser
) -> None:
    """Firefox before 148."""
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.add_init_script(
            """const real = AudioContext.prototype.createMediaStreamSource;
            AudioContext.prototype.createMediaStreamSource = function (stream) {
              if (this.sampleRate === 16000) throw new DOMException("another rate", "NotSupportedError");
              return real.call(this, stream);
            };"""
        )
        await page.add_init_script(HUM)
        form = await answer_form(page, code)
        await form.locator(".record").click()
        await expect(form.locator(".heard")).to_contain_text("۲")
        await form.locator(".record").click()
        await expect(form.locator("[name=voice]")).not_to_have_value("")
        said = await said_in(form, code)
        assert len(said) > 1.9 * RATE
        assert np.abs(np.fft.rfft(said[:RATE])).argmax() == pytest.approx(500, abs=5)  # of one second
