"""Somebody who asks for one page again and again: `python -m bench.halt.clicking TOKEN URL`."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import ClientSession, CookieJar


async def click(token: str, url: str) -> None:
    """Until killed."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True), cookies={"seda": token}) as client:
        while True:
            async with client.get(url) as answer:
                if answer.status != 200:
                    sys.exit(f"{url}: {answer.status}")
                await answer.read()


if __name__ == "__main__":
    asyncio.run(click(*sys.argv[1:]))
