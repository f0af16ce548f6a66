"""A case's parts, as one column of a query and as what may be told of them; and what is no citizen's own."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, Label, and_, func, select

from ivr.cases.channels import COLLECTIVE
from ivr.cases.statuses import OPEN, Status
from ivr.store.tables import cases
from ivr.voice.events import PartSeen

NAME = "parts"
# What a citizen follows by its code: parts and collective cases hold answers, and no number of hers.
HER_OWN = and_(cases.c.part_of.is_(None), cases.c.channel != COLLECTIVE)


def followed_by(code: Any) -> ColumnElement[bool]:
    """The condition that a case is what this code tells of: of a duplicate, the one in which it goes on."""
    further, its = cases.alias("further"), (cases.c.id, cases.c.merged_into)
    way = select(*its).where(cases.c.code == code, HER_OWN).cte("way", recursive=True)
    way = way.union(select(further.c.id, further.c.merged_into).where(further.c.id == way.c.merged_into))
    return cases.c.id == select(way.c.id).where(way.c.merged_into.is_(None)).scalar_subquery()


def parts_column() -> Label[Any]:
    """JSON: code, agency, status and voice of each part in order; NULL when there are none.

    A voice only where it belongs to the answer that the whole has now, which came with the last part's.
    """
    part = cases.alias("part")
    now_heard = func.max(part.c.answered_at).over() == cases.c.answered_at
    voice = func.coalesce(func.nullif(part.c.answer_voice, ""), "")
    each = select(
        part.c.code,
        part.c.agency,
        part.c.status,
        func.jsonb_build_object("voice", voice, "heard", now_heard).label("said"),
    ).where(part.c.part_of == cases.c.id, part.c.status != Status.WITHDRAWN)
    rows = each.order_by(part.c.code).correlate(cases).subquery("rows")
    shape = func.jsonb_build_object(
        "code", rows.c.code, "agency", rows.c.agency, "status", rows.c.status, "said", rows.c.said
    )
    return select(func.jsonb_agg(shape)).select_from(rows).scalar_subquery().label(NAME)


def parts_seen(parts: Any) -> tuple[PartSeen, ...]:
    """Of that column, as any driver gives it."""
    found = json.loads(parts) if isinstance(parts, str) else parts or []
    return tuple(
        PartSeen(
            each["agency"],
            each["status"] not in OPEN - {Status.ANSWERED},
            each["said"]["voice"] if each["said"]["heard"] else "",
        )
        for each in found
    )


def is_voiced(row: Any) -> bool:
    """Whether a person spoke its answer, or some body its part of it: that is heard, not read."""
    return bool(row.answer_voice) or any(each.voice for each in parts_seen(row.parts))
