"""One value of a row, from a form, a CSV cell or YAML: read in one way, one sentence when it won't do."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from persiantools.jdatetime import JalaliDate

from ivr.cases.periods import FIRST_YEAR, LAST_YEAR
from ivr.desk.letters.notices import FIELDS, Unfillable, check_fields
from ivr.desk.refusals import Refused
from ivr.voice.mistakes import nearest, shown

Row = dict[str, Any]
CODE = r"[a-z][a-z0-9_.]{0,59}"
LIST_MARK = "|"  # between the items of a list in one cell
MOST_ITEMS = 200
JALALI_BEFORE = 1700  # years below this one are Jalali
# Letters that Arabic keyboards give and Persian does not have; one form of each is stored.
_LETTERS = str.maketrans("يىك", "ییک")
# Marks of direction come along where a number is copied, and nobody sees them.
_UNSEEN = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_SHAPES = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")
_MARK_ALONE = re.compile(" (?=[\u064b-\u0652])")  # Unicode gives a blank for the letter that bears it
DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "0123456789" * 2, _UNSEEN)
# What neither the database nor XML takes, or nobody can read.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_YES, _NO = ("true", "yes", "1", "بله"), ("false", "no", "0", "خیر", "")
_FLAGS = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False)

SENTENCES = {
    "needed": "must be given",
    "pattern": "has not the right form",
    "long": "has more than {most} characters",
    "number": "must be a whole number from {low} to {high}, not {given}",
    "flag": "must be true or false, not {given}",
    "day": "is no day: write 1405-09-05 or 2026-11-26, not {given}",
    "choice": "must be one of {choices}, not {given}",
    "placeholder": "{given} stands for nothing; there are {choices}",
    "brace": "has a brace too many or too few",
    "language": "must be a text for each language",
    "unknown": "there is no {what} {given}",
    "unknown_key": "unknown key {given}",
    "taken": "{given} is taken by {by}",
    "circle": "{given} is under this agency itself",
    "first_digit": "begins with a digit that the menu lacks",
    "no_mark": "lacks {{county}}",
    "scope_county": "a rule has a county exactly when its scope is county",
    "is_desk": "the desk stays an agency that cases can be given to",
    "open_cases": "open cases are with it: refer them first",
    "ruled": "the rules of {by} name it: change them first",
    "in_use": "{by} needs it",
    "far": "is too far from today",
    "doubled": "stands in the file twice, first in line {by}",
    "retired": "{what} {given} is retired",
    "key_changed": "a key can't be changed: make a new one and retire this one",
    "only_cases": "is only for cases",
    "citizen_sms": "must be sms: a citizen leaves a telephone number, not an address",
    "there": "is there already",
    "not_there": "is not there any more",
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one field. `what` is a key of SENTENCES, by which other languages say it."""

    field: str
    what: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    nearest: str = ""

    def __str__(self) -> str:
        hint = f" (did you mean “{self.nearest}”?)" if self.nearest else ""
        return SENTENCES[self.what].format(**self.params) + hint


class WrongRow(Refused):
    """A row can't be written; `wrongs` holds everything that is the matter with it."""

    def __init__(self, wrongs: Iterable[Wrong]) -> None:
        self.wrongs = tuple(wrongs)
        super().__init__("; ".join(f"{wrong.field}: {wrong}" for wrong in self.wrongs))


def plain_letters(text: str) -> str:
    """Letters themselves for their shapes within a word, which is how an old PDF gives them."""
    return _SHAPES.sub(lambda found: _MARK_ALONE.sub("", unicodedata.normalize("NFKC", found[0])), text)


def persian(text: str) -> str:
    """One form of each letter, single blanks; half-spaces stay."""
    return " ".join(unicodedata.normalize("NFC", plain_letters(text)).translate(_LETTERS).split())


def persian_lines(text: str) -> str:
    """The same of each line; blank lines stay between others."""
    return "\n".join(persian(line) for line in text.splitlines()).strip()


def plain_digits(text: str) -> str:
    return text.translate(DIGITS).strip()


def day_of(text: str) -> date:
    """A Jalali day like 1405-09-05 or a Gregorian one. Raises ValueError, OverflowError.

    A year of two digits is none: 05 was the year 5 and not 1405.
    """
    year, month, day = (int(part) for part in plain_digits(text).replace("/", "-").split("-"))
    if year < JALALI_BEFORE:
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ValueError(f"{year} is no year of ours")
        found: date = JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
        return found
    return date(year, month, day)


def hour_of(text: str) -> time:
    """An hour of the day, also one that is written 9:30, 9.30 or 9/30. Raises ValueError.

    Python alone takes 9.30 for nine o'clock and a part of a second.
    """
    plain = re.sub(r"^(\d\d?)[:./,،٫](?=\d\d(?!\d))", lambda found: f"{found[1]:0>2}:", plain_digits(text))
    found = time.fromisoformat(plain)
    if found.microsecond:
        raise ValueError(f"{text!r} is no hour")
    return found


@dataclass(frozen=True, slots=True)
class Field:
    """`kind`: code | text | whole | flag | list | day | choice | said. `names`: whose codes it holds.

    `low`, `high`: bounds of a number, and the longest text. `lines`: whether a text may have several.
    `width`: of digits that may begin with zeros, which Excel takes off.
    `fields`: what may be filled into it anew: a text that stands there as it is holds what it held.
    """

    name: str
    kind: str = "text"
    needed: bool = True
    names: str = ""
    pattern: str = ""
    low: int = 0
    high: int = 200
    choices: tuple[str, ...] = ()
    default: Any = None
    lines: bool = False
    width: int = 0
    fields: frozenset[str] = FIELDS

    @property
    def empty(self) -> Any:
        """What stands for nothing given."""
        if self.default is not None:
            return self.default
        return {"flag": False, "list": [], "said": {}, "whole": 0}.get(self.kind, "")

    def read(self, given: Any, held: Any = None) -> Any:
        """The value. Raises WrongRow. `held`: what stands there."""
        if given is None or given in ("", [], {}):
            if self.needed and self.kind != "flag":
                raise self._wrong("needed")
            return self.empty
        match self.kind:
            case "list":
                return self._list(given)
            case "said":
                return self._said(given, held or {})
        if not isinstance(given, str | int | bool | date):
            raise self._wrong("pattern")
        text = str(given).strip()
        match self.kind:
            case "whole":
                return self._whole(text)
            case "flag":
                return self._flag(text)
            case "day":
                return self._day(text)
            case "choice":
                return self._choice(text)
            case "code":
                return self._code(text)
        return self._text(text)

    def _wrong(self, what: str, close: str = "", **params: Any) -> WrongRow:
        return WrongRow([Wrong(self.name, what, params, close)])

    def _fits(self, text: str) -> None:
        if _CONTROLS.search(text):
            raise self._wrong("pattern")
        if len(text) > self.high:
            raise self._wrong("long", most=self.high)

    def _text(self, text: str) -> str:
        text = persian(text)
        self._fits(text)
        if self.needed and not text:
            raise self._wrong("needed")
        if self.pattern and text and not re.fullmatch(self.pattern, plain_digits(text)):
            raise self._wrong("pattern")
        return plain_digits(text).zfill(self.width) if self.pattern else text

    def _code(self, text: str) -> str:
        text = plain_digits(text)
        if not re.fullmatch(self.pattern or CODE, text):
            raise self._wrong("pattern")
        return text

    def _whole(self, text: str) -> int:
        text = plain_digits(text)
        if not re.fullmatch(r"-?\d{1,9}", text) or not self.low <= int(text) <= self.high:
            raise self._wrong("number", low=self.low, high=self.high, given=shown(text))
        return int(text)

    def _flag(self, text: str) -> bool:
        if (word := text.lower().translate(_LETTERS)) not in _FLAGS:
            raise self._wrong("flag", given=shown(text))
        return _FLAGS[word]

    def _day(self, text: str) -> str:
        try:
            return day_of(text).isoformat()
        except (ValueError, OverflowError):
            raise self._wrong("day", given=shown(text)) from None

    def _choice(self, text: str) -> str:
        if text not in self.choices:
            choices = ", ".join(self.choices)
            raise self._wrong("choice", nearest(text, self.choices), choices=choices, given=shown(text))
        return text

    def _list(self, given: Any) -> list[str]:
        parts = re.split(r"[|\n]", given) if isinstance(given, str) else given
        if not isinstance(parts, list) or len(parts) > MOST_ITEMS:
            raise self._wrong("pattern")
        if not all(isinstance(part, str) for part in parts):  # a file's empty item, or a mapping
            raise self._wrong("pattern")
        items = [persian(part) for part in parts]
        for item in items:
            self._fits(item)
        return list(dict.fromkeys(item for item in items if item))

    def _said(self, given: Any, held: Mapping[str, str]) -> dict[str, str]:
        if isinstance(given, str):
            given = {"fa": given}
        if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
            raise self._wrong("language")
        tidied = persian_lines if self.lines else persian
        said = {str(language): tidied(text) for language, text in given.items() if text.strip()}
        if self.needed and not said:
            raise self._wrong("needed")
        for text in (*said, *said.values()):
            self._fits(text)
        anew = {its: text for its, text in said.items() if text != tidied(held.get(its, ""))}
        try:
            check_fields(anew, self.fields)
        except Unfillable as error:
            if not error.given:
                raise self._wrong("brace") from None
            choices = ", ".join(f"{{{name}}}" for name in sorted(self.fields))
            raise self._wrong("placeholder", given=error.given, choices=choices) from None
        return said


def read_row(fields: Iterable[Field], given: Mapping[str, Any], held: Row | None = None) -> Row:
    """All fields of a row; unknown keys are mistakes. Raises WrongRow with everything that is wrong.

    `held`: as it stands.
    """
    row: Row = {}
    wrongs: list[Wrong] = []
    known = {field.name: field for field in fields}
    for name in given:
        if name not in known:
            wrongs.append(Wrong(name, "unknown_key", {"given": shown(name)}, nearest(name, list(known))))
    for each in known.values():
        try:
            row[each.name] = each.read(given.get(each.name), (held or {}).get(each.name))
        except WrongRow as error:
            wrongs += error.wrongs
    if wrongs:
        raise WrongRow(wrongs)
    return row


def unknown(name: str, what: str, given: str, there: Collection[str]) -> Wrong:
    """A code that nothing has."""
    return Wrong(name, "unknown", {"what": what, "given": shown(given)}, nearest(given, there))
