"""A supervisor's telephone has dialled a code of the live board: it listens in, or talks to the caller."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.agi import command
from ivr.asterisk.server import AgiConnection
from ivr.desk.call import interventions
from ivr.desk.call.interventions import Intervening

log = logging.getLogger(__name__)

PURPOSE = "supervisor"  # the argument with which the dialplan hands such a call over
# u: that one channel; q: not a sound to the caller; E: over when her call is; S: and when there is none.
# Nothing that whispers. ChanSpy's own keys (the next channel, volume) lead to no other call under `u`.
LISTEN = "uqES"
_DONE = command("SET", "VARIABLE", "IVR_DONE", "1")
_ANSWER = command("ANSWER")


def is_supervisor(connection: AgiConnection) -> bool:
    return connection.arguments[:1] == (PURPOSE,)


async def carry(connection: AgiConnection, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
    """Do what the code stands for, once; hang up on any other. Raises what the database raises."""
    code = connection.arguments[1] if len(connection.arguments) > 1 else ""
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
            await connection.send(command("EXEC", "Bridge", f"{found.unique_id},x"))
        else:
            await connection.send(command("EXEC", "ChanSpy", f"{found.unique_id},{LISTEN}"))
        await connection.send(_DONE)
    finally:
        await interventions.over(engine, found.id, clock())
