"""Open311 GeoReport v2, by the examples of the published specification (wiki.open311.org/GeoReport_v2)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as Xml

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.case import closing
from ivr.desk.case.answers import SpokenAnswer
from ivr.web.open311.application import NAMES
from tests.desk.counter import Counter, counter
from tests.fixtures.province import answer
from tests.web.service import Service, serving

# The example request of the specification, with a service of ours; its own attributes are unknown to us.
EXAMPLE = {
    "jurisdiction_id": "east-azerbaijan",
    "service_code": "city.street",
    "lat": "37.76524078",
    "long": "-122.4212043",
    "address_string": "1234 5th street",
    "email": "smit333@sfgov.edu",
    "device_id": "tt222111",
    "account_id": "123456",
    "first_name": "john",
    "last_name": "smith",
    "phone": "111111111",
    "description": "A large sinkhole is destroying the street",
    "media_url": "http://farm3.static.flickr.com/2002/2212426634_5ed477a060.jpg",
    "attribute[WHISPAWN]": "123456",
    "attribute[WHISDORN]": "COISL001",
}
REQUEST_FIELDS = [
    *("service_request_id", "status", "status_notes", "service_name", "service_code", "description"),
    *("agency_responsible", "service_notice", "requested_datetime", "updated_datetime", "expected_datetime"),
    *("address", "address_id", "zipcode", "lat", "long", "media_url"),
]


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


@pytest.fixture
async def service(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(engine, tmp_path) as served:
        yield served


async def call(
    service: Service, path: str, form: dict[str, Any] | None = None, key: str = "city_app"
) -> tuple[int, str, str]:
    """Status, content type and text; with a form it is a POST."""
    api_key = {"api_key": service.tokens.get(key, key)}
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    if form is None:
        asking = service.client.get(f"/open311{path}", params=api_key if key else None)
    else:
        asking = service.client.post(f"/open311{path}", data=urlencode(form | api_key, True), headers=headers)
    async with asking as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def as_json(service: Service, path: str, form: dict[str, Any] | None = None, **how: Any) -> Any:
    status, kind, text = await call(service, path, form, **how)
    assert kind == "application/json; charset=utf-8"
    return status, json.loads(text)


async def as_xml(service: Service, path: str, form: dict[str, Any] | None = None, **how: Any) -> Any:
    status, kind, text = await call(service, path, form, **how)
    assert kind == "text/xml; charset=utf-8"
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>')
    return status, Xml.fromstring(text)


def spark(element: Xml.Element) -> Any:
    """XML as its JSON form has it."""
    plural = {"services", "attributes", "values", "service_requests", "errors", "endpoints", "formats"}
    if element.tag in plural:
        return [spark(child) for child in element]
    if len(element):
        return {child.tag: spark(child) for child in element}
    return element.text


async def test_services_are_listed_without_a_key_in_both_forms(service: Service) -> None:
    status, listed = await as_json(service, "/v2/services.json", key="")
    assert status == 200 and len(listed) == 82
    assert all(
        list(each) == ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"]
        for each in listed
    )
    water = next(each for each in listed if each["service_code"] == "water.supply")
    assert water["metadata"] is True and water["type"] == "realtime" and ", " in water["keywords"]
    status, tree = await as_xml(service, "/v2/services.xml?jurisdiction_id=east-azerbaijan", key="")
    assert tree.tag == "services" and {child.tag for child in tree} == {"service"}
    assert spark(tree) == [{**each, "metadata": "true"} for each in listed]


async def test_a_definition_has_lists_of_values(service: Service) -> None:
    status, definition = await as_json(service, "/v2/services/city.street.json", key="")
    assert (status, definition["service_code"]) == (200, "city.street")
    kind, county = definition["attributes"]
    assert list(kind) == [
        *(
            "variable",
            "code",
            "datatype",
            "required",
            "datatype_description",
            "order",
            "description",
            "values",
        )
    ]
    assert (kind["datatype"], kind["values"][0]["key"]) == (
        "singlevaluelist",
        "complaint",
    )
    assert {"key": "ahar", "name": "اهر"} in county["values"]
    status, tree = await as_xml(service, "/v2/services/city.street.xml", key="")
    assert tree.tag == "service_definition"
    assert [v["key"] for v in spark(tree)["attributes"][1]["values"]] == [v["key"] for v in county["values"]]


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_the_example_request_becomes_a_case_and_is_followed(
    service: Service, at: Counter, form: str
) -> None:
    ask = as_json if form == "json" else as_xml
    status, made = await ask(service, f"/v2/requests.{form}", EXAMPLE)
    assert status == 201
    (made,) = made if form == "json" else spark(made)
    assert list(made) == ["service_request_id", "service_notice", "account_id"]
    code = made["service_request_id"]
    assert made["account_id"] == "123456" and NAMES["by_phone"]["no"] in made["service_notice"]
    case = await at.case(code)
    assert (case["kind"], case["topic"], case["channel"]) == ("request", "city.street", "city_app")
    assert (case["caller"], case["caller_name"]) == ("111111111", "john smith")
    assert case["place"] == {"address": "1234 5th street", "latitude": 37.76524078, "longitude": -122.4212043}
    words = "A large sinkhole is destroying the street\nWHISPAWN: 123456\nWHISDORN: COISL001\n"
    assert case["words"] == words + EXAMPLE["media_url"]
    await answer(at.engine, code, case["agency"], "پر شد.", at.at)
    await closing.close(at.engine, at.page, at.ask(code, reason="خودش گفت"))
    status, seen = await ask(service, f"/v2/requests/{code}.{form}")
    (seen,) = seen if form == "json" else spark(seen)
    assert status == 200 and list(seen) == REQUEST_FIELDS
    assert (seen["status"], seen["status_notes"], seen["service_code"]) == ("closed", "پر شد.", "city.street")
    assert seen["requested_datetime"] == "2026-11-25T08:00:00+00:00"
    assert str(seen["lat"]) == "37.76524078"


async def test_of_several_photographs_and_values_of_one_attribute_each_is_kept(
    service: Service, at: Counter
) -> None:
    photographs = [f"https://city.example/photo/{n}.jpeg" for n in (1, 2, 3)]
    long = "which_of_these_things_are_wrong_with_the_street_light"
    form = EXAMPLE | {"media_url": photographs, f"attribute[{long}][]": ["dark", "leaning"]}
    status, (made,) = await as_json(service, "/v2/requests.json", form)
    words = (await at.case(made["service_request_id"]))["words"].splitlines()
    assert status == 201 and words[-4:] == [f"{long}: dark, leaning", *photographs]


async def test_the_answer_that_she_rejected_says_nothing_of_a_request_that_is_open_again(
    service: Service, at: Counter
) -> None:
    _, (made,) = await as_json(service, "/v2/requests.json", EXAMPLE)
    code = made["service_request_id"]
    await answer(at.engine, code, (await at.case(code))["agency"], "پر شد.", at.at)
    for status_notes in ("پر شد.", None):
        _, (seen,) = await as_json(service, f"/v2/requests/{code}.json")
        assert (seen["status"], seen["status_notes"]) == ("open", status_notes)
        if status_notes:
            await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))


async def test_the_answer_that_she_rejected_says_nothing_of_a_request_that_goes_on_in_another(
    service: Service, at: Counter
) -> None:
    made = [await as_json(service, "/v2/requests.json", EXAMPLE) for _ in range(2)]
    code, other = (request["service_request_id"] for _, (request,) in made)
    await answer(at.engine, code, (await at.case(code))["agency"], "پر شد.", at.at)
    await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))
    await closing.merge(at.engine, at.page, at.ask(code, reason="همان تماس"), other)
    _, (seen,) = await as_json(service, f"/v2/requests/{code}.json")
    assert (seen["status"], seen["status_notes"]) == ("closed", None)


async def test_of_an_answer_that_was_spoken_she_reads_how_it_is_heard(service: Service, at: Counter) -> None:
    _, (made,) = await as_json(service, "/v2/requests.json", EXAMPLE)
    code = made["service_request_id"]
    voice = SpokenAnswer("answers/2026/x", "ab" * 32, 3.0)
    await answer(at.engine, code, (await at.case(code))["agency"], "", at.at, voice=voice)
    for notes in (NAMES["voiced"], None):
        _, (seen,) = await as_json(service, f"/v2/requests/{code}.json")
        assert seen["status_notes"] == notes
        if notes:
            await closing.reopen(at.engine, at.page, at.ask(code, "citizen"))


async def test_of_a_confidential_request_neither_words_nor_place_come_back(
    service: Service, at: Counter
) -> None:
    _, (made,) = await as_json(service, "/v2/requests.json", EXAMPLE | {"service_code": "gov.conduct"})
    code = made["service_request_id"]
    assert (await at.case(code))["confidential"]
    _, (seen,) = await as_json(service, f"/v2/requests/{code}.json")
    told = {name: seen[name] for name in ("description", "address", "address_id", "lat", "long")}
    assert seen["status"] == "open" and not any(told.values()), told


async def test_the_county_is_an_attribute_or_found_in_the_address(service: Service, at: Counter) -> None:
    bare = {"service_code": "city.street", "description": "چاله"}
    for more, county in (
        ({"address_string": "خیابان امام", "attribute[county]": "ahar"}, "ahar"),
        ({"address_string": "مراغه، خیابان امام"}, "maragheh"),
        ({"address_id": "77"}, None),
    ):
        _, (made,) = await as_json(service, "/v2/requests.json", bare | more)
        assert (await at.case(made["service_request_id"]))["county"] == county


async def test_requests_are_asked_for_by_id_service_status_and_time(service: Service, at: Counter) -> None:
    bare = {"service_code": "city.street", "address_string": "x"}
    codes = []
    for service_code, later in (("city.street", 0), ("water.supply", 40), ("city.street", 80)):
        service.clock.now += timedelta(days=later)
        form = bare | {"service_code": service_code}
        codes.append((await as_json(service, "/v2/requests.json", form))[1][0]["service_request_id"])
    await as_json(service, "/v2/requests.json", bare, key="other_app")
    await closing.withdraw(at.engine, at.page, at.ask(codes[2], reason="x"))

    async def found(**query: str) -> list[str]:
        status, listed = await as_json(service, "/v2/requests.json?" + urlencode(query))
        assert status == 200, listed
        return [each["service_request_id"] for each in listed]

    assert await found() == [codes[2], codes[1]], "the most recent 90 days, newest first, only its own"
    assert await found(service_request_id=f"{codes[0]},{codes[2]}", status="open") == [codes[2], codes[0]]
    copied = f"\u2068{codes[0]}\u2069,\u200e{codes[2]}\u00a0"
    assert await found(service_request_id=copied) == [codes[2], codes[0]], "with what came along"
    assert await found(service_code="water.supply,energy.gas") == [codes[1]]
    assert await found(status="open") == [codes[1]] and await found(status="closed") == [codes[2]]
    assert await found(status="open,closed", service_code="") == [codes[2], codes[1]]
    span = {"start_date": "2026-11-24T00:00:00Z", "end_date": "2026-11-26T00:00:00Z"}
    assert await found(**span) == [codes[0]]
    assert await found(service_request_id="nonsense") == []


@pytest.mark.parametrize(
    ("path", "form", "code", "says"),
    [
        ("/v2/services.json?jurisdiction_id=city.gov", None, 404, "jurisdiction_id: it was not found"),
        ("/v2/services/moon.json", None, 404, "service_code: it was not found"),
        ("/v2/requests/1234567890.json", None, 404, "service_request_id: "),
        ("/v2/requests.json?status=lost", None, 400, "status: must be open, closed or both"),
        ("/v2/requests.json?service_code=a%00", None, 400, "service_code: holds a character that is no"),
        ("/v2/requests.json?start_date=yesterday", None, 400, "start_date: must be a date"),
        ("/v2/requests.json?end_date=0001-01-01T00:00:00Z", None, 400, "end_date: must be a date"),
        ("/v2/requests.json?end_date=0001-04-01T00:00:00%2B03:30", None, 400, "end_date: must be a date"),
        (
            "/v2/requests.json?start_date=2026-01-01T00:00:00Z&end_date=2026-11-01T00:00:00Z",
            *(None, 400, "start_date: the range may not span"),
        ),
        ("/v2/requests.json", {"service_code": ""}, 400, "service_code: it was not provided"),
        ("/v2/requests.json", {"service_code": "moon"}, 404, "service_code: it was not found"),
        ("/v2/requests.json", {"jurisdiction_id": "city.gov"}, 404, "jurisdiction_id: it was not found"),
        ("/v2/requests.json", {"lat": "", "address_string": ""}, 400, "lat: lat and long go together"),
        ("/v2/requests.json", {"long": "", "lat": "", "address_string": ""}, 400, "address_string: lat and"),
        ("/v2/requests.json", {"lat": "north"}, 400, "lat: must be a number"),
        ("/v2/requests.json", {"lat": "nan"}, 400, "lat: must be between -90 and 90"),
        ("/v2/requests.json", {"phone": "call me"}, 400, "phone: is no telephone number"),
        ("/v2/requests.json", {"description": "x" * 4001}, 400, "description: at most 4000 characters"),
        ("/v2/requests.json", {"attribute[kind]": "x"}, 400, "attribute[kind]: must be one of"),
        ("/v2/tokens/1.json", None, 404, "not found"),
    ],
)
async def test_errors_have_the_specification_s_form(
    service: Service, path: str, form: dict[str, str] | None, code: int, says: str
) -> None:
    form = None if form is None else EXAMPLE | form
    status, (error,) = await as_json(service, path, form)
    assert (status, list(error), error["code"]) == (code, ["code", "description"], code)
    assert error["description"].startswith(says)
    status, tree = await as_xml(service, path.replace(".json", ".xml", 1), form)
    assert (status, tree.tag) == (code, "errors")
    assert spark(tree) == [{"code": str(code), "description": error["description"]}]


async def test_a_missing_or_wrong_key_is_403(service: Service) -> None:
    for key in ("", "nonsense"):
        assert (await as_json(service, "/v2/requests.json", EXAMPLE, key=key))[0] == 403
        status, (error,) = await as_json(service, "/v2/requests.json", key=key)
        assert (status, error["description"]) == (403, "api_key: it is missing, unknown or revoked")


async def test_a_form_nobody_can_read_and_a_format_nobody_serves(service: Service) -> None:
    headers = service.headers()
    for content in (b"%ff=%ff", b"\xff", b"&".join(b"a%d=1" % n for n in range(99))):
        async with service.client.post("/open311/v2/requests.xml", data=content, headers=headers) as answer:
            assert answer.status == 400 and "<errors>" in await answer.text()
    status, kind, text = await call(service, "/v2/services.yaml", key="")
    assert (status, kind) == (404, "text/xml; charset=utf-8")
    assert "xml and json are served" in text


async def test_a_form_in_another_charset_or_packed_is_refused_in_the_specification_s_form(
    service: Service,
) -> None:
    form = "application/x-www-form-urlencoded"
    for field, value in (("Content-Type", f"{form}; charset=windows-1256"), ("Content-Encoding", "gzip")):
        headers = {"Content-Type": form, field: value}
        path = "/open311/v2/requests"
        async with service.client.post(f"{path}.json", data=b"x", headers=headers) as answer:
            assert answer.status == 415
            [error] = await answer.json()
            assert error["code"] == 415 and error["description"].startswith(f"{field}: ")
        async with service.client.post(f"{path}.xml", data=b"x", headers=headers) as answer:
            assert answer.status == 415
            assert spark(Xml.fromstring(await answer.text()))[0]["code"] == "415"


async def test_what_xml_has_no_character_for_does_not_spoil_a_list(service: Service) -> None:
    sent = EXAMPLE | {"description": "A hole\ufffe here\uffff\U0001f573", "account_id": "1\x0123\0"}
    status, made = await as_xml(service, "/v2/requests.xml", sent)
    assert (status, spark(made)[0]["account_id"]) == (201, "123")
    status, listed = await as_xml(service, "/v2/requests.xml")
    assert status == 200 and spark(listed)[0]["description"].startswith("A hole here\U0001f573\n")


async def test_what_is_put_under_a_description_is_none_of_its_4000_characters(
    service: Service, at: Counter
) -> None:
    whole, note = "چاله " * 800, "attribute[note]"
    for more in ({"media_url": EXAMPLE["media_url"]}, {note: "x" * 20_000}):
        form = {"service_code": "city.street", "description": whole, "address_string": "اهر"} | more
        status, (made,) = await as_json(service, "/v2/requests.json", form)
        assert status == 201, made
        case = await at.case(made["service_request_id"])
        assert case["words"].startswith(whole) and case["words"].endswith(*more.values())
    status, (error,) = await as_json(service, "/v2/requests.json", form | {"description": f"{whole}!"})
    assert (status, error["description"]) == (400, "description: at most 4000 characters")


async def test_a_request_sent_again_is_one_case_though_its_service_is_retired(service: Service) -> None:
    headers = service.headers(
        **{"Idempotency-Key": "a1", "Content-Type": "application/x-www-form-urlencoded"}
    )
    made, form = [], EXAMPLE | {"attribute[county]": "ahar"}
    for again in range(3):
        if again == 2:
            await service.retire("city.street", "ahar")
        data = urlencode(form)
        async with service.client.post("/open311/v2/requests.json", data=data, headers=headers) as answer:
            made.append((answer.status, (await answer.json())[0]["service_request_id"]))
    assert [status for status, _ in made] == [201, 200, 200] and len({code for _, code in made}) == 1
    status, (error,) = await as_json(service, "/v2/requests.json", form)
    assert (status, error["description"]) == (404, "service_code: it was not found")


async def test_words_with_a_soft_line_break_are_taken_and_known_when_they_are_sent_again(
    service: Service, at: Counter
) -> None:
    headers = service.headers(
        **{"Idempotency-Key": "a2", "Content-Type": "application/x-www-form-urlencoded"}
    )
    made, data = [], urlencode(EXAMPLE | {"description": "یک چاله\x0bجلوی مدرسه"})
    for _ in range(2):
        async with service.client.post("/open311/v2/requests.json", data=data, headers=headers) as answer:
            made.append((answer.status, (await answer.json())[0].get("service_request_id")))
    assert [status for status, _ in made] == [201, 200] and len({code for _, code in made}) == 1
    assert (await at.case(made[0][1]))["words"].startswith("یک چاله\nجلوی مدرسه")


async def test_the_discovery_file_names_the_endpoint(service: Service) -> None:
    _, found = await as_json(service, "/discovery.json", key="")
    (endpoint,) = found["endpoints"]
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["url"] == f"{service.url}/open311/v2"
    assert endpoint["formats"] == ["text/xml", "application/json"]
    _, tree = await as_xml(service, "/discovery.xml", key="")
    assert (tree.tag, spark(tree)["endpoints"][0]["url"]) == ("discovery", endpoint["url"])


@pytest.mark.parametrize(
    ("proxies", "headers", "scheme"),
    [
        (("127.0.0.1/32",), {"X-Forwarded-Proto": "https"}, "https"),
        (("127.0.0.1/32",), {"X-Forwarded-Proto": "http"}, "http"),
        (("192.0.2.7/32",), {"X-Forwarded-Proto": "https"}, "http"),
    ],
)
async def test_the_endpoint_is_https_where_our_own_proxy_says_that_it_speaks_tls(
    engine: AsyncEngine, tmp_path: Path, proxies: tuple[str, ...], headers: dict[str, str], scheme: str
) -> None:
    async with serving(engine, tmp_path, proxies=proxies) as behind:
        asking = behind.client.get("/open311/discovery.json", headers=headers | {"Host": "111.example"})
        async with asking as found:
            (endpoint,) = (await found.json())["endpoints"]
    assert endpoint["url"] == f"{scheme}://111.example/open311/v2"
