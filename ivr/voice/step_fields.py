"""One reader per step type: its entries in the YAML to its value in `ivr.voice.menu`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from types import MappingProxyType

from ivr.voice import menu
from ivr.voice.fields import Fields, checked_key
from ivr.voice.menu import Choice, Hours, Miss, Step
from ivr.voice.mistakes import shown
from ivr.voice.yaml_tree import Scalar

DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
# What a `digits` step collects, and the only check that makes sense for it.
CHECKS = {"callback": "phone", "national_id": "national_id", "code": "tracking_code"}
REVIEW = ("keep", "hear", "again", "add")
BRANCHES = ("kind", "language", "topic", "county", "number", "caller")
RECORD_SETS = ("kind", "topic", "county")
_KEY = "1 to 4 digits, or # alone (“*” always repeats the prompt and is not written)"
_NO_MISS = Miss(1, (), "")

_Common = tuple[str, int, tuple[str, ...]]
_Asking = tuple[str, int, tuple[str, ...], float, float, bool, Miss, Miss, bool]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What asking steps do unless they say otherwise."""

    first_key: float = 7.0
    next_key: float = 3.0
    barge_in: bool = True
    no_input: Miss | None = None
    no_match: Miss | None = None


def read_defaults(fields: Fields) -> Defaults:
    """The `defaults:` mapping."""
    usual = Defaults()
    found = Defaults(
        first_key=_first_key(fields, usual.first_key),
        next_key=_next_key(fields, usual.next_key),
        barge_in=fields.flag("barge_in", usual.barge_in),
        no_input=_miss(fields, "no_input", needed=False),
        no_match=_miss(fields, "no_match", needed=False),
    )
    fields.close()
    return found


@dataclass(frozen=True, slots=True)
class StepFields:
    """One step being read."""

    key: Scalar
    fields: Fields
    defaults: Defaults

    @property
    def place(self) -> tuple[str, int]:
        return self.key.value, self.key.line

    def common(self, *, needed: bool = True) -> _Common:
        return *self.place, self.fields.prompts("prompt", needed=needed)

    def asking(self) -> _Asking:
        """The values that every asking step has, in the order of `menu.Asking`."""
        fields, defaults = self.fields, self.defaults
        return (
            *self.common(),
            _first_key(fields, defaults.first_key),
            _next_key(fields, defaults.next_key),
            fields.flag("barge_in", defaults.barge_in),
            self._miss_or_default("no_input", defaults.no_input),
            self._miss_or_default("no_match", defaults.no_match),
            fields.flag("sensitive", False),
        )

    def _miss_or_default(self, name: str, default: Miss | None) -> Miss:
        found = _miss(self.fields, name, needed=False)
        if found is None and default is None:
            self.fields.wrong(self.fields.table, name, "is missing, here and in defaults")
        return found or default or _NO_MISS


def _first_key(fields: Fields, default: float) -> float:
    return fields.number("first_key", 1, 60, default)


def _next_key(fields: Fields, default: float) -> float:
    return fields.number("next_key", 0.5, 30, default)


def _miss(fields: Fields, name: str, *, needed: bool) -> Miss | None:
    inner = fields.inner(name, needed=needed)
    if inner is None:
        return None
    found = Miss(inner.whole("limit", 1, 10), inner.prompts("say", needed=False), inner.step("then"))
    inner.close()
    return found


def _sets(fields: Fields, names: tuple[str, ...]) -> Mapping[str, str]:
    """The draft values among the entries of `fields`, each checked."""
    found: dict[str, str] = {}
    for name in names:
        node = fields.scalar(name, needed=False)
        if node is not None and fields.is_text(node, name):
            fields.value(name, node)
            found[name] = node.value
    return MappingProxyType(found)


def _menu(step: StepFields) -> Step:
    asking = step.asking()
    waits = step.fields.flag("wait", False)
    keys = _choices(step.fields)
    if not waits:
        _refuse_prefixes(step.fields)
    return menu.MenuStep(*asking, keys=MappingProxyType(keys))


def _choices(fields: Fields) -> dict[str, Choice]:
    inner = fields.inner("keys")
    found: dict[str, Choice] = {}
    if inner is None:
        return found
    for key, node in inner.each():
        right = checked_key(inner, key, lambda k: re.fullmatch("[0-9]{1,4}|#", k) is not None, _KEY)
        choice = inner.as_fields(key.value[:20], node)
        if choice is None:
            continue
        go, sets = choice.step("go"), _sets(choice, menu.SETTABLE)
        choice.close()
        if right:
            found[key.value] = Choice(go, sets)
    if not inner.table.entries:
        fields.wrong(inner.table, "keys", "must name at least one key")
    return found


def _refuse_prefixes(fields: Fields) -> None:
    """“1” and “12” together need `wait: true`: after 1 the caller waits `next_key` seconds."""
    inner = fields.inner("keys", needed=False)
    if inner is None:
        return
    names = {key.value for key, _ in inner.table.entries}
    for key in (key for key, _ in inner.table.entries if len(key.value) <= 4):
        shorter = next((key.value[:n] for n in range(1, len(key.value)) if key.value[:n] in names), "")
        if shorter:
            message = f"{shown(shorter)} is the beginning of it; allow it with `wait: true` in this step"
            inner.wrong(key, key.value, message)


def _topic(step: StepFields) -> Step:
    fields = step.fields
    return menu.TopicStep(*step.asking(), leaf_prompt=fields.prompts("leaf_prompt"), go=fields.step("go"))


def _county(step: StepFields) -> Step:
    fields = step.fields
    return menu.CountyStep(
        *step.asking(),
        offer_prompt=fields.prompts("offer_prompt", needed=False),
        unknown=fields.matching("unknown", "[0-9]{1,4}", "1 to 4 digits", "00"),
        go=fields.step("go"),
    )


def _digits(step: StepFields) -> Step:
    fields = step.fields
    into = fields.one_of("into", tuple(CHECKS))
    found = menu.DigitsStep(
        *step.asking(),
        into=into,
        check=fields.one_of("check", tuple(CHECKS.values())),
        min_keys=fields.whole("min_keys", 1, 30),
        max_keys=fields.whole("max_keys", 1, 30),
        confirm_prompt=fields.prompts("confirm_prompt", needed=False),
        go=fields.step("go"),
    )
    check = fields.scalar("check", needed=False)
    if check and found.check in CHECKS.values() and found.check != CHECKS.get(into, found.check):
        fields.wrong(check, "check", f"a {into} is checked as {CHECKS[into]}")
    _refuse_reversed(fields, "min_keys", found.min_keys, "max_keys", found.max_keys)
    return found


def _refuse_reversed(fields: Fields, low: str, least: float, high: str, most: float) -> None:
    node = fields.scalar(low, needed=False)
    if node is not None and least > most:
        fields.wrong(node, low, f"{least:g} is more than {high} ({most:g})")


def _record(step: StepFields) -> Step:
    fields = step.fields
    asking = step.asking()
    inner = fields.inner("sets", needed=False)
    sets = _sets(inner, RECORD_SETS) if inner else MappingProxyType({})
    if inner:
        inner.close()
    found = menu.RecordStep(
        *asking,
        max_seconds=fields.number("max_seconds", 5, 900, 180),
        silence_seconds=fields.number("silence_seconds", 2, 60, 8),
        min_seconds=fields.number("min_seconds", 0, 30, 2),
        too_short=_miss(fields, "too_short", needed=True) or _NO_MISS,
        sets=sets,
        go=fields.step("go"),
    )
    _refuse_reversed(fields, "min_seconds", found.min_seconds, "max_seconds", found.max_seconds)
    return found


def _review(step: StepFields) -> Step:
    fields = step.fields
    asking = step.asking()
    inner = fields.inner("keys")
    keys: dict[str, str] = {}
    for key, node in inner.each() if inner else ():
        assert inner
        right = checked_key(inner, key, lambda k: re.fullmatch("[0-9#]", k) is not None, "one digit or #")
        meaning = inner.one_of(key.value, REVIEW)
        if right and isinstance(node, Scalar):
            keys[key.value] = meaning
    if inner and "keep" not in keys.values():
        fields.wrong(inner.table, "keys", "no key means keep")
    return menu.ReviewStep(
        *asking, keys=MappingProxyType(keys), record=fields.step("record"), go=fields.step("go")
    )


def _one_key(fields: Fields, name: str, default: str) -> str:
    return fields.matching(name, "[0-9]", "one digit", default)


def _code(step: StepFields) -> Step:
    fields = step.fields
    return menu.CodeStep(
        *step.asking(),
        times=fields.whole("times", 1, 5, 2),
        ready_prompt=fields.prompts("ready_prompt", needed=False),
        repeat=_one_key(fields, "repeat", "1"),
        repeat_prompt=fields.prompts("repeat_prompt"),
        no_code_prompt=fields.prompts("no_code_prompt"),
        go=fields.step("go"),
    )


def _status(step: StepFields) -> Step:
    fields = step.fields
    found = menu.StatusStep(
        *step.asking(),
        unknown_prompt=fields.prompts("unknown_prompt"),
        too_many_prompt=fields.prompts("too_many_prompt"),
        unavailable_prompt=fields.prompts("unavailable_prompt"),
        after_prompt=fields.prompts("after_prompt"),
        repeat=_one_key(fields, "repeat", "1"),
        another=_one_key(fields, "another", "2"),
        unknown_go=fields.step("unknown_go"),
        go=fields.step("go"),
    )
    if found.repeat and found.repeat == found.another:
        fields.wrong(fields.table, "another", "must be another key than repeat")
    return found


def _operator(step: StepFields) -> Step:
    fields = step.fields
    inner = fields.inner("hours", needed=False)
    return menu.OperatorStep(
        *step.common(),
        queue=fields.matching("queue", "[A-Za-z0-9_-]{1,40}", "a queue's name of a-z, 0-9, _ and -"),
        hours=_hours(inner) if inner else None,
        wait_seconds=fields.whole("wait_seconds", 5, 3600, 300),
        closed_prompt=fields.prompts("closed_prompt", needed=inner is not None),
        nobody=fields.step("nobody"),
    )


def _hours(fields: Fields) -> Hours:
    days = set()
    for item in fields.items("days"):
        if item.value in DAYS:
            days.add(DAYS[item.value])
        else:
            fields.wrong(item, "days", f"{shown(item.value)} is none of {', '.join(DAYS)}", item.value, DAYS)
    opens, closes = _time(fields, "opens"), _time(fields, "closes")
    if opens and closes and opens >= closes:
        fields.wrong(fields.table, "closes", "must be later than opens, within one day")
    fields.close()
    return Hours(frozenset(days), opens or time(0), closes or time(0))


def _time(fields: Fields, name: str) -> time | None:
    node = fields.scalar(name)
    if node is None:
        return None
    if re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", node.value):
        return time.fromisoformat(node.value)
    fields.wrong(node, name, f'{shown(node.value)} must be a time from "00:00" to "23:59"')
    return None


def _branch(step: StepFields) -> Step:
    fields = step.fields
    on = fields.one_of("on", BRANCHES)
    inner = fields.inner("cases")
    cases: dict[str, str] = {}
    for key, _ in inner.each() if inner else ():
        assert inner
        if inner.is_text(key, key.value):
            inner.value(on, key, key.value[:20])
        cases[key.value] = inner.step(key.value)
    if inner and not cases:
        fields.wrong(inner.table, "cases", "must name at least one value")
    return menu.BranchStep(
        *step.place, (), on=on, cases=MappingProxyType(cases), go=fields.step("go")
    )


def _say(step: StepFields) -> Step:
    return menu.SayStep(*step.common(), go=step.fields.step("go"))


def _end(step: StepFields) -> Step:
    return menu.EndStep(*step.common(needed=False))


READERS: Mapping[str, Callable[[StepFields], Step]] = MappingProxyType(
    {
        "menu": _menu,
        "topic": _topic,
        "county": _county,
        "digits": _digits,
        "record": _record,
        "review": _review,
        "code": _code,
        "status": _status,
        "operator": _operator,
        "branch": _branch,
        "say": _say,
        "end": _end,
    }
)
