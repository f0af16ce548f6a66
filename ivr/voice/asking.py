"""Steps that ask for a choice made of digits: topic, county, numbers with a check."""

from __future__ import annotations

from ivr.cases import code as tracking_code
from ivr.cases import national_id, phone
from ivr.voice import saying
from ivr.voice.actions import Sound, Speech
from ivr.voice.directory import Directory, Topic
from ivr.voice.events import Ended
from ivr.voice.menu import CountyStep, DigitsStep, TopicStep
from ivr.voice.talk import Back, Flow, Jump, Talk


def topic(talk: Talk, step: TopicStep) -> Flow[str]:
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
    """The matters of one group, another matter, and the way back: she may have missed her group."""
    options: list[Sound] = []
    for topic in directory.leaves(group):
        options += [f"topic.{topic.code}", f"press.{topic.key[1]}"]
    return (*options, "topic.other_leaf", "press.0", "keys.back")


def county(talk: Talk, step: CountyStep) -> Flow[str]:
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


def digits(talk: Talk, step: DigitsStep) -> Flow[str]:
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
