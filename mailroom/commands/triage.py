"""`mailroom triage ADDRESS CATEGORY`: what a label on the phone does, from the shell.

The label goes onto one of the sender's mails first, and then the pass runs for that sender alone: cut off anywhere, it
is finished by the daemon's next pass, or by the same command. Without mail there is nothing to label.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from mailroom.account.servers import Servers
from mailroom.addresses import canonical
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.with_servers import with_servers
from mailroom.config.scheme import Category, Scheme
from mailroom.config.settings import Settings
from mailroom.contacts.base import CardEdit, NewCard
from mailroom.decisions.contact import matching_card
from mailroom.decisions.plan import Plan
from mailroom.decisions.select import Sender, name_of, select
from mailroom.decisions.warning import to_warn_of
from mailroom.errors import ConfigError, SenderFailed
from mailroom.senders.tap import by_age, label_for, other_labels, put_label
from mailroom.senders.waiting import who_waits
from mailroom.suggest import did_you_mean
from mailroom.triage.look_up import Found, look_up
from mailroom.triage.one_pass import Moved, Pass
from mailroom.triage.scan import scan
from mailroom.triage.start_check import check_account
from mailroom.triage.treat import Failed, Settled, treat_one


def usable(address: str) -> str:
    """The address in canonical form. Raises `ConfigError`."""
    found = canonical(address)
    if found is None:
        raise ConfigError([f"{address!r} is no mail address; give it alone, such as ann@example.org"])
    return found


async def triage(address: str, category: Category, settings: Settings, scheme: Scheme) -> int:
    """Triage one sender (canonical address) and print what happened. Raises `MailroomError`."""
    return await with_servers(settings, partial(_triage, address, category, scheme))


async def _triage(address: str, category: Category, scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, f"Triaging {printable(address)} to {category.name}"):
        run = await _start(address, scheme, servers)
        asked = Sender(address, "", category, ())
        found = await look_up(run, [asked])
        sender = await _labelled(run, asked, found)
        settled = await _settle(run, sender)
    console.print(_told(settled, scheme), soft_wrap=True)
    if scheme.warnings_enabled and to_warn_of(sender.mails, settled.plan.names):
        name = printable(settled.plan.card_name)
        console.print(f"The mail shows another name than the contact ({name}), so it carries {scheme.warning_label}.")
    return 0


async def _start(address: str, scheme: Scheme, servers: Servers) -> Pass:
    """The daemon's start check, and the one for this address. Raises `ConfigError`."""
    contacts = await servers.contacts()
    account = await check_account(servers.client, contacts, scheme)
    if address in account.own:
        raise ConfigError([f"{address} is one of your own addresses: these are never triaged"])
    mail_account = (await servers.client.session()).mail_account
    return Pass(servers.client, contacts, scheme, account.places, account.own, mail_account, datetime.now(UTC), Moved())


async def _labelled(run: Pass, asked: Sender, found: Found) -> Sender:
    """The sender as a pass sees it, with the label on a mail, or without mail. Raises `ConfigError`, `SenderFailed`."""
    mails = found.mails.get(asked.address, ())
    card = matching_card(asked.address, found.book, run.scheme)
    if not mails and card is None:
        raise ConfigError([await _unknown(run, asked.address)])
    if others := other_labels(mails, asked.category, run.places):
        raise ConfigError(
            [f"mail of {asked.address} already carries {', '.join(others)}: take that off, or wait until it is settled"]
        )
    label = label_for(mails, asked.category, run.places)
    if label is None:
        names = [name for email in sorted(mails, key=by_age, reverse=True) if (name := name_of(email))]
        return replace(asked, name=next(iter(names), card.fields.full_name if card else ""))
    await put_label(run, *label)
    return await _as_scanned(run, asked)


async def _unknown(run: Pass, address: str) -> str:
    known = {each.sender for each in await who_waits(run.client, run.scheme) if each.sender}
    known.update(*(card.addresses for card in (await run.contacts.read_all()).book.cards))
    nearest = did_you_mean(address, known)
    return f"nobody writes from {address}: there is no mail and no contact{nearest or '; check the spelling'}"


async def _as_scanned(run: Pass, asked: Sender) -> Sender:
    """The sender with its labelled mails, by the scan that every pass starts with. Raises `SenderFailed`."""
    labelled = (await scan(run.client, run.scheme, run.places)).labelled
    for sender in select(labelled, run.places, run.own).senders:
        if sender.address == asked.address and sender.category == asked.category:
            return sender
    raise SenderFailed(
        f"{asked.category.label} is gone from the mail of {asked.address} already: a daemon that runs has settled it, "
        f"or someone took it off. `mailroom senders --category '{asked.category.name}'` shows who is there"
    )


async def _settle(run: Pass, sender: Sender) -> Settled:
    result = await treat_one(run, sender)
    if isinstance(result, Failed):
        stays = (
            f"{sender.category.label} stays on the mail; the daemon tries again, and so does" if sender.mails else ""
        )
        raise SenderFailed(
            f"{sender.address} could not be settled: {result.reason}. {stays or 'To try again, run'} the same command"
        )
    return result


def _told(settled: Settled, scheme: Scheme) -> str:
    plan = settled.plan
    mails = "1 mail" if settled.mails == 1 else f"{settled.mails} mails"
    where = ", ".join(each.destination_mailbox for each in scheme.chain(plan.sender.category))
    parts = [f"{mails} filed in {where}" if settled.mails else "no mail to file", *_contact_changes(plan, scheme)]
    return f"{printable(plan.sender.address)} is settled in {plan.sender.category.name}: {'; '.join(parts)}."


def _contact_changes(plan: Plan, scheme: Scheme) -> Iterable[str]:
    match plan.change.card:
        case NewCard():
            yield f"contact {printable(plan.card_name)!r} created"
        case CardEdit():
            yield f"contact {printable(plan.card_name)!r} updated"
    if joined := [group.name for group in plan.change.join if group.name != scheme.provenance_group]:
        yield f"joined {', '.join(joined)}"
    if left := [group.name for group in plan.departure.leave]:
        yield f"left {', '.join(left)}"
