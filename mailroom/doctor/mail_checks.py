"""What can be seen of session, mailboxes and rules without changing anything."""

from mailroom.account.servers import is_fastmail
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook
from mailroom.decisions.inventory import Item, Kind, State, inventory
from mailroom.decisions.places import find_places
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.jmap.batch import Batch
from mailroom.jmap.mail import get_identities
from mailroom.jmap.mail_search import mail_found, search_mail
from mailroom.jmap.mailbox import MAILBOX, RIGHTS, Mailbox, Rights, get_mailboxes, get_rights, read_mailboxes
from mailroom.rules import fastmail, found_script
from mailroom.rules.sieve import INSTALL
from mailroom.senders.server_rules import state_of
from mailroom.senders.sieve_script import Installed, find_installed
from mailroom.triage.look_up import from_any
from mailroom.triage.start_check import how_to_name_your_addresses, own_of

CREATE = "`mailroom setup --apply` creates what is missing"
APPLY_RULES = "`{}` installs rules for the contact groups, and keeps a script that is active"
REPLACE = "`{}` writes it again without that rule"
TAKE_IT_OUT = "take the rule for everybody else out of the script; the daemon screens such mail"
_HOW = ": it puts mail of everybody else into the Screener, be it of people whom you know or wrote to"


async def check_session(examined: Examined) -> Finding:
    """Whether the server is there and takes the login."""
    session = await examined.servers.client.session()
    contacts = "over JMAP" if session.contacts_account is not None else "not over JMAP"
    return Finding(
        Outcome.OK,
        f"{examined.settings.jmap_session_url} takes the login of {session.username or session.mail_account_name}; "
        f"it offers contacts {contacts}",
    )


async def check_mail(examined: Examined) -> Finding:
    """Whether mail may be moved, as far as session and mailboxes say so; nothing is written."""
    client = examined.servers.client
    session = await client.session()
    if session.mail_account in session.read_only:
        return Finding(Outcome.FAILED, "the mail account is read-only", "make a token that may write mail")
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    rights = batch.add(get_rights(session.mail_account))
    replies = await client.send(batch)
    by_id = {each.id: each.my_rights for each in await client.all_of(RIGHTS, session.mail_account, rights, replies)}
    used = _used(await client.all_of(MAILBOX, session.mail_account, mailboxes, replies), examined.scheme)
    closed = sorted(each.name for each in used if not _may_file(by_id.get(each.id, Rights())))
    if closed:
        return Finding(
            Outcome.FAILED,
            f"this login may not move mail in and out of: {', '.join(closed)}",
            "give it the right to add and remove mail there",
        )
    return Finding(
        Outcome.OK,
        f"the account is not read-only, and this login may add and remove mail in all {len(used)} mailboxes "
        "concerned (asked, not tried)",
    )


def _used(mailboxes: tuple[Mailbox, ...], scheme: Scheme) -> list[Mailbox]:
    """The mailboxes of the scheme that are there, labels included."""
    places = find_places(mailboxes, scheme)
    return [each for each in mailboxes if each.id in places.managed | places.all_labels]


def _may_file(rights: Rights) -> bool:
    return rights.may_read_items and rights.may_add_items and rights.may_remove_items


async def check_mailboxes(examined: Examined) -> Finding:
    """Whether every mailbox and label is there."""
    found = await read_mailboxes(examined.servers.client)
    everything = inventory(found, AddressBook((), ()), examined.scheme)
    items = [item for item in everything if not item.kind.is_group and not _is_left_out(item)]
    missing = [item for item in items if item.state is State.MISSING]
    conflicts = [item for item in items if item.state is State.CONFLICT]
    if conflicts:
        return Finding(Outcome.FAILED, "; ".join(f"{item.name}: {item.problem}" for item in conflicts))
    if missing:
        stopping = {item.name for item in missing} & examined.scheme.managed_mailboxes
        return Finding(Outcome.FAILED if stopping else Outcome.WARNING, f"missing: {_names(missing)}", CREATE)
    return Finding(Outcome.OK, f"all {len(items)} mailboxes and labels are there")


def _is_left_out(item: Item) -> bool:
    """Whether the account does without something that it need not have."""
    return item.kind is Kind.OPTIONAL_LABEL and item.state is State.MISSING


def _names(items: list[Item]) -> str:
    return ", ".join(f"{item.name} ({item.problem})" if item.problem else item.name for item in items)


async def check_own_addresses(examined: Examined) -> Finding:
    """Whose mail is never triaged: the user's own addresses, as far as they are known."""
    client = examined.servers.client
    session = await client.session()
    batch = Batch()
    slot = batch.add(get_identities(session.mail_account)) if session.identities else None
    replies = await client.send(batch)
    own = own_of(session, replies[slot] if slot else (), examined.scheme)
    if not own:
        advice = how_to_name_your_addresses(examined.settings.names.scheme_place)
        return Finding(Outcome.WARNING, "the server doesn't tell your own addresses", advice)
    return Finding(Outcome.OK, f"yours, and never triaged: {', '.join(sorted(own.addresses))}")


async def check_searching(examined: Examined) -> Finding:
    """Whether mail is found as the daemon will look for it: in the labels, and of one sender in the Screener."""
    client = examined.servers.client
    places = find_places(await read_mailboxes(client), examined.scheme)
    if not places.labels or places.screener is None:
        return Finding(Outcome.SKIPPED, "there are no labels yet, or no Screener", CREATE)
    session = await client.session()
    batch = Batch()
    labelled = search_mail(batch, session, within=places.asking_labels)
    waiting = search_mail(batch, session, within=[places.screener], any_condition=from_any(["nobody@example.invalid"]))
    replies = await client.send(batch)
    mails = await mail_found(client, labelled, replies)
    await mail_found(client, waiting, replies)
    ways = "" if (await client.session()).nests_mailboxes else "; the server wants one search a label"
    return Finding(Outcome.OK, f"labels and senders can be searched for; {len(mails)} mails have a label now{ways}")


async def check_rules(examined: Examined) -> Finding:
    """What can be seen of the rules that sort mail yet to come, and whether they leave strangers to the daemon."""
    client = examined.servers.client
    access = (await client.session()).sieve
    if access is None:
        return _unseen_rules(examined)
    installed = await find_installed(client, access)
    state = await state_of(client, await examined.servers.contacts(), examined.scheme, access, installed)
    active = "no Sieve script is active"
    if installed.active is not None:
        active = f"the Sieve script {installed.active.name or installed.active.id} is active"
    if state == "current":
        how = "runs Mailroom's" if installed.includes_own else "is the one that Mailroom would write now"
        left = ", which leaves mail of strangers to the daemon" if examined.scheme.screening.is_on else ""
        return Finding(Outcome.OK, f"{active}, and {how}{left}")
    is_old, install = state == "old", examined.settings.names.command(INSTALL)
    if examined.scheme.screening.is_on and (found_script.screens_strangers(installed.running_text) or not is_old):
        return _beside_screening(active, installed, is_old, install)
    if installed.active is None:
        return Finding(Outcome.WARNING, f"{active}: mail yet to come is not sorted", APPLY_RULES.format(install))
    fault = "but Mailroom's is not what it would write now" if is_old else "and doesn't run Mailroom's"
    return Finding(Outcome.WARNING, f"{active}, {fault}", APPLY_RULES.format(install))


def _beside_screening(active: str, installed: Installed, is_old: bool, install: str) -> Finding:
    """Rules are not needed there, and one that was may be too much."""
    if found_script.screens_strangers(installed.running_text):
        whose, advice = ("but Mailroom's", REPLACE.format(install)) if is_old else ("and", TAKE_IT_OUT)
        return Finding(Outcome.WARNING, f"{active}, {whose} undoes half of the screening{_HOW}", advice)
    if installed.active is None:
        return Finding(Outcome.OK, f"{active}: the daemon alone sorts new mail")
    return Finding(Outcome.OK, f"{active}, and doesn't run Mailroom's: the daemon sorts what reaches the Inbox")


def _unseen_rules(examined: Examined) -> Finding:
    scheme, names = examined.scheme, examined.settings.names
    if is_fastmail(examined.settings):
        detail, where = "Fastmail shows its rules to no program", "look at Settings → Filters & Rules"
        advice = f"{where}; `{names.command('mailroom rules --format fastmail')}` prints what to import there"
        if scheme.screening.is_on:
            name = fastmail.name_of_catch_all(scheme)
            advice = f"{where}: a rule “{name}” undoes half of the screening{_HOW}. Delete it; the others may stay"
        return Finding(Outcome.SKIPPED, detail, advice)
    detail = "the server shows no rules over JMAP"
    what = f"`{names.command('mailroom rules --format sieve')}` prints what should be there"
    if scheme.screening.is_on:
        return Finding(Outcome.SKIPPED, detail, f"none are needed; if you put some there by hand, {what} now")
    return Finding(Outcome.SKIPPED, detail, f"look at its own settings; {what}")
