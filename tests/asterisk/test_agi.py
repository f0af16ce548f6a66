"""The AGI codec: every reply form of res_agi.c, and nothing that can upset it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.agi import (
    COMMAND_BYTES,
    AgiCodec,
    AgiEvent,
    Broken,
    Environment,
    Hangup,
    Reply,
    StrayLine,
    command,
)

HEADER = (
    b"agi_network: yes\nagi_callerid: 02155500111\nagi_context: in\nagi_accountcode: \n"
    b"agi_arg_1: s3\nagi_arg_2: \n\n"
)
# The order in which Asterisk writes a header; a telephone can put anything behind these two.
KNOWN = b"agi_network: yes\nagi_channel: PJSIP/trunk-1\nagi_uniqueid: 1.2\n"
SAID = b"agi_callingpres: 32\nagi_callingani2: 0\nagi_dnid: 111\nagi_rdnis: unknown\n"
ROUTED = b"agi_context: in\nagi_extension: s\nagi_accountcode: \nagi_arg_1: s3\n\n"


def events(*pieces: bytes, header: bytes = HEADER, **limits: int) -> list[AgiEvent]:
    codec = AgiCodec(**limits)
    return [event for piece in (header, *pieces) for event in codec.feed(piece)]


def replies(*pieces: bytes) -> list[AgiEvent]:
    return events(*pieces)[1:]


def test_the_header_becomes_variables_and_arguments() -> None:
    [environment] = events()
    assert isinstance(environment, Environment)
    assert environment.variables["agi_callerid"] == "02155500111"
    assert environment.variables["agi_accountcode"] == ""
    assert environment.arguments == ("s3", "")
    assert dict(environment.variables.without("agi_arg_1")) == {
        "agi_network": "yes", "agi_callerid": "02155500111", "agi_context": "in", "agi_accountcode": "",
        "agi_arg_2": "",
    }  # fmt: skip
    assert len(environment.variables) == 6 and "agi_nothing" not in environment.variables


@pytest.mark.parametrize(
    "name",
    ["مریم رضایی".encode(), b"\xff\xfe\x80broken", b'"; DROP TABLE calls; --', b"a: b: c", b"  two  blanks "],
)
def test_a_caller_name_arrives_byte_for_byte(name: bytes) -> None:
    [environment] = events(header=KNOWN + b"agi_calleridname: " + name + b"\n" + SAID + ROUTED)
    assert isinstance(environment, Environment)
    assert environment.variables["agi_calleridname"].encode("utf-8", "surrogateescape") == name
    assert environment.variables["agi_uniqueid"] == "1.2"


@pytest.mark.parametrize("place", ["number", "name"])
def test_a_line_break_from_a_telephone_reaches_no_argument_and_nothing_that_asterisk_says(place: str) -> None:
    smuggled = b"\n".join(
        b"9|agi_arg_1: s3|agi_arg_2: supervisor|agi_arg_3: 12345678|agi_uniqueid: 9.9"
        b"|agi_channel: PJSIP/desk-1|agi_context: desk|agi_extension: 8|free".split(b"|")
    )
    number, name = (smuggled, b"Sara") if place == "number" else (b"09141110000", smuggled)
    header = KNOWN + b"agi_callerid: %s\nagi_calleridname: %s\n" % (number, name) + SAID + ROUTED
    [environment] = events(header=header)
    assert isinstance(environment, Environment)
    assert environment.arguments == ("s3",)
    assert {name: environment.variables[name] for name in ("agi_uniqueid", "agi_channel", "agi_context")} == {
        "agi_uniqueid": "1.2", "agi_channel": "PJSIP/trunk-1", "agi_context": "in"
    }  # fmt: skip
    assert environment.variables["agi_extension"] == "s"
    assert not {"agi_arg_2", "agi_arg_3"} & set(environment.variables)


def test_who_calls_is_unknown_where_a_line_break_says_it_twice() -> None:
    smuggled = b"agi_callerid: 1\nagi_calleridname: x\nagi_callingpres: 0\nagi_callerid: 09141110000\n"
    [environment] = events(header=KNOWN + smuggled + SAID + ROUTED)
    assert isinstance(environment, Environment)
    assert "agi_callerid" not in environment.variables and "agi_callingpres" not in environment.variables
    assert environment.variables["agi_calleridname"] == "x"
    assert sorted(environment.variables) == sorted(set(environment.variables))


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"200 result=0", Reply(200, "0")),
        (b"200 result=", Reply(200, "")),
        (b"200 result= (timeout)", Reply(200, "", "timeout")),
        (b"200 result=12 (timeout)", Reply(200, "12", "timeout")),
        (b"200 result=1 (a value)", Reply(200, "1", "a value")),
        (b"200 result=1 ()", Reply(200, "1", "")),
        (b"200 result=1 (a) b (c) endpos=5)", Reply(200, "1", "a) b (c) endpos=5")),
        (b"200 result=0 endpos=8000", Reply(200, "0", None, 8000)),
        (b"200 result=-1 (hangup) endpos=16160", Reply(200, "-1", "hangup", 16160)),
        (b"200 result=35 (dtmf) endpos=0", Reply(200, "35", "dtmf", 0)),
        (b"200 result=0 (randomerror) endpos=0", Reply(200, "0", "randomerror", 0)),
        (b"200 result=1 (never closed", Reply(200, "1", "never closed")),
        (b"200 result=0 endpos=x", Reply(200, "0")),
        (b"510 Invalid or unknown command", Reply(510, text="Invalid or unknown command")),
        (
            b"511 Command Not Permitted on a dead channel or intercept routine",
            Reply(511, text="Command Not Permitted on a dead channel or intercept routine"),
        ),
        (
            b"520 Invalid command syntax.  Proper usage not available.",
            Reply(520, text="Invalid command syntax.  Proper usage not available."),
        ),
        ("200 result=1 (سلام)".encode(), Reply(200, "1", "سلام")),
    ],
)
def test_every_form_of_reply(line: bytes, reply: Reply) -> None:
    assert replies(line + b"\n") == [reply]


def test_a_usage_text_is_one_reply_whatever_lines_it_holds() -> None:
    usage = b"520-Invalid command syntax.  Proper usage follows:\n Usage: HANGUP\nHANGUP\n200 result=0\n\n"
    [reply, after] = replies(usage, b"520 End of proper usage.\n200 result=1\n")
    assert isinstance(reply, Reply)
    assert reply.code == 520 and reply.text.startswith("520-Invalid") and reply.text.endswith("usage.")
    assert after == Reply(200, "1")


def test_an_endless_usage_text_is_held_only_up_to_the_limit() -> None:
    codec = AgiCodec(line_bytes=1024)
    assert len(list(codec.feed(HEADER + b"520-so:\n"))) == 1
    for _ in range(1000):
        assert not list(codec.feed(b"x" * 100 + b"\n"))
    [reply] = codec.feed(b"520 End of proper usage.\n")
    assert isinstance(reply, Reply) and len(reply.text) < 1300


def test_a_hangup_before_after_and_between_replies_is_an_event_of_its_own() -> None:
    assert replies(b"HANGUP\n200 result=0\n") == [Hangup(), Reply(200, "0")]
    assert replies(b"200 result=0\nHANGUP\nHANGUP\n") == [Reply(200, "0"), Hangup(), Hangup()]


def test_what_is_no_reply_is_a_stray_line() -> None:
    lines = ["hello", "", "20 result=1", "2000"]
    assert replies(*(line.encode() + b"\n" for line in lines)) == [StrayLine(line) for line in lines]


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"\n", b"agx", b"HANGUP\n"])
def test_what_is_not_agi_is_refused_at_its_first_wrong_byte(start: bytes) -> None:
    [broken] = events(header=start)
    assert isinstance(broken, Broken) and "agi_" in broken.reason


def test_nothing_comes_after_broken() -> None:
    codec = AgiCodec()
    assert len(list(codec.feed(b"nonsense"))) == 1
    assert not list(codec.feed(HEADER)) and not list(codec.feed(b"200 result=0\n"))


@pytest.mark.parametrize("room", [len(HEADER) - 2, len(HEADER) - 3])
def test_the_header_limit_is_exact_however_it_arrives(room: int) -> None:
    whole = events(header_bytes=room)
    codec = AgiCodec(header_bytes=room)
    assert [e for n in range(len(HEADER)) for e in codec.feed(HEADER[n : n + 1])] == whole
    assert isinstance(whole[0], Environment if room == len(HEADER) - 2 else Broken)


def test_a_line_over_the_limit_breaks_after_the_lines_before_it() -> None:
    found = events(b"200 result=0\n" + b"y" * 1025 + b"\n200 result=0\n", line_bytes=1024)[1:]
    assert found[0] == Reply(200, "0") and isinstance(found[1], Broken) and len(found) == 2
    assert isinstance(events(b"z" * 1025, line_bytes=1024)[1], Broken)


LINES = st.lists(
    st.sampled_from(
        [
            b"200 result=0\n", b"200 result=1 (v)\n", b"200 result= (timeout)\n",
            b"200 result=9 (x) endpos=9\n", b"HANGUP\n",
            b"510 no\n", b"520-Usage:\n", b" text\n", b"520 End.\n", b"\n", "سلام\n".encode(),
            b"\xff\n", b"w" * 60 + b"\n", b"v" * 70 + b"\n",
        ]
    )
    | st.binary(max_size=80),
    max_size=12,
)  # fmt: skip


def cut(whole: bytes, at: Iterable[int]) -> list[bytes]:
    places = sorted({place % (len(whole) + 1) for place in at})
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


@settings(max_examples=300, deadline=None)
@given(st.booleans(), LINES, st.lists(st.integers(min_value=0, max_value=5000), max_size=12))
def test_any_split_gives_the_same_events(proper: bool, lines: list[bytes], at: list[int]) -> None:
    whole = (HEADER if proper else b"") + b"".join(lines)
    together = AgiCodec(header_bytes=200, line_bytes=64)
    expected = list(together.feed(whole))
    split = AgiCodec(header_bytes=200, line_bytes=64)
    assert [event for piece in cut(whole, at) for event in split.feed(piece)] == expected
    one_by_one = AgiCodec(header_bytes=200, line_bytes=64)
    assert [e for n in range(len(whole)) for e in one_by_one.feed(whole[n : n + 1])] == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20), st.booleans())
def test_no_bytes_make_it_raise_or_hold_more_than_its_limits(pieces: list[bytes], proper: bool) -> None:
    codec = AgiCodec(header_bytes=64, line_bytes=64)
    for piece in ([HEADER[-40:]] if proper else []) + pieces:
        for event in codec.feed(piece):
            assert isinstance(event, Environment | Reply | Hangup | StrayLine | Broken)
        assert len(codec._rest) <= 66  # what it holds back is its memory, which nothing outside tells


def asterisk_reads(line: bytes) -> list[str]:
    """parse_args of res_agi.c, word for word."""
    words: list[bytearray] = []
    quoted = escaped = False
    blank = True
    for byte in line:
        char = chr(byte)
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and blank:
                words.append(bytearray())
                blank = False
            continue
        if char in " \t" and not quoted and not escaped:
            blank = True
            continue
        if char == "\\" and not escaped:
            escaped = True
            continue
        if blank:
            words.append(bytearray())
            blank = False
        words[-1].append(byte)
        escaped = False
    return [word.decode("utf-8", "surrogateescape") for word in words]


@given(st.lists(st.text(max_size=40).filter(lambda t: not set(t) & set("\r\n\0")), max_size=5))
def test_asterisk_reads_each_argument_as_it_was_meant(arguments: list[str]) -> None:
    line = command("EXEC", *arguments)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert asterisk_reads(line[:-1]) == ["EXEC", *arguments]


@pytest.mark.parametrize("bad", ["a\nSET VARIABLE X 1", "a\rb", "a\0b", "\n"])
def test_an_argument_that_could_become_a_second_command_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        command("SET", "VARIABLE", "NAME", bad)


def test_a_line_longer_than_asterisk_takes_is_refused() -> None:
    command("EXEC", "Playback", "x" * (COMMAND_BYTES - len("EXEC Playback ")))
    with pytest.raises(ValueError, match="2001 bytes"):
        command("EXEC", "Playback", "x" * (COMMAND_BYTES - len("EXEC Playback ") + 1))
