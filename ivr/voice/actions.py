"""What the call flow asks of its shell. One at a time; each has its answer in `ivr.voice.events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ivr.cases.live_hour import HourOffered as HourOffered  # for shells, which see the voice alone
from ivr.voice.enquiries import Taken
from ivr.voice.events import Recorded


@dataclass(frozen=True, slots=True)
class Clip:
    """The caller's own recording, by its `Recorded.name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Words:
    """Free text that has no prompt: the shell speaks it with its synthesiser."""

    text: str


# A prompt id of the catalogue (in the action's language), a recording, or words.
Sound = str | Clip | Words
Speech = tuple[Sound, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Speak, then collect up to `max_keys` keys; `#` ends early. Answer: `Keys`.

    With `barge_in` a key stops the speech and counts; without, keys count only after it.
    Seconds count from the end of the speech.
    """

    speech: Speech
    language: str
    max_keys: int = 1
    first_key_seconds: float = 7.0
    next_key_seconds: float = 3.0
    barge_in: bool = True


@dataclass(frozen=True, slots=True)
class Say:
    """Speak to the end, or with `barge_in` until any key. Answer: `Said`.

    `heeds_key`: which key it was is wanted; to ask is a command more.
    """

    speech: Speech
    language: str
    barge_in: bool = False
    heeds_key: bool = True


@dataclass(frozen=True, slots=True)
class FindRoom:
    """Does some disk take so many seconds of words? Asked before she is invited. Answer: `RoomFound`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """Beep, then record until `#`, silence, the maximum or hang-up. Answer: `Recorded`."""

    language: str
    max_seconds: float = 180.0
    silence_seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class RecallCaller:
    """What do the books know of her: her latest county and language, a block? Answer: `CallerKnown`."""


@dataclass(frozen=True, slots=True)
class TakeUp:
    """She goes on with the case of her call that broke off within the hour. Answer: `TakenUp`."""


@dataclass(frozen=True, slots=True)
class OpenCase:
    """Make the words safe and promise a code. Answer: `CaseOpened`, or `NotKept`.

    `kind` one of ivr.cases.kinds, `topic` and `county` codes of the directory (county "" unknown).
    `joins`: she says that it is the matter of the open case that her number has.
    """

    kind: str
    topic: str
    county: str
    language: str
    recordings: tuple[Recorded, ...]
    callback: str = ""
    national_id: str = ""
    joins: bool = False


@dataclass(frozen=True, slots=True)
class KeepWords:
    """Add a recording to the case opened in this call. Answer: `WordsKept`, or `NotKept`.

    `instead`: the caller said it again; the earlier words are kept but marked superseded.
    """

    code: str
    recording: Recorded
    instead: bool


@dataclass(frozen=True, slots=True)
class RefineCase:
    """What the case opened in this call is about, as she says it after her words. Answer: `CaseRefined`.

    All that is known by now, said before or not: codes of the directory, `topic` "" not said, `county` ""
    unknown.
    """

    code: str
    topic: str
    county: str
    callback: str = ""
    national_id: str = ""


@dataclass(frozen=True, slots=True)
class LookUpCase:
    """Answer: `CaseSeen`."""

    code: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """Make safe what the citizen says of the answer to her case. Answer: `Confirmed`.

    `proven`: that it is she, so that her word may end the case.
    """

    code: str
    solved: bool
    proven: bool = True


@dataclass(frozen=True, slots=True)
class Settle:
    """Make safe what she says by key on a call of ours, however it goes on. Answer: `Confirmed`.

    `outcome`: how the attempt ended, as `ivr.cases.callback` names it.
    """

    outcome: str


@dataclass(frozen=True, slots=True)
class Confide:
    """Make safe that the case opened in this call is to be confidential. Answer: `Confided`, or `NotKept`."""

    code: str


@dataclass(frozen=True, slots=True)
class MissReason:
    """Make known that her reason for "not solved" could not be recorded, and why. Answer: `Confirmed`."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Rate:
    """Make safe how content she is, 1 to 5. Answer: `Rated`."""

    code: str
    score: int


@dataclass(frozen=True, slots=True)
class WishCallBack:
    """Note that she wants to be called about this code, which can't be looked up now. Answer: `WishNoted`."""

    code: str


@dataclass(frozen=True, slots=True)
class Enquire:
    """Ask another system by HTTP; a key of hers ends the wait. Answer: `Enquired`.

    `lead` is said in any case, `filler` only to who still waits then. `takes`: what is wanted of the answer,
    by variable. `number`: hers is among what is sent. A `#` within `deaf_to_hash` seconds means nothing.
    """

    url: str
    query: tuple[tuple[str, str], ...]
    takes: Mapping[str, Taken]
    language: str
    seconds: float
    lead: Speech = ()
    filler: Speech = ()
    number: bool = False
    deaf_to_hash: float = 0.0


@dataclass(frozen=True, slots=True)
class Operator:
    """Queue for a human, with music and position. Answer: `Transferred`.

    `first`: before those who wait there.
    """

    queue: str
    language: str
    wait_seconds: int = 300
    first: bool = False


@dataclass(frozen=True, slots=True)
class LookAtQueue:
    """Would she have to wait for a human there? Answer: `QueueSeen`."""

    queue: str


@dataclass(frozen=True, slots=True)
class KeepPlace:
    """Make safe that she is called when it is her turn in that queue, about her case. Answer: `PlaceKept`.

    `hours`: in which operators serve there, as `ivr.cases.turns.Hours` are written.
    """

    code: str
    queue: str
    hours: str = ""


@dataclass(frozen=True, slots=True)
class LookAtLine:
    """Does somebody still hold the line there? Answer: `LineSeen`. `line`: as that of `Connect`."""

    line: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Let her talk with who holds the line there, recorded only if she consents. Answer: `Connected`.

    `line`: Asterisk's unique id of the channel.
    """

    line: str
    language: str
    record: bool
    max_seconds: float = 1_800.0


@dataclass(frozen=True, slots=True)
class JoinHour:
    """Stand in line for the official who takes calls himself now. Answer: `HourTold`.

    `records`: she consents that what they say is recorded. `hour`: which she was offered; None: any.
    """

    code: str
    language: str
    records: bool
    hour: HourOffered | None = None


@dataclass(frozen=True, slots=True)
class AwaitHour:
    """Music until her place in that line changes, or at most so many seconds. Answer: `HourTold`."""

    place: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RingOfficial:
    """It is her turn: his telephone rings, and they talk; `record`: she consents. Answer: `Connected`."""

    language: str
    record: bool
    max_seconds: float


@dataclass(frozen=True, slots=True)
class TakeWay:
    """Note which way the call goes at this step, where no key tells it. Answer: `WayTaken`."""

    way: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call is over. No answer."""


Action = (
    Ask | Say | FindRoom | Record | RecallCaller | TakeUp | OpenCase | KeepWords | RefineCase
    | LookUpCase | WishCallBack | Confide | Confirm | Settle | MissReason | Rate | Enquire | Operator
    | LookAtQueue | LookAtLine | KeepPlace | Connect | JoinHour | AwaitHour | RingOfficial | TakeWay | HangUp
)  # fmt: skip
