"""Own static files under /static/<version>/…, a hash of them all, so each may be kept for a year.

Relative addresses between them (modules, fonts) stay as they are.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parents[1] / "static"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}
_PACKED = {".css", ".js", ".svg", ".json"}
_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    packed: bytes  # gzip, b"" where it would not help
    type: str


class Assets:
    """All files, read once: they are a few hundred kilobytes."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in TYPES and path.is_file()
        }

    @cached_property
    def version(self) -> str:
        whole = hashlib.sha256()
        for name, asset in self.files.items():
            whole.update(f"{name}\0{len(asset.content)}\0".encode() + asset.content)
        return whole.hexdigest()[:12]

    def address(self, name: str) -> str:
        """For templates: {{ asset("panel.css") }}. Raises KeyError for a file that is not there."""
        self.files[name]
        return f"/static/{self.version}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """A page of another release asks for another version: it gets ours, and does not keep it."""
        asset = self.files.get(request.match_info["path"])
        if asset is None:
            raise web.HTTPNotFound
        ours = request.match_info["version"] == self.version
        headers = {"Cache-Control": _YEAR if ours else "no-cache", "X-Content-Type-Options": "nosniff"}
        kind = f"{asset.type}; charset=utf-8" if asset.type.startswith("text/") else asset.type
        answer = web.Response(body=asset.content, headers=headers | {"Content-Type": kind})
        return packed(answer, request, lambda _: asset.packed) if asset.packed else answer


@cache
def own_assets() -> Assets:
    """Ours, packed once in a process."""
    return Assets()


def packed(answer: web.Response, request: web.Request, pack: Callable[[bytes], bytes]) -> web.Response:
    """The same answer with its body through `pack`, a gzip, if whoever asks takes that."""
    answer.headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        assert isinstance(answer.body, bytes)
        answer.body = pack(answer.body)
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    packed = gzip.compress(content, 9, mtime=0) if path.suffix in _PACKED else b""
    return Asset(content, packed, TYPES[path.suffix])
