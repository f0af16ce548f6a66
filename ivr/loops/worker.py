"""What the role `work` does: journals into the database, recordings that no case knows into cases, and all
that grows with the books."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Coroutine
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.book import Page
from ivr.desk.book.seeds import SeedError
from ivr.desk.call import callback_list
from ivr.desk.call.intake import Intake
from ivr.desk.case import entries
from ivr.desk.case.assigning import let_go
from ivr.desk.case.collecting import settle
from ivr.desk.case.pausing import end_pauses
from ivr.desk.counter import channels
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.deadlines.escalation_proof import prove
from ivr.desk.deadlines.retiming import retime
from ivr.desk.editing import terms
from ivr.desk.facts.adopting import Following
from ivr.desk.facts.apply import Pump
from ivr.desk.facts.fallback import places, take_in_from
from ivr.desk.facts.reconcile import reconcile
from ivr.desk.facts.strays import LOOK_BACK_SECONDS, START_LOOK_BACK_SECONDS, Shelf
from ivr.desk.keeping import custody, proved, retention, sealing, witnessing
from ivr.desk.meetings.hour_hearing import keep_noting
from ivr.desk.meetings.inviting import keep_asking
from ivr.desk.meetings.order_giving import put_off
from ivr.desk.people import limiting
from ivr.desk.reading.counting import count_days
from ivr.desk.recordings.enclosing import Encloser
from ivr.desk.recordings.packing import Packer
from ivr.desk.recordings.settling import Settling
from ivr.desk.recordings.storing import store_recordings
from ivr.desk.trees.publishing import publish_due
from ivr.desk.trees.step_statistics import count_steps
from ivr.desk.trees.trials import watch_trials
from ivr.loops.every import Loops, is_waited_for
from ivr.store.aside import AGAIN, Aside
from ivr.store.derived import Derived
from ivr.store.journal.journal_keeping import FactTerm
from ivr.store.key_copies import KeyCopies
from ivr.store.vault import Vault

log = logging.getLogger(__name__)

FALLBACKS = ("fallback", "fallback on the second disk")
FALLBACK_SECONDS = 15.0  # how often the dialplan's own recordings are looked for
SIBLINGS_SECONDS = 3.0  # how often we look at what is said of the journals of others
RECONCILE_SECONDS = 60.0  # how often recordings in no row are looked for …
SOON_SECONDS = 5.0  # … and when one was found that may still grow
SWEEP_SECONDS = 60.0  # how often cases whose time has come are looked for
PROOF_SECONDS = 300.0  # how often the watchdog looks whether one was forgotten
SETTLE_SECONDS = 60.0  # how often recordings are packed and closed in envelopes, where that is wanted
STORE_SECONDS = 30.0  # how often recordings are copied to the store, if there is one
FIGURES_SECONDS = 300.0  # how often it is asked whether a day can be counted
ENTER_SECONDS = 300.0  # how often cases that older code opened or changed are looked for
RETENTION_SECONDS = 3600.0  # how often what is kept long enough is taken away
ERASES_HERE = timedelta(days=1)  # how often what other machines erased is looked for
CUSTODY_SECONDS = 600.0  # how often it is asked whether a day is over
TREES_SECONDS = 5.0  # how often trials are compared, and trees looked for whose time has come
SEAL_SECONDS = 60.0  # how often what was written is sealed
ASIDE_SECONDS = 60.0  # how often call-backs that were put aside are counted
LAST_SECONDS = 15.0


class JournalsAtFault(Exception):
    """Which journals of others a fault of ours keeps from being applied. Strangers may read it."""


class StepsAtFault(Exception):
    """Which steps of the work that keeps deadlines a fault of ours stopped. Strangers may read it."""


class SweepStep(Protocol):
    """Of the work that keeps deadlines. How many rows it dealt with."""

    async def __call__(
        self, engine: AsyncEngine, page: Page, now: datetime, /, *, aside: Aside | None = None
    ) -> int: ...


@dataclass(frozen=True, slots=True)
class Cellar:
    """Where the background work finds and leaves things, beside the shelf of recordings.

    `fallback`: what the dialplan recorded alone. `lists`: of the chain of custody, a file a day. `seed`: the
    province's folder, with retention.yaml. `vault`: where recordings are copied to, if anywhere. `witnesses`:
    where the roots of seals go. `copies`: of the keys of envelopes, where recordings are closed in any.
    `packed`: whether recordings become FLAC.
    """

    fallback: Path
    lists: Path
    seed: Path
    derived: Derived
    vault: Vault | None = None
    witnesses: witnessing.Witnesses = witnessing.NOBODY
    copies: KeyCopies | None = None
    packed: bool = False


class Worker:
    """`start` once, `idle` before the end. Beside others: each thing is done by one at a time."""

    def __init__(
        self,
        pump: Pump,
        intake: Intake,
        shelf: Shelf,
        cellar: Cellar,
        clock: Callable[[], datetime],
        term: FactTerm | None = None,
        is_sure: Callable[[], bool] = lambda: True,
    ) -> None:
        """`term`: how long applied facts stay in the journals. `is_sure`: whether that is the time."""
        self.is_sure = is_sure
        self.pump = pump
        self.intake = intake
        self.shelf = shelf
        self.cellar = cellar
        self.clock = clock
        self.book = intake.book
        self.strays = 0  # recordings that the last pass of the reconciler had to leave
        self.unread: dict[str, list[str]] = {}  # of what is looked through here
        self.aside = Aside()
        ours = [intake.journal.folder] if intake.journal.applies else []
        self.following = Following(pump.engine, intake.book, shelf.spool, term, ours)
        self._look_back, self._growing = START_LOOK_BACK_SECONDS, False  # of the reconciler
        self._looked_to: tuple[int | None, int | None] = None, None  # newest events at the last two turns
        self._erases_here = clock()  # when what other machines erased is looked for next
        self._looks_at_all: datetime | None = clock()  # when more than that is looked through for entries

    def start(self, loops: Loops) -> None:
        """Work in the background."""
        loops.start("other journals", self.following.run, longest=SOON_SECONDS)
        if self.intake.journal.applies:  # else somebody who was here before us does
            loops.start("pump", self.pump.run, longest=SOON_SECONDS)  # words wait
        for name, place in zip(FALLBACKS, places(self.cellar.fallback), strict=True):
            loops.every(name, FALLBACK_SECONDS, partial(self._take_in, name, place), asks_books=False)
        pause, look = SIBLINGS_SECONDS, self._tell_of_journals
        loops.every("siblings", pause, look, asks_books=False, longest=pause)
        loops.every("reconciler", self._until_reconciling, self._reconcile)
        loops.every("escalation", SWEEP_SECONDS, self._escalate)
        loops.every("escalation watchdog", PROOF_SECONDS, self._prove, at_once=False)
        loops.every("custody", CUSTODY_SECONDS, self._close_days)
        loops.every("sealing", SEAL_SECONDS, self._seal, at_once=False)
        loops.every("retention", _until_retention, self._forget, at_once=False)
        loops.every("figures", FIGURES_SECONDS, self._count_days)
        loops.every("inbox", ENTER_SECONDS, self._enter)
        loops.every("menu trees", TREES_SECONDS, self._keep_trees)
        loops.every("call-backs put aside", ASIDE_SECONDS, self._count_put_aside)
        if self.cellar.vault is not None:
            loops.every("store", STORE_SECONDS, partial(self._store, self.cellar.vault))
        if settling := self._settling():
            loops.every("recordings at rest", SETTLE_SECONDS, partial(self._settle, settling))

    @property
    def troubles(self) -> list[str]:
        """One sentence for each kind of folder of which some is not shown whole, and of rows put aside."""
        why = "a damaged disk does not show all of what is in {}: the log says why"
        unread = [why.format(f"{what} ({', '.join(its)})") for what, its in self.not_shown.items() if its]
        return unread + self.aside.troubles

    @property
    def not_shown(self) -> dict[str, list[str]]:
        """Folders that a damaged disk did not show whole when last looked through, by what they hold."""
        return self.unread | {"derived": self.cellar.derived.unread}

    async def idle(self) -> None:
        """Apply what is journalled, if the database and its disks are there."""
        own = [self.pump.idle()] if self.intake.journal.applies else []
        await asyncio.gather(*(_in_the_end(each) for each in (*own, self.following.idle())))

    async def _take_in(self, name: str, place: Path) -> None:
        """One disk's: another that hangs holds it up as little as one that is damaged."""
        unread: list[Path] = []
        await take_in_from(self.intake, place, self.shelf.recordings, unread)
        self.unread[name] = [str(place) for place in unread]

    async def _tell_of_journals(self) -> None:
        self.unread["journals"] = self.following.unread
        if faults := self.following.faults:  # each is begun again by itself
            told = (f"{folder} can't be applied ({fault})" for folder, fault in faults.items())
            raise JournalsAtFault("; ".join(told))

    async def _reconcile(self) -> None:
        self.following.gone.clear()
        done = await reconcile(
            self.shelf, own=self.intake.journal, live=self.intake.live, look_back=self._look_back
        )
        self._look_back = LOOK_BACK_SECONDS
        self.strays, self.unread["recordings"] = len(done.waiting), done.unread
        self._growing = bool(done.growing)

    async def _until_reconciling(self) -> None:
        """What a dead sibling was recording is looked for at once."""
        wait, self._growing = SOON_SECONDS if self._growing else RECONCILE_SECONDS, False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self.following.gone.wait()

    async def _store(self, vault: Vault) -> None:
        its = (self.shelf.recordings, vault, self.cellar.derived)
        await store_recordings(self.pump.engine, *its, self.clock(), self.aside)

    def _settling(self) -> list[Settling]:
        """What is done to recordings that nobody touches any more, in this order."""
        its: list[Settling] = []
        if self.cellar.packed:
            its.append(Packer(self.pump.engine, self.shelf.recordings))
        if self.cellar.copies is not None:
            its.append(Encloser(self.pump.engine, self.shelf.recordings, self.cellar.copies))
        return its

    async def _settle(self, its: list[Settling]) -> None:
        for each in its:
            if self.is_sure() and (done := await each.once(self.clock())):
                log.info("%d recordings were %s", done, each.called)

    async def _close_days(self) -> None:
        if not self.is_sure():  # the database's clock may be the wrong one, and no day is opened again
            return
        await custody.keep(self.pump.engine, self.cellar.lists)

    async def _seal(self) -> None:
        for made in await sealing.seal(self.pump.engine):
            log.info("custody: %s over %d entries", made.line, made.entries)
        unkept: sealing.RootsUnkept | None = None
        try:
            await sealing.keep_roots(self.pump.engine, self.cellar.lists / sealing.ROOTS)
        except sealing.RootsUnkept as error:  # no root would leave any more, and we alone had them
            unkept = error
        await witnessing.send_away(self.pump.engine, self.cellar.witnesses, self.clock())
        if unkept is not None:
            raise unkept

    async def _count_days(self) -> None:
        if not self.is_sure():
            return
        engine, zone, now = self.pump.engine, self.book.timezone, self.clock()
        if counted := await count_days(engine, zone, now, self.aside):
            log.info("%d days were counted for the figures", counted)
        await count_steps(engine, zone, now, self.aside)

    async def _keep_trees(self) -> None:
        engine, now, aside = self.pump.engine, self.clock(), self.aside
        for put in await publish_due(engine, now, aside) if self.is_sure() else ():
            log.info("menu %s: a draft whose time has come is on the air", put.name)
        for gone in await watch_trials(engine, self.clock(), aside):
            number = gone.trial.revision.number
            log.warning("menu %s: revision %d was taken back: %s", gone.trial.revision.name, number, gone)

    async def _enter(self) -> None:
        """What two days told is looked through once, then what came since the last turn but one.

        So late no number becomes visible any more. What was put aside is looked for in all, an hour later.
        """
        engine, now, (above, last) = self.pump.engine, self.clock(), self._looked_to
        if looks_at_all := self._looks_at_all is not None and now >= self._looks_at_all:
            above = None
        newest = await entries.newest_event(engine)
        if entered := await entries.catch_up(engine, now, aside=self.aside, above=above):
            log.info("%d cases of older code stand in the inbox now", entered)
        self._looked_to = last, newest
        if looks_at_all or self._looks_at_all is None:
            self._looks_at_all = now + AGAIN if self.aside.counts.get("inbox") else None

    async def _forget(self) -> None:
        """What retention.yaml and people say; a file with mistakes takes nothing away.

        Nor does anything go after a restore before somebody has looked: what a hold protected since is not
        in the books.
        """
        if not self.is_sure():
            return
        engine, now = self.pump.engine, self.clock()
        tries = await limiting.forget(engine, now, self.book.window)
        if (keys := await channels.forget(engine, now)) or tries:
            log.info("forgotten: %d tries, and %d keys of requests of other systems", tries, keys)
        async with engine.connect() as connection:
            spared = await proved.spared(connection)
        if spared:
            log.warning("%s", *spared)
            return
        try:
            kept = await terms.in_force(engine, self.cellar.seed)
            its = (self.shelf.recordings, self.cellar.derived, now)
            gone = await retention.keep(engine, kept, *its, aside=self.aside)
            pruned = await retention.prune(engine, now)
            if now >= self._erases_here:
                if here := await retention.erase_here(engine, self.shelf.recordings, now):
                    log.warning("%d files were called erased and lay here: they are gone now", here)
                self._erases_here = now + ERASES_HERE
        except SeedError as error:
            log.error("nothing is taken away: %s", error)
            return
        if any(astuple(gone)) or pruned:
            log.info("retention: %s, and %d letters that left long ago", gone, pruned)

    async def _count_put_aside(self) -> None:
        """Of those who call back, which may be no process of this machine."""
        many = await callback_list.put_aside(self.pump.engine)
        self.aside.in_books("call_backs", many, "ivr callback list --state unreachable")

    async def _escalate(self) -> None:
        steps: dict[str, SweepStep] = {
            "pauses are over": end_pauses,
            "orders were due on a day off": put_off,
            "deadlines moved with the calendar": retime,
        }
        steps |= {"cases climbed their ladder": sweep, "collective cases are over": settle}
        steps |= {"cases left the hands of who can't work on them any more": let_go}
        steps |= {"bodies were invited to sessions or reminded of their views": keep_asking}
        steps |= {"calls that an official took were noted as hearings": keep_noting}
        tried = [await self._one_step(*each) for each in (steps.items() if self.is_sure() else ())]
        if faults := [fault for fault in tried if fault]:
            raise StepsAtFault("; ".join(faults))

    async def _one_step(self, what: str, step: SweepStep) -> str:
        """A step that a fault of ours stops does not stop those after it. Which fault; "" for none."""
        try:
            if count := await step(self.pump.engine, await self.book.page(), self.clock(), aside=self.aside):
                log.info("%d %s", count, what)
        except Exception as error:
            if is_waited_for(error):
                log.warning("no case can climb its ladder for now (%s): %s", what, error)
                return ""
            log.exception("escalation (%s) failed; the other steps go on", what)
            return f"{what}: {type(error).__name__}"
        return ""

    async def _prove(self) -> None:
        found = await prove(self.pump.engine, await self.book.page(), self.clock())
        for alarm in found if self.is_sure() else ():
            log.error("escalation: %s: %s", alarm.why, alarm)


async def _until_retention() -> None:
    """Siblings not all at once."""
    await asyncio.sleep(random.uniform(0.5, 1.0) * RETENTION_SECONDS)


async def _in_the_end(applied: Coroutine[Any, Any, None]) -> None:
    """What is left lies in its journal, for who comes next: no reason to end with an error."""
    try:
        async with asyncio.timeout(LAST_SECONDS):
            await applied
    except OSError as error:  # TimeoutError is one
        why = str(error) or "no time is left"
        log.warning("not all that is journalled is in the books as we end: %s", why)
