"""Ports for a lab of one's own: free when asked for, and still free when its server listens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ivr.lab.ports import OURS, free

HIGHEST_OF_THE_HOUSE = 20_000  # IVR_RTP__START
ASK = "from ivr.lab.ports import free; print(*[free() for _ in range(100)], flush=True); input()"


def test_no_port_is_one_that_a_connection_may_start_from() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert OURS.stop <= min(first, HIGHEST_OF_THE_HOUSE)
    assert free() in OURS


def test_two_processes_are_never_given_the_same_port() -> None:
    asked = [
        subprocess.Popen(
            [sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    given = [port for each in asked if each.stdout for port in each.stdout.readline().split()]
    for each in asked:
        each.communicate("\n")
    assert len(given) == len(set(given)) == 300
