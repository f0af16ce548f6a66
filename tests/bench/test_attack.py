"""Bad peers on every port, for some seconds beside a citizen who calls; and the bench judges what it says."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import psutil

from bench.attack.__main__ import Stretch, missed
from bench.attack.peers import KINDS, PORTS, Targets, attack, schedule
from ivr.lab.caller import Press, PutDown, Speak
from tests.fixtures.hotline import Hotline, fresh_number
from tests.lab.test_hotline import TO_THE_BEEP

QUIET = Stretch("nobody", 10, 10, 10, 20.0, 30.0, 50)


def test_the_same_seed_brings_the_same_peers_and_every_kind_comes() -> None:
    first = schedule(7, 60, 20)
    assert first == schedule(7, 60, 20) != schedule(8, 60, 20)
    assert {kind for _, kind, _ in first} == set(KINDS)
    assert {kind.partition("_")[0] for kind in KINDS} == set(PORTS)


def test_what_disturbed_anybody_is_named() -> None:
    good = replace(QUIET, beside="the peers", p99=39.0, mebibytes=[500.0, 540.0, 520.0, 530.0])
    assert missed(QUIET, good) == []
    assert "p99" in missed(QUIET, replace(good, p99=41.0))[0]
    assert "p99" in missed(QUIET, replace(good, p99=float("nan")))[0]
    assert "p99" in missed(replace(QUIET, p99=1500.0), replace(good, p99=1500.0))[0]
    assert "9 cases" in missed(QUIET, replace(good, cases=9))[0]
    assert "9 heard out" in missed(QUIET, replace(good, completed=9))[0]
    assert "measuring" in missed(QUIET, replace(good, probes_failed=["no answer"]))[0]
    assert "memory" in missed(QUIET, replace(good, mebibytes=[500.0, 540.0, 550.0, 640.0]))[0]
    assert "memory" in missed(QUIET, replace(good, mebibytes=[500.0, 640.0, 640.0]))[0]


async def test_who_calls_beside_bad_peers_on_every_port_is_heard_and_nothing_dies(hotline: Hotline) -> None:
    its, number = hotline.settings, fresh_number()
    rtp = (its.rtp.start, its.rtp.end)
    targets = Targets(its.web.port, its.agi.port, its.ami.port, its.sip.port, its.ws.port, rtp)
    before = {each.pid for each in psutil.Process(hotline.server.process.pid).children()}
    coming = asyncio.create_task(attack(targets, 7, 10, 10))
    outcome = await hotline.call(*TO_THE_BEEP, Speak(2), Press("#"), PutDown(), number=number)
    came = await coming
    assert outcome.completed, outcome
    assert set(came) - {"turned away"} == set(KINDS)
    [case] = await hotline.cases_of(number) or [await hotline.case_of(number)]
    assert case["recordings"][0]["seconds"] > 1
    assert {each.pid for each in psutil.Process(hotline.server.process.pid).children()} == before
    url = f"http://127.0.0.1:{its.web.port}/track"
    async with aiohttp.ClientSession() as session, session.get(url) as page:
        assert page.status == 200
