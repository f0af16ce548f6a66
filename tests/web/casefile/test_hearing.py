"""Recordings as they are heard: played, in ranges, blind, marked, written down, taken away."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import referring
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.meetings import agenda, inviting, request_deciding
from ivr.desk.recordings import marks, revealing
from ivr.desk.recordings.enclosing import enclose
from ivr.store import key_file, recording_files
from ivr.store.tables import audit, cases, limits, meeting_requests, recordings
from ivr.voice.blind import UP, pitch
from ivr.voice.riff import ARTIST, COMMENT
from ivr.voice.wave import read
from tests.desk.meetings.hall import SOON, hall
from tests.fixtures.damaged import bad_sector
from tests.voice.info import info_of
from tests.voice.voices import band
from tests.web.browser import screenshot, window
from tests.web.casefile import Desk, desk_served, name_of, speech
from tests.web.panel import Client

FORMS = ("blind", "even", "plain")
# What the page's own <audio> plays, heard by Web Audio: the loudest root mean square.
HEARD = """async (seconds) => {
  const audio = document.querySelector('.recording audio');
  const context = new AudioContext();
  await context.resume();
  const tap = context.createMediaElementSource(audio);
  const ears = new AnalyserNode(context, {fftSize: 2048});
  tap.connect(ears).connect(context.destination);
  document.querySelector('.controls .play').click();
  await new Promise((done) => audio.addEventListener('playing', done, {once: true}));
  const wave = new Float32Array(2048);
  let loudest = 0;
  while (audio.currentTime < seconds && !audio.ended) {
    ears.getFloatTimeDomainData(wave);
    loudest = Math.max(loudest, Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length));
    await new Promise(requestAnimationFrame);
  }
  return loudest;
}"""

PLAYED = "(second) => document.querySelector('.recording audio').currentTime > second"


@pytest.fixture
async def desk(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_served(engine, tmp_path) as served:
        yield served


async def reveal(client: Client, code: str) -> None:
    answer = await client.post(f"/panel/cases/{code}/reveal", {"what": "voice", "reason": "صدا روشن نیست"})
    assert answer.status == 303


async def noted(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(audit.c.action).order_by(audit.c.id))).scalars())


async def test_a_recording_is_played_in_the_page_with_its_energy_and_is_blind(
    desk: Desk, chrome: Browser
) -> None:
    code = await desk.open(speech(120))
    async with window(chrome, desk.panel, "operator") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.wait_for_selector("[data-drawn]")
        assert await page.evaluate(HEARD, 2.0) > 0.02
        content = await page.evaluate("""async () => {
          const context = new OfflineAudioContext(1, 8000, 8000);
          const answer = await fetch(document.querySelector('.recording audio').src);
          const sound = await context.decodeAudioData(await answer.arrayBuffer());
          return [...sound.getChannelData(0)];
        }""")
    heard, spoken = np.array(content), speech(120)
    assert len(heard) == len(spoken)
    assert pitch(heard) / pitch(spoken) == pytest.approx(UP[0], rel=0.04)
    assert 10 * np.log10(band(heard, 300, 3400) / (heard**2).sum() / len(heard)) < 0
    assert (await noted(desk.panel.engine)).count("heard_blind") == 1  # many ranges, one sitting


async def test_the_keyboard_alone_plays_seeks_changes_speed_and_marks(desk: Desk, chrome: Browser) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.wait_for_selector("[data-drawn]")
        await page.keyboard.press("Space")
        await page.wait_for_function(PLAYED, arg=0.2)
        await page.keyboard.press("Space")
        assert await page.evaluate("document.querySelector('.recording audio').paused")
        before = await page.evaluate("document.querySelector('.recording audio').currentTime")
        await page.keyboard.press("ArrowRight")
        at = await page.evaluate("document.querySelector('.recording audio').currentTime")
        assert at == pytest.approx(min(before + 5, 9), abs=0.05)
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("ArrowUp")
        assert await page.evaluate("document.querySelector('.recording audio').playbackRate") == 1.5
        await page.keyboard.press("m")
        await expect(page.locator(".mark-line")).to_have_count(1)
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("n")
        await page.keyboard.type("نشانی خانه را می‌گوید")
        await page.keyboard.press("Enter")
        await expect(page.locator(".mark-line")).to_have_count(2)
        await expect(page.locator(".mark-line").first).to_contain_text("نشانی خانه")
        seconds = await page.locator(".mark-line").evaluate_all("all => all.map(x => +x.dataset.second)")
        assert seconds == [pytest.approx(at - 5, abs=0.05), pytest.approx(at, abs=0.05)]
        await page.locator(".mark-line form button").last.click()
        await expect(page.locator(".mark-line")).to_have_count(1)
        await screenshot(page, "casefile-marks")


async def test_space_ticks_the_box_that_has_the_focus_and_plays_nothing(desk: Desk, chrome: Browser) -> None:
    async with window(chrome, desk.panel, "operator") as page:
        await page.goto(f"/panel/cases/{await desk.open()}")
        await page.wait_for_selector("[data-drawn]")
        box, paused = page.locator(".skip-silence"), "document.querySelector('.recording audio').paused"
        await box.press("Space")
        await expect(box).to_be_checked()
        assert await page.evaluate(paused)
        await box.press("ArrowUp")  # keys that a box has no use for go on
        assert await page.evaluate("document.querySelector('.recording audio').playbackRate") == 1.25
        await page.locator("h1").click()
        await page.keyboard.press("Space")
        await page.wait_for_function(PLAYED, arg=0.2)


async def test_letters_switched_off_mark_nothing_and_space_plays_on(desk: Desk, chrome: Browser) -> None:
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{await desk.open()}")
        await page.wait_for_selector("[data-drawn]")
        await page.keyboard.press("Shift+Slash")
        await page.locator("#help [data-letter-keys]").uncheck()
        await page.keyboard.press("Escape")
        await page.locator("h1").click()
        async with page.expect_event("request", lambda sent: sent.method == "POST") as first:
            for key in ("m", "n", "j", "Shift+Slash", "Space"):
                await page.keyboard.press(key)
            await page.wait_for_function(PLAYED, arg=0.2)
            await expect(page.locator(".marking, #help")).to_have_count(2)
            for hidden in (".marking", "#help"):
                await expect(page.locator(hidden)).to_be_hidden()
            await page.locator("[data-opens=help]").click()
            await page.locator("#help [data-letter-keys]").check()
            await page.keyboard.press("Escape")
            await page.locator("h1").click()
            await page.keyboard.press("m")
        assert (await first.value).url.endswith("/marks")
        await expect(page.locator(".mark-line")).to_have_count(1)


# The recording of that place plays, and no other; -1: none.
PLAYS = """(place) => [...document.querySelectorAll('.recording audio')]
  .findIndex((audio) => !audio.paused) === place"""
TO_ITS_END = "document.querySelector('.recording audio').currentTime = 35.8"
ENDED = "() => document.querySelector('.recording audio').ended"


async def persian(page: Page, code: str, letter: str) -> None:
    """A key pressed on a Persian keyboard: Chromium tells its place and what stands there."""
    hands = await page.context.new_cdp_session(page)
    for kind in ("keyDown", "keyUp"):
        await hands.send("Input.dispatchKeyEvent", {"type": kind, "code": code, "key": letter})
    await hands.detach()


async def test_keys_play_the_recording_last_touched_and_go_on_to_the_next(
    desk: Desk, chrome: Browser
) -> None:
    # Long enough that none comes to its end while the test looks elsewhere.
    code = await desk.open(*(np.tile(speech(pitch), 4) for pitch in (120, 150, 210)))
    async with window(chrome, desk.panel, "operator") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.wait_for_selector("[data-drawn]")

        async def plays(number: int) -> None:
            await page.wait_for_function(PLAYS, arg=number)

        await page.keyboard.press("Space")
        await plays(0)
        await page.evaluate(TO_ITS_END)
        await page.wait_for_function(ENDED)
        await persian(page, "KeyJ", "\u062a")
        await plays(1)
        await expect(page.locator(".recording.current")).to_have_count(1)
        await page.keyboard.press("Space")
        await plays(-1)
        await page.keyboard.press("j")
        await plays(2)
        await page.keyboard.press("j")  # there is none
        await plays(2)
        await persian(page, "KeyK", "\u0646")
        await plays(1)
        await page.keyboard.press("Space")
        await page.locator(".recording").nth(2).locator(".wave").click()
        await page.keyboard.press("Space")
        await plays(2)
        await persian(page, "Space", " ")
        await plays(-1)
        await page.keyboard.press("Shift+Slash")
        await expect(page.locator("#help")).to_be_visible()
        told = await page.locator("#help kbd").all_inner_texts()
        assert told == ["فاصله", "j", "k", "←", "→", "↑", "↓", "m", "n", "?"]
        await page.keyboard.press("j")  # under the help nothing plays
        await screenshot(page, "casefile-keys")
        await page.keyboard.press("Escape")
        await plays(-1)


async def test_a_transcript_or_a_note_that_is_being_written_is_not_left_by_a_key(
    desk: Desk, chrome: Browser
) -> None:
    one, two = [await desk.open() for _ in range(2)]
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto("/panel/account")
        came = {"lists": [{"list": "/panel/inbox", "codes": [one, two]}], "more": "", "at": one, "top": 0}
        await page.evaluate("came => sessionStorage.setItem('among', JSON.stringify(came))", came)
        await page.goto(f"/panel/cases/{one}")
        summary, note = page.locator(".writing summary"), page.locator(".marking [name=note]")
        await expect(page.locator("nav.among")).to_be_visible()

        async def stays() -> None:
            await page.keyboard.press("j")
            assert await page.evaluate("fetch('/panel/account').then((its) => its.status)") == 200
            assert page.url.endswith(one)

        await summary.click()
        await stays()
        await summary.click()
        await page.locator("h1").click()
        await page.keyboard.press("n")
        await note.fill("نشانی خانه را می‌گوید")
        await page.locator("h1").click()
        await stays()
        await note.fill("")
        await page.locator("h1").click()
        await page.keyboard.press("j")
        await page.wait_for_url(f"**/{two}")


async def test_a_note_that_is_half_written_stays_while_other_marks_come_and_go(
    desk: Desk, chrome: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{await desk.open()}")
        await page.wait_for_selector("[data-drawn]")
        await page.locator("h1").click()
        await page.keyboard.press("n")
        note, lines = page.locator(".marking [name=note]"), page.locator(".mark-line")
        await note.fill("نشانی خانه را می‌گوید")
        await page.locator(".seek").fill("5")
        await page.locator("h1").click()
        await page.keyboard.press("m")
        await expect(lines).to_have_count(1)
        await expect(lines).to_have_attribute("data-second", "5.0")
        await expect(note).to_have_value("نشانی خانه را می‌گوید")
        await lines.locator("form button").click()
        await expect(lines).to_have_count(0)
        await expect(note).to_have_value("نشانی خانه را می‌گوید")
        await note.press("Enter")
        await expect(lines).to_contain_text("نشانی خانه را می‌گوید")
        await expect(lines).to_have_attribute("data-second", "0.0")
        await expect(note).to_be_hidden()
        await lines.locator("form button").click()
        await expect(lines).to_have_count(0)
        monkeypatch.setattr(marks, "MOST", 0)
        await page.locator("h1").click()
        await page.keyboard.press("n")
        await note.fill("نشانی خانه را می‌گوید")
        await page.locator("h1").click()
        await page.keyboard.press("m")
        await expect(page.locator(".marks [role=alert]")).to_be_visible()
        await expect(note).to_have_value("نشانی خانه را می‌گوید")


async def test_what_is_being_written_is_not_left_unasked_but_by_its_own_form(
    desk: Desk, chrome: Browser
) -> None:
    code, typed = await desk.open(), "این‌جا خیلی نوشته‌ام تا گم نشود."
    async with window(chrome, desk.panel, "supervisor") as page:
        page.on("dialog", lambda asked: asked.dismiss())
        await page.goto(f"/panel/cases/{code}")
        await page.locator("[data-deed=rule]").click()
        form = page.locator("form.deed")
        await form.locator("[name=agency]").select_option("edu")
        await form.locator("[name=reason]").fill(typed)
        voice, copy = page.locator("#reveal-voice"), page.locator("#download-1")
        await page.locator("[data-opens=reveal-voice]").click()
        await voice.locator("[name=reason]").fill("صدای ناشناس روشن نیست")
        async with page.expect_event("dialog"):
            await voice.locator("button.main").click()
        await page.keyboard.press("Escape")
        await page.locator("[data-opens=download-1]").click()
        await copy.locator("[name=reason]").fill("نامهٔ دادگاه")
        async with page.context.expect_event("page") as beside:  # a file leads nowhere
            await copy.locator("button.main").click()
        assert await beside.value != page
        await page.keyboard.press("Escape")
        await expect(form.locator("[name=reason]")).to_have_value(typed)
        book = await desk.panel.panel.book.page()  # meanwhile somebody else refers it
        other = Instruction(code, actor_named(book, "desk"), now=desk.panel.clock())
        await referring.refer(desk.panel.engine, book, other, "shahrdari_tabriz")
        await form.locator("button[type=submit]").click()
        await expect(page.get_by_role("alert")).to_contain_text("پرونده در این میان تغییر کرده")
        async with page.expect_event("dialog"):  # it came back, and nobody else has it
            await page.locator("nav.menu a").first.click()
        await form.locator("button[type=submit]").click()
        await page.wait_for_url("**?done=rule")
        await page.locator(".writing summary").click()
        await page.locator(".writing textarea").fill("آب نداریم")
        async with page.expect_event("dialog"):
            await page.locator("nav.menu a").first.click()
        await page.locator(".writing button").click()
        await expect(page.locator(".said")).to_have_text("آب نداریم")


async def test_a_deed_or_another_deeds_form_asks_first_and_is_not_done_where_one_stays(
    desk: Desk, chrome: Browser
) -> None:
    code, typed = await desk.open(), "این‌جا خیلی نوشته‌ام تا گم نشود."
    stays = True
    async with window(chrome, desk.panel, "supervisor") as page:
        page.on("dialog", lambda asked: asked.dismiss() if stays else asked.accept())
        await page.goto(f"/panel/cases/{code}?do=withdraw#act")
        await page.locator("[data-deed=rule]").click()
        form, transcript = page.locator("form.deed"), page.locator(".writing textarea")
        await form.locator("[name=agency]").select_option("edu")
        await form.locator("[name=reason]").fill(typed)
        for other in ("withdraw", "rule"):  # the first is the page that one is on
            async with page.expect_event("dialog"):
                await page.locator(f"[data-deed={other}]").click()
        await page.locator(".writing summary").click()
        await transcript.fill("آب نداریم")
        for _ in range(2):  # its button may be pressed again
            async with page.expect_event("dialog"):
                await form.locator("button[type=submit]").click()
        await expect(form.locator("[name=reason]")).to_have_value(typed)
        async with desk.panel.engine.connect() as connection:
            assert await connection.scalar(select(cases.c.agency).where(cases.c.code == code)) != "edu"
        stays = False
        await form.locator("button[type=submit]").click()
        await page.wait_for_url("**?done=rule")
        await expect(transcript).to_have_value("")
        await page.locator("[data-deed=withdraw]").click()
        await form.locator("[name=reason]").fill(typed)
        await page.locator("[data-deed=rule]").click()
        await page.wait_for_url("**?do=rule")
        await expect(form.locator("[name=reason]")).to_have_value("")


async def test_a_silence_is_skipped(desk: Desk, chrome: Browser) -> None:
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.wait_for_selector("[data-drawn]")
        await page.evaluate("""async () => {
          const audio = document.querySelector('.recording audio');
          window.leaps = [];
          document.querySelector('.skip-silence').click();
          document.querySelector('.controls .play').click();
          await new Promise((done) => audio.addEventListener('playing', done, {once: true}));
          audio.currentTime = 2.8;
          await new Promise((done) => audio.addEventListener('seeked', done, {once: true}));
          audio.addEventListener('seeking', () => leaps.push(audio.currentTime));
        }""")
        await page.wait_for_function(PLAYED, arg=6.1)
        leaps = await page.evaluate("leaps")
        assert leaps == [pytest.approx(6, abs=0.3)]  # a moment before she speaks again


async def test_the_voice_itself_takes_a_reason_and_a_role(desk: Desk, chrome: Browser) -> None:
    code = await desk.open(speech(120))
    (id,) = await desk.recordings(code)
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        assert (await page.request.get(f"/panel/recordings/{id}?as=plain")).status == 403
        await page.get_by_role("button", name="شنیدن صدای واقعی").click()
        await page.locator("#reveal-voice [name=reason]").fill("صدای ناشناس روشن نیست")
        await page.locator("#reveal-voice button.main").click()
        await expect(page.locator("[data-form=even]")).to_have_attribute("aria-pressed", "true")
        await screenshot(page, "casefile-revealed")
        await page.emulate_media(forced_colors="active")
        colours = "all => new Set(all.map((each) => getComputedStyle(each).backgroundColor)).size"
        assert await page.locator("[data-form]").evaluate_all(colours) == 2, "which form plays is seen"
        await screenshot(page, "casefile-revealed-contrast")
        await page.emulate_media(forced_colors="none")
        await page.locator(".speed").select_option("1.5")
        for form in FORMS:
            await page.locator(f"[data-form={form}]").click()
            rate = await page.locator(".recording audio").evaluate("audio => audio.playbackRate")
            assert rate == 1.5, "the speed that was chosen holds for each form"
            answer = await page.request.get(f"/panel/recordings/{id}?as={form}")
            heard = pitch(read(await answer.body())[0])
            wanted = UP[0] if form == "blind" else 1.0
            assert heard / 120 == pytest.approx(wanted, rel=0.05), form
    for role in ("operator", "auditor"):
        client = await desk.panel.signed_in(role)
        assert (await client.get(f"/panel/recordings/{id}")).status == 200
        assert (await client.get(f"/panel/recordings/{id}?as=even")).status == 403
        assert (
            await client.post(f"/panel/cases/{code}/reveal", {"what": "voice", "reason": "چون"})
        ).status == 403
    assert {"voice_revealed", "heard_plain", "heard_even"} <= set(await noted(desk.panel.engine))


async def test_a_body_that_is_asked_for_its_view_hears_her_blind_until_she_was_heard(desk: Desk) -> None:
    code = await desk.open(speech(120), kind="meeting")
    (id,) = await desk.recordings(code)
    at = await hall(desk.panel.engine)
    at.at = desk.panel.clock()
    await request_deciding.review(at.engine, at.page, at.by(code), bodies=["abfa", "edu"])
    await request_deciding.accept(at.engine, at.page, at.by(code), SOON)
    number = await at.session(slots=1)
    await at.fill(number)
    officers = {agency: await desk.panel.signed_in("officer", agency=agency) for agency in ("abfa", "tamin")}

    async def heard(agency: str, form: str = "blind") -> int:
        return (await officers[agency].get(f"/panel/recordings/{id}?as={form}")).status

    assert await heard("abfa") == 404, "nobody has asked it yet"
    await inviting.invite(at.engine, at.page, at.by("").actor, number, at.at)
    page = await officers["abfa"].text(f"/panel/meetings/sessions/{number}")
    assert f"/panel/recordings/{id}?as=blind" in page
    assert [await heard("abfa"), await heard("abfa", "plain"), await heard("tamin")] == [200, 404, 404]
    assert (await officers["abfa"].get(f"/panel/recordings/{id}/outline")).status == 404
    assert "heard_blind" in await noted(desk.panel.engine)
    async with at.engine.begin() as connection:
        hers = update(meeting_requests).values(about="abfa")
        await connection.execute(hers)
    assert await heard("abfa") == 404, "a complaint about its head"
    async with at.engine.begin() as connection:
        await connection.execute(hers.values(about=None))
    assert await heard("abfa") == 200
    at.later(6)
    await agenda.met(at.engine, at.page, at.by(code))
    assert await heard("abfa") == 404


async def test_another_agencys_recording_is_fetched_by_no_route(desk: Desk) -> None:
    code = await desk.open()
    (id,) = await desk.recordings(code)
    other = await desk.panel.signed_in("officer", agency="edu")
    name = await name_of(desk.panel.engine, id)
    ways = [f"/panel/recordings/{id}{more}" for more in ("", "/outline", "/marks", "/transcripts")]
    ways += [f"/panel/recordings/{id}?as={form}" for form in (*FORMS, "../plain", "x")]
    ways += [f"/panel/recordings/{name}", f"/panel/recordings/{name}.wav", f"/static/x/{name}.wav"]
    ways += [f"/panel/recordings/{UUID(int=id.int ^ 1)}", "/panel/recordings/..%2f..%2fsecrets"]
    for way in ways:
        assert (await other.get(way)).status == 404, way
        assert (await other.get(way, headers={"Range": "bytes=0-100"})).status == 404, way
    for path in ("marks", "transcript"):
        answer = await other.post(f"/panel/recordings/{id}/{path}", {"second": "1", "transcript": "x"})
        assert answer.status == 404, path
    assert (await other.post(f"/panel/recordings/{id}/download", {"reason": "خودم می‌خواهم"})).status == 403
    nobody = await desk.panel.client()
    assert (await nobody.get(f"/panel/recordings/{id}")).status == 303  # to sign in
    admin = await desk.panel.signed_in("admin")  # people and books, not the citizens' words
    assert (await admin.get(f"/panel/recordings/{id}")).status == 403
    ours = await desk.panel.signed_in("officer", agency="abfa")
    assert (await ours.get(f"/panel/recordings/{id}")).status == 200
    assert "heard_blind" in await noted(desk.panel.engine)


async def test_ranges_are_answered_and_no_cache_keeps_them(desk: Desk) -> None:
    code = await desk.open()
    (id,) = await desk.recordings(code)
    client = await desk.panel.signed_in("supervisor")
    await client.get("/panel/account")
    await reveal(client, code)
    whole = await client.get(f"/panel/recordings/{id}?as=plain")
    assert whole.headers["Cache-Control"] == "private, no-store" and whole.content_type == "audio/wav"
    content = await whole.read()
    part = await client.get(f"/panel/recordings/{id}?as=plain", headers={"Range": "bytes=100-199"})
    assert part.status == 206 and await part.read() == content[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
    assert part.headers["Cache-Control"] == "private, no-store"
    beyond = await client.get(f"/panel/recordings/{id}?as=plain", headers={"Range": "bytes=99999999-"})
    assert beyond.status == 416


async def test_a_recording_in_an_envelope_is_heard_like_any_other(desk: Desk, chrome: Browser) -> None:
    places = desk.panel.panel.places
    key_file.make(keys := places.state / "keys" / "recordings")
    code = await desk.open()
    (id,) = await desk.recordings(code)
    name = await name_of(desk.panel.engine, id)
    content = recording_files.read(places.recordings, name)
    assert enclose(places.recordings, name, hashlib.sha256(content).hexdigest(), timedelta())
    assert [path.suffix for path in places.recordings.rglob("*.*")] == [".sealed"]
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.goto(f"/panel/cases/{code}")
        await page.wait_for_selector("[data-drawn]")
        await page.keyboard.press("Space")
        await page.wait_for_function(PLAYED, arg=0.2)
        await page.keyboard.press("ArrowRight")
        await page.wait_for_function(PLAYED, arg=5)
    client = await desk.panel.signed_in("supervisor")
    await client.get("/panel/account")
    await reveal(client, code)
    plain = f"/panel/recordings/{id}?as=plain"
    assert await (await client.get(plain)).read() == content
    for asked, given in {
        "100-199": content[100:200],
        "-70000": content[-70_000:],
        "66000-": content[66_000:],
    }.items():
        part = await client.get(plain, headers={"Range": f"bytes={asked}"})
        assert part.status == 206 and await part.read() == given
    for asked in (f"{len(content)}-", "5-2", "0-1,5-6"):
        assert (await client.get(plain, headers={"Range": f"bytes={asked}"})).status == 416
    taken = await client.post(f"/panel/recordings/{id}/download", {"reason": "نامه‌ی دادگاه"})
    assert np.abs(read(await taken.read())[0] - read(content)[0]).max() < 1e-4
    kept = keys.read_text()
    keys.unlink()
    assert (await client.get(plain)).status == 503, "not lost: it can't be opened now"
    keys.write_text(kept)
    assert await (await client.get(plain)).read() == content


async def test_a_copy_that_is_taken_away_bears_the_listeners_name(desk: Desk) -> None:
    code = await desk.open()
    (id,) = await desk.recordings(code)
    desk.panel.clock.now = datetime(2026, 11, 25, 20, 40, tzinfo=UTC)  # a new day where we are
    client = await desk.panel.signed_in("supervisor")
    assert client.person is not None
    assert (await client.post(f"/panel/recordings/{id}/download", {"reason": " "})).status == 422
    taken = await client.post(f"/panel/recordings/{id}/download", {"reason": "نامه‌ی دادگاه"})
    named = taken.headers["Content-Disposition"]
    assert taken.status == 200 and named == f'attachment; filename="111-{code}-20261125-113000.wav"'
    assert taken.headers["Cache-Control"] == "private, no-store"
    content = await taken.read()
    info = info_of(content)
    assert client.person.name in info[ARTIST] and "مریم کریمی" in info[ARTIST]
    assert "نامه‌ی دادگاه" in info[COMMENT] and code in info[COMMENT]
    assert "۵ آذر ۱۴۰۵، ۰۰:۱۰" in info[COMMENT]
    kept = (desk.panel.panel.places.recordings / f"{await name_of(desk.panel.engine, id)}.wav").read_bytes()
    assert np.abs(read(content)[0] - read(kept)[0]).max() < 1e-4 and info_of(kept) == {}
    assert "recording_downloaded" in await noted(desk.panel.engine)
    officer = await desk.panel.signed_in("officer", agency="abfa")
    assert (await officer.post(f"/panel/recordings/{id}/download", {"reason": "برای خودم"})).status == 403


async def test_one_that_its_disk_does_not_give_is_told_by_its_name_and_not_as_a_database_that_is_away(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    code = await desk.open()
    (id,) = await desk.recordings(code)
    path = desk.panel.panel.places.recordings / f"{await name_of(desk.panel.engine, id)}.wav"
    client = await desk.panel.signed_in("supervisor")
    await reveal(client, code)
    with bad_sector(path):
        for page in ("?as=plain", "?as=blind", "/outline"):
            assert (await client.get(f"/panel/recordings/{id}{page}")).status == 503
        taken = await client.post(f"/panel/recordings/{id}/download", {"reason": "نامه‌ی دادگاه"})
        assert taken.status == 503
    assert caplog.text.count(f"recording {await name_of(desk.panel.engine, id)} can't be played") == 4
    assert "waits for the database" not in caplog.text
    assert (await client.get(f"/panel/recordings/{id}?as=plain")).status == 200


async def test_a_recording_is_taken_away_of_no_more_cases_than_may_be_revealed_in_a_day(desk: Desk) -> None:
    codes = [await desk.open(caller=f"0914123450{n}") for n in range(3)]
    async with desk.panel.engine.begin() as connection:
        await connection.execute(limits.insert().values(name="reveals_per_day", value=2))
    await desk.panel.panel.book.load()
    client = await desk.panel.signed_in("supervisor")
    await reveal(client, codes[0])
    tried = []
    for code in (*codes, codes[0]):  # the first is revealed, and the first again is no further one
        (id,) = await desk.recordings(code)
        answer = await client.post(f"/panel/recordings/{id}/download", {"reason": "نامه‌ی دادگاه"})
        tried.append(answer.status)
        if answer.status == 422:
            said = await answer.text()
            assert "یا فایل صدایشان را دریافت کرده‌اید" in said
            assert "می‌توانید؛ به سرپرستان و بازرس گفته شد" in said
    assert tried == [200, 200, 422, 200]
    actions = await noted(desk.panel.engine)
    assert actions.count("recording_downloaded") == 3 and actions.count(revealing.LIMIT_REACHED) == 1


async def test_what_retention_took_is_heard_no_more(desk: Desk) -> None:
    code = await desk.open()
    (id,) = await desk.recordings(code)
    client = await desk.panel.signed_in("supervisor")
    assert (await client.get(f"/panel/recordings/{id}")).status == 200  # and lies ready now
    async with desk.panel.engine.begin() as connection:
        await connection.execute(update(recordings).values(removed_at=desk.panel.clock()))
    for more in ("", "?as=blind", "/outline"):
        assert (await client.get(f"/panel/recordings/{id}{more}")).status == 404
    assert "طبق مقررات نگهداری حذف شد" in await client.text(f"/panel/cases/{code}")
    booth = desk.panel.panel.voices.renditions
    assert booth is not None and [*booth.derived.folder.rglob(f"{id.hex}*")]
    booth.derived.forget(id)
    assert not [*booth.derived.folder.rglob(f"{id.hex}*")]


async def test_words_are_written_down_by_hand_and_every_wording_is_kept(desk: Desk, chrome: Browser) -> None:
    code = await desk.open()
    (id,) = await desk.recordings(code)

    async def write(page: Page, text: str) -> None:
        await page.locator(".writing summary").click()
        await page.locator(".writing textarea").fill(text)
        await page.locator(".writing button").click()

    async with (
        window(chrome, desk.panel, "supervisor") as one,
        window(chrome, desk.panel, "supervisor") as other,
    ):
        for page in (one, other):
            await page.goto(f"/panel/cases/{code}")
        await write(one, "آب نداریم")
        await expect(one.locator(".said")).to_have_text("آب نداریم")
        await write(other, "آب هست")
        await expect(other.get_by_role("alert")).to_contain_text("کس دیگری در این میان")
        assert await other.locator(".writing textarea").input_value() == "آب هست"
        await other.locator(".writing button").click()
        await expect(other.locator(".said")).to_have_text("آب هست")
        await other.get_by_role("button", name="ویرایش‌های پیشین").click()
        await expect(other.locator(".editions li")).to_have_count(2)
        await expect(other.locator(".editions")).to_contain_text("آب نداریم")
    client = await desk.panel.signed_in("auditor")
    assert "متن صدا نوشته شد" in await client.text(f"/panel/cases/{code}")
    assert (await client.post(f"/panel/recordings/{id}/transcript", {"transcript": "x"})).status == 403


async def test_an_answer_is_heard_before_it_is_given(desk: Desk, chrome: Browser) -> None:
    """Spoken by the voice that callers hear; or recorded in the browser, as the telephone will carry it."""
    code = await desk.open()
    async with window(chrome, desk.panel, "supervisor") as page:
        await page.context.grant_permissions(["microphone"])
        await page.goto(f"/panel/cases/{code}?do=answer")
        await page.locator("[data-wording]").first.click()
        words = await page.locator("#f-words").input_value()
        await page.locator(".preview .speak").click()
        await page.wait_for_function(PLAYED.replace(".recording audio", ".preview-sound"), arg=0.3)
        length = await page.evaluate("document.querySelector('.preview-sound').duration")
        assert len(words) > 20 and length > 3
        began = time.monotonic()
        await page.locator(".preview .record").click()
        two_or_more = re.compile("([۲-۹]|[۱-۹][۰-۹]) / ")  # seconds of those taken; nobody sees each
        await expect(page.locator(".preview .heard")).to_contain_text(two_or_more)
        async with page.expect_response("**/voice") as recorded:
            await page.locator(".preview .record").click()
        made = await (await recorded.value).json()
        assert 1.0 <= made["seconds"] <= time.monotonic() - began
        async with page.expect_response("**/answer") as given:
            await page.locator("form.deed button[type=submit]").click()
        assert (await given.value).ok
        await page.wait_for_url("**?done=answer")
        answer = await page.request.get(f"/panel/cases/{code}/answer-voice")
        samples, rate = read(await answer.body())
        assert rate == 8000 and len(samples) / rate == pytest.approx(made["seconds"], abs=0.1)
    client = await desk.panel.signed_in("supervisor")
    spoken = await client.post(f"/panel/cases/{code}/speak", {"words": words})
    sound, rate = read(await spoken.read())
    assert spoken.status == 200 and rate == 8000 and len(sound) / rate == pytest.approx(length, abs=0.1)
    assert band(sound, 300, 3400) > 0.5 * band(sound, 0, 4000) and np.abs(sound).max() > 0.1
    officer = await desk.panel.signed_in("officer", agency="edu")
    assert (await officer.get(f"/panel/cases/{code}/answer-voice")).status == 404
