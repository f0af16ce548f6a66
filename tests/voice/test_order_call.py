"""On the day an order falls due we call her: done, not done, or partly."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.voice import callback, saying
from ivr.voice.actions import Words
from ivr.voice.order_call import OrderNews
from tests.voice.conversation import CALLER, CODE, DIRECTORY, Conversation

ORDER = "9876543219"


def called(language: str = "fa") -> Conversation:
    return Conversation(menu=callback.order(CODE, OrderNews("abfa", "آب وصل شود"), language))


@pytest.mark.parametrize("language", ["fa", "az"])
@pytest.mark.parametrize(
    ("key", "verdict", "said"),
    [
        ("1", "order_done", "order.done"),
        ("2", "order_not_done", "order.not_done"),
        ("3", "order_partly", "order.not_done"),
    ],
)
def test_she_hears_who_was_to_do_what_and_her_key_counts(
    language: str, key: str, verdict: str, said: str
) -> None:
    talk = called(language)
    assert talk.heard[:4] == ["callback.greeting", "order.due", "agency.abfa", Words("آب وصل شود")]
    assert talk.heard[-1] == "order.menu"
    talk.press(key)
    assert talk.over and talk.session.verdict == verdict and talk.heard == [said, "callback.goodbye"]


def test_a_body_whose_name_has_no_sound_yet_is_not_named() -> None:
    others = replace(DIRECTORY, agencies=("gas",))
    news = OrderNews("abfa", "آب وصل شود")
    talk = Conversation(menu=callback.order(CODE, news, "fa"), directory=others)
    assert talk.heard[:3] == ["callback.greeting", "order.due", Words("آب وصل شود")]


@pytest.mark.parametrize("keys", ["7", "***7"])
def test_another_key_tells_it_again_and_silence_says_nothing(keys: str) -> None:
    talk = called().press(*keys)
    assert talk.heard == ["order.due", "agency.abfa", Words("آب وصل شود"), "order.menu"]
    talk.silent(2)
    assert talk.over and talk.session.verdict == ""


@pytest.mark.parametrize("language", ["fa", "az"])
def test_days_later_she_hears_which_day_it_was(language: str) -> None:
    today = CALLER.now.date()
    for days, said in (
        (0, ["order.due"]),
        (2, ["order.was_due", *saying.day(today - timedelta(2), language)]),
    ):
        news = OrderNews("abfa", "آب وصل شود", ORDER, today - timedelta(days))
        talk = Conversation(menu=callback.order(CODE, news, language))
        assert talk.heard[1 : len(said) + 2] == [*said, "agency.abfa"]


def asked_of_an_order(language: str = "fa", room: bool = True) -> Conversation:
    news = OrderNews("abfa", "آب وصل شود", ORDER)
    return Conversation(menu=callback.order(CODE, news, language), room=room)


@pytest.mark.parametrize("language", ["fa", "az"])
def test_who_says_partly_says_what_is_missing_and_it_joins_the_orders_own_case(language: str) -> None:
    talk = asked_of_an_order(language).press("3")
    assert talk.heard[-1] == "order.missing" and talk.session.verdict == "order_partly"
    talk.speak(5)
    assert [kept.code for kept in talk.kept] == [ORDER]
    assert talk.over and talk.heard == ["order.not_done", "callback.goodbye"]


def test_her_key_counts_where_she_hangs_up_at_the_beep_or_there_is_no_room() -> None:
    talk = asked_of_an_order().press("3")
    talk.hang_up()
    assert talk.over and talk.session.verdict == "order_partly"
    full = asked_of_an_order(room=False).press("3")
    assert full.heard == ["order.no_words", "order.not_done", "callback.goodbye"]
    assert full.missed == ["no_room"]


def test_what_is_missing_may_be_kept_where_it_is_in_a_file_and_in_no_journal() -> None:
    talk = asked_of_an_order().press("3").listen()
    talk.journal = False
    assert talk.speak(5).heard == ["record.unsure", "order.not_done", "callback.goodbye"]
