"""Letters on paper: what they say, when there is one, and that they can be read."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from sqlalchemy import false, select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from ivr.desk.book.seeds import SeedError
from ivr.desk.case import answers, collecting, confiding, precedents, referring, splitting
from ivr.desk.case.change import actor_named
from ivr.desk.case.confiding import Secrecy
from ivr.desk.case.splitting import Part
from ivr.desk.deadlines.escalating import sweep
from ivr.desk.letters import formal_letters
from ivr.desk.letters.formal_letters import FormalLetter, LetterKind, Paper, PaperTable, letters_of, write
from ivr.desk.meetings import order_giving
from ivr.desk.meetings.order_giving import MeetingOrder
from ivr.desk.people.scope import Scope
from ivr.desk.reading.casefile import read
from ivr.desk.refusals import NoSuchCase, Refused
from ivr.store.tables import agencies, case_events, cases
from ivr.web.panel.letter_pdf import letter_pdf
from tests.desk.call.test_refining import QUICK, Call
from tests.desk.counter import Counter, counter
from tests.desk.meetings.test_order_giving import NEAR
from tests.fixtures.database import SEED


@pytest.fixture
async def at(engine: AsyncEngine) -> Counter:
    return await counter(engine)


async def letter(at: Counter, code: str, kind: LetterKind) -> FormalLetter:
    return await write(at.engine, at.page, SEED, code, kind, at.at, true())


async def offered(at: Counter, code: str) -> list[LetterKind]:
    file = await read(at.engine, Scope(), code)
    assert file is not None
    return letters_of(SEED, file.case, file.events, file.order is not None)


async def test_a_case_with_an_agency_has_a_referral_and_may_be_reminded_of(at: Counter) -> None:
    code = await at.open("water.bill")
    assert await offered(at, code) == [LetterKind.REFERRAL, LetterKind.REMINDER]
    found = await letter(at, code, LetterKind.REFERRAL)
    persian = code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    assert (found.number, found.date) == (f"{persian}/۲", "۱۴۰۵/۰۹/۰۴")
    async with at.engine.connect() as connection:
        abfa = (await connection.execute(select(agencies.c.name).where(agencies.c.code == "abfa"))).scalar()
    assert found.to == abfa
    text = "\n".join(found.paragraphs)
    assert "۱۴۰۵/۰۹/۱۵" in text and persian in text and "اهر" in text
    assert "09141234567" not in text and "۰۹۱۴" not in text, "who she is does not go on paper"
    assert "{" not in text and "گفتهٔ شهروند" not in text, "what there is nothing to say of is left out"


async def test_a_letter_tells_of_its_event_however_late_it_is_printed(at: Counter) -> None:
    code = await at.open("water.bill")
    at.later(30)
    await sweep(at.engine, at.page, at.at)
    first = await letter(at, code, LetterKind.ESCALATION)
    at.later(3)
    assert await letter(at, code, LetterKind.ESCALATION) == first
    assert first.to == "استاندار" and "۱۲ روز کاری" in "\n".join(first.paragraphs)
    reminder = await letter(at, code, LetterKind.REMINDER)
    assert "۱۵ روز کاری" in "\n".join(reminder.paragraphs), "a reminder tells of the day of its printing"


async def test_the_body_reads_on_paper_where_it_is_and_addresses_as_they_were_written(at: Counter) -> None:
    """Of a confidential case not: it may be where she lives."""
    code, link = await at.open("water.bill"), "https://farm3.example/27_b.jpg"
    its = cases.update().where(cases.c.code == code)

    async def referred(**values: Any) -> list[str]:
        async with at.engine.begin() as connection:
            await connection.execute(its.values(**values))
        return list((await letter(at, code, LetterKind.REFERRAL)).paragraphs)

    place = {"address": "خیابان 22 بهمن"}
    found = await referred(words=f"از 3 روز پیش\n{link}", place=place | {"latitude": None})
    assert "نشانی: خیابان ۲۲ بهمن" in found and f"گفتهٔ شهروند: «از ۳ روز پیش\n{link}»" in found
    for nothing in (None, {}, {"address": None}, {"address": " "}):
        assert "نشانی" not in "".join(await referred(place=nothing)), nothing
    point: dict[str, Any] = {"latitude": 38.07, "longitude": 46.29}
    assert "نشانی: ۳۸.۰۷,۴۶.۲۹" in await referred(place=point | {"address_id": "7"})
    assert "نشانی: ۷" in await referred(place={"address_id": "7", "latitude": None})
    for its_place in (place, point, {"address_id": "7"}):
        found = await referred(place=its_place, confidential="desk", told="قبض")
        assert "نشانی" not in "".join(found) and "بهمن" not in "".join(found)


async def test_words_too_long_for_paper_are_cut_before_a_link_and_not_within_it(at: Counter) -> None:
    code, link, most = (
        await at.open("water.bill"),
        "https://farm3.example/27_b.jpg",
        formal_letters.MOST_WORDS,
    )

    async def hers(words: str) -> str:
        async with at.engine.begin() as connection:
            await connection.execute(cases.update().values(words=words))
        [found] = [
            each for each in (await letter(at, code, LetterKind.REFERRAL)).paragraphs if "گفته" in each
        ]
        return found.removeprefix("گفتهٔ شهروند: «").removesuffix("»")

    lead = "x" * (most - 10)
    assert await hers(f"{lead}\n{link}") == f"{lead}…"
    lead = "x" * (most - len(link) - 1)
    assert await hers(f"{lead}\n{link}\nhttps://b.example") == f"{lead}\n{link}…"
    assert await hers("x" * most + link) == "x" * most + "…"


async def test_a_reminder_promises_no_call_of_ours(at: Counter) -> None:
    for caller in ("09141234567", ""):
        found = await letter(at, await at.open("water.bill", caller=caller), LetterKind.REMINDER)
        text = "\n".join(found.paragraphs)
        assert "شهروند منتظر پاسخ است." in text and "تماس" not in text


async def test_a_reminder_is_of_its_day_and_to_the_body_that_has_the_case_by_then(at: Counter) -> None:
    """Also where the ladder reminded somebody before."""
    code = await at.open("water.bill")
    async with at.engine.connect() as connection:
        due = (await connection.execute(select(cases.c.due_at))).scalar_one()
        query = select(agencies.c.code, agencies.c.name)
        names = {row.code: row.name for row in await connection.execute(query)}
    at.at = due - timedelta(hours=1)
    await sweep(at.engine, at.page, at.at)
    async with at.engine.connect() as connection:
        told = (await connection.execute(select(case_events.c.event))).scalars().all()
    assert "reminded" in told
    before = await letter(at, code, LetterKind.REMINDER)
    assert before.to == names["abfa"]
    at.later(20)
    late = await letter(at, code, LetterKind.REMINDER)
    assert late.date > before.date and "روز کاری" in "\n".join(late.paragraphs)
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    assert (await letter(at, code, LetterKind.REMINDER)).to == names["edu"]


async def test_no_letter_where_there_is_nothing_to_tell(at: Counter) -> None:
    desk, answered = await at.open("water.bill"), await at.open()
    await referring.give_back(at.engine, at.page, at.ask(desk, "abfa", "کار ما نیست"))
    await answers.give(at.engine, at.page, at.ask(answered, "abfa"), "درست شد")
    assert await offered(at, desk) == [LetterKind.REMINDER]
    assert await offered(at, answered) == [LetterKind.REFERRAL]
    for code, kind in ((desk, LetterKind.REFERRAL), (answered, LetterKind.REMINDER)):
        with pytest.raises(Refused):
            await letter(at, code, kind)
    with pytest.raises(NoSuchCase):
        await write(at.engine, at.page, SEED, answered, LetterKind.REFERRAL, at.at, false())


async def test_the_letter_of_an_order_that_was_given_outside_a_meeting_speaks_of_none(at: Counter) -> None:
    order = MeetingOrder("abfa", "آب وصل شود", NEAR)
    [part] = await order_giving.give(at.engine, at.page, at.ask(await at.open()), [order])
    found = await letter(at, part, LetterKind.ORDER)
    text = "\n".join([found.subject, *found.paragraphs])
    assert "آب وصل شود" in text and "دیدار" not in text and "ملاقات" not in text


async def test_a_collective_case_with_days_of_its_own_is_no_order_of_a_meeting(at: Counter) -> None:
    codes, desk = [await at.open("water.bill")], actor_named(at.page, "desk")
    whole = (await collecting.collect(at.engine, at.page, desk, codes, "قبض", at.at)).code
    await referring.refer(at.engine, at.page, at.ask(whole), "shahrdari_ahar")
    assert (await at.row(whole)).ordered_days is not None
    assert await offered(at, whole) == [LetterKind.REFERRAL, LetterKind.REMINDER]
    with pytest.raises(Refused):
        await letter(at, whole, LetterKind.ORDER)


async def test_nor_is_a_case_that_kept_its_deadline_as_its_caller_said_what_it_is_about(at: Counter) -> None:
    call = Call(at)
    case = await call.apply(call.opened, call.says(QUICK, "ahar"), call.says("other.other"))
    assert case.ordered_days is not None and LetterKind.ORDER not in await offered(at, case.code)


async def test_nor_is_a_part_that_has_its_whole_s_fewer_days(at: Counter) -> None:
    call = Call(at)
    case = await call.apply(call.opened, call.says(QUICK, "ahar"), call.says("other.other"))
    parts = [Part("abfa", "لوله"), Part("edu", "مدرسه")]
    for part in await splitting.split(at.engine, at.page, at.ask(case.code), parts):
        assert (await at.row(part)).ordered_days is not None
        assert await offered(at, part) == [LetterKind.REFERRAL, LetterKind.REMINDER]
        with pytest.raises(Refused):
            await letter(at, part, LetterKind.ORDER)


async def test_a_body_that_a_ruling_binds_to_the_case_is_not_bidden_to_return_it(at: Counter) -> None:
    code = await at.open("water.bill")

    async def bidden() -> bool:
        return "بازگردانده شود" in "\n".join((await letter(at, code, LetterKind.REFERRAL)).paragraphs)

    assert await bidden()
    await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "کار ما نیست"))
    await referring.rule(at.engine, at.page, at.ask(code, reason="قبض آب"), "abfa")
    assert not await bidden()
    with pytest.raises(Refused):
        await referring.give_back(at.engine, at.page, at.ask(code, "abfa", "کار ما نیست"))
    [ruling] = await precedents.listed(at.engine)
    await precedents.revoke(at.engine, ruling["id"], actor_named(at.page, "desk"), "قانون تازه", at.later())
    assert await bidden()


async def test_nor_is_one_that_has_a_collective_case_of_which_a_ruling_binds_a_member(at: Counter) -> None:
    held, other, desk = await at.open("water.bill"), await at.open("water.bill"), actor_named(at.page, "desk")
    await referring.rule(at.engine, at.page, at.ask(held, reason="قبض آب"), "abfa")
    whole = (await collecting.collect(at.engine, at.page, desk, [held, other], "قبض", at.at)).code

    async def bidden() -> bool:
        return "بازگردانده شود" in "\n".join((await letter(at, whole, LetterKind.REFERRAL)).paragraphs)

    assert not await bidden()
    with pytest.raises(Refused, match=held):
        await referring.give_back(at.engine, at.page, at.ask(whole, "abfa", "کار ما نیست"))
    await collecting.release(at.engine, at.page, at.ask(held, reason="جداست"))
    assert await bidden()
    await referring.give_back(at.engine, at.page, at.ask(whole, "abfa", "کار ما نیست"))


async def test_only_what_a_citizen_wrote_is_printed_as_hers(at: Counter, tmp_path: Path) -> None:
    """By an older file, which knows {words} alone, the body reads what it is to see to all the same."""
    codes, desk = [await at.open("water.bill") for _ in range(3)], actor_named(at.page, "desk")
    async with at.engine.begin() as connection:
        await connection.execute(cases.update().values(words="قبض من گران است"))
    hers, many, secret = codes
    whole = await collecting.collect(at.engine, at.page, desk, [many], "قبض‌های اهر", at.at)
    await confiding.confide(at.engine, at.page, at.ask(secret, reason="می‌ترسد"), Secrecy(told="قبض کسی"))
    parts = [Part("abfa", "لوله"), Part("edu", "مدرسه")]
    [part, _] = await splitting.split(at.engine, at.page, at.ask(await at.open()), parts)
    text = 'letters: {referral: {to: x, subject: y, text: ["گفتهٔ شهروند: «{words}»"]}}'
    (tmp_path / formal_letters.FILE).write_text(text, encoding="utf-8")
    heads = {hers: ("گفتهٔ شهروند", "قبض من گران است"), whole.code: ("شرح موضوع", "قبض‌های اهر")}
    heads |= {secret: ("شرح موضوع", "قبض کسی"), part: ("شرح موضوع", "لوله")}
    for code, (head, words) in heads.items():
        found = await letter(at, code, LetterKind.REFERRAL)
        assert [line for line in found.paragraphs if "«" in line][1:] == [f"{head}: «{words}»"]
        older = await write(at.engine, at.page, tmp_path, code, LetterKind.REFERRAL, at.at, true())
        assert older.paragraphs == [f"گفتهٔ شهروند: «{words}»"]


async def test_a_case_sent_on_is_referred_to_who_has_it_now(at: Counter) -> None:
    code = await at.open()
    await referring.refer(at.engine, at.page, at.ask(code), "edu")
    found = await letter(at, code, LetterKind.REFERRAL)
    assert found.number.endswith("/۳") and "آموزش" in found.to


@pytest.mark.parametrize("form", ["caller", "due:%Y/%m/%d", "late:d", "code!x", "code:{zzz}", "code:{due}>9"])
def test_mistakes_in_the_file_name_line_and_key(tmp_path: Path, form: str) -> None:
    text = f'letters:\n  referral:\n    to: "{{agency}}"\n    subject: "{{{form}}}"\n    text: ["x"]\n'
    (tmp_path / formal_letters.FILE).write_text(text, encoding="utf-8")
    with pytest.raises(SeedError, match=rf"4.*subject.*{re.escape(f'{{{form}}}')} stands for nothing"):
        formal_letters.load(tmp_path)


async def test_a_placeholder_with_a_form_for_text_is_printed_in_it(at: Counter, tmp_path: Path) -> None:
    text = 'letters:\n  referral:\n    to: "{agency}"\n    subject: "{code:*>20}"\n    text: ["{due!s:.4}"]\n'
    (tmp_path / formal_letters.FILE).write_text(text, encoding="utf-8")
    code = await at.open("water.bill")
    found = await write(at.engine, at.page, tmp_path, code, LetterKind.REFERRAL, at.at, true())
    persian = code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    assert (found.subject, found.paragraphs) == (persian.rjust(20, "*"), ["۱۴۰۵"])


async def test_a_file_of_which_nothing_can_be_printed_is_logged_once(
    at: Counter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = 'letters:\n  referral: {to: x, subject: "{due:%Y}", text: [x]}\n'
    (tmp_path / formal_letters.FILE).write_text(text, encoding="utf-8")
    file = await read(at.engine, Scope(), await at.open("water.bill"))
    assert file is not None
    for _ in range(2):
        assert letters_of(tmp_path, file.case, file.events, False) == []
    assert (
        caplog.text.count("no letter can be printed: ") == 1 and "{due:%Y} stands for nothing" in caplog.text
    )


async def test_the_paper_can_be_read_and_is_persian(at: Counter) -> None:
    code = await at.open("water.bill")
    async with at.engine.begin() as connection:
        words = "آب خانهٔ ما سه روز است قطع است. " * 60
        await connection.execute(cases.update().values(words=words))
    found = dataclasses.replace(
        await letter(at, code, LetterKind.REFERRAL), track=f"https://111.example.ir/track?code={code}"
    )
    pdf = pypdfium2.PdfDocument(letter_pdf(found))  # type: ignore[no-untyped-call]
    assert len(pdf) == 2, "long words go on on a second page"
    text = "".join(page.get_textpage().get_text_range() for page in pdf)
    for piece in (found.number.partition("/")[0], found.date, "استانداری آذربایجان شرقی", "مهلت", "قطع است"):
        assert piece in text
    image = pdf[0].render(scale=2).to_numpy()
    ink = image.min(axis=2) < 128
    height, width = ink.shape
    right, left = ink[height // 3 :, width // 2 :].sum(), ink[height // 3 :, : width // 2].sum()
    assert 0.01 < ink.mean() < 0.2 and right > left, "lines begin at the right"
    assert ink[: height // 6, width * 3 // 4 :].mean() > 0.05, "a QR code stands at the top"


async def test_figures_beside_a_sign_that_the_font_lacks_stand_as_they_were_written(at: Counter) -> None:
    """A tab as between pasted cells, a tick, an arrow, a praying hand after her number."""
    its = await letter(at, await at.open("water.bill"), LetterKind.REFERRAL)

    def picture(words: str) -> bytes:
        table = PaperTable(("شرح",), (1,), [[words]])
        paper = Paper(
            number="", date="", to="", subject="", paragraphs=(words, table), stationery=its.stationery
        )
        page, *_ = pypdfium2.PdfDocument(letter_pdf(paper))  # type: ignore[no-untyped-call]
        return bytes(page.render(scale=2).to_numpy().tobytes())

    assert picture("قبض ۱۲۰۰۰ ۳۴۵ تا ۹۸") != picture("قبض ۱۲۰۰ ۰۳۴۵ تا ۹۸")
    foreign = ["Воды нет, совсем. " * 170, "Воды нет.\n" * 300, "पानी नहीं आ रहा है। " * 150, "中文字" * 1000]
    assert picture("") not in map(picture, foreign), "one sees that something stood there"
    for signs in ("-" * 1500, ". " * 750, "_" * 1500):
        assert picture(signs) != picture("")
    assert picture("🙏" * 1500) == picture(" " * 1500) == picture(" ")
    for sign in "\t✓→🙏":
        assert picture(f"قبض{sign}۱۲۰۰۰{sign}۳۴۵ تا{sign}۹۸") == picture("قبض ۱۲۰۰۰ ۳۴۵ تا ۹۸")
