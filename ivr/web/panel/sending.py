"""A table as a file that a browser keeps: XLSX for whoever works on with it, CSV for other programs."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from ivr.store.derived import exports
from ivr.web.panel.sheets import Batches, Sheet, Workbook, csv_pieces
from ivr.web.panel.visit import Visit

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_CHUNK = 256 * 1024


async def send(visit: Visit, sheet: Sheet, batches: Batches, form: str, name: str) -> web.StreamResponse:
    """Streamed: a CSV as it is read; a workbook, whose parts must be whole first, by way of the disk."""
    answer = web.StreamResponse(headers={"Content-Type": TYPES[form], "Cache-Control": "no-store"})
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    if form == "csv":
        await answer.prepare(visit.request)
        async for piece in csv_pieces(sheet, batches):
            await answer.write(piece)
        return answer
    folder = exports(visit.panel.places.state).folder
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / "sheet.xlsx"
        book = Workbook(path, sheet)
        async for rows in batches:
            await asyncio.to_thread(book.add, rows)
        await asyncio.to_thread(book.close)
        answer.content_length = path.stat().st_size
        await answer.prepare(visit.request)
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                await answer.write(chunk)
    return answer
