"""Rows that a step of the work can't deal with: each costs itself alone, is told, and is tried again.

A row may be at fault for what another release wrote, a constraint, or a damaged file. No row's fault is a
database that is away, nor what stops every one that is tried: a mistake of ours, which costs nobody an hour
unless there are others whom only that lets be reached.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, all_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.store.engine import is_a_row_s

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Each = TypeVar("Each")
AGAIN = timedelta(hours=1)
MANY = 20  # of which none can be worked on: that is no row's fault


class NoneWorks(Exception):
    """None of the `MANY` that a step tried can be worked on. Strangers may read it."""

    def __init__(self, step: str, kind: str) -> None:
        told = "{}: none of {} that were tried can be worked on ({}), no row's fault; the log says why"
        super().__init__(told.format(step, MANY, kind))


@dataclass(frozen=True, slots=True)
class _Waiting:
    until: datetime
    kind: str  # of error


class Aside:
    """Those of one process, by step, with their reasons."""

    def __init__(self) -> None:
        self._steps: dict[str, dict[Hashable, _Waiting]] = defaultdict(dict)
        self._suspects: dict[str, set[Hashable]] = defaultdict(set)  # of which none worked when last tried
        self._in_books: dict[str, tuple[int, str]] = {}
        self._at_fault: dict[str, str] = {}  # steps of which none worked when last tried

    async def batches(
        self,
        step: str,
        engine: AsyncEngine,
        query: Select[Any],
        work: Callable[[AsyncConnection, Sequence[Row[Any]]], Awaitable[int]],
        now: datetime,
        most: int,
    ) -> int:
        """`batch` after batch of `most` rows, which `work` takes out of the query. How many were done."""
        done = 0
        while True:
            found, of_them = await self.batch(step, engine, query, work, now)
            done += of_them
            if len(found) < most:
                return done

    async def batch(
        self,
        step: str,
        engine: AsyncEngine,
        query: Select[Any],
        work: Callable[[AsyncConnection, Sequence[Row[Any]]], Awaitable[int]],
        now: datetime,
        values: Mapping[str, Any] | None = None,
    ) -> tuple[Sequence[Row[Any]], int]:
        """One transaction over the rows of `query`, which have an `id`: all by one call of `work`.

        `values`: of what the query leaves open, so that one serves for many batches. Where it fails one by
        one, each found again in a transaction of its own. The rows, and how many were done as `work` says.
        Raises what AWAY names, and NoneWorks.
        """
        id = query.selected_columns.id
        if but := self.but(step, id, now):
            query = query.where(*but)
        rows: Sequence[Row[Any]] = ()
        try:
            async with engine.begin() as connection:
                rows = (await connection.execute(query, values)).all()
                done = await work(connection, rows) if rows else 0
        except Exception as error:
            if not rows or not is_a_row_s(error):
                raise
        else:
            self._is_well(step)
            return rows, done

        async def alone(row: Row[Any]) -> int | None:
            async with engine.begin() as connection:
                found = (await connection.execute(query.where(id == row.id), values)).all()
                return await work(connection, found) if found else None  # somebody else does it, or did

        return rows, await self.each(step, {row.id: row for row in rows}, alone, now)

    async def each(
        self,
        step: str,
        rows: Mapping[Key, Each],
        work: Callable[[Each], Awaitable[int | None]],
        now: datetime,
    ) -> int:
        """`work` for each but those that wait. How many were done, as it says (None: not tried).

        Whoever fails waits from the end on, once it is known whose fault it is. Where none works, who failed
        the last time as well waits likewise, if there are others. Raises as `batch`.
        """
        waiting = set(self.waiting(step, now))
        left, failed = deque(key for key in rows if key not in waiting), dict[Key, Exception]()
        done, any_works = 0, False
        while left:
            # The first may be of one kind, the longest overdue, and share its fault: the last are asked, too.
            from_the_end = not any_works and len(failed) >= MANY // 2
            key = left.pop() if from_the_end else left.popleft()
            try:
                if (made := await work(rows[key])) is not None:
                    done, any_works = done + made, True
            except Exception as error:
                if not is_a_row_s(error):
                    raise
                failed[key] = error
                if not any_works and len(failed) == MANY:
                    if left:
                        self._again(step, failed, now)
                    raise self._none_works(step, error) from None
        self._is_well(step)
        for key, fault in failed.items():
            self.put(step, key, fault, now)
        return done

    def put(self, step: str, key: Hashable, error: Exception, now: datetime, tell: bool = True) -> None:
        """This one waits. `tell`: whether it has a line of its own in the log."""
        if tell:
            told = "%s: %s can't be worked on and is put aside: %s"
            log.error(told, step, key, _why(error), exc_info=_trace(error))
        self._steps[step][key] = _Waiting(now + AGAIN, type(error).__name__)

    def _is_well(self, step: str) -> None:
        self._at_fault.pop(step, None)
        self._suspects.pop(step, None)

    def _again(self, step: str, failed: Mapping[Any, Exception], now: datetime) -> None:
        """Who fails so a second time waits all the same: else as many bad rows would keep others for ever."""
        for key in self._suspects[step] & failed.keys():
            self.put(step, key, failed[key], now, tell=False)
        self._suspects[step] = {*failed} - self._steps[step].keys()

    def _none_works(self, step: str, error: Exception) -> NoneWorks:
        told = "%s: none of the %d that were tried can be worked on: %s"
        log.error(told, step, MANY, _why(error), exc_info=_trace(error))
        fault = NoneWorks(step, type(error).__name__)
        self._at_fault[step] = str(fault)
        return fault

    def waiting(self, step: str, now: datetime) -> list[Any]:
        """Which are left alone still. The others are forgotten: they are tried again, and told again.

        A step that may have nothing to try asks this all the same, or tells that there is none (`none_left`),
        or what is well by now were told for ever.
        """
        its = self._steps[step]
        for key in [key for key, each in its.items() if not now < each.until <= now + AGAIN]:
            del its[key]
        return list(its)

    def but(self, step: str, id: ColumnElement[Any], now: datetime) -> list[ColumnElement[bool]]:
        """What a query says to leave them alone: nothing as long as there are none."""
        waiting = self.waiting(step, now)
        return [id != all_(literal(waiting, ARRAY(id.type)))] if waiting else []

    def none_left(self, step: str) -> None:
        """The step found nothing to try: what it could not work on is well by now, or gone."""
        self.begin_anew(step)
        self._is_well(step)

    def begin_anew(self, step: str) -> None:
        """Of a step whose every pass tries, and tells, all of them."""
        self._steps[step].clear()

    def in_books(self, step: str, many: int, shown_by: str) -> None:
        """Of a step whose rows are put aside in the books, for all: so many. `shown_by`: with why."""
        self._in_books[step] = many, shown_by

    @property
    def counts(self) -> dict[str, int]:
        """How many can't be worked on, of each step that ever had any: they wait, or none works."""
        its = {step: len(its) for step, its in self._steps.items()}
        its |= {step: its.get(step, 0) + MANY for step in self._at_fault}
        return its | {step: many for step, (many, _) in self._in_books.items()}

    @property
    def troubles(self) -> list[str]:
        """One sentence for each step. Strangers may read it: whose they are, and with what, the log says."""
        told = "{}: {} put aside, which can't be worked on ({}); the log says why"
        shown = "{}: {} put aside, which can't be worked on; {} has each with its reason"
        return (
            list(self._at_fault.values())
            + [
                told.format(step, len(its), ", ".join(sorted({each.kind for each in its.values()})))
                for step, its in self._steps.items()
                if its
            ]
            + [shown.format(step, many, by) for step, (many, by) in self._in_books.items() if many]
        )


def _why(error: Exception) -> str:
    """One line: what follows the first may repeat the row, a caller's own words."""
    why, _, _ = f"{type(error).__name__}: {getattr(error, 'orig', None) or error}".partition("\n")
    return why


def _trace(error: Exception) -> Exception | None:
    """A statement's repeats the row, too."""
    return None if isinstance(error, SQLAlchemyError | OSError) else error
