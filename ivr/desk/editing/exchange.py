"""Whole nouns out of the book as files, and files into it: first what would change, then all or nothing.

A row that the file does not name stays as it is; a column that it does not have as well.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.editing.changing import Conflict, Done, Why, Wish, change, wish
from ivr.desk.editing.listing import Files, rows_in_force
from ivr.desk.editing.nouns import BY_NAME, Noun
from ivr.desk.editing.row_files import Placed, as_csv, as_yaml, languages_of, read_file
from ivr.desk.editing.values import Row, Wrong, WrongRow
from ivr.store.row_version import version
from ivr.voice.mistakes import MenuMistakes, Mistake, nearest, shown

FORMS = {"csv": as_csv, "yaml": as_yaml}


class ImportRefused(MenuMistakes):
    """The file changes nothing. `wrongs` stand beside `mistakes`, for those who say it in other words."""

    def __init__(self, found: Sequence[tuple[Mistake, Wrong | None]]) -> None:
        ordered = sorted(found, key=lambda each: (each[0].line, each[0].column))
        self.found = tuple(ordered)
        super().__init__([mistake for mistake, _ in ordered])


async def export(engine: AsyncEngine, noun: str, form: str, files: Files) -> bytes:
    """All rows of a noun that hold, by key. `form`: csv | yaml. Raises SeedError."""
    async with engine.connect() as connection:
        rows = await rows_in_force(connection, noun, files)
    return FORMS[form](BY_NAME[noun], list(rows.values()))


def looked_at(would: Sequence[Done]) -> str:
    """Names what a rehearsal shows."""
    return version({each.key: [version(each.before), version(each.after)] for each in would})


async def bring_in(
    engine: AsyncEngine, why: Why, noun: str, data: bytes, name: str, files: Files, rehearse: bool = True,
    looked: str | None = None,
) -> list[Done]:  # fmt: skip
    """What the file changes, or with `rehearse` would. `looked`: `looked_at` what was decided; None: unseen.

    Raises Conflict where it would be something else by now, ImportRefused, Refused, SeedError.
    """
    its = BY_NAME[noun]
    async with engine.connect() as connection:
        rows = await its.rows(connection)
        holding = await rows_in_force(connection, noun, files) if its.over_files else rows
    languages = {*files.languages, *languages_of(its, holding.values())}
    try:
        placed = read_file(data, name, its, languages)
    except MenuMistakes as mistakes:
        raise ImportRefused([(mistake, None) for mistake in mistakes.mistakes]) from None
    wishes = _wishes(its, placed, rows, holding, name, languages)
    whole = dataclasses.replace(why, batch=uuid.uuid4())
    doing = partial(change, engine, whole, *(wish for wish, _ in wishes))
    try:
        if looked is not None and looked_at(await doing(rehearse=True)) != looked:
            raise Conflict("the file would not change any more what was looked at", None)
        return await doing(rehearse=rehearse)
    except WrongRow as error:
        by_key = {wish.key: at for wish, at in wishes}
        only = next((wish.key for wish, _ in wishes if wish.values != rows.get(wish.key)), "")
        raise ImportRefused([_mistake(name, wrong, by_key, only) for wrong in error.wrongs]) from None


def _wishes(
    noun: Noun, placed: Sequence[Placed], rows: dict[str, Row], holding: dict[str, Row], name: str,
    languages: Collection[str],
) -> list[tuple[Wish, Placed]]:  # fmt: skip
    """`holding`: `rows`, with those that stand in files alone. Raises ImportRefused with all mistakes."""
    found: list[tuple[Mistake, Wrong | None]] = []
    wishes: dict[str, tuple[Wish, Placed]] = {}
    for at in placed:
        found += [_placed_mistake(name, wrong, at) for wrong in _strange(noun, at, languages)]
        holds = _holds(noun, at, holding)
        try:
            wanted = wish(noun, _filled(at, holds), held=holds)
        except WrongRow as error:
            found += [_placed_mistake(name, wrong, at) for wrong in error.wrongs]
            continue
        if wanted.key in wishes:
            twice = Wrong(noun.keys[0], "doubled", {"by": wishes[wanted.key][1].line})
            found.append(_placed_mistake(name, twice, at))
        seen = version(rows.get(wanted.key))
        wishes[wanted.key] = (dataclasses.replace(wanted, seen=seen), at)
    if found:
        raise ImportRefused(found)
    # What holds as it is because a file says so goes on following that file.
    return [each for key, each in wishes.items() if key in rows or each[0].values != holding.get(key)]


def _strange(noun: Noun, at: Placed, languages: Collection[str]) -> Iterator[Wrong]:
    """Languages that nobody is told anything in: the text would never be said."""
    for field in noun.fields:
        said = at.given.get(field.name)
        for language in said if field.kind == "said" and isinstance(said, dict) else ():
            if language not in languages:
                given = {"given": shown(f"{field.name}.{language}")}
                yield Wrong(field.name, "unknown_key", given, nearest(language, languages))


def _holds(noun: Noun, at: Placed, holding: dict[str, Row]) -> Row:
    """The row as it stands; {} for a new one, or where its key can't be read."""
    its = [field for field in noun.fields if field.name in noun.keys]
    try:
        return holding.get(noun.key({field.name: field.read(at.given.get(field.name)) for field in its}), {})
    except WrongRow:
        return {}


def _filled(at: Placed, holds: Row) -> Row:
    """What a known row is called otherwise stays: a file with two columns changes one of them."""
    given: Row = dict(at.given)
    if at.by_language:
        given = {name: _said(holds.get(name), value) for name, value in given.items()}
    return {**holds, **given}


def _said(holds: Any, given: Any) -> Any:
    """A text with the languages that it has beside those given."""
    return {**holds, **given} if isinstance(holds, dict) and isinstance(given, dict) else given


def _mistake(name: str, wrong: Wrong, by_key: dict[str, Placed], only: str) -> tuple[Mistake, Wrong]:
    """`changing` names the row of a field as `key#field`, where there are several."""
    key, mark, field = wrong.field.rpartition("#")
    at = by_key[key if mark else only]
    return _placed_mistake(name, dataclasses.replace(wrong, field=field), at)


def _placed_mistake(name: str, wrong: Wrong, at: Placed) -> tuple[Mistake, Wrong]:
    line, column = at.place(wrong.field)
    said = str(dataclasses.replace(wrong, nearest=""))
    return Mistake(name, line, column, wrong.field[:60], said, wrong.nearest), wrong
