"""What is rendered for Asterisk, read as text; that Asterisk loads it is tested in tests/lab."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from ivr.asterisk.dialplan import PROMPTS, QUEUE_NUMBERS, DialplanError, Secrets, render
from ivr.cases import phone
from ivr.installation import catalogue
from ivr.settings import Address, Agi, AmiAccount, BrowserPhone, Callbacks, Calls, Settings, Sip
from ivr.voice.saying import dictated

Kind = Literal["lab", "production"]
KINDS: tuple[Kind, ...] = ("lab", "production")
SECRETS = Secrets(
    agi="agi-secret", ami="ami-secret", originate="originate-secret", sip="sip-secret", desk="desk-secret"
)


def rendered(kind: Kind, tmp_path: Path, settings: Settings | None = None, secrets: Secrets = SECRETS) -> str:
    settings = settings or Settings(state=tmp_path / "state")
    return "\n".join(path.read_text() for path in render(kind, settings, secrets, tmp_path / "etc"))


def section(text: str, name: str) -> str:
    found = re.search(rf"^\[{re.escape(name)}\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S)
    assert found, f"no section [{name}]"
    return found[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_inbound_context_holds_the_number_and_the_end(kind: Kind, tmp_path: Path) -> None:
    inbound = section(rendered(kind, tmp_path), "seda111-inbound")
    assert re.findall(r"^exten => (\w+),", inbound, re.M) == ["111", "h"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_number_of_a_service_is_handed_over_with_its_name(kind: Kind, tmp_path: Path) -> None:
    calls = Calls(services={"122": "122", "1190": "flood"})
    text = rendered(kind, tmp_path, Settings(state=tmp_path / "state", calls=calls))
    inbound = section(text, "seda111-inbound")
    assert re.findall(r"^exten => (\w+),1,Set\(IVR_SERVICE=\$\{EXTEN\}\)", inbound, re.M) == [
        "111",
        "122",
        "1190",
    ]
    assert set(re.findall(r"agi://[^/]+/([^,]+),", section(text, "seda111-call"))) == {"${IVR_SERVICE}"}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_dials_out_or_runs_a_program(kind: Kind, tmp_path: Path) -> None:
    text = rendered(kind, tmp_path)
    assert not re.search(r"\b(Dial|Originate|System|TrySystem|SHELL|Transfer|include|switch)\s*(\(|=>)", text)
    targets = re.findall(r"Goto\(([^,)]+),[^,)]+,", text)
    assert set(targets) == {"seda111-call", "seda111-fallback", "seda111-inbound", "seda111-supervisor"}


LASTS = re.compile(r"(?:AGI|Playback|Record|SendDTMF|Wait)\(")


def lasting(text: str) -> dict[tuple[str, str, int], str]:
    """Where the applications stand that a call may be in for seconds, each with its name."""
    found: dict[tuple[str, str, int], str] = {}
    for context, lines in re.findall(r"^\[(seda111-\w+)\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S):
        exten, priority, alone = "", 0, True  # `alone`: nothing else stands before it in its extension
        for begins, does in re.findall(r"^(?:exten => (\w+),1| same => n(?:\(\w+\))?),(.+)", lines, re.M):
            exten, priority, alone = (begins, 1, True) if begins else (exten, priority + 1, alone)
            if lasts := LASTS.match(does):
                assert alone, f"what stands before it may come and go: {context}, {exten}, {does}"
                found[context, exten, priority] = lasts[0]
            alone = bool(lasts) and alone
    return found


def test_what_a_call_may_be_in_while_the_dialplan_is_reloaded_stands_in_the_same_place_in_every_rendering(
    tmp_path: Path,
) -> None:
    state, others = tmp_path / "state", (Address(host="10.0.0.2"), Address(host="10.0.0.3"))
    plain = lasting(rendered("lab", tmp_path, Settings(state=state)))
    full = Settings(
        state=state, second_volume=str(tmp_path / "disk"), agi=Agi(others=others),
        callbacks=Callbacks(dial="PJSIP/{number}@trunk"),
    )  # fmt: skip
    added = lasting(rendered("lab", tmp_path, full)).items() - plain.items()
    assert lasting(rendered("lab", tmp_path, full)).items() >= plain.items()
    assert {exten for (_, exten, _), _ in added} == {"carry2", "carry3"}
    assert plain["seda111-fallback", "record", 1] == "Record("
    assert plain["seda111-call", "carry", 1] == plain["seda111-callback", "carry", 1] == "AGI("


@pytest.mark.parametrize("kind", KINDS)
def test_the_names_of_places_can_not_be_dialled(kind: Kind, tmp_path: Path) -> None:
    text = rendered(kind, tmp_path)
    for context in ("seda111-inbound", "seda111-desk"):  # all that an endpoint has
        assert not {"carry", "away", "over", "record"} & set(re.findall(r"=> (\w+)", section(text, context)))
    assert set(re.findall(r"^context = (.*)$", text, re.M)) <= {"seda111-inbound", "seda111-desk"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_wish_for_privacy_is_read_alike_under_chan_sip_and_pjsip_by_the_functions_of_each(
    kind: Kind, tmp_path: Path
) -> None:
    call = section(rendered(kind, tmp_path), "seda111-call")
    begins = 'GotoIf($["${CHANNEL(channeltype)}" = "PJSIP"]?pjsip)\n'
    begins += ' same => n,GotoIf($["${CHANNEL(channeltype)}" != "SIP"]?told)\n'
    chan_sip, pjsip = call.partition(begins)[2].split(" same => n,Goto(told)\n same => n(pjsip),NoOp()\n", 1)
    assert chan_sip.count("?private)") == 2 and "PJSIP" not in chan_sip
    assert pjsip.startswith(chan_sip.replace("{SIP_HEADER(", "{PJSIP_HEADER(read,"))
    assert "{SIP_HEADER(" not in pjsip


@pytest.mark.parametrize("kind", KINDS)
def test_the_fallback_asks_ivr_done_and_never_agistatus(kind: Kind, tmp_path: Path) -> None:
    call = section(rendered(kind, tmp_path), "seda111-call")
    commands = "\n".join(line for line in call.splitlines() if not line.startswith(";"))
    assert "AGISTATUS" not in commands
    assert commands.index("AGI(agi://127.0.0.1:4573/${IVR_SERVICE},agi-secret)") < commands.index(
        '"${IVR_DONE}" = "1"'
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_manager_accounts_have_what_the_design_says(kind: Kind, tmp_path: Path) -> None:
    text = rendered(kind, tmp_path)
    watcher, caller = section(text, "ivr"), section(text, "ivr-originate")
    assert re.findall(r"^(read|write) = (.*)$", watcher, re.M) == [
        ("read", "system,call,user,cdr"),
        ("write", "call"),
    ]
    assert re.findall(r"^(read|write) = (.*)$", caller, re.M) == [("read", "call"), ("write", "originate")]
    seen = re.findall(r"^eventfilter = \^Event: (\w+)", caller, re.M)
    assert seen == ["OriginateResponse", "Hangup", "Newstate"]
    for account in (watcher, caller):
        assert "eventfilter = E" not in account  # would pass what a caller writes into her number
        assert "\neventfilter = ![[:cntrl:]]{3}[^[:cntrl:]]\n" in account  # nor what she ends an event with
        assert "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255" in account


def test_production_has_no_anonymous_endpoint_and_no_general_settings(tmp_path: Path) -> None:
    text = rendered("production", tmp_path)
    assert not re.search("anonymous(?!invalid)", text)  # but who says in From that she is
    assert "[general]" not in text  # that is the existing Asterisk's own
    assert re.search(r"type = identify\nendpoint = seda111-trunk\n(;.*\n)*match = ", text)


def test_rendering_again_leaves_the_operators_alone_whom_the_queue_includes(tmp_path: Path) -> None:
    (members := tmp_path / "etc" / "queues_seda111_members.conf").parent.mkdir()
    members.write_text("member => PJSIP/1001\n")
    operators = section(rendered("production", tmp_path), "operators")
    assert f"\n#tryinclude {members.name}\n" in operators
    assert members.read_text() == "member => PJSIP/1001\n"


def test_every_prompt_that_asterisk_plays_by_itself_is_in_the_catalogue(tmp_path: Path) -> None:
    prompts = catalogue(Settings())
    for language in Settings().calls.languages:
        assert prompts.ids(language) >= PROMPTS
    text = rendered("lab", tmp_path, Settings(state=tmp_path / "state", second_volume=str(tmp_path / "disk")))
    played = set(re.findall(r"(?:\$\{IVR_LANGUAGE\}|= seda111)/([\w/]+)", text))
    digits = {f"digit.{digit}" for digit in range(10)}
    spoken = {path.replace("/", ".") for path in played - {"digit/"}}
    assert "digit/" in played and spoken == PROMPTS - set(QUEUE_NUMBERS) - digits
    assert "announce-position-limit = 20\n" in text


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_hears_that_she_is_next_where_others_may_keep_a_place_before_her(
    kind: Kind, tmp_path: Path
) -> None:
    dials = Settings(state=tmp_path / "state", callbacks=Callbacks(dial="PJSIP/{number}@trunk"))
    queue = section(rendered(kind, tmp_path, dials), "operators")
    assert "announce-position = no\n" in queue and "announce-frequency" not in queue
    queue = section(rendered(kind, tmp_path), "operators")
    assert "announce-position = limit\n" in queue and "announce-frequency = 45\n" in queue


def test_the_dialplan_dictates_a_code_digit_by_digit_as_the_server_does(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    text, code = rendered("lab", tmp_path, settings), "4071938265"
    (spoken,) = re.findall(r"Playback\((\S+/code/is&\S+)\)", text)
    for at, digit in enumerate(code):
        spoken = spoken.replace(f"${{IVR_CHOSEN:{at}:1}}", digit)
    folder = f"{settings.sounds}/${{IVR_LANGUAGE}}/"
    ids = [path.removeprefix(folder).replace("/", ".") for path in spoken.split("&")]
    assert tuple(ids) == ("code.is", *dictated(code, "fa"))


def promised(tmp_path: Path) -> str:
    """The expression for numbers that are promised a call."""
    settings = Settings(state=tmp_path / "state", callbacks=Callbacks(dial="PJSIP/{number}@trunk"))
    fallback = section(rendered("lab", tmp_path, settings), "seda111-fallback")
    [expression] = re.findall(r'REGEX\("([^"]+)" \$\{FILTER\(0-9\+', fallback)
    return str(expression)


FORMS = (
    "09141234567", "9141234567", "989141234567", "+989141234567", "00989141234567", "04133334444", "33334444",
    "", "0912", "01", "0914123456", "091412345678", "+9891412345", "1333444", "13334444", "03334444", "110",
    "442079460123", "+442079460123", "00442079460123", "+33334444", "02133334444", "08733334444",
    "09011234567", "09221234567", "09901234567", "09091234567", "09291234567", "09501234567", "01012345678",
    "09712345678", "05012345678", "2025550123",
)  # fmt: skip


@pytest.mark.parametrize("number", FORMS)
def test_the_dialplan_promises_a_call_to_the_numbers_that_we_call(number: str, tmp_path: Path) -> None:
    assert (re.search(promised(tmp_path), number) is not None) == phone.is_callable(number, "041")


def test_the_dialplan_promises_a_call_to_each_block_without_a_wire_that_we_call_and_to_no_other(
    tmp_path: Path,
) -> None:
    expression = promised(tmp_path)
    lines = [f"094{line:04}7777" for line in range(5000)]  # subscribers' without a wire
    for number in (*(f"0{block}7777777" for block in range(900, 1000)), *lines, f"+98{lines[0][1:]}"):
        assert (re.search(expression, number) is not None) == phone.is_callable(number), number


def test_files_with_secrets_are_not_for_everybody(tmp_path: Path) -> None:
    for path in render("lab", Settings(state=tmp_path), SECRETS, tmp_path / "etc"):
        assert path.stat().st_mode & 0o007 == 0, path.name


@pytest.mark.parametrize("evil", ["a\nb", "a\rb", "a\0b", "a;b", "a,b", "${SHELL(id)}", "a]", 'a"', "a\x7f"])
def test_a_value_that_could_say_more_than_itself_is_refused(tmp_path: Path, evil: str) -> None:
    with pytest.raises(DialplanError, match=r"secrets\.agi"):
        rendered("lab", tmp_path, secrets=Secrets(agi=evil, ami="a", originate="b", sip="c", desk="d"))
    with pytest.raises(DialplanError, match="extension"):
        rendered("lab", tmp_path, Settings(state=tmp_path, calls=Calls(extension=evil)))
    with pytest.raises(DialplanError, match=r"ami\.username"):
        rendered("lab", tmp_path, Settings(state=tmp_path, ami=AmiAccount(username=evil)))
    assert not (tmp_path / "etc").exists()


def test_other_servers_are_asked_in_their_order_and_may_not_say_more_than_an_address(tmp_path: Path) -> None:
    agi = Agi(others=(Address(host="10.0.0.2"), Address(host="fd00::3", port=4574)))
    call = section(rendered("production", tmp_path, Settings(state=tmp_path, agi=agi)), "seda111-call")
    assert re.findall(r"agi://([^/]+)/", call) == ["127.0.0.1:4573", "10.0.0.2:4573", "[fd00::3]:4574"]
    assert call.count("AGISTATUS") == 2
    with pytest.raises(DialplanError, match=r"agi\.others\.0\.host"):
        evil = Agi(others=(Address(host="10.0.0.2)\n same => n,System(id"),))
        rendered("lab", tmp_path, Settings(state=tmp_path, agi=evil))


@pytest.mark.parametrize("kind", KINDS)
def test_servers_on_other_machines_may_log_in_to_the_manager_and_nobody_else(
    kind: Kind, tmp_path: Path
) -> None:
    agi = Agi(host="10.0.0.2", others=(Address(host="fd00::3"), Address(host="127.0.0.1", port=4574)))
    text = rendered(kind, tmp_path, Settings(state=tmp_path, agi=agi))
    for account in (section(text, "ivr"), section(text, "ivr-originate")):
        permitted = re.findall(r"^permit = (.*)$", account, re.M)
        denied = re.findall(r"^deny = (.*)$", account, re.M)
        assert denied == ["0.0.0.0/0.0.0.0", "::/0"], "what is said of IPv4 lets every IPv6 address in"
        assert permitted == ["127.0.0.1/255.255.255.255", "::1/128", "10.0.0.2/32", "fd00::3/128"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_with_a_name_is_asked_as_ever_and_the_accounts_say_that_it_is_not_let_in(
    kind: Kind, tmp_path: Path
) -> None:
    named = Agi(others=(Address(host="seda.example"), Address(host="localhost")))
    text = rendered(kind, tmp_path, Settings(state=tmp_path, agi=named))
    assert "agi://seda.example:4573/" in text
    for account in (section(text, "ivr"), section(text, "ivr-originate")):
        assert "permit = seda" not in account and "Not let in: seda.example is a name" in account


@pytest.mark.parametrize(
    ("others", "listens"), [((), "127.0.0.1"), (("10.0.0.2",), "0.0.0.0"), (("10.0.0.2", "fd00::3"), "::")]
)
def test_the_manager_is_to_listen_where_the_servers_come_from(
    tmp_path: Path, others: Sequence[str], listens: str
) -> None:
    agi = Agi(others=tuple(Address(host=host) for host in others))
    text = rendered("production", tmp_path, Settings(state=tmp_path, agi=agi))
    assert f"bindaddr = {listens} and port" in text


def test_an_ipv6_address_is_written_in_brackets(tmp_path: Path) -> None:
    assert "agi://[::1]:4573/${IVR_SERVICE}" in rendered(
        "lab", tmp_path, Settings(state=tmp_path, agi=Agi(host="::1"))
    )


def test_rendering_again_gives_the_same(tmp_path: Path) -> None:
    assert rendered("lab", tmp_path) == rendered("lab", tmp_path)


def test_the_trunk_is_known_by_the_configured_addresses(tmp_path: Path) -> None:
    sip = Sip(trunk=("192.0.2.7", "198.51.100.0/24"))
    text = rendered("production", tmp_path, Settings(state=tmp_path / "state", sip=sip))
    assert re.findall(r"^match = (.*)$", text, re.M) == list(sip.trunk)
    broken = Sip(trunk=("192.0.2.7\nmatch = 0.0.0.0/0",))
    with pytest.raises(DialplanError, match=r"sip\.trunk\.0"):
        rendered("production", tmp_path, Settings(state=tmp_path / "state", sip=broken))


def test_a_gateway_with_an_address_of_its_own_is_asked_whether_it_lives(tmp_path: Path) -> None:
    sip = Sip(trunk=("192.0.2.7", "198.51.100.0/24", "2001:db8::7"))
    text = rendered("production", tmp_path, Settings(state=tmp_path / "state", sip=sip))
    assert re.findall(r"^contact = (.*)$", text, re.M) == ["sip:192.0.2.7", "sip:[2001:db8::7]"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("whose", "phones"),
    [
        ("", []),
        ("nobody", []),
        ("supervisors", ["seda111-desk"]),
        ("everyone", ["seda111-phone", "seda111-desk"]),
    ],
)
def test_a_telephone_in_the_browser_is_off_unless_wanted_and_a_citizens_is_for_the_lab(
    kind: Kind, whose: Literal["", "nobody", "supervisors", "everyone"], phones: list[str], tmp_path: Path
) -> None:
    settings = Settings(state=tmp_path / "state", browser_phone=BrowserPhone(whose=whose))
    text = rendered(kind, tmp_path, settings)
    expected = phones if kind == "lab" else [name for name in phones if name != "seda111-phone"]
    found = dict(re.findall(r"^\[([\w-]+)\]\ntype = endpoint\n(webrtc = yes.*?)(?=^\[)", text, re.M | re.S))
    assert list(found) == expected
    for name, telephone in found.items():
        context = "seda111-desk" if name == "seda111-desk" else "seda111-inbound"
        assert f"context = {context}\n" in telephone and "aors" not in telephone
    assert ("desk-secret" in text) == ("seda111-desk" in expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_supervisors_telephone_reaches_the_number_and_what_a_code_stands_for(
    kind: Kind, tmp_path: Path
) -> None:
    desk = section(rendered(kind, tmp_path), "seda111-desk")
    assert re.findall(r"^exten => (\w+),", desk, re.M) == ["111", "_8XXXXXXXX", "h"]
    assert (
        "exten => _8XXXXXXXX,1,Set(IVR_DIALLED=${EXTEN:1})\n same => n,Goto(seda111-supervisor,s,1)" in desk
    )
    carried = section(rendered(kind, tmp_path), "seda111-supervisor")
    assert "AGI(agi://127.0.0.1:4573/supervisor,agi-secret,supervisor,${IVR_DIALLED})" in carried
