"""Text messages through any HTTP gateway, whose form is configured; or onto the log, for the lab."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from ivr.cases import phone
from ivr.notify.post import Dispatch, NotSent, refused
from ivr.settings import Sms

log = logging.getLogger(__name__)

_PLACE = re.compile(r"\{(number|text|id|secret)\}")
_LINE = re.compile(r"[\r\n\0]")
MOST_ANSWER = 65_536  # bytes of a gateway's answer that are read
PAUSE_SECONDS = 3.0  # that a yes is waited on for its end; until `notify.seconds`, and it would be sent again
Write = Callable[[str], str]


class ConsoleSms:
    """Writes each message to the log."""

    async def send(self, letter: Dispatch) -> None:
        log.info("SMS to %s: %s", phone.mask(letter.to), letter.text)


class HttpSms:
    """One request per message."""

    def __init__(self, session: aiohttp.ClientSession, settings: Sms) -> None:
        self.session = session
        self.settings = settings
        self._body_as = _body_writer(settings.headers)

    async def send(self, letter: Dispatch) -> None:
        settings, values = self.settings, self._values(letter)
        headers = {name: _filled(value, values, _one_line) for name, value in settings.headers.items()}
        body = _filled(settings.body, values, self._body_as).encode() if settings.body else None
        url = _filled(settings.url, values, _percent)
        request = self.session.request(
            settings.method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        )
        asks = settings.ok_field or settings.ok_pattern or settings.of_us_pattern
        async with request as answer:
            self._judge(answer.status, await self._said(answer) if asks else "")

    async def _said(self, answer: aiohttp.ClientResponse) -> str:
        """All of an answer, which may come in pieces; of a yes whose end does not come, what came of it."""
        said, pause = b"", None
        try:
            while True:
                async with asyncio.timeout(pause):
                    piece = await answer.content.read(MOST_ANSWER - len(said))
                if not piece:
                    break
                said += piece
                with suppress(NotSent):  # a no may be a yes that has not come yet
                    self._judge(answer.status, said.decode(errors="replace"))
                    pause = PAUSE_SECONDS
        except (aiohttp.ClientError, TimeoutError):
            if not said:
                raise
        return said.decode(errors="replace")

    def _values(self, letter: Dispatch) -> dict[str, str]:
        full = phone.normalise(letter.to)
        if not phone.is_mobile(full):
            raise NotSent("the number is no Iranian mobile number", for_good=True)
        forms = {"national": f"0{full[3:]}", "international": full, "plain": full[1:]}
        secret = self.settings.secret
        return {
            "number": forms[self.settings.number], "text": letter.text, "id": letter.id, "secret": secret,
        }  # fmt: skip

    def _judge(self, status: int, said: str) -> None:
        settings = self.settings
        if settings.of_us_pattern and re.search(settings.of_us_pattern, said):
            raise NotSent(f"the gateway answered {status}, of us (of_us_pattern)", of_us=True)
        if not 200 <= status < 300:
            raise refused("the gateway", status)
        if settings.ok_field:
            value = _field(said, settings.ok_field)
            if value != settings.ok_value:
                wanted = f"{settings.ok_field} is {value[:40]!r}, not {settings.ok_value!r}"
                raise NotSent(f"the gateway's {wanted}")
        if settings.ok_pattern and not re.search(settings.ok_pattern, said):
            raise NotSent("the gateway's answer does not match ok_pattern")


def _filled(template: str, values: Mapping[str, str], write: Write) -> str:
    """One pass, so that a text that holds {number} stays what it is."""
    return _PLACE.sub(lambda found: write(values[found[1]]), template)


def _percent(value: str) -> str:
    return quote(value, safe="")


def _json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _one_line(value: str) -> str:
    return _LINE.sub(" ", value)


def _body_writer(headers: Mapping[str, str]) -> Write:
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if "json" in kind:
        return _json
    return _percent if "urlencoded" in kind else str


def _field(said: str, path: str) -> str:
    """The value at a dotted path of a JSON answer, as text; "" when there is none."""
    try:
        value: Any = json.loads(said)
        for part in path.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return value if isinstance(value, str) else json.dumps(value)
