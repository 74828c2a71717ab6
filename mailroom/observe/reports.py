"""What monitors are told: of one account as it is, or of many as a whole and of each by its name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, Self

import trio
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from mailroom import __version__
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.standby import Role, role_of
from mailroom.observe.metrics import LAST_SUCCESS, of_account, of_one_among_many, of_process, written
from mailroom.observe.status import Status

NAMES_TOLD = 20
"""A list of a thousand would help nobody; the number is told, and each may be asked for."""


class Observed(Protocol):
    """An account, as far as monitors are concerned."""

    @property
    def status(self) -> Status: ...

    @property
    def requests_sent(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question about health, and whether it is a good one."""

    content: Mapping[str, object]
    is_well: bool


class Report(Protocol):
    """What the health app tells. It reads what is there and changes nothing."""

    def health(self) -> Answer: ...

    def health_of(self, name: str) -> Answer | None:
        """None where there is no such account."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether it is at work, so that a machine that waits for it may go on."""
        ...

    async def metrics(self) -> bytes: ...


class OneAccount:
    """The report of a process with a single account, which has no name."""

    def __init__(self, account: Observed) -> None:
        self._account = account

    def health(self) -> Answer:
        return _health_of(self._account)

    def health_of(self, name: str) -> Answer | None:
        return None

    @property
    def is_ready(self) -> bool:
        return self._account.status.ready

    async def metrics(self) -> bytes:
        return written([of_process(), *of_account(self._account.status, self._account.requests_sent)])


@dataclass(frozen=True, slots=True)
class Part:
    """What a process is among those that serve the same folder: its shard (None: all of it), and its role."""

    shard: str | None
    role: Role

    @classmethod
    def of(cls, process: ProcessSettings) -> Self:
        shard = None if process.shard is None else str(process.shard)
        return cls(shard, role_of(process.standby_seconds))


ALL = Part(None, "first")


class ManyAccounts:
    """The report of a process with accounts by name; `accounts` are those of any moment.

    One revoked token among many must not have an orchestrator restart everybody: the process is unhealthy only where
    no account is well.
    """

    def __init__(self, accounts: Mapping[str, Observed], part: Part = ALL) -> None:
        self._accounts = accounts
        self._part = part
        self._began_with: Sequence[Status] | None = None

    def begin(self) -> None:
        """The accounts that the process starts with are there now: it is ready once each of these was tried."""
        self._began_with = [each.status for each in self._accounts.values()]

    def health(self) -> Answer:
        unhealthy = sorted(name for name, each in self._accounts.items() if not each.status.is_well)
        # A shard may have no account: then there is nobody whom a new start could help.
        is_well = len(unhealthy) < len(self._accounts) or not self._accounts
        content = {
            "status": "ok" if is_well else "unhealthy",
            "accounts": len(self._accounts),
            "accounts_unhealthy": len(unhealthy),
            "unhealthy": unhealthy[:NAMES_TOLD],
            **asdict(self._part),
            "version": __version__,
        }
        return Answer(content, is_well)

    def health_of(self, name: str) -> Answer | None:
        return _health_of(self._accounts[name]) if name in self._accounts else None

    @property
    def is_ready(self) -> bool:
        """Every account that it began with was tried once.

        What is added, changed or tried again later makes no process unready: its page would have nobody to serve it.
        """
        return self._began_with is not None and all(status.tried for status in self._began_with)

    async def metrics(self) -> bytes:
        """Each with the label `account`, and what concerns all."""
        page = _Page([*self._of_all()])
        for name, each in sorted(self._accounts.items()):
            page.add(written(of_one_among_many(each.status, each.requests_sent, {"account": name})))
            # 0.5 ms each: a thousand at once would hold up every tap.
            await trio.lowlevel.checkpoint()
        return page.text()

    def _of_all(self) -> Iterator[Metric]:
        yield of_process()
        health = self.health().content
        for name, what in (("accounts", "Accounts served."), ("accounts_unhealthy", "Accounts that are not well.")):
            yield GaugeMetricFamily(f"mailroom_{name}", what, float(str(health[name])))


class ManyAccountsSummed(ManyAccounts):
    """The same with the sums over all accounts alone, where a label for each would be too many for the collector."""

    async def metrics(self) -> bytes:
        """Of the last success the oldest: it tells whether any account was left behind."""
        sums: dict[str, Metric] = {}
        for each in list(self._accounts.values()):
            for family in of_one_among_many(each.status, each.requests_sent):
                sums[family.name] = _summed(sums[family.name], family) if family.name in sums else family
            await trio.lowlevel.checkpoint()
        return written([*self._of_all(), *sums.values()])


def _summed(one: Metric, other: Metric) -> Metric:
    together = min if one.name == LAST_SUCCESS else lambda values: sum(values)
    found = {(each.name, *sorted(each.labels.items())): each for each in one.samples}
    for each in other.samples:
        key = (each.name, *sorted(each.labels.items()))
        mine = found.get(key)
        found[key] = each if mine is None else mine._replace(value=together((mine.value, each.value)))
    family = Metric(one.name, one.documentation, one.type)
    family.samples = [*found.values()]
    return family


class _Page:
    """Texts of the same families, one an account, put together family by family as the format demands."""

    def __init__(self, first: Iterable[Metric]) -> None:
        self._families: dict[bytes, list[bytes]] = {}
        self.add(written(first))

    def add(self, text: bytes) -> None:
        samples: list[bytes] = []
        for line in text.splitlines(keepends=True):
            if line.startswith(b"# HELP"):
                samples = self._families.setdefault(line, [])
            elif not (line.startswith(b"#") and samples):
                samples.append(line)

    def text(self) -> bytes:
        return b"".join(part for head, samples in self._families.items() for part in (head, *samples))


def _health_of(account: Observed) -> Answer:
    return Answer(asdict(account.status.health()), account.status.is_well)
