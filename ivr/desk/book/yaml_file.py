"""A YAML file checked by a model; every mistake names the file, the line and the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.desk.book.seeds import SeedError
from ivr.voice.mistakes import MenuMistakes, Mistake
from ivr.voice.yaml_tree import Listing, Node, Scalar, Table, read_tree

M = TypeVar("M", bound=BaseModel)
RowKey = tuple[str, ...]


Spared = Mapping[str, Mapping[str, Any]]  # a list of the file → keys of its entries → what stands in for them
Faults = dict[tuple[str, int], dict[str, str]]  # an entry's list and place → its key → the mistake


def read_placed(path: Path, model: type[M]) -> M:
    """Raises SeedError, one line for each mistake. A file that its folder lacks is an empty one."""
    return read_sparing(path, model, {})[0]


def read_sparing(path: Path, model: type[M], spared: Spared) -> tuple[M, Faults]:
    """The same, but a mistake in one of those keys costs its entry's key alone. Other ones: SeedError."""
    try:
        root, mistakes = read_tree(path.read_bytes(), str(path))
    except FileNotFoundError:
        if is_gone(path.parent):  # moved, or its disk is away: that says nothing, least of all "nothing"
            raise SeedError(f"{path.parent} is not there, or empty") from None
        return model(), {}
    except OSError as error:
        raise SeedError(f"{path}: can't be read: {error.strerror}") from None
    except MenuMistakes as error:
        raise SeedError(str(error)) from None
    plain: Any = _plain(root)
    faults: Faults = {}
    refused = bool(mistakes)
    while True:  # what stands in for a spared value is right, so it ends
        try:
            found = model.model_validate(plain)
        except ValidationError as error:
            for each in error.errors():
                mistakes = [*mistakes, _mistake(path, root, each)]
                names, at, key = (*each["loc"], "", "", "")[:3]
                if key not in spared.get(str(names), ()):
                    refused = True
                    continue
                faults.setdefault((str(names), int(at)), {}).setdefault(str(key), str(mistakes[-1]))
                plain[names][at][key] = spared[str(names)][str(key)]
            if not refused:
                continue
        if refused:
            raise SeedError(str(MenuMistakes(mistakes)))
        return found, faults


def is_gone(folder: Path) -> bool:
    """Also when it is empty, as the place is where a disk was mounted: a province's has files always."""
    return not any(folder.glob("*"))


async def overlaid(
    connection: AsyncConnection,
    table: sa.Table,
    of_file: Mapping[RowKey, M],
    changed: Callable[[Any], M | None],
) -> list[M]:
    """What a file says, and over it the rows that people changed, by the table's key.

    A retired row hides the file's. `changed` makes of any other what counts instead; None leaves the file's.
    """
    found = dict(of_file)
    for row in await connection.execute(sa.select(table)):
        key = tuple(row._mapping[column.name] for column in table.primary_key)
        if row.retired_at is not None:
            found.pop(key, None)
        elif (its := changed(row)) is not None:
            found[key] = its
    return list(found.values())


def _plain(node: Node) -> Any:
    match node:
        case Table(entries=entries):
            return {key.value: _plain(value) for key, value in entries if not _is_null(value)}
        case Listing(items=items):
            return [_plain(item) for item in items]
        case Scalar(value=value):
            return value


def _is_null(node: Node) -> bool:
    """`key: ~` says what a key that is left out says. Where a word is quoted it is meant."""
    return isinstance(node, Scalar) and not node.quoted and node.value in ("~", "null", "Null", "NULL")


def _mistake(path: Path, root: Node, error: Any) -> Mistake:
    node, key = root, ""
    for part in error["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
        node = _child(node, part)
    message = error["msg"].removeprefix("Value error, ")
    return Mistake(str(path), node.line, node.column, key.lstrip("."), message)


def _child(node: Node, part: int | str) -> Node:
    """The node itself where there is no such child: a key that is missing has no place of its own."""
    match node:
        case Table(entries=entries):
            return next((value for key, value in entries if key.value == part), node)
        case Listing(items=items) if isinstance(part, int) and part < len(items):
            return items[part]
        case _:
            return node
