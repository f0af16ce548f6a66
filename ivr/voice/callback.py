"""Calls that we place: to tell an answer, or to ask whether a number is right. Each has a tree of its own.

These steps are never written in YAML: they are built for one call, and it ends behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

from ivr.cases.kinds import Kind
from ivr.voice import invitation, lottery_call, order_call, saying, turn_call, verdict
from ivr.voice.actions import Say, Speech, Words
from ivr.voice.events import CaseSeen, Said
from ivr.voice.invitation import InvitationStep, MeetingNews
from ivr.voice.lottery_call import LotteryNews, LotteryStep
from ivr.voice.menu import Menu, Step
from ivr.voice.order_call import OrderNews, OrderStep
from ivr.voice.our_call import MENU, OurCallStep
from ivr.voice.own_words import played
from ivr.voice.steps.operator import OperatorStep, own_operator
from ivr.voice.talk import Flow, Talk
from ivr.voice.turn_call import TurnNews, TurnStep
from ivr.voice.ways import Miss

_NEVER = Miss(verdict.MISSES, (), "")
_ASKING = ((), 7.0, 3.0, True, _NEVER, _NEVER, False)  # of a step that no tree holds

SPEAKS = (
    verdict.PROMPTS
    | invitation.SPEAKS
    | order_call.SPEAKS
    | lottery_call.SPEAKS
    | turn_call.SPEAKS
    | {
        lottery_call.TO_THE_OFFICIAL,
        "callback.greeting",
        "callback.code_is",
        "callback.agency_is",
        "callback.goodbye",
        "callback.verify",
        "callback.verified",
        "callback.refused",
        *(f"callback.answer_to.{kind}" for kind in Kind),
    }
)


def operator_of(tree: Menu, language: str) -> OperatorStep | None:
    """Whom that tree has for her, in its own words: the tree of our call has none."""
    operator = own_operator(tree.steps)
    if operator is None:
        return None
    called = sorted(tree.called_words.items(), reverse=True)  # the longest name first
    words = next((own for prefix, own in called if operator.id.startswith(prefix)), tree.words)
    own = played(words).get(language, {})
    prompt, closed = (
        tuple(own.get(id, id) for id in ids) for ids in (operator.prompt, operator.closed_prompt)
    )
    return replace(operator, prompt=prompt, closed_prompt=closed)


def menu(code: str, seen: CaseSeen, language: str, operator: OperatorStep | None = None) -> Menu:
    """The call flow of one call-back: a single step, built for this case. `operator`: whom she may ask."""
    return _menu(language, AnswerStep("answer", 0, *_ASKING, code=code, seen=seen), operator)


def verification(language: str) -> Menu:
    """The call flow of the call that asks whether a number that was given is whose it should be."""
    return _menu(language, VerifyStep("verify", 0, *_ASKING), None)


def meeting(code: str, news: MeetingNews, language: str) -> Menu:
    """The call flow of the call about her meeting."""
    return _menu(language, InvitationStep("invitation", 0, *_ASKING, code=code, news=news), None)


def order(code: str, news: OrderNews, language: str) -> Menu:
    """The call flow of the call on the day an order falls due."""
    return _menu(language, OrderStep("order", 0, *_ASKING, code=code, news=news), None)


def lottery(code: str, news: LotteryNews, language: str) -> Menu:
    """The call flow of the call with which an official rings who was drawn."""
    return _menu(language, LotteryStep("lottery", 0, *_ASKING, code=code, news=news), None)


def turn(code: str, news: TurnNews, language: str) -> Menu:
    """The call flow of the call to who kept her place in the operators' queue."""
    return _menu(language, TurnStep("turn", 0, *_ASKING, code=code, news=news), None)


def _menu(language: str, step: Step, operator: OperatorStep | None) -> Menu:
    steps = {step.id: step}
    if operator is not None:
        steps[operator.id] = replace(operator, call_back="")  # she is called already
    return Menu(MENU, (language,), step.id, MappingProxyType(steps))


@dataclass(frozen=True, slots=True)
class VerifyStep(OurCallStep):
    """Asks who answers our call whether a number that was given is hers.

    Nothing of the matter is told: who answers may be anybody. A key counts once the question was heard.
    """

    TYPE = "verify"

    def perform(self, talk: Talk) -> Flow[str]:
        speech: Speech = ("callback.greeting", "callback.verify")
        yield from talk.do(Say(speech, talk.language), Said)
        match (yield from self.key(talk, (), ("1", "2"), again=speech)):
            case "1":
                yield from self.settle(talk, "confirmed", "callback.verified")
            case "2":
                yield from self.settle(talk, "refused", "callback.refused")
        return (yield from self.goodbye(talk))


@dataclass(frozen=True, slots=True)
class AnswerStep(OurCallStep):
    """Who answers what; then her verdict. Without a key she was not reached."""

    code: str
    seen: CaseSeen

    TYPE = "answer"

    def perform(self, talk: Talk) -> Flow[str]:
        talk.code = self.code  # whatever she says belongs to this case
        which: Speech = ("callback.code_is", *saying.code(self.code, talk.language))
        awaited = verdict.awaited(self.seen, talk.caller.now, talk.language, talk.directory)
        if not self.seen.may_confirm:  # she only wanted to know how it stands
            stands = verdict.situation(self.seen, talk.caller.now, talk.language, talk.directory)
            if self.seen.withheld:
                stands = verdict.standing(self.seen, talk.directory)
                stands = (*stands, verdict.not_told(self.seen), *awaited)
            told = yield from talk.do(Say(("callback.greeting", *stands, *which), talk.language), Said)
            if not told.unspoken:
                talk.verdict = "heard"
            elif not any(isinstance(each, Words) for each in awaited):  # else perhaps where she meets him
                talk.say("status.answer_unheard")
            return (yield from self.goodbye(talk))
        lead: Speech = ("callback.greeting", f"callback.answer_to.{self.seen.kind}")
        if verdict.is_unread(self.seen):
            unread = (*lead, *self._answer(talk), *awaited, *which)
            yield from verdict.offer_operator(talk, self, unread)
            talk.verdict = "unread"
            return (yield from self.goodbye(talk))
        news = self._news(talk) + awaited
        said = yield from verdict.ask(talk, self, self.code, self.seen, lead, news, which, proven=True)
        if said is None:
            talk.say("callback.later", *which)
        return (yield from self.goodbye(talk))

    def _news(self, talk: Talk) -> Speech:
        whose = talk.directory.named(self.seen.agency)
        return (*self._answer(talk), *(("callback.agency_is", *whose) if whose else ()))

    def _answer(self, talk: Talk) -> Speech:
        said = verdict.answer(self.seen, talk.language, talk.directory)
        return said[1:] if said[:1] == ("status.answer_is",) else said  # the lead says that
