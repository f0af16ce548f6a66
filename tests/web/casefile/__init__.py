"""Cases with recordings that can be heard, on a served panel."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.app import prepare_voice
from ivr.desk.book.learning import Learning
from ivr.desk.people.scope import Scope
from ivr.desk.recordings.hearing import Renditions
from ivr.speech.sound_book import SoundBook
from ivr.store.derived import Derived
from ivr.store.facts import FactStep
from ivr.store.tables import recordings
from ivr.voice import riff
from ivr.voice.events import Ended, Recorded
from ivr.voice.wave import RATE, Samples, measure
from ivr.web.panel.studio import Studio
from tests.desk.office import WEDNESDAY, Office, call, office, opening
from tests.fixtures.database import ROOT, SEED
from tests.voice.voices import voice
from tests.web.panel import PanelServed, panel_served
from tests.web.service import LEARNING

MARKUP = 'مریم <img src=x onerror="document.title=1"><script>document.title=2</script>'
STEPS = [
    FactStep(WEDNESDAY + timedelta(seconds=after), step, key, note)
    for after, step, key, note in (
        (6, "language", "1", ""),
        (14, "kind", "1", ""),
        (14, "caller", "", "CallerKnown"),
        (25, "topic", "11", ""),
        (33, "county", "01", "timeout"),
        (51, "record", "", "recorded:hash"),
        (70, "code", "", "hangup"),
    )
]


def speech(pitch: float = 120.0) -> Samples:
    """Three seconds of a voice, three of silence, three of the voice."""
    said = voice(pitch, seconds=3, loud=0.5)
    return np.concatenate([said, np.zeros(3 * RATE), said])


@dataclass(slots=True)
class Desk:
    """Opens cases as calls do, with the files that Asterisk would have written."""

    panel: PanelServed
    office: Office

    async def open(
        self, *voices: Samples, name: str = "مریم", caller: str = "09141234567", **more: Any
    ) -> str:
        """A case with these recordings, or one voice; its code."""
        facts = call(caller, name)
        said = [await asyncio.to_thread(self._record, each) for each in voices or (speech(),)]
        code = await self.office.intake.open_case(facts, opening(*said, **more))
        end = WEDNESDAY + timedelta(seconds=72)
        await self.office.intake.call_ended(facts, "hung_up", end, STEPS, ())
        await self.office.pump.idle()
        return code

    async def recordings(self, code: str) -> list[UUID]:
        from ivr.desk.reading import casefile

        file = await casefile.read(self.panel.engine, Scope(), code)
        assert file is not None
        return [heard.row.id for heard in file.recordings]

    def _record(self, samples: Samples) -> Recorded:
        name = f"2026/11/25/{uuid.uuid4().hex}"
        path = self.panel.panel.places.recordings / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = riff.wav(samples)
        path.write_bytes(content)
        found = measure(content)
        return Recorded(name, found.seconds, found.voiced_seconds, Ended.HASH, found.sha256, found.size)


@asynccontextmanager
async def desk_served(
    engine: AsyncEngine, folder: Path, *, approval: bool = False, learning: Learning = LEARNING
) -> AsyncIterator[Desk]:
    """The panel with booth and studio, and a desk that opens cases for it."""
    derived = Derived(folder / "derived")
    sounds = SoundBook(ROOT / "var/sounds", ("fa", "az"))
    studio = Studio(sounds.speak, prepare_voice, derived.folder, SEED, approval)
    booth = Renditions(folder / "recordings", derived)
    async with (
        panel_served(engine, folder, booth=booth, studio=studio, seed=SEED, learning=learning) as panel,
        office(engine, folder / "office") as desk,
    ):
        yield Desk(panel, desk)


async def name_of(engine: AsyncEngine, id: UUID) -> str:
    async with engine.connect() as connection:
        return str(
            (await connection.execute(select(recordings.c.name).where(recordings.c.id == id))).scalar_one()
        )
