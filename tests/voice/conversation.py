"""A conversation with a `Session`: presses keys, speaks, hangs up, and answers for the desk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.cases.live_hour import HourOffered
from ivr.desk.editing.seeding import directory_from
from ivr.voice.actions import (
    Action,
    Ask,
    AwaitHour,
    Confide,
    Confirm,
    FindRoom,
    HangUp,
    JoinHour,
    KeepPlace,
    KeepWords,
    LookAtLine,
    LookAtQueue,
    LookUpCase,
    MissReason,
    OpenCase,
    Operator,
    Rate,
    RecallCaller,
    Record,
    RefineCase,
    RingOfficial,
    Say,
    Settle,
    Sound,
    TakeUp,
    TakeWay,
    WishCallBack,
)
from ivr.voice.directory import Directory
from ivr.voice.events import (
    Caller,
    CallerKnown,
    CaseOpened,
    CaseRefined,
    CaseSeen,
    Confided,
    Confirmed,
    Connected,
    Ended,
    Event,
    HourTold,
    HungUp,
    Keys,
    LineSeen,
    Lookup,
    NotKept,
    PlaceKept,
    QueueSeen,
    Rated,
    Recorded,
    RoomFound,
    Said,
    TakenUp,
    Transfer,
    Transferred,
    WayTaken,
    WishNoted,
    WordsKept,
)
from ivr.voice.menu import Menu
from ivr.voice.parse import parse
from ivr.voice.session import Session
from tests.fixtures.province import CONVENTIONS

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "dialplan" / "menus" / "111.yaml"
SEED = ROOT / "db" / "seed" / "east-azerbaijan"
TEHRAN = ZoneInfo("Asia/Tehran")
OFFICE_HOURS = datetime(2026, 11, 25, 10, 0, tzinfo=TEHRAN)  # a Wednesday
NIGHT = datetime(2026, 11, 25, 23, 0, tzinfo=TEHRAN)
DIRECTORY = directory_from(SEED, CONVENTIONS)
CODE = "1234567894"
CALLER = Caller("+989120000000", OFFICE_HOURS)
UNKNOWN = CaseSeen(Lookup.UNKNOWN)


def default_menu() -> Menu:
    return parse(TREE.read_bytes(), TREE.name)


@dataclass
class Conversation:
    """`heard` is everything spoken since the last key, `opened` and `kept` what reached the desk."""

    menu: Menu = field(default_factory=default_menu)
    caller: Caller = CALLER
    county: str = ""
    language: str = ""  # of her latest case
    earlier: str = ""  # what an earlier call of her number left …
    taken_up: TakenUp = field(default_factory=TakenUp)  # … and the case that she goes on with
    code: str = CODE
    seen: CaseSeen = UNKNOWN
    transfer: Transfer = Transfer.NOBODY
    busy: bool = False  # who wants an operator would have to wait
    places: list[KeepPlace] = field(default_factory=list)
    transfers: list[Operator] = field(default_factory=list)
    room: bool = True
    same_matter: bool = False  # her number has an open case of what she chooses
    journal: bool = True  # takes what she says
    heard: list[Sound] = field(default_factory=list)
    opened: list[OpenCase] = field(default_factory=list)
    kept: list[KeepWords] = field(default_factory=list)
    refined: list[RefineCase] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    verdicts: list[bool] = field(default_factory=list)
    proven: list[bool] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)  # that its row tells of
    wished: list[str] = field(default_factory=list)
    confided: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    rates: list[int] = field(default_factory=list)
    directory: Directory = DIRECTORY
    hour: HourOffered | None = None  # of an official who takes calls himself
    line: list[HourTold] = field(default_factory=list)  # how she stands there, each time that it is asked
    held: list[bool] = field(default_factory=list)  # whether an official holds the line, at each look
    rings: list[Connected] = field(default_factory=list)  # what comes of his telephone's ringing
    in_line: list[JoinHour | AwaitHour | RingOfficial] = field(default_factory=list)
    recordings: int = 0
    action: Action | None = None

    def __post_init__(self) -> None:
        self.session = Session(self.menu, self.directory, self.caller, self.hour)
        self._settle(self.session.start())

    @property
    def step(self) -> str:
        return self.session.step

    @property
    def over(self) -> bool:
        return isinstance(self.action, HangUp)

    def press(self, *keys: str) -> Conversation:
        """Each argument answers one question; "#" alone is the finish key, "12#" ends with it."""
        for key in keys:
            if isinstance(self.action, Say):
                self.tell(Said(key))
            else:
                assert isinstance(self.action, Ask), f"{self.action} takes no keys"
                pressed = key.removesuffix("#")
                full = len(pressed) == self.action.max_keys
                ended = Ended.HASH if key.endswith("#") else Ended.FULL if full else Ended.TIMEOUT
                self.tell(Keys(pressed, ended))
        return self

    def silent(self, times: int = 1) -> Conversation:
        for _ in range(times):
            self.tell(Keys("", Ended.TIMEOUT))
        return self

    def listen(self) -> Conversation:
        """Hear a prompt out that waits for no key."""
        assert isinstance(self.action, Say)
        self.tell(Said())
        return self

    def speak(
        self, seconds: float = 5.0, ended: Ended = Ended.HASH, voiced: float | None = None
    ) -> Conversation:
        """Wait for the beep and leave a recording."""
        if isinstance(self.action, Say):
            self.listen()
        assert isinstance(self.action, Record), f"{self.action} does not record"
        self.recordings += 1
        name = "" if ended is Ended.FAILED else f"2026/11/25/{self.recordings}"
        self.tell(Recorded(name, seconds, seconds if voiced is None else voiced, ended))
        return self

    def hang_up(self) -> Conversation:
        self.tell(HungUp())
        return self

    def tell(self, event: Event) -> None:
        """Answer with any event."""
        self.heard.clear()
        self._settle(self.session.receive(event))

    def _settle(self, action: Action | None) -> None:
        """Answer for the desk until the caller is asked something."""
        while True:
            match action:
                case RecallCaller():
                    event: Event = CallerKnown(self.county, language=self.language, earlier=self.earlier)
                case FindRoom():
                    event = RoomFound(self.room, self.same_matter)
                case TakeWay(way=way):
                    self.ways.append(way)
                    event = WayTaken(way)
                case WishCallBack(code=code):
                    self.wished.append(code)
                    event = WishNoted()
                case TakeUp():
                    event = self.taken_up
                case OpenCase():
                    self.opened.append(action)
                    event = CaseOpened(self.code) if self.journal else NotKept()
                case Confide():
                    self.confided.append(action.code)
                    event = Confided()
                case KeepWords():
                    self.kept.append(action)
                    event = WordsKept() if self.journal else NotKept()
                case RefineCase():
                    self.refined.append(action)
                    event = CaseRefined()
                case Confirm():
                    self.verdicts.append(action.solved)
                    self.proven.append(action.proven)
                    event = Confirmed(self.journal)
                case Settle():
                    event = Confirmed(self.journal)
                case MissReason(why=why):
                    self.missed.append(why)
                    event = Confirmed()
                case Rate(score=score):
                    self.rates.append(score)
                    event = Rated()
                case LookUpCase(code=code):
                    self.looked_up.append(code)
                    event = self.seen
                case LookAtLine():
                    event = LineSeen(self.held.pop(0) if self.held else True)
                case LookAtQueue():
                    event = QueueSeen(self.busy)
                case KeepPlace():
                    self.places.append(action)
                    event = PlaceKept()
                case Operator():
                    self.transfers.append(action)
                    event = Transferred(self.transfer)
                case JoinHour() | AwaitHour():
                    self.in_line.append(action)
                    event = self.line.pop(0)
                case RingOfficial():
                    self.in_line.append(action)
                    event = self.rings.pop(0)
                case Say(barge_in=False, speech=speech):
                    self.heard.extend(speech)
                    event = Said()
                case Ask(speech=speech) | Say(speech=speech):
                    self.heard.extend(speech)
                    break
                case _:
                    break
            action = self.session.receive(event)
        self.action = action
