"""The panel's menu, in this order. An entry shows once its route exists, to whoever may use it."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.desk.people.people import Person
from ivr.web.panel.permissions import ROUTES, may
from ivr.web.panel.permissions import Permission as P


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """`word`: key of its name. `icon`: id in static/icons.svg. Paths below its own are marked too."""

    route: str
    word: str
    icon: str
    permission: P


NAVIGATION = (
    NavigationEntry("inbox", "common.nav.inbox", "inbox", P.CASES_SEE),
    NavigationEntry("desk", "common.nav.desk", "edit", P.CASES_OPEN),
    NavigationEntry("meetings", "common.nav.meetings", "people", P.MEETINGS_SEE),
    NavigationEntry("openings", "common.nav.openings", "lock", P.OPENINGS_SEE),
    NavigationEntry("numbers", "common.nav.numbers", "chart", P.NUMBERS_SEE),
    NavigationEntry("live", "common.nav.live", "live", P.LIVE_SEE),
    NavigationEntry("menus", "common.nav.menus", "tree", P.MENUS_SEE),
    NavigationEntry("prompts", "common.nav.prompts", "sound", P.PROMPTS_SEE),
    NavigationEntry("admin", "common.nav.admin", "gear", P.BOOKS_SEE),
)


def entries(person: Person) -> list[NavigationEntry]:
    """What they may open."""
    return [each for each in NAVIGATION if each.route in ROUTES and may(person, each.permission)]
