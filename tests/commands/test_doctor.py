"""The doctor comes to an end, whatever hangs, and looks at what nothing else does."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
import zoneinfo
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import nan
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.zone import TIMEZONE
from ivr.commands import doctor
from ivr.commands.doctor import HUNG_SECONDS, examine
from ivr.desk.facts.gauges import Gauge
from ivr.desk.keeping import backed_up
from ivr.desk.people.auditing import note
from ivr.installation import load_secrets
from ivr.lab import postgres
from ivr.lab.pace import patience
from ivr.lab.ports import free
from ivr.loops.household import Household
from ivr.loops.sockets import Sharing, meeting_place
from ivr.loops.telling import GAUGES, Telling, name_of, telling_place
from ivr.loops.time_of_day import TimeOfDay
from ivr.settings import ROOT, Agi, AmiAccount, Callbacks, Province, Recognition, Serve, Settings, Web
from ivr.store import engine, listening
from ivr.web import metrics
from tests.asterisk.pretend_ami import Connection, Fields, pretend_ami, refuse, success
from tests.desk.facts.test_fallback import put as put_fallback
from tests.desk.keeping.test_verify import sql
from tests.fixtures.database import as_service
from tests.fixtures.learned import nothing_learned
from tests.fixtures.plans import plan_of
from tests.fixtures.weak_database import WeakDatabase, Wire, read_only

# A process of its own, that has to end as well: no thread that sleeps in the disk is waited for.
DOCTOR = """
import asyncio, json, sys
from pathlib import Path
from ivr.commands import doctor
from ivr.settings import Settings
from tests.fixtures.damaged import hanging

state, url = sys.argv[1:]
doctor.LOOK_SECONDS = doctor.HUNG_SECONDS = 2.0
disk = hanging(Path(state) / "recordings")
disk.__enter__()  # for good
print(json.dumps(asyncio.run(doctor.examine(Settings(state=state, database_url=url)))))
"""


async def test_an_account_that_asterisk_lets_nobody_call_back_with_is_told(
    database_url: str, tmp_path: Path
) -> None:
    def only_the_first(connection: Connection, action: Fields) -> None:
        (success if action["username"] == "ivr" else refuse)(connection, action)

    async with pretend_ami() as peer:
        peer.replies["login"] = only_the_first
        settings = Settings(state=tmp_path, database_url=database_url, ami=AmiAccount(port=peer.port))
        load_secrets(settings)  # as a server makes them
        calling = settings.model_copy(update={"callbacks": Callbacks(dial="PJSIP/{number}@trunk")})
        for each, well in ((settings, True), (calling, False)):
            [seen] = [look for look in await examine(each) if look.name == "asterisk"]
            assert seen.ok is well, seen
    assert "refused the login of 'ivr-originate'" in seen.found and "manager.conf" in seen.mend


async def test_the_settings_to_be_mended_are_those_that_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (own := tmp_path / "own.yaml").touch()
    monkeypatch.setenv("IVR_CONFIG", str(own))
    async with pretend_ami() as peer:
        peer.replies["login"] = refuse
        asked = Recognition(by="command", command=("/nowhere/asr", "{wav}"))
        settings = Settings(state=tmp_path, ami=AmiAccount(port=peer.port), recognition=asked)
        load_secrets(settings)  # as a server makes them
        seen = [await doctor._asterisk(settings), await doctor._recognition(settings)]  # two looks of many
    assert [str(own) in each.mend for each in seen] == [True, True], seen
    assert f"in {own} with" in seen[0].found


async def test_what_recognition_lacks_is_installed_from_the_checkout_into_its_own_environment(
    tmp_path: Path,
) -> None:
    asked = Recognition(by="sherpa", models={"fa": tmp_path})
    seen = await doctor._recognition(Settings(state=tmp_path, recognition=asked))  # one look of many
    assert not seen.ok and seen.mend.startswith(f"{sys.executable} -m pip install -e '{ROOT}[")


async def test_what_no_suggestion_can_be_learned_from_is_told(tmp_path: Path) -> None:
    well = await doctor._suggestions(Settings(state=tmp_path))  # one look of many
    province = Province(seed=nothing_learned(tmp_path).folder)
    seen = await doctor._suggestions(Settings(state=tmp_path, province=province))  # likewise
    assert well.ok and well.found.startswith("they are learned from ")
    assert not seen.ok and "examples.yaml: there is no topic 'gone.topic'" in seen.found


async def test_what_the_dialplan_records_is_told_once_it_waits_longer_than_it_takes_to_come_in(
    tmp_path: Path,
) -> None:
    settings = Settings(state=tmp_path)
    recorded = put_fallback(settings.state_path / "fallback", "1700000000_09141234567_123456789.wav")
    late = await doctor._fallback(settings)  # one look of many
    recorded.touch()  # somebody speaks
    meanwhile = await doctor._fallback(settings)  # one look of many
    assert not late.ok and late.found.startswith("1 recordings that the dialplan made alone wait")
    assert meanwhile.ok, meanwhile


@asynccontextmanager
async def telling(said: str, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server that says that of itself. Its port."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=said)

    async with serving(web.get("/metrics", answer), host=host) as port:
        yield port


@asynccontextmanager
async def serving(*pages: web.RouteDef, host: str = "127.0.0.1") -> AsyncIterator[int]:
    app = web.Application()
    app.add_routes(pages)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, 0).start()
        except OSError:
            pytest.skip(f"this machine has no {host}")
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextmanager
def sharing(settings: Settings, name: str = "calls-1") -> Iterator[None]:
    """A process of that name is known to its siblings."""
    process = Sharing(meeting_place(settings), name, {}, lambda: None)
    process.open()
    try:
        yield
    finally:
        process.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_server_is_found_by_an_address_of_either_kind(host: str, tmp_path: Path) -> None:
    async with telling("ivr_ami_connected 1\n", host) as port:
        settings = Settings(state=tmp_path, web=Web(host=host, port=port), agi=Agi(host=host, port=port))
        with sharing(settings):
            for look in (doctor._server, doctor._agi):  # two looks of many
                seen = await look(settings)
                assert seen.ok, seen


@pytest.mark.parametrize("page", ["/", "/metrics"])  # of /metrics it knows nothing, or says something else
async def test_another_program_on_our_ports_is_not_taken_for_our_server(page: str, tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"<html>\n\xff another's</html>", content_type="text/html")

    async with serving(web.get(page, answer)) as port:
        settings = Settings(state=tmp_path, web=Web(port=port), agi=Agi(port=port))
        with sharing(settings, "panel+work-1"):
            seen = [await doctor._server(settings), await doctor._agi(settings)]  # two looks of many
        for each in seen:
            assert not each.ok and "of ours" in each.found and "`ss -ltnp`" in each.mend, seen
            assert "manager" not in each.found
        with sharing(settings, "calls+panel+work-1"):
            assert (await doctor._agi(settings)).ok  # likewise


async def test_whose_a_port_is_only_our_own_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as port:
        settings = Settings(state=tmp_path, agi=Agi(port=port))
        with sharing(settings):
            monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
            seen = await doctor._agi(settings)  # one look of many
    assert seen.ok and seen.found.endswith("its own user is told"), seen


async def test_a_server_that_tells_of_its_manager_alone_is_told_without_a_comma_before_it(
    tmp_path: Path,
) -> None:
    async with telling("ivr_loops_failing 0\n") as port:
        seen = await doctor._server(Settings(state=tmp_path, web=Web(port=port)))  # one look of many
    assert not seen.ok and seen.found == "no connection to Asterisk's manager"


async def test_of_a_database_that_takes_calls_and_says_nothing_it_is_said_that_no_answer_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr(engine, "make_engine", partial(engine.make_engine, connect_seconds=0.1))
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings(state=tmp_path, database_url=f"postgresql://x@127.0.0.1:{port}/x")
        seen = await doctor._database(settings)  # one look of many
        assert (seen.ok, seen.found) == (False, "does not answer: no answer in time")


@pytest.mark.parametrize("wrong", ["no tables", "nobody there", "no such role", "no such database"])
async def test_what_can_not_be_told_without_the_database_is_one_line_without_its_statements(
    wrong: str, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ASTERISK_SECONDS", 0.1)
    address = {
        "no tables": make_url(empty_url),
        "nobody there": make_url(f"postgresql://x@127.0.0.1:{free()}/x"),
        "no such role": make_url(empty_url).set(username="nobody_of_ours"),
        "no such database": make_url(empty_url).set(database="none_of_ours"),
    }[wrong].render_as_string(hide_password=False)
    found = {each.name: each for each in await examine(Settings(state=tmp_path, database_url=address))}
    said = json.dumps([*found.values()])
    assert "sqlalche" not in said and "SQL:" not in said and "<class" not in said, said
    assert not found["database"].ok and not found["unseen"].ok
    assert found["unseen"].mend == "look at database in this list"
    for name in ("clock", "store", "at rest", "escalation", "leaving", "custody", "backup", "exposure"):
        assert name not in found and f" {name}" in found["unseen"].found, found
    places = [each.name for each in found.values() if each.mend == "the sentence above names the place"]
    assert places == []


async def test_what_the_database_refuses_one_look_alone_is_told_in_its_words(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    await sql(engine, "DROP TABLE audit CASCADE")
    found = {each.name: each for each in await examine(Settings(state=tmp_path, database_url=database_url))}
    assert found["database"].ok and "unseen" not in found
    told = ("backup", False, 'relation "audit" does not exist', "look at database in this list")
    assert found["backup"] == told


async def test_one_silent_process_does_not_make_a_server_that_serves_one_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awake = asyncio.Event()

    async def silent() -> object:
        return await awake.wait()

    async def gauges() -> list[dict[str, object]]:
        return [asdict(Gauge("ivr_ami_connected", "As a process says it.", 1))]

    process = Telling(tmp_path, "work-2", {GAUGES: silent})
    await process.open()
    house = Household(tmp_path, "calls+panel-1", {GAUGES: gauges}, ["calls", "panel", "work"])
    async with serving(*metrics.routes(house.gauges)) as port:
        settings = Settings(state=tmp_path, web=Web(port=port))
        seen = await doctor._server(settings)  # one look of many
        assert seen.ok, seen
        monkeypatch.setattr(doctor, "METRICS_SECONDS", 0.01)
        nothing = await doctor._server(settings)  # likewise
    process.close()
    awake.set()
    assert not nothing.ok and nothing.found.endswith("/metrics does not answer: nothing within 0.01 s"), (
        nothing
    )


async def test_a_right_that_is_missing_sends_to_whoever_grants_it(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    await sql(engine, f"REVOKE SELECT ON audit FROM {postgres.SERVICE}")
    settings = Settings(state=tmp_path, database_url=as_service(database_url))
    found = {each.name: each for each in await examine(settings)}
    assert found["database"].ok and "unseen" not in found
    assert found["backup"].found == "permission denied for table audit"
    right = "ivr db upgrade as the role that owns the tables grants it"
    assert found["backup"].mend.startswith(right)
    await sql(engine, f"REVOKE SELECT ON alembic_version FROM {postgres.SERVICE}")
    seen = await doctor._database(settings)  # one look of many
    assert seen.found == "permission denied for table alembic_version" and seen.mend.startswith(right)


async def test_what_nobody_can_count_is_left_out(tmp_path: Path) -> None:
    gauges = [Gauge("ivr_ami_connected", "", 1), Gauge("ivr_recordings_without_case", "", nan)]
    gauges += [Gauge("ivr_rows_put_aside", "", nan, {"step": "x"})]
    async with telling(metrics.text(gauges)) as port:
        seen = await doctor._server(Settings(state=tmp_path, web=Web(port=port)))  # one look of many
    assert seen.ok and not seen.found, seen


async def test_calls_that_another_machine_carries_are_not_missed_on_this_one(tmp_path: Path) -> None:
    """Only who carries them tells of Asterisk's manager."""
    here = Serve(roles=("panel", "work"))
    async with telling("ivr_loops_failing 0\n") as port:
        settings = Settings(state=tmp_path, agi=Agi(port=1), web=Web(port=port), serve=here)  # nobody's port
        all_here = settings.model_copy(update={"serve": Serve()})
        for look in (doctor._server, doctor._agi):  # two looks of many
            assert (await look(settings)).ok
        assert not (await doctor._server(all_here)).ok  # likewise


async def test_where_no_panel_is_the_processes_themselves_are_asked(tmp_path: Path) -> None:
    """Nobody else tells of them: the panel of another machine asks its own ones."""
    settings = Settings(state=tmp_path, serve=Serve(roles=("calls",)))
    said = {"ivr_ami_connected": 1, "ivr_journal_ok": 1, "ivr_calls_live": 7}

    async def gauges() -> list[dict[str, object]]:
        return [asdict(Gauge(name, "As a process says it.", value)) for name, value in said.items()]

    assert "no process of this machine" in (await doctor._server(settings)).found  # one look of many
    process = Telling(telling_place(settings), name_of(("calls",)), {GAUGES: gauges})
    await process.open()
    try:
        seen = await doctor._server(settings)  # likewise
        assert seen.ok and seen.found.startswith("7 live calls"), seen
        for name, sick in (("ivr_journal_ok", "a journal takes nothing"), ("ivr_ami_connected", "manager")):
            said[name] = 0
            seen = await doctor._server(settings)  # likewise
            assert not seen.ok and sick in seen.found, seen
    finally:
        process.close()


async def test_a_database_that_takes_nothing_is_not_well(weak_database: WeakDatabase, tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, database_url=weak_database.url)
    assert (await doctor._database(settings)).ok  # one look of many
    async with read_only(weak_database):
        seen = await doctor._database(settings)  # likewise
    assert not seen.ok and "takes nothing" in seen.found and "standby" in seen.found, seen


def old_zone(folder: Path) -> None:
    """Iran's as before tzdata 2022b, with summer time for ever."""
    one = struct.pack(">5s15x6llBB6s", b"TZif2", 0, 0, 0, 0, 1, 6, 12_600, 0, 0, b"+0330\0")
    (folder / "Asia").mkdir(parents=True)
    (folder / TIMEZONE).write_bytes(one + one + b"\n<+0330>-3:30<+0430>,J80/24,J264/24\n")


@pytest.fixture
def old_zones(tmp_path: Path) -> Iterator[None]:
    old_zone(tmp_path / "zones")
    zoneinfo.reset_tzpath([str(tmp_path / "zones")])
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache()


async def test_time_zones_in_which_iran_still_has_summer_time_are_told_by_the_doctor_and_at_a_start(
    engine: AsyncEngine, tmp_path: Path, old_zones: None, caplog: pytest.LogCaptureFixture
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    seen = await doctor._clock(Settings(state=tmp_path, database_url=url))  # one look of many
    assert not seen.ok and seen.found.startswith("this machine: time zones from before 2022b"), seen
    assert "upgrade tzdata" in seen.mend
    await TimeOfDay(engine, ZoneInfo(TIMEZONE)).begin()
    assert caplog.text.count("upgrade tzdata") == 1


async def test_time_zones_in_which_iran_still_has_summer_time_are_told_of_the_database_too(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    settings = Settings(state=tmp_path, database_url=url)
    assert (await doctor._clock(settings)).ok  # one look of many
    await sql(engine, f'ALTER DATABASE "{engine.url.database}" SET search_path = public, pg_catalog')
    await sql(
        engine,
        "CREATE FUNCTION public.timezone(text, timestamptz) RETURNS timestamp LANGUAGE sql"
        " AS $$SELECT pg_catalog.timezone($1, $2) + interval '1 hour'$$",
    )
    seen = await doctor._clock(settings)  # likewise
    assert not seen.ok and seen.found.startswith("the database: time zones from before 2022b"), seen


class TransactionPooler(Wire):
    """What comes between two transactions comes to nobody, as behind PgBouncer's."""

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not writer.get_extra_info("sockname")[1:]:  # to the database
            await super()._pass(reader, writer)  # as it is
            return
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(5)
                rest = await reader.readexactly(int.from_bytes(head[1:]) - 4)
                if head[:1] != b"A":  # a notification
                    writer.write(head + rest)
        writer.close()


async def test_a_pooler_through_which_no_notification_comes_is_told_as_the_database_s_fault(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "disable")  # its answer to that is no message
    address, seen = make_url(database_url), []
    for wire in (Wire(), TransactionPooler()):
        wire.open_.set()
        carry = partial(wire.carry, f"{address.query['host']}/.s.PGSQL.5432")
        relay = await asyncio.start_server(carry, "127.0.0.1", 0)
        through = address.set(host="127.0.0.1", port=relay.sockets[0].getsockname()[1], query={})
        settings = Settings(state=tmp_path, database_url=through.render_as_string(False))
        seen.append(await doctor._database(settings))  # one look of many
        relay.close()
        monkeypatch.setattr(listening, "HEARD_SECONDS", 0.5)  # nothing comes there, however long one waits
    assert seen[0].ok, seen
    assert not seen[1].ok and "notifications" in seen[1].found and "pool_mode=session" in seen[1].mend, seen


@dataclass
class Backups:
    """Notes of backups, and what the doctor says of them."""

    engine: AsyncEngine
    settings: Settings

    async def told(self, *days_ago: float, by: str = "", **detail: str | int) -> doctor.Diagnosis:
        now, detail = datetime.now(UTC), detail | ({"host": by} if by else {})
        async with self.engine.begin() as connection:
            for days in days_ago:
                at = now - timedelta(days=days, minutes=1)
                await note(connection, at, backed_up.ACTION, subject=backed_up.SUBJECT, detail=detail)
        return await doctor._backup(self.settings)  # one look of many


@pytest.fixture
def backups(engine: AsyncEngine, database_url: str, tmp_path: Path) -> Backups:
    return Backups(engine, Settings(state=tmp_path, database_url=database_url))


async def test_backups_that_broke_off_are_told_and_who_made_none_or_few_is_let_be(backups: Backups) -> None:
    none = await backups.told()
    assert none.ok and "none was noted" in none.found
    assert (await backups.told(90, 60, 50, 40, 30, 25, 20)).ok, "before an update, and mainly otherwise"
    broken = await backups.told(9, 8, 7, 6, 5, 4, 3)
    assert not broken.ok and "the last one was made at" in broken.found, broken
    assert (await backups.told(0)).ok


async def test_many_backups_of_one_night_are_no_habit_and_one_that_was_given_up_is_red_for_a_month(
    backups: Backups, engine: AsyncEngine
) -> None:
    twice_a_day = [days / 2 for days in reversed(range(28))]
    assert not (await backups.told(*[29 + days for days in twice_a_day])).ok
    given_up = await backups.told(*[31 + days for days in twice_a_day])
    assert given_up.ok and "the last one was made at" in given_up.found
    assert (await backups.told(*[4 + hours / 24 for hours in reversed(range(9))])).ok
    plan = await plan_of(engine, backed_up.newest())
    assert "Index Scan Backward using ix_audit_subject" in plan, plan


async def test_of_two_machines_on_one_database_each_tells_of_its_own_backups(
    backups: Backups, engine: AsyncEngine
) -> None:
    """One that makes none, or made one by hand, tells of the other's."""
    await backups.told(13, by=socket.gethostname())
    another = await backups.told(*range(12, 3, -1), by="another")
    assert not another.ok and "was made at" in another.found, another
    await backed_up.keep(engine, "1.tar", {"sums": "", "rows": 1, "copied": 1, "lacking": []})
    ours = await backups.told()
    assert ours.ok and "was made by this machine at" in ours.found, ours
    assert not (await backups.told(*range(11, 4, -1))).ok, "an earlier release noted no machine"
    assert not (await backups.told(4, by=socket.gethostname())).ok
    assert not (await backups.told(0, by="another")).ok
    assert (await backups.told(0, by=socket.gethostname())).ok


async def test_a_backup_that_lacks_things_is_red_until_a_whole_one_is_made_or_a_month_is_over(
    backups: Backups, engine: AsyncEngine
) -> None:
    made = {"sums": "", "rows": 1, "copied": 1}
    await backed_up.keep(engine, "1.tar", made | {"lacking": ["a recording", "another"]})
    half = await backups.told()
    assert not half.ok and half.found.endswith("not whole: 2 things are lacking in 1.tar"), half
    await backed_up.keep(engine, "2.tar", made | {"lacking": []})
    assert (await backups.told()).ok
    assert not (await backups.told(29, file="3.tar", lacking=1)).ok
    assert (await backups.told(31, file="3.tar", lacking=1)).ok


async def test_a_disk_that_hangs_is_told_and_holds_up_neither_the_other_looks_nor_the_end(
    database_url: str, tmp_path: Path
) -> None:
    """Recordings that can't be listed, and a segment of a journal that never comes: nobody writes there."""
    (tmp_path / "spool" / "journal").mkdir(parents=True)
    (tmp_path / "recordings").mkdir()
    os.mkfifo(tmp_path / "spool" / "journal" / "00000001.log")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DOCTOR, str(tmp_path), database_url, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(patience(40)):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = {name: (ok, said, mend) for name, ok, said, mend in json.loads(out)}
    for name in ("damage", "spool", "journal"):
        ok, said, mend = found[name]
        assert not ok and "no answer within 2 s" in said and "dmesg" in mend, name
    assert found["files"][1] and "exposure" in found, "each of the others was asked"
    assert HUNG_SECONDS > 5, "a database that is away has time to say so"
