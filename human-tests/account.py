"""The live account: invented senders, their mails and contact cards, and the labels that the user would put on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from support import Failed, Run, Unmet, say

from mailroom.commands.setup import look
from mailroom.config.scheme import Category
from mailroom.contacts.base import AddressBook, Card, Change, Contacts, Departure, Group, LookUp, Wanted
from mailroom.contacts.steps import alone
from mailroom.decisions.inventory import State
from mailroom.decisions.note import whole_list_line
from mailroom.decisions.places import Places, find_places
from mailroom.decisions.select import sender_of
from mailroom.jmap.batch import Batch, Call
from mailroom.jmap.mail import EMAIL, Email, Move, get_emails, move_emails
from mailroom.jmap.mailbox import Mailbox
from mailroom.jmap.query import any_of, search
from mailroom.jmap.session import MAIL
from mailroom.jmap.set import SetError, merged_errors, read_set_result
from mailroom.observe.running_daemon import ask_daemon
from mailroom.wire import Json

DOMAIN = "mailroom-human-test.example"
LIST_ID = f"list.{DOMAIN}"
"""Of the invented mailing list, whose card has no address."""
"""Nobody's: `.example` never is a domain (RFC 2606 §2)."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody invented, known by the part before the `@`."""

    name: str
    local_part: str

    @property
    def address(self) -> str:
        return f"{self.local_part}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that a script made."""

    id: str
    subject: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A sender's card, and the names of all groups that it is in."""

    card: Card
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Account:
    """The account in a run; what `senders` leave in it is removed at the end. `mails` are the ids of all mails made."""

    run: Run
    contacts: Contacts
    mailboxes: tuple[Mailbox, ...]
    places: Places
    trash: str
    senders: tuple[Sender, ...]
    mails: set[str] = field(default_factory=set)

    async def receive(self, sender: Sender, *subjects: str, mailbox: str = "", list_id: str = "") -> list[Mail]:
        """Mails of a sender come to lie in a mailbox, by default the Screener; `list_id` is that of a mailing list.

        They are made there (Email/set): nothing is sent.
        """
        session = await self.run.servers.client.session()
        mailbox = mailbox or self.screener
        creations = {
            f"mail{n}": self._new_mail(sender, subject, mailbox, list_id) for n, subject in enumerate(subjects)
        }
        batch = Batch()
        arguments: dict[str, Json] = {"accountId": session.mail_account, "create": creations}
        slot = batch.add(Call("Email/set", arguments, MAIL, read_set_result))
        result = (await self.run.servers.client.send(batch))[slot]
        _refuse("the server makes no mail", result.errors())
        made = [Mail(result.created[f"mail{n}"]["id"], subject) for n, subject in enumerate(subjects)]
        self.mails.update(mail.id for mail in made)
        for mail in made:
            say(f"  • a mail “{mail.subject}” from {sender.name} <{sender.address}> lies in the {mailbox}")
        return made

    def _new_mail(self, sender: Sender, subject: str, mailbox: str, list_id: str) -> Json:
        text = "Made by one of Mailroom's human tests, which moves it to the Trash at its end."
        return {
            "mailboxIds": {self.id_of(mailbox): True},
            "from": [{"name": sender.name, "email": sender.address}],
            "subject": subject,
            "bodyValues": {"text": {"value": text}},
            "textBody": [{"partId": "text", "type": "text/plain"}],
            **({"header:List-Id": f" <{list_id}>"} if list_id else {}),
        }

    @property
    def screener(self) -> str:
        return self.run.scheme.screener

    async def put_label(self, label: str, mail: Mail) -> None:
        """The user puts a label on a mail: by hand in a mail app, or here over JMAP with --auto."""
        if self.run.auto:
            await self.move(mail, Move(add=frozenset({self.id_of(label)})))
            say(f"  • {label} is put on “{mail.subject}”")
        else:
            say(f"  → In your mail app, put the label {label} on the mail “{mail.subject}” (in the {self.screener}).")

    async def take_label(self, label: str, mail: Mail) -> None:
        """The user takes a label off a mail."""
        if self.run.auto:
            await self.move(mail, Move(remove=frozenset({self.id_of(label)})))
            say(f"  • {label} is taken off “{mail.subject}”")
        else:
            say(f"  → In your mail app, take the label {label} off the mail “{mail.subject}”.")

    async def move_to(self, mailbox: str, mail: Mail) -> None:
        """The user moves a mail out of the Screener."""
        if self.run.auto:
            to, screener = self.id_of(mailbox), self.id_of(self.screener)
            await self.move(mail, Move(add=frozenset({to}), remove=frozenset({screener})))
            say(f"  • “{mail.subject}” is moved from the {self.screener} to {mailbox}")
        else:
            say(f"  → In your mail app, move the mail “{mail.subject}” from the {self.screener} to {mailbox}.")

    async def move(self, mail: Mail, move: Move) -> None:
        batch = Batch()
        slots = move_emails(batch, await self.run.servers.client.session(), {mail.id: move})
        replies = await self.run.servers.client.send(batch)
        _refuse("the server doesn't move a mail", merged_errors(replies[slot] for slot in slots))

    def id_of(self, mailbox: str) -> str:
        """The id of a label, of Screener or Inbox, or of a destination of the scheme."""
        inbox = {"Inbox": self.places.inbox} if self.places.inbox else {}
        return {**self.places.ids(self.run.scheme), **inbox}[mailbox]

    async def places_of(self, *mails: Mail) -> list[frozenset[str]]:
        """The ids of the mailboxes of each mail; none for a mail that is gone."""
        batch = Batch()
        slots = get_emails(batch, await self.run.servers.client.session(), [mail.id for mail in mails])
        replies = await self.run.servers.client.send(batch)
        found = {email.id: email.mailbox_ids for slot in slots for email in replies[slot]}
        return [found.get(mail.id, frozenset()) for mail in mails]

    async def has(self, label: str, *mails: Mail) -> bool:
        """Whether all these mails carry a label, or lie in a mailbox."""
        return all(self.id_of(label) in ids for ids in await self.places_of(*mails))

    async def is_filed(self, category: Category, *mails: Mail) -> bool:
        """Whether the mails are where the category wants them, in no other managed mailbox, and without any label."""
        chain = self.run.scheme.chain(category)
        wanted = {self.places.destinations[each.destination_mailbox] for each in chain}
        concerned = self.places.managed | self.places.all_labels
        return all(ids & concerned == wanted for ids in await self.places_of(*mails))

    async def look_up(self, *addresses: str, notes: Sequence[str] = ()) -> LookUp:
        """The cards of these addresses, or with one of these texts in their note, and all groups."""
        return await alone(self.run.servers.client, self.contacts.look_up(Wanted(addresses, notes=notes)))

    async def book(self, *senders: Sender) -> AddressBook:
        """The cards of these senders, and all groups."""
        return (await self.look_up(*(each.address for each in senders))).book

    async def is_known(self, sender: Sender) -> bool:
        """Whether the sender has a contact card."""
        return bool((await self.book(sender)).cards)

    async def contact(self, sender: Sender) -> Contact:
        """The sender's only card. Raises `Failed` if there is none, or a second one."""
        book = await self.book(sender)
        if len(book.cards) != 1:
            raise Failed(f"{sender.address} has {len(book.cards)} contact cards, not one")
        (card,) = book.cards
        return Contact(card, frozenset(group.name for group in book.groups if card.uid in group.members))

    async def group(self, name: str) -> Group:
        """The contact group of a name, as it is now."""
        return next(group for group in (await self.book()).groups if group.name == name)

    async def write(self, *changes: Change) -> None:
        """Write cards and join groups. Raises `Failed`."""
        found = await self.look_up(*(each.sender for each in changes))
        _refuse("contacts could not be written", await alone(self.run.servers.client, found.add(changes)))

    async def leave(self, *departures: Departure) -> None:
        """Take cards out of groups. Raises `Failed`."""
        found = await self.look_up()
        _refuse("groups could not be left", await alone(self.run.servers.client, found.remove(departures)))

    async def forget_at_the_end(self) -> None:
        """Remove what an earlier run left of the invented senders, and arrange that nothing is left by this one."""
        await self.forget()
        self.run.clean_up.push_async_callback(self.forget)

    async def forget(self) -> None:
        """Move every mail of the invented senders to the Trash, and delete their cards. Raises `Failed`."""
        session = await self.run.servers.client.session()
        mails = [email for email in await self._mails_of_senders() if email.mailbox_ids != {self.trash}]
        batch = Batch()
        trash = frozenset({self.trash})
        moves = {each.id: Move(trash - each.mailbox_ids, each.mailbox_ids - trash) for each in mails}
        slots = move_emails(batch, session, moves)
        replies = await self.run.servers.client.send(batch)
        addresses = [each.address for each in self.senders]
        notes = (whole_list_line(LIST_ID),)
        found = await self.look_up(*addresses, notes=notes)
        if joined := [each for card in found.book.cards if (each := _departure(card, found.book)).leave]:
            await self.leave(*joined)
            found = await self.look_up(*addresses, notes=notes)
        cards = found.book.cards
        failures = await found.delete_cards(cards) if cards else {}
        if mails or cards:
            say(f"  • cleaned up: {len(mails)} mails moved to the Trash, {len(cards)} contact cards deleted")
        _refuse("mails could not be moved to the Trash", merged_errors(replies[slot] for slot in slots))
        _refuse("contact cards could not be deleted", failures)

    async def _mails_of_senders(self) -> list[Email]:
        """By sender, so that those of an earlier run are found, and by id, as a search may lag behind."""
        client = self.run.servers.client
        session = await client.session()
        addresses = {each.address for each in self.senders}
        conditions = [
            each for address in sorted(addresses) for each in ({"from": address}, {"header": ["From", address]})
        ]
        batch = Batch()
        found = search(batch, EMAIL, session.mail_account, session.limits, any_of(conditions))
        known = get_emails(batch, session, sorted(self.mails))
        replies = await client.send(batch)
        by_sender = await client.all_found(found, replies)
        emails = {each.id: each for each in by_sender if sender_of(each) in addresses}
        emails |= {each.id: each for slot in known for each in replies[slot]}
        return [emails[id] for id in sorted(emails)]


async def open_account(run: Run, *senders: Sender) -> Account:
    """The account, ready for a test with these senders: consent given, leftovers gone, cleaning up arranged.

    Raises `Unmet` if something that the daemon needs is missing, or one runs already.
    """
    account = await look_at_account(run, *senders)
    await run.consent()
    await account.forget_at_the_end()
    return account


async def look_at_account(run: Run, *senders: Sender) -> Account:
    """The account as it is; nothing is changed. Raises `Unmet`, as `open_account` does."""
    found = await look(run.servers, run.scheme)
    missing = [item.name for item in found.items if item.state is not State.EXISTS]
    if missing:
        raise Unmet(f"missing: {', '.join(missing)}. `mailroom setup --apply` creates them")
    trash = next((mailbox.id for mailbox in found.mailboxes if mailbox.role == "trash"), None)
    if trash is None:
        raise Unmet("the account has no Trash mailbox, where the mails of this test go at its end")
    if await ask_daemon(run.process) is not None:
        raise Unmet("a daemon runs here already: stop it first, as the test starts its own")
    contacts = await run.servers.contacts()
    return Account(run, contacts, found.mailboxes, find_places(found.mailboxes, run.scheme), trash, senders)


def category_of(run: Run, kind: str, *, has_parent: bool | None = None, but: Iterable[Category] = ()) -> Category:
    """The first category that makes cards of this kind and is none of `but`; of companies, one without the Inbox."""
    for each in run.scheme.categories:
        fits = each.contact_type == kind and each not in but and (kind == "person" or not each.add_to_inbox)
        if fits and has_parent in (None, each.parent is not None):
            return each
    parent = {None: "", True: " with a parent", False: " without a parent"}[has_parent]
    where = "in MAILROOM_CONFIG (a company's without add_to_inbox)"
    raise Unmet(f"it needs one more category of contact_type {kind}{parent} {where}")


def _departure(card: Card, book: AddressBook) -> Departure:
    joined: Sequence[Group] = [group for group in book.groups if card.uid in group.members]
    return Departure(min(card.addresses, default=card.uid), card.uid, tuple(joined))


def _refuse(what: str, problems: Mapping[str, str] | Mapping[str, SetError]) -> None:
    if problems:
        raise Failed(f"{what}: {'; '.join(sorted(map(str, problems.values())))}")
