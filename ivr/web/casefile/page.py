"""The page of one case."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from ivr.cases.code import grouped
from ivr.desk.letters.formal_letters import LetterKind, letters_of
from ivr.desk.people import unsealing
from ivr.desk.reading.casefile import CaseFile
from ivr.desk.recordings import revealing
from ivr.desk.recordings.hearing import Rendition
from ivr.web.casefile.deeds import BY_NAME, offered
from ivr.web.casefile.story import teller
from ivr.web.panel.due import due_mark
from ivr.web.panel.permissions import Permission as P
from ivr.web.panel.uploading import ACCEPT
from ivr.web.panel.visit import Visit

OPEN, WAITING, ASKABLE, SHUT = "open", "waiting", "askable", "shut"
SPEEDS = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)


async def page_of(visit: Visit, file: CaseFile) -> dict[str, Any]:
    """All that the template needs but the form that is open. Whoever gets it has seen the case."""
    case, area = file.case, file.case.county or ""
    await revealing.saw(visit.panel.engine, visit.person, case.id, visit.now, visit.came.address)
    page = await visit.panel.book.page()
    sealed = case.confidential is not None
    revealed = await revealing.may_hear(
        visit.panel.engine, visit.person, case.id, visit.now, confidential=sealed
    )
    opening = await _opening(visit, file) if sealed else ""
    told = teller(visit, file)
    deeds = offered(visit, file)
    do = visit.request.query.get("do", "")
    return {
        "file": file,
        "case": case,
        "code_shown": grouped(case.code),
        "names": file.names,
        "story": told.story(),
        "paths": [(call, told.path(call)) for call in file.calls],
        "teller": told,
        "deeds": deeds,
        "guesses": guesses(file),
        "may_assign": BY_NAME["refer"] in deeds,
        "done": done_of(visit),
        "not_now": do if do in BY_NAME and BY_NAME[do] not in deeds else "",
        "letters": await letters(visit, file),
        "due": due_mark(visit.words, page.standing(case, visit.now)),
        "due_mark": lambda row: due_mark(visit.words, page.standing(row, visit.now)),
        "may_play": visit.allowed(P.RECORDINGS_PLAY, area=area),
        "may_blind": visit.allowed(P.RECORDINGS_BLIND, area=area),
        "may_download": visit.allowed(P.RECORDINGS_DOWNLOAD, area=area) and not sealed,
        "may_reveal": visit.allowed(P.IDENTITY_REVEAL, area=area) and opening in ("", OPEN),
        "may_reveal_voice": opening in ("", OPEN),
        "sealed": sealed,
        "opening": opening,
        "may_write": visit.allowed(P.NOTES_WRITE, area=area),
        "may_attach": visit.allowed(P.NOTES_WRITE, agency=case.agency, area=area)
        and visit.scope.reads_whole(case)
        and not case.anonymised_at,
        "accept": ACCEPT,
        "unattached": "",
        "note": "",
        "may_see_seen": visit.allowed(P.SEEN_BY, area=area) and visit.scope.reads_whole(case),
        "voice_revealed": revealed and visit.allowed(P.RECORDINGS_PLAY, area=area),
        "voice": Rendition.EVEN
        if revealed and visit.allowed(P.RECORDINGS_PLAY, area=area)
        else Rendition.BLIND,
        "speeds": SPEEDS,
    }


def done_of(visit: Visit) -> str:
    """What was just done with it; "" where its address names nothing that can be."""
    done = visit.request.query.get("done", "")
    return done if done in BY_NAME or done == "attach" else ""


async def _opening(visit: Visit, file: CaseFile) -> str:
    """How far a confidential case is open to them: may they ask, do they wait, is it open?"""
    case, person = file.case, visit.person
    if not (person.trusted and visit.allowed(P.IDENTITY_REVEAL, area=case.county or "")):
        return SHUT
    async with visit.panel.engine.connect() as connection:
        if await unsealing.opened(connection, person.id, case.id, visit.now):
            return OPEN
        waits = await unsealing.waiting(connection, person.id, case.id, visit.now)
    return WAITING if waits else ASKABLE


@dataclass(frozen=True, slots=True)
class ShownGuess:
    """`percent`: how sure the machine was. `gave_back`: that body has said that the case is not its own."""

    topic: str
    agency: str
    percent: int
    gave_back: bool


def guesses(file: CaseFile) -> list[ShownGuess]:
    """Those of the last suggestion that say anything."""
    back = {event.details.get("from") for event in file.events if event.event == "returned"}
    top = [guess for suggestion in file.suggestions[-1:] for guess in suggestion.top]
    found = [
        ShownGuess(
            g["topic"], g["agency"], round(g["confidence"] * 100), g["agency"] in back - {file.case.agency}
        )
        for g in top
    ]
    return [guess for guess in found if guess.percent]


async def letters(visit: Visit, file: CaseFile) -> list[LetterKind]:
    """Those that can be printed."""
    case, seed = file.case, visit.panel.places.seed
    if seed is None or not visit.allowed(P.LETTERS_PRINT, case.agency, case.county or ""):
        return []
    return await asyncio.to_thread(letters_of, seed, case, file.events, file.order is not None)
