"""The sandbox object: an account, its faults, its recorder, and a scripted user who acts on the mailbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import trio

from mailroom.sandbox.card import Card
from mailroom.sandbox.dispatch import METHODS
from mailroom.sandbox.errors import Json, MethodError, SandboxError
from mailroom.sandbox.events import Broadcaster, End
from mailroom.sandbox.faults import Faults
from mailroom.sandbox.flavour import FASTMAIL, Flavour, Limits
from mailroom.sandbox.message import compose
from mailroom.sandbox.methods import Context
from mailroom.sandbox.recorded import Recorded
from mailroom.sandbox.store import AddressBook, Clock, Mail, Mailbox, Store


def utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """One account on an in-memory JMAP server. Use it from the trio thread that serves it.

    `token` is the Bearer token, and the password of `email` for Basic. Ids are counted, so that with a given `clock`
    two runs are alike. `identities` are names and addresses that the user may write from. The methods act as the
    user's own mail app would, and push the change. `place` is the first part of all paths: the session at a former one
    redirects, everything else there is gone.
    """

    def __init__(
        self,
        flavour: Flavour = FASTMAIL,
        limits: Limits | None = None,
        *,
        token: str = "sandbox-token",  # noqa: S107 - it opens nothing but this sandbox
        name: str = "Robin Example",
        email: str = "robin@example.com",
        clock: Clock = utc_now,
    ) -> None:
        self.flavour = flavour
        self.limits = limits or flavour.limits
        self.token = token
        self.name = name
        self.email = email
        self.identities = [(name, email)]
        self.account_id, self.place = "u1", "jmap"
        self.store = Store(clock, flavour.threading())
        self.faults = Faults()
        self.requests: list[Recorded] = []
        self.session_state = "s1"
        self.broadcaster = Broadcaster(flavour, self.account_id)
        self._announced = self.store.states()
        self._change = trio.Event()
        book = AddressBook(self.store.books.new_id(), "Personal", is_default=True)
        self.store.books.add(book.id, book)
        self.announce()

    def context(self) -> Context:
        """What one API request works with."""
        return Context(
            store=self.store,
            limits=self.limits,
            flavour=self.flavour,
            identities=self.identities,
            set_errors=self.faults.set_errors,
            races=self.faults.races,
        )

    def announce(self) -> None:
        """Push every state that moved since the last call."""
        states = self.store.states()
        changed = {name: state for name, state in states.items() if self._announced[name] != state}
        self._announced = states
        if changed:
            self.broadcaster.announce(changed)
            self._change.set()
            self._change = trio.Event()

    async def changed(self) -> None:
        """Return after the next change of mail, mailboxes or contacts, whoever makes it."""
        await self._change.wait()

    def renew_session(self) -> None:
        """Give the session a new state, as a server does whose settings changed."""
        self.session_state = f"s{int(self.session_state[1:]) + 1}"

    def change_account(self, account_id: str) -> None:
        """Give the account another id, as a server does that was rebuilt; the former id is unknown from now on."""
        self.account_id = self.broadcaster.account_id = account_id

    def drop_streams(self) -> None:
        """Close the connection of every open event stream without an orderly end."""
        self.broadcaster.end_all(End.CUT)

    def end_streams(self) -> None:
        """End every open event stream in an orderly way."""
        self.broadcaster.end_all(End.ORDERLY)

    def mailbox_id(self, name: str) -> str:
        """The id of the mailbox; `Parent/Child` names a nested one. Raises SandboxError if it is missing."""
        mailbox = self._find_mailbox(name)
        if mailbox is None:
            raise SandboxError(f"There is no mailbox {name!r}: create it with create_mailbox.")
        return mailbox.id

    def create_mailbox(self, name: str, role: str | None = None, parent: str | None = None) -> str:
        """Create the mailbox below the mailbox called `parent` and return its id."""
        parent_id = None if parent is None else self.mailbox_id(parent)
        mailbox = Mailbox(self.store.mailboxes.new_id(), name, parent_id, role)
        self.store.add_mailbox(mailbox)
        self.announce()
        return mailbox.id

    def rename_mailbox(self, name: str, new_name: str) -> None:
        mailbox = self.store.mailboxes.objects[self.mailbox_id(name)]
        self.store.change_mailbox(replace(mailbox, name=new_name))
        self.announce()

    def destroy_mailbox(self, name: str) -> None:
        """Remove the mailbox; mail that is in no other one goes with it."""
        self.store.remove_mailbox(self.mailbox_id(name))
        self.announce()

    def deliver(
        self,
        sender: str = "Ann <ann@example.org>",
        subject: str = "Hello",
        mailboxes: tuple[str, ...] | list[str] = ("Screener",),
        *,
        body: str = "Hello, this is the mail.",
        raw: bytes | None = None,
        received_at: datetime | None = None,
        keywords: tuple[str, ...] = (),
    ) -> str:
        """A mail arrives; returns its id. `sender` is the From header as it stands; `raw` replaces it all."""
        when = received_at or self.store.clock()
        if raw is None:
            message_id = f"{len(self.store.blobs) + 1}@sandbox.example"
            raw = compose(sender, f"{self.name} <{self.email}>", subject, body, when, message_id)
        ids = frozenset(map(self.mailbox_id, mailboxes))
        mail = self.store.add_mail(raw, ids, frozenset(keywords), when)
        self.announce()
        return mail.id

    def label(self, email_id: str, mailbox: str) -> None:
        """Put the mail into one more mailbox."""
        mail = self._mail(email_id)
        self._place(mail, mail.mailbox_ids | {self.mailbox_id(mailbox)})

    def unlabel(self, email_id: str, mailbox: str) -> None:
        """Take the mail out of a mailbox. Raises SandboxError if that was its last one."""
        mail = self._mail(email_id)
        self._place(mail, mail.mailbox_ids - {self.mailbox_id(mailbox)})

    def move(self, email_id: str, *mailboxes: str) -> None:
        """Put the mail into these mailboxes and no other."""
        self._place(self._mail(email_id), frozenset(map(self.mailbox_id, mailboxes)))

    def delete(self, email_id: str) -> None:
        """Delete the mail for good."""
        self._mail(email_id)
        self.store.remove_mail(email_id)
        self.announce()

    def mailboxes_of(self, email_id: str) -> set[str]:
        """The names of the mailboxes that the mail is in."""
        return {self.store.mailboxes.objects[i].name for i in self._mail(email_id).mailbox_ids}

    def mails_in(self, mailbox: str) -> list[str]:
        """The ids of the mails in the mailbox, oldest first."""
        members = self.store.mails_in[self.mailbox_id(mailbox)]
        return [mail_id for mail_id in self.store.mails.objects if mail_id in members]

    def cards(self) -> list[Json]:
        """Every card that is no group, oldest first."""
        return [card.data for card in self.store.cards.objects.values() if card.kind != "group"]

    def groups(self) -> dict[str, set[str]]:
        """The addresses of each group's members, by the group's name. A member without a card is left out."""
        groups = [card for card in self.store.cards.objects.values() if card.kind == "group"]
        return {group.data["name"]["full"]: self._member_addresses(group) for group in groups if "name" in group.data}

    def add_card(self, email: str, name: str, **properties: object) -> str:
        """Add a contact with one address and return its uid; `properties` are further JSContact ones."""
        return self._create_card(
            {"name": {"full": name}, "emails": {"e1": {"address": email}}, "kind": "individual", **properties}
        )

    def add_group(self, name: str, members: tuple[str, ...] | list[str] = ()) -> str:
        """Add a group of the contacts with these addresses and return its uid.

        A group without members has no `members` property, as on servers that keep vCards.
        """
        uids = [card.uid for address in members for card in self._cards_with(address)]
        group: Json = {"kind": "group", "name": {"full": name}}
        return self._create_card(group | ({"members": dict.fromkeys(uids, True)} if uids else {}))

    def destroy_card(self, uid: str) -> None:
        """Remove the contact or group."""
        card = self.store.card_with_uid(uid)
        if card is None:
            raise SandboxError(f"There is no card with the uid {uid!r}.")
        self.store.remove_card(card.id)
        self.announce()

    def change_card(self, uid: str, patch: Json) -> None:
        """Edit a card as another client would, by a JMAP patch."""
        card = self.store.card_with_uid(uid)
        if card is None:
            raise SandboxError(f"There is no card with the uid {uid!r}.")
        self._call("ContactCard/set", {"update": {card.id: patch}})

    def add_script(self, name: str, text: str, *, active: bool = False) -> str:
        """Add a Sieve script as another client would, and return its id."""
        blob_id = self.store.add_blob(text.encode())
        activate = {"onSuccessActivateScript": "#new"} if active else {}
        answer = self._call("SieveScript/set", {"create": {"new": {"name": name, "blobId": blob_id}}, **activate})
        return str(answer["created"]["new"]["id"])

    def scripts(self) -> dict[str, str]:
        """The text of each Sieve script, by name."""
        return {
            script.name: self.store.blobs[script.blob_id].decode() for script in self.store.scripts.objects.values()
        }

    def active_script(self) -> str | None:
        """The name of the active Sieve script."""
        id = self.store.active_script
        return None if id is None else self.store.scripts.objects[id].name

    def _create_card(self, properties: Json) -> str:
        book_id = next(iter(self.store.books.objects))
        answer = self._call("ContactCard/set", {"create": {"new": {"addressBookIds": {book_id: True}, **properties}}})
        return self.store.cards.objects[answer["created"]["new"]["id"]].uid

    def _call(self, method: str, arguments: Json) -> Json:
        """A method call that faults don't touch, so that scripted users stay able to act."""
        spec = METHODS[method]
        context = replace(self.context(), set_errors={}, races=set())
        checked = spec.arguments.model_validate({"accountId": self.account_id, **arguments})
        try:
            answer = spec.run(context, checked)
        except MethodError as error:
            raise SandboxError(f"{method} failed: {error}") from error
        refused = {**(answer["notCreated"] or {}), **(answer["notUpdated"] or {})}
        if refused:
            raise SandboxError(f"{method} refused: {refused}")
        self.announce()
        return answer

    def _find_mailbox(self, name: str) -> Mailbox | None:
        parent_id: str | None = None
        found: Mailbox | None = None
        for part in [name] if self._child(None, name) else name.split("/"):
            found = self._child(parent_id, part)
            if found is None:
                return None
            parent_id = found.id
        return found

    def _child(self, parent_id: str | None, name: str) -> Mailbox | None:
        return next((m for m in self.store.child_mailboxes(parent_id) if m.name == name), None)

    def _mail(self, email_id: str) -> Mail:
        if email_id not in self.store.mails.objects:
            raise SandboxError(f"There is no mail {email_id!r}.")
        return self.store.mails.objects[email_id]

    def _place(self, mail: Mail, mailbox_ids: frozenset[str]) -> None:
        if not mailbox_ids:
            raise SandboxError(f"Mail {mail.id} would be in no mailbox: move it elsewhere, or delete it.")
        self.store.change_mail(mail.placed(mailbox_ids, mail.keywords))
        self.announce()

    def _member_addresses(self, group: Card) -> set[str]:
        members = [self.store.card_with_uid(uid) for uid in group.members]
        return {entry["address"] for card in members if card for entry in card.data.get("emails", {}).values()}

    def _cards_with(self, address: str) -> list[Card]:
        found = [c for c in self.store.cards.objects.values() if address.lower() in c.addresses.split("\n")]
        if not found:
            raise SandboxError(f"No contact has the address {address!r}: add it with add_card.")
        return found
