"""Who is told what when something happens to a case: the province's `notices.yaml`.

    contacts:                     # where a body is reached; level: officer, head, … (escalation.yaml)
      - {agency: abfa, level: head, email: [head@abfa.example]}
    notices:                      # on: an event; to: citizen | agency | level; by: sms | email;
                                  # over them stand those that people changed
      - {on: case_answered, to: citizen, by: sms, text: "پاسخ پروندهٔ {code} آماده است."}

    accounts:                     # on: what somebody did to an account; to its owner, with {name} and {by}
      - {on: password_set, subject: "…", text: "…"}

A citizen is written to only at a number from which she called, or at which somebody said on our call that it
is the right one; what is on its way to a number that anybody typed goes nowhere
(`ivr.desk.case.callback_planning.texted_at`). Once she has said so there is `case_number_confirmed`.

A mistake in the words of one, or in an address, costs only the messages that need it: they wait until it is
mended (`ivr.desk.letters.held_events`).

Of several notices for one event, receiver and way the one with the most particular topic is sent, and of
two for the same topic the first.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.cases import phone
from ivr.desk.book.seeds import Text
from ivr.desk.book.yaml_file import Spared, overlaid, read_placed, read_sparing
from ivr.store import tables
from ivr.voice import script

log = logging.getLogger(__name__)

FILE = "notices.yaml"
OF_ITS_CASE = frozenset({"code", "topic", "county", "agency", "due"})
FIELDS = OF_ITS_CASE | {"kind", "status", "answer", "reason", "level"}
FIELDS |= {"when", "way", "place"}  # of her meeting; no place where it has a number or an address
ANY = "*"
_WORDS: dict[str, Any] = {"text": "", "subject": ""}
_ADDRESSES: dict[str, Any] = {"email": [], "sms": [], "webhook": []}
_SPARED: Spared = {"notices": _WORDS, "contacts": _ADDRESSES, "accounts": _WORDS}
OPENED, REFERRED = "case_opened", "case_referred"

SaidWords = str | Annotated[dict[str, Text], Field(min_length=1)]  # one text, or one for each language


def fits(pattern: str, topic: str) -> int:
    """How particular `pattern` (a topic, water.* or *) is for that topic; -1 when it is about another."""
    if pattern == ANY:
        return 0
    beginning = pattern.removesuffix(f".{ANY}")
    if beginning == pattern:
        return len(topic) + 1 if topic == pattern else -1
    return len(beginning) if topic.startswith(f"{beginning}.") else -1


def filled(said: SaidWords, language: str, words: Mapping[str, str]) -> str:
    """In that language, else in Persian, else in the first there is."""
    if isinstance(said, dict):
        said = said.get(language) or said.get("fa") or next(iter(said.values()))
    return said.format_map(dict.fromkeys(FIELDS, "") | dict(words))


def for_reading(said: SaidWords, language: str) -> tuple[SaidWords, str]:
    """What who speaks that language can read of it, and in which language.

    Iran's Azerbaijanis read Persian, or their own in Arabic letters: Latin ones are for the synthesiser.
    """
    if language != script.AZ:
        return said, language
    own = said.get(language, "") if isinstance(said, dict) else ""
    return (own, script.AZ) if script.language_of(own) in (script.AZ_ARABIC, script.FA) else (said, script.FA)


class Unfillable(ValueError):
    """A text can't be filled in. `given`: the placeholder that nothing stands for; "" = odd braces."""

    def __init__(self, sentence: str, given: str = "") -> None:
        super().__init__(sentence)
        self.given = given


def check_fields(text: SaidWords, fields: Collection[str] = FIELDS) -> SaidWords:
    """Raises Unfillable."""
    for words in text.values() if isinstance(text, dict) else (text,):
        try:
            parts = [part[1:] for part in Formatter().parse(words)]
        except ValueError as error:
            raise Unfillable(f"a brace too many or too few: {error}") from None
        for name, form, turn in parts:
            if name is not None and (name not in fields or form or turn):
                there = ", ".join(sorted(fields))
                given = name + (f"!{turn}" if turn else "") + (f":{form}" if form else "")
                raise Unfillable(f"{{{given}}} stands for nothing; there are {there}", f"{{{given}}}")
    return text


def names_in(words: str) -> list[str]:
    """The placeholders of a text. Raises ValueError for a brace too many."""
    return [name for _, name, _, _ in Formatter().parse(words) if name is not None]


class LetterEntry(BaseModel):
    """`faults`: by key, what is wrong there in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    _faults: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def faults(self) -> dict[str, str]:
        return self._faults


class Contact(LetterEntry):
    """`agency` and `level` "" = any. `webhook`: addresses that get the event itself, signed."""

    agency: str = ""
    level: str = ""
    email: list[Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]] = []
    sms: list[str] = []
    webhook: list[Annotated[str, Field(pattern=r"^https?://")]] = []

    @field_validator("sms")
    @classmethod
    def _mobile(cls, numbers: list[str]) -> list[str]:
        for number in numbers:
            if not phone.is_mobile(number):
                raise ValueError(f"{number!r} is no Iranian mobile number")
        return [phone.normalise(number) for number in numbers]


class Notice(LetterEntry):
    on: Annotated[str, Field(pattern="^[a-z_]+$")]
    to: Literal["citizen", "agency", "level"]
    by: Literal["sms", "email"]
    topic: str = ANY
    subject: SaidWords = ""
    text: SaidWords

    @field_validator("text", "subject")
    @classmethod
    def _fillable(cls, text: SaidWords) -> SaidWords:
        return check_fields(text)

    @property
    def key(self) -> tuple[str, ...]:
        return self.on, self.to, self.by, self.topic

    @model_validator(mode="after")
    def _fits(self) -> Notice:
        if self.by == "email" and self.to == "citizen":
            raise ValueError("a citizen leaves a telephone number, not an address: by must be sms")
        return self


class AccountNotice(LetterEntry):
    """By mail to a user of the panel: what another did to their account, or that a tree was taken back."""

    on: Literal[
        "password_set", "totp_reset", "person_changed", "person_locked", "person_unlocked", "menu_taken_back"
    ]
    subject: str
    text: str

    @field_validator("subject", "text")
    @classmethod
    def _fillable(cls, text: str) -> str:
        check_fields(text, ("name", "by"))
        return text


class Notices(LetterEntry):
    """`kinds`, `statuses`, `levels`, `ways` of a meeting: what letters call each; one not named, its code.

    `no_county`: what {county} stands for where nobody knows it.
    """

    kinds: dict[str, Text] = {}
    statuses: dict[str, Text] = {}
    levels: dict[str, Text] = {}
    ways: dict[str, Text] = {}
    no_county: str = ""
    contacts: list[Contact] = []
    notices: list[Notice] = []
    accounts: list[AccountNotice] = []

    def named(self, words: Mapping[str, str]) -> dict[str, str]:
        by = {"kind": self.kinds, "status": self.statuses, "level": self.levels, "way": self.ways}
        return {name: by.get(name, {}).get(said, said) for name, said in words.items()}

    def reached(self, agency: str, level: str = "") -> Sequence[Contact]:
        """The contacts of a level of an agency; failing that of the level anywhere, of the agency, of all."""
        for body, rung in ((agency, level), ("", level), (agency, ""), ("", "")):
            found = [c for c in self.contacts if (c.agency, c.level) == (body, rung)]
            if found:
                return found
        return []

    def may_tell(self, event: str, ways: Container[str]) -> bool:
        """Whether anything leaves by these ways when that happens, to whichever case."""
        if "webhook" in ways and any(c.webhook or "webhook" in c.faults for c in self.contacts):
            return True
        told = (event, REFERRED) if event == OPENED else (event,)
        return any(n.on in told and n.by in ways for n in self.notices)

    def about(self, event: str, topic: str) -> Iterator[Notice]:
        """The notices to send: of each receiver and way the most particular.

        A case is referred at its opening: what its body is told of a referral it is told then, too, unless
        a notice of its own for the opening says otherwise.
        """
        fitting = [n for n in self.notices if n.on == event and fits(n.topic, topic) >= 0]
        if event == OPENED:
            said = {(n.to, n.by) for n in fitting}
            referral = [n for n in self.notices if n.on == REFERRED and fits(n.topic, topic) >= 0]
            fitting += [n for n in referral if n.to != "citizen" and (n.to, n.by) not in said]
        for to, by in dict.fromkeys((n.to, n.by) for n in fitting):
            yield max((n for n in fitting if (n.to, n.by) == (to, by)), key=lambda n: fits(n.topic, topic))


@dataclass(frozen=True, slots=True)
class AddressedNotice:
    """One message to one receiver. `by`: sms | email | webhook. `hers`: the citizen is written to.

    `bodiless`: a contact of no body is written to, who is told whoever has the case.
    `fault`: why it can't be written or addressed, in one sentence that names file and key; "" = it can.
    """

    by: str
    to: str
    text: str = ""
    subject: str = ""
    fault: str = ""
    hers: bool = False
    bodiless: bool = False

    @property
    def whom(self) -> str:
        """For whom it waits where it can't be written: `citizen`, or the way to bodies."""
        return "citizen" if self.hers else self.by


def load(folder: Path) -> Notices:
    """Raises SeedError with file, line and key of every mistake."""
    return read_placed(folder / FILE, Notices)


def load_sparing(folder: Path) -> tuple[Notices, list[str]]:
    """The same with the mistakes that cost only some messages. Raises SeedError for any other."""
    found, faults = read_sparing(folder / FILE, Notices, _SPARED)
    for (names, at), its in faults.items():
        getattr(found, names)[at].faults.update(its)
    return found, [sentence for its in faults.values() for sentence in its.values()]


def unheard(
    file: Notices, agencies: Container[str], levels: Container[str], events: Container[str]
) -> list[str]:
    """One sentence for each entry that names a body, a level or an event that there is none of."""
    named = [(f"contact {n}", "agency", each.agency, agencies) for n, each in enumerate(file.contacts, 1)]
    named += [(f"contact {n}", "level", each.level, levels) for n, each in enumerate(file.contacts, 1)]
    named += [(f"notice {n}", "event", each.on, events) for n, each in enumerate(file.notices, 1)]
    return [
        f"{FILE}, {where}: there is no {what} {name}"
        for where, what, name, there in named
        if name and name not in there
    ]


async def in_force(connection: AsyncConnection, file: Notices) -> Notices:
    """The file's, and over them what people changed (`ivr.desk.editing`)."""
    found = {each.key: each for each in reversed(file.notices)}
    live = await overlaid(connection, tables.notices, found, _changed)
    return file.model_copy(update={"notices": live})


def _changed(row: Row[Any]) -> Notice | None:
    """None for what this release can't send, as after a step back from a later one: the file's is sent."""
    its = {name: row._mapping[name] for name in ("on", "to", "by", "topic", "text")}
    try:
        return Notice.model_validate(its | {"subject": row.subject or ""})
    except ValidationError as error:
        log.error("the notice %s to %s by %s for %s is passed over: %s", *list(its.values())[:4], error)
        return None


def letters(
    notices: Notices, event: str, case: Mapping[Any, Any], words: Mapping[str, str], citizen: str = ""
) -> list[AddressedNotice]:
    """What is to be sent because of `event`. `words`: what the placeholders stand for.

    `citizen`: the number at which she may be written to (`callback_planning.texted_at`), "" = none.
    """
    level, words = str(words.get("level", "")), notices.named(words)
    found = []
    for notice in notices.about(event, case["topic"]):
        fit = (for_reading(said, case["language"]) for said in (notice.text, notice.subject))
        text, subject = (filled(said, language, words) for said, language in fit)
        fault = next(iter(notice.faults.values()), "")
        for to, unknown, bodiless in _receivers(notices, notice, case, level, citizen):
            hers = notice.to == "citizen"
            found.append(AddressedNotice(notice.by, to, text, subject, unknown or fault, hers, bodiless))
    concerned = notices.reached(case["agency"], level)
    found += [
        AddressedNotice("webhook", to, fault=unknown, bodiless=bodiless)
        for to, unknown, bodiless in _addresses(concerned, "webhook")
    ]
    anyway = {(n.by, n.to) for n in found if n.bodiless}  # also where a body has the same address
    return list(dict.fromkeys(replace(n, bodiless=(n.by, n.to) in anyway) for n in found))


def _receivers(
    notices: Notices, notice: Notice, case: Mapping[Any, Any], level: str, citizen: str
) -> list[tuple[str, str, bool]]:
    """Each with "", or "" with what is wrong with the address; and whether it is a contact's of no body."""
    if notice.to == "citizen":
        return [(citizen, "", False)] if citizen else []
    contacts = notices.reached(case["agency"], level if notice.to == "level" else "")
    return _addresses(contacts, notice.by)


def _addresses(contacts: Sequence[Contact], by: str) -> list[tuple[str, str, bool]]:
    right = [(to, "", not contact.agency) for contact in contacts for to in getattr(contact, by)]
    wrong = [("", contact.faults[by], not contact.agency) for contact in contacts if by in contact.faults]
    return right + wrong
