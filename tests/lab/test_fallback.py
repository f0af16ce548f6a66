"""The dialplan alone, on a real Asterisk with SIP callers: our server is away, dies, or does its work."""

from __future__ import annotations

import asyncio
import re
import shutil
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ivr.asterisk.ami import Ami
from ivr.asterisk.dialplan import render
from ivr.cases import phone
from ivr.lab.asterisk import Program
from ivr.lab.callee import Callee
from ivr.lab.caller import Beep, CallerReport, Hear, Listen, Press, PutDown, Speak, StayOn
from ivr.lab.media import is_beep
from ivr.lab.pace import patience
from ivr.lab.ports import free
from ivr.settings import Address
from ivr.store.room import STEP_BYTES, ballast_of
from ivr.voice.wave import Measured, measure
from tests.asterisk.test_dialplan import FORMS, promised
from tests.fixtures.hotline import SOUNDS, Pbx, fresh_number, running_pbx, told, write_tone
from tests.fixtures.small_disk import SmallDisk

Talk = Callable[["Agi"], Awaitable[None]]


class Agi:
    """The server's side of one call, as the test plays it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.header: dict[str, str] = {}

    async def read_header(self) -> None:
        while line := (await self.reader.readline()).decode(errors="replace").strip():
            key, _, value = line.partition(": ")
            self.header[key] = value

    async def send(self, line: str) -> str:
        self.writer.write(f"{line}\n".encode())
        return (await self.reader.readline()).decode().strip()


@asynccontextmanager
async def server(pbx: Pbx, talk: Talk, port: int = 0) -> AsyncIterator[list[Agi]]:
    """Answers calls with `talk`; afterwards nobody listens again."""
    calls: list[Agi] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agi = Agi(reader, writer)
        calls.append(agi)
        try:
            await agi.read_header()
            await talk(agi)
        finally:
            writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", port or pbx.settings.agi.port)
    try:
        yield calls
    finally:
        listening.close()


def seconds(path: Path) -> float:
    with wave.open(str(path)) as sound:
        return float(sound.getnframes() / sound.getframerate())


async def closed(path: Path) -> Measured:
    """Once Asterisk has written how long it is: a caller knows sooner that she has hung up."""
    async with asyncio.timeout(patience(30)):
        while not any(path.read_bytes()[40:44]):
            await asyncio.sleep(0.05)  # another process: no event
    return measure(path.read_bytes())


@pytest.fixture(autouse=True)
def no_earlier_fallbacks(pbx: Pbx) -> None:
    for path in pbx.fallbacks:
        path.unlink()


async def test_without_a_server_the_dialplan_records_and_thanks(pbx: Pbx) -> None:
    number = fresh_number()
    outcome = await pbx.call(Beep(), Speak(3), Press("#"), Listen(), StayOn(), number=number)
    assert outcome.completed, outcome
    assert outcome.ended_by == "hotline"
    [kept] = pbx.fallbacks
    assert re.fullmatch(rf"\d{{10}}_{number}_\d{{9}}_~fa~\.wav", kept.name)
    assert 2.5 < seconds(kept) < 4


async def test_hanging_up_during_the_fallback_keeps_the_words(pbx: Pbx) -> None:
    outcome = await pbx.call(Beep(), Speak(2), PutDown())
    assert outcome.completed, outcome
    [kept] = pbx.fallbacks
    found = await closed(kept)
    assert found.seconds > 1.5 and found.voiced_seconds < 3  # she is heard to leave a little later


async def test_a_hostile_caller_number_can_not_leave_the_folder(pbx: Pbx) -> None:
    outcome = await pbx.call(Beep(), Speak(1), PutDown(), number="..%2F..%2Fetc", name='"; rm -rf ${HOME}')
    assert outcome.completed, outcome
    [kept] = pbx.fallbacks
    assert re.fullmatch(r"\d{10}__\d{9}_~fa~\.wav", kept.name)


async def test_a_server_that_dies_in_mid_prompt_leaves_no_caller_alone(pbx: Pbx) -> None:
    async def talk(agi: Agi) -> None:
        agi.writer.write(f"EXEC Playback {pbx.settings.sounds}/fa/record/ask\n".encode())
        await asyncio.sleep(0.3)
        agi.writer.transport.abort()

    async with server(pbx, talk):
        outcome = await pbx.call(Hear(), Beep(), Speak(2), Press("#"), StayOn())
    assert outcome.completed, outcome
    assert len(pbx.fallbacks) == 1


async def test_what_she_chose_is_in_the_name_and_can_not_leave_the_folder(pbx: Pbx) -> None:
    for chosen in ("1000000005~complaint~water.supply~tabriz", "../../x~ ${HOME}~a,b:c%d~" + "y" * 300):

        async def talk(agi: Agi, chosen: str = chosen) -> None:
            await agi.send("SET VARIABLE IVR_LANGUAGE az")
            await agi.send(f'SET VARIABLE IVR_CHOSEN "{chosen}"')

        async with server(pbx, talk):
            outcome = await pbx.call(Beep(), Speak(1), PutDown())
        assert outcome.completed, outcome
    usual, hostile = pbx.fallbacks
    assert usual.stem.endswith("_~az~1000000005~complaint~water.supply~tabriz")
    assert re.fullmatch(r"\d{10}_\d+_\d{9}_~az~[a-z0-9_.~]{,100}\.wav", hostile.name)


@pytest.mark.parametrize(
    ("variables", "spoken"),
    [
        ({"IVR_CHOSEN": "1000000005~complaint~~"}, True),
        ({"IVR_CHOSEN": "~complaint~~"}, False),
        ({"IVR_CHOSEN": "1000000005~complaint~~", "IVR_KEPT": "2026/11/26/none"}, False),  # she has a case
    ],
)
async def test_the_code_set_aside_for_her_is_spoken_once_her_words_are_kept(
    pbx: Pbx, variables: dict[str, str], spoken: bool
) -> None:
    before = pbx.complaints

    async def talk(agi: Agi) -> None:
        for name, value in variables.items():
            await agi.send(f"SET VARIABLE {name} {value}")

    async with server(pbx, talk):
        outcome = await pbx.call(Beep(), Speak(2), Press("#"), Listen(), StayOn(60))
    assert outcome.completed and told(outcome, "fallback.thanks"), outcome
    assert told(outcome, "code.is") is spoken
    [kept] = pbx.fallbacks
    assert ("~1000000005~" in kept.name) is spoken
    assert pbx.complaints == before, "every sound is there"


async def test_who_reaches_no_server_hears_a_code_that_nobody_else_hears(pbx: Pbx) -> None:
    folder, before = pbx.settings.state_path / "fallback", len(pbx.complaints)
    (folder / "codes.1000000005").write_text("1000000005\n1000000013\n1000000021\n")
    (folder / "codes.1000000005.taken").touch()  # as it is laid out
    (folder / "codes").write_text("1000000005\n")
    steps = Beep(), Speak(1), Press("#"), Listen(), StayOn(60)
    try:
        outcomes = await asyncio.gather(*(pbx.call(*steps) for _ in range(3)))
    finally:
        (folder / "codes").unlink()
    assert all(each.completed for each in outcomes), outcomes
    assert sorted(told(each, "code.is") for each in outcomes) == [False, True, True], "two were laid out"
    named = sorted(kept.stem.rpartition("_")[2] for kept in pbx.fallbacks)
    assert named == ["~fa~1000000013~~~", "~fa~1000000021~~~", "~fa~~~~"]
    others = [each for each in pbx.complaints[before:] if "agi" not in each.lower()]
    assert not others, "every sound and every function is there"


async def test_when_her_words_are_kept_already_nothing_more_is_asked(pbx: Pbx) -> None:
    async def talk(agi: Agi) -> None:
        await agi.send("SET VARIABLE IVR_KEPT 1")

    async with server(pbx, talk):
        outcome = await pbx.call(Listen(), StayOn())
    assert outcome.completed, outcome
    assert pbx.fallbacks == []


@pytest.mark.parametrize(("kept", "chosen", "spoken"), [
    ("1", "1000000005~complaint~~", True),
    ("2026/11/26/3f", "1000000005~complaint~water.supply~", True),  # the server died as she said more
    ("1", "~complaint~~", False),
    ("1", "", False),
])  # fmt: skip
async def test_whose_words_are_kept_is_told_the_code_of_her_case(
    pbx: Pbx, kept: str, chosen: str, spoken: bool
) -> None:
    write_tone(pbx.settings.recordings / "2026/11/26/3f.wav", 440, 2.0)

    async def talk(agi: Agi) -> None:
        await agi.send(f'SET VARIABLE IVR_CHOSEN "{chosen}"')
        await agi.send(f"SET VARIABLE IVR_KEPT {kept}")

    async with server(pbx, talk):
        outcome = await pbx.call(Listen(), StayOn(60))
    shutil.rmtree(pbx.settings.recordings, ignore_errors=True)
    assert outcome.completed and told(outcome, "fallback.kept"), outcome
    assert told(outcome, "code.is") is spoken and told(outcome, "fallback.thanks") is spoken
    assert pbx.fallbacks == []


async def test_asterisk_promises_a_call_to_the_numbers_that_we_call(pbx: Pbx, tmp_path: Path) -> None:
    expression, promises = promised(tmp_path), dict[str, bool]()

    async def talk(agi: Agi) -> None:
        for number in FORMS:
            asked = f'${{REGEX(\\"{expression}\\" ${{FILTER(0-9+,{number})}})}}'
            promises[number] = (await agi.send(f'GET FULL VARIABLE "{asked}"')).endswith("(1)")
        await agi.send("SET VARIABLE IVR_DONE 1")

    async with server(pbx, talk):
        await pbx.call(StayOn(10))
    assert promises == {number: phone.is_callable(number, "041") for number in FORMS}


async def ends_with_a_talk(pbx: Pbx, talk: Talk) -> None:
    """Her call, with one operator there: she hears no apology, and nothing is recorded."""
    member = "Local/111@seda111-inbound"
    pbx.console(f"queue add member {member} to operators")
    try:
        async with server(pbx, talk):
            outcome = await pbx.call(StayOn())
    finally:
        pbx.console(f"queue remove member {member} from operators")
    assert outcome.completed and outcome.ended_by == "hotline", outcome
    assert not told(outcome, "fallback.apology") and pbx.fallbacks == []


async def test_whom_an_operator_has_served_hears_no_apology_though_the_server_died_meanwhile(
    pbx: Pbx,
) -> None:
    answered, dead = asyncio.Event(), asyncio.Event()

    async def talk(agi: Agi) -> None:
        if agi.header["agi_channel"].startswith("Local/"):  # the operator's telephone, who hangs up first
            answered.set()
            await dead.wait()
            await agi.send("EXEC Wait 1")
            await agi.send("SET VARIABLE IVR_DONE 1")
            return
        await agi.send('SET VARIABLE QUEUESTATUS ""')  # as the server does
        agi.writer.write(b"EXEC Queue operators,c,,,20\n")
        await answered.wait()
        agi.writer.transport.abort()
        dead.set()

    await ends_with_a_talk(pbx, talk)


async def test_whose_talk_with_an_operator_ends_by_its_time_out_hears_no_apology(pbx: Pbx) -> None:
    answered, over = asyncio.Event(), asyncio.Event()

    async def talk(agi: Agi) -> None:
        if agi.header["agi_channel"].startswith("Local/"):  # the operator's telephone
            answered.set()
            await over.wait()
            return
        await agi.send('SET VARIABLE QUEUESTATUS ""')
        agi.writer.write(b"EXEC Queue operators,c,,,20\n")
        await answered.wait()
        pbx.console(f"dialplan set chanvar {agi.header['agi_channel']} TIMEOUT(absolute) 2")
        for asked in ("GET VARIABLE QUEUESTATUS", 'SET VARIABLE QUEUESTATUS ""'):  # as the server goes on
            if not (await agi.reader.readline()).startswith(b"200"):
                break
            agi.writer.write(f"{asked}\n".encode())
        over.set()

    await ends_with_a_talk(pbx, talk)


@pytest.mark.parametrize(
    ("variable", "apologises"),
    [("QUEUESTATUS CONTINUE", False), ("BRIDGERESULT SUCCESS", False), ("QUEUESTATUS TIMEOUT", True)],
)
async def test_who_has_talked_on_a_call_of_ours_is_not_told_to_call_again(
    pbx: Pbx, variable: str, apologises: bool
) -> None:
    async def talk(agi: Agi) -> None:
        await agi.send(f"SET VARIABLE {variable}")

    outcome = await called_by_us(pbx, talk)
    tones = [is_beep(audio, 400.0) for _, audio in outcome.heard]  # as prompts have
    assert outcome.completed and any(tones) is apologises, outcome


@pytest.mark.parametrize(("variables", "language"), [({"IVR_LANGUAGE": "az"}, "az"), ({}, "fa")])
async def test_the_dialplan_knows_the_language_in_which_we_call_her_before_a_server_tells(
    pbx: Pbx, variables: dict[str, str], language: str
) -> None:
    known = list[str]()

    async def talk(agi: Agi) -> None:
        known.append(await agi.send("GET VARIABLE IVR_LANGUAGE"))

    await called_by_us(pbx, talk, variables)
    assert known == [f"200 result=1 ({language})"]


async def called_by_us(pbx: Pbx, talk: Talk, variables: Mapping[str, str] | None = None) -> CallerReport:
    """Of who answers a call that was placed with these variables."""
    callee, number = Callee(), fresh_number()
    callee.answers[number] = (StayOn(),)
    there = f"PJSIP/loopback/sip:{number}@127.0.0.1:{await callee.open()}"
    account, secret = pbx.settings.ami, pbx.secrets.originate
    ami = Ami(account.host, account.port, account.originate_username, secret, events="off")
    try:
        await ami.connect()
        async with server(pbx, talk):
            context = "seda111-callback"
            await ami.originate(there, context=context, exten="s", wait=False, variables=variables)
            await callee.until_over(number)
    finally:
        await ami.close()
        callee.close()
    return callee.outcomes[number]


@pytest.mark.parametrize(
    ("seconds_there", "says"),
    [
        (2.0, "fallback.kept"),
        (0.3, "fallback.apology"),
        (None, "fallback.apology"),
        ((9 * 4096 - 44) / 16_000, "fallback.kept"),  # a file of any length: it proves nothing
        ((39_744 - 44) / 16_000, "fallback.kept"),
    ],
)
async def test_of_words_under_way_the_file_tells_whether_they_are_kept(
    pbx: Pbx, seconds_there: float | None, says: str
) -> None:
    if seconds_there is not None:
        write_tone(pbx.settings.recordings / "2026/11/26/3f.wav", 440, seconds_there)

    async def talk(agi: Agi) -> None:
        await agi.send("SET VARIABLE IVR_CALL 6d2f3d6a54d94c35a0f3f4c6ad2b1111")
        await agi.send("SET VARIABLE IVR_KEPT 2026/11/26/3f")

    asked = (Beep(), Speak(1), Press("#")) if says == "fallback.apology" else ()
    async with server(pbx, talk):
        outcome = await pbx.call(*asked, StayOn())
    shutil.rmtree(pbx.settings.recordings, ignore_errors=True)
    assert outcome.completed and told(outcome, says), outcome
    assert told(outcome, "fallback.kept") != told(outcome, "fallback.thanks")
    # What she says again bears the call's id, so that it joins the case of her first words.
    assert all("_6d2f3d6a54d94c35a0f3f4c6ad2b1111~" in path.stem for path in pbx.fallbacks)
    assert len(pbx.fallbacks) == len(asked) // 3


async def test_words_with_a_hole_are_not_called_kept_though_their_disk_has_room_by_then(
    programs: tuple[Program, Program], stand_ins: Path, small_disk: SmallDisk
) -> None:
    async with running_pbx(programs, stand_ins, state=small_disk.path) as pbx:
        calling = asyncio.create_task(pbx.call(Beep(), Speak(6), Press("#"), StayOn()))

        async def grown_to(size: int) -> None:
            async with asyncio.timeout(patience(30)):
                while not any(path.stat().st_size > size for path in pbx.fallbacks):
                    await asyncio.sleep(0.05)  # another process: no event

        await grown_to(32_000)
        small_disk.fill(leave=20_000)
        await grown_to(36_000)  # what was left took a part of a block, and the rest is in no file
        small_disk.free()
        outcome = await calling
        [words] = pbx.fallbacks
        assert words.with_name(f"{words.name}.cut").exists(), (
            "whoever takes it in knows that she did not end it"
        )
    assert outcome.answered and told(outcome, "fallback.not_kept"), outcome
    assert not told(outcome, "fallback.thanks")


async def test_a_call_that_the_server_finished_just_ends(pbx: Pbx) -> None:
    async def talk(agi: Agi) -> None:
        await agi.send("SET VARIABLE IVR_DONE 1")

    async with server(pbx, talk) as calls:
        outcome = await pbx.call(StayOn(10))
    assert outcome.completed, outcome
    assert outcome.voiced_seconds == 0
    assert pbx.fallbacks == []
    assert calls[0].header["agi_arg_1"] == pbx.secrets.agi
    assert calls[0].header["agi_network_script"] == "111"


async def test_keys_arrive_while_a_prompt_plays_and_between_prompts(pbx: Pbx) -> None:
    pressed: list[str] = []

    async def talk(agi: Agi) -> None:
        pressed.append(await agi.send(f'STREAM FILE {pbx.settings.sounds}/fa/welcome "0123456789*#"'))
        pressed.append(await agi.send("WAIT FOR DIGIT 5000"))
        await agi.send("SET VARIABLE IVR_DONE 1")

    async with server(pbx, talk):
        outcome = await pbx.call(Hear(), Press("5*"), StayOn(10))
    assert outcome.completed, outcome
    assert [int(re.findall(r"result=(-?\d+)", line)[0]) for line in pressed] == [ord("5"), ord("*")]


def reload(pbx: Pbx, **changes: object) -> None:
    """The dialplan of these settings in the place of the present one."""
    etc, settings = pbx.settings.state_path / "asterisk" / "etc", pbx.settings.model_copy(update=changes)
    render("lab", settings, pbx.secrets, etc, modules=pbx.program.modules)
    pbx.console("dialplan reload")


def with_another(pbx: Pbx, port: int) -> dict[str, object]:
    others = (Address(host="127.0.0.1", port=port),)
    return {"agi": pbx.settings.agi.model_copy(update={"others": others})}


@pytest.fixture
def second(pbx: Pbx) -> Iterator[int]:
    """The port of a second address in the dialplan, for one test."""
    port = free()
    reload(pbx, **with_another(pbx, port))
    yield port
    reload(pbx)


async def test_the_second_address_is_asked_when_the_first_refuses_and_only_then(
    pbx: Pbx, second: int
) -> None:
    async def carry(agi: Agi) -> None:
        await agi.send("SET VARIABLE IVR_DONE 1")

    async def die(agi: Agi) -> None:
        agi.writer.transport.abort()

    async with server(pbx, carry, second) as calls:
        outcome = await pbx.call(StayOn(10))
        assert outcome.completed and outcome.voiced_seconds == 0, outcome
        assert calls[0].header["agi_arg_1"] == pbx.secrets.agi
        assert pbx.fallbacks == []
        async with server(pbx, die) as dead:
            outcome = await pbx.call(Beep(), Speak(1), PutDown())
        assert outcome.completed, outcome
        assert (len(dead), len(calls), len(pbx.fallbacks)) == (1, 1, 1)
    outcome = await pbx.call(Beep(), Speak(1), PutDown())
    assert outcome.completed and len(pbx.fallbacks) == 2, outcome


async def test_a_reload_while_a_server_has_her_neither_begins_her_call_again_nor_apologises(
    pbx: Pbx, second: int
) -> None:
    both, one = with_another(pbx, second), dict[str, object]()

    def reloads(changes: Mapping[str, object]) -> Talk:
        async def talk(agi: Agi) -> None:
            await asyncio.to_thread(reload, pbx, **changes)
            await agi.send("SET VARIABLE IVR_DONE 1")

        return talk

    # The first server has her, and the second one comes; it goes; the second one has her, and it goes.
    for before, port, meanwhile in ((one, 0, both), (both, 0, one), (both, second, one)):
        await asyncio.to_thread(reload, pbx, **before)
        async with server(pbx, reloads(meanwhile), port) as calls:
            outcome = await pbx.call(StayOn(20))
        assert outcome.completed and outcome.voiced_seconds == 0, outcome
        assert (len(calls), pbx.fallbacks) == (1, [])


async def test_whose_server_dies_after_the_dialplan_named_it_no_more_is_recorded(
    pbx: Pbx, second: int
) -> None:
    async def talk(agi: Agi) -> None:
        await asyncio.to_thread(reload, pbx)
        agi.writer.transport.abort()

    async with server(pbx, talk, second):
        outcome = await pbx.call(Beep(), Speak(1), PutDown())
    assert outcome.completed and len(pbx.fallbacks) == 1, outcome


@pytest.mark.parametrize("comes", [True, False])
async def test_a_reload_while_the_dialplan_records_her_leaves_her_words_and_asks_nothing_again(
    pbx: Pbx, tmp_path: Path, comes: bool
) -> None:
    one, both = dict[str, object](), {"second_volume": str(tmp_path)}
    before, after = (one, both) if comes else (both, one)
    await asyncio.to_thread(reload, pbx, **before)
    try:
        calling = asyncio.create_task(pbx.call(Beep(), Speak(6), Press("#"), Listen(), StayOn()))
        async with asyncio.timeout(patience(30)):
            while not pbx.fallbacks:
                await asyncio.sleep(0.05)  # another process: no event
        await asyncio.to_thread(reload, pbx, **after)
        assert not calling.done()
        outcome = await calling
    finally:
        await asyncio.to_thread(reload, pbx)
    assert outcome.completed and told(outcome, "fallback.thanks"), outcome
    apology = sum(is_beep(audio, SOUNDS["fallback.apology"][0]) for _, audio in outcome.heard) / 50
    assert apology < 1.5 * SOUNDS["fallback.apology"][1], "nothing is asked again"
    [kept] = pbx.fallbacks
    assert 5 < seconds(kept) < 8


@pytest.mark.parametrize("name", ["علی رضایی", 'a "quoted" name', b"\xff\xfe\xd9", "'; DROP TABLE cases; --"])
async def test_any_name_reaches_the_server_in_one_line(pbx: Pbx, name: str | bytes) -> None:
    async def talk(agi: Agi) -> None:
        await agi.send("SET VARIABLE IVR_DONE 1")

    async with server(pbx, talk) as calls:
        outcome = await pbx.call(StayOn(10), name=name)
    assert outcome.completed, outcome
    assert calls[0].header["agi_calleridname"]
    assert calls[0].header["agi_arg_1"] == pbx.secrets.agi


async def test_no_other_extension_is_answered(pbx: Pbx) -> None:
    extensions = ("112", "s", "T", "00989141234567", "h")
    outcomes = await asyncio.gather(*(pbx.call(StayOn(5), extension=extension) for extension in extensions))
    assert [outcome.answered for outcome in outcomes] == [False] * len(extensions)


async def test_where_the_first_disk_was_running_short_she_is_recorded_on_the_second_at_once(
    programs: tuple[Program, Program], stand_ins: Path, tmp_path: Path
) -> None:
    async with running_pbx(programs, stand_ins, second_volume=str(tmp_path)) as pbx:
        second = pbx.settings.second_path
        assert second is not None
        for folder, left in ((pbx.settings.recordings, 0), (second / "recordings", STEP_BYTES)):
            ballast_of(folder).parent.mkdir(parents=True)
            ballast_of(folder).write_bytes(bytes(left))
        outcome = await pbx.call(Beep(), Speak(2), Press("#"), Listen(), StayOn())
        assert outcome.completed and told(outcome, "fallback.thanks"), outcome
        assert not pbx.fallbacks and len(list((second / "fallback").glob("*.wav"))) == 1
