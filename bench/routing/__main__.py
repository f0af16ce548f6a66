"""`python -m bench.routing`: how well the words alone find topic and agency, by cross-validation.

No case is judged by a model that has seen it; every fold sets its own threshold from what it has learned. Who
wrote the phrases of examples.yaml had read the development cases, so further rows tell how much it flatters:
with the phrases closest to each case taken away, without any phrase, and the phrases themselves judged by
models that have not seen them (shorter and harder than calls). `--quick` leaves those rows out. Below
stand other writers' texts (strangers.py), most of which nobody should act on alone. Exit 1 when a target is
missed by the cases or by the unseen phrases: both are judged by the same ones, for a caller's words are
unseen, too.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.routing import strangers
from ivr.cases.model import Example
from ivr.cases.spelling import GRAMS, normalise
from ivr.cases.suggest import TOP
from ivr.desk.book.seeds import Seeds, load_seeds
from ivr.desk.book.suggesting import labelled, learn, load_suggester, read_examples, rules_of

SEED = Path(__file__).parents[2] / "db" / "seed" / "east-azerbaijan"
FOLDS = 10
CLOSEST = 5
OURS = "ours"
UNSEEN_PHRASES = f"{OURS}, on unseen phrases"
TARGETS = {"top1": 0.85, "top3": 0.97, "alone": 0.5}  # at least
MOST_WRONG = 0.03  # of those assigned alone
Shape = dict[str, float | int | str]


class Verdict(NamedTuple):
    """One case judged."""

    topic_right: bool
    right: bool
    among_top: bool
    assigned: bool


def figures(name: str, verdicts: Sequence[Verdict]) -> Shape:
    alone = [verdict for verdict in verdicts if verdict.assigned]
    return {
        "name": name,
        "cases": len(verdicts),
        "topic": share(v.topic_right for v in verdicts),
        "top1": share(v.right for v in verdicts),
        "top3": share(v.among_top for v in verdicts),
        "alone": len(alone) / len(verdicts),
        "alone_wrong": share(not v.right for v in alone),
    }


def share(hits: Iterator[bool]) -> float:
    counted = Counter(hits)
    return counted[True] / max(1, counted.total())


class Trial:
    """The labelled cases, the province, and who is truly responsible."""

    def __init__(self, seeds: Seeds, cases: Sequence[Example], agencies: Sequence[str]) -> None:
        self.seeds, self.cases, self.rules = seeds, cases, rules_of(seeds)
        pairs = zip(cases, agencies, strict=True)
        self.agencies = [given or self.body(case.topic, case.county) for case, given in pairs]

    def body(self, topic: str, county: str) -> str:
        route = self.rules.route("", topic, county)
        return route.advice or route.agency

    def validate(self, phrases_without: Callable[[Sequence[Example]], list[Example]]) -> Iterator[Verdict]:
        """Every case judged by a model of the other folds and of the phrases left for it."""
        for fold in range(FOLDS):
            unseen = range(fold, len(self.cases), FOLDS)
            known = [case for place, case in enumerate(self.cases) if place % FOLDS != fold]
            suggester = learn(self.seeds, phrases_without([self.cases[place] for place in unseen]), known)
            for place in unseen:
                case, agency = self.cases[place], self.agencies[place]
                said = suggester.suggest(case.text, case.county)
                among = agency in [guess.agency for guess in said.top]
                yield Verdict(said.topic == case.topic, said.agency == agency, among, said.assigned)

    def baseline(self) -> Iterator[Verdict]:
        """Plain TF-IDF: words as they stand, each topic the text of its name and keywords, cosine."""
        topics = [leaf.code for _, leaf in self.seeds.leaves()]
        texts = [" ".join([leaf.name, *leaf.keywords]) for _, leaf in self.seeds.leaves()]
        bags = [Counter(normalise(text).split()) for text in texts]
        seen = Counter(word for bag in bags for word in bag)
        rarity = {word: math.log((1 + len(bags)) / (1 + n)) + 1 for word, n in seen.items()}
        vectors = [unit({word: n * rarity[word] for word, n in bag.items()}) for bag in bags]
        for case, agency in zip(self.cases, self.agencies, strict=True):
            bag = Counter(word for word in normalise(case.text).split() if word in rarity)
            asked = unit({word: n * rarity[word] for word, n in bag.items()})
            ranked = sorted(range(len(topics)), key=lambda place: -cosine(asked, vectors[place]))
            bodies = list(dict.fromkeys(self.body(topics[place], case.county) for place in ranked))
            yield Verdict(topics[ranked[0]] == case.topic, bodies[0] == agency, agency in bodies[:TOP], False)


def unit(vector: dict[str, float]) -> dict[str, float]:
    length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
    return {key: value / length for key, value in vector.items()}


def cosine(one: dict[str, float], other: dict[str, float]) -> float:
    return sum(value * other.get(key, 0.0) for key, value in one.items())


def without_closest(phrases: list[Example]) -> Callable[[Sequence[Example]], list[Example]]:
    """Takes away, for every unseen case, the CLOSEST phrases of its own topic."""

    def letters(text: str) -> dict[str, float]:
        counted: dict[str, float] = {}
        for word in normalise(text).split():
            for gram, count in GRAMS.shown(word).items():
                counted[gram] = counted.get(gram, 0.0) + count
        return unit(counted)

    spelled = [letters(phrase.text) for phrase in phrases]

    def left(unseen: Sequence[Example]) -> list[Example]:
        gone: set[int] = set()
        for case in unseen:
            asked = letters(case.text)
            own = [place for place, phrase in enumerate(phrases) if phrase.topic == case.topic]
            gone.update(sorted(own, key=lambda place: -cosine(asked, spelled[place]))[:CLOSEST])
        return [phrase for place, phrase in enumerate(phrases) if place not in gone]

    return left


def measure(cases_file: Path, quick: bool) -> Iterator[Shape]:
    seeds = load_seeds(SEED)
    phrases = read_examples(SEED, seeds)
    cases = labelled(cases_file, seeds)
    examples = [Example(case.topic, case.text, case.county or "") for case in cases]
    trial = Trial(seeds, examples, [case.agency for case in cases])
    yield figures("plain TF-IDF, keywords", list(trial.baseline()))
    yield figures(OURS, list(trial.validate(lambda unseen: phrases)))
    if quick:
        return
    yield figures(f"{OURS}, {CLOSEST} closest phrases away", list(trial.validate(without_closest(phrases))))
    yield figures(f"{OURS}, no phrases at all", list(trial.validate(lambda unseen: [])))
    itself = Trial(seeds, phrases, [""] * len(phrases))
    yield figures(UNSEEN_PHRASES, list(itself.validate(lambda unseen: [])))
    yield figures("plain TF-IDF, on phrases", list(itself.baseline()))


def measure_strangers(as_json: bool) -> list[str]:
    """What other writers' texts miss of their targets."""
    seeds = load_seeds(SEED)
    suggester, rules = load_suggester(SEED), rules_of(seeds)
    asked = strangers.strangers(rules, suggester.places)
    judged = [strangers.judge(suggester, each, rules.desk) for each in asked]
    phrases = [phrase.text for phrase in read_examples(SEED, seeds)]
    apart = strangers.unlike(judged, phrases, suggester)
    found = list(strangers.rows(judged, apart))
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        strangers.show(found)
    return strangers.missed(found)


def missed(row: Shape) -> list[str]:
    """Of which targets this row falls short, and whether too many of those assigned alone are wrong."""
    reached = [(key, float(row[key]), least) for key, least in TARGETS.items()]
    short = [
        f"{row['name']}: {key} {value:.1%} < {least:.0%}" for key, value, least in reached if value < least
    ]
    wrong = float(row["alone_wrong"])
    return short + [f"{row['name']}: alone_wrong {wrong:.1%} > {MOST_WRONG:.0%}"] * (wrong > MOST_WRONG)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.routing", description="Suggestions from words.")
    parser.add_argument("--json", action="store_true", help="every figure")
    parser.add_argument("--quick", action="store_true", help="the two main rows only")
    parser.add_argument("--cases", type=Path, default=SEED / "cases.jsonl", help="labelled JSON lines")
    options = parser.parse_args()
    rows = []
    for row in measure(options.cases, options.quick):
        rows.append(row)
        if not options.json:
            show(row, heading=len(rows) == 1)
    if options.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2), flush=True)
    mistakes = [each for row in rows if row["name"] in (OURS, UNSEEN_PHRASES) for each in missed(row)]
    if mistakes := mistakes + measure_strangers(options.json):
        raise SystemExit(f"missed: {', '.join(mistakes)}")


def show(row: Shape, heading: bool) -> None:
    if heading:
        print(f"{'':34}{'cases':>6}{'topic':>8}{'top-1':>8}{'top-3':>8}{'alone':>8}{'wrong':>8}")
    parts = "".join(f"{row[key]:>8.1%}" for key in ("topic", "top1", "top3", "alone", "alone_wrong"))
    print(f"{row['name']:34}{row['cases']:>6}{parts}", flush=True)


if __name__ == "__main__":
    main()
