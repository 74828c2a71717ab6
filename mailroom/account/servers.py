"""The servers of one account, with the login for each: mail, contacts, and which errors a new login would mend."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
from pydantic import SecretStr

from mailroom.config.account_settings import AccountSettings
from mailroom.contacts.base import Contacts
from mailroom.contacts.carddav import discover
from mailroom.contacts.jmap import JmapContacts
from mailroom.errors import ConfigError, Refused
from mailroom.http import Credentials, basic, bearer
from mailroom.http_clients import Http, http_client
from mailroom.jmap.client import Client
from mailroom.urls import origin

FASTMAIL_SESSION_HOST = "api.fastmail.com"
FASTMAIL_CARDDAV_URL = httpx.URL("https://carddav.fastmail.com/")


@asynccontextmanager
async def open_servers(settings: AccountSettings) -> AsyncIterator["Servers"]:
    """The servers that the settings name; none of them has been asked anything yet."""
    async with http_client() as http:
        yield Servers(settings, http)


class Servers:
    """Made by `open_servers`. `client` is for mail, `http` for anything else that the same servers are asked."""

    def __init__(self, settings: AccountSettings, http: Http) -> None:
        self._settings = settings
        self.http = http
        url = httpx.URL(settings.jmap_session_url)
        self.client = Client(http, url, Credentials(_jmap_authorization(settings), url))

    async def contacts(self) -> Contacts:
        """Find the address book; costs requests. Raises `ConfigError`, `Unavailable`, `Refused` or `BadReply`."""
        session = await self.client.session()
        if self._settings.contacts != "carddav" and session.contacts_account is not None:
            return JmapContacts(self.client, session.contacts_account, session.limits)
        if self._settings.contacts == "jmap":
            key = self._settings.key("contacts")
            raise ConfigError(
                [
                    f"{key} is jmap, but the server offers this login no contacts over JMAP; "
                    f"allow the token to use contacts, or set {key} to carddav"
                ]
            )
        url = carddav_url(self._settings)
        credentials = Credentials(_carddav_authorization(self._settings, url), url)
        return await discover(self.http, url, credentials, self._settings.key("carddav_url"))


@contextmanager
def telling_what_to_renew(settings: AccountSettings) -> Iterator[None]:
    """Add to a `Refused` which settings hold the login that a server refused."""
    try:
        yield
    except Refused as refused:
        raise Refused(f"{refused}; {what_to_renew(settings)}") from refused


def what_to_renew(settings: AccountSettings) -> str:
    """Which settings hold the login, as what to do about a refused one."""
    names = settings.names
    mail = names.name("jmap_token") if settings.jmap_token is not None else names.login("jmap")
    if settings.carddav_password is None:
        return f"renew {mail}{names.after_renewal}"
    return f"renew {mail} (mail) or {names.login('carddav')} (contacts){names.after_renewal}"


def carddav_url(settings: AccountSettings) -> httpx.URL:
    """Where to look for the address book: the setting, or Fastmail's, or the server that has the mail."""
    if settings.carddav_url is not None:
        return httpx.URL(settings.carddav_url)
    session_url = httpx.URL(settings.jmap_session_url)
    return FASTMAIL_CARDDAV_URL if is_fastmail(settings) else session_url.join("/")


def is_fastmail(settings: AccountSettings) -> bool:
    return httpx.URL(settings.jmap_session_url).host == FASTMAIL_SESSION_HOST


def _jmap_authorization(settings: AccountSettings) -> SecretStr:
    if settings.jmap_token is not None:
        return bearer(settings.jmap_token)
    # The settings have been checked: there is the one or the other.
    return basic(settings.jmap_username or "", settings.jmap_password or SecretStr(""))


def _carddav_authorization(settings: AccountSettings, url: httpx.URL) -> SecretStr:
    """The address book's own login, or the mail's where both are on one server. Raises `ConfigError`."""
    if settings.carddav_username is not None and settings.carddav_password is not None:
        return basic(settings.carddav_username, settings.carddav_password)
    authorization = _jmap_authorization(settings)
    if Credentials(authorization, httpx.URL(settings.jmap_session_url)).trusts(url):
        return authorization
    raise ConfigError(
        [
            f"{settings.key('carddav_username')} and {settings.key('carddav_password')} are missing: contacts are at "
            f"{origin(url)}, and the login for mail is not shown to another server"
        ]
    )
