"""What all resources share: how an answer looks, and how many are asked for."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel

from ivr.web.window import Problem

MOST_LISTED = 100


def as_json(model: BaseModel, status: int = 200, headers: dict[str, Any] | None = None) -> web.Response:
    return web.Response(
        text=model.model_dump_json(), status=status, headers=headers, content_type="application/json"
    )


def limit_of(request: web.Request) -> int:
    """How many are asked for. Raises Problem."""
    text = request.query.get("limit", "20")
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_LISTED):
        raise Problem(400, f"limit: must be a whole number from 1 to {MOST_LISTED}", "limit")
    return int(text)
