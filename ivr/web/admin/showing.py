"""The book's values and mistakes as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from persiantools.jdatetime import JalaliDate

from ivr.cases.spelling import normalise
from ivr.desk.editing.book_names import BookNames
from ivr.desk.editing.nouns import BY_NAME, Noun
from ivr.desk.editing.values import Field, Row, Wrong
from ivr.desk.letters.notices import ANY
from ivr.web.panel.forms import Form
from ivr.web.panel.locale import Locale, digits

_HALF_SPACE = "\u200c"
_WHATS = {"agency": "agency", "topic": "topic", "county": "area"}  # of mistakes → noun


def jalali_day(day: date | str) -> str:
    """1405/09/07, as it is typed."""
    jalali: Any = JalaliDate
    found = jalali(date.fromisoformat(day) if isinstance(day, str) else day)
    return f"{found.year}/{found.month:02}/{found.day:02}"


def shown(words: Locale, names: BookNames, field: Field, value: Any) -> str:
    """One value in a table or a history."""
    if value is None or value in ("", [], {}):
        return words("common.none")
    if field.kind == "flag":
        return words("common.yes_word" if value else "common.no_word")
    if field.kind == "list":
        return words("admin.comma").join(value)
    if field.kind == "said":
        return str(value.get("fa") or next(iter(value.values())))
    if field.kind == "day":
        return digits(jalali_day(value))
    if value == ANY:
        return words("admin.every_topic")
    if field.names:
        return names.of(field.names, value)
    if field.kind == "choice":
        return words.get(f"admin.choice.{field.name}.{value}", str(value))
    return digits(value) if field.kind == "whole" or field.pattern.startswith((r"\d", "0")) else str(value)


def changed(words: Locale, names: BookNames, field: Field, value: Any, other: Any) -> str:
    """One side of a change. `other`: the other side; of a text only the languages that differ from it."""
    if field.kind != "said" or not value:
        return shown(words, names, field, value)
    differing = {language: text for language, text in value.items() if text != (other or {}).get(language)}
    called = {language: words.get(f"admin.language.{language}", language) for language in differing}
    parts = [
        text if language == "fa" else f"{called[language]}: \u2066{text}\u2069"
        for language, text in differing.items()
    ]
    return " · ".join(parts) or words("common.none")


def label(words: Locale, noun: str, field: str) -> str:
    """A field's name; one that only this noun has stands under it."""
    own = words.get(f"admin.field.{noun}_{field}", "")
    return own or words.get(f"admin.field.{field}", field)


def told(words: Locale, wrong: Wrong) -> str:
    """One sentence."""
    params: dict[str, Any] = dict(wrong.params)
    if params.get("what") in _WHATS:
        params["what"] = words(f"admin.noun.{_WHATS[params['what']]}.one")
    if "choices" in params:
        params["choices"] = params["choices"].replace(", ", words("admin.comma"))
    sentence = words(f"admin.wrong.{wrong.what}", **params)
    return with_nearest(words, sentence, wrong.nearest)


def with_nearest(words: Locale, sentence: str, nearest: str) -> str:
    return f"{sentence} {words('admin.wrong.nearest', nearest=nearest)}" if nearest else sentence


def by_field(words: Locale, wrongs: Iterable[Wrong]) -> dict[str, str]:
    """The first sentence for each field."""
    found: dict[str, str] = {}
    for wrong in wrongs:
        found.setdefault(wrong.field, told(words, wrong))
    return found


def given(noun: Noun, form: Form) -> dict[str, Any]:
    """What a form sent, as the desk reads it."""
    found: dict[str, Any] = {}
    for field in noun.fields:
        if field.kind == "flag":
            found[field.name] = "true" if form.flag(field.name) else "false"
        elif field.kind == "said":
            beginning = f"{field.name}."
            names = [name for name in form.sent if name.startswith(beginning)]
            found[field.name] = {name.removeprefix(beginning): form.raw(name) for name in names}
        else:
            found[field.name] = form.raw(field.name).replace("\r\n", "\n")
    return found


def as_typed(noun: Noun, row: Row) -> dict[str, Any]:
    """A row's values as its form holds them."""
    found: dict[str, Any] = {}
    for field in noun.fields:
        value = row[field.name]
        if field.kind == "list":
            value = "\n".join(value)
        elif field.kind == "day" and value:
            value = digits(jalali_day(value))
        elif field.kind == "whole":
            value = digits(value)
        elif field.kind == "flag":
            value = "true" if value else "false"
        found[field.name] = value
    return found


def empty(noun: Noun, wanted: Mapping[str, str]) -> dict[str, Any]:
    """A new row's form, with what the address already says."""
    fresh = {field.name: field.empty if field.kind != "list" else "" for field in noun.fields}
    fresh |= {field.name: "" for field in noun.fields if field.kind == "whole"}
    if noun.name == "agency":
        fresh["assignable"] = "true"
    return fresh | {name: value for name, value in wanted.items() if name in fresh}


def title(words: Locale, names: BookNames, noun: str, key: str, row: Row | None) -> str:
    """What a row is called in a heading."""
    its, parts = BY_NAME[noun], key.split("/")
    if row and "name" in row and noun != "wording":
        return words.get(f"admin.choice.name.{row['name']}", str(row["name"]))
    if noun == "day":
        where = names.of("area", parts[1]) if parts[1] else words("admin.whole_province")
        return words("admin.comma").join((digits(jalali_day(parts[0])), where))
    values = row or dict(zip(its.keys, parts, strict=False))
    fields = {field.name: field for field in its.fields}
    found = (shown(words, names, fields[name], values[name]) for name in its.keys if values[name])
    return " · ".join(f"\u2066{part}\u2069" if part.isascii() else part for part in found)  # each stays whole


def holds(asked: str, *texts: str) -> bool:
    """Whether texts hold all that is sought, whichever keyboard it was typed on, half-spaces or not."""
    whole = " ".join(texts)
    spelt = normalise(whole), normalise(whole.replace(_HALF_SPACE, ""))
    return all(
        any(normalise(part) in its or normalise(part.replace(_HALF_SPACE, "")) in its for its in spelt)
        for part in asked.split()
    )
