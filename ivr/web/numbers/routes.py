"""The routes of figures and letters."""

from __future__ import annotations

from ivr.web.numbers.dashboard import dashboard
from ivr.web.numbers.export import export, reveal
from ivr.web.numbers.letters import letter
from ivr.web.numbers.pages import gaps_page, hours_page, league_page
from ivr.web.panel.visit import Route


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/numbers", "numbers", dashboard),
        Route("GET", "/panel/numbers/league", "numbers.league", league_page),
        Route("GET", "/panel/numbers/gaps", "numbers.gaps", gaps_page),
        Route("GET", "/panel/numbers/hours", "numbers.hours", hours_page),
        Route("GET", "/panel/numbers/export/{table}.{form}", "numbers.export", export),
        Route("POST", "/panel/numbers/export/{table}.{form}", "numbers.reveal", reveal),
        Route("GET", "/panel/cases/{code}/letters/{kind}.pdf", "letter", letter),
    ]
