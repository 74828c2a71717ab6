"""A mail that is put into the account, as a call for a batch (RFC 8621 §4.6): nothing is sent to anybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailroom.jmap.batch import Batch, Call, Slot
from mailroom.jmap.mail import Move
from mailroom.jmap.query import Kind
from mailroom.jmap.session import MAIL, Session
from mailroom.jmap.set import SetResult, read_set_errors
from mailroom.wire import IdSet, Json, Wire, list_reader, reader, utc_date

CREATION_ID = "letter"


class Known(Wire):
    """A mail by its Message-IDs, and where it is."""

    id: str
    mailbox_ids: IdSet
    keywords: IdSet = frozenset()
    message_id: tuple[str, ...] | None = None


KNOWN = Kind[Known](
    "Email", MAIL, ("id", "mailboxIds", "keywords", "messageId"), "receivedAt", list_reader(reader(Known))
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to put into a mailbox, in two forms of the same text. `address` is who it is from, and to."""

    mailbox_id: str
    keywords: frozenset[str]
    address: str
    name: str
    subject: str
    text: str
    html: str
    message_id: str
    sent_at: datetime


def put_letter(
    batch: Batch, session: Session, state: str, letter: Letter, moves: Mapping[str, Move]
) -> Slot[SetResult]:
    """Create a mail and change others, by id, unless any mail of the account changed since `state`: then a method error
    `stateMismatch`. Apache James doesn't look at the state."""
    people: Json = ({"name": letter.name, "email": letter.address},)
    created: dict[str, Json] = {
        "mailboxIds": {letter.mailbox_id: True},
        "keywords": dict.fromkeys(sorted(letter.keywords), True),
        "from": people,
        "to": people,
        "subject": letter.subject,
        "messageId": (letter.message_id,),
        "sentAt": utc_date(letter.sent_at),
        "textBody": ({"partId": "text", "type": "text/plain"},),
        "htmlBody": ({"partId": "html", "type": "text/html"},),
        "bodyValues": {"text": {"value": letter.text}, "html": {"value": letter.html}},
    }
    arguments: dict[str, Json] = {
        "accountId": session.mail_account,
        "ifInState": state,
        "create": {CREATION_ID: created},
        "update": {id: moves[id].patch() for id in sorted(moves)},
    }
    return batch.add(Call("Email/set", arguments, MAIL, read_set_errors))
