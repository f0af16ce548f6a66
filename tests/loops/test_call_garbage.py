"""What a call leaves in memory: at a thousand at once the garbage collector would halt all of them for it."""

from __future__ import annotations

import gc
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.channel import Channel
from ivr.desk.editing.seeding import directory_from
from ivr.loops.carrying import Call, OpenLine
from ivr.settings import Settings
from ivr.voice.parse import parse
from ivr.voice.session import Session
from tests.asterisk.pretend import Pretend
from tests.desk.office import WEDNESDAY, office
from tests.fixtures.province import CONVENTIONS
from tests.loops.carried import carried
from tests.loops.test_rescue import SECONDS, TO_RECORD, TREE


def of_calls() -> list[object]:
    return [each for each in gc.get_objects() if isinstance(each, Session | Call | Channel)]


async def test_a_call_that_is_over_is_gone_without_the_garbage_collector(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    settings = Settings(state=tmp_path)
    menu = parse(TREE.read_bytes(), TREE.name, languages=settings.calls.languages)
    async with office(engine, tmp_path) as desk:
        directory = directory_from(settings.seed_path, CONVENTIONS)
        line = OpenLine(lambda *_: menu, directory, desk.intake, lambda: WEDNESDAY)
        gc.unfreeze()  # a server of an earlier test may have frozen what was left of its calls
        gc.collect()
        others = {id(each) for each in of_calls()}
        gc.disable()
        try:
            call = await carried(line, Pretend(keys=TO_RECORD + "1", says=[3 * SECONDS]), tmp_path)
            left = [each for each in of_calls() if id(each) not in others]
        finally:
            gc.enable()
    assert call.variables["IVR_DONE"] == "1" and not left
