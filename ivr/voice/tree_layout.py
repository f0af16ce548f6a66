"""Where boxes of a drawing stand: in layers from above, with few crossings, each near what it leads to.

Knows nothing of menus. Loops and long ways are given back undrawn (`jumps`), so that every line leads a few
layers down and the time stays about proportional to the boxes.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

LONGEST = 3  # layers that a line may span
SWEEPS = 8
_BEND = 26.0  # room of a line that passes a layer

Pair = tuple[str, str]
Point = tuple[float, float]
_Bend = tuple[str, str, int]  # where a line passes a layer
_Spot = str | _Bend
_Neighbours = Mapping[_Spot, tuple[list[_Spot], list[_Spot]]]  # above, below


@dataclass(frozen=True, slots=True)
class Laid:
    """Pixels. `places`: the upper left corner of each box, `floors`: where its row ends.

    `lines`: for each the upper and lower end of its way through the rows that it passes, from above. `jumps`:
    ways without a line.
    """

    places: Mapping[str, Point]
    floors: Mapping[str, float]
    lines: Mapping[Pair, Sequence[Point]]
    jumps: frozenset[Pair]
    width: float
    height: float


def lay_out(
    sizes: Mapping[str, tuple[float, float]], ways: Sequence[Pair], across: float = 36.0, down: float = 46.0
) -> Laid:
    """Boxes of such width and height, `across` and `down` apart; the first of `sizes` above all.

    Boxes beside each other stand from the right to the left in the order of `ways`.
    """
    found = _Layers(list(sizes), ways)
    rows = found.rows()
    widths = {spot: sizes[spot][0] if isinstance(spot, str) else _BEND for row in rows for spot in row}
    middles = _spread(rows, found.neighbours, widths, across)
    return _placed(rows, middles, found, sizes, down)


@dataclass(slots=True)
class _Layers:
    """Which layer each box is in, and what stands in which order.

    `drawn`: box → what it leads to. `walked`: in the order in which a reader comes to them.
    """

    boxes: Sequence[str]
    ways: Sequence[Pair]
    layer: dict[str, int] = field(default_factory=dict)
    drawn: dict[str, list[str]] = field(default_factory=dict)
    walked: list[str] = field(default_factory=list)
    jumps: set[Pair] = field(default_factory=set)
    neighbours: dict[_Spot, tuple[list[_Spot], list[_Spot]]] = field(default_factory=dict)

    def rows(self) -> list[list[_Spot]]:
        for box in self._from_above():
            below = self.layer.setdefault(box, 0) + 1
            for target in self.drawn[box]:
                self.layer[target] = max(self.layer.get(target, 0), below)
        rows: list[list[_Spot]] = [[] for _ in range(max(self.layer.values(), default=-1) + 1)]
        for box in self.walked:
            self._put(rows, box)
            for target in self.drawn[box]:
                self._join(rows, box, target)
        return _uncrossed(rows, self.neighbours)

    def _from_above(self) -> list[str]:
        """Every box before what it leads to; a way that goes round is a jump."""
        onward: dict[str, list[str]] = {box: [] for box in self.boxes}
        for source, target in dict.fromkeys(self.ways):
            onward[source].append(target)
        self.drawn = {box: [] for box in self.boxes}
        done: list[str] = []
        walking: dict[str, bool] = {}  # False: behind us
        for root in self.boxes:
            stack = [] if root in walking else [root]
            while stack:
                box = stack[-1]
                if box not in walking:
                    walking[box] = True
                    self.walked.append(box)
                    onward[box].reverse()
                if not onward[box]:
                    walking[box] = False
                    done.append(stack.pop())
                    continue
                target = onward[box].pop()
                if walking.get(target):
                    self.jumps.add((box, target))
                    continue
                self.drawn[box].append(target)
                if target not in walking:
                    stack.append(target)
        return done[::-1]

    def _put(self, rows: list[list[_Spot]], box: str) -> None:
        if box not in self.neighbours:
            rows[self.layer[box]].append(box)
            self.neighbours[box] = [], []

    def _join(self, rows: list[list[_Spot]], box: str, target: str) -> None:
        if self.layer[target] - self.layer[box] > LONGEST:
            self.jumps.add((box, target))
            return
        bends = [(box, target, n) for n in range(self.layer[box] + 1, self.layer[target])]
        for bend in bends:
            rows[bend[2]].append(bend)
            self.neighbours[bend] = [], []
        self._put(rows, target)
        chain: list[_Spot] = [box, *bends, target]
        for above, below in pairwise(chain):
            self.neighbours[above][1].append(below)
            self.neighbours[below][0].append(above)

    def lines(self) -> Iterator[tuple[Pair, list[_Bend]]]:
        for box in self.boxes:
            for target in self.drawn[box]:
                if (box, target) not in self.jumps:
                    bends = range(self.layer[box] + 1, self.layer[target])
                    yield (box, target), [(box, target, n) for n in bends]


def _uncrossed(rows: list[list[_Spot]], neighbours: _Neighbours) -> list[list[_Spot]]:
    """Each row in the order of its neighbours' middles, seen from above and from below in turn; the best."""
    at = {spot: place for row in rows for place, spot in enumerate(row)}
    best, fewest = [list(row) for row in rows], _crossings(rows, neighbours, at)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        side = sweep % 2
        for row in rows[::-1] if side else rows:
            row.sort(key=lambda spot: _mean([at[each] for each in neighbours[spot][side] or [spot]]))
            at.update((spot, place) for place, spot in enumerate(row))
        now = _crossings(rows, neighbours, at)
        if now < fewest:
            best, fewest = [list(row) for row in rows], now
    return best


def _crossings(rows: Sequence[Sequence[_Spot]], neighbours: _Neighbours, at: Mapping[_Spot, int]) -> int:
    """How many pairs of lines cross between the rows."""
    found = 0
    for row in rows:
        ends: list[int] = []  # where the lines so far lead to, in order
        for spot in row:
            new = sorted(at[below] for below in neighbours[spot][1])
            found += sum(len(ends) - bisect_right(ends, end) for end in new)
            for end in new:
                insort(ends, end)
    return found


def _spread(
    rows: Sequence[Sequence[_Spot]], neighbours: _Neighbours, widths: Mapping[_Spot, float], across: float
) -> dict[_Spot, float]:
    """The middle of each, from the right: near its neighbours', and as far from the next as it needs."""
    offsets = [_offsets(row, widths, across) for row in rows]
    middles: dict[_Spot, float] = {}
    for row, xs in zip(rows, offsets, strict=True):
        middles.update(zip(row, xs, strict=True))
    for sweep in range(SWEEPS):
        sides = (0, 1) if sweep == SWEEPS - 1 else (sweep % 2,)
        for row, xs in list(zip(rows, offsets, strict=True))[:: -1 if sweep % 2 else 1]:
            wished = []
            for spot, offset in zip(row, xs, strict=True):
                near = [middles[each] for side in sides for each in neighbours[spot][side]]
                wished.append((_mean(near) if near else middles[spot]) - offset)
            middles.update(zip(row, map(sum, zip(_rising(wished), xs, strict=True)), strict=True))
    return middles


def _offsets(row: Sequence[_Spot], widths: Mapping[_Spot, float], across: float) -> list[float]:
    """Where each would stand if all stood as near to the first as they can."""
    found, x = [], 0.0
    for place, spot in enumerate(row):
        x += (widths[row[place - 1]] + widths[spot]) / 2 + across if place else 0.0
        found.append(x)
    return found


def _rising(wished: Sequence[float]) -> list[float]:
    """The nearest numbers to these, by least squares, of which none is less than the one before."""
    pools: list[tuple[float, int]] = []  # mean, how many
    for wish in wished:
        mean, count = wish, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        pools.append((mean, count))
    return [mean for mean, count in pools for _ in range(count)]


def _placed(
    rows: Sequence[Sequence[_Spot]], middles: Mapping[_Spot, float], found: _Layers,
    sizes: Mapping[str, tuple[float, float]], down: float,
) -> Laid:  # fmt: skip
    """From the right to the left, and rows below each other."""
    ends = [(middles[box] - sizes[box][0] / 2, middles[box] + sizes[box][0] / 2) for box in sizes]
    first, last = min((a for a, _ in ends), default=0.0), max((b for _, b in ends), default=0.0)
    places: dict[str, Point] = {}
    floors: dict[str, float] = {}
    spans: list[Point] = []  # the upper and lower end of each row
    y = 0.0
    for row in rows:
        height = max((sizes[spot][1] for spot in row if isinstance(spot, str)), default=0.0)
        places |= {s: (last - middles[s] - sizes[s][0] / 2, y) for s in row if isinstance(s, str)}
        floors |= {spot: y + height for spot in row if isinstance(spot, str)}
        spans.append((y, y + height))
        y += height + down
    lines = {
        way: [(last - middles[bend], end) for bend in bends for end in spans[bend[2]]]
        for way, bends in found.lines()
    }
    return Laid(places, floors, lines, frozenset(found.jumps), last - first, max(y - down, 0.0))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
