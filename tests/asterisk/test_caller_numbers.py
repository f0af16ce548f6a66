"""A caller's number through real Asterisk: however it is written, and withheld however that is asked for."""

from __future__ import annotations

import asyncio
import random

import pytest

from ivr.lab.caller import Hear, PutDown
from ivr.lab.pace import patience
from tests.fixtures.hotline import Hotline, fresh_number


def written(number: str) -> str:
    return f"{number[:4]}-{number[4:7]}-{number[7:]}"


async def test_a_number_written_with_dashes_is_that_number(hotline: Hotline) -> None:
    number = fresh_number()
    for _ in range(2):
        outcome = await hotline.call(Hear(), PutDown(), number=written(number))
        assert outcome.completed, outcome.problem
    assert (await hotline.call_of(number))["caller"] == number


@pytest.mark.parametrize(
    "header",
    [
        "Privacy: id",
        "Privacy: header;user;id",
        "privacy: Full",
        'Remote-Party-ID: "A, (b" <sip:NUMBER@example.org>;party=calling;privacy=full;screen=yes',
    ],
)
async def test_who_asks_for_privacy_has_withheld_her_number(hotline: Hotline, header: str) -> None:
    number, name = fresh_number(), f"name{random.randrange(10**9)}"
    said = header.replace("NUMBER", number)
    before, complaints = len(await hotline.calls_of("")), hotline.complaints
    outcome = await hotline.call(Hear(), PutDown(), number=number, name=name, headers=[said])
    assert outcome.completed, outcome.problem
    async with asyncio.timeout(patience(20)):
        while len(nameless := await hotline.calls_of("")) == before:
            await asyncio.sleep(0.1)
    assert (nameless[0]["caller"], nameless[0]["caller_name"]) == ("", "")
    assert not await hotline.calls_of(number) and hotline.complaints == complaints


async def test_whose_from_has_the_address_of_nobody_has_withheld_her_number(hotline: Hotline) -> None:
    number, before = fresh_number(), len(await hotline.calls_of(""))
    outcome = await hotline.call(Hear(), PutDown(), number=number, name="Anonymous@Anonymous.invalid")
    assert outcome.completed, outcome.problem
    async with asyncio.timeout(patience(20)):
        while len(nameless := await hotline.calls_of("")) == before:
            await asyncio.sleep(0.1)
    assert (nameless[0]["caller"], nameless[0]["caller_name"]) == ("", "")
    assert not await hotline.calls_of(number)


@pytest.mark.parametrize("kept", ["__CALLINGNUMPRES_SV=prohib_passed_screen", "__CALLINGPRES_SV=prohib"])
async def test_whose_wish_a_pbx_took_off_and_keeps_has_withheld_her_number(
    hotline: Hotline, kept: str
) -> None:
    number, before = fresh_number(), len(await hotline.calls_of(""))
    route = (f"Set({kept})", "Set(CALLERID(num-pres)=allowed_not_screened)", "Goto(111,1)")
    added = [f"113,{n},{each} into seda111-inbound" for n, each in enumerate(route, 1)]
    hotline.console(*(f"dialplan add extension {each}" for each in added))
    try:
        outcome = await hotline.call(Hear(), PutDown(), number=number, name="مریم", extension="113")
        assert outcome.completed, outcome.problem
        async with asyncio.timeout(patience(20)):
            while len(nameless := await hotline.calls_of("")) == before:
                await asyncio.sleep(0.1)
    finally:
        hotline.console("dialplan remove extension 113@seda111-inbound")
    assert (nameless[0]["caller"], nameless[0]["caller_name"]) == ("", "")
    assert not await hotline.calls_of(number)


async def test_who_asks_for_none_is_shown(hotline: Hotline) -> None:
    number = fresh_number()
    asks = ["Privacy: none", f"Remote-Party-ID: <sip:{number}@example.org>;privacy=off"]
    outcome = await hotline.call(Hear(), PutDown(), number=number, name="مریم", headers=asks)
    assert outcome.completed, outcome.problem
    assert (await hotline.call_of(number))["caller_name"] == "مریم"


async def test_a_number_where_her_name_belongs_is_none(hotline: Hotline) -> None:
    number = fresh_number()
    outcome = await hotline.call(Hear(), PutDown(), number=number, name=f"+98 {written(number)[1:]}")
    assert outcome.completed, outcome.problem
    assert (await hotline.call_of(number))["caller_name"] == ""
