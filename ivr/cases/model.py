"""Topics from a caller's words: letters and stems, a regression on top, and how sure it is.

TF-IDF of letter n-grams and of stemmed words, kernel ridge regression. Its answers about an example that it
has not learned come in closed form: the confidence's scale and what it takes to act alone are set on them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ivr.cases.spelling import Features, Skip, counts, grams, phrases, told

if TYPE_CHECKING:
    from scipy import sparse

Array = npt.NDArray[np.float64]
CutAt = Callable[[list[str]], Mapping[int, bool]]
_RIDGE = 0.5
_SHARES: tuple[tuple[Features, float], ...] = ((grams, 0.7), (phrases, 0.3))
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

    chances: Array
    familiar: Array


@dataclass(frozen=True, slots=True)
class Heard:
    """What the model says of a text. `chances`: one number per topic, adding up to 1. `halves`: what is
    before
    and behind each place where the text may be cut in two, and whether an «also» stands there.
    `familiar`: how
    much of what was learned of the likeliest topic is in the words (1: all)."""

    chances: Array
    halves: tuple[tuple[Half, Half, bool], ...]
    familiar: float


class Vectors:
    """TF-IDF of one kind of feature, rows of length one; the texts learned from fix the vocabulary."""

    def __init__(self, texts: Sequence[str], features: Features, skip: Skip) -> None:
        self._features, self._skip = features, skip
        self._columns: dict[str, int] = {}
        found = [counts(text, features, skip) for text in texts]
        seen: list[int] = []
        for row in found:
            for feature in row:
                column = self._columns.setdefault(feature, len(seen))
                if column == len(seen):
                    seen.append(0)
                seen[column] += 1
        self._rarity = np.log((1 + len(texts)) / (1 + np.array(seen, dtype=float))) + 1
        self.learned = self._matrix(found)

    def spread(self, words: list[str], weights: list[float]) -> tuple[list[int], Array]:
        """Word by word (rows), how much of each known feature (columns) it shows."""
        found = [
            {self._columns[feature]: n for feature, n in row.items() if feature in self._columns}
            for row in self._features(words, weights)
        ]
        columns = sorted({column for row in found for column in row})
        place = {column: at for at, column in enumerate(columns)}
        shown = np.zeros((len(words), len(columns)))
        for at, row in enumerate(found):
            shown[at, [place[column] for column in row]] = list(row.values())
        return columns, shown

    def scaled(self, columns: list[int], rows: Array) -> Array:
        """Counts as the rows that were learned from."""
        scaled = np.log1p(rows) * self._rarity[columns]
        lengths = np.sqrt((scaled**2).sum(axis=1, keepdims=True))
        return np.asarray(scaled / np.where(lengths, lengths, 1))

    def _matrix(self, found: Iterable[dict[str, float]]) -> sparse.csr_array:
        from scipy import sparse  # a third of a second that only who suggests waits for

        columns: list[int] = []
        values: list[float] = []
        ends = [0]
        for row in found:
            known = {self._columns[f]: n for f, n in row.items() if f in self._columns}
            columns += known
            values += known.values()
            ends.append(len(columns))
        scaled = np.log1p(np.array(values)) * self._rarity[columns] if columns else np.zeros(0)
        rows = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        lengths = np.sqrt(np.bincount(rows, scaled**2, minlength=len(ends) - 1))
        return sparse.csr_array((scaled / lengths[rows], columns, ends), (len(ends) - 1, len(self._columns)))


class Model:
    """P(topic | words). Learning 2,000 phrases takes a second; an answer a millisecond or two."""

    def __init__(self, topics: Sequence[str], examples: Sequence[Example], skip: Skip) -> None:
        """`skip`: normalised words that carry no topic. Every example's topic must be among `topics`."""
        self.topics = tuple(topics)
        self.judged = [place for place, example in enumerate(examples) if example.case]
        self.examples = tuple(examples)
        self._skip = skip
        texts = [example.text for example in examples]
        self._parts = [(Vectors(texts, features, skip), share) for features, share in _SHARES]
        kernel = sum(share * (part.learned @ part.learned.T).toarray() for part, share in self._parts)
        number = {topic: place for place, topic in enumerate(self.topics)}
        truth = np.array([number[example.topic] for example in examples])
        self._learn(np.asarray(kernel), truth)
        self._sharpness = _likeliest(self.familiar[self.judged], truth[self.judged])
        self.held_out = _softmax(self.familiar, self._sharpness)
        """Row by row, what the model says about an example when it has not learned it."""

    def _learn(self, kernel: Array, truth: npt.NDArray[np.int64]) -> None:
        wanted = np.eye(len(self.topics), dtype=np.float32)[truth]
        inverse = np.linalg.inv(kernel.astype(np.float32) + _RIDGE * np.eye(len(truth), dtype=np.float32))
        duals = inverse @ wanted
        self._weights = [share * (part.learned.T @ duals) for part, share in self._parts]
        self.familiar = np.asarray(wanted - duals / np.diag(inverse)[:, None], dtype=float)

    def hear(self, text: str, cut_at: CutAt = lambda words: {}) -> Heard | None:
        """None when not one word tells anything. `cut_at`: where one matter may end and another begin, and
        whether an «also» stands there."""
        words, weights = told(text, self._skip)
        ends = cut_at(words)
        cuts = list(ends)[:: len(ends) // _MOST_CUTS + 1]
        scores = np.zeros((1 + 2 * len(cuts), len(self.topics)))
        known = False
        for (part, _), learned in zip(self._parts, self._weights, strict=True):
            columns, shown = part.spread(words, weights)
            known |= bool(columns)
            scores += part.scaled(columns, _cut(shown, weights, cuts)) @ learned[columns]
        if not known:
            return None
        chances = _softmax(scores, self._sharpness)
        sides = [Half(*row) for row in zip(chances[1:], scores[1:], strict=True)]
        halves = zip(sides[: len(cuts)], sides[len(cuts) :], (ends[cut] for cut in cuts), strict=True)
        return Heard(chances[0], tuple(halves), float(scores[0].max()))


def _cut(shown: Array, weights: Sequence[float], cuts: Collection[int]) -> Array:
    """The whole text's counts, then what is before each cut, then what is behind it: there without the words
    that hardly count, for the rows are scaled to one length."""
    told = shown * (np.array(weights) >= _HEARD)[:, None]
    before = np.cumsum(told, axis=0)[[cut - 1 for cut in cuts]]
    return np.vstack([shown.sum(axis=0), before, np.maximum(told.sum(axis=0) - before, 0)])


def _softmax(scores: Array, sharpness: float) -> Array:
    powers = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=float)


def _likeliest(scores: Array, truth: npt.NDArray[np.int64]) -> float:
    """The sharpness under which the truth is likeliest: neither boastful nor shy."""
    if not len(truth):
        return float(_SHARPNESS[0])
    rows = np.arange(len(truth))

    def likelihood(sharpness: float) -> float:
        return float(np.log(_softmax(scores, sharpness)[rows, truth] + 1e-12).mean())

    return float(max(_SHARPNESS, key=likelihood))
