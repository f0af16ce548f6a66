"""The menu parser: one valid tree out, or every mistake at once with its place and the nearest right name."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.voice.mistakes import MOST_MISTAKES, MenuMistakes, Mistake
from ivr.voice.parse import parse
from ivr.voice.steps.digits import DigitsStep
from ivr.voice.steps.menu import MenuStep
from ivr.voice.steps.operator import OperatorStep
from ivr.voice.steps.record import RecordStep
from ivr.voice.steps.review import ReviewStep
from ivr.voice.ways import Miss

ROOT = Path(__file__).resolve().parents[2]
TREE = (ROOT / "dialplan" / "menus" / "111.yaml").read_text(encoding="utf-8")
MISSES = "no_input: {limit: 3, then: bye}, no_match: {limit: 3, then: bye}"
HEAD = f"menu: small\nlanguages: [fa, az]\nstart: first\ndefaults: {{{MISSES}}}\nsteps:\n"
END = "  bye: {type: end, prompt: [goodbye]}\n"
MENU = '  first: {type: menu, prompt: [hello], keys: {"1": {go: bye}}}\n'


def mistakes(text: str, prompts: set[str] | None = None, languages: set[str] | None = None) -> list[Mistake]:
    with pytest.raises(MenuMistakes) as caught:
        parse(text.encode(), "m.yaml", prompts=prompts, languages=languages)
    return list(caught.value.mistakes)


def only(text: str, prompts: set[str] | None = None) -> str:
    found = mistakes(text, prompts)
    assert len(found) == 1, [str(m) for m in found]
    return str(found[0])


def step(text: str) -> str:
    """A small menu whose first step is `text`."""
    return HEAD + f"  first: {{{text}}}\n" + END


def test_the_default_tree_is_valid_and_typed() -> None:
    menu = parse(TREE.encode(), "111.yaml", languages={"fa", "az"})
    kind = menu.steps["kind"]
    assert isinstance(kind, MenuStep)
    assert kind.keys["5"].sets == {"kind": "meeting"} and kind.keys["6"].sets == {}
    assert kind.no_input.limit == 3 and kind.first_key == 7 and kind.barge_in
    assert TREE.splitlines()[kind.line - 1] == "  kind:"
    operator = menu.steps["operator"]
    assert isinstance(operator, OperatorStep) and operator.hours
    assert operator.hours.opens == time(7) and operator.hours.days == {5, 6, 0, 1, 2}
    review = menu.steps["review"]
    assert isinstance(review, ReviewStep) and review.keys["#"] == "keep"
    record = menu.steps["record"]
    assert isinstance(record, RecordStep) and record.too_short.then == "operator"


def test_a_parsed_menu_cannot_be_changed() -> None:
    menu = parse(TREE.encode(), "111.yaml")
    with pytest.raises(TypeError):
        menu.steps["kind"] = menu.steps["goodbye"]  # type: ignore[index]
    with pytest.raises(TypeError):
        menu.steps["kind"].keys["1"] = None  # type: ignore[attr-defined]


def test_all_mistakes_are_reported_at_once_in_the_files_order() -> None:
    text = (
        TREE.replace("type: topic", "type: topik")
        .replace('"0": {go: operator}', '"0": {go: operater}', 1)
        .replace("offer_prompt:", "ofer_prompt:")
        .replace("max_seconds: 180", "max_seconds: 18000", 1)
        .replace("prompt: [goodbye]", "prompt: [goodby]")
    )
    known = set(re.findall(r"[a-z_.]+", TREE))
    found = [str(m) for m in mistakes(text, prompts=known)]
    lines = text.splitlines()

    def at(part: str, column: int) -> str:
        number = next(number for number, written in enumerate(lines, 1) if part in written)
        return f"m.yaml:{number}:{column}:"

    assert found == [
        f"{at('operater', 17)} steps.language.keys.0.go: there is no step “operater” "
        "(did you mean “operator”?)",
        f"{at('topik', 11)} steps.topic.type: “topik” is none of menu, topic, county, digits, record, "
        "review, code, status, operator, hour, branch, share, enquiry, resume, say, announcement, "
        "fragment, tree, end (did you mean “topic”?)",
        f"{at('ofer_prompt', 5)} steps.county.ofer_prompt: there is no such key here; there are type, "
        "prompt, "
        "first_key, next_key, barge_in, no_input, no_match, sensitive, offer_prompt, unknown, go "
        "(did you mean “offer_prompt”?)",
        f"{at('18000', 18)} steps.record.max_seconds: 18000 must be from 5 to 900",
        f"{at('[goodby]', 14)} steps.goodbye.prompt: there is no prompt “goodby” (did you mean “goodbye”?)",
    ]


BAD_STEPS = {
    "type: menu, prompt: [a], keys: {1: {go: bye}}": ("keys.1", 'must be in quotes: "1"'),
    "type: menu, prompt: [a], keys: {no: {go: bye}}": ("keys.no", 'must be in quotes: "no"'),
    'type: menu, prompt: [a], keys: {"*": {go: bye}}': ("keys.*", "always repeats the prompt"),
    'type: menu, prompt: [a], keys: {"1a": {go: bye}}': ("keys.1a", "must be 1 to 4 digits"),
    'type: menu, prompt: [a], keys: {"1": {go: bye}, "12": {go: bye}}': (
        "keys.12",
        "“1” is the beginning of it",
    ),
    'type: menu, prompt: [a], keys: {"1": bye}': ("keys.1", "must be a mapping"),
    'type: menu, prompt: [a], keys: {"1": {kind: meeting}}': ("keys.1.go", "is missing"),
    'type: menu, prompt: [a], keys: {"1": {go: bye, kind: meting}}': (
        "keys.1.kind",
        "did you mean “meeting”?",
    ),
    'type: menu, prompt: [a], keys: {"1": {go: bye, language: en}}': (
        "keys.1.language",
        "there is no language",
    ),
    'type: menu, prompt: [a], keys: {"1": {go: bye, language: no}}': ("keys.1.language", "must be in quotes"),
    'type: menu, prompt: [a], keys: {"1": {go: bye, colour: red}}': ("keys.1.colour", "no such key"),
    "type: menu, prompt: [a], keys: {}": ("keys", "must name at least one key"),
    "type: menu, prompt: [a], keys: [1]": ("keys", "must be a mapping"),
    'type: menu, prompt: a, keys: {"1": {go: bye}}': ("prompt", "must be a list"),
    'type: menu, prompt: [], keys: {"1": {go: bye}}': ("prompt", "must name at least one prompt"),
    'type: menu, prompt: [../etc], keys: {"1": {go: bye}}': ("prompt", "is no prompt id"),
    'type: menu, prompt: [[a]], keys: {"1": {go: bye}}': ("prompt", "must be a list of single values"),
    'type: menu, prompt: [a], first_key: fast, keys: {"1": {go: bye}}': ("first_key", "must be a number"),
    'type: menu, prompt: [a], first_key: "7", keys: {"1": {go: bye}}': ("first_key", "must be a number"),
    'type: menu, prompt: [a], first_key: 0, keys: {"1": {go: bye}}': ("first_key", "must be from 1 to 60"),
    'type: menu, prompt: [a], barge_in: yes, keys: {"1": {go: bye}}': ("barge_in", "must be true or false"),
    'type: menu, prompt: [a], no_input: {limit: 0, then: bye}, keys: {"1": {go: bye}}': (
        "no_input.limit",
        "must be from 1 to 10",
    ),
    'type: menu, prompt: [a], no_input: {limit: 1.5, then: bye}, keys: {"1": {go: bye}}': (
        "no_input.limit",
        "must be a whole number",
    ),
    'type: menu, prompt: [a], no_match: {then: by}, keys: {"1": {go: bye}}': ("no_match.then", "mean “bye”?"),
    "prompt: [a], go: bye": ("type", "is missing"),
    "type: say, prompt: [a], go: by": ("go", "did you mean “bye”?"),
    "type: say, go: bye": ("prompt", "is missing"),
    "type: say, prompt: [a], go: ": ("go", "is empty"),
    "type: county, prompt: [a], unknown: 00, go: bye": ("unknown", 'must be in quotes: "00"'),
    "type: branch, on: kind, cases: {meting: bye}, go: bye": ("cases.meting", "did you mean “meeting”?"),
    "type: branch, on: hours, cases: {'7-19': bye}, go: bye": ("cases.7-19", "must be hours like 07:00"),
    "type: branch, on: date, cases: {'01-32': bye}, go: bye": ("cases.01-32", "must be a Jalali day"),
    "type: branch, on: date, cases: {'12-01..1405-01-02': bye}, go: bye": (
        "cases.12-01..1405-01-02",
        "at one end only",
    ),
    "type: branch, on: date, cases: {'1404-12-30': bye}, go: bye": ("cases.1404-12-30", "is no day"),
    "type: branch, on: day, cases: {holiday: bye}, go: bye": ("cases.holiday", "must be one of working, off"),
    "type: branch, on: var.Urgent, cases: {x: bye}, go: bye": ("on", "is none of"),
    "type: menu, prompt: [a], keys: {'1': {go: bye, vars: {Urgent: x}}}": (
        "keys.1.vars.Urgent",
        "a variable's name is of a-z",
    ),
    "type: branch, on: kinds, cases: {meeting: bye}, go: bye": ("on", "did you mean “kind”?"),
    "type: branch, on: kind, cases: {}, go: bye": ("cases", "at least one value"),
    "type: branch, on: kind, prompt: [a], cases: {meeting: bye}, go: bye": ("prompt", "no such key"),
    "type: digits, prompt: [a], into: code, check: phone, min_keys: 3, max_keys: 4, go: bye": (
        "check",
        "a code is checked as tracking_code",
    ),
    "type: digits, prompt: [a], into: code, check: tracking_code, min_keys: 9, max_keys: 4, go: bye": (
        "min_keys",
        "9 is more than max_keys (4)",
    ),
    "type: operator, prompt: [a], queue: 'a b,c', nobody: bye": ("queue", "must be a queue's name"),
    "type: operator, prompt: [a], queue: q, nobody: bye, closed_prompt: [b], "
    'hours: {days: [sat], opens: "7", closes: "19:00"}': ("hours.opens", "must be a time"),
    "type: operator, prompt: [a], queue: q, nobody: bye, closed_prompt: [b], "
    'hours: {days: [sat], opens: "19:00", closes: "07:00"}': ("hours.closes", "must be later than opens"),
    "type: operator, prompt: [a], queue: q, nobody: bye, closed_prompt: [b], "
    'hours: {days: [satt], opens: "07:00", closes: "08:00"}': ("hours.days", "did you mean “sat”?"),
    "type: record, prompt: [a], too_short: {limit: 3, then: bye}, sets: {language: fa}, go: bye": (
        "sets.language",
        "no such key",
    ),
    "type: record, prompt: [a], too_short: {limit: 3, then: bye}, min_seconds: 9, max_seconds: 8, go: bye": (
        "min_seconds",
        "more than max_seconds",
    ),
    'type: review, prompt: [a], keys: {"2": hear}, record: bye, go: bye': ("keys", "no key means keep"),
    'type: review, prompt: [a], keys: {"1": kep, "2": keep}, record: bye, go: bye': (
        "keys.1",
        "did you mean “keep”?",
    ),
    'type: review, prompt: [a], keys: {"1": keep}, record: bye, go: bye': (
        "record",
        "bye is not a record step",
    ),
    "type: status, prompt: [a], unknown_prompt: [a], too_many_prompt: [a], unavailable_prompt: [a], "
    'after_prompt: [a], repeat: "2", unknown_go: bye, go: bye': (
        "another",
        "must be another key than repeat",
    ),
}


@pytest.mark.parametrize("text", BAD_STEPS, ids=lambda text: text[:60])
def test_a_wrong_step_is_named_with_its_key(text: str) -> None:
    key, message = BAD_STEPS[text]
    found = [m for m in mistakes(step(text)) if m.key == f"steps.first.{key}"]
    assert any(message in str(m) for m in found), [str(m) for m in mistakes(step(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MENU + END, "m.yaml:1:3: menu: is missing"),
        ("menu: 111\n" + HEAD[12:] + MENU + END, 'menu: must be in quotes: "111"'),
        (HEAD.replace("[fa, az]", "[]") + MENU + END, "languages: must name at least one language"),
        (HEAD.replace("[fa, az]", "[fa, fa]") + MENU + END, "languages: fa stands twice"),
        (HEAD.replace("start: first", "start: frist") + MENU + END, "start: there is no step “frist”"),
        (HEAD.replace("defaults", "defalts") + MENU + END, "did you mean “defaults”?"),
        (
            HEAD.replace("limit: 3, then: bye}}", "limit: 3}}") + MENU,
            "defaults.no_match.then: is missing, and the tree has no operator or end to go to",
        ),
        (HEAD + "  First: {type: end}\n" + MENU + END, "steps.First: “First” must be a step's name"),
        (HEAD + "  yes: {type: end}\n" + MENU + END, 'steps.yes: must be in quotes: "yes"'),
        (HEAD + MENU + END + MENU, "steps.first: “first” stands twice; the first is in line 6"),
        (HEAD + "  first: [a]\n" + END, "steps.first: must be a mapping"),
        (HEAD.replace("steps:\n", "steps: {}\n"), "steps: must hold from 1 to 2,000 steps"),
        ("- a\n- b\n", "m.yaml:1:1: a menu file is a mapping"),
        ("", "m.yaml:1:1: the file is empty"),
        ("menu: [a\nb: c", "this is not valid YAML"),
    ],
)
def test_a_wrong_file_is_named_with_its_place(text: str, expected: str) -> None:
    found = [str(m) for m in mistakes(text)]
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(
    "text",
    [
        "type: resume, record: first, none_go: bye, go: by",  # `topic` and `county` lead there too
        'type: menu, prompt: [a], hour_prompt: a, keys: {"1": {go: bye, hour: true}}',
        "type: digits, prompt: [a], into: code, check: [phone], go: bye",
    ],
)
def test_a_mistake_is_told_once_however_many_keys_look_at_it(text: str) -> None:
    found = [str(m) for m in mistakes(step(text))]
    assert found and len(found) == len(set(found))


def test_a_language_must_be_one_that_is_installed() -> None:
    found = mistakes(HEAD.replace("az]", "fr]") + MENU + END, languages={"fa", "az"})
    assert "there is no language fr" in str(found[0])


def test_what_is_left_out_is_as_a_hotline_needs_it() -> None:
    text = (
        'menu: small\nlanguages: [fa]\nsteps:\n  first: {type: menu, prompt: [a], keys: {"1": {go: ask}}}\n'
        "  ask: {type: digits, into: national_id, go: words, no_input: {limit: 1}}\n"
        "  words: {type: record, go: look}\n  look: {type: review, go: bye}\n"
        "  bye: {type: end}\n  person: {type: operator, nobody: words}\n"
    )
    menu = parse(text.encode(), "m.yaml")
    first, ask, words = (menu.steps[id] for id in ("first", "ask", "words"))
    assert menu.start == "first"
    assert isinstance(first, MenuStep) and first.no_match == Miss(3, ("no_match",), "person")
    assert isinstance(ask, DigitsStep) and (ask.min_keys, ask.max_keys, ask.sensitive) == (10, 10, True)
    assert ask.prompt == ("national_id.ask",) and ask.no_input == Miss(1, (), "person")
    assert isinstance(words, RecordStep) and words.too_short == Miss(3, ("record.too_short",), "person")
    look, person = menu.steps["look"], menu.steps["person"]
    assert isinstance(look, ReviewStep) and look.record == "words" and look.keys["#"] == "keep"
    assert isinstance(person, OperatorStep) and person.queue == "operators" and person.hours is None


def test_a_miss_that_leads_nowhere_is_told() -> None:
    text = 'menu: m\nlanguages: [fa]\nsteps:\n  first: {type: menu, prompt: [a], keys: {"1": {go: first}}}\n'
    assert [m.key for m in mistakes(text)] == ["steps.first.no_input", "steps.first.no_match"]


def test_a_key_may_begin_another_where_the_step_waits() -> None:
    keys = 'keys: {"1": {go: bye}, "12": {go: bye}}'
    menu = parse(step(f"type: menu, prompt: [a], wait: true, {keys}").encode(), "m.yaml")
    first = menu.steps["first"]
    assert isinstance(first, MenuStep) and set(first.keys) == {"1", "12"}


def test_columns_count_characters_not_bytes() -> None:
    text = HEAD + MENU + "  bye: {type: end, prompt: [goodbye]} # خداحافظ\n"
    text = text.replace("  first: {", '  first: {"نام": x, ')
    assert only(text).startswith("m.yaml:6:11: steps.first.نام: there is no such key here")


def test_thousands_of_mistakes_are_cut_off() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(3_000))
    assert len(mistakes(step(f"type: end, prompt: [a], {keys}"))) == MOST_MISTAKES


CHARACTERS = st.sampled_from(list("{}[]:,-#&*!|>'\"%@`?\n\t 01aزـ\u200c\x00\ufeff"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, len(TREE)), st.integers(0, 40), st.text(CHARACTERS, max_size=8)), max_size=4
    )
)
def test_a_mutated_tree_parses_or_names_its_mistakes(changes: list[tuple[int, int, str]]) -> None:
    text = TREE
    for place, length, instead in changes:
        text = text[:place] + instead + text[place + length :]
    try:
        parse(text.encode(), "m.yaml", languages={"fa", "az"}, prompts={"welcome"})
    except MenuMistakes as found:
        assert found.mistakes and all(m.line >= 1 and m.column >= 1 and m.message for m in found.mistakes)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_parse_or_name_their_mistakes(data: bytes) -> None:
    with pytest.raises(MenuMistakes):
        parse(data, "m.yaml")


LINES = TREE.splitlines(keepends=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1)), max_size=6))
def test_a_tree_with_moved_lines_parses_or_names_its_mistakes(moves: list[tuple[int, int]]) -> None:
    lines = list(LINES)
    for source, target in moves:
        lines.insert(target, lines.pop(source))
    try:
        parse("".join(lines).encode(), "m.yaml")
    except MenuMistakes as found:
        assert found.mistakes
