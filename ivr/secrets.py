"""The secrets that Asterisk and we share: from the settings, else made once and kept under IVR_STATE."""

from __future__ import annotations

import contextlib
import os
import secrets as chance
from pathlib import Path

from ivr.asterisk.dialplan import Secrets
from ivr.settings import Settings

__all__ = ["Secrets", "load"]


def load(settings: Settings) -> Secrets:
    """Each secret of the settings, or of `IVR_STATE/secrets/<name>` (mode 600), which is made if missing.

    Safe when several processes start at once: the first one's secret is everybody's.
    """
    folder = settings.state_path / "secrets"
    return Secrets(
        agi=settings.agi.secret or _kept(folder / "agi"),
        ami=settings.ami.secret or _kept(folder / "ami"),
        originate=settings.ami.originate_secret or _kept(folder / "originate"),
        sip=_kept(folder / "sip"),
        desk=_kept(folder / "desk"),
    )


def _kept(path: Path) -> str:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(chance.token_urlsafe(24), encoding="ascii")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # fails when another process was first
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
