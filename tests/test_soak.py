"""A short slice of the soak, and that it notices what it is there to notice; nothing here is timed."""

import gc
import io
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
from rich.console import Console

from bench.soak import acts, paces
from bench.soak import minutes as minutes_of_soak
from bench.soak.acts import Arrive, Put, Timed
from bench.soak.expected import FILED_IN, expected_after
from bench.soak.figures import (
    Counts,
    Sample,
    count_problems,
    crashes_in,
    growth_problems,
    left_over,
    object_problems,
    round_problems,
    slope_per_hour,
)
from bench.soak.judge import problems
from bench.soak.leaks import all_tasks, live_objects, open_files, warnings_collected
from bench.soak.minutes import run_minutes
from bench.soak.player import RoundEnd
from bench.soak.report import show
from bench.soak.script import write_script
from bench.soak.week import run_week
from mailroom.config.scheme import DEFAULT_CATEGORIES, DEFAULT_SCHEME
from mailroom.sandbox import Sandbox
from mailroom.sandbox.faults import Delay
from tests.guard import GUARD_SECONDS
from tests.screener import empty_sandbox

ANN = "ann@example.org"
SETTLED = (Timed(0, Arrive("m1", ANN)), Timed(1, Arrive("m2", ANN)), Timed(2, Put((("m1", "@ToTruck"),))))
QUIET = RoundEnd(1, (), senders=1, mails=1, waiting=0, faults=0, requests=9, idle_requests=60, idle_seconds=3600)
HEALTHY = Counts(10, 1, 1, 1, 0, "ok", 0)


@pytest.mark.exhaustive
def test_short_simulated_days_lose_nothing_and_leave_nothing_over() -> None:
    told: list[str] = []
    script = write_script(7, paces.rounds_of("short day", 2))
    week = run_week(script, told.append)
    assert week.problems == ()
    assert week.counts.failed_passes > 0
    assert week.counts.senders_triaged > 20
    assert week.ends[-1].waiting > 0
    assert [line.partition(":")[0] for line in told] == ["day 1 of 2", "day 2 of 2"]
    assert "2 simulated days, seed 7" in shown(lambda console: show(week, None, console))


@pytest.mark.exhaustive
async def test_short_real_rounds_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("START_SECONDS", "STOP_SECONDS", "GRACE_SECONDS"):
        monkeypatch.setattr(minutes_of_soak, limit, GUARD_SECONDS)
    told: list[str] = []
    with trio.fail_after(GUARD_SECONDS):
        minutes = await run_minutes(write_script(7, paces.rounds_of("short real", 2)), told.append)
    assert minutes.problems == ()
    assert minutes.counts.senders_triaged > 4
    assert minutes.last.memory_mb > 10
    assert minutes.last.open_files > 5
    assert told[-1].startswith("round 2 of 2: ")
    assert "real minutes, seed 7" in shown(lambda console: show(None, minutes, console))


def shown(show_it: Callable[[Console], None]) -> str:
    text = io.StringIO()
    show_it(Console(file=text, width=120))
    return text.getvalue()


# --- the script


def test_a_seed_gives_the_same_script_always_and_another_one_another() -> None:
    pace = paces.days(2)
    assert write_script(1, pace) == write_script(1, pace)
    assert write_script(1, pace).acts != write_script(2, pace).acts


def test_a_week_has_everything_in_it() -> None:
    script = write_script(1, paces.days(7))
    happened = [timed.act for timed in script.acts]
    kinds = {type(act) for act in happened}
    assert kinds == set(acts.Act.__args__)
    assert {label for act in happened if isinstance(act, Put) for _, label in act.labels} == DEFAULT_SCHEME.labels
    struck = {type(act.fault) for act in happened if isinstance(act, acts.Strike)}
    assert struck >= {Delay, *(type(fault) for fault in paces.DAY.streams)}
    assert [timed.at for timed in script.acts] == sorted(timed.at for timed in script.acts)


def test_a_chain_of_the_expectation_is_that_of_the_usual_categories() -> None:
    chains = {each.label: {up.destination_mailbox for up in DEFAULT_SCHEME.chain(each)} for each in DEFAULT_CATEGORIES}
    assert chains == FILED_IN


# --- what is noticed in the account


def settled() -> tuple[Sandbox, dict[str, str]]:
    """As Mailroom leaves what SETTLED does."""
    sandbox = empty_sandbox()
    ids = {mail: sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Truck", "Paper Trail"]) for mail in ("m1", "m2")}
    uid = sandbox.add_card(ANN, "Ann")
    groups = {card.data["name"]["full"]: card.uid for card in sandbox.store.cards.objects.values()}
    for name in ("Truck", "Paper Trail", "Mailroom"):
        sandbox.change_card(groups[name], {"members": {uid: True}})
    return sandbox, ids


def test_an_account_as_it_should_be_has_no_problem() -> None:
    assert problems(*settled(), SETTLED) == ()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda sandbox, ids: sandbox.delete(ids["m2"]), "mail m2 is lost"),
        (lambda sandbox, ids: sandbox.deliver(f"Ann <{ANN}>"), "and is there"),
        (lambda sandbox, ids: sandbox.label(ids["m1"], "@ToTruck"), "is in @ToTruck, Paper Trail, Truck, not in Paper"),
        (lambda sandbox, ids: sandbox.move(ids["m2"], "Truck"), "mail m2 is in Truck, not in Paper Trail, Truck"),
        (lambda sandbox, ids: sandbox.add_group("Feed", [ANN]), "is in the groups Feed, Mailroom, Paper Trail, Truck"),
        (lambda sandbox, ids: sandbox.add_card(ANN, "Ann"), "has 2 contact cards, not 1"),
        (lambda sandbox, ids: sandbox.add_card("bob@example.org", "Bob"), "has 1 contact cards, not 0"),
    ],
)
def test_harm_to_the_account_is_told(harm: Callable[[Sandbox, dict[str, str]], object], told: str) -> None:
    sandbox, ids = settled()
    harm(sandbox, ids)
    found = problems(sandbox, ids, SETTLED)
    assert any(told in problem for problem in found), found


def test_a_card_that_another_client_edited_has_to_stay_so() -> None:
    sandbox, ids = settled()
    edited = (*SETTLED, Timed(3, acts.EditCard(ANN, "Annie", "+49 30 1")))
    assert len(problems(sandbox, ids, edited)) == 2


def test_of_two_labels_neither_wins_until_one_is_taken_off() -> None:
    conflict = (*SETTLED[:2], Timed(2, Put((("m1", "@ToFeed"), ("m2", "@ToJail")))))
    assert expected_after(conflict).waiting == {"m1", "m2"}
    resolved = expected_after((*conflict, Timed(3, acts.Resolve(("m1", "m2"), ("m2", "@ToJail")))))
    assert {mail.mailboxes for mail in resolved.mails.values()} == {frozenset({"Jail"})}
    assert resolved.groups == {ANN: {"Jail"}}


# --- what is noticed in the process


async def test_a_task_that_goes_on_is_left_over() -> None:
    before = all_tasks()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever, name="forgotten")
        assert left_over("tasks", before, all_tasks()) == ["tasks left over: forgotten (1)"]
        nursery.cancel_scope.cancel()
    assert all_tasks() == before


def test_an_open_socket_is_left_over() -> None:
    before = open_files()
    with socket.socket():
        assert left_over("open files", before, open_files()) == ["open files left over: socket (1)"]
    assert open_files() == before


def test_what_was_left_open_or_never_awaited_is_a_complaint() -> None:
    async def never_awaited() -> None: ...

    with warnings_collected() as complaints:
        socket.socket()
        never_awaited()  # type: ignore[unused-coroutine]  # that is the point
        gc.collect()
    assert [complaint.partition(":")[0] for complaint in complaints] == ["ResourceWarning", "RuntimeWarning"]


def test_objects_that_pile_up_are_told_by_name() -> None:
    before = live_objects()
    kept = [trio.CancelScope() for _ in range(200)]
    (problem,) = object_problems(before, live_objects())
    assert "CancelScope +200" in problem
    assert len(kept) == 200
    assert object_problems(before, before) == []


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (Sample(900, 84.0, 12), "memory grew by 4.0 MB"),
        (Sample(900, 80.0, 15), "3 more open files"),
    ],
)
def test_growth_is_told(last: Sample, told: str) -> None:
    first = Sample(200, 80.0, 12)
    assert any(told in problem for problem in growth_problems(first, last))
    assert growth_problems(first, Sample(900, 82.0, 13)) == []


def test_the_slope_is_per_hour() -> None:
    assert slope_per_hour((Sample(0, 80.0, 9), Sample(900, 81.0, 9))) == pytest.approx(4.0)


def test_a_busy_loop_is_told() -> None:
    busy = replace(QUIET, idle_requests=200)
    assert round_problems((QUIET,), 1, poll_interval=60) == []
    assert round_problems((busy,), 1, 60) == ["round 1: 200 requests in 3600 idle seconds, not at most 78"]
    assert round_problems((), 1, 60) == ["0 of 1 rounds were played"]


def test_a_daemon_that_is_not_well_in_the_end_is_told() -> None:
    assert count_problems(HEALTHY) == []
    assert len(count_problems(replace(HEALTHY, health="unhealthy", senders_failing=2, passes=0))) == 3


def test_a_traceback_in_the_log_is_told_once() -> None:
    line = {"event": "sender_planning_failed", "level": "error", "exception": "Traceback: KeyError"}
    fine = {"event": "poll_failed", "level": "warning"}
    assert crashes_in([line, fine, line]) == ["the log tells sender_planning_failed: Traceback: KeyError (2 times)"]
