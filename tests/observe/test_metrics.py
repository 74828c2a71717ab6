"""What Prometheus is told: from a status as the daemon's tasks leave it."""

from dataclasses import replace

import pytest
import trio
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from mailroom import __version__
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.reports import ManyAccounts, ManyAccountsSummed
from mailroom.observe.status import Status
from tests.scrape import Idle, metrics_of, samples

IDLE = PassOutcome(triaged_by_category={}, mails_filed=0, senders_failing=0, mailboxes_missing=0)


def scraped(status: Status) -> dict[str, float]:
    return samples(metrics_of(status).decode())


async def test_everything_is_there_from_the_start_at_zero() -> None:
    values = scraped(Status(poll_interval=60, categories=["Paper Trail", "Feed"]))
    assert values.pop(f'mailroom_build_info{{version="{__version__}"}}') == 1
    assert set(values.values()) == {0}
    buckets = {name for name in values if "_bucket{" in name}
    assert values.keys() - buckets == {
        *(
            f'mailroom_passes_total{{outcome="{outcome}",trigger="{trigger}"}}'
            for trigger in ("startup", "push", "tap", "fallback", "continued")
            for outcome in ("success", "failure")
        ),
        *(
            f'mailroom_pass_duration_seconds_{part}{{outcome="{outcome}"}}'
            for part in ("count", "sum")
            for outcome in ("success", "failure")
        ),
        "mailroom_push_to_pass_seconds_count",
        "mailroom_push_to_pass_seconds_sum",
        "mailroom_last_success_timestamp_seconds",
        'mailroom_senders_triaged_total{category="Feed"}',
        'mailroom_senders_triaged_total{category="Paper Trail"}',
        "mailroom_mails_filed_total",
        "mailroom_mails_screened_total",
        'mailroom_mails_routed_total{category="Feed"}',
        'mailroom_mails_routed_total{category="Paper Trail"}',
        "mailroom_senders_failing",
        "mailroom_mailboxes_missing",
        "mailroom_jmap_requests_total",
        "mailroom_event_stream_up",
        "mailroom_event_stream_reconnects_total",
        "mailroom_push_events_total",
        "mailroom_push_events_dropped_total",
    }


async def test_passes_by_trigger_and_outcome_with_their_durations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.5)
    status = Status(poll_interval=60)
    status.pass_succeeded("startup", IDLE, 0.2)
    status.pass_succeeded("push", IDLE, 0.3)
    status.pass_failed("fallback", 300, "no answer")
    values = scraped(status)
    assert values['mailroom_passes_total{outcome="success",trigger="startup"}'] == 1
    assert values['mailroom_passes_total{outcome="success",trigger="push"}'] == 1
    assert values['mailroom_passes_total{outcome="failure",trigger="push"}'] == 0
    assert values['mailroom_passes_total{outcome="failure",trigger="fallback"}'] == 1
    duration = "mailroom_pass_duration_seconds"
    counted = {bound: values[f'{duration}_bucket{{le="{bound}",outcome="success"}}'] for bound in ("0.1", "0.25")}
    assert counted == {"0.1": 0, "0.25": 1}
    assert values[f'{duration}_bucket{{le="120.0",outcome="success"}}'] == 2
    assert values[f'{duration}_sum{{outcome="success"}}'] == 0.5
    assert values[f'{duration}_bucket{{le="120.0",outcome="failure"}}'] == 0
    assert values[f'{duration}_bucket{{le="+Inf",outcome="failure"}}'] == 1
    assert values[f'{duration}_count{{outcome="failure"}}'] == 1
    assert values["mailroom_last_success_timestamp_seconds"] == 1_700_000_000.5


async def test_work_done_is_the_tally_and_work_left_is_that_of_the_last_pass() -> None:
    status = Status(poll_interval=60, categories=["Feed"])
    first = PassOutcome(triaged_by_category={"Feed": 2}, mails_filed=5, senders_failing=3, mailboxes_missing=1)
    status.pass_succeeded("push", first, 1)
    status.pass_succeeded("push", replace(first, senders_failing=1, mailboxes_missing=0), 1)
    status.tally.senders_triaged["Feed"] += 4
    status.tally.mails_filed += 10
    values = scraped(status)
    assert values['mailroom_senders_triaged_total{category="Feed"}'] == 4
    assert values["mailroom_mails_filed_total"] == 10
    assert values["mailroom_senders_failing"] == 1
    assert values["mailroom_mailboxes_missing"] == 0


async def test_new_mail_is_counted_by_what_became_of_it_and_what_waits_is_as_the_last_pass_found_it() -> None:
    status = Status(poll_interval=60, categories=["Feed"], screening="on")
    status.tally.mails_screened += 3
    status.tally.mails_routed.update({"Feed": 2})
    assert "mailroom_mails_waiting" not in scraped(status)
    status.pass_succeeded("push", replace(IDLE, mails_waiting=7), 1)
    values = scraped(status)
    assert values["mailroom_mails_screened_total"] == 3
    assert values['mailroom_mails_routed_total{category="Feed"}'] == 2
    assert values["mailroom_mails_waiting"] == 7
    assert (status.health().screening, status.health().mails_waiting) == ("on", 7)
    status.pass_succeeded("push", replace(IDLE, mails_waiting=0), 1)
    assert scraped(status)["mailroom_mails_waiting"] == 0


async def test_push_from_event_to_pass(mock_clock: MockClock) -> None:
    status = Status(poll_interval=60)
    status.push_connected()
    status.event_received()
    status.change_announced()
    status.event_dropped()
    mock_clock.jump(3)
    status.pass_started()
    values = scraped(status)
    assert values["mailroom_push_to_pass_seconds_sum"] == 3
    assert values['mailroom_push_to_pass_seconds_bucket{le="2.5"}'] == 0
    assert values['mailroom_push_to_pass_seconds_bucket{le="5.0"}'] == 1
    assert values["mailroom_event_stream_up"] == 1
    assert values["mailroom_event_stream_reconnects_total"] == 0
    assert values["mailroom_push_events_total"] == 1
    assert values["mailroom_push_events_dropped_total"] == 1
    status.push_disconnected("gone")
    values = scraped(status)
    assert values["mailroom_event_stream_up"] == 0
    assert values["mailroom_event_stream_reconnects_total"] == 1


async def test_a_category_may_have_any_name() -> None:
    status = Status(poll_interval=60, categories=['Say "hi"\\\n'])
    (triaged,) = (
        family
        for family in text_string_to_metric_families(metrics_of(status).decode())
        if family.name == "mailroom_senders_triaged"
    )
    assert [sample.labels for sample in triaged.samples] == [{"category": 'Say "hi"\\\n'}]


async def test_nothing_is_global() -> None:
    one, other = Status(poll_interval=60), Status(poll_interval=60)
    one.tally.mails_filed += 7
    assert (scraped(one)["mailroom_mails_filed_total"], scraped(other)["mailroom_mails_filed_total"]) == (7, 0)
    assert b"mailroom" not in generate_latest(REGISTRY)


def two_accounts() -> dict[str, Idle]:
    busy, idle = Status(60, ["Feed"]), Status(60, ["Feed"])
    busy.pass_succeeded("push", replace(IDLE, mails_waiting=3), 0.2)
    busy.tally.mails_filed = 7
    idle.pass_failed("startup", 1, "no answer")
    idle.restarts = 1
    return {"busy": Idle(busy, 5), "idle": Idle(idle, 2)}


async def test_of_several_accounts_each_has_its_name_as_a_label() -> None:
    text = (await ManyAccounts(two_accounts()).metrics()).decode()
    values = samples(text)
    assert values['mailroom_mails_filed_total{account="busy"}'] == 7
    assert values['mailroom_mails_filed_total{account="idle"}'] == 0
    assert values['mailroom_jmap_requests_total{account="idle"}'] == 2
    assert values['mailroom_passes_total{account="idle",outcome="failure",trigger="startup"}'] == 1
    assert values['mailroom_account_restarts_total{account="idle"}'] == 1
    assert (values["mailroom_accounts"], values["mailroom_accounts_unhealthy"]) == (2, 0)
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    order = [sample.name for family in text_string_to_metric_families(text) for sample in family.samples]
    assert "mailroom_mails_waiting" in order


async def test_the_sums_of_several_accounts_are_without_names() -> None:
    accounts = two_accounts()
    values = samples((await ManyAccountsSummed(accounts).metrics()).decode())
    assert not any("account=" in name for name in values)
    assert values["mailroom_mails_filed_total"] == 7
    assert values["mailroom_jmap_requests_total"] == 7
    assert values["mailroom_mails_waiting"] == 3
    assert values['mailroom_passes_total{outcome="success",trigger="push"}'] == 1
    assert values['mailroom_passes_total{outcome="failure",trigger="startup"}'] == 1
    assert values['mailroom_pass_duration_seconds_bucket{le="+Inf",outcome="success"}'] == 1
    # One has never succeeded.
    assert values["mailroom_last_success_timestamp_seconds"] == 0
    assert values["mailroom_accounts"] == 2


async def test_other_work_goes_on_between_the_metrics_of_two_accounts() -> None:
    accounts = {f"a{number}": Idle(Status(60)) for number in range(20)}
    turns = 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other_work)
        for report in (ManyAccounts(accounts), ManyAccountsSummed(accounts)):
            before = turns
            await report.metrics()
            # Whose turn comes first is by chance, so that one or two may be missing.
            assert turns - before >= len(accounts) // 2
        nursery.cancel_scope.cancel()
