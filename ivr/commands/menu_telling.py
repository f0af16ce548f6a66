"""`ivr menu`: what tells of trees and changes nothing: show, history, diff, rehearse, stats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ivr.commands.menu import File, Json, Name, app, checked, offered, own_file, read
from ivr.commands.output import load_settings, out, show_json, show_rows, with_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.voice.rehearsal import Rehearsal
    from ivr.voice.step_figures import StepFigure

__all__ = ["app"]

DEEDS = ("pressed", "wrong", "silent", "heard", "spoke", "reached", "nobody", "hung_up")
FATES = ("served", "dropped", "failed", "ended")
Which = Annotated[str, typer.Option(help="live, trial, a revision's number, or 'draft 3'.")]


@app.command(epilog="Example: ivr menu show 111 > 111.yaml")
def show(
    name: Name = "",
    which: Which = "live",
    json: Json = False,
) -> None:
    """Print a text as it was saved: by default the live revision's."""
    from ivr.desk.trees.tree_history import text_of

    settings = load_settings()
    name = name or settings.calls.menu
    text = with_database(settings, lambda engine: text_of(engine, name, which))
    if json:
        show_json({"menu": name, "which": which, "text": text})
    else:
        print(text, end="")


@app.command(epilog="Example: ivr menu history 111 --json")
def history(name: Name = "", json: Json = False) -> None:
    """What was on the air, newest first: by whom, why, and how it came off again; and what was refused."""
    from ivr.desk.trees.tree_history import revisions, unkept

    settings = load_settings()
    name = name or settings.calls.menu

    async def work(engine: AsyncEngine) -> list[dict[str, Any]]:
        refused = [each.as_json() for each in await unkept(engine, name)]
        return [each.as_json() for each in await revisions(engine, name)] + refused

    found = sorted(with_database(settings, work), key=lambda row: str(row["at"]), reverse=True)
    rows = [{"name": name} | row | {"live": "live" if row["is_live"] else ""} for row in found]
    show_rows(["number", "live", "at", "author", "deed", "reason"], rows, json)


@app.command(epilog="Examples: ivr menu diff 111.yaml   ·   ivr menu diff --old 3 --new 5")
def diff(
    file: Annotated[Path | None, typer.Argument(help="A tree in YAML, compared with the live one.")] = None,
    name: Annotated[str, typer.Option(help="Which menu, without a file.")] = "",
    old: Which = "live",
    new: Which = "live",
    text: Annotated[bool, typer.Option("--text", help="Line by line, too.")] = False,
    json: Json = False,
) -> None:
    """In what two trees differ, as a caller would notice it."""
    from ivr.desk.trees.tree_history import text_of
    from ivr.voice.menu_diff import changes, text_diff
    from ivr.voice.parse import parse

    settings = load_settings()
    raw = read(file).data if file else b""
    name = parse(raw, str(file)).name if file else name or settings.calls.menu

    async def whole(engine: AsyncEngine) -> tuple[str, str]:
        return await text_of(engine, name, old), raw.decode() if file else await text_of(engine, name, new)

    before, after = with_database(settings, whole)
    found = changes(parse(before.encode(), old), parse(after.encode(), str(file or new)))
    lines = text_diff(before, after, (old, str(file or new)))
    if json:
        show_json({"menu": name, "changes": [each.as_json() for each in found], "text": lines})
        return
    print("\n".join([*map(str, found), *(lines if text else ())]) or "no difference")


@app.command(
    epilog="Examples: ivr menu rehearse 111.yaml --days 14   ·   ivr menu rehearse b.yaml --against a.yaml"
)
def rehearse(
    file: File = None,
    against: Annotated[
        Path | None, typer.Option(help="Compare with that file, not with the live tree.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Calls of so many days.")] = 14,
    json: Json = False,
) -> None:
    """Walk the last weeks' calls through a tree: who lands elsewhere, gets stuck, needs more or less time."""
    from ivr.desk.trees.rehearsing import rehearse_draft
    from ivr.desk.trees.tree_history import text_of
    from ivr.installation import lengths, tree_check, trees_beside
    from ivr.voice.parse import parse

    settings = load_settings()
    directory, seconds = offered(settings), lengths(settings)
    _, after, _ = checked(tree_check(settings, directory), file or own_file(settings))

    async def whole(engine: AsyncEngine) -> Rehearsal:
        text = read(against).data if against else (await text_of(engine, after.name, "live")).encode()
        before = parse(text, str(against or "live"), called=trees_beside(settings).called)
        return await rehearse_draft(engine, before, after, directory, datetime.now(UTC), seconds, days=days)

    found = with_database(settings, whole)
    if json:
        show_json(found.as_json())
        return
    print(found.sentence)
    rows = [row | {"share": f"{100 * row['share']:.1f} %"} | row["seconds"] for row in found.table()]
    if rows:
        show_rows(["fate", "calls", "share", "median_longer", "longer", "shorter"], rows, False)
    for fate, each in ((row["fate"], each) for row in rows for each in row["examples"]):
        if fate != "same":
            stuck = f", at {each['stuck_at']}" if each["stuck_at"] else ""
            print(f"{fate}: call {each['call']}: {each['before']} → {each['after']}{stuck}")


@app.command(epilog="Examples: ivr menu stats 111 --days 14   ·   ivr menu stats --step topic --json")
def stats(
    name: Name = "",
    days: Annotated[int, typer.Option(min=1, max=365, help="Of so many days, today included.")] = 14,
    revision: Annotated[str, typer.Option(help="Of one revision; by default of all.")] = "",
    step: Annotated[str, typer.Option(help="One step, second by second.")] = "",
    json: Json = False,
) -> None:
    """What callers did at each step, and what came of each way of a `share`.

    The calls themselves: ivr call list --passed STEP:DEED.
    """
    from ivr.desk.trees.step_statistics import tree_figures

    settings, now = load_settings(), datetime.now(UTC)
    name = name or settings.calls.menu
    zone = settings.province.timezone
    since = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=days - 1)
    found = with_database(settings, lambda engine: tree_figures(engine, name, since, zone, now, revision))
    figures = {id: each for id, each in found.steps.items() if step in ("", id)}
    told = {id: each.as_json() for id, each in figures.items()}
    if json:
        show_json({"menu": name, "since": since.isoformat(), "calls": found.calls, "steps": told})
        return
    out.print(f"menu {name}: {found.calls} calls since {since}", highlight=False)
    if step:
        show_rows(["second", *DEEDS], _by_second(told), False)
    else:
        show_rows(["step", "entered", *DEEDS], [{"step": id} | each for id, each in told.items()], False)
    if ways := list(_by_way(figures)):
        show_rows(["step", "way", "calls", *FATES], ways, False)
        print("\n".join(_compared(figures)))


def _by_way(figures: Mapping[str, StepFigure]) -> Iterator[dict[str, Any]]:
    """A row for each way of a `share` step, with what came of its calls in percent."""
    for step, figure in figures.items():
        for way, (calls, shares) in figure.shares().items():
            percents = {str(fate): f"{100 * share:.1f} %" for fate, share in shares.items()}
            yield {"step": step, "way": way, "calls": calls, **percents}


def _compared(figures: Mapping[str, StepFigure]) -> Iterator[str]:
    """Of each `share` step whose ways both had calls, whether they differ by more than chance."""
    for step, figure in figures.items():
        if (chance := figure.chance()) is not None:
            so_often = f"{100 * chance:.1f} % of all trials"
            yield f"{step}: two ways that serve alike differ so much or more in {so_often}"


def _by_second(told: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each second of one step in which somebody did something."""
    seconds: dict[int, dict[str, Any]] = {}
    for figure in told.values():
        for did, many in figure["seconds"].items():
            for second, count in many.items():
                seconds.setdefault(int(second), {"second": second})[did] = count
    return [seconds[second] for second in sorted(seconds)]
