"""What a disk of ours does not give any more, as `ivr doctor` tells it. Changes nothing."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from ivr.settings import Settings

MEND = (
    "see dmesg, mend or mount that disk (fsck), then ivr spool list and ivr verify; calls go on meanwhile, "
    "by the next slot, new codes or the other disk. Of a disk that is gone for good remove the link `second`"
)


def unread(settings: Settings) -> tuple[list[str], str]:
    """Folders of IVR_STATE on either disk, and the small files that a slot and the room on a disk stand on.

    And what to do about all of them.

    Lists all that is kept; of recordings it reads nothing, that is `ivr verify`.
    """
    from ivr.desk.keeping.backup import KEPT, files
    from ivr.store import slots
    from ivr.store.folders import listed, remedy
    from ivr.store.room import FOLDER

    found: dict[str, str] = {}

    def refused(place: Path, error: OSError) -> None:
        found[f"{place}: {error.strerror}"] = remedy(error, MEND)

    for name in KEPT:
        for _ in files(settings.state_path / name, refused):
            pass
    second = settings.second_path
    places = [place / "recordings" / FOLDER for place in (settings.state_path, second) if place]
    for number in range(slots.MOST):
        places += [slots.place(settings.spool, number) / name for name in ("journal", "codes")]
    for entry in chain.from_iterable(listed(place, refused) for place in places):
        try:
            if entry.is_file(follow_symlinks=False) and not entry.name.endswith(".log"):
                with Path(entry.path).open("rb") as file:
                    file.read(1)
        except FileNotFoundError:
            pass  # it was written anew
        except OSError as error:
            refused(Path(entry.path), error)
    return list(found), "; ".join(dict.fromkeys(found.values())) or MEND
