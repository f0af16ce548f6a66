"""The only composition root: what one process of `ivr serve` runs, by its roles."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from math import nan
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import uvloop

from ivr.asterisk.ami import Ami, AmiError
from ivr.asterisk.channel import Channel
from ivr.asterisk.recording import written_anew
from ivr.asterisk.server import AgiConnection, AgiServer, prepare_process, settle
from ivr.cases.callback import Policy
from ivr.cases.code import masked
from ivr.cases.deadlines import iranian_holidays
from ivr.desk.book.book import Book
from ivr.desk.book.learning import Learning
from ivr.desk.call import callback_list
from ivr.desk.call.intake import Intake
from ivr.desk.call.live import Disk
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.case.codes import CodeBlock, CodesError
from ivr.desk.editing.listing import Files
from ivr.desk.facts import gauges as condition
from ivr.desk.facts.apply import Pump
from ivr.desk.facts.dialplan_codes import keep_laid_out
from ivr.desk.facts.gauges import Gauge
from ivr.desk.facts.journals import keep_signing, others_promise
from ivr.desk.facts.strays import Shelf
from ivr.desk.letters import outgoing
from ivr.desk.people.signing_in import Keeping
from ivr.desk.recordings.hearing import Renditions, keep_swept
from ivr.installation import (
    CommandError,
    asked_hosts,
    booth,
    conventions,
    database_url,
    directory_of,
    fact_term,
    factor_keys,
    keep_private,
    key_copies,
    load_secrets,
    needed,
    tree_tools,
    vault,
    witnesses,
)
from ivr.loops import (
    dialling,
    quiet,
    supervising,
    telling_live,
    transcribing,
    weekly_proof,
)
from ivr.loops.announced import Announced
from ivr.loops.carrying import OpenLine, carry
from ivr.loops.delivery import Delivery
from ivr.loops.dialling import Dialler, Trunk, tell_whether
from ivr.loops.enquiring import Enquiries
from ivr.loops.every import Loops
from ivr.loops.hour_line import HourLine
from ivr.loops.household import Household
from ivr.loops.lag import Lag
from ivr.loops.live_trees import LiveTrees
from ivr.loops.lost_calls import VanishedCalls
from ivr.loops.offered import AGAIN_SECONDS, Offered
from ivr.loops.quiet import QuietWatch, TakenOver
from ivr.loops.sockets import ListeningError, Sharing, drain, meeting_place, obtain, replaced, siblings
from ivr.loops.switchboard import Switchboard, tell_talks
from ivr.loops.telling import ALIVE, CALLS, GAUGES, JOURNAL, READY, Telling, name_of, telling_place
from ivr.loops.time_of_day import RESTS, TimeOfDay
from ivr.loops.transcribing import Transcriber
from ivr.loops.watchdog import end_with_parent, tell_systemd, watch_loop
from ivr.loops.weekly_proof import WeeklyProof
from ivr.loops.worker import Cellar, Worker
from ivr.settings import DUTIES, Callbacks, Duty, Settings, absolute
from ivr.speech.check import Missing, missing
from ivr.speech.preparing import Unfit, prepared
from ivr.speech.recognition import Recogniser, by_command, by_sherpa
from ivr.speech.sound_book import SoundBook, forget_unused
from ivr.store import slots
from ivr.store.derived import Derived, exports
from ivr.store.disk_thread import ask_once
from ivr.store.engine import AWAY, READ_ONLY, make_engine, takes
from ivr.store.journal import JournalError
from ivr.store.volumes import LONGEST_SECONDS, Volumes, link
from ivr.voice.directory import Directory
from ivr.voice.lottery_call import TO_THE_OFFICIAL
from ivr.voice.mistakes import MenuMistakes
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

FIRST_LEASE_SECONDS = 10.0
PROMISE_SECONDS = 5.0  # the most from one try to have codes to the next
REFUSED_SECONDS = 10.0  # that a disk which refused the last callers' words is waited for
OWN_SECONDS = 3_600.0  # from one noting that trees' own words are needed to the next
READY_SECONDS = 60.0  # who would take over and is not ready by then leaves it
_NICE: Mapping[Duty, int] = {"calls": 0, "panel": 3, "work": 5}  # on a busy machine a caller comes first
# That a thread which makes a workbook keeps the panel's loop waiting, each time it asks for the interpreter.
_SWITCH_SECONDS = 0.0005
Json = dict[str, Any]


def serve(
    settings: Settings,
    duties: Collection[Duty] = DUTIES,
    take_over: bool = False,
    when_ready: bool = False,
    parent: int = 0,
    drained: Callable[[], object] = lambda: None,
) -> None:
    """Do these in this process until SIGTERM or SIGINT, then drain. Raises Finding.

    `take_over`: become ready first, then tell those that serve already to drain.
    `when_ready`: become ready first. `parent`: the process that forked us and starts us again, unless we
    said by `drained` that whoever took over told us to drain.
    """
    prepare_logging(settings, "+".join(duties))
    if parent:
        end_with_parent(parent)
    keep_private(settings)
    os.nice(min(_NICE[duty] for duty in duties))
    if "panel" in duties:
        sys.setswitchinterval(_SWITCH_SECONDS)
    most = prepare_process(settings.agi.max_calls)
    settings = settings.model_copy(update={"agi": settings.agi.model_copy(update={"max_calls": most})})
    try:
        uvloop.run(Hotline(settings, take_over, when_ready, duties=duties, drained=drained).run())
    except (JournalError, CodesError, ListeningError) as error:
        raise CommandError(str(error)) from error


class Masking(logging.Formatter):
    """Writes no tracking code in full, wherever in a line or traceback it stands."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def prepare_logging(settings: Settings, role: str) -> None:
    """Several processes may write to one log: each line names its own."""
    form = f"%(asctime)s [{role} %(process)d] %(levelname)s %(name)s: %(message)s"
    written = logging.StreamHandler()
    written.setFormatter(Masking(form))
    logging.basicConfig(level=settings.log_level, handlers=[written], force=True)  # not the parent's


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
        duties: Collection[Duty] = DUTIES,
        drained: Callable[[], object] = lambda: None,
    ) -> None:
        """`clock`: the zoned time of the province; `TimeOfDay` unless a test travels."""
        self.settings = settings
        self.take_over, self.when_ready, self.drained = take_over, when_ready, drained
        self.duties, self.name = frozenset(duties), name_of(duties)
        self.stopping = asyncio.Event()
        self.loops = Loops()
        self.lag: Lag
        self.secrets = load_secrets(settings)
        self.engine = make_engine(database_url(settings))
        self.time = TimeOfDay(self.engine, ZoneInfo(settings.province.timezone), settings.spool)
        self.clock = clock or self.time
        self.volumes = Volumes.of(settings.recordings, settings.second_path, settings.ballast_mb << 20)
        self.sounds = SoundBook(settings.sounds, settings.calls.languages, settings.sip.codecs)
        self.announced = Announced(self.engine, settings.calls.languages, self.sounds.speak, self.clock)
        self.book = Book(self.engine, conventions(settings))
        self.derived = Derived(settings.derived)
        self.vault = vault(settings)
        self.learning = Learning(settings.seed_path)  # one for all: learning takes a second
        self.offered: Offered
        self.household: Household
        self.sharing: Sharing
        self.telling: Telling
        # What only some roles have.
        self.codes: CodeBlock | None = None
        self.intake: Intake | None = None
        self.worker: Worker | None = None
        self.delivery: Delivery | None = None
        self.dialler: Dialler | None = None
        self.agi: AgiServer | None = None
        self.line: OpenLine | None = None
        self.taken = dict[str, TakenOver]()
        self.trees: LiveTrees | None = None
        self.doors: Doors | None = None
        self.panel: Panel | None = None
        self.ami = Ami(
            settings.ami.host,
            settings.ami.port,
            settings.ami.username,
            self.secrets.ami,
            action_seconds=settings.ami.action_seconds,
            # Asterisk filters them: dialplan/shared/accounts.conf.j2
            events="call" if "calls" in self.duties else "off",
        )

    async def run(self) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.stopping.set)
        async with AsyncExitStack() as stack:
            await self._start(stack)
            await self.stopping.wait()
            self.sharing.close()
            await self._drain()

    async def _drain(self) -> None:
        if self.doors is not None and self.panel is not None:
            self.doors.close()
            self.panel.news.close()  # open pages find another process, or us no more
        if self.agi is not None:
            log.info("no new calls; the %d live ones may finish", self.agi.calls)
            await self.agi.drain(self.settings.agi.drain_seconds)
            await written_anew(REFUSED_SECONDS)

    async def _start(self, stack: AsyncExitStack) -> None:
        settings, clock = self.settings, asyncio.get_running_loop().time
        self.lag = Lag("+".join(sorted(self.duties)), clock)
        stack.push_async_callback(self.engine.dispose)
        stack.callback(self.volumes.close)
        await self.time.begin()
        if second := settings.second_path:
            link(settings.state_path / "fallback", second / "fallback")
        files = dataclasses.replace(directory_of(settings), calls_back=bool(settings.callbacks.dial))
        self.offered = Offered(self.book, files, self.sounds.on_disk)
        if self.duties & {"calls", "work"}:
            self.intake = await self._take_slot(stack)
        iranian_holidays(self.clock().year)  # a tenth of a second, which no caller shall wait for
        stack.push_async_callback(self.loops.close)
        if self.duties & {"calls", "panel"}:
            self.book.told.append(self._offer)
            self.loops.every("what calls offer", AGAIN_SECONDS, self._offer_anew, at_once=False)
            await self.volumes.look()
            self.loops.start("disks", self.volumes.watch)
        self.loops.start("book", self.book.follow)
        self.loops.every("time of day", self.time.rest, self.time.compare, at_once=False)
        self.loops.start("stall watchdog", watch_loop)
        if "calls" in self.duties and self.intake is not None:
            await self._start_line(stack, self.intake)
        if "work" in self.duties and self.intake is not None:
            self._start_work(stack, self.intake)
        self.ami.start()
        stack.push_async_callback(self.ami.close)
        await self._open_doors(stack)
        if "work" in self.duties:
            self._call_back(stack)  # only once whoever answers can be heard

    async def _take_slot(self, stack: AsyncExitStack) -> Intake:
        """A journal of our own and, for who carries calls, the codes beside it."""
        settings, carries = self.settings, "calls" in self.duties
        journal = slots.take(
            settings.spool,
            settings.second_path,
            first=0 if carries else slots.NO_CALLS,
            applies="work" in self.duties,
            term=fact_term(settings),
        )
        stack.push_async_callback(journal.close)
        home = journal.folder.parent
        log.info("process %d keeps its facts in %s", os.getpid(), home)
        marks, second = settings.marks(home.name), settings.second_path
        if second and not link(settings.state_path / "codes", second / "codes"):
            marks = marks[:1]
        codes = CodeBlock(home / "codes", marks)
        if carries:
            codes.open()
            stack.callback(codes.close)
            self.codes = codes
        promise = partial(others_promise, settings.spool, journal)
        self.loops.start("signing", partial(keep_signing, journal))
        return Intake(journal, codes, self.book, self.clock, others_promise=promise)

    async def _start_line(self, stack: AsyncExitStack, intake: Intake) -> None:
        """What a call needs, and what must never wait for anything that grows."""
        settings = self.settings
        languages, adopt = settings.calls.languages, self.sounds.adopt
        self.trees = trees = LiveTrees(self.engine, settings.calls.trees, languages, settings.spool, adopt)
        await trees.begin()
        self.line = line = OpenLine(
            trees.called, self._with_today(self.offered.directory), intake, self.clock
        )
        self.loops.start("announcements", self.announced.follow)
        line.mark = self.time.mark
        line.enquiries = self._enquiries(stack)
        line.queue, calling = Switchboard(self.ami).queue, policy(settings.callbacks)
        line.rings = calling.opens, calling.closes
        line.hours = HourLine(self.engine, settings.meetings.extensions, self.clock)
        await self._lease_first(intake.codes)
        process = f"{socket.gethostname()}:{os.getpid()}"
        loops = self.loops
        loops.start("codes", partial(intake.codes.keep_leased, self.engine), longest=PROMISE_SECONDS)
        spare = settings.state_path / "fallback"
        loops.start("codes of the dialplan", partial(keep_laid_out, intake.codes, spare))
        loops.start("menus", trees.follow)
        keep_own = partial(ask_once, self.sounds.keep_own)
        loops.every("words of menu trees", OWN_SECONDS, keep_own, at_once=False)
        loops.start("live board", partial(telling_live.tell, self.engine, process, line.going_on, line.clock))
        loops.start("hours of officials", line.hours.follow)
        watch, taken = QuietWatch(self.ami), self.taken

        async def silent() -> None:
            await watch.turn({**line.live, **taken})

        looks = quiet.LOOK_SECONDS
        loops.every("silent telephones", looks, silent, waits_for=(AmiError,), longest=looks)
        tell_talks(self.ami, line.talks)

    def _enquiries(self, stack: AsyncExitStack) -> Enquiries:
        headers = {name: each.headers for name, each in self.settings.enquiries.hosts.items()}
        found = Enquiries(asked_hosts(self.settings), headers)
        stack.push_async_callback(found.close)
        return found

    async def _lease_first(self, codes: CodeBlock) -> None:
        try:
            async with asyncio.timeout(FIRST_LEASE_SECONDS):
                await codes.lease(self.engine)
        except AWAY as error:
            log.warning("no tracking codes leased at start, %d in hand: %s", codes.left, error)

    def _start_work(self, stack: AsyncExitStack, intake: Intake) -> None:
        """What grows with the books, and what leaves the house."""
        settings, loops = self.settings, self.loops
        alone, fallback = not settings.agi.others, settings.state_path / "fallback"
        self.worker = worker = Worker(
            Pump(self.engine, intake.journal, self.book),
            intake,
            Shelf(self.engine, self.book, settings.recordings, settings.spool, alone, fallback),
            Cellar(
                fallback,
                settings.custody,
                settings.seed_path,
                self.derived,
                self.vault,
                witnesses(settings),
                key_copies(settings) if settings.at_rest.recordings else None,
                settings.at_rest.packed,
            ),
            self.clock,
            fact_term(settings),
            lambda: self.time.is_sure,
        )
        worker.start(loops)
        stack.push_async_callback(worker.idle)
        vanished = VanishedCalls(self.engine, settings.spool, intake, self.ami, self.time)
        loops.every("vanished calls", vanished.rest, vanished.look)
        loops.start("derived", partial(keep_swept, self.derived, exports(settings.state_path)))
        loops.every("free words", 6 * OWN_SECONDS, self._forget_unused, at_once=False)
        if settings.weekly_proof:
            proof = WeeklyProof(self.engine, self.clock, ZoneInfo(settings.province.timezone))
            loops.every("weekly proof", weekly_proof.LOOK_SECONDS, proof.once)
        self.delivery = Delivery(self.book, settings.notify, settings.seed_path, self.clock)
        self.delivery.start(loops)
        if (recogniser := self._recogniser()) is not None:
            its = (settings.recordings, self.learning, self.clock, worker.aside)
            listener = Transcriber(self.engine, recogniser, *its)
            loops.every("transcriber", transcribing.LOOK_SECONDS, listener.all)

    async def _forget_unused(self) -> None:
        if self.time.is_sure:  # by a clock gone wrong all would be old
            await ask_once(partial(forget_unused, self.settings.sounds))

    async def _open_doors(self, stack: AsyncExitStack) -> None:
        """Listen, beside the siblings or in their place."""
        place, loop = meeting_place(self.settings), asyncio.get_running_loop()
        older = replaced(await asyncio.to_thread(siblings, place), self.duties) if self.take_over else []
        if older or self.when_ready:
            await self._become_ready(self._checks() | {"prompts": partial(self._prompts, whole=True)})
        sockets = await obtain(self.settings, place, self.duties)

        def drain_soon() -> None:  # also while our loop hangs
            self.drained()
            loop.call_soon_threadsafe(self.stopping.set)

        self.sharing = Sharing(place, self.name, sockets, drain_soon)
        stack.callback(self.sharing.close)
        told = {ALIVE: self._alive, READY: self._ready, GAUGES: self._gauges, CALLS: self._going_on}
        told[JOURNAL] = self._writes
        self.telling = Telling(telling_place(self.settings), self.name, told)
        own = told | {GAUGES: self._gauges_of_all}
        self.household = Household(telling_place(self.settings), self.name, own, self.settings.serve.roles)
        if "agi" in sockets:
            self.agi = self._server()
            await self.agi.start(sockets["agi"])
            stack.push_async_callback(self.agi.close)
        if "web" in sockets:
            await self._start_web(stack, sockets["web"])
        settle()
        self.loops.start("lag", self.lag.watch)
        self.sharing.open()
        await self.telling.open()
        stack.callback(self.telling.close)
        tell_systemd()
        await asyncio.to_thread(drain, place, older)

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
        self.loops.every("whether anybody is dialled", dialling.TELL_SECONDS, told)
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
        self.dialler = Dialler(
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
            recordings=self.settings.recordings,
            clock=self.clock,
            queue=Switchboard(self.ami).queue,
            resting=lambda: self.stopping.is_set() or not self.time.is_sure,
        )
        originate.start()
        stack.push_async_callback(originate.close)
        stack.callback(self.dialler.close)
        look = self.dialler.look
        self.loops.every("dialler", self.dialler.pause, look, waits_for=dialling.WAITS_FOR)

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
        assert self.line is not None
        if supervising.is_supervisor(connection):
            sorry = self.sounds.path(TO_THE_OFFICIAL, self.settings.calls.languages[0])
            phones = self.settings.meetings.telephones
            await supervising.carry(connection, self.engine, self.line.clock, self.taken, phones, sorry)
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

    async def _start_web(self, stack: AsyncExitStack, listening: socket.socket) -> None:
        pages = application(self.household.ready, metrics.routes(self.household.gauges))
        attach(pages, self._counter())
        self.panel = self._panel()
        made = panel.attach(pages, self.panel, self.loops.start)
        runner, limits = await runner_of(pages), self.settings.web
        stack.push_async_callback(runner.cleanup)
        inside = cast(Callable[[], asyncio.Protocol], runner.server)
        self.doors = Doors(inside, limits.max_connections, limits.max_per_address, limits.proxies)
        await self.doors.open(listening)
        stack.callback(self.doors.close)
        self.loops.start("templates", made.prepare)

    # What this process tells of itself, to the panel beside it or to strangers (`Household`).

    async def _alive(self) -> bool:
        return True

    async def _writes(self) -> str:
        """Its journal, for the doctor: who answers is not to be killed."""
        return str(self.intake.journal.folder) if self.intake is not None else ""

    async def _ready(self) -> Json:
        """Its checks, and what is not well and does not bite yet."""
        checks = self._checks()
        if "panel" in self.duties:  # it looks at every file, so no call is bothered with it
            checks |= {"prompts": self._prompts}
        told = {"draining": self.stopping.is_set(), "checks": await examine(checks)}
        return told | {"warnings": self._warnings()}

    async def _going_on(self) -> list[Json]:
        return self.line.going_on() if self.line is not None else []

    async def _gauges(self) -> list[Json]:
        """What only this process knows."""
        gauges = [*condition.of_process(), *self.lag.gauges()]
        if self.agi is not None and self.intake is not None and self.codes is not None:
            gauges += condition.of_volumes(self.volumes, LONGEST_SECONDS)
            spare, well = self.intake.journal.on_spare, not self.intake.journal.trouble
            gauges += [
                Gauge("ivr_calls_live", "Calls in progress.", self.agi.calls),
                Gauge("ivr_codes_left", "Tracking codes to promise without the database.", self.codes.left),
                Gauge("ivr_ami_connected", "Whether Asterisk's manager answers.", self.ami.connected,
                      join="min"),
                Gauge("ivr_journal_on_spare", "Whether a journal goes on on the second volume.", spare,
                      join="max"),
                Gauge("ivr_journal_ok", "Whether every journal takes what is said.", well, join="min"),
            ]  # fmt: skip
        if self.line is not None and self.line.enquiries is not None:
            gauges += self.line.enquiries.gauges()
        if self.doors is not None:
            gauges.append(Gauge("ivr_web_connections", "Connections to the web side.", self.doors.there))
        if self.worker is not None:
            strays = self.worker.strays
            gauges.append(
                Gauge("ivr_stray_recordings", "Recordings that wait for the reconciler.", strays, join="max")
            )
            unread = "Folders that a damaged disk does not show whole."
            gauges += [
                Gauge("ivr_unread_folders", unread, len(folders), {"of": what}, join="max")
                for what, folders in self.worker.not_shown.items()
            ]
            aside = "What a step of the background work can't work on, with its reason in the log."
            gauges += [
                Gauge("ivr_rows_put_aside", aside, many, {"step": step}, join="max")
                for step, many in self.worker.aside.counts.items()
            ]
        failures = "How often what runs beside calls failed and was begun again."
        gauges.append(
            Gauge("ivr_loops_failing", "Of what runs beside calls, how many keep failing.",
                  len(self.loops.troubles))
        )  # fmt: skip
        gauges += [
            Gauge("ivr_loop_failures", failures, each.failures, {"loop": each.name})
            for each in self.loops.all
        ]
        return [dataclasses.asdict(gauge) for gauge in gauges]

    async def _gauges_of_all(self) -> list[Json]:
        """The same with what disks and books tell, which is the machine's."""
        settings = self.settings
        caseless = dead = behind = longest = nan  # unknown while the database is away
        with suppress(*AWAY):
            async with asyncio.timeout(1):
                caseless = await condition.without_case(self.engine)
                dead = await outgoing.dead(self.engine)
                behind, longest = await callback_list.behind_calls(self.engine, self._now())
        gauges = await condition.asked_of_spool(settings.spool, settings.state_path / "fallback")
        gauges += [
            Gauge("ivr_recordings_without_case", "Recordings too short or without a word.", caseless),
            Gauge("ivr_dead_letters", "Messages that were put aside with a reason.", dead),
            Gauge("ivr_callbacks_behind_calls", "Due, but their number is on the line with us.", behind),
            Gauge("ivr_callbacks_behind_calls_seconds", "For how long the longest such call.", longest),
        ]
        return [*(await self._gauges()), *map(dataclasses.asdict, gauges)]

    def _counter(self) -> Counter:
        """The service desk, for other systems."""
        settings = self.settings
        return Counter(
            self.engine,
            self.book,
            self.learning,
            settings.recordings,
            settings.seed_path.name,
            clock=self._now,
            proxies=settings.web.proxies,
        )

    def _panel(self) -> Panel:
        """What people sign in to."""
        settings, its = self.settings, self.settings.web
        keeping = Keeping(
            timedelta(minutes=its.idle_minutes),
            timedelta(hours=its.session_hours),
            timedelta(minutes=its.proof_minutes),
            its.factor_roles,
            factor_keys(settings),
        )
        studio = Studio(
            self.sounds.speak,
            prepare_voice,
            self.derived.folder,
            settings.seed_path,
            settings.answers.approval,
        )
        renditions = Renditions(settings.recordings, self.derived, self.vault)
        here = self.book.conventions
        files = Files(settings.seed_path, here.limits, its.factor_roles, here.languages)
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
                officials=tuple(settings.meetings.extensions),
            ),
            entry=Entrance(keeping, its.proxies),
            board=Board(
                self.engine,
                settings.province.timezone,
                self.clock,
                Switchboard(self.ami, settings.sip.watched),
                self._disks,
                self.household.going_on,
            ),
            trees=tree_tools(settings, lambda: self.offered.directory, self._now),
            clock=self._now,
        )

    def _now(self) -> datetime:
        """For pages and the API the same time as for calls, also where this machine's clock is wrong."""
        return self.clock().astimezone(UTC)

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

    def _checks(self) -> dict[str, Check]:
        checks: dict[str, Check] = {"database": self._database, "asterisk": self._asterisk}
        if "calls" in self.duties:
            checks |= {"disk": self._disk, "journal": self._journal}
        return checks

    async def _database(self) -> str:
        async with self.engine.connect() as connection:
            if not await takes(connection):
                return READ_ONLY
        return "" if self.codes is None or self.codes.left else "no tracking codes are in hand"

    async def _asterisk(self) -> str:
        await self.ami.action("Ping")
        return ""

    async def _disk(self) -> str:
        if self.volumes.where(LONGEST_SECONDS):
            return ""
        return "; ".join(self.volumes.troubles(LONGEST_SECONDS))

    async def _journal(self) -> str:
        return self.intake.journal.trouble if self.intake is not None else ""

    def _warnings(self) -> list[str]:
        found = self.volumes.warnings(LONGEST_SECONDS) if "calls" in self.duties else []
        if self.intake is not None and (journal := self.intake.journal).on_spare:
            found.append(f"the journal goes on on the second volume, {journal.spare}")
        if self.time.trouble:
            found.append(f"{self.time.trouble}: set it right (NTP); until then {RESTS}")
        if self.delivery is not None and self.delivery.trouble:
            found.append(self.delivery.trouble)
        if self.dialler is not None and self.dialler.trouble:
            found.append(self.dialler.trouble)
        trees = self.trees.troubles if self.trees is not None else []
        unread = self.worker.troubles if self.worker is not None else []
        return [*found, *trees, *self.announced.troubles, *unread, *self.loops.troubles, *self.lag.troubles]

    async def _offer(self) -> None:
        """Swap one reference; live calls keep what they began with."""
        await self.offered.reread()
        if self.line is not None:
            self.line.directory = self._with_today(self.offered.directory)

    async def _offer_anew(self) -> None:
        if await ask_once(lambda: self.offered.differs):
            await self._offer()

    def _with_today(self, directory: Directory) -> Directory:
        return dataclasses.replace(directory, announced=self.announced.live)

    def _needed(self) -> frozenset[str]:
        """The prompts that calls can reach, or could if what people added to the book had its sound."""
        return self._needed_as_found() | self.offered.added

    @cached_property
    def _needed_by_files(self) -> frozenset[str]:
        """As first read whole: those of the next release say nothing of what calls reach here.

        Raises MenuMistakes or OSError, and is read again then.
        """
        return needed(self.settings)

    def _needed_as_found(self) -> frozenset[str]:
        with suppress(MenuMistakes, OSError):
            return self._needed_by_files
        return needed(self.settings, lenient=True)

    async def _prompts(self, whole: bool = False) -> str:
        """`whole`: no menu file may be left out, as one that is just being copied."""

        def look() -> list[Missing]:
            ids = self._needed_by_files if whole else self._needed_as_found()
            return missing(ids, self.settings.calls.languages, self.settings.sounds)

        gaps = await asyncio.to_thread(look)
        return f"{len(gaps)} prompts have no audio: ivr sounds build" if gaps else ""
