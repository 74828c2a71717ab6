"""The rules on the mail server against those that Mailroom would write now: what the script says, and what is there."""

from collections.abc import Mapping

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Contacts
from mailroom.decisions.wide_routes import wide_routes
from mailroom.jmap.client import Client
from mailroom.jmap.session import SieveAccess
from mailroom.observe.status import ServerRules
from mailroom.rules import sieve
from mailroom.rules.sieve import ScriptNames, Server
from mailroom.senders.sieve_script import Installed
from mailroom.triage.start_check import check_account
from mailroom.triage.turns import size_of, worked_out


def sieve_of(access: SieveAccess) -> Server:
    """What the server's Sieve can do."""
    return Server(access.extensions, access.external_lists)


async def script_text(
    client: Client, contacts: Contacts, scheme: Scheme, server: Server, include: str | None = None
) -> str:
    """The script for the account as it is now. Raises `ConfigError` where mailboxes or groups are missing."""
    return sieve.script(scheme, await _script_names(client, contacts, scheme), server, include)


async def state_of(
    client: Client, contacts: Contacts, scheme: Scheme, access: SieveAccess, installed: Installed
) -> ServerRules:
    """The installed script against the one that would be written now."""
    if installed.own is None:
        return "none"
    if not (installed.is_mailrooms and installed.runs):
        return "replaced"
    wanted = await script_text(client, contacts, scheme, sieve_of(access), installed.include)
    return "current" if installed.own_text == wanted else "old"


async def _script_names(client: Client, contacts: Contacts, scheme: Scheme) -> ScriptNames:
    checked = await check_account(client, contacts, scheme)
    book = (await contacts.read_all()).book
    screener = {} if checked.places.screener is None else {scheme.screener: checked.places.screener}
    return ScriptNames(
        mailbox_ids={**checked.places.destinations, **screener},
        # Of several groups of one name triage writes to the first by ref.
        group_uids={group.name: group.uid for group in reversed(checked.contacts.book.groups)},
        members=_members(book, scheme),
        own=checked.own.addresses,
        wide=await worked_out(size_of(book.cards), lambda: wide_routes(book, scheme)),
    )


def _members(book: AddressBook, scheme: Scheme) -> Mapping[str, frozenset[str]]:
    """The addresses of everybody in the groups of each name."""
    return {name: _addresses(book, name) for name in scheme.groups}


def _addresses(book: AddressBook, group_name: str) -> frozenset[str]:
    members = frozenset[str]().union(*(group.members for group in book.groups if group.name == group_name))
    return frozenset(address for card in book.cards if card.uid in members for address in card.addresses)
