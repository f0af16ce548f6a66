"""Cases: what a citizen wants of the government, whose job it is, and until when."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from ivr.store.base import metadata, moment

# `id` is the id of the journalled fact that opened it, so that applying a fact twice changes nothing.
# `last_seq` numbers its events. `county` NULL = unknown. `closure`: how it ended.
# The clock's columns: `ivr.cases.clock`. `rung`: how many rungs of its ladder it has climbed, `level`: who is
# responsible now ("" = the lowest), `next_rung_at`: when it must climb on; NULL while an answer waits, after
# the end, and at a ladder's end. `timed_by`: the calendar revision that its times were worked out by.
# `answer_voice`: an answer spoken by a person, a name under the recordings folder. `answer_spoken`: what the
# synthesiser reads to her instead of `answer`, where she speaks another language; "" = `answer`.
# `draft`: an answer that waits for approval. `satisfaction`: 1 to 5, asked once.
# `words`: what she wants, where it came in writing. `place`: {address, address_id, latitude, longitude}, as
# far as given. `part_of`: the case that this one is a part of. `member_of`: the collective case that it waits
# in. `anonymised_at`: when retention took away who she is. `person_id`: whose it is among the people of its
# body; NULL = nobody's yet. `entered`: whether it has its `inbox_entries` row.
# `ordered_days`: working days in place of the topic's: `ivr.cases.clock`.
# `confidential`: who made it so (caller | desk | topic), NULL = nobody; then who she is stays sealed.
# `accused`: the body that it is about, which never sees it; `kept_from`: ids of people who don't either.
# `told`: what an agency reads of it in place of her words. `ivr.desk.people.scope` keeps to all of them.
# `salt`: random, for `ivr.cases.custody`, until retention takes it; NULL = opened by an older release.
# The indexes behind RUNNING and below serve the queues of the inbox (`ivr.desk.reading.queues`).
PAUSED = text("paused_at IS NOT NULL AND closed_at IS NULL")
TO_ANONYMISE = text("closed_at IS NOT NULL AND anonymised_at IS NULL")
RUNNING = text("closed_at IS NULL AND stopped_at IS NULL")
ESCALATED = text("closed_at IS NULL AND stopped_at IS NULL AND rung > 0")
UNTOUCHED = text("status IN ('opened', 'referred', 'reopened') AND person_id IS NULL")
RETURNED = text("status = 'returned'")
ASSIGNED = text("closed_at IS NULL AND person_id IS NOT NULL")
TO_APPROVE = text("closed_at IS NULL AND jsonb_typeof(draft) = 'object'")
KNOWN = text("caller_key <> ''")
WITHHELD = text("caller_key = '' AND channel = 'phone'")
UNENTERED = text("entered IS NOT TRUE")
KEPT = text("accused IS NOT NULL OR kept_from IS NOT NULL")
# Of an answer, or of one that waits. In brackets, since it is one of several conditions where it is asked.
WITH_VOICE = text("(answer_voice <> '' OR jsonb_typeof(draft -> 'voice') = 'object')")
WISHES = text("kind = 'meeting' AND part_of IS NULL AND closed_at IS NULL")
cases = Table(
    "cases",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("topic", Text, ForeignKey("topics.code"), nullable=False),
    Column("county", Text),
    Column("agency", Text, ForeignKey("agencies.code"), nullable=False),
    Column("status", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("caller_key", Text, nullable=False),
    Column("caller_name", Text, nullable=False),
    Column("callback", Text, nullable=False),
    Column("national_id", Text, nullable=False),
    Column("call_id", Uuid),
    moment("opened_at"),
    moment("due_at"),
    Column("answer", Text, nullable=False, server_default=""),
    moment("answered_at", nullable=True),
    Column("answer_voice", Text, nullable=False, server_default=""),
    Column("answer_spoken", Text, nullable=False, server_default=""),
    Column("draft", JSONB),
    Column("satisfaction", Integer),
    Column("words", Text, nullable=False, server_default=""),
    Column("place", JSONB(none_as_null=True)),
    Column("part_of", Uuid, ForeignKey("cases.id")),
    Column("member_of", Uuid, ForeignKey("cases.id")),
    moment("anonymised_at", nullable=True),
    Column("last_seq", Integer, nullable=False),
    Column("stopped_days", Integer, nullable=False, server_default="0"),
    Column("paused_days", Integer, nullable=False, server_default="0"),
    moment("paused_at", nullable=True),
    moment("paused_until", nullable=True),
    moment("stopped_at", nullable=True),
    moment("closed_at", nullable=True),
    Column("closure", Text),
    Column("merged_into", Uuid, ForeignKey("cases.id")),
    Column("rung", Integer, nullable=False, server_default="0"),
    Column("level", Text, nullable=False, server_default=""),
    moment("next_rung_at", nullable=True),
    Column("timed_by", Integer, nullable=False, server_default="0"),
    Column("person_id", Uuid, ForeignKey("people.id")),
    Column("entered", Boolean),
    Column("ordered_days", Integer),
    Column("confidential", Text),
    Column("accused", Text),
    Column("kept_from", JSONB(none_as_null=True)),
    Column("told", Text),
    Column("salt", Text),
    Index("ix_cases_opened_at_id", "opened_at", "id"),
    Index(
        "ix_cases_caller_key_opened_at",
        "caller_key",
        "opened_at",
        postgresql_where=text("caller_key <> ''"),
    ),
    Index("ix_cases_withheld", "opened_at", postgresql_where=WITHHELD),
    Index(None, "call_id"),
    Index("ix_cases_due_at", "due_at", postgresql_where=RUNNING),
    Index("ix_cases_waiting", "agency", "county", "topic", "kind", "due_at", postgresql_where=RUNNING),
    Index("ix_cases_next_rung_at", "next_rung_at", postgresql_where=RUNNING),
    Index("ix_cases_county_timed_by", "county", "timed_by", postgresql_where=text("closed_at IS NULL")),
    Index("ix_cases_channel_opened_at_id", "channel", "opened_at", "id"),
    Index("ix_cases_part_of", "part_of", postgresql_where=text("part_of IS NOT NULL")),
    Index("ix_cases_member_of", "member_of", "id", postgresql_where=text("member_of IS NOT NULL")),
    Index("ix_cases_topic_county_opened_at", "topic", "county", "opened_at"),
    Index("ix_cases_closed_at_id", "closed_at", "id", postgresql_where=text("closed_at IS NOT NULL")),
    Index("ix_cases_running", "due_at", "id", postgresql_where=RUNNING),
    Index("ix_cases_running_agency", "agency", "due_at", "id", postgresql_where=RUNNING),
    Index("ix_cases_running_county", "county", "due_at", "id", postgresql_where=RUNNING),
    Index("ix_cases_escalated", "due_at", "id", postgresql_where=ESCALATED),
    Index("ix_cases_escalated_agency", "agency", "due_at", "id", postgresql_where=ESCALATED),
    Index("ix_cases_untouched", "agency", "opened_at", "id", postgresql_where=UNTOUCHED),
    Index("ix_cases_returned", "due_at", "id", postgresql_where=RETURNED),
    Index("ix_cases_assigned", "person_id", "due_at", "id", postgresql_where=ASSIGNED),
    Index("ix_cases_to_approve", "due_at", "id", postgresql_where=TO_APPROVE),
    Index("ix_cases_to_approve_agency", "agency", "due_at", "id", postgresql_where=TO_APPROVE),
    Index("ix_cases_unentered", "id", postgresql_where=UNENTERED),
    Index("ix_cases_paused_until", "paused_until", postgresql_where=PAUSED),
    Index("ix_cases_kept", "id", postgresql_where=KEPT),
    Index("ix_cases_with_voice", "id", postgresql_where=WITH_VOICE),
    Index("ix_cases_wishes", "opened_at", "id", postgresql_where=WISHES),
    Index("ix_cases_to_anonymise", "closed_at", "id", postgresql_where=TO_ANONYMISE),
)
# Columns that a case is opened without; its later life fills them.
LATER = (
    *("answer", "answered_at", "answer_voice", "answer_spoken", "draft", "satisfaction"),
    *("words", "place", "part_of", "member_of", "anonymised_at"),
    *("closed_at", "closure", "merged_into"),
    *("stopped_days", "paused_days", "paused_at", "paused_until", "stopped_at", "rung", "person_id"),
    *("ordered_days", "accused", "kept_from", "told"),
)
