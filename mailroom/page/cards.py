"""A sender who waits, as a card shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailroom.addresses import canonical_list_id
from mailroom.config.scheme import Scheme
from mailroom.decisions.sender_auth import sender_auth
from mailroom.jmap.shown_mail import ShownMail
from mailroom.page.lines import Line, line_of_tap
from mailroom.page.owner import Owner
from mailroom.page.words import called, unsubscribe_link, verdict
from mailroom.senders.screener import WaitingSender, read_shown

IDS_OF_A_TAP = 20
"""A label on one mail settles all of a sender's: of hundreds the newest are enough to find one that still waits."""


@dataclass(frozen=True, slots=True)
class Card:
    """`sender` is None where the mail names no usable one; `line` takes its place once a label is on its mail."""

    sender: str | None
    called: str
    mails: int
    ids: Sequence[str]
    newest: str
    subject: str
    preview: str
    verdict: str
    unsubscribe: str | None
    is_list: bool
    asks: str | None
    line: Line | None


def card_of(waiting: WaitingSender, shown: ShownMail | None, scheme: Scheme) -> Card:
    """`shown` is the newest mail, None if it went away meanwhile."""
    who = called(waiting.sender, waiting.name)
    ids = [email.id for email in waiting.mails[:IDS_OF_A_TAP]]
    line: Line | None = None
    if waiting.tapped is not None and waiting.sender is not None and waiting.asks is None:
        line = line_of_tap(waiting.sender, who, waiting.tapped, scheme, ids)
    return Card(
        sender=waiting.sender,
        called=who,
        mails=len(waiting.mails),
        ids=ids,
        newest=waiting.newest.received_at,
        subject=shown.subject if shown else "",
        preview=shown.preview if shown else "",
        verdict=_verdict(shown),
        unsubscribe=unsubscribe_link(shown.list_unsubscribe) if shown else None,
        is_list=bool(shown and canonical_list_id(shown.list_id or "")),
        asks=waiting.asks,
        line=line,
    )


async def read_cards(owner: Owner, senders: Sequence[WaitingSender]) -> list[Card]:
    """The cards of these senders, with what is shown of their newest mail: one request."""
    shown = await read_shown(owner.client, [each.newest.id for each in senders])
    return [card_of(each, shown.get(each.newest.id), owner.scheme) for each in senders]


def _verdict(shown: ShownMail | None) -> str:
    if shown is None:
        return ""
    return verdict(sender_auth(shown.authentication_results or ()), canonical_list_id(shown.list_id or ""))
