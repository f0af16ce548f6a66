"""Which tables are sealed, what stands for a row of theirs, and how a finding names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, TextClause

from ivr.cases.custody import row_digest
from ivr.store.case_events import UNCHAINED_ROWS
from ivr.store.tables import audit, calls, case_events, menu_events, menu_revisions, outbox, referrals

NONE = "none"  # the kind of a number that never came: rolled back, or taken away before it was sealed


@dataclass(frozen=True, slots=True)
class Sealed:
    """`kind`, `noun`: stable names. `left_out`: the columns that may change. `unready`: rows to wait for.

    `written`: the column that says when.
    """

    kind: str
    noun: str
    table: Table
    key: tuple[str, ...]
    left_out: frozenset[str] = frozenset()
    unready: TextClause | None = None
    written: str = "at"
    covered: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = (column.name for column in self.table.c)
        object.__setattr__(self, "covered", tuple(n for n in names if n not in self.left_out | {"noted_no"}))

    def name(self, row: Mapping[Any, Any]) -> str:
        return "/".join(str(row[column]) for column in self.key)

    def digest(self, row: Mapping[Any, Any]) -> bytes:
        return row_digest(self.kind, {name: row[name] for name in self.covered})


# An event's hash is over the whole of it, and proved with its case.
_EVENT = frozenset(column.name for column in case_events.c) - {"id", "case_id", "seq", "hash"}
_SENDING = frozenset(("next_at", "attempts", "delivered_at", "last_error", "dead_at"))
_DERIVED = frozenset({"passed"})  # can be had from its steps
_RUNNING = frozenset(("due_at", "ended_at", "ended_reason"))  # told by events: `ivr.cases.proving`

SEALED = {
    each.kind: each
    for each in (
        Sealed("audit", "audit row", audit, ("id",)),
        Sealed("event", "event", case_events, ("case_id", "seq"), _EVENT, UNCHAINED_ROWS),
        Sealed("call", "call", calls, ("id",), _DERIVED, None, "ended_at"),
        Sealed("referral", "referral", referrals, ("case_id", "id"), _RUNNING, None, "referred_at"),
        Sealed("letter", "letter", outbox, ("id",), _SENDING, None, "created_at"),
        Sealed("menu", "menu revision", menu_revisions, ("name", "number")),
        Sealed("menu_event", "menu event", menu_events, ("id",)),
    )
}
