"""The pages that are measured: what a supervisor, an officer and somebody of two counties look at all day."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from bench.panel.books import RARE
from ivr.desk.reading.inbox import Key, Sight
from ivr.web.inbox.asked import key_text, queues_for

LONG_AGO = timedelta(days=500)


@dataclass(frozen=True, slots=True)
class Look:
    """A page under a name; `address`: its query; `opens`: the page of a case that may come instead."""

    name: str
    address: str
    opens: str = ""

    def is_shown(self, status: int, location: str) -> bool:
        """Who is sent elsewhere, as to sign in, sees nothing of it."""
        return status == 200 or (status == 303 and location == self.opens != "")


def looks(who: str, sight: Sight, now: datetime, code: str, caller: str) -> Iterator[Look]:
    """`code`, `caller`: of some case that may be seen."""

    def look(name: str, **query: str) -> Look:
        return Look(f"{who}: {name}", urlencode(query))

    for queue in queues_for(sight):
        yield look(f"queue {queue}", queue=queue)
        yield look(f"queue {queue}, of one kind and topic", queue=queue, kind="meeting", topic="water.supply")
    yield look("queue overdue, deep", queue="overdue", after=_deep(now))
    yield look("all", queue="all")
    yield look("all, deep", queue="all", after=_deep(now))
    yield look("all, filtered", queue="all", kind="request", status="in_progress", county="ahar")
    for name, words in _SEARCHES.items():
        yield look(f"search {name}", q=words)
        yield look(f"search {name}, deep", q=words, after=_deep(now))
    yield look("search frequent, filtered", q="آب", status="returned", kind="criticism")
    yield replace(look("search code", q=code), opens=f"/panel/cases/{code}")
    yield look("search number", q=f"0{caller[3:]}")
    yield look("search how a number begins", q=f"0{caller[3:-3]}")


_SEARCHES = {
    "a rare word": RARE,
    "a frequent word": "سلام",
    "two frequent words": "آب لوله",
    "four words, seldom together": "آب لوله نان تلفن",
    "a word that nobody said": "زبقثصض",
}


def _deep(now: datetime) -> str:
    return key_text(Key(now - LONG_AGO, uuid.UUID(int=1 << 127)))
