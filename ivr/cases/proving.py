"""Does a case's story hold? Pure: its rows in, what is wrong with them out, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.cases.custody import (
    FIRST,
    UNCHAINED,
    event_hash,
    named_attachment,
    named_recordings,
    state_of,
)
from ivr.cases.statuses import OPEN

# The columns that a ruling's event repeats.
_RULING = {"agency": "agency", "reason": "reason"}


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is a stable name; `case` its tracking code, or its id when the books have no such case."""

    kind: str
    text: str
    case: str = ""
    event: int | None = None
    recording: str = ""
    day: str = ""


def check_case(
    case: Any,
    events: Sequence[Any],
    recordings: Sequence[Any],
    rulings: Sequence[Any],
    referrals: Sequence[Any],
    attachments: Sequence[Any] = (),
) -> Iterator[Finding]:
    """The rows of one case; `events` by number, `rulings` its precedents."""
    broken = list(_chain(case, events))
    if events and not broken:
        broken = list(_state(case, events))
    yield from broken
    yield from _recordings(case, events, recordings)
    yield from _attachments(case, events, attachments)
    yield from _rulings(case, events, rulings)
    yield from _begun_and_ended(case, events, referrals)
    if not broken:
        yield from _running(case, referrals)


def _chain(case: Any, events: Sequence[Any]) -> Iterator[Finding]:
    expected, previous = 1, FIRST
    for event in events:
        yield from _missing(case, expected, event.seq)
        follows = event.seq == expected
        expected = event.seq + 1
        hashed, before = bytes(event.hash), bytes(event.previous)
        if hashed == UNCHAINED:
            text = "has no place in the chain yet: written by older code, or by hand"
            yield _event("event_unchained", case, event, text)
        elif event_hash(event._mapping, bytes(event.state), before) != hashed:
            yield _event("event_changed", case, event, "is not what was written")
        elif follows and before != previous and previous != UNCHAINED:
            text = "was changed and given a new hash: the next one follows another"
            yield Finding("event_changed", _said(case, event.seq - 1, text), case.code, event.seq - 1)
        previous = hashed
    yield from _missing(case, expected, case.last_seq + 1)
    if expected > case.last_seq + 1:
        text = f"case {case.code} has {expected - 1} events and counts {case.last_seq}"
        yield Finding("case_changed", text, case.code)


def _missing(case: Any, first: int, below: int) -> Iterator[Finding]:
    for seq in range(first, below):
        yield Finding("event_removed", _said(case, seq, "is gone"), case.code, seq)


def _state(case: Any, events: Sequence[Any]) -> Iterator[Finding]:
    """Whether the case's row is what its last event left."""
    last = events[-1]
    left = bytes(last.state)
    if left in (UNCHAINED, state_of(case._mapping)):
        return
    if left == state_of({**case._mapping, "salt": None}):  # a server of the release before still ran
        return
    text = f"the row of case {case.code} was changed after event {last.seq}, without an event"
    said = [event.details for event in events if event.event in ("answered", "advised")]
    if said and case.answer != (given := said[-1].get("text", said[-1].get("reason", ""))):
        text += f": its answer is not the one that was given ({len(given)} characters)"
    yield Finding("case_changed", text, case.code, last.seq)


def _recordings(case: Any, events: Sequence[Any], rows: Sequence[Any]) -> Iterator[Finding]:
    named: dict[str, str] = {}
    replaced: set[str] = set()
    taken: set[str] = set()
    there = {row.name: row for row in rows}
    for event in events:
        brought = named_recordings(event.details)
        if event.event == "words_replaced":  # what she had said in the same call
            calls = {there[name].call_id for name in brought if name in there}
            replaced |= {name for name in named if name in there and there[name].call_id in calls}
        named |= brought
        if event.event in ("recordings_removed", "anonymised"):  # what retention took says so
            taken |= set(event.details.get("recordings", ()))
    for name in named.keys() - there.keys():
        yield _recording("recording_removed", case, name, "is gone from the books")
    for name, row in there.items():
        if row.removed_at is not None and name not in taken:
            yield _recording("recording_hidden", case, name, "is marked as removed, and no event says so")
        if name not in named:
            # Older code did not name them; then only the file can be compared with the row.
            if not events or "files" in events[0].details:
                yield _recording("recording_added", case, name, "is named by no event")
        elif row.sha256 != named[name]:
            yield _recording("recording_row_changed", case, name, "has another hash than its event gave")
        elif row.superseded != (name in replaced):
            yield _recording("recording_row_changed", case, name, "is marked otherwise than its events say")


def _attachments(case: Any, events: Sequence[Any], rows: Sequence[Any]) -> Iterator[Finding]:
    named: dict[str, str] = {}
    taken: set[str] = set()
    there = {str(row.id): row for row in rows}
    for event in events:
        named |= named_attachment(event.details)
        taken |= set(event.details.get("attachments", ()))  # what retention took says so
    for id in named.keys() - there.keys():
        yield _attachment("attachment_removed", case, id, "is gone from the books")
    for id, row in there.items():
        if id not in named:
            yield _attachment("attachment_added", case, id, "is named by no event")
        elif row.sha256 != named[id]:
            yield _attachment("attachment_row_changed", case, id, "has another hash than its event gave")
        if row.removed_at is not None and id not in taken:
            yield _attachment("attachment_hidden", case, id, "is marked as removed, and no event says so")


def _rulings(case: Any, events: Sequence[Any], rows: Sequence[Any]) -> Iterator[Finding]:
    there = {str(row.id): row for row in rows}
    for event in events:
        ruling = event.details.get("precedent") if event.event == "ruled" else None
        if ruling is None:
            continue
        row = there.pop(ruling, None)
        if row is None:
            yield _event("ruling_removed", case, event, f"made the ruling {ruling}, which is gone")
        elif row.ruled_by != event.actor or any(
            getattr(row, column) != event.details.get(name, "") for column, name in _RULING.items()
        ):
            yield _event("ruling_changed", case, event, f"made the ruling {ruling}, which says otherwise now")
    for ruling in there:
        text = f"case {case.code}: no event made the ruling {ruling}"
        yield Finding("ruling_added", text, case.code)


def _begun_and_ended(case: Any, events: Sequence[Any], rows: Sequence[Any]) -> Iterator[Finding]:
    """Each referral with an event."""
    moments = {event.at for event in events}
    for row in rows:
        for what in ("referred_at", "ended_at"):
            if (at := getattr(row, what)) is not None and at not in moments:
                yield _referral(case, row, f"has {what} {at.isoformat()}, and no event tells of it")


def _running(case: Any, rows: Sequence[Any]) -> Iterator[Finding]:
    """The one that runs says what the case does; an open case has one."""
    running = [row for row in rows if row.ended_at is None]
    for row in running:
        if case.status not in OPEN:
            yield _referral(case, row, "runs, and the case is over")
        elif (row.agency, row.due_at) != (case.agency, case.due_at):
            yield _referral(case, row, "has another body or deadline than the case")
    if case.status in OPEN and not running:
        yield Finding("referral_removed", f"case {case.code}: the referral in force is gone", case.code)


def _referral(case: Any, row: Any, text: str) -> Finding:
    named = f"case {case.code}: the referral {row.id} to {row.agency}"
    return Finding("referral_changed", f"{named} {text}", case.code)


def _event(kind: str, case: Any, event: Any, text: str) -> Finding:
    return Finding(kind, _said(case, event.seq, text, event.event), case.code, event.seq)


def _said(case: Any, seq: int, text: str, what: str = "") -> str:
    return f"case {case.code}: event {seq}{f' ({what})' if what else ''} {text}"


def _recording(kind: str, case: Any, name: str, text: str) -> Finding:
    return Finding(kind, f"case {case.code}: recording {name} {text}", case.code, recording=name)


def _attachment(kind: str, case: Any, id: str, text: str) -> Finding:
    return Finding(kind, f"case {case.code}: attachment {id} {text}", case.code, recording=id)
