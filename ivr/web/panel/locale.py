"""Every Persian word of the panel: `ivr/web/locale/fa/<section>.yaml`, merged under the file's name.

`inbox.yaml` with `title: صندوق` gives the key "inbox.title". {name} in a text is filled in by its caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ivr.voice.yaml_tree import SAFE

FOLDER = Path(__file__).parents[1] / "locale"
_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


class Locale:
    """`words("common.save")`; a missing key is a KeyError, for a test finds it before anybody else."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)

    def __call__(self, key: str, **values: object) -> str:
        """Numbers among the values are written in Persian digits; everything else is as it is."""
        text = self.texts[key]
        return text.format(**{name: _shown(value) for name, value in values.items()}) if values else text

    def get(self, key: str, otherwise: str) -> str:
        """For keys that come from the database, like a topic's; `otherwise` when there is no such word."""
        return self.texts.get(key, otherwise)

    def __contains__(self, key: str) -> bool:
        return key in self.texts

    def under(self, prefix: str) -> dict[str, str]:
        """The words of one list: `under("common.role")` → {"admin": …}."""
        dotted = f"{prefix}."
        return {key.removeprefix(dotted): text for key, text in self.texts.items() if key.startswith(dotted)}


@cache
def words(language: str = "fa") -> Locale:
    """Read once. Raises ValueError when something is not a text."""
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.yaml")):
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=SAFE) or {}
        texts |= dict(_flat(tree, path.stem))
    return Locale(texts)


def digits(value: object) -> str:
    """Persian digits in place of Latin ones."""
    return str(value).translate(_PERSIAN)


def number(value: float | None) -> str:
    """۱۲٬۳۴۵ and ۳٫۵."""
    if value is None:
        return "—"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}".removesuffix(".0")
    return digits(text.replace(",", "٬").replace(".", "٫"))


def duration(seconds: float) -> str:
    """۲:۰۵, minutes and seconds."""
    whole = round(seconds)
    return digits(f"{whole // 60}:{whole % 60:02}")


def _shown(value: object) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


def _flat(tree: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, str):
        yield prefix, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if not isinstance(key, str):
                raise ValueError(f"{prefix}: {key!r} is not a text; quote numbers, on, off, yes and no")
            yield from _flat(value, f"{prefix}.{key}")
    else:
        raise ValueError(f"{prefix}: {tree!r} is not a text; quote numbers, on, off, yes and no")
