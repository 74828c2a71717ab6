"""Looks after the rules on the mail server: whoever replaces the script switches the screener off unseen."""

from typing import Never

import structlog
import trio

from mailroom.account.servers import Servers
from mailroom.config.keys import Keys
from mailroom.config.scheme import Scheme
from mailroom.errors import MailroomError
from mailroom.observe.status import ServerRules, Status
from mailroom.rules.sieve import INSTALL
from mailroom.senders.server_rules import state_of
from mailroom.senders.sieve_script import find_installed

log = structlog.get_logger(component="rules")

LOOK_AGAIN_SECONDS = 60 * 60.0

_HINTS = {
    "none": "new mail is not screened: `{}` installs the script again",
    "old": "it differs from what would be written now: `{}` replaces it",
    "replaced": "the script is there, but the server runs another or none: `{}` has it run again, and yours with it",
}
_HINTS_WHERE_THE_DAEMON_SCREENS = {
    **_HINTS,
    "none": "the daemon sorts new mail alone, a few seconds after it has come: `{}` installs the script again",
    "old": "it differs from what would be written now; one from before screening was on has to leave mail of "
    "strangers to the daemon: `{}` replaces it",
}


async def watch_rules(servers: Servers, scheme: Scheme, status: Status, names: Keys) -> Never:
    """Look after the first pass that succeeds, and then every hour. Raises nothing that a server can cause."""
    await status.success_after(None)
    known: ServerRules = "unknown"
    while True:
        status.server_rules = await _look(servers, scheme)
        if status.server_rules != "unknown":
            _tell(known, status.server_rules, scheme, names)
            known = status.server_rules
        await trio.sleep(LOOK_AGAIN_SECONDS)


async def _look(servers: Servers, scheme: Scheme) -> ServerRules:
    try:
        access = (await servers.client.session()).sieve
        if access is None:
            return "unknown"
        installed = await find_installed(servers.client, access)
        return await state_of(servers.client, await servers.contacts(), scheme, access, installed)
    except MailroomError as failure:
        # Passes tell of outages; a missing mailbox leaves nothing to compare the script with.
        log.debug("rules_unknown", reason=str(failure))
        return "unknown"


def _tell(was: ServerRules, now: ServerRules, scheme: Scheme, names: Keys) -> None:
    """Whoever never had rules isn't told, nor is anybody told twice."""
    if now == was or (was == "unknown" and now in ("none", "current")):
        return
    if now == "current":
        log.info("rules_changed", server_rules=now, was=was)
    else:
        hints = _HINTS_WHERE_THE_DAEMON_SCREENS if scheme.screening.is_on else _HINTS
        log.warning("rules_changed", server_rules=now, was=was, hint=hints[now].format(names.command(INSTALL)))
