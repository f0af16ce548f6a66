"""Which voice can read a text that somebody wrote: its script and its language, told from its letters.

There is a Persian voice and one for Azerbaijani in Latin letters (`fa`, `az`). Azerbaijani in Arabic letters,
as it is written south of the Araxes, is read rightly by neither: the Latin voice spells it out in the names
of English letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate

from ivr.cases.spelling import word_set

FA, AZ = "fa", "az"
AZ_ARABIC = "azb"  # ISO 639-3: South Azerbaijani
LATIN = "latin"  # Latin letters in which nothing is Azerbaijani
NO_LETTERS = ""
LONGEST = 1_000  # of a piece that is read in one go, in characters as they are spoken
OF_A_DIGIT = 9  # … of which a digit takes so many: «۷» in an amount is «هفتصدُ»

_ARABIC = r"\u0600-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff"
_LATIN = r"A-Za-zÀ-ɏə"
_ARABIC_LETTERS, _LATIN_LETTERS = re.compile(f"[{_ARABIC}]"), re.compile(f"[{_LATIN}]")
# Letters of one script with everything behind them that belongs to neither.
_RUN = re.compile(f"(?P<arabic>[^{_LATIN}]+)|(?P<latin>[^{_ARABIC}]+)")
_WORD = re.compile(r"[^\W\d_]+")
_ENDS = re.compile(r"\n"), re.compile(r"[.!?؟؛…]\s"), re.compile(r"(?<=\D)\s")  # of lines, sentences, words
_SPOKEN = re.compile(r"[^\W_ـ]")  # a letter or a digit; what only stretches letters is typed for a dash
_SAME = str.maketrans("يىك\u200c", "ییک ", "ـ\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652")

_AZ_LETTERS = re.compile("[əƏğĞıİşŞ]")
_AZ_LATIN = word_set("ve bir bu ucun deyil var yox sizin sizə isiniz edildi oldu olundu verildi suyu gaz")
# What only Azerbaijani has. Its words in Arabic letters that are Persian words too are in neither list.
_AZB_LETTERS = re.compile("[ۆۇێۏۋڭ]")
_AZB = word_set(
    "بیر ایکی آلتی یئددی دوققوز یوز ایله اوچون یوخ یوخدور واردیر وارام اولدو اولوب اولار "
    "اولاجاق اولسون اولسا "
    "اولان اولاراق اولون اولسونلار اولدوغو گلدی گلیب گلر گلسین گلمیر گلمیب سیز سیزین سیزه سیزی بیز "
    "بیزه بیزیم بیزی اونون اونلار بونا بونون بونلار کیمین سونرا ایندی گونو گونون گونده ائدیب "
    "ایلدی ایلدیک ائدن ایلیب ادیلدی ادیلیب ادیلیر ادیلمیر لازیم لازیمدیر وریلدی وریلیب وریلمیر هانسی نجه "
    "سویو سویون سویوموز یولو یولون یوللار یولوموز چکیلیب چکیلدی آچیلدی باخیلدی باخیلیر "
    "باخیلاجاق باسین یازیلدی "
    "تاپیلمادی باشلاندی قویولدو دییل دگیل گلیر گدیب گدین گتیریلدی باغلانیب باغلاندی تیکیلیب توزلدیلدی دوزلدی "
    "دوزلدیلدی دوزلیب ویریلدی سنین منیم منه اوشاق ائوده سیزدن بیزدن بوگون ایشینیز ایشی ساغ"
)
_AZB_SPELLING = re.compile("ائ(?!ل$|لگلی|لگولی|مه|تلاف)|[گدنهچ]ئ(?![وای])|وئ(?![وای])|[گابکدچیهت]ؤ|سؤ(?!ا)")
_AZB_OF_PLACES = re.compile("یوخاری|چوخور|ایستی")  # in names of villages and springs, too
_AZB_BEGINNING = re.compile("یوخ|چوخ|ایسته|ایستی|ایشیق|اوشاق|اولم|اولور|یاغیش|باشقا")
_AZB_ENDING = re.compile(
    ".*..(?:دیر|دور)(?:لر|لار|سینیز)|.*.(?:میش|یب|جک)دیر|.*.(?:وب|جاق)دور|.*.جاقدیر"
    "|.*..(?:یلدی|ولدو|یلیب|ولوب|نیب|ونوب|ییب|وروب"
    "|لیبلر|لیبلار|ییبلر|ییبلار|لمیر|نمیر|لمیرلر|نمیرلر|(?<!تغی)یر(?<=ییر)|ییرلر|یرلر|یرلار"
    "|ورلار|یریک|یریق|وروق|وروک|ولور|یرسیز"
    "|[لرتخ]ماق|ینیز|ینیزه|ینیزی|ونوزو|ونوزا|یمیزه|یمیزی|یمیزین|وموزو|لارین|لرین|لارینا|لرینه|لریمیز"
    "|لردن|لاردان|لاردا|یندن)"
)
_NAMED = word_set("روستای خیابان بلوار کوی میدان کوچه پارک جاده محله شهرک پل")  # what follows may be a name
_FA = word_set(
    "است نیست را که از به این آن شما برای شد شده شدند می نمی خواهد خواهید باید با در یا هم بود "
    "کرد کنید گردید "
    "گردد شود شوید های ها خود بر ما من او آنها چون هست هستید دارد دارید ندارد داده دادن گرفت گرفته کرده کردن "
    "توسط جهت پس تا اگر رفع برطرف وصل انجام لطفا بفرمایید کنند دهید دهد داد"
)


def language_of(text: str) -> str:
    """FA, AZ, AZ_ARABIC or LATIN, by the script that has more letters; NO_LETTERS for digits and signs."""
    arabic, latin = len(_ARABIC_LETTERS.findall(text)), len(_LATIN_LETTERS.findall(text))
    if arabic >= latin:
        return (AZ_ARABIC if _is_azb(text) else FA) if arabic else NO_LETTERS
    return AZ if _is_az(text) else LATIN


def read_in(text: str, language: str) -> str | None:
    """The voice that reads most of `text` to a caller who chose `language`; None: no voice can read it."""
    match language_of(text):
        case "azb":
            return None
        case "fa" | "az" as found:
            return found
    return language  # digits alone, or foreign words: each voice reads those in its way


def piece_read_in(piece: str, language: str) -> str | None:
    """The same of a piece of something readable: names of villages without a verb are no language."""
    return read_in(piece, language) or (None if _is_mostly_azb(piece) else FA)


def is_readable(text: str) -> bool:
    """Whether some voice can read it: not signs alone ("—", "✓"), which are silence. Nothing needs none."""
    if not text.strip():
        return True
    voice = piece_read_in if read_in(text, FA) else read_in
    return _SPOKEN.search(text) is not None and all(voice(piece, FA) for piece in pieces(text))


def is_spoken(piece: str) -> bool:
    """Whether a voice says anything of a piece of something readable."""
    return _SPOKEN.search(piece) is not None and piece_read_in(piece, FA) is not None


def heard(answer: str, spoken: str, language: str) -> str:
    """Of an answer as it is written and as it is spoken, what who chose `language` hears.

    Her own language first, be it of some lines, as where two bodies answered; then what any voice reads; ""
    when none reads either.
    """
    texts = [text for text in (answer, spoken) if text.strip() and is_readable(text)]
    hers = [text for text in texts if read_in(text, language) == language]
    partly = [text for text in texts[::-1] if any(language_of(one) == language for one in text.splitlines())]
    return next(iter(hers or partly or texts), "")


def pieces(text: str) -> Iterator[str]:
    """All of `text`, each piece in one language and short enough to be made ready while she waits."""
    *before, text = _by_language(text)
    for part in before:
        yield from pieces(part.strip())
    while (size := sum(length <= LONGEST for length in accumulate(map(_length, text)))) < len(text):
        ends = (max((found.end() for found in end.finditer(text, 0, size)), default=0) for end in _ENDS)
        at = next(filter(None, ends), size)
        yield text[:at].strip()
        text = text[at:].lstrip()
    if text:
        yield text


def _by_language(text: str) -> Iterator[str]:
    """Lines of Persian and of Azerbaijani apart, as those of two bodies; others stay with those before."""
    held, its = "", ""
    for line in text.splitlines(keepends=True):
        found = language_of(line)
        if found in (FA, AZ) and found != its:
            if its:
                yield held
                held = ""
            its = found
        held += line
    yield held


def _length(sign: str) -> int:
    return OF_A_DIGIT if sign.isdecimal() else 1


def runs(text: str, language: str) -> Iterator[tuple[str, str]]:
    """(voice, piece) in order: a piece in Arabic letters never falls to the Latin voice. None if unreadable.

    A name in the other script stays with its sentence's words around it: the voice changes for it alone.
    """
    main = piece_read_in(text, language)
    if main is None:
        return
    before, held = "", ""
    for found in _RUN.finditer(text):
        voice = _voice(found.group(), main)
        if before and voice != before:
            yield before, held
            held = ""
        before, held = voice, held + found.group()
    if held:
        yield before, held


def _voice(piece: str, main: str) -> str:
    if _ARABIC_LETTERS.search(piece):
        return FA
    if _LATIN_LETTERS.search(piece):
        return AZ if main == AZ or _AZ_LETTERS.search(piece) else FA
    return main


def _is_az(text: str) -> bool:
    words = _WORD.findall(text.lower())
    return bool(_AZ_LETTERS.search(text)) or len(_AZ_LATIN.intersection(words)) >= 2


def _is_azb(text: str) -> bool:
    """Rather Persian than not: who writes plain Persian must not be told that nobody can read it."""
    words = _words(text)
    azb, fa = _count_azb(words), len([word for word in words if word in _FA])
    if fa == 0:
        return azb >= 3 or (azb > 0 and azb * 4 >= len(words))
    return azb >= 2 and azb > 1.5 * fa


def _is_mostly_azb(text: str) -> bool:
    words = _words(text)
    return _count_azb(words) * 2 > len(words)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text).translate(_SAME))


def _count_azb(words: list[str]) -> int:
    return sum(_azb(word, before in _NAMED) for before, word in zip(["", *words], words, strict=False))


def _azb(word: str, is_named: bool) -> bool:
    """`is_named`: it may be a place's Azerbaijani name in a Persian text, whose spelling tells nothing."""
    if word in _AZB or _AZB_ENDING.fullmatch(word):
        return True
    if is_named and (_AZB_OF_PLACES.match(word) or not _AZB_BEGINNING.match(word)):
        return False
    return any((_AZB_LETTERS.search(word), _AZB_SPELLING.match(word), _AZB_BEGINNING.match(word)))
