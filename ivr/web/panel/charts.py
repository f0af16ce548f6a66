"""The geometry of our charts; `templates/numbers/charts.html` draws them as SVG.

Time runs from right to left, as everything here is read. Across, all is in percent of the width, down in
pixels, so that letters keep their size on a telephone. No colour or style stands in the picture: classes do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from ivr.web.panel.locale import number

HEIGHT = 200.0  # of the plot, in pixels; labels stand below it
TOP = 16.0  # room above it for the highest label
SHADES = 9
_LABELS = 7  # across at most, or they run into each other on a telephone


@dataclass(frozen=True, slots=True)
class Tick:
    """`at`: pixels from above, or percent from the left."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """`points` for a polyline in a box of 1000 × 1000. `kind` is its class."""

    kind: str
    name: str
    points: str
    marks: Sequence[tuple[float, float, str]]  # percent, pixels, what it says


@dataclass(frozen=True, slots=True)
class Lines:
    lines: Sequence[Curve]
    across: Sequence[Tick]
    up: Sequence[Tick]
    height: float = HEIGHT
    top: float = TOP


@dataclass(frozen=True, slots=True)
class Bar:
    """`x`, `width` in percent, `y`, `height` in pixels."""

    kind: str
    x: float
    width: float
    y: float
    height: float
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Bars:
    bars: Sequence[Bar]
    across: Sequence[Tick]
    up: Sequence[Tick]
    height: float = HEIGHT
    top: float = TOP


@dataclass(frozen=True, slots=True)
class Cell:
    """`shade` 0 (nothing) to SHADES."""

    x: float
    y: float
    shade: int
    label: str


@dataclass(frozen=True, slots=True)
class Heat:
    """`width` of a cell in percent, `size` its height in pixels."""

    cells: Sequence[Cell]
    width: float
    size: float
    down: Sequence[Tick]
    across: Sequence[Tick]
    height: float


def scale(most: float, steps: int = 4) -> list[int]:
    """From 0 up to a round number that is not less than `most`, in round steps of whole numbers."""
    rough = max(most, 1) / steps
    power = 10.0 ** floor(log10(rough))
    step = max(next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough), 1)
    step = ceil(step)
    return [n * step for n in range(ceil(max(most, 1) / step) + 1)]


def lines(
    names: Mapping[str, str], values: Mapping[str, Sequence[int | None]], labels: Sequence[str],
    shown: Sequence[str],
) -> Lines:  # fmt: skip
    """One line for each of `values` (class → numbers; None = not yet). `names`: class → what it is called.

    `labels`: of each place, in a few letters; `shown`: the same in full, for whoever points at it.
    """
    top = scale(max((v for series in values.values() for v in series if v is not None), default=0))
    across = [_place(n, len(labels)) for n in range(len(labels))]
    found = []
    for kind, series in values.items():
        spots = [(x, _down(v, top[-1]), v, s) for x, v, s in zip(across, series, shown, strict=False)
                 if v is not None]  # fmt: skip
        points = " ".join(f"{x * 10:.1f},{y / HEIGHT * 1000:.1f}" for x, y, _, _ in spots)
        marks = [(x, y + TOP, f"{s}: {names[kind]} {number(v)}") for x, y, v, s in spots]
        found.append(Curve(kind, names[kind], points, marks))
    return Lines(found, _thinned(across, labels), _up(top))


def bars(kind: str, values: Sequence[int], labels: Sequence[str]) -> Bars:
    """Upright bars, the first at the right."""
    top, room = scale(max(values, default=0)), 100 / max(len(values), 1)
    found, places = [], []
    for place, (value, label) in enumerate(zip(values, labels, strict=True)):
        x = 100 - (place + 1) * room
        y = _down(value, top[-1])
        found.append(Bar(kind, x + room * 0.15, room * 0.7, y + TOP, HEIGHT - y, label, number(value)))
        places.append(x + room / 2)
    return Bars(found, [Tick(x, label) for x, label in zip(places, labels, strict=True)], _up(top))


def stacked(parts: Mapping[str, int], names: Mapping[str, str]) -> list[Bar]:
    """One lying bar that is divided by class → number, from the right; nothing where there is nothing."""
    whole, x, found = sum(parts.values()), 100.0, []
    for kind, value in parts.items():
        if value:
            width = 100 * value / whole
            x -= width
            found.append(Bar(kind, x, width, 0, 0, names[kind], number(value)))
    return found


def heat(
    rows: Sequence[Sequence[int]], down: Sequence[str], across: Sequence[str], says: str,
    size: float = 26.0, gutter: float = 13.0,
) -> Heat:  # fmt: skip
    """Rows from above, columns from the right. `says`: what a cell says, with {row}, {column}, {count}."""
    most = max((count for row in rows for count in row), default=0)
    width = (100 - gutter) / max(len(across), 1)
    cells = []
    for row, counts in enumerate(rows):
        for column, count in enumerate(counts):
            x = 100 - gutter - (column + 1) * width
            label = says.format(row=down[row], column=across[column], count=number(count))
            cells.append(Cell(x, row * size, shade(count, most), label))
    beside = [Tick(row * size + size * 0.68, name) for row, name in enumerate(down)]
    below = [Tick(100 - gutter - (n + 0.5) * width, name) for n, name in enumerate(across) if not n % 3]
    return Heat(cells, width, size, beside, below, len(rows) * size)


def shade(count: int, most: int) -> int:
    """0 for nothing, else 1 to SHADES."""
    return ceil(SHADES * count / most) if most and count else 0


def _place(place: int, of: int) -> float:
    """The middle of the `place`th place from the right, in percent."""
    return 100 - (place + 0.5) * 100 / max(of, 1)


def _down(value: float, most: float) -> float:
    return HEIGHT * (1 - value / most)


def _up(top: Sequence[int]) -> list[Tick]:
    return [Tick(_down(value, top[-1]) + TOP, number(value)) for value in top]


def _thinned(across: Sequence[float], labels: Sequence[str]) -> list[Tick]:
    """As many as have room, evenly."""
    step = max(ceil(len(labels) / _LABELS), 1)
    return [Tick(x, label) for n, (x, label) in enumerate(zip(across, labels, strict=True)) if not n % step]
