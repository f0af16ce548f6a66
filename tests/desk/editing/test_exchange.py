"""Files into the book and out of it, and the question who gets what."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.suggest import Suggester
from ivr.desk.case import referring
from ivr.desk.case.confiding import Secrecy, confide
from ivr.desk.editing.changing import Conflict, change, wish
from ivr.desk.editing.exchange import ImportRefused, bring_in, export, looked_at
from ivr.desk.editing.listing import Files
from ivr.desk.editing.nouns import BY_NAME, NOUNS, RULE, WORDING
from ivr.desk.editing.undoing import history, undo
from ivr.desk.editing.who_gets import WhoGets, who_gets
from ivr.desk.letters import wording
from ivr.desk.people.scope import Scope
from ivr.store.tables import book_changes, calendar_days, topics, wordings
from tests.desk.counter import Counter, counter
from tests.desk.editing.test_changing import edit, row, why
from tests.desk.office import WEDNESDAY
from tests.fixtures.database import SEED

FILES = Files(SEED)


async def refused(engine: AsyncEngine, noun: str, data: str | bytes, name: str = "x.csv") -> list[str]:
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(ImportRefused) as error:
        await bring_in(engine, why(), noun, raw, name, FILES, rehearse=False)
    async with engine.connect() as connection:
        assert (await connection.execute(select(book_changes))).first() is None
    return str(error.value).splitlines()


async def test_what_goes_out_comes_in_again_and_changes_nothing(engine: AsyncEngine) -> None:
    await edit(engine, "agency", "abfa", note="=HYPERLINK(1)")
    await edit(engine, "agency", "gas", note="-5 درجه")
    for noun in NOUNS:
        if noun.name in ("limit", "factor"):
            continue  # they are as they are without a row, until people change them
        for form in ("csv", "yaml"):
            data = await export(engine, noun.name, form, FILES)
            assert await bring_in(engine, why(), noun.name, data, f"a.{form}", FILES) == [], (noun.name, form)
    text = (await export(engine, "agency", "csv", FILES)).decode("utf-8-sig")
    assert "'=HYPERLINK" in text and ",=HYPER" not in text, "no spreadsheet computes it"
    assert (
        (await export(engine, "wording", "csv", FILES))
        .decode("utf-8-sig")
        .startswith("name,topic,status,said.az,")
    )


async def test_what_a_spreadsheet_would_compute_behind_another_mark_goes_out_harmless_and_comes_in_as_it_was(
    engine: AsyncEngine,
) -> None:
    notes = {
        "abfa": ("آب;=1+1|x", "آب;'=1+1|x"),
        "gas": ("گاز؛ -5", "گاز؛ '-5"),
        "bus_tabriz": ("'=1؛'=2 ''=3", "''=1؛''=2 ''=3"),
        "fuel": ('راه, "گذر؛"=1;ب', 'راه, "گذر؛\'"=1;ب'),
        "ems": ("او گفت؛ 'نه'; 2-1", "او گفت؛ 'نه'; 2-1"),
    }
    for code, (note, _) in notes.items():
        await edit(engine, "agency", code, note=note)
    lines = {"on": "case_reminded", "to": "level", "by": "email", "text": {"fa": "{code}\n- آب\n'- گاز\n''x"}}
    await change(engine, why(), wish(BY_NAME["notice"], lines))
    for noun in ("agency", "notice"):
        data = await export(engine, noun, "csv", FILES)
        assert await bring_in(engine, why(), noun, data, "a.csv", FILES) == []
        text = data.decode("utf-8-sig")
        for mark in ",;؛\t":
            for cells in csv.reader(io.StringIO(text, newline=""), delimiter=mark):
                assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))], mark
    rows = csv.DictReader(io.StringIO((await export(engine, "agency", "csv", FILES)).decode("utf-8-sig")))
    held = {each["code"]: each["note"] for each in rows}
    assert {code: held[code] for code in notes} == {code: out for code, (_, out) in notes.items()}


async def test_a_file_is_rehearsed_then_comes_in_whole_and_is_undone_whole(engine: AsyncEngine) -> None:
    excel = "\ufeffcode;deadline_days;name\r\nwater.bill;۹;قبض\r\nwater.sewage;4;فاضلاب كشي\r\n".encode()
    would = await bring_in(engine, why(), "topic", excel, "t.csv", FILES)
    assert [(d.key, sorted(d.fields)) for d in would] == [
        ("water.bill", ["deadline_days", "name"]),
        ("water.sewage", ["deadline_days", "name"]),
    ]
    assert await history(engine) == []
    await bring_in(engine, why("بخشنامه"), "topic", excel, "t.csv", FILES, rehearse=False)
    sewage = await row(engine, "topic", "water.sewage")
    assert (sewage["name"], sewage["key"], sewage["deadline_days"]) == ("فاضلاب کشی", "13", 4)
    last = (await history(engine))[0]
    assert last["batch"] and last["reason"] == "بخشنامه"
    assert len(await undo(engine, why(), last["number"])) == 2
    assert (await row(engine, "topic", "water.bill"))["deadline_days"] == 7
    yaml = (
        b"wordings:\n- {name: done, said: {fa: new}}\n- {name: snow, topic: water.*, said: {fa: '{code}'}}\n"
    )
    await bring_in(engine, why(), "wording", yaml, "w.yaml", FILES, rehearse=False)
    async with engine.connect() as connection:
        fitting = (await wording.current(connection, SEED)).fitting("water.bill", "answered")
    assert {each.name: each.text for each in fitting}["snow"] == {"fa": "{code}"}
    assert {each.name: each.text for each in fitting}["done"] == {"fa": "new"}


async def test_an_older_wording_with_a_field_that_says_nothing_there_hinders_no_file_and_is_retired(
    engine: AsyncEngine,
) -> None:
    older = {"name": "seen", "topic": "*", "status": "answered", "said": {"fa": "{kind} شما بررسی شد."}}
    async with engine.begin() as connection:
        await connection.execute(wordings.insert().values(older))
    whole = await export(engine, "wording", "csv", FILES) + "snow,*,answered,,برف,\n".encode()
    [done] = await bring_in(engine, why(), "wording", whole, "w.csv", FILES, rehearse=False)
    assert done.key == "snow/*/answered"
    with pytest.raises(ImportRefused, match=r"said: \{kind\} stands for nothing"):
        await bring_in(engine, why(), "wording", whole.replace("بررسی".encode(), b"x"), "w.csv", FILES)
    az = b"name,topic,status,said.az\nseen,*,answered,qar\n"
    assert [done.key for done in await bring_in(engine, why(), "wording", az, "w.csv", FILES, rehearse=False)]
    held = await row(engine, "wording", "seen/*/answered")
    assert held["said"] == {"fa": "{kind} شما بررسی شد.", "az": "qar"}
    gone = wish(WORDING, held | {"retired": True}, "seen/*/answered", held=held)
    assert [done.fields for done in await change(engine, why(), gone)] == [["retired"]]


async def test_a_file_as_excel_saves_it_on_a_persian_windows_comes_in(engine: AsyncEngine) -> None:
    excel = '\ufeffcode؛deadline_days؛name\r\nwater.bill؛۹؛"قبض؛ آب, برق; گاز"\r\n'.encode()
    [done] = await bring_in(engine, why(), "topic", excel, "t.csv", FILES)
    assert done.after and (done.after["deadline_days"], done.after["name"]) == (9, "قبض؛ آب, برق; گاز")


async def test_counties_and_days_that_excel_has_saved_come_in_and_change_nothing(engine: AsyncEngine) -> None:
    counties = await export(engine, "area", "csv", FILES)
    assert b",01," in counties
    assert await bring_in(engine, why(), "area", counties.replace(b",01,", b",1,"), "a.csv", FILES) == []
    assert (await refused(engine, "area", "code,key\nahar,101\n"))[0].startswith("x.csv:2:2: key: has not")
    for day in ("2000-01-01", "2001-12-31", "2002-01-01", "2026-11-28", "2121-12-31", "2122-01-01"):
        row = {"day": date.fromisoformat(day), "county": "", "is_working": False, "note": "برف"}
        async with engine.begin() as connection:
            await connection.execute(calendar_days.insert().values(row))
    days = await export(engine, "day", "csv", FILES)
    told = [line.partition(",")[0] for line in days.decode("utf-8-sig").splitlines()[1:]]
    far = ["2000-01-01", "2001-12-31", "1380-10-11", "1405-09-07", "1500-10-10", "2122-01-01"]
    assert told == far, "Jalali is text to Excel; too far for that stays as it is"
    for excel in (days, days.replace(b"1405-09-07", b"1405/9/7")):
        assert await bring_in(engine, why(), "day", excel, "d.csv", FILES) == []


async def test_a_file_that_was_looked_at_changes_that_and_nothing_else(engine: AsyncEngine) -> None:
    file = b"code,deadline_days\nwater.bill,9\nwater.sewage,4\n"
    looked = looked_at(await bring_in(engine, why(), "topic", file, "t.csv", FILES))
    await edit(engine, "topic", "water.bill", deadline_days="3")
    with pytest.raises(Conflict):
        await bring_in(engine, why(), "topic", file, "t.csv", FILES, rehearse=False, looked=looked)
    assert (await row(engine, "topic", "water.sewage"))["deadline_days"] != 4
    await edit(engine, "topic", "water.bill", deadline_days="7")
    await bring_in(engine, why(), "topic", file, "t.csv", FILES, rehearse=False, looked=looked)
    assert (await row(engine, "topic", "water.bill"))["deadline_days"] == 9


async def test_of_a_file_of_notices_only_what_it_changes_is_kept(engine: AsyncEngine) -> None:
    short = 'on;to;by;text.fa\r\ncase_reminded;level;email;"سلام\r\n{code}"\r\n'.encode()
    [said] = await refused(engine, "notice", short.replace(b"{code}", b"{cod}"))
    assert said.startswith("x.csv:2:4: text: {cod} stands for nothing; there are {agency}, ")
    whole = await export(engine, "notice", "yaml", FILES)
    [done] = await bring_in(
        engine, why(), "notice", whole.replace("فرستاده شد".encode(), "رسید".encode()), "n.yaml", FILES, False
    )
    assert (done.key, done.before) == ("case_referred/agency/email/*", None)
    [done] = await bring_in(engine, why(), "notice", short, "n.csv", FILES, False)
    assert done.after and done.after["text"] == {"fa": "سلام\n{code}"}
    assert done.after["subject"] == {"fa": "۱۱۱: مهلت پروندهٔ {code} رو به پایان است"}, "the file's stays"


async def test_a_language_without_a_column_stays_and_an_empty_cell_takes_its_text_away(
    engine: AsyncEngine,
) -> None:
    both = {"name": "snow", "status": "advised", "said": {"fa": "برف", "az": "qar"}}
    await change(engine, why(), wish(WORDING, both))
    data = "name,status,said.fa\nsnow,advised,برف آمد\n".encode()
    [done] = await bring_in(engine, why(), "wording", data, "w.csv", FILES, rehearse=False)
    assert done.after and done.after["said"] == {"fa": "برف آمد", "az": "qar"}
    data = "name,status,said.fa,said.az\nsnow,advised,برف آمد,\n".encode()
    [done] = await bring_in(engine, why(), "wording", data, "w.csv", FILES, rehearse=False)
    assert done.after and done.after["said"] == {"fa": "برف آمد"}


async def test_a_text_comes_in_with_its_language_and_none_is_made_up(engine: AsyncEngine) -> None:
    both = {"name": "snow", "status": "advised", "said": {"fa": "برف", "az": "qar"}}
    await change(engine, why(), wish(WORDING, both))
    for head, says in (
        ("said", "x.csv:1:3: said: there is no column “said” for wordings (did you mean “said.fa”?)"),
        ("said,said.az", "x.csv:1:3: said: there is no column “said” for wordings (did you mean “said.fa”?)"),
        (
            "said.fa,said.azz",
            "x.csv:1:4: said.azz: there is no column “said.azz” for wordings (did you mean “said.az”?)",
        ),
    ):
        data = f"name,status,{head}\nsnow,advised,برف آمد,qar\n".encode()
        with pytest.raises(ImportRefused) as error:
            await bring_in(engine, why(), "wording", data, "x.csv", FILES, rehearse=False)
        assert str(error.value) == says
    for form in ("fas: برف آمد", "az: qar, fas: برف آمد"):
        data = f"wordings:\n- {{name: snow, status: advised, said: {{{form}}}}}\n".encode()
        with pytest.raises(ImportRefused) as error:
            await bring_in(engine, why(), "wording", data, "x.yaml", FILES, rehearse=False)
        says = "x.yaml:2:39: said: unknown key “said.fas” (did you mean “fa”?)"
        assert str(error.value) == says
    data = "name,status,said.fa,said.ku\nsnow,advised,برف آمد,befr\n".encode()
    kurdish = replace(FILES, languages=("fa", "ku"))
    [done] = await bring_in(engine, why(), "wording", data, "x.csv", kurdish, rehearse=False)
    assert done.after and done.after["said"] == {"fa": "برف آمد", "az": "qar", "ku": "befr"}


async def test_one_wrong_line_names_itself_and_stops_all(engine: AsyncEngine) -> None:
    lines = "topic,scope,county,agency\nwater.bill,default,,abfa\nwater.bil,county,ahar,abfa\n"
    lines += "water.bill,cunty,,\n"
    assert await refused(engine, "rule", lines) == [
        "x.csv:4:2: scope: must be one of county, county_pattern, no_county, default, not “cunty”"
        " (did you mean “county”?)",
        "x.csv:4:4: agency: must be given",
    ]
    lines = 'topic,scope,county,agency\nwater.bil,county,ahar,abfa\n\nwater.bill,county,"ah\nar",gas\n'
    assert (await refused(engine, "rule", lines))[0].startswith("x.csv:4:3: county: has not the right form")
    said = await refused(engine, "rule", "topic,scope,county,agency\nwater.bil,county,ahar,abfaa\n")
    assert said == [
        "x.csv:2:1: topic: there is no topic “water.bil” (did you mean “water.bill”?)",
        "x.csv:2:4: agency: there is no agency “abfaa” (did you mean “abfa”?)",
    ]
    twice = "topics:\n  - {code: water.bill, key: '12'}\n  - code: water.bill\n    key: '13'\n"
    assert await refused(engine, "topic", twice, "t.yaml") == [
        "t.yaml:3:11: code: stands in the file twice, first in line 2"
    ]
    taken = await refused(engine, "topic", "code,key\nwater.bill,13\nwater.sewage,13\n")
    assert taken == ["x.csv:2:2: key: 13 is taken by water.sewage"]


async def test_what_nobody_can_read_is_told_with_its_place(engine: AsyncEngine) -> None:
    for noun, file, at in (
        ("topic", "code,name\nwater.bill,قبض\x00\n", "x.csv:2:2: name"),
        ("topic", "code,keywords\nwater.bill,قبض|\x1b\n", "x.csv:2:2: keywords"),
        ("wording", "name,status,said.fa\nsnow,advised,برف\x02\n", "x.csv:2:3: said"),
    ):
        assert await refused(engine, noun, file) == [f"{at}: has not the right form"]


async def test_an_empty_item_or_a_mapping_is_no_item_of_a_list_and_a_number_is_one(
    engine: AsyncEngine,
) -> None:
    for items in ("[قبض, ~]", "[قبض, {a: b}]", "[[قبض]]"):
        said = await refused(
            engine, "topic", f"topics:\n- {{code: water.bill, keywords: {items}}}\n", "t.yaml"
        )
        assert said == ["t.yaml:2:32: keywords: has not the right form"]
    data = "topics:\n- {code: water.bill, keywords: [قبض, 122]}\n".encode()
    [done] = await bring_in(engine, why(), "topic", data, "t.yaml", FILES, rehearse=False)
    assert done.after and done.after["keywords"] == ["قبض", "122"]


NO_FILES = [
    (b"code,nam\nx,y\n", "a.csv", "a.csv:1:2: nam: there is no column .*did you mean “name”"),
    (b"name\nx\n", "a.csv", "code: the column is missing"),
    (b"code,code\nx,y\n", "a.csv", "a.csv:1:2: code: stands twice"),
    ("code,name\nx,قبض\n".encode("utf-16"), "a.csv", "a.csv:1:1: is not UTF-8"),
    ("code,name\n\nx,قبض\n".encode("cp1256"), "a.csv", "a.csv:3:1: is not UTF-8: in Excel"),
    (b'code,name\nx,"y\n', "a.csv", "is not CSV"),
    (b"code,name\nx,y,z\n", "a.csv", "a.csv:2:3: has 3 cells under 2 headings"),
    (b"code,,name\nx,,y\nx,12,y\n", "a.csv", "a.csv:3:2: stands under no heading"),
    (b"x" * 300_000, "a.csv", "300,000 bytes; at most"),
    (b"code\n", "a.xlsx", "neither .csv nor .yaml"),
    (b"topic:\n- {code: x}\n", "a.yaml", "a.yaml:1:1: topic: here stand only topics"),
    (b"topics: [1]\n", "a.yaml", "a.yaml:1:10: topics: must be a mapping"),
    (b"topics: &a [*a]\n", "a.yaml", "anchors"),
    (b"", "a.csv", "code: the column is missing"),
]


async def test_what_is_no_such_file_is_told_with_its_place(engine: AsyncEngine) -> None:
    for data, name, says in NO_FILES:
        lines = await refused(engine, "topic", data, name)
        assert re.search(says, "\n".join(lines)), lines


async def asked(at: Counter, topic: str = "", county: str = "", **more: Any) -> WhoGets:
    return await who_gets(at.engine, at.page, more.pop("kind", "complaint"), topic, county, at.at, **more)


async def test_who_gets_this_names_the_rule_that_won_and_those_that_lost(engine: AsyncEngine) -> None:
    at = await counter(engine)
    found = await asked(at, "energy.power_cut", "tabriz")
    assert (found.route.agency, found.route.reason) == ("bargh_tabriz", "rule")
    fates = {(w.rule.scope, w.rule.county): w.fate for w in found.weighed}
    assert fates == {
        ("county", "tabriz"): "won",
        ("county", "osku"): "elsewhere",
        ("county", "azarshahr"): "elsewhere",
        ("default", ""): "less_specific",
    }
    assert (found.days, found.due_at.date()) == (2, date(2026, 11, 29))
    meeting = await asked(at, "water.bill", "ahar", kind="meeting")
    assert (meeting.governing, meeting.route.agency) == ("gov.meeting", "ostandari")
    code = await at.open("energy.power_cut", "tabriz")
    await referring.rule(engine, at.page, at.ask(code, reason="مرز دو شرکت"), "bargh_as")
    await at.reread()
    ruled = await asked(at, "energy.power_cut", "tabriz")
    assert (ruled.route.agency, ruled.weighed[0].fate) == ("bargh_as", "won")
    assert [(p["case"], p["reason"]) for p in ruled.precedents] == [(code, "مرز دو شرکت")]
    assert {w.fate for w in ruled.weighed[1:]} == {"less_specific", "elsewhere"}


async def test_who_gets_this_tells_of_a_ruling_on_a_confidential_case_neither_which_nor_why(
    engine: AsyncEngine,
) -> None:
    at = await counter(engine)
    code = await at.open("water.bill", "ahar")
    await referring.rule(engine, at.page, at.ask(code, reason="رئیس آبفا"), "gas")
    far = (await asked(at, "water.bill", scope=Scope(areas=("tabriz",)))).precedents
    assert [(p["agency"], p["case"], p["reason"]) for p in far] == [("gas", "", "")], "of another county"
    await confide(engine, at.page, at.ask(code, reason="تهدید شده است"), Secrecy("abfa", told="رشوه"))
    sealed = (await asked(at, "water.bill")).precedents
    assert [(p["agency"], p["case"], p["reason"]) for p in sealed] == [("gas", "", "")]


async def test_words_choose_topic_and_county_where_none_is_given(
    engine: AsyncEngine, suggester: Suggester
) -> None:
    at = await counter(engine)
    found = await asked(at, words="تو اهر آب کوچه ما از دیروز قطع شده", suggester=suggester)
    assert (found.topic, found.topic_from) == ("water.supply", "words")
    assert (found.county, found.county_from, found.route.agency) == ("ahar", "words", "abfa")
    nothing = await asked(at, "no.such")
    assert (nothing.topic, nothing.topic_from) == ("other.other", "")


async def test_words_choose_no_topic_that_is_retired(engine: AsyncEngine, suggester: Suggester) -> None:
    async with engine.begin() as connection:
        gone = update(topics).where(topics.c.code == "water.supply").values(retired_at=WEDNESDAY)
        await connection.execute(gone)
    at = await counter(engine)
    found = await asked(at, words="تو اهر آب کوچه ما از دیروز قطع شده", suggester=suggester)
    assert found.suggestion is not None and found.topic in at.page.live_topics
    assert "water.supply" not in {guess.topic for guess in found.suggestion.top}


async def test_a_rule_that_people_add_wins_at_once(engine: AsyncEngine) -> None:
    rule = {"topic": "water.bill", "scope": "county", "county": "ahar", "agency": "gas"}
    await change(engine, why(), wish(RULE, rule))
    at = await counter(engine)
    found = await asked(at, "water.bill", "ahar")
    assert [(w.agency, w.fate) for w in found.weighed] == [("gas", "won"), ("abfa", "less_specific")]
    hidden = {"name": "court", "status": "advised", "said": {"fa": "x"}, "retired": "true"}
    await change(engine, why(), wish(WORDING, hidden))
    async with engine.connect() as connection:
        assert (await wording.current(connection, SEED)).fitting("water.bill", "advised") == []
        assert (await connection.execute(select(topics.c.code).limit(1))).first() is not None
    assert BY_NAME["wording"].key(hidden | {"topic": "*"}) == "court/*/advised"
