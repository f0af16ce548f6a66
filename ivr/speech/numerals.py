"""Figures in a written text, as people say them: amounts, decimals, dates, times, telephone numbers, codes.

Pure. Iranians write a decimal with a slash («۲/۵ میلیون») and thousands with commas, dots, slashes or
nothing, so what a figure means is told from its form and from the word beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

from persiantools.jdatetime import JalaliDate

from ivr.voice import saying
from ivr.voice.actions import Speech


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


MONEY = _set("ریال تومان تومن ریالی تومانی tümən rial manat")
SUM = _set("مبلغ məbləğ")  # before an amount of money
SCALES = _set("هزار میلیون میلیارد همت min milyon milyard")
MEASURES = _set(
    "متر مترمربع مترمکعب کیلومتر هکتار لیتر تن کیلو کیلوگرم کیلووات مگاوات metr kilometr hektar litr ton"
)
PERCENT = _set("درصد % faiz")  # before these «2.000» is two
COUNTED = MONEY | SCALES | MEASURES | PERCENT | _set("نفر خانوار عدد مورد روز nəfər gün ədəd")
# What stands before a number that is read out digit by digit, or whose slash is no decimal point.
NAMING = _set(
    "کد شماره تلفن همراه موبایل پیگیری رهگیری شناسه حساب کارت شبا ملی پستی نامه پرونده پلاک بند ماده تبصره "
    "kod kodu nömrə nömrəsi telefon"
)
NAMING_BEHIND = _set("saylı sayli nömrəli")  # «110/4512 saylı məktub»; in capitals it has no «ı»
# A range before these counts, or is of days, and is none of hours. Not of what has hours, like «avtobus».
# «yaşli»: in capitals it has no «ı».
LASTING = _set(
    "dəqiqə saniyə saat həftə ay il dəfə kərə yaş yaşlı yaşli dərəcə km kq "
    "fərvərdin ordibeheşt xordad tir mordad şəhrivər mehr aban azər dey bəhmən esfənd "
    "yanvar fevral mart aprel may iyun iyul avqust sentyabr oktyabr noyabr dekabr"
)
BESIDE = _set("روز مورد gün")  # may stand behind an hour or a telephone number, too, and not count it
TELEPHONES = _set("تلفن همراه موبایل telefon")
HOURS = _set("ساعات saatlar saatları")  # besides the catalogue's
SPELT_FROM = 8  # digits: longer runs are codes and telephone numbers, unless they count something
SPELT_NAMED_FROM = 5
ROUND = "0000"  # so ends an amount, and hardly a code
BILLION = 1_000_000_000
MOST = BILLION * 1_000_000
OLD_YEAR = 70  # two digits: 13xx from here on

_FIGURE = re.compile(
    r"""
    (?<!\d)(?:
    (?P<phone>(?:\+98|0098)[ -]?(?:9\d\d[ -]?\d{3}|\(?[1-8]\d\)?[ -]?\d{3,4})[ -]?\d{4}
        |\(?0\d{2,3}\)?[ -]?\d{3,4}(?:[ -]?\d{2,4}){1,2})
    |(?P<code>\d{4}(?:[ -]\d{4}){3}|\d{3}[ -]\d{3}[ -](?:\d{4}|\d\d[ -]\d\d))
    |(?P<time>(?:[01]?\d|2[0-4]):[0-5]\d)(?!:)
    |(?P<date>\d{4}(?P<s1>[-/.])\d\d?(?P=s1)\d\d?(?!(?P=s1)?\d)
        |\d\d?(?P<s2>[-/.])\d\d?(?P=s2)(?:\d{4}|\d\d)(?!(?P=s2)?\d))
    |(?P<amount>\d{1,3}(?:(?P<s3>[,،])\d{3}(?:(?P=s3)\d{3})*|(?:\.\d{3}){2,}|(?:/\d{3}){2,}))(?![/,،]\d|\.\d{3})
    |(?P<split>\d+[./,]\d+)(?![./,]?\d)
    |(?P<plain>\d+)
    )(?!\d)
    """,
    re.VERBOSE | re.ASCII,
)
_CLOCK = re.compile(r"(?:[01]?\d|2[0-4])[/.][0-5]\d")  # behind «ساعت»
_DASH = re.compile(r"\s*[-–—]\s*")
# Between two hours; «dan» is what is left of «8.30-dan».
_TO_HOUR = re.compile(r"\s*(?:(?:صبح|ظهر|بعد\W?از\W?ظهر|عصر|شب)\s*)?(?:تا|الی|لغایت|و|dan|dən|və|[-–—])\s*")
# Between two ranges of hours: «8-14, 16-20», «8-14-dək və ya 16-20».
_MORE_HOURS = re.compile(r"(?:d[aə][nk]?|y?[aə])?\s*[,،;؛(]?\s*(?:(?:və(?:\s+ya)?|ya|yaxud|و|یا)\s+)?")
_RANGE = re.compile(
    r"(\d\d?)(?:[:/.]\d\d)?\s*[-–—]\s*(\d\d?)(?:[:/.]\d\d)?(?!\d|[-–—/.:,]\d|\s+[-–—]\s*\d|[-’'][cC][ıiuüIİUÜ])",
    re.ASCII,
)
# «2 saat 30-40 dəqiqə», «hər saat 8-10 avtobus»: no hour is named.
_LASTS = re.compile(r"(?:\d|\bhər)\s+\w+\s*$", re.IGNORECASE)
_SUFFIX = re.compile(r"[-’'](?=[^\W\d_])")
# «-ci» and its cases; no word that only begins so, like «cild».
_ORDINAL = re.compile(
    r"c[ıiuü](?:l[aə]r|s[ıiuü])?(?:n?[ıiuü]n?|n?d[aə]n?|[yn]?[aə])?(?:d[ıiuü]r)?\b", re.IGNORECASE
)
_NTH = re.compile(rf"[-’']{_ORDINAL.pattern}", re.IGNORECASE)  # «saat 10-5-ci mərtəbə»: no hour
_OF_YEAR = re.compile(r"[-’']c[ıiuü](?:\s+il(?:in|də)?)?\b", re.IGNORECASE)  # «25.09.1405-ci il»
_LINK = dict(zip("aıeəiouöü", "ııiiiuuüü", strict=True))  # by the vowel before it
_WORKING = r"(?:(?:(?<=ساعت)|(?<=ساعات))\u0650?\s+(?:کاری|اداری|کار))?"  # «ساعت کاری ۸/۳۰»
_BEFORE = re.compile(rf"([^\W\d_]+(?:\u200c[^\W\d_]+)*){_WORKING}[\s:،,\u064b-\u0655\u200c]*$")
# Endings of what Azerbaijani counts: «tümənə», «rialını», «nəfərlik», «dəqiqəyə»; not of «minik», «günəş»,
# «metro».
_CASE = (
    r"(?:l[aə]r)?(?:l[ıiuü][kq])?(?:s?[ıiuü](?:[mn][ıiuü]z|[mn])?)?"
    r"(?:n?[ıiuü]n?|[ny]?[aə]|n?d[aə]n?|l[aə])?(?:d[aə]k|c[aə]n|d[ıiuü]r)?"
)
_INFLECTED = re.compile(rf"({'|'.join(COUNTED | LASTING)}){_CASE}|({'|'.join(NAMING_BEHIND)})\w*")
_SIGN_OF_NUMBER = {r"№[-’']?(?=[^\W\d_])": "nömrə", "№+": " nömrə "}  # «№-li», «№ 5»
_IN_WORDS = rf"\([^()]*\)\s*(?=(?:{'|'.join(MONEY | SCALES)}){_CASE}\b)"  # «۲/۱۲۵ (دو …) میلیارد»
_NAMED = rf"[-–]\s*(?=(?i:{'|'.join(NAMING_BEHIND)}))"  # «110/4512-saylı»
_AFTER = re.compile(rf"\s*(?:{_IN_WORDS}|{_NAMED})?([^\W\d_]+|%)")
_OF_NO_SUM = re.compile(r"\s*\((?![^()]*(?:هزار|میلیون|میلیارد))")  # «(بانک ملی)»


@dataclass(frozen=True, slots=True)
class _Figure:
    """`before`, `after`: the words beside it. `over`: a bracket of no sum between. `to`: it ends a range.

    `more`: it begins another range of hours behind one.
    """

    kind: str
    text: str
    before: str
    after: str
    over: bool = False
    to: bool = False
    more: bool = False

    @property
    def digits(self) -> str:
        return re.sub(r"\D", "", self.text)

    @property
    def named(self) -> bool:
        """A code, or a number of something."""
        return self.of in NAMING or self.after in NAMING_BEHIND

    @property
    def of(self) -> str:
        """The word before it, without its ending: «تلفن» of «تلفن‌های»."""
        return self.before.partition("\u200c")[0]

    @property
    def is_clock(self) -> bool:
        """An hour, if one is named before it."""
        its = self.kind == "split" and _CLOCK.fullmatch(self.text)
        return bool(its) and self.after not in COUNTED - BESIDE

    @property
    def hour(self) -> int | None:
        """Which it is, if an hour was named."""
        if not (self.kind == "time" or self.is_clock or self.kind == "plain"):
            return None
        hour = int(re.split("[:/.]", self.text)[0])
        return hour if hour <= 24 else None


def spelled(text: str, language: str, say: Callable[[Speech], str]) -> str:
    """`text`, its digits in ASCII, with every figure in words. `say` gives the words of prompt ids."""
    for sign, word in _SIGN_OF_NUMBER.items() if language == "az" else ():
        text = re.sub(sign, word, text)
    return "".join(_pieces(text, language, say))


def _pieces(text: str, language: str, say: Callable[[Speech], str]) -> Iterator[str]:
    at, last, since = 0, None, 0
    for found in _FIGURE.finditer(text):
        between = text[at : found.start()]
        kind = found.lastgroup if found.lastgroup not in ("s1", "s2", "s3") else None
        kind = kind or next(name for name in ("date", "amount") if found[name])
        before, after = _beside(_BEFORE, text[: found.start()]), _bare(_beside(_AFTER, text, found.end()))
        one = _Figure(kind, found.group(), before, after, bool(_OF_NO_SUM.match(text, found.end())))
        its_hour = _hour_before(last, say) if last is not None and _TO_HOUR.fullmatch(between) else ""
        is_more = last is not None and last.more
        lasts = not is_more and bool(_LASTS.search(text[max(since - 40, 0) : since]))
        to_hour = last is not None and its_hour and _is_to_hour(last, one, between, lasts)
        is_nth = bool(_NTH.match(text, found.end()))
        to_hour = to_hour and not is_nth
        if last is not None and _DASH.fullmatch(between) and (_rises(last, one) or to_hour):
            one = replace(one, before=its_hour or last.before, to=True)
            between = f" {say(('sign.to',))} "  # «ده تا دوازده»
            if language == "az":  # «on on iki gün»; of hours «on on iki» is 10:12
                counts = lasts or is_nth or one.after in COUNTED - BESIDE
                is_hours = one.kind == "time" or (its_hour and not counts)
                between = f", {say(('sign.hour',))} " if is_hours else " "
        elif (
            last is not None
            and (hour := _hour_before(last, say))
            and _is_more(last, between, text, one, found.start())
        ):
            one = replace(one, before=hour, more=True)
            between += f" {say(('sign.hour',))} " if language == "az" else ""  # «on dörd, on altı» is 14:16
        elif its_hour and kind in ("split", "plain"):  # «ساعت ۸ صبح تا ۱۴/۳۰», «۸:۰۰ تا ۱۴/۳۰»
            one = replace(one, before=its_hour)
        yield between
        spoken = say(_speech(one, language, say))
        at, last, since = found.end(), one, found.start()
        if language == "az" and kind == "date" and _day(re.split(r"[-/.]", one.text)):
            year = _OF_YEAR.match(text, at)  # what is spoken of a date names its year, and ends otherwise
            at = year.end() if year else at
        suffix = _SUFFIX.match(text, at) if language == "az" else None  # «10:30-da» is one word
        is_joined = suffix and one.after not in NAMING_BEHIND  # not «4512-saylı»
        yield f" {spoken}" + (_ordinal(spoken, text, suffix.end()) if suffix and is_joined else " ")
        at = suffix.end() if suffix else at
    yield text[at:]


def _ordinal(spoken: str, text: str, at: int) -> str:
    """What stands between a number and the «-ci» that makes it an ordinal: «beş-in-ci», «altı-n-cı»."""
    if not _ORDINAL.match(text, at):
        return ""
    vowels = [sign for sign in spoken if sign in _LINK]
    return "n" if spoken.endswith(tuple(_LINK)) else f"{_LINK[vowels[-1]]}n" if vowels else ""


def _beside(pattern: re.Pattern[str], text: str, at: int = 0) -> str:
    found = pattern.match(text, at) if at else pattern.search(text[-40:])
    return found[1].lower().replace("i\u0307", "i") if found else ""  # of «İ»: «İyun», «İl»


def _bare(word: str) -> str:
    """A word that may stand behind a figure, without its Azerbaijani ending."""
    found = _INFLECTED.fullmatch(word)
    return (found[1] or found[2]) if found else word


def _rises(first: _Figure, second: _Figure) -> bool:
    """Two of a kind, the second larger: a range, and no row of codes."""
    if (
        first.to
        or first.kind != second.kind
        or first.kind not in ("plain", "time", "date", "split", "amount")
    ):
        return False
    if first.kind == "date":
        return True
    if first.kind == "plain" and max(len(first.digits), len(second.digits)) > 3 and first.named:
        return False
    small = [
        re.split(r"[/:.,]", one.text) if one.kind != "amount" else [one.digits] for one in (first, second)
    ]
    return [int(part) for part in small[0]] < [int(part) for part in small[1]]


def _is_to_hour(first: _Figure, second: _Figure, between: str, lasts: bool) -> bool:
    """Whether a range of hours ends so, be it over midnight. `lasts`: no hour is named before it."""
    if first.to or second.is_clock:
        return not first.to  # «۸-۱۴/۳۰»
    if first.hour is None or second.hour is None or second.kind == "time":
        return first.kind == second.kind == "time"
    is_tight = not between[:1].isspace() or not second.after  # «saat 10 - 5 avtobus»
    return is_tight and not lasts and second.after not in (COUNTED - BESIDE) | LASTING | NAMING_BEHIND


def _is_more(last: _Figure, between: str, text: str, one: _Figure, at: int) -> bool:
    """Whether another range of hours begins there: later than the last one ended, and it counts nothing."""
    if not last.to or last.hour is None or one.kind not in ("split", "plain"):
        return False
    found = _RANGE.match(text, at)
    if not (between.strip() and _MORE_HOURS.fullmatch(between) and found):
        return False
    after = _bare(_beside(_AFTER, text, found.end()))
    hours = last.hour <= int(found[1]) <= 24 and int(found[2]) <= 24
    return hours and after not in COUNTED | LASTING | NAMING_BEHIND


def _speech(one: _Figure, language: str, say: Callable[[Speech], str]) -> Speech:
    match one.kind:
        case "phone":
            return saying.digits(re.sub("^(?:98|0098)", "0", one.digits), language)
        case "code":
            return saying.digits(one.digits, language)
        case "time":
            return _time(one, language, say)
        case "date":
            return _date(one, language, say)
        case "amount":
            return _amount(one.digits, language)
        case "split":
            if one.is_clock and _of_hours(one, say):
                return _time(one, language, say)
            return _split(one, language)
    return _plain(one, language)


def _time(one: _Figure, language: str, say: Callable[[Speech], str]) -> Speech:
    hour, minute = map(int, re.split("[:/.]", one.text))
    named = one.to or _of_hours(one, say)
    begin: Speech = () if named else ("sign.hour",)
    spoken = (*begin, *saying.number(hour, language))
    if language == "az":  # «saat on otuzda», «on sıfır beş»
        zero: Speech = ("digit.0",) if 0 < minute < 10 else ()
        return (*spoken, *zero, *saying.number(minute, language)) if minute else spoken
    return (*spoken, "sign.and", *saying.number(minute, language), "sign.minute") if minute else spoken


def _of_hours(one: _Figure, say: Callable[[Speech], str]) -> bool:
    return one.of in HOURS | _in_texts(say, "sign.hour")


def _hour_before(last: _Figure, say: Callable[[Speech], str]) -> str:
    """The word that makes an hour of the figure before, if it is one."""
    if _of_hours(last, say):
        return last.before
    return min(_in_texts(say, "sign.hour")) if last.kind == "time" else ""


def _in_texts(say: Callable[[Speech], str], id: str) -> frozenset[str]:
    """A word of the catalogue without its vowel marks, to be met in a text."""
    return frozenset({re.sub("[\u064b-\u0655،,]", "", say((id,))).strip()})


def _date(one: _Figure, language: str, say: Callable[[Speech], str]) -> Speech:
    parts = re.split(r"[-/.]", one.text)
    day = _day(parts)
    if day is None:  # only looks like a date
        return tuple(chain.from_iterable(_plain(_Figure("plain", part, "", ""), language) for part in parts))
    speech = saying.day(day, language, year=True)
    weekday = next(id for id in speech if str(id).startswith("weekday."))
    said_already = one.before in _in_texts(say, str(weekday))
    return tuple(id for id in speech if not (said_already and id == weekday))


def _day(parts: list[str]) -> date | None:
    """Year first or last, of four digits, or of two where they can be nothing else."""
    first, _, third = parts
    year_first = len(first) == 4 or (len(third) != 4 and (first[0] == "0" or int(first) > 31))
    if len(first) == 2 and year_first and not all(len(part) == 2 for part in parts):
        return None
    year, month, day = (int(part) for part in (parts if year_first else reversed(parts)))
    if len(first if year_first else third) == 2:
        if not year_first and year < OLD_YEAR:
            return None
        year += 1300 if year >= OLD_YEAR else 1400
    try:
        if 1900 <= year < 2100:
            return date(year, month, day)
        if 1300 <= year < 1500:
            return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    except ValueError:
        pass
    return None


def _split(one: _Figure, language: str) -> Speech:
    """«۲/۵», «2.5», «2,5»: a decimal, or thousands before money, or two numbers of a letter or a house."""
    whole, part = re.split(r"[./,]", one.text)
    is_round = part == "000" and one.of not in NAMING and one.after not in PERCENT
    is_sum = one.before in SUM and one.after not in SCALES
    # Its unit may stand further on.
    is_amount = one.after in MONEY or (whole[0] != "0" and (is_round or is_sum))
    if len(part) == 3 and len(whole) <= 3 and is_amount:
        return _amount(whole + part, language)
    is_slash, is_comma = "/" in one.text, "," in one.text
    apart = (is_slash and (one.named or len(whole) > 4)) or (is_comma and language == "fa")
    if apart or len(whole) > 9 or (len(whole) > 1 and whole[0] == "0"):
        its = _Figure("plain", "", one.before, one.after if one.after in NAMING_BEHIND else "")
        return tuple(chain.from_iterable(_plain(replace(its, text=n), language) for n in (whole, part)))
    return _decimal(int(whole), part, language)


def _decimal(whole: int, part: str, language: str) -> Speech:
    part = part.rstrip("0")
    if not part:
        return saying.number(whole, language)
    if part == "5":
        return (*saying.number(whole, language), "sign.and_half") if whole else ("sign.half",)
    spelt = part[0] == "0" or len(part) > 3
    after = saying.digits(part, language) if spelt else saying.number(int(part), language)
    return (*saying.number(whole, language), "sign.point", *after)


def _plain(one: _Figure, language: str) -> Speech:
    digits = one.digits
    if one.named:
        beside = BESIDE if one.of in TELEPHONES else BESIDE - {"مورد"}
        counted = not one.over and one.after in COUNTED - beside
    else:
        counted = one.after in COUNTED or digits.endswith(ROUND)
    spelt_from = SPELT_NAMED_FROM if one.named else SPELT_FROM
    if (len(digits) > 1 and digits[0] == "0") or (len(digits) >= spelt_from and not counted):
        return saying.digits(digits, language)
    return _amount(digits, language)


def _amount(digits: str, language: str) -> Speech:
    """Amounts of money go beyond what a call composes: so many milliard, and the rest."""
    n = int(digits)
    if n <= saying.BIGGEST:
        return saying.number(n, language)
    if n >= MOST:
        return saying.digits(digits, language)
    billions, rest = divmod(n, BILLION)
    if not rest:
        return (*saying.number(billions, language), "sign.billion")
    return (*saying.number(billions, language), "sign.billion.and", *saying.number(rest, language))
