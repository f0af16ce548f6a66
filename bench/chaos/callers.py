"""The callers, in a process of their own: SIPp signals for all of them, each has a telephone of ours.

`python -m bench.chaos.callers --help`. Leaves in the folder `calls.jsonl` (a line per call), `payloads.json`
(the audio that its `heard` speaks of) and SIPp's own log `sipp.csv`. Shares no code with the product.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench.chaos.phones import SECONDS, Ear, Phone, Plan
from bench.chaos.speech import Speech
from bench.chaos.switchboard import Switchboard, Told

SOCKETS = 800  # audio ports, used in turn
MOST_AT_ONCE = 500
UNANSWERED_SECONDS = 20.0  # SIPp has given up by then
OVER_SECONDS = 20.0  # after the last call
LAST_SECONDS = 100.0  # for the last caller
TELL_SECONDS = 5.0
SUPPRESSING = 0.2  # the share of telephones that send nothing in silence …
ABRUPT = 0.02  # … and of those that stop with her last word: Asterisk cuts it at the key (lines.md)
REPEATING = 0.1  # … and of calls from a number that called before:
BEFORE = (1, 2, 8, 40)  # so many calls ago, while that one speaks, is on its way to the books, or in them
SPEECH = 0.15  # … and of callers who hear real prompts, where there are any
IP_RECVERR = 11  # linux/in.h: tell of it when nobody is there


def plans(seed: int, calls: int, speech: float = 0.0) -> list[Plan]:
    """What each caller will do; the same seed makes the same callers. `speech`: the share of real prompts."""
    chance, found = random.Random(f"callers {seed}"), list[Plan]()
    for n in range(1, calls + 1):
        plan, silence = _plan(n, chance), chance.random()
        plan = replace(plan, suppresses=silence < SUPPRESSING, abrupt=silence < ABRUPT)
        if chance.random() < REPEATING and n > (before := chance.choice(BEFORE)):
            plan = replace(plan, number=found[-before].number, joins=chance.random() < 0.5)
        found.append(replace(plan, speech=chance.random() < speech))
    return found


def _plan(n: int, chance: random.Random) -> Plan:
    number, words = f"0412{n:07d}", chance.choice((4, 4, 5, 6))
    kind = chance.choices(
        (
            "keeps",
            "says nothing at the review",
            "hears, again or more",
            "hangs up speaking",
            "hangs up anywhere",
        ),
        (50, 5, 10, 15, 20),
    )[0]
    match kind:
        case "says nothing at the review":
            return Plan(n, number, kind, words, review=None)
        case "hears, again or more":
            return Plan(n, number, kind, min(words, 5), review=chance.choice(("2", "3", "4", "24")))
        case "hangs up speaking":
            return Plan(n, number, kind, words, hang_up_speaking=chance.uniform(0.3, 4.0))
        case "hangs up anywhere":
            return Plan(n, number, kind, words, hang_up=chance.uniform(0.0, 18.0))
        case _:
            return Plan(n, number, kind, words)


class Callers:
    """All calls of a run. `at_once`: no more of them."""

    scenario = Path(__file__).parent / "caller.xml"
    at_once = MOST_AT_ONCE

    def __init__(self, asked: argparse.Namespace, wanted: Sequence[Plan]) -> None:
        self.folder: Path = asked.folder
        self.plans = wanted
        self.rate: int = asked.rate
        self.chance = random.Random(f"telephones {asked.seed}")
        self.ear = Ear(Speech.of(asked.speech) if asked.speech else None)
        self.board = Switchboard(asked.port)
        self.lines = [_line() for _ in range(min(SOCKETS, len(self.plans)))]
        self.live: dict[int, Phone] = {}
        self.leaving: dict[int, float] = {}
        self.placed = 0
        self.sipp = self._start_sipp(asked.sipp, asked.extension)

    def _start_sipp(self, command: Sequence[str], extension: str) -> subprocess.Popen[bytes]:
        rows = [self.row(p, self._line_of(p.n).getsockname()[1]) for p in self.plans]
        (self.folder / "callers.csv").write_text("\n".join(["SEQUENTIAL", *rows]) + "\n")
        (self.folder / "caller.xml").write_bytes(self.scenario.read_bytes())
        arguments = [
            *command, f"127.0.0.1:{self.board.near_port}", "-sf", "caller.xml", "-inf", "callers.csv",
            "-s", extension, "-m", str(len(self.plans)), "-r", str(self.rate), "-l", str(self.at_once),
            "-i", "127.0.0.1", "-p", str(_free_port()),
            "-cid_str", "chaos-%u", "-max_invite_retrans", "4", "-max_non_invite_retrans", "4", "-nostdin",
            "-trace_shortmsg", "-shortmessage_file", "sipp.csv", "-trace_err", "-error_file", "sipp.err",
        ]  # fmt: skip
        screen = (self.folder / "sipp.out").open("wb")
        return subprocess.Popen(arguments, cwd=self.folder, stdout=screen, stderr=screen)

    def row(self, plan: Plan, port: int) -> str:
        """Her line in SIPp's file."""
        return f"{plan.number};{port};"

    def phone(self, plan: Plan, line: socket.socket, now: float) -> Phone:
        """Her telephone."""
        return Phone(plan, self.ear, line, now, self.chance)

    def _line_of(self, n: int) -> socket.socket:
        return self.lines[n % len(self.lines)]

    def run(self) -> None:
        """Until the last call is over. Raises SystemExit if SIPp broke off; its 1 says that calls failed."""
        last, told, due = time.time() + 2 * len(self.plans) / self.rate + LAST_SECONDS, 0.0, time.time()
        busy = due
        with (self.folder / "calls.jsonl").open("w") as log:
            try:
                while (self.sipp.poll() is None or self.live) and (now := time.time()) < last:
                    self._tick(now, log)
                    if self.live or self.placed < len(self.plans):
                        busy = now
                    elif now - busy > OVER_SECONDS:  # SIPp waits for the end of a call that it lost
                        break
                    if now - told > TELL_SECONDS:
                        told = now
                        print(json.dumps({"placed": self.placed, "live": len(self.live)}), flush=True)
                    due = max(due + SECONDS, now)
                    time.sleep(max(0.0, due - time.time()))
            finally:
                for phone in self.live.values():
                    phone.end("nobody", time.time())
                    self._write(phone, log)
                ended = self.sipp.poll()
                self.sipp.kill()
                self.sipp.wait()
                audio = [base64.b64encode(payload).decode() for payload in self.ear.payloads]
                (self.folder / "payloads.json").write_text(json.dumps(audio))
        if ended not in (None, 0, 1):
            sys.exit(f"SIPp ended with {ended}; see {self.folder / 'sipp.out'}")

    def _tick(self, now: float, log: object) -> None:
        for told in self.board.poll():
            self._hear_of(told, now)
        for phone in list(self.live.values()):
            phone.tick(now)
            self._hang_up(phone, now)
            if phone.over:
                self._write(phone, log)
                del self.live[phone.plan.n]
        if self.sipp.poll() is not None:  # SIPp has given these up
            for phone in self.live.values():
                phone.end("unanswered" if phone.log.answered is None else "vanished", now)

    def _hang_up(self, phone: Phone, now: float) -> None:
        if phone.log.answered is None and now - phone.log.invited > UNANSWERED_SECONDS:
            phone.end("unanswered", now)
        if phone.over or not phone.wants_to_hang_up:
            return
        first = self.leaving.setdefault(phone.plan.n, now)
        if first == now:
            self.board.hang_up(phone.plan.n)
        elif now - first > 5:  # SIPp gave this call up before
            phone.end("caller", now)

    def _hear_of(self, told: Told, now: float) -> None:
        if told.what == "invited" and told.n <= len(self.plans):
            self.placed += 1
            plan = self.plans[told.n - 1]
            self.live[told.n] = self.phone(plan, self._line_of(told.n), now)
        elif (phone := self.live.get(told.n)) is not None:
            match told.what:
                case "answered":
                    phone.answered(("127.0.0.1", told.port), now)
                case "refused":
                    phone.end("refused", now)
                case "caller_left":
                    phone.end("caller", now)
                case "hotline_left":
                    phone.end("hotline", now)

    def _write(self, phone: Phone, log: object) -> None:
        line = {**asdict(phone.plan), **asdict(phone.log)}
        print(json.dumps(line), file=log, flush=True)  # type: ignore[call-overload]


def _free_port() -> int:
    """For SIPp. Its own choice is 5060, shared with whoever has it: the latest gets everybody's messages."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        port: int = line.getsockname()[1]
        return port


def _line() -> socket.socket:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind(("127.0.0.1", 0))
    line.setblocking(False)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
    line.setsockopt(socket.SOL_IP, IP_RECVERR, 1)
    return line


def main() -> None:
    """Exit 0 once every call is over."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos.callers", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the logs go")
    parser.add_argument("--port", type=int, required=True, help="Asterisk's SIP port")
    parser.add_argument("--extension", default="111")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=int, default=5, help="calls a second")
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--speech", type=Path, help="where real prompts lie as A-law, beside their WAVs")
    parser.add_argument("sipp", nargs="+", help="the command that runs SIPp, after --")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # SIPp must not outlive us
    asked = parser.parse_args()
    Callers(asked, plans(asked.seed, asked.calls, SPEECH if asked.speech else 0.0)).run()


if __name__ == "__main__":
    main()
