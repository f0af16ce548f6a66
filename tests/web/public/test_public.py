"""The pages that everybody sees: the first one, and a case followed by its code."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import event, update
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.code import code_for, is_valid
from ivr.cases.meetings import RequestState
from ivr.cases.statuses import OPEN, Status
from ivr.cases.transitions import REOPEN
from ivr.desk.case import answers, closing, collecting, splitting
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.registering import Wanted, register
from ivr.desk.case.splitting import Part
from ivr.desk.counter import questions, tracking
from ivr.desk.counter.tracking import Doubted, ProofAnswer
from ivr.desk.people import limiting
from ivr.store.engine import make_engine
from ivr.store.tables import cases, meeting_requests
from ivr.voice.events import Lookup
from ivr.web.panel.locale import digits, words
from tests.desk.meetings.hall import hall
from tests.desk.meetings.test_tiers import county_session, sent_below
from tests.desk.office import call, office, opening
from tests.fixtures.solving import solved
from tests.web.browser import PHONE, patient, screenshot, serious, window
from tests.web.panel import Client, PanelServed, panel_served

KEY = bytes(32)
ANSWER = "لولهٔ خیابان آزادی تعمیر شد."
OURS = str(Path(tracking.__file__).parents[1])
NO_ANSWER = ProofAnswer()
HERS = "۰۹۱۴ ۱۲۳ ۴۵۶۷"  # as she may type it
WRONG = "1234567890"  # its check digit is not right
# No worker is given its part before the page's `compute` is called.
HELD = """{
  const real = Worker.prototype.postMessage;
  const begun = new Promise((done) => { window.compute = done; });
  Worker.prototype.postMessage = function (part) { begun.then(() => real.call(this, part)); };
}"""


@pytest.fixture
async def opened(panel: PanelServed, tmp_path: Any) -> str:
    """The code of a case about water, with abfa."""
    async with office(panel.engine, tmp_path / "spool") as desk:
        code = await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    return code


def unknown(number: int = 7) -> str:
    """A well-formed code that is nobody's."""
    return code_for(number, KEY)


async def become(panel: PanelServed, code: str, **values: Any) -> None:
    async with panel.engine.begin() as connection:
        await connection.execute(update(cases).where(cases.c.code == code).values(values))


async def note(panel: PanelServed, state: RequestState) -> None:
    """Of the one request to meet."""
    async with panel.engine.begin() as connection:
        await connection.execute(update(meeting_requests).values(state=state))


async def track(client: Client, code: str, number: str = "") -> tuple[int, str]:
    await client.get("/track")
    answer = await client.post("/track", {"code": code, "number": number})
    return answer.status, await answer.text()


async def asks_for(page: Page, code: str) -> None:
    await page.goto("/track")
    await page.get_by_label(words()("public.track.code")).fill(code)
    await page.keyboard.press("Enter")


async def test_the_first_page_leads_on_and_search_engines_stay_away(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with panel_served(engine, tmp_path, citizens_phone=None) as panel:  # outside the lab
        await leads_on(await panel.client())
        assert words()("public.start.steps.answered") in await (await (await panel.client()).get("/")).text()


async def test_the_first_page_promises_no_call_where_nobody_is_called(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with panel_served(engine, tmp_path, calls_back=False) as panel:
        page = await (await (await panel.client()).get("/")).text()
    assert words()("public.start.steps.answer_waits") in page
    assert words()("public.start.steps.answered") not in page


async def leads_on(client: Client) -> None:
    answer = await client.get("/")
    page = await answer.text()
    assert answer.status == 200 and 'href="/track"' in page and 'href="/panel/sign-in"' in page
    assert 'href="/call"' not in page and (await client.get("/call")).status == 404
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert (await client.get("/track")).headers["X-Robots-Tag"] == "noindex, nofollow"


async def test_every_status_is_told_as_the_telephone_tells_it(panel: PanelServed, opened: str) -> None:
    client, text = await panel.client(), words()
    for status in Status:
        await become(panel, opened, status=status)
        found, page = await track(client, opened)
        assert found == 200 and text(f"public.track.status.{status}") in page, status
        # Returned, whose it is is still to be determined.
        assert ("آب و فاضلاب" in page) == (status != Status.RETURNED), status
        assert "09141234567" not in page and "مریم" not in page


async def test_a_deadline_shows_while_an_answer_is_owed_and_its_passing_is_said(
    panel: PanelServed, opened: str
) -> None:
    client, text = await panel.client(), words()
    _, page = await track(client, digits(f"{opened[:3]} {opened[3:6]}-{opened[6:]}"))  # as people write it
    due = f"<dt>{text('public.track.due')}</dt>"
    assert due in page and text("public.track.none") in page
    assert re.search(r"<dd>\S+.* [۰-۹]{1,2} \S+ [۰-۹]{4}</dd>", page)  # weekday, day, month, year
    panel.clock.now += timedelta(days=400)
    _, page = await track(client, opened)
    assert text("public.track.overdue") in page and due not in page
    await become(panel, opened, status=Status.CLOSED)
    _, page = await track(client, opened)
    assert text("public.track.overdue") not in page and text("public.track.none") not in page


@pytest.mark.parametrize(
    "between",
    ["{}", "\u202a{}\u202c", "\u2066{}\u2069", "\ufeff\u202d{}\u202c", "\u200b{}", " {}\u2013", "({})/"],
)
async def test_a_code_or_number_is_taken_with_what_comes_along_when_it_is_copied(
    panel: PanelServed, opened: str, between: str
) -> None:
    client = await panel.client()
    await become(panel, opened, status=Status.ANSWERED, answer=ANSWER)
    code = between.format(digits(opened[:5])) + between.format(digits(opened[5:]))
    status, page = await track(client, code, between.format("+989141234567"))
    assert status == 200 and ANSWER in page


async def test_a_letter_s_qr_code_fills_in_the_code_and_looks_nothing_up(
    panel: PanelServed, opened: str
) -> None:
    client = await panel.client()
    for given, shown in ((opened, opened), (unknown(), unknown()), (WRONG, ""), ('"><b>', "")):
        for _ in range(9):  # more looks in all than cost nothing
            page = await (await client.get(f"/track?code={given}")).text()
        [field] = re.findall(r'<input id="code"[^>]*>', page)
        assert f'value="{shown}"' in field and words()("public.track.unknown") not in page, given
    status, page = await track(client, opened)
    assert status == 200 and words()("public.track.status.referred") in page


async def test_an_answer_shows_once_it_is_given_and_a_draft_never(panel: PanelServed, opened: str) -> None:
    client, text = await panel.client(), words()
    await become(panel, opened, draft={"text": ANSWER, "by": "abfa/karimi", "agency": "abfa"})
    assert ANSWER not in (await track(client, opened))[1]
    given = '<script>alert("1")</script>' + ANSWER
    await become(panel, opened, status=Status.ANSWERED, answer=given, answer_voice="2026/11/25/x")
    page = (await track(client, opened, HERS))[1]
    assert ANSWER in page and "<script>alert" not in page and text("public.track.voiced") in page
    assert text("public.track.verdict") in page and "2026/11/25/x" not in page


async def test_the_answer_takes_the_number_too_and_a_wrong_one_counts_as_a_wrong_code(
    panel: PanelServed, opened: str
) -> None:
    client, text = await panel.client(), words()
    await become(panel, opened, status=Status.ANSWERED, answer=ANSWER, answer_voice="2026/11/25/x")
    _, page = await track(client, opened)
    assert ANSWER not in page and text("public.track.voiced") not in page
    assert text("public.track.locked") in page and text("public.track.status.answered") in page
    _, page = await track(client, opened, "09120000000")
    assert ANSWER not in page and text("public.track.not_hers") in page
    now = panel.clock.now
    for number in range(tracking.SLIPS.most):
        await tracking.track(panel.engine, opened, "192.0.2.1", now, number=f"+98912000000{number}")
    with pytest.raises(Doubted):
        await tracking.track(panel.engine, opened, "192.0.2.1", now)
    await become(panel, opened, caller_key="")
    _, page = await track(client, opened)
    assert ANSWER in page, "she withheld her number: the code is all there is"
    assert text("public.track.verdict_desk") in page, "111 asks nobody without a number"
    assert text("public.track.verdict") not in page


async def test_no_number_opens_a_confidential_case_so_that_nobody_finds_out_whose_it_is(
    panel: PanelServed, opened: str
) -> None:
    client, text, now = await panel.client(), words(), panel.clock.now
    page = await panel.panel.book.page()
    hers = Wanted("complaint", "water.supply", "ahar", caller="09141234567", words="آب نداریم")
    again = (await register(panel.engine, page, hers, now)).code
    ask = Instruction(again, actor_named(page, "desk/karimi"), "تکراری", now)
    await closing.merge(panel.engine, page, ask, opened)
    for code in (opened, again):
        sealed = {"answer": ANSWER, "answer_voice": "2026/11/25/x", "confidential": "caller"}
        await become(panel, code, **sealed)
    await become(panel, opened, status=Status.ANSWERED)
    for code in (opened, again):
        shown = set()
        for number in ("", HERS, "09120000000"):
            status, told = await track(client, code, number)
            assert status == 200 and text("public.track.sealed") in told, (code, number)
            shown.add(re.sub(r'value="[^"]*"', "", told))
            panel.clock.now += tracking.SLIPS.within
        assert len(shown) == 1, "nor does it say that a number is not hers"
        assert ANSWER not in told and 'id="number"' not in told and text("public.track.voiced") not in told
    assert (await panel.panel.book.look_up("09141234567", again, now)).answer == ANSWER, "she hears it"


async def test_her_number_opens_the_answer_also_where_an_older_release_kept_it_as_it_came(
    panel: PanelServed, opened: str
) -> None:
    client = await panel.client()
    await become(panel, opened, status=Status.ANSWERED, answer=ANSWER, caller_key="09951234567")
    assert ANSWER in (await track(client, opened, "09951234567"))[1]
    assert ANSWER not in (await track(client, opened, "09951234568"))[1]


async def test_an_answer_is_told_nobody_any_more_once_her_number_is_gone_with_the_years(
    panel: PanelServed, opened: str
) -> None:
    client, text = await panel.client(), words()
    gone = {"caller_key": "", "callback": "", "anonymised_at": panel.clock.now}
    await become(panel, opened, status=Status.CLOSED, answer=ANSWER, **gone)
    for number in ("", HERS):
        _, page = await track(client, opened, number)
        assert ANSWER not in page and text("public.track.past") in page, number
    book = panel.panel.book
    seen = await book.look_up("09141234567", opened, panel.clock.now)
    assert seen.withheld and not seen.answer


async def test_the_code_of_a_part_or_of_a_collective_case_is_nobody_s_and_opens_no_answer(
    panel: PanelServed, opened: str
) -> None:
    client, text, now = await panel.client(), words(), panel.clock.now
    page = await panel.panel.book.page()
    desk = actor_named(page, "desk/karimi")
    parts = [Part("abfa", "لوله"), Part("shahrdari_ahar", "آسفالت")]
    ask = Instruction(opened, desk, "دو دستگاه", now)
    part, _ = await splitting.split(panel.engine, page, ask, parts)
    hers = Wanted("complaint", "water.supply", "ahar", caller="09141234569", words="آب نداریم")
    member = (await register(panel.engine, page, hers, now)).code
    collective = (await collecting.collect(panel.engine, page, desk, [member], "آب", now)).code
    for code in (part, collective):
        by = Instruction(code, actor_named(page, "abfa/karimi"), now=now)
        await answers.give(panel.engine, page, by, ANSWER)
        status, shown = await track(client, code, HERS)
        assert status == 404 and ANSWER not in shown, code
        assert (await panel.panel.book.look_up("09141234567", code, now)).result is Lookup.UNKNOWN
    assert text("public.track.status.in_progress") in (await track(client, opened, HERS))[1]


async def test_the_code_of_a_duplicate_tells_of_the_case_in_which_it_goes_on(
    panel: PanelServed, opened: str
) -> None:
    client, text, now = await panel.client(), words(), panel.clock.now
    page = await panel.panel.book.page()
    hers = Wanted("complaint", "water.supply", "ahar", caller="09141234567", words="آب نداریم")
    again = (await register(panel.engine, page, hers, now)).code
    ask = Instruction(again, actor_named(page, "desk/karimi"), "تکراری", now)
    await closing.merge(panel.engine, page, ask, opened)
    _, shown = await track(client, again)
    for said in ("status.merged", "status.referred", "due", "none"):
        assert text(f"public.track.{said}") in shown, said
    await become(panel, opened, status=Status.ANSWERED, answer=ANSWER, channel="desk")
    assert ANSWER in (await track(client, opened))[1], "who was handed its code may read it"
    assert ANSWER not in (await track(client, again))[1] and ANSWER in (await track(client, again, HERS))[1]


async def test_which_of_several_bodies_has_answered_is_told_as_the_telephone_tells_it(
    panel: PanelServed, opened: str, chrome: Browser
) -> None:
    client, text, now = await panel.client(), words(), panel.clock.now
    page = await panel.panel.book.page()
    ask = Instruction(opened, actor_named(page, "desk/karimi"), "دو دستگاه", now)
    parts = [Part("abfa", "لوله"), Part("shahrdari_ahar", "آسفالت")]
    pipe, road = await splitting.split(panel.engine, page, ask, parts)

    async def told() -> list[tuple[str, str]]:
        _, shown = await track(client, opened)
        pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", shown)
        assert text("public.track.parts") in shown and text("public.track.none") not in shown
        return [(name, stands) for name, stands in pairs if name != text("public.track.due")]

    has, has_not = (text(f"public.track.part.{stands}") for stands in ("answered", "waiting"))
    water, city = "شرکت آب و فاضلاب آذربایجان شرقی", "شهرداری اهر"
    assert sorted(await told()) == sorted([(water, has_not), (city, has_not)])
    by = Instruction(pipe, actor_named(page, "abfa/karimi"), now=now)
    await answers.give(panel.engine, page, by, ANSWER)
    assert sorted(await told()) == sorted([(water, has), (city, has_not)])
    assert ANSWER not in (await track(client, opened, HERS))[1], "one answer for both comes at the end"
    async with window(chrome, panel, size=PHONE) as shown:
        await asks_for(shown, opened)
        await shown.get_by_text(text("public.track.parts")).wait_for()
        await screenshot(shown, "track-parts-phone")
    needless = Instruction(road, actor_named(page, "desk/karimi"), "لازم نیست", now)
    await closing.withdraw(panel.engine, page, needless)
    _, over = await track(client, opened, HERS)
    assert ANSWER in over and text("public.track.parts") not in over


async def test_where_one_of_several_bodies_is_left_it_alone_is_named_and_not_several(
    panel: PanelServed, opened: str
) -> None:
    client, text, now = await panel.client(), words(), panel.clock.now
    page = await panel.panel.book.page()
    ask = Instruction(opened, actor_named(page, "desk/karimi"), "دو دستگاه", now)
    parts = [Part("abfa", "لوله"), Part("shahrdari_ahar", "آسفالت")]
    _, road = await splitting.split(panel.engine, page, ask, parts)
    needless = Instruction(road, actor_named(page, "desk/karimi"), "لازم نیست", now)
    await closing.withdraw(panel.engine, page, needless)
    _, shown = await track(client, opened)
    assert text("public.track.parts") not in shown and text("public.track.none") in shown
    its = f"<dt>{text('public.track.agency')}</dt><dd>شرکت آب و فاضلاب آذربایجان شرقی</dd>"
    assert its in shown and "شهرداری اهر" not in shown


async def test_what_every_body_only_spoke_is_an_answer_and_nothing_is_overdue(
    panel: PanelServed, opened: str
) -> None:
    client, text = await panel.client(), words()
    page = await panel.panel.book.page()
    ask = Instruction(opened, actor_named(page, "desk/karimi"), "دو دستگاه", panel.clock.now)
    parts = [Part("abfa", "لوله"), Part("shahrdari_ahar", "آسفالت")]
    for code, part in zip(await splitting.split(panel.engine, page, ask, parts), parts, strict=True):
        voice = f"answers/2026/{part.agency}"
        by = Instruction(code, actor_named(page, f"{part.agency}/karimi"), now=panel.clock.now)
        await answers.give(panel.engine, page, by, "", SpokenAnswer(voice, "ab" * 32, 3.0))
    panel.clock.now += timedelta(days=400)
    _, shown = await track(client, opened, HERS)
    assert text("public.track.voiced") in shown and text("public.track.status.answered") in shown
    assert text("public.track.overdue") not in shown and text("public.track.none") not in shown


async def test_what_was_opened_again_shows_the_old_answer_and_that_another_one_is_owed(
    panel: PanelServed, opened: str
) -> None:
    client, text = await panel.client(), words()
    await become(panel, opened, status=Status.REOPENED, answer=ANSWER)
    _, page = await track(client, opened, HERS)
    assert ANSWER in page and f"<dt>{text('public.track.due')}</dt>" in page
    was = text("public.track.answer_was")
    assert was in page and f"<h3>{text('public.track.answer')}" not in page, "not of whom it is now"
    assert was in (await track(client, opened))[1], "nor is it ready to be read"
    panel.clock.now += timedelta(days=400)
    _, page = await track(client, opened, HERS)
    assert ANSWER in page and text("public.track.overdue") in page


async def test_of_a_case_that_is_over_she_reads_that_111_still_hears_that_it_is_not_solved_where_it_does(
    panel: PanelServed, opened: str
) -> None:
    client, now = await panel.client(), panel.clock.now
    said = words()("public.track.reopens", days=REOPEN.days)
    lately, long_ago = now - REOPEN + timedelta(hours=1), now - REOPEN - timedelta(hours=1)
    told = []
    for status in Status:
        for ended in (lately, long_ago):
            over = None if status in OPEN else ended
            await become(panel, opened, status=status, closed_at=over, answer=ANSWER)
            shown = said in (await track(client, opened))[1]
            seen = await panel.panel.book.look_up("09141234567", opened, now)
            assert shown == seen.may_reopen, (status, ended)
            told += [(status, ended)] * shown
    assert told == [(each, lately) for each in Status if each in ("closed", "advised", "withdrawn")]
    for withheld in ("", "0000"):
        await become(panel, opened, status=Status.CLOSED, closed_at=lately, caller_key=withheld)
        assert said not in (await track(client, opened))[1], "111 does not know that it is she"


async def test_a_code_that_is_none_and_one_that_is_nobodys_get_the_same_answer(
    panel: PanelServed, opened: str
) -> None:
    client = await panel.client()
    answers = set()
    for code in (WRONG, unknown(), "0" * 10, "１" * 10):
        status, page = await track(client, code)
        same = re.sub(r'value="[^"]*"', "", page)
        answers.add((status, same))
        panel.clock.now += tracking.SLIPS.within
    assert len(answers) == 1 and answers.pop()[0] == 404


async def test_who_writes_other_than_ten_digits_reads_that_a_code_has_ten_and_not_to_try_again_later(
    panel: PanelServed, opened: str
) -> None:
    client, text = await panel.client(), words()
    others = ("", "0", "۱۲۳۴۵", opened[:-1], opened + "7", "' OR 1=1 --", "0123 45678x", "x" * 5_000)
    for code in others * 2:
        status, page = await track(client, code)
        assert status == 422 and text("public.track.ten_digits") in page, code
        assert text("public.track.unknown") not in page and "چند دقیقهٔ دیگر" not in page, code
    for number in range(tracking.SLIPS.most):
        assert (await track(client, unknown(number)))[0] == 404, "what is no guess made none dearer"
    assert (await track(client, opened))[0] == 429
    status, page = await track(client, "۱۲۳۴۵")
    assert status == 422 and text("public.track.ten_digits") in page


async def test_and_so_she_does_while_the_books_are_away(tmp_path: Path) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:1/nothing")  # nobody listens on port 1
    async with panel_served(away, tmp_path) as panel:
        client = await panel.client()
        assert (await track(client, unknown()))[0] == 503
        status, page = await track(client, "۱۲۳۴۵")
    await away.dispose()
    assert status == 422 and words()("public.track.ten_digits") in page


async def test_who_comes_before_her_case_is_in_the_books_reads_that_it_may_be_too_early_as_who_guesses_does(
    panel: PanelServed, tmp_path: Path
) -> None:
    client = await panel.client()
    async with office(panel.engine, tmp_path / "spool", pumping=False) as desk:
        code = await desk.intake.open_case(call(), opening())
        for each in (code, unknown()):
            status, page = await track(client, each)
            assert status == 404 and "شاید هنوز به دفتر نرسیده باشد" in page, each
    async with office(panel.engine, tmp_path / "spool") as desk:
        await desk.pump.idle()
    assert (await track(client, code))[0] == 200


async def test_a_request_to_meet_tells_until_when_it_waits_and_then_with_whom_when_and_where_its_slot_is(
    chrome: Browser, panel: PanelServed
) -> None:
    client, text, at = await panel.client(), words(), await hall(panel.engine)
    at.at = panel.clock.now
    late = {"due_at": at.at - timedelta(days=1)}
    code = await at.accepted(9)
    await become(panel, code, **late)
    waits = text("public.track.meeting.waiting", day="*").partition("*")[0]
    _, page = await track(client, code)
    assert re.search(waits + r"\S+ [۰-۹]{1,2} \S+ ۱۴۰۵", page) and text("public.track.overdue") not in page
    await at.fill(await at.session())
    await become(panel, code, **late)
    _, page = await track(client, code)
    slot = text("public.track.meeting.with", official=text("meetings.official.governor"))
    assert re.search(rf"<dt>{slot}</dt><dd>\S+ [۰-۹]{{1,2}} \S+ ۱۴۰۵، [۰-۹]{{2}}:[۰-۹]{{2}}</dd>", page)
    assert "تالار" in page and text("public.track.meeting.way.in_person") in page and waits not in page
    for said in ("overdue", "none", "meeting.comes"):
        assert text(f"public.track.{said}") not in page, said
    await note(panel, RequestState.CONFIRMED)
    async with window(chrome, panel, size=PHONE) as shown:
        await asks_for(shown, code)
        await shown.get_by_text(text("public.track.meeting.comes")).wait_for()
        await screenshot(shown, "track-meeting-phone")
        assert not await serious(shown)
    panel.clock.now += timedelta(days=7)
    _, page = await track(client, code)
    assert text("public.track.overdue") in page and slot not in page, "its hour is over"


async def test_who_is_heard_by_one_of_many_of_his_rank_reads_of_which_body_he_is(panel: PanelServed) -> None:
    client, text, at = await panel.client(), words(), await hall(panel.engine)
    at.at = panel.clock.now
    code = await sent_below(at, 2, "09141234561")
    await at.fill(await county_session(at))
    who = text("meetings.official.county_governor")
    body = text("meetings.of_body", who=who, body="فرمانداری شهرستان اهر")
    assert f"<dt>{text('public.track.meeting.with', official=body)}</dt>" in (await track(client, code))[1]


async def test_of_a_request_to_meet_every_state_that_111_tells_has_its_sentence(panel: PanelServed) -> None:
    client, text, at = await panel.client(), words(), await hall(panel.engine)
    at.at = panel.clock.now
    code = await at.accepted(9)
    for state in RequestState:
        await note(panel, state)
        status, page = await track(client, code)
        key = f"public.track.meeting.{state}"
        assert status == 200 and (key not in text or text(key, day="*").partition("*")[0] in page), state


@contextmanager
def watched(engine: AsyncEngine, code: str) -> Iterator[tuple[list[str], set[str]]]:
    """What the database is asked meanwhile, whatever the code; and what our functions call, templates too."""
    asked: list[str] = []
    called: set[str] = set()

    def ask(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        asked.append(f"{statement} {values}".replace(code, "the code"))

    def note(frame: FrameType, kind: str, what: Any) -> None:
        caller = frame if kind == "c_call" else frame.f_back if kind == "call" else None
        if caller and caller.f_code.co_filename.startswith(OURS):
            name = what.__qualname__ if kind == "c_call" else frame.f_code.co_qualname
            called.add(f"{caller.f_code.co_qualname} calls {name}")

    event.listen(engine.sync_engine, "before_cursor_execute", ask)
    gc.disable()  # it would call what it finds from wherever we are
    sys.setprofile(note)
    try:
        yield asked, called
    finally:
        sys.setprofile(None)
        gc.enable()
        event.remove(engine.sync_engine, "before_cursor_execute", ask)


async def test_and_with_the_same_work_so_that_time_tells_nothing(panel: PanelServed, opened: str) -> None:
    assert not is_valid(WRONG) and is_valid(unknown())
    client, works = await panel.client(), []
    for code in (WRONG, unknown(), WRONG, unknown(), opened):
        await client.get("/track")
        with watched(panel.panel.engine, code) as work:
            answer = await client.post("/track", {"code": code})
        assert answer.status == (200 if code == opened else 404)
        works.append(work)
    (wrongs, called), (nobodys, calls), (found, _) = works[2:]  # some things are done at the first time only
    assert wrongs == nobodys and called == calls
    assert len(found) < len(nobodys) and "track calls _find" in called


async def doubted(
    panel: PanelServed, code: str, address: str, answer: ProofAnswer = NO_ANSWER
) -> ProofAnswer:
    """The right answer to the question that is put instead of telling."""
    with pytest.raises(Doubted) as put:
        await tracking.track(panel.engine, code, address, panel.clock.now, answer)
    question = put.value.question
    assert question is not None
    return ProofAnswer(question.proof, str(question.first + question.second))


async def guessed_everywhere(panel: PanelServed) -> None:
    """Many addresses together missed as often as sets questions for all."""
    for number in range(tracking.MISSES.most):
        await tracking.track(panel.engine, unknown(number), f"10.0.{number}.1", panel.clock.now)


async def test_an_office_behind_one_address_answers_a_sum_after_many_looks_and_is_never_shut_out(
    panel: PanelServed, opened: str
) -> None:
    now = panel.clock.now
    for _ in range(tracking.LOOKS.most):
        assert await tracking.track(panel.engine, opened, "192.0.2.1", now)
    for _ in range(tracking.LOOKS.most):
        right = await doubted(panel, opened, "192.0.2.1")
        assert await tracking.track(panel.engine, opened, "192.0.2.1", now, right)
    assert await tracking.track(panel.engine, opened, "192.0.2.2", now)
    assert await tracking.track(panel.engine, opened, "192.0.2.1", now + tracking.LOOKS.within)


async def test_two_slips_cost_a_citizen_nothing_and_guessing_costs_a_sum_each_and_then_a_wait(
    panel: PanelServed, opened: str
) -> None:
    now = panel.clock.now
    for number in range(2):
        assert await tracking.track(panel.engine, unknown(number), "192.0.2.9", now) is None
    assert await tracking.track(panel.engine, opened, "192.0.2.9", now)
    for number in range(tracking.SLIPS.most):
        await tracking.track(panel.engine, unknown(number), f"2001:db8::{number:x}", now)
    for number in range(tracking.SLIPS.most, tracking.MOST_MISSES.most):
        household = f"2001:db8::{number:x}"
        right = await doubted(panel, unknown(number), household)
        assert await tracking.track(panel.engine, unknown(number), household, now, right) is None
    for code in (unknown(1), WRONG, opened):  # a hit would tell as much as an answer
        with pytest.raises(Doubted) as put:
            await tracking.track(panel.engine, code, "2001:db8::ffff", now)
        assert put.value.question is None and put.value.until == now + tracking.MOST_MISSES.within
    assert await tracking.track(panel.engine, opened, "2001:db8:0:1::1", now)
    assert await tracking.track(panel.engine, opened, "2001:db8::1", now + tracking.MOST_MISSES.within)


async def puzzled(
    panel: PanelServed, code: str, address: str, answer: ProofAnswer = NO_ANSWER
) -> ProofAnswer:
    """The puzzle that is put instead of telling, solved."""
    with pytest.raises(Doubted) as put:
        await tracking.track(panel.engine, code, address, panel.clock.now, answer)
    return ProofAnswer(solved=solved(put.value.puzzle))


@pytest.mark.usefixtures("cheap")
async def test_neighbours_of_a_guesser_come_in_by_a_proof_of_work_however_much_he_guessed(
    panel: PanelServed, opened: str
) -> None:
    address, now = "192.0.2.9", panel.clock.now
    for number in range(300):
        paid = NO_ANSWER if number < tracking.SLIPS.most else await puzzled(panel, unknown(number), address)
        assert await tracking.track(panel.engine, unknown(number), address, now, paid) is None
    hers = await puzzled(panel, opened, address)
    assert await tracking.track(panel.engine, opened, address, now, hers)
    again = await puzzled(panel, opened, address, hers)  # used up
    assert await tracking.track(panel.engine, opened, address, now, again)
    elsewhere = await puzzled(panel, opened, address)
    await puzzled(panel, opened, "192.0.2.10", elsewhere)  # one address's puzzle is none at another


async def test_what_many_guess_shuts_nobody_out(panel: PanelServed, opened: str) -> None:
    await guessed_everywhere(panel)
    told = []
    for code in (unknown(1), WRONG, opened):  # nothing is told of any before the sum
        right = await doubted(panel, code, "192.0.2.2")
        told.append(await tracking.track(panel.engine, code, "192.0.2.2", panel.clock.now, right))
    assert told[:2] == [None, None] and told[2]
    later = panel.clock.now + tracking.MISSES.within
    assert await tracking.track(panel.engine, opened, "192.0.2.2", later)


async def test_a_sum_is_good_once_and_for_minutes_and_can_not_be_made_up(
    panel: PanelServed, opened: str
) -> None:
    await guessed_everywhere(panel)
    right = await doubted(panel, opened, "192.0.2.2")
    assert await tracking.track(panel.engine, opened, "192.0.2.2", panel.clock.now, right)
    right = await doubted(panel, opened, "192.0.2.2", right)  # used up
    slip = replace(right, total=str(int(right.total) + 1))
    await doubted(panel, opened, "192.0.2.2", slip)
    right = await doubted(panel, opened, "192.0.2.2", right)  # one try each
    now = int(panel.clock.now.timestamp())
    for proof in ("", "-", f"00-{now}", f"{right.proof}9", "x" * 60, f"{right.proof.split('-')[0]}-²"):
        for total in ("", "1", "²", "9" * 5_000):  # 1 is no sum: 2 is one of made-up proofs in 81
            await doubted(panel, opened, "192.0.2.2", ProofAnswer(proof, total))
    panel.clock.now += limiting.PROOF_GOOD_FOR
    await guessed_everywhere(panel)
    panel.clock.now += timedelta(seconds=1)
    await doubted(panel, opened, "192.0.2.2", right)  # too old


async def test_the_sum_is_answered_by_keyboard_without_javascript(
    chrome: Browser, panel: PanelServed, opened: str
) -> None:
    await guessed_everywhere(panel)
    names = {words()(f"public.track.number.{n}"): n for n in range(1, questions.GREATEST + 1)}
    context = patient(await chrome.new_context(base_url=panel.url, viewport=PHONE, java_script_enabled=False))
    page = await context.new_page()
    await page.goto("/track")
    await page.get_by_label(words()("public.track.code")).fill(opened)
    await page.keyboard.press("Enter")
    asked = await page.locator("label[for=total]").inner_text()
    numbers = [names[word] for word in asked.split() if word in names]
    assert len(numbers) == 2 and await page.locator("#code").input_value() == opened
    await page.get_by_label(asked).fill(digits(str(sum(numbers))))
    await page.keyboard.press("Enter")
    await page.get_by_text(words()("public.track.status.referred")).wait_for()
    await context.close()


async def test_a_browser_computes_and_shows_the_case_by_itself_while_her_neighbour_guesses(
    chrome: Browser, panel: PanelServed, opened: str
) -> None:
    for number in range(tracking.SLIPS.most):
        await tracking.track(panel.engine, unknown(number), "127.0.0.1", panel.clock.now)
    async with window(chrome, panel, size=PHONE) as page:
        await page.add_init_script(HELD)
        await page.add_init_script("delete HTMLFormElement.prototype.requestSubmit")  # as before iOS 16
        await page.goto("/track")
        await page.get_by_label(words()("public.track.code")).fill(opened)
        await page.keyboard.press("Enter")
        asked = page.get_by_text(words()("common.puzzle.track"))
        await asked.wait_for()
        assert await page.get_by_text(words()("public.track.sum_first")).is_hidden()
        await screenshot(page, "track-puzzle-phone")
        await page.evaluate("compute()")
        await page.get_by_text(words()("public.track.status.referred")).wait_for()
        assert page.url.endswith("/track")


async def test_a_case_is_followed_without_javascript_on_a_telephones_screen(
    chrome: Browser, panel: PanelServed, opened: str
) -> None:
    context = patient(await chrome.new_context(base_url=panel.url, viewport=PHONE, java_script_enabled=False))
    page = await context.new_page()
    await page.goto("/track")
    await page.get_by_label(words()("public.track.code")).fill(WRONG)
    await page.keyboard.press("Enter")
    await page.get_by_role("alert").wait_for()
    await page.get_by_label(words()("public.track.code")).fill(opened)
    await page.keyboard.press("Enter")
    await page.get_by_text(words()("public.track.status.referred")).wait_for()
    assert page.url.endswith("/track")  # the code stands in no address
    width = await page.locator("html").evaluate("e => e.scrollWidth")
    assert width <= PHONE["width"]
    await context.close()


@pytest.mark.usefixtures("cheap")
async def test_whose_browser_keeps_no_cookies_follows_her_case_also_behind_a_proof_of_work(
    panel: PanelServed, opened: str
) -> None:
    http, referred = await panel.anybody(), words()("public.track.status.referred")
    await http.get("/track")

    async def sent(headers: dict[str, str], solved: str = "") -> tuple[int, bool]:
        fields = {"csrf": "of another visit", "code": opened, "solved": solved}
        async with http.post("/track", data=fields, headers=headers) as answer:
            return answer.status, referred in await answer.text()

    assert await sent({"Origin": panel.url}) == (200, True)
    assert await sent({"Origin": panel.url, "Sec-Fetch-Site": "same-origin"}) == (200, True)
    assert await sent({}) == (403, False), "an old browser says nothing of whose page sent it"
    for number in range(tracking.SLIPS.most):
        await tracking.track(panel.engine, unknown(number), "127.0.0.1", panel.clock.now)
    assert await sent({"Origin": panel.url}) == (429, False)
    paid = await puzzled(panel, opened, "127.0.0.1")
    assert await sent({"Origin": panel.url}, paid.solved) == (200, True)


@pytest.mark.parametrize("dark", [False, True])
async def test_the_public_pages_look_as_they_should(
    chrome: Browser, panel: PanelServed, opened: str, dark: bool
) -> None:
    await become(panel, opened, status=Status.ANSWERED, answer=ANSWER)
    tone = "dark" if dark else "light"
    async with window(chrome, panel, dark=dark) as page:
        await page.goto("/")
        await screenshot(page, f"start-{tone}")
        assert not await serious(page)
        await page.set_viewport_size(PHONE)
        await screenshot(page, f"start-phone-{tone}")
        await page.goto("/track")
        await page.get_by_label(words()("public.track.code")).fill(opened)
        await page.keyboard.press("Enter")
        await page.get_by_label(words()("public.track.number_hers")).fill("09120000000")
        await page.keyboard.press("Enter")
        await page.get_by_role("alert").wait_for()
        await screenshot(page, f"track-locked-phone-{tone}")
        assert not await serious(page)
        await page.get_by_label(words()("public.track.number_hers")).fill(HERS)
        await page.keyboard.press("Enter")
        await page.get_by_text(ANSWER).wait_for()
        await screenshot(page, f"track-phone-{tone}")
        assert not await serious(page)
