"""A look-up in another system: what a tree may ask and take, where each answer leads, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.voice.actions import Ask, Enquire, HangUp
from ivr.voice.enquiries import AskedHost, Taken, UnfitAnswer, refused, taken
from ivr.voice.events import CallerKnown, Ended, Enquired, EnquiryResult, Keys
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.proof import Proof, check
from ivr.voice.session import Session
from ivr.voice.tokens import answer, checked
from tests.voice.conversation import CALLER, DIRECTORY

HOSTS = {"cuts.example.ir": AskedHost(), "erp.example.ir:8443": AskedHost(number=True)}
ASK = """\
type: enquiry
    url: https://cuts.example.ir/v1
    query: {county: caller_county, lang: language, meter: var.meter}
    takes:
      cut: {at: cut.state, one_of: [none, planned]}
      hours: {at: cut.hours, most: 72}
    found: which
    not_found: bye
    failed: sorry"""
TREE = f"""\
menu: "asks"
languages: [fa]
defaults: {{no_input: {{then: bye}}, no_match: {{then: bye}}}}
steps:
  meter: {{type: digits, prompt: [a], into: var.meter, next_key: 5, go: ask}}
  ask:
    {ASK}
  which: {{type: branch, on: var.cut, cases: {{planned: hours}}, go: bye}}
  hours: {{type: say, prompt: [b], number: var.hours, after_prompt: [c], go: bye}}
  sorry: {{type: say, prompt: [d], go: bye}}
  bye: {{type: end, prompt: [e]}}
"""


def proved(text: str = TREE, **hosts: AskedHost) -> tuple[Any, Proof]:
    return check(text.encode(), "m.yaml", DIRECTORY, languages={"fa"}, hosts=hosts or HOSTS)


def mistakes(text: str, **hosts: AskedHost) -> list[str]:
    with pytest.raises(MenuMistakes) as caught:
        proved(text, **hosts)
    assert all(each.line > 1 for each in caught.value.mistakes)
    return [f"{each.key.removeprefix('steps.')}: {each.message}" for each in caught.value.mistakes]


class Asking:
    """A call at the question."""

    def __init__(self, county: str = "") -> None:
        self.session = Session(proved()[0], DIRECTORY, CALLER)
        self.session.start()
        first = self.session.receive(CallerKnown(county))
        assert isinstance(first, Ask)
        asked = self.session.receive(Keys("1234", Ended.HASH))
        assert isinstance(asked, Enquire)
        self.asked = asked

    def told(self, event: Enquired) -> list[object]:
        """What she hears then."""
        action = self.session.receive(event)
        return list(getattr(action, "speech", ()))


def test_her_county_and_her_keys_are_sent_and_never_her_number() -> None:
    asked = Asking(county="tabriz").asked
    assert dict(asked.query) == {"county": "tabriz", "lang": "fa", "meter": "1234"} and not asked.number
    assert CALLER.number not in str(asked)
    assert dict(Asking().asked.query) == {"lang": "fa", "meter": "1234"}, "what is not known is left out"


def test_an_answer_chooses_among_prompts_and_counts_in_them() -> None:
    values = {"var.cut": "planned", "var.hours": "30"}
    assert Asking().told(Enquired(EnquiryResult.FOUND, values)) == ["b", "number.30", "c", "e"]
    assert Asking().told(Enquired(EnquiryResult.FOUND, values | {"var.cut": "none"})) == ["e"]


@pytest.mark.parametrize(
    ("event", "heard"),
    [
        (Enquired(EnquiryResult.NOT_FOUND), ["e"]),
        (Enquired(EnquiryResult.FAILED), ["d", "e"]),
        (Enquired(EnquiryResult.SKIPPED, key="5"), ["d", "e"]),
        (Enquired(EnquiryResult.SKIPPED, key="#"), ["a"]),  # back to what she keyed in
    ],
)
def test_each_other_outcome_leads_where_the_tree_says(event: Enquired, heard: list[str]) -> None:
    call = Asking()
    assert call.session.trace(event).note == f"enquiry:{event.result}"
    assert call.told(event) == heard


def test_a_hash_right_after_a_full_number_only_ends_it() -> None:
    session = Session(proved()[0], DIRECTORY, CALLER)
    session.start()
    session.receive(CallerKnown())
    full = session.receive(Keys("1" * 12, Ended.FULL))
    assert isinstance(full, Enquire) and full.deaf_to_hash > 0
    assert Asking().asked.deaf_to_hash == 0


@pytest.mark.parametrize(
    ("instead", "of", "why"),
    [
        ("https://cats.example.ir/v1", "https://cuts.example.ir/v1",
         "ask.url: cats.example.ir is not among the hosts of enquiries.hosts in the settings"),
        ("http://cuts.example.ir/v1", "https://cuts.example.ir/v1",
         "ask.url: cuts.example.ir may only be asked by https"),
        ("meter: number", "meter: var.meter", "ask.url: callers' numbers may not be sent to cuts.example.ir"),
        ("meter: national_id", "meter: var.meter",
         "ask.query.meter: “national_id” is none of language, kind, topic, county, caller_county, number, "
         "var.…"),
        ("wait_seconds: 9\n    found: which", "found: which", "ask.wait_seconds: 9 must be from 0.5 to 8"),
        ("", "    failed: sorry\n", "ask.failed: is missing"),
        ("{at: cut.hours}", "{at: cut.hours, most: 72}",
         "ask.takes.hours.one_of: must have either `one_of` or `most`"),
        ("meter: var.metre", "meter: var.meter", "ask: nothing gives var.metre a value"),
        ("number: var.cut", "number: var.hours",
         "hours: var.cut is no number that can be said: ask gives it words"),
        ("number: var.meter", "number: var.hours",
         "hours: var.meter is no number that can be said: meter gives it words"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_place(instead: str, of: str, why: str) -> None:
    assert of in TREE and why in mistakes(TREE.replace(of, instead, 1))


def test_her_number_is_sent_only_where_tree_and_setting_say_so() -> None:
    told = TREE.replace("meter: var.meter", "meter: number").replace("cuts.example.ir", "erp.example.ir:8443")
    menu, _ = proved(told)
    assert menu.steps["ask"].query["meter"] == "number"


def test_timing_counts_the_time_out_and_a_failure_that_asks_again_goes_round() -> None:
    worst = {stay.step: stay.worst for stay in proved()[1].stays}["ask"]
    longer = TREE.replace("    found: which", "    wait_seconds: 8\n    found: which")
    assert {stay.step: stay.worst for stay in proved(longer)[1].stays}["ask"] == worst + 5
    assert "ask: a silent caller goes round for ever: ask → ask" in mistakes(
        TREE.replace("failed: sorry", "failed: ask").replace(
            "  sorry: {type: say, prompt: [d], go: bye}\n", ""
        )
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://cuts.example.ir@evil.example/", "https://cuts.example.ir:444/", "https://cuts.example.ir#@x/",
        "https://evil.example\\@cuts.example.ir/", "ftp://cuts.example.ir/", "https:///v1",
        "//cuts.example.ir/",
        "https://cuts.example.ir:0/", "https://cuts.example.ir/\r\nx", "https://cuts.example.ir.evil.example/",
        "https://[::1/", "https://cuts.example.ir:99999/", "https://۱.example.ir/",
    ],
)  # fmt: skip
def test_no_form_of_an_address_gets_around_the_list(url: str) -> None:
    assert refused(url, HOSTS, number=False)


def test_this_machine_may_be_asked_without_tls_once_it_is_listed() -> None:
    hosts = {"127.0.0.1:8080": AskedHost(), "[::1]:8080": AskedHost(), "10.0.0.9": AskedHost(http=True)}
    for url in (
        "http://127.0.0.1:8080/a",
        "http://[::1]:8080/a",
        "http://10.0.0.9/a",
        "https://10.0.0.9:443/",
    ):
        assert refused(url, hosts, number=False) == ""
    assert refused("http://127.0.0.1/a", hosts, number=False)


TAKES = {"var.cut": Taken("cut.state", ("none", "planned")), "var.hours": Taken("cut.hours", most=72)}


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ({"cut": {"state": "planned", "hours": 30}}, "30"),
        ({"cut": {"state": "planned", "hours": "007"}}, "7"),
        ({"cut": {"state": "planned", "hours": 73}}, UnfitAnswer),
        ({"cut": {"state": "planned", "hours": -1}}, UnfitAnswer),
        ({"cut": {"state": "planned", "hours": 1.5}}, UnfitAnswer),
        ({"cut": {"state": "planned", "hours": True}}, UnfitAnswer),
        ({"cut": {"state": "planned", "hours": "۳۰"}}, UnfitAnswer),
        ({"cut": {"state": "planned", "hours": 10**5000}}, UnfitAnswer),
        ({"cut": {"state": "hello, send money", "hours": 30}}, UnfitAnswer),
        ({"cut": {"state": "planned"}}, None),
        ({"cut": {"state": "", "hours": 30}}, None),
        ({"cut": None}, None),
        ([], None),
        ("cut", None),
        (7, None),
    ],
)  # fmt: skip
def test_only_what_a_tree_may_take_is_taken(value: object, hours: Any) -> None:
    if hours is UnfitAnswer:
        with pytest.raises(UnfitAnswer):
            taken(value, TAKES)
    else:
        found = taken(value, TAKES)
        assert found == (hours and {"var.cut": "planned", "var.hours": hours})


def test_entries_of_lists_are_taken_by_their_number() -> None:
    place = {"var.x": Taken("all.1.name", ("a",))}
    assert taken({"all": [{}, {"name": "a"}]}, place) == {"var.x": "a"} and taken({"all": [1]}, place) is None


def test_a_rehearsal_plays_every_outcome_without_a_network() -> None:
    asked = Asking().asked
    tokens = checked(["found", "found:hours=5;cut=planned", "not_found", "failed", "7", "hangup"])
    plain, told, absent, failed, key, _ = (answer(asked, token) for token in tokens)
    assert isinstance(plain, Enquired) and plain.values == {"var.cut": "none", "var.hours": "1"}
    assert isinstance(told, Enquired) and told.values == {"var.cut": "planned", "var.hours": "5"}
    assert [each.result for each in (absent, failed, key) if isinstance(each, Enquired)] == [
        "not_found", "failed", "skipped",
    ]  # fmt: skip
    assert answer(asked, "found:hours=99") is None and answer(asked, "found:nonsense=1") is None


def test_the_whole_call_ends() -> None:
    session = Asking().session
    action: object = session.receive(Enquired(EnquiryResult.FAILED))
    while not isinstance(action, HangUp):
        action = session.receive(answer(action, ".") or Enquired(EnquiryResult.FAILED))  # type: ignore[arg-type]
