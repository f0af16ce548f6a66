"""The language of the chaos run: what is said and heard is tones, and every tone can be told from the others.

A frame of 20 ms holds a whole number of periods of every tone used, so that each frame of a tone is the
same and can be told by its strongest line of 50 Hz. Prompts have the even lines, callers' words the odd
ones. A word spells whose and which it is, with a check digit: a recording's content proves who speaks in
it and that nothing is missing. Shares no code with the product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
FRAME = 160  # samples in 20 ms
LINE = 50  # Hz between two lines of a frame's spectrum
SILENT, UNCLEAR = -1, 0  # lines of frames that hold no tone, and none that can be told
LOUD, FAINT = 8_000, 1_500  # amplitude of a tone; effective value under which a frame counts as silent

Samples = NDArray[np.int16]

# Prompts that callers and the accountant must tell apart; all others sound like OTHER. Those that say the
# same of her words are one to the accountant.
OTHER, NOT_KEPT, TURNED_AWAY, AGAIN, CUT = "other", "not kept", "turned away", "again", "cut"
UNSURE = "unsure"  # neither kept nor not: nobody could make sure
PROMPTS = (
    UNSURE, OTHER, *(f"digit.{n}" for n in range(10)), "beep", "language.choose", "kind.menu", "topic.menu",
    "topic.leaf_menu", "county.ask", "record.ask", "message.ask", NOT_KEPT, TURNED_AWAY, AGAIN, CUT,
    "record.safe", "record.again_kept", "record.added", "review.menu", "code.is", "code.once_more",
    "code.none", "fallback.apology", "fallback.kept", "fallback.thanks", "goodbye",
    "record.same_matter", "record.joined",
)  # fmt: skip
_GROUPS = {
    NOT_KEPT: ("record.not_more", "fallback.not_kept"),
    UNSURE: ("record.unsure", "record.unsure_more"),
    TURNED_AWAY: ("record.no_room",),
    AGAIN: ("record.too_short", "record.silent", "record.failed"),
    CUT: ("record.cut",),
}
_GROUP_OF = {prompt: group for group, prompts in _GROUPS.items() for prompt in prompts}
LINES = {prompt: 6 + 2 * n for n, prompt in enumerate(PROMPTS)}


def line_of(prompt: str) -> int:
    """The line of any prompt of the product's, by its id. Whether she will be called is all one here."""
    return LINES.get(_GROUP_OF.get(prompt, prompt.removesuffix("_no_call")), LINES[OTHER])


def is_silent(prompt: str) -> bool:
    """Whether it is a pause between others."""
    return prompt in ("silence", "pause", "gap", "pause.long")


PROMPT_OF = {line: prompt for prompt, line in LINES.items()}

MARK = 15  # begins a word; the other symbols are digits to the base of 15
_SYMBOL_LINES = [9 + 4 * n for n in range(MARK + 1)]
_SYMBOL_OF = {line: symbol for symbol, line in enumerate(_SYMBOL_LINES)}
_SOUNDING, _QUIET = 4, 1  # frames of a symbol and of the gap behind it
SYMBOLS = 7  # of a word: the mark, four decimal digits of the call, which word it is, the check
# Symbols of one word begin at most so many frames apart. The check alone let a hole turn the end of one
# word and the middle of the next into a third one's: call 7 spells 0 as call 0 does, only later.
_APART = 2 * (_SOUNDING + _QUIET) - 1
WORD_FRAMES = SYMBOLS * (_SOUNDING + _QUIET)
WORD_SECONDS = WORD_FRAMES * FRAME / RATE
MOST_WORDS = MARK  # in one call


class Word(NamedTuple):
    """The `k`th word of call `n`, found at that frame."""

    n: int
    k: int
    frame: int


def tone(line: int, frames: int) -> Samples:
    """So many frames of one tone; SILENT is silence."""
    time = np.arange(frames * FRAME) / RATE
    wave = np.zeros(frames * FRAME) if line == SILENT else LOUD * np.sin(2 * np.pi * LINE * line * time)
    return wave.astype(np.int16)


def join(*parts: Samples) -> Samples:
    """One after the other."""
    return np.concatenate(parts)


def word(n: int, k: int) -> Samples:
    """The `k`th word of call `n` as sound."""
    digits = [int(digit) for digit in f"{n:04d}"]
    symbols = [MARK, *digits, k, _check(digits, k)]
    pieces = [part for s in symbols for part in (tone(_SYMBOL_LINES[s], _SOUNDING), tone(SILENT, _QUIET))]
    return join(*pieces)


def _check(digits: Sequence[int], k: int) -> int:
    return (sum(weight * digit for weight, digit in enumerate(digits, 1)) + 5 * k + 7) % MARK


def lines(samples: Samples) -> list[int]:
    """The line that each whole frame holds."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    strongest = power[:, 1:].argmax(axis=1) + 1
    share = power[np.arange(len(frames)), strongest] / np.maximum(power[:, 1:].sum(axis=1), 1.0)
    loud = np.sqrt((frames**2).mean(axis=1)) >= FAINT
    return np.where(~loud, SILENT, np.where(share > 0.7, strongest, UNCLEAR)).tolist()  # type: ignore[no-any-return]


def runs(found: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Line, first frame and length of each stretch of equal frames."""
    start = 0
    for at in range(1, len(found) + 1):
        if at == len(found) or found[at] != found[start]:
            yield found[start], start, at - start
            start = at


def words(found: Sequence[int]) -> list[Word]:
    """The whole words in a sound, by the lines of its frames, in their order."""
    symbols = [
        (_SYMBOL_OF[line], at) for line, at, length in runs(found) if line in _SYMBOL_OF and length > 1
    ]
    whole = []
    for first, (symbol, at) in enumerate(symbols):
        its = symbols[first : first + SYMBOLS]
        following = [s for s, _ in its[1:]]
        hole = any(after - before > _APART for (_, before), (_, after) in pairwise(its))
        if symbol == MARK and len(following) == SYMBOLS - 1 and MARK not in following and not hole:
            *digits, k, check = following
            if max(digits) < 10 and check == _check(digits, k):
                whole.append(Word(int("".join(map(str, digits))), k, at))
    return whole


def _levels() -> Samples:
    """ITU-T G.711: the 16-bit value of each A-law byte."""
    byte = np.arange(256) ^ 0x55
    mantissa, exponent = (byte & 0x0F) << 4, (byte & 0x70) >> 4
    value = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(byte & 0x80, value, -value).astype(np.int16)


_LEVELS = _levels()
_ORDER = np.argsort(_LEVELS)
_MIDDLES = (_LEVELS[_ORDER][1:].astype(int) + _LEVELS[_ORDER][:-1]) // 2


def to_alaw(samples: Samples) -> bytes:
    """Each sample as the nearest A-law byte."""
    return bytes(_ORDER[np.searchsorted(_MIDDLES, samples)].astype(np.uint8))


def from_alaw(audio: bytes) -> Samples:
    """The samples that A-law bytes stand for."""
    return _LEVELS[np.frombuffer(audio, np.uint8)]
