"""Whether the addresses we are about to listen on are free."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from itertools import chain

from ivr.settings import Settings

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
OURS = range(10_000, 20_000)
"""What free() gives from: below the ports that the kernel gives to connections, and not RTP's."""
_held: list[socket.socket] = []


def taken(settings: Settings) -> list[str]:
    """One sentence for each address that another program holds."""
    return [
        f"{host}:{port} ({name}.port, IVR_{name.upper()}__PORT) can't be used: {problem}"
        for name, host, port, kind in _wanted(settings)
        if (problem := _problem(host, port, kind))
    ]


def _wanted(settings: Settings) -> Iterator[tuple[str, str, int, socket.SocketKind]]:
    for name in ("web", "agi", "ami", "ws", "sip"):
        part = getattr(settings, name)
        yield name, part.host, part.port, UDP if name == "sip" else TCP


def _problem(host: str, port: int, kind: socket.SocketKind) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == TCP:  # what an ended server left in TIME_WAIT is no obstacle
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return ""


def free(kind: socket.SocketKind = TCP) -> int:
    """A port that is free now and that nobody else who asks here is given while this process lives.

    Not one that the kernel chooses: those are also what connections of any program start from, so
    one could be gone by the time its server listens (ip(7), ip_local_port_range).
    """
    first = random.randrange(len(OURS))
    for port in chain(OURS[first:], OURS[:first]):
        if not _problem("127.0.0.1", port, kind) and _reserved(port):
            return port
    raise OSError(f"none of the ports {OURS.start} to {OURS.stop - 1} is free")


def _reserved(port: int) -> bool:
    """A name that one process can hold, and that ends with it (unix(7), abstract sockets)."""
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0seda111-port-{port}")
    except OSError:
        mark.close()
        return False
    _held.append(mark)
    return True
