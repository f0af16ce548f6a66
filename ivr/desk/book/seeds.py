"""A province's seed folder, read and checked. Every mistake is one sentence that names file and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from ivr.cases.deadlines import Calendar
from ivr.cases.escalation import STANDARD, Ladders
from ivr.cases.kinds import Kind
from ivr.cases.routing import COUNTY_MARK, Rule, RuleScope
from ivr.desk.book.book import Conventions
from ivr.desk.book.ladders import read_ladders
from ivr.voice.directory import County as CountyKey
from ivr.voice.directory import Directory
from ivr.voice.directory import Topic as TopicKey
from ivr.voice.mistakes import MenuMistakes, nearest
from ivr.voice.yaml_tree import MISREAD, SAFE, doubled, misread

SeedCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]*$")]
Text = Annotated[str, StringConstraints(min_length=1)]
_SHORT = 24  # characters of a body's short name
_SEALS = "confidential"
_NUMBERS = ("deadline_days", "subscriber_digits")  # any other is in a note, and may be of a telephone


class SeedError(Exception):
    """Something is wrong with the seed files; one line per mistake."""


class SeedEntry(BaseModel):
    """Further keys are notes for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CountySeed(SeedEntry):
    """`municipalities`: code → name of the towns that have one of their own; `towns`: the others."""

    code: SeedCode
    key: Annotated[str, StringConstraints(pattern="^[0-9]{2}$")]
    name: Text
    capital: Text
    towns: list[str] = []
    municipalities: dict[SeedCode, Text] = {}
    aliases: list[str] = []

    @property
    def all_towns(self) -> list[str]:
        return [*self.towns, *self.municipalities.values()]


class Areas(SeedEntry):
    area_code: Annotated[str, StringConstraints(pattern="^0[0-9]{2}$")]
    subscriber_digits: int = 8
    ordinary_words: list[str] = []  # names of places that callers say for other things, too
    # places that other provinces' bodies answer for: whoever names one is read by people
    elsewhere: list[str] = []
    counties: list[CountySeed] = Field(min_length=1)


class Agency(SeedEntry):
    code: SeedCode
    name: Text
    short: Annotated[str, StringConstraints(max_length=_SHORT)] = ""
    level: Text
    county: str | None = None
    parent: str | None = None
    scope: Annotated[str, StringConstraints(pattern="^(inside|outside)$")]
    note: str | None = None


class Municipality(SeedEntry):
    """What the bodies of towns are made of: `{county}` and `{town}` are codes, `{name}` is the town's."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]*\{county\}_\{town\}$")]
    name: Text
    short: str = ""
    parent: str | None = None
    note: str | None = None

    def of(self, county: str, town: str, name: str) -> Agency:
        short = self.short.replace("{name}", name)
        return Agency(
            code=self.code.replace("{county}", county).replace("{town}", town),
            name=self.name.replace("{name}", name),
            short=short if len(short) <= _SHORT else "",
            level="county",
            county=county,
            parent=self.parent,
            scope="inside",
            note=self.note,
        )


class Agencies(SeedEntry):
    fallback: SeedCode
    municipalities: Municipality | None = None
    agencies: list[Agency] = Field(min_length=1)

    def with_towns(self, areas: Areas) -> Agencies:
        """One more for each town of the areas that has a municipality of its own."""
        if self.municipalities is None:
            return self
        pattern, counties = self.municipalities, areas.counties
        towns = [
            pattern.of(county.code, code, name)
            for county in counties
            for code, name in county.municipalities.items()
        ]
        return self.model_copy(update={"agencies": [*self.agencies, *towns]})


class RouteSeed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    default: SeedCode | None = None
    counties: dict[str, SeedCode] = {}
    county_pattern: str | None = None
    no_county: SeedCode | None = None

    def rules(self, topic: str) -> Iterator[Rule]:
        for county, agency in self.counties.items():
            yield Rule(topic, RuleScope.COUNTY, agency, county)
        for scope, body in (
            (RuleScope.COUNTY_PATTERN, self.county_pattern),
            (RuleScope.NO_COUNTY, self.no_county),
            (RuleScope.DEFAULT, self.default),
        ):
            if body is not None:
                yield Rule(topic, scope, body)


class LeafSeed(SeedEntry):
    code: SeedCode
    name: Text
    # Without one the telephone's menu leaves it out: the service desk and the suggestions know it.
    key: Annotated[str, StringConstraints(pattern="^(0|[1-9][0-9])?$")] = ""
    route: RouteSeed
    deadline_days: int = Field(ge=1, le=365)
    confidential: bool = False
    keywords: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _spelt(cls, given: Any) -> Any:
        """A slip in this key would pass for a note, and open to all what few may read."""
        for key in map(str, given if isinstance(given, dict) else ()):
            if key == _SEALS or key.startswith(f"{_SEALS}_") or len(key) < 10 or key[0] not in "cC":
                continue  # `official` is as near, and may be a note
            if nearest(key.lower(), [_SEALS]):
                raise ValueError(f"unknown key {key!r}, did you mean {_SEALS!r}?")
        return given


class Top(SeedEntry):
    code: SeedCode
    name: Text
    leaves: list[LeafSeed] = Field(min_length=1)


class Topics(SeedEntry):
    other: SeedCode
    menu: dict[Annotated[str, StringConstraints(pattern="^[0-9]$")], Text]
    topics: list[Top] = Field(min_length=1)


class KindRules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    kinds: dict[Kind, SeedCode] = {}


class DaySeed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    day: Annotated[date, Field(ge=date(2000, 1, 1))]  # Gregorian: 1405-09-05 would be one, too
    working: bool
    county: str = ""
    note: str = ""


class CalendarSeed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    days: list[DaySeed] = []

    def with_conventions(self, conventions: Conventions) -> Calendar:
        overrides: dict[str, dict[date, bool]] = {}
        for each in self.days:
            overrides.setdefault(each.county, {})[each.day] = each.working
        return Calendar(conventions.timezone, conventions.weekend, overrides)


@dataclass(frozen=True, slots=True)
class Seeds:
    """A whole province."""

    name: str
    areas: Areas
    agencies: Agencies
    topics: Topics
    kinds: KindRules
    calendar: CalendarSeed
    ladders: Ladders = STANDARD

    def leaves(self) -> Iterator[tuple[Top, LeafSeed]]:
        for top in self.topics.topics:
            for leaf in top.leaves:
                yield top, leaf

    def rules(self) -> Iterator[Rule]:
        for _, leaf in self.leaves():
            yield from leaf.route.rules(leaf.code)


def load_seeds(folder: Path) -> Seeds:
    """Read a province's folder. Raises SeedError with all that is wrong with a file, or between files."""
    areas = _read(folder / "areas.yaml", Areas)
    seeds = Seeds(
        folder.name,
        areas,
        _read(folder / "agencies.yaml", Agencies).with_towns(areas),
        _read(folder / "topics.yaml", Topics),
        _read(folder / "rules.yaml", KindRules, optional=True),
        _read(folder / "calendar.yaml", CalendarSeed, optional=True),
    )
    if mistakes := list(_mistakes(seeds, folder)):
        raise SeedError("\n".join(mistakes))
    return replace(seeds, ladders=_ladders(folder / "escalation.yaml", seeds))


def _ladders(path: Path, seeds: Seeds) -> Ladders:
    topics = [leaf.code for _, leaf in seeds.leaves()]
    try:
        return read_ladders(path, topics, [agency.code for agency in seeds.agencies.agencies])
    except MenuMistakes as mistakes:
        raise SeedError(str(mistakes)) from None
    except OSError as error:
        raise SeedError(f"{path} can't be read: {error.strerror}") from None


def directory_from(folder: Path, conventions: Conventions) -> Directory:
    """The province as the call flow sees it, straight from the seed files. Raises SeedError."""
    seeds = load_seeds(folder)
    return Directory(
        groups=groups(seeds.topics.menu),
        topics=tuple(TopicKey(leaf.code, leaf.key) for _, leaf in seeds.leaves() if leaf.key),
        counties=tuple(CountyKey(county.code, county.key) for county in seeds.areas.counties),
        agencies=tuple(agency.code for agency in seeds.agencies.agencies),
        other_topic=seeds.topics.other,
        calendar=seeds.calendar.with_conventions(conventions),
        area_code=seeds.areas.area_code,
        meeting_topic=seeds.kinds.kinds.get(Kind.MEETING, ""),
    )


def groups(menu: dict[str, str]) -> tuple[str, ...]:
    """First-press digits in menu order, another matter (0) last."""
    return tuple(sorted(menu, key=lambda digit: (digit == "0", digit)))


M = TypeVar("M", bound=BaseModel)


def _read(path: Path, model: type[M], *, optional: bool = False) -> M:
    if optional and not path.exists():
        return model()
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=SAFE)
        if doubles := [f"{path}:{line}: {key!r} stands twice" for line, key in sorted(doubled(text))]:
            raise SeedError("\n".join(doubles))
        if wrong := [f"{path}:{line}: {key}: {MISREAD}" for line, key in misread(text) if key in _NUMBERS]:
            raise SeedError("\n".join(wrong))
        return model.model_validate(content)
    except OSError as error:
        raise SeedError(f"{path} can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SeedError(f"{path}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        lines = (f"{path}: {_place(e['loc'], content)}: {e['msg']}" for e in error.errors())
        raise SeedError("\n".join(lines)) from None
    except ValueError as error:  # YAML's own, of a day that is none, like 2026-02-30
        raise SeedError(f"{path}: {error}") from None


def _place(loc: tuple[int | str, ...], content: object) -> str:
    """Like "topics[2].leaves[0] (city.street).deadline_days": numbers alone are hard to find."""
    text = ""
    for part in loc:
        try:
            content = content[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            content = None
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
        if isinstance(part, int) and isinstance(content, dict) and "code" in content:
            text += f" ({content['code']})"
    return text.lstrip(".") or "the whole file"


def _mistakes(seeds: Seeds, folder: Path) -> Iterator[str]:
    yield from _doubles(folder / "areas.yaml", "counties", [(c.code, c.key) for c in seeds.areas.counties])
    yield from _doubles(
        folder / "topics.yaml", "topics", [(leaf.code, leaf.key) for _, leaf in seeds.leaves()]
    )
    agency_codes = [(agency.code, agency.code) for agency in seeds.agencies.agencies]
    yield from _doubles(folder / "agencies.yaml", "agencies", agency_codes)
    working: dict[tuple[date, str], bool] = {}
    for day in seeds.calendar.days:
        if working.setdefault((day.day, day.county), day.working) != day.working:
            where = f" in {day.county}" if day.county else ""
            yield f"{folder / 'calendar.yaml'}: {day.day}{where}: it is said to be worked, and not to be"
    yield from _unknown_names(seeds, folder)


def _doubles(path: Path, what: str, pairs: list[tuple[str, str]]) -> Iterator[str]:
    for name, values in (("code", [p[0] for p in pairs]), ("key", [p[1] for p in pairs])):
        for value in sorted({v for v in values if v and values.count(v) > 1}):
            yield f"{path}: {what}: {name} {value!r} is there more than once"


def _unknown_names(seeds: Seeds, folder: Path) -> Iterator[str]:
    bodies = {agency.code: agency for agency in seeds.agencies.agencies}
    counties = {county.code for county in seeds.areas.counties}
    leaves = {leaf.code: leaf for _, leaf in seeds.leaves()}
    path = folder / "topics.yaml"
    for rule in seeds.rules():
        place = f"{path}: {rule.topic}: route.{rule.scope}"
        if rule.county and rule.county not in counties:
            yield f"{place}: there is no county {rule.county!r} in areas.yaml"
        if rule.scope is RuleScope.COUNTY_PATTERN:
            if COUNTY_MARK not in rule.agency:
                yield f"{place}: {rule.agency!r} lacks {COUNTY_MARK}"
        elif rule.agency not in bodies:
            yield f"{place}: there is no agency {rule.agency!r} in agencies.yaml"
    for leaf in leaves.values():
        if leaf.key and leaf.key[0] not in seeds.topics.menu:
            yield f"{path}: {leaf.code}: key {leaf.key!r} begins with a digit that menu lacks"
    if seeds.topics.other not in leaves:
        yield f"{path}: other: there is no topic {seeds.topics.other!r}"
    for kind, topic in seeds.kinds.kinds.items():
        if topic not in leaves:
            yield f"{folder / 'rules.yaml'}: kinds.{kind}: there is no topic {topic!r} in topics.yaml"
    for day in seeds.calendar.days:
        if day.county and day.county not in counties:
            yield f"{folder / 'calendar.yaml'}: {day.day}: there is no county {day.county!r} in areas.yaml"
    yield from _desk_mistakes(seeds, folder / "agencies.yaml", bodies)


def _desk_mistakes(seeds: Seeds, path: Path, bodies: dict[str, Agency]) -> Iterator[str]:
    desk = bodies.get(seeds.agencies.fallback)
    if desk is None or desk.scope != "inside":
        yield f"{path}: fallback: {seeds.agencies.fallback!r} is no agency of scope inside"
    for agency in bodies.values():
        if agency.parent is not None and agency.parent not in bodies:
            yield f"{path}: {agency.code}: there is no parent {agency.parent!r}"
