"""An invitation tells the slot she has now and not who she is; an order goes to its body with its day."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, true, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.meetings import MeetingWay
from ivr.desk.letters.formal_letters import LetterKind, write
from ivr.desk.meetings import agenda
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.refusals import Refused
from ivr.store.tables import case_events
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_order_giving import NEAR, ordered
from tests.desk.meetings.test_tiers import county_session, sent_below
from tests.fixtures.database import SEED


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


async def printed(at: Hall, code: str, kind: LetterKind, folder: Path = SEED) -> str:
    found = await write(at.engine, at.page, folder, code, kind, at.at, true())
    return "\n".join((found.to, found.subject, *found.paragraphs))


async def test_the_invitation_is_of_the_slot_she_has_and_there_is_none_without(at: Hall) -> None:
    code = await at.accepted()
    with pytest.raises(Refused):
        await printed(at, code, LetterKind.INVITATION)
    await at.fill(await at.session(slots=1))
    text = await printed(at, code, LetterKind.INVITATION)
    assert "۱۴۰۵/۰۹/۱۰، ۱۱:۳۰" in text and "جا: تالار. لطفاً یک ربع زودتر" in text and "{" not in text
    assert "این دیدار" not in text
    assert "۰۹۱۴" not in text and "09141234567" not in text
    await agenda.release(at.engine, at.page, at.by(code, "نمی‌آید"), LATER)
    with pytest.raises(Refused):
        await printed(at, code, LetterKind.INVITATION)


async def test_the_invitation_names_whom_she_meets_and_calls_no_request_accepted_that_was_sent_below(
    at: Hall,
) -> None:
    """Of which body where many have the rank, and of the governor none."""
    hers, below = await at.accepted(caller="09141234561"), await sent_below(at, 0, "09141234562")
    await at.fill(await at.session(slots=1))
    await at.fill(await county_session(at))
    for code, who in ((hers, "استاندار"), (below, "فرماندار، فرمانداری شهرستان اهر")):
        text = await printed(at, code, LetterKind.INVITATION)
        assert f"\nدیدار با {who}: ۱۴۰۵/۰۹/" in text and "نوبت داده شد" in text and "پذیرفته" not in text


@pytest.mark.parametrize(
    ("way", "said", "link"),
    [(MeetingWay.PHONE, "تلفنی", "041-35551234"), (MeetingWay.VIDEO, "تصویری", "https://didar.example/7")],
)
async def test_who_meets_by_telephone_or_video_reads_number_or_address_and_that_she_comes_nowhere(
    at: Hall, tmp_path: Path, way: MeetingWay, said: str, link: str
) -> None:
    """Also where a place was noted beside. By an older file, which knows {place} alone, the same."""
    code = await at.accepted()
    await at.fill(await at.session(slots=1, way=way, link=link))
    text = await printed(at, code, LetterKind.INVITATION)
    assert f"این دیدار {said} است: {link}" in text.splitlines()
    assert "تالار" not in text and "حاضر شوید" not in text and "{" not in text
    (tmp_path / "letters.yaml").write_text(
        'letters: {invitation: {to: x, subject: y, text: ["جا: {place}"]}}'
    )
    assert (await printed(at, code, LetterKind.INVITATION, tmp_path)).endswith(f"جا: {link}")


async def test_the_hour_of_a_slot_is_the_province_s_also_where_an_older_release_wrote_another_zone_s(
    at: Hall,
) -> None:
    code = await at.accepted()
    await at.fill(await at.session(slots=1))
    elsewhere = func.jsonb_build_object("at", "2026-12-01T08:00:00+00:00")
    invited = update(case_events).where(case_events.c.event == "meeting_invite")
    async with at.engine.begin() as connection:
        await connection.execute(invited.values(details=case_events.c.details.concat(elsewhere)))
    assert "۱۴۰۵/۰۹/۱۰، ۱۱:۳۰" in await printed(at, code, LetterKind.INVITATION)


async def test_an_order_s_letter_tells_its_body_what_and_until_when(at: Hall) -> None:
    code, [part] = await ordered(at, MeetingOrder("abfa", "آب وصل شود", NEAR))
    text = await printed(at, part, LetterKind.ORDER)
    assert text.startswith("شرکت آب و فاضلاب") and "«آب وصل شود»" in text and "۱۴۰۵/۰۹/۱۷" in text
    with pytest.raises(Refused):
        await printed(at, code, LetterKind.ORDER)
