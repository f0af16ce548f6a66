"""What an installation makes for itself, once."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr import installation
from ivr.app import Hotline
from ivr.desk.editing.changing import change, wish
from ivr.desk.editing.nouns import TOPIC
from ivr.installation import CommandError, load_secrets, needed
from ivr.settings import ROOT, Settings
from ivr.speech.paths import WAV_HEADER, wav_path
from ivr.web.health import Check, examine
from tests.desk.editing.test_changing import why
from tests.fixtures.commands import typed
from tests.loops.test_offered import NEW


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_secrets(Settings(state=tmp_path))
    assert load_secrets(Settings(state=tmp_path)) == first
    made = sorted((tmp_path / "secrets").iterdir())
    assert [path.name for path in made] == ["agi", "ami", "desk", "originate", "sip"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_a_secret_that_a_power_cut_left_empty_is_made_anew_and_never_taken_for_none(tmp_path: Path) -> None:
    before = load_secrets(Settings(state=tmp_path))
    (tmp_path / "secrets" / "agi").write_text("")
    found = load_secrets(Settings(state=tmp_path))
    assert len(found.agi) == len(before.agi) and found.agi != before.agi and found.ami == before.ami
    assert len([*(tmp_path / "secrets").iterdir()]) == 5


@pytest.fixture
def menus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of menu files, for this test to spoil."""
    monkeypatch.setattr(installation, "ROOT", tmp_path / "checkout")
    return Path(shutil.copytree(ROOT / "dialplan" / "menus", tmp_path / "checkout" / "dialplan" / "menus"))


def _speak_all(settings: Settings) -> None:
    for language in settings.calls.languages:
        for id in needed(settings):
            wav = wav_path(settings.sounds, language, id)
            wav.parent.mkdir(parents=True, exist_ok=True)
            wav.write_bytes(bytes(WAV_HEADER + 2))


def test_a_half_written_menu_and_an_editors_lock_hide_no_other_files_prompts(
    menus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = needed(Settings(state=tmp_path))
    (menus / "half.yaml").write_text("menu: half\nsteps:\n  a: [")
    (menus / ".#111.yaml").symlink_to("admin@desk.4711:1")
    for _ in range(2):
        assert needed(Settings(state=tmp_path), lenient=True) == whole
    assert caplog.text.count(f"{menus / 'half.yaml'}: its prompts are not looked at") == 1
    assert ".#111.yaml" not in caplog.text


async def test_ivr_sounds_check_proves_nothing_while_a_menu_file_cant_be_read_and_names_it(
    menus: Path, tmp_path: Path, database_url: str
) -> None:
    _speak_all(Settings(state=tmp_path))
    (menus / ".#111.yaml").symlink_to("admin@desk.4711:1")
    _, said, _ = await typed(database_url, tmp_path, "sounds", "check")
    assert "every prompt has audio in every language\n" in said
    (menus / "half.yaml").write_text("menu: half\nsteps:\n  a: [")
    code, said, why = await typed(database_url, tmp_path, "sounds", "check")
    assert (code, said) == (1, "") and f"{menus / 'half.yaml'}:" in why
    assert (await typed(database_url, tmp_path, "sounds", "list", "--missing", "--json"))[0] == 0


async def test_ivr_sounds_check_names_what_people_added_that_no_caller_is_told_of_for_want_of_audio(
    engine: AsyncEngine, tmp_path: Path, database_url: str
) -> None:
    _speak_all(Settings(state=tmp_path))
    await change(engine, why(), wish(TOPIC, NEW))
    heard = wav_path(Settings(state=tmp_path).sounds, "fa", "topic.water.meter")
    heard.write_bytes(bytes(WAV_HEADER + 2))
    code, said, told = await typed(database_url, tmp_path, "sounds", "check")
    assert "az: topic.water.meter, which people added, has no audio" in " ".join(told.split())
    assert "fa: topic" not in told and "every prompt has audio in every language\n" in said
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    assert (code, said, "") == await typed(nowhere, tmp_path, "sounds", "check")


async def test_who_takes_over_waits_for_a_half_written_menu_and_who_serves_asks_it_again(
    menus: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IVR_DATABASE_URL", database_url)
    settings = Settings(state=tmp_path)
    _speak_all(settings)
    flood = menus / "flood.yaml"
    whole = flood.read_text()
    flood.write_text("menu: half\nsteps:\n  a: [")
    gates: list[Mapping[str, Check]] = []

    async def gate(_: Hotline, checks: Mapping[str, Check]) -> None:
        gates.append(checks)
        raise CommandError

    monkeypatch.setattr(Hotline, "_become_ready", gate)
    hotline = Hotline(settings, when_ready=True)
    open_doors, look = hotline._open_doors, hotline._prompts  # the gate, and what `/readyz` asks
    async with AsyncExitStack() as stack:
        with pytest.raises(CommandError):
            await open_doors(stack)
    prompts = {"prompts": gates[0]["prompts"]}
    assert str(flood) in (await examine(prompts))["prompts"]
    assert await look() == ""
    flood.write_text(whole.replace("flood.welcome", "flood.tomorrow"))  # all of it is there now
    for found in ((await examine(prompts))["prompts"], await look()):
        assert found.endswith("prompts have no audio: ivr sounds build")
    await hotline.engine.dispose()


async def test_the_menu_files_of_the_next_release_make_no_running_process_unready(
    menus: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IVR_DATABASE_URL", database_url)
    settings = Settings(state=tmp_path)
    _speak_all(settings)
    running = Hotline(settings)
    look = running._prompts  # what `/readyz` asks, without a server
    assert await look() == ""
    flood = menus / "flood.yaml"
    flood.write_text(flood.read_text().replace("flood.welcome", "flood.tomorrow"))
    assert await look() == ""
    next_one = Hotline(settings)
    look = next_one._prompts  # it takes over once its own can be heard
    assert (await look()).endswith("prompts have no audio: ivr sounds build")
    await asyncio.gather(running.engine.dispose(), next_one.engine.dispose())
