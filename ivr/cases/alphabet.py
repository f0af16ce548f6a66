"""The order of Persian names, as in a directory. Pure.

By code points پ, چ, ژ and گ stand behind ی, and a database's locale may not be there.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LETTERS = {letter: place for place, letter in enumerate("آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی")}
_ALIKE = str.maketrans("أإٱؤئىيكةۀ", "اااوییی" + "کهه", "\u200c\u200d\u200e\u200fـ")


@lru_cache(maxsize=4_096)  # a province's names are sorted on every page
def persian_order(text: str) -> tuple[tuple[int, int], ...]:
    """A key for sorting: blanks first, then digits and signs, Persian letters, others."""
    bare = unicodedata.normalize("NFC", text).translate(_ALIKE).casefold()
    return tuple(_place(letter) for letter in bare if not unicodedata.combining(letter))


def _place(letter: str) -> tuple[int, int]:
    if letter in _LETTERS:
        return 2, _LETTERS[letter]
    return 0 if letter.isspace() else 3 if letter.isalpha() else 1, ord(letter)
