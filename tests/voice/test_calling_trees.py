"""A tree calls another one and goes on where that one ends; what can't be called leads to a named step."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import MOST_CALLS, parse
from ivr.voice.proof import check, prove
from ivr.voice.reading import CalledTree
from ivr.voice.steps.tree import DEEPEST_CALL, TreeStep
from tests.voice.conversation import Conversation
from tests.voice.test_proof import SMALL

HOTLINE = """\
menu: "hotline"
languages: [fa, az]
steps:
  which: {type: menu, prompt: [a], keys: {"1": {kind: request, go: water}, "2": {go: bye}}}
  water: {type: tree, name: "122", go: after, missing_go: person}
  after: {type: say, prompt: [b], go: bye}
  person: {type: operator, nobody: bye}
  bye: {type: end, prompt: [c]}
"""
WATER = """\
menu: "122"
languages: [fa]
steps:
  matter:
    type: menu
    prompt: [d]
    keys: {"1": {go: pipe}, "2": {go: out}}
    no_input: {limit: 1, then: out}
    no_match: {limit: 2, then: out}
  pipe: {type: say, prompt: [e], go: out}
  out: {type: end, prompt: [f]}
"""


def tree(text: str, others: Mapping[str, str] | None = None, file: str = "m.yaml") -> Menu:
    known = {"122": WATER} if others is None else others
    return parse(text.encode(), file, called=lambda name: _named(known, name))


def _named(known: Mapping[str, str], name: str) -> CalledTree | None:
    return CalledTree(known[name].encode(), "3") if name in known else None


def trouble(text: str, others: Mapping[str, str] | None = None) -> str:
    (step,) = (s for s in tree(text, others).steps.values() if isinstance(s, TreeStep) and s.trouble)
    assert not step.entry
    return step.trouble


def silent(menu: Menu) -> list[str]:
    proof = prove(menu, SMALL, file="m.yaml")
    return [str(m) for m in proof.mistakes if "for ever" in m.message]


def test_the_steps_of_both_stand_in_one_tree_each_under_all_its_names() -> None:
    menu = tree(HOTLINE)
    theirs = ["water.122.matter", "water.122.pipe", "water.122.out"]
    assert list(menu.steps) == ["which", "water", *theirs, "after", "person", "bye"]
    assert [menu.steps[step].line for step in theirs] == [5, 5, 5], "an admin is led to the step that calls"
    assert not prove(menu, SMALL).mistakes


def test_she_comes_back_where_the_other_tree_would_hang_up_and_its_goodbye_is_not_said() -> None:
    call = Conversation(tree(HOTLINE)).press("1")
    assert (call.heard, call.step, call.ways) == (["d"], "water.122.matter", ["tree:122@3"])
    call.press("1")
    assert call.heard == ["e", "b", "c"] and call.over


def test_the_way_back_leads_from_one_tree_into_the_other() -> None:
    call = Conversation(tree(HOTLINE)).press("1", "#")
    assert call.step == "which" and not call.session.draft


def test_the_seconds_of_a_way_through_the_other_tree_are_counted() -> None:
    best = {(a.step, a.kind): a.best for a in prove(tree(HOTLINE), SMALL).arrivals}
    assert best["bye", ""] == 4.0, "two prompts"
    assert best["bye", "request"] == 8.0, "those, that of the other tree, and the one behind it"


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ({}, "there is none of that name, neither on the air nor among the files"),
        ({"122": WATER.replace("go: pipe", "go: pip")}, "menu 122:7:22: steps.matter.keys.1.go: there"),
        ({"122": "- a"}, "menu 122:1:1: a menu file is a mapping"),
        ({"122": WATER.replace("[fa]", "[fa, en]")}, "it speaks en, which this tree does not"),
        ({"122": HOTLINE.replace('"122"', '"hotline"')}, "it would go round for ever: hotline → 122 → hot"),
    ],
    ids=["missing", "a mistake in it", "no tree", "another language", "one that calls back"],
)  # fmt: skip
def test_a_tree_that_cannot_be_called_is_told_where_it_is_called_and_leads_to_the_named_step(
    others: Mapping[str, str], why: str
) -> None:
    assert why in trouble(HOTLINE, others)
    with pytest.raises(MenuMistakes) as caught:
        check(HOTLINE.encode(), "m.yaml", SMALL, called=lambda name: _named(others, name))
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.line) == ("m.yaml", 5) and mistake.key.startswith("steps.water")
    call = Conversation(tree(HOTLINE, others)).press("1")
    if "round" in why:  # as far as it can be walked: the way in is there, only that back into itself is not
        call.press("1")
    assert call.ways[-1].endswith(":none") and call.over, "she went to the operator, and nobody came"


def test_the_other_tree_asks_only_whom_this_installation_may_ask_and_says_no_new_words_of_this_one() -> None:
    asks = """\
  pipe: {type: enquiry, url: "https://cuts.example.ir/", found: out, not_found: out, failed: out}
"""
    stranger = WATER.replace("  pipe: {type: say, prompt: [e], go: out}\n", asks)
    menu = parse(HOTLINE.encode(), "m.yaml", hosts={}, called=lambda name: CalledTree(stranger.encode()))
    water = menu.steps["water"]
    assert isinstance(water, TreeStep) and "cuts.example.ir" in water.trouble

    mine = HOTLINE.replace("steps:", "words:\n  own.snow: {fa: برف آمد, az: Qar yağdı}\nsteps:")
    mine = mine.replace("prompt: [b]", "prompt: [own.snow]")
    theirs = WATER.replace("prompt: [e]", "prompt: [own.snow]")
    read = parse(
        mine.encode(), "m.yaml", prompts=list("abcdef"), called=lambda name: CalledTree(theirs.encode())
    )
    water = read.steps["water"]
    assert isinstance(water, TreeStep) and "own.snow" in water.trouble


def test_trees_call_each_other_only_so_deep() -> None:
    chain = {
        str(n): HOTLINE.replace('"hotline"', f'"{n}"').replace('"122"', f'"{n + 1}"')
        for n in range(DEEPEST_CALL + 2)
    }
    assert f"deeper than {DEEPEST_CALL} levels" in trouble(HOTLINE.replace('"122"', '"0"'), chain)
    short = {**chain, str(DEEPEST_CALL - 1): WATER}
    assert not silent(tree(HOTLINE.replace('"122"', '"0"'), short))


def test_trees_that_call_each_other_over_and_over_are_not_read_over_and_over() -> None:
    """Four trees with thirty calls each would be 27,000 trees."""
    calls = "".join(
        f"  c{n}: {{type: tree, name: DEEPER, go: c{n + 1}, missing_go: c{n + 1}}}\n" for n in range(30)
    )
    text = f"menu: NAME\nlanguages: [fa]\nsteps:\n{calls}  c30: {{type: end}}\n"
    known = {f"t{n}": text.replace("NAME", f"t{n}").replace("DEEPER", f"t{n + 1}") for n in range(5)}
    read = list[str]()

    def called(name: str) -> CalledTree | None:
        read.append(name)
        return CalledTree(known[name].encode()) if name in known else None

    parse(known["t0"].encode(), "m.yaml", called=called)
    assert len(read) == MOST_CALLS


def test_a_loop_through_another_tree_that_silence_can_walk_is_refused() -> None:
    """It comes back by silence whatever its text: a tree by itself is proved to end for a silent caller."""
    assert silent(tree(HOTLINE.replace("[b], go: bye", "[b], go: water")))
    assert silent(tree(HOTLINE.replace("missing_go: person", "missing_go: water")))
    assert not silent(tree(HOTLINE))


def test_without_the_other_trees_a_tree_is_read_by_itself() -> None:
    menu = parse(HOTLINE.encode(), "m.yaml")
    assert list(menu.steps) == ["which", "water", "after", "person", "bye"]
    assert not prove(menu, SMALL).mistakes
