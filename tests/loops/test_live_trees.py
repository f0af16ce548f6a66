"""Each number has its own tree, and each tree its own revisions; what can't be read leaves what was there."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.desk.editing.seeding import directory_from
from ivr.desk.trees.drafts import check_draft, save_draft
from ivr.desk.trees.publishing import publish_draft
from ivr.lab.pace import patience
from ivr.loops import live_trees
from ivr.loops.live_trees import SHIPPED, LiveTrees
from ivr.speech.sound_book import SoundBook
from ivr.store.engine import make_engine
from ivr.store.tables import menu_drafts
from ivr.voice.menu import Menu
from ivr.voice.proof import Proof, check
from ivr.voice.steps.menu import MenuStep
from ivr.voice.steps.tree import TreeStep
from ivr.voice.words_in_text import with_words
from tests.fixtures.database import SEED
from tests.fixtures.province import CONVENTIONS

LANGUAGES = ("fa", "az")
WATER = (SHIPPED / "122.yaml").read_text(encoding="utf-8")


def sound(raw: bytes, file: str) -> tuple[Menu, Proof]:
    return check(raw, file, directory_from(SEED, CONVENTIONS))


async def begun(engine: AsyncEngine, folder: Path, **services: str) -> LiveTrees:
    adopt = SoundBook(folder / "sounds", LANGUAGES).adopt
    trees = LiveTrees(engine, {"111": "111", **services}, LANGUAGES, folder, adopt)
    await trees.begin()
    return trees


async def until_revision(trees: LiveTrees, number: str, revision: str) -> None:
    async with asyncio.timeout(patience(20)):
        while trees.called(number).revision != revision:
            await asyncio.sleep(0.02)


async def test_a_publication_changes_the_tree_of_its_own_number_alone(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    trees = await begun(engine, tmp_path, **{"122": "122", "1190": "122"})
    assert trees.names == ("111", "122")
    assert (trees.called("111").name, trees.called("122").name) == ("111", "122")
    following = asyncio.create_task(trees.follow())
    await menus.publish(engine, "122", WATER, "sara")
    await until_revision(trees, "122", "1")
    assert trees.called("1190") is trees.called("122"), "two numbers may share a tree"
    assert trees.called("111").revision == "" and trees.called("999") is trees.called("111")

    await menus.publish(engine, "122", "menu: broken", "sara")
    await menus.publish(engine, "111", (SHIPPED / "111.yaml").read_text(encoding="utf-8"), "sara")
    await until_revision(trees, "111", "1")
    assert trees.called("122").revision == "1", "what can't be read leaves what was there"

    shorter = WATER.replace("first_key: 4\n", "first_key: 3\n")
    draft = await save_draft(engine, "122", shorter, "sara", "")
    await check_draft(engine, "122", draft.number, "sara", sound)
    await publish_draft(engine, "122", draft.number, "sara", "", datetime.now(UTC), share=0.5)
    async with asyncio.timeout(patience(20)):
        while len({trees.called("122", str(call)).revision for call in range(64)}) == 1:
            await asyncio.sleep(0.02)
    assert {trees.called("111", str(call)).revision for call in range(64)} == {"1"}
    following.cancel()


CALLING = """\
menu: "111"
languages: [fa, az]
steps:
  water: {type: tree, name: "122", go: bye, missing_go: bye}
  sea: {type: tree, name: "140", go: bye, missing_go: water}
  bye: {type: end, prompt: [goodbye]}
start: sea
"""


def called(menu: Menu, step: str) -> TreeStep:
    found = menu.steps[step]
    assert isinstance(found, TreeStep)
    return found


async def test_a_tree_that_another_calls_comes_to_its_next_call_and_live_calls_keep_theirs(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """Also one that no number leads to, and one that is published only later."""
    await menus.publish(engine, "111", CALLING, "sara")
    trees = await begun(engine, tmp_path)
    before = trees.called("111")
    assert called(before, "water").entry == "water.122.language" and not called(before, "sea").entry
    following = asyncio.create_task(trees.follow())

    await menus.publish(engine, "122", WATER.replace("start: language", "start: matter"), "sara")
    async with asyncio.timeout(patience(20)):
        while called(trees.called("111"), "water").entry != "water.122.matter":
            await asyncio.sleep(0.02)
    assert called(trees.called("111"), "water").revision == "1" and trees.called("111").revision == "1"
    assert called(before, "water").entry == "water.122.language", "a call that began keeps both trees"

    await menus.publish(engine, "122", "menu: broken", "sara")
    sea = (
        'menu: "140"\nlanguages: [az]\nsteps:\n  back: {type: tree, name: "111", go: bye, missing_go: bye}\n'
    )
    await menus.publish(engine, "140", sea + "  bye: {type: end}\n", "sara")
    async with asyncio.timeout(patience(20)):
        while not called(trees.called("111"), "sea").entry:
            await asyncio.sleep(0.02)
    now = trees.called("111")
    assert called(now, "water").entry == "water.122.matter", "what can't be read leaves what was there"
    assert "round" in called(now, "sea.140.back").trouble, "and one that calls back is called no second time"
    following.cancel()

    away = make_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    alone = await begun(away, tmp_path)
    assert called(alone.called("111"), "water").entry == "water.122.matter", "this machine had it"
    await away.dispose()


async def test_a_start_without_a_database_has_the_revisions_last_known(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await menus.publish(engine, "122", WATER.replace("first_key: 4\n", "first_key: 5\n"), "sara")
    await begun(engine, tmp_path, **{"122": "122"})
    away = make_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    trees = await begun(away, tmp_path, **{"122": "122"})
    language = trees.called("122").steps["language"]
    assert isinstance(language, MenuStep) and language.first_key == 5
    await away.dispose()


async def test_a_tree_is_flushed_before_it_takes_the_place_of_the_one_that_is_kept(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, fsync, order = tmp_path / "menu-122.yaml", os.fsync, list[tuple[str, bool]]()

    def flushed(fd: int) -> None:
        fsync(fd)
        order.append((Path(f"/proc/self/fd/{fd}").readlink().name, kept.exists()))

    monkeypatch.setattr(os, "fsync", flushed)
    await menus.publish(engine, "122", WATER, "sara")
    await begun(engine, tmp_path, **{"122": "122"})
    its = [(name, named) for name, named in order if name in (f"menu-122.yaml.{os.getpid()}", tmp_path.name)]
    assert (f"menu-122.yaml.{os.getpid()}", False) in its, "its bytes, under another name"
    assert its[-1] == (tmp_path.name, True), "and then the name"


async def test_a_tree_that_can_t_be_read_is_answered_by_the_one_before_or_the_one_that_ships(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    kept, away = tmp_path / "menu-122.yaml", make_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    kept.write_text(WATER.replace("first_key: 4\n", "first_key: 5\n"), encoding="utf-8")
    await menus.publish(engine, "122", "menu: of a later release", "sara")
    for database, key in ((engine, 5), (away, 5), (away, 4)):
        trees = LiveTrees(database, {"122": "122"}, LANGUAGES, tmp_path, SoundBook(tmp_path, LANGUAGES).adopt)
        await trees.begin()
        language = trees.called("122").steps["language"]
        assert isinstance(language, MenuStep) and language.first_key == key
        if database is away:
            kept.write_bytes(b"")  # a power cut
    await away.dispose()


async def test_a_number_whose_tree_is_nowhere_is_answered_by_the_hotline_s_own(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    trees = await begun(engine, tmp_path, **{"140": "no_such_tree"})
    assert trees.called("140") is trees.called("111")
    [told] = trees.troubles
    assert told.startswith("menu no_such_tree can't be read here, so menu 111 answers in its place")

    following = asyncio.create_task(trees.follow())
    await menus.publish(engine, "111", (SHIPPED / "111.yaml").read_text(encoding="utf-8"), "sara")
    await until_revision(trees, "111", "1")
    assert trees.called("140").revision == "1", "as it is now"
    await menus.publish(engine, "no_such_tree", WATER.replace('menu: "122"', "menu: no_such_tree"), "sara")
    async with asyncio.timeout(patience(20)):
        while trees.called("140") is trees.called("111"):
            await asyncio.sleep(0.02)
    assert trees.called("140").name == "no_such_tree" and trees.troubles == []
    following.cancel()


async def test_a_tree_on_the_air_that_can_t_be_read_here_is_told_of_until_another_one_is(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await menus.publish(engine, "122", "menu: of a later release", "sara")
    trees = await begun(engine, tmp_path, **{"122": "122"})
    [told] = trees.troubles
    assert told.startswith("menu 122: revision 1 on the air can't be read here") and "later" not in told

    following = asyncio.create_task(trees.follow())
    await menus.publish(engine, "122", WATER, "sara")
    await until_revision(trees, "122", "2")
    assert trees.troubles == []
    await menus.publish(engine, "122", "menu: of a later release still", "sara")
    async with asyncio.timeout(patience(20)):
        while not trees.troubles:
            await asyncio.sleep(0.02)
    assert "menu 122: revision 3" in trees.troubles[0] and trees.called("122").revision == "2"
    following.cancel()


async def test_a_tree_on_trial_that_can_t_be_read_here_is_told_of(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await menus.publish(engine, "122", WATER, "sara")
    shorter = WATER.replace("first_key: 4\n", "first_key: 3\n")
    draft = await save_draft(engine, "122", shorter, "sara", "")
    await check_draft(engine, "122", draft.number, "sara", sound)
    await publish_draft(engine, "122", draft.number, "sara", "", datetime.now(UTC), share=0.5)
    async with engine.begin() as connection:
        await connection.execute(update(menu_drafts).values(text="menu: of a later release"))
    trees = await begun(engine, tmp_path, **{"122": "122"})
    [told] = trees.troubles
    assert told.startswith("menu 122: the trial of revision 2 can't be read here, so no call goes through it")


async def test_a_tree_s_own_words_are_heard_once_they_have_sound_here_and_not_before(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ivr.loops.live_trees")
    monkeypatch.setattr(live_trees, "AGAIN_SECONDS", 0.1)
    (tmp_path / "sounds").write_text("in the way of every sound")
    book = SoundBook(tmp_path / "sounds", LANGUAGES)
    await menus.publish(engine, "122", WATER, "sara")
    trees = LiveTrees(engine, {"111": "111", "122": "122"}, LANGUAGES, tmp_path, book.adopt)
    await trees.begin()
    following = asyncio.create_task(trees.follow())
    await menus.publish(engine, "122", with_words(WATER, "welcome", {"fa": "سلام. آب وصل شد."}), "sara")
    async with asyncio.timeout(patience(20)):
        while not trees.troubles:
            await asyncio.sleep(0.02)
    assert trees.called("122").revision == "1" and "menu 122: welcome (fa)" in trees.troubles[0]
    assert "revision 2 is live" not in caplog.text and "menu 122 waits for the sound" in caplog.text

    (tmp_path / "sounds").unlink()
    await until_revision(trees, "122", "2")
    own = trees.called("122").words["welcome"]["fa"]
    assert book.path(own.id, "fa") and not trees.troubles
    assert "menu 122 has the sound of its words now" in caplog.text
    following.cancel()


async def test_who_begins_without_the_sound_of_a_tree_s_own_words_says_the_usual_ones(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (tmp_path / "sounds").write_text("in the way of every sound")
    await menus.publish(engine, "122", with_words(WATER, "welcome", {"fa": "سلام. آب وصل شد."}), "sara")
    trees = await begun(engine, tmp_path, **{"122": "122"})
    assert trees.called("122").revision == "1" and not trees.called("122").words.get("welcome")
    assert trees.troubles
