"""Text messages, mail and webhooks against real servers."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import json
import logging
import quopri
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest

from ivr.desk.letters import notices
from ivr.notify.mail import Mail
from ivr.notify.post import Dispatch, NotSent
from ivr.notify.sms import ConsoleSms, HttpSms
from ivr.notify.webhook import Webhook
from ivr.settings import ROOT, Email, Notify, Sms
from tests.fixtures.database import SEED
from tests.notify.servers import http_server, piecemeal_server, scripted_smtp_server, smtp_server

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)

TEXT = 'آب «وصل» شد. "100%" & {number}\n۱۱۱'
LETTER = Dispatch("0b8e4a0c", "sms", "+989141234567", {"text": TEXT, "to": "+989141234567"})

What = tuple[bool, bool]  # whether it is for good, and whether it is of us
FOR_GOOD, OF_US, LATER = (True, False), (False, True), (False, False)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def sms(**form: Any) -> Sms:
    return Sms(by="http", **form)


# --- text messages, in the forms of the common gateways


async def test_a_gateway_that_takes_everything_in_the_address(session: aiohttp.ClientSession) -> None:
    async with http_server((200, '{"return": {"status": 200, "message": "ok"}}')) as server:
        url = server.url + "/v1/{secret}/sms/send.json?receptor={number}&message={text}&localid={id}"
        form = sms(method="GET", url=url, secret="k/1", ok_field="return.status", ok_value="200")
        await HttpSms(session, form).send(LETTER)
    [request] = server.requests
    assert request["url"].startswith("/v1/k%2F1/sms/send.json?") and request["method"] == "GET"
    assert request["query"] == {"receptor": "09141234567", "message": TEXT, "localid": "0b8e4a0c"}


async def test_a_gateway_that_takes_json(session: aiohttp.ClientSession) -> None:
    async with http_server((200, '{"status": 1}')) as server:
        form = sms(
            url=server.url, secret="top",
            headers={"X-API-KEY": "{secret}", "Content-Type": "application/json"},
            body='{"lineNumber": 3000, "messageText": "{text}", "mobiles": ["{number}"]}',
            number="plain", ok_field="status", ok_value="1",
        )  # fmt: skip
        await HttpSms(session, form).send(LETTER)
    [request] = server.requests
    assert request["headers"]["X-API-KEY"] == "top"
    assert json.loads(request["body"]) == {
        "lineNumber": 3000, "messageText": TEXT, "mobiles": ["989141234567"],
    }  # fmt: skip


async def test_a_gateway_that_takes_a_form_and_answers_in_words(session: aiohttp.ClientSession) -> None:
    async with http_server((200, "OK: 12")) as server:
        form = sms(
            url=server.url, headers={"Content-Type": "application/x-www-form-urlencoded"},
            body="to={number}&text={text}", number="international", ok_pattern="^OK",
        )  # fmt: skip
        await HttpSms(session, form).send(LETTER)
    assert parse_qs(server.requests[0]["body"]) == {"to": ["+989141234567"], "text": [TEXT]}


@pytest.mark.parametrize(
    ("pieces", "cut"),
    [
        (('{"return": ', '{"status": 200}}'), False),
        (('{"return": {"status": 200}}',), True),
        (('{"return": ', '{"status": 200}}'), True),
    ],
)
async def test_a_yes_that_comes_in_pieces_or_is_cut_off_after_it_is_a_yes(
    session: aiohttp.ClientSession, pieces: tuple[str, ...], cut: bool
) -> None:
    async with piecemeal_server(*pieces, cut=cut) as url:
        form = sms(url=url + "/{text}", ok_field="return.status", ok_value="200")
        await HttpSms(session, form).send(LETTER)


SLOW, TOO_LONG = 4.0, 21.0  # a way has twenty seconds for a letter (`notify.seconds`)


@pytest.mark.parametrize(
    ("pieces", "asked"),
    [
        (('{"return": {"status": 200}}',), {"ok_field": "return.status", "ok_value": "200"}),
        ((SLOW, '{"return": ', '{"status": 200}}'), {"ok_field": "return.status", "ok_value": "200"}),
        (('{"return": ', SLOW, '{"status": 200}}'), {"ok_field": "return.status", "ok_value": "200"}),
        ((), {}),
    ],
    ids=["stalls after it", "comes late", "halts before it", "nothing is asked of it"],
)
async def test_a_yes_whose_end_never_comes_is_a_yes(
    session: aiohttp.ClientSession, pieces: tuple[str | float, ...], asked: dict[str, str]
) -> None:
    async with piecemeal_server(*pieces, SLOW, TOO_LONG, cut=True) as url, asyncio.timeout(Notify().seconds):
        await HttpSms(session, sms(url=url + "/{text}", **asked)).send(LETTER)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ((500, ""), LATER),
        ((429, ""), LATER),
        ((401, ""), OF_US),
        ((402, ""), OF_US),
        ((403, ""), OF_US),
        ((412, ""), OF_US),
        ((416, ""), OF_US),
        ((418, ""), OF_US),
        ((426, ""), OF_US),
        ((427, ""), OF_US),
        ((451, ""), LATER),
        ((400, ""), FOR_GOOD),
        ((411, ""), FOR_GOOD),
        ((302, ""), FOR_GOOD),
        ((200, '{"s": 2}'), LATER),
    ],
)
async def test_a_refusal_says_whether_to_try_again(
    session: aiohttp.ClientSession, answer: tuple[int, str], what: What
) -> None:
    async with http_server(answer) as server:
        form = sms(url=server.url + "?{number}{text}", ok_field="s", ok_value="1", secret="hidden")
        with pytest.raises(NotSent) as refusal:
            await HttpSms(session, form).send(LETTER)
    assert (refusal.value.for_good, refusal.value.of_us) == what
    assert "9141234567" not in str(refusal.value) and "hidden" not in str(refusal.value)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ((400, '{"status":102}'), OF_US),
        ((200, '{"status": 12, "data": null}'), OF_US),
        ((400, '{"status":104}'), FOR_GOOD),
        ((200, '{"status":104}'), LATER),
        ((200, '{"status":1, "data": {"packId": "102"}}'), None),
    ],
)
async def test_what_a_gateway_says_of_us_in_the_body_is_no_message_s_fault_whatever_the_status(
    session: aiohttp.ClientSession, answer: tuple[int, str], what: What | None
) -> None:
    [documented] = re.findall(r"of_us_pattern: '(.*?)'", (ROOT / "docs" / "production.md").read_text("utf-8"))
    told: What | None = None
    async with http_server(answer) as server:
        form = sms(url=server.url + "?{text}", ok_field="status", ok_value="1", of_us_pattern=documented)
        try:
            await HttpSms(session, form).send(LETTER)
        except NotSent as refusal:
            told = refusal.for_good, refusal.of_us
    assert told == what


@pytest.mark.parametrize("number", ["+442079460123", "02133334444", "", "0914123456\r\nX"])
async def test_only_iranian_mobiles_get_text_messages(session: aiohttp.ClientSession, number: str) -> None:
    letter = Dispatch("1", "sms", number, {"text": "x"})
    with pytest.raises(NotSent, match="no Iranian mobile"):
        await HttpSms(session, sms(url="http://127.0.0.1:9/{text}")).send(letter)


async def test_the_console_shows_the_text_and_masks_the_number(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await ConsoleSms().send(LETTER)
    assert TEXT in caplog.text and "9141234567" not in caplog.text


# --- mail


def mail(port: int) -> Mail:
    return Mail(Email(host="127.0.0.1", port=port, tls="none", sender="seda@111.example"), 5)


def letter(to: str, subject: str = "۱۱۱: پرونده") -> Dispatch:
    return Dispatch("0b8e4a0c", "email", to, {"text": TEXT, "subject": subject})


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with smtp_server() as server:
        await mail(server.port).send(letter("head@abfa.example", "۱۱۱: پرونده\r\nBcc: a@b.example"))
    [envelope] = server.letters
    assert envelope.rcpt_tos == ["head@abfa.example"]
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert message["Subject"] == "۱۱۱: پرونده Bcc: a@b.example" and message["Bcc"] is None
    assert message["Message-ID"] == "<0b8e4a0c@111.example>"
    assert message.get_content().split() == TEXT.split()


ENCODED = re.compile(rb"=\?utf-8\?([bq])\?([^?]*)\?=")


def subject_of(mail: bytes) -> str:
    """By RFC 2047 to the letter: Python's own parser puts a blank back that its folding lost."""
    [folded] = re.findall(rb"^Subject: ([^\r\n]*(?:\r\n [^\r\n]*)*)", mail.partition(b"\r\n\r\n")[0], re.M)
    assert b"?==?" not in folded
    unfolded = re.sub(rb"\r\n(?= )", b"", folded)
    return ENCODED.sub(_decoded, re.sub(rb"(?<=\?=) +(?==\?)", b"", unfolded)).decode()


def _decoded(word: re.Match[bytes]) -> bytes:
    return base64.b64decode(word[2]) if word[1] == b"b" else quopri.decodestring(word[2], header=True)


async def test_the_subject_of_every_notice_arrives_with_all_its_blanks() -> None:
    its = notices.load(SEED)
    said = [*(each.subject for each in its.notices), *(each.subject for each in its.accounts)]
    texts = [text for one in said for text in (one.values() if isinstance(one, dict) else (one,)) if text]
    subjects = [re.sub(r"\{\w+\}", "1234567890", text) for text in texts]
    assert "۱۱۱: مهلت پروندهٔ 1234567890 رو به پایان است" in subjects
    subjects += [f"{one} / {other}" for one, other in pairwise(subjects)]
    subjects += [
        "Seda 111: Case 1234567890 of the Water and Sewage Company of East Azerbaijan is late",
        "Seda",
    ]
    async with smtp_server() as server:
        for subject in subjects:
            await mail(server.port).send(letter("head@abfa.example", subject))
    assert [subject_of(each.content) for each in server.letters] == subjects
    assert all(len(word[0]) <= 75 for each in server.letters for word in ENCODED.finditer(each.content))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("550 no such user", FOR_GOOD),
        ("550 5.1.1 no such user", FOR_GOOD),
        ("552 5.2.2 mailbox full", FOR_GOOD),
        ("451 try later", LATER),
        ("450 4.1.1 not known yet", LATER),
        ("554 5.7.1 <unknown[10.0.0.9]>: Client host rejected: Access denied", OF_US),
        ("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", OF_US),
        ("550 5.1.8 <seda@111.example>: Sender address rejected: Domain not found", OF_US),
        ("530 Must issue a STARTTLS command first", OF_US),
    ],
)
async def test_a_refused_receiver_is_told_without_the_address(line: str, what: What) -> None:
    async with smtp_server() as server:
        server.refuses["gone@abfa.example"] = line
        with pytest.raises(NotSent) as refusal:
            await mail(server.port).send(letter("gone@abfa.example"))
    assert (refusal.value.for_good, refusal.value.of_us) == what and "abfa" not in str(refusal.value)


HELLO = ("220 here", "250-here\r\n250 AUTH PLAIN")
RECEIVER = (*HELLO, "235 in", "250 ok", "250 ok", "354 go on")


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        (("554 nothing of you",), OF_US),
        ((*HELLO, "535 wrong password"), OF_US),
        ((*HELLO, "235 in", "530 not from you"), OF_US),
        ((*HELLO, "454 later"), LATER),
        ((*RECEIVER, "554 no such letter"), FOR_GOOD),
        ((*RECEIVER, "554 5.7.1 Spam message rejected"), FOR_GOOD),
        ((*RECEIVER, "554 5.7.0 Reject - BANNED"), FOR_GOOD),
        ((*RECEIVER, "550 5.7.60 SMTP; Client does not have permissions to send as this sender"), OF_US),
        ((*RECEIVER, "550 5.7.1 Client does not have permissions to send as this sender"), OF_US),
        ((*RECEIVER, "550 5.7.1 rejected by DMARC policy for 111.example"), OF_US),
        ((*RECEIVER, "550-5.7.1 not accepted due to domain's\r\n550 5.7.1 DMARC policy"), OF_US),
        ((*RECEIVER, "550-5.7.26 not authenticated\r\n550 5.7.26 neither SPF nor DKIM"), OF_US),
        ((*RECEIVER, "451 later"), LATER),
    ],
)
async def test_what_a_mail_server_says_before_the_letter_or_of_the_sender_is_not_the_letter_s_fault(
    answers: tuple[str, ...], what: What
) -> None:
    async with scripted_smtp_server(*answers) as port:
        settings = Email(
            host="127.0.0.1", port=port, tls="none", sender="seda@111.example", username="us", password="pw"
        )
        with pytest.raises(NotSent, match=f"the mail server answered {answers[-1][:3]}") as refusal:
            await Mail(settings, 5).send(letter("head@abfa.example"))
    assert (refusal.value.for_good, refusal.value.of_us) == what


async def test_a_letter_that_is_taken_late_is_taken() -> None:
    script = ("220 here", "250 here", "250 ok", "250 ok", "354 go on", 31.0, "250 taken", "221 bye")
    async with scripted_smtp_server(*script) as port:
        await mail(port).send(letter("head@abfa.example"))


async def test_a_mail_server_that_is_away_is_tried_again() -> None:
    with pytest.raises(NotSent) as refusal:
        await mail(1).send(letter("head@abfa.example"))
    assert not refusal.value.for_good


# --- webhooks


async def test_a_webhook_is_signed_and_bears_its_id(session: aiohttp.ClientSession) -> None:
    async with http_server() as server:
        payload = {"to": server.url, "event": "case_answered", "case": "1234567894", "details": {"x": "ی"}}
        payload |= {"had_by": "abfa", "body": "edu", "nameless": "meeting_order"}  # for us alone
        webhook = Webhook(session, "shared", lambda: NOW)
        await webhook.send(Dispatch("0b8e4a0c", "webhook", server.url, payload))
    [request] = server.requests
    assert json.loads(request["body"]) == {
        "id": "0b8e4a0c", "event": "case_answered", "case": "1234567894", "details": {"x": "ی"},
    }  # fmt: skip
    at, signed = (part.partition("=")[2] for part in request["headers"]["Seda-Signature"].split(","))
    wanted = hmac.new(b"shared", f"{at}.{request['body']}".encode(), hashlib.sha256).hexdigest()
    assert hmac.compare_digest(signed, wanted) and request["headers"]["Idempotency-Key"] == "0b8e4a0c"
    assert at == str(int(NOW.timestamp()))


async def test_unsigned_nothing_is_sent(session: aiohttp.ClientSession) -> None:
    async with http_server() as server:
        with pytest.raises(NotSent, match="webhook_secret is empty"):
            await Webhook(session, "", lambda: NOW).send(Dispatch("1", "webhook", server.url, {}))
    assert server.requests == []
