"""What becomes of a draft of a tree: which deeds there are, and how it stands after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any


class TreeDeed(StrEnum):
    """What somebody did with a draft or a revision. `withdrawn`: a trial ended by a person."""

    CHECKED = "checked"  # details: ok, mistakes
    REHEARSED = "rehearsed"  # details: calls, sentence
    SCHEDULED = "scheduled"  # details: at, share (None = all calls)
    UNSCHEDULED = "unscheduled"  # details: refused, why; or at, the time of what was on the air already
    TRIED = "tried"  # details: share; at, where it was planned
    TAKEN_BACK = "taken_back"  # by itself; details: what the two trees' calls came to
    WITHDRAWN = "withdrawn"
    PUBLISHED = "published"  # details: at, where it was planned
    ROLLED_BACK = "rolled_back"  # details: to, the revision whose text it is


class Stage(StrEnum):
    """How a draft stands."""

    DRAFT = "draft"
    FAULTY = "faulty"
    CHECKED = "checked"
    REHEARSED = "rehearsed"
    SCHEDULED = "scheduled"
    ON_TRIAL = "on_trial"
    TAKEN_BACK = "taken_back"
    PUBLISHED = "published"


# Deeds after which no trial is under way any more.
ENDS_TRIAL = frozenset({TreeDeed.TAKEN_BACK, TreeDeed.WITHDRAWN, TreeDeed.PUBLISHED, TreeDeed.ROLLED_BACK})
# Deeds after which a draft that waited for its time waits no more.
ENDS_WAIT = frozenset({TreeDeed.UNSCHEDULED, TreeDeed.TRIED, TreeDeed.PUBLISHED})
_LEADS_TO = {
    TreeDeed.SCHEDULED: Stage.SCHEDULED,
    TreeDeed.TRIED: Stage.ON_TRIAL,
    TreeDeed.TAKEN_BACK: Stage.TAKEN_BACK,
    TreeDeed.WITHDRAWN: Stage.TAKEN_BACK,
    TreeDeed.PUBLISHED: Stage.PUBLISHED,
}


def stage_of(deeds: Iterable[tuple[TreeDeed, Mapping[str, Any]]]) -> Stage:
    """Of one draft, from its deeds in their order."""
    stage, before = Stage.DRAFT, Stage.DRAFT
    for deed, details in deeds:
        if deed is TreeDeed.CHECKED:
            passed = Stage.CHECKED if stage in (Stage.DRAFT, Stage.FAULTY) else stage
            stage = passed if details.get("ok") else Stage.FAULTY
        elif deed is TreeDeed.REHEARSED:
            stage = Stage.REHEARSED if stage is Stage.CHECKED else stage
        elif deed is TreeDeed.UNSCHEDULED:
            stage = before
        elif (then := _LEADS_TO.get(deed, stage)) is not stage:
            before, stage = stage, then
    return stage
