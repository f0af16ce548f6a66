"""What strangers send as a request's body: read within a size and a time, and as UTF-8, whatever it claims.

aiohttp would decode a form, and each part of one, in whatever charset the client names, and some of Python's
cost the square of the length (punycode: 3.4 s for 261 kB, in which no call is served).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import Any, cast
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict, MultiDictProxy

MOST_FIELDS = 2_000
SPOOLED = 512 * 1024  # bytes of a file that are kept in memory
PATIENCE_SECONDS, SLOWEST = 20.0, 16_000  # a body has this long, and beyond it a second for so many bytes
_IN_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii"})
_AS_IT_IS = frozenset({"", "identity", "7bit", "8bit", "binary"})
# What reading a malformed body raises, in aiohttp and beneath it.
_MALFORMED = (ValueError, AssertionError, LookupError, RuntimeError, HttpProcessingError, ClientPayloadError)
# As browsers write it, who send a quotation mark in a file's name as %22.
_DISPOSITION = re.compile(r'form-data; *name="([^"]+)"; *filename="([^"]*)"').fullmatch
SentForm = MultiDictProxy[str | bytes | bytearray | web.FileField]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def in_utf8(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Before anything is read: 415 for another charset, and for what is packed.

    Left to a part of the application that has this too, and its own form for what it refuses.
    """
    inmost = request.match_info.apps[-1]
    if request.app is inmost or in_utf8 not in inmost.middlewares:
        _refuse_undecodable(request)
    return await handler(request)


def _refuse_undecodable(request: web.Request) -> None:
    try:
        charset = request.charset or ""
    except _MALFORMED:
        charset = "none that can be read"
    if charset.lower() not in _IN_UTF8:
        raise web.HTTPUnsupportedMediaType(reason="Content-Type: the body must be in UTF-8")
    if request.headers.get("Content-Encoding", "").lower() not in _AS_IT_IS:
        raise web.HTTPUnsupportedMediaType(reason="Content-Encoding: the body must not be packed")


@asynccontextmanager
async def reading(most: int) -> AsyncIterator[None]:
    """Around the reading of a body of at most so many bytes. Raises HTTPBadRequest, HTTPRequestTimeout."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS + most / SLOWEST):
            yield
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="The body did not come in time") from None
    except web.HTTPException:
        raise
    except _MALFORMED as error:
        raise web.HTTPBadRequest(reason="The body is not what its Content-Type says") from error


async def form(request: web.Request, most: int) -> SentForm:
    """The fields of a form of at most so many bytes; empty for any other type.

    Raises HTTPBadRequest, HTTPRequestEntityTooLarge, HTTPRequestTimeout.
    """
    request = request.clone(client_max_size=most)
    async with reading(most):
        match request.content_type:
            case "multipart/form-data":
                return MultiDictProxy(await _parts_of(request, most))
            case "application/x-www-form-urlencoded":
                return MultiDictProxy(MultiDict(cast(Any, fields(await request.read()))))
    return MultiDictProxy(MultiDict())


def fields(content: bytes, most: int = MOST_FIELDS) -> list[tuple[str, str]]:
    """Of a form as addresses have them. Raises ValueError."""
    text = content.decode("utf-8").strip("\r\n")
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=most)


async def parts(request: web.Request) -> AsyncIterator[tuple[str, BodyPartReader]]:
    """Each part of a form with its name. Raises what `reading` takes for malformed."""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not (name := _named(part)[0]):
            raise ValueError("a part without a name, or parts within a part")
        for header in ("Content-Transfer-Encoding", "Content-Encoding"):
            if part.headers.get(header, "").lower() not in _AS_IT_IS:
                raise ValueError(f"a part with {header}")
        yield name, part


def _named(part: BodyPartReader) -> tuple[str | None, str | None]:
    """Its name and its file's: aiohttp finds neither where the latter has more than one semicolon."""
    if not part.name and (found := _DISPOSITION(part.headers.get("Content-Disposition", ""))):
        return found[1], found[2]
    return part.name, part.filename


async def chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    """A part's bytes as they come."""
    while chunk := await part.read_chunk(64 * 1024):
        yield bytes(chunk)


async def _parts_of(request: web.Request, most: int) -> MultiDict[Any]:
    found: MultiDict[Any] = MultiDict()
    left = most
    async for name, part in parts(request):
        file = SpooledTemporaryFile(SPOOLED)  # noqa: SIM115  it goes with the form
        async for chunk in chunks(part):
            if (left := left - len(chunk)) < 0:
                raise web.HTTPRequestEntityTooLarge(most, most - left)
            await _write(file, chunk)
        if len(found) >= MOST_FIELDS:
            raise ValueError("too many parts")
        file.seek(0)
        if (filename := _named(part)[1]) is None:
            found.add(name, file.read().decode("utf-8"))
        else:
            kind = part.headers.get("Content-Type", "application/octet-stream")
            found.add(name, web.FileField(name, filename, cast(Any, file), kind, part.headers))
    return found


async def _write(file: SpooledTemporaryFile[bytes], chunk: bytes) -> None:
    """In a thread where it goes to the disk."""
    if file.tell() + len(chunk) > SPOOLED:
        await asyncio.to_thread(file.write, chunk)
    else:
        file.write(chunk)
