"""What a shell tells the call flow. The answer to each action, and a hang-up at any time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from math import inf

from ivr.cases.meetings import MeetingWay, Official, RequestState


class Ended(StrEnum):
    """Why a key collection or a recording ended."""

    FULL = "full"  # as many keys as were asked for
    HASH = "hash"  # the finish key
    TIMEOUT = "timeout"  # no further key in time
    SILENCE = "silence"  # recording: the caller fell silent
    LIMIT = "limit"  # recording: maximum length
    HANGUP = "hangup"  # recording: the caller hung up; what was said is in the file
    BROKEN = "broken"  # recording: Asterisk or we died in the middle; what was written by then is in the file
    CUT = "cut"  # recording: the disk filled up; only the beginning of what was said is in the file
    FAILED = "failed"  # recording: Asterisk wrote nothing

    @property
    def is_gone(self) -> bool:
        """Whether nobody is on the line any more."""
        return self in (Ended.HANGUP, Ended.BROKEN)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording came to its end.

    `name` is relative to the recordings folder, without extension, like "2026/11/25/3f…" ("" when FAILED).
    `seconds` is the audio's length, `voiced_seconds` how much of it is not silence, `size` in bytes.
    """

    name: str
    seconds: float
    voiced_seconds: float
    ended: Ended
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """What the caller pressed for an `Ask`. `pressed` never holds the finish key `#`.

    Nothing in time: ("", TIMEOUT). `#` alone: ("", HASH). `*` is an ordinary key here. `after`: seconds from
    the question to its answer, where the shell has a clock.
    """

    pressed: str
    ended: Ended
    after: float = inf


@dataclass(frozen=True, slots=True)
class Said:
    """A `Say` is over; `key` is the key that cut it short, or "", `after` so many seconds.

    `unspoken`: of its `Words` some that a voice reads could not be spoken, and were silence to her.
    """

    key: str = ""
    after: float = inf
    unspoken: bool = False


OPEN, BROKEN_OFF = "open", "broken_off"
IN_MID_WORD = (Ended.HANGUP, Ended.BROKEN, Ended.CUT)  # a call that broke off so may be gone on with
# What a number's earlier call left: an open case, one of the last hour that broke off before all was said.
EARLIER = (OPEN, BROKEN_OFF)


@dataclass(frozen=True, slots=True)
class CallerKnown:
    """The county code of the caller's latest case, or "" when there is none or nobody could look.

    `blocked`: she gets no case by the usual way for now, only the operator or the beep. `waits`: she may have
    a case that an agency must still answer; False only where somebody looked. `language`: of her latest call
    that became a case. `earlier`: what she may hear of it, one of `EARLIER`.
    """

    county: str = ""
    blocked: bool = False
    waits: bool = field(default=True, compare=False)
    language: str = field(default="", compare=False)
    earlier: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """The words are safe. `code` resolves for certain; "" when no code could be promised.

    `joined`: they are in the case of an earlier call, as she wanted. Its code is this, and not told: the line
    may be shared.
    """

    code: str = ""
    joined: bool = False


@dataclass(frozen=True, slots=True)
class TakenUp:
    """The case of her call that broke off: its code, "" where there is none to go on with.

    `topic` and `county` as far as she has said them. None of it is told: the line may be shared.
    """

    code: str = ""
    topic: str = ""
    county: str = ""


@dataclass(frozen=True, slots=True)
class WordsKept:
    """A further recording is safe with its case."""


@dataclass(frozen=True, slots=True)
class CaseRefined:
    """Whether what she said of her case after her words is safe. The words are, either way."""

    noted: bool = True


@dataclass(frozen=True, slots=True)
class Connected:
    """Whether they talked; with the recording, where there is one. She may be gone by now."""

    talked: bool
    recording: Recorded | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class NotKept:
    """The words could not be made safe: nothing may be promised.

    Nor may they be called lost: in their file they may become a case later.
    """


@dataclass(frozen=True, slots=True)
class RoomFound:
    """Whether words can be recorded now.

    `same_matter`: her number has an open case of what she chose; it may be somebody else's on a shared line.
    """

    found: bool = True
    same_matter: bool = False


@dataclass(frozen=True, slots=True)
class WishNoted:
    """Whether her wish to be called is safe, so that it may be promised."""

    noted: bool = True


class Lookup(StrEnum):
    FOUND = "found"
    UNKNOWN = "unknown"
    TOO_MANY = "too_many"  # this caller tried too many wrong codes
    UNAVAILABLE = "unavailable"  # the books can't be read now


@dataclass(frozen=True, slots=True)
class PartSeen:
    """What one of several agencies sees to. `voice`: its answer, where a person speaks it."""

    agency: str
    answered: bool
    voice: str = ""


@dataclass(frozen=True, slots=True)
class MeetingSeen:
    """How a request to meet an official stands. `starts_at`: of her slot; `next_on`: until when she waits."""

    state: RequestState
    next_on: date | None = None
    starts_at: datetime | None = None
    official: Official = Official.GOVERNOR
    way: MeetingWay = MeetingWay.IN_PERSON
    place: str = ""
    agency: str = ""  # of the official


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """What may be told to someone who knows a tracking code. `parts`: where several agencies share it.

    `withheld`: there is an answer, which is told to her number only; `past`: to none, now that retention took
    that away. `unheard`: the voices of it, or of parts, that can't be played now.
    """

    result: Lookup
    status: str = ""  # one of ivr.cases.statuses
    agency: str = ""  # agency code
    due_at: datetime | None = None
    answer: str = ""  # the last answer in words
    voice: str = ""  # the last answer in a person's voice, a name like a recording's
    may_confirm: bool = False  # whether this caller's word on the answer counts
    rated: bool = False  # she has said before how content she is
    may_reopen: bool = False  # it is over, and this caller may still say that it is not solved
    kind: str = "request"
    parts: tuple[PartSeen, ...] = ()
    spoken: str = ""  # `answer` as it is read in another language than it is written in
    withheld: bool = False
    past: bool = False
    unheard: frozenset[str] = frozenset()
    meeting: MeetingSeen | None = None  # of a request to meet an official
    into: str = ""  # of a duplicate: the code of the case in which it goes on, of which all this is


@dataclass(frozen=True, slots=True)
class Confided:
    """Her wish that nobody learns who she is, is safe."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Whether her verdict is safe. If not it may be all the same, a little later."""

    noted: bool = True


@dataclass(frozen=True, slots=True)
class Rated:
    """Her rating is safe."""


class EnquiryResult(StrEnum):
    """What came of asking another system."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    SKIPPED = "skipped"  # she pressed a key


@dataclass(frozen=True, slots=True)
class Enquired:
    """`values`: by variable, where all was found. `key`: with which she ended the wait."""

    result: EnquiryResult
    values: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


class Transfer(StrEnum):
    """How an attempt to reach an operator ended."""

    ANSWERED = "answered"
    NOBODY = "nobody"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Transferred:
    result: Transfer


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """`busy`: somebody serves there, and she would have to wait."""

    busy: bool = False


@dataclass(frozen=True, slots=True)
class PlaceKept:
    """`kept`: her place is safe. Else nothing is promised."""

    kept: bool = True


class HourState(StrEnum):
    """How she stands with an official who takes calls himself for an hour."""

    WAITING = "waiting"
    TURN = "turn"  # he takes her call now
    CLOSED = "closed"  # the hour is over, or none is open
    FULL = "full"
    AWAY = "away"  # nobody can say: the books can't be read


@dataclass(frozen=True, slots=True)
class LineSeen:
    """Whether somebody holds that line; where nobody knows, as before: held."""

    held: bool = True


@dataclass(frozen=True, slots=True)
class HourTold:
    """`place`: her own in the line, 1 is next; 0 where she has none. `waited`: seconds since last asked."""

    state: HourState
    place: int = 0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class WayTaken:
    """The way at a step is noted: `way` is what the call's row says of it."""

    way: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller is gone. May come instead of any other answer."""


Event = (
    Recorded
    | Keys
    | Said
    | CallerKnown
    | CaseOpened
    | TakenUp
    | WordsKept
    | CaseRefined
    | CaseSeen
    | Confided
    | Confirmed
    | Connected
    | Enquired
    | HourTold
    | LineSeen
    | Rated
    | NotKept
    | RoomFound
    | WishNoted
    | QueueSeen
    | PlaceKept
    | Transferred
    | WayTaken
    | HungUp
)


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known as the call begins. `number` is "" when withheld; `now` carries its zone.

    `call`: its id, "" of one that nobody makes.
    """

    number: str
    now: datetime
    name: str = field(default="", repr=False)
    call: str = ""
