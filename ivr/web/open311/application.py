"""The six methods of GeoReport v2 that a server in real time has, and the discovery file."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from ivr.cases.kinds import Kind
from ivr.cases.statuses import ANSWER_OWED, OPEN, Status
from ivr.desk.case.registering import Wanted
from ivr.desk.counter import following
from ivr.desk.counter.following import Service
from ivr.desk.refusals import WrongField
from ivr.store.case_parts import is_voiced
from ivr.voice.yaml_tree import SAFE
from ivr.web import bodies
from ivr.web.open311.encoding import TYPES, response
from ivr.web.panel.sessions import came_from
from ivr.web.window import Counter, Problem, body, problem_of, tracking_code

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
NAMES: Json = yaml.load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"), Loader=SAFE)
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = datetime.fromisoformat("2026-11-25T00:00:00+03:30")
MOST_LISTED = 1_000
MOST_FIELDS = 60
SPAN = timedelta(days=90)
KIND, COUNTY = "kind", "county"  # the attributes that every service has
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]+)\](?:\[\])?")


def application(counter: Counter) -> web.Application:
    """What is served under /open311."""
    georeport = GeoReport(counter)
    app = web.Application(middlewares=[_in_spec_form, bodies.in_utf8])
    app.add_routes(
        [
            web.get("/discovery.{form}", georeport.discovery),
            web.get("/v2/services.{form}", georeport.services),
            web.get("/v2/services/{code}.{form}", georeport.definition),
            web.post("/v2/requests.{form}", georeport.send),
            web.get("/v2/requests.{form}", georeport.requests),
            web.get("/v2/requests/{code}.{form}", georeport.request),
        ]
    )
    return app


class GeoReport:
    """One method, one resource. A service is a topic, a request a case, an api_key a channel's token."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    async def discovery(self, request: web.Request) -> web.Response:
        scheme = "https" if came_from(request, self.counter.proxies)[1] else "http"
        url = str(request.url.origin().with_scheme(scheme).with_path("/open311/v2"))
        endpoint = {"specification": SPECIFICATION, "url": url, "changeset": CHANGESET, "type": "production"}
        endpoint |= {"formats": list(TYPES.values())}
        contact = f"Seda 111, {self.counter.jurisdiction}"
        content = {
            "changeset": CHANGESET,
            "contact": contact,
            "key_service": contact,
            "endpoints": [endpoint],
        }
        return response(_form(request), "discovery", content)

    async def services(self, request: web.Request) -> web.Response:
        self._in_jurisdiction(request.query)
        return response(_form(request), "services", [_service(each) for each in await self._all_services()])

    async def definition(self, request: web.Request) -> web.Response:
        self._in_jurisdiction(request.query)
        code = request.match_info["code"]
        if code not in {each.code for each in await self._all_services()}:
            raise Problem(404, "service_code: it was not found", "service_code")
        async with self.counter.engine.connect() as connection:
            counties = await following.counties(connection)
        attributes = [_list(1, KIND, NAMES["kinds"]), _list(2, COUNTY, counties)]
        return response(
            _form(request), "service_definition", {"service_code": code, "attributes": attributes}
        )

    async def send(self, request: web.Request) -> web.Response:
        form = _fields(await body(request))
        channel = await self._channel(request, form)
        self._in_jurisdiction(form)
        wanted = _wanted(form, channel)
        try:
            sent = await self.counter.send(request, wanted)
        except WrongField as error:
            raise _in_its_names(error) from None
        row = await following.one(self.counter.engine, channel, sent.code)
        counter, spoken = self.counter, self.counter.book.conventions.languages
        [by_phone] = await following.reach(counter.engine, [row], counter.clock(), spoken)
        notice = f"{NAMES['notice']} {NAMES['by_phone'][by_phone]}"
        made = {"service_request_id": sent.code, "service_notice": notice}
        content = [made | {"account_id": form.get("account_id") or None}]
        return response(_form(request), "service_requests", content, 200 if sent.repeated else 201)

    async def requests(self, request: web.Request) -> web.Response:
        query = _given(request.query)
        channel = await self._channel(request, query)
        self._in_jurisdiction(query)
        codes = _listed(query, "service_request_id")
        known = [code for code in map(tracking_code, codes) if code]
        if codes:  # overrides all other arguments
            rows = await following.matching(self.counter.engine, channel, MOST_LISTED, known) if known else []
        else:
            rows = await following.matching(
                self.counter.engine,
                channel,
                MOST_LISTED,
                services=_listed(query, "service_code"),
                between=_span(query, self.counter.clock()),
                is_open=_status(query),
            )
        return response(_form(request), "service_requests", [_request(row) for row in rows])

    async def request(self, request: web.Request) -> web.Response:
        channel = await self._channel(request, request.query)
        self._in_jurisdiction(request.query)
        code = tracking_code(request.match_info["code"])
        row = await following.one(self.counter.engine, channel, code) if code else None
        if row is None:
            raise Problem(404, "service_request_id: this api_key sent no such request", "service_request_id")
        return response(_form(request), "service_requests", [_request(row)])

    async def _channel(self, request: web.Request, given: Mapping[str, str]) -> str:
        """The specification calls a missing or a wrong key 403."""
        try:
            return await self.counter.channel(request, given.get("api_key", ""))
        except Exception as error:
            problem = problem_of(error)
            if problem.status == 401:
                raise Problem(403, "api_key: it is missing, unknown or revoked", "api_key") from None
            raise problem from None

    def _in_jurisdiction(self, given: Mapping[str, str]) -> None:
        if given.get("jurisdiction_id", "") not in ("", self.counter.jurisdiction):
            raise Problem(404, "jurisdiction_id: it was not found", "jurisdiction_id")

    async def _all_services(self) -> list[Service]:
        async with self.counter.engine.connect() as connection:
            return await following.services(connection)


KIND_FIELD, COUNTY_FIELD = f"attribute[{KIND}]", f"attribute[{COUNTY}]"


@web.middleware
async def _in_spec_form(request: web.Request, handler: Answer) -> web.StreamResponse:
    """Errors as the specification has them."""
    try:
        if _form(request) not in TYPES and not isinstance(
            request.match_info.http_exception, web.HTTPException
        ):
            raise Problem(404, f"format: {' and '.join(TYPES)} are served", "format")
        return await handler(request)
    except Exception as error:
        problem = problem_of(error)
        content = [{"code": problem.status, "description": problem.sentence}]
        headers = problem.headers
        if isinstance(error, web.HTTPMethodNotAllowed):
            headers["Allow"] = error.headers["Allow"]
        return response(_form(request), "errors", content, problem.status, **headers)


# Our fields as the specification calls them.
THEIRS = {
    "caller": "phone",
    "caller_name": "last_name",
    "words": "description",
    "kind": KIND_FIELD,
    "county": COUNTY_FIELD,
    "latitude": "lat",
    "longitude": "long",
    "address": "address_string",
}


def _in_its_names(error: WrongField) -> WrongField | Problem:
    if error.field == "topic":
        return Problem(404, "service_code: it was not found", "service_code")
    return WrongField(THEIRS.get(error.field, error.field), str(error).partition(": ")[2])


def _form(request: web.Request) -> str:
    return request.match_info.get("form") or request.path.rpartition(".")[2]


def _given(query: Mapping[str, str]) -> dict[str, str]:
    """An empty argument is as if it were not there."""
    return {name: value for name, value in query.items() if value}


def _fields(content: bytes) -> dict[str, str]:
    """A form's fields; several values for one attribute are put in one line, each `media_url` in its own."""
    try:
        pairs = [(name, value) for name, value in bodies.fields(content, MOST_FIELDS) if value]
    except ValueError:
        sentence = (
            f"the body must be application/x-www-form-urlencoded in UTF-8, at most {MOST_FIELDS} fields"
        )
        raise Problem(400, sentence) from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        attribute = _ATTRIBUTE.fullmatch(name)
        name = f"attribute[{attribute[1]}]" if attribute else name
        between = ", " if attribute else "\n" if name == "media_url" else ""
        fields[name] = f"{fields[name]}{between}{value}" if between and name in fields else value
    return fields


def _wanted(form: Mapping[str, str], channel: str) -> Wanted:
    """Whether there is such a service is looked at where a request sent again is known. Raises Problem."""
    if not form.get("service_code"):
        raise Problem(400, "service_code: it was not provided", "service_code")
    name = " ".join(part for part in (form.get("first_name"), form.get("last_name")) if part)
    words = _words(form)
    return Wanted(
        form.get(KIND_FIELD) or Kind.REQUEST,
        topic=form["service_code"],
        county=form.get(COUNTY_FIELD, ""),
        words=words,
        caller=form.get("phone", ""),
        caller_name=name,
        channel=channel,
        by=channel,
        place=_place(form),
        beneath=len(words) - len(form.get("description", "")),
    )


def _words(form: Mapping[str, str]) -> str:
    """Her description; attributes that no service of ours has are put beneath it rather than lost."""
    others = [
        f"{name[len('attribute[') : -1]}: {value}"
        for name, value in form.items()
        if name.startswith("attribute[") and name not in (KIND_FIELD, COUNTY_FIELD)
    ]
    if media := form.get("media_url"):
        others.append(media)
    return "\n".join([part for part in (form.get("description", ""), *others) if part])


def _place(form: Mapping[str, str]) -> Json:
    """Raises Problem unless there is one full location."""
    place: Json = {}
    for field, name in (("address_string", "address"), ("address_id", "address_id")):
        if form.get(field):
            place[name] = form[field]
    for field, name in (("lat", "latitude"), ("long", "longitude")):
        if form.get(field):
            place[name] = _degrees(form[field], field)
    if ("latitude" in place) != ("longitude" in place):
        missing = "long" if "latitude" in place else "lat"
        raise Problem(400, f"{missing}: lat and long go together", missing)
    if not place:
        raise Problem(
            400, "address_string: lat and long, address_string or address_id is needed", "address_string"
        )
    return place


def _degrees(text: str, field: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Problem(400, f"{field}: must be a number of degrees", field) from None


def _listed(query: Mapping[str, str], name: str) -> list[str]:
    if "\0" in query.get(name, ""):  # no database takes it
        raise Problem(400, f"{name}: holds a character that is no text", name)
    return [part for part in (p.strip() for p in query.get(name, "").split(",")) if part][:MOST_LISTED]


def _span(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """The most recent 90 days, or the range that is asked for: not more than 90 days."""
    start, end = (_moment(query, name) for name in ("start_date", "end_date"))
    end = end or (min(now, start + SPAN) if start else now)
    start = start or end - SPAN
    if end - start > SPAN:
        raise Problem(400, "start_date: the range may not span more than 90 days", "start_date")
    return start, end


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a + that nobody escaped
        (moment - SPAN).astimezone(UTC), (moment + SPAN).astimezone(UTC)  # not at the end of time
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Problem(400, f"{name}: must be a date with time and zone, like 2026-11-25T08:00:00Z", name)
    return moment


def _status(query: Mapping[str, str]) -> bool | None:
    wanted = set(_listed(query, "status"))
    if wanted - {"open", "closed"}:
        raise Problem(400, "status: must be open, closed or both", "status")
    return None if len(wanted) != 1 else wanted == {"open"}


def _service(service: Service) -> Json:
    return {
        "service_code": service.code,
        "service_name": service.name,
        "description": NAMES["description"].format(name=service.name, group=service.group),
        "metadata": True,
        "type": "realtime",
        "keywords": ", ".join(service.keywords),
        "group": service.group,
    }


def _list(order: int, code: str, values: Mapping[str, str]) -> Json:
    return {
        "variable": True,
        "code": code,
        "datatype": "singlevaluelist",
        "required": False,
        "datatype_description": None,
        "order": order,
        "description": NAMES[code],
        "values": [{"key": key, "name": name} for key, name in values.items()],
    }


def _answer(row: Any) -> str:
    """What of it can be read, and where the rest is heard."""
    return "\n".join(filter(None, (row.answer, NAMES["voiced"] if is_voiced(row) else "")))


def _request(row: Any) -> Json:
    sealed = row.confidential is not None
    place = {} if sealed else row.place or {}
    status = Status(row.status)
    return {
        "service_request_id": row.code,
        "status": "open" if status in OPEN else "closed",
        "status_notes": None if status in ANSWER_OWED else _answer(row) or None,
        "service_name": row.topic_name,
        "service_code": row.topic,
        "description": None if sealed else row.words or None,
        "agency_responsible": row.agency_name,
        "service_notice": None,
        "requested_datetime": row.opened_at,
        "updated_datetime": row.changed_at,
        "expected_datetime": row.due_at,
        "address": place.get("address"),
        "address_id": place.get("address_id"),
        "zipcode": None,
        "lat": place.get("latitude"),
        "long": place.get("longitude"),
        "media_url": None,
    }
