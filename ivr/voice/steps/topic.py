"""type: topic. The matter in two presses, group and leaf, from the directory; 0 = another matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.cases.kinds import Kind
from ivr.voice.directory import Topic
from ivr.voice.menu import Choosing
from ivr.voice.step_fields import PROMPT
from ivr.voice.talk import Back, Flow, Talk
from ivr.voice.timing import Question, Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey
from ivr.voice.yaml_values import PromptsValue, StepValue


@dataclass(frozen=True, slots=True)
class TopicStep(Choosing):
    leaf_prompt: tuple[str, ...]
    go: str

    TYPE = "topic"
    TITLE = "the matter in two presses"
    TELLS_ALL = True
    PROMPT = replace(PROMPT, default=("topic.menu",))
    KEYS = (
        YamlKey("leaf_prompt", PromptsValue(), "said before the second press", ("topic.leaf_menu",)),
        YamlKey("go", StepValue(), "the next step"),
    )
    ABOUT = """\
Groups and matters come from the province's topic tree, with their names and digits. `0` is another matter at
both presses. Whoever chooses the matter that governs requests to meet (`kinds` of the province's
`rules.yaml`) asks for a meeting: the kind is `meeting` then, whatever was chosen before, and a `branch` on
`kind` goes by that."""
    SPEAKS = frozenset({"topic.other_leaf", "keys.back", *(f"press.{digit}" for digit in range(10))})
    EXAMPLE = """\
topic:
  type: topic
  prompt: [topic.menu]
  leaf_prompt: [topic.leaf_menu]
  go: county
"""

    def perform(self, talk: Talk) -> Flow[str]:
        directory = talk.directory
        groups = {group: group for group in directory.groups}
        while True:
            group = yield from talk.listen(self, self.prompt + directory.says_groups, groups.get)
            if group in directory.by_topic_key:
                topic = directory.by_topic_key[group]
                break
            try:
                topic = yield from self._leaf(talk, group)
                break
            except Back:
                continue
        talk.draft["topic"] = topic.code
        if directory.wishes_to_meet(topic.code):  # its name says so, whatever she pressed before
            talk.draft["kind"] = Kind.MEETING
        return self.go

    def _leaf(self, talk: Talk, group: str) -> Flow[Topic]:
        leaves = {topic.key[1]: topic for topic in talk.directory.leaves(group)}
        leaves.setdefault("0", Topic(talk.directory.other_topic, "0"))
        speech = self.leaf_prompt + talk.directory.says_leaves[group]
        return (yield from talk.listen(self, speech, leaves.get))

    def ways(self) -> Iterator[Way]:
        yield Way(self.go, By.CALLER)
        yield from self.misses()

    def questions(self, timing: Timing) -> list[Question]:
        directory = timing.directory
        longest = max(map(timing.speech, directory.says_leaves.values()))
        groups = timing.speech(self.prompt + directory.says_groups)
        return [Question(groups), Question(timing.speech(self.leaf_prompt) + longest)]
