"""One word, one thing: a class or file that bears another's name is the same thing on another floor."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from ivr.settings import ROOT

IVR = ROOT / "ivr"
# Classes may share a name only so:
ON_THE_WIRE = IVR / "web" / "api" / "models.py"  # the API's schema names things as the house does
SHARED_CLASSES = {
    "Switchboard": "what the board asks of Asterisk, and who answers: the web may not import the loops",
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
TERMS = ROW.findall((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))


def classes() -> dict[str, list[Path]]:
    found = defaultdict(list)
    for path in sorted(IVR.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(path)
    return found


def test_no_two_classes_share_a_name() -> None:
    shared = {
        name: homes
        for name, homes in classes().items()
        if len([home for home in homes if home != ON_THE_WIRE]) > 1
    }
    assert shared.keys() == SHARED_CLASSES.keys(), {name: shared.get(name) for name in shared}


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
