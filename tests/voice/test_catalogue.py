"""The prompt files: what they say, and what is told when they are wrong."""

from __future__ import annotations

import re

import pytest
import yaml

from ivr.cases.statuses import Status
from ivr.desk.book.seeds import load_seeds
from ivr.settings import ROOT
from ivr.voice.catalogue import Catalogue, CatalogueMistakes, Tone, Utterance, Voice, parse
from ivr.voice.steps.registry import BUILT_IN

SEED = ROOT / "db" / "seed" / "east-azerbaijan"
GENERIC = ROOT / "sounds" / "prompts.yaml"
VOICES = "voices: {fa: {}, az: {voice: az, rate: 120}}\n"
LANGUAGES = ("fa", "az")
# Asterisk's own queue says these: app_queue's four prompts and its positions.
ASTERISK = {f"queue.{name}" for name in ("youarenext", "thereare", "callswaiting", "thankyou")} | {
    f"number.{n}" for n in range(1, 21)
}


@pytest.fixture(scope="module")
def real() -> Catalogue:
    return parse([(str(path), path.read_bytes()) for path in (GENERIC, SEED / "prompts.yaml")])


def mistakes(*texts: str) -> list[str]:
    with pytest.raises(CatalogueMistakes) as refused:
        parse([(f"{n}.yaml", text.encode()) for n, text in enumerate(texts)])
    return [str(mistake) for mistake in refused.value.mistakes]


def test_a_prompt_is_words_or_words_with_a_spoken_form_or_a_sequence() -> None:
    text = VOICES + (
        "prompts:\n"
        "  plain: {fa: سلام}\n"
        "  vowelled: {fa: {text: کد ملی, spoken: کدِ ملی}}\n"
        "  mixed: {fa: [یک, {silence: 0.5}, {text: iki, voice: az}]}\n"
        "  beep: {tone: 1000, seconds: 0.3}\n"
    )
    found = parse([("a.yaml", text.encode())])
    assert found.voices == {"fa": Voice("fa"), "az": Voice("az", 120)}
    assert found.find("plain", "fa") == (Utterance("سلام", "fa"),)
    assert found.find("vowelled", "fa") == (Utterance("کد ملی", "fa", "کدِ ملی"),)
    assert found.find("mixed", "fa") == (Utterance("یک", "fa"), Tone(0, 0.5), Utterance("iki", "az"))
    assert found.find("beep", "az") == (Tone(1000, 0.3),)
    assert found.find("plain", "az") is None
    assert found.text("mixed", "fa") == "یک iki"
    assert found.text("beep", "fa") == ""
    assert found.ids("az") == {"beep"}


def test_who_answers_our_call_and_reaches_no_server_hears_of_no_case(real: Catalogue) -> None:
    """It may be a stranger's telephone, or a call about something else."""
    for language, case in (("fa", "پرونده"), ("az", "pərvəndə")):
        assert case not in real.text("fallback.callback", language).lower()


def test_whose_drawn_case_may_be_open_again_is_not_told_that_it_is_closed(real: Catalogue) -> None:
    for language, closed in (("fa", "بسته"), ("az", "bağlan")):
        assert closed not in real.text("lottery.who", language)


def test_who_says_not_solved_is_not_told_that_her_case_is_opened_again(real: Catalogue) -> None:
    """Another answer may have been given while she heard that one: she is called with it instead."""
    for id in ("verdict.why", "verdict.reopened", "verdict.no_words"):
        for language, again in (("fa", "دوباره"), ("az", "yenidən")):
            assert again not in real.text(id, language)


def test_no_day_that_is_named_next_is_called_today(real: Catalogue) -> None:
    before = {id: text for id in real.ids("az") if (text := real.text(id, "az")).endswith(":")}
    assert [id for id, text in before.items() if "bu günə" in text.lower()] == []


def test_who_typed_too_many_wrong_codes_is_told_no_time(real: Catalogue) -> None:
    """How long is the office's to set, and a withheld number may call again at once."""
    for language, hour in (("fa", "ساعت"), ("az", "saat")):
        assert hour not in real.text("follow_up.too_many", language).lower()


def test_who_answers_at_111_is_a_specialist_and_is_called_where_no_key_leads_to_one(real: Catalogue) -> None:
    for language, operator, call in (("fa", "اپراتور", "با ۱۱۱ تماس"), ("az", "operator", "111-ə zəng")):
        assert [id for id in sorted(real.words) if operator in real.text(id, language).lower()] == []
        for id in ("record.not_confided", "record.joined_not_confided"):
            assert call in real.text(id, language)


def test_a_thing_has_one_name_in_azerbaijani(real: Catalogue) -> None:
    """The governor and the province, a new connection, and what callers say."""
    others = re.compile(r"\b(ostan|ənşab|mesaj)", re.IGNORECASE)
    assert [id for id in sorted(real.words) if others.search(real.text(id, "az"))] == []


def test_the_provinces_words_win_language_by_language() -> None:
    generic = VOICES + "prompts: {ask: {fa: یک, az: bir}, gone: {silence: 1}}\n"
    province = "prompts: {ask: {fa: دو}, gone: {fa: سه}}\n"
    found = parse([("g.yaml", generic.encode()), ("p.yaml", province.encode())])
    assert found.text("ask", "fa") == "دو"
    assert found.text("ask", "az") == "bir"
    assert found.text("gone", "fa") == "سه"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "0.yaml:1:1: the file is empty"),
        ("- a", "0.yaml:1:1: must be a mapping of keys to values"),
        ("promts: {}", "0.yaml:1:1: unknown key “promts” (did you mean “prompts”?)"),
        ("prompts: {../x: {fa: یک}}", "an id is small Latin letters, digits and _, parted by dots"),
        ("prompts: {a: {fa: {txt: یک}}}", "unknown key “txt” (did you mean “text”?)"),
        ("prompts: {a: {fa: {spoken: یک}}}", "0.yaml:1:19: a.fa: says nothing: it needs a text"),
        ("prompts: {a: {fa: []}}", "a.fa: has no parts"),
        ("prompts: {a: یک}", "a: must be a mapping of keys to values"),
        ("prompts:\n  a: {fa: 1}\n  a: {fa: 2}", "0.yaml:3:3: prompts.a: “a” stands twice"),
        ("prompts: {a: {tone: 90000, seconds: 1}}", "a.tone: must be a number from 20 to 3400, not “90000”"),
        ("prompts: {a: {tone: 900}}", "a.seconds: must be a number from 0.01 to 60, not “”"),
        ("prompts: {a: {silence: nan}}", "a.silence: must be a number from 0.01 to 60, not “nan”"),
        (VOICES + "prompts: {a: {fa: {text: x, voice: az3}}}", "no voice “az3” under voices (did you mean"),
        ("voices: {fa: {rate: fast}}", "voices.fa.rate: must be a number from 80 to 450, not “fast”"),
        ("prompts: [", "this is not valid YAML"),
        ("prompts: &a {b: *a}", "anchors (&name) are not allowed"),
        ("[" * 10_000, "nest"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    assert any(told in mistake for mistake in mistakes(text)), mistakes(text)


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    told = mistakes("prompts: {A: {fa: یک}}", "voices: 1\nprompts: {b: {fa: {text: ''}}}")
    assert [re.sub(r":\d+:\d+: .*", "", mistake) for mistake in told].count("1.yaml") >= 2
    assert any(mistake.startswith("0.yaml") for mistake in told)


def test_every_prompt_is_there_in_every_language(real: Catalogue) -> None:
    assert real.ids("fa") == real.ids("az")


def test_what_the_call_flow_and_asterisk_say_by_themselves_is_there(real: Catalogue) -> None:
    needed = BUILT_IN | ASTERISK | {f"status.{status}" for status in Status}
    needed |= {"demo.complaint"}
    assert needed <= real.ids("fa")


def test_every_topic_county_and_agency_of_the_province_has_its_name(real: Catalogue) -> None:
    def listed(file: str, key: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = yaml.safe_load((SEED / file).read_text("utf-8"))[key]
        return found

    menu = yaml.safe_load((SEED / "topics.yaml").read_text("utf-8"))["menu"]
    tops = listed("topics.yaml", "topics")
    leaves = [leaf for top in tops for leaf in top["leaves"] if "key" in leaf]  # type: ignore[attr-defined]
    names = {f"topic.{leaf['code']}" for leaf in leaves} | {f"topic_group.{digit}" for digit in menu}
    names |= {f"county.{county['code']}" for county in listed("areas.yaml", "counties")}
    bodies = load_seeds(SEED).agencies.agencies
    names |= {f"agency.{body.code}" for body in bodies}
    assert names <= real.ids("fa")
    assert len(names) == 10 + 59 + 23 + len(bodies)


def test_the_list_of_counties_gives_each_its_own_two_digits(real: Catalogue) -> None:
    counties = yaml.safe_load((SEED / "areas.yaml").read_text("utf-8"))["counties"]
    for language in LANGUAGES:
        said = [
            f"{real.text('county.' + county['code'], language)}, {_digits(real, county['key'], language)}"
            for county in counties
        ]
        assert real.text("county.list", language).replace("،", ",") == " ".join(f"{one}." for one in said)


def _digits(real: Catalogue, key: str, language: str) -> str:
    return " ".join(real.text(f"digit.{digit}", language) for digit in key)


def test_spoken_words_are_of_their_voices_script_and_hold_no_digits(real: Catalogue) -> None:
    for id in sorted(real.words):
        for language in LANGUAGES:
            for part in real.words[id][language]:
                if isinstance(part, Utterance):
                    foreign = "[A-Za-z]" if part.voice.endswith("fa") else "[\u0600-\u06ff]"
                    assert not re.search(rf"[0-9۰-۹]|{foreign}", part.words), (id, language, part.words)


def test_the_files_stay_short_enough_to_be_read() -> None:
    for path in (GENERIC, SEED / "prompts.yaml"):
        assert path.stat().st_size < 200_000, path
