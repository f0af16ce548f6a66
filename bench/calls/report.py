"""The result, in words and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.calls.books import Books
from bench.calls.callers import Outcome
from bench.calls.latency import Latencies

SHARE_TARGET = 0.05  # our CPU against Asterisk's
P95_TARGET = 15.0  # ms from key to audio
OURS = ("server", "postgresql")


@dataclass(frozen=True, slots=True)
class Result:
    """One run. `cpu`: seconds by group."""

    outcome: Outcome
    books: Books
    cpu: Mapping[str, float]
    latencies: Latencies
    asked: int
    at_once: int
    words: int  # seconds that each caller speaks
    panel: bool = False  # whether people clicked through it meanwhile

    @property
    def ours(self) -> float:
        return sum(self.cpu[name] for name in OURS)

    @property
    def share(self) -> float:
        return self.ours / self.cpu["asterisk"]

    @property
    def beside(self) -> str:
        return "with the panel busy" if self.panel else "alone"

    @property
    def missed(self) -> list[str]:
        """The targets that were not met, a sentence each."""
        held = (self.books.files, self.books.recordings, self.books.cases)
        p95 = percentile(self.latencies.after, 95)
        most, full = self.outcome.most_at_once, min(self.at_once, self.asked)
        checks = {
            f"{self.asked - self.outcome.completed} calls did not complete": self.outcome.completed
            == self.asked,
            f"{self.asked} recordings were due: files, rows and cases are {held}": set(held) == {self.asked},
            f"{self.books.caseless} recordings have no case": self.books.caseless == 0,
            f"our share is {self.share:.1%} of Asterisk's CPU": self.panel or self.share <= SHARE_TARGET,
            f"at most {most} calls were at once, and {full} were due": most >= full,
            f"key to audio p95 is {p95:.0f} ms {self.beside}": p95 < P95_TARGET,
            f"{len(self.latencies.failed)} probes failed": not self.latencies.failed,
        }
        return [sentence for sentence, good in checks.items() if not good]


def percentile(values: Sequence[float], percent: int) -> float:
    """NaN of nothing."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _summary(values: Sequence[float]) -> dict[str, float]:
    summary = {f"p{percent}_ms": percentile(values, percent) for percent in (50, 95, 99)}
    summary["max_ms"] = max(values, default=float("nan"))
    return {name: round(value, 2) for name, value in summary.items()}


def _plain(result: Result) -> dict[str, object]:
    outcome, books, latencies = result.outcome, result.books, result.latencies
    return {
        "words_seconds": result.words,
        "panel_busy": result.panel,
        "calls": {"asked": result.asked, "completed": outcome.completed, "failed": outcome.failed,
                  "asked_at_once": result.at_once, "most_at_once": outcome.most_at_once,
                  "seconds": outcome.seconds},
        "kept": {"files": books.files, "recordings": books.recordings, "cases": books.cases,
                 "caseless": books.caseless, "calls": books.calls},
        "cpu_seconds": {name: round(spent, 2) for name, spent in result.cpu.items()},
        "our_share": round(result.share, 4),
        "key_to_audio": {"samples": len(latencies.after), "unrecognised": latencies.unrecognised,
                         "probes": latencies.calls, "failed": latencies.failed,
                         "from_key_end": _summary(latencies.after),
                         "from_key_begin": _summary(latencies.from_begin)},
        "missed": result.missed,
    }  # fmt: skip


def as_json(results: Sequence[Result]) -> str:
    return json.dumps([_plain(result) for result in results], indent=2)


def as_text(result: Result) -> str:
    outcome, books, cpu, latencies = result.outcome, result.books, result.cpu, result.latencies
    after, begin = _summary(latencies.after), _summary(latencies.from_begin)
    lines = [
        f"words        {result.words} s a call, {result.beside}",
        f"calls        {outcome.completed} of {result.asked} completed, {outcome.failed} failed, "
        f"at most {outcome.most_at_once} at once, {outcome.seconds:.0f} s",
        f"kept         {books.files} recording files, {books.recordings} rows, {books.caseless} of them "
        f"without a case, {books.cases} cases, {books.calls} call rows (probes among them)",
        f"CPU          Asterisk {cpu['asterisk']:.2f} s; ours {result.ours:.2f} s = {result.share:.1%} "
        f"(server {cpu['server']:.2f}, PostgreSQL {cpu['postgresql']:.2f}); the callers {cpu['bench']:.2f} s",
        f"key → audio  {len(latencies.after)} keys in {latencies.calls} probe calls "
        f"({latencies.unrecognised} not recognised, {len(latencies.failed)} calls failed), milliseconds:",
        "             from the key's end   " + _row(after),
        "             from its begin       " + _row(begin),
    ]
    return "\n".join([*lines, *(f"MISSED       {sentence}" for sentence in result.missed)])


def compared(results: Sequence[Result]) -> str:
    """What it is all about, a line for each round."""
    rows = [
        f"{each.words:3} s of words, {each.at_once} calls at once, {each.beside:20} "
        f"p50 {percentile(each.latencies.after, 50):6.1f}  p95 {percentile(each.latencies.after, 95):6.1f} ms"
        for each in results
    ]
    return "\n".join(["key → audio, from the key's end:", *rows])


def _row(summary: Mapping[str, float]) -> str:
    return "  ".join(f"{name.removesuffix('_ms')} {value:.1f}" for name, value in summary.items())
