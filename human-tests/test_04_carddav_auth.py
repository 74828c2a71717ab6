"""4. CardDAV auth: the login for contacts opens the address book.

Proves: the CardDAV server is found from the settings, takes the login, refuses a wrong one, and hands out cards.
Needs: contacts over CardDAV: a server without contacts over JMAP, or MAILROOM_CONTACTS=carddav, with
  MAILROOM_CARDDAV_URL, _USERNAME and _PASSWORD where they differ from those for mail. On Fastmail that is an app
  password with access to contacts.
Steps:
  1. Find the address book, and read it.
  2. Try again with a wrong password.
Changes nothing.
"""

from pydantic import SecretStr
from support import Failed, Run, Unmet, main, say

from mailroom.account.servers import carddav_url, open_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.contacts.carddav import CardDav
from mailroom.errors import Refused


async def steps(run: Run) -> None:
    contacts = await run.servers.contacts()
    if not isinstance(contacts, CardDav):
        raise Unmet("contacts go over JMAP here; to try CardDAV, set MAILROOM_CONTACTS=carddav and MAILROOM_CARDDAV_…")
    say(f"  • the server is asked at {carddav_url(run.settings)}")
    book = (await contacts.read_all()).book
    run.check(f"the address book is read: {len(book.cards)} cards, {len(book.groups)} groups", True)
    async with open_servers(with_wrong_password(run.settings)) as servers:
        try:
            await servers.contacts()
        except Refused:
            run.check("a wrong login is refused", True)
        else:
            raise Failed("the server accepts a login that is wrong")


def with_wrong_password(settings: AccountSettings) -> AccountSettings:
    """The same settings, with one character more in the secret that contacts are read with."""
    secrets = {
        field: secret
        for field in ("carddav_password", "jmap_token", "jmap_password")
        if isinstance(secret := getattr(settings, field), SecretStr)
    }
    field, secret = next(iter(secrets.items()))
    return settings.model_copy(update={field: SecretStr(secret.get_secret_value() + "x")})


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
