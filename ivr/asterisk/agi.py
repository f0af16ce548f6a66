"""The Asterisk Gateway Interface as a sans-I/O codec: bytes in, events out; words in, a command line out.

What Asterisk sends is read from its own `res/res_agi.c` (13 to 22), and told in docs/decisions/fastagi.md.
Nothing a peer sends raises, and any split of the same bytes gives the same events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

HEADER_BYTES = 16_384
LINE_BYTES = 65_536
# Asterisk up to 18 reads a command line into 2,048 bytes and takes the rest for another command.
COMMAND_BYTES = 2_000
SHORT = 21  # bytes of a read

_HEADER, _REPLIES, _USAGE, _BROKEN = range(4)
_HEADER_START = b"agi_"
_NAMES = re.compile(r"\n(agi_[^:\n]*): ").findall
# What the telephone network says, in the order in which Asterisk writes it; then the dialplan's part begins.
_OF_NETWORK = tuple(
    f"\nagi_{name}: "
    for name in (
        *("callerid", "calleridname", "callingpres", "callingani2", "callington", "callingtns"),
        *("dnid", "rdnis"),
    )
)
_NETWORK = re.compile("|".join(_OF_NETWORK)).search
_DIALPLAN = "\nagi_context: "
_PLAIN = re.compile(r"[A-Za-z0-9_./&,:=()#*+ -]*").fullmatch  # needs no quotes
_ENDPOS = re.compile(r"endpos=([0-9]{1,18})").fullmatch
_REFUSED = re.compile(r"[\r\n\0]").search


class Variables(Mapping[str, str]):
    """The `agi_` variables of a header, looked up in its text: a call needs few, and thousands are live.

    Asterisk writes them in one order (res_agi.c, setup_env): what it knows itself, what the telephone network
    says of the caller, what the dialplan says. A telephone can smuggle line breaks, and so whole lines, into
    the middle part alone. So a name of the other parts is looked up there only, and one of the middle that
    comes twice has no value: nobody can tell which is the true one.
    """

    __slots__ = ("_dialplan", "_network", "_text")

    def __init__(self, text: str) -> None:
        self._text = text = "\n" + text
        network = _NETWORK(text)
        self._network = network.start() if network else len(text)
        dialplan = text.rfind(_DIALPLAN)
        self._dialplan = dialplan if dialplan >= self._network else len(text)

    def __getitem__(self, name: str) -> str:
        start, end = self._place(name)
        return self._text[start + len(name) + 3 : end]

    def _place(self, name: str) -> tuple[int, int]:
        line = f"\n{name}: "
        start = self._text.find(line, 0, self._network)
        if start < 0:
            start = self._text.find(line, self._dialplan)
        if start < 0 and (start := self._told_once(line)) < 0:
            raise KeyError(name)
        end = self._text.find("\n", start + 1)
        return start, end if end >= 0 else len(self._text)

    def _told_once(self, line: str) -> int:
        """Where the network's part has it; -1: nowhere, or twice, or it is no name of that part."""
        if line not in _OF_NETWORK:
            return -1
        start = self._text.find(line, self._network, self._dialplan)
        return start if start == self._text.rfind(line, self._network, self._dialplan) else -1

    def __iter__(self) -> Iterator[str]:
        return (name for name in dict.fromkeys(_NAMES(self._text)) if name in self)

    def __contains__(self, name: object) -> bool:
        try:
            self._place(str(name))
        except KeyError:
            return False
        return True

    def __len__(self) -> int:
        return len(list(iter(self)))

    def without(self, name: str) -> Variables:
        """The same less that name's value. KeyError: there is none."""
        start, end = self._place(name)
        return Variables((self._text[:start] + self._text[end:])[1:])


@dataclass(frozen=True, slots=True)
class Environment:
    """The header Asterisk opens with. `variables` keep their `agi_` names, `arguments` are those of AGI().

    Bytes that are no UTF-8 are kept by `surrogateescape`.
    """

    variables: Variables
    arguments: tuple[str, ...]


class Reply(NamedTuple):
    """The answer to one command.

    `result` is what stands behind `result=` (may be empty), `value` what stands in brackets (None: there are
    none), `endpos` a position in samples, `text` the words of a reply that has no `result=` (510, 511, 520).
    """

    code: int
    result: str = ""
    value: str | None = None
    endpos: int | None = None
    text: str = ""

    @property
    def dead(self) -> bool:
        """511: the channel is gone and takes no such command any more."""
        return self.code == 511


@dataclass(frozen=True, slots=True)
class Hangup:
    """The caller hung up. Out of band: an awaited reply still comes, and this may come again at the end."""


@dataclass(frozen=True, slots=True)
class StrayLine:
    """A line that is no reply; harmless once, a flood of them is not."""

    text: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Not AGI, or over a limit. Nothing more comes after it."""

    reason: str


AgiEvent = Environment | Reply | Hangup | StrayLine | Broken

HANGUP = Hangup()


class AgiCodec:
    """One connection's bytes. Lines and the header are limited, so is what it holds."""

    __slots__ = ("_header_bytes", "_line_bytes", "_rest", "_stage", "_usage")

    def __init__(self, header_bytes: int = HEADER_BYTES, line_bytes: int = LINE_BYTES) -> None:
        self._header_bytes = header_bytes
        self._line_bytes = line_bytes
        self._rest = b""
        self._stage = _HEADER
        self._usage = ""

    def feed(self, received: bytes) -> Iterable[AgiEvent]:
        """The events that `received` completes, in order. Take them all, or give this connection up."""
        if self._stage == _REPLIES and not self._rest:
            # Nearly always it is one whole short line: the reply to the command that was sent.
            if len(received) <= SHORT and (events := _whole_line(received)):
                return events
            return self._replies(received)
        if self._rest:
            received = self._rest + received
        if self._stage == _HEADER:
            return self._header(received)
        return () if self._stage == _BROKEN else self._replies(received)

    def _header(self, received: bytes) -> Iterable[AgiEvent]:
        if not received.startswith(_HEADER_START[: len(received)]):
            return [self._broken("not FastAGI: the first line does not begin with agi_")]
        end = received.find(b"\n\n")
        if end > self._header_bytes or (end < 0 and len(received) > self._header_bytes + 1):
            return [self._broken(f"the header is longer than {self._header_bytes} bytes")]
        if end < 0:
            self._rest = received
            return []
        self._stage = _REPLIES
        return chain([environment(received[:end])], self._replies(received[end + 2 :]))

    def _replies(self, received: bytes) -> Iterable[AgiEvent]:
        *lines, self._rest = received.split(b"\n")
        if len(lines) > 8 or len(received) > self._line_bytes:
            return self._many(lines)
        return [event for line in lines if (event := self._line(line)) is not None]

    def _many(self, lines: list[bytes]) -> Iterator[AgiEvent]:
        """One by one, so that whoever sends a flood can be cut off before it is all read."""
        for line in lines:
            if len(line) > self._line_bytes:
                break
            if (event := self._line(line)) is not None:
                yield event
        else:
            if len(self._rest) <= self._line_bytes:
                return
        yield self._broken(f"a line is longer than {self._line_bytes} bytes")

    def _line(self, line: bytes) -> AgiEvent | None:
        if self._stage == _USAGE or line.startswith(b"520-"):
            return self._usage_line(line)
        return event_of(line)

    def _usage_line(self, line: bytes) -> AgiEvent | None:
        """A usage text runs up to the line that begins with `520 `; what is over the limit is left out."""
        self._stage = _USAGE
        if len(self._usage) <= self._line_bytes:
            self._usage += decode(line) + "\n"
        if not line.startswith(b"520 "):
            return None
        usage, self._usage, self._stage = self._usage, "", _REPLIES
        return Reply(520, text=usage.rstrip("\n"))

    def _broken(self, reason: str) -> Broken:
        self._rest = b""
        self._stage = _BROKEN
        return Broken(reason)


def decode(received: bytes) -> str:
    """As UTF-8; what is not stays in the text as surrogates, so nothing is lost."""
    return received.decode("utf-8", "surrogateescape")


def environment(header: bytes) -> Environment:
    """Read the lines before the blank one."""
    variables = Variables(decode(header))
    arguments: list[str] = []
    while (argument := variables.get(f"agi_arg_{len(arguments) + 1}")) is not None:
        arguments.append(argument)
    return Environment(variables, tuple(arguments))


def event_of(line: bytes) -> AgiEvent:
    """What one line says that is not part of a usage text."""
    if line == b"HANGUP":
        return HANGUP
    if line[3:4] == b" " and line[:3].isdigit():
        return reply(line)
    return StrayLine(decode(line))


@lru_cache(maxsize=256)
def _whole_line(received: bytes) -> tuple[AgiEvent, ...]:
    """The one event of a read that is one whole line, () of any other.

    Only short reads come here, and they are the same few: what a longer one holds must not linger in a cache.
    """
    line, newline, rest = received.partition(b"\n")
    return () if rest or not newline or line.startswith(b"520-") else (event_of(line),)


def reply(line: bytes) -> Reply:
    """Read one reply line, such as `200 result=-1 (hangup) endpos=8000`."""
    text = decode(line)
    code, rest = int(line[:3]), text[4:]
    if not rest.startswith("result="):
        return Reply(code, text=rest)
    result, _, rest = rest[7:].partition(" ")
    if not rest:
        return Reply(code, result)
    if not rest.startswith("("):
        return Reply(code, result, endpos=_samples(rest))
    if rest.endswith(")"):
        return Reply(code, result, rest[1:-1])
    value, bracket, end = rest[1:].rpartition(") ")
    if bracket and (endpos := _samples(end)) is not None:
        return Reply(code, result, value, endpos)
    return Reply(code, result, rest[1:])


def _samples(text: str) -> int | None:
    found = _ENDPOS(text)
    return int(found[1]) if found else None


def command(*words: str) -> bytes:
    """A command line of a constant name and its arguments, each quoted where it needs it.

    Raises ValueError for an argument with CR, LF or NUL (it would become a second command), and for a line
    longer than `COMMAND_BYTES`.
    """
    text = " ".join(words)
    if text.count(" ") >= len(words) or "" in words or not _PLAIN(text):
        text = " ".join(map(_quoted, words))
    line = text.encode("utf-8", "surrogateescape")
    if len(line) > COMMAND_BYTES:
        raise ValueError(f"an AGI command of {len(line)} bytes: Asterisk takes {COMMAND_BYTES} at most")
    return line + b"\n"


def _quoted(word: str) -> str:
    if word and " " not in word and _PLAIN(word):
        return word
    if _REFUSED(word):
        raise ValueError(f"an AGI argument may not hold CR, LF or NUL: {word!r}")
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
