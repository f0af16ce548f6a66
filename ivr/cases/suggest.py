"""Topics and agencies from a caller's words, with a confidence that keeps its word.

Learned from the topics' names and keywords and from labelled phrases: TF-IDF of letter n-grams and of stemmed
words, kernel ridge regression on top. Its leave-one-out answers come in closed form, so both the confidence's
scale and the threshold for assigning alone are set on answers to phrases the model has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ivr.cases.places import Places
from ivr.cases.routing import Reason, Rules
from ivr.cases.words import Features, counts, grams, phrases

if TYPE_CHECKING:
    from scipy import sparse

Array = npt.NDArray[np.float64]
TOP = 3
# Of held-out phrases assigned without a person, how many may go wrong. The promise for calls is 3 %; calls
# are not quite like phrases, so the threshold leaves a margin.
MAX_ERROR = 0.015
_RIDGE = 0.5
_SHARES: tuple[tuple[Features, float], ...] = ((grams, 0.7), (phrases, 0.3))
_SHARPNESS = range(4, 42, 2)


@dataclass(frozen=True, slots=True)
class Example:
    """Words and the topic they are about. `case`: a whole case; else a keyword, too short to be judged by."""

    topic: str
    text: str
    county: str = ""
    case: bool = True


@dataclass(frozen=True, slots=True)
class Guess:
    agency: str
    topic: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`assigned`: sure enough to act alone. `top`: up to three different agencies, the likeliest first."""

    topic: str
    agency: str
    confidence: float
    assigned: bool
    county: str
    top: tuple[Guess, ...]


class Vectors:
    """TF-IDF of one kind of feature, rows of length one; the texts learned from fix the vocabulary."""

    def __init__(self, texts: Sequence[str], features: Features, skip: Callable[[str], bool]) -> None:
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

    def of(self, text: str) -> sparse.csr_array:
        return self._matrix([counts(text, self._features, self._skip)])

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

    def __init__(
        self, topics: Sequence[str], examples: Sequence[Example], skip: Callable[[str], bool]
    ) -> None:
        """`skip`: normalised words that carry no topic. Every example's topic must be among `topics`."""
        self.topics = tuple(topics)
        self.judged = [place for place, example in enumerate(examples) if example.case]
        self.examples = tuple(examples)
        texts = [example.text for example in examples]
        self._parts = [(Vectors(texts, features, skip), share) for features, share in _SHARES]
        kernel = sum(share * (part.learned @ part.learned.T).toarray() for part, share in self._parts)
        number = {topic: place for place, topic in enumerate(self.topics)}
        truth = np.array([number[example.topic] for example in examples])
        held_out = self._learn(np.asarray(kernel), truth)
        self._sharpness = _likeliest(held_out[self.judged], truth[self.judged])
        self.held_out = _softmax(held_out, self._sharpness)
        """Row by row, what the model says about an example when it has not learned it."""

    def _learn(self, kernel: Array, truth: npt.NDArray[np.int64]) -> Array:
        wanted = np.eye(len(self.topics), dtype=np.float32)[truth]
        inverse = np.linalg.inv(kernel.astype(np.float32) + _RIDGE * np.eye(len(truth), dtype=np.float32))
        duals = inverse @ wanted
        self._weights = [share * (part.learned.T @ duals) for part, share in self._parts]
        return np.asarray(wanted - duals / np.diag(inverse)[:, None], dtype=float)

    def probabilities(self, text: str) -> Array | None:
        """One number per topic, adding up to 1; None when not one word tells anything."""
        rows = [part.of(text) for part, _ in self._parts]
        if not any(row.nnz for row in rows):
            return None
        scores = sum(row @ weights for row, weights in zip(rows, self._weights, strict=True))
        return np.asarray(_softmax(np.asarray(scores), self._sharpness)[0])


class Suggester:
    """The model's topics turned into responsible bodies by the province's rules."""

    def __init__(self, model: Model, rules: Rules, places: Places, other_topic: str) -> None:
        self._model, self._rules = model, rules
        self.places = places
        self._other = other_topic
        self._bodies: dict[tuple[str, str, str], tuple[str, bool]] = {}
        self.threshold = self._safe_confidence()
        """From this confidence on a case is assigned without a person."""

    def suggest(self, text: str, county: str = "", kind: str = "") -> Suggestion:
        """`county`: as the caller chose it; without one it is looked for in the words. Never leaves a case
        without a body: words that tell nothing go to the desk for people to read."""
        county = county or self.places.county(text)
        chances = self._model.probabilities(text)
        if chances is None:
            desk, _ = self._body(self._other, county, kind)
            nothing = Guess(desk, self._other, 0.0)
            return Suggestion(self._other, desk, 0.0, False, county, (nothing,))
        top = self._guesses(chances, county, kind)[:TOP]
        first = top[0]
        _, assignable = self._body(first.topic, county, kind)
        sure = assignable and first.confidence >= self.threshold
        return Suggestion(first.topic, first.agency, first.confidence, sure, county, tuple(top))

    def _guesses(self, chances: Array, county: str, kind: str) -> list[Guess]:
        """One guess per agency: its topics' chances together, its likeliest topic's name."""
        total: dict[str, float] = {}
        topic: dict[str, str] = {}
        for place in np.argsort(-chances):
            agency, _ = self._body(self._model.topics[place], county, kind)
            total[agency] = total.get(agency, 0.0) + float(chances[place])
            topic.setdefault(agency, self._model.topics[place])
        ranked = sorted(total, key=lambda agency: -total[agency])
        return [Guess(agency, topic[agency], min(1.0, total[agency])) for agency in ranked]

    def _body(self, topic: str, county: str, kind: str) -> tuple[str, bool]:
        """Who answers for it; can it be given cases? An outside body is only named to the caller."""
        key = (topic, county, kind)
        if key not in self._bodies:
            route = self._rules.route(kind, topic, county)
            self._bodies[key] = (route.advice or route.agency, route.reason is Reason.RULE)
        return self._bodies[key]

    def _safe_confidence(self) -> float:
        """The lowest confidence above which the held-out answers go wrong no more often than MAX_ERROR."""
        verdicts = sorted(self.verdicts(), reverse=True)
        lowest, wrong = float("inf"), 0
        for place, (confidence, right) in enumerate(verdicts, 1):
            wrong += not right
            if right and wrong <= MAX_ERROR * place:
                lowest = confidence
        return lowest

    def verdicts(self) -> Iterable[tuple[float, bool]]:
        """Confidence and rightness of every held-out answer, what the threshold is set on."""
        for place in self._model.judged:
            example = self._model.examples[place]
            first = self._guesses(self._model.held_out[place], example.county, "")[0]
            yield first.confidence, first.agency == self._body(example.topic, example.county, "")[0]


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
