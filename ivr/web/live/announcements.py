"""Announcements: what callers are told for a while, switched on and off without touching a menu tree."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from ivr.desk.book import announcing
from ivr.desk.refusals import WrongField
from ivr.voice import script
from ivr.voice.announcements import LONGEST_TEXT, Announcement
from ivr.web.panel.forms import Form
from ivr.web.panel.visit import NotFound, Route, Visit

KEEP_OUT = {"Cache-Control": "private, no-store"}
BASE = "/panel/live/announcements"
ENDS = ("1", "2", "4", "8", "today", "tomorrow", "168")  # hours, or the end of a day
TWICE = timedelta(minutes=1)  # from one press of the button to another
_ONE_AT_A_TIME = asyncio.Semaphore(1)


def routes() -> list[Route]:
    return [
        Route("GET", BASE, "live.announcements", page),
        Route("GET", f"{BASE}/sound/{{language}}", "live.announcements.sound", sound),
        Route("POST", BASE, "live.announce", announce),
        Route("POST", f"{BASE}/off", "live.announce.off", off),
    ]


async def page(
    visit: Visit, form: Form | None = None, heard: Mapping[str, str] | None = None, said: str = ""
) -> web.Response:
    engine = visit.panel.engine
    slots, live = await announcing.slots(engine), await announcing.current(engine, visit.now)
    languages = visit.panel.book.conventions.languages
    return visit.render(
        "live/announcements.html",
        status=422 if said or (form is not None and form.wrong) else 200,
        slots={slot: visit.words.get(f"live.announcements.slots.{slot}", slot) for slot in slots},
        seen={slot: live[slot].number if slot in live else 0 for slot in slots},
        live=[live[slot] for slot in (*slots, *sorted(set(live) - set(slots))) if slot in live],
        languages=languages,
        ends={end: visit.words(f"live.announcements.end.{end}") for end in ENDS},
        sent={name: form.raw(name) if form else "" for name in ("slot", "end", *_fields(languages))},
        wrong=form.wrong if form else {},
        heard=heard or {},
        most=LONGEST_TEXT,
        said=said or visit.request.query.get("said", ""),
        may_edit=visit.allowed("announce"),
    )


async def announce(visit: Visit) -> web.Response:
    """With `hear` nothing is switched on: the page plays what callers would hear."""
    form, panel = visit.form(), visit.panel
    languages = panel.book.conventions.languages
    slot = form.choice("slot", await announcing.slots(panel.engine))
    end = form.choice("end", ENDS)
    words = {
        language: form.text(f"words.{language}", most=LONGEST_TEXT, needed=False) for language in languages
    }
    for language, text in words.items():
        if text and not script.is_readable(text):
            form.refuse(f"words.{language}", "refusal.unreadable")
    if not any(words.values()):
        form.refuse(f"words.{languages[0]}", "common.form.needed")
    if form.wrong:
        return await page(visit, form)
    if form.flag("hear"):
        heard = {
            language: f"{BASE}/sound/{language}?{urlencode({'words': text})}"
            for language, text in words.items()
            if text
        }
        return await page(visit, form, heard)
    try:
        until = ends_at(end, visit.now, panel.book.timezone)
        await announcing.announce(
            panel.engine, slot, words, until, visit.actor.name, visit.now, visit.person.id,
            visit.came.address, _seen(form, slot),
        )  # fmt: skip
    except announcing.AnnouncementChanged:
        live = (await announcing.current(panel.engine, visit.now)).get(slot)
        if live is None or not _is_sent_again(live, words, until, visit.actor.name):
            return await page(visit, form, said="changed")
    except WrongField as error:
        form.refused(error, {})
        return await page(visit, form)
    return visit.redirect(f"{BASE}?said=on")


async def off(visit: Visit) -> web.Response:
    form = visit.form()
    slot = form.raw("slot")
    if slot not in await announcing.current(visit.panel.engine, visit.now):
        return visit.redirect(f"{BASE}?said=gone")
    who = visit.actor.name, visit.now, visit.person.id, visit.came.address
    try:
        await announcing.silence(visit.panel.engine, slot, *who, _seen(form, slot))
    except announcing.AnnouncementChanged:
        return visit.redirect(f"{BASE}?said=changed")
    return visit.redirect(f"{BASE}?said=off")


async def sound(visit: Visit) -> web.StreamResponse:
    """What the words sound like, by the voice that callers hear."""
    words, language = visit.request.query.get("words", ""), visit.request.match_info["language"]
    studio = visit.panel.voices.studio
    if studio is None or not script.is_readable(words) or len(words) > LONGEST_TEXT:
        raise NotFound
    async with _ONE_AT_A_TIME:
        spoken = await studio.speak(words, language)
    if spoken is None:
        raise NotFound
    return web.FileResponse(f"{spoken}.wav", headers={**KEEP_OUT, "Content-Type": "audio/wav"})


def ends_at(end: str, now: datetime, timezone: str) -> datetime:
    """The moment that one of `ENDS` names."""
    if end.isdigit():
        return now + timedelta(hours=int(end))
    zone = ZoneInfo(timezone)
    days = 1 if end == "today" else 2
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=days), time(0), zone)


def _is_sent_again(live: Announcement, words: Mapping[str, str], until: datetime, author: str) -> bool:
    """Whether it is what they switched on themselves by the same form, pressed twice."""
    said = {language: text for language, text in words.items() if text}
    return (live.words, live.author) == (said, author) and abs(live.until - until) < TWICE


def _seen(form: Form, slot: str) -> int | None:
    """What that slot said on the page that the form is of."""
    return form.number(f"seen.{slot}") if form.raw(f"seen.{slot}") else None


def _fields(languages: tuple[str, ...]) -> list[str]:
    return [f"words.{language}" for language in languages]
