"""What is wrong in a menu tree or a file of rows, in Persian: by one catalogue of the English sentences.

`ivr/web/locale/fa/mistakes.yaml` has each of them, {} for what it names. A sentence that is not there stays
English, which a test does not let happen (`tests/web/panel/test_mistake_words.py`).
"""

from __future__ import annotations

import re
from functools import cache

from ivr.web.panel.locale import digits, words

CATALOGUE = "mistakes"


class _Named(str):
    """What a sentence names; a number of ours, {0:n}, in Persian digits."""

    def __format__(self, form: str) -> str:
        return digits(self).replace(",", "٬") if form == "n" else str(self)


def in_persian(message: str) -> str:
    """The sentence, what it names as it stands in the text; one that it cites in Persian, too.

    Before one of another tree stands its place there, which stays.
    """
    for form, told in _forms():
        if found := form.fullmatch(message):
            return told.format(*(_Named(in_persian(each)) for each in found.groups()))
    place, between, cited = message.partition(": ")
    return f"{place}{between}{in_persian(cited)}" if between else message


@cache
def _forms() -> list[tuple[re.Pattern[str], str]]:
    """The one that says the most goes first."""
    catalogue = words().under(CATALOGUE)
    return [
        (re.compile(re.escape(said).replace(r"\{\}", "(.+?)"), re.DOTALL), catalogue[said])
        for said in sorted(catalogue, key=lambda said: -len(said.replace("{}", "")))
    ]
