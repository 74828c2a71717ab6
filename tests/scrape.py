"""What monitors are told, as a test reads it."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from mailroom.observe.metrics import of_account, of_process, written
from mailroom.observe.reports import OneAccount
from mailroom.observe.status import Status


@dataclass(frozen=True)
class Idle:
    """An account that never asks its server anything."""

    status: Status
    requests_sent: int = 0


def report_of(status: Status) -> OneAccount:
    return OneAccount(Idle(status))


def metrics_of(status: Status, labels: Mapping[str, str] | None = None) -> bytes:
    return written([of_process(), *of_account(status, 0, labels or {})])


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and labels, these sorted by name."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found
