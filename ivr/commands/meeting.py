"""`ivr meeting …`: citizens who asked to meet an official, sessions, agendas (docs/meetings.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ivr.commands.books import Code, Json, plain
from ivr.commands.closure import day_named
from ivr.commands.output import fail, load_settings, show_json, show_rows, show_table, with_page

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.desk.book.book import Page
    from ivr.desk.case.change import Instruction
    from ivr.desk.meetings.agenda import Seat

app = typer.Typer(help="Citizens who asked to meet an official.", no_args_is_help=True)
By = Annotated[str, typer.Option(help="Who does it: a person of the office.")]
Reason = Annotated[str, typer.Option(help="Ground.")]
Next = Annotated[
    str,
    typer.Option("--next", help="The day that she is told: 1405-09-20 (Jalali) or 2026-12-11 (Gregorian)."),
]
Agency = Annotated[str, typer.Argument(help="An agency's code.")]
Number = Annotated[int, typer.Argument(help="The session's number.")]


@app.command(
    "requests", epilog="Examples: ivr meeting requests   ·   ivr meeting requests --state waiting --json"
)
def request_list(
    state: Annotated[
        list[str], typer.Option(help="Only these states; else all in which the office owes a step.")
    ] = [],  # noqa: B006  typer's
    json: Json = False,
) -> None:
    """Requests in the fair order, with its reasons; whose date or slot is past has a ! behind the state."""
    from ivr.cases.meetings import RequestState
    from ivr.desk.meetings.meeting_json import request_json
    from ivr.desk.meetings.request_list import listed

    if wrong := set(state) - set(RequestState):
        fail(f"no state of a request: {', '.join(sorted(wrong))}; there are {', '.join(RequestState)}", 2)
    states = {RequestState(each) for each in state} or None

    async def work(engine: AsyncEngine, page: Page) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            found = await listed(connection, page, datetime.now(UTC), states=states)
        return [request_json(wish) for wish in found]

    rows = with_page(work)
    if json:
        show_json(rows)
        return
    for row in rows:
        row["state"] += "!" * row["late"]
        row["because"] = ", ".join(f"{r['why']} {r['count']}" for r in row["because"])
    show_table(["code", "state", "points", "because", "next_on", "county", "by_phone"], rows)


@app.command(epilog="Example: ivr meeting show 1234567894 --json")
def show(code: Code, json: Json = False) -> None:
    """One request."""
    from ivr.desk.meetings.meeting_json import request_json
    from ivr.desk.meetings.request_list import EVERYTHING, of_case

    async def work(engine: AsyncEngine, page: Page) -> dict[str, Any] | None:
        async with engine.connect() as connection:
            found = await of_case(connection, page, datetime.now(UTC), EVERYTHING, plain(code))
        return request_json(found) if found else None

    row = with_page(work)
    if row is None:
        fail(f"case {plain(code)} is no request to meet an official")
    if json:
        show_json(row)
        return
    for name, value in row.items():
        typer.echo(f"{name}: {value}")


@app.command(
    epilog="Example: ivr meeting review 1234567894 --urgency urgent --body abfa --about edu --by sadr"
)
def review(
    code: Code,
    urgency: Annotated[str, typer.Option(help="usual, urgent or pressing.")] = "usual",
    body: Annotated[list[str], typer.Option(help="A body that is to attend; several times.")] = [],  # noqa: B006
    about: Annotated[
        str, typer.Option(help="The body whose head she complains of; it is never shown this.")
    ] = "",
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """Note what the office knows of a request: how urgent, who is to attend, whom it is kept from."""
    from ivr.cases.hearing_order import Urgency
    from ivr.desk.meetings import request_deciding

    if urgency.upper() not in Urgency.__members__:
        fail(f"--urgency must be one of {', '.join(each.name.lower() for each in Urgency)}", 2)
    degree = Urgency[urgency.upper()]
    act(code, by, reason, partial(request_deciding.review, urgency=degree, about=about, bodies=body))


@app.command(epilog="Example: ivr meeting accept 1234567894 --next 1405-09-20 --by sadr")
def accept(code: Code, next_on: Next, by: By = "desk", reason: Reason = "") -> None:
    """It will be heard; until that day she waits for a slot, and her case's clock stands."""
    from ivr.desk.meetings import request_deciding

    act(code, by, reason, partial(request_deciding.accept, next_on=day_named(next_on)))


@app.command(epilog="Example: ivr meeting put-off 1234567894 --next 1405-10-04 --reason 'نوبت‌ها پر شد'")
def put_off(code: Code, next_on: Next, by: By = "desk", reason: Reason = "") -> None:
    """There is still no slot: another date, and why."""
    from ivr.desk.meetings import request_deciding

    act(code, by, reason, partial(request_deciding.put_off, next_on=day_named(next_on)))


@app.command(epilog="Example: ivr meeting send-below 1234567894 farmandari_ahar --reason 'نخست فرمانداری'")
def send_below(code: Code, agency: Agency, by: By = "desk", reason: Reason = "") -> None:
    """First to the tier below, which has it with a deadline; what it gives back is decided on again."""
    from ivr.desk.meetings import request_deciding

    act(code, by, reason, partial(request_deciding.send_below, agency=agency))


@app.command(epilog="Example: ivr meeting settle 1234567894 abfa --reason 'بی‌نیاز از دیدار'")
def settle(code: Code, agency: Agency, by: By = "desk", reason: Reason = "") -> None:
    """Without a meeting: that body sees to it, within its deadline."""
    from ivr.desk.meetings import request_deciding

    act(code, by, reason, partial(request_deciding.settle, agency=agency))


@app.command(epilog="Example: ivr meeting decline 1234567894 --reason 'موضوع در دادگاه است.'")
def decline(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """No meeting: she is called and hears the reason. Who objects is decided on again."""
    from ivr.desk.meetings import request_deciding

    act(code, by, reason, request_deciding.decline)


@app.command(
    epilog="Example: ivr meeting plan --on 1405-09-11 --at 10:30 --slots 12 --place 'تالار استانداری'"
)
def plan(
    on: Annotated[str, typer.Option(help="The day: 1405-09-11 (Jalali) or 2026-12-02 (Gregorian).")],
    at: Annotated[str, typer.Option(help="The hour of the first slot, like 10:30.")],
    slots: Annotated[int, typer.Option(help="How many.")],
    minutes: Annotated[int, typer.Option(help="Of each slot.")] = 10,
    official: Annotated[
        str, typer.Option(help="governor, deputy, county_governor, mayor or head.")
    ] = "governor",
    agency: Annotated[str, typer.Option(help="Of which body; the governor's office if not given.")] = "",
    way: Annotated[str, typer.Option(help="in_person, phone or video.")] = "in_person",
    place: Annotated[str, typer.Option(help="Where she is to come.")] = "",
    link: Annotated[str, typer.Option(help="The number or address of a meeting by telephone or video.")] = "",
    even_off: Annotated[
        bool, typer.Option("--even-off", help="On a holiday or at the week's end, too.")
    ] = False,
    by: By = "desk",
) -> None:
    """Plan a session; refused when the official sits in another one then."""
    from ivr.cases.meetings import MeetingWay, Official
    from ivr.desk.case.change import actor_named
    from ivr.desk.meetings import session_planning
    from ivr.desk.meetings.request_deciding import the_office

    for kind, value, option in ((Official, official, "--official"), (MeetingWay, way, "--way")):
        if value not in set(kind):
            fail(f"{option} must be one of {', '.join(kind)}", 2)
    starts_at = moment_of(on, at)

    async def work(engine: AsyncEngine, page: Page) -> int:
        whose = (Official(official), agency or the_office(page))
        wanted = session_planning.PlannedSession(
            *whose, starts_at, slots, minutes, MeetingWay(way), place, link, even_off
        )
        return await session_planning.plan(engine, page, actor_named(page, by), wanted, datetime.now(UTC))

    typer.echo(
        f"session {with_page(work)}: planned, {slots} slots from {starts_at.isoformat(timespec='minutes')}"
    )


@app.command(epilog="Example: ivr meeting sessions --since 1405-01-01 --json")
def sessions(
    since: Annotated[str, typer.Option(help="From this day on; today if not given.")] = "today",
    json: Json = False,
) -> None:
    """Sessions, by day, with slots and how many are booked."""
    from ivr.desk.meetings.meeting_json import session_json
    from ivr.desk.meetings.session_planning import sittings

    first = datetime.combine(day_named(since), time(0), zone_here())

    async def work(engine: AsyncEngine, page: Page) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            return [session_json(row) for row in await sittings(connection, first)]

    rows = with_page(work)
    show_rows(["number", "official", "agency", "starts_at", "place", "slots", "booked", "state"], rows, json)


@app.command(epilog="Example: ivr meeting figures --since 1405-01-01 --json")
def figures(
    since: Annotated[str, typer.Option(help="From this day on.")],
    until: Annotated[str, typer.Option(help="Up to this day, which is not counted; now if none.")] = "",
    json: Json = False,
) -> None:
    """Requests made and orders given in that time, as they stand now, and how long people waited."""
    from ivr.desk.meetings import meeting_counting
    from ivr.desk.people.scope import Scope

    async def work(engine: AsyncEngine, page: Page) -> dict[str, Any]:
        now, zone = datetime.now(UTC), ZoneInfo(page.calendar.timezone)
        end = datetime.combine(day_named(until), time(0), zone) if until else now
        begin = datetime.combine(day_named(since), time(0), zone)
        async with engine.connect() as connection:
            found = await meeting_counting.read(connection, page, now, begin, end, Scope())
        return meeting_counting.figures_json(found, now, zone)

    told = with_page(work)
    if json:
        show_json(told)
        return
    typer.echo(f"sessions held: {told['sessions']}")
    for name in ("requests", "orders"):
        its = {key: value for key, value in told[name].items() if isinstance(value, int)}
        typer.echo(", ".join(f"{key}: {value}" for key, value in its.items()))
    for name, its in ((n, told["requests"][n]) for n in ("waited", "waiting")):
        typer.echo(f"{name}, days: median {its['median']}, p90 {its['p90']}, of {its['count']}")


@app.command(epilog="Example: ivr meeting cancel 3 --next 1405-10-04 --reason 'مأموریت استاندار'")
def cancel(number: Number, next_on: Next, by: By = "desk", reason: Reason = "") -> None:
    """The session does not take place, or ends once somebody came in: who had a slot to come waits again."""
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.meetings import session_planning
    from ivr.desk.meetings.session_planning import CalledOff

    day = day_named(next_on)

    async def work(engine: AsyncEngine, page: Page) -> CalledOff:
        return await session_planning.cancel(
            engine, page, Instruction("", actor_named(page, by), reason), number, day
        )

    off = with_page(work)
    codes, became = off.codes, "ended" if off.ended else "cancelled"
    typer.echo(f"session {number}: {became}; {len(codes)} wait again{': ' * bool(codes)}{' '.join(codes)}")


@app.command(epilog="Example: ivr meeting move 3 --on 1405-09-18 --at 10:30 --reason 'مأموریت استاندار'")
def move(
    number: Number,
    on: Annotated[str, typer.Option(help="The day: 1405-09-18 (Jalali) or 2026-12-09 (Gregorian).")],
    at: Annotated[str, typer.Option(help="The hour of the first slot, like 10:30.")],
    place: Annotated[str, typer.Option(help="Another place, if it is one.")] = "",
    even_off: Annotated[
        bool, typer.Option("--even-off", help="On a holiday or at the week's end, too.")
    ] = False,
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """The whole session to another hour, with everybody's slot: each is called once, and asked again."""
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.meetings import session_moving

    starts_at = moment_of(on, at)

    async def work(engine: AsyncEngine, page: Page) -> list[str]:
        ask = Instruction("", actor_named(page, by), reason)
        return await session_moving.move(engine, page, ask, number, starts_at, place, even_off)

    codes = with_page(work)
    typer.echo(f"session {number}: moved to {starts_at.isoformat(timespec='minutes')}; {len(codes)} are told")


@app.command(epilog="Example: ivr meeting delay 3 --minutes 40 --reason 'جلسهٔ پیشین طول کشید'")
def delay(
    number: Number,
    minutes: Annotated[int, typer.Option(help="How much later whoever still waits is heard.")],
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """On its day: the official is late; whoever still waits is called with the new hour."""
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.meetings import session_moving

    async def work(engine: AsyncEngine, page: Page) -> list[str]:
        ask = Instruction("", actor_named(page, by), reason)
        return await session_moving.delay(engine, page, ask, number, minutes)

    typer.echo(f"session {number}: {minutes} minutes later; {len(with_page(work))} are told")


@app.command(epilog="Example: ivr meeting agenda 3 --json")
def agenda(number: Number, json: Json = False) -> None:
    """Who is heard when, who was put there by hand and why, and what came of it."""
    seats = with_page(partial(_seats, number=number))
    if json:
        show_json(seats)
        return
    for seat in seats:
        seat["code"] = (seat["request"] or {}).get("code")
        seat["state"] = (seat["request"] or {}).get("state")
    show_table(["slot", "starts_at", "code", "state", "outcome", "ahead_of", "by_hand", "placed_by"], seats)


@app.command(epilog="Example: ivr meeting fill 3 --by sadr")
def fill(number: Number, by: By = "desk") -> None:
    """Give the free slots to those who wait, in the fair order."""
    from ivr.desk.case.change import actor_named
    from ivr.desk.meetings import agenda as its

    async def work(engine: AsyncEngine, page: Page) -> list[str]:
        return await its.fill(engine, page, actor_named(page, by), number, datetime.now(UTC))

    codes = with_page(work)
    typer.echo(f"session {number}: {len(codes)} slots given{': ' * bool(codes)}{' '.join(codes)}")


@app.command(epilog="Example: ivr meeting place 1234567894 3 2 --reason 'بیمار است' --by sadr")
def place(
    code: Code,
    number: Number,
    slot: Annotated[int, typer.Argument(help="The slot's number.")],
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """Put her into a slot by hand, or move her; with a reason where others come before her."""
    from ivr.desk.meetings import agenda as its

    act(code, by, reason, partial(its.place, number=number, slot=slot))


@app.command(epilog="Example: ivr meeting release 1234567894 --next 1405-10-04 --reason 'نمی‌تواند بیاید'")
def release(code: Code, next_on: Next, by: By = "desk", reason: Reason = "") -> None:
    """Her slot is free again and she waits until that day."""
    from ivr.desk.meetings import agenda as its

    act(code, by, reason, partial(its.release, next_on=day_named(next_on)))


@app.command(epilog="Example: ivr meeting met 1234567894")
def met(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """She was heard."""
    from ivr.desk.meetings import agenda as its

    act(code, by, reason, its.met)


@app.command(epilog="Example: ivr meeting missed 1234567894")
def missed(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """She did not come."""
    from ivr.desk.meetings import agenda as its

    act(code, by, reason, its.missed)


@app.command(epilog="Example: ivr meeting order 1234567894 abfa --due 1405-09-25 --words 'آب وصل شود'")
def order(
    code: Code,
    agency: Agency,
    due: Annotated[str, typer.Option(help="The day: 1405-09-25 (Jalali) or 2026-12-16 (Gregorian).")],
    words: Annotated[str, typer.Option(help="What it is to do.")],
    by: By = "desk",
) -> None:
    """Order an agency to do something: a part of the case, due then; of a meeting once she was heard."""
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.meetings.order_giving import MeetingOrder, give

    wanted = MeetingOrder(agency, words, day_named(due))

    async def work(engine: AsyncEngine, page: Page) -> list[str]:
        return await give(engine, page, Instruction(plain(code), actor_named(page, by)), [wanted])

    [part] = with_page(work)
    typer.echo(f"order {part}: given to {agency}, due on {wanted.due_on}")


@app.command(epilog="Example: ivr meeting orders --agency abfa --json")
def orders(
    agency: Annotated[str, typer.Option(help="Only those that are with this agency.")] = "",
    json: Json = False,
) -> None:
    """Orders of running cases, the first due in front; who is late has a ! behind the state."""
    from ivr.desk.meetings.meeting_json import order_json
    from ivr.desk.meetings.order_giving import listed
    from ivr.desk.people.scope import Scope

    async def work(engine: AsyncEngine, page: Page) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            found = await listed(connection, page, datetime.now(UTC), Scope(agency))
            return [order_json(each) for each in found]

    rows = with_page(work)
    if json:
        show_json(rows)
        return
    for row in rows:
        row["state"] += "!" * row["late"]
    show_table(["code", "of", "agency", "state", "due_on", "level", "given_by", "words"], rows)


@app.command(epilog="Example: ivr meeting extend 1234567894 --due 1405-10-05 --reason 'کمبود لوله'")
def extend(
    code: Code,
    due: Annotated[str, typer.Option(help="The later day.")],
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """A later day for an order; only the office gives one."""
    from ivr.desk.meetings.order_giving import extend as give_time

    day = day_named(due)
    instruct(code, by, reason, partial(give_time, due_on=day))
    typer.echo(f"order {plain(code)}: due on {day}")


@app.command(epilog="Example: ivr meeting reported --json")
def reported(json: Json = False) -> None:
    """Orders that are done, their bodies say, and the office has not looked; she is called on their day."""
    from ivr.desk.meetings.meeting_json import order_json
    from ivr.desk.meetings.order_checking import to_check
    from ivr.desk.meetings.request_list import EVERYTHING

    async def work(engine: AsyncEngine, page: Page) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            found = await to_check(connection, page, datetime.now(UTC), EVERYTHING)
        return [order_json(each) | {"answer": each.part.answer} for each in found]

    rows = with_page(work)
    show_rows(["code", "of", "agency", "due_on", "words", "answer"], rows, json)


@app.command(epilog="Example: ivr meeting confirm 1234567894 --by sadr")
def confirm(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """The office finds an order done that its body reports: she is called."""
    from ivr.desk.meetings import order_checking

    direct(code, by, reason, order_checking.confirm, "found done")


@app.command(epilog="Example: ivr meeting hand-back 1234567894 --reason 'عکس از جای دیگری است' --by sadr")
def hand_back(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """What a body answered, to an order or any case, is not enough: it owes it again, with the day it had."""
    from ivr.desk.meetings import order_checking

    direct(code, by, reason, order_checking.hand_back, "handed back")


@app.command(epilog="Example: ivr meeting remind 1234567894 --reason 'دو هفته گذشته است' --by sadr")
def remind(code: Code, by: By = "desk", reason: Reason = "") -> None:
    """Tell the body that has a case that the governor's office waits for it."""
    from ivr.desk.meetings import office_deeds

    direct(code, by, reason, office_deeds.remind, "its body is reminded")


@app.command(epilog="Example: ivr meeting ask-report 1234567894 --due 1405-09-25 --reason 'تا کجا رسیده؟'")
def ask_report(
    code: Code,
    due: Annotated[str, typer.Option(help="The day: 1405-09-25 (Jalali) or 2026-12-16 (Gregorian).")],
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """The body that has a case owes the governor's office a report until that day."""
    from ivr.desk.meetings import office_deeds

    day = day_named(due)
    direct(code, by, reason, partial(office_deeds.ask_report, due_on=day), f"a report is owed until {day}")


@app.command(epilog="Example: ivr meeting lottery --draw --by sadr")
def lottery(
    draw: Annotated[bool, typer.Option("--draw", help="Draw five closed cases.")] = False,
    put_aside: Annotated[int, typer.Option(help="Work on this drawing no more; with a reason.")] = 0,
    replay: Annotated[int, typer.Option(help="Draw this drawing again from what is on record of it.")] = 0,
    by: By = "desk",
    reason: Reason = "",
    json: Json = False,
) -> None:
    """The drawing that is being worked through: closed cases whose citizens the governor's office rings."""
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.meetings import lottery_drawing
    from ivr.desk.meetings.request_list import EVERYTHING

    async def work(engine: AsyncEngine, page: Page) -> list[dict[str, Any]]:
        ask = Instruction("", actor_named(page, by), reason)
        if draw:
            await lottery_drawing.draw(engine, page, ask, EVERYTHING)
        if put_aside:
            await lottery_drawing.put_aside(engine, ask, put_aside)
        async with engine.connect() as connection:
            if replay and not await lottery_drawing.replayed(connection, replay):
                fail(f"lottery {replay}: what is on record gives other cases")
            running = await lottery_drawing.current(connection)
            found = await lottery_drawing.read(connection, running)
        return [
            {"draw": running.number if running else 0, "place": each.case.turn, "code": each.case.code}
            | {"agency": each.case.agency, "result": each.case.result, "tries": len(each.tries)}
            for each in found
        ]

    rows = with_page(work)
    if json:
        show_json(rows)
        return
    if replay:
        typer.echo(f"lottery {replay}: drawn again, the same cases")
    show_table(["draw", "place", "code", "agency", "result", "tries"], rows)


def direct(
    code: str,
    by: str,
    reason: str,
    does: Callable[[AsyncEngine, Page, Instruction], Awaitable[None]],
    says: str,
) -> None:
    """Do it to any case, then say so."""
    instruct(code, by, reason, does)
    typer.echo(f"case {plain(code)}: {says}")


def instruct(
    code: str, by: str, reason: str, does: Callable[[AsyncEngine, Page, Instruction], Awaitable[None]]
) -> None:
    """Do it to that case, or to none, in somebody's name."""
    from ivr.desk.case.change import Instruction, actor_named

    async def work(engine: AsyncEngine, page: Page) -> None:
        await does(engine, page, Instruction(plain(code), actor_named(page, by), reason))

    with_page(work)


def act(
    code: str, by: str, reason: str, does: Callable[[AsyncEngine, Page, Instruction], Awaitable[None]]
) -> None:
    """Do it, then say how the request stands."""
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.meetings.request_list import EVERYTHING, MeetingRequest, of_case

    async def work(engine: AsyncEngine, page: Page) -> MeetingRequest | None:
        await does(engine, page, Instruction(plain(code), actor_named(page, by), reason))
        async with engine.connect() as connection:
            return await of_case(connection, page, datetime.now(UTC), EVERYTHING, plain(code))

    wish = with_page(work)
    assert wish is not None
    until = f", next on {wish.next_on}" if wish.next_on else ""
    typer.echo(f"request {wish.code}: {wish.state}, with {wish.case.agency}{until}")


async def _seats(engine: AsyncEngine, page: Page, number: int) -> list[dict[str, Any]]:
    from ivr.desk.meetings import agenda as its
    from ivr.desk.meetings.meeting_json import seat_json
    from ivr.desk.meetings.request_list import EVERYTHING
    from ivr.desk.meetings.session_planning import sitting
    from ivr.desk.refusals import Refused

    async with engine.connect() as connection:
        if await sitting(connection, number) is None:
            raise Refused(f"there is no session {number}")
        found: list[Seat] = await its.read(connection, page, datetime.now(UTC), number, EVERYTHING)
    return [seat_json(seat) for seat in found]


def moment_of(on: str, at: str) -> datetime:
    """A day and an hour of the province; exit code 2 for what is none."""
    from ivr.desk.editing.values import hour_of

    day: date = day_named(on)
    try:
        return datetime.combine(day, hour_of(at), zone_here())
    except ValueError:
        fail(f"{at!r} is no hour: write 9:00 or 10:30", 2)


def zone_here() -> ZoneInfo:
    return ZoneInfo(load_settings().province.timezone)
