"""A browser that signed in before with a name has tries of its own: nobody else's wrong ones shut it out.

Its cookie holds a mark for each name, made with the hash of that person's password as key: nothing is kept
here, a mark can't be made up, and a new password ends all marks. It opens nothing by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

MOST = 5  # names that share a browser
_MARK = re.compile(r"[0-9a-f]{16}[0-9a-f]{32}", re.ASCII)


def mark_of(marks: str, name: str, password_hash: str) -> str:
    """Which mark of the cookie is this name's; "" when none is."""
    for mark in _marks(marks):
        if hmac.compare_digest(mark, _made(mark[:16], name, password_hash)):
            return mark
    return ""


def remembering(marks: str, name: str, password_hash: str) -> str:
    """What the cookie holds after this name signed in; the oldest make room."""
    mark = mark_of(marks, name, password_hash) or _made(secrets.token_hex(8), name, password_hash)
    others = [each for each in _marks(marks) if each != mark]
    return ".".join([mark, *others][:MOST])


def _marks(marks: str) -> list[str]:
    return [each for each in marks[:500].split(".") if _MARK.fullmatch(each)][:MOST]


def _made(nonce: str, name: str, password_hash: str) -> str:
    made = hmac.digest(password_hash.encode(), f"browser/{nonce}/{name}".encode(), hashlib.sha256)
    return nonce + made.hex()[:32]
