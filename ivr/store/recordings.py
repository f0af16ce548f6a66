"""Recordings: files under the recordings folder, each with its hash; `case_id` NULL = words of no case.

`id`: unguessable, what the panel names a recording by; a path never comes from a request.
`transcript`: NULL = nobody has listened by machine. `removed_at`: retention decided that the file goes;
`erased_at`: it is gone.
`packed_size`: bytes of the file on its machine once it is FLAC; 0 = it stays WAV, NULL = nobody has looked.
`enclosed_at`: when the file on its machine was closed in an envelope; NULL = it is plain.
`stored_at`: when it was copied to the S3-compatible store, if there is one; NULL again when it went there.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Table, Text, Uuid, text

from ivr.store.base import metadata, moment

SCRAPS = text("case_id IS NULL AND removed_at IS NULL")
TO_ERASE = text("removed_at IS NOT NULL AND erased_at IS NULL")
TO_TRANSCRIBE = text("transcript IS NULL AND removed_at IS NULL AND case_id IS NOT NULL")
TO_STORE = text("stored_at IS NULL AND removed_at IS NULL")
TO_ENCLOSE = text("enclosed_at IS NULL AND removed_at IS NULL")
TO_PACK = text("packed_size IS NULL AND enclosed_at IS NULL AND removed_at IS NULL")
TO_UNSTORE = text("stored_at IS NOT NULL AND removed_at IS NOT NULL")
recordings = Table(
    "recordings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True, server_default=text("gen_random_uuid()")),
    Column("case_id", Uuid, ForeignKey("cases.id")),
    Column("call_id", Uuid),
    moment("recorded_at"),
    Column("seconds", Double, nullable=False),
    Column("voiced_seconds", Double, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("ended", Text, nullable=False),
    Column("superseded", Boolean, nullable=False),
    Column("transcript", Text),
    moment("removed_at", nullable=True),
    moment("erased_at", nullable=True),
    moment("stored_at", nullable=True),
    moment("enclosed_at", nullable=True),
    Column("packed_size", BigInteger),
    Index(None, "case_id"),
    Index(None, "call_id"),
    Index("ix_recordings_kept", "recorded_at", postgresql_where=text("removed_at IS NULL")),
    Index("ix_recordings_scraps", "recorded_at", postgresql_where=SCRAPS),
    Index("ix_recordings_to_erase", "name", postgresql_where=TO_ERASE),
    Index("ix_recordings_to_transcribe", "recorded_at", postgresql_where=TO_TRANSCRIBE),
    Index("ix_recordings_to_store", "recorded_at", "name", postgresql_where=TO_STORE),
    Index("ix_recordings_to_enclose", "recorded_at", "name", postgresql_where=TO_ENCLOSE),
    Index("ix_recordings_to_pack", "recorded_at", "name", postgresql_where=TO_PACK),
    Index("ix_recordings_to_unstore", "name", postgresql_where=TO_UNSTORE),
)
