"""What each step type does: one generator per type, giving the id of the step that follows."""

from __future__ import annotations

from datetime import datetime

from ivr.cases import code as tracking_code
from ivr.cases import national_id, phone
from ivr.cases.statuses import Status
from ivr.voice import saying
from ivr.voice.actions import Clip, LookUpCase, Operator, Record, Say, Sound, Speech, Words
from ivr.voice.directory import Directory, Topic
from ivr.voice.events import (
    CaseSeen,
    Ended,
    Lookup,
    Recorded,
    Said,
    Transfer,
    Transferred,
)
from ivr.voice.menu import (
    BranchStep,
    CodeStep,
    CountyStep,
    DigitsStep,
    EndStep,
    Hours,
    MenuStep,
    OperatorStep,
    RecordStep,
    ReviewStep,
    SayStep,
    StatusStep,
    Step,
    TopicStep,
)
from ivr.voice.talk import VOICED_SECONDS, Back, Flow, Gone, Jump, Talk

END = ""  # the step after the last

# Prompt ids that steps speak by themselves, beside those that the tree and the directory name.
BUILT_IN = frozenset(
    {
        "beep",
        "silence",
        "pause",
        "topic.other_leaf",
        "county.chosen",
        "county.offer_press",
        "confirm.menu",
        "record.silent",
        "record.failed",
        "record.hear_intro",
        "record.again_kept",
        "record.added",
        "record.safe",
        "code.once_more",
        "status.agency_is",
        "status.due_is",
        "status.overdue",
        "status.answer_is",
        "status.no_answer_yet",
        *(f"press.{digit}" for digit in range(10)),
        *(f"status.{status}" for status in Status),
    }
)


def perform(talk: Talk, step: Step) -> Flow[str]:
    """Carry out one step of any type."""
    match step:
        case MenuStep():
            return (yield from _menu(talk, step))
        case TopicStep():
            return (yield from _topic(talk, step))
        case CountyStep():
            return (yield from _county(talk, step))
        case DigitsStep():
            return (yield from _digits(talk, step))
        case RecordStep():
            return (yield from _record(talk, step))
        case ReviewStep():
            return (yield from _review(talk, step))
        case CodeStep():
            return (yield from _code(talk, step))
        case StatusStep():
            return (yield from _status(talk, step))
        case OperatorStep():
            return (yield from _operator(talk, step))
        case BranchStep():
            value = talk.language if step.on == "language" else talk.draft.get(step.on, "")
            return step.cases.get(value, step.go)
        case SayStep():
            talk.say(*step.prompt)
            return step.go
        case EndStep():
            yield from talk.do(Say(talk.take_pending() + step.prompt, talk.language), Said)
            return END
    raise TypeError(f"step {step.id} is of no known type")


def _menu(talk: Talk, step: MenuStep) -> Flow[str]:
    longest = max(len(key) for key in step.keys)
    choice = yield from talk.listen(
        step, step.prompt, step.keys.get, max_keys=longest, hash_means=step.keys.get("#")
    )
    talk.set(choice.sets)
    return choice.go


def _topic(talk: Talk, step: TopicStep) -> Flow[str]:
    directory = talk.directory
    groups = {group: group for group in directory.groups}
    while True:
        group = yield from talk.listen(step, step.prompt + group_options(directory), groups.get)
        if group in directory.by_topic_key:
            topic = directory.by_topic_key[group]
            break
        try:
            topic = yield from _leaf(talk, step, group)
            break
        except Back:
            continue
    talk.draft["topic"] = topic.code
    return step.go


def _leaf(talk: Talk, step: TopicStep, group: str) -> Flow[Topic]:
    leaves = {topic.key[1]: topic for topic in talk.directory.leaves(group)}
    leaves.setdefault("0", Topic(talk.directory.other_topic, "0"))
    speech = step.leaf_prompt + leaf_options(talk.directory, group)
    return (yield from talk.listen(step, speech, leaves.get))


def group_options(directory: Directory) -> Speech:
    """“For water and power, one. For …”"""
    return tuple(part for g in directory.groups for part in (f"topic_group.{g}", f"press.{g}"))


def leaf_options(directory: Directory, group: str) -> Speech:
    """The matters of one group, and another matter last."""
    options: list[Sound] = []
    for topic in directory.leaves(group):
        options += [f"topic.{topic.code}", f"press.{topic.key[1]}"]
    return (*options, "topic.other_leaf", "press.0")


def _county(talk: Talk, step: CountyStep) -> Flow[str]:
    known = talk.known_county
    if known in {county.code for county in talk.directory.counties} and step.offer_prompt:
        speech = (*step.offer_prompt, f"county.{known}", "county.offer_press")
        if (yield from _is_yes(talk, step, speech)):
            talk.draft["county"] = known
            return step.go
    counties = {key: county.code for key, county in talk.directory.by_county_key.items()}
    counties[step.unknown] = ""
    length = max(len(key) for key in counties)
    code = yield from talk.listen(step, step.prompt, counties.get, max_keys=length)
    talk.draft["county"] = code
    if code:
        talk.say("county.chosen", f"county.{code}")
    return step.go


def _is_yes(talk: Talk, step: CountyStep, speech: Speech) -> Flow[bool]:
    """1 is yes; silence or any other key is no. `*` repeats, `#` goes back."""
    while True:
        keys = yield from talk.ask(step, speech, 1)
        if keys.pressed == "*":
            continue
        if not keys.pressed and keys.ended is Ended.HASH:
            raise Back
        return keys.pressed == "1"


def _digits(talk: Talk, step: DigitsStep) -> Flow[str]:
    wrong = 0
    while True:
        value = yield from talk.listen(
            step, step.prompt, lambda keys: _checked(talk, step, keys), max_keys=step.max_keys
        )
        if not step.confirm_prompt or (yield from _is_right(talk, step, value)):
            break
        wrong += 1
        if wrong >= step.no_match.limit:
            raise Jump(step.no_match.then)
    talk.draft[step.into] = value
    return step.go


def _checked(talk: Talk, step: DigitsStep, keys: str) -> str | None:
    if not keys.isascii() or not keys.isdigit() or len(keys) < step.min_keys:
        return None
    match step.check:
        case "phone":
            right = phone.is_callable(keys, talk.directory.area_code)
        case "national_id":
            right = national_id.is_valid(keys)
        case _:
            right = tracking_code.is_valid(keys)
    return keys if right else None


def _is_right(talk: Talk, step: DigitsStep, value: str) -> Flow[bool]:
    speech = (*step.confirm_prompt, *saying.digits(value, talk.language), "confirm.menu")
    try:
        return (yield from talk.listen(step, speech, {"1": True, "2": False}.get))
    except Back:
        return False


def _record(talk: Talk, step: RecordStep) -> Flow[str]:
    mode, talk.review_mode = talk.review_mode, ""
    attempts = 0
    while True:
        yield from _invite(talk, step)
        recorded = yield from talk.do(
            Record(talk.language, step.max_seconds, step.silence_seconds), Recorded
        )
        if recorded.ended is not Ended.FAILED:
            talk.uncased.append(recorded)
        if recorded.ended is Ended.HANGUP:
            raise Gone  # the frame keeps her words
        complaint = _what_is_wrong(step, recorded)
        if not complaint:
            break
        attempts += 1
        if attempts >= step.too_short.limit:
            onward = _give_up(talk, step, mode)
            if onward:
                return onward
            break
        talk.say(*complaint)
    if not mode:
        talk.set(step.sets)
        yield from talk.open_case()
        talk.say("record.safe")
    else:
        yield from talk.keep_words(instead=mode == "again")
        talk.say("record.again_kept" if mode == "again" else "record.added")
    return step.go


def _invite(talk: Talk, step: RecordStep) -> Flow[None]:
    """Say what to do. Any key goes straight to the beep, `*` repeats, `#` goes back."""
    while True:
        speech = talk.take_pending() + step.prompt
        said = yield from talk.do(Say(speech, talk.language, step.barge_in), Said)
        if said.key == "#":
            raise Back
        if said.key != "*":
            return


def _what_is_wrong(step: RecordStep, recorded: Recorded) -> Speech:
    if recorded.ended is Ended.FAILED:
        return ("record.failed",)
    if recorded.ended is Ended.SILENCE and recorded.voiced_seconds < VOICED_SECONDS:
        return ("record.silent",)
    if recorded.seconds < step.min_seconds:
        return step.too_short.say
    return ()


def _give_up(talk: Talk, step: RecordStep, mode: str) -> str:
    """After too many poor recordings: where to go, or "" to keep what there is, silent or not."""
    if mode:
        return step.go  # her earlier words are safe; what came since is kept when the call ends
    if talk.rescue() is not None:
        return ""
    return step.too_short.then


def _review(talk: Talk, step: ReviewStep) -> Flow[str]:
    prompt = step.prompt
    while True:
        choice = yield from talk.listen(step, prompt, step.keys.get, hash_means=step.keys.get("#"))
        if choice == "hear":
            talk.say("record.hear_intro", *(Clip(r.name) for r in talk.words))
        elif choice == "keep":
            return step.go
        else:
            talk.review_mode = choice
            return step.record


def _code(talk: Talk, step: CodeStep) -> Flow[str]:
    if not talk.code:
        talk.say(*step.no_code_prompt)
        return step.go
    digits = saying.code(talk.code, talk.language)
    speech: Speech = (*step.prompt, *digits)
    for _ in range(step.times - 1):
        speech += ("code.once_more", *digits)
    while True:
        keys = yield from talk.ask(step, speech + step.repeat_prompt, 1)
        if keys.pressed not in (step.repeat, "*"):
            return step.go


def _status(talk: Talk, step: StatusStep) -> Flow[str]:
    seen = yield from talk.do(LookUpCase(talk.draft.pop("code", "")), CaseSeen)
    match seen.result:
        case Lookup.UNKNOWN:
            talk.unknown_codes += 1
            talk.say(*step.unknown_prompt)
            if talk.unknown_codes >= step.no_match.limit:
                return step.no_match.then
            return step.unknown_go
        case Lookup.TOO_MANY:
            talk.say(*step.too_many_prompt)
            return step.go
        case Lookup.UNAVAILABLE:
            talk.say(*step.unavailable_prompt)
            return step.go
        case Lookup.FOUND:
            return (yield from _tell(talk, step, seen))


def _tell(talk: Talk, step: StatusStep, seen: CaseSeen) -> Flow[str]:
    speech = step.prompt + _situation(seen, talk.caller.now, talk.language) + step.after_prompt
    while True:
        keys = yield from talk.ask(step, speech, 1)
        if keys.pressed == step.another:
            return step.unknown_go
        if keys.pressed not in (step.repeat, "*"):
            return step.go


def _situation(seen: CaseSeen, now: datetime, language: str) -> Speech:
    speech: list[Sound] = [f"status.{seen.status}"]
    if seen.agency:
        speech += ["status.agency_is", f"agency.{seen.agency}"]
    if seen.due_at is not None and not seen.answer:
        if seen.due_at < now:
            speech.append("status.overdue")
        else:
            speech += ["status.due_is", *saying.day(seen.due_at.astimezone(now.tzinfo).date(), language)]
    speech += ["status.answer_is", Words(seen.answer)] if seen.answer else ["status.no_answer_yet"]
    return tuple(speech)


def _operator(talk: Talk, step: OperatorStep) -> Flow[str]:
    if step.hours is not None and not _is_open(step.hours, talk.caller.now):
        talk.say(*step.closed_prompt)
        return step.nobody
    yield from talk.do(Say(talk.take_pending() + step.prompt, talk.language), Said)
    reached = yield from talk.do(Operator(step.queue, talk.language, step.wait_seconds), Transferred)
    return END if reached.result is Transfer.ANSWERED else step.nobody


def _is_open(hours: Hours, now: datetime) -> bool:
    return now.weekday() in hours.days and hours.opens <= now.time() < hours.closes
