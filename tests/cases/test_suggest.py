"""Topics and agencies from words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cases.spelling import normalise, stem, weighted
from ivr.cases.suggest import MAX_ERROR, Doubt, Suggester
from ivr.desk.book.seeds import SeedError, load_seeds
from ivr.desk.book.suggesting import learn, load_suggester, places_of, read_cases, read_examples
from tests.fixtures.database import SEED

CASES = [json.loads(line) for line in (SEED / "cases.jsonl").read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("كتاب‌هاي", "کتاب های"),
        ("آبِ شُــرب", "اب شرب"),
        ("۱۱۵", "115"),
        ("١١٥", "115"),
        ("رسیدگی، کنید!", "رسیدگی کنید"),
        ("ائله‌مک", "ایله مک"),
        ("مسئول", "مسیول"),
    ],
)
def test_spellings_meet(written: str, same: str) -> None:
    assert normalise(written) == same


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("spoken", ["قبضمون", "قبض", "قبضم", "قبضها", "قبضش"])
def test_colloquial_endings_fall(spoken: str) -> None:
    assert stem(spoken) == "قبض"


def test_who_is_quoted_counts_less_and_what_is_asked_for_more() -> None:
    weights = weighted(normalise("شهرداری میگه مال ما نیست آبفا باید بیاد").split())
    assert weights[0] < 1 < weights[5]


@pytest.mark.parametrize(
    ("text", "county"),
    [
        ("از چاراویماق شیش بار رفتم تبریز", "charuymaq"),
        ("آب ورزقانه قطعه", "varzaqan"),
        ("هریسدن گلیرم", "heris"),
        ("تو بناب مرند برق نداریم", "marand"),
        ("بستان‌آباد", "bostanabad"),
        ("بستاناباد هستیم", "bostanabad"),
        ("دیوارمون ترک خورده", ""),
        ("آب قطعه", ""),
    ],
)
def test_the_county_is_heard_in_the_words(text: str, county: str) -> None:
    seeds = load_seeds(SEED)
    assert places_of(seeds, read_examples(SEED, seeds)).county(text) == county


def test_almost_every_county_of_the_development_cases_is_heard() -> None:
    seeds = load_seeds(SEED)
    places = places_of(seeds, read_examples(SEED, seeds))
    wrong = [case["id"] for case in CASES if places.county(case["text"]) != (case["county"] or "")]
    assert len(wrong) <= 3, wrong


def test_words_the_model_has_not_seen_find_their_agency() -> None:
    seeds = load_seeds(SEED)
    phrases, cases = read_examples(SEED, seeds), read_cases(SEED, seeds)
    right = top = 0
    for half in (0, 1):
        suggester = learn(seeds, phrases, cases[1 - half :: 2])
        for case in CASES[half::2]:
            said = suggester.suggest(case["text"], case["county"] or "")
            right += said.agency == case["agency"]
            top += case["agency"] in [guess.agency for guess in said.top]
            if said.assigned:
                assert said.agency == case["agency"], case["id"]
    assert right >= 0.85 * len(CASES)
    assert top >= 0.97 * len(CASES)


def test_the_threshold_keeps_its_word_on_held_out_answers(suggester: Suggester) -> None:
    sure = [right for confidence, right in suggester.verdicts() if confidence >= suggester.threshold]
    assert sure.count(False) <= MAX_ERROR * len(sure)
    # Half of them until the 23 bodies came, whose phrases are near others'; 45 % now. Stems counted for more
    # than letters (0.42 to 0.58) would make it half again, and cost the customers' cases 2 points of top-1.
    assert len(sure) >= len(list(suggester.verdicts())) * 0.44


def test_the_body_depends_on_the_county_given_or_heard(suggester: Suggester) -> None:
    words = "آسفالت کوچه مون خرابه"
    assert suggester.suggest(words, "ahar").agency == "shahrdari_ahar"
    assert suggester.suggest(f"{words} تو مراغه").agency == "shahrdari_maragheh"
    assert suggester.suggest(words).agency == "gov_urban"
    assert suggester.suggest(f"{words} تو مراغه", "ahar").county == "ahar"


@pytest.mark.parametrize(
    ("text", "agency"),
    [
        ("تو صوفیان آسفالت کوچه مون خرابه", "shahrdari_shabestar_sufian"),
        ("اهل شبستریم آسفالت کوچه مون خرابه", "shahrdari_shabestar"),
        ("شهرداری ترک آسفالت کوچه مون رو خراب کرده", "shahrdari_mianeh_tark"),
        ("دیوارمون ترک خورده آسفالت کوچه هم خرابه", "gov_urban"),
        ("sufianda küçənin asfaltı xarabdır", "shahrdari_shabestar_sufian"),
        ("شبستر، صوفیان، آسفالت کوچه مون خرابه", "shahrdari_shabestar_sufian"),
    ],
)
def test_what_is_municipal_goes_to_the_town_s_own_municipality(
    suggester: Suggester, text: str, agency: str
) -> None:
    assert suggester.suggest(text).agency == agency
    assert suggester.suggest(f"{text} هادیشهر", "shabestar").county == "shabestar"


@pytest.mark.parametrize(
    "text",
    [
        "خیابان هریس آسفالتش خرابه پر از چاله ست",
        "آقای اهری آسفالت کوچه مون رو خراب کرده پر از چاله ست",
    ],
)
def test_a_street_or_a_person_named_like_a_place_is_left_to_people_where_the_body_depends_on_it(
    suggester: Suggester, text: str
) -> None:
    said = suggester.suggest(text)
    assert (said.doubt, said.assigned, said.county) == (Doubt.WHERE, False, "")
    assert suggester.suggest(f"تو مراغه {text}").county == "maragheh"


def test_three_different_agencies_the_likeliest_first(suggester: Suggester) -> None:
    top = suggester.suggest("سوزن بان و سند و مدرسه").top
    assert len({guess.agency for guess in top}) == len(top) == 3
    assert [g.confidence for g in top] == sorted((g.confidence for g in top), reverse=True)


@pytest.mark.parametrize("text", ["", "   ", "؟!", "\x00", "اهر"])
def test_words_that_tell_nothing_go_to_the_desk_unassigned(suggester: Suggester, text: str) -> None:
    said = suggester.suggest(text)
    assert (said.agency, said.topic) == ("gov_inspection", "other.other")
    assert (said.confidence, said.assigned) == (0, False)


def test_a_body_that_can_only_be_named_is_never_assigned(suggester: Suggester) -> None:
    said = suggester.suggest("ماشینم رو دزدیدن برم کلانتری یا آگاهی پلیس")
    assert (said.agency, said.assigned) == ("police", False)
    assert said.confidence > suggester.threshold


def test_a_request_to_meet_the_governor_goes_to_him_whatever_it_is_about(suggester: Suggester) -> None:
    assert suggester.suggest("آب روستامون قطعه", "ahar", kind="meeting").agency == "ostandari"


@pytest.mark.parametrize(
    ("latin", "arabic"),
    [
        ("ab mahale ma ghate", "اب محله ما قطع"),
        ("bonyad maskan", "بنیاد مسکن"),
        ("Suyumuz üç gündür kəsilib", "سویوموز اوچ گوندور کسیلیب"),
        ("kart melli 2 mahe nayoomade", "کارت ملی 2 ماهه نیومده"),
        ("آب قطعه", "آب قطعه"),
    ],
)
def test_latin_letters_are_read(suggester: Suggester, latin: str, arabic: str) -> None:
    assert suggester.latin.read(latin) == arabic


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("برق نداریم گاز هم قطع شده", Doubt.SEVERAL),
        ("سلام من میخواستم درباره آب روستا که", Doubt.UNFINISHED),
        ("گاز خونه مادرم", Doubt.UNFINISHED),
        ("اداره برق ارومیه قبض خواهرم رو اشتباه زده", Doubt.ELSEWHERE),
        ("شهریار کوچولو ستاره ها رو میشمرد", Doubt.UNSURE),
    ],
)
def test_what_is_not_clear_is_left_to_people(suggester: Suggester, text: str, doubt: Doubt) -> None:
    said = suggester.suggest(text)
    assert (said.doubt, said.assigned) == (doubt, False)


def test_two_matters_name_both_bodies(suggester: Suggester) -> None:
    said = suggester.suggest("برق نداریم گاز هم قطع شده", "ahar")
    assert {part.agency for part in said.parts} == {"bargh_as", "gas"}
    assert {part.agency for part in said.parts} <= {guess.agency for guess in said.top}


@pytest.mark.parametrize(
    ("text", "county"),
    [
        ("پسرم مهربان است", ""),
        ("تو مهربان آب نداریم", "sarab"),
        ("همه ش سراب بود", ""),
        ("سرابدا یاشیریق", "sarab"),
        ("در میانه راه موندیم", ""),
        ("بیمارستان میانه", "mianeh"),
    ],
)
def test_a_name_that_is_an_ordinary_word_is_a_place_only_where_a_word_says_so(
    suggester: Suggester, text: str, county: str
) -> None:
    assert suggester.places.county(text) == county


def test_a_prison_is_not_the_governors(suggester: Suggester) -> None:
    said = suggester.suggest("پسرم تو زندانه دکتر نمیبرنش")
    assert (said.agency, said.assigned, said.doubt) == ("prisons", False, Doubt.OUTSIDE)


@given(st.text(max_size=80), st.sampled_from(["", "tabriz", "heris"]))
def test_any_text_gets_a_body(suggester: Suggester, text: str, county: str) -> None:
    said = suggester.suggest(text, county)
    assert said.agency
    assert 0 <= said.confidence <= 1


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("examples.yaml", "water.suply: [آب]", "water.suply"),
        ("examples.yaml", "water.supply: [{a: 1}]", "water.supply.0"),
        ("cases.jsonl", '{"text": "آب", "topic": "water.supply"}\n{"text": ""}', "line 2"),
        ("cases.jsonl", '{"text": "آب", "topic": "water.supply", "county": "moon"}', "line 1"),
        ("cases.jsonl", "آب", "line 1"),
    ],
)
def test_a_mistake_in_the_seed_folder_is_named(tmp_path: Path, name: str, content: str, place: str) -> None:
    for file in SEED.glob("*.yaml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(SeedError, match=place) as caught:
        load_suggester(tmp_path)
    assert name in str(caught.value)


def test_a_line_separator_in_a_pasted_text_of_a_case_parts_no_line(tmp_path: Path) -> None:
    text, given = "آب\u2028قطع\u2029است\x85", {"topic": "water.supply"}
    lines = [json.dumps(given | {"text": each}, ensure_ascii=False) for each in (text, "برق رفت")]
    (tmp_path / "cases.jsonl").write_text("\r\n".join([*lines, ""]), encoding="utf-8", newline="")
    assert [each.text for each in read_cases(tmp_path, load_seeds(SEED))] == [text, "برق رفت"]


def test_a_province_without_examples_learns_from_keywords_and_assigns_nothing_alone(tmp_path: Path) -> None:
    for file in SEED.glob("*.yaml"):
        if file.name != "examples.yaml":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    said = load_suggester(tmp_path).suggest("کمیته امداد به نیازمند کمک نکرد")
    assert (said.agency, said.assigned) == ("emdad", False)
