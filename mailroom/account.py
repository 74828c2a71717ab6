"""One account: its JMAP login, contacts, push reader, triage loop and status. Nothing of it is global."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Never

import httpx
import trio
from pydantic import SecretStr

from mailroom.categories import Scheme
from mailroom.contacts.base import Contacts
from mailroom.contacts.carddav import discover
from mailroom.contacts.jmap import JmapContacts
from mailroom.errors import ConfigError, Refused
from mailroom.http import Credentials, basic, bearer, http_client
from mailroom.jmap.client import Client
from mailroom.loop import Rhythm, TriageLoop
from mailroom.push import PushReader, Ring
from mailroom.settings import Settings
from mailroom.status import Status
from mailroom.triage import Outcome, Triage, prepare

RINGS_KEPT = 64
"""More waiting rings than this tell nothing more: one pass answers them all."""

FASTMAIL_SESSION_HOST = "api.fastmail.com"
FASTMAIL_CARDDAV_URL = httpx.URL("https://carddav.fastmail.com/")


@asynccontextmanager
async def open_account(settings: Settings, scheme: Scheme) -> AsyncIterator["Account"]:
    """An account that is ready to `listen` and `triage`; it has asked no server anything yet."""
    send, receive = trio.open_memory_channel[Ring](RINGS_KEPT)
    async with http_client() as http, http_client() as stream_http:
        with send, receive:
            yield Account(settings, scheme, http, stream_http, send, receive)


class Account:
    """Made by `open_account`; `listen` and `triage` run side by side in the caller's nursery."""

    def __init__(
        self,
        settings: Settings,
        scheme: Scheme,
        http: httpx.AsyncClient,
        stream_http: httpx.AsyncClient,
        rings_in: trio.MemorySendChannel[Ring],
        rings_out: trio.MemoryReceiveChannel[Ring],
    ) -> None:
        self._settings = settings
        self._scheme = scheme
        self._http = http
        url = httpx.URL(settings.jmap_session_url)
        self._client = Client(http, url, Credentials(_jmap_authorization(settings), url))
        self.status = Status(settings.poll_interval)
        self._reader = PushReader(self._client, stream_http, rings_in, self.status)
        rhythm = Rhythm(settings.poll_interval, settings.debounce_seconds, settings.max_consecutive_failures)
        self._loop = TriageLoop(self._run_pass, rings_out, self.status, rhythm)
        self._triage: Triage | None = None

    async def listen(self) -> Never:
        """Read push events. Raises nothing that a server can cause."""
        await self._reader.run()

    async def triage(self) -> Never:
        """Run passes. Raises `Refused` that says what to renew, `ConfigError` and `TooManyFailures`."""
        try:
            await self._loop.run()
        except Refused as refused:
            raise Refused(f"{refused}; {_what_to_renew(self._settings)}") from refused

    async def _run_pass(self) -> Outcome:
        # The start check needs the servers, so it is part of the first pass: an outage then is like any other.
        if self._triage is None:
            self._triage = await prepare(self._client, await self._open_contacts(), self._scheme)
        return await self._triage.run(date.today())

    async def _open_contacts(self) -> Contacts:
        session = await self._client.session()
        if self._settings.contacts != "carddav" and session.contacts_account is not None:
            return JmapContacts(self._client, session.contacts_account, session.limits)
        if self._settings.contacts == "jmap":
            raise ConfigError(
                [
                    "MAILROOM_CONTACTS is jmap, but the server offers this login no contacts over JMAP; "
                    "allow the token to use contacts, or set MAILROOM_CONTACTS to carddav"
                ]
            )
        url = carddav_url(self._settings)
        return await discover(self._http, url, Credentials(_carddav_authorization(self._settings, url), url))


def carddav_url(settings: Settings) -> httpx.URL:
    """Where to look for the address book: the setting, or Fastmail's, or the server that has the mail."""
    if settings.carddav_url is not None:
        return httpx.URL(settings.carddav_url)
    session_url = httpx.URL(settings.jmap_session_url)
    return FASTMAIL_CARDDAV_URL if session_url.host == FASTMAIL_SESSION_HOST else session_url.join("/")


def _jmap_authorization(settings: Settings) -> SecretStr:
    if settings.jmap_token is not None:
        return bearer(settings.jmap_token)
    # Settings has checked that there is the one or the other.
    return basic(settings.jmap_username or "", settings.jmap_password or SecretStr(""))


def _carddav_authorization(settings: Settings, url: httpx.URL) -> SecretStr:
    """The address book's own login, or the mail's where both are on one server. Raises `ConfigError`."""
    if settings.carddav_username is not None and settings.carddav_password is not None:
        return basic(settings.carddav_username, settings.carddav_password)
    authorization = _jmap_authorization(settings)
    if Credentials(authorization, httpx.URL(settings.jmap_session_url)).trusts(url):
        return authorization
    raise ConfigError(
        [
            "MAILROOM_CARDDAV_USERNAME and MAILROOM_CARDDAV_PASSWORD are missing: contacts are at "
            f"{url.scheme}://{url.host}, and the login for mail is not shown to another server"
        ]
    )


def _what_to_renew(settings: Settings) -> str:
    mail = "MAILROOM_JMAP_TOKEN" if settings.jmap_token is not None else "MAILROOM_JMAP_USERNAME and _PASSWORD"
    if settings.carddav_password is None:
        return f"renew {mail} and start again"
    return f"renew {mail} (mail) or MAILROOM_CARDDAV_USERNAME and _PASSWORD (contacts) and start again"
