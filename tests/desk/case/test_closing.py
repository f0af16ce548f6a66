"""How a case ends and begins again."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.callback import Outcome, Policy
from ivr.cases.transitions import Actor, Side
from ivr.desk.call import callbacks as calling
from ivr.desk.case import answers, callback_planning, closing, collecting, pausing, referring
from ivr.desk.case.change import Instruction
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import GRACE, prove
from ivr.desk.people.scope import Scope
from ivr.desk.reading import casefile
from ivr.desk.refusals import Refused
from ivr.store.tables import agencies, callbacks, cases, outbox
from ivr.web.panel import locale, refusals
from tests.desk.counter import Counter, counter, outcomes
from tests.desk.keeping.test_verify import findings
from tests.desk.office import WEDNESDAY, words
from tests.fixtures.province import answer, book_of


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def answered(at: Counter) -> str:
    code = await at.open()
    await answer(at.engine, code, "abfa", "آب وصل شد.", at.at)
    return code


async def test_only_an_answered_case_closes_and_never_by_its_agency(at: Counter) -> None:
    code = await at.open()
    with pytest.raises(Refused, match="is referred and can't be closed: that is possible from answered"):
        await closing.close(at.engine, at.page, at.ask(code, "citizen"))
    await answer(at.engine, code, "abfa", "آب وصل شد.", at.at)
    with pytest.raises(Refused, match="by the agency, only by the desk or citizen or machine"):
        await closing.close(at.engine, at.page, at.ask(code, "abfa", "x"))


@pytest.mark.parametrize(
    ("actor", "closure"),
    [
        (Actor("citizen", Side.CITIZEN), "solved"),
        (Actor("ivr", Side.MACHINE), "unconfirmed"),
        (Actor("ahmadi", Side.DESK), "by_desk"),
    ],
)
async def test_statistics_can_tell_who_said_that_it_is_over(at: Counter, actor: Actor, closure: str) -> None:
    code = await answered(at)
    reason = "" if actor.side is Side.CITIZEN else "شش بار پاسخ نداد"
    await closing.close(at.engine, at.page, Instruction(code, actor, reason, at.later()))
    row = await at.row(code)
    assert (row.status, row.closure, row.closed_at) == ("closed", closure, at.at)
    assert await at.running(code) == []


async def test_an_answer_by_another_agency_is_refused(at: Counter) -> None:
    with pytest.raises(Refused, match="is with abfa, so edu can't have it answered"):
        await answer(at.engine, await at.open(), "edu", "x")


async def test_not_solved_goes_back_to_who_had_it(at: Counter) -> None:
    code = await answered(at)
    at.later(3)
    await closing.close(at.engine, at.page, at.ask(code, "citizen"))
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    row, (running,) = await at.row(code), await at.running(code)
    assert (row.status, row.agency, row.closed_at, row.closure) == ("reopened", "abfa", None, None)
    assert (running.agency, running.reason) == ("abfa", "reopened")
    async with at.engine.connect() as connection:
        told = select(outbox.c.payload).where(outbox.c.kind == "case_reopened")
        assert (await connection.execute(told)).scalars().all() == [{"case": code, "level": "head"}]
    assert (row.level, row.rung, row.next_rung_at) == ("head", 1, row.due_at + timedelta(days=1))
    await referring.accept(at.engine, at.page, at.ask(code, "abfa"))


@pytest.mark.parametrize("what", [{"retired_at": WEDNESDAY}, {"assignable": False}])
async def test_not_solved_goes_to_the_desk_where_who_had_it_gets_no_more_cases(
    at: Counter, what: dict[str, Any]
) -> None:
    code = await answered(at)
    await closing.close(at.engine, at.page, at.ask(code, "citizen"))
    async with at.engine.begin() as connection:
        await connection.execute(update(agencies).where(agencies.c.code == "abfa").values(what))
    await at.reread()
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    row, (running,) = await at.row(code), await at.running(code)
    assert (row.status, row.agency, running.agency) == ("reopened", at.page.rules.desk, row.agency)
    last = (await at.case(code))["events"][-1]["details"]
    assert (last["retired"], last["from"], last["agency"]) == ("abfa", "abfa", row.agency)


async def test_each_not_solved_goes_one_level_higher_up_to_the_governor_with_her_words(at: Counter) -> None:
    code, heard = await at.open(), []
    for _ in range(4):
        await answer(at.engine, code, "abfa", "درست شد", at.later(1))
        said = words()
        ask = at.ask(code, "citizen")
        await closing.reopen(at.engine, at.page, ask, words=said, call=uuid.UUID(int=1))
        case = await at.case(code)
        last = case["events"][-1]["details"]
        assert [r["path"] for r in case["recordings"]][-1] == f"{last['recording']}.wav" == f"{said.name}.wav"
        assert last["level"] == case["level"]
        heard.append((last["rung"], case["level"]))
    assert heard == [(1, "head"), (2, "deputy_governor"), (2, "governor"), (2, "governor")]


async def test_who_takes_a_withdrawal_back_blames_no_answer(at: Counter) -> None:
    code = await at.open()
    await closing.withdraw(at.engine, at.page, at.ask(code, "citizen"))
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    assert (await at.row(code)).level == "officer"


async def test_a_citizen_may_reopen_for_some_time_and_the_desk_always(at: Counter) -> None:
    code = await answered(at)
    await closing.close(at.engine, at.page, at.ask(code, "citizen"))
    at.later(31)
    with pytest.raises(Refused, match="ended more than 30 days ago"):
        await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    with pytest.raises(Refused, match="without a reason"):
        await closing.reopen(at.engine, at.page, at.ask(code))
    await closing.reopen(at.engine, at.page, at.ask(code, reason="دوباره قطع شد"))


async def test_what_was_proposed_before_a_case_ended_is_not_to_be_approved_once_it_is_opened_again(
    at: Counter,
) -> None:
    advised, withdrawn, closed = await at.open(), await at.open(), await answered(at)
    for code in (advised, withdrawn, closed):
        await answers.propose(at.engine, at.page, at.ask(code, "abfa"), "فردا وصل می‌شود.")
    await closing.advise(at.engine, at.page, at.ask(advised, reason="به دادگاه بروید."))
    await closing.withdraw(at.engine, at.page, at.ask(withdrawn, "citizen"))
    await closing.close(at.engine, at.page, at.ask(closed, "citizen"))
    for code in (advised, withdrawn, closed):
        await closing.reopen(at.engine, at.page, at.ask(code, reason="x"))
        with pytest.raises(Refused, match=f"no answer to case {code} waits for approval"):
            await answers.approve(at.engine, at.page, at.ask(code))


async def test_what_was_proposed_before_she_said_not_solved_is_not_to_be_approved_after_it(
    at: Counter,
) -> None:
    unsolved, ended = await answered(at), await answered(at)
    await closing.close(at.engine, at.page, at.ask(ended, "citizen"))
    async with at.engine.begin() as connection:  # as an earlier release left it
        draft = {"text": "x", "by": "abfa", "agency": "abfa"}
        await connection.execute(update(cases).where(cases.c.code == ended).values(draft=draft))
    await answers.propose(at.engine, at.page, at.ask(unsolved, "abfa"), "فردا هم درست می‌شود.")
    for code in (unsolved, ended):
        await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
        with pytest.raises(Refused, match=f"no answer to case {code} waits for approval"):
            await answers.approve(at.engine, at.page, at.ask(code))


async def test_withdrawn_and_advised_cases_can_begin_again(at: Counter) -> None:
    withdrawn, advised = await at.open(), await at.open()
    await closing.withdraw(at.engine, at.page, at.ask(withdrawn, "citizen"))
    with pytest.raises(Refused, match="without a reason"):
        await closing.advise(at.engine, at.page, at.ask(advised))
    await closing.advise(at.engine, at.page, at.ask(advised, reason="به دادگاه بروید."))
    assert (await at.case(advised))["answer"] == "به دادگاه بروید."
    for code, status in ((withdrawn, "withdrawn"), (advised, "advised")):
        assert (await at.row(code)).status == status and await at.running(code) == []
        await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
        assert len(await at.running(code)) == 1


async def test_what_the_desk_advises_is_its_own_answer_and_not_of_the_body_that_had_the_case(
    at: Counter,
) -> None:
    code, desk = await at.open(), at.page.rules.desk
    again = await at.open()
    await closing.merge(at.engine, at.page, at.ask(again, reason="همان تماس"), code)
    await closing.advise(at.engine, at.page, at.ask(code, reason="به دادگاه بروید."))
    seen = await book_of(at.engine).look_up("09141234567", code, at.at)
    assert (seen.answer, seen.agency) == ("به دادگاه بروید.", desk)
    assert (await at.row(again)).agency == desk, "what went on in it lies where it does"
    had = [(r["agency"], r["ended_reason"]) for r in (await at.case(code))["referrals"]]
    assert had == [("abfa", "advised"), (desk, "advised")] and await at.running(code) == []
    assert await prove(at.engine, at.page, at.at + GRACE) == []
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    assert ((await at.row(code)).agency, [each.agency for each in await at.running(code)]) == (desk, [desk])
    await referring.refer(at.engine, at.page, at.ask(code), "abfa")


async def test_advice_about_the_desk_itself_stays_where_it_is(at: Counter) -> None:
    code, desk = await at.open("gov.conduct"), at.page.rules.desk
    await confide(at.engine, at.page, at.ask(code, reason="از میز"), Secrecy(desk, told="بدرفتاری"))
    above = (await at.row(code)).agency
    await closing.advise(at.engine, at.page, at.ask(code, reason="به دادگاه بروید."))
    assert above != desk and (await at.row(code)).agency == above


async def test_a_duplicate_goes_on_in_the_case_it_repeats(at: Counter) -> None:
    first, again = await at.open(), await at.open()
    await closing.merge(at.engine, at.page, at.ask(again, reason="همان تماس"), first)
    merged, kept = await at.row(again), await at.row(first)
    assert (merged.status, merged.merged_into) == ("merged", kept.id) and kept.status == "referred"
    told = [(await at.case(code))["events"][-1] for code in (again, first)]
    assert [(e["what"], e["details"].get("into") or e["details"].get("duplicate")) for e in told] == [
        ("merged", first),
        ("duplicate_merged", again),
    ]
    with pytest.raises(Refused, match="is merged and can't be reopened"):
        await closing.reopen(at.engine, at.page, at.ask(again, "citizen"))


async def test_the_code_of_a_duplicate_tells_of_the_case_in_which_it_goes_on(at: Counter) -> None:
    """Its answer to her number alone, whatever is open to who has that case's own code."""
    first, again, thrice = [await at.open() for _ in range(3)]
    await closing.merge(at.engine, at.page, at.ask(thrice, reason="همان تماس"), again)
    await closing.merge(at.engine, at.page, at.ask(again, reason="همان تماس"), first)
    hers, stranger, book = "09141234567", "09149999999", book_of(at.engine)
    seen = await book.look_up(hers, thrice, at.at)
    assert (seen.into, seen.status, seen.due_at) == (first, "referred", (await at.row(first)).due_at)
    await answer(at.engine, first, "abfa", "آب وصل شد.", at.at)
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == first).values(channel="desk"))
    seen = await book.look_up(hers, thrice, at.at)
    assert (seen.answer, seen.may_confirm, seen.withheld) == ("آب وصل شد.", True, False)
    seen = await book.look_up(stranger, thrice, at.at)
    assert (seen.answer, seen.may_confirm, seen.withheld) == ("", False, True)
    seen = await book.look_up(stranger, first, at.at)
    assert (seen.answer, seen.into) == ("آب وصل شد.", "")


async def test_who_waits_to_be_called_about_a_duplicate_is_called_about_the_case_in_which_it_goes_on(
    at: Counter,
) -> None:
    """Once, and on her own number alone."""
    first, again, thrice = [await at.open() for _ in range(3)]
    hers, stranger = "+989141234567", "+989149999999"
    async with at.engine.begin() as connection:
        for code, number in ((again, hers), (again, stranger), (thrice, hers)):
            key = f"wish:{code}:{number}"
            assert await callback_planning.wish(connection, code, number, "fa", key, at.at)
    for code in (again, thrice):
        await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), first)
    query = select(callbacks.c.number, cases.c.code).join(cases, cases.c.id == callbacks.c.case_id)
    async with at.engine.connect() as connection:
        found = (await connection.execute(query.where(callbacks.c.state == "waiting"))).all()
    assert sorted(map(tuple, found)) == [(hers, first), (stranger, again)]


async def test_who_is_rung_about_a_duplicate_as_it_is_merged_hears_next_time_of_the_case_in_which_it_goes_on(
    at: Counter,
) -> None:
    """On her own number alone."""
    again, first, last = [await at.open() for _ in range(3)]
    hers, stranger = "+989141234567", "+989149999999"
    async with at.engine.begin() as connection:
        for number in (hers, stranger):
            assert await callback_planning.wish(connection, again, number, "fa", f"wish:{number}", at.at)
    ringing = [await calling.claim(at.engine, at.page, Policy(), at.at) for _ in range(2)]
    for code, into in ((again, first), (first, last)):
        await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), into)
    for placing in ringing:
        assert placing is not None
        async with at.engine.begin() as connection:
            await calling.ended(connection, placing.id, Outcome.NO_ANSWER, at.at)
    at.later(3)
    placed = [await calling.claim(at.engine, at.page, Policy(), at.at) for _ in range(2)]
    assert {each.number: each.code for each in placed if each} == {hers: last, stranger: again}


async def test_a_duplicate_lies_with_the_body_that_goes_on_with_it(at: Counter) -> None:
    first, again = await at.open(), await at.open()
    await referring.refer(at.engine, at.page, at.ask(again), "edu")
    await closing.merge(at.engine, at.page, at.ask(again, reason="همان تماس"), first)
    assert (await at.row(again)).agency == "abfa" and await at.running(again) == []
    assert (await at.case(again))["events"][-1]["details"]["from"] == "edu"


async def test_what_is_no_duplicate_is_not_merged(at: Counter) -> None:
    one, gone = await at.open(), await at.open()
    stranger, bill = await at.open(caller="09140000000"), await at.open(topic="water.bill")
    withheld = [await at.open(caller="") for _ in range(2)]
    await closing.withdraw(at.engine, at.page, at.ask(gone, "citizen"))
    for code, into, why in (
        (one, one, "into itself"),
        (one, gone, "is withdrawn, so nothing can go on"),
        (one, stranger, "not known to be of the same caller"),
        (withheld[0], withheld[1], "not known to be of the same caller"),
        (one, bill, r"about water\.supply, case \d+ about water\.bill"),
    ):
        with pytest.raises(Refused, match=why):
            await closing.merge(at.engine, at.page, at.ask(code, reason="x"), into)


async def test_noughts_in_cases_of_an_older_release_make_no_one_citizen_of_whom_they_stand_for(
    at: Counter,
) -> None:
    one, other = [await at.open() for _ in range(2)]
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(caller="0000000000", caller_key="0000000000"))
    file = await casefile.read(at.engine, Scope(), one)
    assert file is not None and not file.of_caller
    assert [each.case.code for each in file.of_matter] == [other]
    with pytest.raises(Refused, match="not known to be of the same caller"):
        await closing.merge(at.engine, at.page, at.ask(other, reason="x"), one)
    desk = at.ask(one).actor
    done = await collecting.collect(at.engine, at.page, desk, [one, other], "قطع آب", at.at)
    assert (list(done.members), list(done.merged)) == ([one, other], [])


async def test_no_answer_that_she_is_yet_to_be_told_is_merged_away(at: Counter) -> None:
    first, code = await at.open(), await answered(at)
    before = await at.row(code)
    with pytest.raises(Refused, match="an answer that she is yet to be told"):
        await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), first)
    assert await at.row(code) == before
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), first)


async def test_whose_answer_nobody_can_tell_her_by_telephone_is_told_and_closed_and_not_merged(
    at: Counter,
) -> None:
    first, code = await at.open(), await answered(at)
    await calling.dialled(at.engine, False, at.at)
    with pytest.raises(Refused, match="yet to be told") as refused:
        await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), first)
    told = locale.words()(f"refusal.{refusals.key_of(str(refused.value))}")
    assert "اگر نمی‌توان با او تماس گرفت، او را باخبر کنید" in told
    await closing.close(at.engine, at.page, at.ask(code, reason="نامه فرستاده شد"))
    assert (await at.row(code)).status == "closed"


async def test_neighbours_who_share_a_telephone_and_gave_numbers_of_their_own_are_not_merged(
    at: Counter,
) -> None:
    hers, his, none = [await at.open(callback=number) for number in ("09121111111", "09122222222", "")]
    for code, into in ((his, hers), (none, hers), (his, none)):
        with pytest.raises(Refused, match=f"case {code} is told on another number than case {into}"):
            await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), into)
    again = await at.open(callback="09121111111")
    await closing.merge(at.engine, at.page, at.ask(again, reason="همان تماس"), hers)


async def test_who_keyed_another_number_the_next_day_is_told_of_both_though_her_national_id_is_known(
    at: Counter,
) -> None:
    first, again = await at.open(), await at.open(callback="09121111111")
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(national_id="0012345679"))
    with pytest.raises(Refused, match="is told on another number"):
        await closing.merge(at.engine, at.page, at.ask(again, reason="همان تماس"), first)


async def test_neighbours_on_one_line_who_gave_their_national_ids_are_two(at: Counter) -> None:
    hers, his = await at.open(), await at.open()
    async with at.engine.begin() as connection:
        for code, national_id in ((hers, "0012345679"), (his, "0023456787")):
            known = update(cases).where(cases.c.code == code).values(national_id=national_id)
            await connection.execute(known)
    with pytest.raises(Refused, match=f"than case {hers}, or of another person") as refused:
        await closing.merge(at.engine, at.page, at.ask(his, reason="همان تماس"), hers)
    assert "کد ملی" in locale.words()(f"refusal.{refusals.key_of(str(refused.value))}")
    assert (await at.row(his)).status == "referred"


async def test_what_still_waits_goes_on_in_no_case_that_is_answered(at: Counter) -> None:
    done, again = await answered(at), await at.open()
    before = await at.row(again)
    with pytest.raises(Refused, match=f"case {done} is answered: open it again first"):
        await closing.merge(at.engine, at.page, at.ask(again, reason="همان تماس"), done)
    assert await at.row(again) == before
    await closing.reopen(at.engine, at.page, at.ask(done, reason="هنوز قطع است"))
    await closing.merge(at.engine, at.page, at.ask(again, reason="همان تماس"), done)


async def test_whose_case_the_desk_withdrew_may_open_it_again_by_telephone(at: Counter) -> None:
    code, hers, book = await at.open(), "09141234567", book_of(at.engine)
    await closing.withdraw(at.engine, at.page, at.ask(code, reason="خودش گفت"))
    seen = await book.look_up(hers, code, at.at)
    assert (seen.status, seen.may_reopen) == ("withdrawn", True)
    assert not (await book.look_up("09149999999", code, at.at)).may_reopen
    assert not (await book.look_up(hers, code, at.later(31))).may_reopen


async def test_the_desk_withdraws_no_answer_that_she_is_yet_to_be_told(at: Counter) -> None:
    code = await answered(at)
    with pytest.raises(Refused, match="an answer that she is yet to be told"):
        await closing.withdraw(at.engine, at.page, at.ask(code, reason="دیگر لازم نیست"))
    assert (await at.row(code)).status == "answered"
    await closing.withdraw(at.engine, at.page, at.ask(code, "citizen"))


async def test_a_case_that_goes_on_in_a_younger_one_loses_neither_time_nor_level_by_it(
    at: Counter, tmp_path: Path
) -> None:
    old = await at.open()
    at.later(7)
    assert await sweep(at.engine, at.page, at.at) == 1
    young, before = await at.open(), await at.row(old)
    assert before.level == "deputy_governor" and before.due_at < at.at
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), young)
    kept, [running] = await at.row(young), await at.running(young)
    days = at.page.calendar.working_days(kept.opened_at, kept.due_at, "ahar")
    assert (kept.due_at, days) == (running.due_at, 1), "no deadline lies before the opening"
    assert (kept.rung, kept.level) == (before.rung, before.level)
    told = (await at.case(young))["events"][-1]
    assert (told["what"], told["details"]["duplicate"]) == ("duplicate_merged", old)
    assert told["details"]["level"] == before.level
    at.later(9)
    await sweep(at.engine, at.page, at.at)
    assert await prove(at.engine, at.page, at.at + GRACE) == []
    assert await findings(at.engine, tmp_path) == []


async def test_a_level_is_brought_along_without_the_rungs_that_led_to_it_by_another_deadline(
    at: Counter,
) -> None:
    old = await at.open()
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(rung=20, level="head"))
    at.later(7)
    young = await at.open()
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), young)
    kept = await at.row(young)
    assert (kept.rung, kept.level) == (1, "head")
    at.later(10)
    await sweep(at.engine, at.page, at.at)
    assert (await at.row(young)).level == "governor"


async def test_another_topic_gives_the_case_in_which_an_older_one_goes_on_no_time_of_that_one_back(
    at: Counter,
) -> None:
    old, like = await at.open(), await at.open("water.bill")
    at.later(3)
    young = await at.open()
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), young)
    await pausing.change_topic(at.engine, at.page, at.ask(young, reason="قبض است"), "water.bill")
    assert (await at.row(young)).due_at == (await at.row(like)).due_at
    await pausing.change_topic(at.engine, at.page, at.ask(young, reason="آب است"), "water.supply")
    assert (await at.row(young)).due_at == (await at.row(old)).due_at


async def test_another_county_gives_a_case_no_stops_of_its_own_back_that_were_before_the_duplicate(
    at: Counter,
) -> None:
    old = await at.open("water.bill")
    at.later(3)
    young = await at.open("water.bill")
    await pausing.pause(at.engine, at.page, at.ask(young, reason="بازدید"), 2)
    at.later(2)
    await pausing.resume(at.engine, at.page, at.ask(young))
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), young)
    kept = await at.row(young)
    assert kept.stopped_days > 0 and kept.due_at == (await at.row(old)).due_at
    await pausing.change_topic(at.engine, at.page, at.ask(young, reason="تبریز است"), county="tabriz")
    assert (await at.row(young)).due_at == kept.due_at


async def test_another_county_reckons_with_no_duplicate_that_was_answered_as_it_was_merged(
    at: Counter,
) -> None:
    done = await at.open("water.bill")
    await answer(at.engine, done, "abfa", "آب وصل شد.", at.at)
    async with at.engine.begin() as connection:
        await connection.execute(update(callbacks).values(state="reached", ended_at=at.at))
    at.later(3)
    old = await at.open("water.bill")
    at.later()
    last, young = await at.open("water.bill"), await at.open("water.bill")
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), last)
    for code in (done, last):
        await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), young)
    due_at = (await at.row(young)).due_at
    assert due_at == (await at.row(old)).due_at
    await pausing.change_topic(at.engine, at.page, at.ask(young, reason="تبریز است"), county="tabriz")
    assert (await at.row(young)).due_at == due_at


async def test_opened_again_it_has_a_fair_part_of_its_topics_time_whatever_was_left_of_that(
    at: Counter,
) -> None:
    old = await at.open("water.bill")
    at.later(7)
    young, like = await at.open("water.bill"), await at.open("water.bill")
    await closing.merge(at.engine, at.page, at.ask(old, reason="همان تماس"), young)
    at.later(20)
    for code in (young, like):
        await answer(at.engine, code, "abfa", "آب وصل شد.", at.at)
        await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    assert (await at.row(young)).due_at == (await at.row(like)).due_at > at.at


async def test_the_young_case_brings_the_older_one_no_time(at: Counter) -> None:
    old = await at.open()
    at.later(1)
    young, before = await at.open(), await at.row(old)
    await closing.merge(at.engine, at.page, at.ask(young, reason="همان تماس"), old)
    kept = await at.row(old)
    assert (kept.due_at, kept.ordered_days, kept.rung) == (before.due_at, None, before.rung)


async def test_two_merges_across_leave_one_of_the_cases_open(at: Counter) -> None:
    one, two = await at.open(), await at.open()
    done = await outcomes(
        closing.merge(at.engine, at.page, at.ask(one, reason="x"), two),
        closing.merge(at.engine, at.page, at.ask(two, reason="x"), one),
    )
    assert done.count("") == 1
    assert sorted([(await at.row(one)).status, (await at.row(two)).status]) == ["merged", "referred"]
