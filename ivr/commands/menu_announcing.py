"""`ivr menu announce`: what callers are told for a while."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from ivr.commands.menu import Author, Json, app
from ivr.commands.output import fail, load_settings, out, show_rows, with_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


@app.command(
    epilog="Examples: ivr menu announce today --say fa='امروز اداره‌ها به سبب برف تعطیل‌اند.' --hours 8   ·   "
    "ivr menu announce today --say fa='…' --say az='…'"
)
def announce(
    slot: Annotated[str, typer.Argument(help="Of an announcement step.")] = "",
    say: Annotated[
        list[str] | None,
        typer.Option(help="LANGUAGE=WORDS, once for each; who speaks another hears one of these."),
    ] = None,
    fa: Annotated[str, typer.Option(help="The same as --say fa=WORDS.")] = "",
    az: Annotated[str, typer.Option(help="The same as --say az=WORDS.")] = "",
    hours: Annotated[float, typer.Option(help="For how long, up to 336.")] = 12,
    off: Annotated[bool, typer.Option("--off", help="Switch it off.")] = False,
    author: Author = "",
    json: Json = False,
) -> None:
    """Have every caller told something for a while, at a slot of the trees; without words list them."""
    from ivr.desk.book import announcing

    most = announcing.LONGEST / timedelta(hours=1)
    if not 0 < hours <= most:  # nor what is no number
        fail(f"--hours: more than 0 and at most {most:.0f}, not {hours:g}", 2)
    settings, now, who = load_settings(), datetime.now(UTC), author or getpass.getuser()
    words = _words([*(say or ()), *(f"{name}={text}" for name, text in (("fa", fa), ("az", az)) if text)])
    if strange := sorted(words.keys() - set(settings.calls.languages)):
        fail(f"no caller hears {', '.join(strange)} here: {', '.join(settings.calls.languages)}", 2)
    if off:
        with_database(settings, lambda engine: announcing.silence(engine, slot, who, now))
        out.print(f"{slot} is silent", highlight=False)
    elif words:
        until = now + timedelta(hours=hours)
        with_database(settings, lambda engine: announcing.announce(engine, slot, words, until, who, now))
        end = f"{until.astimezone(ZoneInfo(settings.province.timezone)):%Y-%m-%d %H:%M}"
        out.print(f"{slot} is told until {end}, once it is spoken", highlight=False)
    else:
        show_rows(["slot", "until", "author", "words"], with_database(settings, _announced), json)


def _words(said: Sequence[str]) -> dict[str, str]:
    """By language."""
    found: dict[str, str] = {}
    for each in said:
        language, equals, words = each.partition("=")
        if not all((language, equals, words)) or language in found:
            fail(f"--say: LANGUAGE=WORDS, each language once, not {each}", 2)
        found[language] = words
    return found


async def _announced(engine: AsyncEngine) -> list[dict[str, object]]:
    from ivr.desk.book import announcing

    live = await announcing.current(engine, datetime.now(UTC))
    slots = dict.fromkeys([*await announcing.slots(engine), *live])
    return [
        {
            "slot": slot,
            "until": live[slot].until.isoformat() if slot in live else "",
            "author": live[slot].author if slot in live else "",
            "words": dict(live[slot].words) if slot in live else {},
        }
        for slot in slots
    ]
