"""Does a text end where a sentence may? Persian and Azerbaijani close with a verb: «بیمارستان که بودم
بعدش» doesn't.

Learned from whole phrases: how often their last words' endings stand last, and how often elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ivr.cases.spelling import normalise, word_set

_LONGEST = 4  # letters of an ending
_TRUST = 3.0  # how often an ending must be seen to count more than the shorter one
_WORD_TRUST = 2.0
# What letters end with and callers don't, and what never ends a sentence.
_CLOSING = word_set(
    "است هست نیست شد شده باشد میباشد باشند نمایید فرمایید گردد گردید گردیده شود نشود نماید دارم داریم دارد "
    "ندارد نداریم ندارم خواهشمندم متشکرم سپاسگزارم ممنونم ممنون متشکر مرسی میخواهم مینمایم کنید بدهید نمایند "
    "دی دیر دور دیریر یوخدور وار ایستیریک"
)
_OPEN = word_set(
    "که و یا از با به در برای تا چون اگه اگر ولی اما بعد بعدش بعدا یه یک این اون آن هر رو را های همون تو "
    "توی روی "
    "مورد راجع درباره بابت واسه حتی مثل بیزیم منیم سیزین کی اوچون و ایله یعنی همچنین ضمنا نسبت توسط طبق "
    "باید جهت"
)
_VERBS = ("می", "نمی")
_SHORTEST_VERB = 4
_SURE = 10.0
_CLOSES = 0.6
_SHORT = 8  # words


class Endings:
    """Built once from whole phrases, asked often."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._seen: Counter[str] = Counter()
        self._last: Counter[str] = Counter()
        for text in texts:
            words = normalise(text).split()
            for place, word in enumerate(words[1:], 2):
                for ending in _endings(word):
                    self._seen[ending] += 1
                    self._last[ending] += place == len(words)
        self._usual = self._last[""] / max(1, self._seen[""])

    def breaks_off(self, text: str) -> bool:
        """Whether it ends like half a sentence. Who has told a long story has told what it is about."""
        words = normalise(text).split()
        if not words or words[-1] in _OPEN:
            return True
        verb = words[-2:-1] and words[-2] in _VERBS  # «نمی‌دهد» in two
        return not verb and len(words) <= _SHORT and self.closing(words[-1]) < _CLOSES

    def closing(self, word: str) -> float:
        """How much likelier than elsewhere it stands last: 1 is no evidence either way."""
        if word in _OPEN:
            return 0.0
        if word in _CLOSING or (word.startswith(_VERBS) and len(word) > _SHORTEST_VERB):
            return _SURE
        chance = self._usual
        for ending in _endings(word):
            trust = _WORD_TRUST if ending.startswith(" ") else _TRUST
            chance = (self._last[ending] + trust * chance) / (self._seen[ending] + trust)
        return chance / max(self._usual, 1e-9)


def _endings(word: str) -> Iterator[str]:
    """The shortest first, the whole word last."""
    yield ""
    for length in range(1, min(_LONGEST, len(word)) + 1):
        yield word[-length:]
    yield f" {word}"
