"""The outbox on its way out: real PostgreSQL, real servers, workers that die."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor, Side
from ivr.commands import doctor
from ivr.desk.call import callback_list
from ivr.desk.case import referring
from ivr.desk.case.change import Instruction, actor_named
from ivr.desk.case.rows import outbox_row
from ivr.desk.editing.changing import Why, change, wish
from ivr.desk.editing.nouns import NOTICE
from ivr.desk.keeping import retention
from ivr.desk.letters import outgoing
from ivr.desk.letters.held_events import HELD_FOR
from ivr.desk.letters.outgoing import INSIDE, LEASE, RETRIES, Leased
from ivr.desk.people import auditing
from ivr.desk.people.scope import Scope
from ivr.desk.reading import as_json
from ivr.lab.pace import patience
from ivr.loops import delivery, every
from ivr.loops.delivery import EVENTS, LANES, Delivery, open_session, ways
from ivr.loops.every import Loops
from ivr.notify.mail import LONGEST_SECONDS
from ivr.notify.post import Sender
from ivr.notify.sms import ConsoleSms
from ivr.settings import Email, Notify, Settings, Sms
from ivr.store.tables import outbox
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.commands import typed
from tests.fixtures.database import SEED
from tests.fixtures.province import answer, book_of, read_page
from tests.notify.servers import http_server, scripted_smtp_server, silent_server, smtp_server

NOW = WEDNESDAY + timedelta(hours=1)


def notices(folder: Path, hook: str = "https://127.0.0.1:9/") -> Path:
    (folder / "notices.yaml").write_text(
        f"""
contacts:
  - {{agency: abfa, email: [desk@abfa.example], webhook: ["{hook}"]}}
notices:
  - {{on: case_opened, to: citizen, by: sms, text: "{{code}} {{due}}"}}
  - {{on: case_answered, to: agency, by: email, subject: "{{code}}", text: "{{topic}}: {{answer}}"}}
"""
    )
    return folder


async def opened(engine: AsyncEngine, folder: Path, number: str = "09141234567") -> str:
    async with office(engine, folder / "office") as desk:
        code = await desk.intake.open_case(call(number), opening())
        await desk.pump.idle()
    return code


class Post:
    """Deliveries at a time of the test's choosing."""

    def __init__(self, engine: AsyncEngine, settings: Notify, folder: Path) -> None:
        self.now = NOW
        self.engine, self.settings = engine, settings
        self.delivery = Delivery(book_of(engine), settings, folder, lambda: self.now)

    async def once(self) -> int:
        """A batch of each lane; the letters of its events are for the next time."""
        async with open_session(self.settings) as session:
            found = ways(session, self.settings, self.delivery.clock)
            return sum([await self.delivery.once(lane, found) for lane in reversed(LANES)])

    async def all(self) -> None:
        while await self.once():
            pass

    async def states(self) -> dict[str, str]:
        return {row["kind"]: row["state"] for row in await outgoing.listed(self.engine, "all", 50)}


def to_gateway(url: str) -> Notify:
    return Notify(sms=Sms(by="http", method="GET", url=url + "/?to={number}&text={text}&id={id}"))


async def test_events_become_letters_that_arrive(engine: AsyncEngine, tmp_path: Path) -> None:
    async with http_server() as web, smtp_server() as smtp:
        settings = Notify(
            sms=to_gateway(web.url).sms, webhook_secret="s",
            email=Email(host="127.0.0.1", port=smtp.port, tls="none"),
        )  # fmt: skip
        post = Post(engine, settings, notices(tmp_path, web.url + "/hook"))
        code = await opened(engine, tmp_path)
        await answer(engine, code, "abfa", "آب وصل شد.", NOW)
        await post.all()
    messages = [r for r in web.requests if r["path"] == "/"]
    assert [m["query"]["text"] for m in messages] == [f"{code} ۱۴۰۵/۰۹/۰۸"]
    hooks = [json.loads(r["body"]) for r in web.requests if r["path"] == "/hook"]
    assert sorted(h["event"] for h in hooks) == ["case_answered", "case_opened"]
    assert {name for h in hooks for name in h} == {"id", "case", "event", "at", "details"}
    assert "9141234567" not in json.dumps(hooks)
    signed = [r["headers"]["Seda-Signature"].split(",")[0] for r in web.requests if r["path"] == "/hook"]
    assert {*signed} == {f"t={int(NOW.timestamp())}"}, "by the house's clock, and not by this machine's"
    assert len(smtp.letters) == 1
    assert set((await post.states()).values()) == {"sent"}


async def test_neither_log_nor_list_holds_what_is_secret_in_the_address_of_a_webhook_that_fails(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = notices(tmp_path, "http://seda:s3cret@127.0.0.1:9/hook?key=s3cret")
    post = Post(engine, Notify(webhook_secret="s"), folder)
    await opened(engine, tmp_path)
    await post.all()
    [failed] = [row for row in await outgoing.listed(engine, "waiting", 9) if row["kind"] == "webhook"]
    assert failed["attempts"] and failed["to"] == "http://***@127.0.0.1:9/hook?***"
    assert f"webhook to {failed['to']} was not sent" in caplog.text and "s3cret" not in caplog.text


async def test_where_nobody_is_to_be_told_of_an_event_its_case_is_not_read(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    asked: list[str] = []
    listen(engine.sync_engine, "before_cursor_execute", lambda *its: asked.append(its[2]))
    await opened(engine, tmp_path)
    asked.clear()
    post = Post(engine, Notify(), SEED)  # whose notices are texts and letters, and no way of theirs is open
    await post.all()
    assert asked and not [each for each in asked if "FROM cases" in each]
    assert await post.states() == {"case_opened": "sent"}


async def test_an_event_is_not_compared_with_all_others_of_its_batch(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[object] = []
    is_same = Leased.__eq__

    def counted(one: Leased, other: object) -> bool:
        compared.append(one)
        return is_same(one, other)

    async with office(engine, tmp_path / "office") as desk:
        for _ in range(20):
            await desk.intake.open_case(call(), opening())
        await desk.pump.idle()
    monkeypatch.setattr(Leased, "__eq__", counted)
    assert await Post(engine, Notify(), SEED).once() == 20
    assert len(compared) <= 20


async def test_what_an_admin_changed_is_what_the_next_citizen_reads(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    words = {"on": "case_opened", "to": "citizen", "by": "sms", "text": "ثبت شد: {code}"}
    why = Why(Actor("admin", Side.DESK))
    async with http_server() as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        codes: list[str] = []
        for wanted in (None, {}, {"retired": "true"}):
            if wanted is not None:
                await change(engine, why, wish(NOTICE, words | wanted))
            codes.append(await opened(engine, tmp_path, f"0914000000{len(codes)}"))
            await post.all()
    told = [request["query"]["text"] for request in web.requests if request["path"] == "/"]
    assert told == [f"{codes[0]} ۱۴۰۵/۰۹/۰۸", f"ثبت شد: {codes[1]}"], "and the third one nothing"


async def test_an_event_at_fault_holds_up_no_other_and_is_seen_in_the_end(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with http_server() as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO outbox (id, key, kind, payload, created_at, next_at)"
                    " SELECT gen_random_uuid(), 'odd', 'case_opened', '[]', opened_at, opened_at FROM cases"
                )
            )
        for seconds in (0.0, *RETRIES):
            post.now += timedelta(seconds=seconds)
            await post.all()
        assert len(web.requests) == 1
        async with engine.connect() as connection:
            dead = await connection.execute(text("SELECT key FROM outbox WHERE dead_at IS NOT NULL"))
            assert "odd" in dead.scalars().all()


async def test_rows_that_nobody_can_read_are_put_aside_and_what_comes_after_them_leaves(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    unreadable = {"sms": "[]", "webhook": '"a"', outgoing.WISH: "{}", "no_such_kind": "7"}
    async with http_server() as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        row = """INSERT INTO outbox (id, key, kind, payload, created_at, next_at) VALUES
            (gen_random_uuid(), :kind, :kind, CAST(:payload AS jsonb), now() - interval '1 year',
            now() - interval '1 year')"""
        async with engine.begin() as connection:
            for kind, payload in unreadable.items():
                await connection.execute(text(row), {"kind": kind, "payload": payload})
        for seconds in (0.0, *RETRIES):
            post.now += timedelta(seconds=seconds)
            await post.all()
    assert len(web.requests) == 1
    dead = {row["kind"]: row for row in await outgoing.listed(engine, "dead", 50) if not row["case"]}
    assert set(dead) == set(unreadable)
    assert "can't be worked on: AttributeError" in dead["sms"]["last_error"]
    assert "KeyError" in dead[outgoing.WISH]["last_error"]


async def test_the_body_hears_of_a_case_at_its_opening_too(engine: AsyncEngine, tmp_path: Path) -> None:
    (tmp_path / "notices.yaml").write_text(
        """
contacts: [{agency: abfa, email: [desk@abfa.example]}]
notices: [{on: case_referred, to: agency, by: email, subject: "{code}", text: "{topic} {due}"}]
"""
    )
    async with smtp_server() as smtp:
        settings = Notify(email=Email(host="127.0.0.1", port=smtp.port, tls="none"))
        post = Post(engine, settings, tmp_path)
        code = await opened(engine, tmp_path)
        await post.all()
    assert len(smtp.letters) == 1 and code in str(smtp.letters[0].content)


async def test_the_same_event_twice_is_one_letter_and_two_workers_send_it_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with http_server() as web:
        posts = [Post(engine, to_gateway(web.url), notices(tmp_path)) for _ in range(4)]
        await opened(engine, tmp_path)
        for _ in range(3):
            await asyncio.gather(*(post.once() for post in posts))
        async with engine.begin() as connection:  # as a worker that died after its letters, before its mark
            await connection.execute(text("UPDATE outbox SET delivered_at = NULL WHERE kind = 'case_opened'"))
        for post in posts:
            post.now += LEASE * 2
        await posts[0].all()
    assert len(web.requests) == 1


async def test_what_fails_is_tried_again_ever_more_slowly_then_dead_then_retried(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    cut = (0, "")  # and once more by aiohttp itself
    async with http_server((500, ""), cut, cut, *[(503, "")] * 5, (200, "")) as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        await post.all()
        for seconds in RETRIES:
            assert (await post.states())["sms"] == "waiting"
            assert await post.once() == 0
            post.now += timedelta(seconds=seconds)
            assert await post.once() >= 1
        assert (await post.states())["sms"] == "dead" and len(web.requests) == len(RETRIES) + 2
        [dead] = [r for r in await outgoing.listed(engine, "dead", 9) if r["kind"] == "sms"]
        assert dead["last_error"] == "the gateway answered 503" and dead["to"] == "+98914***67"
        post.now += timedelta(days=30)
        await post.all()
        assert len(web.requests) == len(RETRIES) + 2
        assert await outgoing.retry(engine, post.now) >= 1
        await post.all()
        assert (await post.states())["sms"] == "sent"
        ids = {request["query"]["id"] for request in web.requests}
        assert len(ids) == 1  # so the receiver can know it again


async def test_what_will_never_be_accepted_is_dead_at_once(engine: AsyncEngine, tmp_path: Path) -> None:
    async with http_server((400, "")) as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        await post.all()
        assert (await post.states())["sms"] == "dead" and len(web.requests) == 1


async def test_while_a_gateway_refuses_us_messages_wait_for_two_weeks_and_that_is_told(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(state=tmp_path, database_url=database_url)
    async with http_server(*[(402, "")] * (len(RETRIES) + 5), (200, ""), (402, "")) as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        await post.all()
        for seconds in (*RETRIES, *[RETRIES[-1]] * 4):
            post.now += timedelta(seconds=seconds)
            await post.all()
            assert (await post.states())["sms"] == "waiting"
        other = Post(engine, to_gateway(web.url), notices(tmp_path))  # another worker, idle
        other.now = post.now
        for each in (post, other):
            await each.delivery.look()
            assert each.delivery.trouble.endswith("1 by sms")
        told = await doctor._leaving(settings)  # this check alone: all of them take seconds
        assert not told.ok and "1 letters that nobody takes yet" in told.found
        post.now += timedelta(days=1)
        await post.all()
        assert (await post.states())["sms"] == "sent"
        other.now = post.now
        for each in (post, other):
            await each.delivery.look()
            assert each.delivery.trouble == ""
        await opened(engine, tmp_path, "09141234568")
        for _ in range(20):
            await post.all()
            post.now += timedelta(days=1)
    assert [row["kind"] for row in await outgoing.listed(engine, "dead", 9) if row["kind"] == "sms"] == [
        "sms"
    ]
    assert len(web.requests) == len(RETRIES) + 6 + 15, "and then a person looks"


async def test_what_nobody_took_is_told_no_more_once_it_has_left_also_where_the_clock_was_ahead_meanwhile(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with http_server(*[(402, "")] * (len(RETRIES) + 1), (200, "")) as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        await post.all()
        for seconds in RETRIES:
            post.now += timedelta(seconds=seconds)
            await post.all()
        post.now += timedelta(days=2)
        await post.delivery.look()
        assert post.delivery.trouble.endswith("1 by sms")
        post.now -= timedelta(days=1)  # put right
        await post.all()
        await post.delivery.look()
        assert (await post.states())["sms"] == "sent" and post.delivery.trouble == ""


async def test_a_worker_that_dies_with_a_letter_in_hand_leaves_it_to_the_next(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with http_server() as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        await post.once()
        in_hand = await outgoing.lease(engine, NOW)  # and its holder is never seen again
        assert "sms" in {row.kind for row in in_hand}
        await post.all()
        assert web.requests == []
        post.now += LEASE
        await post.all()
        assert len(web.requests) == 1


async def test_a_file_that_can_t_be_read_loses_nothing_and_holds_up_neither_letters_nor_wishes(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with http_server() as web:
        before = Post(engine, to_gateway(web.url), notices(tmp_path))
        code = await opened(engine, tmp_path)
        await before.once()
        (tmp_path / "notices.yaml").write_text("notices: [{on: x}]")
        post = Post(engine, to_gateway(web.url), tmp_path)
        await opened(engine, tmp_path, "09141234568")
        async with office(engine, tmp_path / "later") as desk:
            await desk.intake.wish_call_back(call("09350000000"), code)
            await desk.pump.idle()
        await post.all()
        assert "notices.yaml:1:" in caplog.text and "notices.yaml" in post.delivery.trouble
        assert len(web.requests) == 1, "what was written already left"
        assert [row["number"] for row in await callback_list.listed(engine)] == ["+98935***00"]
        notices(tmp_path)
        await post.all()
        assert len(web.requests) == 2 and not post.delivery.trouble


async def test_while_the_province_s_folder_is_gone_events_wait_and_are_told_once_it_is_back(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    (folder := tmp_path / "province").mkdir()
    async with http_server() as web:
        post = Post(engine, to_gateway(web.url), folder)
        await opened(engine, tmp_path)
        await post.all()
        assert not web.requests and "notices.yaml" in post.delivery.trouble, "the place of a disk"
        folder.rmdir()
        await post.all()
        assert not web.requests and "notices.yaml" in post.delivery.trouble
        folder.mkdir()
        notices(folder)
        await post.all()
        assert len(web.requests) == 1 and not post.delivery.trouble
        (folder / "notices.yaml").rename(folder / "notices.before")
        await post.all()
        assert not post.delivery.trouble, "a folder that has no such file wants nobody told"


async def test_one_bad_text_or_address_costs_only_the_messages_that_need_it_until_it_is_mended(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with http_server() as web, smtp_server() as smtp:
        settings = Notify(
            sms=to_gateway(web.url).sms, webhook_secret="s",
            email=Email(host="127.0.0.1", port=smtp.port, tls="none"),
        )  # fmt: skip
        good = notices(tmp_path, web.url + "/hook").joinpath("notices.yaml").read_text()
        bad = good.replace("{topic}: {answer}", "{tpoic}").replace(web.url, "abfa.example")
        (tmp_path / "notices.yaml").write_text(
            bad + '\naccounts: [{on: password_set, subject: "{}", text: "{nmae}"}]'
        )
        post = Post(engine, settings, tmp_path)
        code = await opened(engine, tmp_path)
        await answer(engine, code, "abfa", "آب وصل شد.", NOW)
        await post.all()
        assert [request["path"] for request in web.requests] == ["/"], "she is written to"
        for key in ("contacts[0].webhook[0]", "notices[1].text", "accounts[0].subject", "accounts[0].text"):
            assert f": {key}: " in caplog.text
        waiting = await outgoing.listed(engine, "waiting", 9)
        assert {row["kind"] for row in waiting} == {"case_opened", "case_answered"}
        assert all("notices.yaml:" in row["last_error"] for row in waiting)
        (tmp_path / "notices.yaml").write_text(good)
        await post.all()
    assert sorted(request["path"] for request in web.requests) == ["/", "/hook", "/hook"], "she only once"
    assert len(smtp.letters) == 1 and not await outgoing.listed(engine, "waiting", 9)


def mistaken(folder: Path) -> str:
    """What the file said before a notice of it became one that can't be written."""
    file = notices(folder) / "notices.yaml"
    good = file.read_text()
    file.write_text(good.replace("{code} {due}", "{cdoe}"))
    return good


async def test_what_waits_for_the_file_is_never_given_up_and_leaves_as_soon_as_it_is_mended(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with http_server() as web:
        good = mistaken(tmp_path)
        post = Post(engine, to_gateway(web.url), tmp_path)
        await opened(engine, tmp_path)
        for _ in range(len(RETRIES) + 3):
            await post.all()
            [row] = [row for row in await outgoing.listed(engine, "all", 9) if row["kind"] == "case_opened"]
            assert (row["state"], row["attempts"]) == ("waiting", 0)
            post.now += HELD_FOR
        post.now += timedelta(days=3)
        await post.all()
        assert web.requests == []
        (tmp_path / "notices.yaml").write_text(good)
        await post.all()
    assert len(web.requests) == 1, "without a minute more"


async def test_what_another_process_kept_waiting_for_the_file_leaves_as_soon_as_a_server_starts(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with http_server() as web:
        good = mistaken(tmp_path)
        await opened(engine, tmp_path)
        await Post(engine, to_gateway(web.url), tmp_path).all()
        assert web.requests == []
        (tmp_path / "notices.yaml").write_text(good)
        await Post(engine, to_gateway(web.url), tmp_path).all()
    assert len(web.requests) == 1


async def test_the_trouble_is_told_until_nothing_waits_any_more(engine: AsyncEngine, tmp_path: Path) -> None:
    async with http_server() as web:
        good = mistaken(tmp_path)
        post = Post(engine, to_gateway(web.url), tmp_path)
        await opened(engine, tmp_path)
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO outbox (id, key, kind, payload, created_at, next_at)"
                    " SELECT gen_random_uuid(), 'more:' || n, kind, payload, created_at, next_at"
                    " FROM outbox, generate_series(1, 210) n WHERE kind = 'case_opened'"
                )
            )
        await post.all()
        assert "wrong in notices.yaml" in post.delivery.trouble
        (tmp_path / "notices.yaml").write_text(good)
        assert await post.delivery.once(INSIDE, {"sms": ConsoleSms()}) == EVENTS
        assert "still wait" in post.delivery.trouble
        await post.all()
        assert len(web.requests) == 211 and post.delivery.trouble == ""


async def test_what_waited_for_the_file_goes_to_no_body_that_got_the_case_meanwhile(
    engine: AsyncEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = """
contacts:
  - {agency: abfa, email: [desk@abfa.example], webhook: ["http://127.0.0.1:9/abfa"]}
  - {agency: edu, email: [desk@edu.example], webhook: ["http://127.0.0.1:9/edu"]}
notices:
  - {on: case_opened, to: citizen, by: sms, text: "{code}"}
  - {on: case_opened, to: agency, by: email, subject: "{code}", text: "{agency}"}
"""
    (tmp_path / "notices.yaml").write_text(good.replace("{agency}", "{agnecy}").replace('"{code}"}', '"{"}'))
    open_ways: dict[str, Any] = dict.fromkeys(("sms", "email", "webhook"))
    post = Post(engine, Notify(), tmp_path)
    moved, stays = await opened(engine, tmp_path), await opened(engine, tmp_path, "09141234568")
    await post.delivery.once(INSIDE, open_ways)
    async with engine.connect() as connection:
        page = await read_page(connection)
    await referring.refer(engine, page, Instruction(moved, actor_named(page, "desk/sadr"), now=NOW), "edu")
    (tmp_path / "notices.yaml").write_text(good)
    while await post.delivery.once(INSIDE, open_ways):
        pass
    async with engine.connect() as connection:
        query = select(outbox.c.payload["case"].astext, outbox.c.payload["to"].astext)
        query = query.where(outbox.c.key.startswith("case_opened:"), outbox.c.kind.in_(outgoing.LETTERS))
        told = {(code, to) for code, to in await connection.execute(query)}
    hers = {(moved, "+989141234567"), (stays, "+989141234568")}
    abfa = "http://127.0.0.1:9/abfa"  # was told before it moved
    assert told == hers | {(stays, "desk@abfa.example"), (stays, abfa), (moved, abfa)}
    assert "goes to no body: abfa had the case, edu has it" in caplog.text
    assert not post.delivery.trouble


async def test_a_gateway_that_never_answers_holds_up_neither_mail_nor_webhooks_nor_call_backs(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with http_server() as web, smtp_server() as smtp, silent_server() as silence:
        settings = Notify(
            sms=to_gateway(silence).sms, webhook_secret="s", at_once=1, seconds=120,
            email=Email(host="127.0.0.1", port=smtp.port, tls="none"),
        )  # fmt: skip
        post = Post(engine, settings, notices(tmp_path, web.url + "/hook"))
        codes = [await opened(engine, tmp_path, f"0914123456{each}") for each in range(3)]
        await post.once()
        assert (await post.states())["sms"] == "waiting"
        loops = Loops()
        post.delivery.start(loops)
        async with asyncio.timeout(patience(20)):
            await answer(engine, codes[0], "abfa", "آب وصل شد.", NOW)
            async with office(engine, tmp_path / "later") as desk:
                await desk.intake.wish_call_back(call("09350000000"), codes[1])
                await desk.pump.idle()
            post.now += timedelta(minutes=1)
            while not (
                smtp.letters
                and len(web.requests) == len(codes) + 1
                and "+98935***00" in [row["number"] for row in await callback_list.listed(engine)]
            ):
                await asyncio.sleep(0.05)
        await loops.close()
    assert (await post.states())["sms"] == "waiting"


class CountedDelivery(Delivery):
    """Counts how often each lane looked for rows of its own."""

    def __init__(self, *its: Any) -> None:
        super().__init__(*its)
        self.looks = Counter[str]()

    async def once(self, lane: str, ways: Mapping[str, Sender]) -> int:
        self.looks[lane] += 1
        return await super().once(lane, ways)


async def test_a_lane_of_which_nothing_is_due_asks_nothing(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LOOK_SECONDS", 0.02)
    async with http_server() as web:
        settings = to_gateway(web.url)
        its = CountedDelivery(book_of(engine), settings, notices(tmp_path), lambda: NOW)
        loops = Loops()
        its.start(loops)
        async with asyncio.timeout(patience(20)):
            while its.looks.total() < len(LANES):
                await asyncio.sleep(0.02)
            for each in range(3):
                await letter_due(engine, f"sms:{each}")
                while len(web.requests) <= each:
                    await asyncio.sleep(0.02)
        await loops.close()
    assert its.looks["sms"] >= 3 and its.looks["email"] == its.looks["webhook"] == 1


async def letter_due(engine: AsyncEngine, key: str, to: str = "+989141234567") -> None:
    """`key` begins with its kind."""
    row = outbox_row(key, key.partition(":")[0], NOW, {"to": to, "text": "111"})
    async with engine.begin() as connection:
        await connection.execute(outbox.insert(), [row])


@pytest.mark.parametrize("script", [(6.0, "250 taken"), ("250 taken", 6.0)], ids=["late", "then silent"])
async def test_a_mail_that_is_taken_late_or_by_a_server_that_then_says_no_more_is_not_sent_again(
    engine: AsyncEngine, tmp_path: Path, script: tuple[str | float, ...]
) -> None:
    async with scripted_smtp_server("220 1", "250 2", "250 3", "250 4", "354 5", *script, "221 bye") as port:
        its = Email(host="127.0.0.1", port=port, tls="none")
        post = Post(engine, Notify(email=its, seconds=5), notices(tmp_path))
        await letter_due(engine, "email:1", "desk@abfa.example")
        await post.once()
    assert await post.states() == {"email": "sent"}


async def test_once_what_left_can_t_be_marked_nothing_more_of_its_batch_leaves(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*its: Any) -> None:
        raise ConnectionRefusedError

    async with http_server() as web:
        post = Post(engine, to_gateway(web.url).model_copy(update={"at_once": 1}), notices(tmp_path))
        for each in range(3):
            await letter_due(engine, f"sms:{each}")
        with monkeypatch.context() as gone:
            gone.setattr(outgoing, "delivered", away)
            with pytest.raises(ConnectionRefusedError):
                await post.once()
        assert len(web.requests) == 1
        await post.all()
        assert len(web.requests) == 1, "they are leased"
        post.now += LEASE
        await post.all()
    times = Counter(request["query"]["id"] for request in web.requests)
    assert sorted(times.values()) == [1, 1, 2]


async def test_a_lane_at_fault_is_counted_and_told_and_costs_no_letter(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every, "FIRST_SECONDS", 0.01)
    async with http_server() as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE outbox RENAME TO outbox_of_tomorrow"))
        loops = Loops()
        post.delivery.start(loops)
        async with asyncio.timeout(patience(20)):
            while len(loops.troubles) < len(LANES):
                await asyncio.sleep(0.05)
            assert all("keeps failing" in told for told in loops.troubles)
            assert all("UndefinedTable" in told or "ProgrammingError" in told for told in loops.troubles)
            async with engine.begin() as connection:
                await connection.execute(text("ALTER TABLE outbox_of_tomorrow RENAME TO outbox"))
            while (await post.states()).get("sms") != "sent":
                await asyncio.sleep(0.05)
        await loops.close()


@pytest.mark.parametrize(
    ("lane", "at_once", "seconds"),
    [("sms", 1, 120.0), ("sms", 5, 20.0), ("sms", 100, 1.0), ("email", 5, 20.0), ("email", 50, 1.0)],
)
async def test_no_more_is_taken_at_once_than_leaves_while_it_is_ours(
    engine: AsyncEngine, tmp_path: Path, lane: str, at_once: int, seconds: float
) -> None:
    its = Delivery(book_of(engine), Notify(at_once=at_once, seconds=seconds), tmp_path, lambda: NOW)
    async with engine.begin() as connection:
        row = """INSERT INTO outbox (id, key, kind, payload, created_at, next_at)
            SELECT gen_random_uuid(), 'n:' || n, :lane, '{}', :now, :now FROM generate_series(1, 210) n"""
        await connection.execute(text(row), {"now": NOW, "lane": lane})
    notices(tmp_path)
    taken = await its.once(lane, {})
    longest = LONGEST_SECONDS if lane == "email" else seconds
    assert 1 <= taken <= 50 and taken / at_once * longest < LEASE.total_seconds()


async def test_a_wish_to_be_called_becomes_a_call_back(engine: AsyncEngine, tmp_path: Path) -> None:
    post = Post(engine, Notify(), notices(tmp_path))
    code = await opened(engine, tmp_path)
    async with office(engine, tmp_path / "later") as desk:
        await desk.intake.wish_call_back(call("09350000000"), code)
        await desk.intake.wish_call_back(call("09350000000"), "1234567894")
        await desk.pump.idle()
    await post.all()
    [planned] = await callback_list.listed(engine)
    assert (planned["case"], planned["purpose"], planned["number"]) == (code, "status", "+98935***00")
    [none] = await outgoing.listed(engine, "not_sent", 9)
    assert (none["state"], none["last_error"]) == ("not_sent", "no such case")
    [asked] = [case for case in await as_json.cases(engine) if case["code"] != code]
    assert (asked["kind"], asked["agency"], asked["caller"]) == ("request", "gov_inspection", "+989350000000")
    assert "1234567894" in asked["words"], "a person calls her: she was promised a call"


async def test_a_wish_about_a_code_that_is_nobodys_is_kept_though_her_language_was_taken_out_since(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    post = Post(engine, Notify(), notices(tmp_path))
    async with office(engine, tmp_path) as desk:
        await desk.intake.wish_call_back(replace(call("09350000000"), language="ku"), "1234567894")
        await desk.pump.idle()
    await post.all()
    [asked] = await as_json.cases(engine)
    assert (asked["caller"], asked["language"]) == ("+989350000000", "fa")


async def test_such_a_wish_is_one_case_though_a_restore_applies_it_again_once_its_row_was_pruned(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    post, hers = Post(engine, Notify(), notices(tmp_path)), call("09350000000")
    for again in (False, True):
        async with office(engine, tmp_path / str(again)) as desk:
            await desk.intake.wish_call_back(hers, "1234567894")
            await desk.pump.idle()
        await post.all()
        assert await retention.prune(engine, NOW + timedelta(days=400)) >= 1
    assert len(await as_json.cases(engine)) == 1


async def test_a_way_that_is_not_configured_makes_no_letters_pile_up(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    post = Post(engine, Notify(), notices(tmp_path))
    await opened(engine, tmp_path)
    await post.all()
    assert "sms" not in await post.states()


async def test_the_command_line_lists_and_retries(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    async with http_server((400, "")) as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        await opened(engine, tmp_path)
        await post.all()

    async def ivr(*arguments: str) -> tuple[int, Any]:
        code, out, _ = await typed(database_url, tmp_path, *arguments, "--json")
        return code, json.loads(out)

    code, rows = await ivr("outbox", "list", "--state", "dead")
    dead = [row for row in rows if row["kind"] == "sms"]
    assert code == 1 and [row["last_error"] for row in dead] == ["the gateway answered 400"]
    assert await ivr("outbox", "retry", dead[0]["id"]) == (0, {"retried": 1})
    assert (await ivr("callback", "list"))[1] == []


async def test_a_letter_that_can_reach_nobody_is_given_up_with_a_reason_and_missed_no_more(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    async with http_server(*[(400, "")] * 2) as web:
        post = Post(engine, to_gateway(web.url), notices(tmp_path))
        waits = await opened(engine, tmp_path, "09141234568")
        code = await opened(engine, tmp_path)
        await post.all()
    dead = await outgoing.listed(engine, "dead", 9)
    sms = {row["case"]: row["id"] for row in dead if row["kind"] == "sms"}
    assert sms.keys() == {code, waits}

    async def give_up(reason: str) -> tuple[int, str]:
        given_up = ("outbox", "done", sms[code], "--reason", reason)
        return (await typed(database_url, tmp_path, *given_up))[:2]

    assert (await give_up(" "))[0] == 1 and await outgoing.dead(engine) == len(dead)
    assert await give_up("شماره واگذار شده است") == (0, "letters that are given up: 1\n")
    assert await outgoing.dead(engine) == len(dead) - 1
    assert [await outgoing.retry(engine, post.now, [UUID(sms[its])]) for its in (code, waits)] == [0, 1]
    [row] = await outgoing.listed(engine, "given_up", 9)
    assert (row["id"], row["state"]) == (sms[code], "given_up")
    assert row["last_error"] == "given up: شماره واگذار شده است"
    assert sms[code] not in {row["id"] for row in await outgoing.listed(engine, "sent", 9)}
    [noted] = await auditing.listed(engine, case=code)
    assert (noted["action"], noted["reason"]) == ("letter_given_up", "شماره واگذار شده است")
    read = await auditing.listed(engine, scope=Scope(areas=("nowhere",)))
    assert noted["id"] not in {row["id"] for row in read}, "whoever may not know of her case"


async def test_a_call_that_was_promised_is_given_up_by_nobody_s_command(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    """Nor an event, with which all its letters would go."""
    async with engine.begin() as connection:
        rows = [outbox_row(kind, kind, NOW, {}) for kind in (outgoing.WISH, "case_opened")]
        await connection.execute(outbox.insert(), [{**row, "dead_at": NOW} for row in rows])
    ids = [row["id"] for row in await outgoing.listed(engine, "dead", 9)]
    code, out, err = await typed(database_url, tmp_path, "outbox", "done", *ids, "--reason", "بی‌فایده")
    assert (code, out) == (1, "letters that are given up: 0\n")
    assert all(id in err for id in ids) and "can only be tried again: ivr outbox retry" in err
    assert await outgoing.dead(engine) == 2


async def test_what_is_due_is_found_by_its_index(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        due = outgoing.due().params(now=NOW, most=50)
        query = str(due.compile(engine, compile_kwargs={"literal_binds": True}))
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {query}"))).scalars())
    assert "ix_outbox_next_at" in plan and "Sort" not in plan
