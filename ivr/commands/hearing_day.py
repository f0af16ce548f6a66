"""`ivr meeting invite|view|check-in|begin|done|papers|…`: a session's bodies, its day and its papers."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ivr.commands.books import Code, Json, plain
from ivr.commands.meeting import Agency, By, Number, Reason, app, instruct
from ivr.commands.output import fail, show_rows, with_page

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from ivr.cases.presence import Presence
    from ivr.desk.book.book import Page
    from ivr.desk.case.change import Instruction
    from ivr.desk.meetings.agenda import Seat
    from ivr.desk.meetings.request_list import OtherSlot

T = TypeVar("T")
Body = Annotated[str, typer.Option(help="Which body says so: an agency's code, or AGENCY/OFFICER.")]
Words = Annotated[str, typer.Option(help="What is said.")]
AtTheDoor = Annotated[str, typer.Argument(help="Her code, or her national ID, among those of the session.")]
Said = Annotated[str, typer.Option(help="What she brought.")]
Decided = Annotated[str, typer.Option(help="What the official decided.")]
People = Annotated[int, typer.Option(help="How many came, herself too.")]


@app.command(epilog="Example: ivr meeting invite 3 --by sadr")
def invite(number: Number, by: By = "desk") -> None:
    """Invite the bodies that the filled slots need, and ask for the views that nobody has asked for."""
    from ivr.desk.case.change import actor_named
    from ivr.desk.meetings import inviting

    async def work(engine: AsyncEngine, page: Page) -> list[str]:
        return await inviting.invite(engine, page, actor_named(page, by), number, datetime.now(UTC))

    bodies = with_page(work)
    typer.echo(f"session {number}: {len(bodies)} invited{': ' * bool(bodies)}{' '.join(bodies)}")


@app.command(epilog="Example: ivr meeting invitations 3 --json")
def invitations(number: Number, json: Json = False) -> None:
    """Which bodies are invited, what each promised, how many of its views it gave, and who came."""
    from ivr.desk.meetings.inviting import attendances
    from ivr.desk.meetings.meeting_json import attendance_json

    rows = _read(number, lambda connection, _: attendances(connection, number), attendance_json)
    show_rows(["agency", "state", "who", "reason", "given", "owed", "came"], rows, json)


@app.command(epilog="Example: ivr meeting attend 3 substitute --who 'آقای رضایی' --by abfa/karimi")
def attend(
    number: Number,
    answer: Annotated[str, typer.Argument(help="accepts, substitute or refuses.")],
    by: Body,
    who: Annotated[str, typer.Option(help="The substitute's name.")] = "",
    reason: Reason = "",
) -> None:
    """A body answers its invitation."""
    from ivr.cases.attendance import InvitationState
    from ivr.desk.meetings import inviting

    states = set(InvitationState) - {InvitationState.INVITED}
    if answer not in states:
        fail(f"the answer must be one of {', '.join(sorted(states))}", 2)

    async def does(engine: AsyncEngine, _: Page, ask: Instruction) -> None:
        await inviting.answer(engine, ask, number, InvitationState(answer), who)

    instruct("", by, reason, does)
    typer.echo(f"session {number}: {by.partition('/')[0]} {answer}")


@app.command(epilog="Example: ivr meeting view 3 1234567894 --words 'لوله فرسوده است' --by abfa/karimi")
def view(number: Number, code: Code, words: Words, by: Body) -> None:
    """A body writes its view of a request that needs it; written again, the last counts."""
    from ivr.desk.meetings import inviting

    instruct(code, by, "", partial(inviting.give_view, number=number, words=words))
    typer.echo(f"request {plain(code)}: {by.partition('/')[0]} gave its view")


@app.command(epilog="Example: ivr meeting views 3 --json")
def views(number: Number, json: Json = False) -> None:
    """The views that bodies owe the session, given or not; whose day is past has a ! behind it."""
    from ivr.desk.meetings.inviting import owed_views
    from ivr.desk.meetings.meeting_json import view_json

    rows = _read(number, lambda connection, _: owed_views(connection, number), view_json)
    if not json:
        for row in rows:
            row["due_at"] += "!" * (not row["words"] and row["due_at"] < datetime.now(UTC).isoformat())
    show_rows(["code", "agency", "due_at", "given_by", "words"], rows, json)


@app.command(epilog="Example: ivr meeting came 3 abfa substitute --by sadr")
def came(
    number: Number,
    agency: Agency,
    who: Annotated[str, typer.Argument(help="head, substitute or nobody.")],
    by: By = "desk",
) -> None:
    """Note who of a body was there, once the session has begun."""
    from ivr.cases.attendance import Came
    from ivr.desk.meetings import inviting

    if who not in set(Came):
        fail(f"who came must be one of {', '.join(Came)}", 2)

    async def does(engine: AsyncEngine, _: Page, ask: Instruction) -> None:
        await inviting.note_came(engine, ask, number, agency, Came(who))

    instruct("", by, "", does)
    typer.echo(f"session {number}: of {agency} came {who}")


@app.command(epilog="Example: ivr meeting day 3 --json")
def day(number: Number, json: Json = False) -> None:
    """Who of the session is expected, has arrived, is inside, was heard or missed, in order of the slots."""
    from ivr.desk.meetings.meeting_json import visitor_json

    async def read(connection: AsyncConnection, page: Page) -> list[Seat]:
        return [seat for seat in await _seats(connection, page, number) if seat.wish]

    rows = _read(number, read, visitor_json)
    show_rows(["slot", "code", "presence", "starts_at", "arrived_at", "began_at", "ended_at"], rows, json)


@app.command("check-in", epilog="Example: ivr meeting check-in 3 1234567894")
def check_in(number: Number, her: AtTheDoor, by: By = "desk") -> None:
    """She is there, and waits."""
    from ivr.desk.meetings import session_day

    _of_her(number, her, by, session_day.arrive)


@app.command(epilog="Example: ivr meeting begin 3 1234567894")
def begin(number: Number, her: AtTheDoor, by: By = "desk") -> None:
    """She comes in."""
    from ivr.desk.meetings import session_day

    _of_her(number, her, by, session_day.begin)


@app.command(epilog="Example: ivr meeting step-out 3 1234567894")
def step_out(number: Number, her: AtTheDoor, by: By = "desk") -> None:
    """It was not her turn: she waits again."""
    from ivr.cases.presence import Presence
    from ivr.desk.meetings import session_day

    _of_her(number, her, by, session_day.step_out, Presence.INSIDE)


@app.command(epilog="Example: ivr meeting done 3 1234567894 --said 'آب ندارد' --decided 'تا یک ماه وصل شود'")
def done(
    number: Number,
    her: AtTheDoor,
    said: Said = "",
    decided: Decided = "",
    people: People = 1,
    by: By = "desk",
) -> None:
    """She was heard; what was said and decided."""
    from ivr.cases.presence import Presence
    from ivr.desk.meetings import session_day
    from ivr.desk.meetings.session_day import Hearing

    does = partial(session_day.heard, hearing=Hearing(said, decided, people))
    _of_her(number, her, by, does, Presence.INSIDE)


@app.command(epilog="Example: ivr meeting amend 3 1234567894 --decided 'تا دو ماه وصل شود'")
def amend(
    number: Number,
    her: AtTheDoor,
    said: Said = "",
    decided: Decided = "",
    people: People = 1,
    by: By = "desk",
) -> None:
    """Write her minutes again, whole; the case's story keeps what stood there."""
    from ivr.cases.presence import Presence
    from ivr.desk.meetings import session_day
    from ivr.desk.meetings.session_day import Hearing

    async def does(books: Any, page: Page, ask: Instruction, session: int, at: datetime) -> None:
        await session_day.amend(books, page, ask, session, Hearing(said, decided, people))

    _of_her(number, her, by, does, Presence.HEARD)


@app.command("walk-in", epilog="Example: ivr meeting walk-in 3 --name 'زهرا احمدی' --words 'بیکار شده‌ام'")
def walk_in(
    number: Number,
    name: Annotated[str, typer.Option(help="Who she is.")],
    words: Words,
    caller: Annotated[str, typer.Option(help="Her telephone number.")] = "",
    national_id: Annotated[str, typer.Option(help="Ten digits.")] = "",
    language: Annotated[str, typer.Option(help="The language in which she is called.")] = "fa",
    by: By = "desk",
) -> None:
    """Somebody without a slot: registered, accepted, and waits with the next number."""
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.case.registering import Wanted
    from ivr.desk.meetings import request_list, session_day
    from ivr.desk.meetings.request_list import EVERYTHING

    wanted = Wanted(
        "meeting",
        words=words,
        caller=caller,
        caller_name=name,
        national_id=national_id,
        language=language,
    )

    async def work(engine: AsyncEngine, page: Page) -> tuple[str, int, Sequence[OtherSlot]]:
        now = datetime.now(UTC)
        ask = Instruction("", actor_named(page, by), now=now, cause=uuid.uuid4())
        code, slot = await session_day.walk_in(engine, page, ask, number, now, wanted)
        async with engine.connect() as connection:
            wish = await request_list.of_case(connection, page, now, EVERYTHING, code)
        return code, slot, wish.others if wish else ()

    code, slot, others = with_page(work)
    typer.echo(f"request {code}: waits in session {number} with number {slot}")
    for other in others:
        whose = "she" if other.sure else "she, or somebody with her number,"
        typer.echo(f"{whose} has slot {other.slot} of session {other.session} by another request")


@app.command(epilog="Examples: ivr meeting papers   ·   ivr meeting papers 3 --json")
def papers(
    number: Annotated[int | None, typer.Argument(help="The session's number; all papers without it.")] = None,
    json: Json = False,
) -> None:
    """Papers that were issued, the newest in front, with their indicator numbers and whether they hold."""
    from ivr.desk.letters import indicator

    async def work(engine: AsyncEngine, page: Page) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            return [indicator.paper_json(each) for each in await indicator.listed(connection, number)]

    show_rows(["number", "kind", "dated", "holds", "withdrawn_at", "reason"], with_page(work), json)


@app.command("withdraw-paper", epilog="Example: ivr meeting withdraw-paper 1405/42 --reason 'اشتباه در متن'")
def withdraw_paper(
    paper: Annotated[str, typer.Argument(help="Its indicator number, like 1405/42.")],
    by: By = "desk",
    reason: Reason = "",
) -> None:
    """From now on its public page says that it does not hold."""
    from ivr.desk.letters import indicator

    async def does(engine: AsyncEngine, _: Page, ask: Instruction) -> None:
        await indicator.withdraw(engine, paper, ask)

    instruct("", by, reason, does)
    typer.echo(f"paper {paper}: withdrawn")


def _of_her(
    number: int, her: str, by: str, does: Callable[..., Awaitable[None]], first: Presence | None = None
) -> None:
    """Do it now with whoever was found at the door, then say where she is. `first` as of `find`."""
    from ivr.cases.presence import presence
    from ivr.desk.case.change import Instruction, actor_named
    from ivr.desk.meetings import session_day
    from ivr.desk.refusals import Refused

    async def work(engine: AsyncEngine, page: Page) -> tuple[str, Seat | None]:
        now = datetime.now(UTC)
        async with engine.connect() as connection:
            seats = await _seats(connection, page, number)
        seat = session_day.find(seats, plain(her), first)
        if seat is None or seat.wish is None:
            raise Refused(f"nobody of that code or national ID has a slot in session {number}")
        code = seat.wish.code
        await does(engine, page, Instruction(code, actor_named(page, by), now=now), number, at=now)
        async with engine.connect() as connection:
            seats = await _seats(connection, page, number)
        hers = (s for s in seats if s.wish and s.wish.code == code and s.slot.outcome != "no_show")
        return code, next(hers, None)  # none of a session that was ended meanwhile

    code, seat = with_page(work)
    stands = f"number {seat.slot.slot}, {presence(seat.slot)}" if seat else "waits for another session"
    typer.echo(f"request {code}: {stands}")


async def _seats(connection: AsyncConnection, page: Page, number: int) -> list[Seat]:
    from ivr.desk.meetings import agenda
    from ivr.desk.meetings.request_list import EVERYTHING

    return await agenda.read(connection, page, datetime.now(UTC), number, EVERYTHING)


def _read(
    number: int,
    read: Callable[[AsyncConnection, Page], Awaitable[list[T]]],
    told: Callable[[T], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Of a session that there is."""
    from ivr.desk.meetings.session_planning import sitting
    from ivr.desk.refusals import Refused

    async def work(engine: AsyncEngine, page: Page) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            if await sitting(connection, number) is None:
                raise Refused(f"there is no session {number}")
            return [told(each) for each in await read(connection, page)]

    return with_page(work)
