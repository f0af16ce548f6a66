"""What the inbox finds cases by. Pure.

A case is known by *lexemes*: the stems of what was said, typed and answered, and *facets* like `=s:referred`,
which no word can look like. Among them are the blocks of days that it was opened in, of 1, 8, 64 and 512
days: with them the newest cases that hold a frequent word are found without touching the older ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ivr.cases import phone
from ivr.cases.code import is_valid
from ivr.cases.spelling import normalise, stem, word_set

LONGEST = 40  # characters of a lexeme; no word is longer
MOST_WORDS = 8  # of a search; further ones are left out
LEAST_DIGITS, MOST_DIGITS = 7, 15  # of a caller's number: fewer would list strangers
_HALF_SPACE = "\u200c"  # ZWNJ
_NUMBER = re.compile(rf"\d{{{LEAST_DIGITS},}}")
_DIALLED = re.compile(r"[+0]|9\d\d(?!\d)").match  # how a number begins that is written in groups
_BLOCKS = (1, 8, 64, 512)  # days, each the eighth part of the next
_DAY = 86_400
# Say nothing of the matter, greetings among them; and endings that were written apart.
_IDLE = word_set(
    "و در به از که را رو تا با هم یا ها های هایی ام ات اش ای یه یک این اون ان است هست می نمی من ما "
    "سلام خسته نباشید ممنون متشکرم لطفا خواهش"
)
# What stands between the groups of a code or a number, and marks that come along when one is copied.
_BETWEEN = (
    " \t\r\n\u00a0\u2007\u2009\u202f\u3000\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069-\u2010\u2011\u2012\u2013\u2212()/._"
)
# A number in free text, whole or in groups; no list («۱۲، ۱۴، ۱۶») and nothing over two lines.
_SIGNS = re.escape("".join(sorted({*_BETWEEN, *"ـ—"} - {*"\r\n."})))
_APART = rf"(?:[.,:،٬]|[{_SIGNS}]{{0,5}})"
_WRITTEN = re.compile(rf"\d(?:{_APART}\d){{{LEAST_DIGITS - 1},}}")
# Days, hours, amounts and letters are numbered in groups, too, and are no number of somebody's.
_MONTH, _DAY_OF = "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
_YEAR, _JALALI = "(?:1[34]|19|20)[0-9]{2}", "1[34][0-9]{2}"
# Behind a word, and begun by a year or told to be a letter's: any other pair may be a telephone's.
# A card («شناسنامه», «گواهی‌نامه») is somebody's.
_OF_LETTER = r"(?<![^\W\d_]|\u200c)(?:بخش\u200c?)?نام[هۀ]\S{0,2}\s(?:شمار[هۀ]\S{0,2}\s)?[1-9][0-9]{0,3}"
_LETTER = rf"(?:{_OF_LETTER}|(?<=[^\W\d_]\s|[\u0650\u0654]\s){_JALALI})"
_UNIT = r"\s*(?:(?:هزار|میلیون|میلیارد)\s*)?(?:ریال|تومان|تومن)"
_MONEY = rf"(?=\s*(?:\([^()]*\))?{_UNIT})"  # its words may stand between in brackets
_NUMBERED = ["حساب", "شماره", "شمارهٔ", "تلفن", "همراه", "موبایل", "ملی", "کارت", "شبا", "کد", "شناسه"]
_NO_ACCOUNT = "".join(rf"(?<!{word}\s)" for word in _NUMBERED)  # «به حساب ۱۲۳۴۵۶۷۸۹۰ ریال»
_NOBODYS = re.compile(
    rf"(?<![0-9/._])(?:{_YEAR}([/.-]){_MONTH}\1{_DAY_OF}(?!\1?[0-9])"
    rf"|{_DAY_OF}([/.-]){_MONTH}\2{_YEAR}(?!\2?[0-9])"
    r"|(?<!:)(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?!:?[0-9])"
    r"|(?<![-\u2012–ـ،,٬])[1-9][0-9]{0,2}([/.،,٬])(?:[0-9]{3}\3){1,3}"
    rf"(?:000(?!\3?[0-9])|[0-9]{{3}}{_MONEY})"
    r"|(?<=مبلغ\s)[1-9][0-9]{0,2}([/.،,٬])(?:[0-9]{3}\4){1,3}[0-9]{3}"
    rf"(?!{_APART}[0-9])|(?<=[^\W\d_]\s){_NO_ACCOUNT}[1-9][0-9]{{6,11}}(?={_UNIT}\b)"
    rf"|(?:(?<=[^\W\d_]\s)|(?<=[^\W\d_]\s\()){_JALALI}[/–-]{_JALALI}(?!{_APART}[0-9])"
    rf"|{_LETTER}/[1-9][0-9]{{0,4}}(?!{_APART}[0-9])"
    rf"|\({_JALALI}\)(?!\s?[0-9]))"
)
_TO_ASCII = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_DIGITS = _TO_ASCII | str.maketrans("", "", _BETWEEN)


def plain_number(text: str) -> str:
    """A code or a number as it is written or copied, without what stands between its digits, in ASCII."""
    return text.translate(_DIGITS)


def without_numbers(text: str, hidden: str) -> str:
    """`text` with `hidden` for each number of seven digits and more, however it is grouped."""

    def instead(found: re.Match[str]) -> str:
        closed = found[0].count(")") - found[0].count("(")  # the other bracket of each stands beside it
        return "(" * -closed + hidden + ")" * closed

    told, at = "", 0
    for kept in _NOBODYS.finditer(text.translate(_TO_ASCII)):
        told += _WRITTEN.sub(instead, text[at : kept.start()]) + text[kept.start() : kept.end()]
        at = kept.end()
    return told + _WRITTEN.sub(instead, text[at:])


def words_of(*texts: str) -> set[str]:
    """The lexemes of texts: one spelling, digits ASCII, without endings, hamza left out.

    What a half-space parts («آب‌رسانی») counts joined as well, as many type it.
    """
    joined = (text.replace(_HALF_SPACE, "") for text in texts if _HALF_SPACE in text)
    return {_lexeme(word) for text in (*texts, *joined) for word in normalise(text).split()} - {""}


def _lexeme(word: str) -> str:
    return stem(word.replace("ء", ""))[:LONGEST]


def facet(name: str, value: object) -> str:
    """`name` is one letter: k kind, t topic, c county, a agency, h had by, s status, w way, n number."""
    return f"={name}:{value}"


def day_of(at: datetime) -> int:
    """The day in UTC, counted from 1970."""
    return int(at.timestamp() // _DAY)


def end_of(day: int) -> datetime:
    """The moment at which the next day begins."""
    return datetime.fromtimestamp((day + 1) * _DAY, UTC)


def day_blocks(day: int) -> list[str]:
    """The blocks that a day lies in."""
    return [facet(str(place), day // size) for place, size in enumerate(_BLOCKS)]


def backwards(day: int, least: int) -> tuple[int, list[str]]:
    """A stretch of at least `least` days back from `day`: its first day, and the blocks that hold it.

    The blocks are of one size and few, for that is what an index combines with words the fastest; the last of
    them may hold days behind `day` too.
    """
    place, size = [(place, size) for place, size in enumerate(_BLOCKS) if 2 * size <= max(least, 2)][-1]
    first = (day - least + 1) // size
    return first * size, [facet(str(place), block) for block in range(first, day // size + 1)]


@dataclass(frozen=True, slots=True)
class Sought:
    """What somebody typed. `code`, `caller`: where it may be one.

    `caller` is a number in E.164 if it is `whole`, else how one begins. `grouped`: the words of what may be
    one number and stands in groups, as a letter's does.
    """

    text: str
    words: tuple[str, ...] = ()
    grouped: tuple[str, ...] = ()
    code: str = ""
    caller: str = ""
    whole: bool = False

    def __bool__(self) -> bool:
        return bool(self.words or self.code or self.caller)

    @property
    def has_number(self) -> bool:
        """Whether it may hold a number of somebody's, alone or among words."""
        return _NUMBER.search(plain_number(self.text)) is not None


def sought(text: str, area_code: str = "") -> Sought:
    """Read a search. The words, each once, in order, without idle ones unless there are no others."""
    bare = plain_number(text)
    number = bare.removeprefix("+")
    if not (number.isascii() and number.isdigit()):
        return Sought(text, _words(text))
    code = number if is_valid(number) else ""
    whole = phone.normalise(bare, area_code) if LEAST_DIGITS <= len(number) <= MOST_DIGITS else ""
    words, groups = _words(number), _words(text)
    grouped = groups if groups != words else ()
    begins = not grouped or _DIALLED(text.translate(_TO_ASCII).lstrip(_BETWEEN))
    caller = whole or (_beginning(bare, number) if begins else "")
    return Sought(text, words, grouped, code, caller, bool(whole))


def _words(text: str) -> tuple[str, ...]:
    words = normalise(text).split()
    told = [word for word in words if word not in _IDLE] or words
    return tuple(dict.fromkeys(filter(None, map(_lexeme, told))))[:MOST_WORDS]


def _beginning(text: str, digits: str) -> str:
    if not LEAST_DIGITS <= len(digits) <= MOST_DIGITS:
        return ""
    bare = digits.removeprefix("00") if digits.startswith("00") else digits
    bare = bare.removeprefix("98") if bare != digits or text.startswith("+") else bare
    return f"+98{bare.removeprefix('0')}"


def tsquery(every: Iterable[str], any_of: Iterable[Iterable[str]] = (), none: Iterable[str] = ()) -> str:
    """PostgreSQL's tsquery: all of `every`, one of each group, none of `none`."""
    parts = [_quoted(lexeme) for lexeme in every]
    parts += [f"({' | '.join(map(_quoted, group))})" for group in any_of]
    return " & ".join([*parts, *(f"!{_quoted(lexeme)}" for lexeme in none)])


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
