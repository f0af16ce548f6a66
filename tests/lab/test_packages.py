"""Which of the machine's apt sources is the distribution's, and what is written from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.lab import packages
from ivr.lab.packages import PackagesError, source

OURS = """\
# The distribution.
Types: deb deb-src
URIs: http://mirror.invalid/debian
Suites: trixie trixie-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: trixie-security
Components: main
"""
FOLDER = "Types: deb\nURIs: file:/usr/share/older\nSuites: ./\nTrusted: yes\n"
SOMEBODY = "Types: deb\nURIs: https://somebody.invalid/apt\nSuites: stable\nComponents: stable\n"
WHOLE = """\
Types: deb
Uris: http://mirror.invalid/debian
Suites: sid
Components: main
Signed-by: /usr/share/keyrings/debian-archive-keyring.pgp
"""


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    monkeypatch.setattr(packages, "_system", {"ID": "debian", "VERSION_CODENAME": "trixie"}.__getitem__)
    return tmp_path


def test_only_the_suite_is_changed_and_other_peoples_sources_are_left_alone(etc: Path) -> None:
    (etc / "sources.list.d" / "a-somebody.sources").write_text(SOMEBODY)
    (etc / "sources.list.d" / "a-folder.sources").write_text(FOLDER)
    (etc / "sources.list.d" / "debian.sources").write_text(OURS)
    assert source("sid", etc) == WHOLE


def test_the_older_form_of_one_line_is_read_too(etc: Path) -> None:
    (etc / "sources.list").write_text(
        "# deb http://no.invalid/debian trixie main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.invalid/debian trixie main contrib\n"
    )
    assert source("sid", etc) == (
        "Types: deb\nUris: http://mirror.invalid/debian\nSuites: sid\nComponents: main\n"
        "Signed-by: /k.gpg\nArchitectures: amd64\n"
    )


@pytest.mark.parametrize("text", ["", FOLDER, SOMEBODY, OURS.replace("Types:", "Enabled: no\nTypes:")])
def test_without_a_source_of_the_distribution_one_sentence_says_so(etc: Path, text: str) -> None:
    (etc / "sources.list.d" / "some.sources").write_text(text)
    with pytest.raises(PackagesError, match=r"no apt source .* serves this distribution"):
        source("sid", etc)
