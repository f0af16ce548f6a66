"""What `bench.power` finds on a disk after a cut, and in the hotline that is begun again on it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import uuid
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.chaos import tones
from bench.chaos.evidence import Call
from bench.power.__main__ import proven
from bench.power.begun_again import NEXT_CODES, STATE, Found, Left, begin_again, judge
from ivr.desk.editing.seeding import seed
from ivr.lab import postgres
from ivr.store import schema
from ivr.store.engine import make_engine
from ivr.voice.events import Ended, Recorded
from tests.bench.chaos.test_accountant import CODE, call, evidence
from tests.desk.office import call as call_facts
from tests.desk.office import office, opening
from tests.fixtures.database import SEED

CUT_AT = 130.0


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder whose path is short, as a socket's must be."""
    folder = Path(tempfile.mkdtemp(prefix="cut-", dir="/tmp"))
    folder.chmod(0o755)  # as root the server runs as a user of its own
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Of callers who left none: they are given apart."""
    for name, content in (("payloads.json", "[]"), ("calls.jsonl", ""), ("sipp.csv", "")):
        (tmp_path / name).write_text(content)
    return tmp_path


def recorded(state: Path) -> Recorded:
    """The three words of the first call, in a file."""
    name = f"2026/11/25/{uuid.uuid4().hex}"
    path = state / "recordings" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, tones.RATE, 0, "NONE", ""))
        sound.writeframes(tones.join(*(tones.word(1, k) for k in range(3))).astype("<i2").tobytes())
    content = path.read_bytes()
    return Recorded(name, 6.0, 4.5, Ended.HASH, hashlib.sha256(content).hexdigest(), len(content))


def told(code: str) -> Call:
    digits = [(115.0 + 0.2 * n, f"digit.{digit}") for n, digit in enumerate(code)]
    plain = call(codes=[code])
    return replace(plain, heard=[*plain.heard, *digits])


async def test_what_no_database_knew_at_the_cut_is_a_case_afterwards_and_codes_go_on(
    disk: Path, logs: Path
) -> None:
    state = disk / STATE
    server = postgres.start(disk)
    await schema.upgrade(server.url, postgres.SERVICE)
    engine = make_engine(server.url)
    await seed(engine, SEED)
    async with office(engine, state / "spool", pumping=False) as desk:
        code = await desk.intake.open_case(call_facts("04120000001"), opening(recorded(state)))
    await engine.dispose()
    server.stop()
    left = await begin_again(disk, logs)
    found = judge(CUT_AT, [told(code)], left)
    assert (found.words, found.codes, found.missing) == (3, 1, [])
    assert len(set(left.next_codes)) == NEXT_CODES and code not in left.next_codes


def left(**changed: object) -> Left:
    """All that the first call was told of."""
    plain = Left({(1, k) for k in range(3)}, {CODE}, evidence(), ["2222222222"])
    return replace(plain, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({}, []),
        ({"held": {(1, 0), (1, 1)}}, ["word 2 of call 1"]),
        ({"books": evidence(case="")}, [f"word {k} of call 1" for k in range(3)]),
        ({"books": evidence(words=(0, 2))}, ["word 1 of call 1"]),
        ({"written": set[str]()}, [f"code {CODE} of call 1"]),
        ({"next_codes": ["2222222222", CODE]}, [f"code {CODE} is given again"]),
        ({"next_codes": ["2222222222"] * 2}, ["code 2222222222 is given again"]),
        ({"waiting": ["journal case_opened: unread"]}, ["journal case_opened"]),
    ],
)
def test_what_is_missing_or_untrue_after_a_cut_is_told(
    changed: dict[str, object], missing: list[str]
) -> None:
    found = judge(CUT_AT, [told(CODE)], left(**changed))
    assert len(found.missing) == len(missing)
    assert all(text in line for text, line in zip(missing, found.missing, strict=True))


def test_a_code_must_open_a_case_of_hers() -> None:
    for caller in ("04120000002", None):
        books = evidence()
        books.cases["a"].caller = caller or ""
        if caller is None:
            books.cases.clear()
        found = judge(CUT_AT, [told(CODE)], left(books=books))
        assert found.missing == [f"  code {CODE} of call 1 opens no case of hers"]


def test_that_nothing_is_missing_is_proven_only_where_words_and_codes_were_told_on_each_disk() -> None:
    whole, lost = Found(3, 1), Found(3, 1, missing=["word 2 of call 1"])
    assert proven([[Found(), whole], [whole]], unflushed=False)
    assert not proven([[whole], [lost]], unflushed=False)
    assert proven([[whole], [lost]], unflushed=True)
    for none in (Found(), Found(words=3), Found(codes=1)):
        assert not proven([[whole], [none]], unflushed=False)


def test_nothing_is_asked_of_what_nobody_was_told_by_then() -> None:
    found = judge(
        112.9, [told(CODE)], left(held=set(), written=set(), books=evidence(words=()), next_codes=[])
    )
    assert (found.words, found.codes, found.missing) == (0, 0, [])


def test_a_last_word_whose_end_her_own_key_took_is_counted_apart_and_not_missing() -> None:
    plain = told(CODE)
    hers = replace(plain, abrupt=True, keys=[(plain.said[2].ended + 0.1, "#")])
    found = judge(CUT_AT, [hers], left(held={(1, 0), (1, 1)}))
    assert (found.words, found.keyed, found.missing) == (3, 1, [])
