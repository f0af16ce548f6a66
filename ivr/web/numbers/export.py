"""Every table of figures as a file: XLSX for whoever works on with it, CSV for other programs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.cases import phone
from ivr.cases.channels import PHONE
from ivr.cases.figures import What
from ivr.desk.people import unsealing
from ivr.desk.reading import exporting
from ivr.web.numbers import labels, pages
from ivr.web.numbers.asked import FiguresQuery, asked
from ivr.web.numbers.dashboard import look
from ivr.web.numbers.frame import unnamed
from ivr.web.numbers.measures import MEASURES
from ivr.web.panel.locale import Locale, number
from ivr.web.panel.sending import send
from ivr.web.panel.sheets import MOMENT, NUMBER, SHARE, Batches, Column, Sheet, SheetRow
from ivr.web.panel.visit import NotFound, Visit

FORMS = ("xlsx", "csv")
LONGEST = 150  # letters of a file's name: who sees many counties has many codes


async def export(visit: Visit) -> web.StreamResponse:
    """`table`: figures, league, gaps, hours-<what>, cases. Raises NotFound for any other."""
    table, form = (visit.request.match_info[name] for name in ("table", "form"))
    if form not in FORMS:
        raise NotFound
    makers = {"figures": _figures, "league": _league, "gaps": _gaps, "cases": _cases}
    maker = _hours if table.startswith("hours-") else makers.get(table)
    if maker is None:
        raise NotFound
    wanted, sheet, batches = await maker(visit)
    return await send(visit, sheet, batches, form, _file_name(table, wanted, form))


async def reveal(visit: Visit) -> web.StreamResponse:
    """The cases with who the callers are: asked for with a reason; once another person allows it, taken."""
    visit.require("identity_reveal")
    if visit.request.match_info["table"] != "cases" or visit.request.match_info["form"] not in FORMS:
        raise NotFound
    form = visit.form()
    reason = form.text("reason", most=300)
    if form.wrong or len(reason) < unsealing.SHORTEST:
        return visit.render("numbers/no_reason.html", status=422)
    export = _export(visit, await asked(visit), reason)
    async with visit.panel.engine.connect() as connection:
        person, now = visit.person, visit.now
        allowed = await unsealing.exportable(connection, person.id, export.asked_for, now)
    if not allowed:
        await unsealing.ask_for_export(
            visit.panel.engine, person, export.asked_for, reason, now, export.address
        )
        return visit.render("numbers/asked.html", status=202)
    wanted, sheet, batches = await _cases(visit, reason)
    kind = visit.request.match_info["form"]
    return await send(visit, sheet, batches, kind, _file_name("cases", wanted, kind))


def _file_name(table: str, wanted: FiguresQuery, form: str) -> str:
    """With the codes that it is about: beside the whole's file it must not pass for that."""
    codes = [code for _, code in wanted.about]
    return "-".join(["111", table, wanted.period.name.partition(":")[2], *codes])[:LONGEST] + f".{form}"


Made = tuple[FiguresQuery, Sheet, Batches]


async def _figures(visit: Visit) -> Made:
    seen = await look(visit)
    words, by = visit.words, seen.asked.by
    columns = [Column(words(f"numbers.by.{by}"), width=36)]
    for measure in MEASURES:
        kind = SHARE if measure.kind == SHARE else NUMBER
        columns.append(Column(words(f"numbers.measure.{measure.name}"), kind))
    named = [(line.name or unnamed(by, line.code, words), line) for line in seen.lines]
    rows = [[name, *(m.of(line) for m in MEASURES)] for name, line in named]
    rows.append([_sum_of(seen.asked, words), *(m.of(seen.whole) for m in MEASURES)])
    return seen.asked, _sheet(visit, seen.asked, words(f"numbers.table.{by}"), columns), _at_once(rows)


def _sum_of(wanted: FiguresQuery, words: Locale) -> str:
    names = [wanted.name_of(name, code) or unnamed(name, code, words) for name, code in wanted.about]
    of = words("numbers.gaps.comma").join(names)
    return f"{words('numbers.whole')} ({of})" if of else words("numbers.whole")


async def _league(visit: Visit) -> Made:
    wanted, places = await pages.places(visit)
    words = visit.words
    heads = [("league.rank", NUMBER), ("by.agency", "text"), ("measure.kept", SHARE), ("league.low", SHARE)]
    heads += [("league.high", SHARE), ("league.deadlines", NUMBER), ("measure.overdue", NUMBER)]
    heads += [("measure.median", NUMBER), ("measure.reopened", NUMBER), ("measure.satisfaction", NUMBER)]
    columns = [Column(words(f"numbers.{key}"), kind, 36 if kind == "text" else 12) for key, kind in heads]
    rows = [
        [
            place.rank or None, wanted.name_of("agency", place.code) or place.code, place.figures.kept,
            place.low, place.high, place.figures.deadlines, place.figures[What.OVERDUE],
            place.figures.median, place.figures[What.REOPENED], place.figures.satisfaction,
        ]
        for place in places
    ]  # fmt: skip
    return wanted, _sheet(visit, wanted, words("numbers.league.title"), columns), _at_once(rows)


async def _gaps(visit: Visit) -> Made:
    """One sheet: which kind of gap, of what, where, why, how much."""
    wanted, groups = await pages.groups(visit)
    words = visit.words
    columns = [Column(words("numbers.gaps.kind"), width=34), Column(words("numbers.gaps.what"), width=44)]
    columns += [Column(words("numbers.gaps.more"), width=44), Column(words("numbers.gaps.cases"), NUMBER)]
    columns.append(Column(words("numbers.gaps.expected"), NUMBER))
    rows: list[SheetRow] = []
    for group in groups:
        title = words(f"numbers.gaps.{group.name}.title")
        for row in group.rows:
            texts = [cell for cell in row if isinstance(cell, str)]
            numbers = [cell for cell in row if not isinstance(cell, str)]
            more = words("numbers.gaps.comma").join(texts[1:])
            rows.append([title, texts[0], more, *numbers, *[None] * (2 - len(numbers))])
    return wanted, _sheet(visit, wanted, words("numbers.tab.numbers.gaps"), columns), _at_once(rows)


async def _hours(visit: Visit) -> Made:
    wanted, maps = await pages.maps(visit)
    name = visit.request.match_info["table"].removeprefix("hours-")
    found = next((one for one in maps if one.name == name), None)
    if found is None:
        raise NotFound
    words, days = visit.words, labels.weekdays()
    columns = [Column(words("numbers.hours.day")), *(Column(hour, NUMBER, 6) for hour in labels.hour_names())]
    rows = [[day, *row] for day, row in zip(days, found.rows, strict=True)]
    return wanted, _sheet(visit, wanted, words(f"numbers.hours.{name}.title"), columns), _at_once(rows)


async def _cases(visit: Visit, reason: str = "") -> Made:
    wanted, words = await asked(visit), visit.words
    taken = _export(visit, wanted, reason)
    await exporting.note(visit.panel.engine, taken, visit.request.match_info["form"], visit.now)
    heads = [("code", "text", 13), ("kind", "text", 12), ("topic", "text", 30), ("county", "text", 14)]
    heads += [("agency", "text", 36), ("status", "text", 16), ("opened", MOMENT, 16), ("due", MOMENT, 16)]
    heads += [("answered", MOMENT, 16), ("closed", MOMENT, 16), ("closure", "text", 16)]
    heads += [("satisfaction", NUMBER, 8), ("level", "text", 16), ("caller", "text", 15)]
    heads += [("caller_name", "text", 20), ("words", "text", 60)] if reason else []
    columns = [Column(words(f"numbers.cases.{name}"), kind, width) for name, kind, width in heads]

    cut = await exporting.is_cut(visit.panel.engine, taken)

    async def batches() -> AsyncIterator[Sequence[SheetRow]]:
        if cut:
            told = words("numbers.export.cut", n=number(exporting.MOST))
            yield [[told, *[None] * (len(columns) - 1)]]
        async for found in exporting.rows(visit.panel.engine, taken, visit.now):
            yield [_case(row, visit, reveals=bool(reason)) for row in found]

    return wanted, _sheet(visit, wanted, words("numbers.cases.title"), columns), batches()


def _export(visit: Visit, wanted: FiguresQuery, reason: str) -> exporting.Export:
    return exporting.Export(
        wanted.subject, wanted.period.since, wanted.period.until, visit.panel.archive.zone, visit.person.id,
        visit.came.address, reason,
    )  # fmt: skip


def _case(row: Any, visit: Visit, *, reveals: bool) -> list[Any]:
    words = visit.words
    caller = _number(row, words, reveals=reveals)
    whole = [caller, row.caller_name, row.words] if reveals else [caller]
    sealed = [words("casefile.sealed.hidden"), "", row.told or ""][: len(whole)]
    told = whole if row.confidential is None else sealed
    return [
        row.code, words.get(f"common.kind.{row.kind}", row.kind), row.topic_name, row.county_name,
        row.agency_name, words.get(f"common.status.{row.status}", row.status), row.opened_at, row.due_at,
        row.answered_at, row.closed_at, words.get(f"numbers.end.{row.closure}", row.closure or ""),
        row.satisfaction, words.get(f"common.level.{row.level}", row.level), *told,
    ]  # fmt: skip


def _number(row: Any, words: Locale, *, reveals: bool) -> str:
    """The caller's; "" where nobody called, or retention took it away."""
    if not phone.is_withheld(row.caller):
        return str(row.caller) if reveals else phone.mask(row.caller)
    called = row.channel == PHONE and row.anonymised_at is None
    return words("menus.calls.withheld") if called else ""


def _sheet(visit: Visit, wanted: FiguresQuery, title: str, columns: Sequence[Column]) -> Sheet:
    zone = ZoneInfo(visit.panel.archive.zone)
    name = f"{title} {labels.period_name(wanted.period, visit.words)}"
    return Sheet(name, columns, zone, visit.words.texts["numbers.export.jalali"])


async def _at_once(rows: Sequence[SheetRow]) -> AsyncIterator[Sequence[SheetRow]]:
    yield rows
