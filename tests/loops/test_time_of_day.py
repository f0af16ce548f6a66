"""A wrong clock: callers are served, their words bear the right time; what time alone brings about rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands import doctor
from ivr.loops import time_of_day
from ivr.loops.time_of_day import FAR, Clocks, TimeOfDay
from ivr.settings import Settings
from tests.desk.office import call, office, opening

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
NEVER = timedelta()


@pytest.mark.parametrize(
    ("machine", "database", "off", "said"),
    [
        (NOW, NOW + FAR / 2, NEVER, ""),
        (NOW.replace(year=2000), NOW, NOW - NOW.replace(year=2000), "behind"),
        (NOW + timedelta(hours=1), NOW, -timedelta(hours=1), "ahead of"),
        (NOW, NOW.replace(year=1970), NEVER, "ahead of"),
        (NOW, NOW.replace(year=2099), NEVER, "behind"),
        (NOW.replace(year=2000), NOW.replace(year=2000), NEVER, "it can't be 2000-11-25"),
    ],
)
def test_the_database_s_time_counts_where_it_is_one(
    machine: datetime, database: datetime, off: timedelta, said: str
) -> None:
    clocks = Clocks(machine, database)
    assert clocks.off == off
    assert said in clocks.trouble and bool(said) == bool(clocks.trouble)


def test_where_no_clock_can_be_right_it_is_about_as_late_as_the_last_case() -> None:
    wrong = NOW.replace(year=2000)
    assert wrong + Clocks(wrong, wrong, NOW).off == NOW


async def test_a_machine_whose_clock_is_years_behind_stamps_words_with_the_database_s_time(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(engine, tmp_path) as desk:
        clock = desk.intake.clock = TimeOfDay(engine, ZoneInfo("Asia/Tehran"))
        monkeypatch.setattr(time_of_day, "datetime", Behind)
        assert clock().year == 2000
        await clock.begin()
        assert not clock.is_sure
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
        query = text("SELECT abs(extract(epoch FROM now() - opened_at)) < 3600 FROM cases WHERE code = :code")
        async with engine.connect() as connection:
            assert (await connection.execute(query, {"code": code})).scalar_one()
        url = engine.url.render_as_string(hide_password=False)
        seen = await doctor._clock(Settings(state=tmp_path, database_url=url))  # alone: all take seconds
        assert not seen.ok and "behind the database's" in seen.found
        monkeypatch.undo()
        await clock.compare()
        assert clock.is_sure and clock().year > 2000


class Behind(datetime):
    """A clock that began in 2000."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz).replace(year=2000)  # type: ignore[arg-type]
