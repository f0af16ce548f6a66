"""A letter to a citizen that had to wait is asked once more whether it is so: what she reads last is true."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.desk.case import answers, closing, confiding, referring
from ivr.desk.case.change import Instruction
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.rows import outbox_row
from ivr.desk.letters import outgoing
from ivr.desk.letters.outgoing import LEASE, NO_LONGER_SO
from ivr.desk.meetings import agenda, session_moving
from ivr.desk.meetings.inviting import REMINDED
from ivr.loops.delivery import open_session, ways
from ivr.settings import Notify
from ivr.store.tables import outbox
from tests.desk.meetings.hall import LATER, Hall, hall
from tests.desk.meetings.test_invitation_answers import accepted
from tests.desk.meetings.test_session_moving import FRIDAY
from tests.desk.office import WEDNESDAY
from tests.loops.test_delivery import Post, opened, to_gateway
from tests.notify.servers import HttpServer, http_server

SATURDAY, MONDAY = FRIDAY + timedelta(days=1, minutes=30), FRIDAY + timedelta(days=3)
AWAY, REFUSED, TAKEN = (503, ""), (400, ""), (200, "")
NOTICES = """
notices:
  - {on: meeting_invited, to: citizen, by: sms, text: "{when} {place}"}
  - {on: meeting_off, to: citizen, by: sms, text: "off"}
  - {on: case_answered, to: citizen, by: sms, text: "{answer}"}
"""
REMINDERS = """
notices:
  - {on: meeting_reminder, to: citizen, by: sms, text: "فردا"}
"""
TO_BODIES = """
contacts:
  - {agency: abfa, sms: ["09121112233"]}
  - {agency: edu, sms: ["09121112244"]}
notices:
  - {on: case_opened, to: agency, by: sms, text: "{code}"}
  - {on: meeting_view_late, to: agency, by: sms, text: "{code}"}
"""
OF_AN_ANSWER = """
contacts:
  - {agency: abfa, sms: ["09121112233"], webhook: ["%s/hook"]}
notices:
  - {on: case_answered, to: agency, by: sms, text: "{code}"}
  - {on: case_answered, to: citizen, by: sms, text: "{answer}"}
"""
OF_A_WITHDRAWAL = """
notices:
  - {on: case_withdrawn, to: citizen, by: sms, text: "{code}"}
"""
UP = """
contacts:
  - {agency: abfa, sms: ["09121112233"]}
  - {level: governor, sms: ["09121112233"], webhook: ["%s/hook"]}
notices:
  - {on: case_escalated, to: agency, by: sms, text: "{code}"}
  - {on: case_escalated, to: level, by: sms, text: "{code} {level}"}
"""


class PostOffice(Post):
    """Letters of a hall's citizens, through a gateway that answers as it is told."""

    web: HttpServer

    @property
    def sent(self) -> list[str]:
        """What the gateway was given, whatever it said."""
        return [request["query"]["text"].strip() for request in self.web.requests]

    async def later(self, **time: float) -> None:
        """What is due by then leaves."""
        self.now += timedelta(**time)
        await self.all()

    async def ended(self) -> list[str]:
        """Of the texts that are dealt with: what is noted of each, "" for one that was sent."""
        rows = [row for of in ("sent", "not_sent") for row in await outgoing.listed(self.engine, of, 50)]
        assert all((row["state"] == "sent") == (row["last_error"] is None) for row in rows)
        return sorted(row["last_error"] or "" for row in rows if row["kind"] == "sms")


@pytest.fixture
async def at(engine: AsyncEngine) -> Hall:
    return await hall(engine)


@asynccontextmanager
async def post_office(at: Hall, folder: Path, *answers: tuple[int, str]) -> AsyncIterator[PostOffice]:
    (folder / "notices.yaml").write_text(NOTICES)
    async with http_server(*answers) as web:
        settings = to_gateway(web.url).model_copy(update={"webhook_secret": "s"})
        post = PostOffice(at.engine, settings, folder)
        post.web, post.now = web, at.at
        yield post


async def invited(at: Hall) -> tuple[int, str]:
    code = await accepted(at, 9, "09141234560")
    number = await at.session(slots=1, starts_at=SATURDAY)
    assert await at.fill(number) == [code]
    return number, code


async def test_an_old_hour_is_not_told_after_the_new_one(
    at: Hall, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        number, _ = await invited(at)
        await post.all()
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, MONDAY)
        await post.all()
        await post.later(hours=7)
        assert post.sent == ["۱۴۰۵/۰۹/۱۴ ۱۰:۳۰ تالار", "۱۴۰۵/۰۹/۱۶ ۱۰:۰۰ تالار"]
        assert await post.ended() == ["", NO_LONGER_SO]
        await post.later(days=2)
        assert len(post.sent) == 2
    assert "what it tells is no longer so" in caplog.text and "9141234560" not in caplog.text


async def test_an_old_place_is_not_told_after_the_new_one(at: Hall, tmp_path: Path) -> None:
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        number, _ = await invited(at)
        await post.all()
        await session_moving.move(at.engine, at.page, at.by("", "تعمیر"), number, SATURDAY, "سالن ۲")
        await post.later(hours=7)
        assert [each.split(maxsplit=2)[2] for each in post.sent] == ["تالار", "سالن ۲"]


async def test_what_is_so_is_told_at_the_next_attempt(at: Hall, tmp_path: Path) -> None:
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        await invited(at)
        await post.all()
        await post.later(hours=7)
        assert len(post.sent) == 2 and await post.ended() == [""]


async def test_an_invitation_that_somebody_has_sent_again_weeks_later_is_not(
    at: Hall, tmp_path: Path
) -> None:
    async with post_office(at, tmp_path, REFUSED, TAKEN) as post:
        await invited(at)
        await post.all()
        post.now += timedelta(weeks=3)
        assert await outgoing.retry(at.engine, post.now) == 1
        await post.all()
        assert len(post.sent) == 1 and await post.ended() == [NO_LONGER_SO]


async def test_nobody_is_reminded_of_a_slot_once_her_case_is_over(at: Hall, tmp_path: Path) -> None:
    async with post_office(at, tmp_path, TAKEN) as post:
        (tmp_path / "notices.yaml").write_text(REMINDERS)
        codes = [await accepted(at, 9 - n, f"0914123456{n}") for n in range(2)]
        assert await at.fill(await at.session(slots=2, starts_at=SATURDAY)) == codes
        await closing.withdraw(at.engine, at.page, at.by(codes[0], who="citizen"))
        await post.all()
        assert post.sent == []
        await post.later(days=9, hours=4)
        assert post.sent == ["فردا"]


async def test_that_a_slot_is_off_is_not_told_to_whom_another_was_given_since(
    at: Hall, tmp_path: Path
) -> None:
    async with post_office(at, tmp_path, TAKEN, AWAY, TAKEN) as post:
        number, code = await invited(at)
        await post.all()
        await agenda.release(at.engine, at.page, at.by(code, "نمی‌آید"), LATER)
        await post.all()
        await agenda.place(at.engine, at.page, at.by(code, "می‌آید"), number, 1)
        await post.later(hours=7)
        assert [each == "off" for each in post.sent] == [False, True, False]


async def test_an_answer_is_not_told_once_the_case_was_opened_again(at: Hall, tmp_path: Path) -> None:
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        code = await opened(at.engine, tmp_path)
        await answers.give(at.engine, at.page, at.ask(code, "abfa"), "آب وصل شد.")
        await post.all()
        at.at += timedelta(hours=1)
        await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
        await post.later(hours=2)
        assert post.sent == ["آب وصل شد."] and await post.ended() == [NO_LONGER_SO]
        at.at += timedelta(hours=2)
        await answers.give(at.engine, at.page, at.ask(code, "abfa"), "لوله عوض شد.")
        await post.later(hours=2)
        assert post.sent == ["آب وصل شد.", "لوله عوض شد."]


async def test_nor_where_nothing_was_written_of_it_until_then(at: Hall, tmp_path: Path) -> None:
    async with post_office(at, tmp_path, TAKEN) as post:
        code = await opened(at.engine, tmp_path)
        await answers.give(at.engine, at.page, at.ask(code, "abfa"), "آب وصل شد.")
        at.at += timedelta(hours=1)
        await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
        await post.later(hours=2)
        assert post.sent == []


async def test_who_withdrew_as_the_desk_wrote_is_told_so_unless_her_case_was_opened_again_since(
    at: Hall, tmp_path: Path
) -> None:
    async with post_office(at, tmp_path, TAKEN, AWAY) as post:
        (tmp_path / "notices.yaml").write_text(OF_A_WITHDRAWAL)
        told, late, unwritten = [await opened(at.engine, tmp_path) for _ in range(3)]
        await closing.withdraw(at.engine, at.page, at.ask(told, reason="گفت"))
        await post.all()
        await closing.withdraw(at.engine, at.page, at.ask(late, reason="گفت"))
        await post.all()
        assert post.sent == [told, late]
        await closing.withdraw(at.engine, at.page, at.ask(unwritten, reason="گفت"))
        at.at += timedelta(hours=1)
        for code in (late, unwritten):
            await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
        await post.later(hours=2)
        assert post.sent == [told, late] and sorted(await post.ended()) == ["", NO_LONGER_SO]


async def test_a_first_answer_is_not_told_after_the_second(at: Hall, tmp_path: Path) -> None:
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        code = await opened(at.engine, tmp_path)
        for words in ("آب وصل شد.", "لوله عوض شد."):
            await answers.give(at.engine, at.page, at.ask(code, "abfa"), words)
            post.now = at.at
            await post.all()
            at.at += timedelta(seconds=10)
        await post.later(hours=7)
        assert post.sent == ["آب وصل شد.", "لوله عوض شد."]


@pytest.mark.parametrize("by", [Actor("ivr", Side.MACHINE), Actor("desk", Side.DESK)], ids=lambda by: by.side)
async def test_an_answer_that_the_case_ended_with_is_told_all_the_same(
    at: Hall, tmp_path: Path, by: Actor
) -> None:
    """Above all where nobody could reach her by telephone."""
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        code = await opened(at.engine, tmp_path)
        await answers.give(at.engine, at.page, at.ask(code, "abfa"), "آب وصل شد.")
        await post.all()
        at.at += timedelta(hours=1)
        await closing.close(at.engine, at.page, Instruction(code, by, "بی‌پاسخ", at.at))
        await post.later(hours=7)
        assert post.sent == ["آب وصل شد."] * 2


async def test_a_letter_of_a_release_that_kept_nothing_is_sent_as_before(at: Hall, tmp_path: Path) -> None:
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        number, _ = await invited(at)
        await post.all()
        async with at.engine.begin() as connection:
            without = "UPDATE outbox SET payload = jsonb_build_object('to', payload->'to', 'case',"
            without += " payload->'case', 'text', payload->'text', 'subject', '') WHERE kind = 'sms'"
            await connection.execute(text(without))
        await session_moving.move(at.engine, at.page, at.by("", "سفر"), number, MONDAY)
        await post.later(hours=7)
        assert len(post.sent) == 3


async def test_a_letter_that_leaves_at_once_asks_nothing_more(at: Hall, tmp_path: Path) -> None:
    """And one that stood in a long line for its first turn does."""
    asked: list[str] = []
    listen(at.engine.sync_engine, "before_cursor_execute", lambda *its: asked.append(its[2]))

    async def questions(post: PostOffice) -> int:
        asked.clear()
        async with open_session(post.settings) as session:
            found: Any = ways(session, post.settings, post.delivery.clock)
            assert await post.delivery.once("sms", found) == 1
        return sum(each.startswith("SELECT") for each in asked)

    async with post_office(at, tmp_path, TAKEN) as post:
        await invited(at)
        await post.once()
        assert await questions(post) == 0 and len(post.sent) == 1
        await accepted(at, 5, "09141234561")
        await at.fill(await at.session(slots=1, starts_at=MONDAY))
        await post.once()
        post.now += timedelta(hours=1)
        assert await questions(post) == 1 and len(post.sent) == 2


@pytest.mark.parametrize("about", ["abfa", "edu", None])
async def test_what_waits_for_a_body_is_not_told_once_the_case_was_taken_from_it(
    at: Hall, tmp_path: Path, about: str | None
) -> None:
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        (tmp_path / "notices.yaml").write_text(TO_BODIES)
        code = await opened(at.engine, tmp_path)
        await post.all()
        if about:
            told = Secrecy(about, told="رشوه")
            await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), told)
        else:
            await referring.refer(at.engine, at.page, at.ask(code), "edu")
        await post.later(hours=7)
        goes = about == "edu"  # of another body the one that has it may still be told
        assert len(post.sent) == 1 + goes and await post.ended() == ["" if goes else NO_LONGER_SO]


@pytest.mark.parametrize("about", ["edu", "tamin"])
async def test_what_waits_for_a_body_that_was_asked_is_told_unless_the_case_is_about_it(
    at: Hall, tmp_path: Path, about: str
) -> None:
    async with post_office(at, tmp_path, AWAY, TAKEN) as post:
        code = await opened(at.engine, tmp_path)
        await post.all()
        (tmp_path / "notices.yaml").write_text(TO_BODIES)
        asked = outbox_row("asked", REMINDED, post.now, {"case": code, "body": "edu"})
        async with at.engine.begin() as connection:
            await connection.execute(outbox.insert().values(asked))
        await post.all()
        told = Secrecy(about, told="رشوه")
        await confiding.confide(at.engine, at.page, at.ask(code, "desk", "تهدید"), told)
        await post.later(hours=7)
        assert len(post.sent) == 1 + (about != "edu")


async def test_a_body_is_not_told_of_what_is_about_it_also_where_it_answered_that_before(
    at: Hall, tmp_path: Path
) -> None:
    async with post_office(at, tmp_path, TAKEN) as post:
        (tmp_path / "notices.yaml").write_text(OF_AN_ANSWER % post.web.url)
        code = await opened(at.engine, tmp_path)
        await answers.give(at.engine, at.page, at.ask(code, "abfa"), "آب وصل شد.")
        await post.all()
        before = len(post.web.requests)
        its = Secrecy("abfa", told="رشوه")
        await confiding.confide(at.engine, at.page, at.ask(code, "desk", "پاسخ دروغ است"), its)
        at.at += timedelta(seconds=10)
        await answers.give(at.engine, at.page, at.ask(code), "بررسی شد.")
        await post.later(minutes=1)
        assert before > 1 and [r["query"].get("text") for r in post.web.requests[before:]] == ["بررسی شد."]


async def test_what_waits_for_a_contact_of_no_body_is_told_whoever_has_the_case_by_then(
    at: Hall, tmp_path: Path
) -> None:
    """Also where the body has the same number."""
    async with post_office(at, tmp_path, AWAY, AWAY, TAKEN) as post:
        code = await opened(at.engine, tmp_path)
        await post.all()
        (tmp_path / "notices.yaml").write_text(UP % post.web.url)
        climbed = outbox_row("up", "case_escalated", post.now, {"case": code, "level": "governor"})
        async with at.engine.begin() as connection:
            await connection.execute(outbox.insert().values(climbed))
        await post.all()
        await referring.refer(at.engine, at.page, at.ask(code), "edu")
        await post.later(hours=7)
        assert sorted(request["path"] for request in post.web.requests) == ["/", "/", "/hook", "/hook"]
        assert await post.ended() == [""]


ALL = "http://127.0.0.1:9/all"
WAITED = """
contacts:
  - {agency: abfa, email: [desk@abfa.example]}
  - {agency: edu, email: [desk@edu.example]}
  - {webhook: ["%s"]}
notices:
  - {on: case_opened, to: citizen, by: sms, text: "{code}"}
  - {on: case_opened, to: agency, by: email, subject: "opened", text: "{agency}"}
  - {on: case_referred, to: agency, by: email, subject: "referred", text: "{agency}"}
  - {on: case_repeated, to: agency, by: email, subject: "repeated", text: "{agency}"}
"""


async def test_what_waited_while_nobody_worked_is_told_to_no_body_that_got_the_case_meanwhile(
    at: Hall, tmp_path: Path
) -> None:
    """But that she said more, and whom no body has for a contact: who hears of any case hears of these."""
    (tmp_path / "notices.yaml").write_text(WAITED % ALL)
    codes = [await opened(at.engine, tmp_path, number) for number in ("09141234567", "09141234568")]
    again = outbox_row("again", "case_repeated", WEDNESDAY, {"case": codes[0]})
    async with at.engine.begin() as connection:
        await connection.execute(outbox.insert().values(again))
    at.at += timedelta(minutes=1)
    for code, body in zip(codes, ("edu", "gas"), strict=True):
        await referring.refer(at.engine, at.page, at.ask(code), body)
    post = Post(at.engine, Notify(), tmp_path)
    post.now = at.at + LEASE
    open_ways: dict[str, Any] = dict.fromkeys(outgoing.LETTERS)
    assert await post.delivery.once(outgoing.INSIDE, open_ways) == 5
    async with at.engine.connect() as connection:
        query = select(outbox.c.payload).where(outbox.c.kind.in_(outgoing.LETTERS))
        letters = (await connection.execute(query)).scalars().all()
    names = ("case", "to", "subject", "event")
    told = sorted(tuple(filter(None, map(each.get, names))) for each in letters)
    assert told == sorted(
        [
            (codes[0], "+989141234567"),
            (codes[0], "desk@edu.example", "referred"),
            (codes[0], "desk@edu.example", "repeated"),
            (codes[1], "+989141234568"),
            (codes[1], ALL, "case_opened"),
            (codes[1], ALL, "case_referred"),
        ]
    )


TOMORROW = """
contacts:
  - {agency: edu, sms: ["09121112244"]}
notices:
  - {on: meeting_reminder, to: agency, by: sms, text: "%s"}
"""


@pytest.mark.parametrize("written", ["فردا", "{tomorrow}"])
async def test_the_reminder_of_a_slot_goes_to_the_body_that_got_the_case_since_the_invitation(
    at: Hall, tmp_path: Path, written: str
) -> None:
    """Also where it waited for the file."""
    async with post_office(at, tmp_path, TAKEN) as post:
        _, code = await invited(at)
        await post.all()
        at.at += timedelta(hours=1)
        await referring.refer(at.engine, at.page, at.ask(code), "edu")
        (tmp_path / "notices.yaml").write_text(TOMORROW % written)
        before = len(post.sent)
        await post.later(days=9, hours=4)
        (tmp_path / "notices.yaml").write_text(TOMORROW % "فردا")
        await post.later(hours=1)
        assert post.sent[before:] == ["فردا"]


MERGED = """
contacts:
  - {agency: abfa, sms: ["09121112233"]}
  - {agency: edu, sms: ["09121112244"]}
notices:
  - {on: case_opened, to: agency, by: sms, text: "opened {code}"}
  - {on: case_merged, to: agency, by: sms, text: "merged {code}"}
"""


async def test_that_a_case_goes_on_in_another_body_s_is_told_to_that_body_also_where_it_waited(
    at: Hall, tmp_path: Path
) -> None:
    async with post_office(at, tmp_path, TAKEN) as post:
        (tmp_path / "notices.yaml").write_text(MERGED)
        one, other = [await opened(at.engine, tmp_path) for _ in range(2)]
        at.at += timedelta(hours=1)
        await referring.refer(at.engine, at.page, at.ask(other), "edu")
        at.at += timedelta(hours=1)
        await closing.merge(at.engine, at.page, at.ask(one, reason="همان تماس"), other)
        post.now = at.at + LEASE * 2
        await post.all()
        assert post.sent == [f"merged {one}"]
        assert [request["query"]["to"] for request in post.web.requests] == ["09121112244"]
        third = await opened(at.engine, tmp_path)
        await closing.merge(at.engine, at.page, at.ask(third, reason="همان تماس"), other)
        at.at += timedelta(hours=1)
        await referring.refer(at.engine, at.page, at.ask(other), "gas")  # which had neither then
        post.now = at.at + LEASE * 2
        await post.all()
        assert post.sent == [f"merged {one}"]
