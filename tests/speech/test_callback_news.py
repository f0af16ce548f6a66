"""How long she listens on our call until the first word of her news, with the real prompts."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from ivr import installation
from ivr.cases.kinds import Kind
from ivr.settings import Settings
from ivr.speech.build import build_one
from ivr.voice import callback
from ivr.voice.actions import Say
from ivr.voice.events import CaseSeen, Lookup
from ivr.voice.session import Session
from tests.voice.conversation import CALLER, CODE, DIRECTORY

MOST_SECONDS = 10.0


@pytest.mark.parametrize("language", ["fa", "az"])
def test_the_news_begins_within_ten_seconds_whoever_answers_whatever(language: str, tmp_path: Path) -> None:
    catalogue = installation.catalogue(Settings())

    def seconds(id: str) -> float:
        path = tmp_path / language / f"{id.replace('.', '/')}.wav"
        if not path.exists():
            build_one(catalogue, language, id, tmp_path, [])
        with wave.open(str(path)) as sound:
            return float(sound.getnframes() / sound.getframerate())

    for kind in Kind:
        seen = CaseSeen(Lookup.FOUND, "answered", "abfa", answer="x", may_confirm=True, kind=kind)
        action = Session(callback.menu(CODE, seen, language), DIRECTORY, CALLER).start()
        assert isinstance(action, Say)
        lasts = sum(seconds(str(id)) for id in action.speech)
        assert 2 < lasts < MOST_SECONDS, (kind, lasts)
