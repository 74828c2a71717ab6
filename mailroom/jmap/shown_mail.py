"""What the owner is shown of a mail (RFC 8621 §4): a kind of its own, so that no pass reads a subject or a text."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mailroom.jmap.batch import Batch, Slot, slices
from mailroom.jmap.query import Kind
from mailroom.jmap.session import MAIL, Session
from mailroom.wire import Wire, list_reader, reader

LONGEST_SUBJECT = 300
LONGEST_PREVIEW = 600
"""Characters; RFC 8621 §4.1.4 allows a preview 256."""


def _cut(longest: int) -> BeforeValidator:
    def cut(value: Any) -> Any:
        """A subject may have a megabyte: nobody wants to hold fifty of them."""
        if value is None:
            return ""
        return f"{value[:longest]}…" if isinstance(value, str) and len(value) > longest else value

    return BeforeValidator(cut)


class ShownMail(Wire):
    """Subject and preview are plain text, as the server made it of the mail; header fields are raw."""

    id: str
    subject: Annotated[str, _cut(LONGEST_SUBJECT)] = Field("", repr=False)
    preview: Annotated[str, _cut(LONGEST_PREVIEW)] = Field("", repr=False)
    list_id: str | None = Field(None, validation_alias="header:List-Id:asRaw")
    list_unsubscribe: str | None = Field(None, validation_alias="header:List-Unsubscribe:asRaw", repr=False)
    authentication_results: tuple[str, ...] | None = Field(
        None, validation_alias="header:Authentication-Results:asRaw:all"
    )


SHOWN_MAIL = Kind[ShownMail](
    name="Email",
    capability=MAIL,
    properties=(
        "id",
        "subject",
        "preview",
        "header:List-Id:asRaw",
        "header:List-Unsubscribe:asRaw",
        "header:Authentication-Results:asRaw:all",
    ),
    sort="receivedAt",
    read_list=list_reader(reader(ShownMail)),
)


SUBJECT_ALONE = replace(SHOWN_MAIL, properties=("id", "subject"))
"""For thousands of mails."""

_FEW = 5
"""Mails of a call. A stranger's subject may have a megabyte, and what is too large together is asked call by call."""


def get_shown(
    batch: Batch, session: Session, ids: Iterable[str], kind: Kind[ShownMail] = SHOWN_MAIL
) -> tuple[Slot[tuple[ShownMail, ...]], ...]:
    """What to show of the mails with these ids; those that are gone are left out."""
    most = session.limits.max_objects_in_get
    size = min(_FEW, most) if kind is SHOWN_MAIL else most
    return tuple(batch.add(kind.get(session.mail_account, "ids", part)) for part in slices(ids, size))
