"""Asks other systems by HTTP while a caller waits: the shell's side of `enquiry` steps.

Nothing here may keep her longer than the tree says. Names are looked up in threads of its own, for a resolver
that hangs would else hold the threads that recordings need; a host that keeps failing is left alone a while.
Only hosts of the allow-list are asked, redirects are not followed, and a name that leads to a private address
is refused unless the list says so.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ivr.asterisk.channel import Channel
from ivr.desk.facts.gauges import Gauge
from ivr.voice.actions import Ask, Enquire, Speech
from ivr.voice.enquiries import AskedHost, UnfitAnswer, host_of, is_loopback, refused, taken
from ivr.voice.events import Ended, Enquired, EnquiryResult, Event, Keys

log = logging.getLogger(__name__)

MOST_BYTES = 65_536
MOMENT_SECONDS = 0.2  # whoever is answered within it hears no filler; and how often the answer is looked for
MOST_FAILURES = 3
REST_SECONDS = 30.0
AT_ONCE, AT_ONCE_TO_ONE = 40, 10  # connections
NAME_THREADS = 4
_ABSENT = (204, 404)
_OF_ALL = (401, 403, 407, 408, 429)  # of the statuses from 400 on: what the next caller would be told, too


class EnquiryFailed(Exception):
    """There is no answer that says anything. The text says why, without what was sent or answered."""


class QuestionDeclined(EnquiryFailed):
    """For what she keyed in (400, 422): the system itself is well, and the next caller may be answered."""


@dataclass(slots=True)
class Fuse:
    """Keeps callers from waiting for a host that is down."""

    clock: Callable[[], float]
    failures: int = 0
    rests_until: float = 0.0

    @property
    def is_blown(self) -> bool:
        return self.failures >= MOST_FAILURES

    def lets(self) -> bool:
        """Whether it may be asked now; after a rest one caller tries it, and the others go on without."""
        if not self.is_blown:
            return True
        if self.clock() < self.rests_until:
            return False
        self.rests_until = self.clock() + REST_SECONDS
        return True

    def told(self, well: bool) -> None:
        self.failures = 0 if well else self.failures + 1
        if not well:
            self.rests_until = self.clock() + REST_SECONDS


class Enquiries:
    """One for a process. `hosts`: the allow-list; `headers`: what goes with every question to one of them."""

    def __init__(
        self,
        hosts: Mapping[str, AskedHost],
        headers: Mapping[str, Mapping[str, str]] | None = None,
        look_up: Callable[[str, int], Sequence[str]] | None = None,
    ) -> None:
        """`look_up`: the addresses of a name, blocking; None: the system's resolver."""
        self._hosts, self._headers = hosts, headers or {}
        self._names = GuardedNames(hosts, look_up or addresses)
        self._session: aiohttp.ClientSession | None = None
        self._fuses: dict[str, Fuse] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._names.executor.shutdown(wait=False, cancel_futures=True)

    def gauges(self) -> list[Gauge]:
        """For `/metrics`."""
        told = "What callers were answered by other systems."
        counts = [
            Gauge("ivr_enquiries", told, many, {"host": host, "result": result})
            for (host, result), many in self._counts.items()
        ]
        resting = "Whether a system that kept failing is left alone for a while."
        fuses = [
            Gauge("ivr_enquiry_resting", resting, fuse.is_blown, {"host": host}, join="max")
            for host, fuse in self._fuses.items()
        ]
        return counts + fuses

    async def ask(self, channel: Channel, action: Enquire) -> Event:
        """While she hears that she is to wait; her key or hang-up ends it. Raises `Drained`."""
        asking = asyncio.create_task(self._answer(action))
        try:
            event = await _keep_company(channel, action, asking)
        finally:
            asking.cancel()
        if event is None:
            event = asking.result()
        if isinstance(event, Enquired):
            self._counts[_host(action.url), str(event.result)] += 1
        return event

    async def _answer(self, action: Enquire) -> Enquired:
        """Within its time, whatever the other side does."""
        if why := refused(action.url, self._hosts, action.number):
            log.error("a menu tree asks what it must not: %s", why)
            return Enquired(EnquiryResult.FAILED)
        host = host_of(action.url)
        fuse = self._fuses.setdefault(host, Fuse(asyncio.get_running_loop().time))
        if not fuse.lets():
            return Enquired(EnquiryResult.FAILED)
        try:
            async with asyncio.timeout(action.seconds):
                answer = await self._fetched(host, action)
        except (EnquiryFailed, aiohttp.ClientError, OSError, ValueError) as error:
            fuse.told(well=isinstance(error, QuestionDeclined))
            log.warning("%s gives no answer: %s", host, error if str(error) else type(error).__name__)
            return Enquired(EnquiryResult.FAILED)
        fuse.told(well=True)
        try:
            values = taken(answer, action.takes)
        except UnfitAnswer as error:
            log.warning("the answer of %s is nothing that a tree may take at %s", host, error)
            return Enquired(EnquiryResult.FAILED)
        if answer is None or values is None:
            return Enquired(EnquiryResult.NOT_FOUND)
        return Enquired(EnquiryResult.FOUND, values)

    async def _fetched(self, host: str, action: Enquire) -> object:
        """The answer's JSON; None where it says that there is nothing."""
        ask = self._own_session().get(
            action.url, params=action.query, headers=self._headers.get(host), allow_redirects=False
        )
        async with ask as response:
            if response.status in _ABSENT:
                return None
            if 400 <= response.status < 500 and response.status not in _OF_ALL:
                raise QuestionDeclined(f"it says {response.status}")
            if response.status != 200:
                raise EnquiryFailed(f"it says {response.status}")
            return _parsed(await _bounded(response.content))

    def _own_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=AT_ONCE, limit_per_host=AT_ONCE_TO_ONE, resolver=self._names, ttl_dns_cache=60
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # an answer must not grow in our hands
                max_line_size=8_190,
            )
        return self._session


class GuardedNames(AbstractResolver):
    """Names into addresses, less those that only somebody inside may reach."""

    def __init__(self, hosts: Mapping[str, AskedHost], look_up: Callable[[str, int], Sequence[str]]) -> None:
        self._private = {_without_port(name) for name, rules in hosts.items() if rules.private}
        self._look_up = look_up
        self.executor = ThreadPoolExecutor(NAME_THREADS, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self.executor, self._look_up, host, port)
        inside = host in self._private or is_loopback(host)
        fit = [each for each in found if inside or _is_public(each)]
        if not fit:
            raise OSError(None, f"{host} leads to no address that may be asked")
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in fit
        ]

    async def close(self) -> None:
        """The threads are ended by who made this."""


def addresses(host: str, port: int) -> Sequence[str]:
    """Of a name, by the system's resolver: blocks. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found))


def _is_public(address: str) -> bool:
    found = ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_global


async def _keep_company(channel: Channel, action: Enquire, asking: asyncio.Task[Enquired]) -> Event | None:
    """Until the answer is there: None; or what she does before."""
    loop = asyncio.get_running_loop()
    began, filler = loop.time(), action.filler
    speech, seconds = action.lead, 0.05 if action.lead else MOMENT_SECONDS
    while speech or not asking.done():
        event = await channel.perform(_listening(action, speech, seconds))
        if not isinstance(event, Keys):
            return event
        is_hash = not event.pressed and event.ended is Ended.HASH
        if event.pressed or (is_hash and loop.time() - began >= action.deaf_to_hash):
            return Enquired(EnquiryResult.SKIPPED, key=event.pressed or "#")
        if is_hash:  # it cut short what she is still to hear
            continue
        speech, filler, seconds = (() if asking.done() else filler), (), MOMENT_SECONDS
    return None


def _listening(action: Enquire, speech: Speech, seconds: float) -> Ask:
    return Ask(speech, action.language, first_key_seconds=seconds, next_key_seconds=seconds)


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    found = bytearray()
    async for piece in content.iter_any():
        found += piece
        if len(found) > MOST_BYTES:
            raise EnquiryFailed(f"it says more than {MOST_BYTES:,} bytes")
    return bytes(found)


def _parsed(raw: bytes) -> object:
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        raise EnquiryFailed("it says no JSON") from None
    if answer is None:
        raise EnquiryFailed("it says null")
    return answer


def _host(url: str) -> str:
    return host_of(url) if not refused(url, None, number=False) else "none"


def _without_port(name: str) -> str:
    return name if name.count(":") != 1 else name.partition(":")[0]
