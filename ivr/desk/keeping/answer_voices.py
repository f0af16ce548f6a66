"""Answers in a person's own voice: files in `recordings/answers`, of which no row of `recordings` tells.

Each has the beginning of its SHA-256 for a name (`ivr.speech.answer_sound`), which its case's row and event
hold: the name alone tells whether a file is what was said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.store.cases import WITH_VOICE
from ivr.store.tables import cases

PLACE = "answers/"  # under the recordings
PAGE = 500


@dataclass(frozen=True, slots=True)
class AnswerVoice:
    """What a case's answer, or one that waits for approval, is heard by. `name`: as recordings have it."""

    code: str
    name: str


def asked(*of: ColumnElement[bool]) -> Select[Any]:
    """A page of the cases that have any, or of these; parts and members are cases like any other."""
    its = cases.c
    query = select(its.id, its.code, its.answer_voice, its.draft).where(WITH_VOICE, *of)
    return query.order_by(its.id).limit(PAGE)


async def pages(engine: AsyncEngine, *of: ColumnElement[bool]) -> AsyncIterator[list[AnswerVoice]]:
    """All that there are, or those of these cases."""
    query, after = asked(*of), None
    while True:
        page = query if after is None else query.where(cases.c.id > after)
        async with engine.connect() as connection:
            rows = (await connection.execute(page)).all()
        yield [AnswerVoice(row.code, name) for row in rows for name in _names(row)]
        if len(rows) < PAGE:
            return
        after = rows[-1].id


def _names(row: Any) -> Iterator[str]:
    if row.answer_voice:
        yield row.answer_voice
    if row.draft and row.draft.get("voice"):
        yield row.draft["voice"]["name"]


def is_what_was_said(name: str, digest: str) -> bool:
    """Whether a file with this SHA-256, in hex, is the one that was named so."""
    return digest.startswith(name.rpartition("/")[2])
