"""Mail through an SMTP server."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from email.header import Header
from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from ivr.notify.post import Dispatch, NotSent
from ivr.settings import Email

# RFC 5321, 4.5.3.2: minutes for each answer, ten for the yes to a letter (Exchange may hold it back half a
# minute). Who waits for less sends again what was taken. All of it is less than an outbox row's lease.
TAKING_SECONDS = 230.0
QUIT_SECONDS = 5.0
LONGEST_SECONDS = TAKING_SECONDS + 2 * QUIT_SECONDS

_ENHANCED = re.compile(r"5\.\d{1,3}\.\d{1,3}\b")
_RECEIVER = re.compile(r"5\.[12]\.(?![78]\b)")  # X.1.7 and X.1.8 are the sender's address
# RFC 3463: X.7 is of policy. Of a letter that was read 5.7.0 and 5.7.1 are a filter's word on it, but old
# Exchange's and OpenDMARC's 5.7.1 on the sender; the others are on who we are (5.7.60 send as, 5.7.26 SPF
# and DKIM).
_NOT_OF_LETTER = re.compile(r"5\.7\.(?![01]\b)\d|5\.7\.1 (?s:.)*(send as this sender|DMARC)")


class Mail:
    """One connection per letter: mails are few, and a server that restarts costs nothing.

    `seconds`: for each answer until we are signed in, so that a server which is away holds nothing up.
    """

    def __init__(self, settings: Email, seconds: float) -> None:
        self.settings = settings
        self.seconds = seconds

    async def send(self, letter: Dispatch) -> None:
        try:
            await self._hand_over(self._message(letter))
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = {refused.code for refused in error.recipients}
            for_good = all(map(_is_of_receiver, error.recipients))
            of_us = not for_good and min(codes) >= 500
            raise NotSent(f"the receiver was refused ({_some(codes)})", for_good, of_us) from None
        except aiosmtplib.SMTPResponseException as error:
            # The server's own words may repeat the receiver's address. What it says before the letter, as of
            # a wrong password, is about us: mended, the letter is taken.
            is_refused, is_read = 500 <= error.code < 600, isinstance(error, aiosmtplib.SMTPDataError)
            of_letter = is_read and not _NOT_OF_LETTER.match(error.message)
            for_good, of_us = is_refused and of_letter, is_refused and not of_letter
            raise NotSent(f"the mail server answered {error.code}", for_good, of_us) from None
        except (aiosmtplib.SMTPException, ValueError) as error:
            raise NotSent(f"the mail was not sent: {type(error).__name__}") from None

    async def _hand_over(self, message: EmailMessage) -> None:
        settings = self.settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password or None,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            timeout=self.seconds,
        )
        try:
            async with asyncio.timeout(TAKING_SECONDS):
                await client.connect()
                await client.send_message(message, timeout=TAKING_SECONDS)
        finally:
            with suppress(Exception):  # the letter is taken, or is not, whatever becomes of the farewell
                await client.quit(timeout=QUIT_SECONDS)
            client.close()

    def _message(self, letter: Dispatch) -> EmailMessage:
        message = EmailMessage()
        subject = " ".join(str(letter.payload.get("subject") or "Seda 111").split())
        message["From"] = self.settings.sender
        message["To"] = letter.to
        if subject.isascii():  # as it is: a root is read from the mails that a witness kept
            message["Subject"] = subject
        else:  # EmailMessage folds a blank between two encoded words away (CPython gh-92081); 75: RFC 2047
            message.set_raw("Subject", Header(subject, "utf-8", 75, "Subject").encode())
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{letter.id}@{self.settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message


def _is_of_receiver(refused: aiosmtplib.SMTPRecipientRefused) -> bool:
    """Whether a refusal at RCPT TO is of that address, and not of us.

    Postfix says there what it has against client, HELO and sender (smtpd_delay_reject), others that they do
    not relay for us. RFC 3463: X.1 is of an address, X.2 of its mailbox, X.7 of policy. Without such a code
    it is of the mailbox by RFC 5321, 4.2.3.
    """
    if _ENHANCED.match(refused.message):
        return _RECEIVER.match(refused.message) is not None
    return 550 <= refused.code <= 553


def _some(codes: set[int]) -> str:
    return ", ".join(map(str, sorted(codes)))
