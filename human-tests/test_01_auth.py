"""1. Auth: the login opens the JMAP session, and a wrong one doesn't.

Proves: MAILROOM_JMAP_TOKEN (or _USERNAME and _PASSWORD) is accepted, the session offers what Mailroom needs, and a
  login with one character too many is refused as such.
Needs: nothing but the settings.
Steps:
  1. Read the session with the login of the settings, and show what it offers.
  2. Read it with a wrong login: the server has to answer 401 or 403.
Changes nothing.
"""

from pydantic import SecretStr
from support import Failed, Run, main, say

from mailroom.account.servers import open_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.errors import Refused
from mailroom.jmap.session import Session


async def steps(run: Run) -> None:
    session = await run.servers.client.session()
    say(f"  • logged in as {session.username or '(the server names nobody)'}")
    run.check("the session has a mail account", bool(session.mail_account))
    run.check("mail may be written", session.mail_account not in session.read_only)
    tell_offers(session)
    async with open_servers(with_wrong_login(run.settings)) as servers:
        try:
            await servers.client.session()
        except Refused:
            run.check("a wrong login is refused", True)
        else:
            raise Failed("the server accepts a login that is wrong")


def tell_offers(session: Session) -> None:
    contacts = "over JMAP" if session.contacts_account else "not over JMAP: Mailroom uses CardDAV"
    say(f"  • contacts: {contacts}")
    say(f"  • push: {'an EventSource url' if session.event_source_url else 'none: Mailroom polls'}")
    limits = session.limits
    say(f"  • limits: {limits.max_calls_in_request} calls in a request, {limits.max_objects_in_get} objects in a get")


def with_wrong_login(settings: AccountSettings) -> AccountSettings:
    """The same settings, with one character more in token or password."""
    field = "jmap_token" if settings.jmap_token is not None else "jmap_password"
    secret: SecretStr = getattr(settings, field)
    return settings.model_copy(update={field: SecretStr(secret.get_secret_value() + "x")})


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
