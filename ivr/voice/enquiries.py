"""What a menu tree may ask of another system by HTTP, and what it may take of the answer: pure rules.

The parser and the shell that asks go by the same ones, so that a tree which outlives a change of the
allow-list asks nobody that it may not ask any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

MOST_SECONDS = 8.0  # that a caller is kept for one answer
BIGGEST = 999_999  # of whole numbers taken from an answer
LONGEST_URL = 500
_PRINTABLE = re.compile(r"[!-~]+")
_PORTS = {"https": 443, "http": 80}
_ABSENT = (None, "")


@dataclass(frozen=True, slots=True)
class AskedHost:
    """One of the allow-list.

    `http`: also without TLS; `private`: though its name leads to a private address; `number`: callers'
    numbers may be sent there.
    """

    http: bool = False
    private: bool = False
    number: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A value of the answer: where it stands ("outage.hours"), and what it may be.

    One of the words `one_of`; where that is empty, a whole number from 0 to `most`.
    """

    at: str
    one_of: tuple[str, ...] = ()
    most: int = 0

    def example(self, turn: int = 0) -> str:
        """What it may be, another one with each turn."""
        return self.one_of[turn % len(self.one_of)] if self.one_of else str((turn + 1) % (self.most + 1))

    def read(self, value: object) -> str | None:
        """As a variable holds it; None when it is nothing that it may be."""
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, int) and abs(value) > BIGGEST:
            return None
        text = str(value) if isinstance(value, int | str) else ""
        if self.one_of:
            return text if text in self.one_of else None
        if not text.isascii() or not text.isdigit() or len(text) > len(str(BIGGEST)):
            return None
        return str(int(text)) if int(text) <= self.most else None


class UnfitAnswer(ValueError):
    """The answer holds a value that is nothing it may be. The text names the place, never the value."""


def taken(answer: object, takes: Mapping[str, Taken]) -> dict[str, str] | None:
    """The variables that an answer gives, by name; None when one of them is not in it. Raises UnfitAnswer."""
    found = {name: (each, _at(answer, each.at)) for name, each in takes.items()}
    if any(value in _ABSENT for _, value in found.values()):
        return None
    values = {}
    for name, (each, value) in found.items():
        read = each.read(value)
        if read is None:
            raise UnfitAnswer(each.at)
        values[name] = read
    return values


def _at(answer: object, path: str) -> object:
    for part in path.split("."):
        if isinstance(answer, Mapping):
            answer = answer.get(part)
        elif isinstance(answer, Sequence) and not isinstance(answer, str) and part.isdigit():
            answer = answer[int(part)] if int(part) < len(answer) else None
        else:
            return None
    return answer


def refused(url: str, hosts: Mapping[str, AskedHost] | None, number: bool) -> str:
    """Why that must not be asked, or "". `number`: hers is sent. `hosts` None: any of the right form."""
    parts = _parts(url)
    if parts is None:
        return "must be an address like https://example.ir/path, without a name, password or #"
    if hosts is None:
        return ""
    rules = hosts.get(key_of(parts))
    if rules is None:
        return f"{key_of(parts)} is not among the hosts of enquiries.hosts in the settings"
    if parts.scheme == "http" and not (rules.http or is_loopback(parts.hostname or "")):
        return f"{key_of(parts)} may only be asked by https"
    if number and not rules.number:
        return f"callers' numbers may not be sent to {key_of(parts)}"
    return ""


def _parts(url: str) -> SplitResult | None:
    if len(url) > LONGEST_URL or not _PRINTABLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        fit = bool(parts.hostname) and parts.scheme in _PORTS and parts.port != 0
    except ValueError:
        return None
    return parts if fit and "@" not in parts.netloc and "#" not in url and "\\" not in url else None


def key_of(parts: SplitResult) -> str:
    """The host as the allow-list names it: with its port where that is not the usual one."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


def host_of(url: str) -> str:
    """The same of an address that is not `refused`."""
    return key_of(urlsplit(url))


def is_loopback(host: str) -> bool:
    """Whether that name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
