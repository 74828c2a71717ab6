"""The accounts of a process: which of them run, and what a change of what is configured does to them."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Never

import structlog
import trio

from mailroom.account.account import Account
from mailroom.config.account_files import Reading
from mailroom.config.account_settings import AccountConfig
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.standby import Role, role_of
from mailroom.daemon.keep_running import keep_running
from mailroom.daemon.pace import FIRST_PASSES_AT_ONCE, LONGEST_FIRST_TRY_SECONDS, first_turn, standby_turn
from mailroom.errors import ConfigError
from mailroom.http_clients import Http
from mailroom.jmap.session import Session
from mailroom.observe.reports import NAMES_TOLD, Observed
from mailroom.observe.status import Status
from mailroom.page.owner import Owner
from mailroom.urls import origin

log = structlog.get_logger(component="daemon")

MANY = 0.05
"""A part of the accounts: when so many have changed, the collector of garbage is told anew what stays."""

SETTLED_WITHIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An account whose file has a mistake from the start, so that there is nothing to run it with."""

    status: Status
    requests_sent: int = 0


@dataclass(frozen=True, slots=True)
class _Running:
    config: AccountConfig
    account: Account
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    ended: trio.Event = field(default_factory=trio.Event)


class Accounts(Mapping[str, Observed]):
    """Accounts by name, each with a nursery of its own in `nursery`, which none of them can end."""

    def __init__(self, http: Http, nursery: trio.Nursery, process: ProcessSettings) -> None:
        self._http = http
        self._process = process
        self._nursery = nursery
        self._first_tries = trio.CapacityLimiter(FIRST_PASSES_AT_ONCE)
        self._running: dict[str, _Running] = {}
        self.owners: dict[str, Owner] = {}
        """Those of the accounts that run, for the page."""
        self.password_given = trio.Event()
        """One of the owners has a password, or had one: the page has somebody to let in."""
        self._unreadable: dict[str, Unreadable] = {}
        self._mistakes: dict[str, Sequence[str]] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._changed = 0
        self._many_changed = trio.Event()

    def __getitem__(self, name: str) -> Observed:
        return self._unreadable[name] if name in self._unreadable else self._running[name].account

    def __iter__(self) -> Iterator[str]:
        return iter([*self._running, *self._unreadable])

    def __len__(self) -> int:
        return len(self._running) + len(self._unreadable)

    def take(self, reading: Reading) -> None:
        """Run what is configured, as it is configured now: start, stop, start anew; the others don't notice.

        An account whose file has a mistake now keeps running on what it had.
        """
        wanted = {name: config for name, config in reading.accounts.items() if config.enabled}
        removed = sorted(self._running.keys() - wanted.keys() - reading.mistakes.keys())
        added = sorted(wanted.keys() - self._running.keys())
        changed = sorted(name for name in wanted.keys() & self._running.keys() if self._differs(wanted[name]))
        for name in removed:
            self._stop(name)
        for name in (*added, *changed):
            self._start(wanted[name])
        self._unreadable = {
            name: _unreadable("; ".join(problems), role_of(self._process.standby_seconds))
            for name, problems in sorted(reading.mistakes.items())
            if name not in self._running
        }
        self._tell_mistakes(reading.mistakes)
        _tell(added, changed, removed)
        self._note_changes(len(added) + len(changed) + len(removed))

    def try_again(self) -> None:
        """Start those anew that are set aside: what was mended may be at the mail server, where no file shows it."""
        for running in list(self._running.values()):
            if running.account.status.is_set_aside:
                self._start(running.config)

    def _differs(self, config: AccountConfig) -> bool:
        return self._running[_name(config)].config != config

    def _start(self, config: AccountConfig) -> None:
        name = _name(config)
        before = self._stop(name)
        standby = self._process.standby_seconds
        account = Account(
            config,
            self._http,
            standby_turn(name) if standby else first_turn(name),
            partial(self._admit, name),
            self._process.page_url or "",
            standby,
        )
        running = self._running[name] = _Running(config, account)
        self.owners[name] = Owner.of(account, config.settings, name)
        if config.settings.page_password is not None:
            self.password_given.set()
        self._nursery.start_soon(self._run, running, before)

    def _stop(self, name: str) -> trio.Event | None:
        """Returns what is set once it has ended; None where it didn't run."""
        running = self._running.pop(name, None)
        self.owners.pop(name, None)
        self._owners = {place: owner for place, owner in self._owners.items() if owner != name}
        if running is None:
            return None
        running.scope.cancel()
        running.account.status.stops()
        return running.ended

    async def _run(self, running: _Running, before: trio.Event | None) -> None:
        """Everything that one account does is in here, and nothing of it comes out but its log."""
        structlog.contextvars.bind_contextvars(account=running.config.name)
        with running.scope:
            if before is not None:
                await before.wait()
            async with trio.open_nursery() as nursery, self._first_tries:
                nursery.start_soon(keep_running, running.account)
                with trio.move_on_after(LONGEST_FIRST_TRY_SECONDS):
                    await running.account.status.first_try()
        running.ended.set()

    def _tell_mistakes(self, mistakes: Mapping[str, Sequence[str]]) -> None:
        """Each once, for as long as it is the same."""
        for name, problems in sorted(mistakes.items()):
            if problems != self._mistakes.get(name):
                goes_on = "it goes on as it was" if name in self._running else "it is not served"
                log.error("account_misconfigured", account=name, errors=list(problems), hint=goes_on)
        self._mistakes = dict(mistakes)

    def _admit(self, name: str, session: Session) -> None:
        """Two files may name the same mail account in two ways. Raises `ConfigError` for the one that comes later."""
        place = (origin(session.api_url), session.mail_account)
        owner = self._owners.setdefault(place, name)
        if owner != name:
            raise ConfigError([f"{name}.toml and {owner}.toml are the same mail account: remove one of them"])

    def _note_changes(self, number: int) -> None:
        self._changed += number
        if self._changed > MANY * len(self):
            self._many_changed.set()

    async def keep_collecting_cheap(self) -> Never:
        """Once accounts have started, tell the collector of garbage that they stay.

        It would stop everything for 0.4 s for each 1,000 accounts, again and again, to find that all is in use.
        """
        while True:
            await self._many_changed.wait()
            self._many_changed, self._changed = trio.Event(), 0
            with trio.move_on_after(SETTLED_WITHIN_SECONDS):
                for running in list(self._running.values()):
                    await running.account.status.first_try()
            # What was told to stay before may be gone by now.
            gc.unfreeze()
            gc.collect()
            gc.freeze()


def _name(config: AccountConfig) -> str:
    if config.name is None:
        raise ValueError("one account among several has a name")
    return config.name


def _unreadable(mistake: str, role: Role) -> Unreadable:
    status = Status(poll_interval=60, role=role)
    status.set_aside(mistake)
    return Unreadable(status)


def _tell(added: list[str], changed: list[str], removed: list[str]) -> None:
    if added or changed or removed:
        told = {"added": added, "changed": changed, "removed": removed}
        log.info(
            "accounts_changed",
            **{f"{what}_total": len(names) for what, names in told.items()},
            **{what: names[:NAMES_TOLD] for what, names in told.items()},
        )
