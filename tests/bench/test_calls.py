"""The measuring parts of bench (b) measure what they say."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.calls.books import Books
from bench.calls.callers import Outcome, outcome, scenario
from bench.calls.cpu import seconds
from bench.calls.latency import LEARNT, Latencies, note, recognise
from bench.calls.probe import SECOND, SILENCE, Packet, Press
from bench.calls.report import Result, compared
from bench.prompts.__main__ import SPOKEN, scenario_of
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


async def test_what_comes_too_late_to_be_recognised_is_in_the_sample_as_late_as_was_listened() -> None:
    found, press = Latencies(), Press("1", 0, asyncio.get_running_loop().create_future())
    for packets in ([Packet(SECOND // 100, each) for each in PROMPT], []):
        note(packets, press, PROMPT, found)
    assert (found.after, found.from_begin, found.unrecognised) == ([10.0, 1500.0], [10.0, 1500.0], 1)
    assert any("p95 is 1500 ms" in text for text in measured([4.0] * 90 + [found.after[1]] * 10).missed)


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


@pytest.mark.parametrize(("codec", "said"), [("alaw", "RTP/AVP 8 96"), ("g722", "RTP/AVP 9 96")])
def test_who_only_listens_to_a_prompt_offers_the_codec_in_which_it_is_measured(codec: str, said: str) -> None:
    assert codec in SPOKEN
    sent = [step.text or "" for step in ET.fromstring(scenario_of(codec, "111")) if step.tag == "send"]
    offers = [text for text in sent if "m=audio" in text]
    assert len(offers) == 2 and all(said in text for text in offers)


def test_a_listening_telephone_is_never_silent_so_long_that_it_is_asked_whether_it_is_there() -> None:
    steps = list(ET.fromstring(scenario("111", 23_000, Path("speech.pcap"))))
    plays = [
        n for n, step in enumerate(steps) if any(key.get("play_pcap_audio") for key in step.iter("exec"))
    ]
    first, words, after = plays[0], plays[-2], plays[-1]
    pauses = [int(step.get("milliseconds", 0)) for step in steps[first:words] if step.tag == "pause"]
    assert sum(pauses) == 23_000
    assert all(8_000 <= each < 16_000 for each in pauses)
    end = steps[after + 2]
    assert end.get("request") == "BYE" and end.get("timeout") == "8000", (
        "so long a piece is, then it is played again"
    )
    assert steps[after - 1].get("id") == end.get("ontimeout")


def test_sipps_statistics_are_read(tmp_path: Path) -> None:
    file = tmp_path / "sipp.csv"
    file.write_text(
        "ElapsedTime(C);CurrentCall;SuccessfulCall(C);FailedCall(C);\n"
        "00:00:01:000000;7;0;0;\n00:01:02:000000;0;9;1;\n"
    )
    assert outcome(file) == Outcome(completed=9, failed=1, most_at_once=7, seconds=62.0)


def measured(after: list[float], panel: bool = False, most_at_once: int = 300, server: float = 2.0) -> Result:
    cpu = {"asterisk": 80.0, "server": server, "postgresql": 1.0, "bench": 30.0}
    done, books = Outcome(900, 0, most_at_once, 190.0), Books(940, 900, 900, 0, 900)
    return Result(done, books, cpu, Latencies(after, after, 40), 900, 300, 8, panel)


def test_key_to_audio_is_judged_alone_and_with_the_panel_busy() -> None:
    assert measured([4.0] * 99).missed == measured([4.0] * 99, panel=True).missed == []
    late = [4.0] * 80 + [41.0] * 20
    assert measured(late).missed == ["key to audio p95 is 41 ms alone"]
    assert measured(late, panel=True).missed == ["key to audio p95 is 41 ms with the panel busy"]


def test_what_the_panel_takes_of_the_processor_is_not_the_calls_() -> None:
    assert measured([4.0] * 9, server=9.0).missed == ["our share is 12.5% of Asterisk's CPU"]
    assert measured([4.0] * 9, panel=True, server=9.0).missed == []


def test_a_line_that_was_never_full_is_told() -> None:
    assert measured([4.0] * 9, most_at_once=211).missed == [
        "at most 211 calls were at once, and 300 were due"
    ]


def test_the_rounds_stand_below_each_other() -> None:
    told = compared([measured([4.0] * 9), measured([9.0] * 9, panel=True)]).splitlines()
    assert "alone" in told[1] and "p50    4.0  p95    4.0 ms" in told[1]
    assert "with the panel busy" in told[2] and "p50    9.0" in told[2]
