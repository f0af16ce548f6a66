"""Human voices for prompts: checked, evened, heard at once, and put back."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ivr.speech.booth import Booth, examine
from ivr.speech.build import build
from ivr.speech.files import Cached
from ivr.speech.paths import unprepared
from ivr.speech.sound_book import SoundBook
from ivr.speech.synth import synthesise
from ivr.speech.telephone import LOUDNESS, MARGIN, RATE, measure, read, trim
from ivr.speech.wav import decode
from ivr.voice.catalogue import Voice
from ivr.voice.prompt_sounds import PromptSound, TakeRefused

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
YAML = """
voices: {fa: {rate: 150}, az: {rate: 150}}
prompts:
  greeting: {fa: {text: درود بر شما شهروند گرامی, spoken: درود}, az: salam dostlar}
  digit: {fa: صفر}
  beep: {tone: 1000, seconds: 0.3}
"""
ALL = ("greeting", "digit", "topic.new")


def voice(hz: float = 300, seconds: float = 1.5, rate: int = 44_100, size: float = 0.2) -> np.ndarray:
    wobble = 1 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(round(seconds * rate)) / rate)
    return size * wobble * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def wav(samples: np.ndarray, rate: int = 44_100, width: int = 2, channels: int = 1) -> bytes:
    raw = np.repeat(samples, channels)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        if width == 1:
            file.writeframes((raw * 127 + 128).astype(np.uint8).tobytes())
        else:
            whole = (raw * (2**31 - 1)).astype("<i4").view(np.uint8).reshape(-1, 4)
            file.writeframes(whole[:, 4 - width :].tobytes())
    return out.getvalue()


def extensible(samples: np.ndarray, rate: int, tag: int = 1) -> bytes:
    """As studios write it: 24 bits, or floats, behind WAVE_FORMAT_EXTENSIBLE."""
    if tag == 1:
        raw = (samples * (2**31 - 1)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    else:
        raw = samples.astype("<f4").tobytes()
    bits = 24 if tag == 1 else 32
    form = struct.pack("<HHIIHH", 0xFFFE, 1, rate, rate * bits // 8, bits // 8, bits)
    form += struct.pack("<HHI", 22, bits, 4) + tag.to_bytes(2, "little") + bytes(14)
    chunks = b"fmt " + len(form).to_bytes(4, "little") + form
    chunks += b"data" + len(raw).to_bytes(4, "little") + raw
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WAVE" + chunks


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("booth")
    (folder / "prompts.yaml").write_text(YAML)
    build(Cached([folder / "prompts.yaml"]).catalogue(), ("fa", "az"), folder / "sounds", [], jobs=2)
    return folder


@pytest.fixture
def booth(made: Path, tmp_path: Path) -> Booth:
    catalogue = Cached([made / "prompts.yaml"])
    return Booth(catalogue, ("fa", "az"), made / "sounds", made / "house", tmp_path / "voices", ("alaw",))


def seen(booth: Booth) -> dict[tuple[str, str], PromptSound]:
    return {(one.language, one.id): one for one in booth.seen(ALL)}


def hz(path: Path) -> float:
    samples, rate = read(path)
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / samples.size)


def test_what_there_is_and_what_is_missing_in_each_language(booth: Booth) -> None:
    found = seen(booth)
    greeting = found["fa", "greeting"]
    assert (greeting.text, greeting.spoken) == ("درود بر شما شهروند گرامی", "درود")
    assert (greeting.source, greeting.needed, 0.2 < greeting.seconds < 3) == ("machine", True, True)
    assert booth.measured(greeting).loudness == pytest.approx(LOUDNESS, abs=0.7)
    missing = {key for key, one in found.items() if one.needed and not one.source}
    assert missing == {("az", "digit"), ("fa", "topic.new"), ("az", "topic.new")}
    assert found["az", "beep"].source == "tone"


def test_a_person_s_voice_is_heard_by_the_next_call_and_can_be_put_back(booth: Booth, made: Path) -> None:
    book = SoundBook(made / "sounds", ("fa", "az"))
    path = book.path("greeting", "fa")
    assert path
    heard, machine = Path(f"{path}.wav"), Path(f"{path}.wav").read_bytes()
    silence = np.zeros(22_050)
    first = wav(np.concatenate([silence, voice(300), silence]), width=3, channels=2)
    take = booth.try_out("fa", "greeting", first, ALL)
    preview = booth.take_audio(take.token)
    assert preview and hz(preview) == pytest.approx(300, abs=10)
    assert take.seconds == pytest.approx(1.5, abs=0.15)
    assert take.loudness == pytest.approx(LOUDNESS, abs=0.7)
    assert heard.read_bytes() == machine, "trying out changes nothing"
    one = booth.accept("fa", "greeting", take.token, "admin/karimi", AT)
    assert book.path("greeting", "fa") == path and hz(heard) == pytest.approx(300, abs=10)
    assert not list(unprepared(heard, ["alaw"])), "in the channels' codec, too"
    assert measure(read(heard)[0]) == pytest.approx(LOUDNESS, abs=0.7)
    two_take = booth.try_out("fa", "greeting", wav(voice(700, rate=8_000), rate=8_000), ALL)
    booth.accept("fa", "greeting", two_take.token, "admin/nazari", AT + timedelta(hours=1))
    assert hz(heard) == pytest.approx(700, abs=10)
    assert not list(unprepared(heard, ["alaw"]))
    assert [(v.by, v.live) for v in booth.versions("fa", "greeting")] == [
        ("admin/nazari", True),
        ("admin/karimi", False),
    ]
    booth.restore("fa", "greeting", one.name)
    assert hz(heard) == pytest.approx(300, abs=10)
    assert seen(booth)["fa", "greeting"].source == "person"
    live = booth._live  # the folder that a build is given
    again = build(Cached([made / "prompts.yaml"]).catalogue(), ("fa", "az"), made / "sounds", [live], jobs=2)
    assert (again.made, again.recorded) == (0, 0), "a build finds it done"
    booth.restore("fa", "greeting", "")
    assert heard.read_bytes() == machine
    assert [v.live for v in booth.versions("fa", "greeting")] == [False, False]
    with pytest.raises(TakeRefused, match="not here any more"):
        booth.accept("fa", "greeting", take.token, "x", AT)


def test_the_list_tells_whose_voice_is_really_heard(booth: Booth, made: Path, tmp_path: Path) -> None:
    catalogue, house, out = Cached([made / "prompts.yaml"]).catalogue(), tmp_path / "house", tmp_path / "out"
    ours = Booth(Cached([made / "prompts.yaml"]), ("fa",), out, house, tmp_path / "voices")
    for content, source in ((b"no recording", "machine"), (wav(voice(seconds=2.0)), "house")):
        path = house / "fa/greeting.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        build(catalogue, ("fa",), out, [house], jobs=2)
        greeting = next(one for one in ours.seen(ALL) if one.id == "greeting")
        assert (greeting.source, bool(greeting.unfit)) == (source, source == "machine")


def test_a_name_that_no_file_gives_words_to_can_still_be_recorded(booth: Booth, made: Path) -> None:
    take = booth.try_out("fa", "topic.new", wav(voice()), ALL)
    booth.accept("fa", "topic.new", take.token, "admin/karimi", AT)
    assert booth.audio("fa", "topic.new")
    # the folder that a build is given
    build(Cached([made / "prompts.yaml"]).catalogue(), ("fa", "az"), made / "sounds", [booth._live], jobs=2)
    assert booth.audio("fa", "topic.new"), "no build takes it away"
    booth.restore("fa", "topic.new", "")
    assert booth.audio("fa", "topic.new") is None


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 48_000, 96_000])
@pytest.mark.parametrize("form", ["8", "16", "24", "32", "extensible", "float"])
def test_any_usual_wav_is_understood(rate: int, form: str) -> None:
    samples = voice(440, 0.3, rate)
    content = (
        extensible(samples, rate, 3 if form == "float" else 1)
        if form in ("extensible", "float")
        else wav(samples, rate, int(form) // 8)
    )
    found, at = decode(content, strict=True)
    assert at == rate and np.abs(found - samples).max() < 0.02, "8 bits are coarse"


def room(seconds: float, size: float = 0.002) -> np.ndarray:
    """Noise of -54 dB."""
    return np.random.default_rng(1).normal(0, size, round(seconds * 44_100))


@pytest.mark.parametrize("offset", [0.0, 0.1])
@pytest.mark.parametrize("size", [0.0, 0.002])
@pytest.mark.parametrize("seconds", [0.4, 1.5])
def test_the_silence_around_words_is_cut_off_in_any_room_and_with_any_sound_card(
    offset: float, size: float, seconds: float
) -> None:
    spoken = np.concatenate([np.zeros(44_100), voice(seconds=seconds), np.zeros(66_150)])
    content = wav(spoken + room(seconds + 2.5, size) + offset)
    heard = examine(content, 0).size / RATE
    assert seconds <= heard <= seconds + 0.35


def test_no_soft_sound_at_the_ends_of_words_is_cut_off_nor_words_without_a_pause() -> None:
    soft = room(0.1, 0.004)  # 30 dB below the vowels
    word = np.concatenate([soft, voice(seconds=0.4), soft])
    for around, margin in ((0.0, 0.0), (1.0, 0.15)):
        quiet = np.zeros(round(around * 44_100))
        heard = np.concatenate([quiet, word, quiet])
        found = examine(wav(heard + room(heard.size / 44_100, 0.001)), 0).size / RATE
        assert 0.6 - 0.04 <= found <= 0.6 + 2 * margin + 0.04


@pytest.mark.parametrize(("word", "below"), [("پست", 30), ("درست", 25)])
def test_the_last_consonants_of_a_word_are_heard_in_a_usual_room(word: str, below: int) -> None:
    spoken = synthesise(word, Voice("fa"))
    loudness = float(np.sqrt((spoken**2).mean()))
    noise = np.random.default_rng(1).normal(0, loudness * 10 ** (-below / 20), spoken.size + RATE)
    found = trim(np.concatenate([spoken, np.zeros(RATE)]) + noise)
    assert found.size >= spoken.size - round((MARGIN + 0.01) * RATE), "which begins with the word"


def _lie(content: bytes, place: int, value: int, size: int = 4) -> bytes:
    return content[:place] + value.to_bytes(size, "little") + content[place + size :]


GOOD = wav(voice())
LOUD = np.clip(voice(size=3.0), -1, 1)
REFUSED: list[tuple[Callable[[], bytes], str]] = [
    (lambda: b"", "not_wav"),
    (lambda: b"ID3" + bytes(500), "not_wav"),
    (lambda: GOOD[:20], "not_wav"),
    (lambda: GOOD[: len(GOOD) // 2], "lies"),
    (lambda: _lie(GOOD, 24, 7), "lies"),  # 7 samples a second
    (lambda: _lie(GOOD, 22, 9, 2), "lies"),  # nine channels of nothing
    (lambda: _lie(GOOD, 20, 85, 2), "not_wav"),  # MP3 in a WAV
    (lambda: wav(np.zeros(44_100)), "silent"),
    (lambda: wav(np.zeros(0)), "silent"),
    (lambda: wav(LOUD), "clipped"),
    (lambda: wav(voice(seconds=0.1)), "short"),
    (lambda: wav(voice(seconds=14)), "long"),
    (lambda: wav(voice(seconds=400, rate=8_000), 8_000), "long"),
    (lambda: GOOD + bytes(17 * 1024 * 1024), "large"),
]


@pytest.mark.parametrize(("content", "what"), REFUSED)
def test_what_callers_could_not_use_is_refused_with_its_reason(
    booth: Booth, content: Callable[[], bytes], what: str
) -> None:
    with pytest.raises(TakeRefused) as refused:
        booth.try_out("fa", "greeting", content(), ALL)
    assert refused.value.what == what, str(refused.value)


@pytest.mark.parametrize(
    ("language", "id"), [("fa", "no.such"), ("de", "greeting"), ("fa", "../greeting"), ("..", "x")]
)
def test_only_prompts_have_a_place(booth: Booth, language: str, id: str) -> None:
    with pytest.raises(TakeRefused, match="there is no prompt"):
        booth.try_out(language, id, GOOD, ALL)
    assert booth.audio(language, id) is None and booth.versions(language, id) == []
    for token in ("../../x", "", "gone"):
        assert booth.take_audio(token) is None
        with pytest.raises(TakeRefused):
            booth.accept(language, id, token, "x", AT)
