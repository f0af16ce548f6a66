"""`make bench`: every bench one after the other, each in a process of its own. `--quick` is passed on.

Exit 1 when one of them misses a target.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run each folder of bench/ that has a __main__."""
    missed = []
    for place in sorted(Path(__file__).parent.glob("*/__main__.py")):
        name = place.parent.name
        print(f"== bench.{name} {' '.join(sys.argv[1:])}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}", *sys.argv[1:]], check=False).returncode:
            missed.append(name)
    sys.exit(f"a target was missed in: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
