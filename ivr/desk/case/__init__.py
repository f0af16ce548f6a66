"""A case and what may be done with it: its rows, events, codes and every change. Reads the book.

Touches `cases`, `case_events`, `referrals`, `recordings`, `callbacks`, `attachments`, `suggestions`,
`precedents`, `legal_holds`, `inbox_entries` and `outbox`; leases `code_blocks`. In `meeting_orders` only what
her verdict says of them, in `case_reports` only which case owes one.
"""
