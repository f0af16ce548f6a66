"""Spoken Persian and Azerbaijani (Arabic script) made comparable: one spelling, stems, what counts more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

# One letter for those that keyboards and dialects mix, ASCII digits, no kashida; ZWNJ parts words.
_LETTERS = str.maketrans(
    "يىئكةۀەأإآٱؤ\u200c" + "۰۱۲۳۴۵۶۷۸۹" + "٠١٢٣٤٥٦٧٨٩",
    "یییکهههااااو " + "0123456789" * 2,
    "ـ\u200d\u200e\u200f",
)
_WORD = re.compile(r"\w+")
# By the one letter what is written for it, and what may stand at any.
_ALIKE = {
    ours: "".join(chr(letter) for letter, its in _LETTERS.items() if its == ord(ours))
    for ours in map(chr, filter(None, _LETTERS.values()))
}
_MARKS = "[ءـ\u064b-\u0655\u0670\u200c-\u200f]*"
_PLAIN = frozenset("ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی 0123456789abcdefghijklmnopqrstuvwxyz،.؟!")

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
    "باید بیاد بیان کنه بده بدن بدین کنین بذاره بذارین بگین نمیده نمیکنه نداده نمیدن گلسین باخسین ایلسین"
)
_ASKED_WEIGHT = 1.5

# "Not about water", "the water is fine, only …", "I have nothing against the bank": named, and not the
# matter.
_NOT = word_set("نیست نیس دییل دیی دییلدی دییلدیر نه")
_ABOUT = word_set("مشکل مشکلم مشکلمون بحث بحثم شکایت شکایتم درباره راجع موضوع موضوعم حرفم حرف دردم منظورم")
_FINE = word_set(
    "خوبه خوبن خوب مرتبه سالمه راضی راضیم راضیام گله کاری ممنونم تشکر یاخشیدی یاخشیدیر یخشیدیر یاخچیدی"
)
_ONLY = word_set("فقط ولی اما ندارم نداریم ام هستم انجق آنجاق انجاق لیکن بلکه")
_DISMISSED_WEIGHT = 0.1
# "Rubbish beside the bus stop": where it is, not what it is about.
_BESIDE = word_set("کنار جلوی جلو روبروی روبرو بغل پشت نزدیک نزدیکی مقابل یانیندا قاباغیندا دالیسیندا")
_BESIDE_WEIGHT = 0.3

_GRAM_LENGTHS = (3, 4, 5)


def normalise(text: str) -> str:
    """One spelling: letters unified, vowel marks, kashida, punctuation gone, digits ASCII, single blanks."""
    text = unicodedata.normalize("NFC", text).translate(_LETTERS).lower()
    if marks := [c for c in set(text) - _PLAIN if unicodedata.combining(c)]:
        text = text.translate(dict.fromkeys(map(ord, marks)))
    return " ".join(_WORD.findall(text))


def letters_of(text: str) -> str:
    """In one run what `any_spelling` meets in it: where a name's are not, its pattern need not be built."""
    return re.sub("[ _ء]", "", normalise(text)).replace("ı", "i")  # which are one where case is ignored


def any_spelling(text: str) -> str:
    """A pattern for all that `normalise` takes for the same, with a hamza or without, words joined or not."""
    words = (
        _MARKS.join(f"[{letter}{_ALIKE.get(letter, '')}]" for letter in word.replace("ء", ""))
        for word in normalise(text).split()
    )
    return r"[\W_]{0,3}".join(f"{word}{_MARKS}" for word in words if word)


@lru_cache(16_384)
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
        if word in _BESIDE:
            _scale(weights, place + 1, min(place + 3, len(words)), _BESIDE_WEIGHT)
        if span := _dismissed(words, place):
            _scale(weights, place - span, place, _DISMISSED_WEIGHT)
    return weights


def _dismissed(words: list[str], place: int) -> int:
    """How many words before this one it takes out of the matter; 0: none."""
    word, before, after = words[place], words[max(0, place - 4) : place], words[place + 1 : place + 9]
    if word in _NOT and len(words) > place + 1:
        if word.startswith("دیی"):
            return 1
        about = [back for back, each in enumerate(reversed(before), 1) if each in _ABOUT]
        return about[-1] if about else 0
    return 4 if word in _FINE and not _ONLY.isdisjoint(after) else 0


def _scale(weights: list[float], start: int, end: int, factor: float) -> None:
    for place in range(max(0, start), end):
        weights[place] *= factor


class Features(NamedTuple):
    """`tokens`: word by word what a text is made of, with weights; `shown`: how often a token shows which
    features."""

    tokens: Callable[[list[str], list[float]], Iterator[tuple[tuple[str, float], ...]]]
    shown: Callable[[str], Mapping[str, float]]


def _words(words: list[str], weights: list[float]) -> Iterator[tuple[tuple[str, float], ...]]:
    for pair in zip(words, weights, strict=True):
        yield (pair,)


def _grams(word: str) -> dict[str, float]:
    edged, found = f" {word} ", dict[str, float]()
    for length in _GRAM_LENGTHS:
        for start in range(len(edged) - length + 1):
            gram = edged[start : start + length]
            found[gram] = found.get(gram, 0.0) + 1.0
    return found


def _stems(words: list[str], weights: list[float]) -> Iterator[tuple[tuple[str, float], ...]]:
    before, before_weight = "", 0.0
    for word, weight in zip(words, weights, strict=True):
        stemmed = stem(word)
        pair = ((f"{before} {stemmed}", (before_weight * weight) ** 0.5),) if before else ()
        yield ((stemmed, weight), *pair)
        before, before_weight = stemmed, weight


def _itself(token: str) -> dict[str, float]:
    return {token: 1.0}


GRAMS = Features(_words, _grams)
"""Letters in threes, fours, fives: they forgive misspelling, endings and what a recogniser mishears."""
PHRASES = Features(_stems, _itself)
"""Stems, and each with the one before it."""

Skip = Callable[[str], bool]
ToldWords = tuple[list[str], list[float]]


def told(text: str, skip: Skip) -> ToldWords:
    """A text's words and their weights; those that `skip` accepts (place names) carry no topic."""
    words = normalise(text).split()
    kept = [(w, weight) for w, weight in zip(words, weighted(words), strict=True) if not skip(w)]
    return [w for w, _ in kept], [weight for _, weight in kept]


def shown(features: Features, words: list[str], weights: list[float]) -> Iterator[dict[str, float]]:
    """Word by word which features it shows, and how much each counts."""
    for tokens in features.tokens(words, weights):
        found: dict[str, float] = {}
        for token, weight in tokens:
            for feature, count in features.shown(token).items():
                found[feature] = found.get(feature, 0.0) + weight * count
        yield found
