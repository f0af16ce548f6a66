"""Administration: the province's book, its history, people, blocked numbers, and the prompts."""

from __future__ import annotations

from ivr.web.admin import (
    allowing,
    audit,
    blocks,
    book_rows,
    calendar,
    exchange,
    history,
    people,
    prompts,
    who_gets,
)
from ivr.web.panel.visit import Route

__all__ = ["routes"]


def routes() -> list[Route]:
    return [
        *book_rows.routes(),
        *history.routes(),
        *audit.routes(),
        *who_gets.routes(),
        *calendar.routes(),
        *exchange.routes(),
        *blocks.routes(),
        *people.routes(),
        *allowing.routes(),
        *prompts.routes(),
    ]
