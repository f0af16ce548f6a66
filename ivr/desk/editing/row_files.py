"""Rows as files: CSV as Excel writes and reads it, and YAML. Mistakes have file, line and column."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from persiantools.jdatetime import JalaliDate

from ivr.cases.periods import FIRST_YEAR, LAST_YEAR
from ivr.desk.editing.nouns import Noun
from ivr.desk.editing.values import LIST_MARK, Field, Row
from ivr.voice.mistakes import MenuMistakes, Mistake, nearest, shown
from ivr.voice.yaml_tree import Listing, Node, Scalar, Table, read_tree

LARGEST = 256 * 1024  # bytes; the whole province is a quarter of it
MOST_ROWS = 5000
_DELIMITERS = ",;\t؛"  # Excel's is the system's list separator: «؛» on a Persian Windows
# Where a spreadsheet would begin a formula: also behind what parts cells for others, be it quoted for us.
# An apostrophe comes before it and goes again, also where there are some already.
_FORMULA = re.compile(r"""(^(?='*+[\t\r])|(?:^|(?<=[;؛\t\r\n])) *+(?='*+[ "]*+[=+\-@]))""")
_DEFUSED = re.compile(f"{_FORMULA.pattern}'")


@dataclass(frozen=True, slots=True)
class Placed:
    """One row of a file. `place(field)`: its line and column; the row's own for what is missing.

    `by_language`: a text's languages have a column each, and one that is not there says nothing.
    """

    given: Mapping[str, Any]
    line: int
    place: Callable[[str], tuple[int, int]]
    by_language: bool = False


def read_file(data: bytes, name: str, noun: Noun, languages: Collection[str]) -> list[Placed]:
    """By the name's ending, CSV or YAML. `languages`: those that a text may have a column for.

    Raises MenuMistakes with all that keeps it from being read.
    """
    if len(data) > LARGEST:
        raise _refused(name, 1, 1, f"the file has {len(data):,} bytes; at most {LARGEST:,} are taken")
    if name.lower().endswith((".yaml", ".yml")):
        return _from_yaml(data, name, noun)
    if name.lower().endswith((".csv", ".txt")):
        return _from_csv(data, name, noun, languages)
    raise _refused(name, 1, 1, "is neither .csv nor .yaml")


def as_csv(noun: Noun, rows: Sequence[Row]) -> bytes:
    """With a byte-order mark, without which Excel reads Persian as noise."""
    text = io.StringIO()
    writer = csv.writer(text)
    columns = list(_columns(noun, rows))
    writer.writerow([_header(field, language) for field, language in columns])
    for row in rows:
        writer.writerow([_cell(field, language, row[field.name]) for field, language in columns])
    return text.getvalue().encode("utf-8-sig")


def as_yaml(noun: Noun, rows: Sequence[Row]) -> bytes:
    named = [{field.name: row[field.name] for field in noun.fields} for row in rows]
    dumped: str = yaml.safe_dump({noun.plural: named}, allow_unicode=True, sort_keys=False, width=110)
    return dumped.encode()


def languages_of(noun: Noun, rows: Iterable[Row]) -> set[str]:
    """Those in which the noun's texts are written."""
    texts = (row[field.name] for row in rows for field in noun.fields if field.kind == "said")
    return {"fa"}.union(*texts)


def _columns(noun: Noun, rows: Sequence[Row]) -> Iterator[tuple[Field, str]]:
    """A text in several languages has a column for each."""
    for field in noun.fields:
        if field.kind != "said":
            yield field, ""
            continue
        for language in sorted({"fa"} | {language for row in rows for language in row[field.name]}):
            yield field, language


def _header(field: Field, language: str) -> str:
    return f"{field.name}.{language}" if language else field.name


def _cell(field: Field, language: str, value: Any) -> str:
    if language:
        value = value.get(language, "")
    if field.kind == "list":
        value = LIST_MARK.join(value)
    if field.kind == "day":
        value = _jalali(value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _FORMULA.sub(r"\1'", text)


def _jalali(day: str) -> str:
    """Text to Excel, which saves a Gregorian day in the machine's form. Too far for `day_of`: as it is."""
    found = date.fromisoformat(day)
    if not FIRST_YEAR < found.year - 621 <= LAST_YEAR:  # of all its days the Jalali year is among them
        return day
    return JalaliDate(found).isoformat()  # type: ignore[no-untyped-call]


def _plain(cell: str) -> str:
    """Without the apostrophes that kept a spreadsheet from computing it."""
    return _DEFUSED.sub(r"\1", cell)


def _refused(name: str, line: int, column: int, message: str) -> MenuMistakes:
    return MenuMistakes([Mistake(name, line, column, "", message)])


def _from_csv(data: bytes, name: str, noun: Noun, languages: Collection[str]) -> list[Placed]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refused(name, line, 1, "is not UTF-8: in Excel save it as “CSV UTF-8”") from None
    skipped = 0
    if text.lower().startswith("sep="):  # Excel's own note of the delimiter
        _, _, text = text.partition("\n")
        skipped = 1
    head = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=head.count), strict=True
    )
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(header, name, noun, languages, skipped + 1)
        return list(_csv_rows(reader, header, name, skipped))
    except csv.Error as error:
        raise _refused(name, reader.line_num + skipped, 1, f"is not CSV: {error}") from None


def _csv_rows(reader: Any, header: list[str], name: str, skipped: int) -> Iterator[Placed]:
    ended = reader.line_num
    for number, cells in enumerate(reader):
        line, ended = ended + 1 + skipped, reader.line_num
        if number >= MOST_ROWS:
            raise _refused(name, line, 1, f"has more than {MOST_ROWS:,} rows")
        if not any(cell.strip() for cell in cells):
            continue
        for column, (title, cell) in enumerate(zip(header, cells, strict=False), 1):
            if cell.strip() and not title:
                raise _refused(name, line, column, "stands under no heading")
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise _refused(
                name, line, len(header) + 1, f"has {len(cells)} cells under {len(header)} headings"
            )
        yield _csv_row(header, cells, line)


def _csv_row(header: list[str], cells: list[str], line: int) -> Placed:
    given: dict[str, Any] = {}
    columns: dict[str, int] = {}
    for column, (title, cell) in enumerate(zip(header, cells, strict=False), 1):
        field, _, language = title.partition(".")
        columns.setdefault(field, column)
        if language:
            given.setdefault(field, {})[language] = _plain(cell)
        elif title:
            given[title] = _plain(cell).strip()
    return Placed(given, line, lambda field: (line, columns.get(field, 1)), by_language=True)


def _check_header(header: list[str], name: str, noun: Noun, languages: Collection[str], line: int) -> None:
    said = [field.name for field in noun.fields if field.kind == "said"]
    names = [field.name for field in noun.fields if field.name not in said]
    names += [f"{field}.{language}" for field in said for language in sorted(languages)]
    mistakes = []
    for column, title in enumerate(header, 1):
        if title and title not in names:
            message = f"there is no column {shown(title)} for {noun.plural}"
            hint = f"{title}.fa" if title in said else nearest(title, names)
            mistakes.append(Mistake(name, line, column, title[:40], message, hint))
        elif title and title in header[: column - 1]:
            mistakes.append(Mistake(name, line, column, title, "stands twice"))
    for key in noun.keys:
        if key not in header and key in [field.name for field in noun.fields if field.needed]:
            mistakes.append(
                Mistake(name, line, 1, key, f"the column is missing: it tells {noun.plural} apart")
            )
    if mistakes:
        raise MenuMistakes(mistakes)


def _from_yaml(data: bytes, name: str, noun: Noun) -> list[Placed]:
    root, mistakes = read_tree(data, name)
    entries = root.entries if isinstance(root, Table) else ()
    for key, _ in entries:
        if key.value != noun.plural:
            hint = nearest(key.value, [noun.plural])
            message = f"here stand only {noun.plural}"
            mistakes.append(Mistake(name, key.line, key.column, key.value[:40], message, hint))
    listing = next((node for key, node in entries if key.value == noun.plural), None)
    if not isinstance(listing, Listing):
        place = listing or root
        mistakes.append(Mistake(name, place.line, place.column, noun.plural, "must be a list of rows"))
        raise MenuMistakes(mistakes)
    if len(listing.items) > MOST_ROWS:
        raise _refused(name, listing.line, 1, f"has more than {MOST_ROWS:,} rows")
    rows = []
    for node in listing.items:
        if isinstance(node, Table):
            rows.append(_yaml_row(node))
        else:
            mistakes.append(Mistake(name, node.line, node.column, noun.plural, "must be a mapping"))
    if mistakes:
        raise MenuMistakes(mistakes)
    return rows


def _yaml_row(node: Table) -> Placed:
    places = {key.value: (value.line, value.column) for key, value in node.entries}
    given = {key.value: _value(value) for key, value in node.entries}
    return Placed(given, node.line, lambda field: places.get(field, (node.line, node.column)))


def _value(node: Node) -> Any:
    match node:
        case Scalar(value=value, quoted=quoted):
            return None if value in ("null", "~", "") and not quoted else value
        case Listing(items=items):
            return [_value(item) for item in items]
        case Table(entries=entries):
            return {key.value: _value(value) for key, value in entries}
