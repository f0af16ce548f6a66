"""A real call is seen and heard on the page of the case that came of it, in the server that answered it."""

from __future__ import annotations

import asyncio
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from aiohttp import ClientSession, CookieJar
from sqlalchemy import Row, select

from ivr.desk.people import signing_in
from ivr.desk.people.signing_in import From, Keeping
from ivr.lab.caller import Hear, Listen, Press, PutDown, Speak
from ivr.lab.pace import patience
from ivr.store.engine import make_engine
from ivr.store.tables import cases, people, recordings
from ivr.voice.wave import read
from tests.fixtures.hotline import Hotline, fresh_number, told
from tests.lab.test_hotline import TO_THE_BEEP
from tests.web.panel import CSRF, HASH


async def token(hotline: Hotline, role: str = "supervisor", agency: str | None = None) -> str:
    """Of somebody who has signed in."""
    now, engine = datetime.now(UTC), make_engine(hotline.url)
    id = uuid.uuid4()
    row: dict[str, object] = {
        "id": id,
        "name": f"s{uuid.uuid4().hex[:8]}",
        "full_name": "مریم کریمی",
        "areas": [],
    }
    row |= {"role": role, "agency": agency, "password_hash": HASH, "must_change": False}
    async with engine.begin() as connection:
        await connection.execute(people.insert(), [row | {"made_at": now, "password_at": now}])
        keeping = Keeping(timedelta(hours=1), timedelta(hours=1))
        made = await signing_in.begin(connection, id, now, From("127.0.0.1", "tests"), keeping)
    await engine.dispose()
    return made


async def ids(hotline: Hotline, name: str) -> str:
    engine = make_engine(hotline.url)
    async with engine.connect() as connection:
        query = select(recordings.c.id).where(recordings.c.name == name)
        found = (await connection.execute(query)).scalar_one()
    await engine.dispose()
    return str(found)


def browser(hotline: Hotline, token: str) -> ClientSession:
    jar = CookieJar(unsafe=True)
    jar.update_cookies({"seda": token})
    return ClientSession(f"http://127.0.0.1:{hotline.settings.web.port}", cookie_jar=jar)


async def test_a_call_is_seen_and_heard_on_its_page(hotline: Hotline) -> None:
    number = fresh_number()
    outcome = await hotline.call(
        *TO_THE_BEEP, Speak(4), Press("#"), Hear(), Press("1"), Hear(), PutDown(), number=number
    )
    assert outcome.completed, outcome
    case = await hotline.case_of(number)
    await hotline.call_of(number)  # it has ended in the books
    id = await ids(hotline, case["recordings"][0]["path"].removesuffix(".wav"))
    async with browser(hotline, await token(hotline)) as http:
        page = await (await http.get(f"/panel/cases/{case['code']}")).text()
        sound = await http.get(f"/panel/recordings/{id}")
        samples, rate = read(await sound.read())
        outline = await (await http.get(f"/panel/recordings/{id}/outline")).json()
        proof = CSRF.search(page)
        assert proof is not None
        sent = {"csrf": proof[1], "words": "آب وصل شد."}
        async with asyncio.timeout(patience(60)):  # a busy machine may not speak in time
            while (spoken := await http.post(f"/panel/cases/{case['code']}/speak", data=sent)).status == 422:
                pass
        answer, _ = read(await spoken.read())
    assert sound.status == 200 and rate == 8000 and len(samples) / rate > 3
    assert np.sqrt((samples**2).mean()) > 0.01 and max(outline["peaks"]) == 100
    assert spoken.status == 200 and len(answer) > 4000
    path = page[page.index('<ol class="plain steps">') :]
    path = path[: path.index("</ol>")]
    assert not re.findall(r">[a-z_]+<", path), path  # every step and note has its words
    assert "پیام گذاشت" in path and path.count("<kbd>") >= 5


async def test_five_after_her_words_keeps_her_case_from_the_agency_and_she_hears_that_it_does(
    hotline: Hotline,
) -> None:
    number = fresh_number()
    outcome = await hotline.call(
        *TO_THE_BEEP, Speak(3), Press("#"), Hear(), Press("5"), Listen(), Press("1"), Hear(), PutDown(),
        number=number,
    )  # fmt: skip
    assert outcome.completed, outcome
    assert told(outcome, "record.confided") and not told(outcome, "record.not_confided")
    async with asyncio.timeout(patience(30)):
        while not (case := await sealed(hotline, number)):
            await asyncio.sleep(0.1)  # the work brings it to the books
    assert (case.topic, case.agency) == ("water.supply", "gov_inspection")
    async with browser(hotline, await token(hotline)) as desk:
        assert "محرمانه" in await (await desk.get(f"/panel/cases/{case.code}")).text()
    async with browser(hotline, await token(hotline, "officer", "abfa")) as officer:
        assert (await officer.get("/panel/inbox")).status == 200
        assert (await officer.get(f"/panel/cases/{case.code}")).status == 404


async def sealed(hotline: Hotline, number: str) -> Row[Any] | None:
    """The confidential case that this number opened."""
    query = select(cases).where(cases.c.caller.endswith(number[1:]), cases.c.confidential == "caller")
    async with hotline.engine.connect() as connection:
        return (await connection.execute(query)).first()
