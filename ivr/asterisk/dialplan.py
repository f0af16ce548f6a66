"""Asterisk's side, rendered from the templates in dialplan/: a whole configuration, or include files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel

from ivr.settings import ROOT, Agi, Settings
from ivr.voice.saying import GAP, LONG_PAUSE, dictated
from ivr.voice.wave import HEADER_BYTES

TEMPLATES = ROOT / "dialplan"
FIRST_SECONDS = 10  # within which a server takes the call; one that is frozen says nothing
CALL_SECONDS = 1_800  # the absolute time-out: longer than the longest way through the menu
CALLBACK_SECONDS = 900  # the same for a call of ours
# … and for a talk with an operator, beside the longest wait for one: as long as one with an official. With an
# hour's wait, the most that a tree may say, no call is longer than ivr/desk/facts/righting.py takes it to be.
TALK_SECONDS = 1_800
SUPERVISING_SECONDS = 3_600  # and for a supervisor who listens, or talks to a caller
RTP_SECONDS, HOLD_SECONDS = 25, 180  # without a packet, until a telephone counts as gone; on hold
RECORD_SECONDS, SILENCE_SECONDS = 180, 8
LEAST_BYTES = HEADER_BYTES + 8_000  # half a second: a shorter file holds no word, or its disk is full
LEAST_BALLAST = 1 << 20  # a disk that is running short has less (ivr.store.room)

# What Asterisk plays by itself, apart from any menu.
FALLBACK_PROMPTS = (
    "fallback.apology", "fallback.kept", "fallback.thanks", "fallback.thanks_no_call", "fallback.not_kept",
    "fallback.callback", "record.failed", "beep", "live.ended",
)  # fmt: skip
# The code of a caller whose server died: digit by digit, as the server would dictate it.
CODE_PROMPTS = (
    "code.ready", "code.is", "code.once_more", GAP, LONG_PAUSE, *(f"digit.{digit}" for digit in range(10)),
)  # fmt: skip
DICTATED = tuple(re.sub(r"\d", r"${IVR_CHOSEN:\g<0>:1}", str(id)) for id in dictated("0123456789", ""))
QUEUE_PROMPTS = ("queue.youarenext", "queue.thereare", "queue.callswaiting", "queue.thankyou")
# The position in the queue: `digits/N` to Asterisk, linked to our numbers (announce-position-limit = 20).
QUEUE_NUMBERS = tuple(f"number.{position}" for position in range(1, 21))
PROMPTS = frozenset(FALLBACK_PROMPTS + CODE_PROMPTS + QUEUE_PROMPTS + QUEUE_NUMBERS)

# Files that Asterisk complains about when they are missing; its defaults serve us.
EMPTY = (
    "acl", "ccss", "cel", "features", "pjproject", "queuerules", "stasis", "udptl", "websocket_client",
)  # fmt: skip

# Nothing of these can be quoted in Asterisk's files: they end a line, a value, an argument or an expression.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f;,\[\](){}$\"'\\<>|]")


class DialplanError(Exception):
    """A value can't be written into Asterisk's configuration; the text names it."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What Asterisk and we know of each other. `sip`, `desk`: passwords of the citizens' and of the
    supervisors' telephone in the browser.
    """

    agi: str = field(repr=False)
    ami: str = field(repr=False)
    originate: str = field(repr=False)
    sip: str = field(repr=False)
    desk: str = field(repr=False)


def render(
    kind: Literal["lab", "production"], settings: Settings, secrets: Secrets, out: Path,
    *, modules: Path | None = None,
) -> list[Path]:  # fmt: skip
    """Write the files into `out`, mode 640, and make the folders they name. Returns what was written.

    `modules` is Asterisk's module folder where it is not the one compiled in. Raises DialplanError.
    """
    values = _values(settings, secrets, out, modules)
    _check(values)
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for template in sorted((TEMPLATES / kind).glob("*.j2")):
        text = templates.get_template(f"{kind}/{template.name}").render(values)
        written.append(_write(out / template.stem, text))
    if kind == "lab":
        written += [_write(out / f"{name}.conf", "; Asterisk's defaults.\n") for name in EMPTY]
    (settings.state_path / "fallback").mkdir(parents=True, exist_ok=True)
    if second := settings.second_path:
        (second / "fallback").mkdir(parents=True, exist_ok=True)
    return written


def _values(settings: Settings, secrets: Secrets, out: Path, modules: Path | None) -> dict[str, object]:
    return {
        "extension": settings.calls.extension,
        "numbers": tuple(settings.calls.trees),
        "language": settings.calls.languages[0],
        "agi": settings.agi,
        "servers": (settings.agi, *settings.agi.others),
        "ami": settings.ami,
        "admitted": _admitted(settings.agi),
        "named": tuple(host for host in _elsewhere(settings.agi) if not _is_address(host)),
        "sip": settings.sip,
        "ws": settings.ws,
        "phone": settings.browser_phone,
        "rtp": settings.rtp,
        "secrets": secrets,
        "etc": out.resolve(),
        "home": settings.state_path / "asterisk",
        "modules": modules or "",
        "recordings": settings.recordings,
        "fallback": settings.state_path / "fallback",
        "second_fallback": settings.second_path and settings.second_path / "fallback",
        "second_recordings": settings.second_path and settings.second_path / "recordings",
        "least_ballast": LEAST_BALLAST,
        "least_bytes": LEAST_BYTES,
        "music": settings.sounds / "moh",
        "first_seconds": FIRST_SECONDS + 2 * len(settings.agi.others),  # a dead machine costs two
        "calls_back": bool(settings.callbacks.dial),
        "call_seconds": CALL_SECONDS,
        "callback_seconds": CALLBACK_SECONDS,
        "supervising_seconds": SUPERVISING_SECONDS,
        "rtp_seconds": RTP_SECONDS,
        "hold_seconds": HOLD_SECONDS,
        "record_seconds": RECORD_SECONDS,
        "silence_seconds": SILENCE_SECONDS,
        "dictated": lambda: DICTATED,
        "prompt": lambda id: f"{settings.sounds}/${{IVR_LANGUAGE}}/{id.replace('.', '/')}",
        # A queue has no variables: the path is relative, so that the channel's language is put before it.
        "queue_prompt": lambda id: f"seda111/{id.replace('.', '/')}",
    }


def _admitted(agi: Agi) -> tuple[str, ...]:
    """The servers elsewhere, whom Asterisk's manager lets in beside this machine: it lets in no name."""
    found = map(ip_address, filter(_is_address, _elsewhere(agi)))
    return tuple(
        f"{address}/{address.max_prefixlen}"
        for address in found
        if not (address.is_loopback or address.is_unspecified)
    )


def _elsewhere(agi: Agi) -> list[str]:
    hosts = (agi.host, *(server.host for server in agi.others))
    return [host for host in hosts if host != "localhost"]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _check(values: Mapping[str, object]) -> None:
    for key, text in _texts("", values):
        if unsafe := _UNSAFE.search(text):
            raise DialplanError(f"{key} holds {unsafe[0]!r}, which can't stand in Asterisk's files")


def _texts(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text in the values with its dotted key; secrets and settings are looked into."""
    if isinstance(value, str | Path):
        yield key, str(value)
    elif isinstance(value, Secrets):
        yield from ((f"secrets.{name}", getattr(value, name)) for name in Secrets.__slots__)
    elif isinstance(value, BaseModel):
        yield from _texts(key, {name: inner for name, inner in value if "secret" not in name})
    elif isinstance(value, tuple):
        yield from _texts(key, {str(n): inner for n, inner in enumerate(value)})
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(f"{key}.{name}".lstrip("."), inner)


def _write(path: Path, text: str) -> Path:
    """Whole or not at all, also after a power cut, and never readable by others: some hold secrets."""
    unfinished = path.with_name(path.name + ".new")
    try:
        unfinished.touch(mode=0o640)
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:  # a write's own names no file
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    return path
