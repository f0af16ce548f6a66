"""What Asterisk says about the caller, made safe to keep and to show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ivr.voice.events import Caller

_NUMBER = re.compile(r"\+?[0-9*#]{1,32}").fullmatch
_SEPARATORS = str.maketrans("", "", "-.() /\N{NO-BREAK SPACE}")  # what exchanges put into numbers for the eye
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_OWN = 7  # digits at the end of a number, at least, by which it is somebody's
_NOBODY = frozenset({"anonymous", "private", "restricted", "unavailable", "unknown", "withheld"})
_RESTRICTED = 0x20  # callingpres: the bits 0x60 hold 0 allowed, 0x20 restricted, 0x40 unavailable


def caller(variables: Mapping[str, str], now: datetime) -> Caller:
    """The caller, from the `agi_` variables.

    `number` is "" when it is withheld or is no number; `name` is "" when it has no letter or has the number,
    has no control characters and is valid Unicode whatever the network sent, for a database to take.
    """
    number = _known(variables, "agi_callerid")
    name = _known(variables, "agi_calleridname")
    hers = _digits(number)[-_OWN:]
    bare = number.translate(_SEPARATORS)
    if _NUMBER(bare):
        number = bare
    else:
        number, name = "", name or number
    if _withheld(variables.get("agi_callingpres", "")):
        number = ""
    if not any(map(str.isalpha, name)) or (len(hers) == _OWN and hers in _digits(name)):
        name = ""  # but her number, put there for want of a name, maybe behind a word; fewer are shown that
    if not number and name.casefold() in _NOBODY:
        name = ""  # the network's word for a number that is withheld
    return Caller(number=number, now=now, name=name)


def _digits(text: str) -> str:
    return "".join(str(int(each)) for each in text if each.isdecimal())


def _known(variables: Mapping[str, str], key: str) -> str:
    value = variables.get(key, "")
    return "" if value == "unknown" else clean(value)


def _withheld(presentation: str) -> bool:
    return presentation.isascii() and presentation.isdigit() and int(presentation[:4]) & 0x60 == _RESTRICTED


def clean(text: str) -> str:
    """Without control characters; bytes that were no UTF-8 become the replacement character."""
    if text.isascii() and text.isprintable():
        return text.strip()
    valid = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROL.sub(" ", valid).strip()
