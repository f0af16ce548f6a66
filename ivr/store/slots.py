"""Where several processes on one machine keep their facts: each has a slot, with its journal and its codes.

Slot 0 is the spool folder itself, as one process alone has always had it; the others are `spool/1`, `spool/2`
and so on. The journal's lock says whether somebody has the slot. A process that dies leaves it: who starts
next takes the first free one, with its journal and the codes that were leased there.
"""

from __future__ import annotations

import logging
from pathlib import Path

from ivr.store.disk_thread import in_time
from ivr.store.journal import Journal, JournalError, JournalFull, JournalInUse, journal_reading
from ivr.store.journal.applied import JournalUnread
from ivr.store.journal.journal_keeping import FactTerm
from ivr.store.volumes import SECOND

log = logging.getLogger(__name__)

MOST = 64  # far more than a machine has use for
NO_CALLS = 32  # from here on those who carry no calls: they leave the codes of the others to who carries some
MOST_DAMAGED = 4  # so many at once are no damaged slots: it is the disk of them all


def place(spool: Path, number: int) -> Path:
    """The folder of a slot."""
    return spool / str(number) if number else spool


def journals(spool: Path) -> list[Path]:
    """The journal folders of every slot that was ever taken."""
    # Looked at every few seconds: one reading of the folder, not a look at each place that may be taken.
    there = [each.name for each in spool.iterdir()] if spool.is_dir() else []
    numbers = sorted(n for n in {0, *(int(name) for name in there if name.isdecimal())} if n < MOST)
    found = (place(spool, number) / "journal" for number in numbers)
    return [folder for folder in found if folder.is_dir()]


def living(spool: Path) -> set[Path]:
    """The journal folders that some process has now, or may have: of a damaged lock nobody can tell."""
    return {folder for folder in journals(spool) if _may_live(folder)}


def _may_live(folder: Path) -> bool:
    try:
        return journal_reading.run_began(folder) is not None
    except OSError:
        return True


def take(
    spool: Path,
    second: Path | None = None,
    first: int = 0,
    applies: bool = True,
    term: FactTerm | None = None,
) -> Journal:
    """The journal of the first free slot, opened. Its folder's parent is the slot. Raises JournalError.

    `second`: a folder on another disk, where it goes on when its own takes no more. `first`: the lowest
    number that will do. `applies`: its facts are brought into the books by this process.
    `term`: how long they stay after that. A slot that can't be opened is stepped over: what is in it is
    brought into the books by whoever can read it. While one's link leads to nothing none is linked there.
    """
    if second and (dead := _dead_link(second, spool)):
        log.error(
            "%s leads to nothing: this process keeps its facts on the first disk alone. Is %s mounted? If it "
            "is, remove that link",
            dead,
            second,
        )
        second = None  # what is made there now would be hidden once it is
    damaged: list[JournalError] = []
    for number in range(first, MOST):
        spare = second and second / "journal" / str(number)
        journal = Journal(
            place(spool, number) / "journal", spare=spare, applies=applies, term=term or FactTerm()
        )
        try:
            journal.open()
        except JournalInUse:
            continue
        except JournalFull:
            raise  # the others lie on the same disk
        except JournalUnread as error:  # a slot that is not linked to that disk yet can be had
            log.error("slot %d can't be used before its second disk answers: %s", number, error)
            continue
        except JournalError as error:
            log.error("slot %d can't be used, the next one is tried: %s", number, error)
            damaged.append(error)
            if len(damaged) == MOST_DAMAGED:
                break
            continue
        return journal
    raise damaged[0] if damaged else JournalError(f"{MOST} processes serve with {spool} already")


def _dead_link(second: Path, spool: Path) -> Path | None:
    """To what was made there and is not there. Of a disk that gives no answer it is not known."""

    def one() -> Path | None:
        links = [folder / SECOND for folder in journals(spool)]
        its = [link for link in links if link.is_symlink() and link.readlink().is_relative_to(second)]
        return next((link for link in its if not link.exists()), None)

    try:
        return in_time(second, one)
    except OSError:
        return None
