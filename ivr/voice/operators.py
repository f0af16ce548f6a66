"""Connecting a caller to a human."""

from __future__ import annotations

from datetime import datetime

from ivr.voice.actions import Operator, Say
from ivr.voice.events import Said, Transfer, Transferred
from ivr.voice.menu import Hours, OperatorStep
from ivr.voice.talk import Flow, Talk


def connect(talk: Talk, step: OperatorStep) -> Flow[bool]:
    """Whether she has talked with somebody; out of hours it is said that nobody is there."""
    if step.hours is not None and not _is_open(step.hours, talk.caller.now):
        talk.say(*step.closed_prompt)
        return False
    yield from talk.do(Say(talk.take_pending() + step.prompt, talk.language), Said)
    reached = yield from talk.do(Operator(step.queue, talk.language, step.wait_seconds), Transferred)
    return reached.result is Transfer.ANSWERED


def _is_open(hours: Hours, now: datetime) -> bool:
    return now.weekday() in hours.days and hours.opens <= now.time() < hours.closes
