"""The short form of `python -m bench.recordings`: each codec, packet length and habit on a real Asterisk."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from bench.recordings.callers import ogg_packets
from bench.recordings.judge import Judged, judge_one
from bench.recordings.patterns import CODECS, HABITS, PTIMES, chosen, every, short


async def test_nobody_is_called_cut_turned_away_or_asked_again_however_her_telephone_sends() -> None:
    command = [sys.executable, "-m", "bench.recordings", "--quick"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    said, told = (text.decode() for text in await process.communicate())
    assert said, told
    found = json.loads(said)
    assert (found["good"], process.returncode) == (True, 0), said
    assert found["kept"] == found["calls"] == len(short()) and set(found["codecs"]) == set(CODECS)


def test_the_short_form_has_each_codec_packet_length_and_habit() -> None:
    them = short()
    assert {pattern.codec for pattern in them} == set(CODECS)
    assert {pattern.ptime for pattern in them} == set(PTIMES)
    assert set[str]().union(*(pattern.habits for pattern in them)) == set(HABITS) - {"plain"}
    assert any(not pattern.habits for pattern in them)


def test_the_long_form_has_every_pattern_equally_often_and_the_same_for_the_same_seed() -> None:
    many = 3 * len(every())
    them = chosen(many, 7)
    assert them == chosen(many, 7) != chosen(many, 8)
    assert all(them.count(pattern) == 3 for pattern in every())


SPOKE = {"n": 1, "number": "04120000001", "pattern": "alaw 20 ms", "habits": [], "spoke": True, "sent": 3.0}
WHOLE = {"name": "3f", "ended": "hash", "seconds": 2.9, "cased": True, "steps": '[{"note": "recorded:hash"}]'}


def judged(*rows: dict[str, Any], **told: object) -> dict[str, Any]:
    found = Judged(asked=1)
    judge_one(SPOKE | told, rows, found)
    return found.as_plain()


def test_a_whole_recording_in_a_case_is_good() -> None:
    assert judged(WHOLE)["good"]


def test_fewer_calls_than_were_asked_are_not_good_however_well_they_went() -> None:
    found = Judged(asked=2)
    for good in (False, True):
        judge_one(SPOKE, [WHOLE], found)
        assert found.good == good
    assert not Judged(asked=0).good


@pytest.mark.parametrize(
    ("name", "rows", "told"),
    [
        ("cut", [WHOLE | {"ended": "cut"}], {}),
        ("cut", [WHOLE | {"steps": '[{"note": "recorded:cut"}]'}], {}),
        ("asked_again", [WHOLE, WHOLE | {"name": "4a"}], {}),
        ("turned_away", [WHOLE | {"cased": False}], {}),
        ("turned_away", [], {}),
        ("turned_away", [{"name": None, "steps": '[{"note": "no_room"}]'}], {"spoke": False}),
        ("short", [WHOLE | {"seconds": 2.0}], {}),
        ("unheard", [], {"spoke": False}),
    ],
)
def test_each_harm_is_counted(name: str, rows: list[dict[str, Any]], told: dict[str, object]) -> None:
    found = judged(*rows, **told)
    assert found[name] == 1 and not found["good"]


def test_packets_are_found_in_ogg() -> None:
    def page(*lengths: int) -> bytes:
        body = b"".join(bytes([n + 1]) * length for n, length in enumerate(lengths))
        return b"OggS" + bytes(22) + bytes([len(lengths)]) + bytes(lengths) + body

    found = [*ogg_packets(page(3, 255, 2) + page(255) + page(1))]
    assert [len(packet) for packet in found] == [3, 257, 256]
