"""Counties and towns in a caller's words: «از چاراویماق شیش بار رفتم تبریز» is Charuymaq."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ivr.cases.spelling import normalise, word_set

# What spoken Persian and Azerbaijani hang on a place name: «ورزقانه», «هریسدن», «کلیبرین», «تبریزیم».
_ENDINGS = word_set("ه م ی یم یه ین ون نین نون دن دان ده دا ا یا لی لو لیم دیم دنم دانام س ست مون ها") | {""}
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


class Places:
    """The counties' names, towns and other spellings. Built once, asked often."""

    def __init__(
        self,
        names: Mapping[str, Iterable[str]],
        towns: Mapping[str, Iterable[str]],
        common: Collection[str] = (),
        words: Iterable[str] = (),
        elsewhere: Iterable[str] = (),
    ) -> None:
        """`names`: county → what it is called; `towns`: county → its towns; `common`: normalised words that
        callers say for other things too (the town «ترک» is also a crack): no town is recognised by one.
        `words`:
        names that are ordinary words (a kind son is not from Mehraban): places only where a word says
        so. `elsewhere`: names
        of places whose bodies are not the province's."""
        self._elsewhere = tuple(normalise(name) for name in elsewhere)
        self._words = tuple(normalise(word) for word in words)
        self._own = {normalise(spelling) for _, spelling in _pairs(names)}
        self._county: dict[tuple[str, ...], str] = {}
        for county, spelling in _pairs(names):
            self._add(county, spelling)
        for county, spelling in _pairs(towns):
            if normalise(spelling) not in common:
                self._add(county, spelling)
        self._longest = max((len(words) for words in self._county), default=0)
        self._singles = [words[0] for words in self._county if len(words) == 1]
        self._codes = frozenset(names)
        self._known: dict[str, bool] = {}

    @property
    def spellings(self) -> Iterable[tuple[str, ...]]:
        """All names, word by word."""
        return self._county

    def _add(self, county: str, spelling: str) -> None:
        """As written, and in one word: «بستان آباد» is also said and typed as one."""
        if words := tuple(normalise(spelling).split()):
            self._county.setdefault(words, county)
            self._county.setdefault(("".join(words),), county)

    def code(self, name: str) -> str:
        """A county's code from its code or one of its names; "" when there is no such county."""
        return name if name in self._codes else self._county.get(tuple(normalise(name).split()), "")

    def is_elsewhere(self, text: str) -> bool:
        """Does it name a place outside the province?"""
        words = normalise(text).split()
        return any(_is(word, name) for word in words for name in self._elsewhere)

    def is_place(self, word: str) -> bool:
        """Is this (normalised) word a place's name, with or without an ending?"""
        if word not in self._known:
            self._known[word] = any(_is(word, name) for name in self._singles if name not in self._words)
        return self._known[word]

    def county(self, text: str) -> str:
        """The county the caller speaks from, "" if the words name none; of several the one she says she is
        in, else the first."""
        words = normalise(text).split()
        found: dict[str, int] = {}
        place = 0
        while place < len(words):
            county, length = self._at(words, place)
            if county and self._is_meant(words, place, place + length):
                found[county] = max(found.get(county, -9), _standing(words, place, place + length))
            place += length
        return max(found, key=lambda county: found[county], default="")

    def _is_meant(self, words: list[str], start: int, end: int) -> bool:
        """A name that is an ordinary word, too, needs a word beside it that only a place has; a county's own
        name only no word that speaks against it."""
        name = next((name for name in self._words if _is(words[start], name)), "")
        if end - start > 1 or not name:
            return True
        against = end < len(words) and words[end] in _NO_PLACE
        if name in self._own:
            return not against
        named = not (_NAMING | _BEFORE - _IN).isdisjoint(words[max(0, start - 2) : start])
        told = not _AFTER.isdisjoint(words[end : end + 2]) or words[start].endswith(_LOCAL)
        there = start > 0 and words[start - 1] in _IN and end < len(words) and not against
        return named or told or there

    def _at(self, words: list[str], place: int) -> tuple[str, int]:
        for length in range(self._longest, 0, -1):
            span = words[place : place + length]
            if len(span) < length:
                continue
            for names, county in self._county.items():
                if len(names) == length and tuple(span[:-1]) == names[:-1] and _is(span[-1], names[-1]):
                    return county, length
        return "", 1


def _pairs(names: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    return ((county, spelling) for county, spellings in names.items() for spelling in spellings)


def _is(word: str, name: str) -> bool:
    return word.startswith(name) and word[len(name) :] in _ENDINGS


def _standing(words: list[str], start: int, end: int) -> int:
    before, after = words[max(0, start - 2) : start], words[end : end + 2]
    here = (not _BEFORE.isdisjoint(before)) + (not _AFTER.isdisjoint(after))
    return here - (not _PASSED.isdisjoint(before[-1:] + after[:1]))
