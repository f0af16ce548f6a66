"""type: digits. A number with a check, read back when `confirm_prompt` is given (1 right, 2 again)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ivr.cases import code as tracking_code
from ivr.cases import national_id, phone
from ivr.voice import saying
from ivr.voice.fields import Fields
from ivr.voice.menu import SLOW_FINGER, Choosing
from ivr.voice.step_fields import PROMPT, SENSITIVE, StepFields
from ivr.voice.talk import Back, Flow, Jump, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Way
from ivr.voice.well_desk import EXAMPLE_CODE
from ivr.voice.yaml_keys import WorkedOut, YamlKey
from ivr.voice.yaml_tree import Scalar
from ivr.voice.yaml_values import ANY_PROMPTS, ChoiceValue, NumberValue, StepValue


@dataclass(frozen=True, slots=True)
class UsualNumber:
    """What is usual for a number: the only check that makes sense, how many keys, and how it is asked for."""

    check: str
    least: int
    most: int
    prompt: str
    example: str
    masked: bool = True


WHAT = {
    "callback": UsualNumber("phone", 8, 11, "callback.ask", "09140000000"),
    "national_id": UsualNumber("national_id", 10, 10, "national_id.ask", "0012345679"),
    "code": UsualNumber("tracking_code", 10, 10, "follow_up.ask", EXAMPLE_CODE),
}
ANY_NUMBER = "digits"  # the check of a number that only another system understands
CHECKS = (*(each.check for each in WHAT.values()), ANY_NUMBER)
_ANY = UsualNumber(ANY_NUMBER, 1, 12, "", "", masked=False)
INTO = ChoiceValue(tuple(WHAT), or_variable=True)


def _usual(told: str, value: Callable[[UsualNumber], Any]) -> WorkedOut:
    def find(fields: Fields, _: str) -> Any:
        into = fields.node("into", needed=False)
        return value(WHAT.get(into.value, _ANY) if isinstance(into, Scalar) else _ANY)

    return WorkedOut(told, find)


@dataclass(frozen=True, slots=True)
class DigitsStep(Choosing):
    into: str  # a key of WHAT, or a variable
    check: str
    min_keys: int
    max_keys: int
    confirm_prompt: tuple[str, ...]
    go: str

    TYPE = "digits"
    TITLE = "a number"
    PROMPT = replace(
        PROMPT,
        default=_usual(
            "`callback.ask`, `national_id.ask` or `follow_up.ask`; of a variable it must be given",
            lambda usual: (usual.prompt,),
        ),
    )
    SENSITIVE = replace(SENSITIVE, default=_usual("true but for a variable", lambda usual: usual.masked))
    KEYS = (
        YamlKey("into", INTO, "what it is; a variable takes any digits, for an `enquiry`"),
        YamlKey(
            "check",
            ChoiceValue(CHECKS),
            "the check that goes with it",
            _usual("as `into` needs it", lambda usual: usual.check),
        ),
        YamlKey(
            "min_keys",
            NumberValue(1, 30, "", whole=True),
            "how many at least; `#` ends earlier than the maximum",
            _usual("8 of a `callback`, 1 of a variable, else 10", lambda usual: usual.least),
        ),
        YamlKey(
            "max_keys",
            NumberValue(1, 30, "", whole=True),
            "how many at most",
            _usual("11 of a `callback`, 12 of a variable, else 10", lambda usual: usual.most),
        ),
        YamlKey(
            "confirm_prompt",
            ANY_PROMPTS,
            "said before the number is read back: 1 right, 2 again; without it nothing is read back",
            (),
        ),
        YamlKey("go", StepValue(), "the next step"),
    )
    SPEAKS = frozenset({"confirm.menu"})
    EXAMPLE = """\
callback_number:
  type: digits
  prompt: [callback.ask]
  into: callback
  check: phone
  min_keys: 8
  max_keys: 11
  next_key: 5
  confirm_prompt: [callback.heard]
  go: record
"""

    @classmethod
    def read(cls, written: StepFields) -> DigitsStep:
        found = super(DigitsStep, cls).read(written)
        fields, usual = written.fields, WHAT.get(found.into, _ANY)
        if usual is _ANY and fields.node("prompt", needed=False) is None:
            fields.wrong(fields.table, "prompt", "is missing")
        check = fields.scalar("check", needed=False)
        if check and found.check in CHECKS and found.check != usual.check:
            fields.wrong(check, "check", f"a {found.into} is checked as {usual.check}")
        written.refuse_reversed("min_keys", found.min_keys, "max_keys", found.max_keys)
        return found

    def perform(self, talk: Talk) -> Flow[str]:
        wrong = 0
        while True:
            value = yield from talk.listen(
                self, self.prompt, lambda keys: self._checked(talk, keys), max_keys=self.max_keys
            )
            if not self.confirm_prompt or (yield from self._is_right(talk, value)):
                break
            wrong += 1
            if wrong >= self.no_match.limit:
                raise Jump(self.no_match.then)
        talk.draft[self.into] = value
        return self.go

    def _checked(self, talk: Talk, keys: str) -> str | None:
        if not keys.isascii() or not keys.isdigit() or len(keys) < self.min_keys:
            return None
        match self.check:
            case "digits":
                right = True
            case "phone":
                right = phone.is_callable(keys, talk.directory.area_code)
            case "national_id":
                right = national_id.is_valid(keys)
            case _:
                right = tracking_code.is_valid(keys)
        return keys if right else None

    def _is_right(self, talk: Talk, value: str) -> Flow[bool]:
        speech = (*self.confirm_prompt, *saying.digits(value, talk.language), "confirm.menu")
        try:
            return (yield from talk.listen(self, speech, {"1": True, "2": False}.get))
        except Back:
            return False

    def gives(self) -> Iterator[str]:
        return iter((self.into,) if self.into not in WHAT else ())

    def unclear(self) -> Iterator[str]:
        """Silence ends a number that might go on; what is read back is heard to be short."""
        if self.min_keys < self.max_keys and not self.confirm_prompt and self.next_key < SLOW_FINGER:
            ends = f"a number of {self.min_keys} to {self.max_keys} digits ends after {self.next_key:g} s"
            mend = f"give it `next_key: {SLOW_FINGER:g}` or more, or a `confirm_prompt`"
            yield f"{ends} without a key, too soon for a slow finger, and is not read back: {mend}"

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.CALLER)
        yield from self.misses()

    @property
    def question(self) -> str:
        return f"{self.TYPE} {self.into}"

    def usual_keys(self, many: int) -> str:
        """A right number of the kind that is asked for; 1 where one was read back."""
        is_whole = self.into in WHAT and many >= self.min_keys
        return WHAT[self.into].example if is_whole else "1" * many

    @property
    def rounds(self) -> int:
        """Read back as wrong, so often."""
        return self.no_match.limit if self.confirm_prompt else 1

    def questions(self, timing: Timing) -> list[Question]:
        asked = Question(timing.speech(self.prompt), self.max_keys)
        if not self.confirm_prompt:
            return [asked]
        read_back = saying.digits("0" * self.max_keys, timing.language)
        return [asked, Question(timing.speech((*self.confirm_prompt, *read_back, "confirm.menu")))]
