"""The API for other systems, over HTTP on a real database."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import closing, referring, splitting
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.case.splitting import Part
from ivr.desk.counter import channels
from ivr.lab.pace import patience
from ivr.store.tables import cases, recordings
from ivr.store.tables import channels as channel_table
from ivr.web.api.openapi import DOCUMENT
from tests.desk.counter import Counter, counter
from tests.desk.keeping.test_verify import findings
from tests.fixtures.commands import ivr
from tests.fixtures.hotline import write_tone
from tests.fixtures.learned import nothing_learned
from tests.fixtures.province import answer
from tests.web.service import Service, serving

WATER = "آب خونمون سه روزه قطعه تانکر هم نفرستادن"
CASE: dict[str, Any] = {"kind": "complaint", "topic": "water.supply", "county": "ahar", "words": WATER}


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


@pytest.fixture
async def api(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(engine, tmp_path) as service:
        yield service


async def post(api: Service, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    async with api.client.post("/api/v1/cases", json=body, headers=api.headers(**headers)) as answer:
        return answer.status, await answer.json()


async def get(api: Service, path: str, channel: str = "city_app") -> tuple[int, Any]:
    async with api.client.get(path, headers=api.headers(channel)) as answer:
        return answer.status, await answer.json()


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(cases))).scalar_one())


async def test_another_system_sends_a_case_and_follows_it_to_its_answer(
    api: Service, at: Counter, tmp_path: Path
) -> None:
    person = {"caller": "۰۹۱۴۱۲۳۴۵۶۷", "caller_name": "مریم", "place": {"address": "اهر، خیابان امام"}}
    status, case = await post(api, CASE | person)
    assert status == 201
    assert {n: case[n] for n in ("topic", "county", "agency", "status", "channel")} == {
        "topic": "water.supply",
        "county": "ahar",
        "agency": "abfa",
        "status": "referred",
        "channel": "city_app",
    }
    assert not set(person) & set(case), "nothing about the citizen comes back"
    books = await at.case(case["code"])
    assert (books["caller"], books["words"], books["place"]) == (person["caller"], WATER, person["place"])
    await answer(at.engine, case["code"], "abfa", "آب وصل شد.", at.at)
    code = f"{case['code'][:3]} {case['code'][3:]}"
    status, seen = await get(api, f"/api/v1/cases/{code}")
    assert (status, seen["status"], seen["answer"]) == (200, "answered", "آب وصل شد.")
    assert (await get(api, f"/api/v1/cases/{code}", "other_app"))[0] == 404
    assert (await get(api, "/api/v1/cases/1234567890"))[0] == 404
    assert await findings(at.engine, tmp_path, case["code"]) == []


async def test_the_answer_that_she_rejected_is_not_that_of_the_body_that_has_her_case_now(
    api: Service, at: Counter
) -> None:
    hers = CASE | {"caller": "09141234567"}
    (_, one), (_, other) = await post(api, hers), await post(api, hers)
    code = one["code"]
    await answer(at.engine, code, "abfa", "آب وصل شد.", at.at)
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    for deed in (
        referring.refer(at.engine, at.page, at.ask(code), "shahrdari_tabriz"),
        closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), other["code"]),
    ):
        await deed
        _, seen = await get(api, f"/api/v1/cases/{code}")
        _, page = await get(api, "/api/v1/cases")
        for told in (seen, *(each for each in page["cases"] if each["code"] == code)):
            assert (told["answer"], told["answered_at"]) == ("", None), told["status"]


def test_schemas_keep_the_names_that_other_systems_know() -> None:
    known = {
        "Case",
        "Cases",
        "Guess",
        "Meeting",
        "Named",
        "NewCase",
        "Order",
        "Orders",
        "Part",
        "Place",
        "Question",
    }
    known |= {"Report", "Session", "Sessions", "Suggested", "Theme", "Topic", "Wrong"}
    found = {
        name: schema["title"]
        for name, schema in DOCUMENT["components"]["schemas"].items()
        if "properties" in schema
    }
    assert found == {name: name for name in known}


def test_the_errors_of_the_description_are_those_of_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    told = page.partition("An error is ")[2].partition("\n\n")[0]
    deeds = [deed["responses"] for path in DOCUMENT["paths"].values() for deed in path.values()]
    known = {status for responses in deeds for status in responses if status >= "400"}
    assert known == set(re.findall(r"\b4\d\d\b|\b5\d\d\b", told))
    for path in ("/cases", "/suggestions"):
        assert "408" in DOCUMENT["paths"][path]["post"]["responses"], "each that has a body"


async def test_what_was_spoken_is_told_as_an_answer_that_is_heard(api: Service, at: Counter) -> None:
    (_, one), (_, shared) = await post(api, CASE), await post(api, CASE)
    assert not one["voiced"]
    voice = SpokenAnswer("answers/2026/x", "ab" * 32, 3.0)
    await answer(at.engine, one["code"], "abfa", "", at.at, voice=voice)
    parts = [Part("abfa", "لوله"), Part("shahrdari_ahar", "آسفالت")]
    first, second = await splitting.split(at.engine, at.page, at.ask(shared["code"]), parts)
    await answer(at.engine, first, "abfa", "", at.at, voice=voice)
    assert not (await get(api, f"/api/v1/cases/{shared['code']}"))[1]["voiced"], "the other's is owed"
    await answer(at.engine, second, "shahrdari_ahar", "آسفالت شد.", at.at)
    _, page = await get(api, "/api/v1/cases")
    told = {each["code"]: (each["status"], each["voiced"], each["answer"]) for each in page["cases"]}
    assert told[one["code"]] == ("answered", True, "")
    assert told[shared["code"]][:2] == ("answered", True) and "آسفالت شد." in told[shared["code"]][2]
    await closing.reopen(at.engine, at.page, at.ask(one["code"], "citizen"))
    assert not (await get(api, f"/api/v1/cases/{one['code']}"))[1]["voiced"], "another one is owed"


async def test_a_case_that_several_agencies_share_has_one_code(api: Service, at: Counter) -> None:
    _, case = await post(api, CASE)
    assert case["parts"] == []
    shared = [Part("abfa", "لوله"), Part("shahrdari_ahar", "آسفالت")]
    first, second = await splitting.split(at.engine, at.page, at.ask(case["code"]), shared)
    await answer(at.engine, first, "abfa", "لوله تعمیر شد.", at.at)
    _, seen = await get(api, f"/api/v1/cases/{case['code']}")
    assert seen["status"] == "in_progress" and seen["answer"] == ""
    assert {part["agency"]: part["status"] for part in seen["parts"]} == {
        "abfa": "answered",
        "shahrdari_ahar": "referred",
    }
    assert (await get(api, f"/api/v1/cases/{first}"))[0] == 404, "a part is nobody's case"
    await answer(at.engine, second, "shahrdari_ahar", "آسفالت شد.", at.at)
    _, seen = await get(api, f"/api/v1/cases/{case['code']}")
    assert seen["status"] == "answered" and "آسفالت شد." in seen["answer"]
    _, listed = await get(api, "/api/v1/cases")
    assert [each["code"] for each in listed["cases"]] == [case["code"]]


async def test_words_alone_find_their_agency_and_can_be_asked_before(api: Service) -> None:
    status, case = await post(api, {"kind": "complaint", "words": WATER})
    assert (status, case["topic"], case["agency"]) == (201, "water.supply", "abfa")
    asked = {"text": WATER, "county": "ahar"}
    async with api.client.post("/api/v1/suggestions", json=asked, headers=api.headers()) as answer:
        found = await answer.json()
    assert (found["agency"], found["assigned"], found["doubt"]) == ("abfa", True, "")


async def test_a_case_opens_without_a_suggestion_where_nothing_can_be_learned(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with serving(engine, tmp_path, learning=nothing_learned(tmp_path)) as api:
        told, case = await post(api, CASE)
        untold, unread = await post(api, {"kind": "complaint", "words": WATER})
        asked = api.client.post("/api/v1/suggestions", json={"text": WATER}, headers=api.headers())
        async with asked as answer:
            refused = answer.status, answer.headers["Retry-After"], (await answer.json())["error"]
    assert (told, case["agency"]) == (201, "abfa")
    assert (untold, unread["topic"], unread["agency"]) == (201, "other.other", "gov_inspection")
    assert refused == (503, "10", "nothing can be suggested now: send it again later")


async def test_what_is_retired_is_suggested_to_nobody(api: Service) -> None:
    await api.retire("water.supply", "ahar")
    asked = {"text": f"{WATER} تو اهر"}
    async with api.client.post("/api/v1/suggestions", json=asked, headers=api.headers()) as answer:
        found = await answer.json()
    assert (found["assigned"], found["county"]) == (False, "")
    assert "water.supply" not in {found["topic"], *(guess["topic"] for guess in found["top"])}


async def test_a_request_that_is_sent_again_makes_no_second_case(api: Service, engine: AsyncEngine) -> None:
    key = {"Idempotency-Key": "order-7"}
    several = await asyncio.gather(*(post(api, CASE, **key) for _ in range(6)))
    assert sorted(status for status, _ in several) == [200] * 5 + [201]
    assert len({case["code"] for _, case in several}) == 1 == await count(engine)
    assert await post(api, CASE | {"county": "tabriz"}, **key) == (
        409,
        {"error": "Idempotency-Key: it was used for another request", "field": "Idempotency-Key"},
    )
    other = await post(api, CASE, channel="other_app", **key)
    assert other[0] == 201 and await count(engine) == 2, "each channel has keys of its own"
    await post(api, CASE), await post(api, CASE)
    assert await count(engine) == 4, "without a key each is a case"


async def test_what_was_taken_is_answered_again_though_its_topic_was_retired_meanwhile(api: Service) -> None:
    key = {"Idempotency-Key": "order-7"}
    _, taken = await post(api, CASE, **key)
    await api.retire("water.supply", "ahar")
    status, again = await post(api, CASE, **key)
    assert (status, again["code"]) == (200, taken["code"])
    assert (await post(api, CASE))[0] == 400


async def test_a_key_is_kept_for_ninety_days_and_then_as_good_as_new(
    api: Service, engine: AsyncEngine
) -> None:
    key = {"Idempotency-Key": "order-7"}
    _, case = await post(api, CASE, **key)
    api.clock.now += timedelta(days=90)
    status, again = await post(api, CASE, **key)
    assert (status, again["code"]) == (200, case["code"])
    api.clock.now += timedelta(seconds=1)
    assert (await post(api, CASE | {"county": "tabriz"}, **key))[0] == 201 and await count(engine) == 2
    assert (await post(api, CASE | {"county": "tabriz"}, **key))[0] == 200, "the key stands for this one now"


async def test_a_recording_comes_with_it(api: Service, engine: AsyncEngine, tmp_path: Path) -> None:
    write_tone(tmp_path / "words.wav", 440, 1.0)
    sound = (tmp_path / "words.wav").read_bytes()

    async def send(*contents: bytes, name: str = "audio") -> tuple[int, dict[str, Any]]:
        form = FormData()
        form.add_field("case", json.dumps({"kind": "request"}), content_type="application/json")
        for content in contents:
            form.add_field(name, content, filename="words.wav", content_type="audio/wav")
        headers = api.headers(**{"Idempotency-Key": "one"})
        async with api.client.post("/api/v1/cases", data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    assert (await send(b"MP3"))[1] == {"error": "audio: is no WAV file", "field": "audio"}
    assert (await send(sound, name="video"))[1]["field"] == "video"
    assert await send(sound, sound) == (400, {"error": "audio: stands twice", "field": "audio"})
    assert await send(b"") == (400, {"error": "audio: is empty", "field": "audio"})
    assert await send(sound[:44]) == (400, {"error": "audio: holds no sound", "field": "audio"})
    assert (await send(b"x" * (11 * 1024 * 1024)))[0] == 413
    assert await count(engine) == 0
    assert [(await send(sound))[0] for _ in range(2)] == [201, 200]
    async with engine.connect() as connection:
        row = (await connection.execute(select(recordings))).one()
    assert (tmp_path / "recordings" / f"{row.name}.wav").read_bytes() == sound
    assert len(list((tmp_path / "recordings").rglob("*.wav"))) == 1
    assert await findings(engine, tmp_path) == []


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9, -3, -40])
async def test_a_recording_that_is_cut_on_its_way_opens_no_case(
    api: Service, engine: AsyncEngine, tmp_path: Path, kept: float, told: bool
) -> None:
    """Under the length that came, as a proxy may tell it, or under the whole's. `told`: the part's own."""
    write_tone(tmp_path / "words.wav", 440, 1.0)
    sound = (tmp_path / "words.wav").read_bytes()
    length = f"Content-Length: {len(sound)}\r\n" if told else ""
    head = 'Content-Disposition: form-data; name="{}"\r\n'
    case = head.format("case") + '\r\n{"kind": "request"}\r\n--x\r\n'
    before = f"--x\r\n{case}{head.format('audio')}{length}\r\n".encode()
    whole = before + sound + b"\r\n--x--\r\n"
    body = whole[: int(kept * len(whole)) if 0 < kept < 1 else int(kept)]
    headers = api.headers(**{"Content-Type": "multipart/form-data; boundary=x"})
    async with api.client.post("/api/v1/cases", data=body, headers=headers) as answer:
        assert answer.status == 400, await answer.text()
    url = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(*url)
    lines = [f"{name}: {value}" for name, value in (headers | {"Content-Length": str(len(whole))}).items()]
    writer.write("\r\n".join(["POST /api/v1/cases HTTP/1.1", "Host: x", *lines, "", ""]).encode() + body)
    writer.write_eof()
    assert b" 201 " not in await reader.read()
    writer.close()
    assert await count(engine) == 0
    async with api.client.post("/api/v1/cases", data=whole, headers=headers) as answer:
        assert answer.status == 201, "so it would come whole"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"topic": "water.supply"}, "kind"),
        (CASE | {"kind": "gossip"}, "kind"),
        (CASE | {"topic": "moon"}, "topic"),
        (CASE | {"county": 7}, "county"),
        (CASE | {"colour": "red"}, "colour"),
        (CASE | {"words": "x" * 4001}, "words"),
        (CASE | {"caller": "12"}, "caller"),
        (CASE | {"place": {"latitude": 91.0}}, "place.latitude"),
        (CASE | {"place": {"latitude": 38.0}}, "latitude"),
        ([], ""),
    ],
)
async def test_what_will_not_do_is_one_sentence_with_its_field(
    api: Service, engine: AsyncEngine, body: Any, field: str
) -> None:
    status, said = await post(api, body)
    assert (status, said["field"]) == (400, field)
    assert said["error"].startswith(f"{field}: " if field else "") and "\n" not in said["error"]
    assert await count(engine) == 0


async def test_a_body_that_is_too_large_or_no_json_is_refused(api: Service) -> None:
    async with api.client.post("/api/v1/cases", data=b"{" * 70_000, headers=api.headers()) as answer:
        assert answer.status == 415
    headers = api.headers(**{"Content-Type": "application/json"})
    for content, status in ((b"{" * 70_000, 413), (b"{", 400), (b'"\\ud800"', 400), (b"\xff", 400)):
        async with api.client.post("/api/v1/cases", data=content, headers=headers) as answer:
            assert answer.status == status and (await answer.json())["error"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Content-Type", "application/json; charset=windows-1256"),
        ("Content-Type", "application/json; charset*=no"),
        ("Content-Encoding", "gzip"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/cases", "/api/v1/nothing"])
async def test_a_body_in_another_charset_or_packed_is_refused_in_json_with_its_field(
    api: Service, engine: AsyncEngine, path: str, field: str, value: str
) -> None:
    headers = api.headers(**{"Content-Type": "application/json", field: value})
    content = json.dumps(CASE, ensure_ascii=False).encode("windows-1256", "replace")
    async with api.client.post(path, data=content, headers=headers) as answer:
        said = await answer.json()
    assert (answer.status, said["field"]) == (415, field) and said["error"].startswith(f"{field}: ")
    assert await count(engine) == 0


async def test_without_a_good_token_nothing_is_told(api: Service, engine: AsyncEngine) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic Og=="}):
        for path in ("/api/v1/cases", "/api/v1/topics"):
            async with api.client.get(path, headers=headers) as answer:
                assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    await channels.revoke(engine, "city_app", api.clock())
    assert (await get(api, "/api/v1/topics"))[0] == 401
    async with engine.connect() as connection:
        kept = (await connection.execute(select(channel_table.c.token_hash))).scalars().all()
    assert all(len(bytes(each)) == 32 for each in kept), "hashes, no tokens"


async def test_a_channel_may_ask_so_often_a_minute_and_the_others_don_t_feel_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with serving(engine, tmp_path, per_minute=3) as api:
        asked = [await get(api, "/api/v1/counties") for _ in range(4)]
        assert [status for status, _ in asked] == [200, 200, 200, 429]
        assert asked[3][1]["error"] == "channel city_app may ask 3 times a minute"
        assert (await get(api, "/api/v1/counties", "other_app"))[0] == 200
        api.clock.now += timedelta(minutes=1)
        assert (await get(api, "/api/v1/counties"))[0] == 200


async def test_the_list_is_paged_by_key(api: Service) -> None:
    codes = []
    for _ in range(5):
        codes.append((await post(api, CASE))[1]["code"])
        api.clock.now += timedelta(seconds=1)
    await post(api, CASE, channel="other_app")
    seen, after = [], ""
    while True:
        _, page = await get(api, f"/api/v1/cases?limit=2&after={after}")
        seen += [case["code"] for case in page["cases"]]
        if not (after := page["after"] or ""):
            break
    assert seen == codes[::-1]
    assert (await get(api, "/api/v1/cases?limit=0"))[1]["field"] == "limit"


async def test_with_the_books_away_it_says_so_and_loses_nothing(
    api: Service, engine: AsyncEngine, database_url: str
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE cases RENAME TO gone"))
    status, said = await post(api, CASE, **{"Idempotency-Key": "later"})
    assert (status, said["error"]) == (503, "the books can't be reached now: send the request again later")
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE gone RENAME TO cases"))
    assert (await post(api, CASE, **{"Idempotency-Key": "later"}))[0] == 201


async def test_nothing_personal_is_logged(api: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    person = {"caller": "09141234567", "caller_name": "مریم", "national_id": "0499370899"}
    assert (await post(api, CASE | person))[0] == 201
    assert (await post(api, CASE | person | {"county": "moon"}))[0] == 400
    logged = caplog.text
    assert "channel city_app: case " in logged
    assert not any(secret in logged for secret in (*person.values(), WATER, api.tokens["city_app"]))


async def test_schemathesis_finds_no_answer_that_the_description_does_not_know(
    api: Service, tmp_path: Path
) -> None:
    """Generated requests, right and wrong, against the served API; deterministic and bounded.

    That all which fits the description is taken can't be asked: topics are the province's.
    """
    command = ("-m", "schemathesis.cli", "run", f"{api.url}/api/openapi.json", "--max-examples", "12")
    how = ("--seed", "111", "--generation-database", "none", "--no-color", "--suppress-health-check", "all")
    checks = ("--exclude-checks", "positive_data_acceptance", "--phases", "examples,coverage,fuzzing")
    # The suggester's first answer waits until it has learned.
    who = ("--request-timeout", str(patience(60)), "-H", f"Authorization: Bearer {api.tokens['city_app']}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command, *how, *checks, *who),
        cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-6000:]


async def test_channels_from_the_command_line(database_url: str, tmp_path: Path) -> None:
    async def channel(*arguments: str) -> tuple[int, str]:
        return await ivr(database_url, tmp_path, "channel", *arguments)

    exit_code, token = await channel("add", "city_app", "--note", "شهرداری")
    assert exit_code == 0 and len(token) > 40
    assert (await channel("add", "phone"))[1] == "phone is a channel of the house itself"
    again = "there is a channel city_app already: renew its token, or take another name"
    assert await channel("add", "city_app") == (1, again)
    assert (await channel("renew", "city_app"))[1] != token
    (listed,) = json.loads((await channel("list", "--json"))[1])
    assert (listed["name"], listed["per_minute"], listed["cases"]) == ("city_app", 60, 0)
    assert await channel("revoke", "city_app") == (0, "channel city_app: revoked")
    assert await channel("revoke", "city_app") == (1, "there is no channel city_app in force")
    ended = "the channel city_app was revoked: take another name"
    assert await channel("add", "city_app") == (1, ended)


async def test_a_channel_is_told_whether_its_citizen_can_be_called(api: Service, at: Counter) -> None:
    told = []
    for caller in ("09141234567", "09141234567", "+442079460123", ""):
        _, made = await post(api, CASE | {"caller": caller})
        told.append(made["by_phone"])
        assert (await at.case(made["code"]))["by_phone"] == made["by_phone"]
    assert told == ["to_verify", "to_verify", "no", "no"]
