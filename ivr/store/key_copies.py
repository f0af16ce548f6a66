"""Which keys of a key file would outlive its disk: closed for a holder's key, or copied by somebody.

The closed copy (`escrow/recordings.age`) goes into every backup; `age -d -i identity escrow/recordings.age`
is the key file. What somebody confirmed stands beside the key file, by name and hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.store import age
from ivr.store.envelope import KeyMissing
from ivr.store.flushing import put
from ivr.store.key_file import KeyFile, split

FOLDER = "escrow"
_CLOSED, _TOLD = "recordings.age", "recordings.json"


@dataclass(frozen=True, slots=True)
class KeyCopies:
    """`recipients`: public keys. `places`: folders for the closed copies, the one that is backed up first."""

    keys: KeyFile
    recipients: tuple[str, ...]
    places: tuple[Path, ...]

    def keep(self) -> None:
        """See to the closed copies. Raises OSError, AgeError, and KeyMissing rather than forget a key."""
        names = sorted(self.keys.current())
        if names and self.recipients and (why := self.forgotten()):
            raise KeyMissing(why)
        for place in self.places if names and self.recipients else ():
            told = _read(place / _TOLD)
            if told.get("keys") == names and self._is_whole(place, told):
                continue
            closed = age.close(_text(self.keys).encode(), age.recipients(self.recipients))
            put(place / _CLOSED, closed)
            told = {"for": list(self.recipients), "keys": names, "sha256": hashlib.sha256(closed).hexdigest()}
            put(place / _TOLD, json.dumps(told).encode())

    def known(self) -> set[str]:
        """The keys of which there is a copy elsewhere."""
        hashes = _hashes(self.keys)
        kept = _read(self._confirmed)
        known = {name for name, hashed in hashes.items() if kept.get(name) == hashed}
        told = _read(self.places[0] / _TOLD)
        if self.recipients and self._is_whole(self.places[0], told):
            known |= set(told["keys"]) & set(hashes)
        return known

    def _is_whole(self, place: Path, told: Mapping[str, Any]) -> bool:
        """Whether the closed copy there is the one that was told of, for those who are to have it."""
        try:
            closed = (place / _CLOSED).read_bytes()
        except FileNotFoundError:
            return False
        same = told.get("sha256") == hashlib.sha256(closed).hexdigest()
        return same and told.get("for") == list(self.recipients)

    def forgotten(self) -> str:
        """Which keys of a closed copy the file lacks, in one sentence; "" for none. Raises OSError."""
        here = set(self.keys.current())
        for place in self.places:
            gone = sorted(set(_read(place / _TOLD).get("keys", ())) - here)
            if gone and (place / _CLOSED).is_file():
                text = f"{place / _CLOSED} holds {', '.join(gone)}, which {self.keys.path} lacks"
                return f"{text}: ivr keys recover"
        return ""

    def lacking(self) -> str:
        """Why nothing may be closed with the newest key, in one sentence; "" when it may. Raises OSError."""
        try:
            age.recipients(self.recipients)
        except age.AgeError as error:  # nothing is closed for the others, either
            return f"at_rest.recipients: {error}"
        newest = self.keys.newest
        if newest and newest in self.known():
            return ""
        if why := self.forgotten():
            return why
        if not newest:
            return f"there is no key in {self.keys.path}: ivr keys new; the one that was, by ivr keys recover"
        return f"no copy of the key {newest} is known elsewhere: at_rest.recipients, or ivr keys kept COPY"

    def confirm(self, copy: str) -> list[str]:
        """Somebody shows a copy of the key file. The names that are known elsewhere by it. Raises OSError."""
        shown = {name: _hash(key) for name, key in split(copy).items()}
        there = {name: hashed for name, hashed in _hashes(self.keys).items() if shown.get(name) == hashed}
        put(self._confirmed, json.dumps({**_read(self._confirmed), **there}).encode())
        return sorted(there)

    def recover(self, identities: Sequence[Any]) -> list[str]:
        """Bring back what the holder's key opens. The names that lacked. Raises OSError and AgeError."""
        path, here = self.keys.path, dict(split(_text(self.keys)))
        assert path is not None
        found: dict[str, str] = {}
        for place in self.places:
            with suppress(FileNotFoundError):
                closed = (place / _CLOSED).read_bytes()
                found |= split(age.open_(closed, identities).decode("ascii"))
        new = {name: key for name, key in found.items() if name not in here}
        if new:
            lines = [f"{name} {key}\n" for name, key in [*here.items(), *new.items()]]
            put(path, "".join(lines).encode())
        return sorted(new)

    @property
    def closed(self) -> bool:
        """Whether there is a copy that a holder can open."""
        return any((place / _CLOSED).is_file() for place in self.places)

    @property
    def _confirmed(self) -> Path:
        assert self.keys.path is not None
        return self.keys.path.with_name(f"{self.keys.path.name}.kept")


def _text(keys: KeyFile) -> str:
    try:
        return "" if keys.path is None else keys.path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def _hashes(keys: KeyFile) -> dict[str, str]:
    return {name: _hash(key) for name, key in split(_text(keys)).items()}


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
