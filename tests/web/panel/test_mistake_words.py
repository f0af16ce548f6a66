"""Whatever the check of a menu tree or a file of rows may find wrong is told in Persian, too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ivr.cases.kinds import Kind
from ivr.settings import ROOT
from ivr.voice.catalogue import Catalogue
from ivr.voice.conditions import CONDITIONS, DAYS
from ivr.voice.events import EARLIER
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.reading import CALLER, NUMBER
from ivr.voice.steps.registry import TYPES
from ivr.voice.yaml_tree import read_tree
from ivr.voice.yaml_values import TextValue
from ivr.web.panel.menu_words import tree_words
from ivr.web.panel.mistake_words import in_persian

NOTES = {
    "wrong",
    "refuse",
    "Mistake",
    "_at",
    "_refuse_at",
    "_refused",
    "checked_key",
    "TroubledCall",
}  # what notes a mistake
TELLS = {"unclear", "refused_in", "_unreached", "_endless", "_kindless", "_unknown"}  # yield sentences
GIVES = re.compile("_?wrong.*|refused|_one_of|_unprintable|_told_wrong")  # return them
FILES = [
    *sorted((ROOT / "ivr/voice").rglob("*.py")),
    *(ROOT / "ivr/desk/trees").glob("*.py"),
    ROOT / "ivr/desk/editing/row_files.py",
]
ELSEWHERE = {"catalogue.py", "tokens.py"}  # prompts of the house; keys of a rehearsed call
PERSIAN = re.compile("[\u0600-\u06ff]")


def sentence(node: ast.expr, known: Mapping[str, str]) -> str | None:
    """With X for what is filled in. `known`: names that stand for parts of it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(sentence(each, known) or "X" for each in values)
        case ast.Name(id=name) | ast.FormattedValue(value=ast.Name(id=name)):
            return known.get(name)
        case ast.IfExp(body=body):
            return sentence(body, known)
    return None


def parts(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Texts with a name of their own, of which others are put together."""
    found: dict[str, str] = {}
    for node in (each for statement in body for each in _within(statement)):
        if isinstance(node, ast.Assign) and (text := sentence(node.value, {})):
            found[getattr(node.targets[0], "id", "")] = text
    return found


def _within(statement: ast.stmt) -> Iterator[ast.AST]:
    whole = isinstance(statement, ast.FunctionDef | ast.ClassDef)
    return iter(()) if whole else ast.walk(statement)


def sentences(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = parts(tree.body)
    for node in ast.walk(tree):
        found: list[ast.expr] = []
        known = constants
        form = "{}"
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found = node.args if name in NOTES else []
            form = "X must be {}" if name == "checked_key" else form
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "message":
            found = [node.value]
        elif isinstance(node, ast.FunctionDef) and (node.name in TELLS or GIVES.fullmatch(node.name)):
            known = constants | parts(node.body)
            for inner in ast.walk(node):
                value = getattr(inner, "value", None) if isinstance(inner, ast.Yield | ast.Return) else None
                found += value.elts if isinstance(value, ast.Tuple) else [value] if value else []
        for each in found:
            if (said := sentence(each, known)) and re.search("[a-z]{2} ", said):
                yield form.format(said)


ALL = sorted({said for path in FILES if path.name not in ELSEWHERE for said in sentences(path)})
FORMS = sorted(
    {key.value.told for type_ in TYPES for key in type_.yaml_keys() if isinstance(key.value, TextValue)}
)


@pytest.mark.parametrize("said", ALL)
def test_every_sentence_of_the_check_has_a_persian_one(said: str) -> None:
    assert PERSIAN.search(in_persian(said)), said


@pytest.mark.parametrize("form", FORMS)
def test_the_form_that_a_text_must_have_is_told_in_persian(form: str) -> None:
    assert form not in in_persian(f"“x y” must be {form}")


def test_there_are_sentences_to_be_found() -> None:
    assert len(ALL) > 60
    assert {"there is no step X", "nothing in this tree says it", "stands under no heading"} <= set(ALL)


def test_what_a_sentence_names_stays_as_it_stands_in_the_text() -> None:
    assert in_persian("there is no step “notcie”") == "گامی به نام “notcie” نیست."
    assert in_persian("7 must be from 1 to 5") == "7 باید میان 1 و 5 باشد."
    assert in_persian("there is no topic “x”") == "موضوعی با کد “x” نیست."
    assert in_persian("something new") == "something new"


BROKEN = [
    "a: [b:", "a: {b:", "a: {b,, c}", "a: [b: c: d]", 'a: {"b":c": d}', "- a\nb: c", "  - b\n - c", "a\nb: c",
    "a: 'b", 'a: "b\n...', 'a: "\\q"', 'a: "\\x1"', 'a: "\\uD800"', '"a" b', 'a: ""\n\n\n"b\nc', "a: @b",
    "a:\n\tb: c", "a:\n  - b\n\t- c", "a: > b", "a: >0", "a: |\n\tb", "a: *", "a: b: c", "a: ? b", "a: - b",
    "a: 'b' c", "a: 1\nb\n", "[a:]", "%", "%A۱", "%A 1", "%YAML x", "%YAML 2.0\n---\na", "%TAG x",
    "a: !b,c d", "a: !<b c", "a: !!", "a: !a%2 b", "a: !<%ff> b", "a: !e!x b",
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_yaml_at_all_is_told_in_persian(text: str) -> None:
    """The library has its own English for it."""
    with pytest.raises(MenuMistakes) as refused:
        read_tree(text.encode(), "a.yaml")
    [mistake] = refused.value.mistakes
    told = re.sub("YAML|TAG|Tab|!name", "", in_persian(mistake.message))
    assert mistake.message.startswith("this is not valid YAML: ")
    assert PERSIAN.search(told) and not re.search("[a-zA-Z]", told), mistake.message


def test_a_number_of_ours_is_written_in_persian_digits() -> None:
    told = in_persian("the file has 300,000 bytes; at most 262,144 are taken")
    assert told == "فایل ۳۰۰٬۰۰۰ بایت است؛ بیشینه ۲۶۲٬۱۴۴ بایت پذیرفته می‌شود."


def test_a_mistake_of_another_tree_is_cited_in_persian_with_its_place() -> None:
    cited = in_persian("tree 122 can't be called here: menu 122:3:5: steps.say.go: there is no step “notcie”")
    assert cited.endswith("menu 122:3:5: steps.say.go: گامی به نام “notcie” نیست.")
    said = "steps.water: tree 122 can't be called here: it speaks en, which this tree does not"
    told = in_persian(f"menu 111 calls this tree and, with this text, could not any more: {said}")
    assert "can't" not in told and "which" not in told and "steps.water" in told


def test_whatever_a_call_branches_on_is_told_in_persian_in_the_picture() -> None:
    told = tree_words(Catalogue(), "fa").word
    values = {"weekday": DAYS, "earlier": EARLIER, "day": ("working", "off"), "number": NUMBER}
    values |= {"caller": CALLER, "kind": tuple(Kind), "language": ("fa", "az")}
    for on, names in values.items():
        assert all(PERSIAN.search(told(f"{on}.{name}", name)) for name in names), on
    assert all(PERSIAN.search(told(f"on.{on}", "")) for on in (*CONDITIONS, "var.urgent"))
    assert told("hours.07:00-19:00", "07:00-19:00") == "۰۷:۰۰ تا ۱۹:۰۰"
    assert told("date.01-01..01-13", "01-01..01-13") == "۰۱/۰۱ تا ۰۱/۱۳"
    assert told("var.urgent.1", "1") == "urgent: ۱"
