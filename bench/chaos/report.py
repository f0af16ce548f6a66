"""The table of faults × calls × outcome, as text and as JSON with stable names."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.chaos.accountant import Verdict
from bench.chaos.evidence import Evidence, Fault

OUTCOMES = (
    "heard her code", "told it is kept", "told it is not sure", "told nothing", "said nothing",
    "not answered",
)  # fmt: skip
_COUNTS = (
    "words", "words_kept", "words_excused", "words_alone", "words_lost", "calls_doubled", "codes_true",
    "codes_false", "false_alarms", "calls_told_nothing", "recordings_unmarked", "words_unheard",
)  # fmt: skip
MOST_EXCUSED = 0.02  # of all words, without those that the only disk took (`accountant.ALONE`)
FEW_CALLS = 2_000  # of fewer two kills of Asterisk may excuse more; of several seeds the sum counts as well
TOUCH_SECONDS = 1.0  # a fault that ended so shortly before a call began is counted with it


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run. `general`: problems that belong to no call."""

    seed: int
    rate: int
    seconds: float
    verdicts: Sequence[Verdict]
    evidence: Evidence
    general: Sequence[str]

    @property
    def faults(self) -> Sequence[Fault]:
        return self.evidence.faults

    @property
    def one_disk(self) -> bool:
        """There was no second volume."""
        return self.evidence.one_disk

    @property
    def good(self) -> bool:
        """0 lost, 0 doubled, 0 codes that don't resolve, 0 false alarms, few excused, nothing else amiss."""
        judged = not any(verdict.problems for verdict in self.verdicts)
        return judged and not self.general and not self.too_much

    @property
    def too_much(self) -> str:
        """What is to be said where so many words are excused that it is no proof."""
        words = sum(len(verdict.call.said) for verdict in self.verdicts)
        excused = sum(v.excused.total() - v.excused_alone for v in self.verdicts)
        share = excused / max(1, words)
        if len(self.verdicts) < FEW_CALLS or share < MOST_EXCUSED:
            return ""
        return f"{100 * share:.2f} % of the words are excused, and less than {100 * MOST_EXCUSED:g} % may be"

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each kind of fault, then the calls that met none, then all. A call may be in several."""
        for kind in sorted({fault.kind for fault in self.faults}):
            these = [fault for fault in self.faults if fault.kind == kind]
            touched = [v for v in self.verdicts if any(_touches(fault, v) for fault in these)]
            yield _row(kind, len(these), touched)
        yield _row("no fault", 0, [v for v in self.verdicts if not any(_touches(f, v) for f in self.faults)])
        yield _row("all", len(self.faults), self.verdicts)


def too_little(asked: int, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Why they are no proof, however good each is: 0 of nothing is 0, too."""
    if len(verdicts) != asked:
        yield f"{asked} calls were asked for, and {len(verdicts)} were placed"
    if not any(verdict.call.said for verdict in verdicts):
        yield "nobody said a word"
    if not any(verdict.codes_true for verdict in verdicts):
        yield "nobody was spoken a code"


def _touches(fault: Fault, verdict: Verdict) -> bool:
    return fault.began <= verdict.call.ended and verdict.call.invited <= fault.ended + TOUCH_SECONDS


def _row(kind: str, times: int, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    return {
        "fault": kind,
        "times": times,
        "calls": len(verdicts),
        "outcomes": {name: outcomes[name] for name in OUTCOMES},
        "words": sum(len(v.call.said) for v in verdicts),
        "words_kept": sum(v.kept for v in verdicts),
        "words_excused": sum(v.excused.total() for v in verdicts),
        "words_alone": sum(v.excused_alone for v in verdicts),
        "words_lost": sum(len(v.lost) for v in verdicts),
        "calls_doubled": sum(v.doubled for v in verdicts),
        "codes_true": sum(v.codes_true for v in verdicts),
        "codes_cut_short": sum(v.codes_cut for v in verdicts),
        "codes_false": sum(len(v.codes_false) for v in verdicts),
        "false_alarms": sum(len(v.alarms) for v in verdicts),
        "turned_away": (away := sum(v.turned_away for v in verdicts)),
        "told_wrongly": sum(len(v.alarms) for v in verdicts) - away + sum(v.told_untrue for v in verdicts),
        "calls_told_nothing": sum(v.untold for v in verdicts),
        "recordings_unmarked": sum(v.unmarked for v in verdicts),
        "words_unheard": sum(v.call.unheard for v in verdicts),
    }


def as_plain(result: Result) -> dict[str, Any]:
    """For JSON."""
    excused = Counter[str]()
    for verdict in result.verdicts:
        excused.update(verdict.excused)
    return {
        "seed": result.seed,
        "rate": result.rate,
        "seconds": result.seconds,
        "one_disk": result.one_disk,
        "good": result.good,
        "table": [*result.rows()],
        "excused": dict(excused.most_common()),
        "problems": [
            *result.general,
            *([result.too_much] if result.too_much else []),
            *(f"call {v.call.n} ({v.call.number}): {text}" for v in result.verdicts for text in v.problems),
        ],
        "accounts": [line for v in result.verdicts for line in v.account],
    }


def as_json(result: Result) -> str:
    return json.dumps(as_plain(result), indent=2)


def as_text(result: Result) -> str:
    plain = as_plain(result)
    head = [
        "fault",
        "times",
        "calls",
        *OUTCOMES,
        "words",
        "kept",
        "excused",
        "of them the only disk's",
        "lost",
        "doubled",
        "codes",
        "false",
        "alarms",
        "untold",
        "unmarked",
        "unheard",
    ]
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for row in plain["table"]:
        cells = [row["fault"], row["times"], row["calls"], *row["outcomes"].values()]
        cells += [row[name] for name in _COUNTS]
        lines.append(" | ".join(map(str, cells)))
    lines = [f"| {line} |" for line in lines]
    everything = plain["table"][-1]
    words, alone = everything["words"], everything["words_alone"]
    other = everything["words_excused"] - alone
    lines += ["", f"excused: {other} of {words} words, {100 * other / max(1, words):.1f} %"]
    if alone:
        lines.append(f"... and {alone}, {100 * alone / max(1, words):.1f} %, that the only disk did not take")
    lines += [f"excused: {count} words {reason}" for reason, count in plain["excused"].items()]
    lines += [f"PROBLEM  {text}" for text in plain["problems"]]
    lines += plain["accounts"]
    well = (
        "0 lost, 0 doubled, 0 codes that don't resolve, 0 false alarms, 0 told nothing, 0 cut without a note"
    )
    verdict = well if result.good else "NOT GOOD: see the problems"
    disks = "one disk" if result.one_disk else "two disks"
    asked = f"seed {result.seed}, {disks}, {result.rate} calls a second, {result.seconds:g} s"
    return "\n".join([*lines, "", f"{asked}: {verdict}"])
