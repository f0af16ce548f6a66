"""`ivr meeting …`: a session's bodies, its day and its papers, at the terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.letters.indicator import Issue, PaperKind
from ivr.desk.meetings import agenda, inviting, request_deciding, session_planning
from ivr.desk.reading import as_json
from tests.desk.letters.test_indicator import issued, paper
from tests.desk.meetings.hall import Hall, hall
from tests.fixtures.commands import Terminal, ivr


async def meeting(at: Hall, hours: float, *bodies: list[str]) -> tuple[int, list[str]]:
    """A session that begins in so many hours (or began), and who is heard there, each needing some bodies."""
    at.at = datetime.now(UTC) - timedelta(days=6)
    for n, its in enumerate(bodies):
        await at.accepted(9 - n, f"0914123456{n}", bodies=its)
    begins = datetime.now(UTC) + timedelta(hours=hours)
    number = await at.session(slots=len(bodies), starts_at=begins, even_off=True)
    return number, await at.fill(number)


async def test_bodies_are_invited_answer_and_give_their_views(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    number, [code, _] = await meeting(await hall(engine), 72, ["abfa"], ["edu"])
    session = str(number)

    its = Terminal(database_url, tmp_path, ("meeting",))
    run, read = its.run, its.read

    assert await run("invite", session, "--by", "sadr") == f"session {number}: 2 invited: abfa edu"
    await run("attend", session, "substitute", "--who", "آقای رضایی", "--by", "abfa/karimi")
    await run("view", session, code, "--words", "لوله فرسوده است", "--by", "abfa/karimi")
    abfa, edu = await read("invitations", session)
    assert (abfa["state"], abfa["who"], abfa["given"]) == ("substitute", "آقای رضایی", 1)
    assert (edu["state"], edu["owed"], edu["given"]) == ("invited", 1, 0) and "abfa" in await run(
        "invitations", session
    )
    first, second = await read("views", session)
    assert (first["code"], first["words"], first["given_by"]) == (code, "لوله فرسوده است", "abfa/karimi")
    assert (second["agency"], second["words"]) == ("edu", "") and "edu" in await run("views", session)


async def test_the_day_is_run_and_its_papers_are_listed_and_withdrawn(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await hall(engine)
    number, [one, two] = await meeting(at, -0.01, ["abfa"], [])
    session = str(number)
    await inviting.invite(engine, at.page, at.by("").actor, number, at.at)

    run = Terminal(database_url, tmp_path, ("meeting",)).run

    assert await run("check-in", session, f"{one[:3]} {one[3:]}") == f"request {one}: number 1, arrived"
    assert "inside" in await run("begin", session, one)
    assert "arrived" in await run("step-out", session, one)
    assert "heard" in await run("done", session, one, "--said", "آب ندارد", "--decided", "وصل شود")
    assert "heard" in await run("amend", session, one, "--decided", "تا یک ماه وصل شود", "--people", "2")
    waits = await run("walk-in", session, "--name", "زهرا", "--words", "بیکار شده‌ام", "--language", "az")
    assert waits.endswith(f"waits in session {number} with number 3")
    case = await as_json.case_json(engine, waits.split()[1].rstrip(":"))
    assert case is not None and case["language"] == "az"
    await run("came", session, "abfa", "head", "--by", "sadr")
    hall_now = json.loads(await run("day", session, "--json"))
    assert [each["presence"] for each in hall_now] == ["heard", "expected", "arrived"]
    assert hall_now[0]["ended_at"] and two in await run("day", session)
    await issued(at, paper("یک"), Issue(PaperKind.REPORT, session=number))
    assert "withdrawn" in await run("withdraw-paper", "1405/1", "--reason", "نام کسی در آن بود")
    [its] = json.loads(await run("papers", session, "--json"))
    assert (its["number"], its["kind"], its["holds"]) == ("۱۴۰۵/۱", "report", False)
    for words, exit_code, sentence in (
        (("check-in", session, "1234567894"), 1, "nobody of that code or national ID"),
        (("day", "99"), 1, "there is no session 99"),
        (("came", session, "abfa", "driver"), 2, "must be one of head"),
        (("attend", session, "perhaps", "--by", "abfa"), 2, "the answer must be one of accepts"),
        (("withdraw-paper", "1405/1", "--reason", "باز"), 1, "there is no paper 1405/1 in force"),
    ):
        found = await ivr(database_url, tmp_path, "meeting", *words)
        assert found[0] == exit_code and sentence in found[1], found


async def test_of_two_requests_of_hers_the_one_that_she_came_in_for_is_stepped_out_of_and_done(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    number, _ = await meeting(await hall(engine), -0.01, [])
    session, national_id = str(number), "0499370899"
    run = Terminal(database_url, tmp_path, ("meeting",)).run
    wish = ("walk-in", session, "--name", "زهرا", "--national-id", national_id, "--words")
    _, two = [(await run(*wish, words)).split()[1].rstrip(":") for words in ("آب", "مدرسه")]
    for deed, presence in (("step-out", "arrived"), ("done", "heard")):
        await run("begin", session, two)
        assert await run(deed, session, national_id) == f"request {two}: number 3, {presence}"


async def test_who_missed_her_slot_and_has_another_is_told_by_that_one(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await hall(engine)
    number, [one, two] = await meeting(at, -0.01, [], [])
    at.at = datetime.now(UTC)
    next_on = at.at.date() + timedelta(days=7)
    await agenda.missed(engine, at.page, at.by(one))
    await agenda.release(engine, at.page, at.by(two, "نمی‌آید"), next_on)
    await request_deciding.accept(engine, at.page, at.by(one), next_on)
    await agenda.place(engine, at.page, at.by(one, "دیر رسید"), number, 2)
    run = Terminal(database_url, tmp_path, ("meeting",)).run
    assert await run("check-in", str(number), one) == f"request {one}: number 2, arrived"


async def test_who_steps_out_of_a_session_that_was_ended_meanwhile_waits_for_another(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    at = await hall(engine)
    number, [one] = await meeting(at, -0.01, [])
    run = Terminal(database_url, tmp_path, ("meeting",)).run
    await run("begin", str(number), one)
    at.at = datetime.now(UTC)
    next_on = at.at.date() + timedelta(days=7)
    await session_planning.cancel(engine, at.page, at.by("", "جلسهٔ فوری"), number, next_on)
    assert "waits for another" in await run("step-out", str(number), one)
