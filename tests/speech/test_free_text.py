"""Free text made speakable: numbers, dates and signs in words, everything else away."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words
from persiantools.digits import en_to_fa, to_word
from persiantools.jdatetime import JalaliDate

from ivr.settings import ROOT
from ivr.speech.free_text import readable
from ivr.speech.lexicon import SIGNS
from ivr.voice import saying
from ivr.voice.catalogue import Utterance, parse

CATALOGUE = parse([("p.yaml", (ROOT / "sounds/prompts.yaml").read_bytes())])
WORDS = {
    language: {
        id: part.words
        for id in (*saying.fragments(language), *SIGNS)
        for part in CATALOGUE.find(id, language) or ()
        if isinstance(part, Utterance)
    }
    for language in ("fa", "az")
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("آب وصل شد", "آب وصل شد"),
        ("كوچه‌ي ۵", "کوچه‌ی پنج"),
        ("خیابان رحم\u0670ن و موسی\u0670", "خیابان رحمن و موسی"),
        ("۲۹ روز", "بیستُ نُه روز"),
        ("مبلغ ۱٬۲۵۰٬۰۰۰ تومان", "مبلغ یک میلیونُ دویستُ پنجاه هزار تومان"),
        ("12,000,000,000 ریال", "دوازده میلیارد ریال"),
        ("۳٫۵٪", "سه اُ نیم درصد"),
        ("٪۲۵ و ۱۰٪", "بیستُ پنج درصد و ده درصد"),
        ("۲/۵ میلیون تومان", "دو اُ نیم میلیون تومان"),
        ("۲/۲۵ هکتار", "دو ممیز بیستُ پنج هکتار"),
        ("۰/۵ متر و ½ متر و ۲½ متر", "نیم متر و نیم متر و دو اُ نیم متر"),
        ("3.05 متر", "سه ممیز صفر پنج متر"),
        ("۱۲۵۰۰۰۰۰ ریال", "دوازده میلیونُ پانصد هزار ریال"),
        ("۱۲۵۰۰۰۰۰", "دوازده میلیونُ پانصد هزار"),
        ("12.500.000", "دوازده میلیونُ پانصد هزار"),
        ("۱۲/۵۰۰/۰۰۰ ریال", "دوازده میلیونُ پانصد هزار ریال"),
        ("12.500 تومان", "دوازده هزارُ پانصد تومان"),
        ("مبلغ ۲۵۰/۰۰۰ (دویست هزار) ریال", "مبلغ دویستُ پنجاه هزار (دویست هزار) ریال"),
        ("هزینهٔ انشعاب ۲۵۰.۰۰۰ می‌باشد", "هزینهٔ انشعاب دویستُ پنجاه هزار می‌باشد"),
        ("۱۵۰/۵۰۰ تومن", "صدُ پنجاه هزارُ پانصد تومن"),
        ("مبلغ ۱۲/۵۰۰ (", "مبلغ دوازده هزارُ پانصد ("),
        ("مبلغ ۲/۱۲۵ میلیون تومان", "مبلغ دو ممیز صدُ بیستُ پنج میلیون تومان"),
        (
            "مبلغ ۲/۱۲۵ (دو) میلیارد ریال و ۲/۱۲۵ همت",
            "مبلغ دو ممیز صدُ بیستُ پنج (دو) میلیارد ریال و دو ممیز صدُ بیستُ پنج همت",
        ),
        ("مبلغ ۲/۱۲۵ همت", "مبلغ دو ممیز صدُ بیستُ پنج همت"),
        ("تلفن ۳۳۳۳۴۴۵۵ (داخلی) روز شنبه", "تلفن سه سه سه , سه چهار چهار , پنج پنج (داخلی) روز شنبه"),
        ("۳٫۰۰۰ درصد و ۳/۰۰۰٪", "سه درصد و سه درصد"),
        ("۱۲.۰۰۰ لیتر آب و ۱۲۰/۰۰۰ متر مربع", "دوازده هزار لیتر آب و صدُ بیست هزار متر مربع"),
        ("تلفن‌های ۳۳۳۳۴۴۵۵ مورد نیاز", "تلفن‌های سه سه سه , سه چهار چهار , پنج پنج مورد نیاز"),
        ("تعداد پرونده: ۱۲۵۰۰ مورد", "تعداد پرونده: دوازده هزارُ پانصد مورد"),
        (
            "موجودی حساب: ۲۵۰۰۰۰۰ (دو میلیون و پانصد هزار) ریال",
            "موجودی حساب: دو میلیونُ پانصد هزار (دو میلیون و پانصد هزار) ریال",
        ),
        (
            "شماره حساب ۱۲۳۴۵۶۷۸ (بانک ملی) ریال",
            "شماره حساب یک دو سه , چهار پنج شش , هفت هشت (بانک ملی) ریال",
        ),
        ("تلفن ۳۳۳۳۴۴۵۵ روز شنبه", "تلفن سه سه سه , سه چهار چهار , پنج پنج روز شنبه"),
        ("۲/۰۰۰ نفر و ۲/۰۰۰ میلیارد", "دو هزار نفر و دو هزار میلیارد"),
        ("مبلغ ۰/۱۲۵", "مبلغ صفر ممیز صدُ بیستُ پنج"),
        ("نامهٔ ۱۲۳/۰۰۰", "نامهٔ صدُ بیستُ سه صفر صفر صفر"),
        ("۱۲/۵۰۰ متر", "دوازده اُ نیم متر"),
        ("۱،۲۵۰،۰۰۰ تومان", "یک میلیونُ دویستُ پنجاه هزار تومان"),
        ("۱۲۳۴۵۶۷۸۹۰۱۲ ریال", "صدُ بیستُ سه میلیاردُ چهارصدُ پنجاهُ شش میلیونُ هفتصدُ هشتادُ نُه هزارُ دوازده ریال"),
        ("۱۰/۹/۱۴۰۵", "سه‌شنبه، دهمِ آذر سالِ هزارُ چهارصدُ پنج"),
        ("1405-09-10", "سه‌شنبه، دهمِ آذر سالِ هزارُ چهارصدُ پنج"),
        ("1405.9.10", "سه‌شنبه، دهمِ آذر سالِ هزارُ چهارصدُ پنج"),
        ("۰۵/۰۹/۱۰", "سه‌شنبه، دهمِ آذر سالِ هزارُ چهارصدُ پنج"),
        ("2026-12-01", "سه‌شنبه، دهمِ آذر سالِ هزارُ چهارصدُ پنج"),
        ("روز سه‌شنبه ۱۴۰۵/۹/۱۰", "روز سه‌شنبه دهمِ آذر سالِ هزارُ چهارصدُ پنج"),
        ("۱۰:۳۰", "ساعتِ ده و سی دقیقه"),
        ("ساعت ۱۰:۰۰", "ساعت ده"),
        ("ساعت ۱۰/۳۰", "ساعت ده و سی دقیقه"),
        ("ساعتِ ۱۰.۰۰ روز شنبه", "ساعتِ ده روز شنبه"),
        ("ساعت ۸/۳۰ تا ۱۴/۳۰", "ساعت هشت و سی دقیقه تا چهارده و سی دقیقه"),
        ("ساعت ۸ الی ۱۴٫۳۰", "ساعت هشت الی چهارده و سی دقیقه"),
        ("ساعت ۸/۳۰-۱۴/۳۰", "ساعت هشت و سی دقیقه تا چهارده و سی دقیقه"),
        ("از ساعت ۸ صبح تا ۱۴/۳۰", "از ساعت هشت صبح تا چهارده و سی دقیقه"),
        ("ساعت ۸/۳۰ صبح الی ۱۴/۳۰", "ساعت هشت و سی دقیقه صبح الی چهارده و سی دقیقه"),
        ("ساعت ۸-۱۴/۳۰", "ساعت هشت تا چهارده و سی دقیقه"),
        ("ساعت ۲۲/۳۰ - ۶/۳۰", "ساعت بیستُ دو و سی دقیقه تا شش و سی دقیقه"),
        ("ساعت ۸/۳۰ و ۱۴/۳۰ روز شنبه", "ساعت هشت و سی دقیقه و چهارده و سی دقیقه روز شنبه"),
        ("ساعت ۸/۳۰-۱۰/۳۰-۱۴/۳۰", "ساعت هشت و سی دقیقه تا ده و سی دقیقه - چهارده و سی دقیقه"),
        ("ساعات ۸/۳۰ تا ۱۴:۳۰", "ساعات هشت و سی دقیقه تا ساعتِ چهارده و سی دقیقه"),
        ("ساعت‌های ۸ تا ۱۰ و ۱۴ تا ۱۶/۳۰", "ساعت‌های هشت تا ده و چهارده تا شانزده و سی دقیقه"),
        ("ساعت ۱۰/۳۰ مورد تأیید قرار گرفت", "ساعت ده و سی دقیقه مورد تأیید قرار گرفت"),
        ("ساعت کاری ۸/۳۰ تا ۱۴/۳۰", "ساعت کاری هشت و سی دقیقه تا چهارده و سی دقیقه"),
        ("ساعات اداری: ۸/۳۰-۱۴/۳۰", "ساعات اداری: هشت و سی دقیقه تا چهارده و سی دقیقه"),
        ("۸:۰۰ تا ۱۴/۳۰", "ساعتِ هشت تا چهارده و سی دقیقه"),
        ("۸:۰۰-۱۴/۳۰", "ساعتِ هشت تا چهارده و سی دقیقه"),
        ("ساعت ۲ بعد از ظهر تا ۴/۳۰", "ساعت دو بعد از ظهر تا چهار و سی دقیقه"),
        ("در هر ساعت ۲/۵۰ مترمکعب و ۳/۵۰ کیلووات", "در هر ساعت دو اُ نیم مترمکعب و سه اُ نیم کیلووات"),
        ("در هر ساعت ۲/۵۰ لیتر", "در هر ساعت دو اُ نیم لیتر"),
        ("ساعت ۹/۳۰ تا ۲/۵۰ متر", "ساعت نُه و سی دقیقه تا دو اُ نیم متر"),
        ("ساعت ۱۰-۲/۵۰ متر و ۳/۳۰", "ساعت ده - دو اُ نیم متر و سه ممیز سه"),
        ("ساعت ۱۰ و ۵ نفر و ۳/۳۰ متر", "ساعت ده و پنج نفر و سه ممیز سه متر"),
        ("ساعت ۲/۵", "ساعت دو اُ نیم"),
        ("ساعت ۲۲-۶", "ساعت بیستُ دو تا شش"),
        ("ساعت ۲۲:۰۰-۶:۰۰", "ساعت بیستُ دو تا شش"),
        ("ساعت ۱۰-۵ نفر", "ساعت ده - پنج نفر"),
        ("ساعت ۱۴ - ۲ بهمن", "ساعت چهارده - دو بهمن"),
        ("ساعت ۲/۵-۱۴/۳۰", "ساعت دو اُ نیم تا چهارده و سی دقیقه"),
        (
            "ساعت ۸/۳۰-۱۲/۳۰، ۱۴/۳۰-۱۶/۳۰",
            "ساعت هشت و سی دقیقه تا دوازده و سی دقیقه ، چهارده و سی دقیقه تا شانزده و سی دقیقه",
        ),
        ("ساعت ۸-۱۴، ۱۶/۲۰-۱۸/۲۵ متر", "ساعت هشت تا چهارده ، شانزده ممیز دو تا هجده ممیز بیستُ پنج متر"),
        ("۲/۵۰ تا ۳/۳۰ متر", "دو اُ نیم تا سه ممیز سه متر"),
        ("۸:۰۰-۱۴:۳۰", "ساعتِ هشت تا چهارده و سی دقیقه"),
        ("۱۰-۱۲ روز", "ده تا دوازده روز"),
        ("۱۰ – ۱۲٪", "ده تا دوازده درصد"),
        ("سال ۱۴۰۴-۱۴۰۵", "سال هزارُ چهارصدُ چهار تا هزارُ چهارصدُ پنج"),
        ("نامهٔ ۱۲۳/۴۵", "نامهٔ صدُ بیستُ سه چهلُ پنج"),
        ("پلاک ۱۲/۱", "پلاک دوازده یک"),
        ("پلاک ۱۲ ب ۳۴۵ ایران ۱۵", "پلاک دوازده ب سیصدُ چهلُ پنج ایران پانزده"),
        ("کد پیگیری ۱۲۳۴۵۶۷۸۹۴", "کد پیگیری یک دو سه , چهار پنج شش , هفت هشت , نُه چهار"),
        ("۱۲۳-۴۵۶-۷۸-۹۴", "یک دو سه , چهار پنج شش , هفت هشت , نُه چهار"),
        ("0914-999-0011", "صفر نُه یک , چهار نُه نُه , نُه صفر صفر , یک یک"),
        ("+98 914 999 0011", "صفر نُه یک , چهار نُه نُه , نُه صفر صفر , یک یک"),
        ("+984133334444", "صفر چهار یک , سه سه سه , سه چهار چهار , چهار چهار"),
        ("+98 41 3333 4444", "صفر چهار یک , سه سه سه , سه چهار چهار , چهار چهار"),
        ("0098-41-33334444", "صفر چهار یک , سه سه سه , سه چهار چهار , چهار چهار"),
        ("+98 (41) 3333-4444", "صفر چهار یک , سه سه سه , سه چهار چهار , چهار چهار"),
        (
            "با تلفن ۳۳۳۴-۴۴۵۵ تماس بگیرید",
            "با تلفن سه هزارُ سیصدُ سیُ چهار - چهار هزارُ چهارصدُ پنجاهُ پنج تماس بگیرید",
        ),
        ("پلاک ۱۲-۱۴ و پلاک ۱۰۲-۱۰۴", "پلاک دوازده تا چهارده و پلاک صدُ دو تا صدُ چهار"),
        ("۰۴۱-۳۳۳۳۴۴۵۵", "صفر چهار یک , سه سه سه , سه چهار چهار , پنج پنج"),
        ("تلفن: ۳۳۳۴۴۵۵", "تلفن: سه سه سه , چهار چهار , پنج پنج"),
        ("با ۱۱۱ تماس بگیرید", "با صدُ یازده تماس بگیرید"),
        ("تا ۱۴۰۵/۰۹/۲۵", "تا چهارشنبه، بیستُ پنجمِ آذر سالِ هزارُ چهارصدُ پنج"),
        ("۱۴۰۵/۱۳/۴۰", "هزارُ چهارصدُ پنج سیزده چهل"),
        ("04133334455", "صفر چهار یک , سه سه سه , سه چهار چهار , پنج پنج"),
        ("007", "صفر صفر هفت"),
        ("سلام 😀 [[x]] <b>#", "سلام x b"),
        ("آب_برق/گاز", "آب برق گاز"),
        ("12", "دوازده"),
        ("…—*", ""),
        ("", ""),
    ],
)
def test_persian(text: str, said: str) -> None:
    assert readable(text, "fa", WORDS["fa"]) == said


def test_azerbaijani() -> None:
    said = readable("25% su & 1405/09/25", "az", WORDS["az"])
    assert said == "iyirmi beş dərsəd su və min dörd yüz beş ilinin azər ayının iyirmi beşi çərşənbə"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2,5 milyon tümən", "iki yarım milyon tümən"),
        ("12.500.000 rial", "on iki milyon beş yüz min rial"),
        ("məbləğ 12.500 (", "məbləğ on iki min beş yüz ("),
        ("21.000 tümən", "iyirmi bir min tümən"),
        ("saat 10:30-da", "saat on otuzda"),
        ("saat 10.30-da", "saat on otuzda"),
        ("saat 8.30-dan 14.30-a", "saat səkkiz otuzdan on dörd otuza"),
        ("saat 8-14.30", "saat səkkiz , saat on dörd otuz"),
        ("saat 8.30 və 14.30-da", "saat səkkiz otuz və on dörd otuzda"),
        ("111-ə zəng edin", "yüz on birə zəng edin"),
        ("5-ci küçə", "beşinci küçə"),
        ("6-cı mərtəbə", "altıncı mərtəbə"),
        ("10-cu, 3-cü və 20-ci", "onuncu, üçüncü və iyirminci"),
        ("1405-ci ildə", "min dörd yüz beşinci ildə"),
        ("5-cidən 7-ciyə, 10-cusudur", "beşincidən yeddinciyə, onuncusudur"),
        ("3-cild, 2-cins, 4-ciyər", "üçcild, ikicins, dördciyər"),
        ("5-CI KÜÇƏ, 3-CÜ, 6-CI, 9-Cİ", "beşinCI KÜÇƏ, üçünCÜ, altınCI, doqquzunCİ"),
        ("10-12 gün", "on on iki gün"),
        ("0914-999-0011", "sıfır doqquz bir , dörd doqquz doqquz , doqquz sıfır sıfır , bir bir"),
    ],
)
def test_azerbaijani_figures(text: str, said: str) -> None:
    assert readable(text, "az", WORDS["az"]) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("12.500 tümənə", "on iki min beş yüz tümənə"),
        ("350.200 rialdır", "üç yüz əlli min iki yüz rialdır"),
        ("350.200 rialadək", "üç yüz əlli min iki yüz rialadək"),
        ("350.200 rialını", "üç yüz əlli min iki yüz rialını"),
        ("350.200 rialınızdan", "üç yüz əlli min iki yüz rialınızdan"),
        ("350.200 tümənlərinin", "üç yüz əlli min iki yüz tümənlərinin"),
        ("350.200 manatımıza", "üç yüz əlli min iki yüz manatımıza"),
        ("12.500 metrini", "on iki yarım metrini"),
        ("12000500 minimum", "bir iki sıfır , sıfır sıfır beş , sıfır sıfır minimum"),
        ("12000500 günəş", "bir iki sıfır , sıfır sıfır beş , sıfır sıfır günəş"),
        ("12.500 (on iki) manatın", "on iki min beş yüz (on iki) manatın"),
        ("12000500 tümənlik", "on iki milyon beş yüz tümənlik"),
        ("2.000 faizi", "iki faizi"),
        ("12000500 minik", "bir iki sıfır , sıfır sıfır beş , sıfır sıfır minik"),
        ("12000500 metro", "bir iki sıfır , sıfır sıfır beş , sıfır sıfır metro"),
    ],
)
def test_what_an_azerbaijani_figure_counts_is_known_in_every_case(text: str, said: str) -> None:
    assert readable(text, "az", WORDS["az"]) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("110/4512 saylı məktub", "yüz on dörd min beş yüz on iki saylı məktub"),
        ("12/345 nömrəli", "on iki üç yüz qırx beş nömrəli"),
        ("110/45123 saylı", "yüz on dörd beş bir , iki üç saylı"),
        ("12 nömrəli məktəb", "on iki nömrəli məktəb"),
        ("12.000 saylı", "on iki min saylı"),
        ("12.000-saylı", "on iki min saylı"),
        ("110/4512-saylı", "yüz on dörd min beş yüz on iki saylı"),
        ("110/4512 saylıdır", "yüz on dörd min beş yüz on iki saylıdır"),
        ("110/4512 SAYLIYA", "yüz on dörd min beş yüz on iki SAYLIYA"),
        ("12/345-nömrəlinin", "on iki üç yüz qırx beş nömrəlinin"),
        ("110/4512 №-li məktub", "yüz on dörd min beş yüz on iki nömrəli məktub"),
        ("110/4512-№-li", "yüz on dörd min beş yüz on iki nömrəli"),
        ("№ 110/4512", "nömrə yüz on dörd min beş yüz on iki"),
        ("məktəb №5", "məktəb nömrə beş"),
        ("2/5-metrlik", "iki yarımmetrlik"),
        ("2/5 say", "iki yarım say"),
    ],
)
def test_a_number_that_azerbaijani_names_behind_it_is_no_decimal(text: str, said: str) -> None:
    assert readable(text, "az", WORDS["az"]) == said


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("25.09.1405-ci il tarixində baxılacaq", " tarixində baxılacaq"),
        ("1405/09/25-ci ildə baxıldı", " baxıldı"),
        ("25.09.1405-cı İLİN", ""),
        ("25.09.1405-dən", "dən"),
        ("25.09.1405-ci ildən", " ildən"),
    ],
)
def test_an_azerbaijani_date_with_its_year_named_behind_it_becomes_no_ordinal(text: str, behind: str) -> None:
    day = "min dörd yüz beş ilinin azər ayının iyirmi beşi çərşənbə"
    assert readable(text, "az", WORDS["az"]) == f"{day}{behind}"
    assert readable("12.14.15-ci bəndlər", "az", WORDS["az"]) == "on iki on dörd on beşinci bəndlər"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("saat 8-14-də", "saat səkkiz , saat on dörddə"),
        ("10:00-12:00", "saat on , saat on iki"),
        ("iş saatları: 8.30-14.30", "iş saatları: səkkiz otuz , saat on dörd otuz"),
        ("saat 10:00 və 12-15 nəfər", "saat on və on iki on beş nəfər"),
        ("hər saat 8-10 metr", "hər saat səkkiz on metr"),
        ("8-10 saat", "səkkiz on saat"),
        ("2 saat 30-40 dəqiqə", "iki saat otuz qırx dəqiqə"),
        ("48 saat 2-3 gün", "qırx səkkiz saat iki üç gün"),
        ("hər saat 8-10 avtobus", "hər saat səkkiz on avtobus"),
        ("Hər saat 8-10 avtobus", "Hər saat səkkiz on avtobus"),
        ("HƏR SAAT 8-10 AVTOBUS", "HƏR SAAT səkkiz on AVTOBUS"),
        ("saat 22-6-ya qədər", "saat iyirmi iki , saat altıya qədər"),
        ("saat 22 - 6", "saat iyirmi iki , saat altı"),
        ("22:00-6:00", "saat iyirmi iki , saat altı"),
        ("saat 10-5 nəfər", "saat on - beş nəfər"),
        ("saat 10 - 5 avtobus", "saat on - beş avtobus"),
        ("2 saat 20-10 dəqiqə", "iki saat iyirmi - on dəqiqə"),
        ("hesab 3-2 oldu", "hesab üç - iki oldu"),
        ("saat 14-2 dekabr", "saat on dörd - iki dekabr"),
        ("saat 10-5-ci mərtəbə", "saat on - beşinci mərtəbə"),
        ("saat 5-10-cu mərtəbə", "saat beş onuncu mərtəbə"),
        ("saat 14-2 İyun", "saat on dörd - iki İyun"),
        ("saat 8-14-də, 2-ci mərtəbə", "saat səkkiz , saat on dörddə, ikinci mərtəbə"),
    ],
)
def test_an_azerbaijani_range_of_hours_says_that_both_are_hours_and_one_of_counts_does_not(
    text: str, said: str
) -> None:
    assert readable(text, "az", WORDS["az"]) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("saat 8-14, 16-20", "saat səkkiz , saat on dörd , saat on altı , saat iyirmi"),
        ("saat 8-14 və 16-20-də", "saat səkkiz , saat on dörd və saat on altı , saat iyirmidə"),
        ("saat 8-14-dək, 16-20-dək", "saat səkkiz , saat on dörddək, saat on altı , saat iyirmidək"),
        ("saat 8-14, 16-20 açıqdır", "saat səkkiz , saat on dörd , saat on altı , saat iyirmi açıqdır"),
        (
            "saat 8-14, 16-20 avtobus işləyir",
            "saat səkkiz , saat on dörd , saat on altı , saat iyirmi avtobus işləyir",
        ),
        ("saat 8-14 (16-20)", "saat səkkiz , saat on dörd ( saat on altı , saat iyirmi )"),
        ("saat 8-14 və ya 22-6", "saat səkkiz , saat on dörd və ya saat iyirmi iki , saat altı"),
        (
            "iş saatları: 8-10, 10.30-12, 13:00-17:00",
            "iş saatları: səkkiz , saat on , saat on otuz , saat on iki , saat on üç , saat on yeddi",
        ),
    ],
)
def test_a_second_azerbaijani_range_of_hours_is_told_as_one(text: str, said: str) -> None:
    assert readable(text, "az", WORDS["az"]) == said


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        ("hesab 3-2", "hesab üç - iki"),
        ("3-2", "üç - iki"),
        ("3-5 avtobus", "üç beş avtobus"),
        ("16-20 nəfər", "on altı iyirmi nəfər"),
        ("16-20 gün", "on altı iyirmi gün"),
        ("15-20 dəqiqəlik fasilə", "on beş iyirmi dəqiqəlik fasilə"),
        ("15-20 saylı evlər", "on beş iyirmi saylı evlər"),
        ("15-16-cı siniflər", "on beş on altıncı siniflər"),
        ("15-16-CI SİNİFLƏR", "on beş on altınCI SİNİFLƏR"),
        ("17-18-Cİ EVLƏR", "on yeddi on səkkizinCİ EVLƏR"),
        ("19-20-CÜ EVLƏR", "on doqquz iyirminCÜ EVLƏR"),
        ("15-20 dəqiqəyə gəlin", "on beş iyirmi dəqiqəyə gəlin"),
        ("15-16 dəfəyə", "on beş on altı dəfəyə"),
        ("20-30", "iyirmi otuz"),
        ("16.09.1405", "min dörd yüz beş ilinin azər ayının on altısı düşənbə"),
        ("telefon 15-20", "telefon on beş iyirmi"),
        ("15-16 sentyabr", "on beş on altı sentyabr"),
        ("15-16 azərdə", "on beş on altı azərdə"),
        ("15-16 İyunda", "on beş on altı İyunda"),
        ("15-16 İl", "on beş on altı İl"),
        ("15-16 dəfə", "on beş on altı dəfə"),
        ("18-20 yaşlı", "on səkkiz iyirmi yaşlı"),
        ("18-20 YAŞLILAR", "on səkkiz iyirmi YAŞLILAR"),
        ("18-20 yaşında", "on səkkiz iyirmi yaşında"),
        ("15-16 km", "on beş on altı km"),
        ("0914-999-0011", "sıfır doqquz bir , dörd doqquz doqquz , doqquz sıfır sıfır , bir bir"),
    ],
)
def test_what_stands_behind_azerbaijani_hours_and_is_none_is_told_as_what_it_is(
    behind: str, said: str
) -> None:
    assert readable(f"saat 8-14, {behind}", "az", WORDS["az"]) == f"saat səkkiz , saat on dörd , {said}"


@given(st.integers(0, 23), st.integers(0, 24))
def test_no_azerbaijani_range_of_hours_sounds_like_a_time(first: int, last: int) -> None:
    times = {readable(f"saat {first}:{minute:02}", "az", WORDS["az"]) for minute in range(60)}
    ranges = (f"saat {first}-{last}", f"saat {first}:00-{last}:00", f"saat {first}.00-{last}.00")
    assert all(readable(text, "az", WORDS["az"]) not in times for text in ranges)


def _said(text: str) -> str:
    return readable(text, "fa", WORDS["fa"])


_FORMS = (
    "{y}/{m}/{d}",
    "{y}-{m:02}-{d:02}",
    "{y}.{m}.{d}",
    "{d}/{m}/{y}",
    "{d:02}-{m:02}-{y}",
    "{d}.{m}.{y}",
)


@given(
    st.dates(date(1930, 1, 1), date(2080, 1, 1)),
    st.sampled_from([*_FORMS, "{y}/{m:02}/{d:02}"]),
    st.booleans(),
)
def test_a_day_is_the_same_day_in_every_usual_form(day: date, form: str, persian: bool) -> None:
    jalali = JalaliDate(day)  # type: ignore[no-untyped-call]
    written = form.format(y=jalali.year, m=jalali.month, d=jalali.day)
    spoken = saying.day(day, "fa", year=True)
    assert _said(en_to_fa(written) if persian else written) == " ".join(WORDS["fa"][str(id)] for id in spoken)


@given(st.integers(1_000, 999_999_999_999_999))
def test_an_amount_is_the_same_however_its_thousands_are_parted(n: int) -> None:
    plain = _said(f"{n} ریال")
    assert plain == _said(f"{n:,} ریال") == _said(en_to_fa(f"{n:,}".replace(",", "٬")) + " ریال")
    assert plain == _said(f"{n:,}".replace(",", ".") + " ریال") == _said(f"{n:,}".replace(",", "/") + " ریال")


@given(st.integers(0, 999_999_999_999).filter(lambda n: n // 1_000 % 1_000 != 1))  # «هزار» or «یک هزار»
def test_an_amount_is_what_the_libraries_say(n: int) -> None:
    ours = _said(f"{n} ریال").replace("نُه", "نه").replace("ُ", " و")
    theirs = f"{to_word(n)} ریال".replace("یکصد", "صد")
    assert "".join(ours.split()) == "".join(theirs.split())


def _in_azerbaijani(n: int) -> str:
    return str(num2words(n, lang="az"))  # type: ignore[no-untyped-call]


@given(st.integers(2, 999).filter(lambda n: n % 10 != 1), st.integers(0, 999_999))
def test_an_azerbaijani_amount_is_what_the_libraries_say(billions: int, rest: int) -> None:
    rest = rest // 1_000 // 10 * 10_000 + rest % 1_000  # num2words says 20,000 for 21,000
    n = billions * 1_000_000_000 + rest
    assert readable(f"{n} manat", "az", WORDS["az"]) == f"{_in_azerbaijani(n)} manat"


@given(st.integers(1, 999), st.integers(1, 999).filter(lambda n: n % 10))
def test_a_decimal_is_the_same_with_slash_and_point(whole: int, part: int) -> None:
    said = {_said(f"{whole}{sign}{part} متر") for sign in ("/", ".", "٫")}
    assert len(said) == 1 and ("ممیز" in min(said)) == (part != 5)


@given(st.from_regex(r"09[0-9]{9}", fullmatch=True))
def test_a_telephone_number_is_read_digit_by_digit_however_it_is_parted(number: str) -> None:
    spoken = " ".join("," if id == "pause" else WORDS["fa"][str(id)] for id in saying.digits(number, "fa"))
    a, b, c = number[:4], number[4:7], number[7:]
    forms = (number, f"{a}-{b}-{c}", f"{a} {b} {c}", f"+98{number[1:]}", f"0098{number[1:]}", f"({a}) {b}{c}")
    assert {_said(form).strip("() ") for form in forms[:5]} == {spoken}


@given(st.integers(0, 23), st.integers(1, 59))
def test_a_time_has_its_hour_and_its_minutes(hour: int, minute: int) -> None:
    said = _said(f"ساعت {hour}:{minute:02}")
    assert said == f"ساعت {_said(f'{hour}')} و {_said(f'{minute}')} دقیقه"


@given(st.integers(0, 9_998), st.integers(1, 9_999))
def test_a_range_rises(first: int, more: int) -> None:
    last = min(first + more, 9_999)
    assert _said(f"{first}-{last}") == f"{_said(str(first))} تا {_said(str(last))}"
    assert "تا" not in _said(f"{last}-{first}").split()


@given(st.text(alphabet="0123456789۰۹/.,:-–٬٫٪% ()+آبx", max_size=40), st.sampled_from(["fa", "az"]))
def test_no_figure_is_left_or_lost(text: str, language: str) -> None:
    said = readable(text, language, WORDS[language])
    assert not re.search("[0-9۰-۹]", said)
    if any(sign.isdecimal() for sign in text):
        assert said


@given(st.text(max_size=200), st.sampled_from(["fa", "az"]))
def test_anything_typed_becomes_words_without_digits_or_phoneme_marks(text: str, language: str) -> None:
    said = readable(text, language, WORDS[language])
    assert not re.search(r"[0-9۰-۹\[\]<>/\\\n\x00]", said)
    assert said == "" or any(sign.isalpha() for sign in said)


@given(st.text(max_size=50))
def test_nothing_is_raised_without_a_lexicon(text: str) -> None:
    readable(text, "fa", {})
