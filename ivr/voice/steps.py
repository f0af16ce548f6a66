"""What each step type does: one generator per type, giving the id of the step that follows."""

from __future__ import annotations

from ivr.cases.statuses import Status
from ivr.voice import asking, follow_up, verdict, words
from ivr.voice.actions import Say
from ivr.voice.events import Said
from ivr.voice.menu import (
    AnswerStep,
    BranchStep,
    CodeStep,
    CountyStep,
    DigitsStep,
    EndStep,
    MenuStep,
    OperatorStep,
    RecordStep,
    ReviewStep,
    SayStep,
    StatusStep,
    Step,
    TopicStep,
    VerifyStep,
)
from ivr.voice.operators import connect
from ivr.voice.talk import Flow, Talk

END = ""  # the step after the last

# Prompt ids that steps speak by themselves, beside those that the tree and the directory name.
BUILT_IN = frozenset(
    {
        "beep",
        "silence",
        "pause",
        "topic.other_leaf",
        "keys.back",
        "county.chosen",
        "county.offer_press",
        "confirm.menu",
        "record.silent",
        "record.failed",
        "record.no_room",
        "record.not_kept",
        "record.not_more",
        "record.call_again",
        "record.cut",
        "record.hear_intro",
        "record.again_kept",
        "record.added",
        "record.joined",
        "record.safe",
        "code.once_more",
        *words.EXPECT,
        "follow_up.call_later",
        "follow_up.call_back_offer",
        "follow_up.call_back_noted",
        "status.agency_is",
        "status.due_is",
        "status.overdue",
        "status.answer_is",
        "status.no_answer_yet",
        "status.parts_are",
        "status.part_answered",
        "status.part_waiting",
        *(f"press.{digit}" for digit in range(10)),
        *verdict.PROMPTS,
        *(f"status.{status}" for status in Status),
    }
)


def perform(talk: Talk, step: Step) -> Flow[str]:
    """Carry out one step of any type."""
    match step:
        case MenuStep():
            return (yield from _menu(talk, step))
        case TopicStep():
            return (yield from asking.topic(talk, step))
        case CountyStep():
            return (yield from asking.county(talk, step))
        case DigitsStep():
            return (yield from asking.digits(talk, step))
        case RecordStep():
            return (yield from words.record(talk, step))
        case ReviewStep():
            return (yield from words.review(talk, step))
        case CodeStep():
            return (yield from words.code(talk, step))
        case StatusStep():
            return (yield from follow_up.status(talk, step))
        case AnswerStep():
            return (yield from verdict.tell(talk, step))
        case VerifyStep():
            return (yield from verdict.verify(talk, step))
        case OperatorStep():
            return END if (yield from connect(talk, step)) else step.nobody
        case BranchStep():
            return step.cases.get(_value(talk, step.on), step.go)
        case SayStep():
            talk.say(*step.prompt)
            return step.go
        case EndStep():
            yield from talk.do(Say(talk.take_pending() + step.prompt, talk.language), Said)
            return END
    raise TypeError(f"step {step.id} is of no known type")


def _value(talk: Talk, on: str) -> str:
    if on == "number":
        return "shown" if talk.shows_number else "withheld"
    if on == "caller":
        return "blocked" if talk.blocked else "free"
    return talk.language if on == "language" else talk.draft.get(on, "")


def _menu(talk: Talk, step: MenuStep) -> Flow[str]:
    longest = max(len(key) for key in step.keys)
    choice = yield from talk.listen(
        step, step.prompt, step.keys.get, max_keys=longest, hash_means=step.keys.get("#")
    )
    talk.set(choice.sets)
    return choice.go
