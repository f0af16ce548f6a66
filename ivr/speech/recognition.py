"""What a recording says, by a recogniser that the installation brings: none is shipped, and none is needed.

A recogniser is a program: it gets a WAV (8 kHz, 16 bits, one channel) and a language and prints the words. So
no engine ever lives in the process that carries the calls, and any engine will do. The one for sherpa-onnx is
our own (`ivr.speech.recognise`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WAV, LANGUAGE = "{wav}", "{language}"
MOST = 20_000  # characters
PROJECT = Path(__file__).resolve().parents[2]


class RecognitionError(Exception):
    """There are no words to be had. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """`command`: for each language the program and its arguments, in which {wav} and {language} stand.

    "" is for all other languages. `seconds`: for one recording, however long.
    """

    commands: Mapping[str, Sequence[str]]
    seconds: float = 300.0

    def knows(self, language: str) -> bool:
        return language in self.commands or "" in self.commands

    async def words(self, wav: Path, language: str) -> str:
        """What it says; "" when it heard nothing. Raises RecognitionError."""
        command = self.commands.get(language) or self.commands.get("")
        if not command:
            raise RecognitionError(f"no recogniser is configured for {language}")
        given = {WAV: str(wav), LANGUAGE: language}
        arguments = [given.get(argument, argument) for argument in command]
        try:
            return await _run(arguments, self.seconds)
        except OSError as error:
            raise RecognitionError(f"{arguments[0]} can't be run: {error.strerror}") from None


def by_command(command: Sequence[str], seconds: float) -> Recogniser:
    """The same program for every language."""
    return Recogniser({"": command}, seconds)


def by_sherpa(models: Mapping[str, Path], seconds: float) -> Recogniser:
    """A transducer of sherpa-onnx for each language: a folder with its model files."""
    program = (sys.executable, "-m", "ivr.speech.recognise")
    return Recogniser({name: (*program, str(folder), WAV) for name, folder in models.items()}, seconds)


async def _run(arguments: Sequence[str], seconds: float) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=PROJECT, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
        start_new_session=True,  # so that its own children can be ended with it
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            out, errors = await process.communicate()
    except TimeoutError:
        raise RecognitionError(f"not finished in {seconds:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
    if process.returncode:
        said = " ".join(errors.decode(errors="replace").split())[-300:]
        raise RecognitionError(said or f"the recogniser ended with {process.returncode}")
    return " ".join(out.decode(errors="replace").split())[:MOST]
