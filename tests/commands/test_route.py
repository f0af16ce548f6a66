"""`ivr route`, as a process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from ivr.lab.pace import patience

COMMAND = [sys.executable, "-m", "ivr.cli", "route", "suggest"]


def run(lines: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    command, most = [*COMMAND, *options], patience(60)
    return subprocess.run(command, input=lines, capture_output=True, timeout=most, check=False)


GOOD = [
    {"id": "a", "text": "آب خونمون سه روزه قطعه تانکر هم نفرستادن", "county": "ahar"},
    {"id": 2, "text": "آسفالت خیابون مراغه پر چاله س", "county": None},
    {"id": "c", "text": "آسفالت خیابون پر چاله س", "county": "مراغه"},
]
BAD = [b"nonsense", b'{"id": 2}', b'{"id": 3, "text": 5}', b"[1]", b"\xff\xfe", b'{"id": ' + b"[" * 9999]
STRANGE = {"id": "s", "text": "زباله های مراغه رو نمیبرن", "county": "moon"}
LAST = {"id": 1, "text": "برق قطعه"}


@pytest.fixture(scope="module")
def done() -> subprocess.CompletedProcess[bytes]:
    """One process for all lines: to learn takes seconds. The last line has no line break."""
    asked = [json.dumps(one, ensure_ascii=False).encode() for one in (*GOOD, STRANGE, LAST)]
    return run(b"\n".join([*asked[:3], *BAD, b"", *asked[3:]]), "--json")


def answers(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_each_line_gets_its_answer(done: subprocess.CompletedProcess[bytes]) -> None:
    assert [(a["id"], a["agency"]) for a in answers(done)[:3]] == [
        ("a", "abfa"),
        (2, "shahrdari_maragheh"),
        ("c", "shahrdari_maragheh"),
    ]
    first = answers(done)[0]
    assert set(first) == {"id", "topic", "agency", "confidence", "assigned", "doubt", "top"}
    assert first["topic"] == "water.supply"
    assert first["assigned"] is True
    assert first["top"][0] == {key: first[key] for key in ("agency", "topic", "confidence")}
    assert len(first["top"]) == 3


def test_a_bad_line_is_named_and_the_others_are_answered(done: subprocess.CompletedProcess[bytes]) -> None:
    assert done.returncode == 1
    sentences = done.stderr.decode().splitlines()
    assert [s.split(":")[0] for s in sentences] == [f"line {n}" for n in (*range(4, 4 + len(BAD)), 11)]
    assert [a["id"] for a in answers(done)[3:]] == ["s", 1]


def test_an_unknown_county_is_named_and_the_case_answered(done: subprocess.CompletedProcess[bytes]) -> None:
    assert "line 11: there is no county 'moon'" in done.stderr.decode()
    assert answers(done)[3]["agency"] == "shahrdari_maragheh"


def test_without_json_people_can_read_it() -> None:
    done = run(json.dumps({"id": "x", "text": "کمیته امداد مستمری نداده"}).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("x: emdad ")


def test_an_answer_comes_before_the_next_question() -> None:
    with subprocess.Popen([*COMMAND, "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "text": "گاز قطعه"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(timeout=patience(30)) == 0


@pytest.mark.parametrize("days", ["36501", "800000", "99999999999"])
def test_of_more_days_than_there_are_nobody_asks(days: str) -> None:
    command = [sys.executable, "-m", "ivr.cli", "route", "fates", "--days", days]
    done = subprocess.run(command, capture_output=True, timeout=patience(60), check=False, text=True)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert re.search("Invalid value for '--days'.* 36500$", done.stderr.strip()), done.stderr
