"""A menu as a picture: nothing lies on anything else, nothing is left out, the seconds are the proof's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.settings import ROOT
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from ivr.voice.proof import prove
from ivr.voice.tree_cards import TreeWords, cards
from ivr.voice.tree_drawing import SHADES, draw
from ivr.voice.tree_layout import LONGEST, Laid, lay_out
from ivr.voice.tree_text import text_width, wrapped
from tests.voice.conversation import DIRECTORY, TREE, default_menu

NAMES = [f"s{n}" for n in range(14)]
WORDS = TreeWords(
    prompt=lambda id: f"<{id}> & “{id}”",
    word=lambda key, otherwise: otherwise,
    number=lambda figure: f"{figure:g}",
    clock=lambda seconds: f"{seconds:.0f}s",
)
SVG = "{http://www.w3.org/2000/svg}"


def overlapping(laid: Laid, sizes: Mapping[str, tuple[float, float]]) -> list[tuple[str, str]]:
    def meet(a: str, b: str) -> bool:
        (ax, ay), (bx, by) = laid.places[a], laid.places[b]
        beside = ax + sizes[a][0] <= bx or bx + sizes[b][0] <= ax
        return not (beside or ay + sizes[a][1] <= by or by + sizes[b][1] <= ay)

    return [(a, b) for a, b in combinations(sizes, 2) if meet(a, b)]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=40), st.data())
def test_no_box_lies_on_another_and_every_way_is_a_line_downwards_or_a_jump(
    ways: list[tuple[str, str]], data: st.DataObject
) -> None:
    sizes = {name: data.draw(st.tuples(st.integers(20, 300), st.integers(20, 150))) for name in NAMES}
    laid = lay_out(sizes, ways)
    assert not overlapping(laid, sizes)
    assert laid.lines.keys() | laid.jumps == set(ways) and not laid.lines.keys() & laid.jumps
    for (source, target), points in laid.lines.items():
        heights = [laid.floors[source], *(y for _, y in points), laid.places[target][1]]
        assert heights == sorted(heights)
    for name, (x, y) in laid.places.items():
        assert x >= -0.01 and x + sizes[name][0] <= laid.width + 0.01 and y + sizes[name][1] <= laid.height


def test_two_thousand_boxes_and_many_ways_across_are_laid_in_few_pieces() -> None:
    names = [str(n) for n in range(2_000)]
    ways = [(names[(n - 1) // 4], names[n]) for n in range(1, 2_000)]
    ways += [(names[n], names[n * 7919 % 2_000]) for n in range(2_000)]
    laid = lay_out(dict.fromkeys(names, (216.0, 100.0)), ways)
    assert len(laid.places) == 2_000
    assert all(len(points) <= 2 * (LONGEST - 1) for points in laid.lines.values())


def test_the_first_key_stands_at_the_right() -> None:
    laid = lay_out(dict.fromkeys("abcd", (10.0, 10.0)), [("a", "b"), ("a", "c"), ("a", "d")])
    assert laid.places["b"][0] > laid.places["c"][0] > laid.places["d"][0]


@pytest.mark.parametrize("tree", ["111.yaml", "111-words-first.yaml"])
def test_every_step_of_a_tree_that_ships_stands_in_its_picture_once_and_leads_where_it_leads(
    tree: str,
) -> None:
    menu = parse(TREE.with_name(tree).read_bytes(), tree)
    picture = ElementTree.fromstring(draw(menu, DIRECTORY, WORDS))  # well-formed, whatever prompts hold
    groups = {group.get("data-step"): group for group in picture.iter(f"{SVG}g")}
    assert groups.keys() == menu.steps.keys()
    assert {int(group.get("data-line", "")) for group in groups.values()} == {
        step.line for step in menu.steps.values()
    }
    for card in cards(menu, DIRECTORY, WORDS, None):
        led = {way.to for way in (*card.exits, *card.misses)}
        assert led == {way.to for way in menu.steps[card.step].ways() if not way.again}
    into = len(list(picture.iter(f"{SVG}path")))
    assert into > len(menu.steps)


def test_keys_stand_at_their_ways_and_those_of_one_step_together() -> None:
    kind = next(card for card in cards(default_menu(), DIRECTORY, WORDS, None) if card.step == "kind")
    assert [(way.labels, way.to) for way in kind.exits] == [
        (("1", "2", "3", "4", "5"), "caller"),
        (("6",), "follow_up"),
        (("7",), "hour_words"),
        (("0",), "operator"),
    ]
    assert [(way.labels, way.to) for way in kind.misses] == [(("silent", "wrong"), "operator")]


def test_a_step_to_which_only_misses_lead_has_a_line_too() -> None:
    text = TREE.read_text(encoding="utf-8").replace(
        "no_input: {limit: 2, say: [county.list], then: who}", "no_input: {limit: 2, then: lost}"
    )
    lost = "\n  lost:\n    type: say\n    prompt: [no_input]\n    go: who\n"
    menu = parse((text + lost).encode(), "lost.yaml")
    shown = {card.step: card for card in cards(menu, DIRECTORY, WORDS, None)}
    assert [way.to for way in shown["county"].exits if not way.willing] == ["lost"]
    assert shown["lost"].arrives is None
    assert draw(menu, DIRECTORY, WORDS).count("stroke-dasharray") == 1


def test_when_she_comes_to_a_beep_is_what_the_proof_says() -> None:
    menu = default_menu()
    seconds = {"fa": 1.5, "az": 2.5}
    proof = prove(menu, DIRECTORY, lambda _, language: seconds[language])
    best = min(
        a.best
        for a in proof.arrivals
        if a.step == "record" and a.language == "az" and a.kind != "meeting" and a.best
    )
    shown = {card.step: card for card in cards(menu, DIRECTORY, WORDS, lambda _, language: seconds[language])}
    words = 2.5 * len(menu.steps["record"].prompt)
    straight = (shown["kind"].arrives or 0) - (shown["language"].arrives or 0)
    assert straight > 0 and (shown["record"].arrives or 0) + words <= best + 0.01


def drawn_with(heat: dict[str, float], menu: Menu | None = None) -> str:
    return draw(
        menu or default_menu(), DIRECTORY, WORDS, heat=heat, link=lambda step: f"/calls?a=1&at={step}"
    )


def test_heat_colours_the_hottest_most_and_what_nobody_entered_not_at_all() -> None:
    picture = drawn_with({"language": 900, "kind": 450, "topic": 1, "goodbye": 0})
    shade = {
        step: re.search(rf'data-step="{step}".*?class="box( heat(\d))?"', picture)
        for step in ("language", "kind", "topic", "goodbye", "code")
    }
    assert {step: found and found[2] for step, found in shade.items()} == {
        "language": str(len(SHADES)), "kind": "5", "topic": "1", "goodbye": None, "code": None,
    }  # fmt: skip
    assert ">⁧900⁩<" in picture and ">⁧0⁩<" in picture, "the figures stand there"


def test_a_step_leads_to_its_address() -> None:
    picture = ElementTree.fromstring(drawn_with({}))
    assert next(picture.iter(f"{SVG}a")).get("href") == "/calls?a=1&at=language"


def test_long_words_and_long_prompts_stay_in_their_box() -> None:
    lines = wrapped("یک " + "x" * 500 + " و باز هم کلمه‌های بسیار دیگری که جا نمی‌شوند", 190, 13)
    assert len(lines) == 2 and lines[-1].endswith("…")
    assert all(text_width(line, 13) < 260 for line in lines)
    assert wrapped("", 100, 13) == []


def test_each_answer_of_another_system_and_the_key_that_keeps_a_place_stand_on_their_ways() -> None:
    tree = parse((ROOT / "tests" / "golden" / "power-cut.yaml").read_bytes(), "power-cut.yaml")
    asks = next(card for card in cards(tree, DIRECTORY, WORDS, None) if card.step == "ask")
    assert {each.to: each.labels for each in asks.exits} == {
        "which": ("found",), "record": ("not_found", "failed"),
    }  # fmt: skip
    operator = next(card for card in cards(default_menu(), DIRECTORY, WORDS, None) if card.step == "operator")
    assert ("turn_words", ("1",)) in [(each.to, each.labels) for each in (*operator.exits, *operator.misses)]
