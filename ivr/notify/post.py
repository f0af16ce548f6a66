"""What every way out shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class NotSent(Exception):
    """A letter was not accepted; the text is one sentence without personal data.

    `for_good`: trying again would not help. `of_us`: it is about our key, account or credit, and no letter's
    fault; mended, each is taken.
    """

    def __init__(self, text: str, for_good: bool = False, of_us: bool = False) -> None:
        super().__init__(text)
        self.for_good, self.of_us = for_good, of_us


@dataclass(frozen=True, slots=True)
class Dispatch:
    """`id` is the same however often it is sent, so that a receiver can know it again."""

    id: str
    kind: str
    to: str
    payload: Mapping[str, Any]

    @property
    def text(self) -> str:
        return str(self.payload.get("text", ""))


class Sender(Protocol):
    async def send(self, letter: Dispatch) -> None:
        """Returns when it was accepted. Raises NotSent; OSError and TimeoutError for the network's faults."""


# At Kavenegar, where it is the status: 412 our line, 416 our IP, 418 no credit, 426 and 427 what our account
# or line may, 451 too often.
TRY_LATER = frozenset({408, 409, 425, 429, 451})
OF_US = frozenset({401, 402, 403, 407, 412, 416, 418, 426, 427})


def refused(who: str, status: int) -> NotSent:
    """What an HTTP status other than 2xx means."""
    of_us = status in OF_US
    for_good = 300 <= status < 500 and status not in TRY_LATER
    return NotSent(f"{who} answered {status}", for_good and not of_us, of_us)
