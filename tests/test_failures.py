"""Every row of the table of what fails, in docs/accounts.md, is shown by tests that there are."""

import re

from tests.test_docs import DOCS, TESTS, table

TWINS = "test_the_twin_files_and_polls_and_nothing_is_lost_or_done_twice"
FAULT = "test_a_fault_is_told_and_nothing_is_lost"

SHOWN_BY = {
    "a process: killed, out of memory, crashed": [
        TWINS,
        "test_a_pass_that_is_cut_off_at_any_request_is_finished_by_the_next_start",
        "test_a_process_tells_its_shard_and_whether_it_stands_by",
    ],
    "a process is stopped, for an update": [TWINS, "test_it_stops_during_a_pass_and_the_next_start_finishes_it"],
    "a process stands still, or its machine is paused": [TWINS, "test_it_does_not_act_on_what_it_saw_before"],
    "a machine": [TWINS],
    "the network of one machine, with resets or without a word": [TWINS, FAULT],
    "the mail server": [
        FAULT,
        "test_failed_passes_back_off_up_to_the_poll_interval",
        "test_of_several_accounts_the_process_is_ill_once_none_is_well",
    ],
    "the mail server of some accounts, or it is slow for them": [
        "test_another_account_files_within_the_usual_time",
        "test_one_account_that_is_ill_among_several_restarts_nobody",
    ],
    "push alone": [FAULT, "test_without_push_the_poll_alone_files_the_sender"],
    "the contacts server (CardDAV)": [FAULT],
    "a login: the token is revoked": [
        "test_refused_credentials_set_one_aside_and_the_others_go_on",
        "test_credentials_that_stay_refused_end_the_loop_a_quarter_of_an_hour_after_the_last_success",
        "test_a_secret_that_is_rotated_starts_its_account_anew",
    ],
    "a bug at one account": [
        "test_a_bug_is_told_with_its_traceback_and_the_account_is_started_again",
        "test_one_that_crashes_again_and_again_is_started_ever_less_often",
    ],
    "the accounts' folder: not mounted, empty, unreadable": ["test_a_folder_that_is_not_there_any_more_stops_nobody"],
    "the health port is in use": ["test_a_busy_health_port_ends_it_with_1_and_names_the_setting"],
    "somebody holds the health port with connections that ask nothing": [
        "test_a_monitor_gets_in_beside_1500_connections_that_are_held"
    ],
    "the disk of the log, or who reads it": [FAULT, "test_another_account_files_within_the_usual_time"],
    "the clock jumps": [FAULT, "test_waits_keep_their_bounds_whatever_the_clock_says"],
}


def test_each_row_is_shown_by_tests() -> None:
    rows = table(DOCS / "accounts.md", "| What fails | What happens | How much longer a tap waits | What you see |")
    assert [row[0] for row in rows] == list(SHOWN_BY)
    named = {name for names in SHOWN_BY.values() for name in names}
    there = {
        name for text in TESTS.values() for name in re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE)
    }
    assert named <= there
