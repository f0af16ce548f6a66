"""A telephone in the browser: what its page is told so that it can call over Asterisk's WebSocket."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Telephone:
    """`url` of the WebSocket, `user` and `secret` of the endpoint, and the `extension` of the hotline."""

    url: str
    user: str
    secret: str = field(repr=False)
    extension: str

    @property
    def origin(self) -> str:
        """For the content security policy."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"
