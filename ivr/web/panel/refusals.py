"""The desk's refusals in Persian: its English sentence is known by its form, its names are put into ours.

The sentences are in `locale/fa/refusal.yaml`. A test walks every refusal that a case can meet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ivr.desk.reading.casefile import CaseNames
from ivr.desk.refusals import Refused, WrongField
from ivr.web.panel.locale import Locale, digits

_CODE = r"\S+"
FORMS: Mapping[str, str] = {
    "elsewhere": rf"case {_CODE} is with (?P<agency>\S+), so \S+ can't have it .*",
    "side": rf"case {_CODE} can't be .* by the \w+, only by the .*",
    "reason": rf"case {_CODE} can't be .* without a reason",
    "status": rf"case {_CODE} is (?P<status>\w+) and can't be .*: that is possible from .*",
    "changed": rf"case {_CODE} has changed since you looked: it is (?P<status>\w+) now",
    "no_case": r"there is no case (?P<code>.*)",
    "with_already": rf"case {_CODE} is with (?P<agency>\S+) already",
    "takes_ruling": rf"case {_CODE} was returned twice: .*",
    "at_desk": rf"case {_CODE} is at the desk already",
    "no_agency": r"there is no agency .*",
    "retired": r"(?P<agency>\S+) is retired: .*",
    "outside": r"(?P<agency>\S+) is outside the network: .*",
    "by_returning": rf"case {_CODE} goes to the desk by returning it",
    "onward_once": rf"case {_CODE} was sent onward once: .*",
    "not_onward": rf"case {_CODE} is not sent onward: .*",
    "had_before": rf"case {_CODE} was with (?P<agency>\S+) before: .*",
    "ruled": rf"case {_CODE} was ruled to be (?P<agency>\S+)'s: .*",
    "member_held": r"case (?P<code>\S+), which waits in it, is moved by a ruling alone: .*",
    "itself": rf"case {_CODE} can't be merged into itself",
    "into_ended": r"case (?P<code>\S+) is (?P<status>\w+), so nothing can go on in it",
    "other_caller": rf"cases {_CODE} and {_CODE} are not known to be of the same caller",
    "other_number": rf"case {_CODE} is told on another number than case {_CODE}, or of .*",
    "into_answered": r"case (?P<code>\S+) is answered: open it again first, or .*",
    "other_topic": rf"case {_CODE} is about (?P<topic>\S+), case {_CODE} about (?P<other>\S+)",
    "not_again": rf"case {_CODE} is anonymised: register anew what goes on",
    "too_late": rf"case {_CODE} ended more than (?P<days>\d+) days ago",
    "no_topic": r"there is no topic .*",
    "no_county": r"there is no county .*",
    "same_topic": rf"case {_CODE} is about \S+ already",
    "paused": r"the clock is paused already",
    "not_paused": r"the clock is not paused",
    "one_day": r"a pause takes at least one working day",
    "pause_cap": r"a case may be paused for (?P<days>\d+) working days in all, and (?P<left>\d+) are left",
    "nothing_waits": rf"no answer to case {_CODE} waits for approval",
    "others_answer": r"the answer that waits is of (?P<agency>\S+), and the case is with (?P<now>\S+) now",
    "no_words": r"an answer needs words or a voice",
    "no_wording": r"there is no wording .*",
    "rewritten": r"somebody else has written this transcript since you looked",
    "recording_gone": r"the recording is not there any more",
    "most_marks": r"a recording has at most (?P<most>\d+) marks",
    "of_whole": rf"case {_CODE} is a part of (?P<code>\S+): that is done to the whole",
    "whole_answered": rf"case {_CODE} is a part of (?P<code>\S+), which has its answer: reopen that",
    "whole_sooner": rf"case {_CODE} is a part of (?P<code>\S+) and would be due after it: .*",
    "paused_late": rf"the deadline of case {_CODE} has passed: only the desk pauses it now",
    "in_collective": rf"case {_CODE} waits in the collective case (?P<code>\S+): .*",
    "not_in_collective": rf"case {_CODE} waits in no collective case",
    "collective": rf"case {_CODE} is a collective one, to which this can't be done",
    "collective_left": rf"no caller waits in the collective case {_CODE} any more: .*",
    "confide_members": rf"case {_CODE} is a collective one: make its members confidential, .*",
    "parts_wait": rf"case {_CODE} is split, and .* must be dealt with",
    "no_collective": r"case (?P<code>\S+) is no collective case that waits for an answer",
    "desk_collects": r"only the desk collects cases",
    "no_members": r"a collective case needs members, and words that say what they are about",
    "parts_count": rf"case {_CODE} can be split into (?P<least>\d+) to (?P<most>\d+) parts, not \d+",
    "same_part": rf"case {_CODE} can't be split into two parts for one agency about one topic",
    "part_body": r"(?P<agency>\S+) is no body that can be given a case",
    "part_words": r"the part for (?P<agency>\S+) needs words that say what it is to see to",
    "handed_parts": rf"case {_CODE} is split: hand back what its parts report",
    "handed_reason": rf"case {_CODE} can't be handed back without a reason",
    "no_objection": r"nobody objects to order \S+",
    "order_day": r"due_on: an order is due .*",
    "order_longer": r"due_on: an extension .*",
    "order_again": r"this order was given to (?P<agency>\S+) already",
    "report_day": r"due_on: the next date .*",
    "report_owed": rf"a report on case {_CODE} is owed already, until .*",
    "no_report": rf"no report on case {_CODE} is owed",
    "no_body": rf"case {_CODE} is at the desk: no body has it",
    "order": rf"case {_CODE} is an order: only the office extends it",
    "told_of": rf"case {_CODE} is about the head of (?P<agency>\S+): that body is not shown it",
    "kept_from": rf"case {_CODE} is about (?P<agency>\S+): it is kept from that body",
    "alone": r"case (?P<code>\S+) is confidential: it goes on by itself",
    "awaited": r"case (?P<code>\S+) is accepted for a meeting: decide on that first",
    "off_untold": r"case (?P<code>\S+) waits for our call that her slot is off: .*",
    "untold_agency": rf"case {_CODE} is confidential: write first what an agency may read of it",
    "confide_whole": rf"case {_CODE} is not made confidential by itself: do that to the whole",
    "nobody_called": r"kept_from: there is nobody called (?P<name>.*)",
    "ended": rf"case {_CODE} has ended: nobody works on it any more",
    "no_person": r"there is no such person to hand a case to",
    "not_of_body": rf"case {_CODE} is with (?P<agency>\S+), and \S+ is not of it",
    "out_of_sight": rf"case {_CODE} is out of the sight of \S+",
    "in_hands": rf"case {_CODE} is in these hands already",
    "unreadable": r"\w+: no voice reads Azerbaijani in Arabic letters .*",
    "nothing_untold": rf"case {_CODE} has no answer that nobody could be told of",
    "yet_to_tell": rf"case {_CODE} has an answer that she is yet to be told: .*",
    "untold": rf"case {_CODE} has an answer that nobody could be told of: tell her first",
    "told_once_over": rf"case {_CODE} is not over: close it once it is answered, and say how",
    "tree_faulty": r"draft (?P<n>\d+) of menu \S+ has mistakes",
    "tree_unchecked": r"draft (?P<n>\d+) of menu \S+ was never checked",
    "tree_never": r"menu \S+ has never been published: .*",
    "tree_on_trial": r"draft (?P<n>\d+) is on trial: .*",
    "tree_overtaken": r"draft (?P<n>\d+), which was planned for later, .*",
    "tree_same": r"draft (?P<n>\d+) is what is on the air",
    "latin": r"\w+: people here read no Azerbaijani in Latin letters: .*",
    "not_own": rf"case {_CODE} has no number of its own: .*",
    "nameless": rf"case {_CODE} is anonymised: nobody writes there again .*",
    "sealed": rf"case {_CODE} is confidential: another one of the few must allow it first",
    "nothing_right": rf"case {_CODE} has just that already: .*",
    "being_called": rf"case {_CODE} is being called about: .*",
    "field_caller": r"caller: .*",
    "field_callback": r"callback: .*",
    "field_national_id": r"national_id: .*",
    "field_reason": r"reason: .*",
    "field_note": r"note: .*",
    "field_second": r"second: .*",
    "field_transcript": r"transcript: .*",
}
_FORMS = {key: re.compile(form, re.DOTALL) for key, form in FORMS.items()}
USUAL = "usual"


def key_of(sentence: str) -> str:
    """The key of the Persian sentence; USUAL for one that has none."""
    return next((key for key, form in _FORMS.items() if form.fullmatch(sentence)), USUAL)


def in_persian(refusal: Refused, words: Locale, names: CaseNames) -> str:
    """One sentence for the person who asked."""
    key = key_of(str(refusal))
    found = _FORMS[key].fullmatch(str(refusal)) if key != USUAL else None
    values = {
        name: _named(name, value, words, names)
        for name, value in (found.groupdict() if found else {}).items()
    }
    return words(f"refusal.{key}", **values) if values else words(f"refusal.{key}")


def field_of(refusal: Refused) -> str:
    """The form's field that is at fault; "" for the whole."""
    if isinstance(refusal, WrongField):
        return refusal.field
    return "reason" if key_of(str(refusal)) == "reason" else ""


def _named(kind: str, value: str, words: Locale, names: CaseNames) -> str:
    match kind:
        case "agency" | "now":
            return names.agencies.get(value, value)
        case "topic" | "other":
            return names.topics.get(value, value)
        case "status":
            return words.get(f"common.status.{value}", value)
    return digits(value)
