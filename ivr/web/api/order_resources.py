"""Sessions, their orders and reports, for an office-automation system: read with the right to orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases.channels import ChannelRight
from ivr.desk.counter.channels import AdmittedChannel
from ivr.desk.meetings import order_reading, session_planning, session_report
from ivr.desk.meetings.order_reading import OrderReader
from ivr.web.api import models
from ivr.web.api.plain import as_json, limit_of
from ivr.web.window import Counter, Problem, tracking_code

BACK = timedelta(days=365)  # sessions, where nothing else is asked for
LARGEST = 2**31 - 1


class OrderResources:
    """One method, one resource."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/meetings/sessions", self.sessions),
            web.get("/v1/meetings/sessions/{number}/report", self.report),
            web.get("/v1/meetings/orders", self.orders),
            web.get("/v1/meetings/orders/{code}", self.order),
        ]

    async def sessions(self, request: web.Request) -> web.Response:
        """With an agency, those alone that need it."""
        channel = await self._channel(request)
        since = _since(request) or self.counter.clock() - BACK
        async with self.counter.engine.connect() as connection:
            found = await session_planning.sittings(connection, since, channel.agency)
        return as_json(models.Sessions(sessions=[models.MeetingSession.of(row) for row in found]))

    async def report(self, request: web.Request) -> web.Response:
        channel = await self._channel(request)
        if channel.agency:
            raise Problem(403, f"channel {channel.name} sees the orders of one agency, and no report")
        number, page, now = _number(request.match_info["number"]), await self.counter.book.page(), self._now()
        async with self.counter.engine.connect() as connection:
            found = await session_report.read(connection, page, now, number)
            if found is None:
                raise Problem(404, "number: there is no such session", "number")
            orders = await order_reading.told(connection, page, now, _reader(channel), number, limit=1000)
        return as_json(models.MeetingReport.of(found, orders))

    async def orders(self, request: web.Request) -> web.Response:
        channel = await self._channel(request)
        limit, after = limit_of(request), request.query.get("after", "")
        if after and not tracking_code(after):
            raise Problem(400, "after: is no tracking code", "after")
        session = request.query.get("session", "")
        async with self.counter.engine.connect() as connection:
            found = await order_reading.told(
                connection,
                await self.counter.book.page(),
                self._now(),
                _reader(channel),
                _number(session, "session") if session else None,
                after=tracking_code(after),
                limit=limit,
            )
        listed = [models.Order.of_told(each) for each in found]
        return as_json(models.Orders(orders=listed, after=listed[-1].code if len(listed) == limit else None))

    async def order(self, request: web.Request) -> web.Response:
        channel = await self._channel(request)
        code = tracking_code(request.match_info["code"])
        async with self.counter.engine.connect() as connection:
            found = await self._one(connection, channel, code) if code else []
        if not found:
            raise Problem(404, "code: there is no such order that this channel may see", "code")
        return as_json(found[0])

    async def _one(
        self, connection: AsyncConnection, channel: AdmittedChannel, code: str
    ) -> list[models.Order]:
        page = await self.counter.book.page()
        found = await order_reading.told(connection, page, self._now(), _reader(channel), code=code)
        return [models.Order.of_told(each) for each in found]

    async def _channel(self, request: web.Request) -> AdmittedChannel:
        return await self.counter.admitted(request, ChannelRight.ORDERS)

    def _now(self) -> datetime:
        return self.counter.clock()


def _reader(channel: AdmittedChannel) -> OrderReader:
    return OrderReader(channel.agency, ChannelRight.NAMES in channel.rights)


def _number(text: str, field: str = "number") -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 11 and int(text) <= LARGEST):
        raise Problem(400, f"{field}: is no number of a session", field)
    return int(text)


def _since(request: web.Request) -> datetime | None:
    text = request.query.get("since", "")
    if not text:
        return None
    try:
        day = datetime.fromisoformat(text)
        return (day if day.tzinfo else day.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(400, "since: write a day like 2026-12-01", "since") from None
