"""Mailboxes as things of their own: made, removed, and what may be done with them (RFC 8621 §2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import Field

from mailroom.jmap.batch import Batch, Call, Slot, chunks, slices
from mailroom.jmap.client import Client
from mailroom.jmap.query import Kind
from mailroom.jmap.session import MAIL, Session
from mailroom.jmap.set import SetResult, read_set_result
from mailroom.wire import Json, Wire, list_reader, reader

MAX_MAILBOXES = 10_000
"""As many labels as Gmail takes; as a tree, they are matched with names in 0.1 s."""


class Mailbox(Wire):
    """A mailbox (RFC 8621 §2). `role` is None or one of IANA's mailbox roles; `total_emails` counts its mails."""

    id: str
    name: str
    parent_id: str | None = None
    role: str | None = None
    total_emails: int | None = None


MAILBOX = Kind[Mailbox](
    name="Mailbox",
    capability=MAIL,
    properties=("id", "name", "parentId", "role", "totalEmails"),
    sort=None,
    read_list=list_reader(reader(Mailbox)),
    most=MAX_MAILBOXES,
)


def get_mailboxes(account_id: str) -> Call[tuple[Mailbox, ...]]:
    """The mailboxes; perhaps not all of them, see `Client.all_of`."""
    return MAILBOX.get_all(account_id)


async def read_mailboxes(client: Client) -> tuple[Mailbox, ...]:
    """All mailboxes, in a request of their own."""
    account_id = (await client.session()).mail_account
    batch = Batch()
    slot = batch.add(get_mailboxes(account_id))
    return await client.all_of(MAILBOX, account_id, slot, await client.send(batch))


@dataclass(frozen=True, slots=True)
class NewMailbox:
    """A mailbox to create. `parent` is an id, or `#` and the creation id of one that comes earlier, or None."""

    creation_id: str
    name: str
    parent: str | None = None
    is_subscribed: bool = True


class Rights(Wire):
    """What this login may do with the mails of a mailbox."""

    may_read_items: bool = True
    may_add_items: bool = True
    may_remove_items: bool = True
    may_set_keywords: bool = True


class MailboxRights(Wire):
    """A mailbox by id, with this login's rights."""

    id: str
    my_rights: Rights = Field(default_factory=Rights)


RIGHTS = Kind[MailboxRights](
    name="Mailbox",
    capability=MAIL,
    properties=("id", "myRights"),
    sort=None,
    read_list=list_reader(reader(MailboxRights)),
    most=MAX_MAILBOXES,
)


def get_rights(account_id: str) -> Call[tuple[MailboxRights, ...]]:
    """The rights on the mailboxes; perhaps not on all of them, see `Client.all_of`."""
    return RIGHTS.get_all(account_id)


def create_mailboxes(batch: Batch, session: Session, new: Sequence[NewMailbox]) -> tuple[Slot[SetResult], ...]:
    """Create mailboxes; the errors are by creation id."""
    creations: dict[str, Json] = {
        each.creation_id: {"name": each.name, "parentId": each.parent, "isSubscribed": each.is_subscribed}
        for each in new
    }
    return tuple(
        batch.add(Call("Mailbox/set", {"accountId": session.mail_account, "create": part}, MAIL, read_set_result))
        for part in chunks(creations, session.limits)
    )


def destroy_empty_mailboxes(batch: Batch, session: Session, ids: Iterable[str]) -> tuple[Slot[SetResult], ...]:
    """Remove mailboxes; the server refuses one that holds mail."""
    return tuple(
        batch.add(
            Call(
                "Mailbox/set",
                {"accountId": session.mail_account, "destroy": part, "onDestroyRemoveEmails": False},
                MAIL,
                read_set_result,
            )
        )
        for part in slices(ids, session.limits.max_objects_in_set)
    )
