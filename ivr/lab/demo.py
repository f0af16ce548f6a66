"""A demonstration call: one leg of a Local channel is the hotline, the other presses keys and complains."""

from __future__ import annotations

import asyncio
import secrets as chance
import wave
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.asterisk.ami import Ami
from ivr.installation import load_secrets
from ivr.lab.pace import patience
from ivr.settings import Settings

# Language, complaint, topic group and leaf, county. A w is half a second: a key cuts the prompt short.
BEFORE = "wwww1www1www1www1www01"
AFTER = "#wwwwww1"  # ends the recording, keeps it
SPEECH = "demo.complaint"
MARGIN = 1.2  # seconds at least after the prompt and the beep
CASE_SECONDS = 120.0


def _paced(keys: str) -> str:
    """On a busy machine up to twice the time between two keys: then a step's own time is over."""
    return keys.replace("w", "w" * round(min(2.0, patience(1.0))))


class DemoError(Exception):
    """The demonstration call brought no case; the text is one sentence."""


async def demo_call(settings: Settings) -> str:
    """Place the call through the running Asterisk. Returns the number it calls from, made up for it alone.

    Raises DemoError when Asterisk's manager does not answer, AmiError when it refuses.
    """
    caller = "111" + "".join(chance.choice("0123456789") for _ in range(9))  # nobody's number
    waits = _seconds(settings, "record.ask") + _seconds(settings, "beep") + min(3.0, patience(MARGIN))
    ami = Ami(
        settings.ami.host, settings.ami.port, settings.ami.originate_username,
        load_secrets(settings).originate, action_seconds=settings.ami.action_seconds,
    )  # fmt: skip
    try:
        try:
            async with asyncio.timeout(settings.ami.action_seconds):
                await ami.connect()
        except TimeoutError:
            place = f"{settings.ami.host}:{settings.ami.port}"
            raise DemoError(
                f"Asterisk's manager does not answer at {place}; `ivr doctor` tells more"
            ) from None
        await ami.originate(
            f"Local/{settings.calls.extension}@seda111-inbound/n",
            context="seda111-demo",
            exten="s",
            caller_id=f"Demonstration <{caller}>",
            variables={
                "DEMO_BEFORE": _paced(BEFORE),
                "DEMO_WAIT": f"{waits:.1f}",
                "DEMO_SPEECH": str(_sound(settings, SPEECH).with_suffix("")),
                "DEMO_AFTER": _paced(AFTER),
            },
            wait=False,  # the account may originate and see nothing
        )
    finally:
        await ami.close()
    return caller


async def demo_case(engine: AsyncEngine, settings: Settings) -> dict[str, Any]:
    """Place the call and return its case, as `ivr case show` prints it, while the code is still being spoken.

    Raises DemoError when no case comes of it.
    """
    caller = await demo_call(settings)
    try:
        async with asyncio.timeout(patience(CASE_SECONDS)) as waiting:
            while True:
                if case := await _case_of(engine, caller):
                    return case
                await asyncio.sleep(0.2)
    except TimeoutError:
        if not waiting.expired():
            raise  # the database's
        raise DemoError(
            f"no case came of the demonstration call within {CASE_SECONDS:g} s; see the log of `ivr serve`"
        ) from None


async def _case_of(engine: AsyncEngine, caller: str) -> dict[str, Any] | None:
    """The case that this number opened. Raises DemoError when its call ended without one."""
    from ivr.desk.reading import as_json

    for case in await as_json.cases(engine, limit=50):
        if case["caller"] == caller and case["recordings"]:
            return case
    for call in await as_json.calls(engine, limit=50):
        if call["caller"] == caller and call["ended_at"] and not call["case"]:
            steps = " → ".join(step["step"] for step in call["steps"])
            raise DemoError(f"the demonstration call ended without a case after {steps}")
    return None


def _sound(settings: Settings, id: str) -> Path:
    return settings.sounds / settings.calls.languages[0] / f"{id.replace('.', '/')}.wav"


def _seconds(settings: Settings, id: str) -> float:
    path = _sound(settings, id)
    try:
        with wave.open(str(path)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (OSError, EOFError, wave.Error):
        raise DemoError(f"{path} is missing or broken: run `ivr sounds build`") from None
