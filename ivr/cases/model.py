"""Topics from a caller's words: letters and stems, a regression on top, and how sure it is.

TF-IDF of letter n-grams and of stemmed words, kernel ridge regression. Its answers about an example that it
has not learned come in closed form: the confidence's scale and what it takes to act alone are set on them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ivr.cases.spelling import GRAMS, PHRASES, Features, Skip, ToldWords, shown, told

if TYPE_CHECKING:
    from scipy import sparse

Floats = npt.NDArray[np.float64]
ShortFloats = npt.NDArray[np.float32]
CutAt = Callable[[list[str]], Mapping[int, bool]]
_RIDGE = 0.5
_SHARES: tuple[tuple[Features, float], ...] = ((GRAMS, 0.7), (PHRASES, 0.3))
_SHARPNESS = range(4, 42, 2)
_HEARD = 0.5  # a word that counts less makes no matter of its own
_MOST_CUTS = 40  # of a text into two; a longer one is cut at every so many words


@dataclass(frozen=True, slots=True)
class Example:
    """Words and the topic they are about. `case`: a whole case; else a keyword, too short to be judged by."""

    topic: str
    text: str
    county: str = ""
    case: bool = True


class Half(NamedTuple):
    """A part of a text. `familiar`: per topic, how much of what was learned of it is in the words (1:
    all)."""

    chances: Floats
    familiar: Floats


@dataclass(frozen=True, slots=True)
class Heard:
    """What the model says of a text. `chances`: one number per topic, adding up to 1. `halves`: what is
    before
    and behind each place where the text may be cut in two, and whether an «also» stands there.
    `familiar`: how
    much of what was learned of the likeliest topic is in the words (1: all)."""

    chances: Floats
    halves: tuple[tuple[Half, Half, bool], ...]
    familiar: float


class Vectors:
    """TF-IDF of one kind of feature, rows of length one; the texts learned from fix the vocabulary."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self.columns: dict[str, int] = {}
        self._rarity = np.zeros(0)

    def learn(self, texts: Sequence[ToldWords]) -> sparse.csr_array:
        """The texts' rows."""
        from scipy import sparse  # a third of a second that only who learns waits for

        tokens, rows = _counted(
            [pair for word in self._features.tokens(words, weights) for pair in word]
            for words, weights in texts
        )
        self.columns, columns = _counted(self._features.shown(token).items() for token in tokens)
        spelled = sparse.csr_array(columns, (len(tokens), len(self.columns)))
        counts = sparse.csr_array(rows, (len(texts), len(tokens))) @ spelled
        seen = np.bincount(counts.indices, minlength=len(self.columns))
        self._rarity = np.log((1 + len(texts)) / (1 + seen)) + 1
        return self._scaled(counts)

    def spread(self, words: list[str], weights: list[float]) -> tuple[list[int], Floats]:
        """Word by word (rows), how much of each known feature (columns) it shows."""
        found = [
            {self.columns[feature]: n for feature, n in row.items() if feature in self.columns}
            for row in shown(self._features, words, weights)
        ]
        columns = sorted({column for row in found for column in row})
        place = {column: at for at, column in enumerate(columns)}
        spread = np.zeros((len(words), len(columns)))
        for at, row in enumerate(found):
            spread[at, [place[column] for column in row]] = list(row.values())
        return columns, spread

    def scaled(self, columns: list[int], rows: Floats) -> Floats:
        """Counts as the rows that were learned from."""
        scaled = np.log1p(rows) * self._rarity[columns]
        lengths = np.sqrt((scaled**2).sum(axis=1, keepdims=True))
        return np.asarray(scaled / np.where(lengths, lengths, 1))

    def _scaled(self, counts: sparse.csr_array) -> sparse.csr_array:
        """The same rows, in place, each of length one."""
        filled = np.diff(counts.indptr)
        counts.data = np.log1p(counts.data) * self._rarity[counts.indices]
        places = np.repeat(np.arange(len(filled)), filled)
        lengths = np.sqrt(np.bincount(places, counts.data**2, len(filled)))
        counts.data /= lengths[places]
        return counts


def _counted(
    rows: Iterable[Iterable[tuple[str, float]]],
) -> tuple[dict[str, int], tuple[list[float], list[int], list[int]]]:
    """The names' numbers in the order they come, and the rows as a sparse matrix has them."""
    numbers: dict[str, int] = {}
    values: list[float] = []
    columns: list[int] = []
    ends = [0]
    for row in rows:
        for name, value in row:
            columns.append(numbers.setdefault(name, len(numbers)))
            values.append(value)
        ends.append(len(columns))
    return numbers, (values, columns, ends)


class Model:
    """P(topic | words). Learning 2,000 phrases takes a second; an answer a millisecond or two."""

    def __init__(self, topics: Sequence[str], examples: Sequence[Example], skip: Skip) -> None:
        """`skip`: normalised words that carry no topic. Every example's topic must be among `topics`."""
        self.topics = tuple(topics)
        self.judged = [place for place, example in enumerate(examples) if example.case]
        self.examples = tuple(examples)
        self._skip = skip
        texts = [told(example.text, skip) for example in examples]
        self._parts = [Vectors(features) for features, _ in _SHARES]
        shares = [share for _, share in _SHARES]
        rows = [np.sqrt(share) * part.learn(texts) for part, share in zip(self._parts, shares, strict=True)]
        number = {topic: place for place, topic in enumerate(self.topics)}
        truth = np.array([number[example.topic] for example in examples])
        duals = self._learn(_kernel(rows), truth)
        self._weights = [
            (share**0.5 * (its.T @ duals)).astype(np.float32) for its, share in zip(rows, shares, strict=True)
        ]
        self._sharpness = _likeliest(self.familiar[self.judged], truth[self.judged])
        self.held_out = _softmax(self.familiar, self._sharpness)
        """Row by row, what the model says about an example when it has not learned it."""

    def _learn(self, kernel: ShortFloats, truth: npt.NDArray[np.int64]) -> ShortFloats:
        """How much each example speaks for each topic."""
        from scipy.linalg import lapack

        wanted = np.eye(len(self.topics), dtype=np.float32)[truth]
        # (K + ridge)⁻¹ = L⁻ᵀ L⁻¹: a third of the work of an inverse, whose diagonal is all that is needed.
        half, _ = lapack.strtri(np.linalg.cholesky(kernel), lower=1)
        duals = half.T @ (half @ wanted)
        self.familiar = np.asarray(wanted - duals / (half**2).sum(axis=0)[:, None], dtype=float)
        return np.asarray(duals)

    def pieces(self) -> Iterator[object]:
        """What it is made of, the large things one by one."""
        yield from (part.columns for part in self._parts)
        yield from (*self._weights, self.examples, self.familiar, self.held_out)

    def hear(self, text: str, cut_at: CutAt = lambda words: {}) -> Heard | None:
        """None when not one word tells anything. `cut_at`: where one matter may end and another begin, and
        whether an «also» stands there."""
        words, weights = told(text, self._skip)
        ends = cut_at(words)
        cuts = list(ends)[:: len(ends) // _MOST_CUTS + 1]
        scores = np.zeros((1 + 2 * len(cuts), len(self.topics)))
        known = False
        for part, learned in zip(self._parts, self._weights, strict=True):
            columns, spread = part.spread(words, weights)
            known |= bool(columns)
            scores += part.scaled(columns, _cut(spread, weights, cuts)) @ learned[columns]
        if not known:
            return None
        chances = _softmax(scores, self._sharpness)
        sides = [Half(*row) for row in zip(chances[1:], scores[1:], strict=True)]
        halves = zip(sides[: len(cuts)], sides[len(cuts) :], (ends[cut] for cut in cuts), strict=True)
        return Heard(chances[0], tuple(halves), float(scores[0].max()))


def _kernel(parts: Sequence[sparse.csr_array]) -> ShortFloats:
    """How alike any two examples are, with the ridge."""
    from scipy import sparse

    rows = sparse.hstack(parts, format="csr", dtype=np.float32)
    kernel = (rows @ rows.T).toarray()
    kernel[np.diag_indices_from(kernel)] += _RIDGE
    return np.asarray(kernel, dtype=np.float32)


def _cut(spread: Floats, weights: Sequence[float], cuts: Collection[int]) -> Floats:
    """The whole text's counts, then what is before each cut, then what is behind it: there without the words
    that hardly count, for the rows are scaled to one length."""
    heard = spread * (np.array(weights) >= _HEARD)[:, None]
    before = np.cumsum(heard, axis=0)[[cut - 1 for cut in cuts]]
    return np.vstack([spread.sum(axis=0), before, np.maximum(heard.sum(axis=0) - before, 0)])


def _softmax(scores: Floats, sharpness: float) -> Floats:
    powers = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=float)


def _likeliest(scores: Floats, truth: npt.NDArray[np.int64]) -> float:
    """The sharpness under which the truth is likeliest: neither boastful nor shy."""
    if not len(truth):
        return float(_SHARPNESS[0])
    rows = np.arange(len(truth))

    def likelihood(sharpness: float) -> float:
        return float(np.log(_softmax(scores, sharpness)[rows, truth] + 1e-12).mean())

    return float(max(_SHARPNESS, key=likelihood))
