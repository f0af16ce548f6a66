"""How long a caller spends in each step: at best, listening to everything, and at worst.

At worst she misses as often as the limits allow, each time at the last moment, and waits for every prompt's
end. Repeats that she asks for herself (`*`, hearing her words, going back) are not counted: they have no end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ivr.voice import menu, saying
from ivr.voice.actions import Speech
from ivr.voice.asking import group_options, leaf_options
from ivr.voice.directory import Directory
from ivr.voice.menu import Asking, Miss, Step
from ivr.voice.ways import By
from ivr.voice.words import EXPECT

GUESSED_SECONDS = 2.0  # a prompt whose length nobody knows
_EXAMPLE_CODE = "1234567890"
_EXAMPLE_DAY = date(2026, 3, 20)

SecondsOf = Callable[[str, str], float]


@dataclass(frozen=True, slots=True)
class Question:
    """Speech of so many seconds, then up to `keys` keys. `once`: silence and any key are answers."""

    speech: float
    keys: int = 1
    once: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds in one language of one province."""

    directory: Directory
    language: str
    seconds_of: SecondsOf | None = None

    def speech(self, sounds: Speech) -> float:
        """A whole utterance; free words and recordings count nothing."""
        return sum(self._prompt(sound) for sound in sounds if isinstance(sound, str))

    def _prompt(self, id: str) -> float:
        return self.seconds_of(id, self.language) if self.seconds_of else GUESSED_SECONDS

    def until_heard(self, step: Step) -> float:
        """From entering a step until its own prompt has been heard: to the beep, the queue, the end."""
        return self.speech(step.prompt)

    def at_best(self, step: Step) -> float:
        """She hears everything once and answers at once; recordings count nothing."""
        match step:
            case menu.CountyStep():
                return self.speech(step.prompt) + self._county_chosen()
            case menu.RecordStep():
                return self.until_heard(step) + self._prompt("record.safe")
            case menu.CodeStep():
                return self._code(step)
            case menu.StatusStep():
                return self._status(step)
            case Asking():
                return sum(question.speech for question in self._questions(step))
            case _:
                return self.until_heard(step)

    def at_worst(self, step: Step, by: By) -> float:
        """The longest way out of a step that is `by` that."""
        match step:
            case menu.RecordStep():
                return self._record(step)
            case menu.CodeStep():
                return max(self._code(step) + step.first_key, self.speech(step.no_code_prompt))
            case menu.StatusStep():
                offer = ("follow_up.call_back_offer", "follow_up.call_back_noted")
                prompts = (step.unknown_prompt, step.too_many_prompt, step.unavailable_prompt + offer)
                return max(self._status(step) + step.first_key, *(self.speech(prompt) for prompt in prompts))
            case menu.CountyStep():
                return self._asking(step, by) + self._county_chosen()
            case menu.OperatorStep():
                return max(self.speech(step.prompt) + step.wait_seconds, self.speech(step.closed_prompt))
            case Asking():
                return self._asking(step, by)
            case _:
                return self.until_heard(step)

    def _asking(self, step: Asking, by: By) -> float:
        questions = self._questions(step)
        rounds = 1
        if isinstance(step, menu.DigitsStep) and step.confirm_prompt:
            rounds = step.no_match.limit  # read back as wrong, so often
        every = sum(self._question(step, question, By.CALLER) for question in questions)
        last = questions[-1]
        return rounds * every - self._question(step, last, By.CALLER) + self._question(step, last, by)

    def _question(self, step: Asking, question: Question, by: By) -> float:
        silent = question.speech + step.first_key
        once = silent + (question.keys - 1) * step.next_key
        if question.once:
            return once
        misses = self._missed(step.no_input, silent) + self._missed(step.no_match, once)
        return misses + (silent if by is By.SILENT else once)

    def _missed(self, miss: Miss, seconds: float) -> float:
        return (miss.limit - 1) * (seconds + self.speech(miss.say))

    def _questions(self, step: Asking) -> list[Question]:
        prompt = self.speech(step.prompt)
        match step:
            case menu.MenuStep():
                return [Question(prompt, max(len(key) for key in step.keys))]
            case menu.TopicStep():
                return self._topic(step, prompt)
            case menu.CountyStep():
                return self._county(step, prompt)
            case menu.DigitsStep():
                return self._digits(step, prompt)
            case _:
                return [Question(prompt)]

    def _topic(self, step: menu.TopicStep, prompt: float) -> list[Question]:
        longest = max(self.speech(leaf_options(self.directory, g)) for g in self.directory.groups)
        groups = self.speech(group_options(self.directory))
        return [Question(prompt + groups), Question(self.speech(step.leaf_prompt) + longest)]

    def _county(self, step: menu.CountyStep, prompt: float) -> list[Question]:
        offered = self.speech((*step.offer_prompt, "county.offer_press")) + self._longest_county()
        offer = offered if step.offer_prompt else 0.0
        length = max((len(key) for key in self.directory.by_county_key), default=len(step.unknown))
        return [Question(offer, once=True), Question(prompt, length)] if offer else [Question(prompt, length)]

    def _county_chosen(self) -> float:
        return self._prompt("county.chosen") + self._longest_county()

    def _longest_county(self) -> float:
        return max((self._prompt(f"county.{c.code}") for c in self.directory.counties), default=0.0)

    def _digits(self, step: menu.DigitsStep, prompt: float) -> list[Question]:
        asked = Question(prompt, step.max_keys)
        if not step.confirm_prompt:
            return [asked]
        read_back = saying.digits("0" * step.max_keys, self.language)
        return [asked, Question(self.speech((*step.confirm_prompt, *read_back, "confirm.menu")))]

    def _record(self, step: menu.RecordStep) -> float:
        invitation = self.speech(step.prompt)
        complaint = max(self.speech(step.too_short.say), self._prompt("record.silent"))
        misses = (step.too_short.limit - 1) * (invitation + step.silence_seconds + complaint)
        told = max(self._prompt("record.safe"), self._prompt("record.cut"))
        return misses + invitation + step.max_seconds + told

    def _code(self, step: menu.CodeStep) -> float:
        once = self.speech(saying.dictated(_EXAMPLE_CODE, self.language))
        between = (step.times - 1) * (self._prompt("code.once_more") + once)
        expects = max(self._prompt(prompt) for prompt in EXPECT)
        spoken = self.speech(step.ready_prompt + step.prompt + step.repeat_prompt)
        return spoken + once + between + expects

    def _status(self, step: menu.StatusStep) -> float:
        agency = max((self._prompt(f"agency.{code}") for code in self.directory.agencies), default=0.0)
        said = ("status.referred", "status.agency_is", "status.due_is", "status.no_answer_yet")
        day = saying.day(_EXAMPLE_DAY, self.language)
        return self.speech((*step.prompt, *said, *day, *step.after_prompt)) + agency
