"""The Asterisk Manager Interface through panoramisk's `Manager`, with its traps closed.

Each trap is told, and reproduced, in tests/asterisk/test_ami.py; the reasons are in docs/decisions/ami.md.
"""
# Panoramisk has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import inspect
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from panoramisk.actions import Action
from panoramisk.message import Message

from ivr.asterisk.ami_link import Follower, Link, compose, variable
from ivr.settings import config_file

log = logging.getLogger(__name__)

T = TypeVar("T")

Callback = Callable[[Message], Awaitable[None] | None]
Greeting = Callable[[], Awaitable[None] | None]

FIRST_WAIT, LONGEST_WAIT = 0.25, 15.0  # seconds between attempts to connect
REFUSED_WAIT = 60.0  # … and after a refused login: Asterisk may read its manager.conf anew


class AmiError(Exception):
    """Anything that went wrong with AMI; the text is one sentence."""


class AmiRefused(AmiError):
    """Asterisk refused the login. It is tried again once a minute, till when every action raises this."""


class AmiFailed(AmiError):
    """Asterisk answered an action with an error; the text holds its words."""


class AmiTimeout(AmiError):
    """No answer in time. The action may have been carried out: never repeat one that rings a phone."""


class AmiLost(AmiError):
    """There is no connection. `sent` is False when the action surely never left us, so may be repeated."""

    def __init__(self, text: str, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class OriginateResponse:
    """How a call that we placed began.

    `reason`: Asterisk's control frame number (4 answered, 5 busy, 3 ringing when the time was up,
    8 congestion, 1 hung up, 0 no such extension or channel), None when nobody waited for the outcome.
    """

    answered: bool
    reason: int | None
    channel: str = ""
    unique_id: str = ""


class Ami:
    """A connection to Asterisk's manager that keeps itself alive, and never repeats an action by itself.

    `action_seconds` bounds every answer, `ping_seconds` is how often a quiet connection is tested.
    `events`: the classes wanted of those the account may read, like "call,user"; "off" spares the
    parsing of what nobody hears, and then `originate` can't wait for its outcome.
    """

    def __init__(
        self, host: str, port: int, username: str, secret: str,
        *, action_seconds: float = 10.0, ping_seconds: float = 10.0, events: str = "on",
    ) -> None:  # fmt: skip
        self._host, self._port, self._username, self._secret = host, port, username, secret
        self._action_seconds, self._ping_seconds = action_seconds, ping_seconds
        self._events = events
        self._subscribers: dict[str, list[Callback]] = {}
        self._greetings: list[Greeting] = []
        self._running: set[asyncio.Future[None]] = set()
        self._link: Link | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()  # connected or refused
        self.refused = ""  # why Asterisk did not let us in, one sentence

    @property
    def connected(self) -> bool:
        """Logged in, and nothing known to be wrong with the connection."""
        return self._link is not None and not self._link.lost.done()

    def on(self, event: str, callback: Callback) -> None:
        """Call back, or start the coroutine, for each such event ("*": every event).

        An exception in it is logged and harms nobody. Coroutines run side by side.
        """
        self._subscribers.setdefault(event.lower(), []).append(callback)

    def on_connect(self, callback: Greeting) -> None:
        """Call back after each login: the first one and each after a loss."""
        self._greetings.append(callback)

    def start(self) -> None:
        """Begin to connect, and to reconnect from then on."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def connect(self) -> None:
        """Start, and wait for the first login; bound the wait with a time-out. Raises AmiRefused."""
        self.start()
        await self._settled.wait()
        if self.refused:
            raise AmiRefused(self.refused)

    async def close(self) -> None:
        """Let go of the connection and stop what callbacks are still running."""
        keeper, self._keeper = self._keeper, None
        ending = [*self._running, *([keeper] if keeper else [])]
        for each in ending:
            each.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def action(self, name: str, /, **fields: object) -> Message:
        """Send once and return the answer; a list or tuple repeats its field.

        Raises ValueError for a field that can't be sent, AmiLost, AmiTimeout, AmiFailed, AmiRefused.
        """
        action = compose(name, fields)
        return await self._ask(self._live(name), action)

    async def originate(
        self, channel: str, *, context: str, exten: str, priority: int = 1,
        variables: Mapping[str, str] | None = None, caller_id: str = "", timeout: float = 30.0,
        wait: bool = True, channel_id: str = "",
    ) -> OriginateResponse:  # fmt: skip
        """Place a call and connect it to the dialplan. `timeout`: seconds to let it ring.

        `channel_id` becomes the channel's unique id, by which `channels` finds it again.

        With `wait` returns when it was answered or failed (the account must read `call` events), else as
        soon as Asterisk has queued it. Raises as `action` does; AmiLost.sent tells whether to dare again.
        """
        fields: dict[str, object] = {
            "Channel": channel, "Context": context, "Exten": exten, "Priority": priority,
            "CallerID": caller_id, "Timeout": round(timeout * 1000), "Async": "true",
            "Variable": [variable(name, value) for name, value in (variables or {}).items()],
        }  # fmt: skip
        if channel_id:
            fields["ChannelId"] = channel_id
        if not wait:
            await self.action("Originate", **fields)
            return OriginateResponse(answered=False, reason=None)
        seconds = timeout + self._action_seconds
        *_, last = await self._gather("Originate", "OriginateResponse", seconds, fields)
        return OriginateResponse(
            answered=last.response == "Success", reason=int(last.reason or 0),
            channel=last.channel, unique_id="" if last.uniqueid.startswith("<") else last.uniqueid,
        )  # fmt: skip

    async def channels(self) -> list[Message]:
        """The channels that are up now, one `Status` event each.

        `Status` asks for `write=call`; CoreShowChannels would ask for `system` or `reporting`.
        """
        return await self.listed("Status", "StatusComplete")

    async def listed(self, name: str, last: str, /, **fields: object) -> list[Message]:
        """The events that answer an action, up to the `last` kind and without it."""
        return (await self._gather(name, last, self._action_seconds, fields))[:-1]

    def _live(self, name: str) -> Link:
        if self._link is not None and not self._link.lost.done():
            return self._link
        if self.refused:
            raise AmiRefused(self.refused)
        raise AmiLost(f"{name} was not sent: there is no connection to {self._place}", sent=False)

    async def _ask(self, link: Link, action: Action) -> Message:
        try:
            # as_list=False: panoramisk's guess at how many messages will follow raises, or waits for ever.
            answer: asyncio.Future[Message] = link.send_action(action, as_list=False)
            message = await _first(link, answer, self._action_seconds, action)
        finally:
            link.forget(action)
        if not message.success:
            raise AmiFailed(f"Asterisk refused {action['action']}: {message.message or message.response}")
        return message

    async def _gather(
        self, name: str, last: str, seconds: float, fields: Mapping[str, object]
    ) -> list[Message]:
        action, follower = compose(name, fields), Follower(last)
        link = self._live(name)
        link.followers[action.id] = follower
        try:
            await self._ask(link, action)
            return await _first(link, follower.done, seconds, action)
        finally:
            del link.followers[action.id]

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                await self._session()
            except AmiRefused as refusal:
                self.refused = str(refusal)
                self._settled.set()
                log.error("%s", refusal)
                await asyncio.sleep(REFUSED_WAIT)
                continue
            except AmiError as error:
                failures = 0 if self._settled.is_set() else failures + 1
                log.warning("AMI: %s", error)
            except Exception:
                failures += 1
                log.exception("AMI: this connection failed, and another is begun")
            self.refused = ""
            self._settled.clear()
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failures, 10))
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # many workers must not come back as one

    async def _session(self) -> None:
        """One connection, from opening to loss. Always ends in an exception."""
        link = Link(self._host, self._port, self._received)
        try:
            await self._open(link)
            await self._login(link)
            self._link = link
            self.refused = ""
            self._settled.set()
            log.info("AMI: connected to %s", self._place)
            for greeting in self._greetings:
                self._call(greeting)
            await self._watch(link)
        finally:
            self._link = None
            link.drop()

    async def _open(self, link: Link) -> None:
        try:
            async with asyncio.timeout(self._action_seconds):
                await link.connect()
        except OSError as error:
            raise AmiLost(f"no connection to {self._place}: {error or 'no answer'}", sent=False) from None

    async def _login(self, link: Link) -> None:
        fields = {"Username": self._username, "Secret": self._secret, "Events": self._events}
        try:
            await self._ask(link, compose("Login", fields))
        except AmiFailed as failure:
            raise AmiRefused(
                f"{self._place} refused the login of {self._username!r} ({failure}); "
                f"compare ami: in {config_file()} with Asterisk's manager.conf"
            ) from None

    async def _watch(self, link: Link) -> None:
        """Ping now and then: a half-open socket says nothing by itself."""
        while True:
            await asyncio.wait({link.lost}, timeout=self._ping_seconds)
            if link.lost.done():
                raise AmiLost(f"the connection to {self._place} was lost", sent=True)
            await self._ask(link, compose("Ping", {}))

    @property
    def _place(self) -> str:
        return f"Asterisk's manager at {self._host}:{self._port}"

    def _received(self, link: Link, event: Message) -> None:
        follower = link.followers.get(event.action_id or "")
        if follower is not None:
            follower.add(event)
        for name in (event.event.lower(), "*"):
            for callback in self._subscribers.get(name, ()):
                self._call(callback, event)

    def _call(self, callback: Callable[..., Awaitable[None] | None], *arguments: object) -> None:
        try:
            result = callback(*arguments)
        except Exception:
            log.exception("an AMI callback failed")
            return
        if inspect.isawaitable(result):
            running = asyncio.ensure_future(result)
            self._running.add(running)
            running.add_done_callback(self._ended)

    def _ended(self, running: asyncio.Future[Any]) -> None:
        self._running.discard(running)
        if not running.cancelled() and (error := running.exception()):
            log.error("an AMI callback failed", exc_info=error)


async def _first(link: Link, answer: asyncio.Future[T], seconds: float, action: Action) -> T:
    """The answer, unless the connection is lost or the time is up before it."""
    name = action["action"]
    try:
        async with asyncio.timeout(seconds):
            with link.waiting(answer):
                return await answer
    except ConnectionError:
        raise AmiLost(f"the connection was lost before Asterisk answered {name}", sent=True) from None
    except TimeoutError:
        raise AmiTimeout(f"Asterisk did not answer {name} within {seconds:g} seconds") from None
