"""What people typed or chose in a form that came to nothing: each piece with the name of its field.

A choice comes in the words of the page that it was made on, where that has scripts (`panel.js`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ivr.desk.editing.nouns import BY_NAME
from ivr.web.panel import sessions
from ivr.web.panel.locale import Locale

SECRET = frozenset({sessions.FIELD, "password", "old", "again", "mine", "code", "secret", "token", "proof"})
# What our pages send along with it, unseen; and what was only chosen, though it looks as if it were typed.
CARRIED = frozenset({"data", "form", "id", "looked", "next", "seen", "solved", "version", "voice", "warned"})
CHOSEN = frozenset({"collective", "extensions", "members", "order", "replaces"})
_LEFT_OUT = SECRET | CARRIED | CHOSEN
IN_WORDS = "chosen"  # a choice: the line of its field's name, and the line of what was taken
# What people type, and no choice or mark of ours: Persian, several words, a telephone's number, an address.
_TYPED = re.compile(r".*[^\x00-\x7f].*|\S+\s.*|\+?\d{5,}|\S+@\S+", re.DOTALL)
_BOOK = "/panel/admin/book/"
# Field → its word; with the beginning of the address where it is called otherwise there.
LABELS = {
    "about": "casefile.about",
    "callback": "casefile.callback",
    "caller": "desk.caller",
    "caller_name": "desk.caller_name",
    "days": "casefile.days",
    "decided": "day.decided",
    "due_on": "meetings.form.due_on",
    "kept_from": "casefile.sealed.kept_from",
    "into": "casefile.into",
    "national_id": "casefile.national_id",
    "note": "attachments.note",
    "order_words": "meetings.form.order_words",
    "part_words": "casefile.part_words",
    "reason": "casefile.reason",
    "said": "day.said",
    "spoken": "casefile.answer.spoken.other",
    "told": "casefile.sealed.told",
    "transcript": "casefile.transcript",
    "words": "casefile.answer.words",
    "admin/blocks/days": "admin.blocks.days",
    "admin/blocks/number": "admin.blocks.number",
    "admin/people/email": "admin.people.email",
    "admin/people/full_name": "admin.people.full_name",
    "admin/people/name": "admin.people.name",
    "admin/reason": "admin.reason",
    "cases/advise/reason": "casefile.advice",
    "cases/ask-report/reason": "casefile.asked_words",
    "cases/remind/reason": "casefile.remind_words",
    "cases/report/reason": "casefile.report_words",
    "desk/callback": "desk.callback",
    "desk/words": "desk.words",
    "inbox/agency": "inbox.bulk.agency",
    "inbox/into": "inbox.bulk.into",
    "inbox/views/name": "inbox.view.name",
    "live/words.az": "live.announcements.in.az",
    "live/words.fa": "live.announcements.in.fa",
    "meetings/at": "meetings.form.at",
    "meetings/begins": "meetings.hour111.begins",
    "meetings/ends": "meetings.hour111.ends",
    "meetings/link": "meetings.form.link",
    "meetings/lottery/note/reason": "meetings.lottery.says",
    "meetings/minutes": "meetings.form.minutes",
    "meetings/next_on": "meetings.form.next_on",
    "meetings/on": "meetings.form.on",
    "meetings/paper": "papers.withdraw_number",
    "meetings/place": "meetings.form.place",
    "meetings/reported/reason": "meetings.check.why",
    "meetings/room": "meetings.hour111.room",
    "meetings/sessions/attend/who": "meetings.substitute_name",
    "meetings/sessions/day/caller": "day.caller",
    "meetings/sessions/day/name": "day.name",
    "meetings/sessions/day/people": "day.people",
    "meetings/sessions/day/walk_in/words": "day.words",
    "meetings/sessions/delay/minutes": "meetings.form.late_minutes",
    "meetings/sessions/place/code": "meetings.code",
    "meetings/sessions/move/place": "meetings.form.new_place",
    "meetings/sessions/view/words": "meetings.your_view",
    "meetings/slots": "meetings.form.slots",
    "meetings/words": "meetings.form.order_words",
    "menus/day": "menus.publish.day",
    "menus/text": "menus.edit.label",
    "menus/time": "menus.publish.time",
    "recordings/note": "casefile.note_word",
}  # fmt: skip


def typed(sent: Iterable[tuple[str, object]], path: str, words: Locale) -> Iterator[tuple[str, str]]:
    """Word and text, as they came; no password. Codes that were chosen, and what was carried, stay away."""
    for name, value in sent:
        text = value.strip() if isinstance(value, str) else ""
        if name == IN_WORDS:
            word, _, text = (part.strip() for part in text.partition("\n"))
        else:
            word = _word(name, text, path, words)
        if text and word:
            yield word, text


def _word(name: str, text: str, path: str, words: Locale) -> str:
    """What its field is called; nothing for what nobody has typed."""
    if path.startswith(_BOOK) and name != "reason":
        return _of_the_book(name, path, words)
    if label := _label(name, path):
        return words(label)
    is_typed = name.partition(".")[0] not in _LEFT_OUT and _TYPED.fullmatch(text)
    return words("common.error.yours") if is_typed else ""


def _label(name: str, path: str) -> str:
    """The most particular one; "" for none. Codes and numbers in the address say nothing of it."""
    parts = [part for part in path.removeprefix("/panel/").split("/") if not part.isdigit()]
    its = ("/".join((*parts[:many], name)) for many in range(len(parts), -1, -1))
    return next((LABELS[each] for each in its if each in LABELS), "")


def _of_the_book(name: str, path: str, words: Locale) -> str:
    """A row's field is called as on its page, and a text one for all its languages; "" for what is chosen."""
    noun, _, deed = path.removeprefix(_BOOK).partition("/")
    fields = BY_NAME[noun].fields if deed == "save" and noun in BY_NAME else ()
    field = next((each for each in fields if each.name == name.partition(".")[0]), None)
    if field is None or field.names or field.kind in ("choice", "flag"):
        return ""
    return words.get(f"admin.field.{noun}_{field.name}", words.get(f"admin.field.{field.name}", field.name))
