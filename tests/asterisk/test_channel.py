"""The channel against a pretend Asterisk over a real socket: actions in, events out, no key lost."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.asterisk import channel, recording
from ivr.asterisk.agi import COMMAND_BYTES
from ivr.asterisk.channel import CALL_BACK, Channel
from ivr.asterisk.recording import Anywhere
from ivr.asterisk.server import AgiConnection, AgiServer
from ivr.lab.pace import patience
from ivr.voice.actions import Action, Ask, Clip, Connect, HangUp, LookUpCase, Operator, Record, Say, Words
from ivr.voice.events import Connected, Ended, Event, HungUp, Keys, Recorded, Said, Transfer, Transferred
from tests.asterisk.pretend import SPEECH, GoesOn, Pretend, until

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
MENU = Ask(("kind.menu",), "fa")
CODE = Ask(("follow_up.ask",), "fa", max_keys=10, first_key_seconds=7, next_key_seconds=5)

Script = Callable[[Channel], Awaitable[None]]


class Calls:
    """A server whose calls run a script given beforehand."""

    def __init__(self, recordings: Path) -> None:
        self.recordings = recordings
        self.script: Script
        self.server = AgiServer("127.0.0.1", 0, answer=self._answer)

    async def _answer(self, connection: AgiConnection) -> None:
        await self.script(
            Channel(connection, sounds=self._sounds, recordings=self.recordings, speak=self._speak)
        )

    def _sounds(self, prompt: str, language: str) -> str | None:
        return None if prompt == "silent" else f"/sounds/{language}/{prompt}"

    async def _speak(self, text: str, language: str) -> str | None:
        return f"/spoken/{language}/{len(text)}"

    async def perform(self, call: Pretend, actions: Sequence[Action]) -> list[Event]:
        """Carry `call` through the actions; the events they were answered with."""
        events: list[Event] = []

        async def script(channel: Channel) -> None:
            channel.caller(NOW)
            for action in actions:
                events.append(await channel.perform(action))

        await self.talk(call, script)
        return events

    async def talk(self, call: Pretend, script: Script) -> None:
        failures: list[BaseException] = []

        async def guarded(channel: Channel) -> None:
            try:
                await script(channel)
            except BaseException as error:
                failures.append(error)
                raise

        self.script = guarded
        await asyncio.wait_for(call.run(self.server.port), patience(20))
        await until(lambda: not self.server.calls)
        if failures:
            raise failures[0]


@pytest.fixture
async def calls(tmp_path: Path) -> AsyncIterator[Calls]:
    calls = Calls(tmp_path)
    await calls.server.start()
    yield calls
    await calls.server.close()


@pytest.mark.parametrize(
    ("pressed", "ask", "keys"),
    [
        ("3", MENU, Keys("3", Ended.FULL)),
        ("#", MENU, Keys("", Ended.HASH)),
        ("*", MENU, Keys("*", Ended.FULL)),
        ("", MENU, Keys("", Ended.TIMEOUT)),
        ("1234567890", CODE, Keys("1234567890", Ended.FULL)),
        ("123#", CODE, Keys("123", Ended.HASH)),
        ("123-", CODE, Keys("123", Ended.TIMEOUT)),
        ("#", CODE, Keys("", Ended.HASH)),
    ],
)
async def test_what_the_caller_presses_is_what_the_flow_hears(
    calls: Calls, pressed: str, ask: Ask, keys: Keys
) -> None:
    assert await calls.perform(Pretend(keys=pressed), [ask]) == [keys]


async def test_all_of_a_speech_goes_into_one_command_so_that_no_key_is_lost_in_between(calls: Calls) -> None:
    call = Pretend(keys="1")
    recorded(calls, "2026/01/02/x")
    await calls.perform(call, [Ask(("a", "b", Clip("2026/01/02/x"), Words("سلام"), "c"), "az")])
    files = f"/sounds/az/a&/sounds/az/b&{calls.recordings}/2026/01/02/x&/spoken/az/4&/sounds/az/c"
    assert call.commands[0] == f'EXEC Read "IVR_KEYS,{files},1,,1,7"'


def recorded(calls: Calls, name: str) -> None:
    """A recording of that name lies there: 20 ms."""
    file = calls.recordings / f"{name}.wav"
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, 8000, 160, "NONE", ""))
        sound.writeframes(SPEECH)


@pytest.mark.parametrize("barge_in", [True, False])
async def test_a_recording_that_is_not_there_is_left_out_and_told(
    calls: Calls, caplog: pytest.LogCaptureFixture, barge_in: bool
) -> None:
    call = Pretend()
    recorded(calls, "answers/there")
    speech = ("a", Clip("answers/gone"), Clip("answers/there"), "b")
    said = await calls.perform(call, [Say(speech, "fa", barge_in=barge_in), Ask(speech, "fa")])
    assert said == [Said(), Keys("", Ended.TIMEOUT)]
    assert call.played == ["/sounds/fa/a", f"{calls.recordings}/answers/there", "/sounds/fa/b"] * 2
    assert "recording answers/gone is not there to be played" in caplog.text


@pytest.mark.parametrize("content", [b"", b"RIFF" + bytes(40)], ids=["empty", "header"])
async def test_a_recording_that_holds_no_sound_is_not_there(calls: Calls, content: bytes) -> None:
    recorded(calls, "answers/1")
    (calls.recordings / "answers" / "1.wav").write_bytes(content)
    await calls.perform(call := Pretend(), [Ask((Clip("answers/1"), "a"), "fa")])
    assert call.played == ["/sounds/fa/a"]


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk that says nothing of its recordings, to the end."""
    awake = threading.Event()

    def asleep(file: Path) -> int:
        awake.wait(patience(20))
        return 1_000

    monkeypatch.setattr(recording, "THERE_SECONDS", 0.05)
    monkeypatch.setattr(recording, "_size", asleep)  # in stat(2)
    yield
    awake.set()


@pytest.mark.usefixtures("hangs")
async def test_a_disk_that_hangs_has_no_recording_to_be_played(calls: Calls) -> None:
    await calls.perform(call := Pretend(), [Ask((Clip("answers/there"), "a"), "fa")])
    assert call.played == ["/sounds/fa/a"]


@pytest.mark.usefixtures("hangs")
async def test_she_hears_again_what_she_has_just_said_however_busy_its_disk_is(calls: Calls) -> None:
    call, said = Pretend(), list[str]()

    async def script(channel: Channel) -> None:
        channel.caller(NOW)
        found = await channel.perform(Record("fa"))
        assert isinstance(found, Recorded)
        said.append(f"{calls.recordings / found.name}")
        await channel.perform(Ask(("a", Clip(found.name)), "fa"))

    await calls.talk(call, script)
    assert call.played == ["/sounds/fa/a", *said]


async def test_first_and_next_key_have_their_own_times_set_only_when_they_change(calls: Calls) -> None:
    call = Pretend(keys="1#2#3#")
    await calls.perform(call, [CODE, CODE, MENU, CODE])
    times = [line for line in call.commands if "TIMEOUT" in line]
    assert times == ["SET VARIABLE TIMEOUT(response) 7.000", "SET VARIABLE TIMEOUT(digit) 5.000"]
    reads = [line.rsplit(",", 1)[1] for line in call.commands if "Read" in line]
    assert reads == ['0"', '0"', '7"', '0"']


async def test_between_keys_pressed_while_she_is_spoken_to_no_other_question_s_time_counts(
    calls: Calls,
) -> None:
    call = Pretend(keys="1#2#")
    even = Ask(("a", "b"), "fa", max_keys=10, first_key_seconds=6, next_key_seconds=6)
    await calls.perform(call, [CODE, even])
    *_, digit, read, _ = call.commands
    assert digit == "SET VARIABLE TIMEOUT(digit) 6.000" and read.endswith(',0"')


async def test_without_barge_in_the_speech_ends_before_keys_count(calls: Calls) -> None:
    call = Pretend(keys="5")
    assert await calls.perform(call, [Ask(("a", "b"), "fa", barge_in=False)]) == [Keys("5", Ended.FULL)]
    assert call.commands[0] == 'EXEC Playback "/sounds/fa/a&/sounds/fa/b"'
    assert call.commands[1] == 'EXEC Read "IVR_KEYS,,1,,1,7"'


@pytest.mark.parametrize(
    ("pressed", "event"),
    [("-9", Keys("9", Ended.FULL)), ("9", Keys("9", Ended.FULL)), ("#", Keys("", Ended.HASH))],
)
async def test_a_speech_too_long_for_one_command_keeps_the_key_that_stops_it(
    calls: Calls, pressed: str, event: Keys
) -> None:
    call = Pretend(keys=pressed)
    speech = tuple(f"a_long_name_of_a_prompt.{n:04}" for n in range(80))
    assert await calls.perform(call, [Ask(speech, "fa")]) == [event]
    assert max(len(line.encode()) for line in call.commands) <= COMMAND_BYTES


async def test_a_key_during_an_overlong_speech_is_the_first_of_several(calls: Calls) -> None:
    call = Pretend(keys="1234#")
    ask = Ask(tuple(f"a_long_name_of_a_prompt.{n:04}" for n in range(80)), "fa", max_keys=10)
    assert await calls.perform(call, [ask]) == [Keys("1234", Ended.HASH)]
    assert len(call.played) < 80


async def test_a_prompt_without_audio_is_left_out_and_the_call_goes_on(calls: Calls) -> None:
    call = Pretend(keys="1")
    assert await calls.perform(call, [Ask(("silent", "a", "silent"), "fa")]) == [Keys("1", Ended.FULL)]
    assert call.played == ["/sounds/fa/a"]


async def test_a_speech_that_asterisk_cannot_play_still_waits_for_keys(calls: Calls) -> None:
    call = Pretend(keys="1", missing={"/sounds/fa/a"})
    assert await calls.perform(call, [Ask(("a",), "fa")]) == [Keys("1", Ended.FULL)]


@pytest.mark.parametrize(("pressed", "key"), [("", ""), ("4", "4"), ("#", "#")])
async def test_a_say_with_barge_in_tells_the_key_that_cut_it(calls: Calls, pressed: str, key: str) -> None:
    assert await calls.perform(Pretend(keys=pressed), [Say(("a",), "fa", barge_in=True)]) == [Said(key)]


@pytest.mark.parametrize(("barge_in", "pressed"), [(False, ""), (True, ""), (True, "4")])
async def test_a_say_tells_of_words_that_could_not_be_spoken_but_not_of_what_no_voice_reads(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, barge_in: bool, pressed: str
) -> None:
    async def mute(text: str, language: str) -> None:
        return None

    monkeypatch.setattr(calls, "_speak", mute)
    for sound, unspoken in ((Words("آب وصل شد"), True), (Words("—"), False), ("silent", False)):
        say = Say(("a", sound), "fa", barge_in=barge_in)
        assert await calls.perform(Pretend(keys=pressed), [say]) == [Said(pressed, unspoken=unspoken)]


@dataclass
class Waits(Pretend):
    """The words that she waits for are spoken once she has heard that she has to wait."""

    spoken: asyncio.Event = field(default_factory=asyncio.Event)

    async def during(self, line: str) -> None:
        if channel.PLEASE_WAIT in line:
            self.spoken.set()

    async def speak(self, text: str, language: str) -> str:
        await self.spoken.wait()
        return f"/spoken/{language}"


ANSWER_OF_HERS = ("status.answer_is", Words("آب وصل شد"), "status.after")
HEARD = ["/sounds/az/enquiry.wait", "/sounds/az/status.answer_is", "/spoken/az", "/sounds/az/status.after"]


@pytest.mark.parametrize(
    ("action", "keys", "heard", "told"),
    [
        (Ask(ANSWER_OF_HERS, "az"), "", HEARD, Keys("", Ended.TIMEOUT)),
        (Ask(ANSWER_OF_HERS, "az"), "-2", [], Keys("2", Ended.FULL)),
        (Ask(ANSWER_OF_HERS, "az"), "-#", [], Keys("", Ended.HASH)),
        (Ask(ANSWER_OF_HERS, "az", max_keys=2), "23", [], Keys("23", Ended.FULL)),
        (Say(ANSWER_OF_HERS, "az", barge_in=True), "2", [], Said("2")),
        (Say(ANSWER_OF_HERS, "az"), "2", HEARD, Said()),
    ],
)
async def test_who_waits_for_words_that_are_not_spoken_yet_is_told_so_and_no_key_of_hers_is_lost(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, action: Ask | Say, keys: str, heard: list[str], told: Event
) -> None:
    monkeypatch.setattr(channel, "QUIET_SECONDS", 0.01 if heard else patience(60))
    call = Waits(keys=keys)
    monkeypatch.setattr(calls, "_speak", call.speak)
    assert (await calls.perform(call, [action]), call.played) == ([told], heard)


async def test_who_hangs_up_while_words_are_being_spoken_is_gone(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Waits(hangs_up_at=1)
    monkeypatch.setattr(calls, "_speak", call.speak)
    assert await calls.perform(call, [Say(ANSWER_OF_HERS, "az")]) == [HungUp()] and not call.played


async def test_a_say_without_barge_in_plays_to_the_end(calls: Calls) -> None:
    call = Pretend(keys="4")
    assert await calls.perform(call, [Say(("a", "b"), "fa")]) == [Said()]
    assert call.commands == ['EXEC Playback "/sounds/fa/a&/sounds/fa/b"']


class ToldLate(Pretend):
    """Says only with its next reply that she hung up."""

    def answer(self, line: str) -> list[str]:
        late = ["HANGUP"] if self.dead else []
        return [*late, *super().answer(line)[:1]]


async def test_who_hangs_up_in_the_middle_has_not_heard_it_though_asterisk_says_late_that_she_is_gone(
    calls: Calls,
) -> None:
    """… and is gone at once for whoever asks: how her call ended, and where she stood in line."""
    call, gone = ToldLate(hangs_up_at=1), list[bool]()

    async def script(channel: Channel) -> None:
        assert await channel.perform(Say(("a",), "fa")) == HungUp()
        gone.append(channel.hung_up)
        await channel.perform(HangUp())
        gone.append(channel.vanished)

    await calls.talk(call, script)
    assert gone == [True, False] and call.variables["IVR_DONE"] == "1"


class OlderToldLate(ToldLate):
    """As Asterisk 16 to 18.16: its Playback says nothing of a hang-up."""

    def answer(self, line: str) -> list[str]:
        return [each.replace("=-1", "=0") for each in super().answer(line)]


async def test_on_a_call_of_ours_nobody_counts_as_told_by_an_older_asterisk_that_says_late_that_she_is_gone(
    calls: Calls,
) -> None:
    call = OlderToldLate(hangs_up_at=1, arguments=(CALL_BACK, str(uuid.uuid4())))

    async def script(channel: Channel) -> None:
        assert channel.attempt and await channel.perform(Say(("a",), "fa")) == HungUp()

    await calls.talk(call, script)


@pytest.mark.parametrize(
    ("how", "ended"), [("dtmf", Ended.HASH), ("silence", Ended.SILENCE), ("limit", Ended.LIMIT)]
)
async def test_a_recording_begins_with_a_beep_and_says_how_it_ended(
    calls: Calls, how: str, ended: Ended
) -> None:
    call = Pretend(record_ends=how, says=[40_000])
    [event] = await calls.perform(call, [Record("fa")])
    assert isinstance(event, Recorded)
    assert (event.ended, event.seconds, event.voiced_seconds) == (ended, 5.0, 5.0)
    assert event.name.startswith("2026/11/25/") and (calls.recordings / f"{event.name}.wav").is_file()
    assert call.commands == [f"RECORD FILE {calls.recordings / event.name} wav # 180000 BEEP s=8"]


async def test_a_hash_during_the_beep_brings_another_beep_and_the_recording(calls: Calls) -> None:
    call = Pretend(hash_in_beep=True)
    [event] = await calls.perform(call, [Record("fa")])
    assert isinstance(event, Recorded) and event.seconds == 3.0
    assert call.played == ["/sounds/fa/beep"]
    assert call.commands[-1] == f"RECORD FILE {calls.recordings / event.name} wav # 180000 s=8"


@dataclass
class PressedFor(Pretend):
    """Who watches her silence presses # for her, and it falls into the beep. `unwatched`: so she is then."""

    channel: Channel | None = None
    since: list[float] = field(default_factory=list)
    unwatched: bool = True

    async def during(self, line: str) -> None:
        if self.channel is not None and line.startswith("RECORD FILE"):
            self.since.append(self.channel.recording_since)
            self.unwatched = self.channel.fell_silent
            self.channel.fell_silent = " BEEP " in line


async def test_a_hash_pressed_for_her_in_the_beep_leaves_her_silence_watched_from_the_next_one_on(
    calls: Calls,
) -> None:
    call, events, began = PressedFor(hash_in_beep=True), list[Event](), time.monotonic()

    async def script(hers: Channel) -> None:
        call.channel = hers
        hers.caller(NOW)
        events.append(await hers.perform(Record("fa")))

    await calls.talk(call, script)
    [event] = events
    assert isinstance(event, Recorded) and event.ended is Ended.HASH and not call.unwatched
    first, second = call.since
    assert first >= began + channel.BEEP_SECONDS and second >= began, "the beep is no silence of hers"


async def test_words_spoken_before_a_hangup_come_first_and_the_hangup_next(calls: Calls) -> None:
    call = Pretend(hangs_up_at=1)
    recorded, *after = await calls.perform(call, [Record("fa"), MENU, Say(("a",), "fa"), Record("fa")])
    assert isinstance(recorded, Recorded) and recorded.ended is Ended.HANGUP and recorded.seconds == 3.0
    assert after == [HungUp()] * 3
    assert len(call.commands) == 1


async def test_a_recording_asterisk_cannot_write_has_failed(calls: Calls) -> None:
    [event] = await calls.perform(Pretend(says=[-1]), [Record("fa")])
    assert isinstance(event, Recorded) and event.ended is Ended.FAILED and event.name == ""


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("action", [MENU, Say(("a",), "fa", barge_in=True)])
async def test_a_hangup_while_keys_are_awaited_is_told(calls: Calls, action: Action, at: int) -> None:
    call = Pretend(keys="1", hangs_up_at=at)
    assert await calls.perform(call, [action, MENU]) == [HungUp(), HungUp()]


@pytest.mark.parametrize("at", range(1, 6))
async def test_a_connection_lost_at_any_command_ends_in_hung_up(calls: Calls, at: int) -> None:
    actions: list[Action] = [MENU, MENU, Say(("a",), "fa"), Record("fa")]
    events = await calls.perform(Pretend(keys="1", killed_at=at), actions)
    assert len(events) == 4 and events[-1] == HungUp()


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("CONTINUE", Transfer.ANSWERED),
        ("TIMEOUT", Transfer.NOBODY),
        ("JOINEMPTY", Transfer.NOBODY),
        ("FULL", Transfer.NOBODY),
        ("", Transfer.FAILED),
        ("UNKNOWN", Transfer.FAILED),
    ],
)
async def test_an_operator_is_reached_or_not(calls: Calls, status: str, result: Transfer) -> None:
    call = Pretend(queue_status=status)
    assert await calls.perform(call, [Operator("operators", "fa", 60)]) == [Transferred(result)]
    assert "EXEC Queue operators,ci,,,60" in call.commands
    assert call.variables["TIMEOUT(absolute)"] == "1860.000", "the talk has its time beside her wait"
    # Should we die later, the dialplan does not take her for served by what an operator ended now.
    assert call.variables["QUEUESTATUS"] == ("" if result is Transfer.ANSWERED else status)


async def test_an_operator_is_shown_the_number_of_whom_we_called_before_his_telephone_rings(
    calls: Calls,
) -> None:
    """Asterisk has our own number for the caller's on a call that it placed."""
    call = Pretend()

    async def script(channel: Channel) -> None:
        channel.shown_number = "+989141234567"
        await channel.perform(Operator("operators", "fa", 60))

    await calls.talk(call, script)
    shown = call.commands.index("SET VARIABLE CALLERID(num) +989141234567")
    assert shown < call.commands.index("EXEC Queue operators,ci,,,60")


async def test_a_hangup_in_the_queue_is_a_hangup(calls: Calls) -> None:
    assert await calls.perform(Pretend(hangs_up_at=5), [Operator("operators", "fa")]) == [HungUp()]


@pytest.mark.parametrize(("least", "talked"), [(0.0, True), (60.0, False)])
async def test_who_ended_a_talk_has_talked_if_it_was_one_though_asterisk_says_late_that_she_is_gone(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, least: float, talked: bool
) -> None:
    monkeypatch.setattr(channel, "LEAST_TALK", least)
    call = Pretend()  # which knows of no BRIDGERESULT, and has not said that she hung up
    assert await calls.perform(call, [Connect("1795784061.7", "fa", record=False)]) == [Connected(talked)]


@pytest.mark.parametrize(
    ("action", "event"),
    [(Record("fa"), HungUp()), (Connect("1795784061.7", "fa", record=True), Connected(True, gone=True))],
)
async def test_what_asterisk_records_on_without_us_is_no_recording_yet(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, action: Action, event: Event
) -> None:
    monkeypatch.setattr(recording, "GROWS_SECONDS", 0.2)
    monkeypatch.setattr(channel, "LEAST_TALK", 0.0)
    call = GoesOn()
    calling = asyncio.create_task(calls.perform(call, [action]))
    async with asyncio.timeout(patience(20)):
        await call.begun.wait()
    await calls.server.close()  # as at a drain's end
    call.through.set()
    assert await calling == [event]


async def test_the_dialplan_learns_that_words_are_safe_and_that_the_call_is_over(calls: Calls) -> None:
    call = Pretend()

    async def script(channel: Channel) -> None:
        await channel.kept()
        await channel.perform(HangUp())

    await calls.talk(call, script)
    assert (call.variables["IVR_KEPT"], call.variables["IVR_DONE"]) == ("1", "1")


async def test_the_dialplan_learns_whose_call_it_is_as_it_is_taken(calls: Calls) -> None:
    call = Pretend()

    async def script(channel: Channel) -> None:
        await channel.took("6d2f3d6a-54d9-4c35-a0f3-f4c6ad2b1111")

    await calls.talk(call, script)
    assert call.variables["IVR_CALL"] == "6d2f3d6a54d94c35a0f3f4c6ad2b1111"
    assert call.variables["TIMEOUT(absolute)"] == "1800.000"


async def test_the_dialplan_learns_which_words_are_not_safe_yet(calls: Calls) -> None:
    call = Pretend()

    async def script(channel: Channel) -> None:
        await channel.kept()
        await channel.kept_but("2026/11/25/3f")

    await calls.talk(call, script)
    assert call.variables["IVR_KEPT"] == "2026/11/25/3f"


class Filling(Anywhere):
    """Two disks, the first of which is full once it is said so. `kept`: recordings whose room is kept."""

    def __init__(self) -> None:
        self.full, self.kept = False, list[str]()

    def where(self, seconds: float) -> list[str]:
        return ["second/"] if self.full else ["", "second/"]

    def holds(self, name: str) -> bool:
        return name.startswith("second/") or not self.full

    def hold(self, name: str, seconds: float) -> None:
        self.kept.append(name)

    def release(self, name: str, ended: bool = True) -> None:
        self.kept.remove(name)


async def test_a_recording_named_before_the_prompt_keeps_its_name_unless_its_disk_fills_up(
    calls: Calls,
) -> None:
    named: list[str] = []
    room = Filling()

    async def script(channel: Channel) -> None:
        channel._room = room  # a disk that fills up in mid-call
        named.extend((channel.name_recording(10), channel.named_recording(10)))
        room.full = True
        named.extend(channel.named_recording(10) for _ in range(2))
        assert room.kept == named[-1:]
        await channel.perform(Record("fa"))
        assert room.kept == []
        named.append(channel.name_recording(10))
        assert room.kept == named[-1:]
        channel.leave_room()

    await calls.talk(call := Pretend(says=[8_000]), script)
    first, again, moved, kept, following = named
    assert first == again and not first.startswith("second/")
    assert moved == kept and moved.startswith("second/") and following not in named[:4]
    assert any(moved in command for command in call.commands) and room.kept == []


class Readonly(Anywhere):
    """Two disks of which the first takes no folder. `tried`: what was refused."""

    def __init__(self) -> None:
        self.tried = list[str]()

    def where(self, seconds: float) -> list[str]:
        return ["none/", "second/"]

    def refused(self, name: str) -> None:
        self.tried.append(name)


async def test_a_disk_on_which_no_recording_can_be_begun_is_passed_over(calls: Calls) -> None:
    (calls.recordings / "none").touch()
    named, room = list[str](), Readonly()

    async def script(channel: Channel) -> None:
        channel._room = room  # a disk that fills up in mid-call
        named.append(channel.name_recording(10))

    await calls.talk(Pretend(), script)
    assert named[0].startswith("second/") and room.tried == ["none/"]


async def test_even_after_a_hangup_the_dialplan_is_told(calls: Calls) -> None:
    call = Pretend(hangs_up_at=1)
    assert await calls.perform(call, [MENU, HangUp()]) == [HungUp(), HungUp()]
    assert call.variables["IVR_DONE"] == "1"


async def test_actions_of_the_desk_are_not_the_channels(calls: Calls) -> None:
    with pytest.raises(TypeError, match="LookUpCase"):
        await calls.perform(Pretend(), [LookUpCase("1")])


@pytest.mark.parametrize(
    ("header", "number", "name"),
    [
        ({"callerid": "02155500111", "calleridname": "مریم"}, "02155500111", "مریم"),
        ({"callerid": "unknown", "calleridname": "unknown"}, "", ""),
        ({"callerid": "+982155500111", "callingpres": "35"}, "", ""),
        ({"callerid": "ali"}, "", "ali"),
        ({"callerid": "anonymous"}, "", ""),
        ({"callerid": "anonymous", "calleridname": "Anonymous"}, "", ""),
        ({"calleridname": "Withheld", "callingpres": "35"}, "", ""),
        ({"callerid": "anonymous", "calleridname": "مریم"}, "", "مریم"),
        ({"calleridname": b"\xff\xfebad\x01"}, "02155500111", "\ufffd\ufffdbad"),
        ({"calleridname": "'; DROP TABLE calls; --\"\r"}, "02155500111", "'; DROP TABLE calls; --\""),
        ({"calleridname": "a\nagi_uniqueid: 6"}, "02155500111", "a"),
        ({"calleridname": "02155500111"}, "02155500111", ""),
        ({"calleridname": "+98 (21) 555-00111"}, "02155500111", ""),
        ({"calleridname": '"\u202a۰۲۱ ۵۵۵ ۰۰۱۱۱\u202c"'}, "02155500111", ""),
        ({"calleridname": "02155500111", "callingpres": "35"}, "", ""),
        ({"callerid": "۰۲۱۵۵۵۰۰۱۱۱"}, "", ""),
        ({"calleridname": "مریم ۲"}, "02155500111", "مریم ۲"),
        ({"calleridname": "HOTLINE:02155500111"}, "02155500111", ""),
        ({"calleridname": "صدا: +۹۸ (۲۱) ۵۵۵-۰۰۱۱۱"}, "02155500111", ""),
        ({"calleridname": "HOTLINE:02155500111", "callingpres": "35"}, "", ""),
        ({"callerid": "۰۲۱۵۵۵۰۰۱۱۱", "calleridname": "HOTLINE:02155500111"}, "", ""),
        ({"calleridname": "04133334444: مریم"}, "02155500111", "04133334444: مریم"),
        ({"callerid": "201", "calleridname": "HOTLINE:201"}, "201", "HOTLINE:201"),
    ],
)
async def test_the_caller_as_asterisk_tells_it(
    calls: Calls, header: dict[str, str | bytes], number: str, name: str
) -> None:
    async def script(channel: Channel) -> None:
        caller = channel.caller(NOW)
        assert (caller.number, caller.name, caller.now) == (number, name, NOW)
        assert channel.unique_id == "1764028800.42"

    await calls.talk(Pretend(header=header), script)
