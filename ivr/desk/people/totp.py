"""One-time codes of the second factor: RFC 6238 with SHA-1, six digits, thirty seconds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from urllib.parse import quote

STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1  # steps a telephone's clock may be off
SECRET_BYTES = 20
RECOVERY_CODES = 10


def new_secret() -> str:
    """In base32, as it is typed into an authenticator."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether it is one of ours, as long as they are."""
    try:
        return len(base64.b32decode(text)) == SECRET_BYTES
    except ValueError:
        return False


def code_at(secret: str, step: int) -> str:
    """The code of one step of thirty seconds since 1970."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8), hashlib.sha1)
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(secret: str, code: str, now: datetime, last: int) -> int | None:
    """The step that `code` belongs to, None when it is wrong. Later than `last`: no code works twice.

    Where the clocks are far apart `now` is the database's, and telephones may agree with this machine's.
    """
    return _step_near(secret, code, now, last) or _step_near(secret, code, datetime.now(UTC), last)


def _step_near(secret: str, code: str, now: datetime, last: int) -> int | None:
    current = int(now.timestamp()) // STEP_SECONDS
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):
        if (
            hmac.compare_digest(code_at(secret, step).encode(), code.encode("utf-8", "replace"))
            and step > last
        ):
            found = step
    return found


def address(secret: str, name: str, issuer: str) -> str:
    """What the QR code holds."""
    label = quote(f"{issuer}:{name}")
    return (
        f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer)}&digits={DIGITS}&period={STEP_SECONDS}"
    )


def recovery_codes() -> list[str]:
    """Like "k7mxq-2rw9t": for the day the telephone is lost, each for one sign-in."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    halves = ["".join(secrets.choice(letters) for _ in range(5)) for _ in range(2 * RECOVERY_CODES)]
    return [f"{first}-{second}" for first, second in zip(halves[::2], halves[1::2], strict=True)]


def recovery_hash(code: str) -> str:
    """Fifty bits of chance, and few tries: no slow hash is needed."""
    return hashlib.sha256(code.strip().casefold().encode("utf-8", "replace")).hexdigest()
