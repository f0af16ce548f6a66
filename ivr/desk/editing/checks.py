"""What must hold of the province's book after a change: names that exist, keys that are free, a desk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.retention import LEAST_DAYS
from ivr.cases.routing import COUNTY_MARK, RuleScope
from ivr.desk.editing.nouns import AGENCY, AREA, KIND, RULE, TOPIC
from ivr.desk.editing.values import Row, Wrong, unknown
from ivr.store.tables import cases, provinces
from ivr.voice.mistakes import shown

FARTHEST_DAYS = 800
AT_LEAST_ONE = ("wrong_codes", "wrong_codes_minutes", "reveals_per_day")


@dataclass(frozen=True, slots=True)
class DraftBook:
    """The book as it will be."""

    agencies: dict[str, Row]
    topics: dict[str, Row]
    areas: dict[str, Row]
    rules: dict[str, Row]
    desk: str
    other_topic: str
    menu: frozenset[str]
    kinds: dict[str, str]
    today: date

    def named(self, agency: str) -> Iterator[str]:
        """The topics whose rules name that agency."""
        for rule in self.rules.values():
            if self.topics.get(rule["topic"], {}).get("retired"):
                continue
            counties = self.areas if rule["scope"] == RuleScope.COUNTY_PATTERN else ("",)
            if any(rule["agency"].replace(COUNTY_MARK, county) == agency for county in counties):
                yield rule["topic"]


async def read_province(
    connection: AsyncConnection, now: datetime, changed: Mapping[str, dict[str, Row]]
) -> DraftBook:
    """The book with the rows of some nouns as they will be."""
    province = (await connection.execute(select(provinces))).one()
    parts = [
        changed[noun.name] if noun.name in changed else await noun.rows(connection)
        for noun in (AGENCY, TOPIC, AREA, RULE, KIND)
    ]
    agencies, topics, areas, rules, kinds = parts
    return DraftBook(
        agencies,
        topics,
        areas,
        rules,
        province.desk,
        province.other_topic,
        frozenset(province.menu),
        {kind: row["topic"] for kind, row in kinds.items()},
        now.date(),
    )


def wrongs(noun: str, before: Row | None, after: Row | None, its: DraftBook) -> Iterator[Wrong]:
    """What is wrong with a row as it is now; `after` None: it was taken away."""
    if after is None:
        return
    match noun:
        case "agency":
            yield from _agency(after, its)
        case "topic":
            yield from _topic(after, its)
        case "area":
            yield from _key_free(after, its.areas.values())
        case "rule":
            yield from _rule(after, its)
        case "kind":
            yield from _live("topic", "topic", after["topic"], its.topics)
        case "day":
            yield from _county(after, its)
            if abs((date.fromisoformat(after["day"]) - its.today).days) > FARTHEST_DAYS:
                yield Wrong("day", "far")
        case "wording":
            yield from _pattern(after, its)
        case "notice":
            yield from _notice(after, its)
        case "retention":
            yield from _terms(after)
        case "limit" if after["name"] in AT_LEAST_ONE and after["value"] < 1:
            yield Wrong("value", "number", {"low": 1, "high": 100_000, "given": after["value"]})


async def has_open_cases(connection: AsyncConnection, agency: str) -> bool:
    query = select(cases.c.id).where(cases.c.agency == agency, cases.c.closed_at.is_(None)).limit(1)
    return (await connection.execute(query)).first() is not None


def closes_doors(before: Row | None, after: Row | None) -> bool:
    """Whether an agency can't be given cases any more."""
    was = bool(before and before["assignable"] and not before["retired"])
    return was and not (after and after["assignable"] and not after["retired"])


def _agency(row: Row, its: DraftBook) -> Iterator[Wrong]:
    yield from _county(row, its)
    if row["parent"] and row["parent"] not in its.agencies:
        yield unknown("parent", "agency", row["parent"], its.agencies)
    elif _in_circle(row, its):
        yield Wrong("parent", "circle", {"given": shown(row["parent"])})
    if row["code"] == its.desk and (row["retired"] or not row["assignable"]):
        yield Wrong("retired" if row["retired"] else "assignable", "is_desk")
    elif row["retired"]:
        if topic := next(its.named(row["code"]), ""):
            yield Wrong("retired", "ruled", {"by": topic})
        children = (a["code"] for a in its.agencies.values() if a["parent"] == row["code"])
        live = [code for code in children if not its.agencies[code]["retired"]]
        if live:
            yield Wrong("retired", "in_use", {"by": live[0]})


def _in_circle(row: Row, its: DraftBook) -> bool:
    seen, code = {row["code"]}, row["parent"]
    while code and code in its.agencies:
        if code in seen:
            return True
        seen.add(code)
        code = its.agencies[code]["parent"]
    return False


def _topic(row: Row, its: DraftBook) -> Iterator[Wrong]:
    yield from _key_free(row, its.topics.values())
    if row["key"] and row["key"][0] not in its.menu:
        yield Wrong("key", "first_digit")
    if row["retired"]:
        kinds = [kind for kind, topic in its.kinds.items() if topic == row["code"]]
        users = ["other"] * (row["code"] == its.other_topic) + kinds
        if users:
            yield Wrong("retired", "in_use", {"by": users[0]})


def _key_free(row: Row, others: Iterable[Row]) -> Iterator[Wrong]:
    if row["retired"] or not row["key"]:
        return
    for other in others:
        if other["key"] == row["key"] and other["code"] != row["code"] and not other["retired"]:
            yield Wrong("key", "taken", {"given": row["key"], "by": other["code"]})


def _rule(row: Row, its: DraftBook) -> Iterator[Wrong]:
    yield from _live("topic", "topic", row["topic"], its.topics)
    if (row["scope"] == RuleScope.COUNTY) != bool(row["county"]):
        yield Wrong("county", "scope_county")
    yield from _county(row, its)
    if row["scope"] == RuleScope.COUNTY_PATTERN:
        if COUNTY_MARK not in row["agency"]:
            yield Wrong("agency", "no_mark")
    else:
        yield from _live("agency", "agency", row["agency"], its.agencies)


def _county(row: Row, its: DraftBook) -> Iterator[Wrong]:
    if row["county"]:
        yield from _live("county", "county", row["county"], its.areas)


def _live(field: str, what: str, code: str, rows: dict[str, Row]) -> Iterator[Wrong]:
    if code not in rows:
        yield unknown(field, what, code, rows)
    elif rows[code]["retired"]:
        yield Wrong(field, "retired", {"what": what, "given": code})


def _terms(row: Row) -> Iterator[Wrong]:
    for name in ("delete_after", "anonymise_after"):
        if 0 < row[name] < LEAST_DAYS:
            yield Wrong(name, "number", {"low": LEAST_DAYS, "high": 36_500, "given": row[name]})
    if row["what"] != "cases":
        for name in ("kind", "status", "anonymise_after"):
            if row[name]:
                yield Wrong(name, "only_cases")


def _notice(row: Row, its: DraftBook) -> Iterator[Wrong]:
    yield from _pattern(row, its)
    if (row["to"], row["by"]) == ("citizen", "email"):
        yield Wrong("by", "citizen_sms")


def _pattern(row: Row, its: DraftBook) -> Iterator[Wrong]:
    """Of topics: a topic, water.* or *."""
    beginning = row["topic"].removesuffix("*")
    fits = any(code.startswith(beginning) for code in its.topics)
    if row["topic"] != "*" and not (fits if row["topic"].endswith("*") else row["topic"] in its.topics):
        yield unknown("topic", "topic", row["topic"], its.topics)
