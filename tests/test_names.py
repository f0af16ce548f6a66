"""One word, one thing: a type or file that bears another's name is the same thing on another floor."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.settings import ROOT

IVR = ROOT / "ivr"
# Types may share a name only so:
SHARED_TYPES = {
    "Switchboard": "what the board asks of Asterisk, and who answers: the web may not import the loops",
}
MODELS = IVR / "web" / "api" / "models.py"
# What the API's schema calls as the house does, for it is that; what is something else has a `title`.
ON_THE_WIRE = {
    "Guess": "a body and a topic with how sure it is, of `ivr.cases.suggest`",
    "Part": "what one of several agencies sees to, of `ivr.desk.case.splitting`",
    "Topic": "of the directory, with its name",
    "Wrong": "a field and what is wrong with it, of `ivr.desk.editing.values`",
}
# Files may share a name only so. A noun has its table in store, its deeds at the desk, its command, its page.
NOUN = "the noun's table, its rules, its deeds, its loop, its command, its page"
SHARED_FILES = {
    "announcements": NOUN,
    "answering": "the command and the page by which an answer is given",
    "application": "each HTTP application puts its own routes together",
    "asked": "what a page's address asks for, of each section",
    "attachments": NOUN,
    "audit": NOUN,
    "backup": NOUN,
    "book": NOUN,
    "callback": NOUN,
    "callbacks": NOUN,
    "channels": NOUN,
    "code": "the tracking code, and the step that asks for it",
    "custody": NOUN,
    "escalation": NOUN,
    "exchange": NOUN,
    "family": NOUN,
    "figures": NOUN,
    "interventions": NOUN,
    "lost_calls": NOUN,
    "marks": NOUN,
    "meeting_orders": NOUN,
    "menu": NOUN,
    "names": "what codes are called: in the book, and as the inbox offers them",
    "notices": NOUN,
    "outbox": NOUN,
    "page": "the page that a section is about",
    "people": NOUN,
    "precedents": NOUN,
    "refusals": "why the desk refuses, and the same in Persian",
    "registering": NOUN,
    "retention": NOUN,
    "routes": "each section's routes",
    "saved_views": NOUN,
    "sessions": NOUN,
    "stream": "server-sent events, of each section that has them",
    "transcripts": NOUN,
    "verify": NOUN,
    "who_gets": NOUN,
}
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| `([^`]+\.py)` `(\w+)` \|$", re.MULTILINE)
CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")
TERMS = ROW.findall((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))


def types(path: Path, text: str = "") -> Iterator[tuple[str, str]]:
    """Classes and type aliases: each with what it is, which for an alias is the type that it stands for.

    How a command is typed, `Annotated[str, typer.Option(…)]`, is an option's name and no type. What begins
    with _ is nobody else's.
    """
    tree = ast.parse(text or path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name, f"class in {path.relative_to(ROOT)}:{node.lineno}"
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if CAMEL.fullmatch(name):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if CAMEL.fullmatch(name):
                pass
            case _:
                continue
        written = ast.unparse(value)
        if "typer." not in written and not written.startswith("TypeVar("):
            yield name, written


def all_types() -> dict[str, set[str]]:
    found = defaultdict(set)
    for path in sorted(IVR.rglob("*.py")):
        for name, what in types(path):
            if path != MODELS or name not in ON_THE_WIRE:
                found[name].add(what)
    return found


def test_no_two_types_share_a_name() -> None:
    shared = {name: whats for name, whats in all_types().items() if len(whats) > 1}
    assert shared.keys() == SHARED_TYPES.keys(), shared


def test_what_the_wire_calls_as_the_house_does_is_there_in_both() -> None:
    on_the_wire, house = {name for name, _ in types(MODELS)}, all_types()
    assert not [name for name in ON_THE_WIRE if name not in on_the_wire or name not in house]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class Part: ...", [("Part", "class in ivr/x.py:1")]),
        ("Part = Callable[[], None]", [("Part", "Callable[[], None]")]),
        ("Part: TypeAlias = str | int", [("Part", "str | int")]),
        ('Part = Annotated[str, typer.Option(help="Which.")]', []),
        ("Part = TypeVar('Part')\n_Part = tuple[str, ...]\nPART = 3", []),
    ],
)
def test_an_alias_is_a_type_like_a_class(text: str, found: list[tuple[str, str]]) -> None:
    assert list(types(IVR / "x.py", text)) == found


def test_files_share_a_name_only_where_it_is_the_same_thing() -> None:
    many = Counter(path.stem for path in IVR.rglob("*.py") if path.stem != "__init__")
    assert {name for name, count in many.items() if count > 1} == SHARED_FILES.keys()


def test_the_glossary_has_our_terms_once_each() -> None:
    assert len(TERMS) >= 30
    for column in (0, 1):
        assert [row[column] for row in TERMS] == list(dict.fromkeys(row[column] for row in TERMS))


@pytest.mark.parametrize(("term", "persian", "what", "file", "name"), TERMS, ids=[row[0] for row in TERMS])
def test_each_term_stands_where_the_glossary_says(
    term: str, persian: str, what: str, file: str, name: str
) -> None:
    assert re.search("[آ-ی]", persian) and what.endswith("."), term
    code = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(class {name}\b|(async )?def {name}\b|{name}\b)", code, re.MULTILINE), term
