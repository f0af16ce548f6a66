"""A piece of a tree that is written once: used in many places, alone or from a file of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.voice.bundling import FragmentFile, bundled
from ivr.voice.fragments import FRAGMENTS_EXAMPLE
from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import MOST_STEPS, parse
from ivr.voice.proof import prove
from tests.voice.test_proof import SMALL

HEAD = 'menu: "m"\nlanguages: [fa]\n'
TREE = """\
steps:
  kind:
    type: menu
    prompt: [a]
    keys:
      "1": {kind: complaint, go: first}
      "2": {kind: request, go: second}
  first: {type: fragment, use: human, exits: {spoken: bye, silent: kind}}
  second: {type: fragment, use: human, exits: {spoken: kind, silent: bye}}
  bye: {type: end}
"""
OWN_FILE = """\
# Who is on duty.
exits: [out]
steps:
  operator: {type: operator, queue: q, nobody: out}
"""


def tree(text: str) -> Menu:
    return parse((HEAD + text).encode(), "m.yaml")


def wrong(text: str) -> list[str]:
    with pytest.raises(MenuMistakes) as caught:
        tree(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def ways(menu: Menu, step: str) -> list[str]:
    return list(dict.fromkeys(way.to for way in menu.steps[step].ways()))


def files(**found: str) -> Callable[[str], FragmentFile | None]:
    return lambda name: (
        FragmentFile(f"fragments/{name}.yaml", found[name].encode()) if name in found else None
    )


def test_each_use_has_its_own_steps_and_leads_where_it_says() -> None:
    menu = tree(FRAGMENTS_EXAMPLE + TREE)
    assert ways(menu, "first") == ["first.operator"] and ways(menu, "second.operator") == ["second.message"]
    assert ways(menu, "first.message") == ["bye", "kind"] and ways(menu, "second.message") == ["kind", "bye"]
    assert menu.steps["first.message"].line == menu.steps["second.message"].line == 11


def test_a_default_is_the_fragment_s_own_step_if_it_has_one_else_the_tree_s() -> None:
    asks = (
        "fragments:\n  q:\n    exits: [out]\n    steps:\n      ask:\n        type: county\n        go: out\n"
    )
    person = "      person: {type: operator, nobody: out}\n"
    uses = "steps:\n  ask: {type: fragment, use: q, exits: {out: bye}}\n  bye: {type: end}\n"
    assert ways(tree(asks + uses), "ask.ask") == ["bye"]
    assert ways(tree(asks + person + uses), "ask.ask") == ["bye", "ask.person"]


def test_fragments_stand_in_each_other() -> None:
    again = "      again: {type: fragment, use: human, exits: {spoken: out, silent: out}}\n"
    inner = "  box:\n    exits: [out]\n    steps:\n" + again
    uses = TREE.replace("use: human, exits: {spoken: bye, silent: kind}", "use: box, exits: {out: bye}")
    menu = tree(FRAGMENTS_EXAMPLE + inner + uses)
    assert ways(menu, "first.again.message") == ["bye"]


USED = "use: human, exits: {spoken: bye"
BROKEN = {
    "a step that is misspelt": (
        "nobody: message", "nobody: mesage",
        "10:17: fragments.human.steps.operator.nobody: there is no step “mesage” (did you mean “message”?)",
    ),
    "a step of the tree around it": (
        "nobody: message", "nobody: bye",
        "10:17: fragments.human.steps.operator.nobody: there is no step “bye”",
    ),
    "another fragment": (
        USED, USED.replace("human", "humen"),
        "24:32: steps.first.use: there is no fragment “humen”: write it under `fragments`"
        " (did you mean “human”?)",
    ),
    "another exit": (
        "silent: kind", "slient: kind",
        "24:60: steps.first.exits: “slient” is no exit of it; there are spoken, silent"
        " (did you mean “silent”?)",
    ),
    "an exit that leads nowhere": (
        "spoken: bye, silent: kind", "spoken: bye",
        "24:46: steps.first.exits.silent: is missing",
    ),
    "an exit called like a step": (
        "[spoken, silent]", "[spoken, silent, message]",
        "5:5: fragments.human.steps.message: is one of the exits, too: call one of them otherwise",
    ),
    "a key that no fragment has": (
        "exits: [spoken", "exit: [spoken",
        "5:5: fragments.human.exit: there is no such key here; there are exits, steps"
        " (did you mean “exits”?)",
    ),
    "a fragment in itself": (
        "type: operator\n",
        "type: fragment\n        use: human\n        exits: {spoken: message, silent: message}\n",
        "9:14: fragments.human.steps.operator.use: goes round for ever: human → human",
    ),
    "a fragment for nothing": (
        "fragments:\n", "fragments:\n  other:\n    steps: {x: {type: end}}\n",
        "4:3: fragments.other: no step uses this fragment",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_mistake_within_is_told_once_with_its_own_line(what: str) -> None:
    old, new, mistake = BROKEN[what]
    assert wrong((FRAGMENTS_EXAMPLE + TREE).replace(old, new, 1)).count(f"m.yaml:{mistake}") == 1


def test_what_is_wrong_with_one_use_as_a_whole_is_told_in_its_line_and_by_both_names() -> None:
    text = FRAGMENTS_EXAMPLE.replace("        sets: {kind: request, topic: other.other}\n", "")
    menu = tree(text + TREE.replace("kind: request, ", ""))
    (mistake,) = (m for m in prove(menu, SMALL, file="m.yaml").mistakes if "without a kind" in m.message)
    assert (mistake.line, mistake.key) == (11, "steps.second.message")


def test_fragments_that_double_each_other_are_refused_before_they_fill_the_memory() -> None:
    twice = "\n".join(
        f"  f{n}:\n    exits: [out]\n    steps:\n"
        + "\n".join(
            f"      s{k}: {{type: fragment, use: f{n + 1}, exits: {{out: {to}}}}}"
            for k, to in enumerate([*(f"s{k}" for k in range(1, 41)), "out"])
        )
        for n in range(4)
    )
    last = "\n  f4: {exits: [out], steps: {one: {type: say, prompt: [a], go: out}}}\n"
    uses = "steps:\n  one: {type: fragment, use: f0, exits: {out: bye}}\n  bye: {type: end}\n"
    found = wrong("fragments:\n" + twice + last + uses)
    assert f"with its fragments the tree has more than {MOST_STEPS:,} steps" in found[0]


def test_a_tree_takes_a_fragment_from_a_file_and_needs_the_file_no_more() -> None:
    uses = TREE.replace("use: human, exits: {spoken: bye, silent: kind}", "use: duty, exits: {out: bye}")
    text = bundled((HEAD + FRAGMENTS_EXAMPLE + uses).encode(), "m.yaml", files(duty=OWN_FILE))
    assert ways(parse(text.data, "m.yaml"), "first.operator") == ["bye"]
    assert b"# Who is on duty." in text.data, "with its comments"
    assert bundled(text.data, "m.yaml", files()).data == text.data


def test_a_tree_that_uses_no_file_stays_letter_for_letter_what_it_is() -> None:
    data = (HEAD + FRAGMENTS_EXAMPLE + TREE).encode()
    assert bundled(data, "m.yaml", files(human=OWN_FILE)).data is data


OUTER = """\
exits: [out]
steps:
  a: {type: fragment, use: duty, exits: {out: b}}
  b: {type: say, prompt: [a], go: outt}
"""


@pytest.mark.parametrize("own", ["", FRAGMENTS_EXAMPLE], ids=["none of its own", "with others of its own"])
def test_mistakes_are_told_with_the_file_and_the_line_that_the_admin_sees(own: str) -> None:
    """Of a file that another file uses, too; and those of the tree keep their lines."""
    steps = TREE.replace(f"{USED}, silent: kind}}", "use: outer, exits: {out: by}")
    if not own:
        steps = steps.replace(
            "use: human, exits: {spoken: kind, silent: bye}", "use: outer, exits: {out: bye}"
        )
    before = HEAD + own + steps
    duty = OWN_FILE.replace("nobody: out", "nobody: nowhere")
    text = bundled(before.encode(), "m.yaml", files(outer=OUTER, duty=duty))
    with pytest.raises(MenuMistakes) as caught:
        parse(text.data, text.file)
    told = {(m.file, m.line, m.column) for m in text.placed(caught.value.mistakes).mistakes}
    lines = before[: before.index("by}")].split("\n")
    assert told == {
        ("m.yaml", len(lines), len(lines[-1]) + 1),
        ("fragments/outer.yaml", 4, 35),
        ("fragments/duty.yaml", 4, 48),
    }


@pytest.mark.parametrize("broken", ["- a\n", "{", "exits: &x [a]\n", "exits: []\nexits: []\n"])
def test_a_fragment_s_file_that_is_no_mapping_of_plain_yaml_is_named(broken: str) -> None:
    with pytest.raises(MenuMistakes) as caught:
        bundled((HEAD + TREE).encode(), "m.yaml", files(human=broken))
    assert {mistake.file for mistake in caught.value.mistakes} == {"fragments/human.yaml"}
