"""What screening reads of new mail, of its threads and of what the user sent (RFC 8621), as calls for a batch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from mailroom.jmap.batch import Batch, Call, Slot
from mailroom.jmap.mail import Addresses, Move, Senders
from mailroom.jmap.query import Filter, Kind, QueryResult, read_query
from mailroom.jmap.session import MAIL, Session
from mailroom.jmap.set import SetResult, read_set_errors
from mailroom.wire import FIRST_FAULT, IdSet, Json, Wire, list_reader, reader


class NewMail(Wire):
    """A mail as the verdict on it needs it (RFC 8621 §4); `subject` alone is not always asked for.

    Header fields are raw, as their sender wrote them: `authentication_results` are all of them, in their order.
    """

    id: str
    mailbox_ids: IdSet
    keywords: IdSet = frozenset()
    thread_id: str | None = None
    received_at: str = ""
    senders: Senders = Field(None, validation_alias="from")
    to: Addresses = None
    cc: Addresses = None
    in_reply_to: tuple[str, ...] | None = None
    references: tuple[str, ...] | None = None
    list_id: str | None = Field(None, validation_alias="header:List-Id:asRaw")
    content_type: str | None = Field(None, validation_alias="header:Content-Type:asRaw")
    authentication_results: tuple[str, ...] | None = Field(
        None, validation_alias="header:Authentication-Results:asRaw:all"
    )
    subject: str | None = Field(None, repr=False)


class Thread(Wire):
    """A conversation: the ids of its mails, oldest first (RFC 8621 §3)."""

    id: str
    email_ids: Annotated[tuple[str, ...], FIRST_FAULT]


class InThread(Wire):
    """Where a mail of a thread lies."""

    id: str
    thread_id: str
    mailbox_ids: IdSet


class Sent(Wire):
    """To whom the user wrote a mail."""

    id: str
    to: Addresses = None
    cc: Addresses = None
    bcc: Addresses = None

    @property
    def recipients(self) -> frozenset[str]:
        """Canonical addresses."""
        return frozenset(
            address
            for each in (*(self.to or ()), *(self.cc or ()), *(self.bcc or ()))
            if (address := each.canonical) is not None
        )


_PROPERTIES = (
    "id",
    "mailboxIds",
    "keywords",
    "threadId",
    "receivedAt",
    "from",
    "to",
    "cc",
    "inReplyTo",
    "references",
    "header:List-Id:asRaw",
    "header:Content-Type:asRaw",
    "header:Authentication-Results:asRaw:all",
)
_read_new_mail = list_reader(reader(NewMail))
_read_threads = list_reader(reader(Thread))

NEW_MAIL = Kind[NewMail]("Email", MAIL, _PROPERTIES, "receivedAt", _read_new_mail)
NEW_MAIL_WITH_SUBJECT = Kind[NewMail]("Email", MAIL, (*_PROPERTIES, "subject"), "receivedAt", _read_new_mail)
IN_THREAD = Kind[InThread]("Email", MAIL, ("id", "threadId", "mailboxIds"), "receivedAt", list_reader(reader(InThread)))
SENT = Kind[Sent]("Email", MAIL, ("id", "to", "cc", "bcc"), "receivedAt", list_reader(reader(Sent)))


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest of what a filter finds: at most `limit` ids, and the mails with them."""

    query: Slot[QueryResult]
    mails: Slot[tuple[NewMail, ...]]
    limit: int


def newest(
    batch: Batch, session: Session, kind: Kind[NewMail], filter: Filter, limit: int, *, position: int = 0
) -> Newest:
    """Find new mail, the newest first, from a position on; `limit` is cut to what one /get takes."""
    limit = min(limit, session.limits.max_objects_in_get)
    sort: Json = {"property": "receivedAt", "isAscending": False}
    query = batch.add(_query(session, filter, limit, position=position, sort=sort))
    return Newest(query, batch.add(kind.get(session.mail_account, "#ids", query.result("/ids"))), limit)


def get_threads(account_id: str, ids: Iterable[str]) -> Call[tuple[Thread, ...]]:
    """Threads by id; one that is gone is left out."""
    arguments: dict[str, Json] = {"accountId": account_id, "ids": tuple(ids)}
    return Call("Thread/get", arguments, MAIL, _read_threads)


@dataclass(frozen=True, slots=True)
class SentTo:
    """Mail in Sent that may be to an address: the ids of a page, and to whom those mails are."""

    query: Slot[QueryResult]
    mails: Slot[tuple[Sent, ...]]


def search_sent(batch: Batch, session: Session, filter: Filter, *, position: int, limit: int) -> SentTo:
    """A page of what a filter finds, in the server's own order."""
    query = batch.add(_query(session, filter, limit, position=position))
    return SentTo(query, batch.add(SENT.get(session.mail_account, "#ids", query.result("/ids"))))


def update_emails_in_state(batch: Batch, session: Session, state: str, moves: Mapping[str, Move]) -> Slot[SetResult]:
    """Change mails, by id, unless any mail of the account changed since `state`: then a method error `stateMismatch`.

    One call: the caller keeps within `maxObjectsInSet`. Whatever one mail is refused for is that mail's error alone.
    """
    patches: dict[str, Json] = {id: moves[id].patch() for id in sorted(moves)}
    arguments: dict[str, Json] = {"accountId": session.mail_account, "ifInState": state, "update": patches}
    return batch.add(Call("Email/set", arguments, MAIL, read_set_errors))


def _query(session: Session, filter: Filter, limit: int, *, position: int = 0, sort: Json = None) -> Call[QueryResult]:
    arguments: dict[str, Json] = {
        "accountId": session.mail_account,
        "filter": filter,
        "position": position,
        "limit": limit,
        **({"sort": (sort,)} if sort else {}),
    }
    return Call("Email/query", arguments, MAIL, read_query)
