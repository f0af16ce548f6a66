"""Drafts, trials, times, and the way back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book import menus
from ivr.desk.refusals import Refused
from ivr.desk.trees import drafts, publishing, tree_history
from ivr.desk.trees.drafts import CheckedDraft, DraftMoved, Faulty
from ivr.desk.trees.publishing import TreeChanged, publish_draft, roll_back
from ivr.lab.pace import patience
from ivr.store.aside import AGAIN, Aside
from ivr.voice.menu import Menu
from ivr.voice.menu_life import Stage, TreeDeed
from ivr.voice.parse import parse
from ivr.voice.report import Proof

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def tree(words: str, name: str = "111") -> str:
    return (
        f'menu: "{name}"\nlanguages: [fa]\nstart: bye\nsteps:\n  bye:\n    type: end\n    prompt: [{words}]\n'
    )


def check(raw: bytes, file: str) -> tuple[Menu, Proof]:
    return parse(raw, file), Proof((), (), (), True, True)


async def checked(engine: AsyncEngine, words: str, **how: Any) -> int:
    """The number of a new draft that passed."""
    number = (await drafts.save_draft(engine, "111", tree(words), "sara", f"why {words}", **how)).number
    await drafts.check_draft(engine, "111", number, "sara", check)
    return number


async def put(engine: AsyncEngine, words: str, **how: Any) -> Any:
    return await publish_draft(engine, "111", await checked(engine, words), "sara", "", NOW, **how)


async def live(engine: AsyncEngine) -> str:
    return await tree_history.text_of(engine, "111", "live")


# --- drafts


async def test_a_draft_that_began_from_an_older_text_is_refused_with_the_difference_and_loses_nothing(
    engine: AsyncEngine,
) -> None:
    await menus.publish(engine, "111", tree("one"), "sara")
    both = await drafts.head(engine, "111")
    assert both is not None and both.revision == 1
    first = await drafts.save_draft(engine, "111", tree("hers"), "sara", "", both.sha256)
    with pytest.raises(DraftMoved, match="sara has changed this menu") as refused:
        await drafts.save_draft(engine, "111", tree("his"), "ali", "", both.sha256)
    assert refused.value.head.sha256 == first.sha256
    assert {"-    prompt: [hers]", "+    prompt: [his]"} <= set(refused.value.diff)
    again = await drafts.save_draft(engine, "111", tree("his"), "ali", "", refused.value.head.sha256)
    assert [(d.number, d.author) for d, _ in await drafts.drafts(engine, "111")] == [(2, "ali"), (1, "sara")]
    assert again.began_from == first.sha256


async def test_what_somebody_published_meanwhile_moves_a_draft_too(engine: AsyncEngine) -> None:
    draft = await drafts.save_draft(engine, "111", tree("one"), "sara")
    await menus.publish(engine, "111", tree("two"), "ali")
    with pytest.raises(DraftMoved, match="ali"):
        await drafts.save_draft(engine, "111", tree("three"), "sara", "", draft.sha256)


async def test_a_text_saved_twice_is_one_draft(engine: AsyncEngine) -> None:
    first = await drafts.save_draft(engine, "111", tree("one"), "sara")
    assert await drafts.save_draft(engine, "111", tree("one"), "sara", "", first.sha256) == first


async def test_who_presses_save_twice_is_told_of_nobody_else(engine: AsyncEngine) -> None:
    await menus.publish(engine, "111", tree("one"), "sara")
    begun = menus.digest(tree("one"))
    twice = [drafts.save_draft(engine, "111", tree("two"), "sara", "", begun) for _ in range(2)]
    first, again = await asyncio.gather(*twice)
    assert (first.number, again) == (1, first)


async def test_only_what_was_checked_and_has_no_mistakes_goes_on_the_air(engine: AsyncEngine) -> None:
    unchecked = await drafts.save_draft(engine, "111", tree("one"), "sara")
    with pytest.raises(Faulty, match="never checked"):
        await publish_draft(engine, "111", unchecked.number, "sara", "", NOW)
    for text in ("menu: [", tree("one", name="114")):
        faulty = await drafts.save_draft(engine, "111", text, "sara")
        found: CheckedDraft = await drafts.check_draft(engine, "111", faulty.number, "sara", check)
        assert found.mistakes and found.menu is None
        with pytest.raises(Faulty, match="has mistakes"):
            await publish_draft(engine, "111", faulty.number, "sara", "", NOW)
    assert [stage for _, stage in await drafts.drafts(engine, "111")] == [
        Stage.FAULTY, Stage.FAULTY, Stage.DRAFT,
    ]  # fmt: skip


# --- on the air


async def test_who_published_what_and_why_is_told(engine: AsyncEngine) -> None:
    await put(engine, "one")
    number = await checked(engine, "two")
    await publish_draft(engine, "111", number, "ali", "shorter", NOW)
    newest, first = await tree_history.revisions(engine, "111")
    assert (newest.number, newest.author, newest.reason, newest.deed) == (
        2,
        "ali",
        "shorter",
        TreeDeed.PUBLISHED,
    )
    assert (newest.is_live, first.is_live, first.reason) == (True, False, "why one")
    assert (await drafts.drafts(engine, "111"))[0][1] is Stage.PUBLISHED


async def test_a_draft_goes_over_nothing_that_came_on_the_air_since_it_was_looked_at(
    engine: AsyncEngine,
) -> None:
    await put(engine, "one", seen=publishing.NOTHING)
    with pytest.raises(TreeChanged):
        await put(engine, "two", seen=publishing.NOTHING)
    trial = await put(engine, "tried", share=0.1)
    tried = await menus.on_the_air(engine, "111")
    assert tried is not None
    await roll_back(engine, "111", "ali", "worse")
    with pytest.raises(TreeChanged):
        await publish_draft(engine, "111", trial.draft, "sara", "", NOW, seen=tried.seen)
    assert await live(engine) == tree("one")
    now = await menus.on_the_air(engine, "111")
    assert now is not None
    await publish_draft(engine, "111", trial.draft, "sara", "", NOW, seen=now.seen)
    assert await live(engine) == tree("tried")


async def test_a_draft_waits_for_its_time_and_goes_on_the_air_once(engine: AsyncEngine) -> None:
    await put(engine, "one")
    soon = NOW + timedelta(hours=1)
    await put(engine, "two", at=soon)
    assert await publishing.publish_due(engine, NOW) == [] and await live(engine) == tree("one")
    late = soon + timedelta(days=1)  # nobody was there at the time
    assert [plan.draft for plan in await publishing.publish_due(engine, late)] == [2]
    assert await publishing.publish_due(engine, late) == [] and await live(engine) == tree("two")


async def test_drafts_that_come_due_together_go_on_the_air_in_the_order_of_their_times(
    engine: AsyncEngine,
) -> None:
    await put(engine, "one")
    await put(engine, "sunday", at=NOW + timedelta(hours=2))  # planned first
    await put(engine, "saturday", at=NOW + timedelta(hours=1))
    late = NOW + timedelta(days=1)  # nobody was there at either time
    assert [plan.draft for plan in await publishing.publish_due(engine, late)] == [3, 2]
    assert await live(engine) == tree("sunday")


async def test_a_draft_that_failed_at_its_time_does_not_go_on_the_air_over_one_planned_for_later(
    engine: AsyncEngine,
) -> None:
    aside, late = Aside(), NOW + timedelta(days=1)
    await put(engine, "one")
    for hours, words in enumerate(("saturday", "sunday"), 1):
        await put(engine, words, at=NOW + timedelta(hours=hours))
    async with engine.begin() as connection:
        refusing = "CHECK (draft <> 2 OR deed <> 'published')"
        await connection.execute(sql(f"ALTER TABLE menu_events ADD CONSTRAINT not_yet {refusing}"))
    assert [plan.draft for plan in await publishing.publish_due(engine, late, aside)] == [3]
    async with engine.begin() as connection:
        await connection.execute(sql("ALTER TABLE menu_events DROP CONSTRAINT not_yet"))
    assert await publishing.publish_due(engine, late + AGAIN, aside) == []
    assert await live(engine) == tree("sunday") and await publishing.planned(engine) == []
    [unkept] = await tree_history.unkept(engine, "111")
    assert (unkept.draft, unkept.why.partition(",")[0]) == (2, "draft 3")
    await put(engine, "monday", at=late)
    assert [plan.draft for plan in await publishing.publish_due(engine, late, aside)] == [4]


async def test_a_draft_that_waits_can_be_kept_back(engine: AsyncEngine) -> None:
    await put(engine, "one")
    await put(engine, "two", at=NOW + timedelta(hours=1))
    (plan,) = await publishing.planned(engine, "111")
    await publishing.unschedule(engine, "111", plan.draft, "ali")
    with pytest.raises(Refused, match="does not wait"):
        await publishing.unschedule(engine, "111", plan.draft, "ali")
    assert await publishing.publish_due(engine, NOW + timedelta(days=1)) == []
    assert (await drafts.drafts(engine, "111"))[0][1] is Stage.CHECKED


async def test_a_draft_given_another_time_and_then_kept_back_waits_no_more(engine: AsyncEngine) -> None:
    number = await checked(engine, "one")
    for hours in (1, 2):
        await publish_draft(engine, "111", number, "sara", "", NOW, at=NOW + timedelta(hours=hours))
    (plan,) = await publishing.planned(engine, "111")
    assert plan.at == NOW + timedelta(hours=2)
    await publishing.unschedule(engine, "111", plan.draft, "ali")
    assert (await drafts.drafts(engine, "111"))[0][1] is Stage.CHECKED


async def test_a_plan_that_can_not_be_kept_says_why_and_is_not_tried_for_ever(engine: AsyncEngine) -> None:
    await put(engine, "one")
    for words in ("two", "three"):
        await put(engine, words, at=NOW + timedelta(hours=1), share=0.1)
    begun = await publishing.publish_due(engine, NOW + timedelta(hours=2))
    assert len(begun) == 1 and await publishing.planned(engine) == []
    [unkept] = await tree_history.unkept(engine, "111")
    assert (unkept.draft, unkept.author) == (3, "sara") and unkept.why.startswith("draft 2 is on trial")


async def test_of_three_plans_one_that_can_not_be_read_keeps_no_other_and_can_be_kept_back(
    engine: AsyncEngine,
) -> None:
    soon, aside = NOW + timedelta(hours=1), Aside()
    await put(engine, "one")
    async with engine.begin() as connection:
        for name, details in (("110", {}), ("110", {"at": "soon", "share": None})):  # of another release
            number = 1 if not details else 2
            await menus.note_deed(connection, name, TreeDeed.SCHEDULED, "sara", draft=number, details=details)
    await put(engine, "two", at=soon)
    assert [plan.name for plan in await publishing.planned(engine)] == ["111"], "nor hides it"
    assert [plan.draft for plan in await publishing.publish_due(engine, soon, aside)] == [2]
    assert await live(engine) == tree("two") and aside.counts == {"planned trees": 2}
    for number in (1, 2):
        await publishing.unschedule(engine, "110", number, "ali")
    assert await publishing.publish_due(engine, soon + timedelta(days=1), aside) == []
    assert aside.troubles == []


async def test_a_plan_whose_end_the_books_refuse_is_not_called_on_the_air(engine: AsyncEngine) -> None:
    soon, aside = NOW + timedelta(hours=1), Aside()
    await put(engine, "one")
    await put(engine, "one", at=soon)  # on the air already: its plan only ends
    async with engine.begin() as connection:
        refusing = "ALTER TABLE menu_events ADD CONSTRAINT never_ends CHECK (deed <> 'unscheduled')"
        await connection.execute(sql(refusing))
    assert await publishing.publish_due(engine, soon, aside) == []
    assert aside.counts == {"planned trees": 1}
    async with engine.begin() as connection:
        await connection.execute(sql("ALTER TABLE menu_events DROP CONSTRAINT never_ends"))
    assert len(await publishing.publish_due(engine, soon + AGAIN, aside)) == 1


async def test_a_plan_of_a_draft_that_is_gone_says_so_and_is_not_tried_for_ever(engine: AsyncEngine) -> None:
    soon = NOW + timedelta(hours=1)
    async with engine.begin() as connection:
        details = {"at": soon.isoformat(), "share": None}
        await menus.note_deed(connection, "110", TreeDeed.SCHEDULED, "sara", draft=7, details=details)
    await put(engine, "one", at=soon + timedelta(minutes=1))
    assert [plan.name for plan in await publishing.publish_due(engine, soon + timedelta(hours=1))] == ["111"]
    assert await publishing.planned(engine) == []


# --- trials


async def test_a_tree_on_trial_has_the_number_that_it_keeps_when_it_is_published(engine: AsyncEngine) -> None:
    await put(engine, "one")
    trial = await put(engine, "two", share=0.2)
    now = await menus.on_the_air(engine, "111")
    assert now is not None and (now.revision.number, now.trial) == (1, trial)
    assert (trial.revision.number, trial.revision.text, trial.share) == (2, tree("two"), 0.2)
    published = await publish_draft(engine, "111", trial.draft, "sara", "well received", NOW)
    now = await menus.on_the_air(engine, "111")
    assert now is not None and now.trial is None and now.revision == published
    assert now.revision.number == 2


async def test_publishing_another_tree_ends_the_trial_and_leaves_its_number_to_its_calls(
    engine: AsyncEngine,
) -> None:
    await put(engine, "one")
    await put(engine, "two", share=0.2)
    await put(engine, "three")
    now = await menus.on_the_air(engine, "111")
    assert now is not None and now.trial is None and now.revision.number == 3
    assert await tree_history.text_of(engine, "111", "2") == tree("two")


async def test_publishing_what_is_live_ends_a_trial_too(engine: AsyncEngine) -> None:
    await put(engine, "one")
    await put(engine, "two", share=0.2)
    await menus.publish(engine, "111", tree("one"), "sara")
    now = await menus.on_the_air(engine, "111")
    assert now is not None and now.trial is None and now.revision.number == 1


async def test_a_trial_needs_a_share_an_old_tree_and_no_other_trial(engine: AsyncEngine) -> None:
    with pytest.raises(Refused, match="never been published"):
        await put(engine, "one", share=0.1)
    await put(engine, "one")
    for share in (0, 0.6, -1):
        with pytest.raises(Refused, match="share"):
            await put(engine, "two", share=share)
    await put(engine, "two", share=0.5)
    with pytest.raises(Refused, match="is on trial"):
        await put(engine, "three", share=0.1)


# --- back


async def test_rolling_back_ends_a_trial_first_then_goes_back_text_by_text(engine: AsyncEngine) -> None:
    for words in ("one", "two", "three"):
        await put(engine, words)
    await put(engine, "four", share=0.1)
    for expected in ("three", "two", "one"):
        now = await roll_back(engine, "111", "sara", "it was better")
        assert now.trial is None and await live(engine) == now.revision.text == tree(expected)
    with pytest.raises(Refused, match="no other text"):
        await roll_back(engine, "111", "sara")
    deeds = [(each.number, each.deed) for each in await tree_history.revisions(engine, "111")]
    assert deeds[:3] == [(6, TreeDeed.ROLLED_BACK), (5, TreeDeed.ROLLED_BACK), (4, TreeDeed.WITHDRAWN)]


async def test_rolling_back_to_what_is_live_ends_the_trial_and_the_next_step_back_finds_the_text_before(
    engine: AsyncEngine,
) -> None:
    for words in ("one", "two"):
        await put(engine, words)
    await put(engine, "three", share=0.1)
    now = await roll_back(engine, "111", "sara", to=2)
    assert now.trial is None and now.revision.number == 2
    assert (await tree_history.revisions(engine, "111"))[0].deed is TreeDeed.WITHDRAWN
    async with engine.begin() as connection:  # as releases before wrote it
        deed, to = TreeDeed.ROLLED_BACK, {"to": 2}
        await menus.note_deed(connection, "111", deed, "sara", revision=2, details=to)
    async with asyncio.timeout(patience(20)):
        await roll_back(engine, "111", "sara")
    assert await live(engine) == tree("one")


async def test_rolling_back_to_a_revision_that_was_never_published_is_refused(engine: AsyncEngine) -> None:
    await put(engine, "one")
    await roll_back(engine, "111", "sara", to=1)
    assert await live(engine) == tree("one")
    with pytest.raises(Refused, match="no revision 9"):
        await roll_back(engine, "111", "sara", to=9)
