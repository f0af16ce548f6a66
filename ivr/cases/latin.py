"""Persian and Azerbaijani in Latin letters («ab ghate», «suyumuz kəsilib») read as the words that they are.

Vowels are written in one script and mostly left out in the other, so a word is looked up by its
consonants among
the words that callers use; of several with the same consonants the one whose long vowels fit best is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ivr.cases.spelling import normalise, word_set

_LATIN = re.compile(r"[a-zəğışçöüâ'’i̇]*[a-zəğışçöüâ][a-zəğışçöüâ'’i̇]*")
_DIGRAPHS = (("sh", "ş"), ("ch", "ç"), ("kh", "x"), ("gh", "q"), ("zh", "j"), ("ph", "f"))
# Sounds that one script or dialect parts and another does not share a sign.
_SOUNDS = dict(zip("bptsjçhxdzrşgqğklmnfc", "bptsjChxdzrSgggklmnfj", strict=True)) | dict(
    zip("بپتثجچحخدذرزژسشصضطظغفقکگلمنه", "bptsjChxdzrzjsSsztzgfgkglmnh", strict=True)
)
_VOWELS = dict(zip("aâeəioöuüıvwy", "aaeeioouuivvy", strict=True)) | dict(zip("اوی", "AWY", strict=True))
_FITS = {"A": "a", "W": "ouv", "Y": "iye", "E": "ea"}  # a written vowel and what it may be in Latin letters
_LETTERS = dict(zip("bptsjChxdzrSgklmnf", "بپتسجچهخدزرشقکلمنف", strict=True))
_ENDING = 3  # consonants that an unknown ending may have: «khiaboonemoon», «kəndimizdən»
_STEM = 2
# Small words that their consonants alone tell badly.
_SMALL = dict(
    pair.split("=")
    for pair in word_set(
        "ab=اب ma=ما man=من ro=رو va=و az=از be=به too=تو tuye=توی va=و ham=هم hem=هم ya=یا ta=تا na=نه o=و "
        "su=سو sudan=سودان suyu=سویو suyumuz=سویوموز və=و da=دا də=ده bu=بو o=او biz=بیز mən=من ev=ایو "
        "yol=یول "
        "yolu=یولو yox=یوخ yoxdu=یوخدو yoxdur=یوخدور var=وار iy=ایی iyi=ایی "
        "khast=خواست khab=خواب khahar=خواهر khaharam=خواهرم khodeshun=خودشون in=این un=اون on=اون dar=در "
        "shod=شد mən=من"
    )
)


_FIRST = ((0.0, -1.0), (-1.0, 0.0))  # a vowel at the start is in both or in neither


class Shape(NamedTuple):
    """A word's consonants, and what stands before, between and after them."""

    consonants: str
    gaps: tuple[str, ...]


class Latin:
    """Reads words in Latin letters by the vocabulary it is given. Built once, asked often."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._known: dict[str, list[tuple[str, Shape, int]]] = {}
        for word, count in Counter(word for text in texts for word in normalise(text).split()).items():
            if not _LATIN.fullmatch(word):
                for shape in _readings(word):
                    self._known.setdefault(shape.consonants, []).append((word, shape, count))

    def read(self, text: str) -> str:
        """The text with its Latin words in Arabic script; anything else stays as it is."""
        if not any("a" <= c <= "z" for c in text.lower()):
            return text
        return " ".join(self._word(word) for word in _words(text))

    def _word(self, word: str) -> str:
        if not _LATIN.fullmatch(word):
            return word
        word = word.replace("'", "").replace("’", "")
        if word in _SMALL:
            return _SMALL[word]
        shape = _shape(word)
        whole = len(shape.consonants)
        for length in range(whole, max(_STEM, whole - _ENDING, (whole + 1) // 2) - 1, -1):
            gaps = shape.gaps[: length + 1] if length == whole else (*shape.gaps[:length], "?")
            if found := self._best(Shape(shape.consonants[:length], gaps)):
                return found
        return self._best(shape) or _spelled(shape)

    def _best(self, shape: Shape) -> str:
        fits = [
            (_fit(shape.gaps, known.gaps) + min(count, 50) / 200, word)
            for word, known, count in self._known.get(shape.consonants, ())
        ]
        return max(fits, default=(-1.0, ""))[1] if fits and max(fits)[0] > -1 else ""


def _words(text: str) -> list[str]:
    lowered = text.replace("İ", "i").replace("I", "ı" if _is_azerbaijani(text) else "i").lower()
    return re.findall(r"[\w'’\u200c]+", lowered)


def _is_azerbaijani(text: str) -> bool:
    return not set("əƏğĞışŞıİöÖüÜçÇ").isdisjoint(text)


def _readings(word: str) -> Iterable[Shape]:
    """A final «ه» is a vowel or a consonant."""
    yield _shape(word)
    if word.endswith("ه"):
        consonants, gaps = _shape(word[:-1])
        yield Shape(consonants, (*gaps[:-1], gaps[-1] + "E"))


def _shape(word: str) -> Shape:
    for pair, one in _DIGRAPHS:
        word = word.replace(pair, one)
    consonants, gaps = "", [""]
    for letter in word:
        if sound := _SOUNDS.get(letter):
            if consonants.endswith(sound) and not gaps[-1]:
                continue  # «melli», «ملی»
            consonants += sound
            gaps.append("")
        else:
            gaps[-1] += _VOWELS.get(letter, "")
    return Shape(consonants, tuple(gaps))


def _fit(latin: tuple[str, ...], known: tuple[str, ...]) -> float:
    """How well the vowels agree: 0 is perfect."""
    first = _FIRST[bool(latin[0])][bool(known[0])] if known[0][:1] != "A" or not latin[0] else 0.0
    carried = (
        known[0][1:] if known[0][:1] == "A" else known[0],
        *known[1:],
    )  # an «ا» at the start bears any vowel
    return first + sum(_gap_fit(said, written) for said, written in zip(latin, carried, strict=True))


def _gap_fit(said: str, written: str) -> float:
    if said == "?":
        return -0.1 * len(written)
    missing = sum(not any(v in said for v in _FITS[long]) for long in written if long in _FITS)
    plain = set(said) & set("ouiv") if not set(written) & set("WY") else set()
    return -1.0 * missing - 0.4 * len(plain) - (0.05 if "a" in said and "A" not in written else 0)


def _spelled(shape: Shape) -> str:
    """Letter by letter, for a word that nobody has used yet."""
    word = ""
    for place, gap in enumerate(shape.gaps):
        last = place == len(shape.gaps) - 1
        if "o" in gap or "u" in gap or "v" in gap:
            word += "و"
        elif "i" in gap or "y" in gap:
            word += "ی"
        elif "a" in gap and (place == 0 or last):
            word += "ا"
        elif last and "e" in gap:
            word += "ه"
        if not last:
            word += _LETTERS[shape.consonants[place]]
    return word
