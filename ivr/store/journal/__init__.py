"""The journal: what is written before anyone is told, how it is read back, and how far the database has it.

Why no crash loses or doubles anything: docs/decisions/journal.md. `writing` writes a process's facts;
`applied` reads them in order and keeps the checkpoint, `journal_follower` those of another process, which
`bell` wakes; `journal_reading` looks in from outside and changes nothing; `journal_keeping` says how long
facts stay, `journal_marks` what the database has. What a line says is
`ivr.store.facts`; nothing here knows the desk.
"""

from ivr.store.journal.applied import JournalError, JournalFull, JournalInUse, Position
from ivr.store.journal.writing import Journal

__all__ = ["Journal", "JournalError", "JournalFull", "JournalInUse", "Position"]
