"""What a caller does, written down: one token for each time the call listens. For rehearsals.

`12` keys, `12#` ended by hand, `#`, `*`, `-` silence; `say:TEXT` or `r:5` a recording ended by `#`, `r:5!`
hung up in the middle of it, `r:5~` ended by silence; `answered`, `nobody`, `failed` from the operators;
`found` (`found:hours=3;cut=planned`), `not_found`, `failed` from another system that is asked;
`hangup`, also while something is said, which `.` hears to its end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ivr.voice.actions import Action, Ask, Enquire, Operator, Record, Say
from ivr.voice.events import (
    Ended,
    Enquired,
    EnquiryResult,
    Event,
    HungUp,
    Keys,
    Recorded,
    Said,
    Transfer,
    Transferred,
)
from ivr.voice.well_desk import examples

SILENCE = "-"
HEAR = "."
HANG_UP = "hangup"
LEGEND = (
    "use digits, #, *, - (silence), . (hear out), say:TEXT, r:SECONDS, answered, nobody, failed, found, "
    "not_found, hangup"
)
SECONDS_PER_WORD = 0.5
LEAST_SECONDS = 2.0  # of words that were typed: as long as the default menu asks for
_KEYS = re.compile(r"[0-9*]{1,30}#?|#")
_WORDS = re.compile(r"r:(?P<seconds>[0-9]{1,4}(\.[0-9])?)(?P<end>[!~]?)|say:(?P<text>.+)", re.DOTALL)
_FOUND = re.compile(r"found(:(?P<values>[^;=]+=[^;=]+(;[^;=]+=[^;=]+)*))?")
_ENDS = {"": Ended.HASH, "!": Ended.HANGUP, "~": Ended.SILENCE}


class KeysMistake(ValueError):
    """A token that means nothing, or nothing at this point. The text is one sentence naming it."""


def checked(tokens: Sequence[str]) -> list[str]:
    """The tokens without their blanks. Raises KeysMistake for the first that means nothing anywhere."""
    found = [token.strip() for token in tokens]
    for place, token in enumerate(found, start=1):
        if not _means_something(token):
            raise KeysMistake(f"key {place}, “{token}”, means nothing: {LEGEND}")
    return found


def _means_something(token: str) -> bool:
    known = token in (SILENCE, HEAR, HANG_UP, *Transfer, EnquiryResult.NOT_FOUND)
    return known or any(pattern.fullmatch(token) for pattern in (_KEYS, _WORDS, _FOUND))


def wanted(action: Action) -> str:
    """What fits this action, in words."""
    match action:
        case Ask(max_keys=most):
            return f"up to {most} keys (0–9, *, #), - for silence, or hangup"
        case Record():
            return "words (say:TEXT or r:SECONDS), - for silence, or hangup"
        case Enquire(takes=takes):
            values = ";".join(f"{name.removeprefix('var.')}=…" for name in takes)
            return f"{f'found:{values}' if values else 'found'}, not_found, failed, one key, or hangup"
        case _:
            return "nothing"


def answer(action: Action, token: str, name: str = "") -> Event | None:
    """The event that `token` is for this action, None when it does not fit. `name` for a recording."""
    match action:
        case Ask():
            return HungUp() if token == HANG_UP else _keys(action, token)
        case Say():
            return HungUp() if token == HANG_UP else _heard(action, token)
        case Record():
            return _recorded(action, token, name)
        case Enquire():
            return _enquired(action, token)
        case Operator():
            if token == HANG_UP:
                return HungUp()
            return Transferred(Transfer(token)) if token in set(Transfer) else None
        case _:
            return None


def _keys(action: Ask, token: str) -> Keys | None:
    pressed = token.removesuffix("#")
    if token == SILENCE:
        return Keys("", Ended.TIMEOUT)
    if not _KEYS.fullmatch(token) or len(pressed) > action.max_keys:
        return None
    if len(pressed) == action.max_keys:
        return Keys(pressed, Ended.FULL)
    return Keys(pressed, Ended.HASH if token.endswith("#") else Ended.TIMEOUT)


def _heard(action: Say, token: str) -> Said | None:
    if token == HEAR:
        return Said()
    is_key = len(token) == 1 and _KEYS.fullmatch(token)
    return Said(token) if action.barge_in and is_key else None


def _enquired(action: Enquire, token: str) -> Event | None:
    if token == HANG_UP:
        return HungUp()
    if token in (EnquiryResult.NOT_FOUND, EnquiryResult.FAILED):
        return Enquired(EnquiryResult(token))
    if len(token) == 1 and _KEYS.fullmatch(token):
        return Enquired(EnquiryResult.SKIPPED, key=token)
    told = _FOUND.fullmatch(token)
    if told is None:
        return None
    found = dict(examples(action).values)
    for name, _, value in (pair.partition("=") for pair in (told["values"] or "").split(";") if pair):
        wanted = action.takes.get(f"var.{name}")
        if wanted is None or wanted.read(value) is None:
            return None
        found[f"var.{name}"] = value
    return Enquired(EnquiryResult.FOUND, found)


def _recorded(action: Record, token: str, name: str) -> Recorded | None:
    if token == SILENCE:
        return Recorded(name, action.silence_seconds, 0.0, Ended.SILENCE)
    words = _WORDS.fullmatch("r:0!" if token == HANG_UP else token)
    if words is None:
        return None
    spoken = len((words["text"] or "").split()) * SECONDS_PER_WORD
    seconds = float(words["seconds"] or max(LEAST_SECONDS, spoken))
    if seconds >= action.max_seconds:
        return Recorded(name, action.max_seconds, action.max_seconds, Ended.LIMIT)
    ended = _ENDS[words["end"] or ""]
    quiet = action.silence_seconds if ended is Ended.SILENCE else 0.0
    return Recorded(name, seconds + quiet, seconds, ended)
