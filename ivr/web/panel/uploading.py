"""A paper or photograph that a form brings for a case: looked at, kept in the archive, attached."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

from ivr.cases.attachments import LONGEST_NOTE, MOST_BYTES, PaperFound, UnfitAttachment, WhyUnfit, measured
from ivr.desk.case import attachments
from ivr.desk.case.change import Instruction
from ivr.desk.refusals import Refused, WrongField
from ivr.store.attachments import KeptFile, beside, forget, keep
from ivr.web.panel.visit import Visit

log = logging.getLogger(__name__)

MOST_SENT = 32 << 20  # of a body: what is too large for us up to there is told in a sentence at the form
ACCEPT = "image/jpeg,image/png,image/webp,application/pdf"


async def take_paper(visit: Visit, code: str, cause: uuid.UUID | None = None) -> str:
    """Attach the form's `file` with its `note`; "", or one sentence why it was not.

    The same `cause` brings nothing twice. Raises NoSuchCase.
    """
    form, words = visit.form(), visit.words
    sent, note = form.file("file"), form.text("note", LONGEST_NOTE, needed=False)
    if form.wrong:
        return form.wrong["note"]
    if sent is None or not sent.filename:
        return words("attachments.wrong.none")
    folder = beside(visit.panel.places.recordings)
    try:
        found, kept = await asyncio.to_thread(_keep, sent.file, folder, visit)
    except UnfitAttachment as error:
        return _sentence(visit, error.why)
    except OSError as error:
        log.error("an attachment can't be kept: %s: %s", error.filename or folder, error.strerror)
        return words("attachments.wrong.disk")
    ask = Instruction(code, visit.actor, now=visit.now, cause=cause or uuid.uuid4())
    is_new, sentence = False, ""
    try:
        async with visit.panel.engine.begin() as connection:
            _, is_new = await attachments.attach(connection, ask, found.kind, kept, note)
    except WrongField:
        sentence = words("common.form.too_long", most=LONGEST_NOTE)
    except Refused as refusal:
        log.info("refused: %s", refusal)
        sentence = words(f"attachments.wrong.{'full' if 'takes no more' in str(refusal) else 'refused'}")
    finally:
        if not is_new:  # else its row may stand: also where a COMMIT that was carried out had no answer
            await asyncio.to_thread(forget, folder, kept.name)
    return sentence


def _keep(file: Any, folder: Any, visit: Visit) -> tuple[PaperFound, KeptFile]:
    found = measured(file)
    return found, keep(file, folder, found.kind.suffix, visit.now)


def _sentence(visit: Visit, why: WhyUnfit) -> str:
    return visit.words(f"attachments.wrong.{why}", most=MOST_BYTES >> 20)
