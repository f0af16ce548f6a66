"""Names as a Persian directory orders them."""

from __future__ import annotations

from ivr.cases.alphabet import persian_order


def test_letters_of_persian_alone_stand_in_their_places_and_alef_with_its_hat_first() -> None:
    names = "آذرشهر اهر بناب پارس تبریز جلفا چالوس خوی زنجان ژاله سراب کلیبر گرمی لیلان یزد"
    in_order = names.split()
    assert sorted(sorted(in_order), key=persian_order) == in_order != sorted(in_order)


def test_half_spaces_and_arabic_letters_change_nothing_and_a_word_goes_before_what_begins_with_it() -> None:
    assert persian_order("كليبر") == persian_order("کلیبر")
    assert persian_order("بستان\u200cآباد") == persian_order("بستانآباد")
    assert sorted(["آبفا", "آب منطقه", "آب"], key=persian_order) == ["آب", "آب منطقه", "آبفا"]
    assert sorted(["abc", "الف", "۲", "1"], key=persian_order) == ["1", "۲", "الف", "abc"]
