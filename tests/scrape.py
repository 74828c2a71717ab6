"""Metrics as a test reads them."""

import httpx
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from mailroom.http import Credentials
from mailroom.jmap.client import Client
from mailroom.observe.metrics import registry_of
from mailroom.observe.status import Status


def metrics_of(status: Status) -> CollectorRegistry:
    """Of a client that never asks its server anything."""
    url = httpx.URL("https://mail.example/jmap")
    return registry_of(status, Client(httpx.AsyncClient(), url, Credentials(SecretStr("Bearer x"), url)))


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and labels, these sorted by name."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found
