"""The chain of a case's events, and the daily root over everybody's. Pure.

**An event's hash** is the SHA-256 of its canonical form: UTF-8 JSON without spaces, keys sorted, no ASCII
escapes, of `actor, at, case_id, details, event, id, previous, seq, state`. Times are in UTC with six digits
of a second, hashes in lower-case hex, whole numbers without a point. `previous` is the hash of the case's
event before (64 zeros for the first), so that none can be changed, removed or slipped in between unseen.

**`state`** is the SHA-256 of the case's row as the event left it, in the same form: the columns `COVERED`,
without those that are empty. So a text that lives in the row (the answer, who called) can't be changed
without an event either. `salt` among them is random, and goes when the case becomes nameless: who has the
rest of the row then finds her number in no older `state` by trying all there are.

**A day's root** is the SHA-256 of a text: `day_heading`, then a `day_line` for each event that was written
on that day, in the order of case and number. The heading holds the root of the day before. `sha256sum` of the
day's file prints the root.

**A seal's root** is the same, minute by minute, over every table that must not be changed unseen: the SHA-256
of `seal_heading`, then a `seal_line` for each row that was written, by number. `row_digest` stands for a row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

FIRST = bytes(32)  # what comes before the first event, and before the first day
UNCHAINED = b""  # the hash of an event that older code wrote, and the state that nobody noted
SIGNED = ("id", "case_id", "seq", "at", "actor", "event", "details")
# A nullable column can join later: empty ones are left out, so that older hashes stay what they are.
COVERED = (
    *("code", "kind", "topic", "county", "agency", "status", "channel", "language", "call_id", "opened_at"),
    *("caller", "caller_key", "caller_name", "callback", "national_id"),
    *("due_at", "answer", "answered_at", "closed_at", "closure", "merged_into"),
    *("answer_voice", "answer_spoken", "draft", "satisfaction"),
    *("rung", "level"),
    *("words", "place", "part_of", "member_of", "anonymised_at", "person_id"),
    *("stopped_days", "paused_days", "paused_at", "paused_until", "stopped_at"),
    *("ordered_days", "confidential", "accused", "kept_from", "told", "salt"),
)


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_PLAIN = (str, int, bool, type(None))  # most of what there is


def canonical(value: Any) -> bytes:
    """The one form in bytes of anything that JSON or the database may hand back a little differently."""
    return _CANONICAL.encode(_plain(value)).encode()


def state_of(case: Mapping[Any, Any]) -> bytes:
    """The digest of a case's row."""
    kept = {name: case[name] for name in COVERED if case.get(name)}
    return hashlib.sha256(canonical(kept)).digest()


def event_hash(event: Mapping[Any, Any], state: bytes, previous: bytes) -> bytes:
    """An event's place in its case's chain."""
    signed = {name: event[name] for name in SIGNED} | {"state": state, "previous": previous}
    return hashlib.sha256(canonical(signed)).digest()


def chained(
    events: Iterable[Mapping[str, Any]], state: bytes, previous: bytes = FIRST
) -> list[dict[str, Any]]:
    """The events of one change, in order, behind `previous`. `state`: what the change left."""
    rows: list[dict[str, Any]] = []
    for event in events:
        hashed = event_hash(event, state, previous)
        rows.append({**event, "state": state, "previous": previous, "hash": hashed})
        previous = hashed
    return rows


def named_recordings(details: Mapping[str, Any]) -> dict[str, str]:
    """The recordings that an event brought into its case: name → SHA-256 in hex."""
    named = dict(details.get("files", {}))
    if "recording" in details and "sha256" in details:
        named[details["recording"]] = details["sha256"]
    return named


def named_attachment(details: Mapping[str, Any]) -> dict[str, str]:
    """The attachment that an event brought into its case: id → SHA-256 in hex."""
    return {details["attachment"]: details["sha256"]} if "attachment" in details else {}


def day_heading(day: date, previous: bytes) -> bytes:
    """The beginning of a day's list."""
    return f"seda111 case events, form 1\nday {day.isoformat()}\nprevious {previous.hex()}\n".encode()


def day_line(case: UUID, seq: int, hashed: bytes) -> bytes:
    """One event of a day's list."""
    return f"{case} {seq} {hashed.hex()}\n".encode()


def read_day_line(line: bytes) -> tuple[str, int, str]:
    """Case, number and hash. Raises ValueError."""
    case, seq, hashed = line.decode("ascii").split()
    return case, int(seq), hashed


def row_digest(kind: str, covered: Mapping[str, Any]) -> bytes:
    """What stands for a row of this kind: the SHA-256 of its canonical form."""
    return hashlib.sha256(canonical({"kind": kind, **covered})).digest()


def seal_heading(seal: int, made_at: datetime, previous: bytes) -> bytes:
    """The beginning of a seal's list."""
    return f"seda111 seal, form 1\nseal {seal}\nmade {written(made_at)}\nprevious {previous.hex()}\n".encode()


def seal_line(number: int, kind: str, key: str, digest: bytes) -> bytes:
    """One row of a seal's list."""
    return f"{number} {kind} {key} {digest.hex()}\n".encode()


def written(moment: datetime) -> str:
    """In UTC, with six digits of a second."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    # The abstract one comes last: to look whether something is a mapping costs more than all else.
    match value:
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case str():
            return value
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case datetime():
            return written(value)
        case bytes():
            return value.hex()
        case UUID():
            return str(value)
        case float() if value.is_integer():  # jsonb gives 1e22 back as a whole number
            return int(value)
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case _:
            return value
