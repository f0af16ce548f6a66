"""The reference of the menu language, made of what the steps' own files say: the middle of docs/menus.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ivr.voice.call_limits import LIMIT_KEYS
from ivr.voice.fragments import DEEPEST_USE, FRAGMENT_KEYS, FRAGMENTS_EXAMPLE
from ivr.voice.menu import Asking, Step
from ivr.voice.step_fields import ASKING_KEYS, PROMPT
from ivr.voice.steps.registry import TYPES
from ivr.voice.yaml_keys import YamlKey

BEGIN = "<!-- made by `ivr menu reference`; write nothing between here and the end -->"
END = "<!-- end of what is made -->"


def menu_reference() -> str:
    """Markdown, from the limits of a call to the last type of steps."""
    parts = [
        *_call(),
        *_asking(),
        *_fragments(),
        "## Step types",
        *(part for type in TYPES for part in _step(type)),
    ]
    return "\n\n".join(parts) + "\n"


def with_reference(document: str) -> str:
    """The document with the reference as it is now between the two marks."""
    head, rest = document.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n\n{menu_reference()}\n{END}{tail}"


def _call() -> Iterator[str]:
    yield "## What a whole call may take"
    yield "`limits`, beside `defaults`; a tree may do without."
    yield _table(LIMIT_KEYS)


def _asking() -> Iterator[str]:
    silent = ", ".join(f"`{each.TYPE}`" for each in TYPES if not issubclass(each, Asking))
    yield "## What every asking step may say"
    yield (
        f"All types but {silent} listen to the caller, and take these besides\n"
        "their own keys; all but `prompt` and `sensitive` may stand in `defaults` too, for the whole tree."
    )
    yield _table((PROMPT, *ASKING_KEYS, Asking.SENSITIVE))
    yield (
        "`no_input`, `no_match` and `too_short` are counted apart. Each is a mapping with `limit` (1–10,\n"
        "else 3), `say` (prompts after each miss but the last; left out, the usual one; `[]`, nothing) and\n"
        "`then` (the step after the last; left out, the tree's first `operator`, else its `end`)."
    )


def _fragments() -> Iterator[str]:
    yield "## Pieces that are written once"
    yield f"```yaml\n{FRAGMENTS_EXAMPLE}```"
    yield (
        "`fragments`, beside `steps`, each by its name; a step of type `fragment` stands where one is used,\n"
        f"as often as one likes, also in another fragment, {DEEPEST_USE} deep at most."
    )
    yield _table(FRAGMENT_KEYS)
    yield (
        "Its steps lead to each other and to its exits and know no other step; where each exit leads, the\n"
        "step that uses it says. There they are called by both names: `operator.message` is the step\n"
        "`message` of the fragment that the step `operator` uses, in the picture, the statistics and the\n"
        "calls' rows, so that each place of use is counted by itself. A default such as \"the tree's first\n"
        "`operator`\" is the fragment's own, if it has one, else the tree's."
    )


def _step(type: type[Step]) -> Iterator[str]:
    yield f"### `{type.TYPE}`: {type.TITLE}"
    yield f"```yaml\n{type.EXAMPLE}```"
    own = type.KEYS
    if type.PROMPT is not None and (type.PROMPT is not PROMPT or not issubclass(type, Asking)):
        own = (type.PROMPT, *own)
    if own:
        yield _table(own)
    if type.ABOUT:
        yield type.ABOUT.strip()


def _table(keys: Iterable[YamlKey]) -> str:
    rows = (f"| `{key.name}` | {key.value.told} | {key.meaning} | {key.default_told} |" for key in keys)
    return "\n".join(("| key | value | meaning | default |", "|---|---|---|---|", *rows))
