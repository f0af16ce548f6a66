"""`ivr route`: who is responsible for what callers say."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ivr.commands.output import err, load_settings, show_json, show_table, with_database

if TYPE_CHECKING:
    from ivr.cases.places import Places
    from ivr.cases.suggest import Suggestion

app = typer.Typer(help="Responsibility: who answers for what.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="JSON lines instead of text.")]
EXAMPLE = """Example: echo '{"id": 1, "text": "آب قطع است", "county": "ahar"}' | ivr route suggest --json"""


class BadLine(Exception):
    """A sentence about a line of input that can't be answered."""


class InputLine(NamedTuple):
    """A line of input. `remark`: what was wrong with it and yet no reason to refuse it."""

    id: Any
    text: str
    county: str
    remark: str = ""


@app.command(epilog=EXAMPLE)
def suggest(json: Json = False) -> None:
    """Propose topic and agency: JSON lines {id, text, county} on standard input, answered as they come.

    A line that can't be read gets a sentence on standard error; the others are answered all the same; exit 1.
    """
    from ivr.desk.book.suggesting import load_suggester

    suggester = load_suggester(load_settings().seed_path)
    clean = True
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            asked = read(line, suggester.places)
        except BadLine as mistake:
            clean = complain(number, str(mistake))
            continue
        found = suggester.suggest(asked.text, asked.county)
        print(as_json(asked.id, found) if json else as_text(asked.id, found), flush=True)
        if asked.remark:
            clean = complain(number, asked.remark)
    raise SystemExit(0 if clean else 1)


@app.command(epilog="Examples: ivr route fates --json   ·   ivr route fates --list 20 --json")
def fates(
    listed: Annotated[int, typer.Option("--list", min=0, max=1000, help="The latest so many instead.")] = 0,
    days: Annotated[int, typer.Option(min=0, max=36_500, help="Only of the last so many days; 0 = all.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Stable JSON instead of text.")] = False,
) -> None:
    """What became of the suggestions that cases were opened with: how often they were right."""
    from datetime import UTC, datetime, timedelta

    from ivr.desk.case import suggestion_outcomes

    since = datetime.now(UTC) - timedelta(days=days) if days else None
    if listed:
        rows = with_database(
            load_settings(), lambda engine: suggestion_outcomes.listed(engine, listed, since)
        )
        columns = ["case", "source", "suggested", "confidence", "assigned", "chosen_agency", "chosen_by"]
        if json:
            show_json(rows)
        else:
            firsts = [row["top"][0] for row in rows]
            more = [{"suggested": f["agency"], "confidence": f["confidence"]} for f in firsts]
            show_table(columns, [row | one for row, one in zip(rows, more, strict=True)])
        return
    found = with_database(load_settings(), lambda engine: suggestion_outcomes.summary(engine, since))
    if json:
        show_json(found)
    else:
        for name, value in found.items():
            print(f"{name:<15} {'-' if value is None else value}")


def read(line: bytes, places: Places) -> InputLine:
    """One line of input. Raises BadLine."""
    try:
        content = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not JSON in UTF-8 ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(content, dict):
        raise BadLine("not a JSON object like {id, text, county}")
    if not isinstance(text := content.get("text"), str):
        raise BadLine("text is missing or is no string")
    named = content.get("county")
    county = places.code(named) if isinstance(named, str) else ""
    unknown = named not in (None, "") and not county
    remark = f"there is no county {str(named)[:40]!r}; it was looked for in the text" if unknown else ""
    return InputLine(content.get("id"), text, county, remark)


def complain(number: int, sentence: str) -> bool:
    """False, so that the caller remembers it."""
    err.print(f"line {number}: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
    return False


def as_text(id_: object, found: Suggestion) -> str:
    first, *others = found.top
    how = "assigned" if found.assigned else f"for a person to decide ({found.doubt})"
    after = "".join(f"; {guess.agency} {guess.confidence:.0%}" for guess in others)
    return f"{id_}: {first.agency} {first.confidence:.0%} ({first.topic}), {how}{after}"


def as_json(id_: object, found: Suggestion) -> str:
    """Confidences to four places."""
    from ivr.desk.case import suggestion_outcomes

    top = suggestion_outcomes.as_json(found)
    first = {"topic": found.topic, "agency": found.agency, "confidence": round(found.confidence, 4)}
    return json.dumps(
        {"id": id_, **first, "assigned": found.assigned, "doubt": found.doubt, "top": top}, ensure_ascii=False
    )
