"""A rehearsed call up to where its caller has to do something: what `ivr.simulator.walk` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.voice.actions import Action, Sound


@dataclass(frozen=True, slots=True)
class TriedCall:
    """`waits`: what the call waits for there; None: it is over. `outcome`: completed or hung_up.

    `heard`: what is said since her last key, with the language of each. `cases`: what was opened.
    """

    waits: Action | None
    step: str
    language: str
    heard: Sequence[tuple[Sound, str]]
    cases: Sequence[Mapping[str, Any]]
    outcome: str
