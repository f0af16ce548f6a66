"""What chaos does at random moments, a test of its own does at the worst one: here is which."""

from __future__ import annotations

import pytest

from bench.chaos.faults import FAULTS
from ivr.settings import ROOT

DATABASE = (
    "desk/facts/test_database_away.py::test_she_notices_nothing_and_every_code_resolves_afterwards_once"
)
NOTICES_NOTHING = (
    "lab/test_roles.py"
    "::test_who_speaks_notices_nothing_when_panel_and_work_die_and_is_in_the_books_soon_after"
)
AT_ITS_WORST = {
    "one server killed": (
        "lab/test_workers.py::test_calls_go_to_the_living_and_the_dead_one_s_words_become_a_case",
        "loops/test_rescue.py::test_a_server_killed_as_a_recording_begins_leaves_a_journal_that_names_it",
        "store/journal/test_writing.py::test_whatever_was_acknowledged_before_kill_9_is_there",
    ),
    "one server stopped": (
        "lab/test_workers.py::test_a_server_stopped_as_she_ends_her_words_has_them_once_when_it_goes_on",
    ),
    "every server killed": (
        "lab/test_hotline.py::test_words_survive_a_server_killed_while_they_are_spoken",
        "lab/test_reconcile.py::test_words_of_which_only_the_file_is_left_become_one_case",
        "loops/test_kept_words.py::test_further_words_are_called_kept_only_where_their_disk_took_them",
    ),
    "every server away": (
        "lab/test_fallback.py::test_without_a_server_the_dialplan_records_and_thanks",
        "lab/test_fallback.py::test_who_reaches_no_server_hears_a_code_that_nobody_else_hears",
    ),
    "new server killed": (
        "lab/test_workers.py::test_two_deploys_in_the_middle_of_calls_are_noticed_by_no_caller",
    ),
    "database and servers away": (
        "desk/case/test_joining.py"
        "::test_whatever_comes_first_or_never_a_call_is_one_case_under_the_code_that_was_spoken",
        "desk/case/test_joining.py::test_an_addition_met_before_its_case_waits_for_it",
    ),
    "spool set back": (
        "desk/case/test_codes.py::test_a_spool_that_was_set_back_gives_no_code_twice",
        "desk/facts/test_comparing.py"
        "::test_a_journal_that_was_set_back_is_not_taken_for_the_one_that_the_database_knows",
    ),
    "one server's clock wrong": (
        "loops/test_time_of_day.py"
        "::test_a_machine_whose_clock_is_years_behind_stamps_words_with_the_database_s_time",
        "desk/facts/test_clock_jumps.py::test_a_call_through_two_jumps_of_the_clock_is_whole_and_ends_once",
    ),
    "work killed": (
        NOTICES_NOTHING,
        "desk/facts/test_adopting.py"
        "::test_who_only_carries_calls_is_in_the_books_at_once_and_by_another_when_the_first_ends",
    ),
    "work stopped": (
        "store/journal/test_journal_follower.py::test_one_alone_applies_a_journal_and_how_far_stays_known",
    ),
    "panel killed": (NOTICES_NOTHING,),
    "PostgreSQL killed": (f"{DATABASE}[killed]",),
    "PostgreSQL stopped": (f"{DATABASE}[frozen]",),
    "database fails over": (
        "desk/facts/test_comparing.py::test_a_fail_over_under_calls_loses_no_code",
        "desk/facts/test_comparing.py::test_a_quiet_line_notices_by_itself",
    ),
    "database session killed": (
        "desk/facts/test_database_away.py::test_a_session_killed_in_mid_commit_takes_nothing_with_it",
    ),
    "database cut": (f"{DATABASE}[cut]",),
    "database silent": (f"{DATABASE}[unreachable]",),
    "Asterisk killed": (
        "lab/test_asterisk_away.py"
        "::test_asterisk_killed_in_mid_word_loses_no_words_and_is_used_again_once_it_is_back",
    ),
    "Asterisk stopped": (
        "lab/test_asterisk_away.py"
        "::test_asterisk_stopped_while_she_ends_her_words_has_all_of_them_when_it_goes_on",
    ),
    "disk full": (
        "loops/test_full_disk.py::test_with_one_full_disk_alone_she_is_told_the_truth",
        "loops/test_full_disk.py::test_when_the_disk_is_full_everything_goes_on_on_the_second_volume",
        "loops/test_kept_words.py::test_further_words_have_no_hole_though_their_disk_was_full_for_a_moment",
        "loops/test_full_disk.py::test_something_else_fills_the_disk_while_she_speaks_and_her_words_are_whole",
        "lab/test_fallback.py::test_words_with_a_hole_are_not_called_kept_though_their_disk_has_room_by_then",
    ),
    "hostile audio": (
        "bench/test_attack.py::test_who_calls_beside_bad_peers_on_every_port_is_heard_and_nothing_dies",
    ),
    "disk without inodes": (
        "loops/test_full_disk.py::test_where_no_further_file_can_be_made_she_is_recorded_on_the_second_volume",
    ),
    "every disk full": (
        "loops/test_full_disk.py::test_when_the_disk_is_full_everything_goes_on_on_the_second_volume",
        f"{DATABASE}[killed]",
    ),
    "every disk slow": (
        "store/test_volumes.py::test_a_disk_that_answers_slowly_is_used",
        "store/test_volumes.py::test_a_write_that_sleeps_is_known_and_a_slow_flush_is_not_one",
    ),
    "recordings' disk hangs": (
        "store/test_volumes.py::test_however_much_waits_for_a_disk_that_hangs_the_other_one_is_looked_at",
        "store/test_volumes.py::test_a_write_that_sleeps_is_known_and_a_slow_flush_is_not_one",
        "asterisk/test_recording.py"
        "::test_who_ends_her_words_while_all_threads_of_her_disk_sleep_is_told_as_the_others_are",
    ),
    "recordings' disk refuses": (
        "asterisk/test_recording.py::test_words_that_a_disk_does_not_confirm_are_kept_but_not_called_whole",
        "desk/facts/test_fallback.py::test_what_the_recordings_disk_refused_is_brought_there_anew",
    ),
    "recordings' disk read-only": (
        "asterisk/test_channel.py::test_a_disk_on_which_no_recording_can_be_begun_is_passed_over",
    ),
    "journal's disk hangs": (
        "store/journal/test_writing.py"
        "::test_a_disk_that_hangs_is_left_and_what_it_writes_when_it_wakes_is_harmless",
    ),
    "journal's disk refuses": (
        "store/journal/test_writing.py::test_when_its_disk_is_full_the_journal_goes_on_on_the_other",
        "desk/case/test_codes.py::test_codes_go_on_while_their_disk_refuses_if_another_one_keeps_the_mark",
    ),
    "journal's disk read-only": (
        "store/journal/test_writing.py::test_a_journal_that_opens_on_a_full_disk_begins_on_the_other",
    ),
}


def test_every_kind_of_fault_has_one() -> None:
    assert set(AT_ITS_WORST) == set(FAULTS)


@pytest.mark.parametrize("test", [test for tests in AT_ITS_WORST.values() for test in tests])
def test_it_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    name, _, case = name.partition("[")
    assert f"async def {name}(" in (ROOT / "tests" / path).read_text()
    if case:
        faults = (ROOT / "tests" / "fixtures" / "weak_database.py").read_text().partition("\nFAULTS = ")[2]
        assert case.rstrip("]") in faults.partition("\n")[0].strip("()").split(", ")
