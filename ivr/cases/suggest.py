"""Topics and agencies from a caller's words, with a confidence that keeps its word.

Learned from the topics' names and keywords and from labelled phrases: TF-IDF of letter n-grams and of stemmed
words, kernel ridge regression on top. Its leave-one-out answers come in closed form, so both the confidence's
scale and the threshold for assigning alone are set on answers to phrases the model has not seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ivr.cases.endings import Endings
from ivr.cases.latin import Latin
from ivr.cases.model import Floats, Heard, Model
from ivr.cases.places import Places, Where
from ivr.cases.routing import Reason, Rules
from ivr.cases.spelling import word_set

TOP = 3
# Of held-out phrases assigned without a person, how many may go wrong. The promise for calls is 3 %; calls
# are not quite like phrases, so the threshold leaves a margin.
MAX_ERROR = 0.015
# What it takes to act alone, and to see two matters: tuned on two writers' texts of bench/routing.
KNOWN = 0.45  # how much of what was learned of the topic must be in the words
ENDS = 2.0  # how much likelier than elsewhere a word must stand last for a matter to end with it
FAMILIAR, PARTED = 0.35, 0.9  # how familiar and how clear both sides must be
ALSO_FAMILIAR, ALSO_PARTED = 0.15, 0.4  # the same where an «also» stands between them
_SHORT = 20  # words
_ADDING = word_set("هم دا دی همچنین ضمنا مضافا بعلاوه ثانیا دوما طرفی نیز")


class Doubt(StrEnum):
    """Why words are not enough to act on."""

    NONE = ""
    NOTHING = "nothing"  # not one word tells anything
    UNSURE = "unsure"
    OUTSIDE = "outside"  # a body that can only be named to the citizen
    SEVERAL = "several"  # two bodies' matters: a split is proposed
    ELSEWHERE = "elsewhere"  # it names another province or a foreign country
    WHERE = "where"  # whose it is depends on the place, and the place may be a street's or a person's name
    UNFINISHED = "unfinished"  # it breaks off
    RETIRED = "retired"  # it is of a topic that gets no cases any more


@dataclass(frozen=True, slots=True)
class Guess:
    agency: str
    topic: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`assigned`: sure enough to act alone. `top`: up to three different agencies, the likeliest first.
    `doubt`: why a person should read it, where it is not. `parts`: whose the matters are, where there seem
    to be two. `town`: one with a municipality of its own."""

    topic: str
    agency: str
    confidence: float
    assigned: bool
    county: str
    top: tuple[Guess, ...]
    doubt: Doubt = Doubt.NONE
    parts: tuple[Guess, ...] = ()
    town: str = ""


def _top(ranked: Sequence[Guess], parts: Sequence[Guess]) -> tuple[Guess, ...]:
    """The likeliest three; whose the parts are is among them in any case, as sure as the part is."""
    listed = {guess.agency: guess for guess in [*ranked[:TOP], *parts]}
    first = [listed.pop(part.agency) for part in parts]
    return tuple(
        sorted([*first, *listed.values()][:TOP], key=lambda g: (g.agency != ranked[0].agency, -g.confidence))
    )


class Bodies(NamedTuple):
    """Who answers for each topic in one place. `of`: topic by topic the place of its body among the `codes`;
    `inside`: topic by topic, can it be given cases?"""

    codes: tuple[str, ...]
    of: npt.NDArray[np.int64]
    inside: tuple[bool, ...]

    def together(self, chances: Floats) -> Floats:
        """The topics' chances (in the last axis), each body's added up."""
        return np.asarray(chances @ np.eye(len(self.codes))[self.of])


class Suggester:
    """The model's topics turned into responsible bodies by the province's rules."""

    def __init__(self, model: Model, rules: Rules, places: Places, other_topic: str) -> None:
        self._model, self._rules = model, rules
        phrases = [model.examples[place].text for place in model.judged]
        names = [name for spelling in places.spellings for name in spelling]
        self.latin = Latin([*(example.text for example in model.examples), *names])
        self._endings = Endings(phrases)
        self.places = places
        self._other = other_topic
        self._number = {topic: place for place, topic in enumerate(model.topics)}
        self._there: dict[tuple[str, str, str], Bodies] = {}
        self.threshold = self._safe_confidence()
        """From this confidence on a case is assigned without a person."""

    def suggest(
        self, text: str, county: str = "", kind: str = "", town: str = "", retired: Collection[str] = ()
    ) -> Suggestion:
        """`county`, `town`: as they were given; without them they are looked for in the words. Never leaves a
        case without a body: words that tell nothing go to the desk for people to read. `retired`: topics that
        are neither proposed nor acted on."""
        text = self.latin.read(text)
        at = Where(county, town) if town else self.places.where(text, county)
        sure = at if at.sure else Where(county)
        heard = self._model.hear(text, self._cuts)
        if heard is None:
            nothing = self._nothing(at, kind)
            return Suggestion(
                nothing.topic, nothing.agency, 0.0, False, sure.county, (nothing,), Doubt.NOTHING
            )
        top = self._guesses(heard.chances, at, kind)
        first, parts = top[0], self._parts(heard, at, kind)
        doubt = self._doubt(text, first, parts, heard.familiar, at, kind)
        if not doubt and first.agency != self._body(first.topic, sure, kind)[0]:
            doubt = Doubt.WHERE
        if not doubt and first.topic in retired:
            doubt = Doubt.RETIRED
        live = tuple(guess for guess in _top(top, parts) if guess.topic not in retired)
        offered = live or (self._nothing(at, kind),)
        head = offered[0]
        return Suggestion(
            head.topic, head.agency, head.confidence, not doubt, sure.county, offered, doubt, parts, sure.town
        )

    def _nothing(self, at: Where, kind: str) -> Guess:
        return Guess(self._body(self._other, at, kind)[0], self._other, 0.0)

    def pieces(self) -> Iterator[object]:
        """What it is made of, each small enough to be sent from one process to another in a moment."""
        yield from self._model.pieces()
        yield from (self.latin, self._endings, self.places, self._rules)

    def _doubt(
        self, text: str, first: Guess, parts: tuple[Guess, ...], familiar: float, at: Where, kind: str
    ) -> Doubt:
        if parts:
            return Doubt.SEVERAL
        if self.places.is_elsewhere(text):
            return Doubt.ELSEWHERE
        if self._endings.breaks_off(text):
            return Doubt.UNFINISHED
        if first.confidence < self.threshold or familiar < KNOWN:
            return Doubt.UNSURE
        return Doubt.NONE if self._body(first.topic, at, kind)[1] else Doubt.OUTSIDE

    def _parts(self, heard: Heard, at: Where, kind: str) -> tuple[Guess, ...]:
        """The two bodies on the two sides of the cut where both are clearest; none where it is one matter."""
        best, parts = 0.0, tuple[Guess, ...]()
        for before, behind, also in heard.halves:
            familiar, parted = (ALSO_FAMILIAR, ALSO_PARTED) if also else (FAMILIAR, PARTED)
            if min(before.familiar.max(), behind.familiar.max()) < familiar:
                continue
            pair = (self._first(before.chances, at, kind), self._first(behind.chances, at, kind))
            clear = min(guess.confidence for guess in pair)
            distinct = pair[0].agency != pair[1].agency and self._other not in (pair[0].topic, pair[1].topic)
            if distinct and clear > max(best, parted):
                best, parts = clear, pair
        return parts

    def _cuts(self, words: list[str]) -> dict[int, bool]:
        """Behind a closing word, or before «… هم»: long stories say it of one matter, too."""
        short = len(words) <= _SHORT
        also = {
            place: short and not _ADDING.isdisjoint(words[place : place + 3])
            for place in range(1, len(words))
        }
        return {
            place: an for place, an in also.items() if an or self._endings.closing(words[place - 1]) >= ENDS
        }

    def _first(self, chances: Floats, at: Where, kind: str) -> Guess:
        return self._guesses(chances, at, kind)[0]

    def _guesses(self, chances: Floats, at: Where, kind: str) -> list[Guess]:
        """The likeliest bodies: each its topics' chances together, its likeliest topic's name."""
        bodies = self._bodies(at, kind)
        total = bodies.together(chances)
        found = []
        for number in np.argsort(-total, kind="stable")[:TOP]:
            topic = self._model.topics[int(np.argmax(np.where(bodies.of == number, chances, -1)))]
            found.append(Guess(bodies.codes[number], topic, min(1.0, float(total[number]))))
        return found

    def _bodies(self, at: Where, kind: str) -> Bodies:
        key = (at.county, at.town, kind)
        if key not in self._there:
            routes = [self._rules.route(kind, topic, at.county, at.town) for topic in self._model.topics]
            codes = [route.advice or route.agency for route in routes]
            number = {code: place for place, code in enumerate(dict.fromkeys(codes))}
            inside = tuple(route.reason is Reason.RULE for route in routes)
            self._there[key] = Bodies(tuple(number), np.array([number[code] for code in codes]), inside)
        return self._there[key]

    def _body(self, topic: str, at: Where, kind: str) -> tuple[str, bool]:
        """Who answers for it; can it be given cases? An outside body is only named to the caller."""
        bodies, place = self._bodies(at, kind), self._number[topic]
        return bodies.codes[bodies.of[place]], bodies.inside[place]

    def _safe_confidence(self) -> float:
        """The lowest confidence above which the held-out answers go wrong no more often than MAX_ERROR."""
        verdicts = sorted(self.verdicts(), reverse=True)
        lowest, wrong = float("inf"), 0
        for place, (confidence, right) in enumerate(verdicts, 1):
            wrong += not right
            if right and wrong <= MAX_ERROR * place:
                lowest = confidence
        return lowest

    def verdicts(self) -> Iterator[tuple[float, bool]]:
        """Confidence and rightness of every held-out answer, what the threshold is set on."""
        judged: dict[str, list[int]] = {}
        for place in self._model.judged:
            judged.setdefault(self._model.examples[place].county, []).append(place)
        for county, places in judged.items():
            bodies = self._bodies(Where(county), "")
            total = bodies.together(self._model.held_out[places])
            truth = bodies.of[[self._number[self._model.examples[place].topic] for place in places]]
            sure, right = np.minimum(total.max(axis=1), 1.0), total.argmax(axis=1) == truth
            yield from zip(sure.tolist(), right.tolist(), strict=True)
