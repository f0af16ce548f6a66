"""Mail through an SMTP server."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from ivr.notify.post import Dispatch, NotSent
from ivr.settings import Email


class Mail:
    """One connection per letter: mails are few, and a server that restarts costs nothing."""

    def __init__(self, settings: Email, seconds: float) -> None:
        self.settings = settings
        self.seconds = seconds

    async def send(self, letter: Dispatch) -> None:
        settings = self.settings
        try:
            await aiosmtplib.send(
                self._message(letter),
                hostname=settings.host,
                port=settings.port,
                username=settings.username or None,
                password=settings.password or None,
                use_tls=settings.tls == "tls",
                start_tls=settings.tls == "starttls",
                timeout=self.seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = {refused.code for refused in error.recipients}
            raise NotSent(f"the receiver was refused ({_some(codes)})", min(codes) >= 500) from None
        except aiosmtplib.SMTPResponseException as error:
            # The server's own words may repeat the receiver's address. What it says before the letter, as of
            # a wrong password, is about us: mended, the letter is taken.
            for_good = isinstance(error, aiosmtplib.SMTPDataError) and 500 <= error.code < 600
            raise NotSent(f"the mail server answered {error.code}", for_good) from None
        except (aiosmtplib.SMTPException, ValueError) as error:
            raise NotSent(f"the mail was not sent: {type(error).__name__}") from None

    def _message(self, letter: Dispatch) -> EmailMessage:
        message = EmailMessage()
        subject = str(letter.payload.get("subject") or "Seda 111")
        message["From"] = self.settings.sender
        message["To"] = letter.to
        message["Subject"] = " ".join(subject.split())
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{letter.id}@{self.settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message


def _some(codes: set[int]) -> str:
    return ", ".join(map(str, sorted(codes)))
