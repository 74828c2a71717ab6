"""The settings in the units of `deploy/`. What the programs say that read the units is tried in `tests/container/`."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from mailroom.config.environment import read_environment
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.shard import Shard
from tests.conftest import PROJECT

UNITS = sorted([*(PROJECT / "deploy").glob("*.service"), *(PROJECT / "deploy").glob("*.container")])
OF_SHARDS = PROJECT / "deploy" / "mailroom-shard@.service"


def settings_of(unit: Path, instance: str = "0") -> Mapping[str, str]:
    """Its variables, as systemd gives them to an instance."""
    lines = re.findall(r"^Environment=(.*)$", unit.read_text(), re.MULTILINE)
    pairs = (word.partition("=") for line in lines for word in line.replace("%i", instance).split())
    return {name: value for name, _, value in pairs}


def process_of(unit: Path, instance: str, monkeypatch: pytest.MonkeyPatch) -> ProcessSettings:
    for name, value in settings_of(unit, instance).items():
        monkeypatch.setenv(name, value)
    return read_environment().process


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_with_settings_that_there_are(unit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "MAILROOM_ACCOUNTS" not in settings_of(unit):
        monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "t")
    process_of(unit, "0", monkeypatch)


def test_shards_on_one_machine_share_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[int] = []
    for number in range(4):
        process = process_of(OF_SHARDS, str(number), monkeypatch)
        assert process.shard == Shard(number, 4)
        ports += [process.health_port, process.page_port]
    assert ports == [8080, 8180, 8081, 8181, 8082, 8182, 8083, 8183]
