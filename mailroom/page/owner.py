"""What the page is given of one account."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import trio
from pydantic import SecretStr

from mailroom.account.account import Account
from mailroom.account.ring import Bell
from mailroom.config.account_settings import AccountSettings
from mailroom.config.keys import Keys
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.jmap.client import Client
from mailroom.observe.status import Status


@dataclass(frozen=True, eq=False)
class Owner:
    """One account, as its owner may see and change it.

    `name` is what the owner logs in with beside the password, empty where there is only one account. `password` is
    None where there is no such login; `users` are the names by which a proxy knows the owner, `names` what settings
    and commands are called. `mail_login` is what the daemon logs in with at `session_url`: who changes it ends all
    sessions. Who holds `one_at_a_time` isn't overtaken by a pass.
    """

    name: str
    password: SecretStr | None
    users: frozenset[str]
    names: Keys
    mail_login: SecretStr
    session_url: str
    client: Client
    contacts: Callable[[], Awaitable[Contacts]]
    scheme: Scheme
    bell: Bell
    status: Status
    one_at_a_time: trio.Lock

    @classmethod
    def of(cls, account: Account, settings: AccountSettings, name: str = "") -> Self:
        return cls(
            name=name,
            password=settings.page_password,
            users=frozenset(settings.page_proxy_users),
            names=settings.names,
            mail_login=settings.jmap_token or settings.jmap_password or SecretStr(""),
            session_url=settings.jmap_session_url,
            client=account.servers.client,
            contacts=account.servers.contacts,
            scheme=account.scheme,
            bell=account.bell,
            status=account.status,
            one_at_a_time=account.one_at_a_time,
        )
