"""Events for other systems: JSON, signed by HMAC.

`Seda-Signature: t=<seconds since 1970>,v1=<hex>`, where the hex is HMAC-SHA256 of `<t>.<body>` under the
shared secret; `Idempotency-Key` is the event's id, the same when it comes again. `Seda-Signature-Own` is like
the first, under a key of this address alone: who has the shared secret can sign as we do to all the others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime

import aiohttp

from ivr.notify.post import Dispatch, NotSent, refused

_OURS = {"to", "had_by", "body", "nameless"}  # of a row: for whom it is


class Webhook:
    def __init__(self, session: aiohttp.ClientSession, secret: str, clock: Callable[[], datetime]) -> None:
        self.session = session
        self.clock = clock  # this machine's may be wrong, and a receiver takes no signature of another time
        self.secret = secret.encode()

    async def send(self, letter: Dispatch) -> None:
        if not self.secret:
            raise NotSent("notify.webhook_secret is empty, and unsigned nothing is sent", for_good=True)
        told = {name: value for name, value in letter.payload.items() if name not in _OURS}
        body = json.dumps({"id": letter.id, **told}, ensure_ascii=False).encode()
        at = int(self.clock().timestamp())
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": letter.id,
            "Seda-Signature": signature(self.secret, body, at),
            "Seda-Signature-Own": signature(own_key(self.secret, letter.to).encode(), body, at),
        }
        async with self.session.post(letter.to, data=body, headers=headers, allow_redirects=False) as answer:
            if not 200 <= answer.status < 300:
                raise refused("the receiver", answer.status)


def own_key(secret: bytes, to: str) -> str:
    """Of one address, as it is told to whoever receives there (`ivr channel key`)."""
    return hmac.digest(secret, b"to/" + to.encode(), "sha256").hex()


def signature(secret: bytes, body: bytes, at: int) -> str:
    """The header's value."""
    signed = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
