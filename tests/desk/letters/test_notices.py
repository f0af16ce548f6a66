"""Who is told what: the province's notices.yaml."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.kinds import Kind
from ivr.cases.statuses import Status
from ivr.commands import doctor
from ivr.desk.book.seeds import SeedError
from ivr.desk.editing.changing import change, wish
from ivr.desk.editing.nouns import NOTICE
from ivr.desk.editing.undoing import undo
from ivr.desk.letters import held_events, outgoing
from ivr.desk.letters.notices import (
    FIELDS,
    AddressedNotice,
    Contact,
    Notice,
    Notices,
    filled,
    for_reading,
    in_force,
    letters,
    load,
    load_sparing,
    names_in,
)
from ivr.settings import Settings
from ivr.voice import script
from tests.desk.editing.test_changing import why
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.database import SEED
from tests.fixtures.province import calendar

CASE = {"topic": "water.supply", "agency": "abfa", "language": "fa"}
HERS = "+989141234567"


def written(folder: Path, text: str) -> Notices:
    (folder / "notices.yaml").write_text(text, encoding="utf-8")
    return load(folder)


def test_the_provinces_own_file_is_right_and_names_nobody() -> None:
    notices = load(SEED)
    assert notices.notices and not notices.contacts
    assert all(n.text for n in notices.notices)


async def test_the_doctor_names_who_and_what_a_notice_or_contact_is_for_that_there_is_nothing_of(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(SEED, seed)
    settings = Settings(state=tmp_path, database_url=database_url, province={"seed": str(seed)})
    assert (await doctor._leaving(settings)).ok  # this check alone: all of them take seconds
    with (seed / "notices.yaml").open("r+", encoding="utf-8") as file:
        lines = file.read().replace(
            "contacts: []",
            """contacts:
  - {agency: abfa, level: head, email: [head@abfa.example]}
  - {agency: abfaa, level: haed, email: [head@abfa.example]}""",
        )
        lines = lines.replace("on: case_answered", "on: case_anwsered", 1)
        file.seek(0)
        file.write(lines)
    found = await doctor._leaving(settings)  # likewise
    assert not found.ok and "contact 1" not in found.found
    for said in ("contact 2: there is no agency abfaa", "contact 2: there is no level haed"):
        assert f"notices.yaml, {said}" in found.found
    assert ": there is no event case_anwsered" in found.found


def test_kind_status_and_level_are_told_in_the_province_s_words_and_a_strange_one_by_its_code() -> None:
    its = load(SEED)
    assert {*its.kinds} == {*Kind} and {*its.statuses} == {*Status}
    assert {*its.levels} == {"officer", "head", "deputy_governor", "governor"}
    asking = Notice(on="case_escalated", to="citizen", by="sms", text="{kind}، {status}، {level}")
    words = {"kind": "complaint", "status": "in_progress", "level": "mayor"}
    [told] = letters(its.model_copy(update={"notices": [asking]}), asking.on, CASE, words, HERS)
    assert told.text == "شکایت، در دست اقدام، mayor"


def test_no_file_means_no_notices(tmp_path: Path) -> None:
    (tmp_path / "areas.yaml").touch()
    assert load(tmp_path) == Notices()


@pytest.mark.parametrize("null", ["~", "null"])
def test_a_key_that_is_said_to_be_nothing_is_one_that_is_left_out(tmp_path: Path, null: str) -> None:
    contact = "agency: abfa, email: [head@abfa.example]"
    notice = f"{{on: case_answered, to: citizen, by: sms, topic: {null}, text: x}}"
    written(tmp_path, f"contacts: [{{{contact}, level: {null}}}]\nnotices: [{notice}]")
    assert load(tmp_path).contacts[0].level == "" and load(tmp_path).notices[0].topic == "*"
    with pytest.raises(SeedError, match=r"notices\[0\]\.to: Field required"):
        written(tmp_path, f"notices: [{notice.replace('citizen', null)}]")
    assert written(tmp_path, f"no_county: '{null}'").no_county == null


NOTICES = """
contacts:
  - {agency: abfa, email: [desk@abfa.example], webhook: ["https://abfa.example/111"]}
  - {agency: abfa, level: head, email: [head@abfa.example], sms: ["09120000000"]}
  - {level: governor, email: [governor@ostan.example]}
notices:
  - {on: case_answered, to: citizen, by: sms, text: "پاسخ {code}"}
  - {on: case_answered, to: citizen, by: sms, topic: water.*, text: {fa: "آب: {answer}", az: "su"}}
  - {on: case_answered, to: citizen, by: sms, topic: water.bill, text: {fa: "قبض", az: "جواب وئریلدی"}}
  - {on: case_escalated, to: level, by: email, subject: "{code}", text: "{agency} {level}"}
  - {on: case_escalated, to: level, by: sms, text: "{code}"}
  - {on: case_referred, to: agency, by: email, text: "{reason}"}
"""


@pytest.mark.parametrize(
    ("event", "case", "words", "expected"),
    [
        ("case_answered", {}, {"answer": "{code}"}, [("sms", "+989141234567", "آب: {code}")]),
        ("case_answered", {"language": "az"}, {"answer": "x"}, [("sms", "+989141234567", "آب: x")]),
        (
            "case_answered",
            {"language": "az", "topic": "water.bill"},
            {},
            [("sms", "+989141234567", "جواب وئریلدی")],
        ),
        ("case_answered", {"topic": "road.hole"}, {"code": "1"}, [("sms", "+989141234567", "پاسخ 1")]),
        (
            "case_escalated",
            {},
            {"level": "head", "code": "1", "agency": "آبفا"},
            [("email", "head@abfa.example", "آبفا head"), ("sms", "+989120000000", "1")],
        ),
        ("case_escalated", {}, {"level": "governor"}, [("email", "governor@ostan.example", " governor")]),
        ("case_escalated", {"agency": "gas"}, {"level": "deputy"}, []),
        ("case_referred", {}, {}, [("email", "desk@abfa.example", "")]),
        ("case_opened", {}, {}, [("email", "desk@abfa.example", "")]),
        ("case_closed", {}, {}, []),
    ],
)
def test_the_most_particular_notice_goes_to_whom_it_concerns(
    tmp_path: Path,
    event: str,
    case: dict[str, Any],
    words: dict[str, str],
    expected: list[tuple[str, str, str]],
) -> None:
    found = letters(written(tmp_path, NOTICES), event, CASE | case, words, HERS)
    assert [(n.by, n.to, n.text) for n in found if n.by != "webhook"] == expected


def test_a_contact_of_any_body_and_level_is_told_where_nobody_nearer_is(tmp_path: Path) -> None:
    anybody = '  - {email: [all@ostan.example], webhook: ["https://ostan.example/111"]}\n'
    notices = written(tmp_path, NOTICES.replace("notices:\n", f"{anybody}notices:\n"))
    all_ = [("email", "all@ostan.example", True), ("webhook", "https://ostan.example/111", True)]
    for agency, event, level, expected in (
        ("gas", "case_referred", "", all_),
        ("gas", "case_escalated", "head", all_),
        ("gas", "case_escalated", "governor", [("email", "governor@ostan.example", True)]),
        ("abfa", "case_escalated", "head", [("email", "head@abfa.example", False)]),
        ("abfa", "case_escalated", "deputy_governor", [("email", "desk@abfa.example", False)]),
    ):
        found = letters(notices, event, CASE | {"agency": agency}, {"level": level})
        seen = [(n.by, n.to, n.bodiless) for n in found if n.by != "sms" and "abfa.example/" not in n.to]
        assert seen == expected, (agency, event, level)


def test_a_mistyped_address_of_any_body_waits_like_a_right_one(tmp_path: Path) -> None:
    text = NOTICES.replace("notices:\n", "  - {email: [nobody]}\nnotices:\n")
    (tmp_path / "notices.yaml").write_text(text, encoding="utf-8")
    notices, _ = load_sparing(tmp_path)
    found = letters(notices, "case_referred", CASE | {"agency": "gas"}, {})
    assert [(n.to, bool(n.fault), n.bodiless) for n in found if n.by == "email"] == [("", True, True)]


def test_where_she_may_not_be_written_to_nothing_is(tmp_path: Path) -> None:
    found = letters(written(tmp_path, NOTICES), "case_answered", CASE, {})
    assert [each.by for each in found] == ["webhook"]


def test_a_webhook_hears_of_everything_that_concerns_it(tmp_path: Path) -> None:
    found = letters(written(tmp_path, NOTICES), "case_closed", CASE, {})
    assert found == [AddressedNotice("webhook", "https://abfa.example/111")]


ANSWERED = {"on": "case_answered", "to": "citizen", "by": "sms"}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('accounts: [{on: password_set, subject: "", text: "{nmae}"}]', "accounts[0].text"),
        ('accounts: [{on: password_set, subject: "{}", text: ""}]', "accounts[0].subject"),
        ('accounts: [{on: password_set, subject: "{name.first}", text: ""}]', "accounts[0].subject"),
        ("notices: [{on: case_opened, to: citizen, by: sms, text: {}}]", "notices[0].text"),
    ],
)
def test_every_mistake_is_one_sentence_that_names_file_line_and_key(
    tmp_path: Path, text: str, key: str
) -> None:
    with pytest.raises(SeedError, match=rf"notices\.yaml:1:\d+: {re.escape(key)}"):
        written(tmp_path, text)


async def sent(engine: AsyncEngine, file: Notices, event: str = "case_answered") -> list[tuple[str, ...]]:
    """Way, subject and text of what leaves the house now, because of an event of a case about water."""
    async with engine.connect() as connection:
        found = letters(await in_force(connection, file), event, CASE, {"code": "7"}, HERS)
    return [(n.by, n.subject, n.text) for n in found if n.by != "webhook"]


async def test_what_people_changed_stands_over_the_file_until_it_is_undone(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    file = written(tmp_path, NOTICES)
    water = ANSWERED | {"topic": "water.*", "text": {"fa": "تازه {code}"}}
    [done] = await change(engine, why(), wish(NOTICE, water))
    assert await sent(engine, file) == [("sms", "", "تازه 7")]
    await change(engine, why(), wish(NOTICE, water | {"retired": "true"}))
    assert await sent(engine, file) == [("sms", "", "پاسخ 7")], "the more general one of the file"
    [general] = await change(engine, why(), wish(NOTICE, ANSWERED | {"text": "x", "retired": "true"}))
    assert await sent(engine, file) == []
    await undo(engine, why(), general.number)
    await undo(engine, why(), done.number + 1)
    await undo(engine, why(), done.number)
    assert await sent(engine, file) == [("sms", "", "آب: ")]


async def test_people_add_notices_that_no_file_has(engine: AsyncEngine, tmp_path: Path) -> None:
    mail = {"on": "case_closed", "to": "agency", "by": "email"}
    mail |= {"subject": "پرونده\n{code}", "text": "بسته شد.\r\n\r\n  پروندهٔ   {code}\n"}
    await change(engine, why(), wish(NOTICE, mail))
    found = await sent(engine, written(tmp_path, NOTICES), "case_closed")
    assert found == [("email", "پرونده 7", "بسته شد.\n\nپروندهٔ 7")], "one line above, lines below"
    (tmp_path / "notices.yaml").rename(tmp_path / "notices.before")
    assert await sent(engine, load(tmp_path), "case_closed") == [], "nobody is reached without contacts"


async def test_of_two_in_the_file_for_the_same_the_first_is_sent(engine: AsyncEngine, tmp_path: Path) -> None:
    twice = "notices:\n" + "".join(
        f"  - {{on: case_answered, to: citizen, by: sms, text: {each}}}\n" for each in ("first", "second")
    )
    assert await sent(engine, written(tmp_path, twice)) == [("sms", "", "first")]


async def test_a_row_that_this_release_cannot_send_leaves_the_word_to_the_file(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    later = """INSERT INTO notices ("on", "to", by, topic, subject, text)
        VALUES ('case_answered', 'citizen', 'sms', 'water.*', '{}', '{"fa": "{of_a_later_release}"}')"""
    async with engine.begin() as connection:
        await connection.exec_driver_sql(later)
    assert await sent(engine, written(tmp_path, NOTICES)) == [("sms", "", "آب: ")]
    assert "case_answered to citizen by sms for water.* is passed over" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("notices:\n  - {on: case_x, to: citizen, by: sms, text: '{colour}'}", r":2:\d+: notices\[0\]\.text"),
        ("notices:\n  - {on: case_x, to: citizen, by: sms, text: '{code.x}'}", "stands for nothing"),
        ("notices:\n  - {on: case_x, to: citizen, by: sms, text: '{code!r}'}", "{code!r} stands for nothing"),
        ("notices:\n  - {on: case_x, to: citizen, by: sms, text: '{code'}", "brace too many or too few"),
        ("notices:\n  - {on: case_x, to: mayor, by: sms, text: x}", r":2:\d+: notices\[0\]\.to"),
        ("notices:\n  - {on: case_x, to: citizen, by: email, text: x}", "leaves a telephone number"),
        ("contacts:\n  - agency: abfa\n    sms: ['110']", r":3:\d+: contacts\[0\]\.sms.*no Iranian mobile"),
        ("contacts:\n  - agency: abfa\n    webhook: ['file:///etc/passwd']", r":3:\d+: contacts\[0\]\.web"),
        ("contacts:\n  - agency: abfa\n    mail: [x]", r"contacts\[0\]\.mail"),
        ("contacts: {a: *b}", "aliases"),
        ("- a", "notices.yaml:1:1"),
    ],
)
def test_every_mistake_names_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SeedError, match=said):
        written(tmp_path, text)


def test_for_whom_an_event_waits_is_read_back_and_an_earlier_release_held_it_for_all() -> None:
    lacking = [AddressedNotice("sms", "+98", fault="notices.yaml:3: a: for b: c", hers=True)]
    lacking.append(AddressedNotice("email", "", fault="notices.yaml:4: d"))
    reason = held_events.as_held(held_events.why(lacking), WEDNESDAY)["last_error"]
    assert reason == "waits for notices.yaml: for citizen, email: notices.yaml:3: a: for b: c"
    assert held_events.held_for(reason) == {"citizen", "email"}
    assert held_events.held_for("waits for notices.yaml: notices.yaml:3: a: b") == held_events.ANYBODY
    assert not held_events.held_for(None) and not held_events.held_for("the gateway answered 503")


async def test_a_body_reads_that_the_county_is_unknown_where_nobody_knows_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        await desk.intake.open_case(call(), opening(county=""))
        await desk.pump.idle()
    its = load(SEED).model_copy(update={"contacts": [Contact(email=["all@ostan.example"])]})
    await outgoing.spread(engine, its, await outgoing.lease(engine, WEDNESDAY), calendar(), WEDNESDAY)
    [mail] = [each for each in await outgoing.lease(engine, WEDNESDAY) if each.kind == "email"]
    assert " در شهرستان نامعلوم به " in mail.payload["text"]


def test_no_message_to_a_citizen_is_longer_than_two_parts_with_what_usually_stands_in_it() -> None:
    usual = dict.fromkeys(FIELDS, "") | {"code": "1234567890", "due": "۱۴۰۵/۰۹/۰۴", "way": "تصویری"}
    usual |= {"when": "۱۴۰۵/۰۹/۱۰ ۱۱:۳۰", "place": "تبریز، میدان شهدا، استانداری، سالن جلسات"}
    for notice in load(SEED).notices:
        if notice.to == "citizen":
            for language in notice.text if isinstance(notice.text, dict) else ("fa",):
                assert len(filled(notice.text, language, usual)) <= 2 * 67, (notice.on, language)


def test_each_message_to_a_citizen_stands_in_persian_and_in_the_azerbaijani_that_is_sent() -> None:
    told = [notice for notice in load(SEED).notices if notice.to == "citizen"]
    assert len(told) >= 8
    for notice in told:
        assert isinstance(notice.text, dict) and notice.text.keys() == {"fa", "az"}, notice.on
        assert script.language_of(notice.text["fa"]) == script.FA, notice.on
        assert notice.text["az"] != notice.text["fa"], notice.on
        hers, reads = for_reading(notice.text, "az")
        assert (hers, reads) == (notice.text["az"], "az"), f"{notice.on}: she gets the Persian one"
        fields = [sorted(names_in(words)) for words in notice.text.values()]
        assert fields[0] == fields[1], f"{notice.on}: both say as much"


async def test_who_chose_azerbaijani_gets_it_as_the_province_wrote_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        asked = [replace(opening(), language=language) for language in ("fa", "az")]
        codes = [await desk.intake.open_case(call(), each) for each in asked]
        await desk.pump.idle()
    await outgoing.spread(engine, load(SEED), await outgoing.lease(engine, WEDNESDAY), calendar(), WEDNESDAY)
    sent = {each.payload["case"]: each.payload["text"] for each in await outgoing.lease(engine, WEDNESDAY)}
    assert "پروندهٔ شما با کد پیگیری" in sent[codes[0]]
    assert sent[codes[1]].startswith(f"۱۱۱ سامانه‌سی: پرونده‌نیز {codes[1]} ایزله‌مه کودو ایله")
    assert "1405" not in sent[codes[1]], "its day in Persian digits"
