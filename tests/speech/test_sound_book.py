"""The server's book of audio: where a prompt lies, and free words on demand."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from ivr.settings import ROOT
from ivr.speech import sound_book as book_module
from ivr.speech.lexicon import Lexicon, read_lexicon, write_lexicon
from ivr.speech.paths import SUFFIXES, is_audio, unprepared
from ivr.speech.sound_book import SoundBook, forget_unused
from ivr.speech.telephone import LOUDNESS, RATE, Samples, measure, read
from ivr.voice import verdict
from ivr.voice.actions import Words
from ivr.voice.catalogue import Voice, parse
from ivr.voice.events import CaseSeen, Lookup
from tests.voice.conversation import DIRECTORY


@pytest.fixture
def book(tmp_path: Path) -> SoundBook:
    for wav in ("fa/a/menu.wav", "fa/empty.wav"):
        path = tmp_path / wav
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 100 if "menu" in wav else b"")
    return SoundBook(tmp_path, ("fa", "az"))


def test_a_prompt_is_named_as_asterisk_wants_it(book: SoundBook, tmp_path: Path) -> None:
    assert book.path("a.menu", "fa") == f"{tmp_path}/fa/a/menu"


@pytest.mark.parametrize(
    ("id", "language"),
    [
        ("a.menu", "az"),
        ("empty", "fa"),
        ("gone", "fa"),
        ("../fa/a/menu", "fa"),
        ("a/menu", "fa"),
        ("a.menu", "../fa"),
    ],
)
def test_what_has_no_audio_or_is_no_id_has_no_name(book: SoundBook, id: str, language: str) -> None:
    assert book.path(id, language) is None


def test_a_prompt_built_later_is_found(book: SoundBook, tmp_path: Path) -> None:
    assert book.path("b", "fa") is None
    (tmp_path / "fa/b.wav").write_bytes(b"x" * 100)
    assert book.path("b", "fa") == f"{tmp_path}/fa/b"


async def test_free_words_are_spoken_once_and_kept(book: SoundBook) -> None:
    name = await book.speak("آب محله وصل شد.", "fa")
    assert name
    wav = Path(f"{name}.wav")
    assert measure(read(wav)[0]) == pytest.approx(LOUDNESS, abs=0.7)
    made = wav.stat().st_mtime_ns
    assert await book.speak("  آب محله وصل شد. ", "fa") == name
    assert wav.stat().st_mtime_ns == made


async def test_free_words_go_weeks_after_they_were_last_wished_for_and_live_trees_words_stay(
    tmp_path: Path,
) -> None:
    book, texts = SoundBook(tmp_path, ("fa",), ("alaw",)), ("آب وصل شد.", "برق وصل شد.", "گاز وصل شد.")
    wished, left, _ = [Path(f"{await book.speak(text, 'fa')}.wav") for text in texts]
    assert await book.adopt("tree.1", texts[2], "fa")
    own = Path(f"{book.path('tree.1', 'fa')}.wav")
    made = {wav: wav.stat().st_mtime_ns for wav in (wished, left, own)}
    for wav in made:
        os.utime(wav, ns=(0, made[wav]))  # as an older release leaves it
    forget_unused(tmp_path)
    assert all(map(is_audio, made)), "what was wished for until now, nobody knows"
    os.utime(tmp_path / "spoken/.since", (0, 0))
    assert await book.speak(texts[0], "fa") == str(wished.with_suffix(""))
    book.keep_own()
    forget_unused(tmp_path)
    assert sorted(left.parent.parent.rglob("*.*")) == sorted(
        form for wav in (wished, own) for form in (wav, wav.with_suffix(".alaw"))
    )
    assert [wav.stat().st_mtime_ns for wav in (wished, own)] == [made[wished], made[own]]
    assert not list(unprepared(own, ["alaw"]))
    assert await book.speak(texts[1], "fa") == str(left.with_suffix("")) and is_audio(left)


@pytest.mark.parametrize("done", range(len(SUFFIXES) + 1))
def test_free_words_whose_erasing_a_crash_cut_short_go_with_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    wav = tmp_path / "spoken/fa/ab/abc.wav"
    wav.parent.mkdir(parents=True)
    (tmp_path / "spoken/.since").touch()
    os.utime(tmp_path / "spoken/.since", (0, 0))
    for path in (wav, *map(wav.with_suffix, SUFFIXES.values())):
        path.write_bytes(b"x" * 100)
        os.utime(path, (0, 0))
    erase, erased = Path.unlink, list[Path]()

    def cut_short(path: Path, missing_ok: bool = False) -> None:
        if len(erased) == done:
            raise MemoryError
        erased.append(path)
        erase(path, missing_ok)

    with monkeypatch.context() as patched, pytest.raises(MemoryError):
        patched.setattr(Path, "unlink", cut_short)
        forget_unused(tmp_path)
    assert not wav.exists() and list(wav.parent.iterdir())
    forget_unused(tmp_path)
    assert not list(wav.parent.iterdir())


def test_what_was_spoken_anew_since_a_crash_keeps_its_forms(tmp_path: Path) -> None:
    wav = tmp_path / "spoken/fa/ab/abc.wav"
    wav.parent.mkdir(parents=True)
    for path in (wav, wav.with_suffix(".alaw"), wav.with_suffix(".going"), tmp_path / "spoken/.since"):
        path.write_bytes(b"x" * 100)
    for path in (wav.with_suffix(".going"), tmp_path / "spoken/.since"):
        os.utime(path, (0, 0))
    forget_unused(tmp_path)
    assert sorted(wav.parent.iterdir()) == [wav.with_suffix(".alaw"), wav]


PERSIAN_ANSWER = "خرابی شبکهٔ آب در محل شما برطرف شد و آب وصل است."
AZERBAIJANI_ANSWER = "Ərazinizdə su şəbəkəsindəki nasazlıq aradan qaldırıldı."


async def _samples(book: SoundBook, text: str, language: str) -> Samples:
    name = await book.speak(text, language)
    assert name
    return read(Path(f"{name}.wav"))[0]


async def test_persian_is_read_to_an_azerbaijani_caller_by_the_persian_voice(book: SoundBook) -> None:
    in_persian = await _samples(book, PERSIAN_ANSWER, "fa")
    assert 2.5 < in_persian.size / RATE < 5.5
    assert np.array_equal(await _samples(book, PERSIAN_ANSWER, "az"), in_persian)
    in_latin = await _samples(book, AZERBAIJANI_ANSWER, "az")
    assert np.array_equal(await _samples(book, AZERBAIJANI_ANSWER, "fa"), in_latin)


async def test_what_was_written_to_be_spoken_is_heard_in_azerbaijani_and_the_persian_beside_it_in_persian(
    book: SoundBook,
) -> None:
    seen = CaseSeen(Lookup.FOUND, "answered", answer=PERSIAN_ANSWER, spoken=AZERBAIJANI_ANSWER)
    for language, text in (("az", AZERBAIJANI_ANSWER), ("fa", PERSIAN_ANSWER)):
        said = verdict.answer(seen, language, DIRECTORY)
        assert said == ("status.answer_is", Words(text))
        assert 2 < (await _samples(book, text, language)).size / RATE < 6


async def test_a_persian_name_in_azerbaijani_words_takes_a_moment_and_not_its_letters_names(
    book: SoundBook,
) -> None:
    plain = await _samples(book, "İşiniz idarənin planına salındı.", "az")
    named = await _samples(book, "İşiniz شرکت آب و فاضلاب idarənin planına salındı.", "az")
    assert 0.5 < (named.size - plain.size) / RATE < 3


async def test_azerbaijani_in_arabic_letters_is_not_read_at_all(book: SoundBook) -> None:
    assert await book.speak("سیزین ایشینیزه باخیلدی", "az") is None
    assert await book.speak("سیزین ایشینیزه باخیلدی", "fa") is None


async def test_many_callers_for_the_same_words_start_one_synthesis(book: SoundBook) -> None:
    names = [book.speak("Su gəldi", "az") for _ in range(20)]
    together = asyncio.gather(*names)
    most = 0
    while not together.done():
        started = [p for p in psutil.Process().children() if "ivr.speech.speak" in _command(p)]
        most = max(most, len(started))
        await asyncio.sleep(0.01)
    assert len(set(await together)) == 1
    assert most == 1


async def test_one_caller_hanging_up_does_not_silence_the_other(book: SoundBook) -> None:
    first = asyncio.create_task(book.speak("سلام", "fa"))
    second = asyncio.create_task(book.speak("سلام", "fa"))
    while not book._speaking:  # until both are at it
        await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert first.cancelled()


async def test_words_for_which_nobody_waits_any_longer_are_there_at_the_next_wish(
    book: SoundBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a call about an answer was put off again and again on a busy machine."""
    monkeypatch.setattr(book_module, "SECONDS", 0.01)
    assert await book.speak("آب محله وصل شد.", "fa") is None
    await asyncio.gather(*book._speaking.values())  # what is in the making
    assert await book.speak("آب محله وصل شد.", "fa")


@pytest.mark.parametrize(("text", "language"), [("", "fa"), ("  😀 …", "fa"), ("سلام", "en")])
async def test_what_cannot_be_said_is_left_out(book: SoundBook, text: str, language: str) -> None:
    assert await book.speak(text, language) is None


async def test_a_synthesis_that_hangs_is_ended_with_its_children(
    book: SoundBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_module, "MAKING_SECONDS", 0.2)
    assert await book.speak("سخن " * 300, "fa") is None
    ours = ("ivr.speech", "ivr/speech")  # not the name of a checkout that is called speech
    children = psutil.Process().children(recursive=True)
    assert not [p for p in children if any(name in _command(p) for name in ours)]


async def test_a_folder_that_cannot_be_written_only_leaves_the_words_out(tmp_path: Path) -> None:
    (tmp_path / "spoken").write_text("in the way")
    assert await SoundBook(tmp_path, ("fa",)).speak("سلام", "fa") is None


def test_the_build_leaves_the_catalogues_numbers_and_voice_for_free_words(tmp_path: Path) -> None:
    generic = parse([("p.yaml", (ROOT / "sounds/prompts.yaml").read_bytes())])
    write_lexicon(generic, ("fa",), tmp_path)
    lexicon = read_lexicon(tmp_path, "fa")
    assert lexicon.words["digit.9"] == "نُه"
    assert lexicon.voice == generic.voices["fa"]
    assert read_lexicon(tmp_path, "az") == Lexicon(Voice("az"))


async def test_the_signal_library_stays_out_of_the_servers_process() -> None:
    script = "import sys, ivr.speech.sound_book, ivr.speech.check; sys.exit('numpy' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=ROOT)
    assert await process.wait() == 0


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
