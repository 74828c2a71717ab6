"""Mailboxes, mails and identities over JMAP (RFC 8621), as calls for a batch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass as wire_dataclass

from mailroom.addresses import canonical, canonical_list_id
from mailroom.jmap.batch import Batch, Call, Slot, chunks, slices
from mailroom.jmap.query import Kind
from mailroom.jmap.session import MAIL, SUBMISSION, Session
from mailroom.jmap.set import SetResult, read_set_result
from mailroom.wire import FIRST_FAULT, WIRE, IdSet, Json, ReadReply, Wire, list_reader, reader


@wire_dataclass(frozen=True, config=WIRE)
class Address:
    """One address of a From header, as the server parsed it (RFC 8621 §4.1.2.3).

    `email` is empty where the server found no address: one odd mail must not fail a pass.
    """

    name: str | None = None
    email: Annotated[str, BeforeValidator(lambda value: "" if value is None else value)] = ""

    @cached_property
    def canonical(self) -> str | None:
        """The address as `addresses.canonical` writes it. A pass asks for it again and again."""
        return canonical(self.email)


_MOST_SENDERS = 100


def _first_senders(value: Any) -> Any:
    return value[:_MOST_SENDERS] if isinstance(value, list | tuple) else value


Senders = Annotated[tuple[Address, ...] | None, FIRST_FAULT, BeforeValidator(_first_senders)]
"""A From header. With several addresses a mail has no usable sender, so of a hundred thousand the first few tell."""


Addresses = Annotated[tuple[Address, ...] | None, FIRST_FAULT]


@wire_dataclass(frozen=True, slots=True, config=WIRE)
class Email:
    """What triage knows of a mail (RFC 8621 §4): never its text, and its subject only where a split asks for it.

    `received_at` is a UTCDate, which sorts as text; `thread_id` is that of its conversation. What follows is read by
    some kinds alone; header fields are raw, as their sender wrote them.
    """

    id: str
    mailbox_ids: IdSet
    keywords: IdSet = frozenset()
    senders: Annotated[Senders, Field(validation_alias="from")] = None
    received_at: str = ""
    thread_id: str | None = None
    list_id: Annotated[str | None, Field(validation_alias="header:List-Id:asRaw")] = None
    to: Addresses = None
    cc: Addresses = None
    authentication_results: Annotated[
        tuple[str, ...] | None, Field(validation_alias="header:Authentication-Results:asRaw:all")
    ] = None
    subject: str | None = field(default=None, repr=False)

    @property
    def sender(self) -> str | None:
        """The From address, canonical; None where there is none that is usable, or several: which of them wrote?"""
        addresses = {address for each in self.senders or () if (address := each.canonical)}
        return addresses.pop() if len(addresses) == 1 else None

    @property
    def mailing_list(self) -> str:
        """The List-Id, in lower case; empty where it is of no mailing list. Of several fields the last one counts."""
        return canonical_list_id(self.list_id or "")


class Identity(Wire):
    """An address that the user sends from (RFC 8621 §6)."""

    email: str


_read_emails = list_reader(reader(Email))
_read_identities = list_reader(reader(Identity))

EMAIL = Kind[Email](
    name="Email",
    capability=MAIL,
    properties=("id", "mailboxIds", "keywords", "from", "receivedAt", "threadId"),
    sort="receivedAt",
    read_list=_read_emails,
)
EMAIL_WITH_LIST = replace(EMAIL, properties=(*EMAIL.properties, "header:List-Id:asRaw"))
EMAIL_IN_FULL = replace(
    EMAIL_WITH_LIST,
    properties=(*EMAIL_WITH_LIST.properties, "to", "cc", "header:Authentication-Results:asRaw:all"),
)
"""With all that tells whose mail it is, of a domain or list."""

EMAIL_WITH_SUBJECT = replace(EMAIL_IN_FULL, properties=(*EMAIL_IN_FULL.properties, "subject"))


def get_identities(account_id: str) -> Call[tuple[Identity, ...]]:
    """All identities; needs the submission capability."""
    arguments: dict[str, Json] = {"accountId": account_id, "ids": None, "properties": ("id", "email")}
    return Call("Identity/get", arguments, SUBMISSION, _read_identities)


def get_emails(
    batch: Batch, session: Session, ids: Iterable[str], kind: Kind[Email] = EMAIL
) -> tuple[Slot[tuple[Email, ...]], ...]:
    """The mails with these ids; those that are gone are left out."""
    return tuple(
        batch.add(kind.get(session.mail_account, "ids", part))
        for part in slices(ids, session.limits.max_objects_in_get)
    )


@dataclass(frozen=True, slots=True)
class Move:
    """What changes about one mail: mailboxes added and removed, by id, and keywords set and cleared."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    set: frozenset[str] = frozenset()
    clear: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.changes_mailboxes or self.is_marked

    @property
    def changes_mailboxes(self) -> bool:
        """Whether it moves the mail, and does not mark it alone."""
        return bool(self.add or self.remove)

    @property
    def is_marked(self) -> bool:
        """Whether keywords change."""
        return bool(self.set or self.clear)

    def patch(self) -> Json:
        """As a PatchObject (RFC 8620 §5.3). No id and no keyword of ours holds a character that needs an escape."""
        patch: dict[str, Json] = {f"mailboxIds/{id}": True for id in sorted(self.add)}
        patch |= {f"mailboxIds/{id}": None for id in sorted(self.remove)}
        patch |= {f"keywords/{keyword}": True for keyword in sorted(self.set)}
        return patch | {f"keywords/{keyword}": None for keyword in sorted(self.clear)}


def moved(email: Email, move: Move) -> Email:
    """The mail as it is after a move."""
    if not move:
        return email
    mailbox_ids, keywords = email.mailbox_ids | move.add, email.keywords | move.set
    return replace(email, mailbox_ids=mailbox_ids - move.remove, keywords=keywords - move.clear)


def move_emails(
    batch: Batch, session: Session, moves: Mapping[str, Move], read: ReadReply[SetResult] = read_set_result
) -> tuple[Slot[SetResult], ...]:
    """Change mails, by id; each mail changes whole or not at all.

    With `read_set_errors` a mail that is refused for a passing reason has an error like any other, and raises nothing.
    """
    # Of tens of thousands most move alike.
    patch = cache(Move.patch)
    patches = {id: patch(moves[id]) for id in sorted(moves) if moves[id]}
    return tuple(
        batch.add(Call("Email/set", {"accountId": session.mail_account, "update": part}, MAIL, read))
        for part in chunks(patches, session.limits)
    )
