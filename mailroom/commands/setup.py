"""`mailroom setup`: show what the account lacks for the categories, and create it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailroom.account.servers import Servers
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.with_servers import with_servers
from mailroom.config.scheme import Scheme
from mailroom.config.settings import Settings
from mailroom.contacts.base import LookUp
from mailroom.contacts.steps import beside
from mailroom.decisions.inventory import Creation, Item, State, creation, inventory
from mailroom.errors import MailroomError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mailbox import MAILBOX, Mailbox, create_mailboxes, get_mailboxes
from mailroom.jmap.set import SetError, merged_errors

COMMAND = "mailroom setup --apply"

_STYLES = {
    State.EXISTS: "green",
    State.CREATED: "bold green",
    State.MISSING: "yellow",
    State.FAILED: "bold red",
    State.CONFLICT: "bold red",
}


@dataclass(frozen=True, slots=True)
class Inventoried:
    """What was found: the items, and what it takes to create the missing ones."""

    client: Client
    contacts: LookUp
    mailboxes: tuple[Mailbox, ...]
    items: tuple[Item, ...]


async def show(settings: Settings, scheme: Scheme) -> int:
    """Print what exists and what is missing; returns 1 if there is a problem that `apply` would not mend."""
    return await with_servers(settings, partial(_show, scheme))


async def apply(settings: Settings, scheme: Scheme) -> int:
    """Create what is missing, and print how it went; returns 1 if anything failed."""
    return await with_servers(settings, partial(_apply, scheme))


async def _show(scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, "Looking at mailboxes and contact groups"):
        found = await look(servers, scheme)
    return _tell(console, found.items)


async def _apply(scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, "Looking at mailboxes and contact groups"):
        found = await look(servers, scheme)
    missing = [item for item in found.items if item.state is State.MISSING]
    mailboxes = [item.name for item in missing if not item.kind.is_group]
    groups = [item.name for item in missing if item.kind.is_group]
    with working(console, f"Creating {len(missing)} mailboxes and contact groups"):
        failed_mailboxes = await _create_mailboxes(found, mailboxes)
        failed_groups = await _create_groups(found, groups)
    return _tell(console, [_outcome(item, failed_mailboxes, failed_groups) for item in found.items])


async def look(servers: Servers, scheme: Scheme) -> Inventoried:
    """What the account has of the scheme; one JMAP request beside the session. Raises `MailroomError`."""
    contacts = await servers.contacts()
    session = await servers.client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    replies, looked_up = await beside(servers.client, batch, contacts.look_up(()))
    found = await servers.client.all_of(MAILBOX, session.mail_account, mailboxes, replies)
    return Inventoried(servers.client, looked_up, found, inventory(found, looked_up.book.groups, scheme))


async def _create_mailboxes(found: Inventoried, names: Sequence[str]) -> Mapping[str, str]:
    """Create mailboxes, one request; what went wrong, by name."""
    plan = creation(names, found.mailboxes)
    batch = Batch()
    try:
        slots = create_mailboxes(batch, await found.client.session(), plan.mailboxes)
        replies = await found.client.send(batch)
        errors = merged_errors(replies[slot] for slot in slots)
    except MailroomError as failure:
        return dict.fromkeys(names, _try_again(failure))
    return {name: problem for name in names if (problem := _refusal(name, plan, errors))}


def _refusal(name: str, plan: Creation, errors: Mapping[str, SetError]) -> str:
    """Why a mailbox, or the first one above it that could not be created, was refused; empty if none was."""
    refused = next((id for id in plan.ids[name] if id in errors), None)
    if refused is None:
        return ""
    what = "" if refused == plan.ids[name][-1] else "a mailbox above it was refused: "
    return f"{what}{errors[refused]}. Create it in your mail app, or choose another name for it in the configuration"


async def _create_groups(found: Inventoried, names: Sequence[str]) -> Mapping[str, str]:
    """Create contact groups; what went wrong, by name."""
    try:
        failures = await found.contacts.create_groups(names)
    except MailroomError as failure:
        return dict.fromkeys(names, _try_again(failure))
    return {name: f"{reason}. Create it in your address book app" for name, reason in failures.items()}


def _try_again(failure: MailroomError) -> str:
    return f"{failure}. Run `{COMMAND}` again"


def _outcome(item: Item, failed_mailboxes: Mapping[str, str], failed_groups: Mapping[str, str]) -> Item:
    if item.state is not State.MISSING:
        return item
    problem = (failed_groups if item.kind.is_group else failed_mailboxes).get(item.name, "")
    return replace(item, state=State.FAILED if problem else State.CREATED, problem=problem)


def _tell(console: Console, items: Sequence[Item]) -> int:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Part", "Name", "State"):
        table.add_column(column, overflow="fold")
    for item in items:
        table.add_row(item.kind.value, printable(item.name), Text(item.state.value, _STYLES[item.state]))
    console.print(table)
    console.print()
    problems = [item for item in items if item.problem]
    for item in problems:
        console.print(f"✗ {item.kind.value} {printable(item.name)}: {printable(item.problem)}.", style="red")
    console.print(_summary(items))
    return 1 if problems else 0


def _summary(items: Iterable[Item]) -> str:
    states = [item.state for item in items]
    missing, created, failed = (states.count(each) for each in (State.MISSING, State.CREATED, State.FAILED))
    conflicts = states.count(State.CONFLICT)
    parts = [
        f"{created} of {len(states)} created" if created else "",
        f"{failed} could not be created" if failed else "",
        f"{missing} of {len(states)} missing: `{COMMAND}` creates them" if missing else "",
        f"{conflicts} in conflict with another mailbox" if conflicts else "",
    ]
    return "; ".join(filter(None, parts)) + "." if any(parts) else f"Nothing is missing: all {len(states)} exist."
