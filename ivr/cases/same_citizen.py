"""Whether two requests are likely of one citizen. Pure.

Several of one house or village call from one number, and nobody gives a name on the telephone: a number alone
tells that it may be her, and no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from ivr.cases import phone
from ivr.cases.national_id import is_valid
from ivr.cases.spelling import letters_of


def is_same(one: Any, other: Any) -> bool:
    """By national ID; without two of those, by number and name."""
    if is_valid(one.national_id or "") and is_valid(other.national_id or ""):
        return bool(one.national_id == other.national_id)
    name = letters_of(one.caller_name or "")
    return bool(name) and name == letters_of(other.caller_name or "") and of_one_number(one, other)


def may_be_same(one: Any, other: Any) -> bool:
    """Also where one number is all that is known of one of them."""
    known = [(each.national_id or "", letters_of(each.caller_name or "")) for each in (one, other)]
    told_apart = any(mine and theirs and mine != theirs for mine, theirs in zip(*known, strict=True))
    return is_same(one, other) or (of_one_number(one, other) and not told_apart)


def of_one_number(one: Any, other: Any) -> bool:
    number = one.caller_key or ""
    return number == other.caller_key and not phone.is_withheld(number)


class Acquaintances:
    """Many, of whom those are found that may be one citizen, without comparing each with each."""

    def __init__(self, known: Iterable[Any] = ()) -> None:
        self._by_trace: dict[str, dict[int, Any]] = defaultdict(dict)
        self._count = 0
        for each in known:
            self.add(each)

    def add(self, one: Any) -> None:
        for trace in _traces(one):
            self._by_trace[trace][self._count] = one
        self._count += 1

    def of(self, one: Any) -> list[Any]:
        """Who may be the same, in the order in which they were added."""
        found: dict[int, Any] = {}
        for trace in _traces(one):
            found |= self._by_trace.get(trace, {})
        return [found[at] for at in sorted(found) if may_be_same(one, found[at])]


def _traces(one: Any) -> Iterator[str]:
    """One of these has whoever may be the same, too: her national ID, or her number."""
    if is_valid(one.national_id or ""):
        yield f"id {one.national_id}"
    if not phone.is_withheld(one.caller_key or ""):
        yield f"number {one.caller_key}"
