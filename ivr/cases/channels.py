"""The ways by which a case came. No other system's channel may bear one of these names."""

from __future__ import annotations

import re
from enum import StrEnum

from ivr.cases.phone import is_withheld

PHONE = "phone"
DESK = "desk"  # the service desk: somebody wrote it down for the citizen
PART, COLLECTIVE = "part", "collective"
NOBODYS = frozenset({PART, COLLECTIVE})  # of no citizen's own cases: nobody waits to be called about them
CITIZEN = "citizen"  # in a list's filter: every channel but these, by which figures count
RESERVED = frozenset({PHONE, DESK, PART, COLLECTIVE, "ivr", CITIZEN})


class ChannelRight(StrEnum):
    """What another system's channel may do. The values are stable names."""

    CASES = "cases"  # send cases and follow them
    ORDERS = "orders"  # read sessions, their orders and reports
    NAMES = "names"  # and who the citizen is whom an order is about


def tells_number_only(channel: str, caller: str, anonymised: bool) -> bool:
    """Whether the answer is for `caller`, from whose number the case came, and not for a code alone.

    A number that was withheld is none, and one that somebody typed proves nothing: there the code is all.
    Where retention took the number away, nobody can show it any more: the answer is not open to others then.
    """
    return channel == PHONE and (not is_withheld(caller) or anonymised)  # older rows may hold noughts


def without_secrets(webhook: str) -> str:
    """Its address for lists, logs and the audit: what lets one post there may stand in it."""
    address, asks, _ = re.sub(r"//[^/]*@", "//***@", webhook).partition("?")
    return address + ("?***" if asks else "")
