"""Sums, medians and hours of facts."""

from __future__ import annotations

from datetime import date

from ivr.cases import figures
from ivr.cases.figures import Facts, FigureFact, Numbering, What, packed, unpacked

MONDAY = date(2026, 11, 23).toordinal()


def facts(*days: list[FigureFact]) -> Facts:
    names = Numbering()
    return unpacked(names, [(MONDAY + n, packed(names, day)) for n, day in enumerate(days)])


def fact(what: What, agency: str = "abfa", value: int = 0, count: int = 1, **more: str) -> FigureFact:
    place = {"county": "ahar", "topic": "water.supply", "kind": "complaint"} | more
    return FigureFact(what, agency, value=value, count=count, **place)


def test_what_was_packed_comes_out_the_same() -> None:
    names = Numbering.of({"agency": ["edu"]})
    stored = packed(names, [fact(What.OPENED, count=70_000), fact(What.LATE, "edu", 12)])
    found = unpacked(names, [(MONDAY, stored), (MONDAY + 1, b""), (MONDAY + 2, stored)])
    assert found.columns["count"].tolist() == [70_000, 1] * 2
    assert found.columns["day"].tolist() == [MONDAY] * 2 + [MONDAY + 2] * 2
    assert [names.lists["agency"][n] for n in found.columns["agency"]] == ["abfa", "edu"] * 2
    assert len(unpacked(names, [])) == 0


def test_names_grow_and_never_change_their_meaning() -> None:
    names = Numbering.of({"agency": ["edu"]})
    assert names.extend({"agency": ["edu", "abfa"]}) and names.number("agency", "abfa") == 1
    assert names.extend({"agency": ["edu"], "form": ["x"]}), "an older reading is no contradiction"
    assert not names.extend({"agency": ["abfa"]})


def test_median_and_p90_are_days_within_which_that_share_was_answered() -> None:
    waits = [1, 1, 2, 3, 3, 4, 8, 9, 20, 50]
    found = figures.total(facts([fact(What.IN_TIME if d < 8 else What.LATE, value=d) for d in waits]))
    assert (found.median, found.p90, found.answered) == (3, 20, 10)
    assert figures.total(facts([fact(What.IN_TIME, value=7)])).median == 7
    assert figures.total(facts([fact(What.LATE, value=5_000)])).p90 == figures.LONGEST
    assert figures.total(facts([])).median is None


def test_how_it_ended_is_kept_apart() -> None:
    found = figures.total(facts([fact(what) for what in figures.CLOSURES] + [fact(What.UNCONFIRMED)]))
    assert (found[What.SOLVED], found[What.UNCONFIRMED], found.closed) == (1, 2, 7)


def test_groups_add_up_to_the_whole() -> None:
    day = [
        fact(What.OPENED, a, county=c, count=n) for n, (a, c) in enumerate([("abfa", "ahar"), ("edu", "")], 3)
    ]
    found = facts(day, day, [fact(What.CALLED, "", count=9, county="", topic="", kind="")])
    for dimension in figures.DIMENSIONS:
        assert sum(f[What.OPENED] for f in figures.by(found, dimension).values()) == 14
    assert set(figures.by(found, "agency")) == {"abfa", "edu"}, "a call is with no agency"
    assert figures.total(found)[What.CALLED] == 9
    assert figures.crossed(found, What.OPENED, "agency", "county") == {("abfa", "ahar"): 6, ("edu", ""): 8}


def test_series_and_filters() -> None:
    found = facts([fact(What.OPENED)], [fact(What.OPENED, "edu", count=4)], [fact(What.OPENED, count=2)])
    spans = figures.series(found, [MONDAY, MONDAY + 1, MONDAY + 3])
    assert [f[What.OPENED] for f in spans] == [1, 6]
    assert figures.total(found.where(agency=["edu", "nobody"]))[What.OPENED] == 4
    assert figures.total(found.where(agency=[]))[What.OPENED] == 0


def test_satisfaction_is_the_mean_of_all_ratings() -> None:
    found = figures.total(facts([fact(What.RATED, value=5, count=3), fact(What.RATED, value=1)]))
    assert (found.satisfaction, found[What.RATED]) == (4.0, 4)


def test_hours_of_calls_by_the_day_of_overdue_by_the_opening() -> None:
    found = facts([], [fact(What.CALLED, value=9, count=3)], [fact(What.OVERDUE, value=4 * 24 + 23)])
    assert figures.hours(found, What.CALLED)[1, 9] == 3  # Tuesday
    assert figures.hours(found, What.OVERDUE)[4, 23] == 1  # opened on a Friday night
    assert figures.hours(found, What.CALLED).sum() == 3


def test_a_deadline_is_kept_or_missed_and_silence_costs_as_much_as_lateness() -> None:
    day = [fact(What.IN_TIME, count=6), fact(What.OVERDUE, count=4)]
    assert figures.total(facts(day)).kept == 0.6
    assert figures.total(facts([*day, fact(What.LATE, count=3)])).kept == 0.6
    assert figures.total(facts([])).kept is None


def test_how_long_answers_took() -> None:
    found = facts([fact(What.LATE, value=day, count=day + 1) for day in (0, 1, 2, 6, 7, 90)])
    assert figures.waits(found, [0, 2, 7]) == [3, 10, 99]
