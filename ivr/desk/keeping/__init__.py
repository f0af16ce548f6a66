"""Keeping and letting go: backup, restore, retention, the chain of custody and its proof.

Touches `custody_days` and `custody_seals`; what retention blanks or takes away of `cases`, `calls`,
`callbacks`, `callback_attempts`, `blocked_callers`, `recordings`, `transcripts`, `marks`, `attachments`,
`meeting_minutes` and `outbox`. A restore fills a whole database.
"""
