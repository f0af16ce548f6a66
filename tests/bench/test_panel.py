"""Only pages that were seen are measured by `python -m bench.panel`."""

from __future__ import annotations

from datetime import UTC, datetime

from bench.panel.pages import looks
from ivr.desk.reading.inbox import Sight

CODE = "1234567890"


def test_who_is_sent_to_sign_in_has_seen_no_page_and_a_code_may_open_its_case() -> None:
    pages = looks("she", Sight("desk"), datetime.now(UTC), CODE, "+984112345678")
    found = {each.name: each for each in pages}
    code, every = found["she: search code"], found["she: all"]
    assert all(look.is_shown(200, "") and not look.is_shown(404, "") for look in found.values())
    for look in found.values():
        assert not look.is_shown(303, f"/panel/sign-in?next=/panel/inbox?{look.address}")
    assert code.is_shown(303, f"/panel/cases/{CODE}") and not every.is_shown(303, f"/panel/cases/{CODE}")
    assert not every.is_shown(303, "")
