"""Citizens meet officials: requests, sessions, agendas. Sees people, book and case.

Touches `meeting_requests`, `meeting_sessions`, `meeting_slots`, `meeting_invitations`, `meeting_views`,
`meeting_deeds`, `meeting_minutes` and `meeting_orders`, `live_hours` and `hour_calls`, `lottery_draws`,
`lottery_cases` and `lottery_calls`, `case_reports`, and `outbox`. Changes cases by `case`.
"""
