"""Announcements: what is switched on, until when, by whom; and each process that follows them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import announcing, menus
from ivr.desk.book.announcing import AnnouncementChanged
from ivr.desk.refusals import WrongField
from ivr.lab.pace import patience
from ivr.loops import announced as announced_here
from ivr.loops.announced import Announced
from ivr.store.tables import audit
from ivr.voice.actions import Speech, Words
from tests.desk.office import WEDNESDAY

TREE = (
    'menu: "111"\nlanguages: [fa]\nsteps:\n  first: {type: announcement, slot: today, go: bye}\n'
    "  bye: {type: end}\n"
)
SNOW = {"fa": "امروز اداره‌ها به سبب برف تعطیل‌اند.", "az": ""}
TONIGHT = WEDNESDAY + timedelta(hours=6)


async def switched_on(engine: AsyncEngine) -> None:
    await menus.publish(engine, "111", TREE, "sara")
    await announcing.announce(engine, "today", SNOW, TONIGHT, "sara", WEDNESDAY)


async def test_the_last_words_of_a_slot_hold_until_their_end_and_each_deed_is_audited(
    engine: AsyncEngine,
) -> None:
    await switched_on(engine)
    assert (await announcing.current(engine, WEDNESDAY))["today"].words == {"fa": SNOW["fa"]}
    assert await announcing.current(engine, TONIGHT) == {}
    await announcing.announce(engine, "today", {"fa": "باران"}, TONIGHT, "ali", WEDNESDAY)
    found = await announcing.current(engine, WEDNESDAY)
    assert (found["today"].words, found["today"].author) == ({"fa": "باران"}, "ali")
    await announcing.silence(engine, "today", "sara", WEDNESDAY)
    assert await announcing.current(engine, WEDNESDAY) == {}
    async with engine.connect() as connection:
        deeds = (await connection.execute(select(audit.c.action, audit.c.subject).order_by(audit.c.id))).all()
    assert [tuple(each) for each in deeds] == [
        ("announced", "announcement/today"),
        ("announced", "announcement/today"),
        ("announcement_ended", "announcement/today"),
    ]


async def test_nobody_ends_or_replaces_what_a_colleague_switched_on_since_they_looked(
    engine: AsyncEngine,
) -> None:
    await menus.publish(engine, "111", TREE, "sara")
    snow = await announcing.announce(engine, "today", SNOW, TONIGHT, "sara", WEDNESDAY, seen=0)
    rain = await announcing.announce(engine, "today", {"fa": "باران"}, TONIGHT, "ali", WEDNESDAY)
    for seen in (0, snow.number):
        with pytest.raises(AnnouncementChanged):
            await announcing.announce(engine, "today", SNOW, TONIGHT, "sara", WEDNESDAY, seen=seen)
        with pytest.raises(AnnouncementChanged):
            await announcing.silence(engine, "today", "sara", WEDNESDAY, seen=seen)
    assert await announcing.current(engine, WEDNESDAY) == {"today": rain}
    await announcing.silence(engine, "today", "sara", WEDNESDAY, seen=rain.number)
    await announcing.announce(engine, "today", SNOW, TONIGHT, "ali", WEDNESDAY, seen=rain.number)


async def test_a_slot_that_nobody_has_is_not_said_to_be_silent(engine: AsyncEngine) -> None:
    await switched_on(engine)
    with pytest.raises(WrongField, match="no live menu tree has that slot"):
        await announcing.silence(engine, "todya", "sara", WEDNESDAY)
    await menus.publish(engine, "111", TREE.replace("slot: today", "slot: flood"), "sara")
    await announcing.silence(engine, "today", "sara", WEDNESDAY)  # still switched on, and in no tree
    assert await announcing.current(engine, WEDNESDAY) == {}


@pytest.mark.parametrize(
    ("slot", "words", "hours", "field"),
    [
        ("tomorrow", {"fa": "برف"}, 1, "slot"),
        ("today", {"fa": " ", "az": ""}, 1, "words"),
        ("today", {"fa": "ب" * 301}, 1, "words.fa"),
        ("today", {"fa": "برف"}, 0, "until"),
        ("today", {"fa": "برف"}, 24 * 15, "until"),
    ],
)
async def test_what_nobody_could_hear_is_refused_with_its_field(
    engine: AsyncEngine, slot: str, words: dict[str, str], hours: int, field: str
) -> None:
    await menus.publish(engine, "111", TREE, "sara")
    with pytest.raises(WrongField) as refused:
        until = WEDNESDAY + timedelta(hours=hours)
        await announcing.announce(engine, slot, words, until, "sara", WEDNESDAY)
    assert refused.value.field == field


async def test_a_process_hears_of_it_makes_it_audible_first_and_lets_go_of_it_in_time(
    engine: AsyncEngine,
) -> None:
    spoken: list[tuple[str, str]] = []
    now = WEDNESDAY

    async def speak(text: str, language: str) -> str | None:
        assert "today" not in announced.live, "no caller waits for the synthesiser"
        spoken.append((text, language))
        return "wav"

    async def until(wanted: bool) -> None:
        async with asyncio.timeout(patience(20)):
            while ("today" in announced.live) is not wanted:
                await asyncio.sleep(0.01)

    announced = Announced(engine, ("fa", "az"), speak, lambda: now)
    following = asyncio.create_task(announced.follow())
    await switched_on(engine)
    await until(True)
    assert spoken == [(SNOW["fa"], "fa"), (SNOW["fa"], "az")], "for each caller in her own language"
    now = TONIGHT - timedelta(seconds=0.05)  # in a moment it is over, and nobody says so
    await announced.reread()
    await until(False)
    following.cancel()


async def test_whose_language_has_no_text_hears_the_persian_one_whatever_other_there_is(
    engine: AsyncEngine,
) -> None:
    await menus.publish(engine, "111", TREE, "sara")
    both = {"fa": SNOW["fa"], "az": "Bu gün idarələr bağlıdır."}
    await announcing.announce(engine, "today", both, TONIGHT, "sara", WEDNESDAY)
    its = (await announcing.current(engine, WEDNESDAY))["today"]
    assert [its.text(language) for language in ("fa", "az", "ku")] == [both["fa"], both["az"], both["fa"]]
    await announcing.announce(engine, "today", {"az": both["az"]}, TONIGHT, "sara", WEDNESDAY)
    assert (await announcing.current(engine, WEDNESDAY))["today"].text("fa") == both["az"]


async def test_whoever_it_can_not_be_spoken_to_hears_nothing_until_it_can_and_the_others_hear_it(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announced_here, "AGAIN_SECONDS", 0.05)
    speaks, now, asked = {"fa"}, WEDNESDAY, list[str]()

    async def speak(text: str, language: str) -> str | None:
        asked.append(language)
        return "wav" if language in speaks or text == "باران" else None

    def heard(language: str) -> Speech:
        return announced.live["today"].said(language, now)

    announced = Announced(engine, ("fa", "az"), speak, lambda: now)
    following = asyncio.create_task(announced.follow())
    await switched_on(engine)
    async with asyncio.timeout(patience(20)):
        while not announced.troubles:
            await asyncio.sleep(0.01)
        assert heard("fa") == (Words(SNOW["fa"]),) and heard("az") == ()
        assert "announcement today can't be spoken here for callers of az:" in announced.troubles[0]
        now = TONIGHT
        assert announced.troubles == [], "nobody was to hear it any more"
        now = WEDNESDAY
        while asked.count("az") < 3:
            await asyncio.sleep(0.01)
        assert asked.count("fa") == 1, "what is heard is not made again"
        speaks.add("az")
        while announced.troubles:
            await asyncio.sleep(0.01)
        assert heard("az") == (Words(SNOW["fa"]),)
        speaks.clear()
        await announcing.announce(engine, "today", {"fa": "مه"}, TONIGHT, "ali", WEDNESDAY)
        while not announced.troubles:
            await asyncio.sleep(0.01)
        assert heard("fa") == heard("az") == (), "what it took the place of holds no more"
        await announcing.announce(engine, "today", {"fa": "باران"}, TONIGHT, "ali", WEDNESDAY)
        while announced.troubles:
            await asyncio.sleep(0.01)
        while "today" not in announced.live:
            await asyncio.sleep(0.01)
    assert heard("fa") == heard("az") == (Words("باران"),) and announced.troubles == []
    following.cancel()
