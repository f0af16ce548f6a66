"""`/metrics` on a running hotline, the doctor's words for it, and what `ivr spool inspect` knows."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET
from typing import Any

import aiohttp
import psutil
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.commands.doctor import examine
from ivr.desk.facts.gauges import Gauge
from ivr.lab.caller import PutDown
from ivr.lab.pace import patience
from ivr.store.facts import FactStep
from ivr.web.metrics import routes
from tests.desk.facts.test_reconcile import CHOSEN, put, recorded
from tests.desk.office import WEDNESDAY, call, office, opening
from tests.fixtures.commands import typed
from tests.fixtures.hotline import Hotline, fresh_number
from tests.loops.test_carrying import SPEAK, TO_RECORD


async def metrics(hotline: Hotline, **headers: str) -> tuple[int, dict[str, float]]:
    url = f"http://127.0.0.1:{hotline.settings.web.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        lines = (await answer.text()).splitlines() if answer.status == 200 else []
    told = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return answer.status, {name: float(value) for name, value in told}


async def test_the_metrics_tell_of_calls_disks_and_codes_to_this_machine_alone(hotline: Hotline) -> None:
    calling = asyncio.create_task(hotline.call(*TO_RECORD, *SPEAK, PutDown(), number=fresh_number()))
    async with asyncio.timeout(patience(20)):
        while not (found := (await metrics(hotline))[1])["ivr_calls_live"]:
            await asyncio.sleep(0.1)
    await calling
    assert found["ivr_ami_connected"] == 1 and found["ivr_journal_on_spare"] == 0
    assert found["ivr_journal_ok"] == 1
    assert found["ivr_codes_left"] > 1_000 and found['ivr_volume_ok{volume="state"}'] == 1
    assert found['ivr_volume_free_bytes{volume="state"}'] > 1 << 20
    assert 0 < found["ivr_open_files"] < found["ivr_open_files_limit"]
    assert found['ivr_journal_waiting_facts{slot="0"}'] >= 0 and found["ivr_recordings_without_case"] >= 0
    assert (await metrics(hotline, **{"X-Forwarded-For": "203.0.113.9"}))[0] == 404
    server = next(f for f in await examine(hotline.settings) if f.name == "server")
    assert server.ok and "codes in hand" in server.found and "open files" in server.found


def own_address() -> str:
    """By which others know this machine, whether or not it has a route to them."""
    known = psutil.net_if_addrs()
    up = [known.get(name, ()) for name, its in psutil.net_if_stats().items() if its.isup]
    own = [each.address for several in up for each in several if each.family is AF_INET]
    others = [address for address in own if not ip_address(address).is_loopback]
    assert others, "nobody can be a stranger to a machine that has no address but loopback's: give it one"
    return others[0]


async def test_the_metrics_are_told_to_this_machine_by_its_own_address_and_to_no_other() -> None:
    async def nothing() -> list[Gauge]:
        return []

    app, own = web.Application(), own_address()
    app.add_routes(routes(nothing))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()
    for to, status in ((own, 200), ("127.0.0.1", 404)):
        from_there = aiohttp.TCPConnector(local_addr=(own, 0))
        url = f"http://{to}:{runner.addresses[0][1]}/metrics"
        async with aiohttp.ClientSession(connector=from_there) as session, session.get(url) as answer:
            assert answer.status == status, to
    await runner.cleanup()


def inspected(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


async def test_inspect_tells_why_a_recording_waits_and_never_who_called(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    begun, cased, stray = put(tmp_path), put(tmp_path), put(tmp_path)
    async with office(engine, spool) as desk:
        facts = call()
        await desk.intake.call_started(facts)
        code = await desk.intake.open_case(facts, opening(recorded(tmp_path, cased)))
        keyed = FactStep(WEDNESDAY, "callback_number", "09120000001", "")
        await desk.intake.call_ended(facts, "completed", WEDNESDAY, (keyed,))
        await desk.pump.idle()
    async with office(engine, spool, pumping=False) as desk:
        await desk.intake.recording_begun(call(), begun, CHOSEN)
    for name, why in ((begun, "a fact in the journal"), (cased, "in the books"), (stray, "no row speaks of")):
        status, out, _ = await typed(database_url, tmp_path, "spool", "inspect", name, "--json")
        found = inspected(out)
        assert status == 0 and why in found["why"], found
        assert found["file"]["seconds"] == 3.0 and "09141234567" not in out and "مریم" not in out
    for name in (code, facts.id):
        found = inspected((await typed(database_url, tmp_path, "spool", "inspect", name, "--json"))[1])
        assert found["rows"]["recordings"][0]["name"] == cased and found["rows"]["cases"][0]["code"] == code
        assert found["rows"]["calls"][0]["outcome"] == "completed"
        assert found["rows"]["calls"][0]["steps"][0]["key"] == "•" * 11
        assert "09120000001" not in json.dumps(found)
    status, _, err = await typed(database_url, tmp_path, "spool", "inspect", "../../etc/passwd")
    assert status == 1 and "is called ../../etc/passwd" in err and "Traceback" not in err
