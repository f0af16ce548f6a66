"""What people change of the province's book, and how files become rows: forms, checks, undoing, seeding.

Touches the book's rows, each kind by its noun (`nouns.py`), with `provinces` and `routing_rules`, and notes
each change in `book_changes`. No case: of what a change does to open ones `deadlines` takes care.
"""
