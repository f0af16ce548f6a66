"""Another province is another seed folder."""

from __future__ import annotations

from pathlib import Path

from ivr.desk.editing.seeding import directory, seed
from ivr.desk.reading import as_json
from ivr.store import schema
from ivr.store.engine import make_engine
from ivr.voice.events import CallerKnown
from tests.desk.office import call, office, opening
from tests.fixtures.province import CONVENTIONS

SEEDS = {
    "areas.yaml": """
area_code: "024"
counties: [{code: zanjan, key: "01", name: "زنجان", capital: "زنجان"}]
""",
    "agencies.yaml": """
fallback: desk
agencies:
- {code: desk, name: "بازرسی", level: province, scope: inside}
- {code: town_zanjan, name: "شهرداری", level: county, county: zanjan, parent: desk, scope: inside}
""",
    "topics.yaml": """
other: rest
menu: {"1": "شهر", "0": "سایر"}
topics:
- code: town
  name: "شهر"
  leaves:
  - {code: town.street, name: "خیابان", key: "11", route: {county_pattern: "town_{county}"}, deadline_days: 1}
- code: rest
  name: "سایر"
  leaves: [{code: rest, name: "سایر", key: "0", route: {default: desk}, deadline_days: 3}]
""",
    "calendar.yaml": """
days: [{day: 2026-11-28, working: false, county: zanjan, note: snow}]
""",
}


async def test_it_takes_no_code(empty_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "zanjan"
    folder.mkdir()
    for name, text in SEEDS.items():
        (folder / name).write_text(text, encoding="utf-8")
    await schema.upgrade(empty_url)
    engine = make_engine(empty_url)
    await seed(engine, folder)
    assert (await directory(engine, CONVENTIONS)).groups == ("1", "0")
    async with office(engine, tmp_path) as desk:
        known = await desk.intake.open_case(call("33334444"), opening(topic="town.street", county="zanjan"))
        unknown = await desk.intake.open_case(call(), opening(topic="town.street", county=""))
        await desk.pump.idle()
        assert await desk.intake.recall("+982433334444") == CallerKnown("zanjan")
        one, other = await as_json.case_json(engine, known), await as_json.case_json(engine, unknown)
    assert one is not None and other is not None
    # Opened on a Wednesday; Saturday is closed for snow there.
    assert (one["agency"], one["due_at"]) == ("town_zanjan", "2026-11-29T23:59:59+03:30")
    assert (other["agency"], other["due_at"], other["status"]) == (
        "desk",
        "2026-11-28T23:59:59+03:30",
        "opened",
    )
    assert other["referrals"][0]["reason"] == "no_rule"
    await engine.dispose()
