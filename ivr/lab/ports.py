"""Whether the addresses we are about to listen on are free."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from ivr.settings import Settings

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM


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
    """A port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
