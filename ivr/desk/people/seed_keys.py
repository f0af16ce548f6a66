"""Seeds of second factors, sealed with a key that is not in the database: a copy of it signs nobody in.

AES-256-GCM, bound to the person, so that one row's seed is none in another's.
"""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress
from uuid import UUID

from cryptography.exceptions import InvalidTag

from ivr.desk.refusals import Refused
from ivr.store.key_file import NONCE_BYTES, KeyFile


class SeedUnreadable(Refused):
    """No key in the file opens it."""


class SeedKeys(KeyFile):
    """Without a file seeds stay as they are."""

    def seal(self, seed: str, person: UUID) -> str:
        """As it may be kept."""
        keys = self.current()
        if not keys or not seed:
            return seed
        name, key = next(iter(keys.items()))
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + key.encrypt(nonce, seed.encode(), person.bytes)
        return f"{name}:{base64.b64encode(sealed).decode()}"

    def open(self, kept: str, person: UUID) -> str:
        """The seed. Raises SeedUnreadable."""
        name, sealed, rest = kept.partition(":")
        if not sealed:
            return kept
        key, data = self.current().get(name), base64.b64decode(rest)
        if key is not None:
            with suppress(InvalidTag):
                return key.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], person.bytes).decode()
        raise SeedUnreadable(f"no key {name} in {self.path} opens this second factor")

    def is_current(self, kept: str) -> bool:
        """Whether it is sealed with the newest key; always so without keys."""
        return not self.newest or not kept or kept.startswith(f"{self.newest}:")
