"""Requests to meet an official: what the office has decided about a case of the kind `meeting`."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# No row: nobody has looked at it. `state`: what was noted last; where it stands, `ivr.cases.meetings`.
# `urgency`: 0 to 2. `about`: the body whose head she complains of, which is never shown the request.
# `bodies`: codes of those that are to attend. `below`: the tier that was tried first; `tier`: the one on
# whose list she is, NULL = the office's. `next_on`: the day until which she waits. `reason`: of the last
# decision. `missed_at`: the slot that she did not come to.
meeting_requests = Table(
    "meeting_requests",
    metadata,
    Column("case_id", Uuid, ForeignKey("cases.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("urgency", Integer, nullable=False, server_default="0"),
    Column("about", Text, ForeignKey("agencies.code")),
    Column("bodies", JSONB, nullable=False, server_default="[]"),
    Column("below", Text, ForeignKey("agencies.code")),
    Column("tier", Text, ForeignKey("agencies.code")),
    Column("next_on", Date),
    Column("reason", Text, nullable=False, server_default=""),
    Column("decided_by", Text, nullable=False),
    moment("decided_at"),
    moment("met_at", nullable=True),
    moment("missed_at", nullable=True),
)
