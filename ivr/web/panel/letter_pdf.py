"""A formal letter set on A4. Shaping by HarfBuzz, so that Persian joins and runs as it must.

Why not WeasyPrint or the browser: docs/decisions/libraries.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ivr.desk.letters.formal_letters import Paper, PaperHeading, PaperTable

FONTS = Path(__file__).parents[1] / "static" / "vendor"
MARGIN = 22.0  # millimetres, as everything here
_BODY, _LINE = 12.5, 8.4  # points, millimetres
_QR = 24.0
_ROOMY = 15.0  # of a row to sign in
_ROW_LINE, _ROW_PAD = 6.6, 1
_RUNS = re.compile(r"\ufffd\W*\ufffd| {2,}")  # of a phrase in another script one sign, of blanks one
_LONG = re.compile(r"([\W_]{300})[\W_]+")  # fpdf2's bidi recurses into each of a thousand neutral signs
_MOST_LINES = 15  # of a row: fpdf2 breaks none between pages, and refuses one that no page holds


def letter_pdf(letter: Paper) -> bytes:
    """The letter as a PDF. Takes some 0.2 s of CPU: not for the event loop."""
    pdf = _sheet(letter)
    _head(pdf, letter)
    _body(pdf, letter)
    _signature(pdf, letter)
    return bytes(pdf.output())


def _sheet(letter: Paper) -> Any:
    from fpdf import FPDF  # slow to import, and few processes ever print

    class LetterPaper(FPDF):
        def normalize_text(self, text: str) -> str:
            """What the font lacks, as a tab or ✓, is a blank: fpdf2 would move a figure beside it."""
            font: Any = self.current_font
            words: str = super().normalize_text(text)
            words = "".join(
                each if each == "\n" or ord(each) in font.cmap else _instead(each) for each in words
            )
            return _LONG.sub(r"\1", _RUNS.sub(lambda run: run[0][0], words))

        def footer(self) -> None:
            self.set_y(-18)
            self.set_draw_color(150)
            self.line(MARGIN, self.get_y(), self.w - MARGIN, self.get_y())
            self.set_font("Vazirmatn", "", 9)
            self.set_text_color(90)
            self.cell(0, 8, letter.stationery.letterhead.footer, align="C")
            self.set_text_color(0)

    pdf = LetterPaper("P", "mm", "A4")
    pdf.add_font("Vazirmatn", "", FONTS / "vazirmatn-regular.ttf")
    pdf.add_font("Vazirmatn", "B", FONTS / "vazirmatn-bold.ttf")
    _persian(pdf)
    pdf.set_title(letter.subject)
    pdf.set_lang("fa")
    pdf.set_margins(MARGIN, 16, MARGIN)
    pdf.set_auto_page_break(True, 24)
    pdf.add_page()
    return pdf


def _instead(each: str) -> str:
    return "\ufffd" if each.isalpha() else " "  # of words in another script one sees that they stood there


def _persian(pdf: Any) -> None:
    pdf.set_text_shaping(use_shaping_engine=True, direction="rtl", script="arab", language="fas")


def _head(pdf: Any, letter: Paper) -> None:
    head, labels = letter.stationery.letterhead, letter.stationery.labels
    top = pdf.get_y()
    pdf.set_font("Vazirmatn", "", 11)
    pdf.cell(0, 7, head.opening, align="C", new_x="LMARGIN", new_y="NEXT")
    for number, line in enumerate(head.lines):
        pdf.set_font("Vazirmatn", "B" if number == len(head.lines) - 1 else "", 11)
        pdf.cell(0, 6.4, line, align="C", new_x="LMARGIN", new_y="NEXT")
    bottom = max(pdf.get_y(), top + 32)
    pdf.set_font("Vazirmatn", "", 10)
    pairs = ((labels.date, letter.date), (labels.number, letter.number))
    for row, (label, value) in enumerate((*pairs, (labels.attachment, labels.none))):
        pdf.set_xy(MARGIN, top + 8 + row * 6.4)
        pdf.cell(52, 6.4, f"{label}: {value}", align="R")
    if letter.track:
        _qr(pdf, letter.track, pdf.w - MARGIN - _QR, top + 4)
    pdf.set_draw_color(60)
    pdf.line(MARGIN, bottom + 3, pdf.w - MARGIN, bottom + 3)
    pdf.set_xy(MARGIN, bottom + 10)


def _body(pdf: Any, letter: Paper) -> None:
    for text in filter(None, (letter.to, letter.subject)):
        _text(pdf, text, "B")
    pdf.ln(3)
    for block in letter.paragraphs:
        match block:
            case PaperTable():
                _table(pdf, block)
            case PaperHeading(text):
                if pdf.get_y() > pdf.h - 50:
                    pdf.add_page()
                pdf.ln(2)
                _text(pdf, text, "B")
            case text:
                _text(pdf, text, "")
                pdf.ln(1.5)


def _text(pdf: Any, text: str, weight: str) -> None:
    pdf.set_font("Vazirmatn", weight, _BODY)
    pdf.multi_cell(0, _LINE, text, align="R", new_x="LMARGIN", new_y="NEXT")


def _table(pdf: Any, table: PaperTable) -> None:
    """Columns from right to left; the heads stand again on every page."""
    pdf.set_font("Vazirmatn", "", 10.5)
    pdf.set_draw_color(150)
    shares = tuple(reversed(table.shares))
    height = _ROOMY if table.roomy else None
    with pdf.table(col_widths=shares, text_align="RIGHT", line_height=_ROW_LINE, padding=_ROW_PAD) as its:
        its.row(tuple(reversed(table.heads)))
        for row in _rows(pdf, table):
            its.row(tuple(reversed(row)), min_height=height)
    pdf.ln(3)


def _rows(pdf: Any, table: PaperTable) -> Iterator[tuple[str, ...]]:
    """What is too long for one row, as a body's reason not to come, goes on in the next."""
    widths = [pdf.epw * share / sum(table.shares) for share in table.shares]
    for row in table.rows:
        cells = [_pieces(pdf, width, text) for width, text in zip(widths, row, strict=True)]
        yield from zip_longest(*cells, fillvalue="")


def _pieces(pdf: Any, width: float, text: str) -> list[str]:
    lines = pdf.multi_cell(width, _ROW_LINE, text, padding=_ROW_PAD, dry_run=True, output="LINES")
    if len(lines) <= _MOST_LINES:
        return [text]
    return ["\n".join(lines[at : at + _MOST_LINES]) for at in range(0, len(lines), _MOST_LINES)]


def _signature(pdf: Any, letter: Paper) -> None:
    """Who signs at the left, unless it is signed in a table; at the right how anybody finds it genuine."""
    in_table = any(isinstance(block, PaperTable) and block.roomy for block in letter.paragraphs)
    lines = [] if in_table else letter.stationery.signature
    gap = 6 if in_table else 12
    if pdf.get_y() + gap + max(7 * len(lines) + 2, _QR + 8 if letter.confirm else 0) > pdf.h - 24:
        pdf.add_page()
    pdf.ln(gap)
    top = pdf.get_y()
    pdf.set_font("Vazirmatn", "B", 11.5)
    for line in lines:
        pdf.set_x(MARGIN)
        pdf.multi_cell(84, 7, line, align="C", new_x="LMARGIN", new_y="NEXT")
    if letter.confirm:
        _confirmed_at(pdf, letter, top)


def _confirmed_at(pdf: Any, letter: Paper, top: float) -> None:
    labels, right = letter.stationery.labels, pdf.w - MARGIN
    _qr(pdf, letter.confirm, right - _QR, top)
    pdf.set_font("Vazirmatn", "", 8)
    pdf.set_xy(right - _QR - 46, top)
    pdf.multi_cell(44, 4.6, labels.confirm, align="R", new_x="LEFT", new_y="NEXT")
    pdf.ln(1)
    pdf.set_x(right - _QR - 46)
    pdf.cell(44, 4.6, f"{labels.fingerprint}:", align="R", new_x="LEFT", new_y="NEXT")
    pdf.set_text_shaping(use_shaping_engine=True, direction="ltr")
    pdf.cell(44, 4.6, letter.fingerprint, align="R")
    pdf.set_font("Vazirmatn", "", 7.5)
    pdf.set_xy(right - 74, top + _QR + 1)
    pdf.cell(74, 4.6, letter.confirm, align="R")
    _persian(pdf)


def _qr(pdf: Any, address: str, x: float, y: float) -> None:
    import segno

    rows = [list(row) for row in segno.make(address, error="m").matrix]
    size = _QR / len(rows)
    pdf.set_fill_color(0)
    for down, row in enumerate(rows):
        for across, dark in enumerate(row):
            if dark:
                pdf.rect(x + across * size, y + down * size, size, size, style="F")
