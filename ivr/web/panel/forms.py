"""Form fields → values, or one sentence for each field that won't do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, time

from aiohttp.web import FileField
from multidict import MultiDictProxy

from ivr.desk.editing.values import DIGITS, day_of, hour_of, plain_letters
from ivr.desk.refusals import WrongField
from ivr.web.panel.locale import Locale


def latin(text: str) -> str:
    """Latin digits in place of Persian and Arabic ones, without marks of direction."""
    return text.translate(DIGITS)


def whole_number(text: str) -> int:
    """What an address holds, such as where a list goes on; 0 for whatever is no number of a row."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


class Form:
    """What was sent. Reading a field that won't do puts a sentence into `wrong` and gives an empty value.

    >>> reason = form.text("reason", most=500)
    >>> if form.wrong: return visit.render("casefile/refer.html", form=form, status=422)
    """

    def __init__(self, sent: MultiDictProxy[str | bytes | bytearray | FileField], words: Locale) -> None:
        self.sent, self.words = sent, words
        self.wrong: dict[str, str] = {}

    def raw(self, name: str) -> str:
        """As sent, for showing it again, but for what no database takes; "" when it was not."""
        value = self.sent.get(name, "")
        return value.replace("\0", "") if isinstance(value, str) else ""

    def text(self, name: str, most: int = 200, *, needed: bool = True, lines: bool = False) -> str:
        """Without blanks around it and control characters in it; what parts words parts them as a blank."""
        value = plain_letters(self.raw(name)).replace("\r\n", "\n").strip()
        kept = "\u200c\n\t" if lines else "\u200c"
        value = "".join(c if c.isprintable() or c in kept else " " * c.isspace() for c in value)
        if needed and not value:
            return self.refuse(name, "common.form.needed")
        if len(value) > most:
            return self.refuse(name, "common.form.too_long", most=most)
        return value

    def secret(self, name: str) -> str:
        """A password: as it is."""
        value = self.raw(name)
        return value if value else self.refuse(name, "common.form.needed")

    def choice(self, name: str, among: Collection[str], *, needed: bool = True) -> str:
        value = self.raw(name)
        if not value and not needed:
            return ""
        return value if value in among else self.refuse(name, "common.form.not_among")

    def many(self, name: str, among: Collection[str] | None = None) -> list[str]:
        """All values of a field that may come several times."""
        sent = self.sent.getall(name, [])
        values = [value.replace("\0", "") for value in sent if isinstance(value, str)]
        if among is not None and not set(values) <= set(among):
            self.refuse(name, "common.form.not_among")
            return []
        return values

    def number(
        self, name: str, least: int = 0, most: int = 1_000_000_000, otherwise: int | None = None
    ) -> int:
        """A whole number in any digits; `otherwise` for an empty field."""
        value = latin(self.raw(name)).replace("٬", "").replace(",", "").strip()
        if not value and otherwise is not None:
            return otherwise
        if value.isascii() and value.isdigit() and len(value) < 16 and least <= int(value) <= most:
            return int(value)
        self.refuse(name, "common.form.number", least=least, most=most)
        return least

    def day(self, name: str, *, needed: bool = True) -> date | None:
        """A Jalali day like 1405/09/05 or a Gregorian one, as a date of the Gregorian calendar."""
        value = latin(self.raw(name))
        if not value.strip() and not needed:
            return None
        try:
            return day_of(value)
        except (ValueError, OverflowError):
            self.refuse(name, "common.form.day")
            return None

    def hour(self, name: str, key: str) -> time:
        """An hour of the day, like 9:30; `key`: the sentence for what is none. Midnight then."""
        try:
            return hour_of(self.raw(name))
        except ValueError:
            self.refuse(name, key)
            return time(0)

    def flag(self, name: str) -> bool:
        return self.raw(name) in {"1", "on", "true", "yes"}

    def file(self, name: str) -> FileField | None:
        value = self.sent.get(name)
        return value if isinstance(value, FileField) else None

    def refuse(self, name: str, key: str, **values: object) -> str:
        """One sentence for the field, the first one found; "" for the value."""
        self.wrong.setdefault(name, self.words(key, **values))
        return ""

    def refused(self, error: WrongField, sentences: Mapping[str, str]) -> None:
        """The desk refused a field: say it with the word of `sentences`, by field, else plainly."""
        self.refuse(error.field, sentences.get(error.field, "common.form.wont_do"))
