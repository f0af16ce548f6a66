"""Ready wordings for answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.seeds import SeedError
from ivr.desk.case import collecting, splitting
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.splitting import Part
from ivr.desk.letters import wording
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.tables import wordings
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.database import SEED
from tests.fixtures.province import calendar

ANSWERS = """
answers:
  - {name: done, text: "انجام شد."}
  - {name: done, topic: water.*, text: {fa: "آب {county} وصل شد: {code}", az: "su"}}
  - {name: done, topic: water.bill, text: "قبض"}
  - {name: court, status: advised, text: "دادگاه"}
"""


async def test_the_most_particular_wording_is_offered_filled_in(engine: AsyncEngine, tmp_path: Path) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    [offered] = await wording.offered(engine, calendar(), tmp_path, code, "answered")
    assert offered["topic"] == "water.*" and offered["text"].endswith(f"وصل شد: {code}")
    assert await wording.worded(engine, calendar(), tmp_path, code, "done") == (offered["text"], "")
    assert await wording.worded(engine, calendar(), tmp_path, code, "court", "advised") == ("دادگاه", "")
    with pytest.raises(Refused, match=r"no wording court .* there are: done"):
        await wording.worded(engine, calendar(), tmp_path, code, "court")
    with pytest.raises(NoSuchCase):
        await wording.offered(engine, calendar(), tmp_path, "1234567894", "answered")


async def test_the_kind_stands_in_an_older_wording_by_the_province_s_name_and_by_no_code(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    (tmp_path / "answers.yaml").write_text('answers: [{name: done, text: "{kind} شما بررسی شد."}]')
    (tmp_path / "notices.yaml").write_text("kinds: {complaint: شکایت}")
    text, _ = await wording.worded(engine, calendar(), tmp_path, code, "done")
    assert text == "شکایت شما بررسی شد."


async def test_a_slip_in_the_file_of_notices_takes_no_ready_answer_away(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    (tmp_path / "notices.yaml").write_text("kinds: {complaint: ")
    text, _ = await wording.worded(engine, calendar(), tmp_path, code, "done")
    assert text.endswith(f"وصل شد: {code}") and "notices.yaml" in caplog.text


async def test_an_azerbaijani_caller_reads_persian_and_hears_her_own(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with office(engine, tmp_path) as desk:
        code = await desk.intake.open_case(call(), replace(opening(), language="az"))
        await desk.pump.idle()
    (tmp_path / "answers.yaml").write_text(ANSWERS.replace("su", "Su gəldi"))
    text, spoken = await wording.worded(engine, calendar(), tmp_path, code, "done")
    assert text.endswith(f"وصل شد: {code}") and spoken == "Su gəldi"
    assert await wording.worded(engine, calendar(), tmp_path, code, "court", "advised") == ("دادگاه", "")


OF_MANY = """
answers:
  - {name: agency, text: "{agency} انجام داد."}
  - {name: code, text: {fa: "انجام شد.", az: "Kod {code}"}}
  - {name: county, text: "در {county} انجام شد."}
  - {name: due, text: "تا {due} انجام می‌شود."}
  - {name: kind, text: "{kind} شما بررسی شد."}
  - {name: topic, text: "«{topic}» انجام شد."}
"""


async def test_of_a_part_or_a_collective_case_no_wording_is_offered_that_tells_what_is_not_its_citizens_own(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (tmp_path / "answers.yaml").write_text(OF_MANY)
    async with office(engine, tmp_path) as desk:
        codes = [await desk.intake.open_case(call(f"0914765432{n}"), opening()) for n in range(3)]
        await desk.pump.idle()
        page = await desk.book.page()
    by = actor_named(page, "desk")
    named = [Part("abfa", "لولهٔ ترکیده"), Part("shahrdari_ahar", "آسفالت همان‌جا")]
    ask = Instruction(codes[0], by, now=WEDNESDAY)
    part = (await splitting.split(engine, page, ask, named))[0]
    whole = (await collecting.collect(engine, page, by, codes[1:], "آب محله قطع است", WEDNESDAY)).code

    async def names(code: str) -> list[str]:
        offered = await wording.offered(engine, calendar(), tmp_path, code, "answered")
        return [each["name"] for each in offered]

    every = ["agency", "code", "county", "due", "kind", "topic"]
    assert await names(codes[0]) == await names(codes[1]) == every
    assert await names(part) == ["agency", "county", "due", "kind", "topic"]
    assert await names(whole) == ["agency"]
    with pytest.raises(Refused, match="there is no wording code"):
        await wording.worded(engine, calendar(), tmp_path, whole, "code")


async def test_a_wording_with_the_county_is_not_offered_for_a_case_whose_county_nobody_knows(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (tmp_path / "answers.yaml").write_text(
        """
answers:
  - {name: county, text: {fa: "انجام شد.", az: "{county} düzəldildi"}}
  - {name: topic, text: "«{topic}» انجام شد."}
"""
    )
    async with office(engine, tmp_path) as desk:
        placed = await desk.intake.open_case(call("09147654321"), opening())
        nowhere = await desk.intake.open_case(call("09147654322"), opening(county=""))
        await desk.pump.idle()

    async def names(code: str) -> list[str]:
        return [
            each["name"] for each in await wording.offered(engine, calendar(), tmp_path, code, "answered")
        ]

    assert await names(placed) == ["county", "topic"]
    assert await names(nowhere) == ["topic"]


async def test_for_a_collective_case_that_a_persian_speaker_began_a_wording_brings_what_other_members_hear(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (tmp_path / "answers.yaml").write_text(
        """
answers:
  - {name: arabic, text: {fa: "انجام شد.", az: "سو گلدی، ایش گورولدو، سیزین اوچون یازیلدی."}}
  - {name: latin, text: {fa: "آب وصل شد.", az: "Su gəldi"}}
  - {name: persian, text: "انجام شد."}
"""
    )
    async with office(engine, tmp_path) as desk:
        asked = [replace(opening(), language=language) for language in ("fa", "az")]
        codes = [await desk.intake.open_case(call(f"0914765432{n}"), each) for n, each in enumerate(asked)]
        await desk.pump.idle()
        page = await desk.book.page()
    whole = (await collecting.collect(engine, page, actor_named(page, "desk"), codes, "آب", WEDNESDAY)).code
    offered = await wording.offered(engine, calendar(), tmp_path, whole, "answered")
    assert [(each["text"], each["spoken"]) for each in offered] == [
        ("انجام شد.", ""),
        ("آب وصل شد.", "Su gəldi"),
        ("انجام شد.", ""),
    ]


async def test_what_a_later_release_had_people_change_leaves_the_files_wording(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    unreadable = {"name": "done", "topic": "water.*", "status": "answered", "said": {"fa": "{colour}"}}
    async with engine.begin() as connection:
        await connection.execute(wordings.insert().values(unreadable))
        found = await wording.current(connection, tmp_path)
    assert found == wording.load(tmp_path)
    assert "the wording done for water.* and answered is passed over" in caplog.text


def test_the_provinces_own_file_is_right() -> None:
    assert wording.load(SEED).fitting("water.supply", "answered")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("answers:\n  - {name: a, text: '{colour}'}", r"answers.yaml:2:\d+: answers\[0\]\.text"),
        ("answers:\n  - {name: a, status: closed, text: x}", r":2:\d+: answers\[0\]\.status"),
        ("answers:\n  - {name: a, text: x}\n  - {name: a, text: y}", "a for .* stands twice"),
    ],
)
def test_every_mistake_names_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "answers.yaml").write_text(text)
    with pytest.raises(SeedError, match=said):
        wording.load(tmp_path)
