"""In what two trees differ."""

from __future__ import annotations

from ivr.settings import ROOT
from ivr.voice.menu_diff import Difference, changes, text_diff
from ivr.voice.parse import parse

TEXT = (ROOT / "dialplan" / "menus" / "111.yaml").read_text(encoding="utf-8")
BEEP = "limits.to_beep_seconds"


def differences(*edits: tuple[str, str]) -> list[tuple[Difference, str, str]]:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    found = changes(parse(TEXT.encode(), "old"), parse(text.encode(), "new"))
    return [(each.kind, each.step, each.what) for each in found]


def test_comments_and_order_are_no_difference() -> None:
    assert differences(("# ", "# so ")) == []


def test_a_key_taken_away_is_said_with_what_it_did() -> None:
    line = '      "2": {kind: criticism, go: caller}\n'
    text = TEXT.replace(line, "", 1)
    (change,) = changes(parse(TEXT.encode(), "old"), parse(text.encode(), "new"))
    assert (change.kind, change.step, change.what) == (Difference.KEY, "kind", "keys.2")
    assert str(change) == "kind: keys.2: kind=criticism → caller becomes (none)"


def test_other_words_and_seconds_and_limits_are_told_apart() -> None:
    edits = ("[kind.menu, keys.help]", "[kind.short]"), ("to_beep_seconds: 150", "to_beep_seconds: 90")
    assert differences(*edits) == [
        (Difference.TREE, "", BEEP), (Difference.PROMPT, "kind", "prompt"),
    ]  # fmt: skip
    found = differences(("max_seconds: 180", "max_seconds: 120"))
    assert {(kind, what) for kind, _, what in found} == {(Difference.SETTING, "max_seconds")}


def test_a_step_that_only_got_another_name_is_renamed_and_nothing_else() -> None:
    assert differences(("  county:\n", "  shahr:\n"), ("go: county", "go: shahr")) == [
        (Difference.RENAMED, "shahr", "")
    ]


def test_a_step_put_between_two_others_is_added_and_moves_what_follows() -> None:
    text = TEXT.replace(
        "  goodbye:\n", "  snow:\n    type: say\n    prompt: [emergency]\n    go: goodbye\n\n  goodbye:\n"
    )
    head, middle, rest = text.partition("  code:\n")
    text = head + middle + rest.replace("go: goodbye", "go: snow", 1)
    found = changes(parse(TEXT.encode(), "old"), parse(text.encode(), "new"))
    told = {(each.kind, each.step) for each in found}
    assert told == {
        (Difference.GOES, "code"), (Difference.ADDED, "snow"), (Difference.MOVED, "goodbye"),
    }  # fmt: skip


def test_the_lines_stand_beside_it() -> None:
    assert text_diff("a\nb\n", "a\nc\n") == ["--- before", "+++ after", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]
    assert text_diff("a\n", "a\n") == []
