"""Menu trees in the panel: seen, edited while others edit, walked, put on the air and taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.desk.people import passwords
from ivr.installation import tree_tools
from ivr.settings import load
from ivr.store.tables import audit
from ivr.web.panel.locale import words
from tests.voice.conversation import DIRECTORY, TREE
from tests.web.panel import QUICK, Client, PanelServed, panel_served

TEXT = words()
FIRST = TREE.read_text(encoding="utf-8")
SHORTER = FIRST.replace("first_key: 4\n    no_input: {limit: 1", "first_key: 3\n    no_input: {limit: 1")
ONE = "/panel/menus/111"


@pytest.fixture
async def panel(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PanelServed]:
    monkeypatch.setattr(passwords, "HASHER", QUICK)
    tools = tree_tools(load(), lambda: DIRECTORY, lambda: datetime(2026, 11, 28, 10, tzinfo=UTC))
    await menus.publish(engine, "111", FIRST, "karimi", "the first")
    async with panel_served(engine, tmp_path, trees=tools) as served:
        yield served


async def began_from(client: Client) -> str:
    page = await client.text(f"{ONE}/edit")
    return page.split('name="began_from" value="')[1].split('"')[0]


async def test_a_tree_is_seen_with_its_picture_figures_history_and_text(panel: PanelServed) -> None:
    auditor = await panel.signed_in("auditor")
    assert f'href="{ONE}"' in await auditor.text("/panel/menus")
    page = await auditor.text(ONE)
    assert page.count('data-step="') == FIRST.count("\n    type: ")
    for shown in (TEXT("menus.figure.to_beep"), "karimi", "the first", "# The menu tree behind 111."):
        assert shown in page
    assert f"{ONE}/edit" not in page
    file = await auditor.http.get(f"{ONE}/text")
    assert await file.text() == FIRST and 'filename="111.yaml"' in file.headers["Content-Disposition"]
    assert (await auditor.get(f"{ONE}/edit")).status == 403
    assert (await (await panel.signed_in("officer")).get(ONE)).status == 403


async def test_what_is_wrong_is_told_with_its_place_while_one_types_and_nothing_is_kept(
    panel: PanelServed,
) -> None:
    admin = await panel.signed_in("admin")
    wrong = FIRST.replace("go: operator}", "go: operater}", 1)
    told = await (await admin.post(f"{ONE}/check", {"text": wrong})).json()
    line = wrong[: wrong.index("operater")].count("\n") + 1
    assert [(each["line"], each["nearest"]) for each in told["mistakes"]] == [(line, "operator")]
    assert not told["svg"]
    right = await (await admin.post(f"{ONE}/check", {"text": FIRST})).json()
    assert (
        right["svg"].startswith("<svg")
        and not right["mistakes"]
        and "۱۱۱" in right["prompts"]["welcome"]["fa"]
    )
    assert 'class="badge' in right["figures"]
    for bad in ("", "a: &x [*x]", "\x00", "x" * 300_000, "steps: " + "[" * 90, "menu: ای\nsteps: ۱"):
        answer = await admin.post(f"{ONE}/check", {"text": bad})
        assert answer.status == 200 and (await answer.json())["mistakes"]
    assert "drafts/1" not in await admin.text(ONE)


async def test_of_two_admins_who_edit_at_once_neither_writes_over_the_other(panel: PanelServed) -> None:
    first, second = await panel.signed_in("admin"), await panel.signed_in("admin")
    begun = await began_from(first), await began_from(second)
    saved = await first.post(f"{ONE}/edit", {"text": SHORTER, "began_from": begun[0], "reason": "kürzer"})
    assert saved.headers["Location"] == f"{ONE}/drafts/1?said=saved"
    late = FIRST.replace("leave_seconds: 270", "leave_seconds: 240")
    refused = await second.post(f"{ONE}/edit", {"text": late, "began_from": begun[1]})
    page = await refused.text()
    assert refused.status == 409 and TEXT("menus.moved.title") in page
    assert "leave_seconds: 240" in page and "first_key: 3" in page, "hers is kept, and the other's is shown"
    again = page.split('name="began_from" value="')[1].split('"')[0]
    assert (await second.post(f"{ONE}/edit", {"text": late, "began_from": again})).status == 303
    file = await second.http.get(f"{ONE}/text?which=draft%202")
    assert await file.text() == late


async def saved(client: Client, text: str) -> str:
    answer = await client.post(f"{ONE}/edit", {"text": text, "began_from": await began_from(client)})
    return answer.headers["Location"].partition("?")[0]


async def test_a_draft_shows_what_it_means_is_published_and_rolled_back(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    draft = await saved(admin, SHORTER)
    page = await admin.text(draft)
    assert TEXT("menus.change.setting") in page and TEXT("menus.stage.checked") in page
    rehearsed = await admin.post(f"{draft}/rehearse")
    assert rehearsed.status == 200 and TEXT("menus.rehearsal.nothing") in await rehearsed.text()
    assert (await admin.post(f"{draft}/publish", {"when": "now"})).status == 422, "why is asked for"
    answer = await admin.post(f"{draft}/publish", {"when": "now", "reason": "people press at once"})
    assert answer.headers["Location"] == f"{ONE}?said=now"
    live = await menus.current(panel.engine, "111")
    assert live and (live.number, live.text) == (2, SHORTER)
    assert (await admin.post(f"{ONE}/roll-back", {"reason": "no"})).headers["Location"] == f"{ONE}?said=back"
    live = await menus.current(panel.engine, "111")
    assert live and (live.number, live.text) == (3, FIRST)
    async with panel.engine.connect() as connection:
        noted = (await connection.execute(select(audit.c.action).order_by(audit.c.id))).scalars().all()
    assert [each for each in noted if each.startswith("menu_")] == [
        "menu_saved", "menu_published", "menu_rolled_back",
    ]  # fmt: skip


async def test_a_draft_is_tried_on_a_share_or_waits_for_its_time(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    draft = await saved(admin, SHORTER)
    later = {"when": "at", "day": "۱۴۱۵/۰۱/۱۵", "time": "۰۷:۰۰", "reason": "spring"}
    past = await admin.post(f"{draft}/publish", later | {"day": "۱۳۹۰/۰۱/۱۵"})
    assert past.status == 422 and TEXT("menus.publish.past") in await past.text()
    assert (await admin.post(f"{draft}/publish", later)).status == 303
    assert TEXT("menus.planned", n=1) in await admin.text(ONE)
    assert (await admin.post(f"{draft}/unschedule")).status == 303
    share = {"when": "share", "share": "10", "reason": "to see"}
    assert (await admin.post(f"{draft}/publish", share)).headers["Location"] == f"{ONE}?said=share"
    assert TEXT("menus.on_trial", n=10) in await admin.text(ONE)
    on_air = await menus.on_the_air(panel.engine, "111")
    assert on_air and on_air.trial and on_air.trial.share == 0.1


async def test_what_has_mistakes_is_kept_and_never_goes_on_the_air(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    draft = await saved(admin, FIRST + "  lost:\n    type: say\n")
    page = await admin.text(draft)
    assert TEXT("menus.stage.faulty") in page and f"{draft}/publish" not in page
    refused = await admin.post(f"{draft}/publish", {"when": "now", "reason": "I insist"})
    assert refused.status == 422
    live = await menus.current(panel.engine, "111")
    assert live and live.number == 1


async def test_a_draft_is_walked_with_keys_to_where_the_caller_does_something(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")

    async def walked(keys: str, text: str = FIRST) -> dict[str, object]:
        answer = await admin.post(f"{ONE}/walk", {"text": text, "keys": keys})
        told: dict[str, object] = await answer.json()
        return told

    began = await walked("")
    assert began["step"] == "language" and began["waits"] == {
        "for": "keys", "most": 1, "first": 4.0, "next": 3.0, "barge_in": True,
    }  # fmt: skip
    assert (await walked("1 1 1 1 01 ."))["waits"] == {"for": "words", "most": 180}
    done = await walked("1 1 1 1 01 . r:5 1 . - .")
    assert done["outcome"] == "completed" and done["cases"]
    assert "wrong" in await walked("1 1 1 1 answered") and "wrong" in await walked("", "steps: 1")
