"""One account: its servers, push reader, triage loop and status. Nothing of it is global."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Never, Self

import httpx
import structlog
import trio

from mailroom.account.push_reader import PushReader
from mailroom.account.ring import Bell, Ring
from mailroom.account.rules_watch import watch_rules
from mailroom.account.servers import Servers, open_servers, telling_what_to_renew
from mailroom.account.triage_loop import Rhythm, TriageLoop
from mailroom.config.scheme import Scheme
from mailroom.config.settings import Settings
from mailroom.errors import MailroomError
from mailroom.http import http_client
from mailroom.jmap.session import Limits, Session
from mailroom.observe.metrics import registry_of
from mailroom.observe.status import PassOutcome, Status
from mailroom.triage.passes import Triage, prepare

log = structlog.get_logger(component="daemon")

SESSION_SECONDS = 5.0
"""How long a start waits for the session, to tell whether there is push; passes have more time."""

RINGS_KEPT = 64
"""More waiting rings than this tell nothing more: one pass answers them all."""


@asynccontextmanager
async def open_account(settings: Settings, scheme: Scheme) -> AsyncIterator["Account"]:
    """An account that is ready to `listen`, `triage` and `watch_rules`; it has asked no server anything yet."""
    send, receive = trio.open_memory_channel[Ring](RINGS_KEPT)
    async with open_servers(settings) as servers, http_client() as stream_http:
        with send, receive:
            yield Account(settings, scheme, servers, stream_http, send, receive)


class Account:
    """Made by `open_account`; `listen`, `triage` and `watch_rules` run side by side in the caller's nursery."""

    def __init__(
        self,
        settings: Settings,
        scheme: Scheme,
        servers: Servers,
        stream_http: httpx.AsyncClient,
        rings_in: trio.MemorySendChannel[Ring],
        rings_out: trio.MemoryReceiveChannel[Ring],
    ) -> None:
        self._settings = settings
        self.scheme = scheme
        self.servers = servers
        categories = [category.name for category in scheme.categories]
        self.status = Status(settings.poll_interval, categories, scheme.screening.mode)
        self.metrics = registry_of(self.status, servers.client)
        self.bell = Bell(rings_in, self.status)
        self._reader = PushReader(servers.client, stream_http, self.bell, self.status)
        rhythm = Rhythm(settings.poll_interval, settings.debounce_seconds, settings.max_consecutive_failures)
        self._loop = TriageLoop(self._run_pass, rings_out, self.status, rhythm)
        self._triage: Triage | None = None
        self._prepared_for: _Terms | None = None

    async def is_push_offered(self) -> bool | None:
        """Whether the session names an event source; None where no session could be read soon. Raises nothing."""
        with trio.move_on_after(SESSION_SECONDS):
            try:
                return (await self.servers.client.session()).event_source_url is not None
            except MailroomError as unreadable:
                # The first pass asks again, and tells what is wrong.
                log.debug("session_unreadable", error=str(unreadable))
        return None

    async def listen(self) -> Never:
        """Read push events. Raises nothing that a server can cause."""
        await self._reader.run()

    async def triage(self) -> Never:
        """Run passes. Raises `Refused` that says what to renew, `ConfigError` and `TooManyFailures`."""
        with telling_what_to_renew(self._settings):
            await self._loop.run()

    async def watch_rules(self) -> Never:
        """Look after the rules on the mail server. Raises nothing that a server can cause."""
        await watch_rules(self.servers, self.scheme, self.status)

    async def _run_pass(self) -> PassOutcome:
        # The start check needs the servers, so it is part of the first pass: an outage then is like any other. It is
        # made again when the server has changed what it rests on.
        terms = _Terms.of(await self.servers.client.session())
        if self._triage is None or terms != self._prepared_for:
            contacts = await self.servers.contacts()
            self._triage = await prepare(
                self.servers.client,
                contacts,
                self.scheme,
                self.status.tally,
                datetime.now(UTC),
                self._settings.subject_code,
            )
            self._prepared_for = terms
        return await self._triage.run(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class _Terms:
    """What of a session a triage keeps from its start."""

    mail_account: str
    contacts_account: str | None
    limits: Limits

    @classmethod
    def of(cls, session: Session) -> Self:
        return cls(session.mail_account, session.contacts_account, session.limits)
