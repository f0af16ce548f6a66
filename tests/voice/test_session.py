"""The default tree, walked as callers walk it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.voice.actions import Ask, Clip, Confide, OpenCase, Say, Words
from ivr.voice.events import (
    Caller,
    CaseOpened,
    CaseSeen,
    Ended,
    Keys,
    Lookup,
    NotKept,
    Recorded,
    Said,
    Transfer,
)
from ivr.voice.parse import parse
from ivr.voice.steps.code import EXPECT
from ivr.voice.steps.menu import MenuStep
from ivr.voice.steps.record import RecordStep
from tests.voice.conversation import CALLER, CODE, NIGHT, OFFICE_HOURS, TREE, Conversation, default_menu

TO_RECORD = ("1", "1", "1", "1", "01")  # Persian, complaint, water, supply, Tabriz


def at_review(**facts: object) -> Conversation:
    return Conversation(**facts).press(*TO_RECORD).speak()  # type: ignore[arg-type]


def test_a_complaint_goes_from_language_to_goodbye() -> None:
    talk = at_review()
    opened = talk.opened[0]
    assert (opened.kind, opened.topic, opened.county) == ("complaint", "water.supply", "tabriz")
    assert talk.step == "review"
    talk.press("1").listen()
    assert talk.step == "code"
    assert [s for s in talk.heard if str(s).startswith("digit.")] == [f"digit.{d}" for d in CODE] * 2
    talk.silent()
    assert talk.over and len(talk.opened) == 1


def test_silence_at_the_first_question_means_persian() -> None:
    talk = Conversation().silent()
    assert (talk.step, talk.session.language) == ("kind", "fa")


def test_two_is_azerbaijani_and_every_later_prompt_is_in_it() -> None:
    talk = Conversation().press("2")
    assert talk.session.language == "az"
    assert getattr(talk.action, "language", "") == "az"


def test_who_was_told_to_dial_111_and_press_6_reaches_the_follow_up_at_once() -> None:
    talk = Conversation().press("6")
    assert (talk.step, talk.session.language) == ("follow_up", "fa") and "follow_up.ask" in talk.heard


def test_six_at_once_is_answered_in_the_language_of_her_latest_case() -> None:
    talk = Conversation(language="az").press("6")
    assert (talk.step, talk.session.language) == ("follow_up", "az")


def test_silence_at_the_first_question_means_the_language_of_her_latest_case() -> None:
    assert Conversation(language="az").silent().session.language == "az"
    assert Conversation(language="az").press("1").session.language == "fa", "she may choose another"
    assert Conversation(language="xx").silent().session.language == "fa", "one that the tree has not"


def test_a_meeting_and_a_human_are_reached_at_once_too() -> None:
    talk = Conversation().press("5")
    assert talk.step == "topic" and talk.press("9", "6", "01").step == "callback"
    assert Conversation(transfer=Transfer.ANSWERED).press("0").over


@pytest.mark.parametrize(("then", "joins"), [("1", True), ("2", False), ("", False)])
def test_a_key_pressed_twice_joins_nobody_s_case_and_she_is_asked_again(then: str, joins: bool) -> None:
    talk = Conversation(same_matter=True).press(*TO_RECORD)
    asked = talk.action
    assert isinstance(asked, Ask) and asked.speech == ("record.same_matter",), "alone"
    talk.tell(Keys("1", Ended.FULL, after=0.3))
    assert talk.action == asked
    _ = talk.press(then) if then else talk.silent()
    assert talk.speak().opened[0].joins is joins


def test_who_knows_the_question_and_presses_early_again_means_it() -> None:
    talk = Conversation(same_matter=True).press(*TO_RECORD)
    for _ in range(2):
        talk.tell(Keys("1", Ended.FULL, after=0.8))
    assert talk.speak().opened[0].joins


def test_a_hash_at_once_goes_back_where_more_was_said_since_her_last_digit() -> None:
    talk = Conversation(same_matter=True).press(*TO_RECORD)
    talk.tell(Keys("", Ended.HASH, after=0.5))
    assert talk.step == "county"


@pytest.mark.parametrize("keys", [("", ""), ("98", "99", "97"), ("", "99", "")])
def test_a_missed_county_loses_neither_kind_nor_topic(keys: tuple[str, ...]) -> None:
    talk = Conversation().press("1", "1", "9", "4")
    for key in keys:
        _ = talk.press(key) if key else talk.silent()
    opened = talk.speak().opened[0]
    assert (opened.kind, opened.topic, opened.county) == ("complaint", "gov.crisis", "")


def test_clicks_at_the_beep_keep_what_was_chosen_for_the_message_at_the_operators() -> None:
    talk = Conversation().press(*TO_RECORD)
    for _ in range(3):
        talk.speak(0.2, voiced=0.1)
    opened = talk.speak().opened[0]
    assert talk.step == "review"
    assert (opened.kind, opened.topic, opened.county) == ("complaint", "water.supply", "tabriz")


def test_a_missed_topic_keeps_the_kind() -> None:
    talk = Conversation().press("1", "3").silent(3)
    assert talk.step == "message"
    assert (talk.speak().opened[0].kind, talk.opened[0].topic) == ("suggestion", "other.other")


def test_going_back_forgets_what_was_chosen_there_and_after() -> None:
    talk = Conversation().press("1", "1", "1", "1", "#", "#")
    assert talk.step == "kind"
    opened = talk.press("0").speak().opened[0]
    assert (opened.kind, opened.topic) == ("request", "other.other")


def test_the_numbers_for_emergencies_are_told_before_the_first_menu_and_once() -> None:
    talk = Conversation().press("2")
    assert talk.heard[0] == "emergency" and "kind.menu" in talk.heard
    assert "emergency" not in talk.press("*").heard


def test_who_asks_for_a_human_at_night_hears_them_before_the_message() -> None:
    assert "emergency" in Conversation(caller=Caller("", NIGHT)).press("0").heard


def test_star_and_hash_are_announced() -> None:
    assert "keys.help" in Conversation().press("1").heard
    assert "keys.back" in Conversation().press("1", "1", "1").heard


def test_she_may_fetch_a_pen_before_the_code_and_hears_it_slowly() -> None:
    talk = at_review().press("1")
    assert "code.ready" in talk.heard and "code.is" not in talk.heard
    talk.listen()
    once = talk.heard[: talk.heard.index("code.once_more")]
    assert once.count("gap") == 6 and once.count("pause.long") == 4
    assert "code.ready" not in talk.press("1").heard, "only once"


def test_a_key_while_she_fetches_a_pen_loses_no_code() -> None:
    talk = at_review().press("1", "5")
    assert talk.step == "code" and "code.is" in talk.heard


@pytest.mark.parametrize(
    ("key", "kind"), [("1", "complaint"), ("2", "criticism"), ("3", "suggestion"), ("4", "request")]
)
def test_each_kind_opens_a_case_of_its_kind(key: str, kind: str) -> None:
    talk = Conversation().press("1", key, "1", "1", "01").speak()
    assert talk.opened[0].kind == kind


@pytest.mark.parametrize("kind", ["1", "2", "3", "4"])
def test_for_a_meeting_with_the_governor_press_one_asks_for_a_meeting_whatever_was_pressed_before(
    kind: str,
) -> None:
    talk = Conversation().press("1", kind, "9", "1", "01")
    assert talk.step == "callback", "as under 5: how is she reached, and who is she"
    [opened] = talk.press("2", "09120000000", "1", "2").speak().opened
    assert (opened.kind, opened.topic, opened.callback) == ("meeting", "gov.meeting", "09120000000")
    back = Conversation().press("1", "4", "9", "1", "#", "1", "1", "01")
    assert back.step == "record" and back.speak().opened[0].kind == "request"


def test_a_meeting_chosen_among_the_matters_asks_a_withheld_number_where_to_call() -> None:
    talk = Conversation(caller=Caller("", OFFICE_HOURS)).press("1", "4", "9", "1", "01")
    assert talk.step == "callback_number"


def test_zero_at_the_topic_is_another_matter() -> None:
    assert Conversation().press("1", "1", "0", "00").speak().opened[0].topic == "other.other"


def test_zero_at_the_leaf_is_another_matter() -> None:
    assert Conversation().press("1", "1", "1", "0", "00").speak().opened[0].topic == "other.other"


def test_an_unknown_county_is_left_open() -> None:
    assert Conversation().press("1", "1", "1", "1", "00").speak().opened[0].county == ""


def test_a_known_caller_is_offered_her_county() -> None:
    talk = Conversation(county="ahar").press("1", "1", "1", "1")
    assert "county.ahar" in talk.heard
    talk.tell(Keys("1", Ended.FULL, after=0.3))
    assert "county.ahar" in talk.heard, "the 1 before it was pressed twice"
    assert talk.press("1").speak().opened[0].county == "ahar"


def test_a_known_caller_may_name_another_county() -> None:
    talk = Conversation(county="ahar").press("1", "1", "1", "1", "2", "01").speak()
    assert talk.opened[0].county == "tabriz"


def test_silence_at_the_offer_asks_for_the_county() -> None:
    talk = Conversation(county="ahar").press("1", "1", "1", "1").silent()
    assert talk.step == "county" and "county.ask" in talk.heard


def test_star_repeats_and_is_no_miss() -> None:
    talk = Conversation().press("1", "*")
    for _ in range(10):
        before = list(talk.heard)
        talk.press("*")
        assert talk.step == "kind" and talk.heard == before


def test_hash_alone_goes_back_one_level() -> None:
    talk = Conversation().press("1", "1", "1", "1")
    assert talk.step == "county"
    assert talk.press("#").step == "topic"
    assert talk.press("1", "#").step == "topic" and "topic_group.1" in talk.heard
    assert talk.press("#").step == "kind"
    assert talk.press("#").step == "language"
    assert talk.press("#").step == "language"


def test_a_hash_right_after_a_full_number_only_ends_the_number() -> None:
    seen = CaseSeen(Lookup.FOUND, "referred", "abfa", OFFICE_HOURS + timedelta(days=1))
    talk = Conversation(seen=seen).press("1", "6", CODE)
    talk.tell(Keys("", Ended.HASH, after=0.4))
    assert talk.step == "status" and "agency.abfa" in talk.heard
    assert talk.press("#").step == "follow_up"
    talk = Conversation().press("1", "1", "1", "1", "01")
    talk.tell(Said("#", after=0.4))
    assert talk.step == "record" and talk.press("#").step == "county"


def test_a_hash_behind_a_code_that_was_broken_off_as_her_hand_is_slow_ends_it_and_walks_no_menu() -> None:
    seen = CaseSeen(Lookup.FOUND, "referred", "abfa", OFFICE_HOURS + timedelta(days=1))
    talk = Conversation(seen=seen).press("1", "6")
    for _ in range(2):
        talk.tell(Keys(CODE[:8], Ended.TIMEOUT, after=12.0))
        assert talk.step == "follow_up"
        talk.tell(Keys("", Ended.HASH, after=2.0))
        assert talk.step == "follow_up", "the code that she types next would be a complaint"
    assert talk.press(CODE).step == "status"
    talk = Conversation(seen=seen).press("1", "6")
    talk.tell(Keys(CODE[:8], Ended.TIMEOUT, after=12.0))
    talk.tell(Keys("", Ended.HASH, after=9.0))
    assert talk.step == "follow_up"
    talk.tell(Keys("", Ended.HASH, after=4.0))
    assert talk.step == "kind", "she goes back"
    talk = Conversation().press("1", "6")
    talk.tell(Keys("1234567890", Ended.FULL, after=12.0))
    talk.tell(Keys("", Ended.HASH, after=4.0))
    assert talk.step == "kind", "behind a whole one that is none a later one goes back, as ever"


def test_a_later_hash_after_a_full_number_goes_back() -> None:
    talk = Conversation().press("1", "1", "1", "1", "01")
    talk.tell(Said("#", after=3.0))
    assert talk.step == "county"


def test_no_input_and_no_match_are_counted_apart() -> None:
    talk = Conversation().press("1")
    talk.silent(2).press("9", "9")
    assert talk.step == "kind"
    talk.silent()
    assert talk.step == "message"  # through the operator, where nobody answers


def test_no_match_at_the_limit_goes_to_the_operator() -> None:
    talk = Conversation(transfer=Transfer.ANSWERED).press("1", "9", "9", "9")
    assert talk.over


def test_nobody_at_the_operators_takes_a_message_that_becomes_a_case() -> None:
    talk = Conversation().press("1", "0")
    assert talk.step == "message"
    opened = talk.speak().opened[0]
    assert (opened.kind, opened.topic) == ("request", "other.other")


@pytest.mark.parametrize("transfer", [Transfer.NOBODY, Transfer.FAILED])
@pytest.mark.parametrize("language", ["1", "2"])
def test_who_was_bidden_to_hold_the_line_hears_that_nobody_came(transfer: Transfer, language: str) -> None:
    for number in ("+989120000000", ""):
        talk = Conversation(caller=Caller(number, OFFICE_HOURS), transfer=transfer).press(language, "0")
        assert talk.heard == ["operator.connecting", "operator.closed", "message.ask"]


def test_a_tree_whose_next_step_says_that_nobody_is_there_says_it_once() -> None:
    told = TREE.read_bytes().replace(b"prompt: [message.ask]", b"prompt: [operator.closed, message.ask]")
    talk = Conversation(menu=parse(told, "told.yaml")).press("1", "0")
    assert talk.heard == ["operator.connecting", "operator.closed", "message.ask"]


def test_out_of_hours_says_so_and_takes_a_message() -> None:
    talk = Conversation(caller=Caller("", NIGHT)).press("1", "0")
    assert talk.step == "message" and talk.heard == ["operator.closed", "emergency", "message.ask"]


def test_a_short_recording_is_asked_for_again_and_loses_nothing() -> None:
    talk = Conversation().press(*TO_RECORD).speak(0.5, voiced=0.5)
    assert talk.step == "record" and "record.too_short" in talk.heard and not talk.opened
    talk.speak(4)
    assert [r.seconds for r in talk.opened[0].recordings] == [0.5, 4]


def test_silence_at_the_beep_is_asked_about_once_more_and_kept_at_the_limit() -> None:
    talk = Conversation().press(*TO_RECORD)
    talk.speak(8, Ended.SILENCE, voiced=0).speak(8, Ended.SILENCE, voiced=0)
    assert talk.step == "record" and not talk.opened
    talk.speak(8, Ended.SILENCE, voiced=0)
    assert len(talk.opened[0].recordings) == 3


def test_a_muted_telephone_is_told_so_too_where_she_ends_her_words_herself_and_none_are_lost() -> None:
    talk = Conversation().press(*TO_RECORD).speak(20, voiced=0.1)
    assert talk.step == "record" and "record.silent" in talk.heard and not talk.opened
    talk.hang_up()
    assert [r.seconds for r in talk.opened[0].recordings] == [20], "it may have been a whisper"
    talk = Conversation().press(*TO_RECORD)
    for _ in range(3):
        talk.speak(20, voiced=0.1)
    assert talk.step == "review" and len(talk.opened[0].recordings) == 3


def test_clicks_only_go_to_the_operator() -> None:
    talk = Conversation().press(*TO_RECORD)
    for _ in range(3):
        talk.speak(0.2, voiced=0.1)
    assert talk.step == "message" and not talk.opened


@pytest.mark.parametrize("name", ["111.yaml", "111-words-first.yaml", "122.yaml", "flood.yaml"])
@pytest.mark.parametrize(("language", "number"), [("1", "+989120000000"), ("2", "")])
def test_who_says_nothing_to_the_end_is_told_that_nothing_was_kept(
    name: str, language: str, number: str
) -> None:
    menu = parse((TREE.parent / name).read_bytes(), name)
    talk = Conversation(menu=menu, caller=Caller(number, NIGHT)).press(language)
    talk.press("9" if name == "flood.yaml" else "0")
    while talk.step == "message":
        talk.speak(1, Ended.SILENCE, voiced=0)
    assert talk.over and not talk.opened
    assert talk.heard[0] == "fallback.not_kept" and len(talk.heard) == 2


def test_whose_silence_becomes_a_case_after_all_is_not_told_that_nothing_was_kept() -> None:
    """What counts as a beginning, once she is past the beep of a step that asks for more."""
    patient = TREE.read_bytes().replace(b"min_seconds: 2", b"min_seconds: 6")
    talk = Conversation(menu=parse(patient, "patient.yaml"), caller=Caller("", NIGHT)).press("1", "0")
    talk.speak(3, voiced=0).speak(3, voiced=0).speak(3, voiced=0)
    assert talk.step == "review" and len(talk.opened) == 1 and "fallback.not_kept" not in talk.heard


@pytest.mark.parametrize("facts", [{"room": False}, {"journal": False}])
def test_of_words_that_no_disk_takes_she_hears_that_and_nothing_else(facts: dict[str, bool]) -> None:
    talk = Conversation(caller=Caller("", NIGHT), **facts).press("1", "0")  # type: ignore[arg-type]
    if facts.get("room", True):
        talk.speak()
    assert talk.over and "fallback.not_kept" not in talk.heard


def test_a_key_during_the_invitation_goes_to_the_beep_and_hash_goes_back() -> None:
    talk = Conversation().press(*TO_RECORD)
    assert talk.press("*").step == "record"
    assert talk.press("#").step == "county"


def test_hearing_plays_her_own_words() -> None:
    talk = at_review().press("2")
    assert Clip("2026/11/25/1") in talk.heard and talk.step == "review"


def test_saying_it_again_stands_instead_of_the_first() -> None:
    talk = at_review().press("3").speak(6)
    assert talk.kept[0].instead and talk.kept[0].code == CODE
    talk.press("2")
    assert [s for s in talk.heard if isinstance(s, Clip)] == [Clip("2026/11/25/2")]


@pytest.mark.parametrize(
    ("seconds", "ended", "voiced"), [(180, Ended.LIMIT, 0.0), (4, Ended.CUT, 4.0)], ids=["silence", "cut"]
)
def test_neither_silence_nor_a_mere_beginning_stands_instead_of_her_words(
    seconds: float, ended: Ended, voiced: float
) -> None:
    talk = at_review().press("3").speak(seconds, ended, voiced)
    assert [kept.instead for kept in talk.kept] == [False]
    assert talk.step == "review" and "record.again_kept" not in talk.heard
    assert ("record.cut" if ended is Ended.CUT else "record.added") in talk.heard
    talk.press("2")
    assert [s for s in talk.heard if isinstance(s, Clip)] == [Clip("2026/11/25/1"), Clip("2026/11/25/2")]


def test_adding_keeps_both() -> None:
    talk = at_review().press("4").speak(6)
    assert not talk.kept[0].instead
    talk.press("2")
    assert [s for s in talk.heard if isinstance(s, Clip)] == [Clip("2026/11/25/1"), Clip("2026/11/25/2")]


def test_going_back_from_saying_it_again_returns_to_the_review() -> None:
    talk = at_review().press("3", "#")
    assert talk.step == "review" and not talk.kept


def test_who_hides_who_she_is_is_told_so_and_asked_again() -> None:
    talk = at_review().press("5")
    assert talk.confided == [CODE] and "record.confided" in talk.heard and talk.step == "review"


def test_her_key_seals_no_case_of_another_call_that_her_words_have_joined() -> None:
    """The line may be shared, and nothing takes it back."""
    talk = Conversation(same_matter=True).press(*TO_RECORD, "1")
    if isinstance(talk.action, Say):
        talk.listen()
    assert isinstance(talk.session.receive(Recorded("2026/11/25/1", 5.0, 5.0, Ended.HASH)), OpenCase)
    talk.action = talk.session.receive(CaseOpened(CODE, joined=True))
    talk.press("5")
    assert not talk.confided and "record.joined_not_confided" in talk.heard and talk.step == "review"
    assert talk.press("1").over


def test_what_no_disk_keeps_is_not_called_confidential() -> None:
    talk = at_review()
    assert isinstance(talk.session.receive(Keys("5", Ended.FULL)), Confide)
    said = talk.session.receive(NotKept())
    assert isinstance(said, Ask) and said.speech[0] == "record.not_confided"


def test_hash_at_the_review_keeps() -> None:
    assert at_review().press("#").step == "code"


def test_a_hash_pressed_twice_only_ends_her_words_and_she_hears_what_she_may_do_with_them() -> None:
    talk = at_review()
    heard = list(talk.heard)
    talk.tell(Keys("", Ended.HASH, after=0.3))
    assert talk.step == "review" and talk.heard == heard and "record.safe" in heard
    assert talk.press("#").step == "code"
    short = Conversation().press(*TO_RECORD).speak(0.5)
    short.tell(Said("#", after=0.3))
    assert short.step == "record" and short.press("#").step == "county"


@pytest.mark.parametrize("key", ["#", "*"])
def test_what_a_key_cut_short_before_the_beep_is_told_again_with_its_invitation(key: str) -> None:
    talk = Conversation().press(*TO_RECORD).speak(0.5)
    before = talk.action
    talk.tell(Said(key, after=0.3))
    assert talk.action == before and "record.too_short" in talk.heard


def test_silence_at_the_review_keeps() -> None:
    assert at_review().silent().step == "code"


def test_one_repeats_the_code() -> None:
    talk = at_review().press("1").listen().press("1")
    assert talk.step == "code" and f"digit.{CODE[0]}" in talk.heard


def test_a_case_without_a_code_says_so_and_never_a_code() -> None:
    talk = at_review(code="").press("1")
    assert talk.over and "code.none" in talk.heard and "code.is" not in talk.heard


@pytest.mark.parametrize("keys", [TO_RECORD[:n] for n in range(len(TO_RECORD) + 1)])
def test_hanging_up_before_the_beep_opens_nothing(keys: tuple[str, ...]) -> None:
    talk = Conversation().press(*keys).hang_up()
    assert talk.over and not talk.opened


def test_hanging_up_in_mid_record_keeps_the_words() -> None:
    talk = Conversation().press(*TO_RECORD).speak(3, Ended.HANGUP)
    assert talk.over and [r.seconds for r in talk.opened[0].recordings] == [3]


def test_hanging_up_at_the_beep_with_nothing_said_opens_nothing() -> None:
    talk = Conversation().press(*TO_RECORD).speak(0.4, Ended.HANGUP, voiced=0)
    assert talk.over and not talk.opened


def test_half_a_second_of_voice_before_hanging_up_is_a_case() -> None:
    talk = Conversation().press(*TO_RECORD).speak(0.6, Ended.HANGUP, voiced=0.5)
    assert len(talk.opened) == 1


def test_hanging_up_at_the_review_keeps_what_was_opened() -> None:
    talk = at_review().hang_up()
    assert talk.over and len(talk.opened) == 1 and not talk.kept


def test_hanging_up_while_saying_it_again_keeps_both_versions() -> None:
    talk = at_review().press("3").speak(1.5, Ended.HANGUP)
    assert talk.over and len(talk.opened) == 1
    assert [k.instead for k in talk.kept] == [False]


def test_a_meeting_asks_how_to_reach_her_and_who_she_is() -> None:
    talk = Conversation().press("1", "5", "9", "6", "01")
    assert talk.step == "callback"
    talk.press("2", "09120000001#", "1")
    assert talk.step == "national_id"
    talk.press("1", "0012345679", "1")
    opened = talk.speak().opened[0]
    assert (opened.kind, opened.callback, opened.national_id) == ("meeting", "09120000001", "0012345679")


def test_who_withholds_her_number_is_asked_for_one_at_once() -> None:
    talk = Conversation(caller=Caller("", OFFICE_HOURS)).press("1", "5", "9", "6", "01")
    assert talk.step == "callback_number"
    assert talk.press("09120000001#", "1", "2").speak().opened[0].callback == "09120000001"


def test_a_wrong_national_id_is_refused_and_may_be_skipped() -> None:
    talk = Conversation().press("1", "5", "9", "6", "01", "1", "1")
    talk.press("0012345678", "1111111111")
    assert talk.step == "national_id_number" and "national_id.wrong" in talk.heard
    assert talk.press("123#").speak().opened[0].national_id == ""


def test_the_national_id_is_masked_in_the_step_log() -> None:
    talk = Conversation().press("1", "5", "9", "6", "01", "1", "1")
    assert talk.session.trace(Keys("0012345679", Ended.FULL)).key == "•" * 10


def test_a_number_to_call_and_a_code_are_masked_in_the_step_log() -> None:
    talk = Conversation(caller=Caller("", OFFICE_HOURS)).press("1", "5", "9", "6", "01")
    assert talk.session.trace(Keys("09120000001", Ended.FULL)).key == "•" * 11
    talk = Conversation().press("1", "6")
    assert talk.session.trace(Keys(CODE, Ended.FULL)).key == "•" * 10


def test_keys_of_any_step_that_says_so_are_masked_in_the_step_log() -> None:
    menu = default_menu()
    first = menu.steps["language"]
    assert isinstance(first, MenuStep)
    talk = Conversation(menu=replace(menu, steps={**menu.steps, "language": replace(first, sensitive=True)}))
    assert talk.session.trace(Keys("1", Ended.FULL)).key == "•"
    assert talk.press("1").session.trace(Keys("1", Ended.FULL)).key == "1"


def test_follow_up_tells_status_agency_deadline_and_answer() -> None:
    due = OFFICE_HOURS + timedelta(days=2)
    talk = Conversation(seen=CaseSeen(Lookup.FOUND, "answered", "abfa", due, "آب وصل شد"))
    talk.press("1", "6", CODE)
    assert talk.looked_up == [CODE]
    assert {"status.answered", "agency.abfa", Words("آب وصل شد")} <= set(talk.heard)
    assert talk.press("2").step == "follow_up"


def test_an_overdue_case_is_told_to_be_late() -> None:
    seen = CaseSeen(Lookup.FOUND, "referred", "abfa", OFFICE_HOURS - timedelta(days=1))
    talk = Conversation(seen=seen).press("1", "6", CODE)
    assert "status.overdue" in talk.heard and "status.no_answer_yet" in talk.heard


@pytest.mark.parametrize("status", ["closed", "withdrawn", "merged", "advised"])
def test_a_case_that_is_over_is_not_said_to_wait(status: str) -> None:
    seen = CaseSeen(Lookup.FOUND, status, "abfa", OFFICE_HOURS - timedelta(days=1))
    talk = Conversation(seen=seen).press("1", "6", CODE)
    assert f"status.{status}" in talk.heard
    assert not {"status.overdue", "status.no_answer_yet"} & set(talk.heard)


def test_a_code_with_a_wrong_digit_is_never_looked_up() -> None:
    talk = Conversation().press("1", "6", CODE[:-1] + "1")
    assert not talk.looked_up and "follow_up.wrong" in talk.heard


def test_too_many_wrong_codes_are_told_so() -> None:
    talk = Conversation(seen=CaseSeen(Lookup.TOO_MANY)).press("1", "6", CODE)
    assert talk.over and "follow_up.too_many" in talk.heard


@pytest.mark.parametrize(("key", "told"), [("1", "call_back_noted"), ("2", "call_later")])
def test_when_the_books_are_away_a_call_back_is_offered(key: str, told: str) -> None:
    talk = Conversation(seen=CaseSeen(Lookup.UNAVAILABLE)).press("1", "6", CODE)
    assert not talk.over and "follow_up.unavailable" in talk.heard
    assert talk.press(key).over and f"follow_up.{told}" in talk.heard


def test_words_of_which_the_disk_took_only_the_beginning_are_a_case_and_she_is_told() -> None:
    talk = Conversation().press(*TO_RECORD).speak(4.0, Ended.CUT)
    assert talk.step == "review" and "record.cut" in talk.heard and "record.safe" not in talk.heard
    assert [r.ended for r in talk.opened[0].recordings] == [Ended.CUT]


def test_of_whose_words_the_disk_took_too_little_is_not_told_that_she_was_short() -> None:
    talk = Conversation().press(*TO_RECORD).speak(1.0, Ended.CUT)
    assert talk.step == "record" and talk.heard[0] == "record.failed" and "record.too_short" not in talk.heard
    assert [r.seconds for r in talk.speak(20).opened[0].recordings] == [1.0, 20]


def test_words_in_a_file_that_no_journal_took_are_called_neither_kept_nor_lost() -> None:
    record = (menu := default_menu()).steps["record"]
    assert isinstance(record, RecordStep)
    alone = replace(record, too_short=replace(record.too_short, then="goodbye"))
    menu = replace(menu, steps={**menu.steps, "record": alone})
    for ended in (Ended.HASH, Ended.CUT):  # the reconciler makes a case of either, once the disk is well
        talk = Conversation(menu=menu, journal=False).press(*TO_RECORD).speak(20, ended)
        assert talk.over and talk.heard == ["record.unsure", "record.call_again", "goodbye"]


@pytest.mark.parametrize("key", ["3", "4"])
def test_of_further_words_that_no_journal_took_only_the_earlier_are_called_kept(
    key: str,
) -> None:
    talk = at_review()
    talk.journal = False
    talk.press(key).speak(20)
    assert talk.step == "review" and talk.heard[0] == "record.unsure_more"
    assert not {"record.not_more", "record.again_kept", "record.added"} & {*talk.heard}
    assert talk.press("1").step == "code"


def test_when_the_disk_fills_before_she_says_it_again_her_earlier_words_stay() -> None:
    talk = at_review()
    talk.room = False
    assert talk.press("3").step == "review" and "record.not_more" in talk.heard
    assert talk.press("1").step == "code" and len(talk.opened) == 1 and not talk.kept


def test_a_tree_that_goes_on_to_a_code_speaks_none_when_nothing_was_kept() -> None:
    menu = default_menu()
    record = menu.steps["record"]
    assert isinstance(record, RecordStep)
    onward = replace(record, too_short=replace(record.too_short, then="code"))
    talk = Conversation(menu=replace(menu, steps={**menu.steps, "record": onward}), room=False)
    talk.press(*TO_RECORD)
    assert talk.over and talk.heard == [
        "county.chosen",
        "county.tabriz",
        "record.no_room",
        "record.call_again",
        "goodbye",
    ]


def test_three_unknown_codes_go_to_the_operator() -> None:
    talk = Conversation().press("1", "6", CODE, CODE, CODE)
    assert len(talk.looked_up) == 3 and talk.step == "message"


def test_a_crash_still_offers_the_words_for_a_case() -> None:
    talk = Conversation().press(*TO_RECORD)
    talk.speak(0.5, voiced=0.5)
    opening = talk.session.rescue()
    assert opening is not None and replace(opening, recordings=()).kind == "complaint"


def test_a_local_number_of_eight_digits_is_taken_for_a_meeting() -> None:
    for _ in range(2):
        talk = Conversation().press("1", "5", "1", "1", "00", "2", "33334444#")
        assert talk.heard[0] == "callback.heard"
        talk.press("1", "2").speak()
        assert (talk.opened[0].kind, talk.opened[0].callback) == ("meeting", "33334444")


@pytest.mark.parametrize("number", ["", "+442079460123", "112"])
def test_who_can_not_be_called_where_she_calls_from_is_asked_for_a_number(number: str) -> None:
    talk = Conversation(caller=replace(CALLER, number=number)).press("1", "5", "1", "1", "00")
    assert talk.step == "callback_number"


def test_a_number_that_is_never_understood_leaves_kind_and_topic_as_she_chose_them() -> None:
    talk = Conversation(caller=replace(CALLER, now=NIGHT)).press("1", "5", "1", "1", "01", "2")
    talk.press("123#", "123#", "123#")
    assert talk.step == "message"
    opened = talk.speak().opened[0]
    assert (opened.kind, opened.topic, opened.county) == ("meeting", "water.supply", "tabriz")


@pytest.mark.parametrize(
    ("number", "told"),
    [("+989120000000", "code.will_call"), ("", "code.no_call"), ("+442079460123", "code.no_call")],
)
def test_she_is_told_whether_she_will_be_called(number: str, told: str) -> None:
    for _ in range(2):
        talk = Conversation(caller=replace(CALLER, number=number)).press("1", "1", "1", "1", "01")
        heard = talk.speak().press("1").listen().heard
        assert [sound for sound in heard if sound in EXPECT] == [told]


@pytest.mark.parametrize(
    ("key", "told"), [("09120000001#", "code.will_verify"), ("09120000000#", "code.will_call")]
)
def test_a_number_that_she_keys_is_asked_for_first(key: str, told: str) -> None:
    talk = Conversation().press("1", "5", "1", "1", "00", "2", key, "1", "2").speak().press("1").listen()
    assert told in talk.heard


def test_where_nobody_is_called_nobody_is_promised_a_call() -> None:
    talk = Conversation()
    talk.session.directory = replace(talk.session.directory, calls_back=False)
    assert "code.no_call" in talk.press("1", "1", "1", "1", "01").speak().press("1").listen().heard
