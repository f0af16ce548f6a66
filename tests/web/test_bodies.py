"""What strangers send is decoded as UTF-8 in bounded time and size, or refused in one sentence."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.lab.pace import patience
from ivr.web import bodies
from tests.web.panel import PanelServed
from tests.web.service import Service, serving

FORM = "application/x-www-form-urlencoded"
PUNYCODE = b"code=" + b"a" * 250_000 + b"-" + b"b" * 10_000
B = "multipart/form-data; boundary=b"


@pytest.fixture
async def service(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(engine, tmp_path) as served:
        yield served


def part(*lines: bytes, value: bytes = b"x") -> bytes:
    return b"--b\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + value + b"\r\n--b--\r\n"


NAMED = b'Content-Disposition: form-data; name="code"'


async def status(panel: PanelServed, body: bytes, kind: str, path: str = "/track", **headers: str) -> int:
    http = await panel.anybody()
    async with http.post(path, data=body, headers={"Content-Type": kind, **headers}) as answer:
        text = await answer.text()
        assert "Traceback" not in text
        return answer.status


@pytest.mark.parametrize("charset", ["punycode", "utf-7", "idna", "utf-16", "unicode_escape", "zip", "no"])
async def test_a_charset_that_is_not_utf8_is_refused_unread(panel: PanelServed, charset: str) -> None:
    began = time.process_time()
    assert await status(panel, PUNYCODE, f"{FORM}; charset={charset}") == 415
    assert time.process_time() - began < 1, "punycode would take seconds"


async def test_a_part_in_another_charset_is_read_as_utf8(panel: PanelServed) -> None:
    began = time.process_time()
    body = part(NAMED, b"Content-Type: text/plain; charset=punycode", value=PUNYCODE)
    assert await status(panel, body, B) in (403, 413)
    charset = b'--b\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\npunycode\r\n'
    assert await status(panel, charset + part(NAMED, value=PUNYCODE), B) in (400, 403, 413)
    assert time.process_time() - began < 1


MALFORMED = {
    "no boundary": (b"x", "multipart/form-data"),
    "another boundary": (b"--c\r\n\r\nx\r\n--c--\r\n", B),
    "no end": (b"--b\r\n" + NAMED + b"\r\n\r\nx", B),
    "no disposition": (part(b"X-Nothing: 1"), B),
    "a nameless part": (part(b"Content-Disposition: form-data"), B),
    "a header without a colon": (part(b"Content-Disposition"), B),
    "a header that is too long": (part(b"X: " + b"y" * 20_000), B),
    "parts within a part": (part(NAMED, b"Content-Type: multipart/mixed; boundary=c"), B),
    "a packed part": (part(NAMED, b"Content-Encoding: gzip"), B),
    "base64": (part(NAMED, b"Content-Transfer-Encoding: base64", value=b"%%%"), B),
    "an unknown encoding": (part(NAMED, b"Content-Transfer-Encoding: x-nothing"), B),
    "a name in no charset": (part(b"Content-Disposition: form-data; name*=nothing''x"), B),
    "no UTF-8": (part(NAMED, value=b"\xff\xfe"), B),
    "no UTF-8 in a form": (b"code=\xff", FORM),
    "no UTF-8 behind a percent sign": (b"code=%ff%fe", FORM),
    "too many fields": (b"a&" * 5_000, FORM),
}


@pytest.mark.parametrize("which", MALFORMED)
async def test_a_malformed_body_is_the_clients_mistake(panel: PanelServed, which: str) -> None:
    assert await status(panel, *MALFORMED[which]) in (400, 403)


@pytest.mark.parametrize("which", MALFORMED)
async def test_and_so_it_is_for_other_systems(service: Service, which: str) -> None:
    body, kind = MALFORMED[which]
    for path in ("/api/v1/cases", "/open311/v2/requests.json"):
        headers = service.headers() | {"Content-Type": kind}
        async with service.client.post(path, data=body, headers=headers) as answer:
            assert 400 <= answer.status < 500, f"{path}: {await answer.text()}"


async def test_what_is_packed_is_refused(panel: PanelServed) -> None:
    assert await status(panel, zlib.compress(b"code=1"), FORM, **{"Content-Encoding": "deflate"}) == 415
    assert await status(panel, b"\x00" * 50, FORM, **{"Content-Encoding": "gzip"}) in (400, 415)


async def test_a_body_that_does_not_come_is_not_waited_for(
    panel: PanelServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(bodies, "SLOWEST", 1e9)
    host, port = panel.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /track HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\r\ncode"
    writer.write(head.encode())
    async with asyncio.timeout(patience(10)):
        assert b" 408 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize("before", ["²", "٣", "9" * 30, "-1", "x"])
async def test_a_list_goes_on_at_a_number_or_at_its_beginning(panel: PanelServed, before: str) -> None:
    client = await panel.signed_in("admin")
    for path in ("/panel/admin/audit", "/panel/admin/topic/history", "/panel/admin/history/topic"):
        answer = await client.get(f"{path}?before={before}")
        assert answer.status < 500, path
