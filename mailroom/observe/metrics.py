"""What an account's `Status` knows, as Prometheus wants it: names with units, and no addresses in labels."""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from mailroom import __version__
from mailroom.jmap.client import Client
from mailroom.observe.status import BUCKETS_SECONDS, Durations, PassResult, Status, Trigger

Families = Iterator[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily]

_BOUNDS = [*map(str, BUCKETS_SECONDS), "+Inf"]


def registry_of(status: Status, client: Client) -> CollectorRegistry:
    """A registry of this account alone; the library's global one stays out of it."""
    registry = CollectorRegistry()
    registry.register(_AccountCollector(status, client))
    return registry


class _AccountCollector(Collector):
    """Reads the account whenever it is asked, so that nothing is counted twice."""

    def __init__(self, status: Status, client: Client) -> None:
        self._status = status
        self._client = client

    def collect(self) -> Families:
        yield InfoMetricFamily("mailroom_build", "The version that runs.", {"version": __version__})
        yield from _passes(self._status)
        yield from _work(self._status)
        yield CounterMetricFamily(
            "mailroom_jmap_requests", "Requests to the JMAP API, answered or not.", self._client.requests_sent
        )
        yield from _event_stream(self._status)


def _passes(status: Status) -> Families:
    passes = CounterMetricFamily(
        "mailroom_passes", "Passes that ended, by what caused them.", labels=["trigger", "outcome"]
    )
    for trigger in get_args(Trigger):
        for result in get_args(PassResult):
            passes.add_metric([trigger, result], status.passes[trigger, result])
    yield passes
    took = HistogramMetricFamily("mailroom_pass_duration_seconds", "How long passes took.", labels=["outcome"])
    for result, durations in status.pass_durations.items():
        _add(took, {"outcome": result}, durations)
    yield took
    delay = HistogramMetricFamily(
        "mailroom_push_to_pass_seconds",
        "From the first push event to the start of the pass that looks after it, debounce included.",
        labels=[],
    )
    _add(delay, {}, status.push_delays)
    yield delay
    last = status.last_success
    yield GaugeMetricFamily(
        "mailroom_last_success_timestamp_seconds",
        "When the last pass that succeeded ended, in Unix seconds; 0 before the first.",
        last.ended_at_unix if last else 0,
    )


def _work(status: Status) -> Families:
    triaged = CounterMetricFamily("mailroom_senders_triaged", "Senders settled, by category.", labels=["category"])
    for category, senders in sorted(status.tally.senders_triaged.items()):
        triaged.add_metric([category], senders)
    yield triaged
    yield CounterMetricFamily("mailroom_mails_filed", "Mails that moved.", status.tally.mails_filed)
    yield from _new_mail(status)
    health = status.health()
    yield GaugeMetricFamily(
        "mailroom_senders_failing", "Senders that the last pass could not settle.", health.senders_failing
    )
    yield GaugeMetricFamily(
        "mailroom_mailboxes_missing", "Mailboxes that the last pass did not find.", health.mailboxes_missing
    )


def _new_mail(status: Status) -> Families:
    yield CounterMetricFamily(
        "mailroom_mails_screened", "New mails put into the Screener.", status.tally.mails_screened
    )
    routed = CounterMetricFamily(
        "mailroom_mails_routed", "New mails put where their senders' go, by category.", labels=["category"]
    )
    for category, mails in sorted(status.tally.mails_routed.items()):
        routed.add_metric([category], mails)
    yield routed
    waiting = status.health().mails_waiting
    if waiting is not None:
        # A zero before the first pass would say that nobody waits.
        yield GaugeMetricFamily("mailroom_mails_waiting", "Mails in the Screener when the last pass began.", waiting)


def _event_stream(status: Status) -> Families:
    push = status.health().eventsource
    yield GaugeMetricFamily(
        "mailroom_event_stream_up", "1 while push is connected, else 0.", push.status == "connected"
    )
    yield CounterMetricFamily(
        "mailroom_event_stream_reconnects",
        "Push connections that were lost and had to be made anew.",
        push.reconnect_count,
    )
    yield CounterMetricFamily("mailroom_push_events", "Push events that came.", status.events_received)
    yield CounterMetricFamily(
        "mailroom_push_events_dropped", "Push events dropped because enough of them waited.", status.events_dropped
    )


def _add(family: HistogramMetricFamily, labels: Mapping[str, str], durations: Durations) -> None:
    # Prometheus' buckets are cumulative: each counts all that is no longer than its bound.
    family.add_metric(
        list(labels.values()), list(zip(_BOUNDS, accumulate(durations.counts), strict=True)), durations.sum
    )
