"""`python -m bench.packing` judges only what was packed, each recording by itself."""

from __future__ import annotations

import numpy as np

from bench.packing.__main__ import measured, missed
from ivr.voice import riff
from ivr.voice.wave import RATE


def recording(seconds: float) -> bytes:
    moment = np.arange(round(seconds * RATE)) / RATE
    return riff.wav(0.3 * np.sin(2 * np.pi * 300 * moment), RATE)


def test_recordings_that_come_back_as_they_were_are_met() -> None:
    figures = measured([recording(1.0), recording(2.0)])
    assert (figures["packed"], figures["came back as they were"], missed(figures)) == (2, 2, "")


def test_where_nothing_is_packed_nothing_is_proven() -> None:
    figures = measured([b"of no recording" * 2_000])
    assert missed(figures) == "not one recording was packed"


def test_one_that_comes_back_otherwise_is_told() -> None:
    figures = measured([recording(1.0)]) | {"came back otherwise": 1}
    assert missed(figures) == "1 recordings came back otherwise than they were"
