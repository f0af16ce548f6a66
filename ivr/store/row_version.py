"""A row's version: a page names it, and who saves that page changes nothing that others changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def version(row: Mapping[str, Any] | None) -> str:
    """Names a row's values; "" when there is no row."""
    if row is None:
        return ""
    whole = json.dumps(row, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]
