"""`ivr simulate`: a menu in the terminal."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr import installation
from ivr.commands.menu import checked
from ivr.commands.output import fail, show_json
from ivr.settings import Settings


def simulate(settings: Settings, file: Path, keys: str, number: str, call: str, json: bool) -> None:
    """Walk `file`. With `keys` they are pressed in order, else they are read from the terminal."""
    from ivr import simulator
    from ivr.voice.events import Caller

    _, menu, _ = checked(installation.tree_check(settings), file)
    catalogue = installation.catalogue(settings)
    try:
        transcript = simulator.simulate(
            menu,
            installation.directory_of(settings),
            keys=keys.split(",") if keys else None,
            prompts=catalogue.text,
            caller=Caller(number, datetime.now(ZoneInfo(settings.province.timezone)), call=call),
            out=sys.stderr if json else sys.stdout,
        )
    except simulator.KeysMistake as mistake:
        fail(f"--keys: {mistake}", 2)
    if json:
        show_json(transcript.as_json())
