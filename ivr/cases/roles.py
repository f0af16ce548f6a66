"""Who works with cases. The values are stable names: database, JSON, the panel's words."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    OPERATOR = "operator"  # the service desk: takes cases at the counter and on the phone
    SUPERVISOR = "supervisor"  # the call centre and the inspection office: listens, refers, approves
    OFFICER = "officer"  # of an agency: answers its cases
    HEAD = "head"  # of an agency
    GOVERNOR = "governor"  # the governor's office: looks, holds meetings, gives orders
    ADMIN = "admin"  # people, books, prompts; not the citizens' words
    AUDITOR = "auditor"  # sees everything that was done, changes nothing


OF_THE_DESK = frozenset({Role.OPERATOR, Role.SUPERVISOR})
# Who may be one of the few that open what is confidential, two of them together.
MAY_BE_TRUSTED = frozenset({Role.SUPERVISOR, Role.GOVERNOR, Role.AUDITOR})
OF_AN_AGENCY = frozenset({Role.OFFICER, Role.HEAD})
# To these a citizen's identity can be revealed.
SEE_WHO = frozenset({Role.SUPERVISOR, Role.HEAD, Role.GOVERNOR})
# No admin gives these alone.
GUARDED = SEE_WHO | {Role.ADMIN}
