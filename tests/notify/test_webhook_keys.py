"""Each receiver of webhooks has a key of its own, which is no other's."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from ivr.notify.post import Dispatch
from ivr.notify.webhook import Webhook
from tests.fixtures.commands import typed
from tests.notify.servers import http_server


async def test_what_is_posted_is_signed_under_the_key_of_its_address_as_the_command_tells_it(
    tmp_path: Path,
) -> None:
    async with http_server() as server, aiohttp.ClientSession() as session:
        webhook, keys = Webhook(session, "shared", lambda: datetime.now(UTC)), []
        for to in (f"{server.url}/abfa", f"{server.url}/bargh"):
            await webhook.send(Dispatch("0b8e4a0c", "webhook", to, {"event": "case_answered"}))
            code, key, _ = await typed(
                "", tmp_path, "channel", "key", to, IVR_NOTIFY__WEBHOOK_SECRET="shared"
            )
            assert code == 0
            keys.append(key.strip())
    for key, request in zip(keys, server.requests, strict=True):
        at, signed = (part.partition("=")[2] for part in request["headers"]["Seda-Signature-Own"].split(","))
        wanted = hmac.new(key.encode(), f"{at}.{request['body']}".encode(), hashlib.sha256).hexdigest()
        assert hmac.compare_digest(signed, wanted)
    assert keys[0] != keys[1] and "shared" not in keys


async def test_without_a_secret_there_is_no_key(tmp_path: Path) -> None:
    code, _, wrong = await typed(
        "", tmp_path, "channel", "key", "https://a.example", IVR_NOTIFY__WEBHOOK_SECRET=""
    )
    assert code == 1 and "webhook_secret is empty" in wrong
