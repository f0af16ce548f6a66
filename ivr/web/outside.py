"""What other systems reach: the API and Open311, as parts of the one web application."""

from __future__ import annotations

from aiohttp import web

from ivr.web.api.application import application as api
from ivr.web.open311.application import application as open311
from ivr.web.window import Counter


def attach(app: web.Application, counter: Counter) -> None:
    """Serve `/api` and `/open311` from `app`."""
    app.add_subapp("/api", api(counter))
    app.add_subapp("/open311", open311(counter))
