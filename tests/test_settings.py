"""What is wrong with a setting is told, and no secret with it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ivr.settings import ROOT, SECRETS, Settings, SettingsError, SettingsGroup, load


def test_what_is_wrong_is_told_with_its_key_its_variable_and_what_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IVR_AGI__PORT", "99999")
    with pytest.raises(
        SettingsError, match=r"agi\.port \(or IVR_AGI__PORT\): .*less than or equal.*, got '99999'$"
    ):
        load()


@pytest.mark.parametrize("name", ["IVR_WITNESS__FILE", "IVR_WEB_PROXIES", "IVR_SECONDVOLUME"])
def test_a_slip_in_a_variable_is_told_and_not_passed_over(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/mnt/archive/roots")
    with pytest.raises(SettingsError, match=f"{name}: no setting is called so"):
        load()


def test_what_an_orchestrator_tells_of_a_service_of_our_name_is_no_slip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT_HTTP", "PORT", "PORT_8111_TCP", "PORT_8111_TCP_ADDR"):
        monkeypatch.setenv(f"IVR_{name}", "10.0.0.1")
    assert load().web.port == 8111


@pytest.mark.parametrize("level", ["WARN", "FATAL", "NOTSET"])
def test_each_level_that_the_log_has_is_one(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    monkeypatch.setenv("IVR_LOG_LEVEL", level)
    assert load().log_level == level


@pytest.mark.parametrize("text", ["just words", "- web\n- agi\n", "8111", "[]", "0"])
def test_a_file_that_holds_no_keys_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    (file := tmp_path / "own.yaml").write_text(text)
    monkeypatch.setenv("IVR_CONFIG", str(file))
    with pytest.raises(SettingsError, match=rf"^{file}: holds no keys with their values$"):
        load()


@pytest.mark.parametrize(("text", "key"), [("111: {port: 1}", "111"), ("on: 8111", "True"), ("~: 1", "None")])
def test_a_key_that_is_no_text_is_told_as_no_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, key: str
) -> None:
    (file := tmp_path / "own.yaml").write_text(text)
    monkeypatch.setenv("IVR_CONFIG", str(file))
    with pytest.raises(SettingsError, match=rf"^{file}: {key}: no setting is called so$"):
        load()


def test_a_list_that_is_no_json_is_told_by_its_variable_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IVR_WITNESSES__MAIL", '["a@authority.example"]  # hourly')
    with pytest.raises(SettingsError, match=r"^IVR_WITNESSES__MAIL: .*JSON.*Extra data") as told:
        load()
    assert "authority" not in str(told.value)


def test_a_mapping_in_the_environment_takes_the_place_of_the_file_s_and_one_key_of_it_is_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else a second hotline on the same file rings the officials, and asks the registry, of the first."""
    (file := tmp_path / "own.yaml").write_text(
        'calls: {services: {"122": flood}}\n'
        "enquiries: {hosts: {api.example.ir: {number: true}}}\n"
        'meetings: {extensions: {"201": PJSIP/201}}\n'
        "notify: {sms: {headers: {X-Key: one}}}\n"
        "recognition: {models: {fa: /models/fa}}\n"
    )
    monkeypatch.setenv("IVR_CONFIG", str(file))
    wholes = ("ENQUIRIES__HOSTS", "MEETINGS__EXTENSIONS", "NOTIFY__SMS__HEADERS", "RECOGNITION__MODELS")
    for name in wholes:
        monkeypatch.setenv(f"IVR_{name}", "{}")
    monkeypatch.setenv("IVR_CALLS__SERVICES", '{"1190": "flood"}')
    found = load()
    emptied = (found.enquiries.hosts, found.meetings.extensions, found.notify.sms.headers)
    assert not any(emptied) and found.recognition.models == {} and found.calls.services == {"1190": "flood"}
    monkeypatch.delenv("IVR_ENQUIRIES__HOSTS")
    monkeypatch.setenv("IVR_ENQUIRIES", '{"hosts": {"a.example.ir": {}}}')
    monkeypatch.delenv("IVR_NOTIFY__SMS__HEADERS")
    monkeypatch.setenv("IVR_NOTIFY", '{"sms": {"headers": {}}}')
    found = load()
    assert found.enquiries.hosts.keys() == {"a.example.ir"} and found.notify.sms.headers == {}
    for name in ("ENQUIRIES", "NOTIFY", "MEETINGS__EXTENSIONS", "RECOGNITION__MODELS", "CALLS__SERVICES"):
        monkeypatch.delenv(f"IVR_{name}")
    monkeypatch.setenv("IVR_CALLS__SERVICES__1190", "flood")
    found = load()
    assert found.calls.services == {"122": "flood", "1190": "flood"}
    assert found.meetings.extensions == {"201": "PJSIP/201"} and found.enquiries.hosts.keys() == {
        "api.example.ir"
    }


def test_a_file_of_ones_own_is_there_and_needs_to_hold_only_what_differs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped, own = load(), tmp_path / "own.yaml"
    monkeypatch.setenv("IVR_CONFIG", str(own))
    with pytest.raises(SettingsError, match=r"^IVR_CONFIG: .*own\.yaml is no file$"):
        load()
    own.touch()
    assert load() == shipped
    own.write_text("calls: {extension: '1111'}\nprovince: {seed: db/seed/other}\n", encoding="utf-8")
    found = load()
    assert (found.calls.extension, found.calls.menu) == ("1111", "111")
    assert found.seed_path == ROOT / "db" / "seed" / "other"


@pytest.mark.parametrize("given", ["", ".", "var/..", str(ROOT)])
def test_the_state_is_never_put_into_the_checkout_itself(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("IVR_STATE", given)
    says = rf"state \(or IVR_STATE\): .*must name a folder.*, got {given!r}$"
    with pytest.raises(SettingsError, match=says) as told:
        load()
    assert "\n" not in str(told.value)


def test_no_value_of_an_environment_file_has_a_comment_behind_it() -> None:
    """To systemd it is part of the value."""
    text = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    assert not re.findall(r"^IVR_\w+=.*[ \t]#.*", text, re.MULTILINE)


def test_the_hotline_of_a_drill_reaches_nobody_though_it_has_the_settings_of_the_live_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (live := tmp_path / "live.yaml").write_text(
        "notify: {sms: {by: console}, email: {host: mail.example}, webhook_secret: hunter2}\n"
        "callbacks: {dial: 'PJSIP/{number}@trunk'}\n"
        "witnesses: {file: /mnt/roots, mail: [a@authority.example], webhook: ['https://authority.example']}\n"
        "recordings_store: {url: 's3://bucket/words'}\nami: {host: 10.0.0.1}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("IVR_CONFIG", str(live))
    text = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    for name, value in re.findall(r"^(IVR_\w+)=(.*)$", text.partition("**The drill**")[2], re.MULTILINE):
        monkeypatch.setenv(name, "".join(shlex.split(value)))
    found = load()
    ways, roots = found.notify, found.witnesses
    assert not any((ways.sms.by, ways.email.host, ways.webhook_secret, found.callbacks.dial))
    assert not any((roots.file, roots.mail, roots.webhook, found.recordings_store.url))
    assert found.ami.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("notify: {sms: {ok_pattern: '('}}", r"notify\.sms .*ok_pattern is no regular expression"),
        ("notify: {sms: {of_us_pattern: '('}}", r"notify\.sms .*of_us_pattern is no regular expression"),
        ("notify: {sms: {ok_field: status}}", r"notify\.sms .*ok_field and ok_value go together"),
        ("notify: {sms: {ok_value: '1'}}", r"notify\.sms .*ok_field and ok_value go together"),
        ("log_level: debug", "log_level .*'DEBUG', 'INFO'"),
        ("province: {timezone: Asia/Tehrn}", r"province\.timezone .*no time zone is called so"),
        ("province: {weekend: [7]}", r"province\.weekend\.0 .*less than or equal to 6"),
        ("province: {weekend: [0, 1, 2, 3, 4, 5, 6]}", r"province\.weekend .*no working day is left"),
        ("calls: {languages: []}", r"calls\.languages .*at least 1 item"),
        ("agi: {allow: [10.0.0.0/33]}", r"agi\.allow .*'10\.0\.0\.0/33'"),
        ("rtp: {start: 20999, end: 20000}", "rtp .*start must be lower than end"),
        ("callbacks: {gaps_hours: [-3]}", r"callbacks\.gaps_hours\.0 .*greater than or equal to 0"),
        ("callbacks: {gaps_hours: [.inf]}", r"callbacks\.gaps_hours\.0 .*less than or equal to 100000"),
        (
            "callbacks: {verify_per_caller_per_day: 0}",  # answers to given numbers waited for ever, unseen
            r"callbacks\.verify_per_caller_per_day .*greater than or equal to 1",
        ),
        (
            "callbacks: {verify_per_channel_per_day: 0}",
            r"callbacks\.verify_per_channel_per_day .*greater than or equal to 1",
        ),
        ("callbacks: {verify_days: 1e9}", r"callbacks\.verify_days .*less than or equal to 100000"),
        ("web: {session_hours: 1e9}", r"web\.session_hours .*less than or equal to 100000"),
        ("web: {idle_minutes: .inf}", r"web\.idle_minutes .*less than or equal to 100000"),
        ("witnesses: {every_minutes: 1e12}", r"witnesses\.every_minutes .*less than or equal to 100000"),
        ("calls: {repeat_days: 999999}", r"calls\.repeat_days .*less than or equal to 100000, got 999999"),
        ("calls: {wrong_codes_minutes: 9999999999}", r"calls\.wrong_codes_minutes .*100000"),
        ("calls: {cases_per_day: 99999999999}", r"calls\.cases_per_day .*less than or equal to 100000"),
        ("web: {port: 8112}\nweb: {idle_minutes: 5}\n", r"config\.yaml:2: web stands twice$"),
        ("calls:\n  menu: a\n  menu: b\n", r"config\.yaml:3: menu stands twice$"),
        ("callbacks: {opens: 10:00, closes: '18:30'}", r"config\.yaml:1: opens: .*, or put it in quotes$"),
        ("callbacks: {closes: 1200}", r"callbacks\.closes .*in quotes: \"09:00\", got 1200"),
        ("web:\n  session_hours: 8:30\n", r"config\.yaml:2: session_hours: a number like 8:30 .* write 8\.5"),
        ("callbacks:\n  gaps_hours: [3, 2:30]\n", r"config\.yaml:2: gaps_hours: a number like 8:30"),
        ("calls: {repeat_days: 015}", r"config\.yaml:1: repeat_days: a number like 8:30 or 015"),
    ],
)
def test_what_could_not_work_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, says: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(given, encoding="utf-8")
    monkeypatch.setenv("IVR_CONFIG", str(file))
    with pytest.raises(SettingsError, match=says):
        load()


def test_a_file_may_have_anchors_and_merge_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "sip: &at {host: 127.0.0.2}\nws: {<<: *at, port: 8189}\nami: {<<: *at}\n", encoding="utf-8"
    )
    monkeypatch.setenv("IVR_CONFIG", str(file))
    found = load()
    assert (found.sip.host, found.ws.host, found.ami.host) == ("127.0.0.2",) * 3


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"IVR_NOTIFY__SMS__BY": "http", "IVR_NOTIFY__SMS__URL": "sms.example"}, "gateway's https address"),
        ({"IVR_NOTIFY__SMS__SECRT": "hunter2"}, "Extra inputs are not permitted"),
        ({"IVR_NOTIFY": '{"email": {"password": ["hunter2"]}}'}, "valid string"),
    ],
)
def test_no_mistake_beside_a_secret_tells_it(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], says: str
) -> None:
    for name, value in ({"IVR_NOTIFY__SMS__SECRET": "hunter2"} | settings).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=says) as told:
        load()
    assert "hunter2" not in str(told.value)


def test_a_file_with_a_mistake_in_a_group_tells_none_of_its_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("notify: {webhook_secret: 12345, sms: [hunter2]}\n", encoding="utf-8")
    monkeypatch.setenv("IVR_CONFIG", str(file))
    with pytest.raises(SettingsError, match="webhook_secret") as told:
        load()
    assert "12345" not in str(told.value) and "hunter2" not in str(told.value)


def test_each_secret_is_known_by_its_name() -> None:
    groups: list[type[Settings] | type[SettingsGroup]] = [Settings, *SettingsGroup.__subclasses__()]
    hidden = [name for group in groups for name, field in group.model_fields.items() if not field.repr]
    assert len(hidden) >= 10 and all(name.endswith(SECRETS) for name in hidden)
