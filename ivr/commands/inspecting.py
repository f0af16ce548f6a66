"""`ivr spool inspect`: everything known of one name."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import Table, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.code import is_valid
from ivr.commands.books import plain
from ivr.settings import Settings
from ivr.store import recording_files, slots
from ivr.store.envelope import Unopened
from ivr.store.facts import Unreadable, read_or_not
from ivr.store.journal import journal_reading
from ivr.store.tables import calls, cases, recordings
from ivr.store.volumes import SECOND
from ivr.voice.footprints import choices_only

PRIVATE = ("caller", "caller_key", "caller_name", "callback", "national_id", "number", "salt")
_MASK = "•••"
_ALONE = "fallback:"
_UNHEARD = {"transcript": None, "call_id": None}  # of a confidential case
_UNTOLD = {"place": None, "words": "", "call_id": None}
Json = dict[str, Any]


async def known(settings: Settings, what: str, engine: AsyncEngine | None) -> dict[str, Any]:
    """`facts`, `file`, `rows`, `why`; `found` whether there is anything at all. Callers are masked.

    A confidential case is not told with its call, nor its call with it, and of facts their type alone:
    where one stands is the same for both.
    `unread`: what disks say that do not give all of a journal. Without an engine the rows are left out.
    """
    name = what.removesuffix(".wav").removesuffix(".sealed")
    name = code if is_valid(code := plain(what)) else name
    unread: list[str] = []
    facts = await asyncio.to_thread(_facts, settings.spool, name, unread)
    file = await asyncio.to_thread(_file, settings, name)
    rows, sealed = await _rows(engine, name) if engine is not None else ({}, False)
    if sealed:
        facts = [{"applied": each["applied"], "fact": _type(each["fact"])} for each in facts]
    found = bool(facts or file or any(rows.values()))
    why = _why(facts, file, rows) if found else ""
    told = {"name": name, "found": found, "facts": facts, "file": file, "rows": rows, "why": why}
    return told | {"unread": unread}


def print_known(found: dict[str, Any]) -> None:
    for fact in found["facts"]:
        state = "applied" if fact["applied"] else "waiting"
        place = f"{fact['slot']} {fact['segment']}:{fact['offset']} " if "slot" in fact else ""
        typer.echo(f"journal {place}{state}: {fact['fact']}")
        if "unreadable" in fact:
            typer.echo(f"  which this release can't read: {fact['unreadable']}")
    for key, value in (found["file"] or {}).items():
        typer.echo(f"file {key}: {value}")
    for table, rows in found["rows"].items():
        for row in rows:
            typer.echo(f"row in {table}: " + ", ".join(f"{k}={v}" for k, v in row.items() if v is not None))
    if found["why"]:
        typer.echo(found["why"])
    for refusal in found["unread"]:
        typer.echo(f"more may be known, its disk does not show all of it: {refusal}")


def _facts(spool: Path, name: str, unread: list[str]) -> list[dict[str, Any]]:
    found = []
    for journal in slots.journals(spool):
        applied = journal_reading.applied(journal)
        try:
            for position, body in journal_reading.speaking_of(journal, name):
                place = {"slot": str(journal), "segment": position.segment, "offset": position.offset}
                fact = read_or_not(body)
                wrong = {"unreadable": fact.why} if isinstance(fact, Unreadable) else {}
                found.append({**place, "applied": position <= applied, "fact": _plain(body), **wrong})
        except OSError as error:
            unread.append(f"{journal}: {error}")
    return found


def _plain(body: bytes) -> Any:
    try:
        return masked(json.loads(body))
    except ValueError:
        return "no JSON"


def _type(fact: Any) -> Any:
    return {"type": fact.get("type")} if isinstance(fact, dict) else fact


def _file(settings: Settings, name: str) -> dict[str, Any] | None:
    from ivr.voice.wave import measure

    root = settings.recordings.resolve()
    path = recording_files.where(root, name)
    inside = [root, (root / SECOND).resolve()]
    if path is None or not any(path.resolve().is_relative_to(place) for place in inside):
        return None
    try:
        heard = measure(recording_files.read(root, name))
    except Unopened as error:
        return {"path": str(path), "unopened": str(error)}
    return {"path": str(path), "size": heard.size, "sha256": heard.sha256, "seconds": heard.seconds,
            "voiced_seconds": heard.voiced_seconds, "grown_at": path.stat().st_mtime}  # fmt: skip


async def _rows(engine: AsyncEngine, name: str) -> tuple[dict[str, list[Json]], bool]:
    """The recording, its call and its case, by whichever of their names was given; whether one is sealed."""
    try:
        id = uuid.UUID(name)
    except ValueError:
        id = uuid.UUID(int=0)
    async with engine.connect() as connection:

        async def rows(table: Table, *where: Any) -> list[Json]:
            found = await connection.execute(select(table).where(or_(*where)).limit(20))
            return [masked(dict(row._mapping)) for row in found]

        case = await rows(cases, cases.c.id == id, cases.c.code == name, cases.c.call_id == id)
        ids = [each["id"] for each in case] or [id]
        words = await rows(
            recordings, recordings.c.name == name, recordings.c.case_id.in_(ids), recordings.c.call_id == id
        )
        others = {each["case_id"] for each in words} - {None, *(each["id"] for each in case)}
        case += await rows(cases, cases.c.id.in_(others))
        sealed = {each["id"] for each in case if each["confidential"]}
        if any(each["call_id"] == id for each in (*case, *words)):  # it is a call that was asked for
            case = [each for each in case if each["id"] not in sealed]
            words = [each for each in words if each["case_id"] not in sealed]
        case = [each | _UNTOLD if each["id"] in sealed else each for each in case]
        words = [each | _UNHEARD if each["case_id"] in sealed else each for each in words]
        call = [each for each in (*(w["call_id"] for w in words), *(c["call_id"] for c in case), id) if each]
        told = {"calls": await rows(calls, calls.c.id.in_(call)), "cases": case, "recordings": words}
    return told, bool(sealed)


def _why(facts: list[dict[str, Any]], file: dict[str, Any] | None, rows: dict[str, Any]) -> str:
    if any(not fact["applied"] for fact in facts):
        return "it waits: a fact in the journal is not in the database yet"
    if file and not rows.get("recordings") and rows:
        return "it waits: no row speaks of the file; `ivr spool retry` brings it in once it has stood still"
    if rows.get("recordings") and not any(row["case_id"] for row in rows["recordings"]):
        return f"it is no case: {rows['recordings'][0]['ended']}"
    return "it is in the books" if any(rows.values()) else "the books were not read"


def masked(value: Any) -> Any:
    """Without the caller's number, name and keys, which no terminal's scroll-back should keep."""
    if isinstance(value, dict) and "step" in value:
        return value | {"key": choices_only(value.get("key", ""))}
    if isinstance(value, dict):
        return {k: _MASK if k in PRIVATE and v else _named(v) if k == "unique_id" else masked(v)
                for k, v in value.items()}  # fmt: skip
    return [masked(each) for each in value] if isinstance(value, list) else value


def _named(unique_id: Any) -> Any:
    """A fact of an older release names what the dialplan alone recorded by its file: her number, her code."""
    of_a_file = str(unique_id).startswith(_ALONE) and not re.fullmatch(_ALONE + "[0-9a-f]{32}", unique_id)
    return _ALONE + _MASK if of_a_file else unique_id
