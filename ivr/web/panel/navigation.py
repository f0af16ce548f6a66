"""The panel's menu, in this order. An entry shows once its route exists, to whoever may use it."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.desk.people.people import Person
from ivr.web.panel.permissions import ROUTES, may
from ivr.web.panel.permissions import Permission as P


@dataclass(frozen=True, slots=True)
class Entry:
    """`word`: key of its name. `icon`: id in static/icons.svg. Paths below its own are marked too."""

    route: str
    word: str
    icon: str
    permission: P


NAVIGATION = (
    Entry("inbox", "common.nav.inbox", "inbox", P.CASES_SEE),
    Entry("desk", "common.nav.desk", "edit", P.CASES_OPEN),
    Entry("meetings", "common.nav.meetings", "people", P.MEETINGS_SEE),
    Entry("openings", "common.nav.openings", "lock", P.OPENINGS_SEE),
    Entry("numbers", "common.nav.numbers", "chart", P.NUMBERS_SEE),
    Entry("live", "common.nav.live", "live", P.LIVE_SEE),
    Entry("menus", "common.nav.menus", "tree", P.MENUS_SEE),
    Entry("prompts", "common.nav.prompts", "sound", P.PROMPTS_SEE),
    Entry("admin", "common.nav.admin", "gear", P.BOOKS_SEE),
)


def entries(person: Person) -> list[Entry]:
    """What they may open."""
    return [each for each in NAVIGATION if each.route in ROUTES and may(person, each.permission)]
