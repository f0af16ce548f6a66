"""What somebody typed in vain comes back whole, under the names of its fields."""

from __future__ import annotations

import re
from pathlib import Path

from ivr.web.panel.locale import words
from ivr.web.panel.rendering import FOLDER
from ivr.web.panel.typed import LABELS, SECRET, typed

DESK = "/panel/desk"
# A control that is typed into, by itself or by one of our macros.
TYPED = re.compile(
    r"""<textarea[^>]*?\sname="(?P<area>[a-z_]+)"
    |<input(?![^>]*type="(?:hidden|radio|checkbox|file)")[^>]*?\sname="(?P<line>[a-z_]+)"
    |\bfield\("(?P<field>[a-z_]+)"|\btext\([^,]+,\ "(?P<text>[a-z_]+)"|\breason\((?P<reason>)""",
    re.VERBOSE,
)
FORM = re.compile(r'<form[^>]*method="post".*?</form>', re.DOTALL)


def told(path: str, **sent: str) -> dict[str, str]:
    return dict(typed(sent.items(), path, words()))


def fields(template: Path) -> set[str]:
    text = template.read_text(encoding="utf-8")
    found = (each for form in FORM.findall(text) for each in TYPED.finditer(form))
    return {next(filter(None, each.groups()), "reason") for each in found}


def test_short_latin_and_few_digits_come_back_as_persian_does() -> None:
    sent = {"caller": "0914 123", "caller_name": "Ali", "words": "آب", "national_id": "12", "callback": "9"}
    assert told(DESK, **sent) == {
        "شمارهٔ شهروند": "0914 123",
        "نام و نام خانوادگی": "Ali",
        "خواستهٔ شهروند به زبان خودش": "آب",
        "کد ملی": "12",
        "شمارهٔ دیگر برای تماس": "9",
    }


def test_what_is_chosen_carried_or_secret_stays_away() -> None:
    sent = dict.fromkeys(SECRET, "رمز من ۱۲۳۴۵۶") | {"warned": "1234567890 1234567891", "seen": "123456"}
    sent |= {"seen.1": "123456", "kind": "complaint", "topic": "water.bill", "words": " "}
    assert told(DESK, **sent) == {}
    assert told("/panel/inbox/views", name="دیرها", replaces="دیرها") == {"نام نما": "دیرها"}
    assert told("/panel/meetings/sessions/4/day/objected", order="1234567890", reason="x") == {"دلیل": "x"}
    assert told("/panel/cases/1234567890/collect", members="1234567890", collective="1234567890") == {}


def test_what_was_chosen_comes_back_in_the_words_of_its_page() -> None:
    chosen = [("chosen", each) for each in ("نوع\r\nدرخواست", "شهرستان\nاهر", "موضوع", "")]
    told = typed([("kind", "request"), ("county", "ahar"), *chosen], DESK, words())
    assert list(told) == [("نوع", "درخواست"), ("شهرستان", "اهر")]


def test_a_field_is_called_as_on_the_page_that_it_came_from() -> None:
    assert told("/panel/cases/1234567890/answer", words="x") == {
        "پاسخ، با همان واژه‌ها که شهروند می‌شنود و می‌خواند": "x"
    }
    assert told("/panel/meetings/sessions/4/day/walk_in", words="x") == {"خواسته": "x"}
    assert told("/panel/meetings/sessions/4/day/order", words="x") == {"چه باید بشود": "x"}


def test_a_row_of_the_book_comes_back_whole_and_what_was_chosen_in_it_does_not() -> None:
    row = {"row": "dam", "seen": "1", "code": "dam", "name": "ICT", "level": "province", "county": "ahar"}
    row |= {"assignable": "true", "note": "یادداشت من", "reason": "x", "sure": "1"}
    assert told("/panel/admin/book/agency/save", **row) == {
        "کد": "dam",
        "نام": "ICT",
        "یادداشت": "یادداشت من",
        "دلیل تغییر": "x",
    }
    assert told("/panel/admin/book/day/save", day="1405/01/01", county="ahar") == {"روز": "1405/01/01"}
    assert told("/panel/admin/book/topic/save", deadline_days="9") == {"مهلت (روز کاری)": "9"}
    assert told("/panel/admin/book/wording/save", **{"said.fa": "سلام"}) == {"متن": "سلام"}
    assert told("/panel/admin/book/topic/import", name="موضوع‌ها.csv", reason="x") == {"دلیل تغییر": "x"}


def test_whom_an_office_seats_by_hand_it_need_not_look_up_again() -> None:
    sent = {"code": "1234567890", "slot": "2"}
    assert told("/panel/meetings/sessions/4/place", **sent) == {"کد پیگیری": "1234567890"}
    assert told("/panel/account/factor", code="123456") == {}


def test_what_nobody_has_a_name_for_is_not_lost() -> None:
    assert told("/panel/new/page", whatever="چند واژه") == {"نوشتهٔ شما": "چند واژه"}


def test_each_field_that_is_typed_into_has_its_name() -> None:
    named = {key.rpartition("/")[2] for key in LABELS} | SECRET | {"name", "username"}
    lacking = {
        (template.name, each)
        for template in FOLDER.rglob("*.html")
        if template.parent.name != "public"
        for each in fields(template) - named
    }
    assert not lacking
    assert fields(FOLDER / "servicedesk/opening.html") >= {"words", "caller_name"}
