"""Who works here: accounts, signing in, rights by area, limits on trying, the audit.

Touches `people`, `sessions`, `attempts`, `grant_requests`, `openings` and `audit`, and `outbox` with news
of an account. Changes no case, but reads `cases`: who may see which, and whose an opening or an entry of
the audit is.
"""
