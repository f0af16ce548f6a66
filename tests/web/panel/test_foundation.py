"""What the panel stands on: its table of permissions, its words, its static files."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import date, time
from pathlib import Path

import pytest
import yaml
from multidict import MultiDict, MultiDictProxy

from ivr.cases import phone
from ivr.cases.roles import Role
from ivr.desk.editing.values import Field
from ivr.web import application
from ivr.web.application import NotDeclared, check
from ivr.web.panel.forms import Form
from ivr.web.panel.locale import Locale, words
from ivr.web.panel.permissions import ROLES, Permission
from ivr.web.panel.rendering import dotted, mask_number
from ivr.web.panel.sessions import own_path
from ivr.web.panel.visit import Route
from tests.fixtures.database import ROOT
from tests.web.panel import PanelServed

WEB = Path(application.__file__).parent
VENDOR = WEB / "static/vendor"
# t("…"), words("…"), .refuse(name, "…"): keys written out. One that is put together ends in a dot.
USED = re.compile(r"""(?:\bt|\bwords)\(\s*"([a-z_0-9.]+)"|refuse\([^()]*?"([a-z_]+\.[a-z_0-9.]+)\"""")


# What an office would not write, or writes otherwise elsewhere on the panel.
ODD = ("دیرکرد", "بازنشسته", "گزینش", "ردپا", "ایستا", "رهگیری", "پروندهٔ گروهی", "کارساز", "برگزی")


async def _act(_: object) -> None:
    raise AssertionError


def test_a_route_without_a_line_in_the_table_keeps_the_panel_from_starting() -> None:
    routes = application.sections()
    check(routes)
    with pytest.raises(NotDeclared, match="brand_new"):
        check([*routes, Route("GET", "/panel/new", "brand_new", _act)])  # type: ignore[arg-type]
    with pytest.raises(NotDeclared, match="home"):
        check([route for route in routes if route.name != "home"])


def test_every_role_has_a_line_and_a_word() -> None:
    assert set(ROLES) == set(Role)
    assert set(words().under("common.role")) == set(Role)


def test_every_word_that_a_template_or_a_page_uses_is_there() -> None:
    known, missing = words(), []
    for path in [*(WEB / "templates").rglob("*.html"), *WEB.rglob("*.py")]:
        for found in USED.finditer(path.read_text(encoding="utf-8")):
            key = found[1] or found[2]
            there = known.under(key.rstrip(".")) if key.endswith(".") else key in known
            if not there:
                missing.append(f"{path.relative_to(WEB)}: {key}")
    assert not missing


def test_what_people_read_is_in_an_offices_plain_words() -> None:
    seed = ROOT / "db/seed/east-azerbaijan"
    places = [*WEB.rglob("*.yaml"), *(seed / f"{name}.yaml" for name in ("letters", "notices", "answers"))]
    found = [(path.name, word) for path in places for word in ODD if word in path.read_text(encoding="utf-8")]
    assert len(places) > 8 and not found


def test_no_persian_in_templates_scripts_and_code() -> None:
    persian = re.compile("[\u0620-\u064a\u0671-\u06d3]")  # letters; commas and the like are none
    places = [p for kind in ("*.py", "*.html", "*.js", "*.css") for p in WEB.rglob(kind)]
    allowed = {"forms.py", "locale.py", "rendering.py"}  # digits and marks
    assert not [p.name for p in places if p.name not in allowed and persian.search(p.read_text("utf-8"))]


def test_templates_have_no_inline_script_or_style_and_no_outside_host() -> None:
    wrong = re.compile(
        r"""<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|(?:src|href|action)="(?:https?:)?//"""
    )
    assert not [p.name for p in (WEB / "templates").rglob("*.html") if wrong.search(p.read_text("utf-8"))]


def test_numbers_in_sentences_are_persian() -> None:
    assert Locale({"a.b": "{n} از {m}"})("a.b", n=1234567, m="x1") == "۱٬۲۳۴٬۵۶۷ از x1"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("09141234567", "۰۹۱۴•••••۶۷"),
        ("+989141234567", "۰۹۱۴•••••۶۷"),
        ("989141234567", "۰۹۱۴•••••۶۷"),
        ("00989141234567", "۰۹۱۴•••••۶۷"),
        ("98123456", "۹•••••۵۶"),
        ("04133334444", "۰۴۱۳•••••۴۴"),
        ("4133334444", "۴۱۳•••••۴۴"),
        ("33334444", "۳•••••۴۴"),
        ("3333444", "•••••••"),
        ("1001", "••••"),
        ("", "—"),
        (None, "—"),
    ],
)
def test_of_a_masked_number_five_of_the_last_seven_digits_are_hidden_however_short_it_is(
    number: str | None, shown: str
) -> None:
    assert mask_number(number) == shown


@pytest.mark.parametrize("number", ["09141234567", "+989141234567", "989141234567", "00989141234567"])
def test_a_number_that_was_masked_before_it_came_has_that_shape_too(number: str) -> None:
    assert dotted(phone.mask(number)) == "۰۹۱۴•••۶۷"


def test_files_of_others_are_the_ones_that_were_written_down() -> None:
    listed = {each["file"]: each["sha256"] for each in yaml.safe_load((VENDOR / "vendor.yaml").read_text())}
    there = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in VENDOR.iterdir() if p.suffix != ".yaml"
    }
    assert there == listed


@pytest.mark.parametrize("path", ["", "/", "/panel", "//x/panel/", "/panel/\n", "/panel/\\x", "/panel/a//b"])
def test_nobody_is_sent_elsewhere(path: str) -> None:
    assert own_path(path) == "/panel/"


async def test_static_files_stay_a_year_and_wrong_names_lead_nowhere(panel: PanelServed) -> None:
    client = await panel.client()
    address = panel.panel.assets.address("panel.css")
    answer = await client.get(address)
    assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
    plain = {"Accept-Encoding": "identity"}
    for path in (address, "/panel/sign-in"):  # a file, and a page
        for asked, encoding in (({}, "gzip"), (plain, None)):
            answer = await client.get(path, headers=asked)
            assert answer.headers.get("Content-Encoding") == encoding and len(await answer.text()) > 1_000
            assert answer.headers["Vary"] == "Accept-Encoding"
    old = await client.get("/static/0123456789ab/panel.css")
    assert old.status == 200 and old.headers["Cache-Control"] == "no-cache"
    for name in ("../panel/guard.py", "%2e%2e/panel/guard.py", "vendor/vendor.yaml", "nothing.css"):
        assert (await client.get(f"/static/0123456789ab/{name}")).status == 404


async def test_headers_of_every_page(panel: PanelServed) -> None:
    for path in ("/panel/sign-in", "/panel/", "/panel/nothing"):
        headers = (await (await panel.client()).get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy and "style-src 'self';" in policy and "unsafe" not in policy
        assert headers["Cache-Control"] == "no-store" and headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Strict-Transport-Security" not in headers


async def test_a_page_that_is_not_there_is_a_page(panel: PanelServed) -> None:
    answer = await (await panel.signed_in("officer")).get("/panel/nothing")
    assert answer.status == 404 and "چنین صفحه‌ای نیست" in await answer.text()


def test_what_parts_words_parts_them_in_a_field_of_one_line_and_nothing_unseen_is_left() -> None:
    typed = " می\u200cآید\r\nفردا\u00a0صبح\u202f\u200eساعت\x00 ۸\u2028نه\t "
    form = Form(MultiDictProxy(MultiDict(words=typed)), words())
    assert form.text("words") == "می\u200cآید فردا صبح ساعت ۸ نه"
    assert form.text("words", lines=True) == "می\u200cآید\nفردا صبح ساعت ۸ نه"


def test_letters_as_an_old_pdf_gives_them_are_those_that_a_keyboard_gives() -> None:
    form = Form(MultiDictProxy(MultiDict(words="ﺁﺏ ﻗﻄﻊ ﺍﺳﺖ، ﻻﺯﻡ: ۵ m²", long="ﷲ" * 60)), words())
    assert form.text("words", lines=True) == "آب قطع است، لازم: ۵ m²"
    alone = "ﻣﺤﻤ\ufe7cﺪ ﻣﺤﻤ\ufc60ﺪ محم\ufe7cد"  # marks that stand alone there
    vowelled = Form(MultiDictProxy(MultiDict(words=alone)), words())
    assert vowelled.text("words") == "محم\u0651د محم\u064e\u0651د محم\u0651د"
    assert form.text("long") == "" and "long" in form.wrong, "as it is kept it is 240 characters"


def test_a_day_is_read_in_either_calendar() -> None:
    for typed in ("۱۴۰۵/۰۹/۰۵", "1405-9-5", " 2026-11-26 ", "۲۰۲۶/۱۱/۲۶"):
        assert Form(MultiDictProxy(MultiDict(on=typed)), words()).day("on") == date(2026, 11, 26)
    for typed in ("", "1405/13/01", "26/11/2026", "فردا"):
        form = Form(MultiDictProxy(MultiDict(on=typed)), words())
        assert form.day("on") is None and "on" in form.wrong


def test_marks_of_direction_that_come_along_with_a_copied_number_change_nothing() -> None:
    typed = {
        "on": "\u200f۱۴۰۵/۰۹/۰۵\u200e",
        "at": "\u2068۹:۳۰\u2069",
        "many": "\u202b۱۲\u202c",
        "none": "\u200e",
    }
    form = Form(MultiDictProxy(MultiDict(typed)), words())
    assert (form.day("on"), form.hour("at", "x"), form.number("many")) == (
        date(2026, 11, 26),
        time(9, 30),
        12,
    )
    assert form.number("none", otherwise=7) == 7 and form.day("none", needed=False) is None
    assert not form.wrong
    book = {
        kind: Field("x", kind, pattern=r"\d{3,8}" * (kind == "text")) for kind in ("whole", "day", "text")
    }
    read = {kind: field.read("\ufeff" + "1405/9/5" * (kind == "day") + "۱۱۱" * (kind != "day") + "\u200f")
            for kind, field in book.items()}  # fmt: skip
    assert read == {"whole": 111, "day": "2026-11-26", "text": "111"}
    assert Field("x", "code").read("\u200ewater.supply\u200e") == "water.supply"


async def test_forms_of_others_change_nothing(panel: PanelServed) -> None:
    client = await panel.signed_in("admin")
    other = await panel.signed_in("admin")
    await other.get("/panel/account")
    await client.get("/panel/account")
    good = client.proof
    for fields, headers in [
        ({"csrf": ""}, {}),
        ({"csrf": other.proof}, {}),
        ({"csrf": good[:-1] + ("0" if good[-1] != "0" else "1")}, {}),
        ({"csrf": good}, {"Origin": "https://evil.example"}),
        ({"csrf": good}, {"Origin": "null"}),
        ({"csrf": good}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": good}, {"X-CSRF-Token": "x"}),
    ]:
        answer = await client.post("/panel/sign-out", fields, headers=headers)
        assert answer.status == 403, (fields, headers)
    assert (await client.get("/panel/account")).status == 200
    assert (await client.post("/panel/sign-out")).status == 303
    assert (await client.get("/panel/account")).status == 303


def test_the_document_tells_who_may_what() -> None:
    """Run with IVR_WRITE_DOCS=1 to write it anew."""
    path = WEB.parents[1] / "docs/panel.md"
    text = path.read_text(encoding="utf-8")
    lines = ["| may | " + " | ".join(Role) + " |", "|---" * (len(Role) + 1) + "|"]
    for permission in list(Permission)[2:]:
        marks = ["✓" if permission in ROLES[role] else "" for role in Role]
        lines.append(f"| `{permission}` | " + " | ".join(marks) + " |")
    before, rest = text.split("<!-- roles -->")
    after = rest.split("<!-- /roles -->")[1]
    wanted = f"{before}<!-- roles -->\n" + "\n".join(lines) + f"\n<!-- /roles -->{after}"
    if os.environ.get("IVR_WRITE_DOCS"):
        path.write_text(wanted, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == wanted
