"""Free text made speakable: numbers, dates and signs in words, everything else away."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.settings import ROOT
from ivr.speech.lexicon import SIGNS
from ivr.speech.words import LONGEST, readable
from ivr.voice import saying
from ivr.voice.catalogue import Part, parse

CATALOGUE = parse([("p.yaml", (ROOT / "sounds/prompts.yaml").read_bytes())])
WORDS = {
    language: {
        id: part.words
        for id in (*saying.fragments(language), *SIGNS)
        for part in CATALOGUE.find(id, language) or ()
        if isinstance(part, Part)
    }
    for language in ("fa", "az")
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("آب وصل شد", "آب وصل شد"),
        ("كوچه‌ي ۵", "کوچه‌ی پنج"),
        ("۲۹ روز", "بیستُ نُه روز"),
        ("مبلغ ۱٬۲۵۰٬۰۰۰ تومان", "مبلغ یک میلیونُ دویستُ پنجاه هزار تومان"),
        ("12,000,000,000 ریال", "دوازده هزار میلیون ریال"),
        ("۳٫۵٪", "سه ممیز پنج درصد"),
        ("تا ۱۴۰۵/۰۹/۲۵", "تا چهارشنبه، بیستُ پنجمِ آذر سالِ هزارُ چهارصدُ پنج"),
        ("۱۴۰۵/۱۳/۴۰", "هزارُ چهارصدُ پنج سیزده چهل"),
        ("04133334455", "صفر چهار یک , سه سه سه , سه چهار چهار , پنج پنج"),
        ("007", "صفر صفر هفت"),
        ("سلام 😀 [[x]] <b>#", "سلام x b"),
        ("آب_برق/گاز", "آب برق گاز"),
        ("12", "دوازده"),
        ("…—*", ""),
        ("", ""),
    ],
)
def test_persian(text: str, said: str) -> None:
    assert readable(text, "fa", WORDS["fa"]) == said


def test_azerbaijani() -> None:
    said = readable("25% su & 1405/09/25", "az", WORDS["az"])
    assert said == "iyirmi beş dərsəd su və min dörd yüz beş ilinin azər ayının iyirmi beşi çərşənbə"


def test_a_long_text_ends_at_a_word() -> None:
    said = readable("سخن " * 1_000, "fa", WORDS["fa"])
    assert len(said) <= LONGEST
    assert said.endswith("سخن")


@given(st.text(max_size=200), st.sampled_from(["fa", "az"]))
def test_anything_typed_becomes_words_without_digits_or_phoneme_marks(text: str, language: str) -> None:
    said = readable(text, language, WORDS[language])
    assert not re.search(r"[0-9۰-۹\[\]<>/\\\n\x00]", said)
    assert said == "" or any(sign.isalpha() for sign in said)


@given(st.text(max_size=50))
def test_nothing_is_raised_without_a_lexicon(text: str) -> None:
    readable(text, "fa", {})
