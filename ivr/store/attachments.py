"""Papers and photographs attached to cases: files in `attachments`, beside the folder of recordings.

`id`: what the panel names one by; a path never comes from a request. `kind`: the media type of its bytes.
`note`: what whoever brought it says that it is. `removed_at`: retention decided that the file goes;
`erased_at`: it is gone.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import uuid4

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, Uuid, text

from ivr.store.base import metadata, moment
from ivr.store.flushing import flush

FOLDER = "attachments"
PIECE = 1 << 16
UNERASED = text("removed_at IS NOT NULL AND erased_at IS NULL")
attachments = Table(
    "attachments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("added_by", Text, nullable=False),
    moment("added_at"),
    moment("removed_at", nullable=True),
    moment("erased_at", nullable=True),
    Index(None, "case_id"),
    Index("ix_attachments_kept", "added_at", postgresql_where=text("removed_at IS NULL")),
    Index("ix_attachments_to_erase", "id", postgresql_where=UNERASED),
)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that lies in the archive and that no row names yet. `name`: below the archive's folder."""

    name: str
    size: int
    sha256: str


def beside(recordings: Path) -> Path:
    """The archive's folder, by that of the recordings."""
    return recordings.parent / FOLDER


def keep(file: IO[bytes], folder: Path, suffix: str, now: datetime) -> KeptFile:
    """Copy it into the archive, piece by piece, flushed. Raises OSError. For a thread."""
    name = f"{now:%Y/%m/%d}/{uuid4().hex}.{suffix}"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    half, digest, size = path.with_name(f"{path.name}.new"), hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as out:
            file.seek(0)
            while piece := file.read(PIECE):
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        half.rename(path)
        flush(path, folder)
    except OSError:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise
    return KeptFile(name, size, digest.hexdigest())


def forget(folder: Path, name: str) -> None:
    """No matter whether it is there. Raises OSError. For a thread."""
    (folder / name).unlink(missing_ok=True)
