"""The journal's facts on their way into the books, and what a dead process left: reconciling, adopting.

Touches `calls`, and of what a call brings `cases`, `recordings`, `referrals`, `callbacks` and `outbox`;
where the database lacks facts `journal_marks` and `code_blocks`. What befalls a case later is done by
`case` and `call`.
"""
