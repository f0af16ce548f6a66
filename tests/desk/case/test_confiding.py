"""What leaves an agency leaves its sight; what is confidential tells nobody whose it is."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.search import sought
from ivr.desk.case import answers, assigning, closing, collecting, confiding, pausing, referring, splitting
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.registering import Wanted, register
from ivr.desk.case.splitting import Part
from ivr.desk.people.scope import IDENTITY, Scope
from ivr.desk.reading import as_json, casefile, queues, searching
from ivr.desk.reading.inbox import Sight
from ivr.desk.reading.queues import Queue
from ivr.desk.recordings import hearing
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import cases, people, recordings
from ivr.voice.actions import Confide
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.desk.office import WEDNESDAY, call, office, opening

HERS = "09141234567"
DESK = "gov_inspection"
ABFA = Scope("abfa")
TOLD = "کارمندی در شهرستان اهر رشوه خواسته است."


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def person(engine: AsyncEngine, name: str) -> uuid.UUID:
    id = uuid.uuid4()
    row: dict[str, object] = {
        "id": id,
        "name": name,
        "full_name": "احمدی",
        "role": "supervisor",
        "password_hash": "x",
    }
    async with engine.begin() as connection:
        row |= {"password_hash": "x", "must_change": False, "made_at": WEDNESDAY, "password_at": WEDNESDAY}
        await connection.execute(people.insert(), [row])
    return id


async def finds(at: Counter, sight: Sight, typed: str) -> list[str]:
    async with at.engine.connect() as connection:
        page = await searching.find(connection, sought(typed, "041"), sight, at.at)
    return [row.code for row in page.rows]


async def stands(at: Counter, sight: Sight) -> set[str]:
    """In any queue."""
    found: set[str] = set()
    async with at.engine.connect() as connection:
        for queue in Queue:
            found |= {row.code for row in (await queues.page(connection, queue, sight, at.at)).rows}
    return found


async def sees(at: Counter, scope: Scope, code: str) -> bool:
    return await casefile.read(at.engine, scope, code) is not None


async def test_what_leaves_an_agency_leaves_its_sight_at_once_by_every_way(at: Counter) -> None:
    code = await at.open()
    theirs = Sight("abfa", agency="abfa")
    assert await sees(at, ABFA, code) and code in await stands(at, theirs)
    assert await finds(at, theirs, code) == await finds(at, theirs, HERS) == [code]
    await referring.refer(at.engine, at.page, at.ask(code, "abfa", "شکایت از رئیس ماست"), "edu")
    assert not await sees(at, ABFA, code) and code not in await stands(at, theirs)
    assert not await finds(at, theirs, code) and not await finds(at, theirs, HERS)
    assert not await finds(at, theirs, "")
    assert await casefile.sent_on(at.engine, ABFA, code)
    assert not await casefile.sent_on(at.engine, Scope("tamin"), code)
    assert await sees(at, Scope("edu"), code)
    await referring.give_back(at.engine, at.page, at.ask(code, "edu", "نه"))
    assert not await sees(at, Scope("edu"), code) and await sees(at, Scope(), code)


async def test_a_part_is_its_bodys_and_the_whole_is_not(at: Counter) -> None:
    code = await at.open()
    parts = [Part("abfa", "لوله"), Part("edu", "مدرسه")]
    first, second = await splitting.split(at.engine, at.page, at.ask(code), parts)
    assert await sees(at, ABFA, first)
    assert not await sees(at, ABFA, second) and not await sees(at, ABFA, code)


async def test_the_desk_makes_it_confidential_and_whom_it_is_about_never_sees_it_again(at: Counter) -> None:
    code = await at.open()
    with pytest.raises(WrongField, match="reason"):
        await confiding.confide(at.engine, at.page, at.ask(code), Secrecy("abfa"))
    with pytest.raises(Refused, match="by the agency"):
        await confiding.confide(at.engine, at.page, at.ask(code, "abfa", "چرا؟"))
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "از رئیس خود می‌ترسد"), Secrecy("abfa"))
    row = await at.row(code)
    assert (row.confidential, row.accused, row.agency) == ("desk", "abfa", DESK)
    assert not await sees(at, ABFA, code) and not await casefile.sent_on(at.engine, ABFA, code)
    with pytest.raises(Refused, match="write first"):
        await referring.refer(at.engine, at.page, at.ask(code), "edu")
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "متن"), Secrecy(told=TOLD))
    for bad in (referring.refer, referring.rule):
        with pytest.raises(Refused, match="kept from that body"):
            await bad(at.engine, at.page, at.ask(code, "desk", "x"), "abfa")
    with pytest.raises(Refused, match="kept from that body"):
        parts = [Part("abfa", "لوله"), Part("edu", "مدرسه")]
        await splitting.split(at.engine, at.page, at.ask(code), parts)
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    assert await sees(at, Scope("edu"), code) and not await sees(at, ABFA, code)


async def test_nobody_is_told_whose_it_is_and_an_agency_reads_only_what_was_written_for_it(
    at: Counter,
) -> None:
    code = await at.open()
    place = {"address": "اهر، کوچهٔ مهر، پلاک ۳", "latitude": 38.4772, "longitude": 47.069}
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(place=place))
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy(told=TOLD))
    for scope in (Scope(), Scope(of_desk=True), ABFA):
        file = await casefile.read(at.engine, scope, code)
        assert file is not None and not any(getattr(file.case, name) for name in (*IDENTITY, "place"))
        assert HERS[1:] not in str(file.case)
    file = await casefile.read(at.engine, ABFA, code)
    assert file is not None and file.case.words == TOLD
    assert not file.calls and not file.recordings and "confided" not in {e.event for e in file.events}
    told = await at.case(code)
    assert HERS[1:] not in str(told) and told["confidential"] == "desk"
    assert "38.4772" not in str(told)
    assert HERS[1:] not in str([c for c in await as_json.cases(at.engine) if c["code"] == code])
    [its_call] = await as_json.calls(at.engine)
    assert its_call["case"] is None
    everybody = Sight(DESK)
    assert not await finds(at, everybody, HERS) and await finds(at, everybody, code) == [code]
    assert await finds(at, everybody, "رشوه") == [code]


async def test_it_is_among_no_callers_other_cases_and_goes_on_by_itself(at: Counter) -> None:
    code, other, stranger = await at.open(), await at.open(), await at.open(caller="09143334455")
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy(told=TOLD))
    for one in (code, other):
        file = await casefile.read(at.engine, Scope(), one)
        assert file is not None and not file.of_caller
    with pytest.raises(Refused, match="goes on by itself"):
        await closing.merge(at.engine, at.page, at.ask(other, "desk", "تکراری"), code)
    with pytest.raises(Refused, match="goes on by itself"):
        actor = at.ask(code).actor
        await collecting.collect(at.engine, at.page, actor, [stranger, code], "آب", at.at)


async def test_a_case_of_the_same_caller_does_not_tell_by_what_is_missing_that_it_is_hers(
    at: Counter,
) -> None:
    hers, her_open, sealed = [await at.open() for _ in range(3)]
    strangers = await at.open(caller="09143334455")
    for code in (sealed, strangers):
        await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy(told=TOLD))
    for page in (hers, her_open):
        file = await casefile.read(at.engine, Scope(), page)
        assert file is not None and {each.case.code for each in file.of_matter} == {sealed, strangers}


async def test_it_is_kept_from_people_by_name_and_from_the_desks_own_when_it_is_about_the_desk(
    at: Counter,
) -> None:
    code = await at.open()
    friend = await person(at.engine, "ahmadi")
    with pytest.raises(WrongField, match="nobody called"):
        unknown = Secrecy(kept_from=["nobody.here"])
        await confiding.confide(at.engine, at.page, at.ask(code, "desk", "x"), unknown)
    await confiding.confide(
        at.engine, at.page, at.ask(code, "desk", "دوست متهم است"), Secrecy(kept_from=["ahmadi"], told=TOLD)
    )
    hers, others = Scope(person=friend), Scope(person=uuid.uuid4())
    assert not await sees(at, hers, code) and await sees(at, others, code)
    sight = Sight(DESK, person=friend)
    assert code not in await stands(at, sight)
    for typed in (code, "رشوه", ""):
        assert not await finds(at, sight, typed)
        assert await finds(at, Sight(DESK, person=uuid.uuid4()), typed) == [code]
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "دربارهٔ خود ماست"), Secrecy(DESK))
    assert (await at.row(code)).agency == "abfa"
    at_the_desk = Scope(person=uuid.uuid4(), of_desk=True)
    assert not await sees(at, at_the_desk, code) and await sees(at, others, code)
    with pytest.raises(Refused, match="kept from that body"):
        await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "نه"))


async def test_no_body_has_the_draft_of_another_one_before_it(at: Counter) -> None:
    kept, gone = await at.open(), await at.open()
    for code in (kept, gone):
        await answers.propose(at.engine, at.page, at.ask(code, "abfa"), "خانم احمدی را می‌شناسیم")
    await confiding.confide(at.engine, at.page, at.ask(gone, "desk", "تهدید"), Secrecy(told=TOLD))
    await referring.rule(at.engine, at.page, at.ask(kept, "desk", "از آن آبفاست"), "abfa")
    await referring.give_back(at.engine, at.page, at.ask(gone, "abfa", "از ما نیست"))
    assert (await at.row(kept)).draft and (await at.row(gone)).draft is None


async def test_a_body_reads_nothing_of_a_duplicate_that_came_along_to_it(at: Counter) -> None:
    again, code = await at.open(), await at.open()
    await pausing.pause(at.engine, at.page, at.ask(again, "abfa", "خانم احمدی را می‌شناسیم"), 1)
    await closing.merge(at.engine, at.page, at.ask(again, "desk", "تکراری"), code)
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy(told=TOLD))
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    file = await casefile.read(at.engine, Scope("edu"), again)
    assert file is not None and "احمدی" not in str([event.details for event in file.events])


async def test_a_name_in_the_answer_of_a_body_before_it_finds_it_for_nobody(at: Counter) -> None:
    code = await at.open()
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "خانم احمدی را دیدیم", None, "")
    assert await finds(at, Sight(DESK), "احمدی") == [code]
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy(told=TOLD))
    assert not await finds(at, Sight(DESK), "احمدی")
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    assert not await finds(at, Sight("edu", agency="edu"), "احمدی")
    assert await finds(at, Sight("edu", agency="edu"), "رشوه") == [code]


async def test_a_body_reads_nothing_of_an_answer_composed_before_that_it_wrote_only_a_part_of(
    at: Counter,
) -> None:
    code = await at.open()
    wanted = [Part("abfa", "لوله"), Part("edu", "مدرسه")]
    parts = await splitting.split(at.engine, at.page, at.ask(code), wanted)
    await answers.give(at.engine, at.page, at.ask(parts[0], "abfa"), "خانم احمدی را دیدیم", None, "")
    await answers.give(at.engine, at.page, at.ask(parts[1], "edu"), "مدرسه باز شد", None, "")
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy(told=TOLD))
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    for part in parts:
        await closing.withdraw(at.engine, at.page, at.ask(part, "desk", "با هم پاسخ داده شود"))
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    file = await casefile.read(at.engine, Scope("edu"), code)
    assert file is not None and [event.actor for event in file.events if event.event == "answered"] == ["edu"]
    assert "احمدی" not in str([event.details for event in file.events]) + file.case.answer


async def test_whom_it_is_about_no_agency_learns_by_sending_it_onward(at: Counter) -> None:
    code = await at.open()
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), Secrecy("edu", told=TOLD))
    for body in ("edu", "tamin", DESK):
        with pytest.raises(Refused, match="is not sent onward: return it to the desk"):
            await referring.refer(at.engine, at.page, at.ask(code, "abfa", "از ما نیست"), body)
    await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "از ما نیست"))
    await referring.refer(at.engine, at.page, at.ask(code), "tamin")


async def test_what_is_about_the_desk_goes_to_the_body_above_it(at: Counter) -> None:
    code = await at.open("gov.conduct")
    assert (await at.row(code)).confidential == "topic"
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "از خود ما"), Secrecy(DESK, told=TOLD))
    assert (await at.row(code)).agency == "ostandari"


async def test_what_is_about_the_desk_leaves_it_only_with_what_an_agency_may_read(at: Counter) -> None:
    code = await at.open()
    with pytest.raises(Refused, match="write first"):
        await confiding.confide(at.engine, at.page, at.ask(code, "desk", "از خود ما"), Secrecy(DESK))
    assert (await at.row(code)).confidential is None


async def test_the_governors_office_reads_nothing_about_the_body_that_it_is_of_but_requests_to_meet(
    at: Counter,
) -> None:
    code = await at.open()
    wanted = Wanted("meeting", county="ahar", words="می‌خواهم استاندار را ببینم", caller=HERS)
    request = (await register(at.engine, at.page, wanted, at.at)).code
    office, desk = Scope(person=uuid.uuid4(), of_office=True), Scope(person=uuid.uuid4(), of_desk=True)
    for each in (code, request):
        await confiding.confide(at.engine, at.page, at.ask(each, "desk", "متن"), Secrecy("abfa", told=TOLD))
        assert await sees(at, office, each), "about another body"
        about = Secrecy("ostandari", told=TOLD)
        await confiding.confide(at.engine, at.page, at.ask(each, "desk", "از استانداری"), about)
        assert await sees(at, desk, each)
    assert not await sees(at, office, code) and await sees(at, office, request)


@pytest.mark.parametrize("caller", [HERS, "09143334455"])
async def test_nobody_learns_by_merging_or_collecting_whether_it_is_of_that_number(
    at: Counter, caller: str
) -> None:
    code, probe, other = await at.open(), await at.open("power.outage", caller=caller), await at.open()
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "می‌ترسد"), Secrecy(told=TOLD))
    for one, into in ((probe, code), (code, probe)):
        with pytest.raises(Refused, match=f"case {code} is confidential: it goes on by itself"):
            await closing.merge(at.engine, at.page, at.ask(one, "desk", "تکراری"), into)
    actor = at.ask(other, "desk").actor
    whole = (await collecting.collect(at.engine, at.page, actor, [probe], "قطع برق", at.at)).code
    with pytest.raises(Refused, match=f"case {code} is confidential: it goes on by itself"):
        await collecting.collect(at.engine, at.page, actor, [code], "", at.at, into=whole)


async def test_a_part_that_gets_such_a_topic_stays_with_its_body_which_reads_its_own_words(
    at: Counter,
) -> None:
    code = await at.open()
    wanted = [Part("abfa", "آب"), Part("edu", "مدرسه")]
    parts = await splitting.split(at.engine, at.page, at.ask(code), wanted)
    await pausing.change_topic(at.engine, at.page, at.ask(parts[1], "desk", "رشوه"), "gov.conduct")
    row = await at.row(parts[1])
    assert (row.confidential, row.agency, row.told) == ("topic", "edu", "مدرسه")


async def test_a_topic_makes_its_cases_confidential_and_the_desk_reads_them_first(at: Counter) -> None:
    code = await at.open("gov.conduct")
    row = await at.row(code)
    assert (row.confidential, row.agency) == ("topic", DESK)
    assert not await finds(at, Sight(DESK), HERS)


async def test_a_case_that_gets_such_a_topic_leaves_its_agency_until_the_desk_has_written_for_it(
    at: Counter,
) -> None:
    again, code = await at.open(), await at.open()
    await closing.merge(at.engine, at.page, at.ask(again, "desk", "تکراری"), code)
    await pausing.change_topic(at.engine, at.page, at.ask(code, "desk", "رشوه"), "gov.conduct")
    row = await at.row(code)
    assert (row.confidential, row.agency, row.status) == ("topic", DESK, "opened")
    assert not await sees(at, ABFA, code)
    assert not await finds(at, Sight("abfa", agency="abfa"), HERS), "nor by what went on in it"


async def test_a_request_to_meet_that_gets_such_a_topic_stays_with_whom_she_asked_to_meet(
    at: Counter,
) -> None:
    wanted = Wanted("meeting", county="ahar", words="می‌خواهم استاندار را ببینم", caller=HERS)
    code = (await register(at.engine, at.page, wanted, at.at)).code
    before = await at.row(code)
    assert before.agency != DESK
    await pausing.change_topic(at.engine, at.page, at.ask(code, "desk", "رشوه"), "gov.conduct")
    row = await at.row(code)
    assert (row.confidential, row.agency, row.status) == ("topic", before.agency, before.status)


async def test_who_opens_it_again_does_not_send_it_back_to_the_accused(at: Counter) -> None:
    code = await at.open()
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "انجام شد", None, "")
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "پاسخ دروغ است"), Secrecy("abfa"))
    assert not await sees(at, ABFA, code)
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    assert (await at.row(code)).agency == DESK


async def test_the_parts_of_a_confidential_case_are_kept_from_whom_the_whole_is(at: Counter) -> None:
    code = await at.open()
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "x"), Secrecy("abfa", told=TOLD))
    parts = [Part("tamin", "بیمه"), Part("edu", "مدرسه")]
    first, _ = await splitting.split(at.engine, at.page, at.ask(code), parts)
    with pytest.raises(Refused, match="kept from that body"):
        await referring.refer(at.engine, at.page, at.ask(first), "abfa")
    file = await casefile.read(at.engine, Scope("tamin"), first)
    assert file is not None and file.case.words == "بیمه"


async def test_her_key_makes_it_confidential_once_and_takes_it_from_the_agency(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        hers = call()
        code = await desk.intake.open_case(hers, opening())
        await desk.intake.confide(hers, Confide(code))
        await desk.intake.confide(hers, Confide(code))
        await desk.pump.idle()
        at = await counter(engine)
        row = await at.row(code)
        assert (row.confidential, row.agency, row.status) == ("caller", DESK, "opened")
        assert not await sees(at, ABFA, code)
        async with engine.connect() as connection:
            its = select(recordings.c.id).where(recordings.c.case_id == row.id)
            heard = (await connection.execute(its)).scalar_one()
        assert await hearing.recording(engine, Scope(), heard) is not None
        await confiding.confide(engine, at.page, at.ask(code, "desk", "متن"), Secrecy(told=TOLD))
        await referring.refer(engine, at.page, at.ask(code), "abfa")
        assert await hearing.recording(engine, ABFA, heard) is None
        again = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        assert again != code, "words of another call join no confidential case"
        assert len(await at.running(code)) == 1


async def test_her_key_counts_also_where_the_desk_merged_her_case_meanwhile(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        at = await counter(engine)
        earlier, hers = await at.open(), call(HERS)
        code = await desk.intake.open_case(hers, opening())
        await desk.pump.idle()
        await closing.merge(engine, at.page, at.ask(code, "desk", "تکراری"), earlier)
        await desk.intake.confide(hers, Confide(code))
        await desk.pump.idle()
    for each in (code, earlier):
        row = await at.row(each)
        assert (row.confidential, row.agency) == ("caller", DESK)
        assert not await sees(at, ABFA, each)


async def test_her_duplicates_leave_the_accuseds_sight_with_the_case_in_which_they_go_on(at: Counter) -> None:
    first, again, code = [await at.open() for _ in range(3)]
    await closing.merge(at.engine, at.page, at.ask(first, "desk", "تکراری"), again)
    await closing.merge(at.engine, at.page, at.ask(again, "desk", "تکراری"), code)
    assert await sees(at, ABFA, first) and await sees(at, ABFA, again)
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "x"), Secrecy("abfa", told=TOLD))
    theirs = Sight("abfa", agency="abfa")
    assert not any([await sees(at, ABFA, each) for each in (first, again, code)])
    assert not await finds(at, theirs, HERS) and not await finds(at, Sight(DESK), HERS)
    assert {(await at.row(each)).told for each in (first, again)} == {TOLD}, "and no word of hers"


async def test_her_duplicates_go_where_the_case_goes_in_which_they_go_on(at: Counter, tmp_path: Path) -> None:
    first, again, code = [await at.open() for _ in range(3)]
    await closing.merge(at.engine, at.page, at.ask(first, "desk", "تکراری"), again)
    await closing.merge(at.engine, at.page, at.ask(again, "desk", "تکراری"), code)
    await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "نه"))
    await referring.rule(at.engine, at.page, at.ask(code, "desk", "آموزش و پرورش"), "edu")
    for each in (first, again, code):
        assert not await sees(at, ABFA, each) and await sees(at, Scope("edu"), each)
    assert not await finds(at, Sight("abfa", agency="abfa"), HERS)
    assert len(await finds(at, Sight("edu", agency="edu"), HERS)) == 3
    story = (await at.case(first))["events"]
    assert [each["what"] for each in story][-3:] == ["merged", "went_along", "went_along"]
    assert story[-1]["details"] == {"with": code, "from": DESK, "agency": "edu"}
    assert await findings(at.engine, tmp_path) == []


async def test_a_duplicate_of_a_member_goes_where_the_collective_case_goes(at: Counter) -> None:
    code, again, stranger = await at.open(), await at.open(), await at.open(caller="09143334455")
    await closing.merge(at.engine, at.page, at.ask(again, "desk", "تکراری"), code)
    actor = at.ask(code).actor
    whole = (await collecting.collect(at.engine, at.page, actor, [code, stranger], "قطع آب", at.at)).code
    await referring.refer(at.engine, at.page, at.ask(whole), "edu")
    assert (await at.row(again)).agency == (await at.row(code)).agency == "edu"


async def test_what_the_desk_writes_for_another_body_is_not_read_off_a_duplicate(at: Counter) -> None:
    again, code = await at.open(), await at.open()
    await closing.merge(at.engine, at.page, at.ask(again, "desk", "تکراری"), code)
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "می‌ترسد"))
    assert (await at.row(again)).agency == DESK
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "برای آموزش"), Secrecy(told=TOLD))
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    assert not await sees(at, ABFA, again) and await sees(at, Scope("edu"), again)


async def test_a_collective_case_is_not_confidential_but_a_member_that_leaves_it_is(at: Counter) -> None:
    codes = [await at.open(caller=caller) for caller in (HERS, "09143334455")]
    actor = at.ask(codes[0]).actor
    whole = (await collecting.collect(at.engine, at.page, actor, codes, "قطع آب", at.at)).code
    with pytest.raises(Refused, match="make its members confidential"):
        await confiding.confide(at.engine, at.page, at.ask(whole, "desk", "x"), Secrecy("abfa"))
    with pytest.raises(Refused, match="make its members confidential"):
        await pausing.change_topic(at.engine, at.page, at.ask(whole, "desk", "رشوه"), "gov.conduct")
    await confiding.confide(at.engine, at.page, at.ask(codes[0], "desk", "x"), Secrecy("abfa"))
    hers = await at.row(codes[0])
    assert (hers.confidential, hers.agency, hers.member_of) == ("desk", DESK, None)
    story = (await at.case(codes[0]))["events"]
    assert [each["what"] for each in story][-2:] == ["confided", "referred"]
    assert story[-2]["details"]["left_collective"]
    assert not await sees(at, ABFA, codes[0]) and await sees(at, ABFA, codes[1])


async def test_opened_again_it_goes_to_no_body_that_could_not_read_it(at: Counter) -> None:
    code = await at.open()
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "انجام شد", None, "")
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "می‌ترسد"))
    assert (await at.row(code)).agency == "abfa", "it is over, as far as they know"
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    assert (await at.row(code)).agency == DESK


@pytest.mark.parametrize("secrecy", [Secrecy("abfa", told=TOLD), Secrecy()])
async def test_handed_back_it_goes_to_no_body_that_may_not_read_it(at: Counter, secrecy: Secrecy) -> None:
    code = await at.open()
    await answers.give(at.engine, at.page, at.ask(code, "abfa"), "انجام شد", None, "")
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "می‌ترسد"), secrecy)
    await answers.hand_back(at.engine, at.page, at.ask(code, "desk", "پاسخ نیست"))
    row = await at.row(code)
    assert (row.agency, row.status) == (DESK, "opened")
    assert [each.agency for each in await at.running(code)] == [DESK]


async def test_it_stays_in_no_hands_of_whom_it_is_kept_from(at: Counter) -> None:
    code, friend = await at.open("gov.conduct"), await person(at.engine, "ahmadi")
    await assigning.hand(at.engine, at.page, at.ask(code), friend)
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "x"), Secrecy(told=TOLD))
    assert (await at.row(code)).person_id == friend
    secrecy = Secrecy(kept_from=["ahmadi"])
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "دوست متهم است"), secrecy)
    assert (await at.row(code)).person_id is None


async def test_the_seal_is_part_of_what_is_vouched_for(at: Counter, tmp_path: Path) -> None:
    code = await at.open()
    await confiding.confide(at.engine, at.page, at.ask(code, "desk", "x"), Secrecy("abfa", told=TOLD))
    assert await findings(at.engine, tmp_path) == []
    async with at.engine.begin() as connection:
        await connection.execute(text("UPDATE cases SET confidential = NULL, accused = NULL"))
    assert any(code in str(each) for each in await findings(at.engine, tmp_path))
