"""What a tree says in its own words: read, refused, heard instead of the catalogue's, changed in the text."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.simulator import walk
from ivr.voice import callback
from ivr.voice.actions import Enquire
from ivr.voice.events import Caller, CaseSeen, Lookup
from ivr.voice.menu_diff import changes
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.own_words import played, timed, whole_in
from ivr.voice.parse import parse
from ivr.voice.proof import check
from ivr.voice.reading import CalledTree
from ivr.voice.words_in_text import with_words
from tests.voice.conversation import CALLER, CODE, DIRECTORY, TREE, Conversation

HEAD = 'menu: "m"\nlanguages: [fa, az]\n'
STEPS = """# the whole of it
steps:
  hello:
    type: say
    prompt: [welcome]
    go: bye
  bye: {type: end}
"""
SNOW = 'words:\n  welcome:\n    fa: "برف آمده است."\n'
FIRST = TREE.read_text(encoding="utf-8")


def mistakes(words: str) -> list[str]:
    with pytest.raises(MenuMistakes) as caught:
        parse((HEAD + words + STEPS).encode(), "m", prompts={"welcome", "goodbye"})
    return [
        f"{each.line} {each.key}: {each.message} {each.nearest}".strip() for each in caught.value.mistakes
    ]


def test_a_tree_says_a_prompt_in_its_own_words_in_the_languages_that_it_gives() -> None:
    menu = parse((HEAD + SNOW + STEPS).encode(), "m", prompts={"welcome"})
    own = menu.words["welcome"]["fa"]
    assert own.text == "برف آمده است." and own.id.startswith("said.")
    assert played(menu.words) == {"fa": {"welcome": own.id}}
    assert not whole_in(menu.words, menu.languages)
    lengths = timed(menu.words, {}, lambda id, language: 9.0)
    assert lengths is not None
    assert lengths("welcome", "fa") == lengths(own.id, "fa") == pytest.approx(0.08 * len(own.text))
    assert lengths("welcome", "az") == 9.0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("words: [a]\n", "3 words: must be a mapping"),
        ("words: {welcome: x}\n", "3 words.welcome: must be a mapping"),
        ("words: {welcome: {fa: [x]}}\n", "3 words.welcome.fa: must be one value"),
        ("words: {welcome: {en: hello}}\n", "3 words.welcome.en: there is no language en"),
        ("words: {welcome: {fa: ''}}\n", "3 words.welcome.fa: is empty"),
        ("words: {welcome: {fa: '…'}}\n", "3 words.welcome.fa: no voice can read this"),
        ("words: {welcome: {az: سیزین ایشینیزه باخیلدی}}\n", "3 words.welcome.az: no voice can read this"),
        (f"words: {{welcome: {{fa: {'ب' * 1001}}}}}\n", "3 words.welcome.fa: has 1,001 characters"),
        ("words: {welcom: {fa: برف}}\n", "3 words.welcom: there is no prompt “welcom”"),
        ("words: {own.snow: {fa: برف}}\n", "3 words.own.snow: is a new prompt: it needs words in az too"),
        ("words: {../x: {fa: برف}}\n", "3 words.../x: “../x” is no prompt id"),
    ],
)
def test_what_can_t_be_said_is_a_mistake_with_its_place(words: str, told: str) -> None:
    assert [each for each in mistakes(words) if each.startswith(told)]


def test_a_new_prompt_may_be_named_where_all_languages_have_its_words_and_unsaid_ones_are_refused() -> None:
    new = 'words:\n  own.snow: {fa: برف آمده است., az: "Qar yağıb."}\n'
    steps = STEPS.replace("[welcome]", "[own.snow]")
    menu, _ = check((HEAD + new + steps).encode(), "m", DIRECTORY, prompts={"welcome"})
    assert whole_in(menu.words, menu.languages) == {"own.snow"}
    with pytest.raises(MenuMistakes) as caught:
        check((HEAD + new + STEPS).encode(), "m", DIRECTORY, prompts={"welcome"})
    assert {(each.line, each.message) for each in caught.value.mistakes} == {
        (4, "nothing in this tree says it")
    }


def test_a_caller_hears_the_tree_s_own_words_in_her_language_and_the_usual_ones_in_the_other() -> None:
    menu = parse(with_words(FIRST, "kind.menu", {"fa": "برای شکایت یک."}).encode(), "m")
    own = menu.words["kind.menu"]["fa"]
    caller = Caller("", datetime.fromisoformat("2026-11-28T10:00:00+03:30"))

    def heard(key: str) -> list[object]:
        told = walk(menu, DIRECTORY, [key], prompts=lambda id, language: id, caller=caller)
        return [sound for sound, _ in told.heard]

    assert own.id in heard("1") and "kind.menu" not in heard("1")
    assert own.id not in heard("2") and "kind.menu" in heard("2")


def test_changed_words_are_a_change_of_what_is_said() -> None:
    before = parse((HEAD + STEPS).encode(), "m")
    after = parse((HEAD + SNOW + STEPS).encode(), "m")
    assert [str(each) for each in changes(before, after)] == [
        "words.welcome.fa: (none) becomes برف آمده است."
    ]
    assert [each.kind for each in changes(after, before)] == ["prompt"]


def test_words_are_written_above_the_steps_and_the_rest_stays_as_it_was() -> None:
    once = with_words(HEAD + STEPS, "welcome", {"fa": "سلام"})
    assert once == HEAD + 'words:\n  welcome:\n    fa: "سلام"\n' + STEPS
    assert with_words(once, "welcome", {}) == HEAD + STEPS
    commented = (
        HEAD + "words: # ours\n  # the first\n  a: {fa: x}\n  # the second\n  b:\n    az: y # why\n\n" + STEPS
    )
    changed = with_words(commented, "a", {"fa": 'say "no"', "az": "z"})
    assert changed == commented.replace("  a: {fa: x}\n", '  a:\n    fa: "say \\"no\\""\n    az: "z"\n')
    assert with_words(commented, "a", {}) == commented.replace("  a: {fa: x}\n", "")
    added = with_words(commented, "c", {"fa": "w"})
    assert added == commented.replace("# why\n", '# why\n  c:\n    fa: "w"\n')
    braces = HEAD + "words: {a: {fa: x}, b: {az: y}}\n" + STEPS
    assert with_words(braces, "b", {}) == HEAD + 'words:\n  a:\n    fa: "x"\n' + STEPS


def test_words_stand_as_deep_as_those_beside_them_and_take_none_of_theirs() -> None:
    for deep in (" ", "    "):
        a, b = f'{deep}a:\n{deep}  fa: "x"\n', f'{deep}b:\n{deep}{deep}fa: "y"\n{deep}{deep}az: "z"\n'
        text = HEAD + "words:\n" + a + b + STEPS
        assert with_words(text, "a", {"fa": "new"}) == text.replace('"x"', '"new"')
        added = with_words(text, "c", {"az": "w"})
        assert added == text.replace(b, f'{b}{deep}c:\n{deep}  az: "w"\n')
        assert with_words(added, "c", {}) == text and with_words(text, "a", {}) == text.replace(a, "")


def test_where_another_prompt_s_words_would_be_lost_nothing_is_written() -> None:
    text = HEAD + "words:\n  {a: {fa: x}, b: {fa: y}}\n" + STEPS
    with pytest.raises(MenuMistakes, match="a text of this form"):
        with_words(text, "a", {})


def test_into_a_text_that_is_no_tree_nothing_is_written() -> None:
    for text in ("", "- a\n", "{menu: m, steps: {}}", "a: [", "a: 1\na: 2\n"):
        with pytest.raises(MenuMistakes):
            with_words(text, "welcome", {"fa": "سلام"})


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40)


@example([("a", {"fa": "x\u2028y\u2029z\x85"})])
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.dictionaries(st.sampled_from(["fa", "az"]), WORDS)), max_size=6
    )
)
def test_whatever_is_written_is_read_again_and_taken_away_leaves_the_text(
    said: list[tuple[str, dict[str, str]]],
) -> None:
    text = HEAD + STEPS
    for id, words in said:
        text = with_words(text, id, words)
    for id, _ in said:
        text = with_words(text, id, {})
    assert text == HEAD + STEPS


def test_steps_of_a_tree_that_is_called_say_what_that_one_says() -> None:
    other = HEAD.replace('"m"', '"o"') + SNOW + STEPS
    outer = 'words:\n  goodbye:\n    fa: "خدا نگهدار."\n  welcome:\n    fa: "بفرمایید."\n'
    steps = "steps:\n  first:\n    type: say\n    prompt: [welcome]\n    go: call\n"
    steps += "  call: {type: tree, name: o, go: bye, missing_go: bye}\n"
    steps += "  bye:\n    type: end\n    prompt: [goodbye]\n"
    text = HEAD + outer + steps
    menu = parse(text.encode(), "m", called=lambda name: CalledTree(other.encode()))
    assert menu.words.keys() == {"goodbye", "welcome"} and menu.called_words["call.o."].keys() == {"welcome"}
    caller = Caller("", datetime.fromisoformat("2026-11-28T10:00:00+03:30"))
    told = walk(menu, DIRECTORY, [], prompts=lambda id, language: id, caller=caller)
    snow = menu.called_words["call.o."]["welcome"]["fa"]
    assert [sound for sound, _ in told.heard] == [
        menu.words["welcome"]["fa"].id, snow.id, menu.words["goodbye"]["fa"].id,
    ]  # fmt: skip


def test_what_one_tree_said_in_the_catalogue_s_words_is_not_said_in_those_of_the_tree_behind_it() -> None:
    ask = STEPS.replace("type: say", "type: menu").replace("go: bye", 'keys: {"1": {go: bye}}')
    other = HEAD.replace('"m"', '"o"') + SNOW + ask
    steps = "steps:\n  first: {type: say, prompt: [welcome], go: call}\n"
    steps += (
        "  call: {type: tree, name: o, go: bye, missing_go: bye}\n  bye: {type: end, prompt: [goodbye]}\n"
    )
    menu = parse((HEAD + steps).encode(), "m", called=lambda name: CalledTree(other.encode()))
    snow = menu.called_words["call.o."]["welcome"]["fa"].id
    assert Conversation(menu).heard == ["welcome", snow]


def test_who_waits_for_another_system_hears_the_tree_s_own_words() -> None:
    asks = 'type: enquiry, prompt: [own.wait], url: "https://x.ir/"'
    text = (
        "words:\n  own.wait: {fa: صبر کنید}\nsteps:\n"
        + f"  ask: {{{asks}, found: bye, not_found: bye, failed: bye}}\n"
        + "  bye: {type: end}\n"
    )
    menu = parse((HEAD.replace(", az", "") + text).encode(), "m", prompts=())
    asked = Conversation(menu).action
    assert isinstance(asked, Enquire) and asked.filler == (menu.words["own.wait"]["fa"].id,)


ASKS_FOR_ONE = """words:
  own.connect: {fa: "به کارشناس وصل می‌شوید."}
  own.closed: {fa: "اکنون کسی نیست."}
steps:
  person:
    type: operator
    prompt: [own.connect]
    closed_prompt: [own.closed]
    hours: {days: [thu], opens: "08:00", closes: "12:00"}
    nobody: bye
  bye: {type: end}
"""
TELLS_OF_A_CASE = """steps:
  follow_up: {type: digits, prompt: [follow_up.ask], into: code, check: tracking_code, go: status}
  status: {type: status, unknown_go: follow_up, go: bye}
  bye: {type: end}
"""
CALLS = "steps:\n  call: {type: tree, name: o, go: bye, missing_go: bye}\n"
UNREAD = CaseSeen(Lookup.FOUND, "answered", "abfa", answer="…", may_confirm=True)


@pytest.mark.parametrize("is_called", [False, True])
def test_on_a_call_of_ours_she_hears_the_operator_s_own_words_of_the_tree_that_has_one(
    is_called: bool,
) -> None:
    has_one = (HEAD.replace(", az", "") + ASKS_FOR_ONE).encode()
    outer = f"{HEAD.replace(', az', '')}{CALLS}  bye: {{type: end}}\n".encode()
    tree = parse(outer if is_called else has_one, "m", called=lambda name: CalledTree(has_one), prompts=())
    [words] = tree.called_words.values() if is_called else [tree.words]
    operator = callback.operator_of(tree, "fa")
    assert operator is not None and operator.prompt == (words["own.connect"]["fa"].id,)
    asked = Conversation(callback.menu("1234567894", UNREAD, "fa", operator)).press("0")
    assert asked.heard[0] == words["own.closed"]["fa"].id, "it is a Wednesday"


@pytest.mark.parametrize("is_called", [False, True])
def test_where_her_case_is_told_in_another_tree_the_operator_s_words_are_those_of_its_own(
    is_called: bool,
) -> None:
    head, has_one = HEAD.replace(", az", ""), ASKS_FOR_ONE
    if is_called:
        outer, inner = TELLS_OF_A_CASE + CALLS.removeprefix("steps:\n"), has_one
    else:
        outer, inner = has_one.replace("steps:\n", CALLS), TELLS_OF_A_CASE
    tree = parse((head + outer).encode(), "m", called=lambda name: CalledTree((head + inner).encode()))
    [words] = tree.called_words.values() if is_called else [tree.words]
    tomorrow = replace(CALLER, now=CALLER.now + timedelta(days=1))
    for caller, says in ((CALLER, "own.closed"), (tomorrow, "own.connect")):
        told = Conversation(tree, caller, seen=UNREAD).press(CODE, "0")
        assert told.heard[0] == words[says]["fa"].id
