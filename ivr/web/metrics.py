"""`GET /metrics` in Prometheus's text form, for this machine only: it tells what goes on on the line.

The form is a handful of lines (prometheus.io, "text-based format"), so no library.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address

from aiohttp import web

from ivr.desk.facts.gauges import COUNTERS, Gauge

Gather = Callable[[], Awaitable[Iterable[Gauge]]]


def routes(gather: Gather) -> list[web.RouteDef]:
    async def metrics(request: web.Request) -> web.Response:
        if not _is_ours(request):
            raise web.HTTPNotFound
        return web.Response(text=text(await gather()), content_type="text/plain", charset="utf-8")

    return [web.get("/metrics", metrics)]


def text(gauges: Iterable[Gauge]) -> str:
    """Gauges of one name must follow each other, as those of one histogram."""
    lines, last = [], ""
    for gauge in gauges:
        name, plain = gauge.family or gauge.name, "counter" if gauge.name in COUNTERS else "gauge"
        kind = "histogram" if gauge.family else plain
        if name != last:
            lines += [f"# HELP {name} {gauge.help}", f"# TYPE {name} {kind}"]
            last = name
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in gauge.labels.items())
        of = f"{{{labels}}}" if labels else ""
        lines.append(f"{gauge.name}{of} {float(gauge.value):.15g}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _is_ours(request: web.Request) -> bool:
    """From this machine, and not passed on by a proxy on it.

    Who comes from the address that he comes to is here, loopback or not: no stranger could hear the answer.
    """
    passed_on = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"))
    here = request.get_extra_info("sockname") or ("",)
    try:
        return not passed_on and (request.remote == here[0] or ip_address(request.remote or "").is_loopback)
    except ValueError:
        return False
