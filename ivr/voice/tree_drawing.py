"""A menu as a picture: SVG, from above, the first key at the right; words from right to left.

Every colour stands as an attribute, so that the file is whole by itself and no page's policy is in its way;
a page's style sheet may overrule them by class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from math import ceil

from ivr.voice.directory import Directory
from ivr.voice.menu import CardLook, Menu
from ivr.voice.timing import SecondsOf
from ivr.voice.tree_cards import Exit, StepCard, TreeWords, cards
from ivr.voice.tree_layout import Laid, Point, lay_out
from ivr.voice.tree_text import svg_text, text_width, wrapped

MARGIN = 16.0
LEAST_WIDTH = 216.0
SHADES = ("#fff8e8", "#fff1d4", "#ffe9bd", "#ffe0a6", "#ffd592", "#ffc984", "#ffbd7c", "#fdb077", "#f9a274")
_PAD, _HEAD, _LINE, _NOTE = 12.0, 30.0, 20.0, 16.0
_INK, _SOFT, _EDGE, _PAPER, _RIM = "#1c2321", "#56605b", "#8b938d", "#ffffff", "#c9cec9"
_ASKS = "#0b6b72"
_COLOURS: Mapping[CardLook, str] = {
    "ask": _ASKS,
    "record": "#b4530a",
    "operator": "#6d4bb0",
    "say": "#2c6a9c",
    "quiet": "#56605b",
}

StepLink = Callable[[str], str]


def draw(
    menu: Menu,
    directory: Directory,
    words: TreeWords,
    *,
    seconds_of: SecondsOf | None = None,
    heat: Mapping[str, float] | None = None,
    link: StepLink | None = None,
) -> str:
    """The picture of a valid menu.

    `heat`: step → a figure, the highest is the hottest. `link(step)`: the address that a step leads to.
    Edges show the keys and, in minutes, the seconds that pass in a step before it is left so; a step shows
    when who hears all and never misses comes to it. `seconds_of` as in `proof.check`.
    """
    boxes = [
        _Box(card, words, (heat or {}).get(card.step)) for card in cards(menu, directory, words, seconds_of)
    ]
    sizes = {box.card.step: (box.width, box.height) for box in boxes}
    laid = lay_out(sizes, [(box.card.step, way.to) for box in boxes for way in box.card.exits])
    hottest = max((heat or {}).values(), default=0.0)
    body = "".join(_drawn(boxes, laid, hottest, link))
    width, height = laid.width + 2 * MARGIN, laid.height + 2 * MARGIN
    name = escape(words.word("drawing", "menu") + " " + menu.name)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tree" direction="ltr" role="group"'
        f' aria-label="{name}" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="{-MARGIN:g} {-MARGIN:g} {width:.0f} {height:.0f}"'
        f' font-family="Vazirmatn, Tahoma, sans-serif" font-size="13"><title>{name}</title>{body}</svg>'
    )


@dataclass(frozen=True)
class _Box:
    """A card and the room that it takes."""

    card: StepCard
    words: TreeWords
    figure: float | None

    @cached_property
    def title(self) -> list[str]:
        return wrapped(self.card.title, LEAST_WIDTH - 2 * _PAD, 13)

    @cached_property
    def notes(self) -> list[str]:
        comma, clock = self.words.word("comma", ", "), self.words.clock
        return [f"{comma.join(way.labels)} {clock(way.seconds)} ← {way.to}" for way in self.card.misses]

    @property
    def strip(self) -> float:
        """Where the ways out begin, from above."""
        return _HEAD + _LINE * len(self.title) + _NOTE * len(self.notes) + (4 if self.title else 0)

    def cell(self, way: Exit, jumps: bool) -> list[tuple[str, float]]:
        """The lines of a way out, each with the size of its letters."""
        label = " ".join(self.words.word(f"key.{each}", each) for each in way.labels)
        lines = [(label, 12.0)] if label else []
        lines += [(self.words.clock(way.seconds), 11.0)] if way.seconds else []
        return lines + ([(f"← {way.to}", 11.0)] if jumps else [])

    def needs(self, way: Exit) -> float:
        return max([30.0, *(text_width(text, size) + 14 for text, size in self.cell(way, True))])

    @cached_property
    def width(self) -> float:
        notes = [text_width(note, 11) + 2 * _PAD for note in self.notes]
        head = text_width(self.head, 11) + text_width(self.card.step, 11) + 3 * _PAD
        return max(LEAST_WIDTH, sum(map(self.needs, self.card.exits)), head, *notes)

    @cached_property
    def head(self) -> str:
        kind, at = self.words.word(f"type.{self.card.type}", self.card.type), self.card.arrives
        return f"{kind} · {self.words.clock(at)}" if at else kind

    @cached_property
    def height(self) -> float:
        cells = max((len(self.cell(way, True)) for way in self.card.exits), default=0)
        return self.strip + (cells * 15 + 8 if cells else 6)

    def middles(self, exits: Sequence[Exit]) -> dict[str, float]:
        """Where each way leaves, from the left edge: in the order of what they lead to, jumps leftmost."""
        spare = (self.width - sum(map(self.needs, exits))) / max(len(exits), 1)
        right, found = self.width, {}
        for way in exits:
            found[way.to] = right - (self.needs(way) + spare) / 2
            right -= self.needs(way) + spare
        return found


def _drawn(boxes: Sequence[_Box], laid: Laid, hottest: float, link: StepLink | None) -> Iterator[str]:
    """Lines first, boxes over them."""
    by_step = {box.card.step: box for box in boxes}
    exits = {box.card.step: sorted(box.card.exits, key=lambda way: _rank(way, box, laid)) for box in boxes}
    leaves = {step: by_step[step].middles(ways) for step, ways in exits.items()}
    ends = _ends(by_step, laid, leaves)
    for way in laid.lines:
        willing = next(each.willing for each in by_step[way[0]].card.exits if each.to == way[1])
        yield _line(way, by_step, laid, leaves[way[0]][way[1]], ends[way], willing)
    for box in boxes:
        yield _box(box, laid, exits[box.card.step], leaves[box.card.step], hottest, link)


def _rank(way: Exit, box: _Box, laid: Laid) -> tuple[bool, float]:
    pair = (box.card.step, way.to)
    if pair in laid.jumps:
        return True, 0.0
    points = laid.lines[pair]
    return False, -(points[0][0] if points else laid.places[way.to][0])


def _ends(
    boxes: Mapping[str, _Box], laid: Laid, leaves: Mapping[str, Mapping[str, float]]
) -> dict[tuple[str, str], float]:
    """Where each line meets its box: those from the left at the left."""
    into: dict[str, list[tuple[float, tuple[str, str]]]] = {}
    for way, points in laid.lines.items():
        last = points[-1][0] if points else laid.places[way[0]][0] + leaves[way[0]][way[1]]
        into.setdefault(way[1], []).append((last, way))
    found = {}
    for step, lines in into.items():
        middle, apart = laid.places[step][0] + boxes[step].width / 2, min(18.0, LEAST_WIDTH / 2 / len(lines))
        for place, (_, way) in enumerate(sorted(lines)):
            found[way] = middle + (place - (len(lines) - 1) / 2) * apart
    return found


def _line(
    way: tuple[str, str], boxes: Mapping[str, _Box], laid: Laid, leaves: float, end: float, willing: bool
) -> str:
    source, target = way
    x, y = laid.places[source][0] + leaves, laid.places[source][1] + boxes[source].height
    points: list[Point] = [(x, laid.floors[source]), *laid.lines[way], (end, laid.places[target][1] - 5)]
    path = f"M{x:.1f} {y:.1f}V{points[0][1]:.1f}"
    for place in range(0, len(points), 2):
        (ax, ay), (bx, by) = points[place : place + 2]
        middle = (ay + by) / 2
        path += f"C{ax:.1f} {middle:.1f} {bx:.1f} {middle:.1f} {bx:.1f} {by:.1f}"
        path += f"V{points[place + 2][1]:.1f}" if place + 2 < len(points) else ""
    dashes = "" if willing else ' stroke-dasharray="4 4"'
    head = f"M{end - 4:.1f} {points[-1][1] - 1:.1f}h8l-4 6z"
    return (
        f'<path class="way" d="{path}" fill="none" stroke="{_EDGE}" stroke-width="1.5"{dashes}/>'
        f'<path class="head" d="{head}" fill="{_EDGE}"/>'
    )


def _box(
    box: _Box,
    laid: Laid,
    exits: Sequence[Exit],
    leaves: Mapping[str, float],
    hottest: float,
    link: StepLink | None,
) -> str:
    card, width = box.card, box.width
    x, y = laid.places[card.step]
    hot = ceil(len(SHADES) * box.figure / hottest) if box.figure and hottest else 0
    fill = SHADES[hot - 1] if hot else _PAPER
    colour, right = _COLOURS[card.look], width - _PAD
    tone, soft = (_INK, _INK) if hot > 3 else (colour, _SOFT)  # to be read on any shade
    parts = [
        f'<title>{escape(card.title or card.step)}</title><rect class="box{f" heat{hot}" if hot else ""}"'
        f' width="{width:.1f}" height="{box.height:.1f}" rx="8" fill="{fill}" stroke="{_RIM}"/>'
        f'<path class="kind {card.type}" d="M{width - 4:.1f} 8v{box.height - 16:.1f}" stroke="{colour}"'
        f' stroke-width="3" stroke-linecap="round"/>',
        svg_text(right, 20, box.head, 11, tone, "type", weight=600),
        f'<text class="soft" x="{_PAD:g}" y="20" font-size="11" fill="{soft}"'
        f' font-family="ui-monospace, monospace">{escape(card.step)}</text>',
    ]
    at = _HEAD + 12
    for line in box.title:
        parts.append(svg_text(right, at, line, 13, _INK, "ink"))
        at += _LINE
    for note in box.notes:
        parts.append(svg_text(right, at - 2, note, 11, soft, "soft"))
        at += _NOTE
    parts += _cells(box, laid, exits, leaves, soft)
    if box.figure is not None:
        parts.append(_badge(box.words.number(box.figure)))
    inner = "".join(parts)
    address = link(card.step) if link else ""
    inner = f'<a href="{escape(address)}">{inner}</a>' if address else inner
    return (
        f'<g class="step" data-step="{escape(card.step)}" data-line="{card.line}"'
        f' transform="translate({x:.1f} {y:.1f})">{inner}</g>'
    )


def _cells(
    box: _Box, laid: Laid, exits: Sequence[Exit], leaves: Mapping[str, float], soft: str
) -> Iterator[str]:
    if exits:
        yield f'<path class="rule" d="M0 {box.strip:.1f}h{box.width:.1f}" stroke="{_RIM}"/>'
    for place, way in enumerate(exits):
        middle, at = leaves[way.to], box.strip + 17
        if place:
            between = (leaves[exits[place - 1].to] + middle) / 2
            half = (box.needs(exits[place - 1]) - box.needs(way)) / 4
            foot = box.height - box.strip
            yield f'<path class="rule" d="M{between - half:.1f} {box.strip:.1f}v{foot:.1f}" stroke="{_RIM}"/>'
        for text, size in box.cell(way, (box.card.step, way.to) in laid.jumps):
            kind = "jump" if text.startswith("←") else "ink" if size > 11 else "soft"
            colour = {"jump": _ASKS, "ink": _INK, "soft": soft}[kind]
            yield svg_text(middle, at, text, size, colour, kind, 600 if kind == "ink" else 400, "middle")
            at += 15


def _badge(figure: str) -> str:
    width = text_width(figure, 11) + 16
    return (
        f'<rect class="badge" x="10" y="-10" width="{width:.1f}" height="20" rx="10" fill="#8c2f10"/>'
        + svg_text(10 + width / 2, 4, figure, 11, "#ffffff", "figure", weight=600, anchor="middle")
    )
