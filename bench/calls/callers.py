"""The load: SIPp callers who file a complaint each. Their telephones send in silence, too."""

from __future__ import annotations

import asyncio
import csv
import wave
from dataclasses import dataclass
from pathlib import Path

from ivr.lab import asterisk as lab
from ivr.settings import Settings

# Keys that interrupt each prompt on the way to the recording: language, kind, topic (group, leaf), county.
WAY = ("1", "1", "1", "1", "0", "0")
KEY_GAP = 1500  # ms; SIPp's keys need 1.3 s between them (its replay of one key is not to overlap the next)
PIECE = 8  # seconds of speech in SIPp's g711a.pcap

SDP = """v=0
o=sipp 1 {version} IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 96
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
"""
SAME = """[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
"""
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="a complaint">
  <send retrans="500"><![CDATA[
INVITE sip:{extension}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{area}[call_number]@[local_ip]:[local_port]>;tag=[pid]b[call_number]
To: <sip:{extension}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:{area}[call_number]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

{sdp}]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{area}[call_number]@[local_ip]:[local_port]>;tag=[pid]b[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"""
# Of a telephone that were silent Asterisk would ask whether it is there (docs/decisions/lines.md).
TAIL = """  <label id="1"/>
{speaking}  <recv request="INVITE" optional="true" next="2"/>
  <recv request="BYE" timeout="{piece}" ontimeout="1" next="3"/>
  <label id="2"/>
  <send><![CDATA[
SIP/2.0 200 OK
{same}Contact: <sip:caller@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

{sdp}]]></send>
  <recv request="ACK" next="1"/>
  <label id="3"/>
  <send><![CDATA[
SIP/2.0 200 OK
{same}Content-Length: 0

]]></send>
</scenario>
"""


def scenario(
    extension: str, record_prompt_ms: int, speech: Path, area: str = "0412", words: int = PIECE
) -> str:
    """A call from INVITE to Asterisk's BYE. She waits for the beep, speaks, keeps, hears the code twice.

    `area`: how the callers' numbers begin; whoever calls again would join her case of before. `words`: how
    many seconds she speaks.
    """
    steps = [_pause(2000), *(step for key in WAY for step in (_key(key), _pause(KEY_GAP)))]
    steps += [_listening(record_prompt_ms, speech)]
    for spoken in range(0, words, PIECE):
        steps += [_speaking(speech), _pause(min(PIECE, words - spoken) * 1000)]
    steps += [_pause(500), _key("#"), _pause(2500), _key("1"), _pause(KEY_GAP)]
    head = HEAD.format(extension=extension, area=area, sdp=SDP.format(version=1))
    ways = {"same": SAME, "sdp": SDP.format(version=2), "speaking": _speaking(speech)}
    return "".join([head, *steps, TAIL.format(**ways, piece=1000 * PIECE)])


def complaint(settings: Settings, sipp: lab.Program, area: str = "0412", words: int = PIECE) -> str:
    """That scenario for this hotline and its prompts. Raises LabError."""
    return scenario(settings.calls.extension, _record_prompt(settings.sounds), _speech(sipp), area, words)


def _pause(milliseconds: int) -> str:
    return f'  <pause milliseconds="{milliseconds}"/>\n'


def _speaking(speech: Path) -> str:
    return f'  <nop><action><exec play_pcap_audio="{speech}"/></action></nop>\n'


def _listening(milliseconds: int, speech: Path) -> str:
    """A long pause in which her telephone sends on, as telephones do.

    Between keys SIPp is silent: of what it sends right before one, or after, Asterisk knows no key.
    """
    pieces = milliseconds // (PIECE * 1000)
    if not pieces:
        return _pause(milliseconds)
    return (_speaking(speech) + _pause(milliseconds // pieces)) * pieces


def _key(key: str) -> str:
    return f'  <nop><action><exec play_dtmf="{key}"/></action></nop>\n'


@dataclass(frozen=True, slots=True)
class Outcome:
    completed: int
    failed: int
    most_at_once: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of SIPp."""

    server: tuple[str, int]
    calls: int
    rate: int
    at_once: int


async def run(sipp: list[str], load: Load, text: str, folder: Path) -> Outcome:
    """Place the calls and wait for the last one's end."""
    file, statistics = folder / "caller.xml", folder / "sipp.csv"
    await asyncio.to_thread(file.write_text, text)
    command = [
        *sipp, f"{load.server[0]}:{load.server[1]}", "-sf", str(file),
        "-m", str(load.calls), "-r", str(load.rate), "-l", str(load.at_once),
        "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", "0", "-min_rtp_port", "30000", "-max_rtp_port", "49000",
        "-trace_stat", "-stf", str(statistics), "-fd", "1", "-nostdin",
        "-trace_err", "-error_file", str(folder / "sipp.err"),
    ]  # fmt: skip
    with (folder / "sipp.log").open("wb") as screen:
        process = await asyncio.create_subprocess_exec(*command, stdout=screen, stderr=screen, cwd=folder)
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
    return outcome(statistics)


def outcome(statistics: Path) -> Outcome:
    """Read SIPp's own statistics."""
    with statistics.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    last = rows[-1]
    hours, minutes, seconds = last["ElapsedTime(C)"].split(":")[:3]
    return Outcome(
        completed=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        most_at_once=max(int(row["CurrentCall"]) for row in rows),
        seconds=int(hours) * 3600 + int(minutes) * 60 + float(seconds),
    )


def _record_prompt(sounds: Path) -> int:
    """Milliseconds from the last key to the end of the beep, with something to spare."""
    return 1500 + sum(_milliseconds(sounds / "fa" / name) for name in ("record/ask.wav", "beep.wav"))


def _milliseconds(path: Path) -> int:
    with wave.open(str(path)) as sound:
        return int(1000 * sound.getnframes() / sound.getframerate())


def _speech(sipp: lab.Program) -> Path:
    """The A-law speech that comes with SIPp."""
    tree = sipp.root or Path("/")
    for place in ("usr/share/sip-tester/g711a.pcap", "usr/share/sipp/pcap/g711a.pcap"):
        if (tree / place).is_file():
            return tree / place
    raise lab.LabError("SIPp's g711a.pcap is not on this machine")
