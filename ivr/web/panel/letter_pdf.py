"""A formal letter set on A4. Shaping by HarfBuzz, so that Persian joins and runs as it must.

Why not WeasyPrint or the browser: docs/decisions/libraries.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ivr.desk.letters.formal_letters import Paper

FONTS = Path(__file__).parents[1] / "static" / "vendor"
MARGIN = 22.0  # millimetres, as everything here
_BODY, _LINE = 12.5, 8.4  # points, millimetres
_QR = 24.0


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
    pdf.set_text_shaping(use_shaping_engine=True, direction="rtl", script="arab", language="fas")
    pdf.set_title(letter.subject)
    pdf.set_lang("fa")
    pdf.set_margins(MARGIN, 16, MARGIN)
    pdf.set_auto_page_break(True, 24)
    pdf.add_page()
    return pdf


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
    for text in (letter.to, letter.subject):
        pdf.set_font("Vazirmatn", "B", _BODY)
        pdf.multi_cell(0, _LINE, text, align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(3)
    pdf.set_font("Vazirmatn", "", _BODY)
    for paragraph in letter.paragraphs:
        pdf.multi_cell(0, _LINE, paragraph, align="R", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(1.5)


def _signature(pdf: Any, letter: Paper) -> None:
    lines = letter.stationery.signature
    if pdf.get_y() + 14 + 7 * len(lines) > pdf.h - 26:
        pdf.add_page()
    pdf.ln(12)
    pdf.set_font("Vazirmatn", "B", 11.5)
    for line in lines:
        pdf.set_x(MARGIN)
        pdf.multi_cell(92, 7, line, align="C", new_x="LMARGIN", new_y="NEXT")


def _qr(pdf: Any, address: str, x: float, y: float) -> None:
    import segno

    rows = [list(row) for row in segno.make(address, error="m").matrix]
    size = _QR / len(rows)
    pdf.set_fill_color(0)
    for down, row in enumerate(rows):
        for across, dark in enumerate(row):
            if dark:
                pdf.rect(x + across * size, y + down * size, size, size, style="F")
