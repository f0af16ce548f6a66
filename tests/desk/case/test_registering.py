"""The service desk: a case that did not come by telephone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.suggest import Suggester
from ivr.desk.case import answers, closing, pausing, referring, suggestion_outcomes
from ivr.desk.case.registering import Registered, Wanted, register
from ivr.desk.counter import audio
from ivr.desk.meetings import request_deciding, request_list
from ivr.desk.refusals import Refused, WrongField
from ivr.store.tables import cases, outbox, recordings, suggestions
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.fixtures.commands import ivr, typed
from tests.fixtures.hotline import write_tone
from tests.fixtures.learned import nothing_learned
from tests.fixtures.province import CONVENTIONS

WATER = "آب خونمون سه روزه قطعه تانکر هم نفرستادن"
VAGUE = "یک نفر رسیدگی کند"


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


def tone(folder: Path, seconds: float = 1.0) -> bytes:
    path = folder / "tone.wav"
    write_tone(path, 440, seconds)
    return path.read_bytes()


async def registered(at: Counter, wanted: Wanted, suggester: Suggester | None = None) -> Registered:
    return await register(at.engine, at.page, wanted, at.at, suggester)


async def test_it_opens_as_a_call_s_does_with_the_same_rules_and_goes_on_like_one(
    at: Counter, tmp_path: Path
) -> None:
    wanted = Wanted("complaint", "water.supply", "ahar", WATER, "09141234567", by="karimi")
    done = await registered(at, wanted)
    by_phone, by_desk = await at.case(await at.open()), await at.case(done.code)
    same = ("kind", "topic", "county", "agency", "status", "language", "due_at", "level", "next_rung_at")
    assert {n: by_desk[n] for n in same} == {n: by_phone[n] for n in same}
    assert (by_desk["channel"], by_desk["words"], by_desk["call_id"]) == ("desk", WATER, None)
    assert [(e["what"], e["actor"]) for e in by_desk["events"]] == [("opened", "karimi"), ("referred", "ivr")]
    async with at.engine.connect() as connection:
        payloads = (await connection.execute(select(outbox.c.payload))).scalars().all()
    assert {"case": by_desk["code"]} in payloads
    await answers.give(at.engine, at.page, at.ask(done.code, "abfa"), "وصل شد")
    assert await findings(at.engine, tmp_path, done.code) == []


@pytest.mark.parametrize("kind", ["request", "complaint"])
async def test_a_request_that_the_desk_gives_the_topic_of_meetings_stands_on_the_list_of_those_who_wait(
    at: Counter, tmp_path: Path, kind: str
) -> None:
    wanted = Wanted(kind, "water.supply", "ahar", WATER, "09141234567")
    code, at_once = (await registered(at, wanted)).code, replace(wanted, topic="gov.meeting")
    at_once_code = (await registered(at, at_once)).code
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="استاندار را می‌خواهد"), "gov.meeting")
    async with at.engine.connect() as connection:
        wishes = await request_list.listed(connection, at.page, at.at)
    assert {wish.code for wish in wishes} == ({code, at_once_code} if kind == "request" else set())
    for each in (code, at_once_code):
        await pausing.change_topic(at.engine, at.page, at.ask(each, reason="به اشتباه"), "water.supply")
        assert (await at.row(each)).kind == kind, "a slip is undone"
    assert await findings(at.engine, tmp_path) == []


async def test_what_the_office_has_decided_as_a_request_to_meet_stays_one_whatever_its_topic(
    at: Counter,
) -> None:
    code = (await registered(at, Wanted("request", "water.supply", "ahar", WATER, "09141234567"))).code
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="استاندار را می‌خواهد"), "gov.meeting")
    await request_deciding.review(at.engine, at.page, at.ask(code))
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="دربارهٔ آب"), "water.supply")
    assert (await at.row(code)).kind == "meeting"


async def test_a_request_that_an_older_release_left_with_the_topic_of_meetings_is_given_it_once_more(
    at: Counter,
) -> None:
    code = (await registered(at, Wanted("request", "gov.meeting", "ahar", WATER, "09141234567"))).code
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(kind="request"))
    ask = at.ask(code, reason="استاندار را می‌خواهد")
    await pausing.change_topic(at.engine, at.page, ask, "gov.meeting")
    assert (await at.row(code)).kind == "meeting"
    with pytest.raises(Refused, match=r"about gov\.meeting already"):
        await pausing.change_topic(at.engine, at.page, at.ask(code, reason="باز هم"), "gov.meeting")


async def test_words_that_were_changed_without_an_event_are_found(at: Counter, tmp_path: Path) -> None:
    done = await registered(at, Wanted("request", "water.supply", words=WATER))
    async with at.engine.begin() as connection:
        await connection.execute(update(cases).values(words="همه چیز خوب است"))
    (found,) = await findings(at.engine, tmp_path, done.code)
    assert found.kind == "case_changed"


async def test_clear_words_find_their_agency_and_unclear_ones_a_person(
    at: Counter, suggester: Suggester
) -> None:
    clear = await registered(at, Wanted("complaint", county="ahar", words=WATER), suggester)
    vague = await registered(at, Wanted("complaint", county="ahar", words=VAGUE), suggester)
    assert [((r := await at.row(d.code)).topic, r.agency, r.status) for d in (clear, vague)] == [
        ("water.supply", "abfa", "referred"),
        (at.page.other_topic, at.page.rules.desk, "referred"),
    ]
    assert clear.suggestion is not None and clear.suggestion.assigned


async def test_a_town_that_words_or_the_address_name_has_its_own_municipality(
    at: Counter, suggester: Suggester
) -> None:
    street, plain = "city.street", Wanted("complaint", "city.street", words="چاله را پر کنید")
    there: list[Wanted] = [
        replace(plain, words="تو صوفیان چاله های خیابون رو پر نمیکنن"),
        replace(plain, place={"address": "صوفیان، خیابان امام"}),
        replace(plain, county="shabestar", place={"address": "خیابان اصلی صوفیان"}),
        replace(plain, county="marand", words="شهرداری صوفیان"),  # of another county than the one she gave
        replace(plain, place={"address": "خیابان صوفیان"}),  # it may be anywhere
    ]
    cases = [await at.row((await registered(at, wanted, suggester)).code) for wanted in there]
    assert [(case.topic, case.county or "", case.agency) for case in cases] == [
        *[(street, "shabestar", "shahrdari_shabestar_sufian")] * 3,
        (street, "marand", "shahrdari_marand"),
        (street, "", "gov_urban"),
    ]


async def test_the_fate_of_every_suggestion_is_kept(at: Counter, suggester: Suggester) -> None:
    wrong, right, vague = [
        (await registered(at, Wanted("complaint", county="ahar", words=w), suggester)).code
        for w in (WATER, WATER, VAGUE)
    ]
    chosen = (await registered(at, Wanted("complaint", "energy.gas", "ahar", WATER), suggester)).code
    await referring.refer(at.engine, at.page, at.ask(wrong, "desk/sadr"), "edu")
    assert (await suggestion_outcomes.summary(at.engine))["decided"] == 3, "the desk is no choice"
    await pausing.change_topic(at.engine, at.page, at.ask(vague, "desk", "خواندم"), "water.bill")
    await referring.refer(at.engine, at.page, at.ask(vague, "desk/sadr"), "abfa")
    await closing.advise(at.engine, at.page, at.ask(right, "desk", "به دادگاه بروید."))  # whose, as before
    await closing.reopen(at.engine, at.page, at.ask(right, "citizen"))
    found = await suggestion_outcomes.summary(at.engine)
    kept = {one["case"]: one for one in await suggestion_outcomes.listed(at.engine)}
    assert (found["suggestions"], found["decided"]) == (4, 4)
    assert (found["assigned"], found["assigned_wrong"], found["assigned_error"]) == (2, 1, 0.5)
    told = {code: (kept[code]["chosen_agency"], kept[code]["chosen_by"]) for code in kept}
    assert told[right] == ("abfa", "ivr") and told[wrong] == ("edu", "desk/sadr")
    assert told[vague] == ("abfa", "desk/sadr") and kept[vague]["chosen_topic"] == "water.bill"
    assert told[chosen][1] == "desk" and len(kept[right]["top"]) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "gossip"}, "kind"),
        ({"topic": "moon"}, "topic"),
        ({"county": "moon"}, "county"),
        ({"language": "xx"}, "language"),
        ({"topic": "", "words": " "}, "words"),
        ({"words": "x" * 4001}, "words"),
        ({"words": "a\0b"}, "words"),
        ({"words": "\ud800"}, "words"),
        ({"caller": "nobody"}, "caller"),
        ({"caller_name": "x" * 201}, "caller_name"),
        ({"callback": "+14155550100"}, "callback"),
        ({"national_id": "1234567890"}, "national_id"),
        ({"national_id": "-"}, "national_id"),
    ],
)
async def test_what_will_not_do_names_its_field_and_writes_nothing(
    at: Counter, change: dict[str, str], field: str
) -> None:
    wanted = replace(Wanted("request", "water.supply", words=WATER), **change)  # type: ignore[arg-type]
    with pytest.raises(WrongField, match=f"^{field}: ") as refused:
        await registered(at, wanted)
    assert refused.value.field == field
    async with at.engine.connect() as connection:
        assert (await connection.execute(select(cases.c.id))).all() == []


async def test_a_soft_line_break_or_a_page_break_in_her_words_is_a_line_break(at: Counter) -> None:
    done = await registered(at, Wanted("request", "water.supply", words="آب نیست\x0bتانکر\x0cهم نیامد\x0c"))
    assert (await at.case(done.code))["words"] == "آب نیست\nتانکر\nهم نیامد"
    with pytest.raises(WrongField, match=r"^caller_name: "):
        await registered(at, Wanted("request", "water.supply", caller_name="a\x0bb"))


@pytest.mark.parametrize("given", ["۰۰۱-۲۳۴۵۶۷-۹", "\u200e001 234567 9\u200e", "٠٠١٢٣٤٥٦٧٩"])
async def test_a_national_id_is_ten_digits_however_it_is_written(at: Counter, given: str) -> None:
    done = await registered(at, Wanted("request", "water.supply", national_id=given))
    async with at.engine.connect() as connection:
        found = await connection.execute(select(cases.c.national_id).where(cases.c.id == done.id))
    assert found.scalar_one() == "0012345679"


async def test_a_recording_handed_in_belongs_to_the_case(at: Counter, tmp_path: Path) -> None:
    kept = audio.put(tone(tmp_path), tmp_path / "recordings", at.at)
    done = await registered(at, Wanted("request", audio=kept))
    async with at.engine.connect() as connection:
        row = (await connection.execute(select(recordings))).one()
    assert (row.case_id, row.seconds, row.silent, row.ended) == (done.id, 1.0, False, "uploaded")
    assert await findings(at.engine, tmp_path, done.code) == []


async def test_of_the_latest_fates_those_of_so_many_days_are_listed_where_days_are_given(
    at: Counter, suggester: Suggester, database_url: str, tmp_path: Path
) -> None:
    code = (await registered(at, Wanted("complaint", county="ahar", words=WATER), suggester)).code
    async with at.engine.begin() as connection:
        await connection.execute(update(suggestions).values(suggested_at=func.now() - timedelta(days=3)))
    listed = ("route", "fates", "--list", "5", "--json")
    for days, codes in (("0", [code]), ("4", [code]), ("2", [])):
        exit_code, said = await ivr(database_url, tmp_path, *listed, "--days", days)
        assert (exit_code, [each["case"] for each in json.loads(said)]) == (0, codes), days


async def test_from_the_command_line(database_url: str, tmp_path: Path) -> None:
    sound = tmp_path / "words.wav"
    write_tone(sound, 440, 1.0)
    words = ("--words", WATER, "--county", "ahar", "--caller", "09141234567", "--audio", str(sound))
    exit_code, said = await ivr(database_url, tmp_path, "case", "open", "complaint", *words, "--json")
    case = json.loads(said)
    assert exit_code == 0 and (case["agency"], case["topic"]) == ("abfa", "water.supply")
    assert case["suggestion"][0]["agency"] == "abfa"
    assert Path(case["recordings"][0]["path"]).read_bytes() == sound.read_bytes()
    assert await ivr(database_url, tmp_path, "case", "open", "gossip", "--topic", "water.supply") == (
        1,
        "kind: must be one of complaint, criticism, suggestion, request, meeting",
    )
    exit_code, said = await ivr(database_url, tmp_path, "route", "fates", "--json")
    assert (exit_code, json.loads(said)["top1"]) == (0, 1)


async def test_where_nothing_can_be_learned_a_case_is_opened_all_the_same_and_that_is_said(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seed = {"IVR_PROVINCE__SEED": str(nothing_learned(tmp_path).folder)}
    asked = ("complaint", "--words", WATER, "--county", "ahar", "--json")
    exit_code, said, _ = await typed(database_url, tmp_path, "case", "open", *asked, **seed)
    assert exit_code == 0 and json.loads(said)["words"] == WATER
    assert "examples.yaml: there is no topic 'gone.topic'" in caplog.text  # which goes to standard error


async def test_a_third_language_of_the_installation_is_taken_and_no_other(at: Counter) -> None:
    third = replace(at.page, conventions=replace(CONVENTIONS, languages=("fa", "az", "ku")))
    wanted = Wanted("complaint", "water.supply", "ahar", WATER, language="ku")
    done = await register(at.engine, third, wanted, at.at)
    assert (await at.case(done.code))["language"] == "ku"
    with pytest.raises(WrongField, match="must be one of fa, az, ku"):
        await register(at.engine, third, replace(wanted, language="xx"), at.at)


async def test_words_and_address_find_nothing_that_is_retired(at: Counter, suggester: Suggester) -> None:
    at.page = replace(
        at.page, retired_topics=frozenset({"water.supply"}), retired_counties=frozenset({"ahar"})
    )
    by_address = Wanted("complaint", words=WATER, place={"address": "اهر، خیابان امام"})
    for wanted in (by_address, Wanted("complaint", words=f"{WATER} تو اهر")):
        done = await registered(at, wanted, suggester)
        row = await at.row(done.code)
        assert (row.topic, row.county, row.agency) == (at.page.other_topic, None, at.page.rules.desk)
        assert done.suggestion is not None and not done.suggestion.assigned
        assert "water.supply" not in {guess.topic for guess in done.suggestion.top}
    assert (await suggestion_outcomes.summary(at.engine))["assigned"] == 0


async def test_a_retired_topic_or_county_gets_no_case_and_a_case_that_has_one_keeps_it(at: Counter) -> None:
    code = await at.open("water.bill", "leylan")
    at.page = replace(
        at.page, retired_topics=frozenset({"water.bill"}), retired_counties=frozenset({"leylan"})
    )
    for wanted in (Wanted("complaint", "water.bill"), Wanted("complaint", "water.supply", "leylan")):
        with pytest.raises(WrongField, match="no such"):
            await registered(at, wanted)
    await pausing.change_topic(at.engine, at.page, at.ask(code, reason="همان‌جا"), county="ahar")
    with pytest.raises(Refused, match="no county"):
        await pausing.change_topic(at.engine, at.page, at.ask(code, reason="چرا"), county="leylan")
