"""Somebody who asks for one page again and again: `python -m bench.halt.clicking TOKEN URL`."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from aiohttp import ClientSession, CookieJar

# Pages of the panel: what four people look at, and the cases of a month as a file.
INBOX = ("inbox?queue=new", "inbox?queue=overdue", "inbox?queue=all", "inbox?q=آب")
EXPORT = "numbers/export/cases.xlsx"


class GaveUp(Exception):
    """Somebody who should have been clicking was refused a page, so nothing was measured beside it."""


async def click(token: str, url: str) -> None:
    """Until killed. Who is sent elsewhere does not see what was asked for."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True), cookies={"seda": token}) as client:
        while True:
            async with client.get(url, allow_redirects=False) as answer:
                if answer.status != 200:
                    sys.exit(f"{url}: {answer.status}")
                await answer.read()


@asynccontextmanager
async def clicking(token: str, port: int, pages: Sequence[str]) -> AsyncIterator[Sequence[Process]]:
    """A person for each of the `pages`, in a process of their own, until the end. Raises GaveUp."""
    urls = [f"http://127.0.0.1:{port}/panel/{page}" for page in pages]
    command = (sys.executable, "-m", "bench.halt.clicking", token)
    people = [await asyncio.create_subprocess_exec(*command, url) for url in urls]
    try:
        yield people
    finally:
        gone = [url for url, each in zip(urls, people, strict=True) if each.returncode is not None]
        for each in people:
            with suppress(ProcessLookupError):
                each.terminate()
            await each.wait()
    if gone:
        raise GaveUp(f"{len(gone)} of {len(urls)} who clicked were refused a page: {', '.join(gone)}")


if __name__ == "__main__":
    asyncio.run(click(*sys.argv[1:]))
