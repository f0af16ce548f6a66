"""In what two trees differ, by what they mean to a caller; and, beside it, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from difflib import unified_diff
from enum import StrEnum
from typing import Any

from ivr.voice.call_limits import CallLimits
from ivr.voice.menu import Menu, Step
from ivr.voice.own_words import all_own
from ivr.voice.ways import Miss

_PLACE = frozenset({"id", "line"})  # what a step is called and where it stands says nothing to a caller


class Difference(StrEnum):
    """What kind of difference it is."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"  # the same step under another name: before and after
    MOVED = "moved"  # other steps lead to it: before and after name them
    RETYPED = "retyped"
    PROMPT = "prompt"  # what is said: ids of prompts
    KEY = "key"  # what one key does
    GOES = "goes"  # where it leads by itself
    SETTING = "setting"  # seconds, limits of misses, and whatever else a step may say
    TREE = "tree"  # start, languages, limits of the whole call


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One difference. `what`: the field or key; `before`, `after`: its values in short, "" = none."""

    kind: Difference
    step: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        match self.kind:
            case Difference.ADDED | Difference.REMOVED:
                return f"{self.step}: {self.kind}"
            case Difference.RENAMED:
                return f"{self.before}: renamed to {self.after}"
            case Difference.MOVED:
                return f"{self.step}: comes after {self.after or 'nothing'}, not {self.before or 'nothing'}"
        where = f"{self.step}: " if self.step else ""
        return f"{where}{self.what}: {self.before or '(none)'} becomes {self.after or '(none)'}"

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def changes(old: Menu, new: Menu) -> list[TreeChange]:
    """All of them: of the whole tree, then of its steps in the new file's order, then what is gone."""
    renamed = _renamed(old, new)
    earlier = {name: renamed.get(name, name) for name in new.steps}
    found = list(_of_tree(old, new, renamed))
    came, comes = _sources(old, {was: now for now, was in renamed.items()}), _sources(new, {})
    for id, step in new.steps.items():
        before = old.steps.get(earlier[id])
        if before is None:
            found.append(TreeChange(Difference.ADDED, id, "", "", _said(step)))
            continue
        if id in renamed:
            found.append(TreeChange(Difference.RENAMED, id, "", renamed[id], id))
        found += _of_step(before, step, renamed)
        if came.get(id) != comes.get(id):
            found.append(TreeChange(Difference.MOVED, id, "", came.get(id, ""), comes.get(id, "")))
    for id in old.steps:
        if id not in earlier.values():
            found.append(TreeChange(Difference.REMOVED, id, "", _said(old.steps[id]), ""))
    return found


def text_diff(old: str, new: str, names: tuple[str, str] = ("before", "after")) -> list[str]:
    """The lines of a unified diff, without line ends; none where the texts are the same."""
    return list(unified_diff(old.splitlines(), new.splitlines(), *names, lineterm=""))


def _renamed(old: Menu, new: Menu) -> dict[str, str]:
    """New name → old name, of steps that are the same but for what they are called and lead to."""
    gone = {_content(step): id for id, step in old.steps.items() if id not in new.steps}
    found = {}
    for id, step in new.steps.items():
        if id not in old.steps and (was := gone.pop(_content(step), None)):
            found[id] = was
    return found


def _content(step: Step) -> str:
    """All that it says, without names of steps: they may have been renamed as well."""
    targets = {way.to for way in step.ways()}
    flat = {name: value for name, value in _flat(step).items() if value not in targets}
    return f"{step.TYPE} {sorted(flat.items())}"


def _of_tree(old: Menu, new: Menu, renamed: Mapping[str, str]) -> Iterator[TreeChange]:
    told = {"menu": "name", "languages": "languages", "start": "start"}
    for what, name in told.items():
        before, after = getattr(old, name), getattr(new, name)
        if name == "start":
            after = renamed.get(after, after)
        if before != after:
            yield TreeChange(Difference.TREE, "", what, _short(before), _short(getattr(new, name)))
    for each in fields(CallLimits):
        before, after = getattr(old.limits, each.name), getattr(new.limits, each.name)
        if before != renamed.get(after, after):
            yield TreeChange(Difference.TREE, "", f"limits.{each.name}", _short(before), _short(after))
    was, now = (
        {f"words.{id}.{language}": own.text for id, language, own in all_own(each.words)}
        for each in (old, new)
    )
    for what in dict.fromkeys((*was, *now)):
        if was.get(what) != now.get(what):
            yield TreeChange(Difference.PROMPT, "", what, was.get(what, ""), now.get(what, ""))


def _of_step(old: Step, new: Step, renamed: Mapping[str, str]) -> Iterator[TreeChange]:
    if old.TYPE != new.TYPE:
        yield TreeChange(Difference.RETYPED, new.id, "type", old.TYPE, new.TYPE)
    was, now = _flat(old), _flat(new)
    targets = {way.to for step in (old, new) for way in step.ways()}
    for what in dict.fromkeys((*was, *now)):
        before, after = was.get(what, ""), now.get(what, "")
        if before != _as_before(after, renamed):
            yield TreeChange(_kind_of(what, {before, after} & targets), new.id, what, before, after)


def _as_before(value: str, renamed: Mapping[str, str]) -> str:
    """With steps under the names that they had, where a value is one or ends in one, like “→ name”."""
    head, arrow, name = value.rpartition("→ ")
    return head + arrow + renamed.get(name, name)


def _kind_of(what: str, leads: set[str]) -> Difference:
    if what.startswith(("keys.", "cases.")):
        return Difference.KEY
    if what.endswith(("prompt", ".say")):
        return Difference.PROMPT
    return Difference.GOES if leads else Difference.SETTING


def _flat(step: Step) -> dict[str, str]:
    """Each field in short; of a mapping and of misses, each part."""
    found: dict[str, str] = {}
    for each in fields(step):
        value = getattr(step, each.name)
        if each.name in _PLACE:
            continue
        if isinstance(value, Mapping):
            found |= {f"{each.name}.{key}": _short(inner) for key, inner in value.items()}
        elif isinstance(value, Miss):
            found |= {f"{each.name}.{part.name}": _short(getattr(value, part.name)) for part in fields(value)}
        else:
            found[each.name] = _short(value)
    return found


def _short(value: Any) -> str:
    """A value in one line: of a choice what it sets and where it goes."""
    if isinstance(value, tuple | frozenset | set):
        items = value if isinstance(value, tuple) else sorted(value)
        return ", ".join(map(_short, items))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_short(inner)}" for key, inner in value.items())
    if is_dataclass(value) and not isinstance(value, type):
        told = {each.name: getattr(value, each.name) for each in fields(value)}
        parts = {
            name: name if part is True else _short(part) for name, part in told.items() if part is not False
        }
        go = parts.pop("go", "")
        said = ", ".join(part for part in parts.values() if part)
        return f"{said} → {go}".strip() if go else said
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _sources(menu: Menu, renamed: Mapping[str, str]) -> dict[str, str]:
    """By step, the steps that lead to it, under the names that they have in the new tree."""
    found: dict[str, set[str]] = {}
    for id, step in menu.steps.items():
        for way in step.ways():
            if way.to in menu.steps:
                found.setdefault(renamed.get(way.to, way.to), set()).add(renamed.get(id, id))
    return {to: ", ".join(sorted(sources)) for to, sources in found.items()}


def _said(step: Step) -> str:
    """A step in short, for who sees it for the first or last time."""
    return " ".join((step.TYPE, *step.prompt))
