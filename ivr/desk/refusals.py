"""Why the desk does not do what it is asked. The text is one sentence for the person who asked."""

from __future__ import annotations


class Refused(Exception):
    """What is asked is not possible as things stand."""


class NoSuchCase(Refused):
    """The code belongs to no case."""
