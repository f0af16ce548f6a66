"""A menu tree from YAML: `parse`. Either a valid menu comes out, or all mistakes at once.

What each step type may say is in docs/menus.md.
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType

from ivr.cases.kinds import Kind
from ivr.voice.fields import STEP_ID, Fields, Reading, checked_key
from ivr.voice.menu import Menu, RecordStep, ReviewStep, Step
from ivr.voice.mistakes import LONGEST_NAME, MenuMistakes
from ivr.voice.step_fields import READERS, Defaults, StepFields, read_defaults
from ivr.voice.yaml_tree import Node, Scalar, Table, read_tree

__all__ = ["MenuMistakes", "parse"]

MOST_STEPS = 500
_NAME = "[A-Za-z0-9_-]{1,40}"


def parse(
    data: bytes,
    file: str,
    *,
    languages: Collection[str] | None = None,
    prompts: Collection[str] | None = None,
    topics: Collection[str] | None = None,
    counties: Collection[str] | None = None,
) -> Menu:
    """The menu in `data`; `file` is only its name in messages.

    The collections say which languages, prompt ids, topic and county codes exist; None: any.
    Raises MenuMistakes with all mistakes at once, each with line, column, key and the nearest right name.
    """
    tree, mistakes = read_tree(data, file)
    reading = Reading(file, prompts, languages, tuple(Kind), topics, counties, mistakes=mistakes)
    menu = _menu(reading, tree)
    if menu is None or reading.mistakes:
        raise MenuMistakes(reading.mistakes)
    return menu


def _menu(reading: Reading, tree: Node) -> Menu | None:
    if not isinstance(tree, Table):
        reading.wrong(tree, "", "a menu file is a mapping with menu, languages, start, defaults and steps")
        return None
    fields = Fields(reading, tree, "")
    name = fields.matching("menu", _NAME, "a name of a-z, 0-9, _ and -")
    languages = _languages(fields)
    steps = fields.inner("steps")
    reading.steps = _step_ids(steps)
    start = fields.step("start")
    defaults = fields.inner("defaults", needed=False)
    read = _steps(steps, read_defaults(defaults) if defaults else Defaults()) if steps else {}
    fields.close()
    return Menu(name, languages, start, MappingProxyType(read))


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


def _step_ids(steps: Fields | None) -> tuple[str, ...]:
    return tuple(key.value for key, _ in steps.each()) if steps else ()


def _steps(steps: Fields, defaults: Defaults) -> dict[str, Step]:
    found: dict[str, Step] = {}
    if not 1 <= len(steps.table.entries) <= MOST_STEPS:
        steps.reading.wrong(steps.table, steps.path, f"must hold from 1 to {MOST_STEPS} steps")
        return found
    for key, node in steps.each():
        checked_key(steps, key, _is_step_id, "a step's name: a-z, 0-9 and _, first a letter")
        fields = steps.as_fields(key.value[:LONGEST_NAME], node)
        step = _step(key, fields, defaults) if fields else None
        if step is not None:
            found[key.value] = step
    _check_reviews(steps, found)
    return found


def _is_step_id(key: str) -> bool:
    return len(key) <= LONGEST_NAME and STEP_ID.fullmatch(key) is not None


def _step(key: Scalar, fields: Fields, defaults: Defaults) -> Step | None:
    reader = READERS.get(fields.one_of("type", tuple(READERS)))
    if reader is None:
        return None
    step = reader(StepFields(key, fields, defaults))
    fields.close()
    return step


def _check_reviews(steps: Fields, found: dict[str, Step]) -> None:
    """“Say it again” must lead back to a recording."""
    for key, node in steps.table.entries:
        step = found.get(key.value)
        if isinstance(step, ReviewStep) and isinstance(node, Table):
            target = found.get(step.record)
            if target is not None and not isinstance(target, RecordStep):
                fields = Fields(steps.reading, node, steps.at(key.value))
                place = fields.scalar("record", needed=False)
                fields.wrong(place or node, "record", f"{step.record} is not a record step")
