"""What an installation makes for itself, once."""

from __future__ import annotations

from pathlib import Path

from ivr.installation import load_secrets
from ivr.settings import Settings


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_secrets(Settings(state=tmp_path))
    assert load_secrets(Settings(state=tmp_path)) == first
    made = sorted((tmp_path / "secrets").iterdir())
    assert [path.name for path in made] == ["agi", "ami", "desk", "originate", "sip"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_a_secret_that_a_power_cut_left_empty_is_made_anew_and_never_taken_for_none(tmp_path: Path) -> None:
    before = load_secrets(Settings(state=tmp_path))
    (tmp_path / "secrets" / "agi").write_text("")
    found = load_secrets(Settings(state=tmp_path))
    assert len(found.agi) == len(before.agi) and found.agi != before.agi and found.ami == before.ami
    assert len([*(tmp_path / "secrets").iterdir()]) == 5
