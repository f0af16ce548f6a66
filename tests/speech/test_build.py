"""The build, with the real synthesiser: what it makes, what it leaves, and what it survives."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ivr.speech.build import MANIFEST, Built, build, build_one, of_other_words
from ivr.speech.check import Missing, missing, strays
from ivr.speech.files import load
from ivr.speech.recorded import unfit
from ivr.speech.synth import SynthesisError, synthesise
from ivr.speech.telephone import LOUDNESS, RATE, Samples, measure, read, write
from ivr.voice.catalogue import Catalogue, CatalogueMistakes, Voice, parse

VOICES = "voices: {fa: {rate: 150}, az: {rate: 150}, nobody: {voice: nobody}}\n"
PROMPTS = {
    "a.menu": "{fa: {text: برای شکایت، عدد یک, spoken: 'برای شکایت، عددِ یک'}, az: 'Şikayət üçün, biri'}",
    "b": "{fa: صفر, az: sıfır}",
    "c": "{fa: [یک, {silence: 0.5}, {text: iki, voice: az}], az: bir}",
    "beep": "{tone: 1000, seconds: 0.3}",
}
LANGUAGES = ("fa", "az")
Build = Callable[..., Built]


def catalogue(**changed: str) -> Catalogue:
    prompts = PROMPTS | changed
    lines = "".join(f"  {id}: {said}\n" for id, said in prompts.items() if said)
    return parse([("p.yaml", f"{VOICES}prompts:\n{lines}".encode())])


@pytest.fixture
def run(tmp_path: Path) -> Build:
    def run(prompts: Catalogue | None = None, languages: tuple[str, ...] = LANGUAGES) -> Built:
        return build(prompts or catalogue(), languages, tmp_path / "out", [tmp_path / "recorded"], jobs=2)

    return run


def samples(path: Path) -> Samples:
    found, rate = read(path)
    assert rate == RATE
    return found


def record(path: Path, hz: float = 700, seconds: float = 1.0, rate: int = 44_100, channels: int = 2) -> None:
    """A stereo recording at another rate, as a studio gives it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sine = np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate) * 20_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(sine.astype("<i2"), channels).tobytes())


def files(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def test_every_prompt_becomes_a_file_named_by_its_id(run: Build, tmp_path: Path) -> None:
    assert run() == Built(made=9)
    wavs = {f"{language}/{name}.wav" for language in LANGUAGES for name in ("a/menu", "b", "c", "beep")}
    assert files(tmp_path / "out") == wavs | {"moh/hold.wav", "manifest.json", "fa.json", "az.json"}


def test_the_audio_is_of_telephone_form(run: Build, tmp_path: Path) -> None:
    run()
    for path in sorted((tmp_path / "out").rglob("*.wav")):
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8_000), path
    for name in ("fa/a/menu", "az/a/menu", "fa/b", "az/b"):
        audio = samples(tmp_path / "out" / f"{name}.wav")
        assert measure(audio) == pytest.approx(LOUDNESS, abs=0.7), name
        assert np.abs(audio).max() < 0.98
        power = np.abs(np.fft.rfft(audio)) ** 2
        hz = np.fft.rfftfreq(audio.size, 1 / RATE)
        assert power[(hz < 60) | (hz > 3_900)].sum() < 0.001 * power.sum()
        start = np.flatnonzero(np.abs(audio) > 0.02)[0] / RATE
        assert start < 0.15, "the silence before it is cut"


def test_a_beep_is_a_kilohertz_for_three_tenths_of_a_second(run: Build, tmp_path: Path) -> None:
    run()
    audio = samples(tmp_path / "out/fa/beep.wav")
    assert audio.size == 0.3 * RATE
    assert np.abs(np.fft.rfft(audio)).argmax() * RATE / audio.size == pytest.approx(1_000, abs=4)
    assert abs(audio[0]) < 0.01 > abs(audio[-1])


def test_a_sequence_holds_its_silence_and_both_voices(run: Build, tmp_path: Path) -> None:
    run()
    quiet = np.abs(samples(tmp_path / "out/fa/c.wav")) < 0.001
    longest = max(len(gap) for gap in "".join("q" if one else "." for one in quiet).split("."))
    assert longest >= 0.5 * RATE


def test_a_second_build_makes_nothing(run: Build) -> None:
    run()
    assert run() == Built(kept=9)


def test_only_what_changed_is_made_again(run: Build, tmp_path: Path) -> None:
    run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.wav")}
    assert run(catalogue(b="{fa: دو, az: sıfır}")) == Built(made=1, kept=8)
    changed = [path for path, when in before.items() if path.stat().st_mtime_ns != when]
    assert changed == [tmp_path / "out/fa/b.wav"]


def test_another_rate_of_the_voice_makes_its_prompts_again(run: Build) -> None:
    run()
    faster = catalogue()
    faster = Catalogue(dict(faster.voices) | {"az": Voice("az", 200)}, faster.words, faster.tones)
    assert run(faster) == Built(made=4, kept=5)  # az's three, and the Azerbaijani part of fa/c


def test_a_lost_or_emptied_file_is_made_again(run: Build, tmp_path: Path) -> None:
    run()
    (tmp_path / "out/fa/b.wav").unlink()
    (tmp_path / "out/az/b.wav").write_bytes(b"")
    (tmp_path / "out/manifest.json").write_text(
        json.dumps({**json.loads((tmp_path / "out/manifest.json").read_text()), "fa/c": "other"})
    )
    assert run() == Built(made=3, kept=6)


def test_a_prompt_taken_from_the_catalogue_loses_its_file(run: Build, tmp_path: Path) -> None:
    run()
    run(catalogue(b=""), ("fa",))
    assert not (tmp_path / "out/fa/b.wav").exists()
    assert (tmp_path / "out/az/b.wav").exists(), "az was not built this time"


@pytest.mark.parametrize("name", ["fa/a.menu.wav", "fa/a/menu.wav"])
def test_a_recording_wins_in_telephone_form(run: Build, tmp_path: Path, name: str) -> None:
    run()
    record(tmp_path / "recorded" / name)
    assert run() == Built(recorded=1, kept=8)
    audio = samples(tmp_path / "out/fa/a/menu.wav")
    assert np.abs(np.fft.rfft(audio)).argmax() * RATE / audio.size == pytest.approx(700, abs=2)
    assert measure(audio) == pytest.approx(LOUDNESS, abs=0.5)
    assert run() == Built(kept=9)


def test_what_people_added_and_recorded_is_built_without_a_word_of_it_in_the_catalogue(
    run: Build, tmp_path: Path
) -> None:
    """As after a restore, where nothing but their recordings came back."""
    meter = tmp_path / "recorded/fa/topic/water/meter.wav"
    record(meter)
    for strange in ("Notes of the studio", "topic/water.tap"):  # the latter is no prompt's file
        record(tmp_path / f"recorded/fa/{strange}.wav")
    assert run() == Built(made=9, recorded=1)
    audio = samples(tmp_path / "out/fa/topic/water/meter.wav")
    assert np.abs(np.fft.rfft(audio)).argmax() * RATE / audio.size == pytest.approx(700, abs=2)
    assert run() == Built(kept=10)
    meter.write_bytes(b"not a recording")
    assert [(failure.key, failure.spoken) for failure in run().failed] == [("fa/topic.water.meter", False)]
    meter.unlink()
    run()
    assert not (tmp_path / "out/fa/topic/water/meter.wav").exists()


def test_a_recording_taken_away_gives_the_voice_back(run: Build, tmp_path: Path) -> None:
    record(tmp_path / "recorded/fa/b.wav")
    run()
    (tmp_path / "recorded/fa/b.wav").unlink()
    assert run() == Built(made=1, kept=8)


def test_a_broken_recording_is_told_and_the_synthesiser_speaks(run: Build, tmp_path: Path) -> None:
    (tmp_path / "recorded/fa").mkdir(parents=True)
    (tmp_path / "recorded/fa/b.wav").write_bytes(b"not a recording")
    built = run()
    assert [failure.key for failure in built.failed] == ["fa/b"]
    assert "recorded/fa/b.wav: not a PCM WAV file" in built.failed[0].why
    assert built.failed[0].spoken, "so the line answers all the same"
    assert measure(samples(tmp_path / "out/fa/b.wav")) == pytest.approx(LOUDNESS, abs=0.7)
    assert [failure.key for failure in run().failed] == ["fa/b"], "it is told again until it is mended"


@pytest.mark.parametrize(
    ("seconds", "volume", "why"),
    [
        (2.0, 0.0, "nothing can be heard"),
        (2.0, 0.001, "nothing can be heard"),
        (0.05, 0.5, "its text takes about"),
    ],
)
def test_a_recording_that_nobody_could_hear_does_not_win(
    run: Build, tmp_path: Path, seconds: float, volume: float, why: str
) -> None:
    path = tmp_path / "recorded/fa/b.wav"
    sine = np.sin(2 * np.pi * 700 * np.arange(round(seconds * RATE)) / RATE)
    write(path, volume * sine)
    built = run()
    assert [failure.key for failure in built.failed] == ["fa/b"] and why in built.failed[0].why
    assert str(path) in built.failed[0].why
    assert measure(samples(tmp_path / "out/fa/b.wav")) == pytest.approx(LOUDNESS, abs=0.7)
    found = list(unfit(catalogue(), ("fa", "az"), [tmp_path / "recorded"]))
    assert [(each.language, each.id) for each in found] == [("fa", "b")] and why in found[0].why
    record(path)
    assert not list(unfit(catalogue(), ("fa", "az"), [tmp_path / "recorded"]))
    assert run().recorded == 1


def test_an_unknown_voice_is_told_and_the_rest_is_made(run: Build) -> None:
    built = run(catalogue(b="{fa: {text: صفر, voice: nobody}, az: sıfır}"))
    assert [(f.key, "espeak-ng has no voice 'nobody'" in f.why) for f in built.failed] == [("fa/b", True)]
    assert not built.failed[0].spoken
    assert built.made == 8


def test_words_that_make_no_sound_are_told(run: Build) -> None:
    built = run(catalogue(b="{fa: '…', az: sıfır}"))
    assert [str(failure) for failure in built.failed] == ["fa/b: nothing in '…' makes a sound"]


def test_a_build_cut_short_leaves_whole_files_and_goes_on(tmp_path: Path) -> None:
    class CutError(Exception):
        pass

    def cut(done: int, total: int, key: str) -> None:
        if done == 3:
            raise CutError

    out = tmp_path / "out"
    with pytest.raises(CutError):
        build(catalogue(), LANGUAGES, out, [tmp_path], jobs=1, progress=cut)
    assert not [name for name in files(out) if "part" in name]
    assert all(samples(path).size for path in out.rglob("*.wav"))
    again = build(catalogue(), LANGUAGES, out, [tmp_path], jobs=2)
    assert again.made + again.kept == 9
    assert again.kept >= 3


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    build(catalogue(), ("fa",), tmp_path, [tmp_path], progress=lambda *seen_now: seen.append(seen_now[:2]))
    assert seen == [(n, 5) for n in range(1, 6)]


def test_the_same_words_always_sound_the_same() -> None:
    """pyttsx3's runAndWait cancels a rate that espeak has not taken yet: one in thirty came out fast."""
    with ThreadPoolExecutor(2) as pool:
        lengths = set(pool.map(lambda _: synthesise("صفر یک دو", Voice("fa", 120)).size, range(60)))
    assert len(lengths) == 1


def test_a_synthesiser_that_does_not_finish_is_ended() -> None:
    with pytest.raises(SynthesisError, match=r"did not finish 'سلام' in 0\.001 s"):
        synthesise("سلام", Voice("fa"), timeout=0.001)


def test_the_check_names_what_has_no_audio(run: Build, tmp_path: Path) -> None:
    run()
    (tmp_path / "out/az/b.wav").write_bytes(b"RIFF")
    found = missing({"a.menu", "b", "beep", "gone"}, LANGUAGES, tmp_path / "out")
    assert found == [Missing("fa", "gone"), Missing("az", "b"), Missing("az", "gone")]
    assert str(found[0]) == "gone has no audio in fa"


def test_the_check_names_recordings_that_no_prompt_uses(tmp_path: Path) -> None:
    for name in ("fa/a/menu.wav", "fa/a.menu.wav", "fa/a.mneu.wav", "tr/b.wav"):
        record(tmp_path / name, seconds=0.1)
    assert strays(catalogue(), tmp_path) == [tmp_path / "fa/a.mneu.wav", tmp_path / "tr/b.wav"]


def test_a_prompt_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueMistakes, match=r"gone\.yaml:1:1: cannot be read: No such file"):
        load([tmp_path / "gone.yaml"])


def test_a_recording_that_was_made_for_other_words_is_told_until_there_is_a_new_one(
    run: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, recorded = tmp_path / "out", [tmp_path / "recorded"]
    wav = tmp_path / "recorded/fa/b.wav"
    record(wav)
    run()
    noted = json.loads((out / MANIFEST).read_text())
    older = {key: value for key, value in noted.items() if "#" not in key}  # an older release's
    (out / MANIFEST).write_text(json.dumps(older))
    changed = catalogue(b="{fa: هیچ, az: sıfır}")
    assert of_other_words(changed, LANGUAGES, out, recorded) == [], "nobody knows"
    run()
    assert json.loads((out / MANIFEST).read_text()) == noted

    respelt = catalogue(b="{fa: {text: صفر, spoken: صِفر}, az: sıfır}")
    assert of_other_words(respelt, LANGUAGES, out, recorded) == []
    for _ in range(2):
        assert run(changed) == Built(kept=9), "it stands"
        assert of_other_words(changed, LANGUAGES, out, recorded) == ["fa/b"]
    record(wav, hz=500)
    build_one(changed, "fa", "b", out, recorded)
    assert of_other_words(changed, LANGUAGES, out, recorded) == []
    run()  # the former words: as a roll-back brings them
    assert of_other_words(catalogue(), LANGUAGES, out, recorded) == ["fa/b"]
    record(wav)  # the former recording, for the new words
    for _ in range(2):
        build_one(changed, "fa", "b", out, recorded)
        assert of_other_words(changed, LANGUAGES, out, recorded) == ["fa/b"]
    monkeypatch.setattr("ivr.speech.build.TAKEN", b"new")
    monkeypatch.setattr("ivr.speech.build.FORM", "new")
    run(changed)
    assert of_other_words(changed, LANGUAGES, out, recorded) == ["fa/b"]
    run()
    record(wav, hz=600)
    run()
    assert of_other_words(catalogue(), LANGUAGES, out, recorded) == []
    run(catalogue(b=""))
    wav.unlink()
    run(catalogue(b=""))
    assert not [key for key in json.loads((out / MANIFEST).read_text()) if "#" in key]
