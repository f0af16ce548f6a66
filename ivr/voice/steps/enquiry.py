"""type: enquiry. Asks another system by HTTP, and goes where its answer leads.

What is asked and how it is kept short is the shell's (`ivr.loops.enquiring`); here is what may be sent, what
is taken of the answer, and where each outcome leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ivr.voice.actions import Enquire
from ivr.voice.enquiries import BIGGEST, LONGEST_URL, MOST_SECONDS, Taken, refused
from ivr.voice.events import Enquired, EnquiryResult
from ivr.voice.fields import Fields
from ivr.voice.menu import Step
from ivr.voice.step_fields import PROMPT, variable
from ivr.voice.talk import Back, Flow, Talk
from ivr.voice.timing import Timing
from ivr.voice.ways import By, Way
from ivr.voice.yaml_keys import YamlKey, mapping_schema, read_mapping
from ivr.voice.yaml_tree import Scalar, Table
from ivr.voice.yaml_values import ChoiceValue, NumberValue, OwnValue, StepValue, TextValue

NUMBER = "number"
SENT: Mapping[str, tuple[str, Callable[[Talk], str]]] = {
    "language": ("the call's", lambda talk: talk.language),
    "kind": ("what she chose", lambda talk: talk.draft.get("kind", "")),
    "topic": ("what she chose", lambda talk: talk.draft.get("topic", "")),
    "county": ("what she chose", lambda talk: talk.draft.get("county", "")),
    "caller_county": (
        "what she chose, else that of her latest case",
        lambda talk: talk.draft.get("county") or talk.known_county,
    ),
    NUMBER: ("her own, only where the setting lets that host have it", lambda talk: talk.caller.number),
}
SOURCE = ChoiceValue(tuple(SENT), or_variable=True)
MOST_VALUES = 20
_NAME = "[A-Za-z][A-Za-z0-9_.-]{0,40}"
_PLACE = r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}"


def _url(fields: Fields, name: str) -> str:
    text, node = fields.text(name), fields.scalar(name, needed=False)
    query = fields.node("query", needed=False)
    sent = [value for _, value in query.entries] if isinstance(query, Table) else []
    number = any(isinstance(value, Scalar) and value.value == NUMBER for value in sent)
    if text and node is not None and (why := refused(text, fields.reading.known.hosts, number)):
        fields.wrong(node, name, why, text, fields.reading.known.hosts or ())
    return text


def _query(fields: Fields, name: str) -> Mapping[str, str]:
    inner = fields.inner(name)
    if inner is None:
        return MappingProxyType({})
    return MappingProxyType({key.value: SOURCE.read(inner, key.value) for key, _ in inner.each()})


def _one_of(fields: Fields, name: str) -> tuple[str, ...]:
    items = tuple(fields.items(name))
    node = fields.node(name, needed=False)
    if node is not None and not 1 <= len(items) <= MOST_VALUES:
        fields.wrong(node, name, f"must name from 1 to {MOST_VALUES} words")
    for item in items:
        if not 1 <= len(item.value) <= 64:
            fields.wrong(item, name, "must be words of 1 to 64 characters")
    return tuple(item.value for item in items)


TAKE_KEYS = (
    YamlKey("at", TextValue(_PLACE, "a place like outage.hours"), "where it stands in the answer"),
    YamlKey(
        "one_of",
        OwnValue(
            "words",
            _one_of,
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_VALUES},
        ),
        "what it may be",
        (),
    ),
    YamlKey("most", NumberValue(0, BIGGEST, "", whole=True), "or the biggest whole number that it may be", 0),
)


def _takes(fields: Fields, key: str) -> Mapping[str, Taken]:
    outer = fields.inner(key)
    found: dict[str, Taken] = {}
    if outer is None:
        return MappingProxyType(found)
    for written, node in outer.each():
        name, inner = variable(outer, written), outer.as_fields(written.value[:20], node)
        if inner is None:
            continue
        found[name] = Taken(**read_mapping(TAKE_KEYS, inner))
        given = [each for each in ("one_of", "most") if inner.node(each, needed=False) is not None]
        if len(given) != 1:
            inner.wrong(inner.table, "one_of", "must have either `one_of` or `most`")
    return MappingProxyType(found)


@dataclass(frozen=True, slots=True)
class EnquiryStep(Step):
    url: str
    query: Mapping[str, str]  # name in the address → one of SENT, or a variable
    takes: Mapping[str, Taken]  # by variable
    wait_seconds: float
    found: str
    not_found: str
    failed: str

    TYPE = "enquiry"
    TITLE = "a look-up in another system, by HTTP"
    PROMPT = replace(PROMPT, meaning="said while she waits for the answer", default=("enquiry.wait",))
    KEYS = (
        YamlKey(
            "url",
            OwnValue(
                "an `https` address",
                _url,
                {"type": "string", "pattern": "^https?://[^\\s@#\\\\]+$", "maxLength": LONGEST_URL},
            ),
            "what is asked, by GET; its host must stand in `enquiries.hosts` of the settings",
        ),
        YamlKey(
            "query",
            OwnValue(
                f"name → {SOURCE.told}",
                _query,
                {
                    "type": "object",
                    "propertyNames": {"pattern": f"^{_NAME}$"},
                    "additionalProperties": SOURCE.schema(),
                },
            ),
            "what is sent with it; a value that is not known is left out",
            MappingProxyType({}),
        ),
        YamlKey(
            "takes",
            OwnValue(
                "variable → `{at, one_of}` or `{at, most}`",
                _takes,
                {"type": "object", "additionalProperties": mapping_schema(TAKE_KEYS)},
            ),
            "what the answer gives the call",
            MappingProxyType({}),
        ),
        YamlKey("wait_seconds", NumberValue(0.5, MOST_SECONDS), "how long she waits at most", 3.0),
        YamlKey("found", StepValue(), "the step when the answer has all that is taken"),
        YamlKey("not_found", StepValue(), "the step when it says 404 or 204, or lacks one of them"),
        YamlKey("failed", StepValue(), "the step when there is no such answer in time"),
    )
    ABOUT = """\
Asked while `prompt` is said, which who is answered within a moment is spared. `#` goes back; any other key
ends the wait, and she goes on at `failed`. The answer is JSON of at most 64 KiB. `at` names a place in it:
keys and numbers of list entries with dots between; a value that is none of `one_of`, or no whole number up to
`most`, is a failure. So the answer chooses among prompts and counts in them (`number` of a `say`), and never
speaks words of its own. A host that failed three times in a row is left alone for half a minute:
`failed` then comes at once. One that declines what she keyed in (400, 422 and their like, but not 401, 403,
407, 408, 429) is well: she goes on at `failed`, and the next caller is asked about as ever.

What may be sent:

""" + "\n".join(
        [*(f"- `{name}`: {told}" for name, (told, _) in SENT.items()), "- `var.NAME`: a variable's value."]
    )
    EXAMPLE = """\
water_cut:
  type: enquiry
  url: https://cuts.example.ir/v1/cuts
  query: {county: caller_county, language: language}
  takes:
    cut: {at: cut.state, one_of: [none, planned, broken]}
    hours: {at: cut.hours, most: 72}
  wait_seconds: 3
  found: kind
  not_found: kind
  failed: kind
"""

    def perform(self, talk: Talk) -> Flow[str]:
        lead, deaf = talk.take_pending(), talk.deaf_to_hash()
        sent = {name: _sent(talk, source) for name, source in self.query.items()}
        known = tuple((name, value) for name, value in sent.items() if value)
        number = NUMBER in self.query.values()
        enquire = Enquire(
            self.url, known, self.takes, talk.language, self.wait_seconds, lead, self.prompt, number, deaf
        )
        told = yield from talk.do(enquire, Enquired)
        if told.key == "#":
            raise Back
        if told.result is EnquiryResult.FOUND:
            talk.draft.update(told.values)
            return self.found
        return self.not_found if told.result is EnquiryResult.NOT_FOUND else self.failed

    def ways(self) -> Iterator[Way]:
        for result in ("found", "not_found", "failed"):
            yield Way(getattr(self, result), By.ALONE, result=f"enquired.{result}")

    def at_best(self, timing: Timing) -> float:
        return timing.speech(self.prompt)

    def at_worst(self, timing: Timing, by: By) -> float:
        return timing.speech(self.prompt) + self.wait_seconds

    def gives(self) -> Iterator[str]:
        return iter(self.takes)

    def gives_numbers(self) -> Iterator[str]:
        return (name for name, each in self.takes.items() if not each.one_of)

    def needs(self) -> Iterator[str]:
        return (source for source in self.query.values() if source.startswith("var."))

    @property
    def asks_who(self) -> bool:
        return "caller_county" in self.query.values()


def _sent(talk: Talk, source: str) -> str:
    return SENT[source][1](talk) if source in SENT else talk.draft.get(source, "")
