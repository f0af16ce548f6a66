"""What calls offer follows the book: in every process, without a restart, and never without its sound."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.editing.changing import change, wish
from ivr.desk.editing.nouns import AGENCY, DAY, TOPIC
from ivr.desk.editing.seeding import directory_from
from ivr.lab.pace import patience
from ivr.loops.offered import Offered
from ivr.speech.booth import Booth
from ivr.speech.files import Cached
from ivr.speech.paths import wav_path
from ivr.speech.sound_book import SoundBook
from ivr.store.engine import AWAY, make_engine
from tests.desk.editing.test_changing import edit, why
from tests.fixtures.database import SEED
from tests.fixtures.province import CONVENTIONS, book_of
from tests.speech.test_booth import voice, wav

SATURDAY = date(2026, 11, 28)
NEW = {"code": "water.meter", "name": "کنتور", "parent": "water", "key": "10", "deadline_days": "3"}


async def test_a_topic_that_people_add_is_offered_once_it_can_be_heard(engine: AsyncEngine) -> None:
    recorded: set[tuple[str, str]] = set()

    def sound(id: str, language: str) -> str | None:
        return "wav" if (id, language) in recorded else None

    book = book_of(engine)
    offered = Offered(book, directory_from(SEED, CONVENTIONS), sound)
    changed = asyncio.Event()

    async def heard() -> None:
        await offered.reread()
        changed.set()

    async def until_next() -> None:
        async with asyncio.timeout(patience(20)):
            await changed.wait()
        changed.clear()

    book.told.append(heard)
    following = asyncio.create_task(book.follow())
    try:
        await until_next()  # as it is at first
        assert "12" in offered.directory.by_topic_key and not offered.added
        assert offered.directory.calendar.is_working(SATURDAY)
        await change(engine, why(), wish(DAY, {"day": "1405/09/07", "note": "برف"}))
        await until_next()
        assert not offered.directory.calendar.is_working(SATURDAY), "as on the keypad of the panel"
        await change(engine, why(), wish(TOPIC, NEW))
        await until_next()
        assert "10" not in offered.directory.by_topic_key, "callers would hear “press one, zero” for nothing"
        assert offered.added == {"topic.water.meter"} and not offered.differs
        recorded |= {("topic.water.meter", "fa"), ("topic.water.meter", "az")}
        assert offered.differs, "whoever built the sounds tells nobody"
        await offered.reread()
        assert offered.directory.by_topic_key["10"].code == "water.meter" and not offered.differs
        await edit(engine, "topic", "water.bill", retired="yes")
        await until_next()
        assert "12" not in offered.directory.by_topic_key
    finally:
        following.cancel()


async def test_a_body_that_people_add_is_named_once_its_name_can_be_heard(engine: AsyncEngine) -> None:
    recorded: set[tuple[str, str]] = set()
    book = book_of(engine)

    def sound(id: str, language: str) -> str | None:
        return "wav" if (id, language) in recorded else None

    offered = Offered(book, directory_from(SEED, CONVENTIONS), sound)
    park = {"code": "park", "name": "سازمان پارک‌ها", "level": "county", "county": "ahar"}
    await change(engine, why(), wish(AGENCY, park | {"assignable": "true"}))
    await offered.reread()
    assert offered.added == {"agency.park"} and "park" not in offered.directory.agencies
    recorded |= {("agency.park", "fa"), ("agency.park", "az")}
    assert offered.differs
    await offered.reread()
    assert "park" in offered.directory.agencies and "abfa" in offered.directory.agencies


async def test_a_topic_whose_recording_is_taken_back_is_offered_no_more(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (tmp_path / "prompts.yaml").write_text("voices: {fa: {rate: 150}, az: {rate: 150}}\nprompts: {}\n")
    out, texts = tmp_path / "sounds", Cached([tmp_path / "prompts.yaml"])
    booth = Booth(texts, ("fa", "az"), out, tmp_path / "house", tmp_path / "voices")
    sounds = SoundBook(out, ("fa", "az"))

    def record(language: str) -> None:
        take = booth.try_out(language, "topic.water.meter", wav(voice()), ["topic.water.meter"])
        booth.accept(language, "topic.water.meter", take.token, "admin/karimi", datetime.now(UTC))

    offered = Offered(book_of(engine), directory_from(SEED, CONVENTIONS), sounds.on_disk)
    for language in ("fa", "az"):
        record(language)
    await change(engine, why(), wish(TOPIC, NEW))
    await offered.reread()
    assert "10" in offered.directory.by_topic_key
    assert sounds.path("topic.water.meter", "fa"), "a call names it"
    booth.restore("fa", "topic.water.meter", "")
    await offered.reread()
    assert "10" not in offered.directory.by_topic_key
    record("fa")
    assert offered.differs
    await offered.reread()
    wav_path(out, "az", "topic.water.meter").unlink()  # a build in the checkout, which tells nobody
    assert offered.differs
    await offered.reread()
    assert "10" not in offered.directory.by_topic_key and not offered.differs


async def test_a_question_that_fails_once_is_asked_again(engine: AsyncEngine) -> None:
    await change(engine, why(), wish(DAY, {"day": "1405/09/07", "note": "برف"}))
    book = book_of(engine)
    offered = Offered(book, directory_from(SEED, CONVENTIONS), lambda *_: "wav")
    asked, read = list[str](), asyncio.Event()

    def break_off(*its: Any) -> None:
        asked.append(its[2])
        if len(asked) == 1:
            raise ConnectionResetError

    async def begin() -> None:
        if not asked:
            event.listen(engine.sync_engine, "before_cursor_execute", break_off)

    async def heard() -> None:
        await offered.reread()
        read.set()

    book.told += [begin, heard]
    following = asyncio.create_task(book.follow())
    try:
        async with asyncio.timeout(patience(20)):
            await read.wait()
        assert asked and not offered.directory.calendar.is_working(SATURDAY)
    finally:
        following.cancel()


async def test_without_the_database_calls_go_on_with_what_they_had() -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    offered = Offered(book_of(nowhere), directory_from(SEED, CONVENTIONS), lambda *_: "wav")
    with pytest.raises(AWAY):
        await offered.reread()
    assert len(offered.directory.topics) == 59
    await nowhere.dispose()
