"""`GET /healthz` (the process lives), `GET /readyz` (all processes of this machine)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from aiohttp import web

from ivr.store.engine import in_its_words
from ivr.web.bodies import in_utf8

# Gives "" when well, else one sentence that says what is the matter.
Check = Callable[[], Awaitable[str]]
CHECK_SECONDS = 3.0


class Report(NamedTuple):
    """`checks`: "" or what is the matter, by name. `warnings`: what is not well and does not bite yet."""

    checks: dict[str, str]
    warnings: list[str]


async def all_well() -> Report:
    """Where nothing is looked at."""
    return Report({}, [])


def application(
    look: Callable[[], Awaitable[Report]] = all_well, more: Sequence[web.RouteDef] = ()
) -> web.Application:
    """The web side. `more`: further pages."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        found, warnings = await look()
        ready = not any(found.values())
        report = {name: {"ok": not trouble, "trouble": trouble} for name, trouble in found.items()}
        answer = {"ready": ready, "checks": report, "warnings": warnings}
        return web.json_response(answer, status=200 if ready else 503)

    app = web.Application(middlewares=[in_utf8])
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), *more])
    return app


async def examine(checks: Mapping[str, Check]) -> dict[str, str]:
    """Run all checks at once, each at most CHECK_SECONDS: what is the matter with it, "" when nothing is."""
    return dict(zip(checks, await asyncio.gather(*map(_run, checks.values())), strict=True))


async def _run(check: Check) -> str:
    task = asyncio.ensure_future(check())
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        if (await asyncio.wait({task}, timeout=CHECK_SECONDS))[0]:
            return task.result()
    except TimeoutError:
        pass
    except Exception as error:  # a broken check is a finding, not a broken page
        return f"{type(error).__name__}: {in_its_words(error)}"
    finally:
        task.cancel()  # not waited for: giving up a frozen connection takes longer than who asks us waits
    return f"no answer within {CHECK_SECONDS:g} s"
