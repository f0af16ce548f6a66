"""What is composed from recorded fragments: numbers, digits, tracking codes, Jalali days.

Pure: values in, prompt ids out. Persian joins the parts of a number with «و», which is heard on the part
before it (بیستُ یک), so each such part has a second fragment `….and`; a language that joins nothing says the
same in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from functools import lru_cache
from itertools import chain

from persiantools.jdatetime import JalaliDate

from ivr.cases.code import grouped
from ivr.voice.actions import Speech

BIGGEST = 999_999_999
SCALES = ((1_000_000, "number.million"), (1_000, "number.thousand"))
SCALE_IDS = frozenset(id for _, id in SCALES)
HUNDREDS = range(100, 1_000, 100)
TENS = range(30, 100, 10)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # as date.weekday() counts
PAUSE = "pause"
GAP, LONG_PAUSE = "gap", "pause.long"  # between digits, and between groups, for a hand that writes


def number(n: int, language: str) -> Speech:
    """A cardinal from 0 to 999,999,999. Raises ValueError outside it."""
    if not 0 <= n <= BIGGEST:
        raise ValueError(f"{n} is not between 0 and {BIGGEST:,}")
    groups = list(_groups(n)) or [["number.0"]]
    return tuple(chain.from_iterable(_joined(group, last=group is groups[-1]) for group in groups))


def _joined(group: list[str], *, last: bool) -> list[str]:
    """An «و» after every fragment but the number's last and the one that counts its scale."""
    return [
        part if onward in SCALE_IDS or (not onward and last) else f"{part}.and"
        for part, onward in zip(group, [*group[1:], ""], strict=True)
    ]


def _groups(n: int) -> Iterator[list[str]]:
    """Millions, thousands, rest: each the fragments of one phrase list, its scale last."""
    for size, scale in SCALES:
        count, n = divmod(n, size)
        if count:
            # «هزار», min: nobody says "one thousand"; a million is counted.
            yield [*([] if count == 1 and size == 1_000 else _below_thousand(count)), scale]
    if n:
        yield _below_thousand(n)


def _below_thousand(n: int) -> list[str]:
    hundreds, rest = n // 100 * 100, n % 100
    tens, ones = (rest // 10 * 10, rest % 10) if rest > 20 else (rest, 0)
    return [f"number.{part}" for part in (hundreds, tens, ones) if part]


def digits(text: str, language: str) -> Speech:
    """One by one, in groups with a pause, as a number is read back. ASCII digits only, else ValueError."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("only the digits 0–9 can be read out")
    groups = [[f"digit.{digit}" for digit in group] for group in _grouped(text)]
    return tuple(chain.from_iterable([*group, PAUSE] for group in groups))[:-1]


def code(text: str, language: str) -> Speech:
    """A tracking code read back: digit by digit, grouped as it is printed, pauses between and after."""
    return (*digits(text, language), PAUSE)


def dictated(code: str, language: str) -> Speech:
    """A tracking code for a hand that writes: a gap after each digit, a long pause after each group."""
    return tuple(chain.from_iterable(_written(group) for group in grouped(code).split()))


@lru_cache(maxsize=1_200)  # all that there are of three and two digits
def _written(group: str) -> tuple[str, ...]:
    spaced = [id for digit in group for id in (f"digit.{digit}", GAP)]
    return (*spaced[:-1], LONG_PAUSE)


def _grouped(text: str) -> Iterator[str]:
    """Threes, and no group of one: four left are two twos."""
    while text:
        size = 2 if len(text) in (2, 4) else 3
        yield text[:size]
        text = text[size:]


def day(day: date, language: str, *, year: bool = False) -> Speech:
    """The Jalali day: weekday, day and month, the year when asked. Persian and Azerbaijani order differ."""
    jalali = JalaliDate(day)  # type: ignore[no-untyped-call]
    weekday = f"weekday.{WEEKDAYS[day.weekday()]}"
    day_, month = f"day.{jalali.day}", f"month.{jalali.month}"
    spoken_year = number(jalali.year, language)
    if language == "az":  # «min dörd yüz beş ilinin azər ayının iyirmi beşi, çərşənbə axşamı»
        return (*((*spoken_year, "year") if year else ()), month, day_, weekday)
    return (weekday, day_, month, *(("year", *spoken_year) if year else ()))


def clock(at: time, language: str) -> Speech:
    """The hour, and the minutes where there are any: «ساعتِ ده و سی دقیقه», «saat on, otuz dəqiqə»."""
    hour: Speech = ("clock.at", *number(at.hour, language))
    joint: Speech = ("clock.and",) if language == "fa" else ()
    return (*hour, *joint, *number(at.minute, language), "clock.minutes") if at.minute else hour


def fragments(language: str) -> frozenset[str]:
    """Every id that this module can ever say in that language."""
    cardinals = {f"number.{n}" for n in (*range(21), *TENS, *HUNDREDS)} | SCALE_IDS
    joined = {f"number.{n}.and" for n in (20, *TENS, *HUNDREDS)} | {f"{scale}.and" for scale in SCALE_IDS}
    dates = {f"month.{n}" for n in range(1, 13)} | {f"day.{n}" for n in range(1, 32)}
    return frozenset(
        cardinals
        | joined
        | {f"digit.{n}" for n in range(10)}
        | dates
        | {f"weekday.{name}" for name in WEEKDAYS}
        | {"clock.at", "clock.minutes", *(("clock.and",) if language == "fa" else ())}
        | {"year", PAUSE, GAP, LONG_PAUSE}
    )
