"""The caller's channel: carries out the call flow's actions by AGI commands.

Keys are read by `EXEC Read`, not by GET DATA: only Read plays several files without a gap that loses keys,
and has separate times for the first and the next key. Reasons and sources: docs/decisions/fastagi.md.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

from ivr.asterisk import recording, variables
from ivr.asterisk.agi import command
from ivr.asterisk.dialplan import CALL_SECONDS, TALK_SECONDS
from ivr.asterisk.server import AgiConnection
from ivr.voice import script
from ivr.voice.actions import (
    Action,
    Ask,
    Clip,
    Connect,
    HangUp,
    LookAtLine,
    Operator,
    Record,
    RingOfficial,
    Say,
    Sound,
    Speech,
    Words,
)
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

log = logging.getLogger(__name__)

Sounds = Callable[[str, str], str | None]
SpeaksWords = Callable[[str, str], Awaitable[str | None]]
Spoken = Mapping[Sound, str | None]
Talked = Callable[[str, float, bool], bool]  # Asterisk's result, seconds so far, whether she is gone
BridgedAt = Callable[[], float | None]  # since when (time.monotonic) she is with whom we rang, as AMI says

BEEP = "beep"
BEEP_SECONDS = 0.5  # that RECORD FILE's own takes at most, before anything she says is heard
AT_ONCE = 0.05  # seconds that Read waits for a key behind what it plays, where none is asked for
MOMENT = 0.2  # so often it is looked whether free words are spoken; a key meanwhile counts
QUIET_SECONDS, AGAIN_SECONDS = 2.0, 5.0  # until she hears that she has to wait for them, and hears it again
PLEASE_WAIT = "enquiry.wait"
CALL_BACK = "callback"  # the argument with which the dialplan hands over a call of ours
FILES_BYTES = 1_900  # what fits into one command line beside the rest of it
# In Read and Playback these separate or group arguments and files.
_UNPLAYABLE = re.compile(r"""[,&"'\\()\[\]{}$|\r\n\0\ud800-\udfff]""").search
_NOTHING_SPOKEN: Spoken = {}
_NO_PROMPTS = frozenset((Clip, Words))  # nobody knows beforehand whether there is a file
_READ_KEYS = command("GET", "FULL", "VARIABLE", "${READSTATUS} ${IVR_KEYS}")
_DONE = command("SET", "VARIABLE", "IVR_DONE", "1")
_KEPT = command("SET", "VARIABLE", "IVR_KEPT", "1")
_PLAIN_ASK = Ask((), "")
_USUAL = (_PLAIN_ASK.first_key_seconds, _PLAIN_ASK.next_key_seconds)  # seconds to the first key and the next
_TIMEOUTS = ",".join(
    f"TIMEOUT({which})={seconds:.3f}"
    for which, seconds in zip(("absolute", "response", "digit"), (CALL_SECONDS, *_USUAL), strict=True)
)
_NO_QUEUE_STATUS = command("SET", "VARIABLE", "QUEUESTATUS", "")
_BEFORE_OTHERS = command("SET", "VARIABLE", "QUEUE_PRIO", "10")
# On FreePBX and Issabel: an operator's call forwarding would hand her to a mailbox, for the queue an answer.
_NOT_FORWARDED = command("SET", "VARIABLE", "__CFIGNORE", "TRUE")
_QUEUE_STATUS = command("GET", "VARIABLE", "QUEUESTATUS")
_BRIDGE_RESULT = command("GET", "VARIABLE", "BRIDGERESULT")
_DIAL_RESULT = command("GET", "VARIABLE", "DIALSTATUS")
_MUSIC = {True: command("SET", "MUSIC", "ON", "seda111"), False: command("SET", "MUSIC", "OFF")}
RING_SECONDS = 25
_STOP_RECORDING = command("EXEC", "StopMixMonitor")
LEAST_TALK = 2.0  # seconds: who has hung up sooner has not talked
_UNIQUE_ID = re.compile(r"[A-Za-z0-9.-]{1,150}")


class Channel:
    """One caller. `perform` one action at a time; after a hang-up it answers `HungUp` to everything.

    `sounds` gives a prompt's path for Asterisk (no extension) or None, by id and language; `speak` makes
    audio of free words; `recordings` is where the caller's words go, `room` tells on which disk.
    """

    __slots__ = (
        "_connection", "_name", "_now", "_recorded", "_recordings", "_room", "_sounds", "_speak", "_timeouts",
        "fell_silent", "new_stem", "recording", "recording_since", "shown_number",
    )  # fmt: skip

    def __init__(
        self,
        connection: AgiConnection,
        *,
        sounds: Sounds,
        recordings: Path,
        speak: SpeaksWords,
        room: recording.Disks = recording.ANYWHERE,
    ) -> None:
        self._connection = connection
        self._room = room
        self._sounds = sounds
        self._speak = speak
        self._recordings = recordings
        self._now: datetime | None = None
        self._name = ""  # of the next recording, once chosen
        self._recorded: set[str] = set()  # in this call
        self.new_stem: Callable[[], str] = recording.by_chance  # what a recording's name ends with
        self.recording: Record | None = None  # the one under way …
        self.recording_since = 0.0  # … and when its beep was over, by time.monotonic
        self.shown_number = ""  # to an operator, where the network tells another, like ours
        self.fell_silent = False  # somebody else saw that no packets come any more, and ended it by a key
        self._timeouts: tuple[float, float] | None = None  # what the channel's TIMEOUT()s were set to

    @property
    def hung_up(self) -> bool:
        """The caller is gone, or the connection to Asterisk is."""
        return self._connection.hung_up

    @property
    def vanished(self) -> bool:
        """The connection broke and nobody said that she hung up: Asterisk died, or lost its way to us."""
        return self._connection.lost and not self._connection.told_hangup

    @property
    def unique_id(self) -> str:
        return variables.clean(self._connection.variables.get("agi_uniqueid", ""))

    @property
    def line(self) -> str:
        """Asterisk's name for the channel, like PJSIP/loopback-00000001."""
        return variables.clean(self._connection.variables.get("agi_channel", ""))

    @property
    def called(self) -> str:
        """The number that she dialled, as the dialplan hands it over; "" where it says none."""
        return variables.clean(self._connection.variables.get("agi_network_script", ""))

    @property
    def attempt(self) -> str:
        """The id of our attempt to call someone back, who has answered; "" when she called us."""
        purpose, _, attempt = " ".join(self._connection.arguments[:2]).partition(" ")
        return variables.clean(attempt) if purpose == CALL_BACK else ""

    def caller(self, now: datetime) -> Caller:
        """Who calls. `now` also names the day's recordings folder."""
        self._now = now
        return variables.caller(self._connection.variables, now)

    def name_recording(self, seconds: float) -> str:
        """Choose the next recording's name now, to be written down before the beep, and keep room for it.

        "" when no disk takes so many seconds: then `Record` is answered with FAILED.
        """
        self.leave_room()
        for volume in self._room.where(seconds):
            try:
                day = self._now or datetime.now().astimezone()
                self._name = recording.new_name(self._recordings, day, volume, self.new_stem)
            except OSError as error:
                log.error("no recording can be begun in %s: %s", error.filename, error.strerror)
                self._room.refused(volume)
            else:
                self._room.hold(self._name, seconds)
                break
        return self._name

    def named_recording(self, seconds: float) -> str:
        """The name that was chosen, or another one where its disk does not take so many seconds any more."""
        chosen = self._name and self._room.holds(self._name)
        return self._name if chosen else self.name_recording(seconds)

    async def foresee(self, speech: Speech, language: str) -> None:
        """Begin to make these free words' audio: who is told them in a moment waits less for it."""
        for words in speech:
            if isinstance(words, Words):
                await self._speak(words.text, language)

    async def has(self, name: str) -> bool:
        """Whether that recording can be played now."""
        there = await recording.is_there(self._recordings, name, self._room)
        if not there:
            log.error("recording %s is not there to be played", name)
        return there

    def leave_room(self) -> None:
        """What was kept for the next recording is not needed: none comes."""
        if self._name:
            self._room.release(self._name)
            self._name = ""

    def perform(self, action: Action) -> Awaitable[Event]:
        """Carry out `Ask`, `Say`, `Record`, `Operator`, `LookAtLine`, `Connect`, `HangUp`; others: TypeError.

        Raises `Drained` when the server stops, except in the middle of a recording or with an operator.
        """
        if self._connection.hung_up and not isinstance(action, HangUp):
            return _hung_up()
        match action:
            case Ask():
                return self._ask(action)
            case Say():
                return self._say(action)
            case Record():
                return self._record(action)
            case Operator():
                return self._transfer(action)
            case LookAtLine():
                return self._look_at(action)
            case Connect():
                return self._connect(action)
            case HangUp():
                return self._end()
            case _:
                raise TypeError(f"the channel can't carry out {type(action).__name__}")

    async def took(self, call: str) -> None:
        """Tell the dialplan that somebody carries this call: its limit for the first answer is over.

        And which call it is, so that words its fall-back takes join those we took.
        """
        if not self.attempt:
            its = f"IVR_CALL={call.replace('-', '')}"
            await self._connection.send(command("EXEC", "MSet", f"{_TIMEOUTS},{its}"))
            self._timeouts = _USUAL  # most questions of several keys then need no command of their own

    async def finish(self) -> None:
        """Tell the dialplan that the call came to its end, so that its fall-back need not step in."""
        await self._connection.send(_DONE)

    async def kept(self) -> None:
        """Tell the dialplan that the caller's words are safe, so that its fall-back need not ask for them."""
        await self._connection.send(_KEPT)

    async def kept_but(self, name: str) -> None:
        """Tell the dialplan that those in this recording are not safe yet: its fall-back then looks at it."""
        await self._connection.send(command("SET", "VARIABLE", "IVR_KEPT", name))

    async def speaks(self, language: str) -> None:
        """Tell the dialplan the caller's language, should its fall-back have to speak to her."""
        await self._connection.send(command("SET", "VARIABLE", "IVR_LANGUAGE", language))

    async def chose(self, code: str, *chosen: str) -> None:
        """Tell the dialplan her code and what she chose, for words that its fall-back may have to take."""
        await self._connection.send(command("SET", "VARIABLE", "IVR_CHOSEN", "~".join((code, *chosen))))

    async def _end(self) -> Event:
        await self.finish()
        return HungUp()

    def _ask(self, ask: Ask) -> Awaitable[Event]:
        if ask.barge_in and _NO_PROMPTS.isdisjoint(map(type, ask.speech)):
            files = self._files(ask.speech, ask.language)
            if len(files) == 1:  # the usual case
                return self._read(files[0], ask.max_keys, ask.first_key_seconds, ask.next_key_seconds)
        return self._ask_in_pieces(ask)

    async def _ask_in_pieces(self, ask: Ask) -> Event:
        spoken = await self._spoken(ask)
        if isinstance(spoken, Keys | HungUp):
            return await self._go_on(spoken, ask)
        files = self._files(ask.speech, ask.language, spoken)
        if not ask.barge_in:
            await self._play(files)
            files = ()
        *leading, last = files or ("",)
        for piece in leading:
            event = await self._read(piece, 1)
            if not isinstance(event, Keys) or event.ended is not Ended.TIMEOUT:
                return await self._go_on(event, ask)
        return await self._read(last, ask.max_keys, ask.first_key_seconds, ask.next_key_seconds)

    async def _go_on(self, event: Event, ask: Ask) -> Event:
        """A key came before the speech, or in one too long for one command: the first of those asked for."""
        if not isinstance(event, Keys) or event.ended is Ended.HASH or ask.max_keys == 1:
            return event
        more = await self._read("", ask.max_keys - 1, ask.next_key_seconds, ask.next_key_seconds)
        return Keys(event.pressed + more.pressed, more.ended) if isinstance(more, Keys) else more

    async def _say(self, say: Say) -> Event:
        only_prompts = _NO_PROMPTS.isdisjoint(map(type, say.speech))
        spoken = _NOTHING_SPOKEN if only_prompts else await self._spoken(say)
        if isinstance(spoken, Keys | HungUp):
            return Said(spoken.pressed or "#") if isinstance(spoken, Keys) else spoken
        said = Said(unspoken=_is_unspoken(spoken))
        files = self._files(say.speech, say.language, spoken)
        if not say.barge_in:
            await self._play(files)
            # On a call of ours: was she told or not? HANGUP comes before the reply to whatever is sent next.
            if self.attempt and not self._connection.hung_up:
                await self._connection.send(_READ_KEYS)
            return HungUp() if self._connection.hung_up else said
        if len(files) == 1 and not say.heeds_key:
            await self._connection.send(_read_line(files[0], 1, AT_ONCE), True)
            return HungUp() if self._connection.hung_up else said
        for piece in files:
            event = await self._read(piece, 1)
            if not isinstance(event, Keys):
                return event
            if event.ended is not Ended.TIMEOUT:
                return replace(said, key=event.pressed or "#")
        return said

    async def _read(
        self, files: str, most: int, first: float = AT_ONCE, following: float = AT_ONCE
    ) -> Keys | HungUp:
        """Play `files` (joined by `&`) and collect keys: `Keys` or `HungUp`."""
        connection = self._connection
        seconds = first
        # Read's own argument holds behind the last file only: before that it is the channel's between keys.
        if most > 1 and ("&" in files or first != following):
            if self._timeouts != (first, following):
                await self._set_timeouts(first, following)
            seconds = 0.0  # Read then takes the channel's own
        await connection.send(_read_line(files, most, seconds), True)
        reply = await connection.send(_READ_KEYS)
        status, _, keys = (reply.value or "").partition(" ")
        if connection.hung_up or status == "HANGUP" or reply.dead:
            return HungUp()
        if status == "OK":
            return Keys(keys, Ended.FULL if len(keys) >= most else Ended.HASH)
        if status != "TIMEOUT" and files:
            log.error("Asterisk can't play %s (READSTATUS %s)", files, status)
            return await self._read("", most, first, following)
        return Keys(keys, Ended.TIMEOUT)

    async def _set_timeouts(self, first: float, following: float) -> None:
        await self._connection.send(_set_timeout("response", first))
        await self._connection.send(_set_timeout("digit", following))
        self._timeouts = (first, following)

    async def _play(self, files: Sequence[str]) -> None:
        """Play to the end; keys are ignored. A -1: she hung up meanwhile, though HANGUP may come later."""
        for piece in files:
            if (await self._connection.send(f'EXEC Playback "{piece}"\n'.encode(), True)).result == "-1":
                self._connection.gone()
                return

    async def _record(self, record: Record) -> Event:
        """Without packets Asterisk hears no silence: who sees that (ivr/loops/quiet.py) ends it by a key."""
        self.recording, self.fell_silent = record, False
        try:
            found = await self._record_all(record)
        finally:
            self.recording = None
        return replace(found, ended=Ended.SILENCE) if self._is_silence(found) else found

    def _is_silence(self, found: Event) -> TypeGuard[Recorded]:
        return self.fell_silent and isinstance(found, Recorded) and found.ended is Ended.HASH

    async def _record_all(self, record: Record) -> Event:
        """Asterisk beeps and records by one command: should we be slow, or die, no word falls in between."""
        name, self._name = self._name or self.name_recording(record.max_seconds), ""
        if not name:
            return recording.NOTHING
        ended = False
        try:
            event, ended = await self._record_as(name, record)
        finally:
            self._room.release(name, ended)
        return event

    async def _record_as(self, name: str, record: Record) -> tuple[Event, bool]:
        """And whether Asterisk has closed the file, as far as we know."""
        began = time.monotonic()
        self.recording_since = began + BEEP_SECONDS
        reply = await self._connection.send(self._record_line(name, record, "BEEP"))
        if reply.value == "randomerror" and not self._connection.hung_up:
            # A # in the beep, or Asterisk has no beep of its own.
            await self._play(self._files((BEEP,), record.language))
            began = self.recording_since = time.monotonic()
            self.fell_silent = False  # the # in the beep may be the one that was pressed for her
            reply = await self._connection.send(self._record_line(name, record))
        if reply.value == "randomerror" and self._connection.hung_up:
            return HungUp(), True  # in the beep
        lasted = time.monotonic() - began
        if recording.how_it_ended(reply) is Ended.SILENCE:
            lasted -= record.silence_seconds  # of which it keeps a second
        found = await recording.examine(self._recordings, name, reply, lasted, self._room)
        if reply.value == "writefile":
            self._room.refused(name)
        self._recorded.add(name)
        event = HungUp() if found is recording.NOTHING and self._connection.hung_up else found
        return event, reply.endpos is not None

    def _record_line(self, name: str, record: Record, *beep: str) -> bytes:
        most, silence = round(record.max_seconds * 1000), round(record.silence_seconds)
        path = f"{self._recordings}/{name}"
        return command("RECORD", "FILE", path, recording.FORMAT, "#", str(most), *beep, f"s={silence}")

    async def _transfer(self, operator: Operator) -> Event:
        if _UNPLAYABLE(operator.queue):
            log.error("%r can't be the name of a queue", operator.queue)
            return Transferred(Transfer.FAILED)
        send = self._connection.send
        await send(command("SET", "VARIABLE", "CHANNEL(language)", operator.language))
        await send(_NO_QUEUE_STATUS)
        # What the menus and her wait have taken of the call's time is not the operator's to lose.
        await self.lasts(operator.wait_seconds + TALK_SECONDS)
        if operator.first:
            await send(_BEFORE_OTHERS)
        await send(_NOT_FORWARDED)
        if self.shown_number:
            await send(command("SET", "VARIABLE", "CALLERID(num)", self.shown_number))
        # c: go on here when the operator hangs up; the status then is CONTINUE. i: no telephone forwards her.
        await send(command("EXEC", "Queue", f"{operator.queue},ci,,,{operator.wait_seconds}"))
        status = (await send(_QUEUE_STATUS)).value
        if self._connection.hung_up:
            return HungUp()
        if not status or status == "UNKNOWN":  # no such queue, or no Queue
            return Transferred(Transfer.FAILED)
        if status != "CONTINUE":
            return Transferred(Transfer.NOBODY)
        await send(_NO_QUEUE_STATUS)  # should we die from here on, the dialplan has her words to take again
        return Transferred(Transfer.ANSWERED)

    async def _look_at(self, look: LookAtLine) -> Event:
        """A channel that is gone has no variables."""
        if not _UNIQUE_ID.fullmatch(look.line):
            log.error("%r can't be a channel's id", look.line)
            return LineSeen(False)
        reply = await self._connection.send(command("GET", "FULL", "VARIABLE", "${UNIQUEID}", look.line))
        if self._connection.hung_up or reply.dead:
            return HungUp()
        return LineSeen(reply.code != 200 or reply.value is not None)

    async def _connect(self, connect: Connect) -> Event:
        if not _UNIQUE_ID.fullmatch(connect.line):
            log.error("%r can't be a channel's id", connect.line)
            return Connected(False)
        await self._connection.send(_set_timeout("absolute", connect.max_seconds))
        bridge = command("EXEC", "Bridge", f"{connect.line},x")  # x: his call ends with hers
        return await self._talk(connect, bridge, _BRIDGE_RESULT, _bridged)

    async def ring(self, places: Sequence[str], action: RingOfficial, bridged_at: BridgedAt) -> Event:
        """Ring these telephones together, music meanwhile; both talk until one of them hangs up.

        `places`: technology and resource, like PJSIP/201, and only what may be rung.
        """

        def talked(status: str, _: float, gone: bool) -> bool:
            """Who hung up while they were together has talked; who was left at once waits on."""
            since = bridged_at()
            if since is None:  # AMI is away. Dial's ANSWEREDTIME is how long her own call is answered.
                return status == "ANSWER"
            return gone or time.monotonic() - since >= LEAST_TALK

        if self._connection.hung_up:
            return HungUp()
        # g: go on here when he hangs up; i: no telephone forwards her; S: never longer than that.
        options = f"gim(seda111)S({round(action.max_seconds)})"
        dial = command("EXEC", "Dial", f"{'&'.join(places)},{RING_SECONDS},{options}")
        return await self._talk(action, dial, _DIAL_RESULT, talked)

    async def lasts(self, seconds: float) -> None:
        """From now on the call may take so long, whatever it was allowed before."""
        await self._connection.send(_set_timeout("absolute", seconds))

    async def play_music(self, on: bool) -> None:
        """What is played meanwhile goes on beside it."""
        await self._connection.send(_MUSIC[on])

    async def idle(self, seconds: float) -> None:
        """Wait, while music plays or not. Raises `Drained`."""
        await self._connection.send(command("EXEC", "Wait", f"{seconds:g}"), True)

    async def _talk(
        self, wanted: Connect | RingOfficial, by: bytes, asked: bytes, talked: Talked
    ) -> Connected:
        """Both talk until one of them hangs up; b: only what they say to each other is recorded."""
        send, name = self._connection.send, ""
        if wanted.record:
            name, self._name = self._name or self.name_recording(wanted.max_seconds), ""
        if name:
            file = f"{self._recordings}/{name}.{recording.FORMAT}"
            await send(command("EXEC", "MixMonitor", f"{file},b"))
        began = time.monotonic()
        await send(by)
        lasted = time.monotonic() - began
        # She hung up: Bridge has no result then, and Asterisk may say only after this reply that she is gone.
        result = (await send(asked)).value or ""
        gone = self._connection.hung_up
        have_talked = talked(result, lasted, gone)
        if not name:
            return Connected(have_talked, gone=gone)
        if not gone:
            await send(_STOP_RECORDING)
        elif self._connection.lost and await recording.grows(self._recordings, name, self._room):
            self._room.release(name, ended=False)
            return Connected(have_talked, gone=True)
        found = await recording.settled(self._recordings, name, lasted, self._room)
        self._room.release(name)
        kept = None if found is recording.NOTHING else found
        return Connected(have_talked, kept, self._connection.hung_up)

    def _files(self, speech: Speech, language: str, spoken: Spoken = _NOTHING_SPOKEN) -> Sequence[str]:
        """The speech as files joined by `&`, in as few pieces as command lines allow.

        What has no audio is left out: the call goes on.
        """
        try:
            return _of_prompts(self._sounds, speech, language)
        except LookupError:
            pass  # it holds more than prompts, or not all of them have audio
        files = []
        for sound in speech:
            path = self._sounds(sound, language) if isinstance(sound, str) else spoken[sound]
            if path and (size := _playable(path)):
                files.append((path, size))
            else:
                name = sound if isinstance(sound, str) else type(sound).__name__
                _tell_once(f"there is no audio Asterisk can play for {name} in {language} (file: {path})")
        return _joined(files)

    async def _spoken(self, action: Ask | Say) -> Spoken | Keys | HungUp:
        """Make the free words' audio and look for the recordings: each one's path; or what she does before.

        She is not left in silence meanwhile, and a key then counts as one that cuts the speech short.
        """
        sounds = [sound for sound in action.speech if not isinstance(sound, str)]
        making = asyncio.ensure_future(self._paths(sounds, action.language))
        try:
            await asyncio.wait({making}, timeout=AT_ONCE)
            quiet_until = time.monotonic() + QUIET_SECONDS
            while not making.done():
                files: Sequence[str] = ()
                if time.monotonic() >= quiet_until:
                    files = self._files((PLEASE_WAIT,), action.language)
                event = await self._read(files[0] if files else "", 1, MOMENT)
                if isinstance(event, HungUp):
                    return event
                if action.barge_in and event.ended is not Ended.TIMEOUT:
                    return event
                if files:
                    quiet_until = time.monotonic() + AGAIN_SECONDS
            return await making
        finally:
            making.cancel()  # the words are spoken to the end all the same, for whoever asks for them again

    async def _paths(self, sounds: Sequence[Clip | Words], language: str) -> Spoken:
        return {sound: await self._path(sound, language) for sound in sounds}

    async def _path(self, sound: Clip | Words, language: str) -> str | None:
        if isinstance(sound, Words):
            return await self._speak(sound.text, language)
        # Of what she has just said nobody asks a disk that may still be busy with it.
        there = sound.name in self._recorded or await self.has(sound.name)
        return str(self._recordings / sound.name) if there else None


async def _hung_up() -> Event:
    return HungUp()


def _is_unspoken(spoken: Spoken) -> bool:
    """Whether words are missing that a voice reads: the synthesiser is away or too slow, or its disk full."""
    missing = (sound for sound, path in spoken.items() if path is None)
    return any(isinstance(each, Words) and script.is_spoken(each.text) for each in missing)


def _bridged(result: str, lasted: float, gone: bool) -> bool:
    return lasted > LEAST_TALK if gone or not result else result == "SUCCESS"


@lru_cache(maxsize=256)
def _set_timeout(which: str, seconds: float) -> bytes:
    return command("SET", "VARIABLE", f"TIMEOUT({which})", f"{seconds:.3f}")


@lru_cache(maxsize=1024)
def _read_line(files: str, most: int, seconds: float) -> bytes:
    """Nothing in `files` can break out of the quotes: see _playable."""
    return f'EXEC Read "IVR_KEYS,{files},{most},,1,{seconds:g}"\n'.encode()


@lru_cache(maxsize=1024)
def _of_prompts(sounds: Sounds, speech: Speech, language: str) -> tuple[str, ...]:
    """Those of prompts that have audio, every one: most speech is the same in every call.

    Raises LookupError, which is not remembered, for any other speech.
    """
    return tuple(_joined(_prompt(sounds, sound, language) for sound in speech))


@lru_cache(maxsize=4096)
def _prompt(sounds: Sounds, sound: Sound, language: str) -> tuple[str, int]:
    """The file of one, and its size as `_joined` has it: each call's code is another speech of the same few.

    Raises LookupError, which is not remembered, for what is no prompt or has no audio.
    """
    path = sounds(sound, language) if isinstance(sound, str) else None
    if not path or not (size := _playable(path)):
        raise LookupError
    return path, size


def _joined(files: Iterable[tuple[str, int]]) -> list[str]:
    """Paths, each with its length in bytes, by `&` in as few pieces as command lines allow."""
    pieces: list[list[str]] = []
    room = 0
    for path, size in files:
        if size < room:
            pieces[-1].append(path)
            room -= size + 1
        else:
            pieces.append([path])
            room = FILES_BYTES - size
    return ["&".join(piece) for piece in pieces]


@lru_cache(maxsize=4096)
def _playable(path: str) -> int:
    """The length of a path in bytes, 0 for one that Asterisk's applications would misread."""
    if _UNPLAYABLE(path):
        return 0
    size = len(path.encode())
    return size if size <= FILES_BYTES // 2 else 0


@lru_cache(maxsize=4096)
def _tell_once(trouble: str) -> None:
    log.error("%s: left out, and the call goes on", trouble)
