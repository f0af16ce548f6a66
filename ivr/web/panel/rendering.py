"""Rendering: one Jinja environment with autoescape, its filters, and what every page gets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import CodeType
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from jinja2.ext import Extension
from markupsafe import Markup, escape
from persiantools.jdatetime import JalaliDateTime

from ivr.cases.code import grouped
from ivr.cases.search import without_numbers
from ivr.voice.prompt_sounds import ANSWER_SECONDS
from ivr.web.panel.locale import Locale, digits, duration, number
from ivr.web.panel.navigation import entries
from ivr.web.panel.sessions import FIELD
from ivr.web.panel.visit import Panel, Visit

FOLDER = Path(__file__).parents[1] / "templates"
THEMES = ("light", "dark")
_PLAIN = re.compile(r'\{\{ t\("([a-z0-9_.]+)"\) \}\}')
PAUSE = 0.5  # seconds between two templates that are compiled ahead: a tenth of a core for half a minute
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_COUNTRY = re.compile(r"^(?:\+98|0098|98(?=\d{10}$|\d{3}\*))")


@dataclass(frozen=True, slots=True)
class Pages:
    """Makes pages. `paths`: route name → its path, for `path("inbox")` in templates."""

    panel: Panel
    words: Locale
    paths: Mapping[str, str]
    environment: Environment

    def render(self, visit: Visit, template: str, values: Mapping[str, Any]) -> str:
        theme = visit.request.cookies.get("theme", "")
        person = visit.session.person if visit.session and not visit.session.needs else None
        return self.environment.get_template(template).render(
            visit=visit,
            person=person,
            now=visit.now,
            csrf=visit.csrf,
            csrf_field=FIELD,
            theme=theme if theme in THEMES else "",
            navigation=entries(visit.person) if person and not person.must_change else [],
            here=visit.request.path,
            **values,
        )

    def macro(self, template: str, name: str) -> Callable[..., Markup]:
        """A piece of a page that knows nothing of the visit."""
        made: Callable[..., Markup] = getattr(self.environment.get_template(template).module, name)
        return made

    async def prepare(self) -> None:
        """Compile every template before anybody asks for it: a page's first visitor would wait for hers.

        In a thread, one after another: calls are answered by the same process, and compiling the inbox in its
        loop would halt them for 30 ms.
        """
        for name in self.environment.list_templates():
            await asyncio.to_thread(self.environment.get_template, name)
            await asyncio.sleep(PAUSE)

    def path(self, route: str, **parts: object) -> str:
        """The address of a page. Raises KeyError for a route that is not there."""
        return self.paths[route].format(**parts)


class _Fixed(Extension):
    """Words that are the same on every page stand in the template before it is compiled: 90 calls a list."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        words: Any = self.environment.globals["t"]
        return _PLAIN.sub(lambda found: str(escape(words(found[1]))), source)


class _Compiled(BytecodeCache):
    """Each template is compiled once in a process, whatever panels it makes; the tests make thousands."""

    def __init__(self) -> None:
        self._codes: dict[tuple[object, str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get(_which(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._codes[_which(bucket)] = bucket.code


def _which(bucket: Bucket) -> tuple[object, str, str]:
    """Its text, and the words that stand in it by then."""
    return bucket.environment.globals["t"], bucket.key, bucket.checksum


_COMPILED = _Compiled()


def environment(words: Locale, clock: Callable[[], datetime], zone: ZoneInfo) -> Environment:
    """All that compiling a template takes."""
    made = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False, extensions=[_Fixed], bytecode_cache=_COMPILED,
    )  # fmt: skip
    made.filters |= filters(words, clock, zone)
    made.globals["t"] = words  # _Fixed takes them from there
    return made


def pages(panel: Panel, words: Locale, paths: Mapping[str, str], zone: ZoneInfo) -> Pages:
    made = Pages(panel, words, paths, environment(words, lambda: panel.clock(), zone))
    made.environment.globals |= {
        "asset": panel.assets.address,
        "path": made.path,
        "longest_answer": ANSWER_SECONDS,
    }
    return made


def filters(words: Locale, clock: Callable[[], datetime], zone: ZoneInfo) -> dict[str, Any]:
    """digits, number, jalali, clock, ago, duration, dotted, mask_number, mask_id, mask_name, named."""

    jalali_time: Any = JalaliDateTime  # it has no types

    def jalali(value: datetime | date | None, form: str = "%d %B %Y") -> str:
        """A day, or a moment of the province, as a Jalali day; "%d %B %Y، %H:%M" with the hour."""
        if value is None:
            return words("common.none")
        at = value if isinstance(value, datetime) else datetime.combine(value, time(), zone)
        day: Any = jalali_time(at.astimezone(zone))
        return str(day.strftime(form.replace("%d", str(day.day)), locale="fa"))

    def ago(value: datetime | None) -> str:
        """ "۳ ساعت پیش", "۲ روز دیگر"."""
        if value is None:
            return words("common.none")
        gap = clock() - value
        tense = "ago" if gap >= timedelta() else "ahead"
        seconds = int(abs(gap).total_seconds())
        for unit, length in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
            if seconds >= length:
                return words(f"common.{tense}.{unit}", n=seconds // length)
        return words(f"common.{tense}.now")

    def named(value: object, group: str) -> str:
        """A stable name by its word: {{ case.status | named("common.status") }}."""
        return words.get(f"{group}.{value}", str(value))

    return {
        "digits": digits,
        "number": number,
        "jalali": jalali,
        "clock": lambda value: jalali(value, "%H:%M"),
        "moment": lambda value: jalali(value, "%d %B %Y، %H:%M"),
        "ago": ago,
        "duration": duration,
        "dotted": dotted,
        "mask_number": mask_number,
        "mask_id": mask_id,
        "mask_name": mask_name,
        "named": named,
        "browser": browser,
        "grouped": grouped,
    }


def browser(text: str) -> str:
    """What a User-Agent comes down to: "Firefox, Linux"."""
    programs = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
    machines = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")
    found = [next((name for name in names if name in text), "") for names in (programs, machines)]
    return ", ".join(filter(None, found)) or text[:40]


def mask_number(value: str | None) -> str:
    """A caller's number without five of its last seven digits at least: ۰۹۱۴•••••۶۷, ۳•••••۴۴."""
    if not value:
        return "—"
    value = _as_dialled(value)
    begins = value[:-7][:4]
    hidden = "•" * (len(value) - len(begins) - 2)
    return digits(begins + hidden + value[-2:]) if len(value) > 7 else "•" * len(value)


def dotted(masked: str) -> str:
    """A number that `ivr.cases.phone.mask` has masked: ۰۹۱۴•••۶۷."""
    return digits(_as_dialled(masked).replace("*", "•"))


def _as_dialled(number: str) -> str:
    """As people write it, masked or not, whichever prefix of the country its network sent."""
    return _COUNTRY.sub("0", number)


def mask_id(value: str | None) -> str:
    """A national ID with only its last two digits."""
    return digits("•" * max(len(value) - 2, 1) + value[-2:]) if value else "—"


def mask_name(value: str) -> str:
    """A caller's name without numbers, "" if there is no more: some exchanges put hers there."""
    name = without_numbers(value, "•••")
    return name if any(map(str.isalpha, name)) else ""
