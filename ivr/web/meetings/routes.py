"""The section's routes. Their permissions stand in `ivr/web/panel/permissions.py`."""

from __future__ import annotations

from ivr.web.meetings import (
    attendance_pages,
    checking_pages,
    day_pages,
    figures_page,
    hour_pages,
    lottery_pages,
    paper_pages,
    report_page,
    request_pages,
    session_files,
    session_pages,
)
from ivr.web.panel.uploading import MOST_SENT
from ivr.web.panel.visit import Route

REQUEST, SESSION = "/panel/meetings/requests/{code}", "/panel/meetings/sessions/{number}"
REPORTED, LOTTERY = "/panel/meetings/reported", "/panel/meetings/lottery"
HOURS = "/panel/meetings/hours"


def routes() -> list[Route]:
    return [
        Route("GET", "/panel/meetings", "meetings", request_pages.listed),
        Route("GET", REQUEST, "meetings.request", request_pages.request),
        Route("POST", f"{REQUEST}/{{decision}}", "meetings.decide", request_pages.decide),
        Route("GET", REPORTED, "meetings.reported", checking_pages.reported),
        Route("POST", f"{REPORTED}/{{code}}/{{deed}}", "meetings.check", checking_pages.check),
        Route("GET", LOTTERY, "meetings.lottery", lottery_pages.lottery),
        Route("POST", f"{LOTTERY}/{{code}}/ring", "meetings.lottery.ring", lottery_pages.ring),
        Route("POST", f"{LOTTERY}/{{code}}/note", "meetings.lottery.note", lottery_pages.note),
        Route("POST", f"{LOTTERY}/{{deed}}", "meetings.lottery.do", lottery_pages.do),
        Route("GET", HOURS, "meetings.hours", hour_pages.hours),
        Route("POST", HOURS, "meetings.hours.announce", hour_pages.announce),
        Route("GET", f"{HOURS}/{{number}}", "meetings.hour", hour_pages.hour),
        Route("GET", f"{HOURS}/{{number}}/stream", "meetings.hour.stream", hour_pages.stream),
        Route("POST", f"{HOURS}/{{number}}/{{deed}}", "meetings.hour.do", hour_pages.act),
        Route("GET", "/panel/meetings/figures", "meetings.figures", figures_page.figures),
        Route("GET", "/panel/meetings/sessions", "meetings.sessions", session_pages.sessions),
        Route("POST", "/panel/meetings/sessions", "meetings.plan", session_pages.plan),
        Route("GET", SESSION, "meetings.session", session_pages.session),
        Route("GET", f"{SESSION}/calendar.ics", "meetings.calendar", session_files.calendar),
        Route("GET", f"{SESSION}/agenda.xlsx", "meetings.sheet", session_files.agenda_sheet),
        Route("GET", f"{SESSION}/report", "meetings.report", report_page.report),
        Route("GET", f"{SESSION}/report.pdf", "meetings.report.paper", report_page.paper),
        Route("GET", f"{SESSION}/minutes.pdf", "meetings.minutes.paper", paper_pages.minutes),
        Route("GET", f"{SESSION}/attendance.pdf", "meetings.attendance.paper", paper_pages.attendance),
        Route("GET", f"{SESSION}/day", "meetings.day", day_pages.day),
        Route("GET", f"{SESSION}/day-worker.js", "meetings.day.worker", day_pages.worker),
        Route("POST", f"{SESSION}/day/{{deed}}", "meetings.day.do", day_pages.act, most=MOST_SENT),
        Route("GET", f"{SESSION}/board", "meetings.board", day_pages.room),
        Route("GET", f"{SESSION}/waiting", "meetings.board.waiting", day_pages.waiting_room),
        Route("POST", f"{SESSION}/attend", "meetings.attend", attendance_pages.attend),
        Route("POST", f"{SESSION}/view", "meetings.view", attendance_pages.view),
        Route("POST", f"{SESSION}/{{deed}}", "meetings.agenda", session_pages.act),
    ]
