"""A menu tree from YAML: `parse`. Either a valid menu comes out, or all mistakes at once.

What each step type may say is in docs/menus.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from ivr.cases.kinds import Kind
from ivr.voice.call_limits import NO_LIMITS, read_limits
from ivr.voice.enquiries import AskedHost
from ivr.voice.fields import STEP_ID, Fields, Reading, checked_key
from ivr.voice.menu import Menu, Step
from ivr.voice.mistakes import LONGEST_NAME, MenuMistakes
from ivr.voice.step_fields import StepFields, read_defaults
from ivr.voice.steps.registry import TYPES
from ivr.voice.yaml_keys import WorkedOut, YamlKey
from ivr.voice.yaml_tree import Node, Scalar, Table, read_tree
from ivr.voice.yaml_values import StepValue

__all__ = ["MenuMistakes", "parse"]

MOST_STEPS = 2_000
_TYPES = {each.TYPE: each for each in TYPES}
NAME = "[A-Za-z0-9_-]{1,40}"
START = YamlKey(
    "start",
    StepValue(),
    "the first step",
    WorkedOut("the first one in the file", lambda fields, _: next(iter(fields.reading.steps), "")),
)


def parse(
    data: bytes,
    file: str,
    *,
    languages: Collection[str] | None = None,
    prompts: Collection[str] | None = None,
    topics: Collection[str] | None = None,
    counties: Collection[str] | None = None,
    hosts: Mapping[str, AskedHost] | None = None,
) -> Menu:
    """The menu in `data`; `file` is only its name in messages.

    The collections say which languages, prompt ids, topic and county codes exist, `hosts` who may be asked by
    HTTP; None: any.
    Raises MenuMistakes with all mistakes at once, each with line, column, key and the nearest right name.
    """
    tree, mistakes = read_tree(data, file)
    reading = Reading(file, prompts, languages, tuple(Kind), topics, counties, hosts, mistakes=mistakes)
    menu = _menu(reading, tree)
    if menu is None or reading.mistakes:
        raise MenuMistakes(reading.mistakes)
    return menu


def _menu(reading: Reading, tree: Node) -> Menu | None:
    if not isinstance(tree, Table):
        reading.wrong(tree, "", "a menu file is a mapping with menu, languages, start, defaults and steps")
        return None
    fields = Fields(reading, tree, "")
    name = fields.matching("menu", NAME, "a name of a-z, 0-9, _ and -")
    languages = _languages(fields)
    steps = fields.inner("steps")
    reading.steps = _written(steps) if steps else {}
    start = START.read(fields)
    defaults = fields.inner("defaults", needed=False)
    limits = fields.inner("limits", needed=False)
    bounds = read_limits(limits) if limits else NO_LIMITS
    read = _steps(steps, read_defaults(defaults) if defaults else {}) if steps else {}
    fields.close()
    return Menu(name, languages, start, MappingProxyType(read), limits=bounds)


def _languages(fields: Fields) -> tuple[str, ...]:
    known = fields.reading.languages
    found: list[str] = []
    for item in fields.items("languages"):
        if known is not None and item.value not in known:
            fields.wrong(item, "languages", f"there is no language {item.value[:20]}", item.value, known)
        elif item.value in found:
            fields.wrong(item, "languages", f"{item.value} stands twice")
        found.append(item.value)
    node = fields.node("languages", needed=False)
    if node is not None and not found:
        fields.wrong(node, "languages", "must name at least one language")
    fields.reading.languages = tuple(found)  # what `language: …` in a key may say
    return tuple(found)


def _written(steps: Fields) -> Mapping[str, str]:
    """Each step's type, before any is read."""
    found = {}
    for key, node in steps.each():
        entries = node.entries if isinstance(node, Table) else ()
        type = next((value for name, value in entries if name.value == "type"), None)
        found[key.value] = type.value if isinstance(type, Scalar) and type.value in _TYPES else ""
    return found


def _steps(steps: Fields, defaults: Mapping[str, Any]) -> dict[str, Step]:
    found: dict[str, Step] = {}
    if not 1 <= len(steps.table.entries) <= MOST_STEPS:
        steps.reading.wrong(steps.table, steps.path, f"must hold from 1 to {MOST_STEPS:,} steps")
        return found
    for key, node in steps.each():
        checked_key(steps, key, _is_step_id, "a step's name: a-z, 0-9 and _, first a letter")
        fields = steps.as_fields(key.value[:LONGEST_NAME], node)
        step = _step(key, fields, defaults) if fields else None
        if step is not None:
            found[key.value] = step
    return found


def _is_step_id(key: str) -> bool:
    return len(key) <= LONGEST_NAME and STEP_ID.fullmatch(key) is not None


def _step(key: Scalar, fields: Fields, defaults: Mapping[str, Any]) -> Step | None:
    type = _TYPES.get(fields.one_of("type", tuple(_TYPES)))
    if type is None:
        return None
    step = type.read(StepFields(key, fields, defaults))
    fields.close()
    return step
