"""She hears the answer and says whether it is solved: when we call her, and when she asks herself."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from ivr.cases.meetings import RequestState
from ivr.cases.turns import Hours
from ivr.voice import callback, script, verdict
from ivr.voice.actions import Action, Ask, Clip, HangUp, Record, Say, Sound, Words
from ivr.voice.events import CaseSeen, Ended, HungUp, Keys, Lookup, MeetingSeen, PartSeen, Said, Transfer
from ivr.voice.parse import parse
from ivr.voice.session import Session
from ivr.voice.steps.operator import OperatorStep, own_operator
from tests.voice.conversation import CALLER, CODE, DIRECTORY, OFFICE_HOURS, TREE, UNKNOWN, Conversation

ANSWERED = CaseSeen(Lookup.FOUND, "answered", "abfa", None, "آب وصل شد", may_confirm=True)
BY = ("callback.agency_is", "agency.abfa")
OPERATOR = OperatorStep("operator", 0, ("operator.connecting",), "operators", None, 300, (), "")


def ringing(seen: CaseSeen = ANSWERED, language: str = "fa", **more: Any) -> Conversation:
    """She has answered, and hears who calls."""
    return Conversation(menu=callback.menu(CODE, seen, language, OPERATOR), **more)


def called(seen: CaseSeen = ANSWERED, language: str = "fa", **more: Any) -> Conversation:
    """She has heard the answer, too."""
    return ringing(seen, language, **more).listen()


def test_whose_name_has_no_sound_yet_is_not_announced() -> None:
    """As of a body that people added: she would hear “responsible body” and then nothing."""
    others = replace(DIRECTORY, agencies=("gas",))
    assert called(ANSWERED, directory=others).heard == [Words("آب وصل شد"), "verdict.menu"]
    parts = PartSeen("abfa", True), PartSeen("gas", False)
    seen = CaseSeen(Lookup.FOUND, "referred", agency="abfa", parts=parts)
    stands = ("status.referred", "status.parts_are", "agency.gas", "status.part_waiting")
    assert verdict.standing(seen, others) == stands
    assert verdict.standing(replace(seen, parts=()), others) == ("status.referred",)
    by_voice = PartSeen("abfa", True, "answers/1"), PartSeen("gas", True, "answers/2")
    told = verdict.answer(CaseSeen(Lookup.FOUND, "answered", parts=by_voice), "fa", others)
    assert told == ("status.answer_is", Clip("answers/1"), "agency.gas", Clip("answers/2"))


def test_a_case_of_which_one_body_is_left_is_not_said_to_be_with_several() -> None:
    """As after the other part was withdrawn, or one order, or two to one body."""
    seen = CaseSeen(Lookup.FOUND, "in_progress", agency="desk", parts=(PartSeen("abfa", False),))
    alone = ("status.in_progress", "status.agency_is", "agency.abfa")
    assert verdict.standing(seen, DIRECTORY) == alone
    both = (PartSeen("abfa", True), PartSeen("abfa", False))
    assert verdict.standing(replace(seen, parts=both), DIRECTORY) == alone


def digits(talk: Conversation) -> list[Sound]:
    return [sound for sound in talk.heard if str(sound).startswith("digit.")]


def test_while_it_is_determined_whose_a_returned_case_is_nobody_is_named_responsible() -> None:
    returned = CaseSeen(Lookup.FOUND, "returned", agency="abfa")
    assert verdict.standing(returned, DIRECTORY) == ("status.returned",)
    taken_on = verdict.standing(replace(returned, status="referred"), DIRECTORY)
    assert taken_on == ("status.referred", "status.agency_is", "agency.abfa")


def test_she_hears_who_calls_and_the_news_and_again_to_which_code() -> None:
    talk = ringing(replace(ANSWERED, kind="complaint"))
    assert talk.heard == ["callback.greeting", "callback.answer_to.complaint"]
    assert talk.listen().heard == [Words("آب وصل شد"), *BY, "verdict.menu"]
    talk.press("3")
    assert digits(talk) == [f"digit.{d}" for d in CODE] and "callback.code_is" in talk.heard


@pytest.mark.parametrize("key", ["1", "2", "*", "#", "7"])
def test_no_key_counts_before_the_answer_was_heard(key: str) -> None:
    talk = ringing().press(key)
    assert talk.heard == [Words("آب وصل شد"), *BY, "verdict.menu"] and talk.verdicts == []
    following = Conversation(seen=ANSWERED).press("1", "6", CODE, key)
    assert Words("آب وصل شد") in following.heard and following.verdicts == []
    assert talk.press("1").verdicts == [True] and following.press("1").wished == [CODE]


def test_nothing_cuts_the_answer_short_the_first_time() -> None:
    said = []
    talk = Session(callback.menu(CODE, ANSWERED, "fa"), DIRECTORY, CALLER)
    action: Action | None = talk.start()
    for event in (Said("1"), Said()):
        action = talk.receive(event)
        said.append(action)
    assert isinstance(said[0], Say) and said[0].speech == (Words("آب وصل شد"), *BY) and not said[0].barge_in
    assert isinstance(said[1], Ask) and said[1].speech == ("verdict.menu",)


def test_a_recorded_answer_is_played_instead_of_words() -> None:
    assert called(replace(ANSWERED, voice="answers/1")).heard[0] == Clip("answers/1")


def test_a_long_answer_is_heard_to_its_last_word() -> None:
    answer = "\n".join(f"{body}: {'لوله تعمیر شد. ' * 80}{body} پایان" for body in ("آب", "برق", "گاز"))
    heard = " ".join(
        sound.text for sound in called(replace(ANSWERED, answer=answer)).heard if isinstance(sound, Words)
    )
    assert heard.split() == answer.split()


@pytest.mark.parametrize(
    ("language", "words", "intro"),
    [
        ("az", "آب وصل شد", ["status.answer_in_fa"]),
        ("az", "Su gəldi", []),  # what it answers was said just before
        ("fa", "Su gəldi", ["status.answer_in_az"]),
    ],
)
def test_an_answer_in_another_language_than_hers_is_announced(
    language: str, words: str, intro: list[Sound]
) -> None:
    heard = called(replace(ANSWERED, answer=words), language).heard
    assert heard[: heard.index(Words(words))] == intro
    asked = Conversation(seen=replace(ANSWERED, answer=words)).press("2" if language == "az" else "1", "6")
    heard = asked.press(CODE).listen().heard
    assert heard[: heard.index(Words(words))] == (intro or ["status.answer_is"])


def test_an_answer_that_no_voice_can_read_is_neither_noise_nor_silence() -> None:
    heard = ringing(replace(ANSWERED, answer="سیزین ایشینیزه باخیلدی"), "az").heard
    assert "status.answer_unread" in heard and not any(isinstance(sound, Words) for sound in heard)
    voiced = called(replace(ANSWERED, answer="سیزین ایشینیزه باخیلدی", voice="answers/1"), "az").heard
    assert Clip("answers/1") in voiced and "status.answer_unread" not in voiced


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ("answered", "status.answer_withheld"),
        ("closed", "status.answer_withheld"),
        ("reopened", "status.answer_was_withheld"),  # none is ready: another one is owed
    ],
)
def test_from_another_number_she_hears_how_it_stands_and_what_to_do_for_the_answer(
    status: str, kept: str
) -> None:
    seen = CaseSeen(Lookup.FOUND, status, "abfa", withheld=True)
    asking = Conversation(seen=seen).press("1", "6", CODE)
    assert asking.heard[-3:] == ["agency.abfa", kept, "verdict.or_operator"]
    assert kept in ringing(seen).heard
    assert f"status.{status}" in asking.heard and "status.no_answer_yet" not in asking.heard
    asking.press("2")
    assert asking.verdicts == [] and asking.over


@pytest.mark.parametrize(
    ("due", "owed"), [(timedelta(days=3), "status.due_is"), (-timedelta(days=3), "status.overdue")]
)
def test_of_a_case_that_is_open_again_she_hears_the_former_answer_and_what_is_owed(
    due: timedelta, owed: str
) -> None:
    seen = replace(ANSWERED, status="referred", agency="gas", due_at=OFFICE_HOURS + due)
    heard = Conversation(seen=seen).press("1", "6", CODE).heard
    its = heard[heard.index("agency.gas") + 1 :]
    assert its[:3] == ["status.answer_was", Words("آب وصل شد"), owed] and "status.answer_is" not in its
    assert "status.no_answer_yet" not in its
    heard = Conversation(seen=seen).press("2", "6", CODE).heard
    assert heard[heard.index("status.answer_was") + 1] == "status.answer_in_fa"
    for kept, told in ((replace(seen, answer="✓"), "unread"), (replace(seen, withheld=True), "withheld")):
        heard = Conversation(seen=kept).press("1", "6", CODE).heard
        its = heard[heard.index("agency.gas") + 1 :]
        assert its[:2] == [f"status.answer_was_{told}", owed]


def test_an_answer_that_retention_shut_is_ready_for_nobody() -> None:
    seen = CaseSeen(Lookup.FOUND, "closed", "abfa", withheld=True, past=True)
    heard = Conversation(seen=seen).press("1", "6", CODE).heard
    assert "status.answer_past" in heard and "status.answer_withheld" not in heard


UNREAD, SIGNS = replace(ANSWERED, answer="سیزین ایشینیزه باخیلدی"), replace(ANSWERED, answer="✓")


@pytest.mark.parametrize("seen", [UNREAD, replace(UNREAD, status="closed", may_reopen=True), SIGNS])
def test_nobody_is_asked_to_judge_an_answer_that_she_has_not_heard(seen: CaseSeen) -> None:
    talk = ringing(replace(seen, status=ANSWERED.status, may_reopen=False), "az")
    assert "status.answer_unread" in talk.heard and talk.heard[-1] == "verdict.or_operator"
    talk.press("1")
    assert talk.over and talk.session.verdict == "unread" and talk.verdicts == []
    asking = Conversation(seen=seen).press("2", "6", CODE)
    assert asking.heard[-2:] == ["status.answer_unread", "verdict.or_operator"]
    assert asking.press("2").verdicts == []
    assert "operator.connecting" in ringing(UNREAD, "az").press("0").heard


def test_nobody_is_asked_about_an_answer_in_a_voice_that_can_t_be_played_now() -> None:
    voiced = replace(ANSWERED, answer="", voice="answers/1")
    by_parts = replace(voiced, voice="", parts=(PartSeen("abfa", True, "answers/1"),))
    unheard, partly = (verdict.without(each, ["answers/1"]) for each in (voiced, by_parts))
    for seen, behind in ((unheard, "status.answer_is"), (partly, "agency.abfa")):
        talk = ringing(seen)
        assert talk.heard[-1] == "verdict.or_operator" and "status.answer_unheard" in talk.heard
        assert "status.answer_is" not in talk.heard and Clip("answers/1") not in talk.heard
        assert talk.press("1").over and talk.session.verdict == "unread" and talk.verdicts == []
        asking = Conversation(seen=seen).press("1", "6", CODE)
        assert asking.heard[-3:] == [behind, "status.answer_unheard", "verdict.or_operator"]
        assert asking.press("1").verdicts == [] and not asking.wished
    told = ringing(replace(unheard, may_confirm=False))
    assert "status.answer_unheard" in told.heard and "status.no_answer_yet" not in told.heard


def test_of_a_case_in_parts_all_is_told_but_the_voice_that_can_t_be_played_and_nobody_is_asked() -> None:
    parts = (PartSeen("abfa", True), PartSeen("fuel", True, "answers/1"), PartSeen("gas", True, "answers/2"))
    seen = verdict.without(replace(ANSWERED, parts=parts), ["answers/1"])
    told: list[Sound] = [Words("آب وصل شد"), "agency.fuel", "status.answer_unheard"]
    told += ["agency.gas", Clip("answers/2")]
    ours, hers = ringing(seen), Conversation(seen=seen).press("1", "6", CODE)
    assert ours.heard[2:7] == told and hers.heard[-6:] == [*told, "verdict.or_operator"]
    assert ours.press("1").verdicts == hers.press("1").verdicts == [] and not hers.wished


def test_what_is_written_beside_a_voice_that_can_t_be_played_is_read_and_she_is_asked_about_that() -> None:
    """Not what no voice reads."""
    seen = verdict.without(replace(ANSWERED, voice="answers/1"), ["answers/1"])
    assert called(seen).heard == [Words("آب وصل شد"), *BY, "verdict.menu"]
    assert "status.answer_unheard" in ringing(verdict.without(replace(UNREAD, voice="x"), ["x"])).heard


def test_whom_no_operator_answers_is_told_that_nobody_is_there() -> None:
    for talk in (ringing(UNREAD).press("0"), called(room=False).press("2", "0")):
        assert talk.over and "operator.closed" in talk.heard
    reached = ringing(UNREAD, transfer=Transfer.ANSWERED).press("0")
    assert reached.over and "operator.closed" not in reached.heard
    at_night = replace(OPERATOR, hours=Hours(frozenset(), time(8), time(16)), closed_prompt=("own.night",))
    closed = Conversation(menu=callback.menu(CODE, UNREAD, "fa", at_night)).press("0")
    assert "own.night" in closed.heard and "operator.closed" not in closed.heard


def test_the_operator_is_the_one_of_the_tree_itself() -> None:
    theirs = replace(OPERATOR, id="water.122.person")
    assert own_operator({each.id: each for each in (theirs, OPERATOR)}) is OPERATOR


@pytest.mark.parametrize(
    ("language", "intro", "words"),
    [("az", [], "Su gəldi"), ("fa", [], "آب وصل شد")],
)
def test_who_speaks_another_language_than_the_answer_hears_what_was_written_to_be_spoken(
    language: str, intro: list[Sound], words: str
) -> None:
    heard = called(replace(ANSWERED, spoken="Su gəldi"), language).heard
    assert heard[: len(intro) + 1] == [*intro, Words(words)]
    both = called(replace(UNREAD, spoken="Su gəldi"), language).heard
    assert Words("Su gəldi") in both and "status.answer_unread" not in both


def test_solved_is_safe_before_she_is_asked_how_content_she_is() -> None:
    talk = called().press("1")
    assert talk.verdicts == [True] and talk.heard == ["verdict.solved", "verdict.rate"]
    talk.press("4")
    assert talk.rates == [4] and talk.over and talk.session.verdict == "solved"


def test_a_one_pressed_twice_is_no_answer_to_how_content_she_is() -> None:
    talk = called().press("1")
    assert isinstance(talk.action, Ask) and talk.action.speech == ("verdict.rate",)
    assert talk.heard[0] == "verdict.solved", "which no key cuts short"
    talk.tell(Keys("1", Ended.FULL, after=0.3))
    assert talk.rates == [] and talk.press("5").rates == [5]


def test_contentment_is_asked_once_and_only_one_to_five_counts() -> None:
    assert called(replace(ANSWERED, rated=True)).press("1").over
    assert called().press("1", "9").rates == [] and called().press("1").silent().rates == []


def test_a_star_repeats_how_content_she_is_and_what_only_an_operator_may_read_to_her() -> None:
    talk = called().press("1", "*")
    assert not talk.over and talk.heard == ["verdict.rate"]
    assert talk.press("4").rates == [4] and talk.over
    unread = ringing(UNREAD, "az")
    told = [*unread.heard][-2:]
    assert unread.press("*").heard[-2:] == told and not unread.over


def test_a_star_is_no_refusal_to_say_once_more_why_it_is_not_solved() -> None:
    talk = called(room=False).press("2")
    why = ["verdict.no_words", "verdict.try_again", "verdict.or_operator"]
    assert talk.press("*").heard == why and not talk.over
    talk.room = True
    assert len(talk.press("1").speak().kept) == 1


def test_not_solved_counts_at_once_and_her_words_join_the_case() -> None:
    talk = called().press("2")
    assert talk.verdicts == [False] and isinstance(talk.action, Say)
    talk.speak()
    assert [kept.code for kept in talk.kept] == [CODE] and not talk.opened
    assert talk.over and talk.session.verdict == "not_solved"


@pytest.mark.parametrize("ended", [Ended.HANGUP, Ended.SILENCE, Ended.LIMIT])
def test_words_are_kept_however_they_end(ended: Ended) -> None:
    talk = called().press("2").speak(ended=ended)
    assert len(talk.kept) == 1 and talk.over


def test_a_silent_recording_is_no_reason_and_hanging_up_at_the_beep_is_one_neither() -> None:
    assert called().press("2").speak(voiced=0).kept == []
    talk = called().press("2").listen()
    assert isinstance(talk.action, Record)
    assert talk.hang_up().kept == [] and talk.verdicts == [False]


def test_three_and_star_tell_again_but_not_for_ever() -> None:
    talk = called().press("3")
    assert Words("آب وصل شد") in talk.heard
    talk.press(*"*3*3*")
    assert talk.over and talk.session.verdict == ""
    assert (talk.heard[0], talk.heard[-1]) == ("callback.later", "callback.goodbye")
    assert digits(talk) == [f"digit.{d}" for d in CODE]  # 111 will ask for it


def test_without_a_key_she_was_not_reached() -> None:
    talk = called().silent()
    assert talk.heard == ["verdict.menu"]  # not the whole answer to an answering machine
    assert talk.silent().over and talk.session.verdict == "" and talk.verdicts == []


def test_a_status_is_told_without_a_question() -> None:
    talk = ringing(CaseSeen(Lookup.FOUND, "referred", "abfa"))
    assert talk.over and "status.referred" in talk.heard and talk.session.verdict == "heard"
    she = ringing(replace(ANSWERED, may_confirm=False))
    assert she.over and Words("آب وصل شد") in she.heard and she.verdicts == []


def test_a_stranger_whom_we_call_hears_how_it_stands_and_what_to_do_for_the_answer() -> None:
    talk = ringing(CaseSeen(Lookup.FOUND, "answered", "abfa", withheld=True))
    assert talk.over and talk.session.verdict == "heard" and talk.verdicts == []
    assert talk.heard[1:5] == ["status.answered", "status.agency_is", "agency.abfa", "status.answer_withheld"]
    assert "status.no_answer_yet" not in talk.heard


def test_whatever_is_pressed_the_call_ends() -> None:
    talk = ringing()
    for _ in range(30):
        match talk.action:
            case Ask():
                talk.tell(Keys("8", Ended.FULL))
            case Say():
                talk.tell(Said())
            case HangUp():
                return
            case _:
                talk.tell(HungUp())
    raise AssertionError("it goes on for ever")


def test_following_up_herself_she_may_say_so_too() -> None:
    talk = Conversation(seen=ANSWERED).press("1", "6", CODE)
    assert talk.heard[-1] == "agency.abfa"
    assert talk.listen().heard[-2:] == [Words("آب وصل شد"), "verdict.menu"]
    reopened = Conversation(seen=ANSWERED).press("1", "6", CODE).listen().press("2").speak()
    assert reopened.verdicts == [False] and [kept.code for kept in reopened.kept] == [CODE]
    assert not reopened.opened


@pytest.mark.parametrize("keys", ["", "3*3*3*"])
def test_who_leaves_her_own_follow_up_without_a_verdict_is_told_that_none_was_noted(keys: str) -> None:
    talk = Conversation(seen=ANSWERED).press("1", "6", CODE).listen().press(*keys)
    while not talk.over and not keys:
        talk.silent()
    assert talk.heard[0] == "callback.later" and talk.verdicts == [] and talk.over


def test_by_the_code_of_a_duplicate_she_hears_and_judges_the_case_in_which_it_goes_on() -> None:
    seen = replace(ANSWERED, into="1000000005")
    asking = Conversation(seen=seen).press("1", "6", CODE)
    assert asking.heard[-4:] == ["status.merged", "status.answered", "status.agency_is", "agency.abfa"]
    assert asking.listen().press("1").wished == ["1000000005"]
    again = Conversation(seen=seen).press("1", "6", CODE).listen().press("2").speak()
    assert again.verdicts == [False] and [kept.code for kept in again.kept] == ["1000000005"]


def test_her_number_and_her_code_do_not_end_her_case_our_call_does() -> None:
    talk = Conversation(seen=ANSWERED).press("1", "6", CODE).listen().press("1")
    assert (talk.verdicts, talk.proven, talk.wished) == ([True], [False], [CODE]) and not talk.rates
    assert "verdict.by_call" in talk.heard, "and her word stands in the case, whether we reach her or not"
    nobody_calls = replace(DIRECTORY, calls_back=False)
    noted = Conversation(seen=ANSWERED, directory=nobody_calls).press("1", "6", CODE).listen().press("1")
    assert (noted.verdicts, noted.proven, noted.wished) == ([True], [False], [])
    assert "verdict.noted" in noted.heard and called().press("1").proven == [True]


def test_from_another_telephone_she_only_hears() -> None:
    talk = Conversation(seen=replace(ANSWERED, may_confirm=False)).press("1", "6", CODE)
    assert talk.heard[-1] == "status.after" and talk.press("2").verdicts == []
    assert Conversation(seen=UNKNOWN).press("1", "6", CODE).verdicts == []


def test_where_nothing_can_be_recorded_her_two_counts_and_she_is_told_so() -> None:
    talk = called(room=False).press("2")
    assert talk.verdicts == [False] and talk.heard == [
        "verdict.no_words", "verdict.try_again", "verdict.or_operator",
    ]  # fmt: skip
    assert "verdict.why" not in talk.press("1").heard  # no "after the beep" where none comes
    talk.room = True
    talk.press("1").speak()
    assert [kept.code for kept in talk.kept] == [CODE] and talk.missed == []
    assert talk.over and talk.heard == ["verdict.reopened", "callback.goodbye"]


@pytest.mark.parametrize("how", ["silent", "hang up", "operator", "tries"])
def test_the_case_is_told_that_her_reason_is_missing(how: str) -> None:
    talk = called(room=False, transfer=Transfer.ANSWERED).press("2")
    match how:
        case "silent":
            talk.silent()
        case "hang up":
            talk.hang_up()
        case "operator":
            talk.press("0")
        case _:
            talk.press("1", "1", "1")
    assert talk.over and talk.missed == ["no_room"] and talk.session.verdict == "not_solved"


def test_a_recording_that_asterisk_did_not_make_may_be_tried_again() -> None:
    talk = called().press("2").speak(ended=Ended.FAILED)
    assert talk.heard[0] == "verdict.no_words"
    assert talk.press("1").speak(ended=Ended.FAILED).silent().missed == ["failed"] and talk.kept == []


def test_a_reason_that_is_in_a_file_and_in_no_journal_is_not_called_lost() -> None:
    talk = called().press("2").listen()
    talk.journal = False
    assert talk.speak().heard == [
        "verdict.reopened", "record.unsure", "verdict.try_again", "verdict.or_operator",
    ]  # fmt: skip
    talk.journal = True
    assert talk.press("1").speak().over and talk.heard == ["verdict.reopened", "callback.goodbye"]


@pytest.mark.parametrize("ended", [Ended.HASH, Ended.CUT, Ended.FAILED, Ended.SILENCE])
def test_a_hash_just_behind_her_reason_is_no_answer_to_whether_she_tries_again(ended: Ended) -> None:
    talk = called().press("2").listen()
    talk.journal = False
    asked = [*talk.speak(ended=ended).heard]
    talk.tell(Keys("", Ended.HASH, after=0.3))
    assert talk.heard == asked and asked[-2:] == ["verdict.try_again", "verdict.or_operator"]
    assert talk.press("#").over


@pytest.mark.parametrize("key", ["1", "2"])
def test_a_word_that_no_journal_took_is_called_neither_noted_nor_lost_and_she_is_called_again(
    key: str,
) -> None:
    talk = called(journal=False).press(key)
    assert talk.over and talk.heard == ["verdict.unsure", "record.call_again", "callback.goodbye"]
    assert talk.session.verdict == "" and not talk.rates
    hers = Conversation(seen=ANSWERED, journal=False, directory=replace(DIRECTORY, calls_back=False))
    assert hers.press("1", "6", CODE).listen().press(key).over
    assert hers.heard == ["verdict.unsure", "record.call_again", "goodbye"]


def test_what_she_says_of_another_matter_behind_not_solved_joins_no_earlier_case() -> None:
    """In a tree that goes on there; she hangs up in mid-word."""
    goes_on = re.sub("(unknown_go: follow_up\n    go:) goodbye", r"\1 kind", TREE.read_text())
    talk = Conversation(parse(goes_on.encode(), TREE.name), seen=ANSWERED).press("1", "6", CODE).listen()
    talk.press("2").speak().press("1", "1", "1", "01").speak(ended=Ended.HANGUP)
    assert [kept.code for kept in talk.kept] == [CODE] and talk.over
    [opened] = talk.opened
    assert [each.ended for each in opened.recordings] == [Ended.HANGUP]


def test_who_gets_stuck_with_another_matter_behind_not_solved_hears_no_code_of_an_earlier_case() -> None:
    goes_on = re.sub("(unknown_go: follow_up\n    go:) goodbye", r"\1 kind", TREE.read_text())
    menu = parse(goes_on.encode(), TREE.name)
    menu = replace(menu, limits=replace(menu.limits, misses=1))
    talk = Conversation(menu, seen=ANSWERED, transfer=Transfer.ANSWERED).press("1", "6", CODE).listen()
    talk.press("2").speak().press("9")
    assert talk.transfers and "code.is" not in talk.heard and talk.over


CLOSED = replace(ANSWERED, status="closed", may_confirm=False, may_reopen=True)


def test_a_closed_case_is_opened_again_by_its_own_caller() -> None:
    talk = Conversation(seen=CLOSED).press("1", "6", CODE, "2")
    assert talk.heard[-1] == "verdict.closed_menu" and talk.verdicts == []
    talk.press("3")
    assert Words("آب وصل شد") in talk.heard
    talk.press("2").speak()
    assert talk.verdicts == [False] and [kept.code for kept in talk.kept] == [CODE] and not talk.opened
    assert Conversation(seen=CLOSED).press("1", "6", CODE).listen().silent().over
    stranger = Conversation(seen=replace(CLOSED, may_reopen=False)).press("1", "6", CODE)
    assert stranger.heard[-1] == "status.after"


def test_whose_closed_answer_can_t_be_spoken_is_told_so_and_may_open_her_case_again_all_the_same() -> None:
    talk = Conversation(seen=CLOSED).press("1", "6", CODE)
    talk.tell(Said(unspoken=True))
    assert talk.heard == ["status.answer_unheard", "verdict.closed_menu"]
    again = talk.press("3").heard
    assert Words("آب وصل شد") in again and "status.answer_unheard" not in again, "it may be spoken by now"
    talk.press("2").speak()
    assert talk.verdicts == [False]


def test_who_hears_silence_for_an_answer_on_the_call_that_she_wished_was_not_reached() -> None:
    tomorrow = OFFICE_HOURS + timedelta(days=1)
    meeting = MeetingSeen(RequestState.INVITED, starts_at=tomorrow, place="استانداری")
    meets = CaseSeen(Lookup.FOUND, "referred", "abfa", meeting=meeting)
    again = replace(
        meets, status="reopened", answer="آب وصل شد"
    )  # which of the two she did not hear nobody knows
    heard = replace(ANSWERED, may_confirm=False)
    for seen, told in ((heard, ["status.answer_unheard"]), (meets, []), (again, [])):
        for unspoken, outcome in ((True, ""), (False, "heard")):
            session = Session(callback.menu(CODE, seen, "fa"), DIRECTORY, CALLER)
            stands = session.start()
            assert isinstance(stands, Say) and any(isinstance(each, Words) for each in stands.speech)
            last = session.receive(Said(unspoken=unspoken))
            assert isinstance(last, Say) and [*last.speech] == [
                *(told if unspoken else []),
                "callback.goodbye",
            ]
            assert isinstance(session.receive(Said()), HangUp) and session.verdict == outcome


@pytest.mark.parametrize(("key", "verdict_"), [("1", "confirmed"), ("2", "refused")])
def test_a_number_that_was_given_is_asked_for_and_nothing_is_told(key: str, verdict_: str) -> None:
    talk = Conversation(menu=callback.verification("az"))
    assert talk.heard == ["callback.greeting", "callback.verify"]
    assert talk.press("7", "*", "*", "*").heard == ["callback.greeting", "callback.verify"]
    talk.press(key)
    assert talk.over and talk.session.verdict == verdict_ and talk.verdicts == []


def test_whoever_presses_nothing_has_confirmed_nothing() -> None:
    talk = Conversation(menu=callback.verification("fa")).silent(3)
    assert talk.over and talk.session.verdict == "" and talk.heard == ["callback.goodbye"]


def test_an_answer_whose_pieces_are_read_is_announced_in_the_voice_of_the_first() -> None:
    """Its whole has three words of another language."""
    text = "\n".join(["سهند شبستر هریس میانه " * 40 + "باخیلدی"] * 3)
    assert script.read_in(text, "fa") is None
    for language, intro in (("fa", "status.answer_is"), ("az", "status.answer_in_fa")):
        said = verdict.answer(replace(ANSWERED, answer=text, spoken="", parts=()), language, DIRECTORY)
        assert said[0] == intro
