"""A desk's telephone has dialled a code: it listens in, takes a call over, or waits for a citizen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.agi import command
from ivr.asterisk.server import AgiConnection
from ivr.desk.call import interventions
from ivr.desk.call.interventions import Intervening
from ivr.desk.meetings import lottery_calling
from ivr.loops.quiet import TakenOver

log = logging.getLogger(__name__)

PURPOSE = "supervisor"  # the argument with which the dialplan hands such a call over
# u: that one channel; q: not a sound to the caller; E: over when her call is; S: and when there is none.
# Nothing that whispers. ChanSpy's own keys (the next channel, volume) lead to no other call under `u`.
LISTEN = "uqES"
_DONE = command("SET", "VARIABLE", "IVR_DONE", "1")
_ANSWER = command("ANSWER")
_MUSIC = command("SET", "MUSIC", "ON", "seda111")
_QUIET = command("SET", "MUSIC", "OFF")
_WAIT = command("EXEC", "Wait", "1")


def is_supervisor(connection: AgiConnection) -> bool:
    return connection.arguments[:1] == (PURPOSE,)


async def carry(
    connection: AgiConnection,
    engine: AsyncEngine,
    clock: Callable[[], datetime],
    taken: dict[str, TakenOver],
    phones: Collection[str] = (),
    sorry: str | None = None,
) -> None:
    """Do what the code stands for, once; hang up on any other. Raises what the database raises.

    `taken`: who is with a supervisor, for the watch over silent telephones; `phones`: endpoints that may hold
    the line for a citizen; `sorry`: what is played when she does not come.
    """
    code = connection.arguments[1] if len(connection.arguments) > 1 else ""
    told = connection.variables
    line, phone = told.get("agi_uniqueid", ""), _endpoint(told.get("agi_channel", ""))
    held = await lottery_calling.redeem(engine, code, line, phone, phones, clock())
    if held is not None:
        await _hold(connection, engine, clock, held, sorry)
        return
    found = await interventions.redeem(engine, code, clock())
    if found is None:
        log.warning("a supervisor's telephone dialled a code that stands for nothing now")
        await connection.send(_DONE)
        return
    log.info("intervention %s: %s", found.id, found.action)
    await connection.send(_ANSWER)
    try:
        if found.action is Intervening.TAKE:
            # The caller leaves the hotline's hands as if she hung up: what she has said is kept.
            # x: her call ends with the conversation, else she would begin at the menu again.
            taken[str(found.id)] = TakenOver(await _name_of(connection, found.unique_id))
            await connection.send(command("EXEC", "Bridge", f"{found.unique_id},x"))
        else:
            await connection.send(command("EXEC", "ChanSpy", f"{found.unique_id},{LISTEN}"))
        await connection.send(_DONE)
    finally:
        taken.pop(str(found.id), None)
        await interventions.over(engine, found.id, clock())


async def _hold(
    connection: AgiConnection,
    engine: AsyncEngine,
    clock: Callable[[], datetime],
    held: lottery_calling.HeldLine,
    sorry: str | None,
) -> None:
    """Music until her call takes this channel into its bridge, which looks like a hang-up from here."""
    log.info("an official holds the line for call-back %s", held.callback)
    for each in (_ANSWER, _DONE, _MUSIC):
        await connection.send(each)
    while not connection.hung_up and await lottery_calling.goes_on(engine, held.callback, clock()):
        await connection.send(_WAIT)
    if not connection.hung_up:
        await connection.send(_QUIET)
        if sorry:
            await connection.send(command("EXEC", "Playback", sorry))


async def _name_of(connection: AgiConnection, unique_id: str) -> str:
    """Of her channel; "" where she is gone."""
    asked = command("GET", "FULL", "VARIABLE", "${CHANNEL(name)}", unique_id)
    return (await connection.send(asked)).value or ""


def _endpoint(channel: str) -> str:
    """`seda111-desk` of PJSIP/seda111-desk-0000001a."""
    return channel.partition("/")[2].rpartition("-")[0]
