"""`ivr doctor`: what is missing or misconfigured, and how to mend it."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from ivr.asterisk.server import files_for
from ivr.commands.output import tell_waiting
from ivr.settings import ROOT, Settings, absolute, config_file
from ivr.store.disk_thread import ask_once

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.asterisk.ami import Ami

ASTERISK_SECONDS = 5.0
LATE_SECONDS = 120.0  # what waits longer for the books does not come by itself
OPEN_SECONDS = 240.0  # … but what Asterisk has open, or died over, is waited for: `ivr.desk.facts.fallback`
SILENT_SECONDS = 30.0  # a process that serves signs every five
# Longer than a statement of the database is waited for, and than a million recordings take to be listed; and
# what each further look gets once a disk has given no answer.
LOOK_SECONDS, HUNG_SECONDS = 60.0, 10.0
METRICS_SECONDS = 20.0  # its page waits for each process that is silent: `ivr.loops.telling.ANSWER_SECONDS`
FILES_OF_ASTERISK = 4096  # of some 600 who speak at once; systemd's own limit is 1,024
FREE_BYTES = 1 << 30  # a full day of a busy province's recordings is about this


class Diagnosis(NamedTuple):
    """`found` in one sentence; `mend` says what to do when not `ok`."""

    name: str
    ok: bool
    found: str
    mend: str = ""


async def examine(settings: Settings) -> list[Diagnosis]:
    """Look at everything a call needs; never raises, and ends though a disk hangs."""
    from ivr.store.engine import is_forbidden

    looks: list[tuple[str, Callable[[Settings], Awaitable[Diagnosis]]]] = [
        ("state", _state),
        ("disk", _disk),
        ("damage", _damage),
        ("files", _files),
        ("database", _database),
        ("clock", _clock),
        ("prompts", _prompts),
        ("menu", _menu),
        ("agi", _agi),
        ("workers", _workers),
        ("server", _server),
        ("asterisk", _asterisk),
        ("dialplan", _dialplan),
        ("rights", _rights),
        ("fallback", _fallback),
        ("spool", _spool),
        ("journal", _journal),
        ("codes", _codes),
        ("store", _store),
        ("at rest", _at_rest),
        ("recognition", _recognition),
        ("suggestions", _suggestions),
        ("escalation", _escalation),
        ("leaving", _leaving),
        ("custody", _custody),
        ("backup", _backup),
        ("exposure", _exposure),
    ]
    findings: list[Diagnosis] = []
    unseen: dict[str, str] = {}  # why, by look
    limit = LOOK_SECONDS
    for name, look in looks:
        over = tell_waiting(f"the look at {name}", limit)
        try:
            async with asyncio.timeout(limit) as waiting:
                findings.append(await ask_once(partial(_alone, look, settings)))
        except Exception as error:  # one sick part must not hide the others
            found, mend = f"{type(error).__name__}: {error}", "the sentence above names the place"
            if _is_the_database_s(error):
                found, mend = _told(error), _MEND_RIGHT if is_forbidden(error) else _MEND_DATABASE
            if waiting.expired():
                found, mend = f"no answer within {limit:g} s", _MEND_HANGING
                if name in _QUICK:  # a disk hangs; what only has much to read has its time
                    limit = HUNG_SECONDS
            elif any(_says_it(each, error) for each in findings):
                unseen[name] = _told(error)
                continue
            findings.append(Diagnosis(name, False, found, mend))
        finally:
            over()
    if unseen:
        told = f"the database does not tell what {', '.join(unseen)} ask: {next(iter(unseen.values()))}"
        findings.append(Diagnosis("unseen", False, told, _MEND_DATABASE))
    return findings


def _says_it(seen: Diagnosis, error: Exception) -> bool:
    """Whether the database is sick by an earlier look, and this one met the same."""
    sick = seen.name == "database" and not seen.ok
    return sick and (_is_the_database_s(error) or _told(error) in seen.found)


def _is_the_database_s(error: Exception) -> bool:
    """By its kind; that there is none is told by an error that files have, too."""
    from ivr.store.engine import AWAY

    nameless = isinstance(error, TimeoutError) and not str(error)
    return nameless or (isinstance(error, AWAY) and not isinstance(error, OSError))


def _alone(look: Callable[[Settings], Awaitable[Diagnosis]], settings: Settings) -> Diagnosis:
    """In a loop of its own, which a disk may hold up. What hangs there is not waited for at our end, either.

    Nothing that asks a disk goes `to_thread`, for those are waited for, but what ends by itself.
    """

    async def looking() -> Diagnosis:
        return await look(settings)

    return asyncio.run(looking())


_QUICK = ("state", "disk")
_MEND_DATABASE = "look at database in this list"
_MEND_RIGHT = "ivr db upgrade as the role that owns the tables grants it (docs/production.md, 1)"
_MEND_HANGING = "see dmesg and the mounts of IVR_STATE and IVR_SECOND_VOLUME; state and disk in this list"


def _told(error: Exception) -> str:
    """A time-out has no words of its own."""
    from ivr.store.engine import in_its_words

    said = in_its_words(error)
    return said or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)


async def _state(settings: Settings) -> Diagnosis:
    from ivr.store.volume import look_in_time

    found = look_in_time(settings.state_path)
    if found.trouble:
        return Diagnosis("state", False, found.trouble, "make IVR_STATE writable")
    return Diagnosis("state", True, f"{settings.state_path} is writable")


async def _disk(settings: Settings) -> Diagnosis:
    from ivr.store.room import Room
    from ivr.store.volume import HANG_SECONDS, SLOW_SECONDS, look_in_time

    state, second = settings.state_path, settings.second_path
    apart = [each for each in (settings.recordings, settings.spool) if each.exists() and each.is_mount()]
    places = [state, *([second] if second else []), *apart]
    looks = await asyncio.gather(*(asyncio.to_thread(look_in_time, place) for place in places))
    found = [f"{each.free / (1 << 30):.1f} GiB free under {p}" for p, each in zip(places, looks, strict=True)]
    found += [each.trouble for each in looks if each.trouble]
    found += [f"{p} is slow: {each.seconds:.1f} s to write a page"
              for p, each in zip(places, looks, strict=True) if each.seconds > SLOW_SECONDS]  # fmt: skip
    awake = [place for place, each in zip(places, looks, strict=True) if each.seconds < HANG_SECONDS]
    low = [
        place
        for place in (state, second)
        if place in awake and Room(place / "recordings", settings.ballast_mb << 20).gave_way
    ]
    found += [f"something fills the disk of {place}: its ballast has given way" for place in low]
    well = looks[0].free >= FREE_BYTES and not low and not any(each.trouble for each in looks)
    if second in awake and second.is_dir() and state.stat().st_dev == second.stat().st_dev:
        well = False
        found.append("the second volume is on the same disk (or is not mounted)")
    mend = "free some space, move IVR_STATE to a larger disk, or mend IVR_SECOND_VOLUME; ask dmesg"
    return Diagnosis("disk", well, "; ".join(found), mend)


async def _damage(settings: Settings) -> Diagnosis:
    from ivr.commands import damage

    found, mend = damage.unread(settings)
    several = f" and {len(found) - 3} more" if len(found) > 3 else ""
    told = f"can't be read: {'; '.join(found[:3])}{several}" if found else "every folder can be read"
    return Diagnosis("damage", not found, told, mend)


async def _files(settings: Settings) -> Diagnosis:
    """Of a shell that starts `ivr serve`, and of Asterisk; the server says by itself when it gets too few."""
    from ivr.asterisk.rights import runners

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = files_for(settings.agi.max_calls)
    enough = hard in (-1, resource.RLIM_INFINITY) or hard >= want
    found = f"a process may open {hard} files; {settings.agi.max_calls} calls at once want {want}"
    theirs = min((runner.files for runner in runners() if runner.files), default=FILES_OF_ASTERISK)
    mend = "raise LimitNOFILE (ulimit -Hn), or lower agi.max_calls"
    if theirs < FILES_OF_ASTERISK:
        found += f"; Asterisk may open {theirs}, of which a caller who speaks takes about six"
        its = "LimitNOFILE=65536 in Asterisk's unit, or maxfiles in asterisk.conf"
        mend = its if enough else f"{its}; {mend}"
    return Diagnosis("files", enough and theirs >= FILES_OF_ASTERISK, found, mend)


async def _server(settings: Settings) -> Diagnosis:
    """What the running server says of itself at /metrics; without a panel here its processes are asked."""
    import aiohttp

    start = "ivr serve (or `make run`)"
    if "panel" in settings.serve.roles:
        url = f"{settings.web.url}/metrics"
        try:
            limit = aiohttp.ClientTimeout(total=METRICS_SECONDS)
            async with aiohttp.ClientSession(timeout=limit) as session, session.get(url) as answer:
                lines = (await answer.text(errors="replace")).splitlines() if answer.status == 200 else []
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            why = str(error) or f"nothing within {METRICS_SECONDS:g} s"
            return Diagnosis("server", False, f"{url} does not answer: {why}", start)
        if not any(line.startswith("ivr_") for line in lines):
            found = f"{url} answers ({answer.status}), and tells nothing of a server of ours"
            return Diagnosis("server", False, found, f"{_MEND_PORT}; if ours has it, its log says why")
    elif not (lines := await _metrics_of_each(settings)):
        return Diagnosis("server", False, "no process of this machine says how it is", start)
    told = dict(
        line.rsplit(" ", 1) for line in lines if line.startswith("ivr_") and not line.endswith(" nan")
    )
    words = {"ivr_calls_live": "live calls", "ivr_codes_left": "codes in hand",
             "ivr_open_files": "open files", "ivr_stray_recordings": "recordings without a row",
             "ivr_recordings_without_case": "recordings of no case"}  # fmt: skip
    found = ", ".join(f"{float(told[name]):.0f} {word}" for name, word in words.items() if name in told)
    on_spare = told.get("ivr_journal_on_spare") == "1"
    full = float(told.get("ivr_open_files", 0)) > 0.8 * float(told.get("ivr_open_files_limit", 1))
    found += ", the journal is on the second volume" if on_spare else ""
    refused = told.get("ivr_journal_ok") == "0"
    found += ", a journal takes nothing, so nobody gets a code (/readyz says why)" if refused else ""
    failing = float(told.get("ivr_loops_failing", 0))
    found += f", {failing:.0f} of its loops keep failing (its log and /readyz say which)" if failing else ""
    aside = sum(float(told[line]) for line in told if line.startswith("ivr_rows_put_aside{"))
    found += f", {aside:.0f} rows can't be worked on and wait (its log and /readyz say why)" if aside else ""
    connected = "calls" not in settings.serve.roles or told.get("ivr_ami_connected") == "1"
    found += "" if connected else ", no connection to Asterisk's manager"
    mend = "look at disk, files and asterisk in this list"
    well = bool(told) and connected and not (on_spare or refused or full or failing or aside)
    return Diagnosis("server", well, found.removeprefix(", "), mend)


_MEND_PORT = "`ss -ltnp` tells which program has that port: stop it, or give ours another one"


async def _metrics_of_each(settings: Settings) -> list[str]:
    """The same lines, for no other machine's panel tells of these."""
    from ivr.desk.facts.gauges import Gauge, joined
    from ivr.loops.telling import GAUGES, ask_all, telling_place
    from ivr.web.metrics import text

    told = (await ask_all(telling_place(settings), GAUGES)).values()
    gauges = joined(Gauge(**each) for some in told for each in some or ())
    return text(gauges).splitlines() if gauges else []


async def _database(settings: Settings) -> Diagnosis:
    from ivr.installation import CommandError as Missing
    from ivr.installation import database_url
    from ivr.store.engine import READ_ONLY, is_forbidden, make_engine, takes
    from ivr.store.listening import hears
    from ivr.store.schema import NEWER, is_current, is_newer

    try:
        url = database_url(settings)
    except Missing as error:
        return Diagnosis("database", False, str(error), "start `make run`, or set IVR_DATABASE_URL")
    engine = make_engine(url, pool=1)
    try:
        current = await is_current(engine)
        async with engine.connect() as connection:
            newer, well = await is_newer(connection), await takes(connection)
        heard = not well or await hears(engine.url.render_as_string(hide_password=False))
    except Exception as error:
        if is_forbidden(error):
            return Diagnosis("database", False, _told(error), _MEND_RIGHT)
        mend = "start PostgreSQL or mend IVR_DATABASE_URL"
        return Diagnosis("database", False, f"does not answer: {_told(error)}", mend)
    finally:
        await engine.dispose()
    if not well:
        mend = "IVR_DATABASE_URL must lead to the primary; default_transaction_read_only must be off"
        return Diagnosis("database", False, READ_ONLY, mend)
    if newer:
        return Diagnosis("database", False, NEWER, "update this machine (git pull && make env)")
    if not current:
        return Diagnosis("database", False, "the schema is older than the code", "ivr db upgrade")
    if not heard:
        found = "no running process is told what is published: notifications do not come through"
        mend = "straight to PostgreSQL, or PgBouncer with pool_mode=session (docs/production.md, section 1)"
        return Diagnosis("database", False, found, mend)
    return Diagnosis("database", True, "answers, and its schema is up to date")


@asynccontextmanager
async def _books(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """The database, for one look."""
    from ivr.installation import database_url
    from ivr.store.engine import make_engine

    engine = make_engine(database_url(settings), pool=1)
    try:
        yield engine
    finally:
        await engine.dispose()


async def _clock(settings: Settings) -> Diagnosis:
    from sqlalchemy import func, select

    from ivr.cases.zone import OUTDATED, SUMMER, TIMEZONE, is_outdated
    from ivr.loops import time_of_day

    async with _books(settings) as engine:
        wrong = (await time_of_day.ask(engine)).trouble
        async with engine.connect() as connection:
            its = (await connection.execute(select(func.timezone(TIMEZONE, SUMMER)))).scalar_one()
    local = {"this machine": SUMMER.astimezone(ZoneInfo(TIMEZONE)), "the database": its}
    if not wrong and (old := [who for who, there in local.items() if is_outdated(there)]):
        mend = "upgrade tzdata there, then restart PostgreSQL and all roles"
        return Diagnosis("clock", False, f"{' and '.join(old)}: {OUTDATED}", mend)
    mend = f"timedatectl set-ntp true on both; until they agree {time_of_day.RESTS}"
    return Diagnosis("clock", not wrong, wrong or "this machine's clock and the database's agree", mend)


async def _prompts(settings: Settings) -> Diagnosis:
    from ivr.installation import needed
    from ivr.speech.check import missing, not_ready

    ids = needed(settings, lenient=True)
    where = ids, settings.calls.languages, settings.sounds
    if gaps := missing(*where):
        return Diagnosis("prompts", False, f"{len(gaps)} prompts have no audio", "ivr sounds build")
    if waiting := not_ready(*where, settings.sip.codecs):
        few = len({(one.language, one.id) for one in waiting})
        found = f"{few} prompts are not ready in the channels' codecs (such as {waiting[0]})"
        return Diagnosis("prompts", False, found, "ivr sounds build")
    codecs = ", ".join(settings.sip.codecs)
    return Diagnosis("prompts", True, f"every prompt has audio in every language, ready as {codecs}")


async def _menu(settings: Settings) -> Diagnosis:
    from ivr.commands.menu import TREES, checked
    from ivr.installation import tree_check

    names, path = tuple(dict.fromkeys(settings.calls.trees.values())), TREES
    try:
        prove = tree_check(settings)
        for name in names:
            path = TREES / f"{name}.yaml"
            checked(prove, path)
    except Exception as error:
        return Diagnosis("menu", False, str(error).splitlines()[0], f"ivr menu check {path}")
    return Diagnosis("menu", True, f"{', '.join(f'{name}.yaml' for name in names)} sound")


async def _agi(settings: Settings) -> Diagnosis:
    from ivr.loops.sockets import meeting_place, siblings
    from ivr.loops.telling import duties_of

    if "calls" not in settings.serve.roles:
        return Diagnosis("agi", True, "calls are another machine's (serve.roles)")
    where = f"{settings.agi.host}:{settings.agi.port}"
    if not await _answers(settings.agi.host, settings.agi.port):
        return Diagnosis("agi", False, f"nobody listens on {where}", "ivr serve (or `make run`)")
    place = meeting_place(settings)
    if any("calls" in duties_of(name) for name in siblings(place)):
        return Diagnosis("agi", True, f"the server listens on {where}")
    if _is_another_user_s(place):
        found = f"somebody listens on {where}; whether it is the server, its own user is told"
        return Diagnosis("agi", True, found)
    found = f"somebody listens on {where}, and no process of ours that does calls is known in {place}"
    return Diagnosis("agi", False, found, _MEND_PORT)


def _is_another_user_s(place: Path) -> bool:
    """Our own processes share with nobody else; root, too, is somebody else."""
    try:
        return place.stat().st_uid != os.geteuid()
    except FileNotFoundError:  # none of ours ever served
        return False
    except PermissionError:
        return True


async def _workers(settings: Settings) -> Diagnosis:
    from ivr.loops.sockets import meeting_place, siblings
    from ivr.loops.telling import JOURNAL, ask_all, duties_of, telling_place
    from ivr.store import slots
    from ivr.store.journal import journal_reading

    living = []
    for journal in slots.journals(settings.spool):
        with suppress(OSError):  # `damage` tells of it
            living += [journal] if journal_reading.run_began(journal) is not None else []
    before = time.time() - SILENT_SECONDS
    if unsigned := [journal for journal in living if journal_reading.signed_at(journal) < before]:
        told = (await ask_all(telling_place(settings), JOURNAL)).values()
        awake = {Path(each).resolve() for each in told if each}
        refused = [str(journal) for journal in unsigned if journal.resolve() in awake]
        return _unsigned(refused, [str(journal) for journal in unsigned if str(journal) not in refused])
    there = Counter(duty for name in siblings(meeting_place(settings)) for duty in duties_of(name))
    if missing := [duty for duty in settings.serve.roles if there and not there[duty]]:
        found = f"no process does {' and '.join(missing)}"
        mend = f"ivr serve --role {missing[0]} (the log says why it is gone)"
        return Diagnosis("workers", False, found, mend)
    serving = ", ".join(f"{many} {duty}" for duty, many in sorted(there.items())) or str(len(living))
    return Diagnosis("workers", True, f"{serving} serve on this machine")


def _unsigned(refused: list[str], silent: list[str]) -> Diagnosis:
    """`refused`: who writes there answers, and has in hand what the disk does not take."""
    found, mend = [], []
    if refused:
        found.append(
            f"for {SILENT_SECONDS:g} s no disk has taken what who has the journal {', '.join(refused)} signs"
        )
        mend.append(
            "that process answers: free or mend the disk and do not kill it, for it holds what could not be "
            "written, and no new one could open a journal there"
        )
    if silent:
        found.append(f"no sign of life for {SILENT_SECONDS:g} s from who has the journal {', '.join(silent)}")
        mend.append("it hangs: kill -9 it (fuser names it); a sibling takes in what it leaves")
    return Diagnosis("workers", False, "; ".join(found), "; ".join(mend))


async def _asterisk(settings: Settings) -> Diagnosis:
    from ivr.installation import CommandError as Missing

    try:
        async with _manager(settings) as ami:
            await ami.action("Ping")
        if settings.callbacks.dial:
            async with _manager(settings, originate=True):
                pass
    except Missing as error:
        mend = "a restore brings it back; else ivr serve makes it, or ivr dialplan render"
        return Diagnosis("asterisk", False, str(error), mend)
    except Exception as error:
        mend = f"start Asterisk; compare manager.conf with ami: in {config_file()}"
        found = str(error) or f"AMI does not answer on {settings.ami.host}:{settings.ami.port}"
        return Diagnosis("asterisk", False, found, mend)
    return Diagnosis("asterisk", True, f"AMI answers on {settings.ami.host}:{settings.ami.port}")


async def _dialplan(settings: Settings) -> Diagnosis:
    """Whether Asterisk has what a call comes to: asked by a function, for which `write=call` is enough."""
    numbers = tuple(settings.calls.trees)
    contexts = ("seda111-call", "seda111-fallback", "seda111-callback")
    wanted = [*(("seda111-inbound", number) for number in numbers), *((each, "s") for each in contexts)]
    there: dict[str, str] = {}
    try:
        async with _manager(settings) as ami:
            for context, exten in wanted:
                asked = f"DIALPLAN_EXISTS({context},{exten},1)"
                there[f"{exten}@{context}"] = str((await ami.action("Getvar", Variable=asked)).value or "")
    except Exception as error:
        found = str(error) or "Asterisk does not say what its dialplan holds"
        return Diagnosis("dialplan", False, found, "load func_dialplan; look at asterisk in this list")
    if missing := [place for place, answer in there.items() if answer != "1"]:
        found = f"Asterisk knows no {', '.join(missing)}: every call there fails"
        mend = "#include extensions_seda111.conf, then dialplan reload (docs/production.md, section 2)"
        return Diagnosis("dialplan", False, found, mend)
    return Diagnosis("dialplan", True, f"a call to {', '.join(numbers)}@seda111-inbound reaches the hotline")


@asynccontextmanager
async def _manager(settings: Settings, originate: bool = False) -> AsyncIterator[Ami]:
    """`originate`: as the account that calls citizens back."""
    from ivr.asterisk.ami import Ami
    from ivr.installation import load_secrets as load

    secrets = load(settings, make=False)  # a restore wants none where there is none yet
    ami = Ami(
        settings.ami.host,
        settings.ami.port,
        settings.ami.originate_username if originate else settings.ami.username,
        secrets.originate if originate else secrets.ami,
        action_seconds=settings.ami.action_seconds,
    )
    try:
        async with asyncio.timeout(ASTERISK_SECONDS):  # it would try for ever
            await ami.connect()
            yield ami
    finally:
        await ami.close()


async def _rights(settings: Settings) -> Diagnosis:
    from ivr.asterisk.rights import ENTER, READ, WRITE, barred, runners

    there = set(runners())
    state, second = settings.state_path, settings.second_path
    kept = [settings.recordings, state / "fallback"]
    kept += [second, second / "recordings", second / "fallback"] if second else []
    today = f"{datetime.now(ZoneInfo(settings.province.timezone)):%Y/%m/%d}"  # as calls name their folder
    kept += [place / today for place in kept if place.name == "recordings"]
    wanted = [(place, READ | WRITE | ENTER) for place in kept if place.exists()]
    beeps = [settings.sounds / language / "beep.wav" for language in settings.calls.languages]
    wanted += [(beep, READ) for beep in beeps if beep.exists()]
    for place, want in wanted:
        stops = {runner: barred(runner, place, want) for runner in there}
        if stops and all(stops.values()):
            runner, stop = next(iter(stops.items()))
            found = f"Asterisk (user {runner.name}) may not use {place}: {stop} keeps it out"
            mend = (
                "let Asterisk's group into the state folder, or second volume, and write in it "
                "(docs/production.md, 1 and 7)"
            )
            return Diagnosis("rights", False, found, mend)
    seen = "Asterisk may read the prompts and write recordings"
    if there and all(runner.confined for runner in there):  # no fault: whether that is lifted can't be seen
        seen += (
            " by their mode bits. SELinux keeps it from them and from the FastAGI port, unless asterisk_t is "
            "permissive (`semanage permissive -l` lists it; docs/production.md, 1)"
        )
    return Diagnosis("rights", True, seen if there else "no process of Asterisk is seen from here")


async def _fallback(settings: Settings) -> Diagnosis:
    from ivr.desk.facts.fallback import fallbacks

    waiting = fallbacks(settings.state_path / "fallback", [])  # what can't be read: `damage`
    if late := [path for path in waiting if _stands_late(path)]:
        found = f"{len(late)} recordings that the dialplan made alone wait to become cases"
        return Diagnosis("fallback", False, found, "start `ivr serve`: it takes them in by itself")
    return Diagnosis("fallback", True, "no recording of the dialplan's own waits for long")


def _stands_late(path: Path) -> bool:
    """Whether it has not grown for so long; one that is being made, or was just taken in, does not wait."""
    try:
        return abs(time.time() - path.stat().st_mtime) >= OPEN_SECONDS  # or the clock was set back since
    except FileNotFoundError:
        return False


async def _spool(settings: Settings) -> Diagnosis:
    from ivr.commands.spool import IN_PROGRESS, on_disk, stray_recordings

    async with _books(settings) as engine:
        waiting = [*on_disk(settings), *await stray_recordings(settings, engine)]
    before = datetime.fromtimestamp(time.time() - LATE_SECONDS, UTC).isoformat()
    late = [row for row in waiting if row.where == "quarantine" or row.since < before]
    places = Counter(row.where for row in late if row.where != "fallback" and row.why != IN_PROGRESS)
    if places:
        found = ", ".join(f"{count} in {where}" for where, count in places.items())
        mend = "ivr spool list, then ivr spool retry; what stays in quarantine: read its .why, move it away"
        return Diagnosis("spool", False, f"not in the books: {found}", mend)
    return Diagnosis("spool", True, "nothing waits to come into the books")


async def _journal(settings: Settings) -> Diagnosis:
    """Whether the database has what the journals gave it, and whether these reach back far enough."""
    from ivr.desk.facts.comparing import behind
    from ivr.desk.keeping import proved
    from ivr.store import slots
    from ivr.store.journal.journal_keeping import cut_short

    days = settings.journal.keep_days
    wrong = {}
    if refused := _unread_journals(settings.spool):
        wrong[f"facts wait for a disk: {'; '.join(refused)}"] = _MEND_JOURNAL
    try:
        async with _books(settings) as engine:
            lacking = await behind(engine, settings.spool)
            async with engine.connect() as connection:
                found = [*await proved.setbacks(connection), *await proved.spared(connection)]
    except Exception as error:
        wrong[f"what the database lacks can't be told: {_told(error)}"] = _MEND_DATABASE
        lacking, found = set(), []
    if lacking:
        names = ", ".join(sorted(map(str, lacking)))
        mend = "start `ivr serve`, or ivr spool retry: what it lacks is applied again"
        wrong[f"the database went back: it lacks facts of {names}"] = mend
    if wrong:
        return Diagnosis("journal", False, "; ".join(wrong), "; ".join(wrong.values()))
    short = {folder: at for folder in slots.journals(settings.spool) if (at := cut_short(folder, days))}
    if short:
        found += [f"{folder} holds no facts up to {at:%Y-%m-%d %H:%M}" for folder, at in short.items()]
        found.append(f"{days:g} days are wanted, should the database go back")
        mend = "a larger journal.keep_mb, or free some space (1 GiB must be left)"
        return Diagnosis("journal", False, "; ".join(found), mend)
    return Diagnosis("journal", True, "; ".join(found) or "the database has all that the journals gave it")


_MEND_JOURNAL = (
    "see dmesg and the mount of that disk: once it answers they come into the books by themselves. "
    "A file with a bad page: put a copy in its place (ddrescue), whose damaged lines are put aside. "
    "A disk that is gone for good: remove the link `second` from that folder; the recordings become cases"
)


def _unread_journals(spool: Path) -> list[str]:
    """What a disk says where it does not give the facts of late."""
    from ivr.store import slots
    from ivr.store.journal import journal_reading

    return [f"{folder}: {why}" for folder in slots.journals(spool) if (why := journal_reading.unread(folder))]


async def _codes(settings: Settings) -> Diagnosis:
    """Whether a spool was set back since somebody looked, and whether a power cut may do so with a code."""
    from ivr.desk.case import set_back
    from ivr.desk.facts.dialplan_codes import forgettable

    wrong = {}
    if notes := [*set_back.noted(mark.parent for mark in settings.marks("any"))]:
        found = {each.slot: each for each in notes}.values()
        told = "; ".join(f"{each.slot}, found {each.at} UTC: {each.why}" for each in found)
        wrong[told] = _MEND_SET_BACK + ", ".join(str(each.note) for each in notes)
    if taken := forgettable(settings.state_path / "fallback"):
        told = (
            f"a power cut may make the dialplan give a code twice: its disk does not flush {taken} by itself"
        )
        wrong[told] = _MEND_FORGETTABLE
    if wrong:
        return Diagnosis("codes", False, "; ".join(wrong), "; ".join(wrong.values()))
    return Diagnosis("codes", True, "no spool was set back, and what the dialplan gives is flushed")


_MEND_SET_BACK = (
    "no code is given twice, but facts that only a lost part had are gone: look through the desk's cases "
    "of that time (words are kept), and never bring spool/ back from a snapshot; then remove "
)
_MEND_FORGETTABLE = (
    "IVR_STATE/fallback must lie where chattr +S can be had (ext4, XFS, Btrfs), or be mounted with -o sync; "
    "a server that starts then lays new codes out"
)


async def _escalation(settings: Settings) -> Diagnosis:
    from ivr.desk.book.book import read_page
    from ivr.desk.deadlines.escalation_proof import prove
    from ivr.installation import conventions
    from ivr.loops import time_of_day

    async with _books(settings) as engine:
        if wrong := (await time_of_day.ask(engine)).trouble:  # a sweep would not be undone
            return Diagnosis("escalation", False, f"can't be told: {wrong}", "look at clock in this list")
        async with engine.connect() as connection:
            page = await read_page(connection, conventions(settings))
        alarms = await prove(engine, page)
    if alarms:
        mend = "start `ivr serve`, or ivr escalation sweep; then ivr escalation check tells what is left"
        return Diagnosis("escalation", False, "; ".join(str(alarm) for alarm in alarms), mend)
    return Diagnosis("escalation", True, "every open case has its body, its clock and its rung")


async def _leaving(settings: Settings) -> Diagnosis:
    """What should have left the house and did not, and whether the files that say what leaves are right."""
    from sqlalchemy import select

    from ivr.desk.book.book import read_page
    from ivr.desk.book.seeds import SeedError
    from ivr.desk.call import callback_list
    from ivr.desk.editing.nouns import BY_NAME
    from ivr.desk.keeping import retention
    from ivr.desk.letters import formal_letters, notices, outgoing, wording
    from ivr.installation import conventions
    from ivr.store.tables import agencies

    try:
        told, _ = notices.load(settings.seed_path), wording.load(settings.seed_path)
        formal_letters.load(settings.seed_path), retention.load(settings.seed_path)
    except SeedError as error:
        return Diagnosis("leaving", False, str(error), "the sentence above names file, line and key")
    async with _books(settings) as engine:
        async with engine.connect() as connection:
            levels = (await read_page(connection, conventions(settings))).ladders.levels
            bodies = set((await connection.execute(select(agencies.c.code))).scalars())
        events = next(each.choices for each in BY_NAME["notice"].fields if each.name == "on")
        unheard = notices.unheard(told, bodies, levels, events)
        dead, unreachable = await outgoing.dead(engine), await callback_list.unreachable(engine)
        aside, late = await callback_list.put_aside(engine), sum((await outgoing.tried_long(engine)).values())
    found = f"{dead} dead letters, {unreachable} answers that nobody can be called about"
    found += f", {aside} call-backs put aside, {late} letters that nobody takes yet"
    mend = "ivr outbox list --state dead, then ivr outbox retry, or done for letters that can reach nobody"
    mend += "; ivr outbox list --state waiting says why nobody takes one" if late else ""
    mend += "; ivr callback list --state unreachable"
    mend += " (put_aside says why; a server that starts looks at those again)" if aside else ""
    if unheard:
        found, mend = f"{'; '.join(unheard)}; {found}", f"mend the name in {settings.seed_path}; {mend}"
    return Diagnosis("leaving", not (dead or aside or late or unheard), found, mend)


async def _recognition(settings: Settings) -> Diagnosis:
    """Whether recordings can be put into words, where that is wanted."""
    from ivr.speech.recognise import lacking

    given = settings.recognition
    if not given.by:
        return Diagnosis("recognition", True, "off: nothing is put into words")
    if given.by == "command":
        there = shutil.which(given.command[0]) is not None
        found = f"by {given.command[0]}" if there else f"{given.command[0]} is no program that can be run"
        return Diagnosis("recognition", there, found, f"compare recognition.command in {config_file()}")
    wrong = [text for folder in given.models.values() if (text := lacking(absolute(folder)))]
    found = "; ".join(wrong) or f"sherpa-onnx for {', '.join(given.models)}"
    mend = f"{sys.executable} -m pip install -e '{ROOT}[recognition]'"
    mend += ", and a folder with a model for each language"
    return Diagnosis("recognition", not wrong, found, mend)


async def _suggestions(settings: Settings) -> Diagnosis:
    """Whether the files that they are learned from are right: a server goes on without, and only logs it."""
    from ivr.desk.book.seeds import SeedError, load_seeds
    from ivr.desk.book.suggesting import read_cases, read_examples

    folder = settings.seed_path
    try:
        seeds = load_seeds(folder)
        phrases, labelled = read_examples(folder, seeds), read_cases(folder, seeds)
    except SeedError as error:
        mend = "the sentence above names the file; until it is mended no words find their agency"
        return Diagnosis("suggestions", False, str(error), mend)
    found = f"they are learned from {len(phrases)} phrases and {len(labelled)} cases"
    return Diagnosis("suggestions", True, found)


async def _store(settings: Settings) -> Diagnosis:
    """Whether the store answers, and takes what it is given."""
    from ivr.desk.recordings import storing
    from ivr.installation import vault

    store = vault(settings)
    if store is None:
        async with _books(settings) as engine:
            copies = await storing.copies(engine)
        found = (
            f"{copies} copies are in a store that is configured no more, and what retention takes stays there"
        )
        mend = f"recordings_store in {config_file()} again, also in a drill; docs/production.md, 10"
        if copies and "work" in settings.serve.roles:
            return Diagnosis("store", False, found, mend)
        found = "the work has one, elsewhere" if copies else "recordings are in the local folder alone"
        return Diagnosis("store", True, found)
    try:
        store.check()
    except Exception as error:
        mend = (
            f"compare recordings_store in {config_file()} with the store; where it refuses (403) also its key"
        )
        mend += " with docs/production.md, 10: it may be one without s3:ListBucket"
        return Diagnosis("store", False, str(error), mend)
    async with _books(settings) as engine:
        late = await storing.late(engine, settings.recordings)
    found = f"{settings.recordings_store.url} answers"
    if late.waiting:
        found += f", and takes nothing: {late.waiting} of the newest recordings wait for more than an hour"
    if late.lost:
        found += f"; of those that wait {late.lost} are not on this machine (ivr verify)"
    return Diagnosis("store", not late.waiting, found, "the log of the work says why")


async def _at_rest(settings: Settings) -> Diagnosis:
    """Whether recordings are closed as wanted, can be opened, and would survive the loss of their key."""
    from ivr.desk.recordings import enclosing
    from ivr.installation import key_copies
    from ivr.store import age
    from ivr.store.folders import refusal, remedy

    copies, wanted = key_copies(settings), settings.at_rest
    async with _books(settings) as engine:
        many = await enclosing.enclosed(engine)
        some = await enclosing.some_enclosed(engine)
    found, mend = enclosing.unopened(settings.recordings, some)
    wrong = {found: mend} if found else {}
    try:
        age.recipients(wanted.recipients)
    except age.AgeError as error:
        where = f"{config_file()}: at_rest.recipients (or IVR_AT_REST__RECIPIENTS)"
        bad = f"{where}: {error}, so each backup for these holders fails"
        wrong[bad] = "mend or remove that holder, then restart"
    if wrong:
        return Diagnosis("at rest", False, "; ".join(wrong), "; ".join(wrong.values()))
    told = [f"{many} recordings are in envelopes"] if many or wanted.recordings else []
    try:
        why = copies.lacking() if wanted.recordings or many else ""
    except OSError as error:
        return Diagnosis("at rest", False, refusal(error), remedy(error, enclosing.BRING_BACK))
    if why:
        return Diagnosis("at rest", False, "; ".join([*told, why]), "ivr keys show; docs/production.md, 9")
    clear = [
        *(["recordings"] if not wanted.recordings else []), *(["backups"] if not wanted.recipients else []),
    ]  # fmt: skip
    if clear:
        told.append(f"{' and '.join(clear)} are in clear: an encrypted disk, or at_rest in {config_file()}")
    return Diagnosis("at rest", True, "; ".join(told))


async def _custody(settings: Settings) -> Diagnosis:
    """Whether what is written is sealed, and the seals' roots leave this machine."""
    from ivr.desk.keeping import proved
    from ivr.desk.keeping.witnessing import troubles
    from ivr.installation import witnesses
    from ivr.store import grants

    told = witnesses(settings)
    async with _books(settings) as engine:
        found = await troubles(engine, told)
        proof = await proved.told(engine)
        async with engine.connect() as connection:
            loose = await grants.too_much(connection)
    nobody = "no witness: the roots of seals are in the log and on this machine alone"
    if not told and settings.database_url:  # the embedded database is for first runs
        found.append(nobody)
    if loose:
        found.append(f"our database role may change and delete what must stay: {', '.join(loose)}")
    if proof.wrong:
        found.append(proof.says)
    mend = "docs/production.md: 1 (two roles), 9 (witnesses, ivr verify); start `ivr serve`; ivr outbox list"
    said = f"what is written is sealed; {proof.says}" + ("" if told else "; " + nobody)
    return Diagnosis("custody", not found, "; ".join(found) or said, mend)


async def _backup(settings: Settings) -> Diagnosis:
    """Whether what was backed up by `ivr backup` day by day still is; whoever does it otherwise is let be."""
    from ivr.desk.keeping import backed_up

    async with _books(settings) as engine, engine.connect() as connection:
        well, found = await backed_up.last(connection)
    mend = (
        "systemctl status seda111-backup.timer, its service and their log (docs/production.md, 9); where it "
        "is done otherwise now, this ends by itself 30 days after the last one"
    )
    return Diagnosis("backup", well, found, mend)


async def _exposure(settings: Settings) -> Diagnosis:
    """What others could see of people's words."""
    from ivr.commands import exposure

    seen = [exposure.modes(settings), exposure.umask(settings), exposure.proxies(settings)]
    seen += [
        await exposure.websocket(settings),
        await exposure.factors(settings),
        await exposure.seeds(settings),
        *await exposure.few(settings),
    ]
    wrong = [each for each in seen if each.found]
    found = "; ".join(each.found for each in wrong)
    if not wrong:
        found = "nothing that others could see was found"
    return Diagnosis("exposure", not wrong, found, "; ".join(each.mend for each in wrong))


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            _, probe = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    probe.close()
    return True
