"""Spoken Persian and Azerbaijani (Arabic script) made comparable: one spelling, stems, what counts more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

# One letter for those that keyboards and dialects mix, ASCII digits, no kashida; ZWNJ parts words.
_LETTERS = str.maketrans(
    "يىئكةۀەأإآٱؤ\u200c" + "۰۱۲۳۴۵۶۷۸۹" + "٠١٢٣٤٥٦٧٨٩",
    "یییکهههااااو " + "0123456789" * 2,
    "ـ\u200d\u200e\u200f",
)
_WORD = re.compile(r"\w+")

# Colloquial and written endings, the longest first: «قبضمون», «قبض‌هایشان», «قطعه» meet their stems.
_ENDINGS = (
    "هامون", "هاتون", "هاشون", "هایی", "های", "هام", "هات", "هاش", "مون", "تون", "شون", "مان", "شان",
    "ها", "یم", "ین", "ند", "ای", "م", "ش", "و", "ه", "ی", "ا",
)  # fmt: skip
_SHORTEST_STEM = 3


def word_set(words: str) -> frozenset[str]:
    """The words of a line, for constants that people read and mend."""
    return frozenset(words.split())


# "The municipality says it is not ours": who is quoted is rarely who must act.
_QUOTING = word_set("میگه میگن میگفت گفت گفتن گفته دییر دیدی دیدیلر دییرلر")
_QUOTED_WEIGHT = 0.3
# "… must come and look": what is asked for, or refused, is the matter.
_ASKING = word_set(
    "باید بیاد بیان کنه بده بدن بدین کنین بذاره بذارین بگین نمیده نمیکنه نداده نمیدن "
    "گلسین باخسین ایلسین"
)
_ASKED_WEIGHT = 1.5

_GRAM_LENGTHS = (3, 4, 5)


def normalise(text: str) -> str:
    """One spelling: letters unified, vowel marks, kashida, punctuation gone, digits ASCII, single blanks."""
    text = unicodedata.normalize("NFC", text).translate(_LETTERS).lower()
    return " ".join(_WORD.findall("".join(c for c in text if not unicodedata.combining(c))))


def stem(word: str) -> str:
    """A normalised word without its ending, never shorter than three letters."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def weighted(words: list[str]) -> list[float]:
    """How much each word of a sentence counts: bodies only quoted less, what is asked for more."""
    weights = [1.0] * len(words)
    for place, word in enumerate(words):
        if word in _QUOTING:
            _scale(weights, place - 2, place, _QUOTED_WEIGHT)
        if word in _ASKING:
            _scale(weights, place - 3, place, _ASKED_WEIGHT)
    return weights


def _scale(weights: list[float], start: int, end: int, factor: float) -> None:
    for place in range(max(0, start), end):
        weights[place] *= factor


def grams(words: list[str], weights: list[float]) -> Iterator[tuple[str, float]]:
    """Letters in threes, fours, fives: they forgive misspelling, endings and what a recogniser mishears."""
    for word, weight in zip(words, weights, strict=True):
        edged = f" {word} "
        for length in _GRAM_LENGTHS:
            for start in range(len(edged) - length + 1):
                yield edged[start : start + length], weight


def phrases(words: list[str], weights: list[float]) -> Iterator[tuple[str, float]]:
    """Stems, and stems in pairs."""
    stems = [stem(word) for word in words]
    yield from zip(stems, weights, strict=True)
    for place in range(len(stems) - 1):
        pair = f"{stems[place]} {stems[place + 1]}"
        yield pair, (weights[place] * weights[place + 1]) ** 0.5


Features = Callable[[list[str], list[float]], Iterator[tuple[str, float]]]


def counts(text: str, features: Features, skip: Callable[[str], bool]) -> dict[str, float]:
    """Weighted feature counts of a text; words that `skip` accepts (place names) carry no topic."""
    words = normalise(text).split()
    kept = [(w, weight) for w, weight in zip(words, weighted(words), strict=True) if not skip(w)]
    found: dict[str, float] = {}
    for feature, weight in features([w for w, _ in kept], [weight for _, weight in kept]):
        found[feature] = found.get(feature, 0.0) + weight
    return found
