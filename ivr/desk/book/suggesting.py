"""A province's suggester, learned from its seed folder: topics.yaml, examples.yaml, cases.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from ivr.cases.model import Example, Model
from ivr.cases.places import Places
from ivr.cases.routing import Rules
from ivr.cases.spelling import normalise
from ivr.cases.suggest import Suggester
from ivr.desk.book.seeds import SeedError, Seeds, Text, load_seeds
from ivr.voice.yaml_tree import SAFE


class Phrases(RootModel[dict[str, list[Text]]]):
    """examples.yaml: topic → what callers say."""


class LabelledCase(BaseModel):
    """A line of cases.jsonl; further keys are notes for people."""

    model_config = ConfigDict(extra="ignore")
    text: Text
    topic: str
    county: str | None = None
    agency: str = ""


def load_suggester(folder: Path) -> Suggester:
    """Learn from a province's folder; a second's work (a server has `Learning`). Raises SeedError."""
    seeds = load_seeds(folder)
    return learn(seeds, read_examples(folder, seeds), read_cases(folder, seeds))


def learn(seeds: Seeds, phrases: list[Example], cases: list[Example]) -> Suggester:
    """A suggester from the topics' keywords, these phrases and these cases, under the province's rules."""
    places = places_of(seeds, phrases)
    topics = [leaf.code for _, leaf in seeds.leaves()]
    model = Model(topics, [*keywords(seeds), *phrases, *cases], places.is_place)
    return Suggester(model, rules_of(seeds), places, seeds.topics.other)


def places_of(seeds: Seeds, phrases: list[Example]) -> Places:
    """Counties and towns by name. The phrases name no towns: a town's name among them is a common word."""
    common = {word for phrase in phrases for word in normalise(phrase.text).split()}
    counties = seeds.areas.counties
    names = {county.code: [county.name, county.capital, *county.aliases] for county in counties}
    own = {county.code: {name: code for code, name in county.municipalities.items()} for county in counties}
    towns = {county.code: dict.fromkeys(county.towns, "") | own[county.code] for county in counties}
    return Places(names, towns, common, seeds.areas.ordinary_words, seeds.areas.elsewhere)


def rules_of(seeds: Seeds) -> Rules:
    """The rules as the seed files have them."""
    inside = {agency.code: agency.scope == "inside" for agency in seeds.agencies.agencies}
    kinds = {str(kind): topic for kind, topic in seeds.kinds.kinds.items()}
    return Rules(seeds.agencies.fallback, inside, list(seeds.rules()), kinds)


def keywords(seeds: Seeds) -> Iterator[Example]:
    """What topics.yaml itself tells of each topic."""
    for _, leaf in seeds.leaves():
        for words in (leaf.name, *leaf.keywords):
            yield Example(leaf.code, words, case=False)


def read_examples(folder: Path, seeds: Seeds) -> list[Example]:
    """The phrases of examples.yaml; none if there is no such file. Raises SeedError."""
    path = folder / "examples.yaml"
    if not path.exists():
        return []
    try:
        phrases = Phrases.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=SAFE)).root
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "the whole file"
        raise SeedError(f"{path}: {place}: {error.errors()[0]['msg']}") from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SeedError(f"{path}: {' '.join(str(error).split())}") from None
    if unknown := sorted(set(phrases) - {leaf.code for _, leaf in seeds.leaves()}):
        raise SeedError(f"{path}: there is no topic {unknown[0]!r} in topics.yaml")
    return [Example(topic, text) for topic, texts in phrases.items() for text in texts]


def read_cases(folder: Path, seeds: Seeds) -> list[Example]:
    """The labelled cases of cases.jsonl; none if there is no such file. Raises SeedError."""
    path = folder / "cases.jsonl"
    return [Example(c.topic, c.text, c.county or "") for c in labelled(path, seeds)] if path.exists() else []


def labelled(path: Path, seeds: Seeds) -> list[LabelledCase]:
    """Labelled cases from a file of JSON lines. Raises SeedError naming file and line."""
    topics = {leaf.code for _, leaf in seeds.leaves()}
    counties = {None, *(county.code for county in seeds.areas.counties)}
    cases = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # U+2028 and its like may stand in a text
    except (OSError, UnicodeDecodeError) as error:
        raise SeedError(f"{path}: {' '.join(str(error).split())}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = LabelledCase.model_validate(json.loads(line))
        except ValueError as error:  # pydantic's and json's both
            raise SeedError(f"{path}: line {number}: {' '.join(str(error).split())[:200]}") from None
        if case.topic not in topics or case.county not in counties:
            raise SeedError(f"{path}: line {number}: unknown topic {case.topic!r} or county {case.county!r}")
        cases.append(case)
    return cases
