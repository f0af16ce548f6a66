"""The measuring parts of bench (b) measure what they say."""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bench.calls.callers import Outcome, outcome, scenario
from bench.calls.cpu import seconds
from bench.calls.latency import LEARNT, recognise
from bench.calls.probe import SILENCE, Packet
from ivr.lab.pace import patience

PROMPT = [SILENCE, SILENCE] + [bytes([n]) * 160 for n in range(LEARNT - 2)]


def heard(payloads: list[bytes]) -> list[Packet]:
    return [Packet(at, payload) for at, payload in enumerate(payloads)]


@given(before=st.lists(st.sampled_from([SILENCE, b"other" * 32]), max_size=40))
def test_the_next_prompt_is_found_behind_whatever_was_playing(before: list[bytes]) -> None:
    first = recognise(heard([*before, *PROMPT, b"more" * 40]), PROMPT)
    assert first is not None and first.at == len(before)


def test_a_lost_packet_does_not_hide_the_next_prompt() -> None:
    with_one_changed = [*PROMPT[:10], b"lost" * 40, *PROMPT[11:]]
    first = recognise(heard([SILENCE, *with_one_changed]), PROMPT)
    assert first is not None and first.at == 1


def test_another_prompt_is_not_taken_for_it() -> None:
    assert recognise(heard([SILENCE, SILENCE, *(bytes([200 - n]) * 160 for n in range(50))]), PROMPT) is None


def test_the_cpu_of_children_that_have_ended_is_counted() -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    run = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\ninput()"
    parent = subprocess.Popen([sys.executable, "-c", run], stdin=subprocess.PIPE)
    deadline = time.monotonic() + patience(30)
    while seconds(parent.pid) < 0.3 and time.monotonic() < deadline:
        time.sleep(0.05)
    spent = seconds(parent.pid)
    parent.communicate(b"\n")
    assert spent >= 0.3
    assert seconds(parent.pid) == 0.0


def test_the_scenario_is_well_formed_and_waits_for_the_beep() -> None:
    steps = list(ET.fromstring(scenario("111", 4321, Path("speech.pcap"))))
    pauses = [step.get("milliseconds") for step in steps if step.tag == "pause"]
    assert "4321" in pauses
    keys = [key.get("play_dtmf") for step in steps for key in step.iter("exec") if key.get("play_dtmf")]
    assert keys == [*"111100", "#", "1"]


def test_a_listening_telephone_is_never_silent_so_long_that_it_is_asked_whether_it_is_there() -> None:
    steps = list(ET.fromstring(scenario("111", 23_000, Path("speech.pcap"))))
    plays = [any(key.get("play_pcap_audio") for key in step.iter("exec")) for step in steps]
    first, last = plays.index(True), len(plays) - plays[::-1].index(True) - 1
    pauses = [int(step.get("milliseconds", 0)) for step in steps[first:last] if step.tag == "pause"]
    assert sum(pauses) == 23_000
    assert all(8_000 <= each < 16_000 for each in pauses)


def test_sipps_statistics_are_read(tmp_path: Path) -> None:
    file = tmp_path / "sipp.csv"
    file.write_text(
        "ElapsedTime(C);CurrentCall;SuccessfulCall(C);FailedCall(C);\n"
        "00:00:01:000000;7;0;0;\n00:01:02:000000;0;9;1;\n"
    )
    assert outcome(file) == Outcome(completed=9, failed=1, most_at_once=7, seconds=62.0)
