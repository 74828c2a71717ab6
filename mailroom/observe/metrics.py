"""What an account's `Status` knows, as Prometheus wants it: names with units, and no addresses in labels."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import get_args

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from mailroom import __version__
from mailroom.observe.durations import BUCKETS_SECONDS, Durations
from mailroom.observe.status import PassResult, Status, Trigger

Labels = Mapping[str, str]
Families = Iterator[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]

_BOUNDS = [*map(str, BUCKETS_SECONDS), "+Inf"]
_NONE: Labels = {}

LAST_SUCCESS = "mailroom_last_success_timestamp_seconds"


def written(families: Iterable[Metric]) -> bytes:
    """In the oldest text format, which every collector reads. The library's global registry stays out of it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Read(families))
    return generate_latest(registry)


class _Read(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def of_process() -> InfoMetricFamily:
    return InfoMetricFamily("mailroom_build", "The version that runs.", {"version": __version__})


def of_account(status: Status, requests_sent: int, labels: Labels = _NONE) -> Families:
    """All of one account, each with these labels beside its own. `requests_sent` are those to the JMAP API."""
    yield from _passes(status, labels)
    yield from _work(status, labels)
    yield _count("mailroom_jmap_requests", "Requests to the JMAP API, answered or not.", labels, requests_sent)
    yield from _event_stream(status, labels)


def of_one_among_many(status: Status, requests_sent: int, labels: Labels = _NONE) -> Families:
    """The same, and what only an account beside others outlives."""
    yield from of_account(status, requests_sent, labels)
    what = "How often the account was started again after a bug, or an outage that lasted."
    yield _count("mailroom_account_restarts", what, labels, status.restarts)


def _passes(status: Status, labels: Labels) -> Families:
    passes = CounterMetricFamily(
        "mailroom_passes", "Passes that ended, by what caused them.", labels=[*labels, "trigger", "outcome"]
    )
    for trigger in get_args(Trigger):
        for result in get_args(PassResult):
            passes.add_metric([*labels.values(), trigger, result], status.passes[trigger, result])
    yield passes
    took = HistogramMetricFamily("mailroom_pass_duration_seconds", "How long passes took.", labels=[*labels, "outcome"])
    for result, durations in status.pass_durations.items():
        _add(took, [*labels.values(), result], durations)
    yield took
    delay = HistogramMetricFamily(
        "mailroom_push_to_pass_seconds",
        "From the first push event to the start of the pass that looks after it, debounce included.",
        labels=[*labels],
    )
    _add(delay, [*labels.values()], status.push_delays)
    yield delay
    last = status.last_success
    yield _gauge(
        LAST_SUCCESS,
        "When the last pass that succeeded ended, in Unix seconds; 0 before the first.",
        labels,
        last.ended_at_unix if last else 0,
    )


def _work(status: Status, labels: Labels) -> Families:
    tally, health = status.tally, status.health()
    yield _by_category("mailroom_senders_triaged", "Senders settled, by category.", labels, tally.senders_triaged)
    yield _count("mailroom_mails_filed", "Mails that moved.", labels, tally.mails_filed)
    yield _count("mailroom_mails_screened", "New mails put into the Screener.", labels, tally.mails_screened)
    yield _by_category(
        "mailroom_mails_routed",
        "New mails put where their senders' go, by category.",
        labels,
        tally.mails_routed,
    )
    if health.mails_waiting is not None:
        # A zero before the first pass would say that nobody waits.
        what = "Mails in the Screener when the last pass began."
        yield _gauge("mailroom_mails_waiting", what, labels, health.mails_waiting)
    yield _gauge(
        "mailroom_senders_failing", "Senders that the last pass could not settle.", labels, health.senders_failing
    )
    yield _gauge(
        "mailroom_mailboxes_missing", "Mailboxes that the last pass did not find.", labels, health.mailboxes_missing
    )


def _event_stream(status: Status, labels: Labels) -> Families:
    push = status.health().eventsource
    yield _gauge("mailroom_event_stream_up", "1 while push is connected, else 0.", labels, push.status == "connected")
    yield _count(
        "mailroom_event_stream_reconnects",
        "Push connections that were lost and had to be made anew.",
        labels,
        push.reconnect_count,
    )
    yield _count("mailroom_push_events", "Push events that came.", labels, status.events_received)
    yield _count(
        "mailroom_push_events_dropped",
        "Push events dropped because enough of them waited.",
        labels,
        status.events_dropped,
    )


def _count(name: str, what: str, labels: Labels, value: float) -> CounterMetricFamily:
    family = CounterMetricFamily(name, what, labels=[*labels])
    family.add_metric([*labels.values()], value)
    return family


def _gauge(name: str, what: str, labels: Labels, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=[*labels])
    family.add_metric([*labels.values()], value)
    return family


def _by_category(name: str, what: str, labels: Labels, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, what, labels=[*labels, "category"])
    for category, count in sorted(counts.items()):
        family.add_metric([*labels.values(), category], count)
    return family


def _add(family: HistogramMetricFamily, labels: list[str], durations: Durations) -> None:
    # Prometheus' buckets are cumulative: each counts all that is no longer than its bound.
    family.add_metric(labels, list(zip(_BOUNDS, accumulate(durations.counts), strict=True)), durations.sum)
