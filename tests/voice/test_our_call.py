"""On calls that we place, a key that settles one is safe before she is thanked for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.cases.callback import SETTLED as ALL_SETTLED
from ivr.voice import callback
from ivr.voice.actions import FindRoom, Say, Settle
from ivr.voice.events import Confirmed, Ended, Keys
from ivr.voice.lottery_call import LotteryNews
from ivr.voice.menu import Menu
from ivr.voice.order_call import OrderNews
from ivr.voice.our_call import MENU
from ivr.voice.turn_call import TurnNews
from tests.voice.conversation import CODE, Conversation
from tests.voice.test_invitation import INVITED

ABOUT_AN_ORDER = OrderNews("abfa", "آب وصل شود", "9876543219")


def order(language: str) -> Menu:
    return callback.order(CODE, ABOUT_AN_ORDER, language)


def meeting(language: str) -> Menu:
    return callback.meeting(CODE, INVITED, language)


def lottery(language: str) -> Menu:
    return callback.lottery(CODE, LotteryNews("1.7"), language)


def turn(language: str) -> Menu:
    return callback.turn(CODE, TurnNews("operators"), language)


SETTLED = [
    (order, "1", "order_done", "order.done"),
    (order, "2", "order_not_done", "order.not_done"),
    (meeting, "1", "comes", "meeting.comes"),
    (meeting, "2", "cant_come", "meeting.cant_come"),
    (meeting, "3", "another_day", "meeting.another_day"),
    (callback.verification, "1", "confirmed", "callback.verified"),
    (callback.verification, "2", "refused", "callback.refused"),
    (lottery, "3", "wont_talk", "lottery.declined"),
    (turn, "2", "wont_talk", "turn.declined"),
]


@pytest.mark.parametrize("language", ["fa", "az"])
@pytest.mark.parametrize(("menu", "key", "outcome", "thanks"), SETTLED)
def test_her_key_is_safe_before_she_is_thanked_and_where_no_journal_takes_it_she_hears_that_nobody_knows(
    menu: Callable[[str], Menu], key: str, outcome: str, thanks: str, language: str
) -> None:
    for noted, said in ((True, thanks), (False, "verdict.unsure")):
        session = Conversation(menu=menu(language)).session
        assert session.menu.name == MENU
        assert session.receive(Keys(key, Ended.FULL)) == Settle(outcome)
        told = session.receive(Confirmed(noted))
        assert isinstance(told, Say) and told.speech[0] == said and told.speech[-1] == "callback.goodbye"
        assert session.verdict == outcome, "the end of her call says it, too"


def test_that_an_order_is_done_in_part_is_safe_before_she_is_asked_what_is_missing() -> None:
    for noted in (True, False):
        session = Conversation(menu=order("fa")).session
        assert session.receive(Keys("3", Ended.FULL)) == Settle("order_partly")
        assert isinstance(session.receive(Confirmed(noted)), FindRoom if noted else Say)
    assert {outcome for _, _, outcome, _ in SETTLED} | {"order_partly"} == ALL_SETTLED
