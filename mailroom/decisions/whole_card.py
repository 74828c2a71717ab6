"""The contact card of a whole domain or list: which one it is, and what is written on it (pure).

    *@shop.example, organization shop.example          no address, organization python-dev.python.org
    — Mailroom —                                       — Mailroom —
    Created by Mailroom                                Created by Mailroom
    Whole domain                                       Whole list <python-dev.python.org>
    Triaged to Feed on 2026-03-05T14:03Z               Triaged to Feed on 2026-03-05T14:03Z

Without its line a card counts for nothing: a contacts app may hold an address such as `*@shop.example` as well.
"""

from datetime import datetime

from mailroom.addresses import canonical_list_id
from mailroom.config.scheme import Back, Scheme, Target
from mailroom.contacts.base import AddressBook, Card, CardEdit, Fields, NewCard
from mailroom.decisions import note
from mailroom.decisions.contact import managed_groups, new_uid, noted
from mailroom.decisions.note import NOTHING_WRITTEN, Block
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.errors import SenderFailed

_ANYBODY = "*@"


def whole_of(card: Card, block: Block) -> Whole | None:
    """Whose card it is, if it is that of a whole domain or list; `block` is the one in its note."""
    if block.whole_domain and len(card.addresses) == 1:
        (address,) = card.addresses
        return WholeDomain(address.removeprefix(_ANYBODY)) if address.startswith(_ANYBODY) else None
    if block.whole_list and not card.addresses and (id := canonical_list_id(block.whole_list)):
        return WholeList(id)
    return None


def uid_of(whole: Whole, account_id: str) -> str:
    """The uid of the card that Mailroom makes for it: always the same, so that there is never a second one."""
    return new_uid(account_id, whole.address or str(whole))


def matching_card(whole: Whole, account_id: str, book: AddressBook, scheme: Scheme) -> Card | None:
    """Its card: of several the one in a managed group, else the oldest.

    Raises `SenderFailed` where the card that Mailroom made for it has been made somebody else's.
    """
    addresses = frozenset(filter(None, [whole.address]))
    # To read a note may take 20 ms.
    alike = [card for card in book.cards if card.addresses == addresses]
    found = [card for card in alike if whole_of(card, note.read(card.note) or NOTHING_WRITTEN) == whole]
    if found:
        return min(found, key=lambda card: (not managed_groups(card.uid, book, scheme), card.age, card.uid))
    uid = uid_of(whole, account_id)
    made = next((card for card in book.cards if card.uid == uid), None)
    if made is not None and made.addresses != addresses:
        raise SenderFailed(
            f"the contact {made.fields.full_name or uid} was made for the whole of {whole}, and has other addresses "
            "now: give it back what it had, or delete it"
        )
    return made


def card_change(
    whole: Whole, name: str, target: Target, uid: str, card: Card | None, now: datetime
) -> NewCard | CardEdit | None:
    """What is written on its card for a decision of now; `name` is what to call it, empty for what it is.

    Where there is no decision to take back there is nothing to write.
    """
    if card is None and isinstance(target, Back):
        return None
    before = card.note if card else ""
    line = note.WHOLE_DOMAIN if isinstance(whole, WholeDomain) else note.whole_list_line(whole.id)
    text = noted(before, target, now, f"{note.CREATED}\n{line}")
    if line not in text.split("\n"):
        text = note.with_line(text, line)
    if card is None:
        return NewCard(uid, whole.address, Fields(name or whole.named, organization=whole.named), text)
    return None if text == card.note else CardEdit(card, Fields(), text)
