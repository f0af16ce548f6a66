"""What every way out shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class NotSent(Exception):
    """A letter was not accepted; the text is one sentence without personal data.

    `for_good`: trying again would not help.
    """

    def __init__(self, text: str, for_good: bool = False) -> None:
        super().__init__(text)
        self.for_good = for_good


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


TRY_LATER = frozenset({408, 409, 425, 429})
# Our key, account or credit, and no letter's fault: mended, each is taken. 418: no credit, at Kavenegar.
OF_US = frozenset({401, 402, 403, 407, 418})


def is_for_good(status: int) -> bool:
    """Whether an HTTP status says that the same request will never be accepted."""
    return 300 <= status < 500 and status not in TRY_LATER | OF_US
