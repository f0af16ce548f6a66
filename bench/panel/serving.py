"""The real panel on a port of its own, and people who may use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ivr.cases.roles import Role
from ivr.desk.people import people, signing_in
from ivr.desk.people.signing_in import From, Keeping
from ivr.loops.every import Loops
from ivr.store import tables
from ivr.web.application import attach
from ivr.web.panel.visit import Panel


@asynccontextmanager
async def serving(panel: Panel, more: Iterable[web.RouteDef] = ()) -> AsyncIterator[str]:
    """Its address. `more`: pages beside its own."""
    app = web.Application()
    app.router.add_routes(more)
    loops = Loops()
    attach(app, panel, loops.start)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
        await loops.close()


async def person(
    engine: AsyncEngine, role: Role, now: datetime, agency: str = "", areas: Sequence[str] = ()
) -> people.Person:
    """Somebody in that role: new, unless the books know them."""
    name = f"bench.{role}{len(areas)}"
    async with engine.connect() as connection:
        known = select(tables.people.c.id).where(tables.people.c.name == name)
        id = (await connection.execute(known)).scalar()
    if id is None:
        wanted = people.NewPerson(name, name, role, agency, tuple(areas), must_change=False)
        id = await people.add(engine, wanted, "an old brown kettle 7", now)
    assert id is not None
    return people.Person(id, name, name, role, agency, areas=tuple(areas))


async def signed_in(connection: AsyncConnection, somebody: people.Person, now: datetime) -> str:
    """The token of a session."""
    return await signing_in.begin(connection, somebody.id, now, From("127.0.0.1", "bench"), Keeping())
