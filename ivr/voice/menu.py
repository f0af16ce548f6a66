"""The menu tree as immutable values: what every step is and can be asked, and the whole.

A type of steps is one file in `ivr.voice.steps`. `ivr.voice.parse` makes a tree from YAML, `ivr.voice.proof`
proves it, `ivr.voice.session` walks it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from ivr.voice.call_limits import NO_LIMITS, CallLimits
from ivr.voice.directory import Directory
from ivr.voice.own_words import Own
from ivr.voice.step_fields import ASKING_KEYS, PROMPT, SENSITIVE, StepFields
from ivr.voice.talk import Flow, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Miss, Way
from ivr.voice.yaml_keys import YamlKey

END = ""  # the step after the last
SLOW_FINGER = 3.0  # seconds that somebody old takes from one key to the next, who sees the keypad well
Leaf = Literal["", "record", "operator", "end"]
CardLook = Literal["ask", "record", "operator", "say", "quiet"]


@dataclass(frozen=True, slots=True)
class Step(ABC):
    """Common to every step. `line` is where it stands in its file (1-based)."""

    id: str
    line: int
    prompt: tuple[str, ...]

    TYPE: ClassVar[str]
    TITLE: ClassVar[str]  # what it is for, in a few words; docs/menus.md is made of it and the next three
    EXAMPLE: ClassVar[str] = ""  # one step of it in YAML
    KEYS: ClassVar[tuple[YamlKey, ...]] = ()  # what it may say in YAML: an attribute each
    ABOUT: ClassVar[str] = ""  # what its keys do not tell
    PROMPT: ClassVar[YamlKey | None] = PROMPT
    SPEAKS: ClassVar[frozenset[str]] = frozenset()  # prompt ids, beside those that tree and directory name
    LEAF: ClassVar[Leaf] = ""  # what a caller has arrived at here
    TAKES_TIME: ClassVar[bool] = True
    GONE_BACK_TO: ClassVar[bool] = False  # whether `#` may lead here again
    TELLS_ALL: ClassVar[bool] = False  # whether its type alone says what it asks
    APART: ClassVar[bool] = False  # whether the figure of a whole call leaves it out
    LOOK: ClassVar[CardLook] = "ask"  # how it is drawn

    @classmethod
    def yaml_keys(cls) -> tuple[YamlKey, ...]:
        """All that a step of it may say beside `type`."""
        return (*((cls.PROMPT,) if cls.PROMPT else ()), *cls.KEYS)

    @classmethod
    def read(cls, written: StepFields) -> Self:
        """The step that is written there, every mistake in it noted."""
        return cls._made(written, written.values(cls.yaml_keys()))

    @classmethod
    def _made(cls, written: StepFields, values: dict[str, Any]) -> Self:
        id, line = written.place
        return cls(**{"id": id, "line": line, "prompt": (), **values})

    @abstractmethod
    def perform(self, talk: Talk) -> Flow[str]:
        """Carry it out. The id of the step that follows, or END."""

    @abstractmethod
    def ways(self) -> Iterator[Way]:
        """Every way out of it, in the file's order; none out of an end."""

    @abstractmethod
    def at_best(self, timing: Timing) -> float:
        """Seconds of who hears everything once and answers at once; recordings count nothing."""

    @abstractmethod
    def at_worst(self, timing: Timing, by: By) -> float:
        """Seconds of the longest way out of it that is `by` that."""

    def open_ways(self, draft: Mapping[str, str]) -> Iterator[Way]:
        """The ways out for a caller who has chosen this."""
        return self.ways()

    def refused_in(self, directory: Directory) -> Iterator[str]:
        """What makes it impossible in that province, beside codes that the province lacks."""
        return iter(())

    def gives(self) -> Iterator[str]:
        """The variables that a call may have behind it."""
        return (name for way in self.ways() if way.by is By.CALLER for name in way.sets if name[:4] == "var.")

    def gives_numbers(self) -> Iterator[str]:
        """Those of them that are whole numbers which can be said."""
        return iter(())

    def counts(self) -> Iterator[str]:
        """The variables that it says as numbers."""
        return iter(())

    def needs(self) -> Iterator[str]:
        """The variables that it looks at."""
        return iter(())

    def unclear(self) -> Iterator[str]:
        """Where a caller who only takes her time is taken to mean something else."""
        return iter(())

    def announces(self) -> Iterator[str]:
        """The slots of which it says what is announced there."""
        return iter(())

    @property
    def stands_for(self) -> str:
        """The tree or fragment whose place in the tree it takes."""
        return ""

    @property
    def goes_by(self) -> str:
        """What it sorts calls by, without a word."""
        return ""

    @property
    def question(self) -> str:
        """What it asks, the same in whatever tree asks it; "" where that can't be said."""
        return self.TYPE if self.TELLS_ALL else ""

    def usual_keys(self, many: int) -> str:
        """What somebody presses here of whom it is known only how many keys it was."""
        return "1" * many

    @property
    def asks_who(self) -> bool:
        """Whether it wants to know what the books know of the caller."""
        return False

    @property
    def is_masked(self) -> bool:
        """Whether keys pressed here stay out of the step log."""
        return False


@dataclass(frozen=True, slots=True)
class Asking(Step):
    """Listens to the caller."""

    first_key: float
    next_key: float
    barge_in: bool
    no_input: Miss
    no_match: Miss
    sensitive: bool

    SENSITIVE: ClassVar[YamlKey] = SENSITIVE
    GONE_BACK_TO = True

    @classmethod
    def yaml_keys(cls) -> tuple[YamlKey, ...]:
        return (*((cls.PROMPT,) if cls.PROMPT else ()), *ASKING_KEYS, cls.SENSITIVE, *cls.KEYS)

    @property
    def is_masked(self) -> bool:
        return self.sensitive

    @property
    def sorts(self) -> bool:
        """Whether what is asked counts among the questions of which a whole call has only so many."""
        return False


@dataclass(frozen=True, slots=True)
class Choosing(Asking):
    """Asks until she presses what means something; all else is a miss."""

    @abstractmethod
    def questions(self, timing: Timing) -> list[Question]:
        """What she is asked, one after the other."""

    @property
    def sorts(self) -> bool:
        return True

    @property
    def rounds(self) -> int:
        """How often all of it may be asked."""
        return 1

    def longest_question(self, timing: Timing) -> float:
        """Seconds from its first word, and what is said of a miss before, to the last moment for a key."""
        said = max(timing.speech(miss.say) for miss in (self.no_input, self.no_match))
        waits = [q.speech + (q.keys - 1) * self.next_key for q in self.questions(timing)]
        return said + max(waits) + self.first_key

    def misses(self) -> Iterator[Way]:
        yield Way(self.no_input.then, By.SILENT)
        yield Way(self.no_match.then, By.WRONG)

    def at_best(self, timing: Timing) -> float:
        return sum(question.speech for question in self.questions(timing))

    def at_worst(self, timing: Timing, by: By) -> float:
        questions = self.questions(timing)
        asked = [self._asked(timing, question, By.CALLER) for question in questions]
        last = self._asked(timing, questions[-1], by) - asked[-1] if by is By.SILENT else 0.0
        return self.rounds * sum(asked) + last

    def _asked(self, timing: Timing, question: Question, by: By) -> float:
        silent = question.speech + self.first_key
        once = silent + (question.keys - 1) * self.next_key
        if question.once:
            return once
        misses = ((self.no_input, silent), (self.no_match, once))
        missed = sum((miss.limit - 1) * (seconds + timing.speech(miss.say)) for miss, seconds in misses)
        return missed + (silent if by is By.SILENT else once)


@dataclass(frozen=True, slots=True)
class Menu:
    """A whole tree. `revision` is "" until published. `words`: what it says otherwise than the catalogue.

    `called_words`: the same of the trees that it calls, by how the names of their steps begin.
    """

    name: str
    languages: tuple[str, ...]
    start: str
    steps: Mapping[str, Step]
    revision: str = ""
    limits: CallLimits = NO_LIMITS
    words: Own = field(default_factory=dict)
    called_words: Mapping[str, Own] = field(default_factory=dict)
