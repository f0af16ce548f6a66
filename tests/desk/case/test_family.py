"""A case split into parts, and many cases collected in one: each with a body, a clock and a story."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Policy
from ivr.cases.retention import LEAST_DAYS
from ivr.cases.statuses import Status
from ivr.cases.transitions import CaseAction
from ivr.desk.call.callbacks import briefing, claim
from ivr.desk.case import answers, closing, collecting, pausing, referring, splitting
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.case.change import actor_named
from ivr.desk.case.collecting import Collected
from ivr.desk.case.splitting import Part
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.deadlines.retiming import retime
from ivr.desk.keeping import retention
from ivr.desk.keeping.retention import Retention, Terms
from ivr.desk.people.scope import Scope
from ivr.desk.reading import as_json, casefile
from ivr.desk.refusals import Refused
from ivr.store.aside import Aside
from ivr.store.derived import Derived
from ivr.store.tables import agencies, callbacks, cases, outbox
from ivr.voice import script, verdict
from ivr.voice.actions import Clip, Words
from tests.desk.counter import Counter, counter, outcomes
from tests.desk.keeping.test_verify import findings
from tests.fixtures.commands import ivr
from tests.fixtures.database import until_blocked
from tests.fixtures.province import book_of
from tests.voice.conversation import DIRECTORY

PIPE, ROAD = Part("abfa", "لولهٔ ترکیده"), Part("shahrdari_ahar", "آسفالت همان‌جا")


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def split(at: Counter) -> tuple[str, str, str]:
    """The code of the whole and of its two parts."""
    whole = await at.open()
    one, two = await splitting.split(at.engine, at.page, at.ask(whole, "desk"), [PIPE, ROAD])
    return whole, one, two


async def calls_planned(at: Counter, code: str) -> list[str]:
    query = (
        select(callbacks.c.state).join(cases, cases.c.id == callbacks.c.case_id).where(cases.c.code == code)
    )
    async with at.engine.connect() as connection:
        return list((await connection.execute(query)).scalars())


async def heard(at: Counter, code: str) -> list[str]:
    """What she hears who asks for that code."""
    seen = await book_of(at.engine).look_up("09141234567", code, at.at)
    told = verdict.situation(seen, at.at, "fa", DIRECTORY)
    return [s.text if isinstance(s, Words) else str(s) for s in told]


async def test_parts_have_bodies_and_clocks_and_the_citizen_hears_one_answer(
    at: Counter, tmp_path: Path
) -> None:
    whole, one, two = await split(at)
    before = await at.row(whole)
    assert (before.status, before.agency) == ("in_progress", at.page.rules.desk)
    for code, body in ((one, "abfa"), (two, "shahrdari_ahar")):
        (running,) = await at.running(code)
        row = await at.row(code)
        assert (row.status, row.agency, running.agency, row.channel) == ("referred", body, body, "part")
        assert (row.opened_at, row.part_of) == (before.opened_at, before.id) and row.next_rung_at is not None
    with pytest.raises(Refused, match=f"is split, and {min(one, two)}, {max(one, two)} must be dealt with"):
        await answers.give(at.engine, at.page, at.ask(whole), "زود گفتم")

    await answers.give(at.engine, at.page, at.ask(one, "abfa"), "لوله تعمیر شد.")
    assert (await at.row(whole)).status == "in_progress" and await calls_planned(at, whole) == []
    said = await heard(at, whole)
    assert said[:2] == ["status.in_progress", "status.parts_are"]
    assert said[said.index("agency.abfa") + 1] == "status.part_answered"
    assert said[said.index("agency.shahrdari_ahar") + 1] == "status.part_waiting"
    assert said[-1] == "status.no_answer_yet"

    await answers.give(at.engine, at.page, at.ask(two, "shahrdari_ahar"), "آسفالت شد.")
    row = await at.row(whole)
    assert row.status == "answered" and "لوله تعمیر شد." in row.answer and "آسفالت شد." in row.answer
    assert await calls_planned(at, whole) == ["waiting"], "one call for one answer"
    assert await calls_planned(at, one) == await calls_planned(at, two) == []
    await closing.close(at.engine, at.page, at.ask(whole, "citizen"))
    for code in (whole, one, two):
        assert ((await at.row(code)).closure, await at.running(code)) == ("solved", [])
    story = [event["what"] for event in (await at.case(whole))["events"]]
    assert story == ["opened", "referred", "split", "part_answered", "part_answered", "answered", "closed"]
    assert await findings(at.engine, tmp_path) == []


async def test_parts_of_a_case_that_has_fewer_days_than_its_topic_have_no_more(at: Counter) -> None:
    old = await at.open("water.bill")
    at.later(3)
    whole, like = await at.open("water.bill"), await at.open("water.supply")
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), whole)
    parts = [PIPE, replace(ROAD, topic="water.supply")]
    same, sooner = await splitting.split(at.engine, at.page, at.ask(whole), parts)
    due_at = (await at.row(whole)).due_at
    assert due_at == (await at.row(old)).due_at == (await at.row(same)).due_at
    assert (await at.row(sooner)).due_at == (await at.row(like)).due_at < due_at
    await closing.withdraw(at.engine, at.page, at.ask(sooner, reason="دیگر لازم نیست"))
    assert (await at.row(whole)).due_at == due_at and [r.due_at for r in await at.running(same)] == [due_at]


async def test_not_solved_opens_every_part_one_level_higher(at: Counter) -> None:
    whole, one, two = await split(at)
    await answers.give(at.engine, at.page, at.ask(one, "abfa"), "x")
    await answers.give(at.engine, at.page, at.ask(two, "shahrdari_ahar"), "y")
    await closing.reopen(at.engine, at.page, at.ask(whole, "citizen"))
    for code in (whole, one, two):
        row = await at.row(code)
        assert (row.status, row.level) == ("reopened", "head")
    with pytest.raises(Refused, match="is split"):
        await answers.give(at.engine, at.page, at.ask(whole), "z")
    await closing.withdraw(at.engine, at.page, at.ask(two, "desk", "دیگر لازم نیست"))
    await answers.give(at.engine, at.page, at.ask(one, "abfa"), "این بار درست شد.")
    assert "این بار درست شد." in (await at.row(whole)).answer and "y" not in (await at.row(whole)).answer


async def test_not_solved_opens_a_part_too_that_was_advised_on_the_spot(at: Counter) -> None:
    whole, one, two = await split(at)
    await closing.advise(at.engine, at.page, at.ask(one, reason="به دادگاه بروید."))
    await answers.give(at.engine, at.page, at.ask(two, "shahrdari_ahar"), "y")
    assert "به دادگاه بروید." in (await at.row(whole)).answer
    await closing.reopen(at.engine, at.page, at.ask(whole, "citizen"))
    assert [(await at.row(code)).status for code in (whole, one, two)] == ["reopened"] * 3
    assert await prove(at.engine, at.page, at.at + GRACE) == []


async def test_a_part_that_forgot_whose_it_is_is_not_opened_again_with_its_whole(
    at: Counter, tmp_path: Path
) -> None:
    whole, one, two = await split(at)
    await closing.advise(at.engine, at.page, at.ask(one, reason="به دادگاه بروید."))
    await answers.give(at.engine, at.page, at.ask(two, "shahrdari_ahar"), "y")
    await closing.close(at.engine, at.page, at.ask(whole, "citizen"))
    sooner = Retention(rules=[Terms(status=Status.ADVISED, anonymise_after=LEAST_DAYS)])
    derived, later = Derived(tmp_path / "derived"), at.at + timedelta(days=LEAST_DAYS)
    assert (await retention.keep(at.engine, sooner, tmp_path, derived, later)).anonymised == 1
    await closing.reopen(at.engine, at.page, at.ask(whole, "desk", "هنوز نشده است"))
    assert [(await at.row(code)).status for code in (whole, one, two)] == ["reopened", "advised", "reopened"]


async def test_a_body_that_is_retired_meanwhile_gets_no_part_neither_opened_again_nor_new(
    at: Counter,
) -> None:
    whole, one, two = await split(at)
    await answers.give(at.engine, at.page, at.ask(one, "abfa"), "x")
    await answers.give(at.engine, at.page, at.ask(two, "shahrdari_ahar"), "y")
    await closing.close(at.engine, at.page, at.ask(whole, "citizen"))
    async with at.engine.begin() as connection:
        gone = update(agencies).where(agencies.c.code == "abfa").values(retired_at=at.at)
        await connection.execute(gone)
    await at.reread()
    await closing.reopen(at.engine, at.page, at.ask(whole, "citizen"))
    assert [(await at.row(code)).agency for code in (one, two)] == [at.page.rules.desk, "shahrdari_ahar"]
    assert (await at.case(one))["events"][-1]["details"]["retired"] == "abfa"
    assert await prove(at.engine, at.page, at.at + GRACE) == []
    other = await at.open(county="")
    with pytest.raises(Refused, match="abfa is no body that can be given a case"):
        await splitting.split(at.engine, at.page, at.ask(other), [PIPE, ROAD])


async def test_no_part_is_of_a_retired_topic_but_that_of_the_whole(at: Counter) -> None:
    whole = await at.open()
    at.page = replace(at.page, retired_topics=frozenset({"water.supply", "city.street"}))
    named = [replace(PIPE, topic="water.supply"), replace(ROAD, topic="city.street")]
    with pytest.raises(Refused, match=r"no topic city\.street"):
        await splitting.split(at.engine, at.page, at.ask(whole), named)
    assert len(await splitting.split(at.engine, at.page, at.ask(whole), [named[0], ROAD])) == 2


async def test_a_part_is_returned_to_the_desk_ruled_on_and_climbs_by_itself(at: Counter) -> None:
    whole, one, _ = await split(at)
    await referring.give_back(at.engine, at.page, at.ask(one, "abfa", "شهرداری"))
    assert ((await at.row(one)).status, (await at.row(one)).agency) == ("returned", at.page.rules.desk)
    await referring.refer(at.engine, at.page, at.ask(one), "edu")
    await referring.give_back(at.engine, at.page, at.ask(one, "edu", "نه"))
    with pytest.raises(Refused, match="takes a ruling"):
        await referring.refer(at.engine, at.page, at.ask(one), "tamin")
    await referring.rule(at.engine, at.page, at.ask(one, "desk", "ماده ۵"), "abfa")
    at.later(10)
    assert await sweep(at.engine, at.page, at.at) == 3, "the whole and both its parts"
    assert await prove(at.engine, at.page, at.at + GRACE) == []
    for refused in (closing.close, closing.reopen):
        with pytest.raises(Refused):
            await refused(at.engine, at.page, at.ask(one, "desk", "x"))
    with pytest.raises(Refused, match=f"is a part of {whole}"):
        await splitting.split(at.engine, at.page, at.ask(one), [PIPE, ROAD])


async def test_what_is_ruled_on_a_part_binds_that_part_and_routes_no_other_case(
    at: Counter, tmp_path: Path
) -> None:
    _, _, road = await split(at)
    await referring.rule(at.engine, at.page, at.ask(await at.open(), reason="حکم پیشین"), "edu")
    await referring.give_back(at.engine, at.page, at.ask(road, "shahrdari_ahar", "کار آبفاست"))
    await referring.refer(at.engine, at.page, at.ask(road), "tamin")
    await referring.give_back(at.engine, at.page, at.ask(road, "tamin", "از ما نیست"))
    await referring.rule(at.engine, at.page, at.ask(road, reason="ماده ۵"), "shahrdari_ahar")
    with pytest.raises(Refused, match="only a new ruling moves it"):
        await referring.give_back(at.engine, at.page, at.ask(road, "shahrdari_ahar", "کار آبفاست"))
    await at.reread()
    assert (await at.row(await at.open())).agency == "edu", "the earlier precedent stays in force"
    assert await findings(at.engine, tmp_path, road) == []


async def test_a_split_gives_no_time_back(at: Counter) -> None:
    whole = await at.open()
    await pausing.pause(at.engine, at.page, at.ask(whole, "abfa", "x"), 2)
    at.later(10)
    await pausing.resume(at.engine, at.page, at.ask(whole, "abfa"))
    await sweep(at.engine, at.page, at.at)
    before = await at.row(whole)
    codes = await splitting.split(at.engine, at.page, at.ask(whole), [PIPE, ROAD])
    for code in codes:
        row = await at.row(code)
        assert (row.due_at, row.rung, row.level) == (before.due_at, before.rung, before.level)
    assert before.rung > 0 and await prove(at.engine, at.page, at.at + GRACE) == []


async def test_parts_of_a_case_whose_pause_runs_are_not_late_by_it(at: Counter) -> None:
    whole = await at.open()
    await pausing.pause(at.engine, at.page, at.ask(whole, "abfa", "x"), 10)
    at.later(11)
    one, _ = await splitting.split(at.engine, at.page, at.ask(whole), [PIPE, ROAD])
    part = await at.row(one)
    assert at.at < part.due_at < (await at.row(whole)).due_at, "the days of the pause that are yet to come"
    assert (part.paused_at, await sweep(at.engine, at.page, at.at)) == (None, 0)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([PIPE], "2 to 8 parts, not 1"),
        ([PIPE, PIPE], "two parts for one agency"),
        ([PIPE, Part("nobody", "x")], "nobody is no body"),
        ([PIPE, Part("edu", "x", "water")], "there is no topic water"),
        ([PIPE, Part("edu", " ")], "needs words"),
    ],
)
async def test_what_can_t_be_split_says_why_and_leaves_nothing(
    at: Counter, parts: list[Part], why: str
) -> None:
    whole = await at.open()
    before = await at.row(whole)
    with pytest.raises(Refused, match=why):
        await splitting.split(at.engine, at.page, at.ask(whole), parts)
    assert await at.row(whole) == before and len(await as_json.cases(at.engine)) == 1


async def test_a_split_case_is_merged_into_no_other_also_once_it_is_answered(at: Counter) -> None:
    whole, one, two = await split(at)
    other = await at.open()
    for code, body in ((one, "abfa"), (two, "shahrdari_ahar")):
        with pytest.raises(Refused, match="is split, and"):
            await closing.merge(at.engine, at.page, at.ask(whole, "desk", "تکراری"), other)
        await answers.give(at.engine, at.page, at.ask(code, body), "x")
    assert (await at.row(whole)).status == "answered"
    with pytest.raises(Refused, match="is split, and its parts must be dealt with"):
        await closing.merge(at.engine, at.page, at.ask(whole, "desk", "تکراری"), other)


async def test_parts_answered_at_once_make_one_answer_and_one_call(at: Counter) -> None:
    for _ in range(4):
        whole, one, two = await split(at)
        said = await outcomes(
            answers.give(at.engine, at.page, at.ask(one, "abfa"), "x"),
            answers.give(at.engine, at.page, at.ask(two, "shahrdari_ahar"), "y"),
        )
        assert said == ["", ""] and (await at.row(whole)).status == "answered"
        assert await calls_planned(at, whole) == ["waiting"]


async def test_what_a_person_said_for_a_part_is_heard_behind_the_words_of_the_others(at: Counter) -> None:
    whole, one, two = await split(at)
    await answers.give(at.engine, at.page, at.ask(one, "abfa"), "لوله تعمیر شد.")
    await answers.give(
        at.engine, at.page, at.ask(two, "shahrdari_ahar"), "", SpokenAnswer("answers/2026/x", "ab" * 32, 3.0)
    )
    said = await heard(at, whole)
    assert "لوله تعمیر شد." in said[-3] and said[-2:] == [
        "agency.shahrdari_ahar",
        str(Clip("answers/2026/x")),
    ]
    at.later()
    await answers.give(at.engine, at.page, at.ask(whole), "همه چیز درست شد.")  # the desk says it better
    assert (await heard(at, whole))[-1] == "همه چیز درست شد."


async def test_however_much_two_bodies_write_she_hears_all_of_it(at: Counter) -> None:
    whole, one, two = await split(at)
    texts = ["لوله تعمیر شد. " * 80 + "با ۰۴۱-۳۳۳۳۴۴۵۵ تماس بگیرید.", "آسفالت شد. " * 110 + "کار تمام است."]
    for code, body, text in zip((one, two), ("abfa", "shahrdari_ahar"), texts, strict=True):
        await answers.give(at.engine, at.page, at.ask(code, body), text)
    said = " ".join(await heard(at, whole))
    assert all(" ".join(text.split()) in said for text in texts)


def spoken_by(body: str) -> SpokenAnswer:
    return SpokenAnswer(f"answers/2026/{body}", "ab" * 32, 3.0)


async def test_what_every_body_only_spoke_she_is_rung_to_hear(at: Counter) -> None:
    whole, one, two = await split(at)
    for code, body in ((one, "abfa"), (two, "shahrdari_ahar")):
        await answers.give(at.engine, at.page, at.ask(code, body), "", spoken_by(body))
    placing = await claim(at.engine, at.page, Policy(), at.at)
    assert placing is not None and (placing.code, placing.answer) == (whole, "")
    assert {*placing.clips} == {"answers/2026/abfa", "answers/2026/shahrdari_ahar"}
    told = await briefing(at.engine, str(placing.id))
    assert told is not None and told.seen.may_confirm
    said = verdict.answer(told.seen, "fa", DIRECTORY)
    assert len(said) == 5 and {Clip("answers/2026/abfa"), Clip("answers/2026/shahrdari_ahar")} < {*said}


async def test_a_part_that_proves_needless_at_last_silences_nothing_that_was_spoken_for_another(
    at: Counter,
) -> None:
    whole = await at.open()
    parts = [PIPE, ROAD, Part("edu", "دیوار مدرسه")]
    one, two, three = await splitting.split(at.engine, at.page, at.ask(whole), parts)
    await answers.give(at.engine, at.page, at.ask(one, "abfa"), "لوله تعمیر شد.")
    at.later()
    await answers.give(at.engine, at.page, at.ask(two, "shahrdari_ahar"), "", spoken_by("shahrdari_ahar"))
    at.later()
    await closing.withdraw(at.engine, at.page, at.ask(three, "desk", "دیوار سالم است"))
    assert (await at.row(whole)).status == "answered"
    assert (await heard(at, whole))[-1] == str(Clip("answers/2026/shahrdari_ahar"))


async def test_whom_every_body_answers_in_her_language_hears_that_and_no_persian_names(at: Counter) -> None:
    whole, one, two = await split(at)
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == whole).values(language="az"))
    for code, body, spoken in ((one, "abfa", "Su gəldi."), (two, "shahrdari_ahar", "Yol düzəldi.")):
        await answers.give(at.engine, at.page, at.ask(code, body), "درست شد.", spoken=spoken)
    row = await at.row(whole)
    said = script.heard(row.answer, row.answer_spoken, "az").splitlines()
    assert sorted(said) == ["Su gəldi.", "Yol düzəldi."]


async def test_what_one_body_writes_in_her_language_she_hears_however_much_persian_another_writes(
    at: Counter,
) -> None:
    whole, one, two = await split(at)
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == whole).values(language="az"))
        await connection.execute(update(callbacks).values(language="az"))
    await answers.give(at.engine, at.page, at.ask(one, "abfa"), "درست شد.", spoken="Su 12 gündə gələcək.")
    long = "آسفالت این کوچه تا پایان سال انجام می‌شود و پیمانکار آن مشخص است. " * 3
    await answers.give(at.engine, at.page, at.ask(two, "shahrdari_ahar"), long)
    placing = await claim(at.engine, at.page, Policy(), at.at)
    assert placing is not None and placing.language == "az" and "Su 12 gündə gələcək." in placing.answer
    told = await briefing(at.engine, str(placing.id))
    assert told is not None
    intro, *said = verdict.answer(told.seen, "az", DIRECTORY)
    hers = Words("Su 12 gündə gələcək.")
    assert len(said) == 2 and hers in said
    (theirs,) = (each for each in said if isinstance(each, Words) and each != hers)
    assert theirs.text.endswith(long.strip())
    assert intro == ("status.answer_is" if said[0] == hers else "status.answer_in_fa")
    assert verdict.answer(told.seen, "fa", DIRECTORY)[1:] == (Words(told.seen.answer),)


CALLERS = ("09141234567", "09141234568", "09141234569")


async def collected(at: Counter, *callers: str) -> tuple[Collected, list[str]]:
    codes = [await at.open(caller=caller) for caller in callers or CALLERS]
    desk = actor_named(at.page, "desk/karimi")
    return await collecting.collect(at.engine, at.page, desk, codes, "قطع آب کوی ولیعصر", at.at), codes


async def test_one_answer_for_many_and_each_is_called_once_and_speaks_for_herself(
    at: Counter, tmp_path: Path
) -> None:
    done, codes = await collected(at)
    assert (list(done.members), list(done.merged)) == (codes, [])
    with pytest.raises(Refused, match=f"waits in the collective case {done.code}"):
        await answers.give(at.engine, at.page, at.ask(codes[0], "abfa"), "x")
    await referring.accept(at.engine, at.page, at.ask(done.code, "abfa"))
    await referring.give_back(at.engine, at.page, at.ask(done.code, "abfa", "کار شهرداری است"))
    assert {(await at.row(code)).agency for code in codes} == {at.page.rules.desk}
    await referring.refer(at.engine, at.page, at.ask(done.code), "shahrdari_ahar")
    for code in codes:
        (running,) = await at.running(code)
        assert (running.agency, (await at.row(code)).status) == ("shahrdari_ahar", "referred")
    await answers.give(at.engine, at.page, at.ask(done.code, "shahrdari_ahar"), "فردا وصل می‌شود.")
    for code in codes:
        row = await at.row(code)
        assert (row.status, row.answer) == ("answered", "فردا وصل می‌شود.")
        assert await calls_planned(at, code) == ["waiting"]
    assert await calls_planned(at, done.code) == []

    await closing.close(at.engine, at.page, at.ask(codes[0], "citizen"))
    await closing.reopen(at.engine, at.page, at.ask(codes[1], "citizen"))
    alone = await at.row(codes[1])
    assert (alone.status, alone.level, alone.member_of) == ("reopened", "head", None)
    assert (await at.row(codes[2])).status == "answered"
    assert await collecting.settle(at.engine, at.page, at.at) == 0
    await closing.close(at.engine, at.page, at.ask(codes[2], "citizen"))
    assert await collecting.settle(at.engine, at.page, at.at) == 1
    assert (await at.row(done.code)).closure == "by_desk"
    await answers.give(at.engine, at.page, at.ask(codes[1], "shahrdari_ahar"), "اکنون وصل شد.")
    assert await findings(at.engine, tmp_path) == []
    assert await prove(at.engine, at.page, at.at + GRACE) == []


async def test_where_answers_take_approval_a_body_proposes_one_for_many_callers(
    at: Counter,
) -> None:
    done, codes = await collected(at)
    await answers.propose(at.engine, at.page, at.ask(done.code, "abfa"), "فردا وصل می‌شود.")
    for code in codes:
        assert ((await at.row(code)).status, await calls_planned(at, code)) == ("referred", [])
    await answers.approve(at.engine, at.page, at.ask(done.code))
    for code in codes:
        row = await at.row(code)
        assert (row.status, row.answer) == ("answered", "فردا وصل می‌شود.")
        assert await calls_planned(at, code) == ["waiting"]
    assert (await at.row(done.code)).draft is None


async def test_a_collective_case_that_all_have_left_before_its_answer_ends_and_climbs_for_nobody(
    at: Counter, tmp_path: Path
) -> None:
    done, (gone, apart) = await collected(at, *CALLERS[:2])
    await closing.withdraw(at.engine, at.page, at.ask(gone, "citizen"))
    assert await collecting.settle(at.engine, at.page, at.at) == 0, "one waits in it yet"
    with pytest.raises(Refused, match="to which this can't be done"):
        await closing.withdraw(at.engine, at.page, at.ask(done.code, reason="کسی نمانده"))
    await collecting.release(at.engine, at.page, at.ask(apart, reason="موضوع دیگری است"))
    assert [await collecting.settle(at.engine, at.page, at.at) for _ in range(2)] == [1, 0]
    whole = await at.row(done.code)
    assert (whole.status, whole.closure, await at.running(done.code)) == ("withdrawn", "withdrawn", [])
    at.later(10)
    assert await sweep(at.engine, at.page, at.at) == 1, "the one that goes on by itself"
    assert await prove(at.engine, at.page, at.at + GRACE) == []
    assert await findings(at.engine, tmp_path) == []


@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_collective_case_that_ended_by_itself_is_opened_again_for_nobody(
    at: Counter, is_answered: bool
) -> None:
    """It would climb, and the machine end it within a minute."""
    done, (hers,) = await collected(at, CALLERS[0])
    if is_answered:
        await answers.give(at.engine, at.page, at.ask(done.code, "abfa"), "وصل شد.")
    file = await casefile.read(at.engine, Scope(), done.code)
    assert file and (CaseAction.REOPEN in file.actions(actor_named(at.page, "desk"))) == is_answered
    end = closing.close if is_answered else closing.withdraw
    await end(at.engine, at.page, at.ask(hers, "citizen"))
    assert await collecting.settle(at.engine, at.page, at.at) == 1
    with pytest.raises(Refused, match=f"no caller waits in the collective case {done.code} any more"):
        await closing.reopen(at.engine, at.page, at.ask(done.code, reason="دوباره"))
    file = await casefile.read(at.engine, Scope(), done.code)
    assert file and CaseAction.REOPEN not in file.actions(actor_named(at.page, "desk"))


async def test_who_is_collected_as_the_last_one_leaves_keeps_the_collective_case_open(at: Counter) -> None:
    done, (gone,) = await collected(at, CALLERS[0])
    late, desk = await at.open(caller=CALLERS[1]), actor_named(at.page, "desk")
    await closing.withdraw(at.engine, at.page, at.ask(gone, "citizen"))
    async with at.engine.begin() as collecting_her:
        await collecting.collect(collecting_her, at.page, desk, [late], "", at.at, done.code)
        settling = asyncio.create_task(collecting.settle(at.engine, at.page, at.at))
        await until_blocked(at.engine)
    assert await settling == 0 and (await at.row(done.code)).status == "referred"


async def test_of_three_collective_cases_one_that_the_books_refuse_to_close_keeps_no_other_open(
    at: Counter,
) -> None:
    wholes = list[str]()
    for _ in range(3):
        done, codes = await collected(at, CALLERS[0])
        await answers.give(at.engine, at.page, at.ask(done.code, "abfa"), "فردا وصل می‌شود.")
        await closing.close(at.engine, at.page, at.ask(codes[0], "citizen"))
        wholes.append(done.code)
    last, aside = await at.put_behind(wholes[0]), Aside()
    # One at a time: whichever comes first, the one at fault is left alone then.
    done_at_once = [
        await collecting.settle(at.engine, at.page, at.at, batch=1, aside=aside) for _ in range(3)
    ]
    assert sum(done_at_once) == 2 and aside.counts == {collecting.OVER: 1}
    assert [(await at.row(code)).status for code in wholes] == ["answered", "closed", "closed"]
    await at.mend(wholes[0], last)
    assert await collecting.settle(at.engine, at.page, at.later(1), aside=aside) == 1
    assert aside.troubles == []


async def test_who_called_twice_about_it_is_called_once(at: Counter) -> None:
    done, codes = await collected(at, CALLERS[0], CALLERS[0], CALLERS[1])
    assert (list(done.members), list(done.merged)) == ([codes[0], codes[2]], [codes[1]])
    await answers.give(at.engine, at.page, at.ask(done.code, "abfa"), "x")
    assert [await calls_planned(at, code) for code in codes] == [["waiting"], [], ["waiting"]]
    assert (await at.row(codes[1])).merged_into == (await at.row(codes[0])).id


async def test_neighbours_who_share_a_telephone_wait_each_by_herself_and_are_called_on_their_own_numbers(
    at: Counter,
) -> None:
    codes = [await at.open(callback=number) for number in ("09121111111", "09122222222", "09122222222")]
    desk = actor_named(at.page, "desk")
    done = await collecting.collect(at.engine, at.page, desk, codes, "قطع آب", at.at)
    assert (list(done.members), list(done.merged)) == (codes[:2], [codes[2]])
    await answers.give(at.engine, at.page, at.ask(done.code, "abfa"), "وصل شد.")
    query = select(callbacks.c.number).where(callbacks.c.purpose == "answer")
    async with at.engine.connect() as connection:
        called = (await connection.execute(query)).scalars().all()
    assert sorted(called) == ["+989121111111", "+989122222222"]


async def test_neighbours_on_one_line_who_gave_their_national_ids_wait_each_by_herself(at: Counter) -> None:
    hers, his, again = [await at.open() for _ in range(3)]
    async with at.engine.begin() as connection:
        for code, national_id in ((hers, "0012345679"), (his, "0023456787"), (again, "0012345679")):
            known = update(cases).where(cases.c.code == code).values(national_id=national_id)
            await connection.execute(known)
    desk = actor_named(at.page, "desk")
    done = await collecting.collect(at.engine, at.page, desk, [hers, his, again], "قطع آب", at.at)
    assert (list(done.members), list(done.merged)) == ([hers, his], [again])


async def test_neighbours_are_not_merged_by_way_of_a_case_of_which_no_national_id_is_known(
    at: Counter,
) -> None:
    nobodys, hers, his = [await at.open() for _ in range(3)]
    async with at.engine.begin() as connection:
        for code, national_id in ((hers, "0012345679"), (his, "0023456787")):
            known = update(cases).where(cases.c.code == code).values(national_id=national_id)
            await connection.execute(known)
    desk = actor_named(at.page, "desk")
    done = await collecting.collect(at.engine, at.page, desk, [nobodys, hers, his], "قطع آب", at.at)
    assert (list(done.members), list(done.merged)) == ([nobodys, his], [hers])


async def test_who_gave_another_number_since_is_called_on_both(at: Counter) -> None:
    codes = [await at.open(callback=number) for number in ("09121111111", "09122222222")]
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(national_id="0012345679"))
    desk = actor_named(at.page, "desk")
    done = await collecting.collect(at.engine, at.page, desk, codes, "قطع آب", at.at)
    assert (list(done.members), list(done.merged)) == (codes, [])


async def test_who_is_merged_into_her_younger_case_there_is_answered_no_later(at: Counter) -> None:
    old = await at.open(caller=CALLERS[0])
    at.later(3)
    done, (young,) = await collected(at, CALLERS[0])
    due_at = (await at.row(old)).due_at
    assert due_at < (await at.row(young)).due_at
    desk = actor_named(at.page, "desk")
    await collecting.collect(at.engine, at.page, desk, [old], "", at.at, done.code)
    assert [(await at.row(code)).due_at for code in (young, done.code)] == [due_at, due_at]
    assert await retime(at.engine, at.page, at.at) == 0
    assert await prove(at.engine, at.page, at.at + GRACE) == []


async def test_who_waits_there_already_has_no_answer_and_no_other_matter_taken_from_her(at: Counter) -> None:
    done, _ = await collected(at, CALLERS[0])
    told, bill = await at.open(caller=CALLERS[0]), await at.open("water.bill", caller=CALLERS[0])
    await answers.give(at.engine, at.page, at.ask(told, "abfa"), "وصل شد.")
    desk = actor_named(at.page, "desk")
    for code, why in ((told, "is answered and can't be collected"), (bill, r"is about water\.bill")):
        before = await at.row(code)
        with pytest.raises(Refused, match=why):
            await collecting.collect(at.engine, at.page, desk, [code], "", at.at, done.code)
        assert await at.row(code) == before


async def test_members_climb_with_an_event_each_and_one_message_for_all(at: Counter) -> None:
    done, codes = await collected(at)
    at.later(10)
    assert await sweep(at.engine, at.page, at.at) == 4
    assert await prove(at.engine, at.page, at.at + GRACE) == []
    query = select(outbox.c.payload["case"].astext).where(outbox.c.kind == "case_escalated")
    async with at.engine.connect() as connection:
        assert (await connection.execute(query)).scalars().all() == [done.code]
    assert {(await at.case(code))["events"][-1]["what"] for code in codes} == {"escalated"}


async def test_a_collective_case_is_due_when_the_first_of_its_members_is(at: Counter) -> None:
    """A case that was opened again has a fair time, and its age makes nothing late."""
    old = await at.open()
    at.later(2)
    await answers.give(at.engine, at.page, at.ask(old, "abfa"), "x")
    at.later(21)
    await closing.reopen(at.engine, at.page, at.ask(old, "citizen"))
    new, desk = await at.open(caller=CALLERS[1]), actor_named(at.page, "desk")
    done = await collecting.collect(at.engine, at.page, desk, [old, new], "قطع آب", at.at)
    whole = await at.row(done.code)
    assert whole.due_at == min([(await at.row(code)).due_at for code in (old, new)]) > at.at
    assert (whole.opened_at, await sweep(at.engine, at.page, at.at)) == ((await at.row(old)).opened_at, 0)


@pytest.mark.parametrize("to", ["", "edu"])
async def test_a_pause_from_before_it_was_collected_ends_where_the_body_says_that_it_is_not_its_own(
    at: Counter, tmp_path: Path, to: str
) -> None:
    """Nobody could end it there; and the collective case is due with the first of them, as ever."""
    code, desk = await at.open(), actor_named(at.page, "desk")
    due_at = (await at.row(code)).due_at
    await pausing.pause(at.engine, at.page, at.ask(code, "abfa", "قطعه می‌رسد"), 5)
    done = await collecting.collect(at.engine, at.page, desk, [code], "قطع آب", at.at)
    ask = at.ask(done.code, "abfa", "کار ما نیست")
    if to:
        await referring.refer(at.engine, at.page, ask, to)
    else:
        await referring.give_back(at.engine, at.page, ask)
    hers, whole = await at.row(code), await at.row(done.code)
    assert (hers.paused_at, hers.due_at, whole.due_at) == (None, due_at, due_at)
    assert await findings(at.engine, tmp_path) == []


async def test_a_collective_case_stands_as_high_as_the_highest_of_its_members(
    at: Counter, tmp_path: Path
) -> None:
    """Who said “not solved” is no officer's any more."""
    done, _ = await collected(at, CALLERS[0])
    unsolved, desk = await at.open(caller=CALLERS[1]), actor_named(at.page, "desk")
    await answers.give(at.engine, at.page, at.ask(unsolved, "abfa"), "x")
    await closing.reopen(at.engine, at.page, at.ask(unsolved, "citizen"))
    await collecting.collect(at.engine, at.page, desk, [unsolved], "", at.at, done.code)
    anew = await collecting.collect(at.engine, at.page, desk, [await at.open()], "قطع آب", at.at)
    levels = [(await at.row(code)).level for code in (done.code, unsolved, anew.code)]
    assert levels == ["head", "head", "officer"]
    at.later(10)
    await sweep(at.engine, at.page, at.at)
    assert await prove(at.engine, at.page, at.at + GRACE) == []
    assert await findings(at.engine, tmp_path) == []


async def test_what_is_merged_into_a_member_brings_its_time_and_level_to_the_collective_case_too(
    at: Counter, tmp_path: Path
) -> None:
    old = await at.open(caller=CALLERS[0])
    await answers.give(at.engine, at.page, at.ask(old, "abfa"), "x")
    await closing.reopen(at.engine, at.page, at.ask(old, "citizen"))
    at.later(3)
    done, (young,) = await collected(at, CALLERS[0])
    before, due_at = await at.row(done.code), (await at.row(old)).due_at
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), young)
    rows = [await at.row(code) for code in (young, done.code)]
    assert [(row.due_at, row.level) for row in rows] == [(due_at, "head")] * 2 and due_at < before.due_at
    assert await retime(at.engine, at.page, at.at) == 0
    at.later(10)
    await sweep(at.engine, at.page, at.at)
    assert await prove(at.engine, at.page, at.at + GRACE) == []
    assert await findings(at.engine, tmp_path) == []


async def test_whose_time_is_shorter_brings_it_to_the_collective_case_that_climbs_for_her(
    at: Counter,
) -> None:
    bill = await at.open("water.bill")
    short, desk = await at.open(caller=CALLERS[1]), actor_named(at.page, "desk")
    done = await collecting.collect(at.engine, at.page, desk, [bill], "قطع آب", at.at)
    before, hers = await at.row(done.code), await at.row(short)
    assert hers.due_at < before.due_at
    await collecting.collect(at.engine, at.page, desk, [short], "", at.at, done.code)
    [running], whole = await at.running(done.code), await at.row(done.code)
    assert whole.due_at == running.due_at == hers.due_at < (await at.row(bill)).due_at
    at.at = hers.due_at + timedelta(hours=1)
    assert await sweep(at.engine, at.page, at.at) == 2
    assert [(await at.row(code)).level for code in (done.code, short, bill)] == ["head", "head", "officer"]
    assert await prove(at.engine, at.page, at.at + GRACE) == []


async def test_the_collective_case_is_due_when_the_first_member_is_whatever_becomes_of_its_topic_or_answer(
    at: Counter,
) -> None:
    """Opened again, each member has a fair part of her own topic's time, and it of its own days."""
    bill, desk = await at.open("water.bill"), actor_named(at.page, "desk")
    at.later(5)
    short = await at.open(caller=CALLERS[1])
    whole = (await collecting.collect(at.engine, at.page, desk, [bill, short], "قطع آب", at.at)).code

    async def is_due_with_the_first() -> bool:
        its, *members = [(await at.row(code)).due_at for code in (whole, bill, short)]
        return bool(its == min(members))

    assert await is_due_with_the_first()
    for topic, county in (("city.street", None), ("", "tabriz")):
        await pausing.change_topic(at.engine, at.page, at.ask(whole, reason="x"), topic, county)
        assert await is_due_with_the_first()
    await answers.give(at.engine, at.page, at.ask(whole, "abfa"), "وصل شد.")
    at.later(20)
    await closing.reopen(at.engine, at.page, at.ask(whole, reason="x"))
    assert await is_due_with_the_first() and (await at.row(whole)).due_at > at.at
    assert await prove(at.engine, at.page, at.at + GRACE) == []


async def test_a_late_caller_joins_and_a_wrong_one_leaves(at: Counter) -> None:
    done, codes = await collected(at)
    late, desk = await at.open("water.bill", "tabriz", "09141234500"), actor_named(at.page, "desk")
    await collecting.collect(at.engine, at.page, desk, [late], "", at.at, done.code)
    assert (await at.case(late))["member_of"] == done.code and (await at.case(done.code))["members"] == 4
    await collecting.release(at.engine, at.page, at.ask(late, "desk", "موضوع دیگری است"))
    await answers.give(at.engine, at.page, at.ask(done.code, "abfa"), "x")
    assert (await at.row(late)).status == "referred"
    with pytest.raises(Refused, match="no collective case that waits"):
        await collecting.collect(at.engine, at.page, desk, [late], "", at.at, done.code)
    with pytest.raises(Refused, match="no collective case that waits"):
        await collecting.collect(at.engine, at.page, desk, [late], "", at.at, codes[0])
    with pytest.raises(Refused, match="only the desk"):
        await collecting.collect(at.engine, at.page, actor_named(at.page, "abfa"), [late], "x", at.at)


async def test_who_joins_what_its_body_has_taken_up_follows_its_status_unless_it_was_opened_again(
    at: Counter,
) -> None:
    done, _ = await collected(at)
    late, desk = await at.open(caller="09141234500"), actor_named(at.page, "desk")
    await referring.accept(at.engine, at.page, at.ask(done.code, "abfa"))
    await collecting.collect(at.engine, at.page, desk, [late], "", at.at, done.code)
    assert (await at.row(late)).status == "in_progress" and (await heard(at, late))[0] == "status.in_progress"
    await answers.give(at.engine, at.page, at.ask(done.code, "abfa"), "x")
    await closing.reopen(at.engine, at.page, at.ask(done.code, reason="هنوز قطع است"))
    await closing.withdraw(at.engine, at.page, at.ask(late, "citizen"))
    new = await at.open(caller="09141234501")
    await collecting.collect(at.engine, at.page, desk, [new], "", at.at, done.code)
    assert (await at.row(new)).status == "referred", "hers was answered to nobody"


async def test_what_was_proposed_for_a_case_alone_is_over_once_it_waits_in_a_collective_one(
    at: Counter,
) -> None:
    code, desk = await at.open(), actor_named(at.page, "desk")
    await answers.propose(at.engine, at.page, at.ask(code, "abfa"), "فردا وصل می‌شود.")
    await collecting.collect(at.engine, at.page, desk, [code], "قطع آب", at.at)
    assert (await at.row(code)).draft is None, "nobody could approve of it there"


async def test_what_only_a_ruling_moves_is_not_moved_into_a_collective_case_of_another_body(
    at: Counter,
) -> None:
    done, _ = await collected(at, CALLERS[0])
    ruled, twice = [await at.open(caller=caller) for caller in CALLERS[1:]]
    desk = actor_named(at.page, "desk")
    for code in (ruled, twice):
        await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "نه"))
        await referring.refer(at.engine, at.page, at.ask(code), "edu")
        await referring.give_back(at.engine, at.page, at.ask(code, "edu", "نه"))
    await referring.rule(at.engine, at.page, at.ask(ruled, reason="ماده ۵"), "tamin")
    for code, why in ((ruled, "only a new ruling moves it"), (twice, "it takes a ruling")):
        with pytest.raises(Refused, match=why):
            await collecting.collect(at.engine, at.page, desk, [code], "", at.at, done.code)
        assert (await at.row(code)).member_of is None
    own = await collecting.collect(at.engine, at.page, desk, [ruled], "قطع آب", at.at)
    assert ((await at.row(ruled)).agency, (await at.row(own.code)).agency) == ("tamin", "tamin")


async def test_what_only_a_ruling_moves_is_not_moved_with_its_collective_case_while_it_waits_in_it(
    at: Counter,
) -> None:
    ruled, other = await at.open(), await at.open(caller=CALLERS[1])
    await referring.rule(at.engine, at.page, at.ask(ruled, reason="ماده ۵"), "tamin")
    desk = actor_named(at.page, "desk")
    whole = (await collecting.collect(at.engine, at.page, desk, [ruled, other], "قطع آب", at.at)).code
    only = f"case {ruled}, which waits in it, is moved by a ruling alone: release that first"
    with pytest.raises(Refused, match=only):
        await referring.refer(at.engine, at.page, at.ask(whole), "abfa")
    with pytest.raises(Refused, match=only):
        await referring.give_back(at.engine, at.page, at.ask(whole, "tamin", "نه"))
    assert (await at.row(ruled)).agency == "tamin"
    await collecting.release(at.engine, at.page, at.ask(ruled, reason="رأی دارد"))
    await referring.refer(at.engine, at.page, at.ask(whole), "abfa")
    assert ((await at.row(ruled)).agency, (await at.row(other)).agency) == ("tamin", "abfa")


async def test_a_member_that_was_returned_before_waits_for_a_ruling_once_its_collective_case_is_returned(
    at: Counter,
) -> None:
    once, other = await at.open(), await at.open(caller=CALLERS[1])
    await referring.give_back(at.engine, at.page, at.ask(once, "abfa", "نه"))
    await referring.refer(at.engine, at.page, at.ask(once), "edu")
    desk = actor_named(at.page, "desk")
    whole = (await collecting.collect(at.engine, at.page, desk, [once, other], "قطع آب", at.at)).code
    await referring.give_back(at.engine, at.page, at.ask(whole, (await at.row(whole)).agency, "نه"))
    with pytest.raises(Refused, match=f"case {once}, which waits in it, is moved by a ruling alone"):
        await referring.refer(at.engine, at.page, at.ask(whole), "tamin")
    await referring.rule(at.engine, at.page, at.ask(whole, reason="ماده ۵"), "tamin")
    assert [(await at.row(code)).agency for code in (once, other, whole)] == ["tamin"] * 3


async def test_a_broadcast_leaves_out_nobody(at: Counter) -> None:
    done, codes = await collected(at, *(f"0914{1_000_000 + n}" for n in range(30)))
    said = await outcomes(
        answers.give(at.engine, at.page, at.ask(done.code, "abfa"), "x"),
        *(closing.withdraw(at.engine, at.page, at.ask(code, "citizen")) for code in codes[:3]),
        sweep(at.engine, at.page, at.at),
    )
    assert said[0] == ""
    withdrawn = [code for code, refused in zip(codes, said[1:4], strict=False) if not refused]
    codes = [code for code in codes if (await at.row(code)).status == "answered"]
    assert len(codes) == 30 - len(withdrawn)
    # One who withdrew behind her answer is rung no more: her call-back ends when its turn comes.
    query = select(cases.c.code).join(callbacks).where(callbacks.c.state == "waiting")
    async with at.engine.connect() as connection:
        waiting = (await connection.execute(query.where(cases.c.status == "answered"))).scalars().all()
    assert sorted(waiting) == sorted(codes)


async def test_both_from_the_command_line(at: Counter, database_url: str, tmp_path: Path) -> None:
    async def case(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "case", *arguments)

    whole = await at.open()
    parts = ("--part", "abfa=لوله", "--part", "shahrdari_ahar/other.other=آسفالت")
    exit_code, said = await case("split", whole, *parts, "--json")
    made = json.loads(said)
    assert (exit_code, [part["agency"] for part in made]) == (0, ["abfa", "shahrdari_ahar"])
    shown = json.loads((await case("show", whole, "--json"))[1])
    assert {part["code"] for part in shown["parts"]} == {part["code"] for part in made}
    assert json.loads((await case("show", made[0]["code"], "--json"))[1])["part_of"] == whole
    assert (await case("split", whole, "--part", "abfa"))[0] == 2
    codes = [await at.open(caller=caller) for caller in CALLERS]
    exit_code, said = await case("collect", *codes, "--words", "قطع آب")
    collective = (await at.case(codes[0]))["member_of"]
    assert (exit_code, said) == (0, f"case {collective}: 3 cases wait in it")
    assert (await case("release", codes[0], "--reason", "x"))[0] == 0
