"""The callers, in a process of their own: `python -m bench.recordings.callers`. Leaves `calls.jsonl`."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.chaos.callers import Callers
from bench.chaos.phones import Plan
from bench.recordings.patterns import CODECS, Pattern, chosen
from bench.recordings.phones import OddPlan, Sounds, Telephone

GSM_BYTES = 33


def plans(calls: int, seed: int) -> list[OddPlan]:
    """One for each call."""
    return [
        OddPlan(n, f"0412{n:07d}", str(pattern), 0, pattern=pattern)
        for n, pattern in enumerate(chosen(calls, seed), 1)
    ]


class OddCallers(Callers):
    """Each has another telephone."""

    scenario = Path(__file__).parent / "caller.xml"
    plans: Sequence[OddPlan]

    def __init__(self, asked: argparse.Namespace) -> None:
        self.at_once = asked.at_once
        self.sounds, asked.speech = sounds(asked.sounds), None
        super().__init__(asked, plans(asked.calls, asked.seed))

    def row(self, plan: Plan, port: int) -> str:
        pattern = _pattern(plan)
        codec = CODECS[pattern.codec]
        return f"{plan.number};{port};{codec.number};{codec.said};{pattern.ptime};"

    def phone(self, plan: Plan, line: socket.socket, now: float) -> Telephone:
        assert isinstance(plan, OddPlan)
        return Telephone(plan, self.sounds, line, now, self.chance)

    def _write(self, phone: object, log: object) -> None:
        assert isinstance(phone, Telephone)
        line = {
            "n": phone.plan.n, "number": phone.plan.number, "pattern": str(phone.plan.pattern),
            "habits": sorted(phone.plan.pattern.habits), "answered": phone.log.answered is not None,
            "ended_by": phone.log.ended_by, "spoke": bool(phone.log.beeps),
            "sent": float(phone.log.said[0][3]) if phone.log.said else 0.0,
        }  # fmt: skip
        print(json.dumps(line), file=log, flush=True)  # type: ignore[call-overload]


def _pattern(plan: Plan) -> Pattern:
    assert isinstance(plan, OddPlan)
    return plan.pattern


def sounds(folder: Path) -> Sounds:
    """Speech and silence as Asterisk encoded them."""

    def read(codec: str) -> tuple[list[bytes] | bytes, list[bytes] | bytes]:
        speech, silence = (_encoded(folder / f"{name}.{codec}") for name in ("speech", "silence"))
        return speech, silence

    return {codec: read(codec) for codec in CODECS}


def _encoded(path: Path) -> list[bytes] | bytes:
    content = path.read_bytes()
    match path.suffix:
        case ".gsm":
            return [content[n : n + GSM_BYTES] for n in range(0, len(content), GSM_BYTES)]
        case ".opus":
            return [*ogg_packets(content)][2:]  # behind the two headers
        case _:
            return content


def ogg_packets(content: bytes) -> Iterator[bytes]:
    """RFC 3533: pages of segments; one shorter than 255 bytes ends a packet."""
    at, packet = 0, b""
    while content[at : at + 4] == b"OggS":
        many = content[at + 26]
        lengths, at = content[at + 27 : at + 27 + many], at + 27 + many
        for length in lengths:
            packet, at = packet + content[at : at + length], at + length
            if length < 255:
                yield packet
                packet = b""


def main() -> None:
    """Exit 0 once every call is over."""
    parser = argparse.ArgumentParser(prog="python -m bench.recordings.callers", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the logs go")
    parser.add_argument("--sounds", type=Path, required=True, help="speech and silence in every codec")
    parser.add_argument("--port", type=int, required=True, help="Asterisk's SIP port")
    parser.add_argument("--extension", default="111")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True, help="calls a second")
    parser.add_argument("--at-once", type=int, required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("sipp", nargs="+", help="the command that runs SIPp, after --")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # SIPp must not outlive us
    OddCallers(parser.parse_args()).run()


if __name__ == "__main__":
    main()
