"""What the page of a case says of a deed by which the case left the body that did it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.web.panel.locale import words
from tests.web.casefile import desk_served


@pytest.mark.parametrize(("deed", "more"), [("onward", {"agency": "edu"}), ("return", {})])
async def test_who_sent_a_case_on_or_back_reads_that_it_was_done_and_not_only_that_it_is_gone(
    engine: AsyncEngine, tmp_path: Path, deed: str, more: dict[str, str]
) -> None:
    async with desk_served(engine, tmp_path) as desk:
        code = await desk.open()
        officer = await desk.panel.signed_in("officer", agency="abfa")
        sent = await officer.post(f"/panel/cases/{code}/{deed}", {"reason": "از ما نیست", **more})
        assert sent.status == 303
        done, gone = words()(f"casefile.done.{deed}"), words()("casefile.sent_on.text")
        told = await officer.get(sent.headers["Location"])
        page = await told.text()
        assert (told.status, done in page, gone in page) == (200, True, True)
        untrue = await officer.get(f"/panel/cases/{code}?done=close")
        assert (untrue.status, words()("casefile.done.close") in await untrue.text()) == (404, False)
        later = await officer.get(f"/panel/cases/{code}")
        page = await later.text()
        assert (later.status, done in page, gone in page) == (404, False, True)
        stranger = await desk.panel.signed_in("officer", agency="tamin")
        assert (await stranger.get(sent.headers["Location"])).status == 404, "who never had it"


async def test_who_merges_into_a_mistyped_code_of_ten_digits_is_not_asked_for_ten_digits(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with desk_served(engine, tmp_path) as desk:
        code = await desk.open()
        supervisor = await desk.panel.signed_in("supervisor")
        wrong = {"into": f"{code[:-1]}{(int(code[-1]) + 1) % 10}", "reason": "یک موضوع است"}
        refused = await supervisor.post(f"/panel/cases/{code}/merge", wrong)
        assert refused.status == 422 and "این کد درست نیست" in await refused.text()
