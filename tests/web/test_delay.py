"""One delay, one number, on case page, inbox and letter; each letter that is offered is there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.delay import Pace
from ivr.desk.case import answers, pausing, referring
from ivr.desk.deadlines.escalating import sweep
from tests.desk.counter import Counter, counter
from tests.fixtures.database import SEED
from tests.web.panel import Client, PanelServed, panel_served

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
LINK = re.compile(r'href="(/panel/cases/\d+/letters/(\w+)\.pdf)"')


@pytest.fixture
async def panel(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[PanelServed]:
    async with panel_served(engine, tmp_path, seed=SEED) as served:
        yield served


async def letters(client: Client, code: str) -> dict[str, str]:
    """Those that the case page offers: kind → address."""
    return {kind: address for address, kind in LINK.findall(await client.text(f"/panel/cases/{code}"))}


async def printed(client: Client, address: str) -> str:
    answer = await client.http.get(address)
    assert answer.status == 200, address
    pdf = pypdfium2.PdfDocument(await answer.read())  # type: ignore[no-untyped-call]
    return " ".join("".join(page.get_textpage().get_text_range() for page in pdf).split())


async def overdue(panel: PanelServed, at: Counter, days: int) -> str:
    code = await at.open("water.bill")
    panel.clock.now = at.later(days)
    await sweep(at.engine, at.page, at.at)
    return code


async def test_case_inbox_and_letter_tell_one_delay_in_working_days(panel: PanelServed) -> None:
    at = await counter(panel.engine)
    code = await overdue(panel, at, 38)
    its = at.page.standing(await at.row(code), at.at)
    calendar_days = (at.at - (await at.row(code)).due_at).days
    assert its.pace is Pace.LATE and 15 < its.days < calendar_days
    told = f"{its.days} روز کاری".translate(PERSIAN)
    office = await panel.signed_in("supervisor")
    case = await office.text(f"/panel/cases/{code}")
    inbox = await office.text("/panel/inbox?queue=overdue")
    letter = await printed(office, (await letters(office, code))["reminder"])
    for page in (case, inbox, letter):
        assert told in page
    assert f"{told} معوق" in case and f"{told} معوق" in inbox


async def test_over_a_weekend_a_case_is_late_without_a_number(panel: PanelServed) -> None:
    at = await counter(panel.engine)
    days = at.page.deadlines["water.bill"]
    while at.page.calendar.due_at(at.at, days, "ahar").weekday() != 2:  # a Wednesday
        at.later()
    code = await at.open("water.bill")
    panel.clock.now = (await at.row(code)).due_at + timedelta(hours=9)
    office = await panel.signed_in("supervisor")
    for address in (f"/panel/cases/{code}", "/panel/inbox?queue=overdue"):
        page = await office.text(address)
        assert "مهلت گذشته" in page and "روز کاری معوق" not in page


async def test_every_letter_that_is_offered_can_be_printed_and_none_is_hidden(panel: PanelServed) -> None:
    at = await counter(panel.engine)
    fresh, back, answered = [await at.open("water.bill") for _ in range(3)]
    await referring.give_back(at.engine, at.page, at.ask(back, "abfa", "کار ما نیست"))
    late = await overdue(panel, at, 38)
    await answers.give(at.engine, at.page, at.ask(answered, "abfa"), "درست شد")
    office = await panel.signed_in("supervisor")
    found = {code: await letters(office, code) for code in (fresh, back, answered, late)}
    assert set(found[late]) == {"referral", "reminder", "escalation"}
    assert set(found[back]) == {"reminder", "escalation"}, "a referral to whoever has it not is no letter"
    assert set(found[answered]) == {"referral", "escalation"}, "nobody reminds of what is answered"
    for its in found.values():
        for address in its.values():
            assert (await office.get(address)).status == 200, address


async def test_a_letter_without_words_or_with_a_broken_file_is_not_offered(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    letters_file = tmp_path / "letters.yaml"
    letters_file.write_text(
        'letters:\n  referral:\n    to: "{agency}"\n    subject: "x"\n    text: ["x"]\n', encoding="utf-8"
    )
    async with panel_served(engine, tmp_path, seed=tmp_path) as served:
        code = await (await counter(engine)).open()
        office = await served.signed_in("supervisor")
        assert set(await letters(office, code)) == {"referral"}
        letters_file.write_text("letters: 7\n", encoding="utf-8")
        assert await letters(office, code) == {}


async def test_an_escalation_letter_stays_what_it_was_when_the_deadline_moves(panel: PanelServed) -> None:
    at = await counter(panel.engine)
    code = await overdue(panel, at, 38)
    office = await panel.signed_in("supervisor")
    address = (await letters(office, code))["escalation"]
    before = await printed(office, address)
    await pausing.pause(at.engine, at.page, at.ask(code, "desk", "منتظر مدارک"), days=5)
    assert await printed(office, address) == before
