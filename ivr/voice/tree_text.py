"""Words in a picture: right to left, cut to their room, as wide as can be told without the letters."""

from __future__ import annotations

from html import escape

LONGEST_WORD = 28
RTL, ISOLATED = "\u2067", "\u2069"  # not every program that shows SVG knows `direction`


def svg_text(
    x: float, y: float, text: str, size: float, colour: str, kind: str, weight: int = 400, anchor: str = "end"
) -> str:
    """`x` is its right end, where it begins, or its middle for anchor "middle"."""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}"'
        f' font-weight="{weight}" fill="{colour}">{RTL}{escape(text)}{ISOLATED}</text>'
    )


def text_width(text: str, size: float) -> float:
    """About how wide it becomes in our letters, rather too wide than too narrow; in the units of `size`."""
    return size * sum(0.0 if c == "\u200c" else 0.3 if c in " .,:·،؛" else 0.58 for c in text)


def wrapped(text: str, width: float, size: float, most: int = 2) -> list[str]:
    """The first words of it in at most `most` lines, with … where there are more."""
    lines = [""]
    for word in text.split():
        word = word if len(word) <= LONGEST_WORD else word[:LONGEST_WORD] + "…"
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size) <= width or not lines[-1]:
            lines[-1] = longer
        elif len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = lines[-1].rstrip("،؛,;:") + "…"
            break
    return [line for line in lines if line]
