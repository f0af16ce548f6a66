"""Ready wordings for answers, by topic and status: the province's `answers.yaml`.

    answers:                              # over them stand those that people changed
      - {name: repaired, topic: water.*, status: answered, text: {fa: "…", az: "…"}}

`status`: what the case becomes with it, answered or advised. In a text stand the fields `OF_ITS_CASE` of
`ivr.desk.letters.notices`; an older one may hold the others, of which most are "" here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.channels import COLLECTIVE, PART
from ivr.cases.deadlines import Calendar
from ivr.desk.book.seeds import SeedError
from ivr.desk.book.yaml_file import overlaid, read_placed
from ivr.desk.letters import outgoing
from ivr.desk.letters.notices import (
    ANY,
    LetterEntry,
    Notices,
    SaidWords,
    check_fields,
    filled,
    fits,
    for_reading,
    load_sparing,
    names_in,
)
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.tables import wordings
from ivr.voice import script

log = logging.getLogger(__name__)

FILE = "answers.yaml"
# What is not hers to whom the answer goes: no citizen follows such a code, and members differ in the rest.
_NOT_HERS = {PART: frozenset({"code"}), COLLECTIVE: frozenset({"code", "topic", "kind", "county", "due"})}


class Wording(LetterEntry):
    name: Annotated[str, Field(pattern="^[a-z0-9_.-]+$")]
    topic: str = ANY
    status: Literal["answered", "advised"] = "answered"
    text: SaidWords

    _known = field_validator("text")(check_fields)

    @property
    def key(self) -> tuple[str, ...]:
        return self.name, self.topic, self.status


class Wordings(LetterEntry):
    answers: list[Wording] = Field(default=[])

    @model_validator(mode="after")
    def _named_once(self) -> Wordings:
        seen: set[tuple[str, ...]] = set()
        for each in self.answers:
            if each.key in seen:
                raise ValueError(f"{each.name} for {each.topic} and {each.status} stands twice")
            seen.add(each.key)
        return self

    def fitting(self, topic: str, status: str) -> list[Wording]:
        """Those for that topic; of one name the most particular."""
        found: dict[str, Wording] = {}
        for each in sorted(self.answers, key=lambda each: fits(each.topic, topic)):
            if each.status == status and fits(each.topic, topic) >= 0:
                found[each.name] = each
        return sorted(found.values(), key=lambda each: each.name)


def load(folder: Path) -> Wordings:
    """Raises SeedError with file, line and key of every mistake."""
    return read_placed(folder / FILE, Wordings)


async def current(connection: AsyncConnection, folder: Path) -> Wordings:
    """The file's, and over them what people changed (`ivr.desk.editing`). Raises SeedError."""
    found = {each.key: each for each in load(folder).answers}
    return Wordings(answers=await overlaid(connection, wordings, found, _changed))


def _changed(row: Row[Any]) -> Wording | None:
    """None for what this release can't read, as after a step back from a later one: the file's counts."""
    try:
        return Wording(name=row.name, topic=row.topic, status=row.status, text=row.said)
    except ValidationError as error:
        log.error("the wording %s for %s and %s is passed over: %s", row.name, row.topic, row.status, error)
        return None


async def offered(
    engine: AsyncEngine, calendar: Calendar, folder: Path, code: str, status: str
) -> list[dict[str, Any]]:
    """The wordings that fit a case, filled in: `text` as its citizen reads it, `spoken` as she hears it.

    `spoken` is "" where both are one. Of a part or a collective case none that tells what is not its
    citizens' own, and none that names the county where nobody knows it. Raises NoSuchCase, SeedError.
    """
    names = _names(folder)
    async with engine.connect() as connection:
        case = await outgoing.case_and_names(connection, code)
        ready = await current(connection, folder)
    if case is None:
        raise NoSuchCase(f"there is no case {code}")
    row: Mapping[Any, Any] = case._mapping
    not_hers = _NOT_HERS.get(row["channel"], frozenset())
    if not case.county_name:  # a sentence with a hole would be read to her
        not_hers |= {"county"}
    return [
        {"name": each.name, "topic": each.topic} | _both(each.text, case, calendar, names)
        for each in ready.fitting(row["topic"], status)
        if not_hers.isdisjoint(_told(each.text))
    ]


def _told(said: SaidWords) -> set[str]:
    """The fields that a text has, in whichever language."""
    texts = said.values() if isinstance(said, dict) else (said,)
    return {name for text in texts for name in names_in(text)}


def _names(folder: Path) -> Notices:
    """The province's words for codes, for which only older wordings ask: a mistake there costs no other."""
    try:
        return load_sparing(folder)[0]
    except SeedError as mistake:
        log.error("ready wordings have codes where the province's words are asked for: %s", mistake)
        return Notices()


def _both(said: SaidWords, case: Row[Any], calendar: Calendar, names: Notices) -> dict[str, str]:
    """The members of a collective case read Persian, and hear Azerbaijani where they chose it."""
    language, heard_in = str(case.language), str(case.language)
    if case.channel == COLLECTIVE:
        language, heard_in = script.FA, script.AZ
    readable, reads = for_reading(said, language)
    text = filled(readable, reads, names.named(outgoing.words_of(case, {}, calendar, outgoing.READING)))
    spoken = filled(said, heard_in, names.named(outgoing.words_of(case, {}, calendar, heard_in)))
    one = script.language_of(spoken) == script.language_of(text) or not script.is_readable(spoken)
    return {"text": text, "spoken": "" if one else spoken}


async def worded(
    engine: AsyncEngine, calendar: Calendar, folder: Path, code: str, name: str, status: str = "answered"
) -> tuple[str, str]:
    """Text and what is spoken of that name for that case. Raises Refused naming those that there are."""
    ready = await offered(engine, calendar, folder, code, status)
    found = {each["name"]: (str(each["text"]), str(each["spoken"])) for each in ready}
    if name not in found:
        there = ", ".join(found) or "none"
        raise Refused(f"there is no wording {name} for case {code}; for its topic there are: {there}")
    return found[name]
