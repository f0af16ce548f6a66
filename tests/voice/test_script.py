"""Which voice can read a text, told from its letters and words; no piece falls to a wrong one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ivr.settings import ROOT
from ivr.voice import script

PROVINCE = ROOT / "db/seed/east-azerbaijan"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("آب محلهٔ شما وصل شد.", "fa"),
        ("ارائه شد", "fa"),
        ("رئیس هیئت مدیره مسئول است", "fa"),
        ("تغییر", "fa"),
        ("موافقت شد", "fa"),
        ("چاراویماق", "fa"),
        ("مدیر کل دیر آمد", "fa"),
        ("مبلغ ۲۰۰ دلار", "fa"),
        ("به نمایندهٔ فرمانداری بناب SMS شد", "fa"),
        ("آسفالت خیابان ائل‌گلی", "fa"),
        ("نوسازی پارک ائل گولی", "fa"),
        ("روشنایی میدان ائلگلی", "fa"),
        ("ائل‌گلی آسفالت شود", "fa"),
        ("آسفالت کوچه ائمه", "fa"),
        ("ائمهٔ جمعه", "fa"),
        ("ائتلاف شوراها", "fa"),
        ("آسفالت روستای گؤموش‌آباد", "fa"),
        ("تعمیر پل گؤموش‌آباد", "fa"),
        ("آب محله گؤموش‌آباد", "fa"),
        ("آسفالت روستای یوخاری کند", "fa"),
        ("تعمیر پل ایستی‌بلاغ", "fa"),
        ("میدان ایشیقلاندی", "azb"),
        ("کوچه چوخ قارانلیق", "azb"),
        ("پارک اوشاقلارا آچیق", "azb"),
        ("کوچه باغلانیب", "azb"),
        ("پارک یوخدور", "azb"),
        ("ائل‌گلی یولو آچیلدی", "azb"),
        ("ائوده سو یوخدور", "azb"),
        ("سیزین ایشینیزه باخیلدی", "azb"),
        ("سو خطی دوزلدیلدی و سو گلدی", "azb"),
        ("ایستدیگینیز ایش گؤرولدو.", "azb"),
        ("سیزین كوچه‌نین آسفالتی صاباح باشلاناجاقدیر", "azb"),
        ("پروندنیز اداره‌یه گؤندریلدی، جواب گؤزله‌ییریک", "azb"),
        ("İşinizə baxıldı.", "az"),
        ("Su gəldi", "az"),
        ("Ab vasl shod", "latin"),
        ("۱۲۳ / 45 !", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert script.language_of(text) == language


def _texts(node: Any) -> Iterator[str]:
    match node:
        case str():
            yield node
        case dict():
            for key, value in node.items():
                if key != "az":  # nor is it Persian of anybody
                    yield from _texts(value)
        case list():
            for value in node:
                yield from _texts(value)


def test_persian_of_officials_is_never_taken_for_azerbaijani() -> None:
    files = [*(ROOT / "ivr/web/locale/fa").glob("*.yaml"), ROOT / "sounds/prompts.yaml"]
    files += [PROVINCE / name for name in ("answers.yaml", "notices.yaml", "prompts.yaml", "agencies.yaml")]
    texts = [text for file in files for text in _texts(yaml.safe_load(file.read_text("utf-8")))]
    assert len(texts) > 3_000
    assert [text for text in texts if script.language_of(text) == script.AZ_ARABIC] == []


def test_callers_words_are_told_apart() -> None:
    rows = [json.loads(line) for line in (PROVINCE / "cases.jsonl").read_text("utf-8").split("\n") if line]
    found = {(row["lang"], script.language_of(row["text"])) for row in rows}
    assert found == {("fa", "fa"), ("az", "azb")}


@pytest.mark.parametrize(
    ("text", "language", "voice"),
    [
        ("آب وصل شد", "az", "fa"),
        ("Su gəldi", "fa", "az"),
        ("Su geldi", "az", "az"),
        ("۲۵٪", "az", "az"),
        ("OK", "fa", "fa"),
        ("سیزین ایشینیزه باخیلدی", "az", None),
        ("سیزین ایشینیزه باخیلدی", "fa", None),
    ],
)
def test_the_voice_for_a_text(text: str, language: str, voice: str | None) -> None:
    assert script.read_in(text, language) == voice
    assert script.is_readable(text) == (voice is not None)


@pytest.mark.parametrize("text", ["—", "…", "✓", "؟!", "ـــ", "👍", " . ", "_"])
def test_signs_without_a_letter_or_digit_are_silence_which_no_voice_reads(text: str) -> None:
    assert not script.is_readable(text) and script.heard(text, "", "fa") == ""
    assert script.heard(text, "Su gəldi", "fa") == "Su gəldi"


@pytest.mark.parametrize("text", ["", " ", "۵", "OK ✓", "وصل شد…"])
def test_what_says_something_or_is_not_there_is_not_refused(text: str) -> None:
    assert script.is_readable(text)


def test_a_name_in_the_other_script_has_its_own_voice() -> None:
    said = list(script.runs("İşiniz شرکت آب idarəsinin planına salındı, 12 gün.", "az"))
    assert said == [
        ("az", "İşiniz "), ("fa", "شرکت آب "), ("az", "idarəsinin planına salındı, 12 gün."),
    ]  # fmt: skip
    assert list(script.runs("پیامک SMS شد", "az")) == [("fa", "پیامک SMS شد")]
    assert list(script.runs("سیزین ایشینیزه باخیلدی", "az")) == []


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80), st.sampled_from(["fa", "az"]))
def test_no_arabic_letter_reaches_the_latin_voice_and_nothing_gets_lost(text: str, language: str) -> None:
    pieces = list(script.runs(text, language))
    if script.read_in(text, language) is not None:
        assert "".join(piece for _, piece in pieces) == text
    for voice, piece in pieces:
        assert voice in ("fa", "az")
        assert voice == "fa" or not re.search("[\u0600-\u065f\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f]", piece)


@given(st.text(alphabet="آبپ ab۱2.؟\n", max_size=6_000))
def test_a_text_of_any_length_is_cut_into_pieces_that_are_soon_spoken_and_none_of_it_is_lost(
    text: str,
) -> None:
    pieces = list(script.pieces(text))
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(sum(9 if sign.isdecimal() else 1 for sign in piece) <= script.LONGEST for piece in pieces)


def test_a_long_text_is_cut_between_lines_or_else_between_sentences_or_words() -> None:
    line, sentence, number = "آب محله وصل است " * 40, "لوله تعمیر شد. " * 50, "۰۹۱۴ ۱۲۳ ۴۵۶۷"
    assert list(script.pieces(f"{line}\n{sentence}")) == [line.strip(), sentence]
    one, two = script.pieces(sentence * 2)
    assert one.endswith("شد.") and two.startswith("لوله")
    one, two = script.pieces(f"{'آب ' * 310}{number} پایان")
    assert not one.endswith(number[0]) and two == f"{number} پایان"
    assert list(script.pieces(sentence)) == [sentence] and list(script.pieces("")) == []


def test_a_piece_of_names_makes_a_long_persian_text_no_other_language() -> None:
    villages = "روستاهای یوخاری کند، شیخ احمدلو، چوخور قشلاق، قره تپه، " * 18
    text = f"{'آب محله وصل شد. ' * 60}\n{villages}"
    *_, last = script.pieces(text)
    assert script.language_of(last) == script.AZ_ARABIC and script.is_readable(text)
    assert not script.is_readable(villages)
    assert {voice for voice, _ in script.runs(last, "az")} == {"fa"}


def test_a_long_text_of_which_no_voice_reads_a_piece_is_not_readable() -> None:
    azb = "سیزین ایشینیزه باخیلدی. " * 50
    assert script.is_readable("آب محله وصل شد. " * 200) and not script.is_readable(
        "آب محله وصل شد. " * 200 + azb
    )


def test_of_two_bodies_words_each_language_is_a_piece_of_its_own_and_hers_is_heard_be_it_the_shorter() -> (
    None
):
    az, fa = "25 gündə su gələcək.\nSu geldi", "شرکت برق: کابل این محله عوض می‌شود.\nOK"
    for both in ([az, fa], [fa, az]):
        text = "\n".join(both)
        assert script.language_of(text) == "fa" and list(script.pieces(text)) == both
        assert (
            script.heard("درست شد.", text, "az") == text
            and script.heard("درست شد.", text, "fa") == "درست شد."
        )
    assert list(script.runs(az, "az")) == [("az", az)]
    assert script.heard("درست شد.", "OK\n12", "az") == "OK\n12"
    assert script.heard("درست شد.\nOK", "شرکت برق: درست شد.\nOK", "az") == "درست شد.\nOK"
