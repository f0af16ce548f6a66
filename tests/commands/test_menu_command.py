"""`ivr menu`, as it is typed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from bench.rehearsal.lived import lived
from ivr.commands.menu import own_file
from ivr.desk.editing.changing import change, wish
from ivr.desk.editing.nouns import TOPIC
from ivr.settings import ROOT, load
from ivr.speech.paths import wav_path
from ivr.store.tables import calendar_days
from tests.desk.editing.test_changing import edit, why
from tests.desk.trees.test_rehearsing import in_the_books
from tests.fixtures.commands import Terminal, typed
from tests.loops.test_offered import NEW
from tests.voice.conversation import DIRECTORY, TEHRAN
from tests.voice.steps.test_share import TREE_TRIED
from tests.voice.test_rehearsal import WHOLE, call
from tests.voice.test_step_figures import today

TREES = ROOT / "dialplan" / "menus"


def test_without_a_file_the_tree_of_the_hotline_s_own_number_is_meant() -> None:
    settings = load()
    other = settings.model_copy(update={"calls": settings.calls.model_copy(update={"menu": "122"})})
    assert (own_file(settings), own_file(other)) == (TREES / "111.yaml", TREES / "122.yaml")


async def test_a_tree_is_compared_rehearsed_tried_published_and_taken_back_at_the_terminal(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    menu = Terminal(database_url, tmp_path, ("menu",))
    old, new = str(TREES / "111.yaml"), str(TREES / "111-words-first.yaml")
    assert "revision 1 is live" in await menu.run("publish", old, "--reason", "the first", "--author", "sara")
    assert "record: promise_prompt: (none) becomes record.promise" in await menu.run("diff", new)
    assert {"removed", "moved"} <= {each["kind"] for each in (await menu.read("diff", new))["changes"]}
    await in_the_books(engine, today(call(*WHOLE)), today(call("1")))
    rehearsed = await menu.read("rehearse", new)
    assert rehearsed["calls"] == 2 and rehearsed["sentence"].startswith("Of 2 calls ")
    stats = await menu.read("stats", "--step", "kind")
    assert (stats["calls"], stats["steps"]["kind"]["entered"], stats["steps"]["kind"]["hung_up"]) == (2, 2, 1)
    assert "revision 2 is tried on 10 % of the calls" in await menu.run("publish", new, "--share", "0.1")
    assert "revision 1 is live for all calls" in await menu.run("roll-back", "--reason", "not yet")
    assert "goes on the air at 2030-01-01T07:00:00+03:30" in await menu.run(
        "publish", new, "--at", "2030-01-01 07:00"
    )
    assert "revision 3 is live" in await menu.run("publish", new)
    assert "revision 4 is live" in await menu.run("roll-back")
    assert [
        (each["number"], each["deed"], each["live"], each["reason"]) for each in await menu.read("history")
    ] == [
        (4, "rolled_back", "live", ""), (3, "published", "", ""), (2, "withdrawn", "", "not yet"),
        (1, "published", "", "the first"),
    ]  # fmt: skip
    until = datetime.now(TEHRAN) + timedelta(hours=2)
    told = await menu.run("announce", "today", "--fa", "برف", "--hours", "2")
    form = "today is told until %Y-%m-%d %H:%M, once it is spoken"
    shown = datetime.strptime(told.strip(), form).replace(tzinfo=TEHRAN)
    assert abs(shown - until) < timedelta(minutes=10)
    [row] = await menu.read("announce")
    assert (row["slot"], row["words"]) == ("today", {"fa": "برف"})
    assert "today is silent" in await menu.run("announce", "today", "--off")
    assert "welcome" in json.loads(await menu.run("schema"))["$defs"]["prompt"]["anyOf"][0]["enum"]
    tried = (TREES / "111-words-first.yaml").read_text("utf-8")
    assert await menu.run("show", "--which", "2") == tried.strip()
    assert await menu.read("show", "--which", "2") == {"menu": "111", "which": "2", "text": tried}
    code, _, said = await typed(database_url, tmp_path, "menu", "publish", new, "--at", "tomorrow at 7")
    assert code == 2 and "2026-12-01 07:00" in said
    assert "goes on the air at 2029-12-30T07:00:00+03:30" in await menu.run(
        "publish", new, "--at", "1408-10-10 07:00"
    )
    for over in ("1405-01-01 07:00", "2026-01-01 07:00", "2026-01-01T07:00+00:00"):
        code, _, said = await typed(database_url, tmp_path, "menu", "publish", new, "--at", over)
        assert code == 2 and "is over" in said


async def test_a_rehearsal_goes_by_the_days_of_the_book(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    menu, tree = Terminal(database_url, tmp_path, ("menu",)), (TREES / "111.yaml").read_text("utf-8")
    shut = '\nsteps:\n  shut: {type: branch, on: day, cases: {"off": goodbye}, go: language}\n'
    (tmp_path / "111.yaml").write_text(
        tree.replace("\nsteps:\n", shut).replace("start: language", "start: shut"), encoding="utf-8"
    )
    past = today(call(*WHOLE))
    await in_the_books(engine, past)
    day = past.began.astimezone(TEHRAN).date()
    for is_working, many in ((True, 1), (False, 0)):
        async with engine.begin() as connection:
            await connection.execute(calendar_days.delete())
            row = {"day": day, "county": "", "is_working": is_working, "note": ""}
            await connection.execute(calendar_days.insert().values(row))
        found = await menu.read("rehearse", str(tmp_path / "111.yaml"), "--against", str(TREES / "111.yaml"))
        assert found["sentence"].startswith(f"Of 1 calls {many} land where they did")


async def test_a_tree_is_proved_by_the_book_and_only_where_that_can_t_be_read_by_the_files(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    menu, shipped, tree = Terminal(database_url, tmp_path, ("menu",)), TREES / "122.yaml", tmp_path / "a.yaml"
    tree.write_text(shipped.read_text("utf-8").replace("water.supply, go: record", "water.meter, go: record"))
    await change(engine, why(), wish(TOPIC, NEW))
    code, said, _ = await typed(database_url, tmp_path, "menu", "check", str(tree))
    assert code == 1 and "water.meter" in said, "callers can't hear its name"
    for language in ("fa", "az"):
        wav = wav_path(tmp_path / "sounds", language, "topic.water.meter")
        wav.parent.mkdir(parents=True)
        wav.write_bytes(b"a sound" * 100)
    assert "not by the book" not in await menu.run("check", str(tree))
    assert (await menu.read("rehearse", str(tree), "--against", str(shipped)))["calls"] == 0
    assert "revision 1 is live" in await menu.run("publish", str(tree))
    await edit(engine, "topic", "water.bill", retired="yes")
    for words in (("check",), ("rehearse", "--against", str(shipped)), ("publish",)):
        code, said, wrong = await typed(database_url, tmp_path, "menu", *words, str(shipped))
        assert code == 1 and "water.bill" in said + wrong, words
    code, said, _ = await typed("", tmp_path, "menu", "check", str(shipped))
    assert code == 0 and "proved by the topics and counties of the files, not by the book: " in said


async def test_an_announcement_has_words_in_any_language_that_callers_hear(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    menu = Terminal(database_url, tmp_path, ("menu",))
    await menu.run("publish", str(TREES / "111.yaml"))
    said = ("menu", "announce", "today", "--say", "ku=بەفر", "--say", "fa=برف")
    kurdish = {"IVR_CALLS__LANGUAGES": '["fa", "ku"]'}
    code, _, wrong = await typed(database_url, tmp_path, *said)
    assert code == 2 and "no caller hears ku here: fa, az" in wrong
    assert (await typed(database_url, tmp_path, *said, **kurdish))[0] == 0
    [told] = await menu.read("announce")
    assert told["words"] == {"fa": "برف", "ku": "بەفر"}
    for mistake in ("برف", "fa=", "=برف"):
        code, _, wrong = await typed(database_url, tmp_path, "menu", "announce", "today", "--say", mistake)
        assert code == 2 and "LANGUAGE=WORDS" in wrong
    for hours in ("337", "1e12", "inf", "nan", "0", "-3"):
        code, _, wrong = await typed(database_url, tmp_path, *said[:3], "--fa", "برف", "--hours", hours)
        assert code == 2 and "--hours" in wrong, (hours, code, wrong)


DUTY = "exits: [out]\nsteps:\n  person: {type: operator, prompt: [operator.connecting], nobody: out}\n"
SMALL = """\
menu: "small"
languages: [fa, az]
steps:
  human: {type: fragment, use: duty, exits: {out: goodbye}}
  goodbye: {type: end, prompt: [goodbye]}
"""


async def test_what_is_published_holds_its_fragments_and_no_file_changes_it(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    menu = Terminal(database_url, tmp_path, ("menu",))
    tree, duty = tmp_path / "small.yaml", tmp_path / "fragments" / "duty.yaml"
    duty.parent.mkdir()
    tree.write_text(SMALL, encoding="utf-8")
    duty.write_text(DUTY, encoding="utf-8")
    assert "revision 1 is live" in await menu.run("publish", str(tree))
    live = await menu.run("show", "small")
    assert live == f"{SMALL}fragments:\n  duty:\n    " + DUTY.strip().replace("\n", "\n    ")
    duty.write_text(DUTY.replace("connecting", "closed"), encoding="utf-8")
    assert await menu.run("show", "small") == live
    told = "human.person: prompt: operator.connecting becomes operator.closed"
    assert told in await menu.run("diff", str(tree))
    duty.write_text(DUTY.replace("nobody: out", "nobody: home"), encoding="utf-8")
    code, _, said = await typed(database_url, tmp_path, "menu", "publish", str(tree))
    assert (
        code == 1 and "fragments/duty.yaml:3:67: fragments.duty.steps.person.nobody: there is no step" in said
    )


async def test_the_ways_of_a_share_are_compared(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    ways = [lived(TREE_TRIED, DIRECTORY, ("1",), str(n)) for n in range(12)]
    await in_the_books(engine, *map(today, ways))
    menu = Terminal(database_url, tmp_path, ("menu",))
    told = (await menu.read("stats", "--step", "shorter"))["steps"]["shorter"]
    assert told["entered"] == 12 == sum(fates["dropped"] for fates in told["ways"].values())
    assert "shorter: two ways that serve alike differ so much or more in 100.0 %" in await menu.run("stats")
