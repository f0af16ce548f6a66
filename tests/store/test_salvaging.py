"""What a sick disk still gives of a file is kept, and it is not asked for ever."""

from __future__ import annotations

from pathlib import Path

from ivr.store.salvaging import BLOCK, MOST, Salvaged
from tests.fixtures.damaged import bad_sector


def test_all_but_the_bad_sectors_is_read_and_after_too_many_the_rest_is_left(tmp_path: Path) -> None:
    content = bytes(range(1, 251)) * (BLOCK // 5)
    path = tmp_path / "words.wav"
    path.write_bytes(content)
    for length, lost in ((1, BLOCK), (BLOCK * MOST, len(content) - BLOCK)):
        with bad_sector(path, at=BLOCK, length=length), path.open("rb", buffering=0) as file:
            salvaged = Salvaged(file, len(content))
            read = b""
            while piece := salvaged.read(3 * BLOCK):
                read += piece
        assert (len(read), salvaged.lost, str(salvaged.error)) == (
            len(content),
            lost,
            "[Errno 5] Input/output error",
        )
        assert read == content[:BLOCK] + bytes(lost) + content[BLOCK + lost :]
    with bad_sector(path, at=BLOCK), path.open("rb", buffering=0) as file:
        whole = Salvaged(file, BLOCK)
        whole.read_ahead()
        assert whole.error is None and whole.read(BLOCK) + whole.read(BLOCK) == content[:BLOCK]
