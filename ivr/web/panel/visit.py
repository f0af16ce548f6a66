"""What a section is made of: routes, and the visit that each of them gets."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.transitions import Actor
from ivr.desk.book.book import Book
from ivr.desk.book.learning import Learning
from ivr.desk.editing.listing import Files
from ivr.desk.people.people import Person
from ivr.desk.people.scope import Scope
from ivr.desk.people.signing_in import From, Keeping, SignedIn
from ivr.desk.reading.figures import Archive
from ivr.desk.reading.news import News
from ivr.desk.recordings.hearing import Renditions
from ivr.voice.prompt_sounds import Prompts
from ivr.web.board import Board
from ivr.web.browser_phone import Telephone
from ivr.web.panel.assets import Assets, own_assets, packed
from ivr.web.panel.forms import Form
from ivr.web.panel.locale import Locale
from ivr.web.panel.permissions import Permission, may
from ivr.web.panel.studio import Studio
from ivr.web.panel.tree_tools import TreeTools

FORM_BYTES = 256 * 1024
PACKED = 3  # of 9: a list takes a millisecond where 6, which aiohttp gives no choice from, takes three
OURS = web.RequestKey("panel", bool)  # on each request of the panel: does its browser speak TLS?


@dataclass(slots=True)
class Folders:
    """Where things lie. `files`: what of the province's book is not in the database. `seed`: its folder."""

    recordings: Path
    state: Path
    files: Files
    seed: Path | None = None


@dataclass(slots=True)
class Voices:
    """What is heard and spoken in: recordings, answers, prompts. `needed`: those that calls can reach."""

    renditions: Renditions | None = None
    studio: Studio | None = None
    prompts: Prompts | None = None
    needed: Callable[[], Collection[str]] = frozenset


@dataclass(frozen=True, slots=True)
class Telephones:
    """In the browser. `citizens`: with which anybody may call, in the lab alone; `desk`: a supervisor's.

    `calls_back`: whether citizens are called with their answers. `officials`: names of the extensions that
    may ring for an official who takes calls himself.
    """

    citizens: Telephone | None = None
    desk: Telephone | None = None
    calls_back: bool = True
    officials: tuple[str, ...] = ()


@dataclass(slots=True)
class Entrance:
    """How people come in. `proxies`: networks whose X-Forwarded-For and -Proto are believed."""

    keeping: Keeping = field(default_factory=Keeping)
    proxies: tuple[str, ...] = ()


@dataclass(slots=True)
class Panel:
    """What the sections stand on. `ivr/app.py` fills it; further things go where they belong.

    `board`: what goes on now. `trees`: None where no menu tree is edited.
    """

    engine: AsyncEngine
    book: Book
    places: Folders
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    learning: Learning | None = None
    voices: Voices = field(default_factory=Voices)
    telephones: Telephones = Telephones()
    entry: Entrance = field(default_factory=Entrance)
    assets: Assets = field(default_factory=own_assets)
    board: Board = field(default=None)  # type: ignore[assignment]  # None: one that asks no Asterisk
    trees: TreeTools | None = None
    archive: Archive = field(init=False)  # figures, kept for all who ask
    news: News = field(init=False)

    def __post_init__(self) -> None:
        self.archive = Archive(self.engine, self.clock, self.book.timezone)
        self.news = News(self.engine, self.clock)
        self.board = self.board or Board(self.engine, self.book.timezone, self.clock)


class NotFound(Exception):
    """There is no such thing, or they may not know that there is."""


class Forbidden(Exception):
    """They know that it exists and may not do it."""


@dataclass(slots=True)
class Visit:
    """One request of one person."""

    request: web.Request
    panel: Panel
    words: Locale
    came: From
    tls: bool
    session: SignedIn | None
    csrf: str
    guest_key: str
    sent: Form
    renderer: Callable[[Visit, str, Mapping[str, Any]], str]
    macro: Callable[[str, str], Callable[..., Markup]]  # macro("inbox/line.html", "row"): one without context
    path: Callable[..., str]  # path("case", code=…): the address of a page
    now: datetime

    @property
    def person(self) -> Person:
        """Who is signed in. Only for routes that are not public."""
        assert self.session is not None, "a public page has no person"
        return self.session.person

    @property
    def guest(self) -> bool:
        return self.session is None

    @property
    def proven(self) -> bool:
        """Whether a password or a one-time code was given in this session a short while ago."""
        at = self.session.proved_at if self.session else None
        return at is not None and self.now - at < self.panel.entry.keeping.proof

    @property
    def actor(self) -> Actor:
        """Them, for desk functions."""
        return self.person.actor

    @property
    def scope(self) -> Scope:
        """How far they see, for desk functions: `query.where(scope.cases())`."""
        return self.person.scope

    @property
    def partial(self) -> bool:
        """Whether htmx asks for a piece of the page."""
        headers = self.request.headers
        return "HX-Request" in headers and "HX-Boosted" not in headers

    def allowed(self, permission: Permission | str, agency: str = "", area: str = "") -> bool:
        return self.session is not None and may(self.person, Permission(permission), agency, area)

    def require(self, permission: Permission | str, agency: str = "", area: str = "") -> None:
        """Raises Forbidden."""
        if not self.allowed(permission, agency, area):
            raise Forbidden

    def form(self) -> Form:
        """What was posted; forged ones never come this far."""
        return self.sent

    def render(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """A page or a piece of one."""
        body = self.renderer(self, template, values).encode()
        answer = web.Response(body=body, status=status, content_type="text/html", charset="utf-8")
        return packed(answer, self.request, partial(gzip.compress, compresslevel=PACKED, mtime=0))

    def redirect(self, path: str) -> web.Response:
        """See other: after a form was done. htmx is told to go there too."""
        if "HX-Request" in self.request.headers:
            return web.Response(headers={"HX-Redirect": path})
        return web.Response(status=303, headers={"Location": path})


@dataclass(frozen=True, slots=True)
class Route:
    """`name` stands in the table of permissions. `most`: bytes of a body, more for uploads.

    `looks_up`: what is posted changes nothing, so that who keeps no cookies may send it, too.
    """

    method: str
    path: str
    name: str
    act: Callable[[Visit], Awaitable[web.StreamResponse]]
    most: int = FORM_BYTES
    looks_up: bool = False
