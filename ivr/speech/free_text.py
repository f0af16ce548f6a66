"""Free text as the synthesiser must get it: an agency's answer, typed by anyone, read out to a caller.

espeak-ng reads digits, fractions and signs badly in Persian and follows `[[phonemes]]` inside a text, so
numbers and dates are spelt out with the catalogue's own words and what is not a word is taken away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from ivr.speech import numerals
from ivr.voice import saying
from ivr.voice.actions import Speech

SIGNS = {"%": "sign.percent", "&": "sign.and"}
LETTERS = str.maketrans({"ي": "ی", "ك": "ک", "ى": "ی", "ـ": "", "٫": ".", "٬": ",", "٪": "%", "\\": "/"})
LETTERS[0x670] = ""  # the alef above a letter («رحمٰن»): espeak-ng drops the letter with it
PARTS = re.compile(r"(\d*) ?([½¼¾])")
LEADING_SIGN = re.compile(r"(%)\s*(\d[\d.,/]*)(?!\s*%)", re.ASCII)  # «٪۲۵», as some type it
UNSPOKEN = re.compile(r"[^\w\s.,:;!?()،؛؟«»\u064b-\u0655\u200c'’-]|_")


def readable(text: str, language: str, words: Mapping[str, str]) -> str:
    """`text` in plain words, "" when nothing in it can be said.

    `words`: the spoken forms of `saying.fragments(language)` and of `ivr.speech.lexicon.SIGNS`.
    """

    def say(speech: Speech) -> str:
        return " ".join("," if id == saying.PAUSE else words.get(str(id), "") for id in speech)

    text = unicodedata.normalize("NFC", text).translate(LETTERS)
    text = "".join(str(unicodedata.decimal(sign, sign)) for sign in text)  # ۱۲۳ and ١٢٣ to 123
    text = PARTS.sub(lambda found: f"{int(found[1] or 0) + unicodedata.numeric(found[2])}", text)
    text = numerals.spelled(LEADING_SIGN.sub(r"\2\1", text), language, say)
    for sign, id in SIGNS.items():
        text = text.replace(sign, f" {say((id,))} ")
    text = " ".join(UNSPOKEN.sub(" ", text).split())
    return text if any(sign.isalpha() for sign in text) else ""
