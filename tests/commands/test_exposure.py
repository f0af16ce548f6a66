"""What others on the machine, a log and another site's page could see of people's words."""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import update

from ivr.app import Masking
from ivr.asterisk.recording import new_name
from ivr.cases.code import code_for, masked
from ivr.commands import exposure
from ivr.commands.doctor import examine
from ivr.installation import OTHERS, keep_private
from ivr.lab.pace import patience
from ivr.settings import BrowserPhone, Settings, Web, WitnessSettings
from ivr.store import disk_thread
from ivr.store.tables import people
from ivr.store.volumes import link
from tests.fixtures.damaged import asleep, away
from tests.fixtures.database import ROOT
from tests.fixtures.hotline import Hotline
from tests.web.panel import PanelServed

CODE = code_for(7, bytes(32))


@pytest.fixture
def open_state() -> Iterator[Settings]:
    """A state folder as umask 022 makes it, on a way that is open to all."""
    before = os.umask(0o022)
    with tempfile.TemporaryDirectory() as way:
        Path(way).chmod(0o755)
        settings = Settings(state=Path(way) / "state")
        settings.recordings.mkdir(parents=True)
        yield settings
    os.umask(before)


def test_recordings_that_others_could_read_are_closed_to_them_as_the_server_starts(
    open_state: Settings,
) -> None:
    assert str(open_state.recordings) in exposure.modes(open_state).found
    keep_private(open_state)
    assert not exposure.modes(open_state).found
    name = new_name(open_state.recordings, date(2026, 11, 25))
    made = open_state.recordings / f"{name}.wav"
    made.write_bytes(b"words")  # as Asterisk does that we started
    for each in (made, *made.parents):
        if each == open_state.recordings:
            break
        assert not stat.S_IMODE(each.stat().st_mode) & OTHERS, each


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOTCONN, errno.ESTALE])
def test_a_second_disk_that_is_gone_keeps_no_server_from_starting_and_the_first_is_closed(
    open_state: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    settings = open_state.model_copy(update={"second_volume": str(tmp_path)})
    with away(tmp_path, code=code):
        assert str(open_state.recordings) in exposure.modes(settings).found
        keep_private(settings)
        assert not exposure.modes(settings).found
    assert f"whether others can look into {tmp_path} is not known" in caplog.text


def test_a_second_disk_that_hangs_keeps_no_server_from_starting_and_is_closed_once_it_wakes(
    open_state: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_thread, "HANG_SECONDS", 0.2)
    tmp_path.chmod(0o755)
    with asleep(tmp_path):
        keep_private(open_state.model_copy(update={"second_volume": str(tmp_path)}))
    disk_thread._hanging[tmp_path, 0.0].join(patience(10))  # who sleeps there
    assert f"whether others can look into {tmp_path} is not known: [Errno 110] it hangs" in caplog.text
    assert not tmp_path.stat().st_mode & OTHERS


def test_what_asterisk_writes_for_everybody_is_found(open_state: Settings) -> None:
    for day, mode, found in (("25", 0o644, True), ("26", 0o660, False)):  # the newest day counts
        made = open_state.recordings / "2026" / "11" / day / "a.wav"
        made.parent.mkdir(parents=True)
        made.touch()
        made.chmod(mode)
        assert bool(exposure.umask(open_state).found) is found


def test_what_asterisk_writes_for_everybody_on_the_second_disk_is_found_and_answers_stand_in_no_day(
    open_state: Settings, tmp_path: Path
) -> None:
    settings = open_state.model_copy(update={"second_volume": str(tmp_path)})
    link(settings.recordings, tmp_path / "recordings")
    answer = settings.recordings / "answers" / "ab" / "ab12.wav"
    ours, spoken = (disk / "2026/11/25/a.wav" for disk in (settings.recordings, tmp_path / "recordings"))
    for made, mode in ((answer, 0o660), (ours, 0o660), (spoken, 0o644)):
        made.parent.mkdir(parents=True)
        made.touch()
        made.chmod(mode)
    assert str(spoken) in exposure.umask(settings).found
    spoken.chmod(0o660)
    assert not exposure.umask(settings).found


def test_a_stricter_umask_stays(open_state: Settings) -> None:
    os.umask(0o077)
    keep_private(open_state)
    assert os.umask(0o022) == 0o077


def test_no_log_line_tells_a_code_and_other_numbers_stay() -> None:
    try:
        raise ValueError(f"case {CODE}: no such thing")
    except ValueError:
        record = logging.LogRecord("ivr", logging.ERROR, "x.py", 1, "case %s of %s", (CODE, "x"), None)
        record.exc_info = sys.exc_info()
    written = Masking("%(message)s").format(record)
    assert CODE not in written and written.count(f"{CODE[:3]}*******") == 2
    for plain in (f"{CODE}.5", "09141234567", "1234567890", f"1{CODE}"):
        assert masked(f"call {plain} began") == f"call {plain} began"
    assert masked(f"it is {CODE}.").endswith("*******.")


def test_the_proxy_of_the_docs_keeps_no_log_of_addresses_which_hold_codes_numbers_and_keys() -> None:
    block = (ROOT / "docs" / "production.md").read_text("utf-8").partition("    server {")[2]
    block = block.partition("\n    }")[0]
    assert "access_log off;" in block and re.search(r"error_log \S+ crit;", block)


async def test_a_page_of_another_site_that_reaches_the_websocket_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[str] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        if allowed and request.headers.get("Origin") not in allowed:
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(protocols=("sip",))
        await socket.prepare(request)
        return socket

    app = web.Application()
    app.router.add_get("/ws", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    phone = BrowserPhone.model_construct(
        whose="supervisors", url=f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"
    )
    settings = Settings(state=tmp_path).model_copy(update={"browser_phone": phone})
    assert "any site" in (await exposure.websocket(settings)).found
    allowed.append("https://111.example")
    assert not (await exposure.websocket(settings)).found
    await runner.cleanup()
    assert "does not answer" in (await exposure.websocket(settings)).found


def test_a_proxy_that_is_not_named_is_found(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, browser_phone=BrowserPhone(url="wss://111.example/ws"))
    assert "web.proxies" in exposure.proxies(settings).found
    named = settings.model_copy(update={"web": Web(proxies=("127.0.0.1/32",))})
    assert not exposure.proxies(named).found


async def test_an_admin_with_a_password_alone_is_found_once_others_reach_the_panel(
    panel: PanelServed, tmp_path: Path
) -> None:
    admin = await panel.person("admin")
    settings = Settings(state=tmp_path, database_url=panel.engine.url.render_as_string(hide_password=False))
    assert not (await exposure.factors(settings)).found
    reached = settings.model_copy(update={"web": Web(proxies=("127.0.0.1/32",))})
    assert admin.name in (await exposure.factors(reached)).found
    async with panel.engine.begin() as connection:
        await connection.execute(update(people).values(totp_since=panel.clock()))
    assert not (await exposure.factors(reached)).found


async def test_who_is_alone_where_two_are_needed_is_told_once_others_reach_the_panel(
    panel: PanelServed, tmp_path: Path
) -> None:
    settings = Settings(state=tmp_path, database_url=panel.engine.url.render_as_string(hide_password=False))
    reached = settings.model_copy(update={"web": Web(proxies=("127.0.0.1/32",))})
    await panel.person("admin")
    await panel.person("supervisor", trusted=True)
    await panel.person("auditor", trusted=True, locked_at=panel.clock())
    assert await exposure.few(settings) == []
    one_seal, one_admin = await exposure.few(reached)
    assert "no confidential case can be opened" in one_seal.found and "ivr user trust" in one_seal.mend
    assert "fewer than two admins" in one_admin.found
    await panel.person("admin")
    await panel.person("auditor", trusted=True)
    assert await exposure.few(reached) == []


async def test_a_database_of_ones_own_without_a_witness_is_found(panel: PanelServed, tmp_path: Path) -> None:
    url = panel.engine.url.render_as_string(hide_password=False)
    for file, found in (("", True), (str(tmp_path / "roots"), False)):
        settings = Settings(state=tmp_path, database_url=url, witnesses=WitnessSettings(file=file))
        [seen] = [each for each in await examine(settings) if each.name == "custody"]
        assert ("no witness" in seen.found) is found


async def test_the_doctor_looks_at_what_others_could_see(hotline: Hotline) -> None:
    [seen] = [each for each in await examine(hotline.settings) if each.name == "exposure"]
    assert seen.ok, seen
    assert "second factor" not in seen.found, "on loopback nobody looked at these"


def test_every_test_that_the_threat_model_names_exists() -> None:
    root = Path(__file__).resolve().parents[2]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (root / "docs" / "security.md").read_text("utf-8"))
    assert len(named) > 20
    for path, name in named:
        assert f"def {name}(" in (root / path).read_text("utf-8"), name


def test_every_chapter_of_asvs_has_its_answer() -> None:
    root = Path(__file__).resolve().parents[2]
    answers = re.findall(
        r"^\| V(\d+) [^|]+\| ([^|]+) \|$", (root / "docs" / "security.md").read_text("utf-8"), re.M
    )
    assert [int(chapter) for chapter, _ in answers] == [*range(1, 18)]
    assert all(len(answer) > 40 for _, answer in answers)
