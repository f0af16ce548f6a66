"""Recordings to the ear: permission, audit, then a file in ranges that no cache keeps."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import Row

from ivr.desk.people import auditing, unsealing
from ivr.desk.people.limiting import TooOften
from ivr.desk.recordings import hearing, revealing
from ivr.desk.recordings.hearing import Rendition
from ivr.store.envelope import Unopened
from ivr.store.vault import VaultError
from ivr.voice import riff
from ivr.web.casefile.finding import recording_row
from ivr.web.casefile.privacy import too_many
from ivr.web.casefile.story import jalali
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.ranges import Ranged
from ivr.web.panel.visit import Forbidden, NotFound, Visit

log = logging.getLogger(__name__)

# `private` and `no-store`: personal data; the browser itself keeps no copy beyond the page.
UNHEARD = (OSError, VaultError, Unopened)
KEEP_OUT = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


async def play(visit: Visit) -> web.StreamResponse:
    """`?as=blind|even|plain`; blind unless something else is asked for. Range requests are answered.

    Blind also to a body that was asked for its view of a request to meet, whosever the case is.
    """
    try:
        form = Rendition(visit.request.query.get("as", Rendition.BLIND))
    except ValueError:
        raise NotFound from None
    asked = form is Rendition.BLIND and bool(visit.scope.agency)
    row = await recording_row(visit, hearing.asked_about if asked else None)
    await _may_hear(visit, row, form)
    try:
        file = await _booth(visit).opened(row, form)
    except UNHEARD as error:
        raise _missing(row, error) from None
    await hearing.heard(visit.panel.engine, visit.person, row, form, visit.now, visit.came.address)
    return Ranged(file, {**KEEP_OUT, "Content-Type": "audio/wav"})


async def outline(visit: Visit) -> web.StreamResponse:
    """What the player draws and skips, as JSON. It tells when something is said, not what."""
    row = await recording_row(visit)
    try:
        file = await _booth(visit).outline(row)
    except UNHEARD as error:
        raise _missing(row, error) from None
    return Ranged(file, {**KEEP_OUT, "Content-Type": "application/json"})


async def download(visit: Visit) -> web.StreamResponse:
    """The recording as it is, with the name of who takes it away written into it.

    Takes a reason, and is one of the cases that one person may reveal in a day.
    """
    row = await recording_row(visit)
    if row.confidential:  # a file that is taken away stays open for ever
        raise Forbidden
    reason = visit.form().text("reason", most=unsealing.LONGEST)
    if len(reason) < revealing.SHORTEST:
        return web.Response(status=422, text=visit.words("refusal.field_reason"))
    engine, most = visit.panel.engine, visit.panel.book.limits_now.reveals_per_day
    try:
        its = row.code or str(row.id)
        await revealing.count(engine, visit.person, its, most, visit.now, visit.came.address)
    except TooOften as refusal:
        return web.Response(status=422, text=too_many(visit, refusal))
    try:
        content = await _booth(visit).marked(row, watermark(visit, row, reason))
    except UNHEARD as error:
        raise _missing(row, error) from None
    async with engine.begin() as connection:
        await auditing.note(
            connection, visit.now, "recording_downloaded", person=visit.person.id, case=row.case_id,
            recording=row.name, reason=reason, address=visit.came.address,
        )  # fmt: skip
    name = f"111-{row.code or 'x'}-{stamp(visit, row.recorded_at)}.wav"
    headers = {**KEEP_OUT, "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=content, headers=headers, content_type="audio/wav")


def watermark(visit: Visit, row: Row[Any], reason: str) -> dict[str, str]:
    """Whoever finds the file somewhere can see whose copy it is."""
    who = f"{visit.person.full_name} ({visit.person.name})"
    at = jalali(visit.now.isoformat(), ZoneInfo(visit.panel.book.timezone))
    note = visit.words("casefile.watermark", who=who, at=at, code=row.code or "—", reason=reason)
    return {
        riff.ARTIST: who,
        riff.COMMENT: note,
        riff.COPYRIGHT: visit.words("casefile.watermark_right"),
        riff.CREATED: row.recorded_at.isoformat(),
        riff.NAME: f"{row.code or ''} {row.id}".strip(),
        riff.SOFTWARE: "Seda 111",
    }


def stamp(visit: Visit, moment: datetime) -> str:
    """In a file's name: by the province's clock, as pages show it."""
    return f"{moment.astimezone(ZoneInfo(visit.panel.book.timezone)):%Y%m%d-%H%M%S}"


async def _may_hear(visit: Visit, row: Row[Any], form: Rendition) -> None:
    """Blind: with permission. The voice itself: with another one, and once it was revealed."""
    area = row.county or ""
    if form is Rendition.BLIND:
        if not (visit.allowed(P.RECORDINGS_BLIND, area=area) or visit.allowed(P.RECORDINGS_PLAY, area=area)):
            raise Forbidden
        return
    visit.require(P.RECORDINGS_PLAY, area=area)
    if not await revealing.may_hear(
        visit.panel.engine, visit.person, row.case_id, visit.now, confidential=bool(row.confidential)
    ):
        raise Forbidden


def _booth(visit: Visit) -> hearing.Renditions:
    if visit.panel.voices.renditions is None:
        raise NotFound
    return visit.panel.voices.renditions


def _missing(row: Row[Any], error: Exception) -> Exception:
    """A recording that no disk has or gives, or that no key opens: `ivr verify` names it too."""
    log.error("recording %s can't be played: %s", row.name, error)
    return NotFound() if isinstance(error, FileNotFoundError) else web.HTTPServiceUnavailable()
