"""`ivr verify`: is everything as it was written?"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.commands.books import plain
from ivr.commands.output import fail, load_settings, show_json, with_database
from ivr.commands.progress import bars
from ivr.installation import CommandError as Trouble
from ivr.installation import vault, witnesses
from ivr.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ivr.cases.proving import Finding
    from ivr.desk.keeping.verify import Verification

EXAMPLES = "Examples: ivr verify   ·   ivr verify --new   ·   ivr verify 123-456-78-90 --json"
# Named where there are any.
SELDOM = ("attachments", "anonymised", "removed", "seals", "rows", "never", "unsealed")
MOST = 10_000  # findings that --json names; more are only counted
ROOT = re.compile("[0-9a-f]{64}")


def verify(
    code: Annotated[str, typer.Argument(help="One case only (then without the days' roots).")] = "",
    root: Annotated[list[str] | None, typer.Option(help="A day's root that was kept elsewhere.")] = None,
    witness: Annotated[
        list[Path] | None,
        typer.Option(help="Where roots of seals were sent: a list, a log, mails, or a folder of them."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Only what was written since the last proof.")] = False,
    seen: Annotated[
        str, typer.Option(help="What came of looking into a database that went back: it is told no more.")
    ] = "",
    listen: Annotated[bool, typer.Option(help="Read the recordings' bytes too.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")] = False,
) -> None:
    """Prove every case's events, the days' roots and the recordings; name what was changed or removed.

    How far all was well is noted in the audit. With --new the proof begins there, with whole cases that were
    touched since; what was changed in older ones only a whole proof finds: make one a week.
    Your --seen stands in the audit, and beside the roots that were written down.
    """
    if new and code:
        fail("--new is of all cases: leave out the code", 2)
    settings = load_settings()
    os.nice(10)
    found: list[Finding] = []
    tell: Callable[[Finding], None] = found.append if json else _print

    def keep(finding: Finding) -> None:
        if len(found) < MOST:
            tell(finding)

    roots = [each.strip().lower() for each in root or ()]
    if wrong := [each for each in roots if not ROOT.fullmatch(each)]:
        fail(f"--root: {wrong[0]} is no root of a day, which is 64 digits of 0-9 and a-f", 2)
    told = _witnesses(settings, witness or ())
    if seen:
        with_database(settings, lambda engine: _see(settings, engine, seen))
    proof = with_database(
        settings, lambda engine: _prove(settings, engine, keep, code, roots, told, listen, new)
    )
    if json:
        show_json({**proof.looked, "found": proof.findings, "findings": [asdict(each) for each in found]})
    else:
        shown = [(what, count) for what, count in proof.looked.items() if count or what not in SELDOM]
        looked = ", ".join(f"{count} {what}" for what, count in shown)
        print(f"looked at {looked}: " + (f"{proof.findings} findings" if proof.findings else "all is well"))
    raise SystemExit(1 if proof.findings else 0)


def _witnesses(settings: Settings, given: Sequence[Path]) -> list[Path]:
    """Those that were named, and the configured file where this machine can read it."""
    if missing := [path for path in given if not path.exists()]:
        fail(f"--witness: {missing[0]} is not there", 2)
    return [*given, *_configured(settings)]


def _configured(settings: Settings) -> list[Path]:
    file = witnesses(settings).file
    return [file] if file and os.access(file, os.R_OK) else []


def _print(finding: Finding) -> None:
    print(f"{finding.kind}: {finding.text}")


async def _see(settings: Settings, engine: AsyncEngine, why: str) -> None:
    from ivr.desk.keeping import proved
    from ivr.desk.keeping.sealing import ROOTS, RootsUnkept

    files = [settings.custody / ROOTS, *_configured(settings)]
    if shut := [file for file in files if file.exists() and not os.access(file, os.W_OK)]:
        raise Trouble(f"--seen adds a line to {shut[0]}, which this user may only read: nothing is noted")
    try:
        lines = await proved.see(engine, why, files)
    except RootsUnkept as error:
        raise Trouble(str(error)) from None
    if lines:
        print("To the other roots that you keep elsewhere, add:", *lines, sep="\n", file=sys.stderr)


async def _prove(
    settings: Settings,
    engine: AsyncEngine,
    tell: Callable[[Finding], None],
    code: str,
    roots: list[str],
    told: list[Path],
    listen: bool,
    new: bool,
) -> Verification:
    from ivr.desk.keeping import proved
    from ivr.desk.keeping.verify import Verification, prove, totals

    since = await proved.last(engine, whole=False, well=True, listened=listen) if new else None
    async with engine.connect() as connection:
        reach = None if code else await proved.standing(connection, since is None, listen)
    with bars({} if code or since else await totals(engine)) as step:
        proof = Verification(engine, settings.recordings, settings.custody, tell, step, vault(settings))
        proof.witnesses, proof.since = tuple(told), since
        await prove(proof, plain(code), roots, listen)
    if reach is not None:
        await proved.keep(engine, replace(reach, findings=proof.findings))
    return proof
