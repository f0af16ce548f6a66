"""An AMI peer over a real socket that behaves, or misbehaves, as a test tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ivr.lab.pace import patience

Fields = dict[str, str]
Reply = Callable[["Connection", Fields], None]


def success(connection: Connection, action: Fields) -> None:
    connection.answer(action, "Success", "done")


def silent(connection: Connection, action: Fields) -> None:
    """Never answers."""


def hang_up(connection: Connection, action: Fields) -> None:
    connection.writer.transport.abort()


def refuse(connection: Connection, action: Fields) -> None:
    """As Asterisk does: an error, and the connection is closed."""
    connection.answer(action, "Error", "Authentication failed")
    connection.writer.close()


class Connection:
    """One client's connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    def send(self, **fields: str) -> None:
        self.raw("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n")

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def answer(self, action: Fields, response: str, message: str) -> None:
        self.send(Response=response, ActionID=action["actionid"], Message=message)


class PretendAmi:
    """`replies`: action name in lower case → what to do about it; other actions succeed.

    `received` holds every action of every connection in order, `connections` every connection made.
    """

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {"ping": success}
        self.received: list[Fields] = []
        self.connections: list[Connection] = []
        self.port = 0
        self._news = asyncio.Condition()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds; looked at after every connection and action."""
        async with asyncio.timeout(patience(10)), self._news:
            await self._news.wait_for(condition)

    async def until_received(self, name: str, times: int = 1) -> None:
        await self.until(lambda: self.count(name) >= times)

    async def until_connected(self, times: int) -> None:
        await self.until(lambda: len(self.connections) >= times)

    def count(self, name: str) -> int:
        return sum(action["action"].lower() == name.lower() for action in self.received)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        self.connections.append(connection)
        await self._tell()
        try:
            while action := _parsed(await reader.readuntil(b"\r\n\r\n")):
                self.received.append(action)
                await self._tell()
                self.replies.get(action["action"].lower(), success)(connection, action)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


def _parsed(block: bytes) -> Fields:
    lines = [line.partition(": ") for line in block.decode().split("\r\n") if line]
    return {name.lower(): value for name, _, value in lines}


@asynccontextmanager
async def pretend_ami(port: int = 0) -> AsyncIterator[PretendAmi]:
    """A listening peer; at the end every connection is cut."""
    peer = PretendAmi()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", port)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for connection in peer.connections:
            connection.writer.transport.abort()
