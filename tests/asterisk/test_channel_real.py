"""Our server and channel on a real Asterisk with SIP callers: what the pretend one claims is so."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from ivr.asterisk.agi import command
from ivr.asterisk.channel import LEAST_TALK, Channel
from ivr.asterisk.server import AgiConnection, AgiServer
from ivr.lab.asterisk import Program
from ivr.lab.caller import Beep, CallerStep, Hear, Listen, Press, PutDown, Speak, StayOn, Wait
from ivr.lab.pace import patience
from ivr.voice.actions import Ask, LookAtLine, Operator, Record, RingOfficial, Say
from ivr.voice.events import (
    Caller,
    Connected,
    Ended,
    Event,
    HungUp,
    Keys,
    LineSeen,
    Recorded,
    Said,
    Transfer,
    Transferred,
)
from ivr.voice.wave import measure
from tests.fixtures.hotline import Pbx, running_pbx, write_tone

TONES = (("beep", 1_000.0, 0.3), ("short", 400.0, 0.4), ("middle", 400.0, 2.0), ("long", 400.0, 4.0))
Script = Callable[[Channel, AgiConnection], Awaitable[None]]
ZONE = ZoneInfo("Asia/Tehran")
CALL = "6d2f3d6a-54d9-4c35-a0f3-f4c6ad2b1111"


@contextmanager
def serving(pbx: Pbx, member: str, how: str = "") -> Iterator[None]:
    """Who serves the operators' queue. `how`: further words of the console's command."""
    pbx.console(f"queue add member {member} to operators {how}".rstrip())
    try:
        yield
    finally:
        pbx.console(f"queue remove member {member} from operators")


@asynccontextmanager
async def answering(pbx: Pbx, folder: Path, script: Script) -> AsyncIterator[list[BaseException]]:
    """Our real server on the port that Asterisk calls; `script` carries each call, its errors are kept.

    A caller knows that she put down before Asterisk tells us so: what was begun is carried to its end.
    """
    errors: list[BaseException] = []
    calls: set[asyncio.Task[object]] = set()

    def sounds(prompt: str, language: str) -> str | None:
        return str(folder / "sounds" / prompt)

    async def speak(text: str, language: str) -> str | None:
        return None

    async def answer(connection: AgiConnection) -> None:
        calls.add(cast("asyncio.Task[object]", asyncio.current_task()))
        channel = Channel(connection, sounds=sounds, recordings=folder / "recordings", speak=speak)
        try:
            await channel.took(CALL)
            await script(channel, connection)
            await channel.finish()
        except BaseException as error:
            errors.append(error)
            raise

    agi = pbx.settings.agi
    server = AgiServer(agi.host, agi.port, answer=answer, secret=pbx.secrets.agi)
    await server.start()
    try:
        yield errors
        if calls:
            _, late = await asyncio.wait(calls, timeout=patience(30))
            assert not late, "a call did not come to its end"
    finally:
        await server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, hz, seconds in TONES:
        write_tone(tmp_path / "sounds" / f"{name}.wav", hz, seconds)
    for number in range(50):
        write_tone(tmp_path / "sounds" / f"a_fragment_with_a_long_name_{number:04}.wav", 400.0, 0.1)
    return tmp_path


async def heard(pbx: Pbx, folder: Path, action: Ask | Say | Record | Operator, *steps: CallerStep) -> Event:
    """What the channel answers to `action` while the caller does `steps`."""
    events: list[Event] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        channel.caller(datetime.now(ZONE))
        events.append(await channel.perform(action))

    async with answering(pbx, folder, script) as errors:
        outcome = await pbx.call(*steps)
    assert not errors and outcome.completed, (errors, outcome.problem)
    [event] = events
    return event


LONG = ("long", "long")
NUMBER = Ask(LONG, "fa", max_keys=4, first_key_seconds=4, next_key_seconds=5)
OVERLONG = Ask(tuple(f"a_fragment_with_a_long_name_{n:04}" for n in range(50)), "fa", 4, 4, 5)


@pytest.mark.parametrize(
    ("ask", "steps", "keys"),
    [
        (Ask(LONG, "fa"), [Hear(), Press("3")], Keys("3", Ended.FULL)),
        (Ask(LONG, "fa"), [Hear(), Press("#")], Keys("", Ended.HASH)),
        (Ask(LONG, "fa"), [Hear(), Press("*")], Keys("*", Ended.FULL)),
        (Ask(("short",), "fa", first_key_seconds=1), [Hear()], Keys("", Ended.TIMEOUT)),
        (Ask(("long",), "fa"), [Listen(), Press("7")], Keys("7", Ended.FULL)),
        (NUMBER, [Hear(), Press("1234")], Keys("1234", Ended.FULL)),
        (NUMBER, [Hear(), Press("12#")], Keys("12", Ended.HASH)),
        (NUMBER, [Hear(), Press("12")], Keys("12", Ended.TIMEOUT)),
        (NUMBER, [Hear(), Wait(4.0), Press("1234")], Keys("1234", Ended.FULL)),  # across two files
        (OVERLONG, [Hear(), Press("1234", gap=0.4)], Keys("1234", Ended.FULL)),
        (Ask(("long",), "fa", barge_in=False), [Hear(), Press("5"), Listen(0.4), Press("6")],
         Keys("6", Ended.FULL)),
    ],
)  # fmt: skip
async def test_every_key_that_was_pressed_is_heard(
    pbx: Pbx, folder: Path, ask: Ask, steps: list[CallerStep], keys: Keys
) -> None:
    assert await heard(pbx, folder, ask, *steps, StayOn()) == keys


async def test_asterisk_knows_whose_call_was_taken_and_how_long_keys_are_waited_for(
    pbx: Pbx, folder: Path
) -> None:
    told: list[str | None] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        asked = command("GET", "FULL", "VARIABLE", "${IVR_CALL} ${TIMEOUT(response)} ${TIMEOUT(digit)}")
        told.append((await connection.send(asked)).value)

    async with answering(pbx, folder, script) as errors:
        outcome = await pbx.call(StayOn())
    assert not errors and outcome.completed, (errors, outcome.problem)
    assert told == ["6d2f3d6a54d94c35a0f3f4c6ad2b1111 7.000 3.000"]


async def test_the_first_and_the_next_key_have_times_of_their_own(pbx: Pbx, folder: Path) -> None:
    ask = Ask(("middle",), "fa", max_keys=4, first_key_seconds=6, next_key_seconds=1)
    took: list[float] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        for keys in (Keys("", Ended.TIMEOUT), Keys("1", Ended.TIMEOUT)):
            began = time.monotonic()
            assert await channel.perform(ask) == keys
            took.append(time.monotonic() - began)

    async with answering(pbx, folder, script) as errors:
        outcome = await pbx.call(Listen(0.4), Listen(0.2), Press("1"), StayOn())
    assert not errors and outcome.completed, (errors, outcome.problem)
    assert took[0] > 7.8  # 2 s of speech and 6 s of waiting


@pytest.mark.parametrize(
    ("say", "steps", "said"),
    [
        (Say(LONG, "fa", barge_in=True), [Hear(), Press("4")], Said("4")),
        (Say(LONG, "fa", barge_in=True), [Hear(), Press("#")], Said("#")),
        (Say(("short", "short"), "fa", barge_in=True), [Listen()], Said()),
        (Say(("long",), "fa"), [Hear(), Press("4")], Said()),
    ],
)
async def test_a_say_ends_by_itself_or_by_a_key(
    pbx: Pbx, folder: Path, say: Say, steps: list[CallerStep], said: Said
) -> None:
    assert await heard(pbx, folder, say, *steps, StayOn()) == said


@pytest.mark.parametrize(
    ("record", "steps", "ended", "seconds"),
    [
        (Record("fa"), [Beep(), Speak(3), Press("#")], Ended.HASH, (2.5, 4.0)),
        (Record("fa"), [Beep(), Speak(2), PutDown()], Ended.HANGUP, (1.5, 3.0)),
        (Record("fa", max_seconds=6), [Beep(), Speak(12)], Ended.LIMIT, (5.0, 6.2)),
        (Record("fa", silence_seconds=2), [Beep(), Speak(2), Wait(4)], Ended.SILENCE, (2.0, 4.0)),
        (Record("fa", max_seconds=20), [Beep(), Speak(1), Press("5"), Speak(1), Press("#")],
         Ended.HASH, (1.8, 4.0)),
    ],
)  # fmt: skip
async def test_a_recording_holds_what_asterisk_says_it_holds(
    pbx: Pbx, folder: Path, caplog: pytest.LogCaptureFixture,
    record: Record, steps: list[CallerStep], ended: Ended, seconds: tuple[float, float],
) -> None:  # fmt: skip
    caplog.set_level(logging.WARNING, logger="ivr.asterisk")
    last = [] if isinstance(steps[-1], PutDown) else [StayOn()]
    found = await heard(pbx, folder, record, *steps, *last)
    assert isinstance(found, Recorded) and found.ended is ended
    # How late she is heard to leave is her telephone's affair.
    most = found.voiced_seconds if ended is Ended.HANGUP else found.seconds
    assert seconds[0] < found.seconds and most < seconds[1]
    assert 0.5 < found.voiced_seconds <= found.seconds
    with wave.open(str(folder / "recordings" / f"{found.name}.wav")) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (8000, 2, 1)
        assert sound.getnframes() == round(found.seconds * 8000)
    assert "samples, Asterisk says" not in caplog.text  # endpos is the file's length


async def test_a_recording_with_which_asterisk_goes_on_is_not_taken_for_what_it_holds_now(
    pbx: Pbx, folder: Path
) -> None:
    """We end, and she speaks on: the file is whole only then."""
    events, half = list[Event](), list[int]()

    async def script(channel: Channel, connection: AgiConnection) -> None:
        channel.caller(datetime.now(ZONE))
        recorded = asyncio.ensure_future(channel.perform(Record("fa")))
        while not (grown := [path for path in words() if path.stat().st_size]):
            await asyncio.sleep(0.05)  # another process: no event
        connection.close()
        events.append(await recorded)
        half.append(grown[0].stat().st_size)

    def words() -> list[Path]:
        return list((folder / "recordings").rglob("*.wav"))

    async with answering(pbx, folder, script) as errors:
        outcome = await pbx.call(Beep(), Speak(10), Press("#"), Beep(), PutDown())
    assert not errors and outcome.completed, (errors, outcome.problem)
    assert events == [HungUp()]
    [whole] = words()
    assert whole.stat().st_size > half[0] and measure(whole.read_bytes()).seconds > 9


async def test_a_hash_in_the_beep_ends_nothing_she_had_not_begun(
    programs: tuple[Program, Program], stand_ins: Path, folder: Path, tmp_path: Path
) -> None:
    sounds = tmp_path / "long-beep"  # nobody misses it
    shutil.copytree(stand_ins, sounds)
    write_tone(sounds / "fa" / "beep.wav", 1_000.0, 4.0)
    async with running_pbx(programs, sounds) as pbx:
        steps = (Press("#"), Beep(), Speak(3), Press("#"), StayOn())
        found = await heard(pbx, folder, Record("fa"), *steps)
    assert isinstance(found, Recorded) and found.ended is Ended.HASH and 2.5 < found.seconds < 4.0


@pytest.mark.parametrize("action", [Ask(LONG, "fa"), Say(LONG, "fa"), Say(LONG, "fa", barge_in=True)])
async def test_a_hangup_while_speaking_ends_in_hung_up(pbx: Pbx, folder: Path, action: Ask | Say) -> None:
    events: list[Event] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        events.append(await channel.perform(action))
        events.append(await channel.perform(Ask(("short",), "fa")))
        events.append(await channel.perform(Record("fa")))

    async with answering(pbx, folder, script) as errors:
        assert (await pbx.call(Hear(), PutDown())).completed
    assert not errors
    assert events == [HungUp(), HungUp(), HungUp()]


async def test_asterisk_tells_a_speech_that_a_hangup_broke_off_from_one_that_it_lacks(
    pbx: Pbx, folder: Path
) -> None:
    results: list[str] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        for name in ("nosuchfile", "long"):
            played = await connection.send(command("EXEC", "Playback", str(folder / "sounds" / name)))
            results.append(played.result)

    async with answering(pbx, folder, script) as errors:
        assert (await pbx.call(Hear(), PutDown())).completed
    assert not errors
    assert results == ["0", "-1"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("مریم رضایی", "مریم رضایی"),
        (b"\xff\xfe\x80x", "\ufffd\ufffd\ufffdx"),
        ("Robert'); DROP TABLE calls;--", "Robert'); DROP TABLE calls;--"),
        # Asterisk leaves SIP's own escaping in.
        ('say "hi" \\ there', 'say \\"hi\\" \\\\ there'),
    ],
)
async def test_any_callers_name_arrives(pbx: Pbx, folder: Path, name: str | bytes, expected: str) -> None:
    callers: list[Caller] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        callers.append(channel.caller(datetime.now(ZONE)))

    async with answering(pbx, folder, script) as errors:
        await pbx.call(StayOn(), number="09141112233", name=name)
    assert not errors
    assert [(c.number, c.name) for c in callers] == [("09141112233", expected)]


async def test_no_telephone_writes_lines_of_agis_header(pbx: Pbx, folder: Path) -> None:
    """Asterisk decodes %0a in the user part of a SIP address."""
    smuggled = "agi_arg_1: x|agi_arg_2: supervisor|agi_arg_3: 12345678|agi_uniqueid: 9.9|agi_callingpres: 0|x"
    seen: list[tuple[Caller, tuple[str, ...], str]] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        seen.append((channel.caller(datetime.now(ZONE)), connection.arguments, channel.unique_id))

    async with answering(pbx, folder, script) as errors:
        await pbx.call(StayOn(), number="0914%0a" + quote(smuggled).replace("%7C", "%0a"))
    assert not errors
    [(caller, arguments, unique_id)] = seen
    assert arguments == () and unique_id != "9.9"
    assert "\n" not in caller.name + caller.number


async def test_quoted_arguments_reach_the_channel_as_they_are(pbx: Pbx, folder: Path) -> None:
    values = ['a "quoted" \\ value', "سلام; $x", "  two  blanks ", "", "'"]
    seen: list[str | None] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        for value in values:
            await connection.send(command("SET", "VARIABLE", "SOME", value))
            seen.append((await connection.send(command("GET", "VARIABLE", "SOME"))).value)

    async with answering(pbx, folder, script) as errors:
        await pbx.call(StayOn())
    assert not errors
    assert [value or "" for value in seen] == values


async def test_wrong_commands_are_answered_and_the_call_goes_on(pbx: Pbx, folder: Path) -> None:
    codes: list[int] = []

    async def script(channel: Channel, connection: AgiConnection) -> None:
        for line in (b"NO SUCH THING\n", b"SET VARIABLE\n", b"GET VARIABLE A\n"):
            codes.append((await connection.send(line)).code)

    async with answering(pbx, folder, script) as errors:
        await pbx.call(StayOn())
    assert not errors
    assert codes == [510, 520, 200]


async def test_an_operator_s_talk_has_its_own_time_whatever_the_call_has_taken(
    pbx: Pbx, folder: Path
) -> None:
    """Her call's time is nearly over as she comes to the queue, and he talks on beyond it."""
    events = list[Event]()

    async def script(channel: Channel, connection: AgiConnection) -> None:
        if channel.line.startswith("Local/"):  # his own telephone
            await channel.idle(8)
            return
        await channel.lasts(4)
        events.append(await channel.perform(Operator("operators", "fa", 20)))

    with serving(pbx, "Local/111@seda111-inbound"):
        async with answering(pbx, folder, script) as errors:
            outcome = await pbx.call(StayOn())
    assert not errors and outcome.completed, (errors, outcome.problem)
    assert events == [Transferred(Transfer.ANSWERED)] and outcome.ended_by == "hotline"


async def test_an_operator_s_telephone_learns_that_nobody_else_is_to_take_her_call(
    pbx: Pbx, folder: Path
) -> None:
    """What a PBX asks of its own queues before it forwards to a mobile or a mailbox."""
    told, events = list[str | None](), list[Event]()

    async def script(channel: Channel, connection: AgiConnection) -> None:
        asked = command("GET", "VARIABLE", "CFIGNORE")
        told.append((await connection.send(asked)).value)
        if not channel.line.startswith("Local/"):  # hers, not his
            events.append(await channel.perform(Operator("operators", "fa", 20)))

    with serving(pbx, "Local/111@seda111-inbound/n"):
        async with answering(pbx, folder, script) as errors:
            outcome = await pbx.call(StayOn())
    assert not errors and outcome.completed, (errors, outcome.problem)
    assert told == [None, "TRUE"] and events == [Transferred(Transfer.ANSWERED)]


async def test_an_operator_s_telephone_shows_the_number_of_whom_we_called(pbx: Pbx, folder: Path) -> None:
    shown = list[str]()

    async def script(channel: Channel, connection: AgiConnection) -> None:
        if channel.line.startswith("Local/"):  # his own telephone
            shown.append(channel.caller(datetime.now(ZONE)).number)
        else:
            channel.shown_number = "+989141234567"
            await channel.perform(Operator("operators", "fa", 20))

    with serving(pbx, "Local/111@seda111-inbound/n"):
        async with answering(pbx, folder, script) as errors:
            outcome = await pbx.call(StayOn())
    assert not errors and outcome.completed, (errors, outcome.problem)
    assert shown == ["+989141234567"]


class ForwardingPhone(asyncio.DatagramProtocol):
    """A telephone that sends every call on: to 111, where somebody answers."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if data.startswith(b"INVITE "):
            kept = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")
            lines = [line for line in data.split(b"\r\n") if line.startswith(kept)]
            lines = [line + b";tag=1" if line.startswith(b"To:") else line for line in lines]
            moved = [b"SIP/2.0 302 Moved Temporarily", *lines, b"Contact: <sip:111@127.0.0.1>"]
            self.transport.sendto(b"\r\n".join([*moved, b"Content-Length: 0", b"", b""]), address)


@pytest.mark.parametrize("rung", ["operator", "official"])
async def test_where_a_telephone_forwards_her_by_itself_nobody_takes_her_call(
    pbx: Pbx, folder: Path, rung: str
) -> None:
    """A mobile, or its mailbox, would: for the queue an answer."""
    events, elsewhere = list[Event](), list[str]()
    loop = asyncio.get_running_loop()
    phone, _ = await loop.create_datagram_endpoint(ForwardingPhone, ("127.0.0.1", 0))
    place = f"PJSIP/loopback/sip:127.0.0.1:{phone.get_extra_info('sockname')[1]}"

    async def script(channel: Channel, connection: AgiConnection) -> None:
        if channel.line.startswith("Local/"):
            elsewhere.append(channel.line)
        elif rung == "operator":
            events.append(await channel.perform(Operator("operators", "fa", 3)))
        else:
            events.append(await channel.ring([place], RingOfficial("fa", False, 20.0), lambda: None))

    there = "penalty 0 as forwarding state_interface Local/111@seda111-inbound"
    try:
        with serving(pbx, place, there):
            async with answering(pbx, folder, script) as errors:
                outcome = await pbx.call(StayOn())
    finally:
        phone.close()
    assert not errors and outcome.completed, (errors, outcome.problem)
    nobody = {"operator": Transferred(Transfer.NOBODY), "official": Connected(False)}
    assert (events, elsewhere) == ([nobody[rung]], [])


@pytest.mark.parametrize(("lasts", "talked"), [(0.5, False), (LEAST_TALK + 1, True)])
async def test_an_official_who_picks_up_and_is_gone_at_once_has_talked_with_nobody(
    pbx: Pbx, folder: Path, lasts: float, talked: bool
) -> None:
    """Though her own call, which Asterisk measures, was answered long ago."""
    events, taken_at = list[Event](), list[float]()

    async def script(channel: Channel, connection: AgiConnection) -> None:
        if channel.line.startswith("Local/"):  # the official's telephone
            taken_at.append(time.monotonic())
            await channel.idle(lasts)
        else:
            await channel.idle(LEAST_TALK)
            place, ring = "Local/111@seda111-inbound", RingOfficial("fa", False, 20.0)
            events.append(await channel.ring([place], ring, lambda: taken_at[0] if taken_at else None))

    async with answering(pbx, folder, script) as errors:
        outcome = await pbx.call(StayOn())
    assert not errors and outcome.completed, (errors, outcome.problem)
    assert events == [Connected(talked)]


async def test_a_queue_without_operators_says_nobody(pbx: Pbx, folder: Path) -> None:
    event = await heard(pbx, folder, Operator("operators", "fa", 3), StayOn())
    assert event == Transferred(Transfer.NOBODY)


async def test_a_queue_that_does_not_exist_has_failed(pbx: Pbx, folder: Path) -> None:
    event = await heard(pbx, folder, Operator("nosuchqueue", "fa", 3), StayOn())
    assert event == Transferred(Transfer.FAILED)


async def test_whether_anybody_holds_a_line_is_seen_from_another_call(pbx: Pbx, folder: Path) -> None:
    lines, seen = list[str](), list[Event]()

    async def script(channel: Channel, connection: AgiConnection) -> None:
        lines.append(channel.unique_id)
        for line in lines:
            seen.append(await channel.perform(LookAtLine(line)))
        await channel.perform(Say(("long",), "fa"))

    async with answering(pbx, folder, script) as errors:
        outcomes = [await pbx.call(Hear(), StayOn()) for _ in range(2)]
    assert not errors and all(each.completed for each in outcomes), (errors, outcomes)
    assert seen == [LineSeen(), LineSeen(False), LineSeen()], "the first has put down as the second looks"
