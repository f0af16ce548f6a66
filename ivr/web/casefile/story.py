"""A case's story and the caller's path in plain Persian: `fa/casefile.yaml` has a line for each event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from ivr.cases.routing import Reason
from ivr.desk.casefile import CaseFile
from ivr.desk.events import MACHINE
from ivr.web.panel.words import Words, digits

USUAL = "usual"
_ROUTED = frozenset(Reason)
# What the machine does between two steps is no part of her path.
_BEHIND = frozenset({"RoomFound", "CallerKnown", "WordsKept", "Confirmed", "Rated", "WishNoted", "CaseSeen"})


@dataclass(frozen=True, slots=True)
class Line:
    """`kind`: the event, for its colour. `quote`: words that belong to it. `due_at`: a deadline it moved."""

    at: datetime
    kind: str
    who: str
    text: str
    reason: str = ""
    quote: str = ""
    voice: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """`after`: seconds from the call's beginning."""

    after: float
    text: str
    key: str = ""
    note: str = ""


class Teller:
    def __init__(self, words: Words, file: CaseFile) -> None:
        self.words, self.file = words, file

    def story(self) -> list[Line]:
        """All that happened, and our calls to her, the latest first."""
        lines = [self._attempt(attempt) for attempt in self.file.attempts]
        lines += [self.line(event) for event in self.file.events]
        return sorted(lines, key=lambda line: line.at)[::-1]

    def line(self, event: Row[Any]) -> Line:
        details: dict[str, Any] = event.details
        routed = details.get("reason", "") in _ROUTED and "from" not in details
        voice = details.get("voice") or {}
        moved = details.get("due_at", "") if event.event not in {"opened", "escalated"} else ""
        return Line(
            event.at,
            event.event,
            self.actor(event.actor),
            self._text(event.event, _variant(event, routed), details),
            "" if routed else str(details.get("reason", "")),
            str(details.get("text", "")),
            str(voice.get("name", "")),
            datetime.fromisoformat(moved) if moved else None,
        )

    def actor(self, name: str) -> str:
        """`ivr`, `citizen`, `abfa/karimi`, `karimi` as people know them."""
        if name in {MACHINE, "citizen", "desk"}:
            return self.words(f"casefile.actor.{name}")
        body, slash, officer = name.partition("/")
        if body not in self.file.names.agencies:
            return self.file.people.get(name, name)
        agency = self.file.names.agencies[body]
        return f"{self.file.people.get(officer, officer)}، {agency}" if slash else agency

    def path(self, call: Row[Any]) -> list[Step]:
        """What she heard and pressed, one line for each time she did something."""
        return [
            self._step(call, step)
            for step in call.steps
            if step.get("note") not in _BEHIND and (step.get("key") or step.get("note") not in {"", "said"})
        ]

    def _step(self, call: Row[Any], step: Mapping[str, str]) -> Step:
        after = (datetime.fromisoformat(step["at"]) - call.started_at).total_seconds()
        name, note = step["step"], step.get("note", "")
        kind, _, result = note.partition(":")
        said = self.words.get(f"casefile.note.{kind}.{result or USUAL}", note) if note else ""
        return Step(max(after, 0.0), self.words.get(f"casefile.step.{name}", name), step.get("key", ""), said)

    def _attempt(self, attempt: Row[Any]) -> Line:
        text = self.words(f"casefile.attempt.{attempt.outcome or 'open'}")
        return Line(attempt.at, "attempt", self.words("casefile.actor.ivr"), text)

    def _text(self, event: str, variant: str, details: Mapping[str, Any]) -> str:
        words, key = self.words, f"casefile.event.{event}"
        usual = words.get(f"{key}.{USUAL}", words("casefile.event_unknown"))
        shown = self._shown(event, details)
        return words.get(f"{key}.{variant}", usual).format_map(_Lenient(shown))

    def _shown(self, event: str, details: Mapping[str, Any]) -> dict[str, str]:
        names, words = self.file.names, self.words
        before = list(details.get("before") or ["", ""]) if event == "topic_changed" else ["", ""]
        topic, county = str(details.get("topic", "")), str(details.get("county", ""))
        shown = {name: digits(value) for name, value in details.items() if isinstance(value, str | int)}
        return shown | {
            "event": event,
            "agency": names.agencies.get(str(details.get("agency", "")), str(details.get("agency", ""))),
            "from": names.agencies.get(str(details.get("from", "")), str(details.get("from", ""))),
            "topic": names.topics.get(topic, topic),
            "county": names.counties.get(county, county) or words("casefile.no_county"),
            "before_topic": names.topics.get(str(before[0]), str(before[0])),
            "before_county": names.counties.get(str(before[1]), str(before[1]))
            or words("casefile.no_county"),
            "level": words.get(f"casefile.level.{details.get('level', '')}", str(details.get("level", ""))),
            "kind": words.get(f"common.kind.{details.get('kind', '')}", ""),
        }


class _Lenient(dict[str, str]):
    """An event of an older release may lack what today's sentence names."""

    def __missing__(self, key: str) -> str:
        return ""


def _variant(event: Row[Any], routed: bool) -> str:
    """Which of an event's sentences fits."""
    details = event.details
    match event.event:
        case "referred" if routed:
            return str(details["reason"])
        case "referred":
            return "onward" if "/" in event.actor else USUAL
        case "opened" if details.get("recovered"):
            return "recovered"
        case "opened" if event.actor != MACHINE:
            return "desk"
        case "closed":
            return str(details.get("closure", USUAL))
        case "answered" if "proposed_by" in details:
            return "approved"
        case "answered" | "answer_proposed" if "voice" in details:
            return "voice"
        case "words_added" if details.get("repeat"):
            return "repeat"
        case "words_added" | "words_replaced" if details.get("recovered"):
            return "recovered"
        case "handed" if not details.get("name"):
            return "nobody"
        case "verdict_noted":
            return "solved" if details.get("solved") else "not_solved"
        case "reopened" if "recording" in details:
            return "words"
    return USUAL


def known_events(words: Words) -> Iterable[str]:
    """The events that have words."""
    return {key.split(".")[0] for key in words.under("casefile.event")}
