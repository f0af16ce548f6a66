"""Each paper of a meeting has one number, and its page says whether it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy import true
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import closing
from ivr.desk.keeping import proved
from ivr.desk.letters import formal_letters, indicator
from ivr.desk.letters.formal_letters import LetterKind, Paper, write
from ivr.desk.letters.indicator import Issue, IssuedPaper, PaperKind
from ivr.desk.meetings import agenda, order_giving, order_ruling
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.people.auditing import note
from ivr.desk.refusals import Refused
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_order_giving import FAR, NEAR, ordered
from tests.fixtures.database import SEED

DAY, LAST_YEAR, NEXT_YEAR = date(2026, 12, 1), date(2026, 3, 1), date(2027, 4, 1)
CONFIRM = "https://111.example.ir/paper/"


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


def paper(*words: str) -> Paper:
    stationery = formal_letters.load(SEED)
    return Paper(number="", date="", to="", subject="صورت‌جلسه", paragraphs=words, stationery=stationery)


async def issued(at: Hall, its: Paper, what: Issue, day: date = DAY) -> Paper:
    async with at.engine.begin() as connection:
        return await indicator.issue(connection, its, what, "sadr", at.at, day, CONFIRM)


async def printed(at: Hall, code: str, kind: LetterKind) -> Paper:
    its = await write(at.engine, at.page, SEED, code, kind, at.at, true())
    return await issued(at, its, Issue(PaperKind(kind), its.case, its.as_of))


async def confirmed(at: Hall, its: Paper) -> IssuedPaper | None:
    async with at.engine.connect() as connection:
        return await indicator.found(connection, its.confirm.removeprefix(CONFIRM))


async def hold(at: Hall, papers: Sequence[Paper]) -> list[bool]:
    return [bool(found and found.holds) for found in [await confirmed(at, each) for each in papers]]


async def test_the_same_paper_keeps_its_number_and_each_year_begins_with_one(at: Hall) -> None:
    number = await at.session()
    what = Issue(PaperKind.REPORT, session=number)
    first = await issued(at, paper("یک"), what)
    again = await issued(at, paper("یک"), what, date(2026, 12, 9))
    other, later = await issued(at, paper("دو"), what), await issued(at, paper("سه"), what, NEXT_YEAR)
    assert (first.number, first.date) == ("۱۴۰۵/۱", "۱۴۰۵/۰۹/۱۰") and again == first
    assert (other.number, later.number) == ("۱۴۰۵/۲", "۱۴۰۶/۱")
    found = await confirmed(at, first)
    assert found is not None and (found.kind, found.number, found.dated) == ("report", "۱۴۰۵/۱", DAY)
    assert found.office.endswith("استانداری آذربایجان شرقی") and found.fingerprint == first.fingerprint
    assert len(first.confirm) == len(CONFIRM) + 22 and await hold(at, [first, other, later]) == [True] * 3


async def test_those_who_print_at_once_get_a_number_each_and_of_one_paper_the_same(at: Hall) -> None:
    what = Issue(PaperKind.REPORT, session=await at.session())
    many = await asyncio.gather(*(issued(at, paper(words), what) for words in ("یک", "یک", "دو", "سه")))
    assert {each.number for each in many} == {"۱۴۰۵/۱", "۱۴۰۵/۲", "۱۴۰۵/۳"} and many[0] == many[1]


async def test_a_number_that_was_given_before_the_books_went_back_is_not_given_again(at: Hall) -> None:
    what = Issue(PaperKind.REPORT, session=await at.session())

    async def number(words: str, day: date = DAY) -> str:
        async with at.engine.begin() as connection:
            its = (connection, paper(words), what, "sadr", at.later(), day, CONFIRM)
            return (await indicator.issue(*its, proved.went_back)).number

    assert await number("یک") == "۱۴۰۵/۱"
    async with at.engine.begin() as connection:
        restored = {"taken_at": at.later().isoformat()}
        await note(connection, at.later(), proved.RESTORED, subject=proved.SUBJECT, detail=restored)
    assert [await number(words) for words in ("یک", "دو", "سه")] == ["۱۴۰۵/۱", "۱۴۰۵/۱۰۰۲", "۱۴۰۵/۱۰۰۳"]
    assert await number("چهار", LAST_YEAR) == "۱۴۰۴/۱۰۰۱"
    assert await number("پنج", NEXT_YEAR) == "۱۴۰۶/۱"


async def test_an_invitation_holds_until_her_slot_is_another(at: Hall) -> None:
    code = await at.accepted()
    number = await at.session(slots=1)
    await at.fill(number)
    first = await printed(at, code, LetterKind.INVITATION)
    assert await hold(at, [first]) == [True] and "۱۴۰۵/۱" in first.number
    await agenda.release(at.engine, at.page, at.by(code, "نمی‌آید"), LATER)
    assert await hold(at, [first]) == [False]
    at.later()
    await at.fill(number)
    assert await hold(at, [await printed(at, code, LetterKind.INVITATION), first]) == [True, False]


async def test_an_invitation_holds_no_more_once_her_case_is_over_and_the_slot_is_another_s(at: Hall) -> None:
    code, other = await at.accepted(2), await at.accepted(1, "09141234562")
    number = await at.session(slots=1)
    await at.fill(number)
    hers = await printed(at, code, LetterKind.INVITATION)
    await closing.withdraw(at.engine, at.page, at.by(code, who="citizen"))
    assert await at.fill(number) == [other]
    assert await hold(at, [hers, await printed(at, other, LetterKind.INVITATION)]) == [False, True]


async def test_an_order_s_letter_holds_until_it_is_extended_or_withdrawn(at: Hall) -> None:
    _, [part] = await ordered(at, MeetingOrder("abfa", "آب وصل شود", NEAR))
    first = await printed(at, part, LetterKind.ORDER)
    await order_giving.extend(at.engine, at.page, at.by(part, "کمبود لوله"), FAR)
    second = await printed(at, part, LetterKind.ORDER)
    assert first.number != second.number and await hold(at, [first, second]) == [False, True]
    await order_ruling.revoke(at.engine, at.page, at.by(part, "لازم نیست"))
    assert await hold(at, [first, second]) == [False, False]


async def test_a_withdrawn_order_has_no_letter_that_would_hold_until_it_is_opened_again(at: Hall) -> None:
    _, [part] = await ordered(at, MeetingOrder("abfa", "آب وصل شود", NEAR))
    old = await printed(at, part, LetterKind.ORDER)
    await order_ruling.revoke(at.engine, at.page, at.by(part, "لازم نیست"))
    with pytest.raises(Refused):
        await printed(at, part, LetterKind.ORDER)
    await closing.reopen(at.engine, at.page, at.by(part, "لازم است"))
    assert await hold(at, [await printed(at, part, LetterKind.ORDER), old]) == [True, False]


async def test_an_order_s_letter_that_an_older_release_printed_once_it_was_withdrawn_does_not_hold(
    at: Hall,
) -> None:
    _, [part] = await ordered(at, MeetingOrder("abfa", "آب وصل شود", NEAR))
    its = await write(at.engine, at.page, SEED, part, LetterKind.ORDER, at.at, true())
    await order_ruling.revoke(at.engine, at.page, at.by(part, "لازم نیست"))
    late = await issued(at, its, Issue(PaperKind.ORDER, its.case, its.as_of + 1))
    assert await hold(at, [late]) == [False]


async def test_minutes_written_again_take_the_place_of_the_older_and_a_report_does_not(at: Hall) -> None:
    number = await at.session()
    for kind, holds in ((PaperKind.MINUTES, False), (PaperKind.REPORT, True)):
        what = Issue(kind, session=number)
        old, new = await issued(at, paper(kind, "یک"), what), await issued(at, paper(kind, "دو"), what)
        assert await hold(at, [old, new]) == [holds, True]


async def test_a_paper_is_withdrawn_with_a_reason_once_and_printed_again_has_another_number(at: Hall) -> None:
    number = await at.session()
    what = Issue(PaperKind.REPORT, session=number)
    first = await issued(at, paper("یک"), what)

    async def withdraw(paper: str, reason: str = "نام کسی در آن بود", **more: Any) -> None:
        await indicator.withdraw(at.engine, paper, at.by("", reason), **more)

    for wrong in ((first.number, " "), ("1405/9",), ("۱۴۰۵",), ("x/y",)):
        with pytest.raises(Refused):
            await withdraw(*wrong)
    with pytest.raises(Refused):
        await withdraw(first.number, session=number + 1)
    await withdraw(first.number, session=number)
    assert await hold(at, [first]) == [False]
    with pytest.raises(Refused):
        await withdraw(first.number)
    assert (await issued(at, paper("یک"), what)).number == "۱۴۰۵/۲"
    async with at.engine.connect() as connection:
        assert await indicator.found(connection, "x" * 22) is None
        assert [each.number for each in await indicator.listed(connection, number)] == ["۱۴۰۵/۲", "۱۴۰۵/۱"]
