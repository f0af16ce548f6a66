"""Free text as the synthesiser must get it: an agency's answer, typed by anyone, read out to a caller.

espeak-ng reads digits, fractions and signs badly in Persian and follows `[[phonemes]]` inside a text, so
numbers and dates are spelt out with the catalogue's own words and what is not a word is taken away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from persiantools.jdatetime import JalaliDate

from ivr.voice import saying
from ivr.voice.actions import Speech

LONGEST = 1_500  # characters; some two minutes of speech
SPELT_FROM = 8  # digits: longer runs are codes and telephone numbers, said digit by digit
MILLION = 1_000_000
SIGNS = {"%": "sign.percent", "&": "sign.and"}
LETTERS = str.maketrans({"ي": "ی", "ك": "ک", "ى": "ی", "ـ": "", "٫": ".", "٬": ",", "٪": "%", "\\": "/"})
DATE = re.compile(r"\b(1[34]\d\d)/(\d\d?)/(\d\d?)\b")
NUMBER = re.compile(r"(?P<amount>\d{1,3}(?:,\d{3})+)|(?P<whole>\d+)(?:\.(?P<part>\d+))?")
UNSPOKEN = re.compile(r"[^\w\s.,:;!?()،؛؟«»\u064b-\u0655\u200c'’-]|_")


def readable(text: str, language: str, words: Mapping[str, str]) -> str:
    """`text` in plain words, "" when nothing in it can be said.

    `words`: the spoken forms of `saying.fragments(language)` and of `sign.percent`, `sign.and`, `sign.point`.
    """

    def say(speech: Speech) -> str:
        return " ".join("," if id == saying.PAUSE else words.get(str(id), "") for id in speech)

    text = unicodedata.normalize("NFC", text).translate(LETTERS)
    text = "".join(str(unicodedata.decimal(sign, sign)) for sign in text)  # ۱۲۳ and ١٢٣ to 123
    for sign, id in SIGNS.items():
        text = text.replace(sign, f" {say((id,))} ")
    text = DATE.sub(lambda found: f" {say(_date(found, language))} ", text)
    text = NUMBER.sub(lambda found: f" {say(_number(found, language))} ", text)
    text = " ".join(UNSPOKEN.sub(" ", text).split())
    return _shortened(text) if any(sign.isalpha() for sign in text) else ""


def _date(found: re.Match[str], language: str) -> Speech:
    year, month, day = map(int, found.groups())
    try:
        jalali = JalaliDate(year, month, day)  # type: ignore[no-untyped-call]
    except ValueError:  # only looks like a date
        return tuple(id for n in (year, month, day) for id in saying.number(n, language))
    return saying.day(jalali.to_gregorian(), language, year=True)


def _number(found: re.Match[str], language: str) -> Speech:
    if found["amount"]:
        return _big(int(found["amount"].replace(",", "")), language)
    whole, part = found["whole"], found["part"]
    if len(whole) >= SPELT_FROM or (len(whole) > 1 and whole[0] == "0"):
        return saying.digits(whole, language)
    spoken = saying.number(int(whole), language)
    if part is None:
        return spoken
    return (*spoken, "sign.point", *saying.digits(part, language))


def _big(n: int, language: str) -> Speech:
    """Amounts of money go beyond what a call composes: so many million, and the rest."""
    if n <= saying.BIGGEST:
        return saying.number(n, language)
    millions, rest = divmod(n, MILLION)
    if millions > saying.BIGGEST:
        return saying.digits(str(n), language)
    if not rest:
        return (*saying.number(millions, language), "number.million")
    return (*saying.number(millions, language), "number.million.and", *saying.number(rest, language))


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rpartition(" ")[0]
