"""`ivr book`, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ivr.settings import ROOT


def ivr(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "ivr"), "book", *words]
    env = {**os.environ, "IVR_DATABASE_URL": url}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=False)


def test_a_file_goes_out_is_edited_comes_in_and_is_undone(database_url: str, tmp_path: Path) -> None:
    exported = ivr(database_url, "export", "rule")
    file = tmp_path / "rules.csv"
    line = "water.bill,default,,abfa"
    assert line in exported.stdout.splitlines()
    file.write_text(exported.stdout.replace(line, "water.bill,default,,abfaa"))
    wrong = ivr(database_url, "import", "rule", str(file))
    assert wrong.returncode == 1 and "did you mean “abfa”" in wrong.stderr and "rules.csv:" in wrong.stderr
    file.write_text(exported.stdout.replace(line, "water.bill,default,,gas"))
    [done] = json.loads(ivr(database_url, "import", "rule", str(file), "--json").stdout)
    assert (done["key"], done["fields"]) == ("water.bill/default/", ["agency"])
    asked = json.loads(ivr(database_url, "who", "water.bill", "--json").stdout)
    assert (asked["agency"], asked["rules"][0]["fate"]) == ("gas", "won")
    assert ivr(database_url, "undo", str(done["number"])).returncode == 0
    again = ivr(database_url, "undo", str(done["number"]))
    assert again.returncode == 1 and "undone already" in again.stderr
