"""An answer recorded on the panel: what the case names by then is on the disk."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fixtures.hotline import write_tone
from tests.web.casefile import Desk, desk_served


@pytest.fixture
async def desk(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_served(engine, tmp_path) as served:
        yield served


async def test_a_spoken_answer_is_flushed_with_its_folders_before_its_case_names_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut leaves an answer that is an empty file: she is called, and hears nothing."""
    real, order, answered = os.fsync, list[str](), "UPDATE cases"

    def fsync(fd: int) -> None:
        order.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    path = f"/panel/cases/{await desk.open()}"
    client = await desk.panel.signed_in("supervisor")
    write_tone(tmp_path / "said.wav", 500, 2.0)
    with (tmp_path / "said.wav").open("rb") as said:
        made = await (await client.post(f"{path}/voice", {"voice": said})).json()
    monkeypatch.setattr(os, "fsync", fsync)
    engine = desk.panel.panel.engine.sync_engine
    listen(engine, "before_cursor_execute", lambda *its: order.append(its[2][: len(answered)]))
    assert (await client.post(f"{path}/answer", {"voice": made["digest"]})).status == 303
    heard = await client.get(f"{path}/answer-voice")
    assert heard.status == 200 and len(await heard.read()) > 16_000
    recordings = desk.panel.panel.places.recordings
    [kept] = recordings.glob("answers/*/*.wav")
    before = order[: order.index(answered)]
    assert {str(place) for place in (kept, kept.parent, kept.parent.parent, recordings)} <= {*before}
    [half] = [place for place in before if place.startswith(f"{kept.parent}/.")]
    assert before.index(half) < before.index(str(kept)), "flushed before it has that name"
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]
