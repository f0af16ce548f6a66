"""Hostile YAML is refused quickly and in little memory, with a sentence that names the place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ivr.commands.menu import read
from ivr.lab.pace import patience
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.yaml_tree import DEEPEST, LARGEST_FILE, MOST_NODES, read_tree

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(9 * [f'*{before}'])}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
FULL = LARGEST_FILE

HOSTILE: dict[str, tuple[bytes, str]] = {
    "billion laughs": (BOMB.encode(), "1:4: a: anchors (&name) are not allowed"),
    "a lone alias": (b"a: *b", "1:4: a: aliases (*name) are not allowed"),
    "a merge key": (b"a: {<<: {b: c}}", "1:5: a: merge keys (<<) are not allowed"),
    "two million brackets": (b"[" * 2_000_000, "the file has 2,000,000 bytes"),
    "brackets to the limit": (b"[" * FULL, "nest"),  # libyaml itself looks 1,000 levels ahead and refuses
    "braces to the limit": (b"{a: " * (FULL // 4), f"nested deeper than {DEEPEST} levels"),
    "dashes to the limit": (b"- " * (FULL // 2), f"nested deeper than {DEEPEST} levels"),
    "keys of keys": (b"? " * (FULL // 2), "a key must be one word"),
    "a mapping as key": (b"{{a: b}: c}", "1:2: a key must be one word"),
    "a python object": (b"a: !!python/object/apply:os.system [ls]", "1:4: a: tags (!name) are not allowed"),
    "a harmless tag": (b"a: !!str b", "1:4: a: tags (!name) are not allowed"),
    "a tag directive": (b"%TAG ! tag:x,2000:\n---\na: b", "directives (%YAML, %TAG) are not allowed"),
    "two documents": (b"a: b\n---\nc: d", "2:1: a second document (---) is not allowed"),
    "a hundred gigabytes announced": (b"a: b\n" * 300_000, "at most 1,048,576 are allowed"),
    "many values": (b"[" + b"1," * (MOST_NODES + 1) + b"]", "the file has more than 80,000 values"),
    "a giant scalar": (b'a: "' + b"x" * (FULL - 10) + b'"\nb: "', "not valid YAML"),
    "a giant key": (b"x" * (FULL - 10) + b": 1", "not valid YAML"),
    "many duplicates": (b"a: 1\n" * 15_000, "2:1: a: “a” stands twice; the first is in line 1"),
    "not UTF-8": ("a: b\nج: ".encode() + b"\xff\xfe", "2:4: byte 0xff is not UTF-8"),
    "UTF-16": ("a: b".encode("utf-16"), "1:1: byte 0xff is not UTF-8"),
    "a cut character": ("a: ج".encode()[:-1], "1:4: byte 0xd8 is not UTF-8"),
    "a surrogate": (b"a: \xed\xa0\x80", "1:4: byte 0xed is not UTF-8"),
    "a NUL": (b"a: b\n\x00", "2:1: the control character U+0000 is not allowed"),
    "an escape": (b"a: \x1b[2J", "1:4: the control character U+001B is not allowed"),
    "an escaped surrogate": (b'a: "\\ud800"', "1:"),
    "an escaped NUL": (b'a: "\\0"', "1:4: a: the control character U+0000 is not allowed"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_its_place(name: str) -> None:
    data, sentence = HOSTILE[name]
    with pytest.raises(MenuMistakes) as caught:
        _, doubled = read_tree(data, "m.yaml")
        raise MenuMistakes(doubled)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 20_000


MEGABYTE = 1 << 20
ROOM = 48 * MEGABYTE  # what a child may take beyond an idle one with the parser loaded
CHILD = """
import resource, sys
from pathlib import Path
from ivr.lab.pace import patience
from ivr.voice.mistakes import MenuMistakes
from ivr.voice.parse import parse
try:
    parse(b"{}", "warm")  # everything is imported and the first refusal made
except MenuMistakes:
    pass
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]), used + int(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2])))
resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, 8 << 20))
try:
    parse(sys.stdin.buffer.read(), "m.yaml", prompts={f"prompt.number_{n}" for n in range(500)})
except MenuMistakes as refused:
    print(refused)
    sys.exit(3)
"""


def in_a_small_room(data: bytes, cpu_seconds: int) -> subprocess.CompletedProcess[bytes]:
    """Parse in a child that may take little memory and few seconds of CPU."""
    command = [sys.executable, "-c", CHILD, str(ROOM), str(cpu_seconds)]
    return subprocess.run(
        command,
        input=data,
        capture_output=True,
        timeout=patience(60),
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_little_memory_and_time(name: str) -> None:
    child = in_a_small_room(HOSTILE[name][0], cpu_seconds=5)  # a second's work and a slow machine
    assert child.returncode == 3, child.stderr.decode()[-2000:]


def test_a_giant_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    giant = tmp_path / "giant.yaml"
    with giant.open("wb") as file:
        file.truncate(1 << 40)  # no machine could read it whole
    with pytest.raises(MenuMistakes, match=r"has 1,099,511,627,776 bytes; a menu has at most 1,048,576"):
        read(giant)


def wide(step: str) -> bytes:
    head = "menu: m\nlanguages: [fa]\nstart: s\nsteps:\n  s:\n"
    return (head + step).encode()[:FULL]


WIDE = {
    "names that are nearly right": wide(
        "    type: end\n    prompt: [" + ",".join(f"prompt.nomber_{n}" for n in range(50_000)) + "]"
    ),
    "thousands of steps": wide("".join(f"  s{n}: {{type: say, go: s{n}x}}\n" for n in range(25_000))),
    "steps to the limit, all wrong": wide(
        "    type: end\n"
        + "".join(
            f"  step_number_{n}: {{type: say, prompt: [a], go: step_nomber_{n}}}\n" for n in range(1_990)
        )
    ),
    "thousands of keys": wide(
        "    type: menu\n    keys:\n" + "".join(f'      "{n}": {{go: x}}\n' for n in range(45_000))
    ),
    "long names": wide("".join(f"  {'x' * 2_000}{n}: {{type: {'y' * 500}}}\n" for n in range(400))),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_file_full_of_mistakes_takes_little_memory_and_time(name: str) -> None:
    child = in_a_small_room(WIDE[name], cpu_seconds=5)
    assert child.returncode == 3, child.stderr.decode()[-2000:]
    assert len(child.stdout) < 100_000
