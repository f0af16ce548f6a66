"""Key to next prompt: learn how each prompt begins in a quiet call, then recognise it under load.

A caller presses while a prompt is playing (barge-in), so the packets before and after the key look alike
and follow each other within 20 ms: neither a gap nor a marker bit tells where the next prompt begins. But
G.711 is deterministic: what the first half second of a prompt looks like is learnt from one call in which
each key is pressed only after the prompt has ended, so that the next packet is the next prompt's first.
Under load the next prompt begins with the first packet from which on the learnt packets follow.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.calls.probe import SECOND, Packet, Phone, Press, ProbeError, phone

LEARNT = 25  # packets: half a second
ENOUGH = 22  # of which so many must match, should one be lost on the way
LISTENED = 1.5  # seconds after a key; what is not recognised in them counts as so late
STEPS = ("1", "1", "1", "1", "00")  # language, kind, topic group, topic, county: five prompts follow


@dataclass(slots=True)
class Latencies:
    """Milliseconds. `after`: from the key's end, `from_begin`: from its begin; `unrecognised`: of both."""

    after: list[float] = field(default_factory=list)
    from_begin: list[float] = field(default_factory=list)
    calls: int = 0
    failed: list[str] = field(default_factory=list)
    unrecognised: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """Where to call."""

    server: tuple[str, int]
    extension: str


async def learn(line: Line) -> list[list[bytes]]:
    """How the prompt after each step begins: the payloads of its first packets."""
    caller = await phone(line.server, line.extension, "04130000001")
    beginnings = []
    try:
        await caller.call()
        for keys in STEPS:
            await asyncio.wait_for(caller.media.quiet(1.2), 120)
            press = await _type(caller, keys)
            await asyncio.sleep(LISTENED)
            heard = caller.media.since(press.ended)
            if len(heard) < LEARNT:
                raise ProbeError(f"no prompt followed the keys {keys}")
            beginnings.append([packet.payload for packet in heard[:LEARNT]])
    finally:
        await caller.hang_up()
    return beginnings


async def _type(caller: Phone, keys: str) -> Press:
    for key in keys[:-1]:
        await caller.media.press(key)
        await asyncio.sleep(0.1)
    return await caller.media.press(keys[-1])


async def probe(line: Line, number: str, beginnings: Sequence[Sequence[bytes]], found: Latencies) -> None:
    """One call that presses each key a second into the prompt before it."""
    caller = await phone(line.server, line.extension, number)
    found.calls += 1
    try:
        await caller.call()
        for keys, beginning in zip(STEPS, beginnings, strict=True):
            await asyncio.sleep(1.0)
            press = await _type(caller, keys)
            await asyncio.sleep(LISTENED)
            note(caller.media.since(press.began), press, beginning, found)
    except ProbeError as error:
        found.failed.append(str(error))
    finally:
        await caller.hang_up()


def note(heard: Sequence[Packet], press: Press, beginning: Sequence[bytes], found: Latencies) -> None:
    """How late it came. Who came too late, or never, would else be in no sample."""
    first = recognise(heard, beginning)
    found.unrecognised += first is None
    for times, since in ((found.after, press.ended), (found.from_begin, press.began)):
        times.append((first.at - since) / SECOND * 1000 if first else LISTENED * 1000)


def recognise(heard: Sequence[Packet], beginning: Sequence[bytes]) -> Packet | None:
    """The packet with which the learnt beginning begins."""
    for start, packet in enumerate(heard):
        if packet.payload == beginning[0]:
            following = itertools.islice(heard, start, start + LEARNT)
            same = sum(each.payload == learnt for each, learnt in zip(following, beginning, strict=False))
            if same >= ENOUGH:
                return packet
    return None


async def probes(
    line: Line, count: int, at_once: int, beginnings: Sequence[Sequence[bytes]], found: Latencies
) -> None:
    """`count` calls, `at_once` of them side by side."""
    numbers = iter([f"0413{number:07}" for number in range(2, count + 2)])

    async def one_after_another() -> None:
        for number in numbers:
            await probe(line, number, beginnings, found)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_another())
