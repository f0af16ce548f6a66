"""On the day an order falls due we call her: done, not done, or partly."""

from __future__ import annotations

import pytest

from ivr.voice import callback
from ivr.voice.actions import Words
from ivr.voice.order_call import OrderNews
from tests.voice.conversation import CODE, Conversation


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


def test_another_key_tells_it_again_and_silence_says_nothing() -> None:
    talk = called().press("*")
    assert talk.heard == ["order.due", "agency.abfa", Words("آب وصل شود"), "order.menu"]
    talk.silent(2)
    assert talk.over and talk.session.verdict == ""
