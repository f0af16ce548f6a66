"""The panel as it is served, on a port of its own over a real database, and people signed in to it."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, DummyCookieJar, web
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.cases.roles import OF_AN_AGENCY, Role
from ivr.desk.editing.listing import Files
from ivr.desk.people import passwords, signing_in
from ivr.desk.people.people import Person
from ivr.desk.people.signing_in import From
from ivr.installation import tree_tools
from ivr.loops.every import Loops
from ivr.settings import load
from ivr.store.tables import agencies, people
from ivr.web.application import attach
from ivr.web.browser_phone import Telephone
from ivr.web.health import application
from ivr.web.panel.rendering import Pages
from ivr.web.panel.visit import Folders, Panel, Telephones, Voices
from tests.fixtures.database import SEED, as_service, warm_engine
from tests.fixtures.province import book_of
from tests.voice.conversation import DIRECTORY
from tests.web.service import LEARNING, Clock

PASSWORD = "an old brown kettle 7"
QUICK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)  # the real one takes 64 MiB a time
HASH = QUICK.hash(PASSWORD)
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(slots=True)
class Client:
    """A browser without a screen: cookies, and forms as the page would send them."""

    http: ClientSession
    person: Person | None
    proof: str = ""  # what forms carry

    async def get(self, path: str, **options: Any) -> ClientResponse:
        """Redirects are not followed."""
        answer = await self.http.get(path, allow_redirects=False, **options)
        if found := CSRF.search(await answer.text()) if answer.content_type == "text/html" else None:
            self.proof = found[1]
        return answer

    async def text(self, path: str) -> str:
        """The page's HTML; it must be there."""
        answer = await self.get(path)
        assert answer.status == 200, (path, answer.status)
        return await answer.text()

    async def post(
        self, path: str, fields: Mapping[str, Any] | None = None, **options: Any
    ) -> ClientResponse:
        """With the right CSRF token, unless `fields` brings another."""
        if not self.proof:
            await self.get("/panel/account")
        sent = {"csrf": self.proof} | dict(fields or {})
        return await self.http.post(path, data=sent, allow_redirects=False, **options)


@dataclass(slots=True)
class PanelServed:
    """`url` of the running panel; `signed_in(role)` gives a client of somebody new."""

    url: str
    panel: Panel
    engine: AsyncEngine  # the owner's; the panel itself works as the service's role
    clock: Clock
    stack: AsyncExitStack
    made: dict[str, Person] = field(default_factory=dict)
    loose: ClientSession | None = None
    pages: Pages | None = None  # of a panel of this process
    runner: web.AppRunner | None = None  # likewise

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Nobody answers at its address meanwhile; connections that are open end."""
        assert self.runner is not None and self.runner.server is not None
        host, port = self.runner.addresses[0][:2]
        for site in list(self.runner.sites):
            await site.stop()
        await self.runner.server.shutdown(1)
        try:
            yield
        finally:
            await web.TCPSite(self.runner, host, port).start()

    async def client(self, person: Person | None = None, token: str = "") -> Client:
        """Of somebody who is not signed in, or brings a token."""
        jar = CookieJar(unsafe=True)
        if token:
            jar.update_cookies({"seda": token})
        http = await self.stack.enter_async_context(ClientSession(self.url, cookie_jar=jar))
        return Client(http, person)

    async def anybody(self) -> ClientSession:
        """Keeps no cookies: each request brings its own."""
        if self.loose is None:
            self.loose = await self.stack.enter_async_context(
                ClientSession(self.url, cookie_jar=DummyCookieJar())
            )
        return self.loose

    async def signed_in(self, role: str, agency: str = "", areas: Sequence[str] = ()) -> Client:
        """Officers and heads are of abfa unless told otherwise."""
        person = await self.person(role, agency, areas)
        return await self.client(person, await self.token_of(person))

    async def token(self, role: str, agency: str = "", areas: Sequence[str] = (), **more: Any) -> str:
        return await self.token_of(await self.person(role, agency, areas, **more))

    async def token_of(self, person: Person, needs: str = "") -> str:
        """Of a new session; with `needs` it is not whole."""
        async with self.engine.begin() as connection:
            return await signing_in.begin(
                connection,
                person.id,
                self.clock(),
                From("127.0.0.1", "tests"),
                self.panel.entry.keeping,
                needs,
            )

    async def person(self, role: str, agency: str = "", areas: Sequence[str] = (), **more: Any) -> Person:
        """Somebody new, whose password is PASSWORD."""
        agency = agency or ("abfa" if Role(role) in OF_AN_AGENCY else "")
        name = f"{role}.{uuid.uuid4().hex[:8]}"
        row: dict[str, Any] = {"id": uuid.uuid4(), "name": name, "full_name": "مریم کریمی", "role": role}
        row |= {"areas": list(areas)}
        row |= {"agency": agency or None, "password_hash": HASH, "must_change": False}
        row |= {"made_at": self.clock(), "password_at": self.clock()} | more
        reading = select(people, agencies.c.name.label("agency_name")).outerjoin(agencies)
        async with self.engine.begin() as connection:
            await connection.execute(people.insert(), [row])
            found = (await connection.execute(reading.where(people.c.id == row["id"]))).one()
        person = Person.of(found)
        self.made[name] = person
        return person


def places_of(state: Path, seed: Path | None = None) -> Folders:
    return Folders(state / "recordings", state, Files(SEED), seed)


@asynccontextmanager
async def panel_served(
    engine: AsyncEngine, folder: Path, port: int = 0, **more: Any
) -> AsyncIterator[PanelServed]:
    """`port`: one of its own, which whoever leaves it for a while needs.

    `more`: fields of Panel or of what it is made of, like `learning`, `seed`, `studio`.
    """
    clock = Clock()
    nowhere = Telephone("ws://127.0.0.1:9/ws", "seda111-phone", "secret", "111")  # there is no Asterisk
    trees = tree_tools(load(), lambda: DIRECTORY, clock)
    usual = {"learning": LEARNING, "clock": clock, "citizens_phone": nowhere, "trees": trees}
    given: dict[str, Any] = usual | more
    phones = Telephones(
        given.pop("citizens_phone"), given.pop("desk_phone", None), given.pop("calls_back", True)
    )
    voices = Voices(*(given.pop(name, None) for name in ("booth", "studio", "prompts")))
    voices.needed = given.pop("needed", frozenset)
    places = places_of(folder, given.pop("seed", None))
    service = warm_engine(as_service(engine.url.render_as_string(hide_password=False)))
    panel = Panel(service, book_of(service), places, voices=voices, telephones=phones, **given)
    app = application()
    loops = Loops()
    pages = attach(app, panel, loops.start)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, taken = runner.addresses[0][:2]
    try:
        async with AsyncExitStack() as stack:
            url = f"http://{host}:{taken}"
            yield PanelServed(url, panel, engine, clock, stack, pages=pages, runner=runner)
    finally:
        await runner.cleanup()
        await loops.close()
        await service.dispose()


@pytest.fixture
async def panel(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PanelServed]:
    """Over a database of this test's own."""
    monkeypatch.setattr(passwords, "HASHER", QUICK)
    async with panel_served(engine, tmp_path) as served:
        yield served
