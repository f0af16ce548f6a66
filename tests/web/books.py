"""Some months of cases for pages of figures, written straight into the tables: no story is proved by them."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.zone import TIMEZONE
from ivr.desk.book.book import Page
from ivr.desk.reading.counting import count_days
from ivr.store.tables import calls, case_events, cases, referrals
from tests.fixtures.province import read_page

Row = dict[str, Any]
KINDS = ("complaint", "complaint", "complaint", "request", "criticism", "suggestion")
DAYS = 75
HASH = bytes(32)


async def fill(engine: AsyncEngine, now: datetime, many: int = 1_500, seed: int = 111) -> None:
    """`many` cases of the last 75 days, of most topics and counties, and all days but today counted."""
    async with engine.connect() as connection:
        page = await read_page(connection)
    chance = random.Random(seed)
    rows: dict[Any, list[Row]] = {cases: [], referrals: [], case_events: [], calls: []}
    for number in range(many):
        _case(rows, page, chance, number, now)
    async with engine.begin() as connection:
        for table, its in rows.items():
            await connection.execute(table.insert(), its)
    await count_days(engine, TIMEZONE, now)


def _case(rows: dict[Any, list[Row]], page: Page, chance: random.Random, number: int, now: datetime) -> None:
    topic = sorted(page.deadlines)[int(chance.triangular(0, len(page.deadlines) - 2, 6))]
    county = "tabriz" if chance.random() < 0.45 else chance.choice(sorted(page.counties - {"ahar"}))
    opened = now - timedelta(days=chance.random() * DAYS)
    opened = opened.replace(hour=int(chance.triangular(3, 20, 7)))
    if opened > now:
        opened -= timedelta(days=1)
    route = page.rules.route("complaint", topic, county)
    due = page.calendar.due_at(opened, page.deadlines[topic], county)
    case: Row = {
        "id": uuid.uuid4(), "code": f"{number:010}", "kind": chance.choice(KINDS), "topic": topic,
        "county": county, "agency": route.agency, "status": "referred", "channel": "phone", "language": "fa",
        "caller": "09141234567", "caller_key": "+989141234567", "caller_name": "=HYPERLINK()", "callback": "",
        "national_id": "", "opened_at": opened, "due_at": due, "last_seq": 2, "closed_at": None,
        "closure": None, "stopped_at": None, "answered_at": None, "satisfaction": None, "level": "officer",
    }  # fmt: skip
    told = [("opened", opened, {}), ("referred", opened, {"agency": route.agency})]
    good = 0.9 - 0.45 * (sum(map(ord, route.agency)) % 7) / 6
    answered = opened + timedelta(days=(due - opened).days * chance.triangular(0.1, 2.4 - good, 0.8))
    if answered < now and chance.random() < 0.93:
        told.append(("answered", answered, {}))
        case |= {"status": "answered", "answered_at": answered, "stopped_at": answered}
        _end(case, told, chance, answered + timedelta(hours=chance.randrange(3, 90)), now)
    rows[cases].append(case)
    reason = str(route.reason)
    rows[referrals].append({"id": uuid.uuid4(), "case_id": case["id"], "agency": route.agency,
                            "reason": reason, "referred_at": opened, "due_at": due})  # fmt: skip
    case["last_seq"] = len(told)
    rows[case_events] += [
        {"id": uuid.uuid4(), "case_id": case["id"], "seq": seq, "at": at, "actor": "ivr", "event": event,
         "details": details, "hash": HASH, "noted_on": at.date()}
        for seq, (event, at, details) in enumerate(told, 1)
    ]  # fmt: skip
    for _ in range(chance.choice((1, 1, 1, 2))):
        rows[calls].append({"id": uuid.uuid4(), "unique_id": "1.1", "caller": "09141234567", "caller_key": "",
                            "caller_name": "", "started_at": opened, "language": "fa", "menu_name": "111",
                            "menu_revision": "1", "steps": []})  # fmt: skip


def _end(case: Row, told: list[Any], chance: random.Random, at: datetime, now: datetime) -> None:
    if at >= now:
        return
    closure = chance.choices(("solved", "unconfirmed", "by_desk"), (60, 25, 15))[0]
    told.append(("closed", at, {"closure": closure}))
    case |= {"status": "closed", "closed_at": at, "closure": closure}
    if closure == "solved":
        case["satisfaction"] = chance.choice((2, 3, 4, 4, 5, 5))
        told.append(("rated", at, {"score": case["satisfaction"]}))
