"""A recording that is handed in at the service desk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ivr.desk.counter import audio
from ivr.desk.refusals import WrongField
from tests.desk.office import WEDNESDAY
from tests.fixtures.hotline import write_tone


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no WAV file"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is no WAV file"),
        (b"x" * (10 * 1024 * 1024 + 1), "at most 10 MB"),
    ],
)
def test_what_is_no_recording_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(WrongField, match=f"audio: {says}"):
        audio.put(content, tmp_path, WEDNESDAY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kept", "samples"), [(46, 1), (1_000, 478), (-2, 7_999), (-1, 7_999)])
def test_a_recording_that_was_cut_short_at_its_sender_s_is_kept_as_far_as_it_goes(
    tmp_path: Path, kept: int, samples: int
) -> None:
    write_tone(tmp_path / "whole.wav", 440, 1.0)
    cut = (tmp_path / "whole.wav").read_bytes()[:kept]
    found = audio.put(cut, tmp_path / "recordings", WEDNESDAY)
    assert found.seconds == samples / 8_000
    assert (tmp_path / "recordings" / f"{found.name}.wav").read_bytes() == cut


def test_the_day_s_folder_is_open_to_asterisk_whose_calls_record_there_too(tmp_path: Path) -> None:
    write_tone(tmp_path / "whole.wav", 440, 1.0)
    before = os.umask(0o007)  # as the service has it: Asterisk comes in by the group
    try:
        name = audio.put((tmp_path / "whole.wav").read_bytes(), tmp_path / "recordings", WEDNESDAY).name
    finally:
        os.umask(before)
    file = tmp_path / "recordings" / f"{name}.wav"
    assert [f"{place.stat().st_mode & 0o777:o}" for place in [*file.parents][:4]] == ["770"] * 4
    assert f"{file.stat().st_mode & 0o777:o}" == "640"


@pytest.mark.parametrize("kept", [44, 45])
def test_a_recording_of_which_nothing_is_left_is_refused(tmp_path: Path, kept: int) -> None:
    write_tone(tmp_path / "whole.wav", 440, 1.0)
    folder = tmp_path / "recordings"
    with pytest.raises(WrongField, match="audio: holds no sound"):
        audio.put((tmp_path / "whole.wav").read_bytes()[:kept], folder, WEDNESDAY)
    assert not folder.exists()


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_a_recording_whose_header_tells_no_length_is_refused(tmp_path: Path, length: int) -> None:
    """As a program that writes into a pipe leaves it."""
    write_tone(tmp_path / "whole.wav", 440, 1.0)
    whole = (tmp_path / "whole.wav").read_bytes()
    with pytest.raises(WrongField, match="audio: must be longer than nothing and at most 600 s"):
        audio.check(whole[:40] + length.to_bytes(4, "little") + whole[44:])


def test_a_recording_has_its_name_and_its_folders_on_the_disk_before_anybody_gets_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tone(tmp_path / "whole.wav", 440, 1.0)
    real, synced, folder = os.fsync, list[tuple[Path, list[str]]](), tmp_path / "recordings"

    def fsync(fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        synced.append((path, [each.name for each in path.iterdir()] if path.is_dir() else []))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    kept = folder / f"{audio.put((tmp_path / 'whole.wav').read_bytes(), folder, WEDNESDAY).name}.wav"
    half, *above = synced
    assert half[0].parent == kept.parent and half[0] != kept
    within = [*kept.parents][:4]
    assert {(place, name.name) for place, name in zip(within, [kept, *within], strict=False)} <= {
        (place, name) for place, names in above for name in names
    }


def test_of_a_recording_that_the_disk_refuses_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tone(tmp_path / "whole.wav", 440, 1.0)

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        audio.put((tmp_path / "whole.wav").read_bytes(), tmp_path / "recordings", WEDNESDAY)
    assert [path for path in (tmp_path / "recordings").rglob("*") if path.is_file()] == []
