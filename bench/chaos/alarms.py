"""False alarms: what a caller was told to her harm though all was well. A lost complaint, too: goal 0.

Called cut though whole, turned away though there was room, asked again though her words were kept. Only a
fault that can be the cause excuses, and only while it lasted. Shares no code with the product.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from bench.chaos.evidence import Call, Fault
from bench.chaos.tones import AGAIN, CUT, NOT_KEPT, TURNED_AWAY, UNSURE

APOLOGY = "fallback.apology"
STOPPED_SERVER = "one server stopped"
SERVERS = (
    "one server killed",
    STOPPED_SERVER,
    "every server killed",
    "every server away",
    "new server killed",
    "database and servers away",
    "spool set back",
    "one server's clock wrong",  # it is begun anew for it, and again after it
)
DISK = ("disk full", "disk without inodes", "every disk full")
HANGS, REFUSES = "recordings' disk hangs", "recordings' disk refuses"
READ_ONLY = "recordings' disk read-only"
JOURNAL_HANGS = "journal's disk hangs"
JOURNAL = (JOURNAL_HANGS, "journal's disk refuses", "journal's disk read-only")
# No flush confirms them, or none in time: that she is told then is the truth, and what was written without a
# flush is there all the same. A disk that turns read-only by itself takes no more of open files either (here
# it does, `bench.chaos.sick_disks`): a file on it that is short by the clock may be cut, nobody can know; one
# that was begun later is on the other disk.
UNCONFIRMED = (HANGS, REFUSES, READ_ONLY)
# Blocks of the file system itself that were refused are flushed again with later files: the kernel was seen
# to answer EIO for three of them 33 seconds after the disk had become well, and for one 44 seconds after, of
# which it slept 9. Then she is told its word.
LATE_SECONDS = 60.0
BEGUN_SECONDS = 0.25  # from the end of the beep to her ear until her file is there, or before
ASKED_SECONDS = 2.0  # from the command to record, on a disk that still hangs, to the beep's end at her ear
FLUSHED_SECONDS = 0.1  # from her end to the first look at what she said
BLOCK = 4096  # bytes of a file that a full disk takes or refuses together
SECOND = "second/"  # begins the names of recordings on the second volume, which is never made sick or full
ASTERISK = ("Asterisk killed", "Asterisk stopped")
# What is told → the faults that may be its cause → for how many seconds after they end.
Causes = Mapping[str, Mapping[str, float]]
CAUSES: Causes = {
    # Else, whatever happened: with every word there, nothing was cut.
    CUT: dict.fromkeys(UNCONFIRMED, 1.0) | {REFUSES: LATE_SECONDS, HANGS: ASKED_SECONDS},
    TURNED_AWAY: {},  # the second volume always has room, whichever disk is full
    AGAIN: dict.fromkeys((*DISK, *ASTERISK, *UNCONFIRMED), 1.0),
    NOT_KEPT: dict.fromkeys(DISK, 3.0),
    UNSURE: dict.fromkeys((*DISK, *UNCONFIRMED), 3.0),
    APOLOGY: dict.fromkeys((*DISK, *SERVERS, *ASTERISK), 15.0),
}
# Without a second volume a disk that takes nothing keeps words or code back: while it takes nothing. A slow
# one takes all.
TAKES_NOTHING = dict.fromkeys((*DISK, *UNCONFIRMED, *JOURNAL), 3.0)
CAUSES_ON_ONE_DISK: Causes = {
    **CAUSES, TURNED_AWAY: TAKES_NOTHING, NOT_KEPT: TAKES_NOTHING, UNSURE: TAKES_NOTHING,
}  # fmt: skip
SAYS = {
    CUT: "was told that her words are cut",
    TURNED_AWAY: "was turned away",
    AGAIN: "was asked to say it again",
    NOT_KEPT: "was told that her words are not kept",
    UNSURE: "was told that nobody could make sure",
    APOLOGY: "was asked again by the dialplan",
}


def false_alarms(
    call: Call,
    kept: Collection[int],
    faults: Sequence[Fault],
    marked: Mapping[str, tuple[float, int]] | None = None,
    *,
    one_disk: bool = False,
) -> Iterator[str]:
    """One sentence each. `kept`: which of her words are in a case; `marked`: her recordings called cut, when
    each was begun and its bytes; `one_disk`: there is no second volume.
    """
    causes = CAUSES_ON_ONE_DISK if one_disk else CAUSES
    whole = [name for name, its in (marked or {}).items() if not _may_be_cut(call, name, *its, faults)]
    if whole and all(said.k in kept for said in call.said):
        yield f"{', '.join(sorted(whole))} is marked cut, and all her {len(call.said)} words are kept"
    for at, prompt in call.heard:
        if prompt not in causes or _excused(call, at, prompt, faults, causes):
            continue
        before = [said.k for said in call.said if last_beep(call, at) < said.began < at]
        if prompt == TURNED_AWAY:
            well = "its disk was well" if one_disk else "the second volume had room"
            yield f"{SAYS[prompt]} at {at:.3f}, and {well}"
        elif all(k in kept for k in before) and (before or prompt in (NOT_KEPT, UNSURE, APOLOGY)):
            yield f"{SAYS[prompt]} at {at:.3f}, and all {len(before)} are kept"


def _may_be_cut(call: Call, name: str, began: float, size: int, faults: Sequence[Fault]) -> bool:
    """Whether one of them can be why that recording of that call, begun then, lacks something."""
    if name.startswith(SECOND):
        return False
    judged = _judged(call.ended, faults)
    # A full disk took whole blocks of it and no more; what follows is no word, and missing all the same.
    # Or it refused the flush: what is read then lies in memory alone, though it may find room a second later.
    disks = [fault for fault in faults if fault.kind in DISK]
    full = any(lasted(fault, began, judged) for fault in disks)
    refused = any(lasted(fault, judged, judged + FLUSHED_SECONDS, 0.0) for fault in disks)
    return (full and size % BLOCK == 0) or refused or _explained(CUT, began, judged, faults, CAUSES)


def _judged(ended: float, faults: Sequence[Fault]) -> float:
    """When her server read and flushed what she said last: where it was stopped, once it went on."""
    stopped = [f for f in faults if f.kind == STOPPED_SERVER and f.began < ended < f.ended]
    return max((fault.ended + 1.0 for fault in stopped), default=ended)


def _excused(call: Call, at: float, prompt: str, faults: Sequence[Fault], causes: Causes) -> bool:
    # What she is told is of her words since the last beep, but for the dialplan's apology: it learns that its
    # server is gone when the command is over that it was in.
    since = max(call.answered or call.invited, 0.0 if prompt == APOLOGY else last_beep(call, at))
    return _explained(prompt, since, at, faults, causes)


def _explained(prompt: str, since: float, until: float, faults: Sequence[Fault], causes: Causes) -> bool:
    """Whether they can be why she is told so of what went on in that time.

    Two together where what was recorded is short by the clock, since Asterisk stood, and its disk was full
    meanwhile: nobody can know which of them cut it.
    """
    then = {fault.kind for fault in faults if lasted(fault, since, until)}
    both = prompt == CUT and "Asterisk stopped" in then and not then.isdisjoint(DISK)
    return both or any(_causes(fault, prompt, since, until, causes) for fault in faults)


def _causes(fault: Fault, prompt: str, since: float, until: float, causes: Causes) -> bool:
    """Whether that can be why she is told so of what went on in that time."""
    after = causes[prompt].get(fault.kind)
    if after is None or (prompt == CUT and fault.kind == READ_ONLY and since > fault.began + BEGUN_SECONDS):
        return False
    return lasted(fault, since, until, after)


def lasted(fault: Fault, since: float, until: float, after: float = 1.0) -> bool:
    """Whether it lasted, or was over for no more than `after` seconds, at some moment of that time."""
    return fault.began < until and since < max(fault.ended, fault.served) + after


def last_beep(call: Call, at: float) -> float:
    """Before that moment; 0 where there was none."""
    return max((beep for beep in call.beeps if beep < at), default=0.0)
