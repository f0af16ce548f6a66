"""Menu trees in the panel: seen, edited while others edit, walked, put on the air and taken back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from playwright.async_api import Route as RouteOfBrowser
from playwright.async_api import TimeoutError as PlaywrightTimeout
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.rehearsal.lived import lived
from ivr.desk.book import menus
from ivr.desk.case.answers import SpokenAnswer
from ivr.desk.people import passwords
from ivr.desk.trees import drafts
from ivr.desk.trees.publishing import publish_due
from ivr.lab.pace import patience
from ivr.speech.booth import Booth
from ivr.speech.build import build
from ivr.speech.files import Cached
from ivr.speech.sound_book import SoundBook
from ivr.store.tables import audit, calls, routing_rules
from ivr.voice.menu import Menu
from ivr.voice.menu_life import Stage, TreeDeed
from ivr.voice.mistakes import MenuMistakes, Mistake
from ivr.voice.report import Proof
from ivr.voice.rewalk import PastCall
from ivr.voice.step_figures import passed
from ivr.voice.words_in_text import with_words
from ivr.web.panel.locale import digits, words
from ivr.web.panel.studio import Studio
from tests.desk.trees.test_rehearsing import in_the_books
from tests.voice.conversation import DIRECTORY, TREE
from tests.voice.steps.test_share import TREE_TRIED, way
from tests.voice.test_rehearsal import WHOLE, call
from tests.voice.test_step_figures import moved
from tests.web.browser import PHONE, patient, screenshot, serious, stays_when_asked, window
from tests.web.panel import QUICK, Client, PanelServed, panel_served

TEXT = words()
FIRST = TREE.read_text(encoding="utf-8")
SHORTER = FIRST.replace("first_key: 4\n    no_input: {limit: 1", "first_key: 3\n    no_input: {limit: 1")
LONGER = FIRST.replace("first_key: 4\n    no_input: {limit: 1", "first_key: 5\n    no_input: {limit: 1")
ONE = "/panel/menus/111"
END = ".cm-content > .cm-activeLine:last-child"  # the cursor stands in the last line
CHECKED_AGAIN = "() => document.dispatchEvent(new CustomEvent('tree-prompts', { detail: {} }))"
SPOKEN = """
voices: {fa: {rate: 200}}
prompts:
  welcome: {fa: سلام}
  language.choose: {fa: یک}
  operator.closed: {fa: بسته}
"""


@pytest.fixture(scope="module")
def booth(tmp_path_factory: pytest.TempPathFactory) -> Booth:
    """Three short prompts are there to be heard."""
    folder = tmp_path_factory.mktemp("spoken")
    (folder / "prompts.yaml").write_text(SPOKEN)
    catalogue = Cached([folder / "prompts.yaml"])
    build(catalogue.catalogue(), ("fa",), folder / "sounds", [], jobs=2)
    return Booth(catalogue, ("fa",), folder / "sounds", folder / "house", folder / "voices")


async def never(source: Path, folder: Path) -> SpokenAnswer:
    """No answer is recorded here."""
    raise AssertionError


@pytest.fixture
async def panel(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, booth: Booth
) -> AsyncIterator[PanelServed]:
    monkeypatch.setattr(passwords, "HASHER", QUICK)
    await menus.publish(engine, "111", FIRST, "karimi", "the first")
    studio = Studio(SoundBook(tmp_path / "sounds", ("fa", "az")).speak, never, tmp_path, tmp_path)
    async with panel_served(engine, tmp_path, prompts=booth, studio=studio) as served:
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
    assert TEXT("menus.heat.counted", n=0) in await auditor.text(f"{ONE}?heat=hung_up")
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
        and "۱۱۱" in right["prompts"]["welcome"]["fa"]["text"]
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
    for shown in ("menus.change.setting", "menus.stage.checked", "menus.led.whole"):
        assert TEXT(shown) in page
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


async def test_what_was_rolled_back_by_mistake_is_put_on_the_air_again_from_its_draft(
    panel: PanelServed,
) -> None:
    admin, reason = await panel.signed_in("admin"), {"reason": "by mistake"}
    draft = await saved(admin, SHORTER)
    assert (await admin.post(f"{draft}/publish", {"when": "now", "reason": "shorter"})).status == 303
    assert f"{draft}/publish" not in await admin.text(draft), "it is on the air"
    assert (await admin.post(f"{ONE}/roll-back", reason)).status == 303
    page = await admin.text(draft)
    [seen] = re.findall(r'name="seen" value="([^"]+)"', page)
    assert f"{draft}/publish" in page
    again = await admin.post(f"{draft}/publish", {"when": "now", "seen": seen, **reason})
    assert again.headers["Location"] == f"{ONE}?said=now"
    live = await menus.current(panel.engine, "111")
    assert live and (live.number, live.text) == (4, SHORTER)
    assert f"{draft}/publish" not in await admin.text(draft)
    assert (await admin.post(f"{ONE}/roll-back", reason)).status == 303
    live = await menus.current(panel.engine, "111")
    assert live and live.text == FIRST, "the text before it, not the one before that"


async def test_going_back_from_an_old_page_takes_nothing_else_off_the_air(panel: PanelServed) -> None:
    admin, colleague = await panel.signed_in("admin"), await panel.signed_in("admin")
    await menus.publish(panel.engine, "111", SHORTER, "sara")
    draft = await saved(admin, LONGER)
    await admin.post(f"{draft}/publish", {"when": "share", "share": "10", "reason": "to see"})
    [seen] = re.findall(r'name="seen" value="([^"]+)"', await admin.text(ONE))
    ends = {"reason": "the trial is bad", "seen": seen}
    for client, said in ((colleague, "back"), (admin, "changed")):
        answer = await client.post(f"{ONE}/roll-back", ends)
        assert answer.headers["Location"] == f"{ONE}?said={said}"
        live = await menus.on_the_air(panel.engine, "111")
        assert live and live.trial is None and live.revision.text == SHORTER, said
    assert TEXT("menus.said.changed") in await admin.text(f"{ONE}?said=changed")


async def test_a_draft_published_from_an_old_page_takes_nothing_newer_off_the_air(panel: PanelServed) -> None:
    admin, colleague = await panel.signed_in("admin"), await panel.signed_in("admin")
    older = await saved(admin, SHORTER)
    page = await admin.text(older)
    newer = await saved(colleague, LONGER)
    assert (await colleague.post(f"{newer}/publish", {"when": "now", "reason": "patience"})).status == 303
    for said, text in ((422, LONGER), (303, SHORTER)):  # who sees in what they differ may insist
        [seen] = re.findall(r'name="seen" value="([^"]+)"', page)
        sent = {"when": "now", "reason": "people press at once", "seen": seen}
        answer = await admin.post(f"{older}/publish", sent)
        live = await menus.current(panel.engine, "111")
        assert live and (answer.status, live.text) == (said, text)
        page = await answer.text()
        assert said == 303 or (TEXT("menus.publish.changed") in page and "people press at once" in page)


async def test_a_draft_is_tried_on_a_share_or_waits_for_its_time(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    draft = await saved(admin, SHORTER)
    later = {"when": "at", "day": "۱۴۱۵/۰۱/۱۵", "time": "۰۷:۰۰", "reason": "spring"}
    past = await admin.post(f"{draft}/publish", later | {"day": "۱۳۹۰/۰۱/۱۵"})
    assert past.status == 422 and TEXT("menus.publish.past") in await past.text()
    for otherwise in ({"when": "now"}, {"when": "now", "day": ""}, {"when": "share", "share": "10"}):
        unmeant = await admin.post(f"{draft}/publish", later | otherwise)
        assert unmeant.status == 422 and TEXT("menus.publish.not_at") in await unmeant.text(), otherwise
    assert (await admin.post(f"{draft}/publish", later)).status == 303
    assert TEXT("menus.planned", n=1) in await admin.text(ONE)
    assert (await admin.post(f"{draft}/unschedule")).status == 303
    share = {"when": "share", "share": "10", "reason": "to see"}
    assert (await admin.post(f"{draft}/publish", share)).headers["Location"] == f"{ONE}?said=share"
    assert TEXT("menus.on_trial", n=10) in await admin.text(ONE)
    on_air = await menus.on_the_air(panel.engine, "111")
    assert on_air and on_air.trial and on_air.trial.share == 0.1
    page = await admin.text(draft)
    assert f"{draft}/publish" in page and 'value="share"' not in page
    refused = await admin.post(f"{draft}/publish", share)
    assert refused.status == 422 and TEXT("refusal.tree_on_trial", n=digits(1)) in await refused.text()
    assert (await admin.post(f"{draft}/publish", {"when": "now", "reason": "well received"})).status == 303
    on_air = await menus.on_the_air(panel.engine, "111")
    assert on_air and on_air.trial is None and on_air.revision.number == 2


async def test_a_draft_that_was_refused_when_its_time_came_says_why_until_something_becomes_of_it(
    panel: PanelServed,
) -> None:
    admin = await panel.signed_in("admin")
    tried, waits = await saved(admin, SHORTER), await saved(admin, LONGER)
    later = {"when": "at", "day": "۱۴۱۵/۰۱/۱۵", "time": "۰۷:۰۰", "reason": "spring"}
    share = {"when": "share", "share": "10", "reason": "to see"}
    assert (await admin.post(f"{tried}/publish", share)).status == 303
    async with panel.engine.begin() as connection:
        at = {"at": (panel.clock() - timedelta(minutes=1)).isoformat(), "share": 0.1}
        await menus.note_deed(connection, "111", TreeDeed.SCHEDULED, "sara", "", 2, details=at)
    assert await publish_due(panel.engine, panel.clock()) == []
    page = await admin.text(ONE)
    assert TEXT("menus.unkept") in page and TEXT("refusal.tree_on_trial", n=digits(1)) in page
    assert (await admin.post(f"{waits}/publish", later)).status == 303
    assert TEXT("menus.unkept") not in await admin.text(ONE)
    assert (await admin.post(f"{waits}/unschedule")).status == 303
    assert TEXT("menus.unkept") in await admin.text(ONE)
    enough = {"reason": "enough"}
    assert (await admin.post(f"{ONE}/roll-back", enough)).status == 303
    assert (await admin.post(f"{waits}/publish", share)).status == 303
    assert (await admin.post(f"{ONE}/roll-back", enough)).status == 303
    assert TEXT("menus.unkept") not in await admin.text(ONE)


async def test_what_has_mistakes_is_kept_and_never_goes_on_the_air(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    draft = await saved(admin, FIRST + "  lost:\n    type: say\n")
    page = await admin.text(draft)
    assert TEXT("menus.stage.faulty") in page and f"{draft}/publish" not in page
    refused = await admin.post(f"{draft}/publish", {"when": "now", "reason": "I insist"})
    assert refused.status == 422
    live = await menus.current(panel.engine, "111")
    assert live and live.number == 1


async def test_a_text_of_another_menu_is_a_mistake_in_the_editor_and_beside_the_draft(
    panel: PanelServed,
) -> None:
    admin, other = await panel.signed_in("admin"), FIRST.replace('menu: "111"', 'menu: "122"')
    told = await (await admin.post(f"{ONE}/check", {"text": other})).json()
    assert [(each["key"], each["told"]) for each in told["mistakes"]] == [
        ("menu", "این درخت 111 است، نه 122.")
    ]
    page = await admin.text(await saved(admin, other))
    assert "این درخت 111 است، نه 122." in page and TEXT("menus.publish.faulty") in page


async def test_a_draft_that_was_never_checked_or_is_sound_by_now_is_proved_when_it_goes_on_the_air(
    panel: PanelServed,
) -> None:
    admin, now = await panel.signed_in("admin"), {"when": "now", "reason": "it has its sound"}
    died = await drafts.save_draft(panel.engine, "111", SHORTER, "sara")  # and was checked no more
    silent = await saved(admin, LONGER)
    await drafts.check_draft(panel.engine, "111", 2, "sara", unheard)
    assert (await drafts.standing(panel.engine, "111", 2))[1] is Stage.FAULTY
    for draft, text in ((f"{ONE}/drafts/{died.number}", SHORTER), (silent, LONGER)):
        page = await admin.text(draft)
        assert f"{draft}/publish" in page and TEXT("menus.stage.faulty") not in page
        assert (await admin.post(f"{draft}/publish", now)).status == 303
        live = await menus.current(panel.engine, "111")
        assert live and live.text == text


def unheard(raw: bytes, file: str) -> tuple[Menu, Proof]:
    raise MenuMistakes([Mistake(file, 1, 1, "steps", "there is no topic “water.meter”")])


async def test_a_draft_on_trial_that_is_proved_again_stays_on_trial(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    draft = await saved(admin, SHORTER)
    share = {"when": "share", "share": "10", "reason": "to see"}
    for status in (303, 422):
        assert (await admin.post(f"{draft}/publish", share)).status == status
        assert (await drafts.standing(panel.engine, "111", 1))[1] is Stage.ON_TRIAL


CALLING = """\
menu: "111"
languages: [fa, az]
steps:
  water: {type: tree, name: "122", go: bye, missing_go: bye}
  bye: {type: end, prompt: [goodbye]}
"""


async def test_it_tells_so_of_a_tree_that_the_draft_calls_too(panel: PanelServed) -> None:
    async with panel.engine.begin() as connection:
        await connection.execute(delete(routing_rules).where(routing_rules.c.topic == "water.bill"))
    admin = await panel.signed_in("admin")
    assert TEXT("menus.led.gaps", n=1) in await admin.text(await saved(admin, CALLING))


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


async def with_calls(panel: PanelServed, within: str = "") -> None:
    """A whole call, and two that end at the kind; all of an hour ago. `within`: of a tree that was called."""
    past = [call(*WHOLE), call("1"), call("1")]
    named = [[{**step, "step": within + step["step"]} for step in each.steps] for each in past]
    await an_hour_ago(panel, [replace(each, steps=steps) for each, steps in zip(past, named, strict=True)])


async def an_hour_ago(panel: PanelServed, past: Sequence[PastCall]) -> None:
    engine, by = panel.engine, panel.clock() - timedelta(hours=1) - call("1").began
    await in_the_books(engine, *(moved(each, by) for each in past))
    async with engine.begin() as connection:
        for row in await connection.execute(select(calls.c.id, calls.c.started_at, calls.c.steps)):
            told = passed(row.steps)
            await connection.execute(update(calls).where(calls.c.id == row.id).values(passed=told))


async def test_from_the_heat_of_a_step_one_comes_to_its_calls_and_to_those_of_one_second(
    panel: PanelServed,
) -> None:
    await with_calls(panel)
    auditor = await panel.signed_in("auditor")
    at = f"{ONE}/steps/kind?did=hung_up"
    assert f'href="{at}"' in await auditor.text(f"{ONE}?heat=hung_up")
    assert "/steps/kind" not in await auditor.text(ONE), "without a figure there is nothing behind it"
    page = await auditor.text(at)
    assert page.count("•••") == 2 and TEXT("menus.calls.bar", second=0, n=2) not in page
    [second] = set(re.findall(r"second=(\d+)", page))
    assert (await auditor.text(f"{at}&second={second}")).count("•••") == 2
    assert TEXT("menus.calls.none") in await auditor.text(f"{at}&second={int(second) + 1}")
    assert (await auditor.text(f"{ONE}/steps/kind?did=entered")).count("•••") == 3
    assert (await auditor.get("/panel/menus/112/steps/kind")).status == 404
    assert (await (await panel.signed_in("officer")).get(at)).status == 403


async def test_one_comes_to_the_calls_of_a_step_in_a_tree_that_was_called(panel: PanelServed) -> None:
    await with_calls(panel, "water.W-122.")
    admin = await panel.signed_in("admin")
    assert (await admin.text(f"{ONE}/steps/water.W-122.kind?did=hung_up")).count("•••") == 2


async def test_of_a_step_that_shares_the_calls_out_the_page_tells_what_came_of_each_way(
    panel: PanelServed,
) -> None:
    keys = {"way:topic": WHOLE[1:], "way:kind": ()}
    past = [lived(TREE_TRIED, DIRECTORY, ("1", *keys[way(str(n))]), str(n)) for n in range(40)]
    await an_hour_ago(panel, past)
    admin = await panel.signed_in("admin")
    page = await admin.text(f"{ONE}/steps/shorter")
    served, dropped = (TEXT(f"menus.ways.fates.{fate}") for fate in ("served", "dropped"))
    assert page.index(served) < page.index(dropped) and TEXT("menus.ways.title") in page
    rows = re.findall(r'<bdi class="ltr">(topic|kind)</bdi></a></th>(.*?)</tr>', page)
    many = Counter(way(str(n))[len("way:") :] for n in range(40))
    assert [to for to, _ in rows] == ["kind", "topic"]
    for to, figures in rows:
        shares = ("۰٪", "۱۰۰٪") if to == "kind" else ("۱۰۰٪", "۰٪")
        assert re.findall("[۰-۹]+٪?", figures) == [digits(many[to]), *shares, "۰٪", "۰٪"]
    assert TEXT("menus.ways.sure", n=digits(0)) in page
    for at, to in (("", "kind"), ("?did=way:topic", "topic"), ("?did=way:elsewhere", "kind")):
        assert (await admin.text(f"{ONE}/steps/shorter{at}")).count("•••") == many[to]
    assert TEXT("menus.ways.title") not in await admin.text(f"{ONE}/steps/kind")


async def test_before_publishing_the_page_tells_for_what_no_body_is_responsible(panel: PanelServed) -> None:
    async with panel.engine.begin() as connection:
        await connection.execute(delete(routing_rules).where(routing_rules.c.topic == "water.bill"))
    admin = await panel.signed_in("admin")
    draft = await saved(admin, SHORTER)
    page = await admin.text(draft)
    assert TEXT("menus.led.gaps", n=1) in page and TEXT("numbers.gaps.reason.no_rule") in page
    assert (await admin.get("/panel/admin/book/rule")).status == 200 and "/panel/admin/book/rule" in page
    assert f"{draft}/publish" in page, "the desk has such cases, so the tree may go on the air"


SNOW = {"fa": "سلام، امروز برف آمده است.", "az": "Salam, bu gün qar yağıb."}


async def test_a_prompt_is_said_otherwise_in_a_draft_and_heard_before_it_is_saved(panel: PanelServed) -> None:
    admin = await panel.signed_in("admin")
    heard = await admin.post(f"{ONE}/hear", {"words": SNOW["az"], "language": "az"})
    assert heard.status == 200 and (await heard.read())[:4] == b"RIFF"
    for bad in ({"words": "۱۲"}, {"words": "سیزین ایشینیزه باخیلدی"}, {"words": ""}, {"language": "de"}):
        assert (await admin.post(f"{ONE}/hear", {"words": "سلام", "language": "fa"} | bad)).status == 422
    sent = {"text": FIRST, "prompt": "welcome", "said-fa": SNOW["fa"], "said-az": SNOW["az"]}
    text = (await (await admin.post(f"{ONE}/words", sent)).json())["text"]
    assert text == with_words(FIRST, "welcome", SNOW)
    told = await (await admin.post(f"{ONE}/check", {"text": text})).json()
    assert not told["mistakes"] and told["prompts"]["welcome"]["fa"]["own"] == SNOW["fa"]
    usual = {each: told["prompts"]["welcome"][each]["spoken"] for each in SNOW}
    again = sent | {"text": text, "said-fa": usual["fa"], "said-az": usual["az"]}
    assert (await (await admin.post(f"{ONE}/words", again)).json())["text"] == FIRST
    assert (await admin.post(f"{ONE}/words", sent | {"text": "a: ["})).status == 422

    walked = await (await admin.post(f"{ONE}/walk", {"text": text, "keys": ""})).json()
    assert SNOW["fa"] in [each.get("say") for each in walked["heard"]]
    draft = await saved(admin, text)
    assert SNOW["fa"] in await admin.text(draft)
    assert (await admin.post(f"{draft}/publish", {"when": "now", "reason": "snow"})).status == 303
    live = await menus.current(panel.engine, "111")
    assert live and live.text == text


async def test_what_can_t_be_spoken_is_not_published_and_the_page_says_which(
    panel: PanelServed, tmp_path: Path
) -> None:
    admin = await panel.signed_in("admin")
    draft = await saved(admin, with_words(FIRST, "welcome", SNOW))
    (tmp_path / "sounds").write_text("in the way of every sound")
    refused = await admin.post(f"{draft}/publish", {"when": "now", "reason": "snow"})
    assert refused.status == 422
    assert TEXT("menus.publish.mute", prompt="welcome", language="فارسی") in await refused.text()
    live = await menus.current(panel.engine, "111")
    assert live and live.number == 1


FRAGMENT = "fragments:\n  human:\n    exits: [spoken]\n    steps:\n      person:\n        type: operator\n"


async def pressed_until(page: Page, key: str, seen: Locator) -> None:
    """Once more where the browser was too busy to take the key, as anybody would."""
    for _ in range(10):
        await page.keyboard.press(key)
        with suppress(PlaywrightTimeout):
            return await seen.wait_for(timeout=patience(10_000))
    at = await page.locator(".cm-activeLine").inner_text()
    raise AssertionError(f"{key}: still in {at!r}, and {await page.locator('#tree-state').inner_text()}")


async def tabbed_out(page: Page) -> bool:
    """The editor lets Tab out for two seconds after Esc, which a busy machine can miss."""
    for _ in range(5):
        await page.keyboard.press("Escape")
        await page.keyboard.press("Tab")
        if not await page.evaluate("!!document.activeElement.closest('.cm-content')"):
            return True
    return False


@pytest.mark.parametrize("at", [ONE, f"{ONE}/edit", f"{ONE}/drafts/1"])
async def test_a_picture_wider_than_its_place_begins_at_the_first_step(
    chrome: Browser, panel: PanelServed, at: str
) -> None:
    admin = await panel.signed_in("admin")
    begun = {"began_from": await began_from(admin), "text": LONGER}
    assert (await admin.post(f"{ONE}/edit", begun)).status in (302, 303)
    async with window(chrome, panel, "admin") as page:
        await page.goto(panel.url + at)
        picture = page.locator(".tree-picture")
        assert await picture.evaluate("each => each.scrollWidth > each.clientWidth")
        place, first = await picture.bounding_box(), await picture.locator("[data-step]").first.bounding_box()
        assert place and first
        assert place["x"] < first["x"] and first["x"] + first["width"] < place["x"] + place["width"]


async def test_a_step_in_the_picture_shows_its_prompts_without_anything_being_typed(
    chrome: Browser, panel: PanelServed
) -> None:
    async with window(chrome, panel, "admin") as page:
        await page.goto(f"{ONE}/edit")
        await page.locator("#tree-picture [data-step=goodbye] .box").dispatch_event("click")
        await expect(page.locator("#tree-prompts")).to_contain_text("goodbye")
        await expect(page.locator("#tree-picture .step.at")).to_have_attribute("data-step", "goodbye")
        await page.locator(".cm-content").press("ControlOrMeta+Home")  # before any step
        await expect(page.locator("#tree-picture .step.at")).to_have_count(0)
        await expect(page.locator("#tree-prompts")).to_be_hidden()


async def test_a_caret_in_the_words_below_the_steps_stands_in_none(
    chrome: Browser, panel: PanelServed
) -> None:
    async with window(chrome, panel, "admin") as page:
        await page.goto(f"{ONE}/edit")
        beside = page.locator("#tree-prompts")
        await page.locator(".cm-content").focus()
        await pressed_until(page, "Control+End", page.locator(END))
        await expect(beside).to_contain_text("goodbye")
        await page.keyboard.insert_text("words:\n  goodbye: {fa: خدانگهدار}")
        await expect(beside).to_be_hidden()


async def test_an_editor_that_got_no_answer_asks_again_by_itself(chrome: Browser, panel: PanelServed) -> None:
    async with window(chrome, panel, "admin") as page:
        failed = 0

        async def away(route: RouteOfBrowser) -> None:
            nonlocal failed
            failed += 1
            await (route.abort() if failed < 3 else route.continue_())

        await page.route("**/check", away)
        await page.goto(f"{ONE}/edit")
        await expect(page.locator("#tree-state")).to_have_text(TEXT("menus.edit.away"))
        await expect(page.locator("#tree-state.good, #tree-state.warn")).to_contain_text("گام")
        await expect(page.locator("#tree-form")).not_to_have_attribute("aria-busy", "true")
        assert failed == 3


async def test_an_editor_goes_on_once_one_has_signed_in_anew_and_says_so_before(
    chrome: Browser, panel: PanelServed
) -> None:
    async with window(chrome, panel, "admin") as page:
        [person] = panel.made.values()
        await page.goto(f"{ONE}/edit")
        await expect(page.locator("#tree-state.good, #tree-state.warn")).to_contain_text("گام")
        panel.clock.now += timedelta(hours=3)
        await page.locator("#tree-editor .cm-content").press("Control+End")
        await page.keyboard.type("spring")
        await expect(page.locator("#tree-state")).to_have_text(TEXT("common.error.signed_out"))
        token = await panel.token_of(person)  # signed in in another tab
        await page.context.add_cookies([{"name": "seda", "value": token, "url": panel.url, "httpOnly": True}])
        await expect(page.locator("#tree-state.bad")).to_have_text(TEXT("menus.edit.mistakes", n=1))


async def test_a_keypad_goes_on_once_one_has_signed_in_anew_and_says_so_before(
    chrome: Browser, panel: PanelServed
) -> None:
    async with window(chrome, panel, "admin") as page:
        [person] = panel.made.values()
        await page.goto(f"{ONE}/edit")
        await page.locator("#tree-try").click()
        state, again = page.locator("#phone-state"), page.locator("#phone-again")
        await expect(state).to_have_text(TEXT("menus.try.waits"))
        panel.clock.now += timedelta(hours=3)
        await again.click()
        await expect(state).to_have_text(TEXT("common.error.signed_out"))
        token = await panel.token_of(person)  # signed in in another tab
        await page.context.add_cookies([{"name": "seda", "value": token, "url": panel.url, "httpOnly": True}])
        await again.click()
        await expect(state).to_have_text(TEXT("menus.try.waits"))


async def test_the_keyboard_gets_to_the_calls_of_a_step_and_into_the_editor_and_out_again(
    chrome: Browser, panel: PanelServed
) -> None:
    async with window(chrome, panel, "admin", size=PHONE) as page:
        await with_calls(panel)
        await page.goto(f"{ONE}?heat=hung_up")
        await page.locator(".tree [data-step=kind] a").focus()
        await page.keyboard.press("Enter")
        await page.locator(".seconds a").first.press("Enter")
        await expect(page.locator("tbody tr")).to_have_count(2)
        await screenshot(page, "menu-step")
        assert not await serious(page)
        await page.goto(f"{ONE}/edit")
        await page.locator(".cm-content").focus()
        await page.keyboard.press("Control+Home")
        await page.keyboard.press("Tab")
        assert (await page.locator("textarea[name=text]").input_value()).startswith("  # The menu tree")
        await page.keyboard.press("Shift+Tab")
        assert await tabbed_out(page)
        await page.locator(".cm-content").focus()
        change = page.get_by_role("button", name=f"{TEXT('menus.prompts.edit')} goodbye")
        await pressed_until(page, "Control+End", change)
        await change.press("Enter")
        await expect(page.locator("#said-fa")).to_be_focused()
        await screenshot(page, "menu-words-phone", whole=False)
        assert not await serious(page)
        await page.keyboard.press("Escape")
        await expect(change).to_be_focused()
        await change.evaluate(CHECKED_AGAIN)
        await expect(change).to_be_focused()  # a button under somebody's finger stays
        await page.locator(".cm-content").focus()
        await pressed_until(page, "Control+End", page.locator(END))
        await page.keyboard.insert_text("\n  snow:\n    type: s")
        await expect(page.locator("#tree-mistakes")).to_contain_text("steps.snow.type")
        await page.keyboard.press("Control+Space")
        await expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("say")
        await page.keyboard.press("Escape")
        await page.keyboard.insert_text(f"ay\n{FRAGMENT}        nobody: ")
        await page.keyboard.press("Control+Space")
        await expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("spoken")
        await screenshot(page, "menu-edit-phone", whole=False)
        assert not await serious(page)


async def test_a_line_that_was_linked_to_shows_the_prompts_of_its_step(
    chrome: Browser, panel: PanelServed
) -> None:
    async with window(chrome, panel, "admin") as page:
        await page.goto(f"{ONE}/edit#L{len(FIRST.splitlines())}")
        change = page.get_by_role("button", name=f"{TEXT('menus.prompts.edit')} goodbye")
        await expect(change).to_be_visible()


async def test_words_that_are_typed_for_a_prompt_stay_wherever_one_goes_and_are_saved_with_the_tree(
    chrome: Browser, panel: PanelServed
) -> None:
    async with window(chrome, panel, "admin") as page:
        await page.goto(f"{ONE}/edit#L{len(FIRST.splitlines())}")
        said, beside = page.locator("#said-fa"), page.locator("#tree-prompts")
        kind, bye = (page.locator(f"#tree-picture [data-step={its}] .box") for its in ("kind", "goodbye"))
        change = page.get_by_role("button", name=f"{TEXT('menus.prompts.edit')} goodbye")
        await change.click()
        await kind.dispatch_event("click")
        await expect(said).to_have_count(0)  # nothing was typed
        await bye.dispatch_event("click")
        await change.click()
        await said.fill("خدانگهدار شما باد")
        await kind.dispatch_event("click")
        await said.evaluate(CHECKED_AGAIN)
        await expect(said).to_have_value("خدانگهدار شما باد")
        await stays_when_asked(page)
        await page.get_by_role("button", name=TEXT("menus.edit.save")).click()
        await page.wait_for_url("**/drafts/1?said=saved")
        await expect(page.locator(".changes-list")).to_contain_text("خدانگهدار شما باد")
        await page.goto(f"{ONE}/edit")
        await page.locator(".cm-content").focus()
        await pressed_until(page, "Control+End", page.locator(END))
        await expect(beside).to_contain_text("خدانگهدار شما باد")
        await pressed_until(page, "Control+Home", page.locator(".cm-content > .cm-activeLine:first-child"))
        await page.locator(".cm-line", has_text="خدانگهدار شما باد").click()
        await expect(beside).to_be_hidden()  # there stand the words, and no step


async def test_without_scripts_the_text_is_edited_in_a_plain_field(
    chrome: Browser, panel: PanelServed
) -> None:
    context = patient(await chrome.new_context(base_url=panel.url, java_script_enabled=False))
    try:
        token = await panel.token("admin")
        await context.add_cookies([{"name": "seda", "value": token, "url": panel.url, "httpOnly": True}])
        page = await context.new_page()
        await page.goto(f"{ONE}/edit")
        assert await page.locator("textarea[name=text]").input_value() == FIRST
        await page.locator("textarea[name=text]").fill(FIRST.replace("go: status", "go: statu"))
        await page.get_by_role("button", name=TEXT("menus.edit.save")).click()
        await expect(page.locator(".mistakes")).to_contain_text("status؟")
        await screenshot(page, "menu-plain")
    finally:
        await context.close()
