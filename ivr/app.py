"""The only composition root: what `ivr serve` runs in one process."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from functools import cached_property, partial
from math import nan
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import uvloop
from sqlalchemy import text

from ivr.asterisk.ami import Ami
from ivr.asterisk.channel import Channel
from ivr.asterisk.server import AgiConnection, AgiServer, prepare_process, settle
from ivr.cases.callback import Policy
from ivr.cases.code import masked
from ivr.cases.deadlines import iranian_holidays
from ivr.desk.book import menus
from ivr.desk.book.book import Book
from ivr.desk.book.suggesting import Learning
from ivr.desk.call.intake import Intake
from ivr.desk.call.live import Disk
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.case.codes import CodeBlock, CodesError
from ivr.desk.editing.listing import Files
from ivr.desk.editing.seeding import directory_from
from ivr.desk.facts import gauges as condition
from ivr.desk.facts.apply import Pump
from ivr.desk.facts.gauges import Gauge
from ivr.desk.facts.journals import others_promise
from ivr.desk.facts.strays import Shelf
from ivr.desk.letters import outgoing
from ivr.desk.people.signing_in import Keeping
from ivr.desk.recordings.hearing import Renditions, keep_swept
from ivr.installation import (
    CommandError,
    booth,
    conventions,
    database_url,
    keep_private,
    load_secrets,
    needed,
    vault,
)
from ivr.loops import lost_calls, quiet, supervising, telling_live
from ivr.loops.carrying import OpenLine, carry
from ivr.loops.delivery import Delivery
from ivr.loops.dialling import Dialler, Trunk, tell_whether
from ivr.loops.offered import Offered
from ivr.loops.sockets import ListeningError, Sharing, drain, meeting_place, obtain, siblings
from ivr.loops.switchboard import Switchboard
from ivr.loops.transcribing import Transcriber
from ivr.loops.watchdog import tell_systemd, watch_loop
from ivr.loops.worker import Cellar, Worker
from ivr.settings import ROOT, Callbacks, Settings, absolute
from ivr.speech.check import missing
from ivr.speech.preparing import Unfit, prepared
from ivr.speech.recognition import Recogniser, by_command, by_sherpa
from ivr.speech.sound_book import SoundBook
from ivr.store import slots
from ivr.store.derived import Derived
from ivr.store.engine import AWAY, make_engine
from ivr.store.journal import JournalError
from ivr.store.volumes import LONGEST_SECONDS, Volumes, link
from ivr.voice.menu import Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
from ivr.web import application as panel
from ivr.web import metrics
from ivr.web.board import Board
from ivr.web.browser_phone import Telephone
from ivr.web.doors import Doors, runner_of
from ivr.web.health import Check, application, examine
from ivr.web.outside import attach
from ivr.web.panel.studio import BadVoice, Studio
from ivr.web.panel.visit import Entrance, Folders, Panel, Telephones, Voices
from ivr.web.window import Counter

log = logging.getLogger(__name__)

FIRST_MENU_SECONDS = 5.0
READY_SECONDS = 60.0  # who would take over and is not ready by then leaves it


def serve(settings: Settings, take_over: bool = False, when_ready: bool = False) -> None:
    """Answer calls until SIGTERM or SIGINT, then drain. Raises Finding.

    `take_over`: become ready first, then tell those that serve already to drain.
    `when_ready`: become ready first.
    """
    prepare_logging(settings)
    keep_private(settings)
    most = prepare_process(settings.agi.max_calls)
    settings = settings.model_copy(update={"agi": settings.agi.model_copy(update={"max_calls": most})})
    try:
        uvloop.run(Hotline(settings, take_over, when_ready).run())
    except (JournalError, CodesError, ListeningError) as error:
        raise CommandError(str(error)) from error


class Masking(logging.Formatter):
    """Writes no tracking code in full, wherever in a line or traceback it stands."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def prepare_logging(settings: Settings) -> None:
    """Several processes may write to one log: each line names its own."""
    form = "%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s"
    written = logging.StreamHandler()
    written.setFormatter(Masking(form))
    logging.basicConfig(level=settings.log_level, handlers=[written])


def policy(settings: Callbacks) -> Policy:
    """When citizens may be called, as the desk reads it."""
    return Policy(
        opens=settings.opens,
        closes=settings.closes,
        days_off=settings.days_off,
        attempts=settings.attempts,
        over=timedelta(days=settings.over_days),
        gaps=[timedelta(hours=hours) for hours in settings.gaps_hours],
        busy_gap=timedelta(minutes=settings.busy_minutes),
        per_number_per_day=settings.per_number_per_day,
        verify_gap=timedelta(days=settings.verify_days),
        verify_rings=settings.verify_rings,
        verify_per_caller_per_day=settings.verify_per_caller_per_day,
        verify_per_channel_per_day=settings.verify_per_channel_per_day,
    )


async def prepare_voice(source: Path, folder: Path) -> SpokenAnswer:
    """An answer that somebody recorded on a page, as the desk knows it. Raises BadVoice."""
    try:
        return SpokenAnswer(*await prepared(source, folder))
    except Unfit as error:
        raise BadVoice(str(error)) from None


class Hotline:
    """Everything that one process holds, started in order and stopped in the reverse order."""

    def __init__(
        self,
        settings: Settings,
        take_over: bool = False,
        when_ready: bool = False,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`clock`: the zoned time of the province; the machine's own unless a test travels."""
        self.settings = settings
        self.clock = clock or partial(datetime.now, ZoneInfo(settings.province.timezone))
        self.take_over, self.when_ready = take_over, when_ready
        self.stopping = asyncio.Event()
        self.secrets = load_secrets(settings)
        self.engine = make_engine(database_url(settings))
        self.volumes = Volumes.of(settings.recordings, settings.second_path, settings.ballast_mb << 20)
        self.sounds = SoundBook(settings.sounds, settings.calls.languages)
        self.book = Book(self.engine, conventions(settings))
        self.derived = Derived(settings.derived)
        self.vault = vault(settings)
        self.learning = Learning(settings.seed_path)  # one for all: learning takes a second
        self.added: frozenset[str] = frozenset()
        self.codes: CodeBlock
        self.worker: Worker
        self.agi: AgiServer
        self.line: OpenLine
        self.sharing: Sharing
        self.doors: Doors
        self.panel: Panel
        self.ami = Ami(
            settings.ami.host,
            settings.ami.port,
            settings.ami.username,
            self.secrets.ami,
            action_seconds=settings.ami.action_seconds,
            events="call",  # Asterisk filters them: dialplan/shared/accounts.conf.j2
        )

    async def run(self) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.stopping.set)
        async with AsyncExitStack() as stack:
            server = await self._start(stack)
            await self.stopping.wait()
            log.info("no new calls; the %d live ones may finish", server.calls)
            self.sharing.close()
            self.doors.close()
            self.panel.news.close()  # open pages find another process, or us no more
            await server.drain(self.settings.agi.drain_seconds)

    async def _start(self, stack: AsyncExitStack) -> AgiServer:
        settings = self.settings
        stack.push_async_callback(self.engine.dispose)
        journal = slots.take(settings.spool, settings.second_path)
        stack.push_async_callback(journal.close)
        self.codes = CodeBlock(journal.folder.parent / "codes", settings.marks(journal.folder.parent.name))
        self.codes.open()
        stack.callback(self.codes.close)
        log.info("process %d keeps its facts in %s", os.getpid(), journal.folder.parent)
        files = directory_from(settings.seed_path)
        files = dataclasses.replace(files, calls_back=bool(settings.callbacks.dial))
        offered = Offered(self.engine, files, self.sounds.path, settings.calls.languages)
        self.book.told.append(partial(self._offer, offered))
        self.line = OpenLine(
            menu=await self._first_menu(),
            directory=offered.directory,
            intake=Intake(
                journal,
                self.codes,
                self.book,
                self.clock,
                others_promise=partial(others_promise, settings.spool, journal),
            ),
            clock=self.clock,
        )
        if second := settings.second_path:
            link(settings.state_path / "fallback", second / "fallback")
        stack.callback(self.volumes.close)
        await self.volumes.look()
        alone = not settings.agi.others
        self.worker = worker = Worker(
            Pump(self.engine, journal, self.book),
            self.line.intake,
            Shelf(self.engine, self.book, settings.recordings, settings.spool, alone),
            Cellar(
                settings.state_path / "fallback",
                settings.custody,
                settings.seed_path,
                self.derived,
                self.vault,
            ),
            self.clock,
        )
        iranian_holidays(self.clock().year)  # a tenth of a second, which no caller shall wait for
        await worker.start()
        stack.push_async_callback(worker.close)
        loops = worker.loops
        watched = partial(menus.watch, self.engine, settings.calls.menu, self._published)
        vanished = partial(lost_calls.follow, self.engine, settings.spool, self.line.intake, self.ami)
        process = f"{socket.gethostname()}:{os.getpid()}"
        told = partial(telling_live.tell, self.engine, process, self.line.going_on, self.line.clock)
        loops.start("menu", watched)
        loops.start("stall watchdog", watch_loop)
        loops.start("disks", self.volumes.watch)
        loops.start("vanished calls", vanished)
        loops.start("live board", told)
        loops.start("silent telephones", partial(quiet.watch, self.ami, self.line.live))
        self.ami.on("BridgeEnter", lambda event: self.line.talks(event.uniqueid))
        self.ami.start()
        stack.push_async_callback(self.ami.close)
        delivery = Delivery(self.book, settings.notify, settings.seed_path, self.clock)
        loops.start("delivery", delivery.run)
        if (recogniser := self._recogniser()) is not None:
            listener = Transcriber(self.engine, recogniser, settings.recordings, self.learning, self.clock)
            loops.start("transcriber", listener.run)
        server = await self._open_doors(stack)
        self._call_back(stack)  # only once whoever answers can be heard
        return server

    async def _open_doors(self, stack: AsyncExitStack) -> AgiServer:
        """Listen, beside the siblings or in their place."""
        checks = {"database": self._database, "asterisk": self._asterisk, "prompts": self._prompts}
        checks |= {"disk": self._disk}
        place, loop = meeting_place(self.settings), asyncio.get_running_loop()
        older = await asyncio.to_thread(siblings, place) if self.take_over else []
        if older or self.when_ready:
            await self._become_ready(checks)
        sockets = await obtain(self.settings, place)
        self.sharing = Sharing(place, sockets, lambda: loop.call_soon_threadsafe(self.stopping.set))
        stack.callback(self.sharing.close)
        self.agi = server = self._server()
        await server.start(sockets["agi"])
        stack.push_async_callback(server.close)
        await self._start_web(stack, checks, sockets["web"])
        settle()
        self.sharing.open()
        tell_systemd()
        await asyncio.to_thread(drain, place, older)
        return server

    async def _become_ready(self, checks: Mapping[str, Check]) -> None:
        """Raises ListeningError when this process would be no good beside or instead of the older ones."""
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while troubles := [each for each in (await examine(checks)).values() if each]:
            if asyncio.get_running_loop().time() > deadline:
                raise ListeningError(f"not ready, so not serving: {'; '.join(troubles)}")
            await asyncio.sleep(0.2)

    def _call_back(self, stack: AsyncExitStack) -> None:
        """Begin to call citizens back, where there is a way to dial them."""
        settings = self.settings.callbacks
        told = partial(tell_whether, self.engine, bool(settings.dial), self.clock)
        self.worker.loops.start("whether anybody is dialled", told)
        if not settings.dial:
            log.info("nobody is called back: callbacks.dial is empty")
            return
        originate = Ami(
            self.settings.ami.host,
            self.settings.ami.port,
            self.settings.ami.originate_username,
            self.secrets.originate,
            action_seconds=self.settings.ami.action_seconds,
        )
        dialler = Dialler(
            self.engine,
            self.book,
            policy(settings),
            Trunk(
                settings.dial,
                settings.caller_id,
                settings.international,
                settings.ring_seconds,
                settings.at_once,
            ),
            originate=originate,
            ami=self.ami,
            speak=self.sounds.speak,
            clock=self.clock,
            resting=self.stopping.is_set,
        )
        originate.start()
        stack.push_async_callback(originate.close)
        self.worker.loops.start("dialler", dialler.run)

    def _server(self) -> AgiServer:
        agi = self.settings.agi
        return AgiServer(
            agi.host,
            agi.port,
            answer=self._answer,
            allow=agi.allow,
            secret=self.secrets.agi,
            header_bytes=agi.header_bytes,
            header_seconds=agi.header_seconds,
            line_bytes=agi.line_bytes,
            max_calls=agi.max_calls,
        )

    async def _answer(self, connection: AgiConnection) -> None:
        if supervising.is_supervisor(connection):
            await supervising.carry(connection, self.engine, self.line.clock)
            return
        channel = Channel(
            connection,
            sounds=self.sounds.path,
            recordings=self.settings.recordings,
            speak=self.sounds.speak,
            room=self.volumes,
        )
        await carry(self.line, channel)

    def _recogniser(self) -> Recogniser | None:
        settings = self.settings.recognition
        if settings.by == "sherpa":
            models = {language: absolute(folder) for language, folder in settings.models.items()}
            return by_sherpa(models, settings.seconds)
        return by_command(settings.command, settings.seconds) if settings.by else None

    async def _first_menu(self) -> Menu:
        """The live revision; without a database the last one this machine had, else the file."""
        name = self.settings.calls.menu
        try:
            async with asyncio.timeout(FIRST_MENU_SECONDS):
                revision = await menus.current(self.engine, name)
        except AWAY as error:
            log.warning("the live menu can't be read, using the last one known: %s", error)
            revision = None
        if revision is not None:
            return self._parsed(revision)
        kept = self._kept_menu
        path = kept if kept.is_file() else ROOT / "dialplan" / "menus" / f"{name}.yaml"
        return parse(path.read_bytes(), str(path), languages=self.settings.calls.languages)

    async def _published(self, revision: menus.Revision) -> None:
        """Swap one reference; a revision that this version can't read is refused, the old one stays."""
        try:
            self.line.menu = self._parsed(revision)
        except MenuMistakes as error:
            log.error("revision %s of menu %s is refused: %s", revision.number, revision.name, error)
            return
        log.info("menu %s: revision %s is live", revision.name, revision.number)

    def _parsed(self, revision: menus.Revision) -> Menu:
        raw = revision.text.encode()
        name = f"{revision.name}, revision {revision.number}"
        menu = parse(raw, name, languages=self.settings.calls.languages)
        scratch = self._kept_menu.with_suffix(f".{os.getpid()}")  # siblings write it too
        try:
            scratch.write_bytes(raw)
            scratch.replace(self._kept_menu)
        except OSError as error:
            log.error("%s is not kept for a start without a database: %s", self._kept_menu, error.strerror)
        return dataclasses.replace(menu, revision=str(revision.number))

    @property
    def _kept_menu(self) -> Path:
        return self.settings.spool / f"menu-{self.settings.calls.menu}.yaml"

    async def _start_web(
        self, stack: AsyncExitStack, checks: Mapping[str, Check], listening: socket.socket
    ) -> None:
        pages = application(checks, self._warnings, metrics.routes(self._gauges))
        attach(pages, self._counter())
        self.panel = self._panel()
        made = panel.attach(pages, self.panel, self.worker.loops.start)
        self.worker.loops.start("derived", partial(keep_swept, self.derived))
        runner, limits = await runner_of(pages), self.settings.web
        stack.push_async_callback(runner.cleanup)
        inside = cast(Callable[[], asyncio.Protocol], runner.server)
        self.doors = Doors(inside, limits.max_connections, limits.max_per_address, limits.proxies)
        await self.doors.open(listening)
        stack.callback(self.doors.close)
        self.worker.loops.start("templates", made.prepare)

    async def _gauges(self) -> list[Gauge]:
        """What `/metrics` tells: the machine's spool and disks, and this process."""
        settings, gauges = self.settings, condition.of_process()
        caseless = dead = nan  # unknown while the database is away
        with suppress(*AWAY):
            async with asyncio.timeout(1):
                caseless = await condition.without_case(self.engine)
                dead = await outgoing.dead(self.engine)
        gauges += condition.of_volumes(self.volumes, LONGEST_SECONDS)
        gauges += await asyncio.to_thread(
            condition.of_spool, settings.spool, settings.state_path / "fallback"
        )
        return [
            *gauges,
            Gauge("ivr_calls_live", "Calls in progress.", self.agi.calls),
            Gauge("ivr_web_connections", "Connections to the web side.", self.doors.there),
            Gauge("ivr_codes_left", "Tracking codes to promise without the database.", self.codes.left),
            Gauge("ivr_ami_connected", "Whether Asterisk's manager answers.", self.ami.connected),
            Gauge("ivr_journal_on_spare", "Whether the journal goes on on the second volume.",
                  self.line.intake.journal.on_spare),
            Gauge("ivr_stray_recordings", "Recordings that wait for the reconciler.", self.worker.strays),
            Gauge("ivr_loops_failing", "Of what runs beside calls, how many keep failing.",
                  len(self.worker.loops.troubles)),
            *(Gauge("ivr_loop_failures", "How often what runs beside calls failed and was begun again.",
                    each.failures, {"loop": each.name}) for each in self.worker.loops.all),
            Gauge("ivr_recordings_without_case", "Recordings too short or without a word.", caseless),
            Gauge("ivr_dead_letters", "Messages that were put aside with a reason.", dead),
        ]  # fmt: skip

    def _counter(self) -> Counter:
        """The service desk, for other systems."""
        settings = self.settings
        return Counter(self.engine, self.book, self.learning, settings.recordings, settings.seed_path.name)

    def _panel(self) -> Panel:
        """What people sign in to."""
        settings, idle = self.settings, timedelta(minutes=self.settings.web.idle_minutes)
        studio = Studio(
            self.sounds.speak,
            prepare_voice,
            self.derived.folder,
            settings.seed_path,
            settings.answers.approval,
        )
        renditions = Renditions(settings.recordings, self.derived, self.vault)
        files = Files(settings.seed_path, self.book.conventions.limits)
        phones = settings.browser_phone
        return Panel(
            self.engine,
            self.book,
            Folders(settings.recordings, settings.state_path, files, settings.seed_path),
            learning=self.learning,
            voices=Voices(renditions, studio, booth(settings), self._needed),
            telephones=Telephones(
                self._telephone("seda111-phone", self.secrets.sip) if phones.citizens else None,
                self._telephone("seda111-desk", self.secrets.desk) if phones.supervisors else None,
                calls_back=bool(settings.callbacks.dial),
            ),
            entry=Entrance(Keeping(idle, timedelta(hours=settings.web.session_hours)), settings.web.proxies),
            board=Board(
                self.engine,
                settings.province.timezone,
                self.line.clock,
                Switchboard(self.ami, settings.sip.watched),
                self._disks,
                self.line.going_on,
            ),
        )

    def _disks(self) -> list[Disk]:
        return [
            Disk(
                "second" if each.prefix else "state",
                each.counted.free,
                each.trouble(LONGEST_SECONDS) or each.warning,
            )
            for each in self.volumes.all
        ]

    def _telephone(self, user: str, secret: str) -> Telephone:
        return Telephone(self.settings.phone_url, user, secret, self.settings.calls.extension)

    async def _database(self) -> str:
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        return "" if self.codes.left else "no tracking codes are in hand"

    async def _asterisk(self) -> str:
        await self.ami.action("Ping")
        return ""

    async def _disk(self) -> str:
        if self.volumes.where(LONGEST_SECONDS):
            return ""
        return "; ".join(self.volumes.troubles(LONGEST_SECONDS))

    def _warnings(self) -> list[str]:
        found = self.volumes.warnings(LONGEST_SECONDS)
        journal = self.line.intake.journal
        if journal.on_spare:
            found.append(f"the journal goes on on the second volume, {journal.spare}")
        return [*found, *self.worker.loops.troubles]

    async def _offer(self, offered: Offered) -> None:
        """Swap one reference; live calls keep what they began with."""
        await offered.reread()
        self.line.directory, self.added = offered.directory, offered.added

    def _needed(self) -> frozenset[str]:
        """The prompts that calls can reach, or could if what people added to the book had its sound."""
        return self._needed_by_files | self.added

    @cached_property
    def _needed_by_files(self) -> frozenset[str]:
        return needed(self.settings)

    async def _prompts(self) -> str:
        gaps = await asyncio.to_thread(
            lambda: missing(needed(self.settings), self.settings.calls.languages, self.settings.sounds)
        )
        return f"{len(gaps)} prompts have no audio: ivr sounds build" if gaps else ""
