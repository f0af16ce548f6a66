"""The section's routes. Their permissions stand in `ivr/web/panel/permissions.py`."""

from __future__ import annotations

from ivr.web.panel.visit import Route
from ivr.web.servicedesk import opening_page, receipt_page


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/desk", "desk", opening_page.blank),
        Route("POST", "/panel/desk", "desk.open", opening_page.open_case),
        Route("POST", "/panel/desk/beside", "desk.beside", opening_page.beside),
        Route("GET", "/panel/desk/receipts/{code}", "desk.receipt", receipt_page.receipt),
    ]
