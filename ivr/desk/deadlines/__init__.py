"""Time running out: the sweep, the proof that it ran, deadlines that move with the calendar.

Touches the times and rungs in `cases` and `referrals`, whose events `case` writes, and `outbox`.
"""
