"""What the story of a case says in Persian, whichever way the case came about."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.channels import NOBODYS
from ivr.cases.kinds import Kind
from ivr.cases.routing import Reason
from ivr.desk.call import verdicts
from ivr.desk.case import answers, closing, collecting, confiding, referring, splitting
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.registering import Wanted
from ivr.desk.case.splitting import Part
from ivr.desk.meetings import order_giving, order_ruling
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.meetings.session_day import walk_in
from ivr.desk.people.scope import Scope
from ivr.desk.reading import casefile
from ivr.store.facts import FactCall, VerdictFact
from ivr.voice.events import Ended, Recorded
from ivr.web.casefile.story import ROUTED, StoryEntry, Teller
from ivr.web.panel.locale import words
from tests.desk.meetings.hall import Hall, hall
from tests.desk.meetings.test_order_giving import FAR, NEAR, heard

WATER = "شرکت آب و فاضلاب آذربایجان شرقی"
SCHOOLS = "اداره کل آموزش و پرورش آذربایجان شرقی"
UNPROVEN = "کسی با شمارهٔ شهروند تماس گرفت و"
SPLIT = "پرونده به چند بخش شد و نزد دفتر بازرسی است"
ORDERED = "دستور داده شد؛ این پرونده برای آن دستور ثبت شد"


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def story(at: Hall, code: str, body: str = "") -> list[StoryEntry]:
    """The first event in front."""
    file = await casefile.read(at.engine, Scope(body), code)
    assert file is not None
    return Teller(words(), file).story()[::-1]


async def ordered(at: Hall, code: str) -> str:
    orders = [MeetingOrder("abfa", "آب وصل شود", NEAR)]
    [part] = await order_giving.give(at.engine, at.page, at.by(code, who="desk/sadr"), orders)
    return part


def test_every_reason_for_which_the_machine_refers_a_case_has_its_sentence() -> None:
    assert {*Reason, *NOBODYS} == ROUTED
    assert set(words().under("casefile.event.referred")) >= ROUTED
    assert set(words().under("casefile.event.opened")) >= NOBODYS


async def test_an_order_s_story_says_who_gave_it_in_which_session(at: Hall) -> None:
    opened, referred = await story(at, await ordered(at, await heard(at)), "abfa")
    assert opened.text == "شهروند در نشست ۱ شنیده شد و دستور داده شد؛ این پرونده برای آن دستور ثبت شد"
    assert "sadr" in opened.who
    assert referred.text == f"این بخش به {WATER} سپرده شد" and not referred.reason


async def test_of_an_order_that_was_given_in_no_session_or_is_confidential_a_body_reads_of_none(
    at: Hall,
) -> None:
    assert (await story(at, await ordered(at, await at.open()), "abfa"))[0].text == ORDERED
    code = await heard(at)
    await confiding.confide(at.engine, at.page, at.by(code, "می‌ترسد"), Secrecy(told="آب"))
    part = await ordered(at, code)
    assert (await story(at, part, "abfa"))[0].text == ORDERED
    assert "نشست ۱" in (await story(at, part))[0].text


async def test_the_story_of_her_case_says_what_was_ordered_of_whom_until_when(at: Hall) -> None:
    code = await heard(at)
    part = await ordered(at, code)
    said = f"به {WATER} دستور داده شد، تا ۱۷ آذر ۱۴۰۵؛ خود پرونده نزد دفتر بازرسی است"
    assert [line.text for line in await story(at, code) if line.kind == "split"] == [said]
    desk = at.by(part, "کمبود لوله", "desk/sadr")
    await order_giving.extend(at.engine, at.page, desk, FAR)
    await order_giving.give(
        at.engine,
        at.page,
        at.by(code, who="desk/sadr"),
        [MeetingOrder("abfa", "کنتور بگذارد", FAR), MeetingOrder("edu", "مدرسه را بسازد", NEAR)],
    )
    told = [line for line in await story(at, code) if line.kind == "split"]
    assert told[0].text == said  # as it was given
    assert {line.text for line in told[1:]} == {
        f"به {WATER} دستور داده شد، تا ۲۹ آذر ۱۴۰۵",
        f"به {SCHOOLS} دستور داده شد، تا ۱۷ آذر ۱۴۰۵",
    }
    assert all("sadr" in line.who for line in told)


async def test_a_case_that_the_desk_split_tells_of_no_order_and_no_body_reads_of_another_s(at: Hall) -> None:
    plain = await at.open()
    await splitting.split(at.engine, at.page, at.by(plain), [Part("abfa", "آب"), Part("edu", "مدرسه")])
    assert [line.text for line in await story(at, plain) if line.kind == "split"] == [SPLIT]
    code = await at.open(caller="09141234562")
    part = await ordered(at, code)
    await order_ruling.revoke(at.engine, at.page, at.by(part, "اشتباه بود", "desk/sadr"))
    await referring.refer(at.engine, at.page, at.by(code), "edu")
    assert [line.text for line in await story(at, code, "edu") if line.kind == "split"] == [SPLIT]
    assert WATER in next(line.text for line in await story(at, code) if line.kind == "split")


async def test_who_says_unproven_that_it_is_solved_is_no_citizen_and_one_line_and_it_tells_of_which_answer(
    at: Hall,
) -> None:
    code = await at.open()
    await answers.give(at.engine, at.page, at.by(code, who="abfa"), "آب وصل شد.")
    began, later = at.at, at.at + timedelta(minutes=1)
    await says_solved(at, code, began)
    for _ in range(2):
        at.later()
        await says_solved(at, code, at.at)
    assert [(line.who, line.text, line.at) for line in (await story(at, code))[-1:]] == [
        ("تماس‌گیرنده", f"{UNPROVEN} گفت که حل شده است؛ از خود شهروند پرسیده شود (۳ بار)", at.at)
    ]
    at.later()
    await answers.give(at.engine, at.page, at.by(code, who="abfa"), "لوله هم عوض شد.")
    await says_solved(at, code, later)
    last = (await story(at, code))[-1]
    earlier = "دربارهٔ پاسخ پیشین، نه پاسخ تازه، گفت که حل شده است؛ از خود شهروند پرسیده شود"
    assert (last.who, last.text) == ("تماس‌گیرنده", f"{UNPROVEN} {earlier}")
    await says_solved(at, code, later, proven=True)
    assert [line.who for line in (await story(at, code))[-2:]] == ["تماس‌گیرنده", "شهروند"]


async def says_solved(at: Hall, code: str, began: datetime, proven: bool = False) -> None:
    call = FactCall(uuid.uuid4(), "1.1", "09141234567", "", began, None, "fa", "", "")
    fact = VerdictFact(uuid.uuid4(), at.at, code, call, solved=True, proven=proven)
    async with at.engine.begin() as connection:
        await verdicts.settle(connection, at.page, fact)


async def test_a_part_and_a_collective_case_came_from_no_service_desk_and_no_body(at: Hall) -> None:
    whole, member = await at.open(), await at.open(caller="09141234562")
    part, _ = await splitting.split(
        at.engine, at.page, at.by(whole), [Part("abfa", "آب"), Part("edu", "مدرسه")]
    )
    opened, referred = await story(at, part, "abfa")
    assert opened.text.startswith("پروندهٔ شهروند به چند بخش شد و این بخش ثبت شد")
    assert referred.text == f"این بخش به {WATER} سپرده شد" and not referred.reason
    desk = actor_named(at.page, "desk")
    of_all = (await collecting.collect(at.engine, at.page, desk, [member], "آب", at.at)).code
    opened, referred = (await story(at, of_all))[:2]
    assert opened.text.startswith("پروندهٔ جمعی برای چند پرونده ثبت شد")
    assert referred.text == f"پروندهٔ جمعی به {WATER} سپرده شد" and not referred.reason


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (None, "پرونده بازگشایی شد؛ سطح مسئول همان ماند"),
        (
            Recorded("2026/12/01/again", 5.0, 4.0, Ended.HASH, "0" * 64, 80_000),
            "شهروند پیام تازه گذاشت و پرونده بازگشایی شد؛ سطح مسئول همان ماند",
        ),
    ],
)
async def test_what_was_withdrawn_and_is_opened_again_stays_at_its_level_and_the_story_says_so(
    at: Hall, said: Recorded | None, text: str
) -> None:
    code = await at.open()
    await closing.withdraw(at.engine, at.page, at.by(code, "منصرف شد"))
    citizen = Instruction(code, actor_named(at.page, "citizen"), now=at.at)
    await closing.reopen(at.engine, at.page, citizen, words=said)
    assert (await story(at, code))[-1].text == text


async def test_who_walks_in_is_accepted_until_no_day(at: Hall) -> None:
    number = await at.session(slots=1)
    at.later(6)
    wanted = Wanted(Kind.MEETING, words="آب ندارم", caller_name="زهرا", caller="")
    code, _ = await walk_in(at.engine, at.page, at.by("", who="desk/sadr"), number, at.at, wanted)
    texts = [line.text for line in await story(at, code)]
    assert "ملاقات پذیرفته شد" in texts and not any(text.endswith("تا ") for text in texts)
