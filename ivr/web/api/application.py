"""The API's resources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import BodyPartReader, web
from pydantic import ValidationError

from ivr.cases.kinds import Kind
from ivr.desk.case import suggestion_outcomes
from ivr.desk.case.registering import Wanted
from ivr.desk.counter import audio, following
from ivr.desk.meetings import agenda, request_list
from ivr.web import bodies
from ivr.web.api import models, openapi
from ivr.web.api.order_resources import OrderResources
from ivr.web.api.plain import as_json, limit_of
from ivr.web.window import MOST_BYTES, RETRY_SECONDS, Counter, Problem, body, problem_of, tracking_code

M = TypeVar("M", bound=models.Message)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(counter: Counter) -> web.Application:
    """What is served under /api."""
    api = Api(counter)
    app = web.Application(middlewares=[_plainly, bodies.in_utf8])
    app.add_routes(
        [
            web.get("/openapi.json", api.document),
            web.post("/v1/cases", api.open_case),
            web.get("/v1/cases", api.cases),
            web.get("/v1/cases/{code}", api.case),
            web.post("/v1/suggestions", api.suggest),
            web.get("/v1/topics", api.topics),
            web.get("/v1/counties", api.counties),
            *OrderResources(counter).routes(),
        ]
    )
    return app


class Api:
    """One method, one resource."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    async def document(self, _: web.Request) -> web.Response:
        return web.json_response(openapi.DOCUMENT)

    async def open_case(self, request: web.Request) -> web.Response:
        channel = await self.counter.channel(request)
        given, content = await _case_and_sound(request)
        place = given.place.model_dump(exclude_none=True) if given.place else None
        fields = given.model_dump(exclude={"place"}) | {"kind": str(given.kind)}
        wanted = Wanted(**fields, place=place or None, channel=channel, by=channel)
        sent = await self.counter.send(request, wanted, content)
        row = await following.one(self.counter.engine, channel, sent.code)
        headers = {"Location": f"/api/v1/cases/{sent.code}"}
        [case] = await self._shown([row])
        return as_json(case, 200 if sent.repeated else 201, headers)

    async def cases(self, request: web.Request) -> web.Response:
        channel = await self.counter.channel(request)
        limit, after = limit_of(request), request.query.get("after", "")
        if after and not tracking_code(after):
            raise Problem(400, "after: is no tracking code", "after")
        rows = await following.newest(self.counter.engine, channel, limit, tracking_code(after))
        listed = await self._shown(rows)
        return as_json(models.Cases(cases=listed, after=rows[-1].code if len(rows) == limit else None))

    async def case(self, request: web.Request) -> web.Response:
        channel = await self.counter.channel(request)
        code = tracking_code(request.match_info["code"])
        row = await following.one(self.counter.engine, channel, code) if code else None
        if row is None:
            raise Problem(404, "code: this channel sent no such case", "code")
        [case] = await self._shown([row])
        return as_json(case)

    async def _shown(self, rows: Sequence[Any]) -> list[models.Case]:
        counter, spoken = self.counter, self.counter.book.conventions.languages
        by_phone = await following.reach(counter.engine, rows, counter.clock(), spoken)
        met = await self._meetings({row.id for row in rows if row.kind == Kind.MEETING})
        return [models.Case.of(r, reach, met.get(r.id)) for r, reach in zip(rows, by_phone, strict=True)]

    async def _meetings(self, ids: set[UUID]) -> dict[UUID, models.Meeting]:
        if not ids:
            return {}
        page, now = await self.counter.book.page(), self.counter.clock()
        async with self.counter.engine.connect() as connection:
            wishes = await request_list.of_ids(connection, page, now, ids)
            slots = await agenda.slots_of(connection, ids)
        return {wish.case.id: models.Meeting.of(wish, slots.get(wish.case.id)) for wish in wishes}

    async def suggest(self, request: web.Request) -> web.Response:
        await self.counter.channel(request)
        asked = _read(models.SuggestionQuestion, await _json_body(request))
        page, suggester = await self.counter.book.page(), await self.counter.learning.if_any()
        if suggester is None:
            raise Problem(503, "nothing can be suggested now: send it again later", retry=RETRY_SECONDS)
        if asked.county and asked.county not in page.live_counties:
            raise Problem(400, "county: there is no such county", "county")
        found = suggester.suggest(
            asked.text, asked.county, str(asked.kind or ""), retired=page.retired_topics
        )
        plain = {name: getattr(found, name) for name in ("topic", "agency", "assigned", "county", "doubt")}
        plain["county"] = found.county if found.county in page.live_counties else ""
        plain |= {"confidence": round(found.confidence, 4), "top": suggestion_outcomes.as_json(found)}
        return as_json(models.Suggested.model_validate(plain))

    async def topics(self, request: web.Request) -> web.Response:
        await self.counter.channel(request)
        async with self.counter.engine.connect() as connection:
            found = await following.services(connection)
        listed = [
            models.Topic(code=s.code, name=s.name, group=s.group, keywords=list(s.keywords)) for s in found
        ]
        return web.json_response([topic.model_dump() for topic in listed])

    async def counties(self, request: web.Request) -> web.Response:
        await self.counter.channel(request)
        async with self.counter.engine.connect() as connection:
            found = await following.counties(connection)
        return web.json_response([{"code": code, "name": name} for code, name in found.items()])


@web.middleware
async def _plainly(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Whatever goes wrong is one sentence in JSON."""
    try:
        return await handler(request)
    except Exception as error:
        problem = problem_of(error)
        headers = dict(problem.headers)
        if isinstance(error, web.HTTPMethodNotAllowed):
            headers["Allow"] = error.headers["Allow"]
        wrong = models.Wrong(error=problem.sentence, field=problem.field)
        return as_json(wrong, problem.status, headers)


async def _case_and_sound(request: web.Request) -> tuple[models.NewCase, bytes]:
    if request.content_type != "multipart/form-data":
        return _read(models.NewCase, await _json_body(request)), b""
    parts: dict[str, bytes] = {}
    most = {"case": MOST_BYTES, audio.FIELD: audio.MOST_BYTES}
    async with bodies.reading(sum(most.values())):
        async for name, part in bodies.parts(request):
            if name not in most:
                raise Problem(400, f"{name[:40]}: there is no such part, only case and audio", name[:40])
            if name in parts:
                raise Problem(400, f"{name}: stands twice", name)
            parts[name] = await _part(part, name, most[name])
    if parts.get(audio.FIELD) == b"":  # a recording that got lost on the way here: none has no such part
        raise Problem(400, f"{audio.FIELD}: is empty", audio.FIELD)
    return _read(models.NewCase, parts.get("case", b"")), parts.get(audio.FIELD, b"")


async def _part(part: BodyPartReader, name: str, most: int) -> bytes:
    whole = bytearray()
    async for chunk in bodies.chunks(part):
        whole += chunk
        if len(whole) > most:
            raise Problem(413, f"{name}: has more than {most:,} bytes", name)
    return bytes(whole)


async def _json_body(request: web.Request) -> bytes:
    if request.content_type != "application/json":
        raise Problem(415, "Content-Type: must be application/json", "Content-Type")
    return await body(request)


def _read(model: type[M], content: bytes) -> M:
    """Raises Problem with the first mistake, by its field."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part)[:40] for part in first["loc"])
        message = first["msg"][:1].lower() + first["msg"][1:]
        raise Problem(400, f"{field}: {message}" if field else message, field) from None
