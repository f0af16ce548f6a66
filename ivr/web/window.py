"""What both APIs stand on: the desk's window, who asks, and bodies of bounded size."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.channels import ChannelRight
from ivr.cases.code import is_valid
from ivr.cases.search import plain_number
from ivr.desk.book.book import Book, BookEmpty
from ivr.desk.book.learning import Learning
from ivr.desk.case.registering import Wanted
from ivr.desk.counter import channels
from ivr.desk.refusals import Refused, WrongField
from ivr.store.engine import is_a_row_s
from ivr.web.bodies import reading

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024  # of a body without a recording
KEY = "Idempotency-Key"
RETRY_SECONDS = 10  # what a client is told to wait while the database is away
_KEY = re.compile(r"[\x21-\x7e]+")


class Problem(Exception):
    """What a client is told instead of what it asked for. `sentence` names the field at fault, if one is."""

    def __init__(self, status: int, sentence: str, field: str = "", retry: int = 0) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.field, self.retry = status, sentence, field, retry

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Retry-After": str(self.retry)} if self.retry else {}
        return headers | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})


def problem_of(error: Exception) -> Problem:
    """Anything that may go wrong, as the client hears of it. What it can't mend is logged."""
    match error:
        case Problem():
            return error
        case WrongField():
            return Problem(400, str(error), error.field)
        case channels.NoSuchChannel():
            return Problem(401, str(error))
        case channels.TooMany():
            return Problem(429, str(error), retry=60)
        case channels.OtherRequest():
            return Problem(409, str(error), KEY)
        case Refused():
            return Problem(400, str(error))
        case web.HTTPUnsupportedMediaType():
            return Problem(415, error.reason, error.reason.partition(":")[0])
        case web.HTTPException():
            return Problem(error.status, f"{error.reason}".lower())
        case BookEmpty():
            return Problem(503, "the service has no province yet", retry=RETRY_SECONDS)
    if not is_a_row_s(error):  # a table that an upgrade has not made yet is waited for, too
        log.warning("an API request waits for the database: %s", type(error).__name__)
        return Problem(
            503, "the books can't be reached now: send the request again later", retry=RETRY_SECONDS
        )
    log.exception("an API request failed", exc_info=error)
    return Problem(500, "the request failed on our side; nothing of it was kept")


@dataclass(frozen=True, slots=True)
class Counter:
    """The service desk as other systems reach it. `jurisdiction`: the province's code.

    `proxies`: networks of those that speak TLS before it.
    """

    engine: AsyncEngine
    book: Book
    learning: Learning
    recordings: Path
    jurisdiction: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    proxies: Sequence[str] = ()

    async def channel(self, request: web.Request, token: str = "") -> str:
        """Who sends cases. Raises as `admitted`."""
        return (await self.admitted(request, ChannelRight.CASES, token)).name

    async def admitted(
        self, request: web.Request, right: ChannelRight, token: str = ""
    ) -> channels.AdmittedChannel:
        """Who asks. Raises NoSuchChannel, TooMany, and Problem without a token or that right."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        token = token or (given.strip() if scheme.lower() == "bearer" else "")
        if not token:
            raise Problem(401, "a token is needed: Authorization: Bearer …")
        found = await channels.admit(self.engine, token, self.clock())
        if right not in found.rights:
            raise Problem(403, f"channel {found.name} has no right to {right}")
        return found

    async def send(self, request: web.Request, wanted: Wanted, content: bytes = b"") -> channels.Sent:
        """Open a case, once for each Idempotency-Key; a person reads it where nothing can be suggested."""
        key = request.headers.get(KEY, "")
        if key and not _KEY.fullmatch(key):
            raise WrongField(KEY, "must be printable ASCII without blanks")
        page, suggester = await self.book.page(), await self.learning.if_any()
        now = self.clock()
        sent = await channels.send(
            self.engine, page, wanted, now, suggester, key, content=content, recordings=self.recordings
        )
        log.info(
            "channel %s: case %s %s", wanted.channel, sent.code, "sent again" if sent.repeated else "opened"
        )
        return sent


async def body(request: web.Request, most: int = MOST_BYTES) -> bytes:
    """The whole body. Raises Problem as soon as it is too large."""
    if (request.content_length or 0) > most:
        raise Problem(413, f"the body has more than {most:,} bytes")
    whole = bytearray()
    async with reading(most):
        async for chunk in request.content.iter_chunked(16 * 1024):
            whole += chunk
            if len(whole) > most:
                raise Problem(413, f"the body has more than {most:,} bytes")
    return bytes(whole)


def tracking_code(text: str) -> str:
    """A code as people write it, in any digits, without what stands between them; "" when it is none."""
    code = plain_number(text)
    return code if is_valid(code) else ""
