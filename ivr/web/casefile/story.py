"""A case's story and the caller's path in plain Persian: `fa/casefile.yaml` has a line for each event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate, JalaliDateTime
from sqlalchemy import Row

from ivr.cases.channels import NOBODYS, PART
from ivr.cases.routing import Reason
from ivr.cases.zone import ZONE
from ivr.desk.call.interventions import Intervening, came_about
from ivr.desk.case.attachments import ATTACHED
from ivr.desk.case.callback_planning import BY_DESK
from ivr.desk.case.change import CITIZEN
from ivr.desk.case.event_log import MACHINE
from ivr.desk.reading.casefile import CaseFile
from ivr.voice.footprints import choices_only
from ivr.web.panel.locale import Locale, digits
from ivr.web.panel.permissions import Permission
from ivr.web.panel.visit import Visit

USUAL = "usual"
ROUTED = frozenset(Reason) | NOBODYS  # why the machine refers a case; each has its own sentence
_DATES = ("next_on", "until", "at", "due_on")
_jalali_day: Any = JalaliDate  # they have no types
_jalali_time: Any = JalaliDateTime
# What the machine does between two steps is no part of her path.
_BEHIND = frozenset(
    {"RoomFound", "CallerKnown", "WordsKept", "CaseRefined", "Confided", "TakenUp"}
    | {"Confirmed", "Rated", "WishNoted", "CaseSeen", "QueueSeen", "tree", "way"}
)


@dataclass(frozen=True, slots=True)
class StoryEntry:
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
class CallStep:
    """`after`: seconds from the call's beginning. `by`: who stepped in, "" for what she did herself."""

    after: float
    text: str
    key: str = ""
    note: str = ""
    by: str = ""


class Teller:
    """`with_listeners`: whether it may be told who listened in, and why. `zone`: the province's."""

    def __init__(
        self, words: Locale, file: CaseFile, with_listeners: bool = False, zone: ZoneInfo = ZONE
    ) -> None:
        self.words, self.file, self.with_listeners, self.zone = words, file, with_listeners, zone
        self.stepped_in = [
            each for each in file.interventions if with_listeners or each.action != Intervening.LISTEN
        ]

    def story(self) -> list[StoryEntry]:
        """All that happened, our calls to her and who stepped into hers, the latest first."""
        lines = [self._attempt(attempt) for attempt in self.file.attempts]
        lines += [self._stepped_in(each) for each in self.stepped_in]
        for event, times in _in_a_row(self.file.events):
            lines += self._orders(event) or [self._times(self.line(event), times)]
        return sorted(lines, key=lambda line: line.at)[::-1]

    def line(self, event: Row[Any]) -> StoryEntry:
        details: dict[str, Any] = event.details
        routed = event.event == "referred" and event.actor == MACHINE and details.get("reason", "") in ROUTED
        ended = event.actor == MACHINE and event.event in {"closed", "withdrawn"}  # its variant says why
        voice = details.get("voice") or {}
        moved = details.get("due_at", "") if event.event not in {"opened", "escalated"} else ""
        return StoryEntry(
            event.at,
            event.event,
            self.words("casefile.actor.caller") if _is_unproven(event) else self.actor(event.actor),
            self._text(event.event, self._made(event) or _variant(event, routed), details),
            "" if routed or ended else str(details.get("reason", "")),
            _quote(event),
            str(voice.get("name", "")),
            datetime.fromisoformat(moved) if moved else None,
        )

    def _times(self, line: StoryEntry, times: int) -> StoryEntry:
        if times == 1:
            return line
        return replace(line, text=self.words("casefile.times", text=line.text, n=times))

    def _orders(self, event: Row[Any]) -> list[StoryEntry]:
        """A line for each of the orders for which the case was split then, as far as they are in sight."""
        if event.event != "split" or "part" not in self.file.kin:
            return []
        days = {part.code: part.first_due_on for part in self.file.kin["part"].rows if part.first_due_on}
        bodies: Mapping[str, str] = event.details.get("parts", {})
        told = [
            {"agency": body, "due_on": days[code].isoformat()}
            for code, body in bodies.items()
            if code in days
        ]
        first = "order_moved" if "from" in event.details else "order"
        texts = [self._text(event.event, "order" if n else first, its) for n, its in enumerate(told)]
        return [replace(self.line(event), text=text) for text in texts]

    def _made(self, event: Row[Any]) -> str:
        """Which way the desk made it of other cases, where it did; "" for what a citizen or system opened."""
        if event.event != "opened":
            return ""
        if self.file.case.channel == PART and self.file.order is not None:
            return "order" if self.file.order.session is None else "order_heard"
        return str(self.file.case.channel) if self.file.case.channel in NOBODYS else ""

    def actor(self, name: str) -> str:
        """`ivr`, `citizen`, `abfa/karimi`, `karimi` as people know them."""
        if name in {MACHINE, "citizen", "desk"}:
            return self.words(f"casefile.actor.{name}")
        body, slash, officer = name.partition("/")
        if body not in self.file.names.agencies:
            return self.file.people.get(name, name)
        agency = self.file.names.agencies[body]
        return f"{self.file.people.get(officer, officer)}، {agency}" if slash else agency

    def path(self, call: Row[Any]) -> list[CallStep]:
        """What she heard and pressed, one line for each time she did something, and who stepped in."""
        own = [
            self._step(call, step)
            for step in call.steps
            if step.get("note", "").partition(":")[0] not in _BEHIND
            and (step.get("key") or step.get("note") not in {"", "said"})
        ]
        others = [
            CallStep(
                max((_moment(each) - call.started_at).total_seconds(), 0.0),
                self._what(each),
                by=self.actor(each.actor),
            )
            for each in self.stepped_in
            if each.call_id == call.id
        ]
        return sorted(own + others, key=lambda step: step.after)

    def ending(self, call: Row[Any]) -> str:
        """How it ended. Asterisk hangs her up alike when a supervisor ends the call or takes it."""
        last = [each for each in self.stepped_in if each.call_id == call.id and came_about(each)]
        ended = next((e for e in reversed(last) if e.action in {Intervening.END, Intervening.TAKE}), None)
        if ended is not None:
            return self.words(f"casefile.call_ended.{ended.action}", who=self.actor(ended.actor))
        if call.outcome is None:
            return self.words("casefile.call_runs")
        return self.words.get(f"casefile.call_ended.{call.outcome}", call.outcome)

    def _step(self, call: Row[Any], step: Mapping[str, str]) -> CallStep:
        after = (datetime.fromisoformat(step["at"]) - call.started_at).total_seconds()
        name, note = step["step"].rpartition(".")[2], step.get("note", "")  # of fragments and called trees
        kind, _, result = note.partition(":")
        said = self.words.get(f"casefile.note.{kind}.{result or USUAL}", note) if note else ""
        keys = choices_only(step.get("key", ""))  # a number of hers is read where that takes a reason
        return CallStep(max(after, 0.0), self.words.get(f"casefile.step.{name}", name), keys, said)

    def _stepped_in(self, each: Row[Any]) -> StoryEntry:
        return StoryEntry(
            _moment(each),
            "intervention",
            self.actor(each.actor),
            self._what(each),
            each.reason if self.with_listeners else "",
        )

    def _what(self, each: Row[Any]) -> str:
        how = "done" if came_about(each) else "not_done"
        said = self.words(f"casefile.intervention.{each.action}.{how}")
        if each.action == Intervening.END or each.used_at is None or each.over_at is None:
            return said
        lasted = max(int((each.over_at - each.used_at).total_seconds()), 0)
        return f"{said} ({digits(f'{lasted // 60}:{lasted % 60:02}')})"

    def _attempt(self, attempt: Row[Any]) -> StoryEntry:
        key, what = "casefile.attempt", attempt.outcome or "open"
        # In a call in her turn at the operators' some ends read otherwise.
        text = self.words.get(f"{key}.{attempt.purpose}_{what}", self.words(f"{key}.{what}"))
        return StoryEntry(attempt.at, "attempt", self.words("casefile.actor.ivr"), text)

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
            "heard_in": digits(self.file.order.session if self.file.order else ""),
            "agency": names.agencies.get(str(details.get("agency", "")), str(details.get("agency", ""))),
            "retired": names.agencies.get(str(details.get("retired", "")), str(details.get("retired", ""))),
            "from": names.agencies.get(str(details.get("from", "")), str(details.get("from", ""))),
            "topic": names.topics.get(topic, topic),
            "county": names.counties.get(county, county) or words("casefile.no_county"),
            "before_topic": names.topics.get(str(before[0]), str(before[0])),
            "before_county": names.counties.get(str(before[1]), str(before[1]))
            or words("casefile.no_county"),
            "level": words.get(f"casefile.level.{details.get('level', '')}", str(details.get("level", ""))),
            "kind": words.get(f"common.kind.{details.get('kind', '')}", ""),
            **{name: jalali(details[name], self.zone) for name in _DATES if name in details},
        }


def teller(visit: Visit, file: CaseFile) -> Teller:
    """For the eyes of whoever visits."""
    listeners = visit.allowed(Permission.SEEN_BY, area=file.case.county or "")
    return Teller(visit.words, file, listeners, ZoneInfo(visit.panel.book.timezone))


class _Lenient(dict[str, str]):
    """An event of an older release may lack what today's sentence names."""

    def __missing__(self, key: str) -> str:
        return ""


def jalali(moment: str, zone: ZoneInfo) -> str:
    """A day, or a moment with its hour there."""
    on, at = _jalali_day, _jalali_time
    hour = "T" in moment
    its = at(datetime.fromisoformat(moment).astimezone(zone)) if hour else on(date.fromisoformat(moment))
    return str(its.strftime(f"{its.day} %B %Y" + "، %H:%M" * hour, locale="fa"))


def _moment(each: Row[Any]) -> datetime:
    """When her telephone came by the call; else when she wanted it."""
    found: datetime = each.used_at or each.at
    return found


def _is_unproven(event: Row[Any]) -> bool:
    """Whether nothing proves that it was she who said so of an answer."""
    return event.event == "verdict_noted" and not event.details.get("proven", True)


def _in_a_row(events: Iterable[Row[Any]]) -> Iterator[tuple[Row[Any], int]]:
    """The events, and how often: what anybody may say as often as he likes is one for all that he says."""
    for _, same in groupby(events, lambda event: event.details if _is_unproven(event) else event.seq):
        *before, last = same
        yield last, len(before) + 1


def _quote(event: Row[Any]) -> str:
    """Nothing of a paper, of which older releases wrote more: who sees it reads what is said of it there."""
    return "" if event.event == ATTACHED else str(event.details.get("text", ""))


def _brought(details: Mapping[str, Any]) -> str:
    """What a duplicate or a member brought the case: a sooner deadline, a level, both; "" for neither."""
    due_at, before = (details.get(name, "") for name in ("due_at", "due_before"))
    is_sooner = due_at and before and datetime.fromisoformat(due_at) < datetime.fromisoformat(before)
    brought = (("due", is_sooner), ("climbed", "level" in details))
    return "_".join(name for name, came in brought if came)


def _variant(event: Row[Any], routed: bool) -> str:
    """Which of an event's sentences fits."""
    details = event.details
    match event.event:
        case "referred" if routed and "from" not in details:
            return str(details["reason"])
        case "referred":
            return "onward" if "/" in event.actor else USUAL
        case "opened" if details.get("recovered"):
            return "recovered"
        case "opened" if event.actor != MACHINE:
            return "desk"
        case "closed" if event.actor == MACHINE and details.get("closure") == BY_DESK:
            return "collective"
        case "closed":
            return str(details.get("closure", USUAL))
        case "withdrawn" if event.actor == MACHINE:
            return "left"
        case "handed_back" if "part" in details:
            return "part"
        case "handed_back" if "agency" in details:
            return "moved"
        case "advised" if "from" in details:
            return "moved"
        case "answered" if "proposed_by" in details:
            return "approved"
        case "answered" | "answer_proposed" if "voice" in details:
            return "voice"
        case "topic_changed":
            return ("citizen" if event.actor == CITIZEN else USUAL) + ("_kind" if "kind" in details else "")
        case "words_added" if details.get("repeat"):
            return "repeat"
        case "words_added" | "words_replaced" if details.get("recovered"):
            return "recovered"
        case "handed" if not details.get("name"):
            return "nobody"
        case "duplicate_merged":
            return _brought(details) or USUAL
        case "meeting_release" if "arrived_at" in details:
            return "sent_home"
        case "contact_given" if "taken_back" in details:
            return "taken_back"
        case "contact_corrected" if details["given"] == ["national_id"]:
            return "identity"
        case "contact_corrected" if "national_id" in details["given"]:
            return "both"
        case "collected" if "collective" not in details:
            return _brought(details) or "due"
        case "extended" if event.actor == MACHINE:
            return "day_off" if details["before"] < details["due_on"] else "day_back"
        case "retimed" if "before" not in details:
            return "kept"
        case "lottery_noted":
            return str(details.get("result", USUAL))
        case "order_said":
            return str(details.get("said", USUAL))
        case "verdict_noted":
            told = "solved" if details.get("solved") else "not_solved"
            unproven = "unproven_earlier" if details.get("earlier") else "unproven"
            return unproven if _is_unproven(event) else told
        case "attached" if str(details.get("kind", "")).startswith("image/"):
            return "image"
        case "recordings_removed" if details.get("attachments"):
            return "attachments"
        case "reopened" if "retired" in details:
            return "retired"
        case "reopened":
            return ("words" if "recording" in details else USUAL) + ("" if "level" in details else "_same")
        case "meeting_accept" if "next_on" not in details:
            return "now"
    return USUAL
