"""`mailroom setup`: show what the account has and lacks for the categories, and create that."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailroom.account.servers import Servers
from mailroom.commands.terminal import local_time, open_console, printable, working
from mailroom.commands.with_servers import with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts, LookUp
from mailroom.contacts.steps import alone
from mailroom.decisions.drift import drift, refill
from mailroom.decisions.inventory import Creation, Item, Kind, State, creation, inventory
from mailroom.decisions.note import last_category
from mailroom.errors import MailroomError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mailbox import Mailbox, create_mailboxes, read_mailboxes
from mailroom.jmap.set import SetError, merged_errors
from mailroom.plural import plural
from mailroom.rules.found_script import mailbox_ids
from mailroom.rules.sieve import INSTALL
from mailroom.senders.sieve_script import find_installed
from mailroom.triage.state import state_in

COMMAND = "mailroom setup --apply"
PRINT_RULES = "mailroom rules"

_STYLES = {
    State.EXISTS: "green",
    State.CREATED: "bold green",
    State.MISSING: "yellow",
    State.FAILED: "bold red",
    State.CONFLICT: "bold red",
    State.UNREADABLE: "bold red",
    State.RENAMED: "bold red",
}


@dataclass(frozen=True, slots=True)
class Inventoried:
    """What was found: the items, and what it takes to create the missing ones. `mails` counts by mailbox id."""

    client: Client
    contacts: Contacts
    looked_up: LookUp
    scheme: Scheme
    mailboxes: tuple[Mailbox, ...]
    mails: Mapping[str, int]
    items: tuple[Item, ...]


async def show(settings: AccountSettings, scheme: Scheme) -> int:
    """Print what exists and what is missing; returns 1 if there is a problem that `apply` would not mend."""
    return await with_servers(settings, partial(_show, settings, scheme))


async def apply(settings: AccountSettings, scheme: Scheme) -> int:
    """Create what is missing, and print how it went; returns 1 if anything failed."""
    return await with_servers(settings, partial(_apply, settings, scheme))


async def _show(settings: AccountSettings, scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, "Looking at mailboxes and contact groups"):
        found = await look(servers, scheme)
    status = _tell(console, found, found.items)
    console.print(_screening(found, settings), soft_wrap=True)
    return status


async def _apply(settings: AccountSettings, scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, "Looking at mailboxes and contact groups"):
        found = await look(servers, scheme)
    missing = [item for item in found.items if item.state is State.MISSING]
    mailboxes = [item.name for item in missing if not item.kind.is_group]
    groups = [item.name for item in missing if item.kind.is_group]
    with working(console, f"Creating {len(missing)} mailboxes and contact groups"):
        failed_mailboxes = await _create_mailboxes(found, mailboxes)
        failed_groups = await _create_groups(found, groups)
        refilled = await _refill(found, [name for name in groups if name not in failed_groups])
    items = [_outcome(item, failed_mailboxes, failed_groups) for item in found.items]
    status = _tell(console, found, items)
    for line in refilled.lines:
        console.print(printable(line), soft_wrap=True)
    is_in_rules = any(item.state is State.CREATED and item.kind is not Kind.OPTIONAL_LABEL for item in items)
    if is_in_rules and not scheme.screening.is_on:
        session = await servers.client.session()
        how = settings.names.command(PRINT_RULES if session.sieve is None else INSTALL)
        console.print(
            f"New mail is sorted by rules that name all this: install them, again if they are: `{how}`.", soft_wrap=True
        )
    console.print(_screening(found, settings), soft_wrap=True)
    return status or refilled.status


def _screening(found: Inventoried, settings: AccountSettings) -> str:
    """Since when new mail is screened, or how to have it screened."""
    mode, turned_on = found.scheme.screening.mode, settings.names.assigned("screening", "on")
    if mode == "off":
        return f"The daemon leaves new mail where it is: screening is off. {turned_on} turns it on."
    if mode == "watch":
        return f"The daemon only tells what screening would do with new mail. {turned_on} turns it on."
    since = state_in(found.looked_up.book, found.client.mail_account).screening_since
    if since is None:
        return "New mail is screened from the daemon's first start on (`mailroom`); mail from before is left alone."
    return f"New mail is screened since {local_time(since)}; mail from before is left alone."


async def look(servers: Servers, scheme: Scheme) -> Inventoried:
    """What the account has of the scheme: all mailboxes, all contacts. Raises `MailroomError`."""
    contacts = await servers.contacts()
    session = await servers.client.session()
    found = await read_mailboxes(servers.client)
    everything = await contacts.read_all()
    items = inventory(found, everything.book, scheme)
    if session.sieve is not None and any(item.state is State.MISSING for item in items):
        # The installed script remembers which mailbox had which name.
        installed = await find_installed(servers.client, session.sieve)
        items = inventory(found, everything.book, scheme, mailbox_ids(installed.own_text))
    mails = {each.id: each.total_emails or 0 for each in found}
    return Inventoried(servers.client, contacts, everything, scheme, found, mails, items)


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
        failures = await found.looked_up.create_groups(names)
    except MailroomError as failure:
        return dict.fromkeys(names, _try_again(failure))
    return {name: f"{reason}. Create it in your address book app" for name, reason in failures.items()}


@dataclass(frozen=True, slots=True)
class Refilled:
    """How contacts were put back into groups that had been deleted, as lines to show."""

    lines: tuple[str, ...] = ()
    status: int = 0


async def _refill(found: Inventoried, created: Sequence[str]) -> Refilled:
    """Put contacts into groups that were created just now, as their notes say."""
    # Most new groups have nobody to take back: an account without notes is not read again.
    if not any(last_category(card.note) for card in found.looked_up.book.cards) or not created:
        return Refilled()
    try:
        now = await found.contacts.read_all()
        changes = refill(now.book, found.scheme, created)
        failed = await alone(found.client, now.add(changes))
    except MailroomError as failure:
        problem = f"✗ contacts were not put back into {', '.join(created)}: {failure}. `{COMMAND}` says what to do"
        return Refilled((problem,), 1)
    back = Counter(group.name for each in changes if each.sender not in failed for group in each.join)
    refused = Counter(failed.values())
    lines = [f"Back in {name}, as their notes say: {back[name]} of your contacts." for name in created if back[name]]
    lines += [f"✗ {refused[reason]} contacts could not be put back: {reason}" for reason in sorted(refused)]
    return Refilled(tuple(lines), 1 if failed else 0)


def _try_again(failure: MailroomError) -> str:
    return f"{failure}. Run `{COMMAND}` again"


def _outcome(item: Item, failed_mailboxes: Mapping[str, str], failed_groups: Mapping[str, str]) -> Item:
    if item.state is not State.MISSING:
        return item
    problem = (failed_groups if item.kind.is_group else failed_mailboxes).get(item.name, "")
    return replace(item, state=State.FAILED if problem else State.CREATED, problem=problem)


def _tell(console: Console, found: Inventoried, items: Sequence[Item]) -> int:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Part", "Name", "State"):
        table.add_column(column, overflow="fold")
    for item in items:
        mails = found.mails.get(item.mailbox or "", 0)
        holds = f", holds {plural(mails, 'mail')}" if mails else ""
        state = Text(item.state.value, _STYLES[item.state]) + Text(holds)
        table.add_row(item.kind.value, printable(item.name), state)
    console.print(table)
    console.print()
    problems = [item for item in items if item.problem]
    for item in problems:
        console.print(f"✗ {item.kind.value} {printable(item.name)}: {printable(item.problem)}.", style="red")
    console.print(_summary(items))
    for line in drift(found.looked_up.book, found.scheme):
        console.print(f"! {printable(line)}.", style="yellow", soft_wrap=True)
    return 1 if problems else 0


def _summary(items: Iterable[Item]) -> str:
    states = [item.state for item in items]
    missing, created, failed = (states.count(each) for each in (State.MISSING, State.CREATED, State.FAILED))
    conflicts = states.count(State.CONFLICT)
    unreadable, renamed = states.count(State.UNREADABLE), states.count(State.RENAMED)
    parts = [
        f"{created} of {len(states)} created" if created else "",
        f"{failed} could not be created" if failed else "",
        f"{missing} of {len(states)} missing: `{COMMAND}` creates them" if missing else "",
        f"{conflicts} in conflict with another mailbox" if conflicts else "",
        f"{unreadable} unreadable" if unreadable else "",
        f"{renamed} renamed" if renamed else "",
    ]
    return "; ".join(filter(None, parts)) + "." if any(parts) else f"Nothing is missing: all {len(states)} exist."
