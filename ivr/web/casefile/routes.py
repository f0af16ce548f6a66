"""The section's routes. Their permissions stand in `ivr/web/panel/permissions.py`."""

from __future__ import annotations

from functools import partial

from ivr.web.casefile import acting, answering, notes, opening_pages, privacy, show, sound
from ivr.web.casefile.deeds import DEEDS
from ivr.web.panel.visit import Route

CASE = "/panel/cases/{code}"
OPENINGS = "/panel/openings"
RECORDING = "/panel/recordings/{id}"
VOICE_BYTES = 12 * 1024 * 1024  # five minutes of a browser's 16 kHz, with room


def routes() -> list[Route]:
    return [
        Route("GET", CASE, "case", show.case),
        Route("GET", f"{CASE}/form/{{deed}}", "case.form", acting.form),
        *(
            Route("POST", f"{CASE}/{deed.name}", f"case.{deed.name}", partial(acting.act, deed))
            for deed in DEEDS
        ),
        Route("POST", f"{CASE}/reveal", "case.reveal", privacy.reveal),
        Route("POST", f"{CASE}/ask", "case.ask", privacy.ask),
        Route("GET", f"{CASE}/seen-by", "case.seen_by", privacy.seen_by),
        Route("POST", f"{CASE}/speak", "case.speak", answering.speak),
        Route("POST", f"{CASE}/voice", "case.voice", answering.record, most=VOICE_BYTES),
        Route("GET", f"{CASE}/voice/{{digest}}", "case.voice.draft", answering.draft),
        Route("GET", f"{CASE}/answer-voice", "case.answer_voice", answering.given),
        Route("GET", RECORDING, "recording", sound.play),
        Route("GET", f"{RECORDING}/outline", "recording.outline", sound.outline),
        Route("POST", f"{RECORDING}/download", "recording.download", sound.download),
        Route("GET", f"{RECORDING}/marks", "recording.marks", notes.listed),
        Route("POST", f"{RECORDING}/marks", "recording.mark", notes.mark),
        Route("POST", f"{RECORDING}/marks/{{mark}}/remove", "recording.unmark", notes.unmark),
        Route("POST", f"{RECORDING}/transcript", "recording.transcribe", notes.transcribe),
        Route("GET", f"{RECORDING}/transcripts", "recording.transcripts", notes.editions),
        Route("GET", OPENINGS, "openings", opening_pages.listed),
        Route("POST", f"{OPENINGS}/{{id}}/allow", "opening.allow", opening_pages.allow),
        Route("POST", f"{OPENINGS}/{{id}}/refuse", "opening.refuse", opening_pages.refuse),
    ]
