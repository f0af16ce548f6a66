"""The province as the call flow sees it: which keys mean which topic and county."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.cases.deadlines import Calendar
from ivr.voice.announcements import Announcement


@dataclass(frozen=True, slots=True)
class Topic:
    """A leaf of the topic tree. `key`: the one or two digits pressed ("0" alone = another matter)."""

    code: str
    key: str


@dataclass(frozen=True, slots=True)
class County:
    """`key`: the two digits pressed."""

    code: str
    key: str


@dataclass(frozen=True, slots=True)
class Directory:
    """`groups`: the first-press digits in menu order, "0" (another matter) last.

    Prompt ids derived from it: `topic_group.<digit>`, `topic.<code>`, `county.<code>`,
    `agency.<code>`, all of them in the province's own prompt catalogue. `area_code`: what stands before a
    local number ("041"). `calls_back`: whether citizens are called at all.
    `meeting_topic`: that of requests to meet, "" without one.
    `agencies`: those whose name can be heard.
    `calendar`: which days are worked. `announced`: by slot. `says_groups`: “For water and power, one. For …”;
    `says_leaves`: the matters of each group, another matter, and the way back, as she may have missed hers.
    """

    groups: tuple[str, ...]
    topics: tuple[Topic, ...]
    counties: tuple[County, ...]
    agencies: tuple[str, ...]
    other_topic: str
    calendar: Calendar = field(repr=False, hash=False)
    area_code: str = ""
    calls_back: bool = True
    meeting_topic: str = ""
    announced: Mapping[str, Announcement] = field(default_factory=dict, repr=False, compare=False)
    by_topic_key: Mapping[str, Topic] = field(init=False, repr=False, compare=False)
    by_county_key: Mapping[str, County] = field(init=False, repr=False, compare=False)
    by_group: Mapping[str, tuple[Topic, ...]] = field(init=False, repr=False, compare=False)
    says_groups: tuple[str, ...] = field(init=False, repr=False, compare=False)
    says_leaves: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_topic_key", {t.key: t for t in self.topics})
        object.__setattr__(self, "by_county_key", {c.key: c for c in self.counties})
        leaves = {g: tuple(t for t in self.topics if len(t.key) == 2 and t.key[0] == g) for g in self.groups}
        object.__setattr__(self, "by_group", leaves)
        groups = tuple(part for g in self.groups for part in (f"topic_group.{g}", f"press.{g}"))
        object.__setattr__(self, "says_groups", groups)
        object.__setattr__(self, "says_leaves", {g: _says(topics) for g, topics in leaves.items()})

    def wishes_to_meet(self, topic: str) -> bool:
        """Whether it is the matter that governs requests to meet, and is of nothing else."""
        return topic == self.meeting_topic and topic != self.other_topic

    def named(self, agency: str) -> tuple[str, ...]:
        """Its name; nothing where that has no sound yet, as of a body that people added."""
        return (f"agency.{agency}",) if agency in self.agencies else ()

    def leaves(self, group: str) -> tuple[Topic, ...]:
        """The topics behind a first press, in key order."""
        return self.by_group.get(group, ())


def _says(topics: tuple[Topic, ...]) -> tuple[str, ...]:
    options = (part for t in topics for part in (f"topic.{t.code}", f"press.{t.key[1]}"))
    return (*options, "topic.other_leaf", "press.0", "keys.back")
