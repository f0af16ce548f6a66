"""Counties and towns in a caller's words: «از چاراویماق شیش بار رفتم تبریز» is Charuymaq."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from ivr.cases.spelling import normalise, word_set

# What spoken Persian and Azerbaijani hang on a place name: «ورزقانه», «هریسدن», «کلیبرین», «تبریزیم».
_ENDINGS = word_set("ه م ی یم یه ین ون نین نون دن دان ده دا ا یا لی لو لیم دیم دنم دانام س ست مون ها") | {""}
_LONGEST_ENDING = max(map(len, _ENDINGS))
# Before or after the name: «تو اهر», «اهر هستم». Such a place beats one that is only passed through.
_BEFORE = word_set("تو از در سمت طرف طرفای اطراف بالای دهات روستای شهر شهرستان شهرداری بخش محله اهالی")
_NAMING = word_set(
    "شهر شهرستان شهرداری بخش بخشداری فرمانداری روستای دهات اهالی اهل مردم ساکن محله بیمارستان جاده راه "
    "محور استان ایستگاه شورای"
)
_IN = word_set("تو در از توی سمت طرف به")
_LOCAL = ("دا", "ده", "دان", "دن", "دانم", "دنم", "لیم", "لی", "مون")
# «در میانه راه», «از سراب گذشتن»: no place for all that.
_NO_PLACE = word_set("خوبی رو راه های ی عمر بود بودن گم گذشتن حرف دعوا خواب بیابون است")
_AFTER = word_set("هستم هستیم میشینم میشینیم زندگی زنگ طرفینده دانیشیرام")
_PASSED = word_set("رفتم رفتیم بردیم بردم میبرن میرم میریم")
# «خیابون ارومیه», «آقای مرندی»: a street's or a person's name, which says nothing of where she is.
_NAMED_AFTER = word_set(
    "خیابان خیابون خیاوان خیاوانی بلوار میدان میدون چهارراه کوی بزرگراه اتوبان اقای اقا خانم خانوم حاجی حاج "
    "دکتر مهندس سید شهید الله پسرم دخترم برادرم خواهرم فرش کباب"
)
_LEAST = -99
_DOUBTFUL = -4  # of how she speaks of it: a place named like this may be none


class Where(NamedTuple):
    """`town`: one with a municipality of its own. `sure`: not only named like a street or a person."""

    county: str = ""
    town: str = ""
    sure: bool = True


class Places:
    """The counties' names, towns and other spellings. Built once, asked often."""

    def __init__(
        self,
        names: Mapping[str, Iterable[str]],
        towns: Mapping[str, Mapping[str, str]],
        common: Collection[str] = (),
        words: Iterable[str] = (),
        elsewhere: Iterable[str] = (),
    ) -> None:
        """`names`: county → what it is called; `towns`: county → its towns, each with the code of its own
        municipality or ""; `common`: normalised words that callers say for other things too (the town «ترک»
        is also a crack): a town only right behind a word that says so. `words`: names that are ordinary words
        (a kind son is not from Mehraban): places only where a word says so. `elsewhere`: names of places
        whose bodies are not the province's."""
        self._elsewhere = {normalise(name) for name in elsewhere}
        self._words = {normalise(word) for word in words}
        self._own = {normalise(spelling) for county in names for spelling in names[county]}
        self._place: dict[tuple[str, ...], tuple[str, str]] = {}
        for county, spellings in names.items():
            for spelling in spellings:
                self._add(spelling, county, "")
        for county, its in towns.items():
            for spelling, code in its.items():
                self._add(spelling, county, code)
        self._common = {words[0] for words in self._place if len(words) == 1} & set(common) - self._own
        self._last = {words[-1] for words in self._place}
        self._longest = max((len(words) for words in self._place), default=0)
        singles = (words[0] for words in self._place if len(words) == 1)
        self._singles = {name for name in singles if name not in self._common | self._words}
        self._codes = frozenset(names)

    @property
    def spellings(self) -> Iterable[tuple[str, ...]]:
        """All names, word by word."""
        return self._place

    def _add(self, spelling: str, county: str, town: str) -> None:
        """As written, and in one word: «بستان آباد» is also said and typed as one."""
        if words := tuple(normalise(spelling).split()):
            self._place.setdefault(words, (county, town))
            self._place.setdefault(("".join(words),), (county, town))

    def code(self, name: str) -> str:
        """A county's code from its code or one of its names; "" when there is no such county."""
        return name if name in self._codes else self._place.get(tuple(normalise(name).split()), ("",))[0]

    def is_elsewhere(self, text: str) -> bool:
        """Does it name a place outside the province?"""
        return any(_name(word, self._elsewhere) for word in normalise(text).split())

    def is_place(self, word: str) -> bool:
        """Is this (normalised) word a place's name, with or without an ending?"""
        return bool(_name(word, self._singles))

    def county(self, text: str) -> str:
        """The county the caller surely speaks from, "" if the words name none."""
        at = self.where(text)
        return at.county if at.sure else ""

    def where(self, text: str, county: str = "") -> Where:
        """The place the caller speaks from: of several the one she says she is in, else the first; of a
        county and its town the town. `county`: in this one, which is known."""
        words = normalise(text).split()
        found: dict[tuple[str, str], int] = {}
        place = 0
        while place < len(words):
            spot, length = self._at(words, place)
            if spot and county in ("", spot[0]) and self._is_meant(words, place, place + length):
                standing = self._standing(words, place, place + length)
                found[spot] = max(found.get(spot, _LEAST), standing)
            place += length
        return _best(found) if found else Where(county)

    def _is_meant(self, words: list[str], start: int, end: int) -> bool:
        """A name that is an ordinary word, too, needs a word beside it that only a place has; a county's own
        name only no word that speaks against it."""
        if end - start == 1 and _name(words[start], self._common):
            return not _NAMING.isdisjoint(words[max(0, start - 1) : start])
        name = _name(words[start], self._words)
        if end - start > 1 or not name:
            return True
        against = end < len(words) and words[end] in _NO_PLACE
        if name in self._own:
            return not against
        named = not (_NAMING | _BEFORE - _IN).isdisjoint(words[max(0, start - 2) : start])
        told = not _AFTER.isdisjoint(words[end : end + 2]) or words[start].endswith(_LOCAL)
        there = start > 0 and words[start - 1] in _IN and end < len(words) and not against
        return named or told or there

    def _standing(self, words: list[str], start: int, end: int) -> int:
        """How surely she speaks of where she is."""
        before, after = words[max(0, start - 2) : start], words[end : end + 2]
        here = (not _BEFORE.isdisjoint(before)) + (not _AFTER.isdisjoint(after))
        here -= not _PASSED.isdisjoint(before[-1:] + after[:1])
        adjective = words[end - 1] not in self._last and words[end - 1].endswith("ی")
        doubtful = adjective or not _NAMED_AFTER.isdisjoint(before[-1:]) or after[:1] == ["ای"]
        return here + _DOUBTFUL * 2 * doubtful

    def _at(self, words: list[str], place: int) -> tuple[tuple[str, str] | None, int]:
        for length in range(min(self._longest, len(words) - place), 0, -1):
            *first, last = words[place : place + length]
            for name in _stems(last):
                if spot := self._place.get((*first, name)):
                    return spot, length
        return None, 1


def _best(found: Mapping[tuple[str, str], int]) -> Where:
    (county, town), standing = max(found.items(), key=lambda one: one[1])
    if not town:  # a town of that county that is spoken of no less surely
        towns = {spot: its for spot, its in found.items() if spot[0] == county and its == standing}
        town = next((own for _, own in towns if own), "")
    return Where(county, town, standing > _DOUBTFUL)


def _name(word: str, names: Collection[str]) -> str:
    """Which of the names the word is, with or without an ending; "" if none."""
    return next((name for name in _stems(word) if name in names), "")


def _stems(word: str) -> Iterator[str]:
    """The word without each ending that it may have, the longest first."""
    for ending in range(min(_LONGEST_ENDING, len(word) - 1) + 1):
        cut = len(word) - ending
        if word[cut:] in _ENDINGS:
            yield word[:cut]
