"""One account: its servers, push reader, triage loop and status. Nothing of it is global."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Never, Self

import structlog
import trio

from mailroom.account.daily import SPREAD_SECONDS, run_daily
from mailroom.account.push_reader import PushReader
from mailroom.account.rhythm import Rhythm, Turn
from mailroom.account.ring import Bell, Ring
from mailroom.account.rules_watch import watch_rules
from mailroom.account.servers import Servers, telling_what_to_renew
from mailroom.account.triage_loop import TriageLoop
from mailroom.config.account_settings import AccountConfig
from mailroom.config.standby import role_of
from mailroom.errors import MailroomError
from mailroom.http_clients import Http, http_client
from mailroom.jmap.session import Limits, Session
from mailroom.observe.heartbeat import send_heartbeats
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Status
from mailroom.triage.passes import Triage, prepare

log = structlog.get_logger(component="daemon")

SESSION_SECONDS = 5.0
"""How long a start waits for the session, to tell whether there is push; passes have more time."""

STREAM_SECONDS = 2.0
"""How long the first pass waits for the event stream: one that begins once it stands need not be repeated for it."""

RINGS_KEPT = 64
"""More waiting rings than this tell nothing more: one pass answers them all."""


class Account:
    """What runs for one mail account. Made inside trio; it has asked no server anything before `run`.

    `http` is for request and reply, and may be shared with other accounts. `turn` is when this one polls, see
    `Rhythm`. `admit` may raise a `ConfigError` about a session. `page_url` is where owners with a login find the page,
    empty if there is none. On top of the debounce what rings is left to a twin for `standby_seconds`. One run may
    follow another.
    """

    def __init__(
        self,
        configured: AccountConfig,
        http: Http,
        turn: Turn | None = None,
        admit: Callable[[Session], None] = lambda _: None,
        page_url: str = "",
        standby_seconds: float = 0.0,
    ) -> None:
        self._settings = settings = configured.settings
        self.scheme = configured.scheme
        self._http = http
        self._turn = turn
        self._admit = admit
        self._standby_seconds = standby_seconds
        has_login = settings.page_password is not None or settings.page_proxy_users
        self._page_url = page_url if has_login else ""
        self.servers = Servers(settings, http)
        categories = [category.name for category in self.scheme.categories]
        role = role_of(standby_seconds)
        self.status = Status(settings.poll_interval, categories, self.scheme.screening.mode, role)
        # Its ends are never closed: it holds what rings between one run and the next.
        rings_in, self._rings = trio.open_memory_channel[Ring](RINGS_KEPT)
        self.bell = Bell(rings_in, self.status)
        self.one_at_a_time = trio.Lock()
        """Held by what reads first what it then changes, and must not be overtaken: a pass, or an undo on the page."""
        self._triage: Triage | None = None
        self._prepared_for: _Terms | None = None

    @property
    def requests_sent(self) -> int:
        """To the JMAP API, answered or not."""
        return self.servers.client.requests_sent

    async def is_push_offered(self) -> bool | None:
        """Whether the session names an event source; None where no session could be read soon. Raises nothing."""
        with trio.move_on_after(SESSION_SECONDS):
            try:
                return (await self.servers.client.session()).event_source_url is not None
            except MailroomError as unreadable:
                # The first pass asks again, and tells what is wrong.
                log.debug("session_unreadable", error=str(unreadable))
        return None

    async def run(self) -> None:
        """Listen, triage, and what goes with it, until cancelled. Nothing of it outlives this call.

        Raises groups of `Refused` that says what to renew, `ConfigError` and `TooManyFailures`.
        """
        self._triage = None
        self.status.starts()
        async with http_client() as stream_http, trio.open_nursery() as nursery:
            nursery.start_soon(PushReader(self.servers.client, stream_http, self.bell, self.status).run)
            nursery.start_soon(self._run_passes)
            nursery.start_soon(watch_rules, self.servers, self.scheme, self.status, self._settings.names)
            offset = SPREAD_SECONDS * (self._turn.offset if self._turn else 0.0)
            nursery.start_soon(run_daily, self.servers, self.scheme, self.status, self._page_url, offset)
            if (url := self._settings.heartbeat_url) is not None:
                key = self._settings.key("heartbeat_url")
                nursery.start_soon(send_heartbeats, self._http, url, self.status, self._settings.poll_interval, key)

    async def _run_passes(self) -> Never:
        settings = self._settings
        rhythm = Rhythm(
            settings.poll_interval,
            settings.debounce_seconds + self._standby_seconds,
            settings.max_consecutive_failures,
            self._turn,
        )
        with trio.move_on_after(STREAM_SECONDS):
            await self.status.push_tried()
        with telling_what_to_renew(settings):
            await TriageLoop(self._run_pass, self._rings, self.status, rhythm).run()

    async def _run_pass(self) -> PassOutcome:
        async with self.one_at_a_time:
            return await self._pass()

    async def _pass(self) -> PassOutcome:
        # The start check needs the servers, so it is part of the first pass: an outage then is like any other. It is
        # made again when the server has changed what it rests on.
        session = await self.servers.client.session()
        terms = _Terms.of(session)
        if self._triage is None or terms != self._prepared_for:
            self._admit(session)
            contacts = await self.servers.contacts()
            self._triage = await prepare(
                self.servers.client,
                contacts,
                self.scheme,
                self.status.tally,
                datetime.now(UTC),
                self._settings.subject_code,
                self._settings.names,
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
