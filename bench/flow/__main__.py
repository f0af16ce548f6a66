"""`python -m bench.flow [--calls 3000] [--quick] [--json]`: microseconds for one event of a call.

Each call files a complaint on the tree that ships: keys, a miss, her words, the code. Beside it, in the same
run and turn by turn, a plain loop walks the same way over dictionaries: it keeps no draft, no way back, no
limits and nothing for the books. Both end the process where they do not come where the other comes. Exit 1
when the median event takes 50 µs or more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median, quantiles
from time import perf_counter_ns
from typing import Any

from ivr.installation import directory_of
from ivr.settings import ROOT, Settings
from ivr.voice.directory import Directory
from ivr.voice.events import (
    Caller,
    CallerKnown,
    CaseOpened,
    Ended,
    Event,
    Keys,
    Recorded,
    RoomFound,
    Said,
)
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from ivr.voice.session import Session

TARGET = 50.0  # µs, the median event
TREE = ROOT / "dialplan" / "menus" / "111.yaml"
CALLER = Caller("+989140000001", datetime(2026, 11, 25, 10, 0, tzinfo=UTC))


def _key(pressed: str) -> Event:
    return Keys(pressed, Ended.FULL, 1.0)


SILENT = Keys("", Ended.TIMEOUT, 7.0)
# What the desk and her telephone answer, and behind which of them she is at which step.
CALL: tuple[tuple[Event, str], ...] = (
    (CallerKnown(), "language"),
    (_key("1"), "kind"),
    (_key("9"), "kind"),  # a miss
    (_key("1"), "topic"),
    (_key("1"), "topic"),  # the group, then the matter
    (_key("1"), "county"),
    (_key("01"), "record"),
    (RoomFound(), "record"),
    (Said(), "record"),
    (Recorded("2026/11/25/words", 20.0, 15.0, Ended.HASH), "record"),
    (CaseOpened("1234567894"), "review"),
    (_key("1"), "code"),
    (Said(), "code"),
    (SILENT, "goodbye"),
    (Said(), ""),
)


def session(menu: Menu, directory: Directory) -> Iterator[int]:
    """Nanoseconds of each event."""
    call = Session(menu, directory, CALLER)
    call.start()
    for event, step in CALL:
        began = perf_counter_ns()
        call.receive(event)
        took = perf_counter_ns() - began
        if call.step != step:
            sys.exit(
                f"the call stands at {call.step}, not at {step}: the tree has changed, and this bench has not"
            )
        yield took


def plain_tree(menu: Menu, directory: Directory) -> dict[str, dict[str, Any]]:
    """The same way as dictionaries: what each step says, and where each key, or anything else, leads."""
    tree: dict[str, dict[str, Any]] = {}
    for step in menu.steps.values():
        keys = {key: choice.go for key, choice in getattr(step, "keys", {}).items() if hasattr(choice, "go")}
        tree[step.id] = {"say": step.prompt, "keys": keys, "go": getattr(step, "go", "")}
    tree["kind"]["keys"]["1"] = "topic"
    tree["topic"]["keys"] = {group: f"topic.{group}" for group in directory.groups}
    for group in directory.groups:
        keys = {topic.key[1:]: "county" for topic in directory.leaves(group)}
        tree[f"topic.{group}"] = {"say": ("topic.leaf_menu",), "keys": keys, "go": ""}
    tree["county"]["keys"] = dict.fromkeys(directory.by_county_key, "record")
    tree["review"]["keys"] = {"1": "code"}
    tree["language"]["keys"]["1"] = "kind"
    return tree


# Each key of that call, and "" where it only goes on.
PRESSES = ("1", "9", "1", "1", "1", "01", "", "1", "")


def loop(tree: dict[str, dict[str, Any]]) -> Iterator[int]:
    """Nanoseconds of each event: take the key, find the step, put together what is said."""
    at, misses = "language", 0
    for pressed in PRESSES:
        began = perf_counter_ns()
        step = tree[at]
        onward = step["keys"].get(pressed, "") if step["keys"] else step["go"]
        if onward:
            at, misses = onward, 0
            said = [*tree[at]["say"]]
        else:
            misses += 1
            said = ["no_match", *step["say"]]
        _ = {"do": "ask", "say": said, "keys": 1, "seconds": 7, "misses": misses}
        took = perf_counter_ns() - began
        yield took
    if at != "goodbye":
        sys.exit(f"the plain loop stands at {at}: the tree has changed, and this bench has not")


def measured(calls: int) -> dict[str, float]:
    """Microseconds."""
    directory = directory_of(Settings())
    menu = parse(TREE.read_bytes(), TREE.name)
    tree = plain_tree(menu, directory)
    ours: list[int] = []
    plain: list[int] = []
    for _ in range(calls):
        ours += session(menu, directory)
        plain += loop(tree)
    return {
        "events": len(ours),
        "median_us": median(ours) / 1000,
        "p99_us": quantiles(ours, n=100)[98] / 1000,
        "plain_median_us": median(plain) / 1000,
        "ratio": median(ours) / median(plain),
    }


def main() -> None:
    """Exit 1 with a sentence when the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.flow", description=__doc__)
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--quick", action="store_true", help="300 calls")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measured(300 if given.quick else given.calls)
    if given.json:
        print(json.dumps({name: round(value, 2) for name, value in found.items()}))
    else:
        figure = f"{found['median_us']:.1f} µs in the median (below {TARGET:g}), {found['p99_us']:.1f} at p99"
        print(f"an event    {figure}, of {found['events']:.0f}")
        share = f"a {found['ratio']:.0f}th of it, and keeps nothing"
        print(f"plain loop  {found['plain_median_us']:.2f} µs: {share}")
    if (median_us := found["median_us"]) >= TARGET:
        sys.exit(f"missed: an event takes {median_us:.1f} µs in the median, and {TARGET:g} are allowed")


if __name__ == "__main__":
    main()
