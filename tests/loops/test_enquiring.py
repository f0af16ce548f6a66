"""Asking another system while a caller waits: whatever it does, she is kept no longer than was said."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from ivr.asterisk.channel import Channel
from ivr.asterisk.server import AgiConnection, AgiServer
from ivr.lab.caller import CallerStep, Hear, Press, PutDown, StayOn, Wait
from ivr.lab.pace import patience
from ivr.loops.enquiring import MOST_FAILURES, REST_SECONDS, Enquiries, Fuse
from ivr.voice.actions import Action, Enquire, HangUp
from ivr.voice.enquiries import AskedHost, Taken
from ivr.voice.events import Enquired, EnquiryResult, Event, HungUp
from ivr.voice.parse import parse
from ivr.voice.session import Session
from ivr.voice.well_desk import answered
from tests.asterisk.pretend import Pretend, no_speech, prompt_file, until
from tests.asterisk.test_channel_real import ZONE, answering
from tests.fixtures.hotline import Pbx, write_tone
from tests.voice.conversation import DIRECTORY

FOUND, NOT_FOUND, FAILED, SKIPPED = EnquiryResult
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GOOD = b'{"cut": {"state": "planned", "hours": 30}}'
TAKES = {"var.cut": Taken("cut.state", ("none", "planned")), "var.hours": Taken("cut.hours", most=72)}
VALUES = {"var.cut": "planned", "var.hours": "30"}


def whole(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


SAYS = {
    "/good": whole(GOOD),
    "/lacks": whole(b'{"cut": {"state": "none"}}'),
    "/null": whole(b"null"),
    "/words": whole(GOOD.replace(b"planned", b"send money to")),
    "/html": whole(b"<html>"),
    "/deep": whole(b"[" * 60_000),
    "/huge": whole(b'"' + b"x" * 70_000 + b'"'),
    "/packed": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    "/404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "/400": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "/401": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    "/500": b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
    "/elsewhere": b"HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 0\r\n\r\n",
    "/dies": HEAD + b"Content-Length: 400\r\n\r\n" + GOOD,  # and no more
    "/no-http": b"220 mail.example.ir ESMTP\r\n",
}


@dataclass
class OtherSystem:
    """A real HTTP server that behaves as its path says; what it does not know it never answers."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    left: int = 0  # connections that the other side has closed on it

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(request)
        path = request.split()[1].partition("?")[0]
        if path in SAYS:
            writer.write(SAYS[path])
            writer.write_eof()
        elif path == "/drips":
            writer.write(HEAD + b"Content-Length: 40000\r\n\r\n")
        while await reader.read(1_000):
            pass
        self.left += 1
        writer.close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


@pytest.fixture
async def other() -> AsyncIterator[OtherSystem]:
    found = OtherSystem()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


@asynccontextmanager
async def enquiries(
    *hosts: str, look_up: Callable[[str, int], list[str]] | None = None, private: bool = False
) -> AsyncIterator[Enquiries]:
    rules = AskedHost(http=True, private=private)
    asking = Enquiries(dict.fromkeys(hosts, rules), {hosts[0]: {"X-Key": "ours"}}, look_up)
    yield asking
    await asking.close()


def question(url: str, seconds: float = 8) -> Enquire:
    query = (("county", "tabriz"), ("lang", "fa"))
    return Enquire(url, query, TAKES, "fa", seconds, lead=("lead",), filler=("wait",))


async def told(
    asking: Enquiries, action: Enquire, folder: Path, call: Pretend | None = None
) -> tuple[Event, Pretend]:
    """What a caller's session is told, through a real AGI connection."""
    events: list[Event] = []

    async def answer(connection: AgiConnection) -> None:
        channel = Channel(connection, sounds=prompt_file, recordings=folder, speak=no_speech)
        events.append(await asking.ask(channel, action))

    server = AgiServer("127.0.0.1", 0, answer=answer)
    await server.start()
    try:
        call = await (call or Unhurried()).run(server.port)
        await until(lambda: events)
    finally:
        await server.close()
    return events[0], call


@dataclass
class Unhurried(Pretend):
    """Its Read lasts a little when no key comes, as a real one does."""

    async def during(self, line: str) -> None:
        if line.startswith("EXEC Read") and not self.keys:
            await asyncio.sleep(0.02)


@dataclass
class Served(Unhurried):
    """Its Read lasts until the other system is done with its answer."""

    by: OtherSystem = field(default_factory=OtherSystem)

    async def during(self, line: str) -> None:
        if line.startswith("EXEC Read"):
            await until(lambda: self.by.left)


@pytest.mark.parametrize(
    ("path", "result"),
    [("/good", FOUND), ("/lacks", NOT_FOUND), ("/404", NOT_FOUND)]
    + [(path, FAILED) for path in ("/null", "/words", "/html", "/deep", "/huge", "/packed", "/400", "/500")]
    + [(path, FAILED) for path in ("/elsewhere", "/dies", "/no-http", "/never", "/drips")],
)
async def test_whatever_the_other_system_does_the_call_goes_on(
    other: OtherSystem, tmp_path: Path, path: str, result: EnquiryResult
) -> None:
    async with enquiries(other.host) as asking:
        seconds = 0.6 if path in ("/never", "/drips") else 8
        event, call = await told(asking, question(f"http://{other.host}{path}", seconds), tmp_path)
    assert isinstance(event, Enquired) and event.result is result
    assert event.values == (VALUES if result is FOUND else {})
    [asked] = other.asked  # no redirect is followed, and nothing is asked twice
    assert asked.startswith(f"GET {path}?county=tabriz&lang=fa ") and "X-Key: ours" in asked
    assert call.played[0] == "/sounds/lead", "what was still to be said is said in any case"


async def test_who_waits_hears_so_and_who_is_answered_at_once_does_not(
    other: OtherSystem, tmp_path: Path
) -> None:
    async with enquiries(other.host) as asking:
        at_once = replace(question(f"http://{other.host}/good"), lead=())
        event, served = await told(asking, at_once, tmp_path, Served(by=other))
        _, waited = await told(asking, question(f"http://{other.host}/never", 0.6), tmp_path)
    assert event == Enquired(FOUND, VALUES) and served.played == []
    assert waited.played == ["/sounds/lead", "/sounds/wait"]


@pytest.mark.parametrize(("keys", "key"), [("5", "5"), ("#", "#")])
async def test_her_key_ends_the_wait(other: OtherSystem, tmp_path: Path, keys: str, key: str) -> None:
    async with enquiries(other.host) as asking:
        asked = question(f"http://{other.host}/never")
        event, _ = await told(asking, asked, tmp_path, Unhurried(keys=keys))
        assert event == Enquired(SKIPPED, key=key)
        await until(lambda: other.left == len(other.asked))  # nothing goes on behind her back


async def test_a_hash_that_ends_what_was_before_cuts_off_nothing_that_is_said_in_any_case(
    other: OtherSystem, tmp_path: Path
) -> None:
    async with enquiries(other.host) as asking:
        asked = replace(question(f"http://{other.host}/never", 0.6), deaf_to_hash=patience(4))
        event, call = await told(asking, asked, tmp_path, Unhurried(keys="#"))
    assert event == Enquired(FAILED) and call.played == ["/sounds/lead", "/sounds/lead", "/sounds/wait"]


async def test_who_hangs_up_while_she_waits_is_gone_at_once(other: OtherSystem, tmp_path: Path) -> None:
    async with enquiries(other.host) as asking:
        asked = question(f"http://{other.host}/never")
        event, _ = await told(asking, asked, tmp_path, Unhurried(hangs_up_at=5))
        assert isinstance(event, HungUp)
        await until(lambda: other.left == len(other.asked) == 1)


async def test_names_that_nobody_resolves_hold_neither_the_call_nor_others(
    other: OtherSystem, tmp_path: Path
) -> None:
    """As many at once as there are threads in all: recordings are written by such threads."""
    hung = threading.Event()

    def look_up(host: str, port: int) -> list[str]:
        hung.wait(patience(60))
        return ["127.0.0.1"]

    async with enquiries("slow.example", look_up=look_up, private=True) as asking:
        try:
            asked = question("http://slow.example/good", seconds=0.5)
            events = await asyncio.gather(*(told(asking, asked, tmp_path) for _ in range(MOST_FAILURES)))
            assert [event for event, _ in events] == [Enquired(FAILED)] * MOST_FAILURES
            assert not hung.is_set() and await asyncio.to_thread(lambda: True)
        finally:
            hung.set()


@pytest.mark.parametrize("path", ["/401", "/500"])
async def test_a_system_that_keeps_failing_is_left_alone(
    other: OtherSystem, tmp_path: Path, path: str
) -> None:
    async with enquiries(other.host) as asking:
        for _ in range(MOST_FAILURES + 2):
            event, call = await told(asking, question(f"http://{other.host}{path}"), tmp_path)
            assert event == Enquired(FAILED)
        counted = {gauge.name: gauge.value for gauge in asking.gauges()}
    assert len(other.asked) == MOST_FAILURES and "/sounds/wait" not in call.played
    assert counted == {"ivr_enquiries": MOST_FAILURES + 2, "ivr_enquiry_resting": 1}


async def test_numbers_that_a_system_declines_take_it_from_nobody(other: OtherSystem, tmp_path: Path) -> None:
    async with enquiries(other.host) as asking:
        for _ in range(MOST_FAILURES):
            event, _ = await told(asking, question(f"http://{other.host}/400"), tmp_path)
            assert event == Enquired(FAILED)
        event, _ = await told(asking, question(f"http://{other.host}/good"), tmp_path)
    assert event == Enquired(FOUND, VALUES)


def test_after_a_rest_one_caller_tries_it_and_the_others_go_on_without() -> None:
    now = 0.0
    fuse = Fuse(lambda: now)
    for _ in range(MOST_FAILURES):
        assert fuse.lets()
        fuse.told(well=False)
    assert not fuse.lets()
    now += REST_SECONDS
    assert [fuse.lets() for _ in range(3)] == [True, False, False]
    fuse.told(well=True)
    assert fuse.lets() and not fuse.is_blown


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.9", "::1", "::ffff:10.0.0.9", "169.254.169.254"])
async def test_a_name_that_leads_inside_is_refused_unless_the_list_says_so(
    other: OtherSystem, tmp_path: Path, address: str
) -> None:
    name = f"cuts.example:{other.port}"
    async with enquiries(name, look_up=lambda host, port: [address]) as asking:
        event, _ = await told(asking, question(f"http://{name}/good"), tmp_path)
    assert event == Enquired(FAILED) and not other.asked
    if address == "127.0.0.1":
        async with enquiries(name, look_up=lambda host, port: [address], private=True) as asking:
            event, _ = await told(asking, question(f"http://{name}/good"), tmp_path)
        assert event == Enquired(FOUND, VALUES)


async def test_who_is_not_on_the_list_any_more_is_not_asked(other: OtherSystem, tmp_path: Path) -> None:
    async with enquiries("other.example") as asking:
        event, _ = await told(asking, question(f"http://{other.host}/good"), tmp_path)
    assert event == Enquired(FAILED) and not other.asked


# --- real calls through real Asterisk

STEP = """
  {name}:
    type: enquiry
    prompt: [wait]
    url: http://{host}/{name}
    takes: {{cut: {{at: cut.state, one_of: [none, planned]}}, hours: {{at: cut.hours, most: 72}}}}
    wait_seconds: {seconds}
    found: {found}
    not_found: bye
    failed: {failed}"""


def tree(host: str, never: float) -> bytes:
    """One after the other: one that answers, one that dies in the middle, one that never says anything."""
    steps = (("good", 3, "dies", "bye"), ("dies", 3, "bye", "never"), ("never", never, "bye", "bye"))
    written = (
        STEP.format(name=name, host=host, seconds=seconds, found=found, failed=failed)
        for name, seconds, found, failed in steps
    )
    bye = "\n  bye: {type: end, prompt: [bye]}\n"
    return f'menu: "m"\nlanguages: [fa]\nsteps:{"".join(written)}{bye}'.encode()


async def walked(
    pbx: Pbx, folder: Path, asking: Enquiries, host: str, *steps: CallerStep, never: float = 8
) -> list[str]:
    """The notes of one whole call. `never`: so many seconds the last answer is waited for."""
    notes: list[str] = []
    menu = parse(tree(host, never), "m.yaml", hosts={host: AskedHost()})

    async def script(channel: Channel, connection: AgiConnection) -> None:
        session = Session(menu, DIRECTORY, channel.caller(datetime.now(ZONE)))
        action: Action | None = session.start()
        while action is not None and not isinstance(action, HangUp):
            event = await _answered(action, channel)
            notes.append(f"{session.step} {session.trace(event).note}")
            action = session.receive(event)

    def _answered(action: Action, channel: Channel) -> Awaitable[Event]:
        if isinstance(action, Enquire):
            return asking.ask(channel, action)
        return channel.perform(action)

    async with answering(pbx, folder, script) as errors:
        outcome = await pbx.call(*steps)
    assert not errors and outcome.completed, (errors, outcome.problem)
    return notes


async def test_a_real_call_hears_an_answer_a_death_and_a_silence_out(
    pbx: Pbx, other: OtherSystem, tmp_path: Path
) -> None:
    for name in ("wait", "bye"):
        write_tone(tmp_path / "sounds" / f"{name}.wav", 400.0, 0.4)
    async with enquiries(other.host) as asking:
        heard = await walked(pbx, tmp_path, asking, other.host, StayOn(), never=1)
        assert heard == ["good enquiry:found", "dies enquiry:failed", "never enquiry:failed", "bye said"]
        assert [request.split()[1] for request in other.asked] == ["/good", "/dies", "/never"]
        pressed = await walked(pbx, tmp_path, asking, other.host, Hear(), Press("5"), StayOn())
        assert pressed[-2:] == ["never enquiry:skipped", "bye said"]
        gone = await walked(pbx, tmp_path, asking, other.host, Hear(), Wait(0.6), PutDown())
        assert gone[-1].endswith("hangup")


def test_the_desk_that_is_well_answers_too() -> None:
    event = answered(question("https://example.ir/"))
    assert isinstance(event, Enquired) and event.values.keys() == TAKES.keys()
