"""A file on its way to a browser, from a disk that comes to hang meanwhile."""

from __future__ import annotations

import asyncio
import io
import threading

import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer

from ivr.lab.pace import patience
from ivr.web.panel import ranges


class Sick(io.BytesIO):
    """Sleeps behind the first piece until it is woken."""

    def __init__(self) -> None:
        super().__init__(bytes(3 * ranges.PIECE_BYTES))
        self.awake, self.let_go = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= ranges.PIECE_BYTES:
            self.awake.wait(patience(120))
        return super().read(size)

    def close(self) -> None:
        super().close()
        self.let_go.set()


async def test_a_disk_that_hangs_in_the_middle_ends_the_answer_and_holds_nothing_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ranges, "READ_SECONDS", patience(1))
    file = Sick()

    async def answer(request: web.Request) -> web.StreamResponse:
        return ranges.Ranged(file, {})

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestClient(TestServer(app)) as client:
        try:
            async with asyncio.timeout(patience(20)):
                with pytest.raises(ClientPayloadError):
                    await (await client.get("/")).read()
            assert not file.let_go.is_set()
        finally:
            file.awake.set()
        assert await asyncio.to_thread(file.let_go.wait, patience(20)), "closed as soon as it wakes"
