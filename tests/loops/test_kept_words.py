"""The server dies while she says more, on a real Asterisk: what she is told of those words is true."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from ivr.lab.asterisk import Program
from ivr.lab.caller import Beep, CallerReport, CallerStep, Hear, Press, PutDown, Speak, StayOn, Wait
from ivr.store.tables import recordings
from tests.fixtures.hotline import Hotline, fresh_number, running_hotline, told
from tests.fixtures.small_disk import SmallDisk
from tests.loops.test_carrying import SPEAK, TO_RECORD, files
from tests.loops.test_full_disk import kill, long_ago, sets_nothing_aside, until

BLOCK = 32_768  # bytes, 2 s of words: Asterisk writes as many at once, what comes then is in its memory alone
PAGE = 4_096


def says_more(hotline: Hotline, number: str, seconds: float, *then: CallerStep) -> asyncio.Task[CallerReport]:
    """She keeps her first words, and adds to them for so long."""
    more = (Hear(), Press("4"), Beep(), Speak(seconds), Press("#"))
    return asyncio.create_task(hotline.call(*TO_RECORD, *SPEAK, *more, *then, number=number))


async def killed_in_further_words(hotline: Hotline, callers: int) -> None:
    """The server, once each of the callers has said more for two seconds."""

    async def saying_more() -> bool:
        sizes = [path.stat().st_size for path in hotline.settings.recordings.rglob("*.wav")]
        return sum(size >= BLOCK for size in sizes) == 2 * callers

    await until(saying_more)
    await kill(hotline)


async def words_of(hotline: Hotline, number: str, many: int) -> dict[str, float]:
    """The recordings of her one case, once it has so many: path → seconds, the shortest first."""

    async def there() -> bool:
        return any(len(case["recordings"]) == many for case in await hotline.cases_of(number))

    await until(there)
    [case] = await hotline.cases_of(number)
    assert all(path.is_file() for path in files(hotline, case))
    found = {words["path"]: words["seconds"] for words in case["recordings"]}
    return dict(sorted(found.items(), key=lambda words: words[1]))


@pytest.mark.parametrize("aside", [True, False], ids=["set aside", "not set aside"])
async def test_further_words_are_called_kept_only_where_their_disk_took_them(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    small_disk: SmallDisk, aside: bool,
) -> None:  # fmt: skip
    async with running_hotline(programs, stand_ins, postgres_url, template, state=small_disk.path) as hotline:
        if not aside:
            sets_nothing_aside(hotline)
        before, after = fresh_number(), fresh_number()
        calling = says_more(hotline, before, 3, Hear(), Wait(1), PutDown())  # before her code
        longer = says_more(hotline, after, 8, *(() if aside else (Beep(),)), StayOn())
        await killed_in_further_words(hotline, 2)
        outcome = await calling
        assert outcome.completed and told(outcome, "fallback.kept"), outcome
        assert not told(outcome, "fallback.apology") and hotline.fallbacks == []
        small_disk.fill()  # and the other one is still speaking
        outcome = await longer
        assert outcome.completed and told(outcome, "fallback.kept") == aside, outcome
        assert told(outcome, "fallback.apology") != aside and told(outcome, "fallback.not_kept") != aside
        small_disk.free()
        long_ago(small_disk.path)
        await hotline.start_server()
        first, further = (await words_of(hotline, before, 2)).values()
        assert 2 < first < 2.7 < further  # whole: nobody asked her again
        first, further = (await words_of(hotline, after, 2)).values()
        assert first > 2 and (further > 7.5) == aside  # else as far as the disk took them


async def test_further_words_that_no_disk_took_are_said_again_to_the_second_one(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    small_disk: SmallDisk, tmp_path: Path,
) -> None:  # fmt: skip
    tmp_path.chmod(0o755)
    async with running_hotline(
        programs, stand_ins, postgres_url, template, state=small_disk.path, second_volume=str(tmp_path)
    ) as hotline:
        number = fresh_number()
        sets_nothing_aside(hotline)
        calling = says_more(hotline, number, 4, Beep(), Speak(3.5), Press("#"), StayOn())
        await killed_in_further_words(hotline, 1)
        small_disk.fill()
        outcome = await calling
        assert outcome.completed and told(outcome, "fallback.apology"), outcome
        assert told(outcome, "fallback.thanks") and not told(outcome, "fallback.kept")
        long_ago(small_disk.path)
        long_ago(tmp_path)
        await hotline.start_server()  # on the disk that is still full
        *both, (again, seconds) = (await words_of(hotline, number, 3)).items()
        assert all(2 < shorter < 3 for _, shorter in both)  # the further words as far as the disk took them
        assert seconds > 3 and again.startswith("second/fallback/")


async def test_further_words_have_no_hole_though_their_disk_was_full_for_a_moment(
    programs: tuple[Program, Program], stand_ins: Path, postgres_url: str, template: str,
    small_disk: SmallDisk,
) -> None:  # fmt: skip
    async with running_hotline(programs, stand_ins, postgres_url, template, state=small_disk.path) as hotline:
        number = fresh_number()
        calling = says_more(hotline, number, 8, StayOn())
        await killed_in_further_words(hotline, 1)
        small_disk.fill(leave=5 * PAGE)
        further = max(hotline.settings.recordings.rglob("*.wav"), key=lambda path: path.stat().st_mtime)

        async def written() -> bool:
            return further.stat().st_size > 44 + BLOCK

        await until(written)  # and 20 kB were left
        small_disk.free()
        outcome = await calling
        assert outcome.completed and told(outcome, "fallback.kept") and told(outcome, "code.is"), outcome
        assert not told(outcome, "fallback.apology") and hotline.fallbacks == []
        long_ago(small_disk.path)
        await hotline.start_server()
        assert len(await words_of(hotline, number, 2)) == 2
        name = further.relative_to(hotline.settings.recordings).with_suffix("").as_posix()
        async with hotline.engine.connect() as connection:
            ended = await connection.scalar(select(recordings.c.ended).where(recordings.c.name == name))
        assert ended == "broken" and (further.stat().st_size - 44) / 16_000 > 7.6
