"""False alarms: what a caller was told to her harm though all was well. A lost complaint, too: goal 0.

Called cut though whole, turned away though there was room, asked again though her words were kept. Only a
fault that can be the cause excuses, and only while it lasted. Shares no code with the product.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bench.chaos.evidence import Call, Fault
from bench.chaos.tones import AGAIN, CUT, NOT_KEPT, TURNED_AWAY

APOLOGY = "fallback.apology"
SERVERS = (
    "one server killed",
    "one server stopped",
    "every server killed",
    "every server away",
    "new server killed",
)
DISK = ("disk full", "disk without inodes", "every disk full")
HANGS, REFUSES = "recordings' disk hangs", "recordings' disk refuses"
READ_ONLY = "recordings' disk read-only"
# No flush confirms them, or none in time: that she is told then is the truth, and what was written without a
# flush is there all the same. A disk that turns read-only by itself takes no more of open files either (here
# it does, `bench.chaos.sick_disks`): a file on it that is short by the clock may be cut, nobody can know.
UNCONFIRMED = (HANGS, REFUSES, READ_ONLY)
ASTERISK = ("Asterisk killed", "Asterisk stopped")
# What is told → the faults that may be its cause, and for how many seconds after they end.
CAUSES: dict[str, tuple[Collection[str], float]] = {
    CUT: (UNCONFIRMED, 1.0),  # else, whatever happened: with every word there, nothing was cut
    TURNED_AWAY: (DISK, 3.0),
    AGAIN: ((*DISK, *ASTERISK, *UNCONFIRMED), 1.0),
    NOT_KEPT: (DISK, 3.0),
    APOLOGY: ((*DISK, *SERVERS, *ASTERISK), 15.0),
}
SAYS = {
    CUT: "was told that her words are cut",
    TURNED_AWAY: "was turned away",
    AGAIN: "was asked to say it again",
    NOT_KEPT: "was told that her words are not kept",
    APOLOGY: "was asked again by the dialplan",
}


def false_alarms(
    call: Call, kept: Collection[int], faults: Sequence[Fault], marked: Collection[str] = ()
) -> Iterator[str]:
    """One sentence each. `kept`: which of her words are in a case; `marked`: her recordings called cut."""
    if marked and all(said.k in kept for said in call.said) and not _unconfirmed(call, faults):
        yield f"{', '.join(sorted(marked))} is marked cut, and all her {len(call.said)} words are kept"
    for at, prompt in call.heard:
        if prompt not in CAUSES or _excused(call, at, prompt, faults):
            continue
        before = [said.k for said in call.said if _last_beep(call, at) < said.began < at]
        if prompt == TURNED_AWAY:
            yield f"{SAYS[prompt]} at {at:.3f}, and no disk was full"
        elif all(k in kept for k in before) and (before or prompt in (NOT_KEPT, APOLOGY)):
            yield f"{SAYS[prompt]} at {at:.3f}, and all {len(before)} are kept"


def _excused(call: Call, at: float, prompt: str, faults: Sequence[Fault]) -> bool:
    kinds, after = CAUSES[prompt]
    began = call.answered or call.invited
    return any(f.kind in kinds and f.began < at and max(f.ended, f.served) + after > began for f in faults)


def _unconfirmed(call: Call, faults: Sequence[Fault]) -> bool:
    began = call.answered or call.invited
    return any(f.kind in UNCONFIRMED and f.began < call.ended and began < f.ended + 1.0 for f in faults)


def _last_beep(call: Call, at: float) -> float:
    return max((beep for beep in call.beeps if beep < at), default=0.0)
