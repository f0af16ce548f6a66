"""Every port, path, limit and credential: `config.yaml`, overridden by `IVR_…` (`__` nests)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import time
from ipaddress import ip_network
from json import JSONDecodeError
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as EnvironmentMistake

from ivr.cases.roles import Role
from ivr.cases.zone import TIMEZONE
from ivr.voice.yaml_tree import MISREAD, SAFE, doubled, misread

ROOT = Path(__file__).resolve().parent.parent


DialledNumber = Annotated[str, Field(pattern=r"^[0-9*+]{1,20}$")]
TreeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Duty = Literal["calls", "panel", "work"]  # what a process does; the command line and the docs say role
DUTIES: tuple[Duty, ...] = ("calls", "panel", "work")
SECRETS = ("secret", "password", "key", "headers", "_url")  # so end the names of what is never shown
OTHERS_READ = ("IVR_CONFIG", "IVR_LAB_CACHE", "IVR_TEST_RUN", "IVR_WRITE_DOCS")  # that are no settings
# What an orchestrator tells each process of a service that is called `ivr`.
OF_A_SERVICE = re.compile(r"IVR_(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_\w+)?)")
MOST = 100_000  # of a limit; of days and hours as many as no date runs out of its years with
UNTOLD = ("extra_forbidden", "model_type")  # kinds of mistakes whose value nobody can say is no secret


class SettingsError(Exception):
    """A setting is wrong. The text names the key and what is the matter, one line each."""


class SettingsGroup(BaseModel):
    """A nested group of settings; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Web(SettingsGroup):
    """`proxies`: networks of reverse proxies (TLS) whose X-Forwarded-For and -Proto are believed.

    Who signed in to the panel is signed out after `idle_minutes` without a page, and after `session_hours`.
    What makes or changes people asks for the password again after `proof_minutes`. `second_factor`: whether
    everybody needs one whose role no admin chose otherwise for; auto = once others than this machine reach
    the panel.
    Beyond `max_connections` at once, or `max_per_address` from an address that is no proxy's, none is let in.
    """

    host: str = "127.0.0.1"
    port: int = Field(8111, ge=1, le=65535)
    proxies: tuple[str, ...] = ()
    max_connections: int = Field(1_000, ge=1)
    max_per_address: int = Field(200, ge=1)
    idle_minutes: float = Field(120, gt=0, le=MOST)
    session_hours: float = Field(12, gt=0, le=MOST)
    proof_minutes: float = Field(10, gt=0, le=120)
    second_factor: Literal["auto", "needed", "chosen"] = "auto"
    factor_keys: str = ""  # the file whose key seals the seeds of second factors; "" = IVR_STATE/keys/factors

    @field_validator("proxies")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for each in given:
            ip_network(each)  # its own ValueError says what is the matter
        return given

    @property
    def url(self) -> str:
        """Where this machine finds it."""
        return f"http://{_in_url(self.host)}:{self.port}"

    @property
    def is_reached(self) -> bool:
        """Whether others than this machine come to the panel."""
        return bool(self.proxies) or self.host not in ("127.0.0.1", "::1", "localhost")

    @property
    def factor_roles(self) -> frozenset[str]:
        """The roles that need a second factor where no admin chose otherwise."""
        needed = self.second_factor == "needed" or (self.second_factor == "auto" and self.is_reached)
        return frozenset(map(str, Role)) if needed else frozenset()


class Address(SettingsGroup):
    host: str
    port: int = Field(4573, ge=1, le=65535)


class Agi(SettingsGroup):
    """FastAGI has no authentication: loopback or private address, allow-list, shared secret.

    `others`: where the dialplan looks for a server, in this order, when none listens on `host` and `port`.
    """

    host: str = "127.0.0.1"
    port: int = Field(4573, ge=1, le=65535)
    others: tuple[Address, ...] = ()
    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    secret: str = Field("", repr=False)  # "" = generated once into IVR_STATE/secrets
    header_bytes: int = Field(16_384, ge=1024)
    header_seconds: float = Field(5.0, gt=0)
    line_bytes: int = Field(65_536, ge=1024)
    max_calls: int = Field(12_000, ge=1)
    drain_seconds: float = Field(200.0, ge=0)

    @field_validator("allow")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for each in given:
            ip_network(each, strict=False)
        return given


class AmiAccount(SettingsGroup):
    host: str = "127.0.0.1"
    port: int = Field(5038, ge=1, le=65535)
    username: str = "ivr"
    secret: str = Field("", repr=False)
    originate_username: str = "ivr-originate"
    originate_secret: str = Field("", repr=False)
    action_seconds: float = Field(10.0, gt=0)


class Sip(SettingsGroup):
    """`trunk`: addresses or networks of the provider's gateways; 192.0.2.1 is nobody's.

    `watched`: names of PJSIP endpoints whose state the live board shows. `codecs`: what telephones may speak,
    dearest first, and in what forms prompts lie ready, so that Asterisk need not encode them for each call.
    """

    host: str = "127.0.0.1"
    port: int = Field(5060, ge=1, le=65535)
    trunk: tuple[str, ...] = ("192.0.2.1",)
    watched: tuple[str, ...] = ()
    codecs: tuple[Literal["alaw", "ulaw", "g722", "slin16"], ...] = Field(("alaw", "ulaw"), min_length=1)


class Ws(SettingsGroup):
    host: str = "127.0.0.1"
    port: int = Field(8188, ge=1, le=65535)


class BrowserPhone(SettingsGroup):
    """A telephone in the browser, over Asterisk's WebSocket (docs/production.md tells how).

    `whose`: everyone's (the page /call, only in the lab), the supervisors', or nobody's; "" = everyone's when
    started by `make run`, else nobody's. `url`: where browsers reach the WebSocket, wss://… behind your TLS
    proxy; "" = straight at `ws`, from this machine.
    """

    whose: Literal["", "nobody", "supervisors", "everyone"] = ""
    url: str = ""

    @property
    def supervisors(self) -> bool:
        return self.whose in ("supervisors", "everyone")

    @property
    def citizens(self) -> bool:
        return self.whose == "everyone"

    @model_validator(mode="after")
    def _holds_together(self) -> BrowserPhone:
        if self.url and not self.url.startswith("wss://"):
            raise ValueError("url must be a wss:// address: browsers refuse the microphone without TLS")
        if self.url and self.citizens:
            raise ValueError("whose: everyone is for the lab, on this machine alone, and takes no url")
        return self


class Rtp(SettingsGroup):
    start: int = Field(20_000, ge=1024, le=65535)
    end: int = Field(20_999, ge=1024, le=65535)

    @model_validator(mode="after")
    def _holds_together(self) -> Rtp:
        if self.start >= self.end:
            raise ValueError("start must be lower than end")
        return self


class Serve(SettingsGroup):
    """What `ivr serve` runs on this machine: a process for each of `roles`, or `together` in one."""

    roles: tuple[Duty, ...] = Field(DUTIES, min_length=1)
    together: bool = False


class JournalSettings(SettingsGroup):
    """For how many days facts that are in the books stay in each journal, in `keep_mb` at most.

    A database that goes back in time (a lagging replica, a restored copy) gets them again.
    """

    keep_days: float = Field(14, ge=0)
    keep_mb: int = Field(2_048, ge=0)


class Province(SettingsGroup):
    """Which seed folder this installation serves. Another province is another folder."""

    seed: Path = Path("db/seed/east-azerbaijan")
    timezone: str = TIMEZONE
    weekend: tuple[Annotated[int, Field(ge=0, le=6)], ...] = (3, 4)  # Python weekdays: Thursday, Friday

    @field_validator("weekend")
    @classmethod
    def _leaves_a_day(cls, given: tuple[int, ...]) -> tuple[int, ...]:
        if len({*given}) > 6:
            raise ValueError("no working day is left, so nothing would ever be due")
        return given

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (KeyError, ValueError, OSError):
            raise ValueError("no time zone is called so; it is named like Asia/Tehran") from None
        return given


class RecordingsStore(SettingsGroup):
    """An S3-compatible store to which closed recordings are copied. No key = the machine's own role."""

    url: str = ""  # s3://bucket/prefix; "" = none, recordings are in the local folder alone
    endpoint: str = ""  # https://…; "" = the cloud's own
    region: str = "us-east-1"
    key: str = Field("", repr=False)
    secret: str = Field("", repr=False)


class AtRest(SettingsGroup):
    """`recordings`: close them, with the key of `ivr keys new`. `recipients`: public keys (age1…).

    Who holds a recipient's secret key opens backups, and the recordings when this machine's key is lost.
    `packed`: recordings become FLAC, from which every byte comes back; before they are closed, if they are.
    """

    recordings: bool = False
    packed: bool = False
    recipients: tuple[str, ...] = ()


class WitnessSettings(SettingsGroup):
    """Where the roots of seals go, beside the log. `file`: on another disk, or append-only.

    By `mail` and `webhook` the newest one leaves every `every_minutes`, when there is a new one.
    """

    file: str = ""
    mail: tuple[str, ...] = ()
    webhook: tuple[str, ...] = ()
    every_minutes: float = Field(60, gt=0, le=MOST)


class EnquiryHost(SettingsGroup):
    """A system that menu trees may ask. `http`: without TLS too; `private`: in a private network.

    `number`: callers' numbers may be sent there. `headers` go with every question: a key, for instance.
    """

    http: bool = False
    private: bool = False
    number: bool = False
    headers: dict[str, str] = Field({}, repr=False)


class EnquirySettings(SettingsGroup):
    """Whom menu trees may ask by HTTP: `hosts`, with a port where it is not the usual one."""

    hosts: dict[Annotated[str, Field(pattern=r"^[a-z0-9.\[\]:-]{1,253}$")], EnquiryHost] = {}


class Calls(SettingsGroup):
    """`wrong_codes`: unknown tracking codes one caller may enter within `wrong_codes_minutes`.

    Beyond `cases_per_hour` or `cases_per_day` of one caller the desk reads her cases first; for `repeat_days`
    words on the matter of her open case join it. 0 switches each of the three off.
    `reveals_per_day`: of so many cases one person of the panel may reveal whose they are or take recordings.
    The panel bounds these six alike.
    `services`: further numbers of this installation, each with the name of its menu tree.
    """

    extension: str = "111"
    menu: TreeName = "111"
    services: dict[DialledNumber, TreeName] = {}
    languages: tuple[str, ...] = Field(("fa", "az"), min_length=1)
    wrong_codes: int = Field(5, ge=1, le=MOST)
    wrong_codes_minutes: int = Field(60, ge=1, le=MOST)
    cases_per_hour: int = Field(6, ge=0, le=MOST)
    cases_per_day: int = Field(20, ge=0, le=MOST)
    repeat_days: int = Field(10, ge=0, le=MOST)
    reveals_per_day: int = Field(30, ge=1, le=MOST)

    @property
    def trees(self) -> dict[str, str]:
        """Number called → its tree's name, the hotline's own first."""
        return {self.extension: self.menu, **self.services}


class Callbacks(SettingsGroup):
    """When and how citizens are called back: docs/cases.md. `dial` holds {number}; "" = nobody is called."""

    dial: str = ""
    caller_id: str = "111"
    international: bool = False
    opens: time = time(9)
    closes: time = time(20)
    days_off: bool = False
    attempts: int = Field(5, ge=1, le=50)
    over_days: float = Field(3, ge=0, le=MOST)
    gaps_hours: tuple[Annotated[float, Field(ge=0, le=MOST)], ...] = Field((3, 21, 27), min_length=1)
    busy_minutes: float = Field(30, ge=0, le=MOST)
    per_number_per_day: int = Field(2, ge=1)
    verify_days: float = Field(3, ge=0, le=MOST)
    verify_rings: int = Field(3, ge=1, le=20)
    verify_per_caller_per_day: int = Field(3, ge=1)
    verify_per_channel_per_day: int = Field(200, ge=1)
    ring_seconds: float = Field(40, ge=1, le=120)
    at_once: int = Field(2, ge=1, le=100)

    @field_validator("opens", "closes", mode="before")
    @classmethod
    def _in_quotes(cls, given: object) -> object:
        """YAML makes a number of 18:30, which would be read as seconds."""
        if isinstance(given, time) or re.fullmatch(r"\d\d:\d\d(:\d\d)?", str(given)):
            return given
        raise ValueError('must be an hour of the day, in quotes: "09:00"')

    @model_validator(mode="after")
    def _holds_together(self) -> Callbacks:
        if self.dial and self.dial.count("{number}") != 1:
            raise ValueError("dial must hold {number} once, like PJSIP/{number}@trunk")
        if self.opens >= self.closes:
            raise ValueError("opens must be earlier than closes, within one day")
        return self


class Answers(SettingsGroup):
    """`approval`: an agency's answer waits until the desk approves of it."""

    approval: bool = False


RINGS = r"[A-Za-z]+/[A-Za-z0-9_.:@/-]+"  # one technology and one resource; no & , or | gets in


class Meetings(SettingsGroup):
    """`telephones`: PJSIP endpoints from which an official may hold the line for a citizen.

    `extensions`: those that may ring for an official who takes calls himself, by name, and how Asterisk rings
    each, like {"201": PJSIP/201@exchange}. Nothing else is ever rung there.
    """

    telephones: tuple[str, ...] = ("seda111-desk",)
    extensions: dict[str, str] = {}

    @model_validator(mode="after")
    def _rings_what_it_says(self) -> Meetings:
        for name, place in self.extensions.items():
            if not re.fullmatch(r"[\w-]{1,40}", name) or not re.fullmatch(RINGS, place):
                raise ValueError(f"extensions: {name!r}: {place!r} is no telephone, like PJSIP/201@exchange")
        return self


class Sms(SettingsGroup):
    """How the text-message gateway is spoken to: docs/production.md tells the common ones.

    In `url`, `headers` and `body` stand {number}, {text}, {id} and {secret}, each written as its place needs.
    A message is accepted when the status is 2xx and, where they are given, the JSON field `ok_field` is
    `ok_value` and the answer matches `ok_pattern`. One that matches `of_us_pattern` is about our key, account
    or credit, whatever its status: no message's fault.
    """

    by: Literal["", "console", "http"] = ""
    method: Literal["GET", "POST", "PUT"] = "POST"
    url: str = ""
    headers: dict[str, str] = {}
    body: str = ""
    secret: str = Field("", repr=False)
    number: Literal["national", "international", "plain"] = "national"  # 0914…, +98914…, 98914…
    ok_field: str = ""
    ok_value: str = ""
    ok_pattern: str = ""
    of_us_pattern: str = ""

    @model_validator(mode="after")
    def _holds_together(self) -> Sms:
        if self.by == "http" and not self.url.startswith(("https://", "http://")):
            raise ValueError("url must be the gateway's https address")
        if self.by == "http" and "{text}" not in self.url + self.body:
            raise ValueError("neither url nor body holds {text}")
        if bool(self.ok_field) != bool(self.ok_value):  # the field alone took each yes for a no
            raise ValueError("ok_field and ok_value go together: which field, and what it is for a yes")
        for name in ("ok_pattern", "of_us_pattern"):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                raise ValueError(f"{name} is no regular expression: {error}") from None
        return self


class Email(SettingsGroup):
    """The mail server; `host` "" = no mail. `tls`: STARTTLS, TLS from the start, or none (loopback only)."""

    host: str = ""
    port: int = Field(587, ge=1, le=65535)
    username: str = ""
    password: str = Field("", repr=False)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = "seda111@localhost"


class Notify(SettingsGroup):
    """What leaves the house beside telephone calls. Without `webhook_secret` no webhook is sent."""

    sms: Sms = Sms()
    email: Email = Email()
    webhook_secret: str = Field("", repr=False)
    seconds: float = Field(20.0, gt=0, le=120)
    at_once: int = Field(5, ge=1, le=100)


class Recognition(SettingsGroup):
    """Recordings put into words by a recogniser of the installation's own; none is shipped. "" = off.

    `sherpa`: `models` names for each language a folder with a transducer. `command`: a program that gets
    {wav} and {language} and prints the words.
    """

    by: Literal["", "sherpa", "command"] = ""
    models: dict[str, Path] = {}
    command: tuple[str, ...] = ()
    seconds: float = Field(300.0, gt=0, le=3600)  # for one recording

    @model_validator(mode="after")
    def _holds_together(self) -> Recognition:
        if self.by == "sherpa" and not self.models:
            raise ValueError("models must name a folder for each language, like {fa: /opt/models/fa}")
        if self.by == "command" and "{wav}" not in self.command:
            raise ValueError("command must hold {wav}, like [/opt/asr/words, '{wav}']")
        return self


# A variable of one of these takes the place of the file's; the library merges both, and nothing goes away.
_MAPPINGS = (
    ("calls", "services"),
    ("enquiries", "hosts"),
    ("meetings", "extensions"),
    ("notify", "sms", "headers"),
    ("recognition", "models"),
)


class _File(InitSettingsSource):
    """`config.yaml`, by the quick reader: the library's own takes five times as long as all the rest."""

    def __init__(self, of: type[BaseSettings]) -> None:
        file = config_file()
        found = yaml.load(file.read_text(encoding="utf-8"), Loader=SAFE) if file.is_file() else {}
        if not isinstance({} if found is None else found, dict):
            raise SettingsError(f"{file}: holds no keys with their values")
        if strange := [key for key in found or {} if not isinstance(key, str)]:
            raise SettingsError(f"{file}: {strange[0]}: no setting is called so")
        super().__init__(of, found or {})

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        given = {name.upper(): value for name, value in os.environ.items()}
        for path in _MAPPINGS:
            its: Any = found
            for group in path[:-1]:
                its = its.get(group) if isinstance(its, dict) else None
            if isinstance(its, dict) and _is_whole(path, given):
                its.pop(path[-1], None)
        return found


def _is_whole(path: Sequence[str], given: Mapping[str, str]) -> bool:
    """Whether a variable of its own, or of a group that it is in, holds all of it."""
    if "IVR_" + "__".join(path).upper() in given:
        return True
    for depth in range(1, len(path)):
        its: Any = None
        with suppress(ValueError):  # what is no JSON is told by its variable, later
            its = json.loads(given.get("IVR_" + "__".join(path[:depth]).upper(), "null"))
        for name in path[depth:]:
            its = its.get(name) if isinstance(its, dict) else None
        if its is not None:
            return True
    return False


class Settings(BaseSettings):
    """The whole. Relative paths count from the project's folder."""

    model_config = SettingsConfigDict(
        env_prefix="IVR_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    state: Path = Path("var")
    second_volume: str = ""  # a folder on another disk; "" = none
    ballast_mb: int = Field(256, ge=0)  # on each disk, but no more than a twentieth of it
    database_url: str = Field("", repr=False)  # "" = embedded PostgreSQL under `state`
    database_owner_url: str = Field("", repr=False)  # who migrates and restores; "" = the same
    log_level: Literal["NOTSET", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL"] = "INFO"
    web: Web = Web()
    agi: Agi = Agi()
    ami: AmiAccount = AmiAccount()
    sip: Sip = Sip()
    ws: Ws = Ws()
    browser_phone: BrowserPhone = BrowserPhone()
    rtp: Rtp = Rtp()
    serve: Serve = Serve()
    journal: JournalSettings = JournalSettings()
    province: Province = Province()
    calls: Calls = Calls()
    enquiries: EnquirySettings = EnquirySettings()
    recordings_store: RecordingsStore = RecordingsStore()
    at_rest: AtRest = AtRest()
    weekly_proof: bool = True  # all is proved once a week, at night, beside the work
    witnesses: WitnessSettings = WitnessSettings()
    answers: Answers = Answers()
    callbacks: Callbacks = Callbacks()
    meetings: Meetings = Meetings()
    notify: Notify = Notify()
    recognition: Recognition = Recognition()

    @field_validator("state")
    @classmethod
    def _is_a_folder_of_its_own(cls, given: Path) -> Path:
        """Empty is `.`, the checkout: secrets and recordings would lie there for git to take."""
        if os.path.normpath(absolute(given)) == str(ROOT):  # no look at the disk, which may hang
            raise ValueError("must name a folder, and not the project's own")
        return given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file over defaults."""
        return (
            init_settings,
            env_settings,
            _File(settings_cls),
        )

    @property
    def state_path(self) -> Path:
        return absolute(self.state)

    @property
    def second_path(self) -> Path | None:
        """Where recordings and journal go when the disk of `state` takes no more."""
        return absolute(Path(self.second_volume)) if self.second_volume else None

    @property
    def seed_path(self) -> Path:
        return absolute(self.province.seed)

    @property
    def phone_url(self) -> str:
        """Where a browser reaches Asterisk's WebSocket."""
        return self.browser_phone.url or f"ws://{_in_url(self.ws.host)}:{self.ws.port}/ws"

    @property
    def recordings(self) -> Path:
        return self.state_path / "recordings"

    @property
    def sounds(self) -> Path:
        """Built prompts: `<language>/<id, dots as folders>.wav`."""
        return self.state_path / "sounds"

    @property
    def voices(self) -> Path:
        """People's recordings of prompts: `ivr.speech.booth`."""
        return self.state_path / "voices"

    @property
    def derived(self) -> Path:
        """What was worked out of recordings to be heard: kept for a day, in no backup."""
        return self.state_path / "derived"

    @property
    def custody(self) -> Path:
        """The lists of the closed days: `ivr.desk.keeping.custody`."""
        return self.state_path / "custody"

    @property
    def spool(self) -> Path:
        return self.state_path / "spool"

    def marks(self, slot: str) -> tuple[Path, ...]:
        """Where it is told beside the spool, and on the other disk, how far a slot's codes are used.

        On that one by a link, as its recordings have: without it nothing is there (`ivr.store.volumes.link`).
        """
        own = self.state_path / "codes"
        return (own / slot, own / "second" / slot) if self.second_path else (own / slot,)


def config_file() -> Path:
    """`IVR_CONFIG`, or the project's own config.yaml."""
    return absolute(Path(os.environ.get("IVR_CONFIG", "config.yaml")))


def absolute(path: Path) -> Path:
    """Relative paths count from the project's folder, whatever the working directory."""
    return path if path.is_absolute() else ROOT / path


def load() -> Settings:
    """Read the file and the environment. Raises SettingsError with one line per mistake."""
    if strange := [f"{name}: no setting is called so" for name in os.environ if _is_strange(name)]:
        raise SettingsError("\n".join(strange))
    if "IVR_CONFIG" in os.environ and not config_file().is_file():
        raise SettingsError(f"IVR_CONFIG: {config_file()} is no file")
    try:
        if mistaken := [f"{config_file()}:{line}: {told}" for line, told in _mistaken()]:
            raise SettingsError("\n".join(mistaken))
        return Settings()
    except SettingsError:
        raise
    except ValidationError as error:
        raise SettingsError("\n".join(map(_sentence, error.errors()))) from None
    except EnvironmentMistake as error:
        raise SettingsError(_no_json(error)) from None
    except Exception as error:  # a broken YAML file: the parser's own words name the line
        raise SettingsError(f"{config_file()}: {' '.join(str(error).split())}") from None


def _mistaken() -> list[tuple[int, str]]:
    """What the file's reader passes over. Of two sections of one name only the last would hold."""
    file = config_file()
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    twice = [(line, f"{key} stands twice") for line, key in doubled(text)]
    return sorted([*twice, *((line, f"{key}: {MISREAD}") for line, key in misread(text))])


def _is_strange(name: str) -> bool:
    """Whether it is meant for a setting that we don't have: whoever reads the environment passes over it."""
    given = name.upper()
    first = given.removeprefix("IVR_").partition("__")[0].lower()
    others = given in OTHERS_READ or OF_A_SERVICE.fullmatch(given)
    return given.startswith("IVR_") and not others and first not in Settings.model_fields


def _no_json(error: EnvironmentMistake) -> str:
    """Tells the variable by what could not be read, and not that: it may be a secret."""
    why = error.__cause__
    text = why.doc if isinstance(why, JSONDecodeError) else None
    names = [name for name, given in os.environ.items() if name.upper().startswith("IVR_") and given == text]
    told = f"lists and groups are written as JSON there: {why}" if names else str(error)
    return ": ".join((*names, told))


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _sentence(error: Mapping[str, Any]) -> str:
    names = [str(part) for part in error["loc"]]
    key, variable = ".".join(names), "IVR_" + "__".join(names).upper()
    told = f"{config_file()}: {key} (or {variable}): {error['msg']}"
    # A group holds its secrets, and a name that nobody knows may be a secret's with a slip of the pen.
    unknown = isinstance(error["input"], Mapping | BaseModel) or error["type"] in UNTOLD
    hidden = unknown or any(name.endswith(SECRETS) for name in names)
    return told if hidden else f"{told}, got {error['input']!r}"
