"""A menu tree from YAML: `parse`. Either a valid menu comes out, or all mistakes at once.

What each step type may say is in docs/menus.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ivr.cases.kinds import Kind
from ivr.voice.call_limits import NO_LIMITS, read_limits
from ivr.voice.enquiries import AskedHost
from ivr.voice.fields import Fields, checked_key
from ivr.voice.fragments import DEEPEST_USE, is_step_id, read_fragments
from ivr.voice.menu import Menu, Step
from ivr.voice.mistakes import LONGEST_NAME, MenuMistakes
from ivr.voice.reading import FindTree, Known, Reading
from ivr.voice.step_fields import StepFields, read_defaults
from ivr.voice.steps.end import EndStep
from ivr.voice.steps.fragment import FragmentStep
from ivr.voice.steps.registry import TYPES
from ivr.voice.steps.say import SayStep
from ivr.voice.steps.tree import DEEPEST_CALL, TREE_NAME, TreeStep
from ivr.voice.written_words import read_words
from ivr.voice.yaml_keys import WorkedOut, YamlKey
from ivr.voice.yaml_tree import Node, Scalar, Table, entry, read_tree
from ivr.voice.yaml_values import StepValue

__all__ = ["MenuMistakes", "parse"]

MOST_STEPS = 2_000
MOST_CALLS = 20  # of other trees; each is read anew where it is called
_TYPES = {each.TYPE: each for each in TYPES}
START = YamlKey(
    "start",
    StepValue(),
    "the first step",
    WorkedOut(
        "the first one in the file",
        lambda fields, _: fields.reading.flat(next(iter(fields.reading.steps), "")),
    ),
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
    called: FindTree | None = None,
) -> Menu:
    """The menu in `data`; `file` is only its name in messages.

    The collections say which languages, prompt ids, topic and county codes exist, `hosts` who may be asked by
    HTTP; None: any. `called`: the trees that it may call; without it their steps stay away. Raises
    MenuMistakes with all mistakes at once, each with line, column, key and the nearest right name.
    """
    tree, mistakes = read_tree(data, file)
    known = Known(languages, prompts, tuple(Kind), topics, counties, hosts, called)
    reading = Reading(file, known, languages, prompts, mistakes=mistakes)
    menu = _menu(reading, tree)
    if menu is None or reading.mistakes:
        raise MenuMistakes(reading.mistakes)
    return menu


def _menu(reading: Reading, tree: Node) -> Menu | None:
    if not isinstance(tree, Table):
        keys = "menu, languages, start, defaults, limits, words and steps"
        reading.wrong(tree, "", f"a menu file is a mapping with {keys}")
        return None
    fields = Fields(reading, tree, "")
    name = fields.matching("menu", TREE_NAME, "a name of a-z, 0-9, _ and -")
    reading.calls = reading.calls or (name,)
    languages = _languages(fields)
    words = fields.inner("words", needed=False)
    own = read_words(words, languages) if words else {}
    if reading.prompts is not None:
        reading.prompts = {*reading.prompts, *own}
    steps = fields.inner("steps")
    reading.steps = _written(steps.table) if steps else {}
    if reading.prefix:
        reading.names = {step: f"{reading.prefix}{step}" for step in reading.steps}
    start = START.read(fields)
    fragments = fields.inner("fragments", needed=False)
    reading.fragments = read_fragments(fragments) if fragments else {}
    defaults = fields.inner("defaults", needed=False)
    limits = fields.inner("limits", needed=False)
    bounds = read_limits(limits) if limits else NO_LIMITS
    read = _steps(steps, read_defaults(defaults) if defaults else {}) if steps else {}
    _refuse_unused(fragments)
    fields.close()
    return Menu(
        name,
        languages,
        start,
        MappingProxyType(read),
        limits=bounds,
        words=own,
        called_words=reading.joined.words,
    )


def _languages(fields: Fields) -> tuple[str, ...]:
    known = fields.reading.known.languages
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


def _written(steps: Table) -> Mapping[str, str]:
    """Each step's type, before any is read."""
    found = {}
    for key, node in steps.entries:
        type = entry(node, "type")
        found[key.value] = type.value if isinstance(type, Scalar) and type.value in _TYPES else ""
    return found


def _steps(steps: Fields, defaults: Mapping[str, Any]) -> dict[str, Step]:
    found: dict[str, Step] = {}
    if not 1 <= len(steps.table.entries) <= MOST_STEPS:
        steps.reading.wrong(steps.table, steps.path, f"must hold from 1 to {MOST_STEPS:,} steps")
        return found
    for key, node in steps.each():
        checked_key(steps, key, is_step_id, "a step's name: a-z, 0-9 and _, first a letter")
        fields = steps.as_fields(key.value[:LONGEST_NAME], node)
        step = _step(key, fields, defaults) if fields else None
        if step is not None and fields:
            steps.reading.joined.steps.add(step.id)
            if isinstance(step, TreeStep) and steps.reading.known.trees is not None:
                found |= _joined(step, steps.reading, steps.reading.known.trees)
                continue
            found[step.id] = step
            if isinstance(step, FragmentStep):
                found |= _used(step, fields, defaults)
    return found


class TroubledCall(Exception):
    """A tree that can't be called from there."""


def _joined(step: TreeStep, reading: Reading, find: FindTree) -> dict[str, Step]:
    """The step, and behind it those of the tree that it calls. What is wrong with that one is its trouble."""
    known = reading.known
    inner = Reading(
        f"menu {step.name}", known, known.languages, known.prompts, joined=reading.joined,
        calls=(*reading.calls, step.name), prefix=f"{step.id}.{step.name}.", back=step.go,
    )  # fmt: skip
    try:
        menu, revision = _called(step.name, inner, find)
        if strange := set(menu.languages) - set(reading.languages or ()):
            raise TroubledCall(f"it speaks {', '.join(sorted(strange))}, which this tree does not")
    except (MenuMistakes, TroubledCall) as trouble:
        told = f"tree {step.name} can't be called here: {str(trouble).splitlines()[0]}"
        return {step.id: replace(step, trouble=told)}
    steps = {id: replace(each, line=step.line) for id, each in menu.steps.items()}
    opens = any(each.LEAF == "record" for each in steps.values())
    reading.joined.words[inner.prefix] = menu.words
    return {step.id: replace(step, entry=menu.start, revision=revision, opens_case=opens), **steps}


def _called(name: str, reading: Reading, find: FindTree) -> tuple[Menu, str]:
    if name in reading.calls[:-1]:
        raise TroubledCall(f"it would go round for ever: {' → '.join(reading.calls)}")
    if len(reading.calls) > DEEPEST_CALL + 1:
        raise TroubledCall(f"trees call each other deeper than {DEEPEST_CALL} levels")
    reading.joined.trees.append(name)
    if len(reading.joined.trees) > MOST_CALLS:
        raise TroubledCall(f"it calls others, and they again others, more than {MOST_CALLS} times")
    tree = find(name)
    if tree is None:
        raise TroubledCall("there is none of that name, neither on the air nor among the files")
    written, reading.mistakes = read_tree(tree.data, reading.file)
    menu = _menu(reading, written)
    if menu is None or reading.mistakes:
        raise MenuMistakes(reading.mistakes)
    if len(reading.joined.steps) > MOST_STEPS:
        raise TroubledCall(f"together they have more than {MOST_STEPS:,} steps")
    return menu, tree.revision


def _used(step: FragmentStep, fields: Fields, defaults: Mapping[str, Any]) -> dict[str, Step]:
    """The steps of the fragment that a step uses, each with its own name behind the step's."""
    reading, at = fields.reading, fields.node("use", needed=False)
    fragment = reading.fragments.get(step.use)
    if fragment is None or at is None:
        return {}
    reading.used.add(step.use)
    if step.use in reading.inside:
        fields.wrong(at, "use", f"goes round for ever: {' → '.join((*reading.inside, step.use))}")
    elif len(reading.inside) >= DEEPEST_USE:
        fields.wrong(at, "use", f"fragments stand in each other deeper than {DEEPEST_USE} levels")
    elif len(reading.joined.steps) + len(fragment.names) > MOST_STEPS:
        fields.wrong(at, "use", f"with its fragments the tree has more than {MOST_STEPS:,} steps")
    else:
        exits = {exit: step.exits.get(exit, "") for exit in fragment.exits}
        scope = reading.within(step.id, step.use, _written(fragment.steps), exits)
        return _steps(Fields(scope, fragment.steps, fragment.path), defaults)
    return {}


def _refuse_unused(fragments: Fields | None) -> None:
    for key, _ in fragments.each() if fragments else ():
        if fragments and key.value not in fragments.reading.used:
            fragments.wrong(key, key.value[:LONGEST_NAME], "no step uses this fragment")


def _step(key: Scalar, fields: Fields, defaults: Mapping[str, Any]) -> Step | None:
    type = _TYPES.get(fields.one_of("type", tuple(_TYPES)))
    if type is None:
        return None
    step = type.read(StepFields(key, fields, defaults))
    fields.close()
    if isinstance(step, EndStep) and fields.reading.back:
        return SayStep(step.id, step.line, (), number="", after_prompt=(), go=fields.reading.back)
    return step
