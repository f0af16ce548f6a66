"""What `ivr serve` is told to do it does or refuses, without Asterisk: nothing is left out in silence."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ivr.lab.pace import patience
from tests.fixtures.hotline import environment, on_its_own_ports

IMPATIENT = """
import ivr.app, ivr.cli, ivr.commands.workers
ivr.app.READY_SECONDS = ivr.commands.workers.READY_SECONDS = 1
ivr.cli.main()
"""


async def served(database_url: str, state: Path, *arguments: str, **more: str) -> tuple[int | None, str]:
    """How `ivr serve` ended, and its log."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", IMPATIENT, "serve", *arguments),
        env={**environment(on_its_own_ports(state), database_url), **more},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(patience(60)):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode, said.decode()


async def test_who_shall_serve_only_once_all_is_well_does_not_without_asterisk(
    database_url: str, tmp_path: Path
) -> None:
    code, said = await served(database_url, tmp_path, "--when-ready")
    assert code == 1 and "our processes did not become ready, so none serves" in said


async def test_several_workers_of_one_process_are_refused(database_url: str, tmp_path: Path) -> None:
    for arguments, more in ((("--role", "calls"), {}), ((), {"IVR_SERVE__TOGETHER": "true"})):
        code, said = await served(database_url, tmp_path, "--workers", "2", *arguments, **more)
        assert code == 2 and "--workers is for processes that a parent keeps" in said
