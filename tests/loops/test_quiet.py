"""Looking whether callers are still there: one at fault hides no other, and the fault comes out."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from ivr.asterisk.ami import Ami, AmiLost
from ivr.loops import quiet
from ivr.loops.quiet import AT_ONCE, LOOK_SECONDS, STEADY_TURNS, USUAL_TURNS, QuietWatch, TakenOver
from ivr.voice.actions import Record
from tests.asterisk.pretend_ami import Connection, Fields, PretendAmi, pretend_ami


async def test_a_call_that_can_t_be_asked_for_hides_no_other_and_the_fault_is_raised() -> None:
    unconnected = Ami("127.0.0.1", 1, "u", "s")
    with pytest.raises(ValueError):
        await QuietWatch(unconnected).turn({"bad": TakenOver("PJSIP/x\r\nAction: Logoff")})
    with pytest.raises(AmiLost):  # so the second was asked for
        await QuietWatch(unconnected).turn({"bad": TakenOver("PJSIP/x\r\n"), "good": TakenOver("PJSIP/y")})


async def test_calls_that_can_t_be_asked_for_as_asterisk_is_away_are_left_to_no_garbage_collector() -> None:
    """Each turn of an hour left all of them to it: to let go of so many at once halts everybody."""
    watch, call = QuietWatch(Ami("127.0.0.1", 1, "u", "s")), TakenOver("PJSIP/y")
    channel = weakref.ref(call.channel)
    gc.disable()
    try:
        with pytest.raises(AmiLost):
            await watch.turn({"y": call})
        del call
        await asyncio.sleep(0)  # the loop lets go of what woke us
        assert channel() is None
    finally:
        gc.enable()


class Lines:
    """Telephones by channel, and what came from each in all: so many `packets` more at every look."""

    def __init__(self, peer: PretendAmi) -> None:
        self.peer, self.packets, self.came = peer, dict[str, int](), dict[str, int]()
        self.looks = list[str]()
        peer.replies["getvar"] = self.answer

    def answer(self, connection: Connection, action: Fields) -> None:
        line = action["channel"]
        self.looks.append(line)
        self.came[line] = self.came.get(line, 0) + self.packets.get(line, 100)
        connection.send(Response="Success", ActionID=action["actionid"], Value=f"rxcount={self.came[line]}")


@pytest.fixture
async def lines() -> AsyncIterator[Lines]:
    async with pretend_ami() as peer:
        yield Lines(peer)


@pytest.fixture
async def watch(lines: Lines) -> AsyncIterator[QuietWatch]:
    ami = Ami("127.0.0.1", lines.peer.port, "seda", "secret", events="off")
    await ami.connect()
    yield QuietWatch(ami)
    await ami.close()


async def turns_of(watch: QuietWatch, lines: Lines, calls: dict[str, TakenOver], turns: int) -> list[int]:
    """In which of the next turns Asterisk was asked about anybody."""
    found = []
    for turn in range(turns):
        before = len(lines.looks)
        await watch.turn(calls)
        found += [turn] * (len(lines.looks) > before)
    return found


async def test_a_telephone_that_sends_in_silence_is_looked_at_rarely_also_while_she_is_recorded(
    watch: QuietWatch, lines: Lines
) -> None:
    calls = {"hers": TakenOver("PJSIP/1")}
    first = USUAL_TURNS  # then it is known
    assert await turns_of(watch, lines, calls, first + 1) == [0, first]
    calls["hers"].channel.recording = Record("fa", 180)
    assert await turns_of(watch, lines, calls, 2 * STEADY_TURNS) == [STEADY_TURNS - 1, 2 * STEADY_TURNS - 1]


async def test_one_that_may_fall_silent_is_looked_at_in_every_turn_of_a_recording(
    watch: QuietWatch, lines: Lines
) -> None:
    calls, lines.packets["PJSIP/1"] = {"hers": TakenOver("PJSIP/1")}, 0
    assert await turns_of(watch, lines, calls, 2 * USUAL_TURNS + 1) == [0, USUAL_TURNS, 2 * USUAL_TURNS]
    calls["hers"].channel.recording = Record("fa", 180)
    assert await turns_of(watch, lines, calls, 3) == [0, 1, 2]
    lines.packets["PJSIP/1"] = 100  # that she speaks tells nothing of her silence
    assert await turns_of(watch, lines, calls, 3) == [0, 1, 2]


async def test_one_that_was_steady_and_falls_silent_as_she_is_recorded_is_watched_from_the_next_look_on(
    watch: QuietWatch, lines: Lines
) -> None:
    calls = {"hers": TakenOver("PJSIP/1")}
    await turns_of(watch, lines, calls, USUAL_TURNS + 1)
    calls["hers"].channel.recording = Record("fa", 180)
    lines.packets["PJSIP/1"] = 0
    assert await turns_of(watch, lines, calls, STEADY_TURNS + 2) == [
        STEADY_TURNS - 1, STEADY_TURNS, STEADY_TURNS + 1
    ]  # fmt: skip


@pytest.mark.parametrize("retries", [False, True], ids=["listens before", "was recorded before"])
async def test_what_came_before_her_beep_is_no_silence_of_hers(
    watch: QuietWatch, lines: Lines, monkeypatch: pytest.MonkeyPatch, retries: bool
) -> None:
    now, pressed = 0.0, list[float]()
    monkeypatch.setattr(quiet, "monotonic", lambda: now)
    calls, lines.packets["PJSIP/1"] = {"hers": TakenOver("PJSIP/1")}, 0
    hers = calls["hers"].channel
    for turn in range(2 * USUAL_TURNS + 1):
        now = turn * LOOK_SECONDS
        if retries and turn == 1:  # she was not heard the first time
            hers.recording = Record("fa", 180, silence_seconds=8)
        if turn == USUAL_TURNS:
            hers.recording, hers.recording_since = Record("fa", 180, silence_seconds=8), now - 1
        await watch.turn(calls)
        pressed += [now] * (lines.peer.count("PlayDTMF") - len(pressed))
    began = USUAL_TURNS * LOOK_SECONDS - 1
    assert pressed == [pytest.approx(began + 9)], "the first look after eight seconds of it, and none before"


async def test_asterisk_is_asked_about_many_at_once(watch: QuietWatch, lines: Lines) -> None:
    waiting = list[tuple[Connection, Fields]]()

    def answer_all(connection: Connection, action: Fields) -> None:
        waiting.append((connection, action))
        if len(waiting) == AT_ONCE:
            for each in waiting:
                lines.answer(*each)
            waiting.clear()

    lines.peer.replies["getvar"] = answer_all
    await watch.turn({str(n): TakenOver(f"PJSIP/{n}") for n in range(2 * AT_ONCE)})
    assert len(lines.looks) == 2 * AT_ONCE
