"""The cable between the servers and PostgreSQL's socket: to be cut, or to fall silent with connections."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType


class Cable:
    """Passes `near` (a Unix socket of ours) on to `far`, which may become another, while it is whole."""

    def __init__(self, far: Path, near: Path) -> None:
        self.far, self._near = far, near
        self._flows = asyncio.Event()
        self._flows.set()
        self._live: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Cable:
        self._near.parent.mkdir(parents=True, exist_ok=True)
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def cut(self) -> None:
        """Every connection breaks and new ones are refused."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._near.unlink(missing_ok=True)
        for writer in self._live:
            writer.transport.abort()

    def silence(self) -> None:
        """Connections stay, and new ones are taken, but nothing passes."""
        self._flows.clear()

    async def mend(self) -> None:
        """As if nothing had been."""
        self._flows.set()
        if self._listener is None:
            self._near.unlink(missing_ok=True)
            self._listener = await asyncio.start_unix_server(self._connect, self._near)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._live.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            await self._flows.wait()
            answers, there = await asyncio.open_unix_connection(self.far)
            self._live.add(there)
            passing = [
                asyncio.create_task(self._pass(reader, there)),
                asyncio.create_task(self._pass(answers, writer)),
            ]
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            for each in passing:
                each.cancel()
        except OSError:
            pass  # PostgreSQL is not there
        finally:
            for each_writer in (writer, there):
                if each_writer is not None:
                    self._live.discard(each_writer)
                    each_writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()
