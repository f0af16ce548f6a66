"""What a WAV says of itself, read back."""

from __future__ import annotations


def info_of(content: bytes) -> dict[str, str]:
    """The words in a WAV's INFO list; {} when it has none."""
    at, found = 12, dict[str, str]()
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if name == b"LIST" and content[at + 8 : at + 12] == b"INFO":
            found |= _entries(content[at + 12 : at + 8 + size])
        at += 8 + size + size % 2
    return found


def _entries(content: bytes) -> dict[str, str]:
    at, found = 0, dict[str, str]()
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        words = content[at + 8 : at + 8 + size].split(b"\0")[0]
        found[content[at : at + 4].decode("ascii", "replace")] = words.decode("utf-8", "replace")
        at += 8 + size + size % 2
    return found
