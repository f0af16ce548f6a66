"""More connections than files: the server neither spins nor dies, and serves again when there are fewer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import psutil

from ivr.asterisk.server import SPARE_FILES
from ivr.lab.pace import patience

SERVER = """
import asyncio, resource, sys, uvloop
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from ivr.asterisk.server import AgiServer

async def answer(connection):
    await connection.send(b"NOOP\\n")

async def main():
    server = AgiServer("127.0.0.1", 0, answer=answer, header_seconds=30)
    await server.start()
    print(server.port, flush=True)
    await asyncio.sleep(120)

uvloop.run(main())
"""
ROOT = Path(__file__).resolve().parents[2]


async def introduced(port: int) -> bytes:
    """As Asterisk does; what the server says to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"agi_network: yes\nagi_uniqueid: 1.1\n\n")
    try:
        return await asyncio.wait_for(reader.readline(), 2)
    finally:
        writer.close()


async def test_a_server_without_files_neither_spins_nor_dies() -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdout is not None
    try:
        port = int(await server.stdout.readline())
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(120)]
        process = psutil.Process(server.pid)
        before, began = process.cpu_times(), time.monotonic()
        await asyncio.sleep(1)  # the time over which it might spin
        after = process.cpu_times()
        spent = after.user + after.system - before.user - before.system
        assert spent < 0.5 * (time.monotonic() - began)
        for _, writer in crowd:
            writer.close()
        async with asyncio.timeout(patience(15)):
            while True:
                try:
                    if await introduced(port) == b"NOOP\n":
                        break
                except (OSError, TimeoutError):
                    await asyncio.sleep(0.1)
        assert server.returncode is None
    finally:
        server.kill()
        await server.wait()


def test_fewer_files_than_calls_want_mean_fewer_calls() -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (500, 3000)); "
    asked = "from ivr.asterisk.server import prepare_process as p; print(p(12_000), p(1_500))"
    done = subprocess.run(
        [sys.executable, "-c", limited + asked], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(3000 - SPARE_FILES), "1500"]
    assert "too few for 12000 calls" in done.stderr
