"""Tables, migrations and what the planner makes of our queries."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic import command as alembic
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Select, Sequence, func, inspect, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.search import words_of
from ivr.commands import doctor
from ivr.desk.book import book, who_calls
from ivr.desk.case import entries, event_log
from ivr.desk.deadlines import escalating, retiming
from ivr.desk.letters import outgoing
from ivr.desk.meetings import request_list
from ivr.desk.people.scope import Scope
from ivr.desk.reading import as_json
from ivr.desk.recordings import revealing
from ivr.lab.pace import patience
from ivr.settings import Settings
from ivr.store import schema
from ivr.store.code_blocks import BLOCK, code_blocks, desk_numbers, key_material
from ivr.store.engine import async_url, make_engine, plain_url
from ivr.store.tables import (
    audit,
    callbacks,
    calls,
    case_events,
    cases,
    inbox_entries,
    legal_holds,
    meeting_requests,
    meeting_sessions,
    meeting_slots,
    metadata,
    recordings,
    referrals,
)
from tests.fixtures.plans import plan_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ID = UUID(int=0)


async def test_migrations_make_exactly_the_tables_of_the_code(engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))

    def sequences(connection: Connection) -> list[str]:
        return inspect(connection).get_sequence_names()

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        assert desk_numbers.name in await connection.run_sync(sequences)


async def test_upgrading_at_once_and_again_is_harmless_and_keeps_the_key(empty_url: str) -> None:
    engine = make_engine(empty_url)
    assert not await schema.is_current(engine)
    await asyncio.gather(*(schema.upgrade(empty_url) for _ in range(3)))
    assert await schema.is_current(engine)
    async with engine.connect() as connection:
        (key,) = (await connection.execute(select(key_material.c.value))).scalars().all()
    await schema.upgrade(empty_url)
    async with engine.connect() as connection:
        assert (await connection.execute(select(key_material.c.value))).scalars().all() == [key]
    assert len(key) == 32
    await engine.dispose()


async def test_what_a_newer_release_has_migrated_is_left_as_it_is_and_said(
    empty_url: str, tmp_path: Path
) -> None:
    await schema.upgrade(empty_url)
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        assert not await schema.is_newer(connection)
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.NewerSchema, match=r"newer than this code.*update this machine"):
        await schema.upgrade(empty_url)
    async with engine.connect() as connection:
        assert await schema.is_newer(connection) and await schema.revision(connection) == "9999"
    await engine.dispose()
    seen = await doctor._database(Settings(state=tmp_path, database_url=empty_url))  # one look of many
    assert not seen.ok and "newer than this code" in seen.found and "ivr db upgrade" not in seen.mend


def with_a_migration(folder: Path, *statements: str) -> Path:
    """All of ours and one more."""
    shutil.copytree(schema.MIGRATIONS, folder / "db")
    (last,) = ScriptDirectory.from_config(schema._config()).get_heads()  # where those lie that we have
    lines = [
        "from alembic import op",
        f'revision, down_revision = "9999", "{last}"',
        "def upgrade():",
        *(f'    op.execute("{statement}")' for statement in statements),
    ]
    (folder / "db" / "versions" / "9999_one_more.py").write_text("\n".join(lines))
    return folder / "db"


async def test_a_migration_may_take_long_but_waits_no_longer_than_before_for_what_others_hold(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await schema.upgrade(empty_url)
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        limit = f'ALTER DATABASE "{engine.url.database}" SET statement_timeout = 900'
        await connection.execute(text(limit))
    await engine.dispose()  # so that it holds
    one_more = with_a_migration(tmp_path, "SELECT pg_sleep(1)", "LOCK TABLE cases")
    monkeypatch.setattr(schema, "MIGRATIONS", one_more)
    monkeypatch.setattr(schema, "make_engine", partial(make_engine, command_seconds=0.5))
    with monkeypatch.context() as soon:
        soon.setattr(schema, "LOCK_SECONDS", 1)
        async with engine.begin() as reader:
            await reader.execute(text("LOCK TABLE cases IN ACCESS SHARE MODE"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await schema.upgrade(empty_url)
    assert not await schema.is_current(engine)
    await schema.upgrade(empty_url)
    assert await schema.is_current(engine)
    await engine.dispose()


async def test_an_upgrade_amid_calls_that_hold_it_up_and_it_them_comes_through(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who writes may begin with the calls, a migration with the cases: who waits later is ended."""
    await schema.upgrade(empty_url)
    engine = make_engine(empty_url)
    longer = f"SELECT pg_sleep({patience(1.5)})"  # than PostgreSQL lets the writer wait until it looks
    one_more = with_a_migration(tmp_path, "LOCK TABLE cases", longer, "LOCK TABLE calls")
    monkeypatch.setattr(schema, "MIGRATIONS", one_more)

    async def write_for_ever() -> None:
        while True:
            with suppress(DBAPIError):  # may be the one that is ended
                async with engine.begin() as connection:
                    await connection.execute(text("LOCK TABLE calls IN ROW EXCLUSIVE MODE"))
                    await connection.execute(text("LOCK TABLE cases IN ROW EXCLUSIVE MODE"))

    writing = asyncio.create_task(write_for_ever())
    await schema.upgrade(empty_url)
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    assert await schema.is_current(engine)
    await engine.dispose()


def go(connection: Connection, up: str = "", down: str = "") -> None:
    config = schema._config()  # Alembic's settings as the upgrade makes them
    config.attributes["connection"] = connection
    alembic.upgrade(config, up) if up else alembic.downgrade(config, down)


async def first_form(connection: AsyncConnection) -> None:
    """As 0001 has it, with a topic and an agency."""
    await connection.run_sync(go, up="0001")
    await connection.execute(text("INSERT INTO topics VALUES ('t', 't', '', '1', 2, '[]')"))
    await connection.execute(
        text("INSERT INTO agencies (code, name, level, assignable) VALUES ('a', 'a', '', true)")
    )


async def open_case(connection: AsyncConnection, number: int) -> None:
    texts = ("kind", "agency", "status", "channel", "language", "caller", "caller_key", "caller_name")
    row = dict.fromkeys((*texts, "callback", "national_id"), "")
    names = [*row, "id", "code", "topic", "opened_at", "due_at", "answered_at", "last_seq"]
    values = {"id": UUID(int=number), "code": str(number), "topic": "t", "last_seq": 2} | {"agency": "a"}
    values |= {"status": "answered", "opened_at": NOW, "due_at": NOW, "answered_at": NOW}
    statement = f"INSERT INTO cases ({', '.join(names)}) VALUES ({', '.join(f':{n}' for n in names)})"
    await connection.execute(text(statement), row | values)


async def test_a_request_whose_slot_was_given_up_before_is_decided_on_anew_and_no_other(
    empty_url: str,
) -> None:
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        await first_form(connection)
        states = ("invited", "confirmed", "invited", "met")
        for number in range(len(states)):
            await open_case(connection, number)
        await connection.run_sync(go, up="0163")
        asked = {"decided_by": "desk", "decided_at": NOW, "next_on": NOW.date()}
        rows = [asked | {"case_id": UUID(int=n), "state": state} for n, state in enumerate(states)]
        await connection.execute(meeting_requests.insert(), rows)
        row = {"official": "governor", "agency": "a", "starts_at": NOW, "ends_at": NOW, "way": "in_person"}
        row |= {"state": "planned", "made_by": "desk", "made_at": NOW}
        await connection.execute(meeting_sessions.insert(), row)
        slots = [(0, "no_show"), (2, ""), (3, "met")]
        await connection.execute(
            meeting_slots.insert(),
            [
                {"session": 1, "slot": n, "starts_at": NOW, "case_id": UUID(int=n), "outcome": outcome}
                for n, outcome in slots
            ],
        )
        await connection.run_sync(go, up="0164")
        its = meeting_requests.c
        found = await connection.execute(select(its.state, its.next_on).order_by(its.case_id))
        day = NOW.date()
        anew = ("under_review", None)
        assert found.all() == [anew, anew, ("invited", day), ("met", day)]
    await engine.dispose()


async def test_who_was_anonymised_before_has_her_number_in_no_key_either(empty_url: str) -> None:
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        await first_form(connection)
        await open_case(connection, 0)
        await connection.run_sync(go, up="0165")
        row = {"case_id": UUID(int=0), "purpose": "verify", "language": "fa", "state": "cancelled"}
        row |= {"next_at": NOW, "created_at": NOW}
        hers = [(ID, f"verify:{UUID(int=0)}:+98914", ""), (UUID(int=8), "verify:x:+98915", "+98915")]
        rows = [row | {"id": id, "key": key, "number": number} for id, key, number in hers]
        await connection.execute(callbacks.insert(), rows)
        await connection.run_sync(go, up="0166")
        found = await connection.execute(select(callbacks.c.key).order_by(callbacks.c.number))
        assert found.scalars().all() == [str(ID), "verify:x:+98915"]
    await engine.dispose()


async def test_words_of_orders_of_who_was_anonymised_before_go_but_not_those_of_what_is_held(
    empty_url: str,
) -> None:
    engine = make_engine(empty_url)
    nameless, held, part_of_held, open_, her_order = range(5)
    async with engine.begin() as connection:
        await first_form(connection)
        for number in range(5):
            await open_case(connection, number)
        await connection.run_sync(go, up="0167")
        of_held = update(cases).where(cases.c.id == UUID(int=part_of_held))
        await connection.execute(of_held.values(part_of=UUID(int=held)))
        over = update(cases).where(cases.c.id != UUID(int=open_)).values(anonymised_at=NOW)
        await connection.execute(over)
        hold = {"id": ID, "case_id": UUID(int=held), "held_by": "desk", "reason": "", "held_at": NOW}
        await connection.execute(legal_holds.insert(), hold)
        row = {"purpose": "order", "language": "fa", "state": "reached", "number": "", "next_at": NOW}
        about = [(nameless, ""), (held, ""), (part_of_held, ""), (open_, ""), (open_, str(her_order))]
        rows = [
            row
            | {"id": UUID(int=n), "key": str(n), "created_at": NOW, "case_id": UUID(int=case)}
            | {"notice": {"order": order, "words": "خانهٔ مریم", "day": n}}
            for n, (case, order) in enumerate(about)
        ]
        await connection.execute(callbacks.insert(), rows)
        await connection.run_sync(go, up="0168")
        quoting = select(callbacks.c.notice["day"].as_integer()).where(
            callbacks.c.notice["words"].as_string() != ""
        )
        assert {*(await connection.execute(quoting)).scalars()} == {1, 2, 3}
    await engine.dispose()


async def test_no_word_of_an_answer_of_before_finds_a_confidential_case_also_while_an_older_worker_runs_on(
    empty_url: str,
) -> None:
    """Which enters only cases that have no entry: these keep theirs."""
    engine, its = make_engine(empty_url), inbox_entries.c
    old = update(inbox_entries).values(
        lexemes=its.lexemes.op("||")(func.array_to_tsvector([*words_of("خانم احمدی را دیدیم")]))
    )
    async with engine.begin() as connection:
        await first_form(connection)
        for number in range(3):
            await open_case(connection, number)
        await connection.run_sync(go, up="0168")
        sealed, untold, open_ = (update(cases).where(cases.c.id == UUID(int=n)) for n in range(3))
        secret = {"answer": "خانم احمدی را دیدیم", "confidential": "desk"}
        await connection.execute(sealed.values(secret | {"told": "رشوه خواسته است"}))
        await connection.execute(untold.values(secret))
        await connection.execute(open_.values(answer=secret["answer"]))
        await connection.execute(update(cases).values(entered=True))
        await entries.refresh(connection, [UUID(int=n) for n in range(3)])
        query = select(its.lexemes).order_by(its.case_id)
        as_made_now = (await connection.execute(query)).scalars().all()
        assert "رشو" in as_made_now[0]
        await connection.execute(old)
        assert all("احمد" in lexemes for lexemes in (await connection.execute(query)).scalars())
        await connection.run_sync(go, up="0169")
        assert (await connection.execute(query)).scalars().all() == as_made_now
        assert (await connection.execute(select(cases.c.entered))).scalars().all() == [True] * 3
    await engine.dispose()


async def test_whom_the_dialplan_alone_recorded_before_is_named_by_no_number_and_the_audit_says_so(
    empty_url: str,
) -> None:
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        await connection.run_sync(go, up="0166")
        texts = ("caller", "caller_key", "caller_name", "language", "menu_name", "menu_revision")
        row = dict.fromkeys(texts, "") | {"started_at": NOW, "ended_at": NOW, "steps": []}
        names = [
            ("fallback:1700000000_09141234567_1_~fa~1000000005~~~", 7),
            ("fallback:whatever", None),
            ("1.1", 8),
        ]
        rows = [row | {"id": UUID(int=n), "unique_id": u, "noted_no": no} for n, (u, no) in enumerate(names)]
        await connection.execute(calls.insert(), rows)
        await connection.run_sync(go, up="0167")
        found = await connection.execute(select(calls.c.unique_id, calls.c.noted_no).order_by(calls.c.id))
        both = [(f"fallback:{UUID(int=n).hex}", None) for n in range(2)]
        assert found.all() == [*both, ("1.1", 8)]
        told = await connection.execute(select(audit.c.action, audit.c.detail))
        assert told.all() == [("calls_forgotten", {"numbers": [7]})]
    await engine.dispose()


async def test_answered_cases_of_the_first_form_stand_still_and_older_code_can_still_open_cases(
    empty_url: str,
) -> None:
    """Up from 0001 with rows in it, a case opened as 0001 knew it, down again and up again."""
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        await first_form(connection)
        await open_case(connection, 1)
        await connection.run_sync(go, up="0002")
        await open_case(connection, 2)
        query = select(cases.c.stopped_at, cases.c.stopped_days).order_by(cases.c.code)
        assert (await connection.execute(query)).all() == [(NOW, 0), (None, 0)]
        await connection.run_sync(go, down="0001")
        await connection.run_sync(go, up="head")
        assert (await connection.execute(query)).all() == [(NOW, 0), (NOW, 0)]
    await engine.dispose()


def test_blocks_and_desk_numbers_never_meet() -> None:
    identity = code_blocks.c.number.identity
    assert isinstance(desk_numbers, Sequence) and identity is not None and identity.maxvalue is not None
    assert (identity.maxvalue + 1) * BLOCK == desk_numbers.start


@pytest.mark.parametrize(
    "url", ["postgres://u:p%40@h:5/d", "postgresql://u:p%40@h:5/d", "postgresql+asyncpg://u:p%40@h:5/d"]
)
def test_any_usual_address_will_do(url: str) -> None:
    if url.startswith("postgres://"):
        url = url.replace("postgres://", "postgresql://")
    assert async_url(url) == "postgresql+asyncpg://u:p%40@h:5/d"
    assert plain_url(url) == "postgresql://u:p%40@h:5/d"


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (as_json.newest_cases(20), "ix_cases_opened_at_id"),
        (as_json.newest_calls(20), "ix_calls_started_at_id"),
        (select(cases).where(cases.c.code == "1"), "uq_cases_code"),
        (who_calls.known().params(all_n=[0], all_caller=["+98"], now=NOW), "ix_cases_caller_key_opened_at"),
        (
            who_calls.known().params(all_n=[0], all_caller=["+98"], now=NOW),
            "ix_blocked_callers_caller_key_until",
        ),
        (
            book.lately().params(
                all_n=[0], all_caller=["+98"], all_at=[NOW], all_hour=[NOW], all_day=[NOW], most=9
            ),
            "ix_cases_caller_key_opened_at",
        ),
        (book.lately_withheld().params(at=NOW, hour=NOW, day=NOW, most=60), "ix_cases_withheld"),
        (
            book.same_matter().params(caller="+98", since=NOW, kind="", topic="", county=""),
            "ix_cases_caller_key_opened_at",
        ),
        (
            book.seen().params(caller="+98", code="1", since=NOW, until=NOW, all="a"),
            "ix_code_misses_caller_key_at",
        ),
        (book.seen().params(caller="+98", code="1", since=NOW, until=NOW, all="a"), "uq_cases_code"),
        (book.seen().params(caller="+98", code="1", since=NOW, until=NOW, all="a"), "pk_attempts"),
        (select(cases.c.code).where(cases.c.call_id == ID), "ix_cases_call_id"),
        (select(recordings).where(recordings.c.case_id == ID), "ix_recordings_case_id"),
        (select(recordings).where(recordings.c.call_id == ID), "ix_recordings_call_id"),
        (select(referrals).where(referrals.c.case_id == ID), "ix_referrals_case_id"),
        (select(case_events).where(case_events.c.case_id == ID), "uq_case_events_case_id_seq"),
        (select(calls).where(calls.c.unique_id == "1.1"), "ix_calls_unique_id"),
        (event_log.with_unchained(500), "ix_case_events_unchained"),
        (escalating.due(NOW, 200), "ix_cases_next_rung_at"),
        (retiming.waiting("ahar", 2, 200), "ix_cases_county_timed_by"),
        (retiming.waiting("", 2, 200), "ix_cases_county_timed_by"),
        (retiming.collected("ahar", 2, 200), "ix_cases_county_timed_by"),
        (retiming.late().params(all_county=["ahar"], all_timed_by=[2]), "ix_cases_county_timed_by"),
        (retiming.strayed(), "ix_cases_member_of"),
        (outgoing.lanes_with_any_due().params(now=NOW), "ix_outbox_next_at"),
        (entries.behind(200, 7, 50_007), "Index Cond: (case_id = case_events.case_id)"),  # not by all cases
        (entries.behind(200, 7, 50_007), "ix_case_events_noted_no"),
        (revealing.telling(Scope(), NOW), "ix_audit_telling"),
        (entries.newest_up_to(7), "ix_case_events_noted_no"),
        (request_list.gone_by(NOW, [ID]), "uq_meeting_slots_booked"),
    ],
)
async def test_every_look_up_walks_an_index(engine: AsyncEngine, query: Select[Any], index: str) -> None:
    """No plan needs a sequential scan or a sort."""
    plan = await plan_of(engine, query)
    assert index in plan and "Seq Scan" not in plan and "Sort" not in plan, plan
