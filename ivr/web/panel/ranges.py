"""A file that is open already, to a browser: whole, or the range it asks for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import IO, TypeVar

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from ivr.desk.recordings.hearing import READ_SECONDS
from ivr.store.disk_thread import DiskThread

T = TypeVar("T")
PIECE_BYTES = 64 * 1024


class Ranged(web.StreamResponse):
    """What `web.FileResponse` is for a path. Of an envelope no more is opened than is asked for."""

    def __init__(self, file: IO[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(headers={**headers, "Accept-Ranges": "bytes"})
        self._opened = file
        self._disk = DiskThread()  # it may come to hang in the middle

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends the body too. Raises what reading the file raises, before anything is sent if it can."""
        try:
            return await self._send(request)
        finally:
            self._disk.close(self._opened.close)

    async def _send(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        size = await self._ask(partial(self._opened.seek, 0, os.SEEK_END))
        try:
            start, stop, _ = request.http_range.indices(size)
        except ValueError:
            start = stop = size
        asked = "Range" in request.headers
        if asked and start >= stop:
            self.set_status(web.HTTPRequestRangeNotSatisfiable.status_code)
            self.headers["Content-Range"] = f"bytes */{size}"
            start = stop = size
        elif asked:
            self.set_status(web.HTTPPartialContent.status_code)
            self.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        self.content_length = left = stop - start
        piece = await self._ask(partial(self._piece, start, min(left, PIECE_BYTES)))
        writer = await super().prepare(request)
        while piece and request.method != "HEAD":
            await self.write(piece)
            left -= len(piece)
            piece = await self._ask(partial(self._opened.read, min(left, PIECE_BYTES))) if left else b""
        await self.write_eof()
        return writer

    async def _ask(self, question: Callable[[], T]) -> T:
        async with asyncio.timeout(READ_SECONDS):
            return await self._disk.ask(question)

    def _piece(self, start: int, size: int) -> bytes:
        self._opened.seek(start)
        return self._opened.read(size)
