"""`make bench` runs each folder of bench/: all of them take what it passes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.__main__ import APART, benches
from ivr.settings import ROOT


def test_each_bench_knows_the_short_form() -> None:
    benches = sorted(Path(ROOT, "bench").glob("*/__main__.py"))
    refuse = [path.parent.name for path in benches if '"--quick"' not in path.read_text(encoding="utf-8")]
    assert len(benches) > 20 and not refuse


def test_each_bench_says_what_it_is_and_takes_no_wrong_argument() -> None:
    benches = sorted(Path(ROOT, "bench").glob("*/__main__.py"))
    named = {path.parent.name: path.read_text(encoding="utf-8") for path in benches}
    silent = [name for name, text in named.items() if f'prog="python -m bench.{name}"' not in text]
    assert not silent
    for name in ("bench", "bench.rehearsal"):
        command = [sys.executable, "-m", name, "--slow"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and not done.stdout
        assert done.stderr.splitlines()[-1] == f"python -m {name}: error: unrecognized arguments: --slow"


def test_all_are_run_but_those_that_have_a_run_of_their_own() -> None:
    folders = {path.parent.name for path in Path(ROOT, "bench").glob("*/__main__.py")}
    assert set(APART) == {"soak"} == folders - set(benches())
    assert "soak:" in Path(ROOT, "Makefile").read_text(encoding="utf-8")


SHORT = """
import bench.__main__ as make_bench
make_bench.LOOK_SECONDS, make_bench.DISTURBED, make_bench.APART = 0.1, {disturbed}, {{}}
make_bench.main()
"""


def made(folder: Path, disturbed: float) -> tuple[int, str, str]:
    """`make bench` of two, of which one misses: its exit code, what it said, and what it said to stderr."""
    for name, text in (("misses", "raise SystemExit('missed: too slow')"), ("well", "")):
        (folder / "bench" / name).mkdir(parents=True)
        (folder / "bench" / name / "__main__.py").write_text(text)
    shutil.copy(ROOT / "bench" / "__main__.py", folder / "bench")
    command = [sys.executable, "-c", SHORT.format(disturbed=disturbed)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_one_that_misses_on_a_quiet_machine_is_run_and_told_once(tmp_path: Path) -> None:
    code, said, told = made(tmp_path, disturbed=101)
    assert code == 1
    assert [line[:9] for line in said.splitlines()] == ["== bench.", "-- MISSED", "== bench.", "-- met; o"]
    assert told.splitlines() == ["missed: too slow", "a target was missed in: misses"]
    assert f"% of {os.cpu_count()} cores before it and " in said


def test_one_that_misses_while_others_keep_the_machine_busy_is_run_once_more(tmp_path: Path) -> None:
    code, said, told = made(tmp_path, disturbed=-1)
    assert code == 1 and said.count("-- MISSED") == 2 and said.count("-- disturbed: once more") == 1
    assert told.splitlines() == ["missed: too slow"] * 2 + ["a target was missed in: misses"]
