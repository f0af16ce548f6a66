"""type: digits. A number with a check, read back when `confirm_prompt` is given (1 right, 2 again)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.cases import code as tracking_code
from ivr.cases import national_id, phone
from ivr.voice import saying
from ivr.voice.menu import SLOW_FINGER, Choosing
from ivr.voice.step_fields import StepFields
from ivr.voice.talk import Back, Flow, Jump, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Way

# What is collected, and the only check that makes sense for it.
CHECKS = {"callback": "phone", "national_id": "national_id", "code": "tracking_code"}


@dataclass(frozen=True, slots=True)
class DigitsStep(Choosing):
    into: str  # a key of CHECKS
    check: str
    min_keys: int
    max_keys: int
    confirm_prompt: tuple[str, ...]
    go: str

    TYPE = "digits"
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
        fields = written.fields
        into = fields.one_of("into", tuple(CHECKS))
        found = cls(
            *written.asking(),
            into=into,
            check=fields.one_of("check", tuple(CHECKS.values())),
            min_keys=fields.whole("min_keys", 1, 30),
            max_keys=fields.whole("max_keys", 1, 30),
            confirm_prompt=fields.prompts("confirm_prompt", needed=False),
            go=fields.step("go"),
        )
        check = fields.scalar("check", needed=False)
        if check and found.check in CHECKS.values() and found.check != CHECKS.get(into, found.check):
            fields.wrong(check, "check", f"a {into} is checked as {CHECKS[into]}")
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
    def rounds(self) -> int:
        """Read back as wrong, so often."""
        return self.no_match.limit if self.confirm_prompt else 1

    def questions(self, timing: Timing) -> list[Question]:
        asked = Question(timing.speech(self.prompt), self.max_keys)
        if not self.confirm_prompt:
            return [asked]
        read_back = saying.digits("0" * self.max_keys, timing.language)
        return [asked, Question(timing.speech((*self.confirm_prompt, *read_back, "confirm.menu")))]
