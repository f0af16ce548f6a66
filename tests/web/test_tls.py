"""The panel and a supervisor's telephone behind a proxy that speaks TLS, as docs/production.md has it."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import select

from ivr.desk.people import totp
from ivr.lab.asterisk import Program
from ivr.lab.caller import CallerReport, Speak, StayOn
from ivr.lab.media import is_voiced
from ivr.lab.pace import patience
from ivr.lab.ports import TCP, free
from ivr.settings import BrowserPhone, Web
from ivr.store.tables import audit
from ivr.web.panel.locale import digits, words
from ivr.web.panel.visit import Panel
from tests.fixtures.hotline import Hotline, fresh_number, running_hotline
from tests.fixtures.province import book_of
from tests.web.browser import patient
from tests.web.live.test_live import LONG, SEEN, TO_THE_BEEP, lasted, step_in, text
from tests.web.panel import PASSWORD, PanelServed, places_of
from tests.web.public.test_call_page import ELSEWHERE, HEARD, chrome_without, hears
from tests.web.service import Clock

PROXY = "127.0.0.3"  # where the proxy calls the panel from; browsers come from 127.0.0.1
# As people's browsers are: they ask for the microphone, and hide their addresses until it is given.
UNLIKE_PEOPLES = ("--use-fake-ui-for-media-stream", "--disable-features=WebRtcHideLocalIpsWithMdns")


class Proxy:
    """What the nginx of docs/production.md does: TLS, two headers, and /ws straight to Asterisk."""

    def __init__(self, panel: int, asterisk: int) -> None:
        self.panel, self.asterisk = panel, asterisk
        self.sockets: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request for each connection, so that nothing after its head needs to be understood."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
            port = self.asterisk
            if head[0].split()[1] == b"/ws":
                self.sockets.append(writer)
            else:
                port = self.panel
                head = [line for line in head if not line.lower().startswith(b"connection:")]
                client = writer.get_extra_info("peername")[0].encode()
                head += [b"Connection: close", b"X-Forwarded-For: " + client, b"X-Forwarded-Proto: https"]
            there = await asyncio.open_connection("127.0.0.1", port, local_addr=(PROXY, 0))
            there[1].write(b"\r\n".join([*head, b"", b""]))
            await asyncio.gather(_pass(reader, there[1]), _pass(there[0], writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
    writer.close()


@dataclass(frozen=True, slots=True)
class Site:
    """A hotline behind TLS at `url`, and a browser for it."""

    hotline: Hotline
    url: str
    browser: Browser
    proxy: Proxy

    @property
    def plain(self) -> str:
        """The panel without its proxy."""
        return f"http://{ELSEWHERE}:{self.hotline.settings.web.port}"

    @asynccontextmanager
    async def signed_in(self, url: str) -> AsyncIterator[Page]:
        """A supervisor who has typed name, password and code, which others reach: before the live board."""
        async with AsyncExitStack() as stack:
            engine = self.hotline.engine
            panel = Panel(engine, book_of(engine), places_of(self.hotline.settings.state_path))
            served = PanelServed(url, panel, engine, Clock(datetime.now(UTC)), stack)
            seed, now = totp.new_secret(), datetime.now(UTC)
            person = await served.person("supervisor", totp_secret=seed, totp_since=now)
            context = patient(
                await self.browser.new_context(base_url=url, locale="fa-IR", ignore_https_errors=True)
            )
            stack.push_async_callback(context.close)
            page = await context.new_page()
            await page.goto("/panel/live")
            await page.get_by_label(words()("common.sign_in.name")).fill(person.name)
            await page.get_by_label(words()("common.sign_in.password")).fill(PASSWORD)
            await page.keyboard.press("Enter")
            code = totp.code_at(seed, int(datetime.now(UTC).timestamp()) // totp.STEP_SECONDS)
            await page.get_by_label(words()("common.sign_in.second")).fill(code)
            await page.keyboard.press("Enter")
            await expect(page).to_have_title(f"{text('title')} · {words()('common.name')}")
            yield page

    @asynccontextmanager
    async def calling(self, number: str) -> AsyncIterator[asyncio.Task[CallerReport]]:
        """Somebody speaks after the beep."""
        call = self.hotline.call(*TO_THE_BEEP, Speak(LONG), StayOn(), number=number)
        calling = asyncio.create_task(call)
        try:
            yield calling
        finally:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)


def certificate(folder: Path) -> ssl.SSLContext:
    """One that nobody vouches for."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", f"/CN={ELSEWHERE}", "-days", "2", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@pytest.fixture(scope="module")
async def site(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:  # fmt: skip
    port = free(TCP)
    phone = BrowserPhone(whose="supervisors", url=f"wss://{ELSEWHERE}:{port}/ws")
    own: dict[str, Any] = {"browser_phone": phone, "web": Web(port=free(), proxies=(f"{PROXY}/32",))}
    async with (
        running_hotline(programs, stand_ins, postgres_url, template, **own) as hotline,
        chrome_without(*UNLIKE_PEOPLES) as browser,
    ):
        proxy = Proxy(hotline.settings.web.port, hotline.settings.ws.port)
        tls = certificate(tmp_path_factory.mktemp("tls"))
        async with await asyncio.start_server(proxy.serve, "127.0.0.1", port, ssl=tls):
            yield Site(hotline, f"https://{ELSEWHERE}:{port}", browser, proxy)


def row_of(page: Page, number: str) -> Locator:
    return page.locator("[data-rows] tr", has_text=digits(f"{number[:4]}•••{number[-2:]}"))


async def beeps(page: Page) -> None:
    """Until her microphone's sound has come and gone."""
    await hears(page, "mine", 0.05)
    async with asyncio.timeout(patience(HEARD / 1000)):
        while await page.locator("[data-level=mine]").evaluate("meter => meter.value") > 0.05:
            await asyncio.sleep(0.03)


async def opening(page: Page, url: str) -> str:
    """What becomes of a WebSocket that the page opens: open, failed, or refused by its policy."""
    told: str = await page.evaluate(
        """url => new Promise(done => {
            addEventListener("securitypolicyviolation", () => done("refused"), { once: true });
            const socket = new WebSocket(url, "sip");
            socket.onopen = () => { socket.close(); done("open"); };
            socket.onerror = () => setTimeout(done, 500, "failed");
        })""",
        url,
    )
    return told


async def test_over_tls_she_listens_in_takes_the_call_over_and_both_hear_each_other(site: Site) -> None:
    number, clock = fresh_number(), asyncio.get_running_loop().time
    before = set(site.hotline.settings.recordings.rglob("*.wav"))
    async with site.signed_in(site.url) as page, site.calling(number) as calling:
        row = row_of(page, number)
        await expect(row).to_contain_text(text("step.record"), timeout=patience(SEEN))
        await site.hotline.recording_grown(besides=before)
        await step_in(page, row, "listen")
        await hears(page, "theirs")
        await page.get_by_role("button", name=text("dock.ends.listen")).click()
        await lasted(site.hotline, number, "listen")
        await page.context.grant_permissions(["microphone"])
        await step_in(page, row, "take")
        await hears(page, "theirs")
        since = clock()
        await beeps(page)
        await beeps(page)
        until = clock()
        await page.get_by_role("button", name=text("dock.ends.take")).click()
        outcome = await calling
    assert outcome.ended_by == "hotline"
    assert sum(is_voiced(audio) for at, audio in outcome.heard if since < at < until) > 5
    await lasted(site.hotline, number, "take")


async def test_her_cookie_is_for_tls_alone_and_goes_when_she_signs_out(site: Site) -> None:
    async with site.signed_in(site.url) as page:
        cookies = {each["name"]: each for each in await page.context.cookies()}
        assert cookies["__Host-seda"]["httpOnly"] and all(each["secure"] for each in cookies.values())
        assert "seda" not in cookies
        answer = await page.reload()
        assert answer is not None and answer.headers["strict-transport-security"]
        async with site.hotline.engine.connect() as connection:
            come = select(audit.c.address).where(audit.c.action == "signed_in").order_by(audit.c.at.desc())
            assert (await connection.execute(come)).scalars().first() == "127.0.0.1"  # hers, not the proxy's
        await page.get_by_role("button", name=words()("common.sign_out")).click()
        await expect(page).to_have_title(f"{words()('common.sign_in.title')} · {words()('common.name')}")
        assert "__Host-seda" not in {each["name"] for each in await page.context.cookies()}


async def test_other_systems_find_the_endpoint_behind_tls(site: Site) -> None:
    port = site.url.rpartition(":")[2]
    there, host = f"https://127.0.0.1:{port}/open311/discovery.json", {"Host": f"{ELSEWHERE}:{port}"}
    async with ClientSession() as client, client.get(there, headers=host, ssl=False) as found:
        (endpoint,) = (await found.json())["endpoints"]
    assert endpoint["url"] == f"{site.url}/open311/v2"


async def test_her_page_may_open_the_proxys_websocket_and_no_other(site: Site) -> None:
    wss = site.url.replace("https:", "wss:")
    async with site.signed_in(site.url) as page:
        answer = await page.reload()
        assert answer is not None
        assert f"connect-src 'self' {wss};" in answer.headers["content-security-policy"]
        assert await opening(page, f"{wss}/ws") == "open"
        straight = f"ws://127.0.0.1:{site.hotline.settings.ws.port}/ws"
        for other in (straight, f"wss://{ELSEWHERE}:{free(TCP)}/ws", "wss://another.example/ws"):
            assert await opening(page, other) == "refused", other


async def test_without_tls_she_can_listen_also_once_the_websocket_is_gone_and_is_told_why_she_cannot_speak(
    site: Site,
) -> None:
    number, before = fresh_number(), set(site.hotline.settings.recordings.rglob("*.wav"))
    async with site.signed_in(site.plain) as page, site.calling(number):
        row, alert = row_of(page, number), page.get_by_role("alert")
        await site.hotline.recording_grown(besides=before)
        await step_in(page, row, "listen")
        await hears(page, "theirs")
        site.proxy.sockets[-1].transport.abort()
        await hears(page, "theirs")
        await expect(alert.get_by_text(text("dock.lost"))).to_be_hidden()
        await step_in(page, row, "take")
        insecure = alert.get_by_text(words()("public.call.trouble.insecure"))
        await expect(insecure).to_be_visible(timeout=patience(SEEN))
