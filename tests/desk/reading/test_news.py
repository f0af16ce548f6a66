"""News of cases: every process tells its own pages, what they may know, also after its line was cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case.answers import give
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.case.pausing import change_topic
from ivr.desk.case.referring import accept, refer
from ivr.desk.case.registering import Wanted, register
from ivr.desk.reading.inbox import Filters, Sight
from ivr.desk.reading.news import News, OpenPage, Stories, Story
from ivr.desk.reading.queues import Queue
from ivr.lab.pace import patience
from tests.desk.case.test_confiding import person
from tests.desk.counter import Counter, counter

WATER = OpenPage(Sight("abfa", "abfa"), (Queue.NEW,), Queue.NEW)
POWER = OpenPage(Sight("bargh_as", "bargh_as"), (Queue.NEW,), Queue.NEW)


@asynccontextmanager
async def listening(at: Counter) -> AsyncIterator[News]:
    """A process that hears already: each new line of its own begins with "look"."""
    news = News(at.engine, lambda: at.at)
    with news.watching(WATER) as first:
        task = asyncio.create_task(news.run())
        assert await told(first) == Story(look=True)
        try:
            yield news
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def told(stories: Stories) -> Story | None:
    async with asyncio.timeout(patience(10)):
        return await stories.get()


async def opened(at: Counter, topic: str = "water.supply") -> str:
    wanted = Wanted("complaint", topic, "ahar", "چیزی گفته شد", caller="09141234567")
    return (await register(at.engine, at.page, wanted, at.at)).code


async def test_every_process_tells_its_own_pages_and_each_only_what_it_may_know(engine: AsyncEngine) -> None:
    at = await counter(engine)
    async with listening(at) as one, listening(at) as other:
        with one.watching(WATER) as water, other.watching(WATER) as again, one.watching(POWER) as power:
            code = await opened(at)
            story = Story([code], [code], {"new": 1})
            assert await told(water) == await told(again) == story
            await accept(engine, at.page, at.ask(code, "abfa"))
            assert await told(water) == await told(again) == Story([code], [], {"new": 0})
            assert power.empty()


async def test_a_page_of_whom_a_case_has_left_looks_again_and_is_not_told_which(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code = await opened(at)
    async with listening(at) as news:
        with news.watching(WATER) as water, news.watching(POWER) as power:
            await refer(engine, at.page, at.ask(code), "bargh_as")
            assert await told(water) == Story(look=True)
            assert await told(power) == Story([code], [code], {"new": 1})
            await accept(engine, at.page, at.ask(code, "bargh_as"))
            assert await told(power) == Story([code], [], {"new": 0})
            assert water.empty(), "what happens to it then is not theirs"


async def test_only_what_the_filters_leave_belongs_to_the_page(engine: AsyncEngine) -> None:
    at = await counter(engine)
    bills = OpenPage(WATER.sight, (Queue.NEW,), Queue.NEW, Filters(topic="water.bill"))
    async with listening(at) as news:
        with news.watching(bills) as stories:
            supply = await opened(at)
            assert await told(stories) == Story([supply], [], {"new": 1})
            bill = await opened(at, "water.bill")
            assert await told(stories) == Story([bill], [bill], {"new": 2})


async def test_whoever_may_have_missed_something_is_told_to_look(engine: AsyncEngine) -> None:
    at = await counter(engine)
    async with listening(at) as news:
        with news.watching(WATER) as stories:
            async with engine.connect() as connection:
                cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                await connection.execute(text(cut))
            assert await told(stories) == Story(look=True)
            code = await opened(at)
            assert await told(stories) == Story([code], [code], {"new": 1})


async def test_a_page_too_slow_to_be_told_everything_looks_again(engine: AsyncEngine) -> None:
    at = await counter(engine)
    async with listening(at) as news:
        with news.watching(WATER) as stories:
            for _ in range(stories.maxsize):
                stories.put_nowait(Story(["old"]))
            await opened(at)
            async with asyncio.timeout(patience(10)):
                while stories.qsize() > 1:
                    await asyncio.sleep(0.01)
            assert await told(stories) == Story(look=True)


async def test_a_process_that_leaves_lets_its_pages_go(engine: AsyncEngine) -> None:
    at = await counter(engine)
    async with listening(at) as news:
        with news.watching(WATER) as stories:
            news.close()
            assert await told(stories) is None
        with news.watching(WATER) as late:
            assert await told(late) is None


async def test_pages_of_whom_an_answered_case_is_kept_from_then_on_look_again(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code, friend = await opened(at), await person(engine, "ahmadi")
    desk = OpenPage(Sight("gov_inspection", person=friend), (Queue.NEW,))
    await give(engine, at.page, at.ask(code, "abfa"), "انجام شد")
    async with listening(at) as news:
        with news.watching(WATER) as water, news.watching(POWER) as power, news.watching(desk) as hers:
            its = Secrecy("abfa", ["ahmadi"], "رشوه")
            await confide(engine, at.page, at.ask(code, reason="پاسخ دروغ است"), its)
            assert await told(water) == await told(hers) == Story(look=True)
            assert power.empty()


async def test_a_page_of_whom_a_case_is_kept_looks_again_also_where_it_goes_elsewhere_by_that(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    code, friend = await opened(at), await person(engine, "ahmadi")
    desk = OpenPage(Sight("gov_inspection", person=friend), (Queue.NEW,))
    async with listening(at) as news:
        with news.watching(desk) as hers:
            await confide(engine, at.page, at.ask(code, reason="x"), Secrecy("abfa", ["ahmadi"]))
            assert await told(hers) == Story(look=True)


async def test_a_page_of_counties_that_a_case_has_left_looks_again_and_no_other(engine: AsyncEngine) -> None:
    at = await counter(engine)
    code = await opened(at)
    here, elsewhere = (
        OpenPage(Sight("gov_inspection", counties=frozenset({county})), (Queue.NEW,))
        for county in ("ahar", "marand")
    )
    async with listening(at) as news:
        with news.watching(here) as left, news.watching(elsewhere) as never:
            await change_topic(engine, at.page, at.ask(code, reason="تبریز است"), county="tabriz")
            assert await told(left) == Story(look=True)
            assert never.empty()
