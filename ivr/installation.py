"""This installation, as its settings describe it: database, secrets, prompts, limits, the recordings' store.

What not every command needs is imported where it is used: somebody at a terminal waits for it each time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import logging
import os
import secrets as chance
import wave
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ivr.settings import ROOT, Settings, absolute
from ivr.store.flushing import draft, sync

if TYPE_CHECKING:
    from ivr.asterisk.dialplan import Secrets
    from ivr.desk.book.book import Conventions
    from ivr.desk.keeping.witnessing import Witnesses
    from ivr.desk.people.seed_keys import SeedKeys
    from ivr.desk.trees.beside import TreesBeside
    from ivr.desk.trees.drafts import TreeCheck
    from ivr.speech.booth import Booth
    from ivr.store.journal.journal_keeping import FactTerm
    from ivr.store.key_copies import KeyCopies
    from ivr.store.vault import Vault
    from ivr.voice.catalogue import Catalogue
    from ivr.voice.directory import Directory
    from ivr.voice.enquiries import AskedHost
    from ivr.voice.menu import Menu
    from ivr.voice.reading import FindTree
    from ivr.voice.report import Proof
    from ivr.web.panel.tree_tools import TreeTools

GENERIC = ROOT / "sounds" / "prompts.yaml"
RECORDED = ROOT / "sounds" / "recorded"
OTHERS = 0o007  # the rights of other users of this machine

log = logging.getLogger(__name__)


class CommandError(Exception):
    """Something is wrong that the user should hear of in these words. Exit code 1."""


def database_url(settings: Settings) -> str:
    """The configured database, or the embedded one that `make run` left its address of.

    Raises CommandError.
    """
    return _address(settings, settings.database_url, "database-url")


def owner_url(settings: Settings) -> str:
    """The same database as the role that owns its tables: to migrate, to restore. Raises CommandError."""
    if settings.database_url and not settings.database_owner_url:
        return database_url(settings)
    return _address(settings, settings.database_owner_url, "database-owner-url")


def service_role(settings: Settings) -> str:
    """The role that the server works as."""
    from sqlalchemy import make_url

    return make_url(database_url(settings)).username or getpass.getuser()


def _address(settings: Settings, url: str, noted: str) -> str:
    from ivr.store.engine import WrongAddress, async_url

    if not url:
        note = settings.state_path / "run" / noted
        if not note.is_file():
            raise CommandError(
                f"No database: {note} is missing. "
                "Start `make run` with this IVR_STATE, or set IVR_DATABASE_URL."
            )
        url = note.read_text(encoding="utf-8").strip()
    try:
        return async_url(url)
    except WrongAddress as error:
        raise CommandError(str(error)) from None


def conventions(settings: Settings) -> Conventions:
    """The province's time and languages, and what one caller may do where nobody changed it on the panel."""
    from ivr.desk.book.book import Conventions, Limits

    names = [each.name for each in dataclasses.fields(Limits)]
    return Conventions(
        settings.province.timezone,
        frozenset(settings.province.weekend),
        settings.calls.languages,
        Limits(**{name: getattr(settings.calls, name) for name in names}),
    )


def directory_of(settings: Settings) -> Directory:
    """The province as calls see it while no database is asked: by its files and this configuration."""
    from ivr.desk.book.seeds import directory_from

    return directory_from(settings.seed_path, conventions(settings))


def vault(settings: Settings) -> Vault | None:
    """The recordings' store, if one is configured. Raises Finding when its settings are wrong."""
    from ivr.store.vault import Vault, VaultError

    wanted = settings.recordings_store
    if not wanted.url:
        return None
    try:
        return Vault(wanted.url, wanted.endpoint, wanted.region, wanted.key, wanted.secret)
    except VaultError as error:
        raise CommandError(str(error)) from error


def fact_term(settings: Settings) -> FactTerm:
    """How long applied facts stay in the journals."""
    from ivr.store.journal.journal_keeping import FactTerm

    return FactTerm(settings.journal.keep_days, settings.journal.keep_mb << 20)


def witnesses(settings: Settings) -> Witnesses:
    """Where the roots of seals are sent."""
    from ivr.desk.keeping.witnessing import Witnesses

    given = settings.witnesses
    every = timedelta(minutes=given.every_minutes)
    return Witnesses(absolute(Path(given.file)) if given.file else None, given.mail, given.webhook, every)


def key_copies(settings: Settings) -> KeyCopies:
    """The keys of the recordings' envelopes, and where copies of them are kept."""
    from ivr.store.key_copies import FOLDER, KeyCopies
    from ivr.store.recording_files import keys_beside

    places = [each / FOLDER for each in (settings.state_path, settings.second_path) if each is not None]
    return KeyCopies(keys_beside(settings.recordings), settings.at_rest.recipients, tuple(places))


# What is closed to other users of the machine


def private_places(settings: Settings) -> list[Path]:
    """The folders that hold people's words or our secrets, where a disk says in time that they are there."""
    return [place for place in _private(settings) if _told(place, place.is_dir)]


def keep_private(settings: Settings) -> None:
    """Nothing that this process makes is for others; folders that hold words are closed to them.

    Asterisk writes its files as its own umask says: there the folders are what holds. One whose disk refuses
    keeps nobody from starting, nor one whose disk hangs: that is closed once it wakes.
    """
    os.umask(os.umask(OTHERS) | OTHERS)
    for place in _private(settings):
        _told(place, partial(_close, place))


def _private(settings: Settings) -> list[Path]:
    state, second = settings.state_path, settings.second_path
    places = [
        settings.recordings,
        state / "fallback",
        state / "secrets",
        state / "keys",
        settings.spool,
    ]
    return [*places, second] if second else places


def _close(place: Path) -> bool:
    """Whether it is there."""
    if not place.is_dir():
        return False
    mode = place.stat().st_mode
    if mode & OTHERS:
        with contextlib.suppress(PermissionError):  # not ours: the doctor tells
            place.chmod(mode & 0o7777 & ~OTHERS)
    return True


def _told(place: Path, question: Callable[[], bool]) -> bool:
    """What its disk says in time; False where it refuses."""
    from ivr.store.disk_thread import in_time

    try:
        return in_time(place, question)
    except OSError as error:
        log.error("whether others can look into %s is not known: %s", place, error)
        return False


# The prompts: the house's catalogue with the province's names over it


def files(settings: Settings) -> tuple[Path, ...]:
    return (GENERIC, settings.seed_path / "prompts.yaml")


def catalogue(settings: Settings) -> Catalogue:
    """Read both files. Raises CatalogueMistakes with every mistake."""
    from ivr.speech.files import load

    return load(files(settings))


def recorded(settings: Settings) -> tuple[Path, ...]:
    """Where people's recordings lie; the first folder that has one wins: the panel's, the checkout's."""
    return (settings.voices / "live", RECORDED)


def booth(settings: Settings) -> Booth:
    """Where people's recordings are taken."""
    from ivr.speech.booth import Booth
    from ivr.speech.files import Cached

    languages = settings.calls.languages
    catalogue, codecs = Cached(files(settings)), settings.sip.codecs
    return Booth(catalogue, languages, settings.sounds, RECORDED, settings.voices, codecs)


def lengths(settings: Settings, known: Catalogue | None = None) -> Callable[[str, str], float]:
    """Seconds of a prompt in a language, looked at once: of its WAV when built, else judged by its text.

    `known`: the catalogue, for who has read it.
    """
    from ivr.voice.own_words import SECONDS_PER_CHARACTER

    prompts = known or catalogue(settings)

    @cache
    def seconds(prompt: str, language: str) -> float:
        path = settings.sounds / language / (prompt.replace(".", "/") + ".wav")
        try:
            with wave.open(str(path)) as sound:
                return float(sound.getnframes() / sound.getframerate())
        except (OSError, EOFError, wave.Error):
            written = prompts.find(prompt, language)
            return SECONDS_PER_CHARACTER * len(prompts.text(prompt, language)) if written else 0.0

    return seconds


def trees_beside(settings: Settings) -> TreesBeside:
    """The trees of this machine, without a database."""
    from ivr.desk.trees.beside import TreesBeside

    answering = tuple(dict.fromkeys(settings.calls.trees.values()))
    return TreesBeside(settings.spool, ROOT / "dialplan" / "menus", answering)


def asked_hosts(settings: Settings) -> dict[str, AskedHost]:
    """Whom menu trees may ask by HTTP."""
    from ivr.voice.enquiries import AskedHost

    hosts = settings.enquiries.hosts.items()
    return {name: AskedHost(each.http, each.private, each.number) for name, each in hosts}


def tree_check(settings: Settings, offered: Directory | None = None) -> TreeCheck:
    """How a menu tree is proved here: with this province's topics and counties, its languages and prompts.

    `offered`: those by the book; the files' without it.
    """
    from ivr.voice import proof

    languages = settings.calls.languages
    directory, known = offered or directory_of(settings), catalogue(settings)
    prompts, seconds = frozenset.intersection(*map(known.ids, languages)), lengths(settings, known)

    def prove(raw: bytes, file: str, called: FindTree) -> tuple[Menu, Proof]:
        return proof.check(
            raw,
            file,
            directory,
            languages=languages,
            prompts=prompts,
            hosts=asked_hosts(settings),
            seconds_of=seconds,
            called=called,
        )

    def check(raw: bytes, file: str) -> tuple[Menu, Proof]:
        return trees_beside(settings).proved(raw, file, prove)

    return check


def tree_tools(
    settings: Settings, directory: Callable[[], Directory], now: Callable[[], datetime]
) -> TreeTools:
    """What the pages about menu trees work with. A rehearsed call withholds its number."""
    from zoneinfo import ZoneInfo

    from ivr import simulator
    from ivr.speech.files import Cached
    from ivr.voice.events import Caller
    from ivr.voice.tried_call import TriedCall
    from ivr.web.panel.tree_tools import TreeTools

    prompts, zone = Cached(files(settings)), ZoneInfo(settings.province.timezone)

    def walk(menu: Menu, keys: Sequence[str]) -> TriedCall:
        said, caller = prompts.catalogue().text, Caller("", now().astimezone(zone))
        return simulator.walk(menu, directory(), keys, prompts=said, caller=caller)

    return TreeTools(
        settings.calls.menu,
        tuple(settings.calls.languages),
        directory,
        prompts.catalogue,
        lambda: lengths(settings, prompts.catalogue()),
        walk,
        trees_beside(settings),
        asked_hosts(settings),
    )


def needed(settings: Settings, lenient: bool = False) -> frozenset[str]:
    """Every prompt id that any menu file can reach, and what the dialplan plays by itself.

    Raises MenuMistakes or OSError where a file can't be read, as one that is half-written; `lenient` leaves
    it out: what answers is on the air. Hidden files are nobody's menus, as an editor's locks.
    """
    from ivr.asterisk.channel import BEEP
    from ivr.asterisk.dialplan import PROMPTS
    from ivr.desk.trees.tree_files import read_tree_file
    from ivr.voice.mistakes import MenuMistakes
    from ivr.voice.own_words import whole_in
    from ivr.voice.parse import parse
    from ivr.voice.proof import prompt_ids

    directory = directory_of(settings)
    ids: frozenset[str] = frozenset(PROMPTS) | {BEEP}
    for path in sorted((ROOT / "dialplan" / "menus").glob("*.yaml")):
        if path.name.startswith("."):
            continue
        try:
            menu = parse(read_tree_file(path).data, str(path))
        except (MenuMistakes, OSError) as error:
            if not lenient:
                raise
            _warn_once(f"{path}: its prompts are not looked at: {error}")
            continue
        ids |= prompt_ids(menu, directory) - whole_in(menu.words, menu.languages)
    return ids


@cache
def _warn_once(trouble: str) -> None:
    log.warning("%s", trouble)  # whoever watches /readyz asks all day


# The secrets that Asterisk and we share


def factor_keys(settings: Settings, make: bool = True) -> SeedKeys:
    """What seals the seeds of second factors; the key is made where there is none, with `make`.

    Raises CommandError.
    """
    from ivr.desk.people.seed_keys import SeedKeys
    from ivr.store import key_file

    given = settings.web.factor_keys
    path = absolute(Path(given)) if given else settings.state_path / "keys" / "factors"
    try:
        if make:
            key_file.make(path)
    except OSError as error:
        raise CommandError(f"web.factor_keys: {path} can't be made: {error.strerror}") from error
    return SeedKeys(path)


def load_secrets(settings: Settings, make: bool = True) -> Secrets:
    """Each secret of the settings, or of `IVR_STATE/secrets/<name>` (mode 600), which is made if missing.

    Safe when several processes start at once: the first one's secret is everybody's. Without `make` none is
    made. Raises CommandError then for one that is missing.
    """
    from ivr.asterisk.dialplan import Secrets

    folder = settings.state_path / "secrets"
    return Secrets(
        agi=settings.agi.secret or _kept(folder / "agi", make),
        ami=settings.ami.secret or _kept(folder / "ami", make),
        originate=settings.ami.originate_secret or _kept(folder / "originate", make),
        sip=_kept(folder / "sip", make),
        desk=_kept(folder / "desk", make),
    )


def _kept(path: Path, make: bool) -> str:
    if not _is_told(path):
        if not make:
            raise CommandError(f"{path} is not there" if not path.exists() else f"{path} is empty")
        made = draft(path, chance.token_urlsafe(24).encode())
        try:
            os.link(made, path)
        except FileExistsError:  # another process was first; or it is one that a power cut left empty
            if not _is_told(path):
                made.replace(path)
        made.unlink(missing_ok=True)
        sync(path.parent)
    return path.read_text(encoding="ascii").strip()


def _is_told(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
