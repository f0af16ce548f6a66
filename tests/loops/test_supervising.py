"""A supervisor takes a call over, on a real Asterisk: her telephone dials the code, and they talk."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

from sqlalchemy import select

from ivr.asterisk.ami import Ami
from ivr.asterisk.dialplan import RTP_SECONDS
from ivr.cases.roles import Role
from ivr.desk.call import interventions
from ivr.desk.call.interventions import Intervening, Intervention
from ivr.desk.people.people import Person
from ivr.lab.callee import Callee
from ivr.lab.caller import Handset, Hear, PutDown, StayOn, Wait
from ivr.store.tables import calls, people
from tests.desk.meetings.test_lottery_drawing import signed_in
from tests.fixtures.hotline import Hotline, fresh_number

SILENT = 2.4 * RTP_SECONDS  # much longer than a telephone may be silent that nobody asks


async def taking_over(hotline: Hotline, number: str) -> Intervention:
    await hotline.begun(number)
    now, name = datetime.now(UTC), f"karimi-{uuid.uuid4().hex[:6]}"
    await signed_in(hotline.engine, now, name)
    async with hotline.engine.connect() as connection:
        id = (await connection.execute(select(people.c.id).where(people.c.name == name))).scalar_one()
        call = (await connection.execute(select(calls.c.id).where(calls.c.caller == number))).scalar_one()
    she = Person(id, name, "مریم کریمی", Role.SUPERVISOR)
    return await interventions.begin(hotline.engine, call, Intervening.TAKE, she, "quality", now)


async def dials(hotline: Hotline, code: str, telephone: str) -> None:
    place = hotline.settings.ami
    ami = Ami(place.host, place.port, place.originate_username, hotline.secrets.originate, events="call")
    try:
        await ami.connect()
        await ami.originate(telephone, context="seda111-desk", exten=f"8{code}")
    finally:
        await ami.close()


async def test_whose_telephone_sends_nothing_in_silence_is_not_cut_off_once_she_is_taken_over(
    hotline: Hotline,
) -> None:
    number, supervisor, callee = fresh_number(), fresh_number(), Callee()
    callee.answers[supervisor] = (StayOn(SILENT * 2),)
    telephone = f"PJSIP/loopback/sip:{supervisor}@127.0.0.1:{await callee.open()}"
    steps = (Hear(), Wait(SILENT), PutDown())
    calling = asyncio.create_task(hotline.call(*steps, number=number, model=Handset(suppresses=True)))
    try:
        taken = await taking_over(hotline, number)
        await dials(hotline, taken.code, telephone)
        outcome = await calling
        await callee.until_over(supervisor)
    finally:
        calling.cancel()
        callee.close()
    assert (outcome.completed, outcome.ended_by) == (True, "caller"), outcome.problem
    assert outcome.asked >= SILENT // RTP_SECONDS, "again and again"
    assert callee.outcomes[supervisor].completed, "and his call ends with hers"
