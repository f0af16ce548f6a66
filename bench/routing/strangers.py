"""Texts of other writers than the phrases': plain ones, and those that nobody should act on alone.

A text is wrong when it is assigned alone and not to the body whose whole matter it is; the desk is right
wherever people have to read: two matters, a body that the seed lacks, half a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from ivr.cases.model import Vectors
from ivr.cases.places import Places
from ivr.cases.routing import Rules
from ivr.cases.spelling import GRAMS, told
from ivr.cases.suggest import TOP, Suggester

HERE = Path(__file__).parent
WRITERS = ("writer_one", "writer_two", "writer_three", "writer_four")
UNSEEN = "writer_four"  # committed before it was measured, and nothing is tuned on it
UNLIKE = "…unlike any"  # of its texts those unlike any phrase that was learned from
ALIKE = 0.5  # cosine of letters: more, and a text says what some phrase says in other words
PLAIN, SEVERAL = "plain", "several"
TARGETS = {"top1": 0.85, "top3": 0.97, "alone": 0.5}  # of plain texts, at least
MOST_WRONG = 0.03  # of all texts, as the upper end of a 95 % interval
SURENESS = 0.95


class Stranger(NamedTuple):
    """A text, whose matters are in it, and in which set of which writer it stands."""

    writer: str
    kind: str
    text: str
    bodies: tuple[str, ...]


class Judged(NamedTuple):
    stranger: Stranger
    first: bool
    among: bool
    alone: bool
    wrong: bool
    parted: bool


def strangers(rules: Rules, places: Places, writers: Sequence[str] = WRITERS) -> Iterator[Stranger]:
    for writer in writers:
        content = yaml.safe_load((HERE / f"{writer}.yaml").read_text(encoding="utf-8"))
        for kind, items in content.items():
            for item in items:
                ((label, text),) = item.items()
                yield Stranger(writer, kind, text, _bodies(label, rules, places))


def _bodies(label: str, rules: Rules, places: Places) -> tuple[str, ...]:
    """Of «topic[+topic][@county[/town]]», the town by its name; the desk for «-»."""
    topics, _, place = label.partition("@")
    if topics == "-":
        return (rules.desk,)
    county, _, name = place.partition("/")
    town = places.where(f"شهرداری {name}", county).town
    routes = [rules.route("", topic, county, town) for topic in topics.split("+")]
    return tuple(route.advice or route.agency for route in routes)


def judge(suggester: Suggester, asked: Stranger, desk: str) -> Judged:
    said = suggester.suggest(asked.text)
    first = said.agency == asked.bodies[0]
    among = asked.bodies[0] in [guess.agency for guess in said.top[:TOP]]
    fits = first and asked.kind != SEVERAL
    wrong = said.assigned and not fits and not (said.agency == desk and asked.kind != PLAIN)
    return Judged(asked, first, among, said.assigned, wrong, bool(said.parts))


def upper(wrong: int, count: int) -> float:
    """The upper end of the one-sided Clopper-Pearson interval: not more than this share, 95 % sure."""
    from scipy.special import betaincinv

    return 1.0 if wrong >= count else float(betaincinv(wrong + 1, count - wrong, SURENESS))


def unlike(judged: Sequence[Judged], phrases: Sequence[str], suggester: Suggester) -> list[Judged]:
    """Of the unseen texts those whose letters are unlike every phrase's."""
    unseen = [each for each in judged if each.stranger.writer == UNSEEN]
    texts = [*phrases, *(suggester.latin.read(each.stranger.text) for each in unseen)]
    spelled = Vectors(GRAMS).learn([told(text, suggester.places.is_place) for text in texts])
    likest = (spelled[len(phrases) :] @ spelled[: len(phrases)].T).max(axis=1).toarray()
    return [each for each, alike in zip(unseen, likest, strict=True) if alike < ALIKE]


def rows(judged: Sequence[Judged], apart: Sequence[Judged] = ()) -> Iterator[dict[str, float | int | str]]:
    """One for each set over all writers, one for each writer, one for the unseen texts that are unlike any
    phrase, one for all."""
    for kind in dict.fromkeys(each.stranger.kind for each in judged):
        yield _row(kind, [each for each in judged if each.stranger.kind == kind])
    for writer in dict.fromkeys(each.stranger.writer for each in judged):
        yield _row(writer, [each for each in judged if each.stranger.writer == writer])
    if apart:
        yield _row(UNLIKE, apart)
    yield _row("all", judged)


def _row(name: str, judged: Sequence[Judged]) -> dict[str, float | int | str]:
    count, wrong = len(judged), sum(each.wrong for each in judged)
    return {
        "name": name,
        "texts": count,
        "top1": sum(each.first for each in judged) / count,
        "top3": sum(each.among for each in judged) / count,
        "alone": sum(each.alone for each in judged) / count,
        "wrong": wrong,
        "wrong_upper": upper(wrong, count),
        "wrong_share": wrong / max(1, sum(each.alone for each in judged)),
        "split": sum(each.parted for each in judged) / count,
    }


def missed(found: Sequence[dict[str, float | int | str]]) -> list[str]:
    by_name = {str(row["name"]): row for row in found}
    plain = {key: float(by_name[PLAIN][key]) for key in TARGETS}
    short = [
        f"plain {key} {plain[key]:.1%} < {least:.0%}" for key, least in TARGETS.items() if plain[key] < least
    ]
    worst = {name: float(by_name[name]["wrong_upper"]) for name in ("all", UNSEEN)}
    bad = [(name, most) for name, most in worst.items() if most > MOST_WRONG]
    return short + [f"{name}: wrong alone up to {most:.1%} > {MOST_WRONG:.0%}" for name, most in bad]


def show(found: Sequence[dict[str, float | int | str]]) -> None:
    heads = ("top-1", "top-3", "alone", "wrong", "of those", "at most", "split")
    print(f"\n{'':18}{'texts':>6}" + "".join(f"{head:>9}" for head in heads))
    for row in found:
        shares = "".join(f"{row[key]:>9.1%}" for key in ("top1", "top3", "alone"))
        more = "".join(f"{row[key]:>9.1%}" for key in ("wrong_share", "wrong_upper", "split"))
        print(f"{row['name']:18}{row['texts']:>6}{shares}{row['wrong']:>9}{more}")
