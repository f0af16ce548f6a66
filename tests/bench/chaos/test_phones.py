"""What a telephone of the chaos run sends behind her last word, and what is lost where that is cut off."""

from __future__ import annotations

import random
import socket
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.chaos import tones
from bench.chaos.callers import ABRUPT, SUPPRESSING, Callers, plans
from bench.chaos.phones import ALAW, BEEP_FRAMES, KEYS, PAUSE, SECONDS, Ear, Phone, Plan
from bench.chaos.tones import FRAME, Samples

CUT_OFF = round(0.2 / SECONDS)  # packets: what RECORD FILE takes off the end when a key ends it


@pytest.fixture
def asterisk() -> Iterator[socket.socket]:
    """The other end of her line."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.setblocking(False)
        yield line


def sent(plan: Plan, asterisk: socket.socket) -> list[tuple[int, bytes]]:
    """After a beep, up to her #: when in ticks, and what."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.setblocking(False)
        phone = Phone(plan, Ear(), line, 0.0, random.Random(1))
        phone.answered(asterisk.getsockname(), 0.0)
        beep = tones.to_alaw(tones.tone(tones.LINES["beep"], 1))
        found = list[tuple[int, bytes]]()
        for tick in range(500):
            if tick <= BEEP_FRAMES:
                header = bytes((0x80, ALAW)) + tick.to_bytes(2, "big") + bytes(8)
                asterisk.sendto(header + beep, line.getsockname())
            phone.tick(tick * SECONDS)
            found += [(tick, packet) for packet in received(asterisk)]
            if found and found[-1][1][1] & 0x7F == KEYS:
                break
        return found


def received(line: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield line.recv(2048)
        except BlockingIOError:
            return


def recorded(found: list[tuple[int, bytes]]) -> Samples:
    """As Asterisk does: what came, one after the other, without its last 0.2 s."""
    audio = [packet[12:] for _, packet in found if packet[1] & 0x7F == ALAW]
    return tones.from_alaw(b"".join(audio[:-CUT_OFF]))


@pytest.mark.parametrize(("abrupt", "whole"), [(False, [0, 1]), (True, [0])])
def test_of_a_telephone_that_stops_at_her_last_word_its_end_is_what_a_recording_is_cut_by(
    abrupt: bool, whole: list[int], asterisk: socket.socket
) -> None:
    plan = Plan(7, "04120000007", "keeps", 2, suppresses=True, abrupt=abrupt)
    found = sent(plan, asterisk)
    assert [word.k for word in tones.words(tones.lines(recorded(found)))] == whole
    (before, last), (pressed, _) = found[-2], found[-1]
    assert len(last) == 12 + FRAME
    assert (pressed - before) * SECONDS == pytest.approx(PAUSE if abrupt else 0, abs=0.05), "# is no sooner"


def test_some_of_the_telephones_that_send_nothing_in_silence_stop_at_the_last_word() -> None:
    all_of_them = plans(3, 4_000)
    silent = [plan for plan in all_of_them if plan.suppresses]
    assert len(silent) == pytest.approx(SUPPRESSING * 4_000, rel=0.15)
    assert sum(plan.abrupt for plan in silent) == pytest.approx(ABRUPT * 4_000, rel=0.3)
    assert not any(plan.abrupt for plan in all_of_them if not plan.suppresses)


def test_callers_whose_sipp_broke_off_say_so_and_a_call_that_failed_is_no_such_thing(tmp_path: Path) -> None:
    def run(sipp: str) -> None:
        asked = Namespace(folder=tmp_path, rate=5, seed=1, speech=None, port=9, extension="111")
        asked.sipp = ["sh", "-c", sipp]
        Callers(asked, plans(1, 1)).run()

    run("exit 0")
    run("exit 1")
    for broken in ("exit 255", "kill -SEGV $$"):
        with pytest.raises(SystemExit, match="SIPp ended with"):
            run(broken)
