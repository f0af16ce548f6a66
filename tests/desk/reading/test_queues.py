"""The inbox's queues and searches over many cases: complete, in order, page by page, through indexes only."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bench.panel.books import PERSON, RARE
from ivr.cases.search import Sought, backwards, day_of, sought, tsquery
from ivr.cases.statuses import Status
from ivr.desk.case import entries
from ivr.desk.reading import queues, searching
from ivr.desk.reading.inbox import EVERYTHING, Filters, InboxPage, Key, Sight
from ivr.desk.reading.queues import Queue
from ivr.desk.reading.searching import Search, guessed
from ivr.store.estimate import expected
from ivr.store.tables import callbacks, cases, inbox_entries, referrals
from tests.desk.inbox import NOW, many

__all__ = ["many"]

_DIALECT: Any = dialect()  # type: ignore[no-untyped-call]
DESK = Sight("gov_inspection", person=PERSON, lowest="officer")
NOBODY = Sought("")
COUNTED = (Queue.NEW, Queue.OVERDUE, Queue.ESCALATED, Queue.RETURNED, Queue.TO_APPROVE)  # the long ones


async def agency_of_many(connection: AsyncConnection) -> str:
    query = select(cases.c.agency).where(cases.c.agency != DESK.body).group_by(cases.c.agency)
    return str((await connection.execute(query.order_by(func.count().desc()).limit(1))).scalar_one())


def officers(agency: str, *counties: str) -> Sight:
    return Sight(agency, agency, frozenset(counties), PERSON, "officer")


def belongs(queue: Queue, row: Any, body: str) -> bool:
    """The queue's definition once more, in words of its own."""
    runs = row.closed_at is None and row.stopped_at is None
    match queue:
        case Queue.NEW:
            fresh = {Status.OPENED, Status.REFERRED, Status.REOPENED}
            return row.agency == body and row.status in fresh and row.person_id is None
        case Queue.MINE:
            return row.person_id == PERSON and row.closed_at is None
        case Queue.OVERDUE:
            return runs and row.due_at <= NOW
        case Queue.ESCALATED:
            return runs and row.level in {"head", "deputy_governor", "governor"} and row.rung > 0
        case Queue.RETURNED:
            return bool(row.status == Status.RETURNED)
        case Queue.FAINT:
            return runs and bool(row.silent or row.fallback)
        case Queue.TO_APPROVE:
            return row.closed_at is None and row.draft is not None
        case Queue.UNTOLD:
            return bool(row.status == Status.ANSWERED and row.untold)


async def everything(connection: AsyncConnection) -> list[Any]:
    entry = inbox_entries.c
    told = (callbacks.c.case_id == cases.c.id, callbacks.c.purpose == "answer")
    untold = select(callbacks.c.id).where(*told, callbacks.c.state == "unreachable").exists().label("untold")
    query = select(cases, entry.silent, entry.fallback, untold)
    query = query.outerjoin(inbox_entries, entry.case_id == cases.c.id)
    return list((await connection.execute(query)).all())


async def pages(
    connection: AsyncConnection, queue: Queue, sight: Sight, filters: Filters, limit: int
) -> list[InboxPage]:
    found: list[InboxPage] = []
    after = None
    while True:
        page = await queues.page(connection, queue, sight, NOW, filters, after, limit)
        found.append(page)
        if (after := page.after) is None:
            return found


async def test_each_queue_holds_what_belongs_there_once_and_in_order(many: AsyncEngine) -> None:
    async with many.connect() as connection:
        agency = await agency_of_many(connection)
        rows = await everything(connection)
        seen = 0
        for queue in Queue:
            for sight in (
                DESK,
                officers(agency),
                officers(agency, "ahar"),
                replace(DESK, counties=frozenset({"ahar"})),
            ):
                listed = [
                    row for page in await pages(connection, queue, sight, EVERYTHING, 20) for row in page.rows
                ]
                wanted = [
                    row for row in rows
                    if belongs(queue, row, sight.body)
                    and (not sight.agency or row.agency == sight.agency)
                    and (not sight.counties or row.county in {None, *sight.counties})
                ]  # fmt: skip
                newest = queue in queues.NEWEST_FIRST
                wanted.sort(key=lambda r: (r.opened_at if newest else r.due_at, r.id), reverse=newest)
                assert [row.id for row in listed] == [row.id for row in wanted], (queue, sight)
                seen += len(listed)
                number = (await connection.execute(queues.counting(sight, NOW, [queue]))).scalar_one()
                assert number == min(len(wanted), queues.MOST_COUNTED), (queue, sight)
    assert seen > 1_000


@pytest.mark.parametrize("queue", [Queue.OVERDUE, Queue.FAINT])
async def test_filters_leave_what_they_say_of_a_queue(many: AsyncEngine, queue: Queue) -> None:
    since, until = NOW - timedelta(days=1_000), NOW - timedelta(days=5)
    filters = Filters(kind="complaint", channel="phone", since=since, until=until)
    async with many.connect() as connection:
        listed = [r for p in await pages(connection, queue, DESK, filters, 50) for r in p.rows]
        rows = await everything(connection)
        wanted = {
            row.id: row.code for row in rows
            if belongs(queue, row, "") and row.kind == "complaint" and row.channel == "phone"
            and since <= row.opened_at < until
        }  # fmt: skip
        assert wanted and {row.id for row in listed} == set(wanted)
        some = queues.belonging(queue, DESK, NOW, filters, [*wanted, *(row.id for row in rows[:500])])
        assert set((await connection.execute(some)).scalars()) == set(wanted.values())


async def test_filters_leave_what_they_say(many: AsyncEngine) -> None:
    since, until = NOW - timedelta(days=400), NOW - timedelta(days=30)
    filters = Filters(kind="complaint", channel="phone", since=since, until=until)
    async with many.connect() as connection:
        found: list[Any] = []
        after = None
        while page := await searching.find(
            connection, NOBODY, DESK, NOW, replace(filters, status="closed"), after
        ):
            found += page.rows
            if (after := page.after) is None:
                break
        same = select(func.count()).where(
            cases.c.kind == "complaint", cases.c.channel == "phone", cases.c.status == "closed",
            cases.c.opened_at >= since, cases.c.opened_at < until,
        )  # fmt: skip
        assert (
            len(found)
            == len({row.id for row in found})
            == (await connection.execute(same)).scalar_one()
            > 100
        )
        assert found == sorted(found, key=lambda row: (row.opened_at, row.id), reverse=True)


async def test_a_filter_that_fits_hardly_anything_says_where_to_go_on(
    many: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "MOST_READ", 40)
    async with many.connect() as connection:
        all_pages = await pages(connection, Queue.OVERDUE, DESK, Filters(kind="meeting"), 50)
        assert any(page.partial and len(page.rows) < 50 for page in all_pages)
        wanted = [
            r for r in await everything(connection) if belongs(Queue.OVERDUE, r, "") and r.kind == "meeting"
        ]
        assert {row.id for page in all_pages for row in page.rows} == {row.id for row in wanted} != set()


@pytest.mark.parametrize("queue", COUNTED)
async def test_of_a_long_queue_those_of_few_counties_are_all_counted(
    many: AsyncEngine, monkeypatch: pytest.MonkeyPatch, queue: Queue
) -> None:
    monkeypatch.setattr(queues, "MOST_READ", 1)
    async with many.connect() as connection:
        rows = [row for row in await everything(connection) if belongs(queue, row, DESK.body)]
        rarest = min({row.county for row in rows if row.county}, key=[row.county for row in rows].count)
        hers = [row for row in rows if row.county in (rarest, None)]
        sight = replace(DESK, counties=frozenset({rarest}))
        found = await connection.execute(queues.counting(sight, NOW, [queue]))
        assert found.scalar_one() == min(len(hers), queues.MOST_COUNTED) > 1


@pytest.mark.parametrize("few", [0, searching.FEW], ids=["by days", "at once"])
@pytest.mark.parametrize("words", [RARE, "آب", "سلام", "سلام آب", "قبض‌ها", "زبقثصض", "گاز برق"])
async def test_a_word_is_found_wherever_it_was_said_the_newest_first(
    many: AsyncEngine, monkeypatch: pytest.MonkeyPatch, words: str, few: int
) -> None:
    monkeypatch.setattr(searching, "FEW", few)
    wanted_words = sought(words).words
    async with many.connect() as connection:
        query = select(inbox_entries.c.case_id).where(
            *(text(f"lexemes::text LIKE '%''{word}''%'") for word in wanted_words)
        )
        order = (inbox_entries.c.opened_at.desc(), inbox_entries.c.case_id.desc())
        wanted = list((await connection.execute(query.order_by(*order).limit(400))).scalars())
        found: list[uuid.UUID] = []
        after: Key | None = None
        while len(found) < 400:
            page = await searching.find(connection, sought(words), DESK, NOW, after=after)
            found += [row.id for row in page.rows]
            if (after := page.after) is None:
                break
    assert found[:400] == wanted


@pytest.mark.parametrize("few", [0, searching.FEW], ids=["by days", "at once"])
async def test_a_search_finds_what_its_filters_leave_of_what_may_be_seen(
    many: AsyncEngine, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(searching, "FEW", few)
    sight = replace(DESK, counties=frozenset({"ahar", "sarab"}))
    filters = Filters(kind="complaint", status="closed", channel="phone")
    async with many.connect() as connection:
        said = text("lexemes::text LIKE '%''اب''%'")
        holding = set((await connection.execute(select(inbox_entries.c.case_id).where(said))).scalars())
        wanted = [
            row for row in await everything(connection)
            if row.id in holding and row.county in {None, "ahar", "sarab"}
            and (row.kind, row.status, row.channel) == ("complaint", "closed", "phone")
        ]  # fmt: skip
        wanted.sort(key=lambda row: (row.opened_at, row.id), reverse=True)
        found: list[uuid.UUID] = []
        after: Key | None = None
        while page := await searching.find(connection, sought("آب"), sight, NOW, filters, after, 7):
            found += [row.id for row in page.rows]
            if (after := page.after) is None:
                break
    assert len(found) > 14 and found == [row.id for row in wanted]


async def test_what_is_open_is_looked_for_among_the_young_and_then_among_all(
    many: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def step(search: Search, few: Any, blocks: Any, before: Any) -> Select[Any]:
        asked.append(bool(blocks))
        return real(search, few, blocks, before)

    real = searching.step
    monkeypatch.setattr(searching, "step", step)
    sight = replace(DESK, counties=frozenset({"ahar", "sarab"}))
    filters = Filters(status="in_progress")
    found: list[uuid.UUID] = []
    after: Key | None = None
    async with many.connect() as connection:
        wanted = [
            row for row in await everything(connection)
            if row.status == "in_progress" and row.county in {None, "ahar", "sarab"}
        ]  # fmt: skip
        wanted.sort(key=lambda row: (row.opened_at, row.id), reverse=True)
        while page := await searching.find(connection, NOBODY, sight, NOW, filters, after, 20):
            found += [row.id for row in page.rows]
            if (after := page.after) is None:
                break
    assert found == [row.id for row in wanted]
    assert asked[:2] == [True, False]  # the young don't fill the page in so small books
    monkeypatch.setattr(searching, "YOUNG_BLOCK", 1_000)
    asked.clear()
    async with many.connect() as connection:
        await searching.find(connection, NOBODY, sight, NOW, filters, None, 20)
    assert asked == [False]  # blocks of days that hold more cases than there are open ones help nobody


async def test_the_planner_tells_a_frequent_word_from_a_rare_one(many: AsyncEngine) -> None:
    async with many.connect() as connection:
        of_all, often, rarely, both = await expected(
            connection, *(tsquery(sought(words).words) for words in ("سلام", RARE, f"سلام {RARE}"))
        )
        total = (await connection.execute(select(func.count()).select_from(cases))).scalar_one()
    assert of_all == total and often > total / 4 and both <= rarely < total / 20


def test_the_index_is_asked_for_what_spares_more_rows_than_it_costs() -> None:
    returned, criticism, water, ahar = ("=s:returned",), ("=k:criticism",), ("اب",), ("=c:", "=c:ahar")
    parts = (water, criticism, returned)
    guess = guessed(parts, 1_000_000, 600_000, 125_000, 4_000)
    assert (guess.rarest, guess.few, round(guess.found), round(guess.many)) == (
        *(4_000, (returned, criticism), 500, 300),
    )
    guess = guessed((water, ahar), 1_000_000, 600_000, 300_000)
    assert (guess.few, guess.found, guess.many) == ((ahar, water), 180_000, 180_000)
    assert guessed((water,), 1, 5).many == 5  # what was never counted


async def test_code_and_number_find_their_cases(many: AsyncEngine) -> None:
    async with many.connect() as connection:
        row = (
            await connection.execute(select(cases).where(cases.c.caller_key.like("+98914%")).limit(1))
        ).one()
        others = select(func.count()).where(cases.c.caller_key == row.caller_key)
        number = (await connection.execute(others)).scalar_one()
        persian = row.code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
        found = await searching.find(connection, sought(persian), DESK, NOW)
        assert [r.code for r in found.rows] == [row.code]
        for typed in (row.caller_key, "0" + row.caller_key[3:], row.caller_key[:-1]):
            found = await searching.find(connection, sought(typed, "041"), DESK, NOW)
            assert row.code in {r.code for r in found.rows} and len(found.rows) >= number


async def test_of_a_number_the_newest_are_found_however_many_there_are_and_page_by_page(
    many: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_OF_A_NUMBER", 8)
    begins, filters, after = sought("0098914"), Filters(channel="phone", kind="complaint"), None
    wanted = [
        cases.c.caller_key.startswith("+98914"),
        *(cases.c.channel == "phone", cases.c.kind == "complaint", cases.c.confidential.is_(None)),
    ]
    found: list[uuid.UUID] = []
    async with many.connect() as connection:
        newest = select(cases.c.id).where(*wanted).order_by(cases.c.opened_at.desc(), cases.c.id.desc())
        ids = list((await connection.execute(newest.limit(21))).scalars())
        for _ in range(3):
            page = await searching.find(connection, begins, DESK, NOW, filters, after, 7)
            found += [row.id for row in page.rows]
            after = page.after
    assert found == ids


async def test_an_agency_finds_only_what_is_or_was_its_own(many: AsyncEngine) -> None:
    async with many.connect() as connection:
        agency = await agency_of_many(connection)
        its = officers(agency)
        had = set(
            (
                await connection.execute(select(referrals.c.case_id).where(referrals.c.agency == agency))
            ).scalars()
        )
        strange = (await connection.execute(select(cases).where(cases.c.id.not_in(had)).limit(1))).one()
        for typed in ("", "سلام", strange.caller_key):
            page = await searching.find(connection, sought(typed, "041"), its, NOW)
            assert {row.id for row in page.rows} <= had
        assert not (await searching.find(connection, sought(strange.code), its, NOW)).rows
        assert (await searching.find(connection, sought(strange.code), DESK, NOW)).rows


async def test_the_bench_makes_the_entries_that_the_desk_makes(many: AsyncEngine) -> None:
    """Else the bench would measure something else than what is served."""
    async with many.begin() as connection:
        some = select(inbox_entries).where(inbox_entries.c.opened_at > NOW - timedelta(days=40)).limit(200)
        before = {row.case_id: row for row in await connection.execute(some)}
        await entries.refresh(connection, list(before))
        again = select(inbox_entries).where(inbox_entries.c.case_id.in_(before))
        for row in await connection.execute(again):
            assert row == before[row.case_id]
        await connection.rollback()


def questions(agency: str) -> Iterator[tuple[str, Select[Any]]]:
    """Every kind of question that the inbox asks, first and further pages."""
    deep = Key(NOW - timedelta(days=500), uuid.UUID(int=1 << 127))
    narrow = Filters(kind="meeting", topic="water.supply", county="ahar", status="referred")
    for sight in (DESK, officers(agency), replace(DESK, counties=frozenset({"ahar", "sarab"}))):
        for queue in Queue:
            for filters in (EVERYTHING, Filters(agency=agency), narrow):
                for after in (None, deep):
                    yield f"{queue}", queues.listing(queue, sight, NOW, filters, after, 51)
            yield f"count {queue}", queues.counting(sight, NOW, [queue])
            yield f"last of {queue}", queues.last_read(queue, sight, NOW, EVERYTHING, deep)
        for words in (["اب"], ["سلا", "خست"], [RARE], []):
            for after in (None, deep):
                search = Search(tuple(words), sight, narrow, after, 51)
                for few in (search.parts, search.parts[:1]):
                    for blocks in (backwards(day_of(NOW), 100)[1], []):
                        yield f"search {few} {blocks}", searching.step(search, few, blocks, NOW)
        yield "code", searching.by_code("1234567890", sight)
        for caller in (Sought("", caller="+989141234"), Sought("", caller="+989141234567", whole=True)):
            yield f"caller {caller.whole}", searching.by_caller(caller, sight, EVERYTHING, None, 51)
    everyone, recent = Sight("gov_inspection"), Filters(since=deep.at - timedelta(days=90))
    yield "all", searching.newest(EVERYTHING, None, 51, everyone)
    yield "all", searching.newest(recent, deep, 51, everyone)


async def test_no_list_and_no_search_reads_a_table_from_end_to_end(many: AsyncEngine) -> None:
    read_whole = []
    async with many.connect() as connection:
        agency = await agency_of_many(connection)
        for name, query in questions(agency):
            plan = await explained(connection, query)
            read_whole += [f"{name}: {table}" for table in whole(plan)]
    assert not read_whole, read_whole


async def test_reading_a_table_from_end_to_end_is_seen(many: AsyncEngine) -> None:
    async with many.connect() as connection:
        plan = await explained(connection, select(cases).where(cases.c.answer == "x"))
    assert whole(plan) == ["cases"]


async def explained(connection: AsyncConnection, query: Select[Any]) -> dict[str, Any]:
    compiled = query.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
    statement = f"EXPLAIN (FORMAT JSON) {compiled}".replace(":", "\\:")
    plan: dict[str, Any] = (await connection.execute(text(statement))).scalar_one()[0]["Plan"]
    return plan


def whole(plan: dict[str, Any]) -> list[str]:
    """The large tables that a plan reads from end to end."""
    large = {"cases", "inbox_entries", "recordings", "referrals", "case_events"}
    table = plan.get("Relation Name", "")
    own = [table] if plan["Node Type"] == "Seq Scan" and table in large else []
    return own + [name for part in plan.get("Plans", ()) for name in whole(part)]
