"""The proof of a menu: steps nobody reaches, calls that never end, times, and the prompts it needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.voice import saying
from ivr.voice.actions import (
    Action,
    Ask,
    Confide,
    FindRoom,
    HangUp,
    KeepPlace,
    KeepWords,
    LookAtQueue,
    LookUpCase,
    OpenCase,
    Operator,
    RecallCaller,
    Record,
    Say,
    TakeUp,
    WishCallBack,
)
from ivr.voice.announcements import LONGEST_SECONDS
from ivr.voice.arrivals import MOST_WALKED, Arrival
from ivr.voice.call_limits import NO_LIMITS
from ivr.voice.directory import County, Directory, Topic
from ivr.voice.events import (
    BROKEN_OFF,
    Caller,
    CallerKnown,
    CaseOpened,
    CaseSeen,
    Confided,
    Ended,
    Event,
    Keys,
    Lookup,
    NotKept,
    PlaceKept,
    QueueSeen,
    Recorded,
    RoomFound,
    Said,
    TakenUp,
    Transfer,
    Transferred,
    WishNoted,
    WordsKept,
)
from ivr.voice.menu import Asking, Menu
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
from ivr.voice.proof import Proof, check, prompt_ids, prove, report, report_json
from ivr.voice.session import Session
from ivr.voice.steps.end import EndStep
from ivr.voice.steps.registry import BUILT_IN
from tests.fixtures.province import calendar
from tests.voice.conversation import DIRECTORY, OFFICE_HOURS, TREE, default_menu

SMALL = Directory(
    groups=("1", "0"),
    topics=(Topic("water.supply", "11"), Topic("other.other", "0")),
    counties=(County("tabriz", "01"),),
    agencies=("abfa",),
    other_topic="other.other",
    calendar=calendar(),
)
HEAD = "menu: small\nlanguages: [fa]\nstart: first\n"
HEAD += "defaults: {no_input: {limit: 3, say: [no_input], then: bye}, "
HEAD += "no_match: {limit: 3, say: [no_match], then: bye}}\nsteps:\n"
BYE = "  bye: {type: end, prompt: [goodbye]}\n"


def small(steps: str) -> Menu:
    return parse((HEAD + steps + BYE).encode(), "m.yaml")


def proved(steps: str, seconds: float = 1.0) -> Proof:
    return prove(small(steps), SMALL, lambda id, language: seconds, file="m.yaml")


def complaints(steps: str) -> list[str]:
    return [str(mistake) for mistake in proved(steps).mistakes]


def arrival(proof: Proof, step: str, kind: str = "") -> Arrival:
    return next(a for a in proof.arrivals if (a.step, a.kind) == (step, kind))


def test_the_default_tree_is_proved() -> None:
    menu, proof = check(TREE.read_bytes(), "111.yaml", DIRECTORY, languages={"fa", "az"})
    assert not proof.mistakes and proof.complete and not proof.measured
    for kind in ("complaint", "criticism", "suggestion", "request", "meeting"):
        record = next(a for a in proof.arrivals if (a.step, a.kind) == ("record", kind))
        assert record.best is not None and 0 < record.best < record.worst
    assert report(menu, proof)[0].startswith("menu 111: ")
    assert report_json(menu, proof)["ok"] is True


def test_a_step_nobody_reaches_is_named() -> None:
    steps = "  first: {type: say, prompt: [a], go: bye}\n  lost: {type: say, prompt: [a], go: bye}\n"
    assert complaints(steps) == ["m.yaml:7:1: steps.lost: no call can come here: no other step leads to it"]


def test_a_loop_that_needs_no_key_is_named_with_its_steps() -> None:
    steps = (
        "  first: {type: say, prompt: [a], go: second}\n"
        "  second: {type: branch, on: kind, cases: {meeting: bye}, go: third}\n"
        "  third: {type: say, prompt: [a], go: first}\n"
    )
    assert complaints(steps) == [
        "m.yaml:6:1: steps.first: a silent caller goes round for ever: first → second → third → first"
    ]


def test_a_silent_caller_who_is_sent_round_for_ever_is_seen() -> None:
    steps = (
        '  first: {type: menu, prompt: [a], no_input: {limit: 3, then: second}, keys: {"1": {go: bye}}}\n'
        '  second: {type: menu, prompt: [a], no_input: {limit: 1, then: first}, keys: {"1": {go: bye}}}\n'
    )
    assert "a silent caller goes round for ever: first → second → first" in complaints(steps)[0]


def test_a_noisy_line_that_is_recorded_for_ever_is_seen() -> None:
    steps = "  first: {type: record, prompt: [a], too_short: {limit: 3, then: bye}, go: first}\n"
    assert "a silent caller goes round for ever: first → first" in complaints(steps)[0]


def test_an_operator_and_a_message_that_lead_to_each_other_are_a_loop() -> None:
    steps = (
        "  first: {type: operator, prompt: [a], queue: q, nobody: message}\n"
        "  message: {type: record, prompt: [a], too_short: {limit: 3, then: first}, go: bye}\n"
    )
    assert "first → message → first" in complaints(steps)[0]


def test_a_caller_whose_keys_are_never_understood_comes_to_an_end_too() -> None:
    steps = '  first: {type: menu, prompt: [a], no_match: {limit: 3, then: first}, keys: {"1": {go: bye}}}\n'
    assert (
        "a caller whose keys are never understood goes round for ever: first → first" in complaints(steps)[0]
    )


def test_a_loop_that_the_caller_walks_by_keys_is_her_own_choice() -> None:
    steps = (
        '  first: {type: menu, prompt: [a], keys: {"1": {go: second}, "2": {go: bye}}}\n'
        '  second: {type: menu, prompt: [a], keys: {"1": {go: first}}}\n'
    )
    assert not complaints(steps)


def test_two_loops_are_two_mistakes() -> None:
    steps = (
        '  first: {type: menu, prompt: [a], keys: {"1": {go: one}, "2": {go: two}}}\n'
        "  one: {type: say, prompt: [a], go: one}\n"
        "  two: {type: say, prompt: [a], go: two}\n"
    )
    assert len(complaints(steps)) == 2


def test_no_key_is_made_another_by_silence_or_a_slow_finger() -> None:
    menu = "  first: {type: menu, prompt: [a], wait: true, next_key: NEXT, "
    menu += 'keys: {"1": {go: bye}, "12": {go: bye}}}\n'
    [mistake] = complaints(menu.replace("NEXT", "2.5"))
    assert mistake.startswith("m.yaml:6:1: steps.first: “1” is meant after 2.5 s") and "“12”" in mistake
    assert not complaints(menu.replace("NEXT", "3"))
    assert not complaints(menu.replace("NEXT", "1").replace('"12"', '"22"'))
    number = "  first: {type: digits, prompt: [a], into: callback, check: phone, min_keys: 8, max_keys: 11, "
    [mistake] = complaints(number + "next_key: 2, go: bye}\n")
    assert "a number of 8 to 11 digits ends after 2 s without a key" in mistake
    assert not complaints(number + "next_key: 2, confirm_prompt: [a], go: bye}\n")
    assert not complaints(number + "next_key: 5, go: bye}\n")
    assert not complaints(number.replace("min_keys: 8", "min_keys: 11") + "next_key: 2, go: bye}\n")


def test_a_beep_that_is_reached_without_a_kind_is_named() -> None:
    words = "  words: {type: record, prompt: [d], too_short: {limit: 1, then: bye}, go: bye"
    first = '  first: {type: menu, prompt: [a], keys: {"1": {kind: request, go: words}, "2": {go: words}}}\n'
    [mistake] = complaints(first + words + "}\n")
    assert "steps.words: a caller comes here without a kind" in mistake
    assert not complaints(first + words + ", sets: {kind: request}}\n")
    assert not complaints(first.replace(', "2": {go: words}', "") + words + "}\n")


def test_topics_and_counties_that_the_province_lacks_are_named() -> None:
    steps = (
        '  first: {type: menu, prompt: [a], keys: {"1": {topic: water.suply, go: second}}}\n'
        '  second: {type: county, prompt: [a], unknown: "01", go: third}\n'
        "  third: {type: branch, on: county, cases: {tabris: bye}, go: bye}\n"
    )
    found = complaints(steps)
    assert "there is no topic “water.suply” (did you mean “water.supply”?)" in found[0]
    assert "unknown: 01 is taken by the county tabriz (01)" in found[1]
    assert "there is no county “tabris” (did you mean “tabriz”?)" in found[2]


def test_check_raises_what_the_proof_found() -> None:
    steps = "  first: {type: say, prompt: [a], go: first}\n"
    with pytest.raises(MenuMistakes, match="goes round for ever") as caught:
        check((HEAD + steps + BYE).encode(), "m.yaml", SMALL)
    assert len(caught.value.mistakes) == 2  # and nobody comes to goodbye


def test_times_count_prompts_waits_and_misses() -> None:
    steps = (
        "  first: {type: menu, prompt: [a, b], first_key: 5, no_input: {limit: 2, say: [c], then: bye}, "
        'no_match: {limit: 1, then: bye}, keys: {"1": {kind: complaint, go: words}}}\n'
        "  words: {type: record, prompt: [d], max_seconds: 60, silence_seconds: 8, "
        "too_short: {limit: 2, say: [e], then: bye}, go: bye}\n"
    )
    proof = proved(steps, seconds=10.0)
    record = arrival(proof, "words", "complaint")
    assert record.best == 20 + 10  # both prompts, then the invitation until the beep
    assert record.worst == (20 + 5 + 10) + (20 + 5) + 10  # one miss with its say, a late key, the invitation
    end = arrival(proof, "bye", "complaint")
    asked = 10 + 7  # whether it is the matter of an open case
    # A silent recording with its say, a full one, "your words are safe".
    words = asked + (10 + 8 + 10) + (10 + 60) + 10
    assert end.worst == 60 + words + 10
    assert [(stay.step, stay.best) for stay in proof.stays] == [("first", 20), ("words", 20), ("bye", 10)]
    silent = arrival(proof, "bye")
    assert silent.best is None and silent.worst == (20 + 5 + 10) + (20 + 5) + 10


def test_a_branch_on_the_kind_gives_each_kind_its_own_time() -> None:
    steps = (
        '  first: {type: menu, prompt: [a], keys: {"1": {kind: complaint, go: which}, '
        '"2": {kind: meeting, go: which}}}\n'
        "  which: {type: branch, on: kind, cases: {meeting: more}, go: words}\n"
        "  more: {type: say, prompt: [a, b, c], go: words}\n"
        "  words: {type: record, prompt: [d], too_short: {limit: 1, then: bye}, go: bye}\n"
    )
    proof = proved(steps)
    assert arrival(proof, "words", "complaint").best == 2
    assert arrival(proof, "words", "meeting").best == 5


def test_a_maze_is_measured_as_far_as_it_can_be_walked() -> None:
    names = [f"s{n}" for n in range(10)]
    keys = ", ".join(f'"{n}": {{go: {name}}}' for n, name in enumerate(names))
    steps = f"  first: {{type: menu, prompt: [a], keys: {{{keys}}}}}\n"
    steps += "".join(f"  {name}: {{type: menu, prompt: [a], keys: {{{keys}}}}}\n" for name in names)
    menu = small(steps)
    proof = prove(menu, SMALL)
    assert not proof.mistakes and not proof.complete and MOST_WALKED
    assert "too many ways" in report(menu, proof)[-1]


def test_every_prompt_a_call_can_speak_is_known() -> None:
    ids = prompt_ids(default_menu(), DIRECTORY)
    assert ids >= BUILT_IN and saying.fragments("fa") <= ids
    assert {
        "welcome",
        "no_match",
        "national_id.wrong",
        "topic_group.1",
        "county.tabriz",
        "agency.abfa",
    } <= ids
    assert prompt_ids(default_menu(), DIRECTORY, "az") <= ids


def answer_without_meaning(action: Action, silent: bool) -> Event:
    """A caller who says and presses nothing, or noise: three wrong keys, a line that hums."""
    match action:
        case Ask():
            return Keys("", Ended.TIMEOUT) if silent else Keys("99999999999"[: action.max_keys], Ended.FULL)
        case Say():
            return Said()
        case Record():
            length = action.silence_seconds if silent else action.max_seconds
            ended = Ended.SILENCE if silent else Ended.LIMIT
            return Recorded("words", length, 0.0 if silent else length, ended)
        case Operator():
            return Transferred(Transfer.NOBODY)
        case FindRoom():
            return RoomFound(not silent)
        case OpenCase():
            return NotKept() if silent else CaseOpened("1234567894")
        case KeepWords():
            return NotKept() if silent else WordsKept()
        case Confide():
            return NotKept() if silent else Confided()
        case WishCallBack():
            return WishNoted(not silent)
        case LookAtQueue():
            return QueueSeen(silent)
        case KeepPlace():
            return PlaceKept(not silent)
    raise AssertionError(f"{action} is not asked of such a caller")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whoever_never_presses_a_meaningful_key_reaches_the_end(data: st.DataObject) -> None:
    """The proof says so of the default tree; here the call flow itself is asked."""
    session = Session(default_menu(), DIRECTORY, Caller("", OFFICE_HOURS))
    action = session.start()
    for _ in range(60):
        if isinstance(action, HangUp):
            return
        onward = session.receive(answer_without_meaning(action, data.draw(st.booleans())))
        assert onward is not None
        action = onward
    pytest.fail(f"still at {session.step} after 60 answers")


PRESSED = st.sampled_from(
    ["", "0", "1", "1", "2", "3", "5", "6", "7", "01", "00", "99", "09120000000", "1234567894"]
)
DEFAULT = replace(default_menu(), limits=NO_LIMITS)  # whose clock these calls don't have
WORST = {
    (a.step, a.kind, a.language): a.worst
    for a in prove(DEFAULT, DIRECTORY, lambda id, language: 1.0).arrivals
}
KNOWN = Caller("+989120000000", OFFICE_HOURS)
NO_REPEATS = {**{("review", key): "1" for key in "234"}, ("code", "1"): "", ("status", "1"): ""}


def late_answer(session: Session, action: Action, pressed: str, poor: bool) -> tuple[Event, float]:
    """The answer and the seconds it took, all that she may take."""
    match action:
        case Ask():
            keys = NO_REPEATS.get((session.step, pressed), pressed)[: action.max_keys]
            if not keys:
                return Keys("", Ended.TIMEOUT), action.first_key_seconds
            full = len(keys) == action.max_keys
            waits = len(keys) - 1 if full else len(keys)
            spent = action.first_key_seconds + waits * action.next_key_seconds
            return Keys(keys, Ended.FULL if full else Ended.TIMEOUT), spent
        case Record():
            length = action.silence_seconds if poor else action.max_seconds
            return answer_without_meaning(action, poor), length
        case Operator():
            return Transferred(Transfer.NOBODY), action.wait_seconds
        case RecallCaller():
            return CallerKnown("" if poor else "tabriz", earlier=BROKEN_OFF), 0
        case TakeUp():
            return TakenUp(), 0
        case LookUpCase():
            due = OFFICE_HOURS + timedelta(days=3)
            away = pressed == "99"
            result = Lookup.UNAVAILABLE if away else Lookup.UNKNOWN if poor else Lookup.FOUND
            return CaseSeen(result, "referred", "abfa", due), 0
        case _:
            return answer_without_meaning(action, poor), 0


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_call_takes_longer_than_the_worst_time_that_is_shown(data: st.DataObject) -> None:
    """A caller who does anything but repeat, go back or go round, always at the last moment."""
    worst = dict(WORST)
    session = Session(DEFAULT, DIRECTORY, KNOWN)
    seconds, been, action = 0.0, [""], session.start()
    while not isinstance(action, HangUp):
        first = session.step != been[-1]
        if first and session.step in been:
            return  # she goes round
        been += [session.step] if first else []
        seconds += sum(isinstance(sound, str) for sound in getattr(action, "speech", ()))
        if isinstance(action, Record | Operator) or isinstance(DEFAULT.steps[session.step], EndStep):
            key = session.step, session.draft.get("kind", ""), session.language
            assert seconds <= worst.pop(key, inf), been  # popped: only the first beep counts
        event, spent = late_answer(session, action, data.draw(PRESSED), data.draw(st.booleans()))
        seconds += spent
        onward = session.receive(event)
        assert onward is not None
        action = onward


# Every question on the way to a meeting's beep: what is right at last, and keys that mean nothing.
SLOWEST_MEETING = {
    "language": [("1", "9")],
    "earlier_broken": [("8", "9")],  # and no such call is found any more
    "kind": [("5", "9")],
    "topic": [("4", "x"), ("1", "9")],  # the longest group; "x" because every first digit means something
    "county": [("", ""), ("01", "99")],  # the offer is asked once
    "callback": [("2", "9")],
    "callback_number": [("09120000000", "11111111111"), ("2", "9")] * 2
    + [("09120000000", "11111111111"), ("1", "9")],
    "national_id": [("1", "9")],
    "national_id_number": [("0499370899", "1111111111"), ("2", "9")] * 2
    + [("0499370899", "1111111111"), ("1", "9")],
}


def as_slow_as_allowed(step: Asking, right: str, wrong: str) -> list[str]:
    if not wrong:
        return [right]
    return [""] * (step.no_input.limit - 1) + [wrong] * (step.no_match.limit - 1) + [right]


def test_the_worst_time_to_a_meetings_beep_is_that_of_the_slowest_caller() -> None:
    session = Session(DEFAULT, DIRECTORY, KNOWN)
    seconds, action = 0.0, session.start()
    waiting: dict[str, list[str]] = {}
    for name, questions in SLOWEST_MEETING.items():
        step = DEFAULT.steps[name]
        assert isinstance(step, Asking)
        waiting[name] = [
            keys for right, wrong in questions for keys in as_slow_as_allowed(step, right, wrong)
        ]
    while not isinstance(action, Record):
        seconds += sum(isinstance(sound, str) for sound in getattr(action, "speech", ()))
        keys = waiting[session.step].pop(0) if isinstance(action, Ask) else ""
        event, spent = late_answer(session, action, keys, poor=False)
        seconds += spent
        onward = session.receive(event)
        assert onward is not None
        action = onward
    assert not any(waiting.values())
    longest_notice = LONGEST_SECONDS  # none is switched on here
    assert seconds + longest_notice == WORST["record", "meeting", "fa"]
