"""All tables in one place, for migrations and whoever needs several."""

from __future__ import annotations

from ivr.store.agencies import agencies
from ivr.store.announcements import announcements
from ivr.store.areas import areas, provinces
from ivr.store.attachments import attachments
from ivr.store.audit import audit
from ivr.store.base import metadata
from ivr.store.blocked_callers import blocked_callers
from ivr.store.book_changes import book_changes
from ivr.store.calendar_days import calendar_days
from ivr.store.calendar_revisions import calendar_revisions
from ivr.store.callbacks import callback_attempts, callbacks
from ivr.store.calls import calls
from ivr.store.case_events import case_events
from ivr.store.case_reports import case_reports
from ivr.store.cases import cases
from ivr.store.channels import channel_requests, channels
from ivr.store.code_blocks import code_blocks, code_misses, desk_numbers, key_material
from ivr.store.custody_days import custody_days
from ivr.store.custody_seals import custody_entries, custody_seals
from ivr.store.factor_roles import factor_roles
from ivr.store.figure_days import figure_days
from ivr.store.grant_requests import grant_requests
from ivr.store.inbox_entries import inbox_entries
from ivr.store.interventions import interventions
from ivr.store.journal.journal_marks import journal_marks
from ivr.store.legal_holds import legal_holds
from ivr.store.limits import limits
from ivr.store.live_calls import live_calls
from ivr.store.live_hours import hour_calls, live_hours
from ivr.store.lottery_draws import lottery_calls, lottery_cases, lottery_draws
from ivr.store.marks import marks
from ivr.store.meeting_day import meeting_deeds, meeting_minutes
from ivr.store.meeting_orders import meeting_orders
from ivr.store.meeting_requests import meeting_requests
from ivr.store.meeting_sessions import meeting_sessions, meeting_slots
from ivr.store.meeting_views import meeting_invitations, meeting_views
from ivr.store.menu_drafts import menu_drafts
from ivr.store.menu_events import menu_events
from ivr.store.menu_revisions import menu_revisions
from ivr.store.menu_step_days import menu_step_days
from ivr.store.notices import notices
from ivr.store.openings import openings
from ivr.store.outbox import outbox
from ivr.store.papers import papers
from ivr.store.people import people
from ivr.store.precedents import precedents
from ivr.store.recordings import recordings
from ivr.store.referrals import referrals
from ivr.store.retention_terms import retention_terms
from ivr.store.routing_rules import routing_rules
from ivr.store.saved_views import saved_views
from ivr.store.sessions import attempts, sessions
from ivr.store.suggestions import suggestions
from ivr.store.topics import topics
from ivr.store.transcripts import transcripts
from ivr.store.wordings import wordings

__all__ = [
    "agencies",
    "announcements",
    "areas",
    "attachments",
    "attempts",
    "audit",
    "blocked_callers",
    "book_changes",
    "calendar_days",
    "calendar_revisions",
    "callback_attempts",
    "callbacks",
    "calls",
    "case_events",
    "case_reports",
    "cases",
    "channel_requests",
    "channels",
    "code_blocks",
    "code_misses",
    "custody_days",
    "custody_entries",
    "custody_seals",
    "desk_numbers",
    "factor_roles",
    "figure_days",
    "grant_requests",
    "hour_calls",
    "inbox_entries",
    "interventions",
    "journal_marks",
    "key_material",
    "legal_holds",
    "limits",
    "live_calls",
    "live_hours",
    "lottery_calls",
    "lottery_cases",
    "lottery_draws",
    "marks",
    "meeting_deeds",
    "meeting_invitations",
    "meeting_minutes",
    "meeting_orders",
    "meeting_requests",
    "meeting_sessions",
    "meeting_slots",
    "meeting_views",
    "menu_drafts",
    "menu_events",
    "menu_revisions",
    "menu_step_days",
    "metadata",
    "notices",
    "openings",
    "outbox",
    "papers",
    "people",
    "precedents",
    "provinces",
    "recordings",
    "referrals",
    "retention_terms",
    "routing_rules",
    "saved_views",
    "sessions",
    "suggestions",
    "topics",
    "transcripts",
    "wordings",
]
