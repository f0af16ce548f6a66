"""Rows that a step of the work can't deal with: each costs itself alone, is told, and is tried again.

A row may be at fault for what another release wrote, a constraint, or a damaged file; a database that is away
is no row's fault.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from asyncpg.exceptions import ProgramLimitExceededError
from sqlalchemy import ColumnElement, Row, Select, all_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import MultipleResultsFound, NoResultFound, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store.engine import AWAY, is_our_fault

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Each = TypeVar("Each")
AGAIN = timedelta(hours=1)
MANY = 20  # of which none can be worked on: that is no row's fault


@dataclass(frozen=True, slots=True)
class _Waiting:
    until: datetime
    kind: str  # of error


class Aside:
    """Those of one process, by step, with their reasons."""

    def __init__(self) -> None:
        self._steps: dict[str, dict[Hashable, _Waiting]] = defaultdict(dict)
        self._in_books: dict[str, tuple[int, str]] = {}

    async def batch(
        self,
        step: str,
        engine: AsyncEngine,
        query: Select[Any],
        work: Callable[[AsyncConnection, Sequence[Row[Any]]], Awaitable[int]],
        now: datetime,
    ) -> tuple[Sequence[Row[Any]], int]:
        """One transaction over the rows of `query`, which have an `id`: all by one call of `work`.

        Where that fails one by one, each in a savepoint. The rows, and how many were done as `work` says.
        Raises what AWAY names, and the fault of `MANY` or more of which none can be worked on.
        """
        query = query.where(*self.but(step, query.selected_columns.id, now))
        try:
            async with engine.begin() as connection:
                rows = (await connection.execute(query)).all()
                return rows, await work(connection, rows) if rows else 0
        except Exception as error:
            if not _is_a_row_s(error):
                raise
        async with engine.begin() as connection:
            rows = (await connection.execute(query)).all()

            async def alone(row: Row[Any]) -> int:
                async with connection.begin_nested():
                    return await work(connection, [row])

            return rows, await self.each(step, {row.id: row for row in rows}, alone, now)

    async def each(
        self, step: str, rows: Mapping[Key, Each], work: Callable[[Each], Awaitable[int]], now: datetime
    ) -> int:
        """`work` for each but those that wait. How many were done, as it says. Raises as `batch`."""
        done, tried, failed = 0, 0, list[Exception]()
        for key in _but(rows, self.waiting(step, now)):
            tried += 1
            try:
                done += await work(rows[key])
            except Exception as error:
                if not _is_a_row_s(error):
                    raise
                self.put(step, key, error, now)
                failed.append(error)
        if tried >= MANY and len(failed) == tried:
            raise failed[-1]
        return done

    def put(self, step: str, key: Hashable, error: Exception, now: datetime) -> None:
        """This one waits."""
        kind, cause = type(error).__name__, getattr(error, "orig", None) or error
        # What follows the first line may repeat the row, a caller's own words; a statement's trace does, too.
        why, _, _ = f"{kind}: {cause}".partition("\n")
        trace = None if isinstance(error, SQLAlchemyError | OSError) else error
        log.error("%s: %s can't be worked on and is put aside: %s", step, key, why, exc_info=trace)
        self._steps[step][key] = _Waiting(now + AGAIN, kind)

    def waiting(self, step: str, now: datetime) -> list[Any]:
        """Which are left alone still. The others are forgotten: they are tried again, and told again."""
        its = self._steps[step]
        for key in [key for key, each in its.items() if not now < each.until <= now + AGAIN]:
            del its[key]
        return list(its)

    def but(self, step: str, id: ColumnElement[Any], now: datetime) -> list[ColumnElement[bool]]:
        """What a query says to leave them alone: nothing as long as there are none."""
        waiting = self.waiting(step, now)
        return [id != all_(literal(waiting, ARRAY(id.type)))] if waiting else []

    def begin_anew(self, step: str) -> None:
        """Of a step whose every pass tries, and tells, all of them."""
        self._steps[step].clear()

    def in_books(self, step: str, many: int, shown_by: str) -> None:
        """Of a step whose rows are put aside in the books, for all: so many. `shown_by`: with why."""
        self._in_books[step] = many, shown_by

    @property
    def counts(self) -> dict[str, int]:
        """How many wait, of each step that ever had any."""
        its = {step: len(its) for step, its in self._steps.items()}
        return its | {step: many for step, (many, _) in self._in_books.items()}

    @property
    def troubles(self) -> list[str]:
        """One sentence for each step. Strangers may read it: whose they are, and with what, the log says."""
        told = "{}: {} put aside, which can't be worked on ({}); the log has each with its reason"
        shown = "{}: {} put aside, which can't be worked on; {} has each with its reason"
        return [
            told.format(step, len(its), ", ".join(sorted({each.kind for each in its.values()})))
            for step, its in self._steps.items()
            if its
        ] + [shown.format(step, many, by) for step, (many, by) in self._in_books.items() if many]


def _but(keys: Iterable[Key], waiting: Iterable[Any]) -> list[Key]:
    left_alone = set(waiting)
    return [key for key in keys if key not in left_alone]


def _is_a_row_s(error: Exception) -> bool:
    if not isinstance(error, AWAY) or is_our_fault(error):
        return True
    cause = getattr(error, "orig", None)
    too_much = isinstance(
        getattr(cause, "__cause__", None), ProgramLimitExceededError
    )  # for a tsvector, an index
    return too_much or isinstance(error, NoResultFound | MultipleResultsFound)
