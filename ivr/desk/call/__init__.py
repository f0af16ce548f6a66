"""What a call does to the books: intake, verdicts, repeats, call-backs, blocks, supervisors' deeds.

Touches `callbacks`, `callback_attempts`, `blocked_callers`, `interventions`, `live_calls`, `outbox`, and in
`provinces` whether anybody is called back. In `cases` only how content she is, who she is and how to reach
her: all else that befalls a case is done by `case`. Intake writes no row, but facts to the journal.
"""
