"""The hotline's side of an hour in which an official takes calls himself: who is offered it, and her wait.

His telephone is rung from her own call, and only an extension of `meetings.extensions` ever is: what the
books name must stand there too.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.channel import BridgedAt, Channel
from ivr.cases.live_hour import HourOffered, HourOutcome, waiting
from ivr.cases.meetings import Official
from ivr.desk.meetings import hour_planning, hour_queue, session_planning
from ivr.store.engine import AWAY, is_away
from ivr.store.listening import listen
from ivr.voice.actions import AwaitHour, JoinHour, RingOfficial
from ivr.voice.events import Connected, Event, HourState, HourTold, HungUp

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
ANSWER_SECONDS = 1.0  # between two prompts: silence on the line
CALL_SECONDS = 3_600.0 + 1_800.0 + 600.0  # the most that she waits, talks, and the rest of the call


class HourLine:
    """One for a process. `extensions`: name → how Asterisk rings it, like PJSIP/201."""

    def __init__(
        self, engine: AsyncEngine, extensions: Mapping[str, str], clock: Callable[[], datetime]
    ) -> None:
        self._engine, self._extensions, self._clock = engine, extensions, clock
        self._hours: Sequence[tuple[Row[Any], int]] = ()  # with how many wait
        self._heard: dict[str, datetime] = {}  # calls in which they talked, until then: the books don't know

    async def follow(self) -> None:
        """For ever: what calls are offered follows the books."""
        if self._extensions:
            url = self._engine.url.render_as_string(hide_password=False)
            await listen(url, session_planning.CHANNEL, self.reread)
        await asyncio.Event().wait()

    async def reread(self) -> None:
        """Keeps what it knows while the books are away: whoever stands in line is told the truth there."""
        now = self._clock()
        async with self._engine.connect() as connection:
            found = await hour_planning.hours(connection, now)
            lines = [await hour_queue.of_hour(connection, each.session) for each in found]
        self._hours = [(each, len(waiting(line, now))) for each, line in zip(found, lines, strict=True)]
        await self._tell_heard()

    def offered(self) -> HourOffered | None:
        """Who takes calls himself now, and has room for one more; of several, the one with fewest in line."""
        now = self._clock()
        free = [(n, h) for h, n in self._hours if n < h.room and hour_planning.is_open(h, now)]
        _, hour = min(free, key=lambda each: each[0], default=(0, None))
        return HourOffered(Official(hour.official), hour.agency) if hour is not None else None

    async def join(self, call: str, action: JoinHour) -> HourTold:
        row = (uuid.UUID(call), action.code, action.language, action.records, self._clock(), action.hour)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await hour_queue.join(self._engine, *row)
        except AWAY as error:
            log.warning("call %s can't stand in line: %s", call, error)
            return HourTold(HourState.AWAY)

    async def wait(self, call: str, channel: Channel, action: AwaitHour) -> Event:
        """Music until her place changes or it is her turn. Books that are away are waited for."""
        if channel.hung_up:
            return HungUp()
        loop = asyncio.get_running_loop()
        began, told = loop.time(), HourTold(HourState.WAITING, action.place)
        await channel.play_music(True)
        while not channel.hung_up:
            with suppress(*AWAY):
                async with asyncio.timeout(ANSWER_SECONDS):
                    told = await hour_queue.look(self._engine, uuid.UUID(call), self._clock())
            waited = loop.time() - began
            if (told.state, told.place) != (HourState.WAITING, action.place) or waited >= action.seconds:
                await channel.play_music(False)
                if told.state is HourState.CLOSED:
                    await self.left(call, hung_up=False)
                return HourTold(told.state, told.place, waited)
            await channel.idle(LOOK_SECONDS)
        return HungUp()

    async def ring(self, call: str, channel: Channel, action: RingOfficial, bridged_at: BridgedAt) -> Event:
        id = uuid.UUID(call)
        watch = asyncio.create_task(self._watch(id, bridged_at))
        try:
            names = await hour_queue.extensions(self._engine, id)
            places = [self._extensions[name] for name in names if name in self._extensions]
            event: Event = await channel.ring(places, action, bridged_at) if places else Connected(False)
            # She hung up before Asterisk could say so.
            if isinstance(event, Connected) and event.gone and bridged_at() is not None:
                event = replace(event, talked=True)
        except AWAY as error:
            log.warning("call %s can't reach the official: %s", call, error)
            event = Connected(bridged_at() is not None, gone=channel.hung_up)
        finally:
            watch.cancel()
        if not (isinstance(event, Connected) and event.talked):
            await self._note(hour_queue.unanswered(self._engine, id, self._clock()))
        else:  # the watch may have been too slow for a short one
            self._heard[call] = self._clock()
            await self._note(self._tell_heard())
        return event

    async def left(self, call: str, hung_up: bool) -> None:
        """Her call is over, or goes on elsewhere. Who was heard stays heard."""
        if call in self._heard:
            await self._note(self._tell_heard())
            return
        outcome = HourOutcome.LEFT if hung_up else HourOutcome.NOT_TAKEN
        await self._note(hour_queue.over(self._engine, uuid.UUID(call), outcome, self._clock()))

    async def _tell_heard(self) -> None:
        """Also once her call is over, when the books answer again."""
        for call, ended_at in [*self._heard.items()]:
            await hour_queue.over(self._engine, uuid.UUID(call), HourOutcome.HEARD, ended_at)
            self._heard.pop(call, None)

    async def _watch(self, call: uuid.UUID, bridged_at: BridgedAt) -> None:
        """While his telephone rings and they talk, the books know that this call lives."""
        told = failed = False
        while True:
            try:
                if bridged_at() is not None and not told:
                    await hour_queue.answered(self._engine, call, self._clock())
                    told = True
                await hour_queue.look(self._engine, call, self._clock())
            except Exception as error:
                if not is_away(error) and not failed:  # it is tried again, and told once
                    log.exception("call %s: the books aren't told that she is with the official", call)
                    failed = True
            await asyncio.sleep(LOOK_SECONDS / 4 if not told else LOOK_SECONDS)

    async def _note(self, noting: Any) -> None:
        try:
            await noting
        except AWAY as error:  # the sweep finds it (ivr.desk.meetings.hour_hearing)
            log.warning("the line of an hour is not told how a call stands: %s", error)
