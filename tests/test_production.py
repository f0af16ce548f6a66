"""What docs/production.md tells somebody to type does what it says there."""

from __future__ import annotations

import re

from ivr.settings import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_what_is_to_be_started_is_named_whole_for_a_pattern_starts_nothing_that_is_not_loaded_yet() -> None:
    started = [line for page in PAGES for line in page.read_text("utf-8").splitlines() if "systemctl" in line]
    assert started and not [line for line in started if re.search(r"(start|enable)\b[^`#]*\*", line)]


def test_each_port_of_the_table_is_shut_in_the_firewall_for_each_of_its_protocols() -> None:
    """But that of audio, which comes from anywhere."""
    text = (ROOT / "docs" / "production.md").read_text("utf-8")
    told = re.findall(r"^\| (\d+) ([a-z/]+) \|", text, re.MULTILINE)
    rules = text.partition("table inet seda111 {")[2].partition("```")[0].splitlines()
    shut = [set(re.findall(r"\w+", rule)) for rule in rules if rule.rstrip().endswith("drop")]
    wanted = {(port, protocol) for port, protocols in told for protocol in protocols.split("/")}
    assert len(told) == 4
    assert not [each for each in wanted if not any({*each} <= words for words in shut)]


def test_operators_of_before_are_moved_before_a_rendered_file_is_copied_over_them() -> None:
    text, members = (ROOT / "docs" / "production.md").read_text("utf-8"), "queues_seda111_members.conf"
    [copied] = re.findall(r"^Whatever is \*\*rendered again\*\*.*?\n\n", text, re.DOTALL | re.MULTILINE)
    assert re.search(rf"`member` lines .* are moved into `{members}` .*first", copied)
    assert re.search(rf"`/etc/asterisk/{members}` \(owner root, group asterisk, mode 640\b", text)


def test_whoever_is_to_render_is_told_to_copy_and_to_reload_too_else_asterisk_hears_of_nothing() -> None:
    pages = [page.read_text("utf-8") for page in PAGES if page.parent.name != "decisions"]
    prose = [re.sub(r"```.*?```", "", page, flags=re.DOTALL) for page in pages]
    told = [each for page in prose for each in re.findall(r"(?<!never )\brender\b.{0,40}", page, re.DOTALL)]
    assert told and not [each for each in told if not re.search(r",\s+copy and reload\b", each)]


def test_nothing_is_installed_or_run_by_a_python_that_happens_to_be_on_the_path() -> None:
    """Nor by a name that somebody else may take in a public index."""
    text = "".join(page.read_text("utf-8") for page in [*PAGES, ROOT / "config.yaml"])
    typed = re.findall(r"\S*pip install .{5}|\S*python -m ivr", text)
    ours = [
        each.lstrip("`(").startswith((".venv/bin/pip install -e '.", ".venv/bin/python ")) for each in typed
    ]
    assert typed and all(ours), typed


def test_operators_of_a_pbx_are_rung_without_its_own_queues_and_never_reach_a_mailbox() -> None:
    """Its context `from-queue` asks which of its queues it was; for ours it hangs up, or leads to itself."""
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert {re.split("[/@]", each)[2] for each in re.findall(r"member => Local/\d+@[\w-]+", text)} == {
        "from-queue-exten-only"
    }


def test_the_times_of_a_pbxs_trunk_are_added_to_its_endpoint_for_its_page_has_no_field_for_them() -> None:
    """And by its type: `(+)` alone may meet the address of that name, which Asterisk then refuses."""
    text = (ROOT / "docs" / "production.md").read_text("utf-8")
    [trunk] = re.findall(r"^- Whichever trunk it is.*?(?=^- )", text, re.DOTALL | re.MULTILINE)
    assert not re.search(r"RTP (Hold )?Timeout", trunk)
    assert {"pjsip.endpoint_custom_post.conf", "pjsip_custom_post.conf"} <= {*re.findall(r"`([^`]+)`", trunk)}
    # Where its name can be read, of which Issabel's page has two.
    assert re.search(r"in brackets in `pjsip\.endpoint\.conf` \(Issabel:\s+`pjsip_additional\.conf`", trunk)
    assert re.findall(r"\(\+[^)]*\)", trunk) == ["(+type=endpoint)"]


def test_a_pbx_whose_manager_listens_everywhere_is_told_to_listen_here_alone() -> None:
    text = (ROOT / "docs" / "production.md").read_text("utf-8")
    [told] = re.findall(r"^`manager.conf` must have .*?\n\n", text, re.DOTALL | re.MULTILINE)
    assert re.search(r"`manager_custom.conf` `\[general\]\(\+\)` .*`bindaddr = 127\.0\.0\.1`", told)
    assert "The first three listen on 127.0.0.1 by default, AMI of FreePBX" in text
    # And everywhere, where another machine's server is to come in: what is written for here alone would win.
    [elsewhere] = re.findall(r"In `manager.conf` of that one (.*\s.*)\) `bindaddr = 0\.0\.0\.0`", text)
    assert "FreePBX, Issabel" in elsewhere and "`manager_custom.conf`, which win" in elsewhere


def test_the_user_is_made_on_each_system_that_is_named_for_debian_s_adduser_knows_no_other_s_options() -> (
    None
):
    text = (ROOT / "docs" / "production.md").read_text("utf-8")
    made = text.partition("## 1. ")[2].partition("usermod")[0]
    assert re.search(r"^adduser --system --group --home (\S+) (\S+)$", made, re.MULTILINE)
    [fedora] = re.findall(r"^# RHEL, Rocky, Alma: (useradd .*)$", made, re.MULTILINE)
    assert {"--system", "--user-group", "--create-home"} <= {*fedora.split()}
    assert "chmod 755 /opt/seda111" in fedora, "its prompts and the checkout are read by Asterisk"
