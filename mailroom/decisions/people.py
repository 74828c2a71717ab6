"""Who is one sender: a contact card with all of its addresses, a friend at home and at work (pure)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Card
from mailroom.decisions.contact import readable_card
from mailroom.decisions.places import Places
from mailroom.decisions.select import Reason, Selection, select, sender_of
from mailroom.decisions.whole import whole_labels
from mailroom.jmap.mail import Email

WHOLE_DOMAIN = "*@"
"""How an address begins that means all of a domain: it is nobody's, and has no mail of its own."""


def other_addresses(address: str, book: AddressBook, scheme: Scheme, own: Collection[str]) -> frozenset[str]:
    """The addresses whose mail is filed with this one's: all of its card but the user's own.

    One that has a card of its own goes its own way, as far as `book` knows it.
    """
    card = readable_card(address, book, scheme)
    return frozenset(
        each
        for each in (card.addresses if card else ())
        if each != address
        and not each.startswith(WHOLE_DOMAIN)
        and each not in own
        and readable_card(each, book, scheme) == card
    )


def as_people(
    selection: Selection,
    mails: Mapping[str, Sequence[Email]],
    book: AddressBook,
    places: Places,
    scheme: Scheme,
    own: Collection[str],
) -> Selection:
    """The senders, each with all addresses of its card. Several of one card are one, or a conflict of their labels.

    `mails` are those found by address: a label there counts, too, but for those of the selection's pauses, and an error
    label put on since the scan pauses.
    """
    senders = [each for each in selection.senders if each.whole is None]
    wide = [each for each in selection.senders if each.whole is not None]
    others = {each.address: other_addresses(each.address, book, scheme, own) for each in senders}
    addresses = frozenset(others).union(*others.values())
    others |= {each: other_addresses(each, book, scheme, own) for each in addresses.difference(others)}
    found = {
        email.id: email for address in addresses for email in mails.get(address, ()) if not whole_labels(email, places)
    }
    paused = {id for id, email in found.items() if places.error_label in email.mailbox_ids}
    paused |= {email.id for pause in selection.pauses if pause.reason is Reason.CONVERSATION for email in pause.mails}
    labelled = found | {email.id: email for each in senders for email in each.mails}
    joined = select(
        (email for id, email in labelled.items() if id not in paused),
        places,
        own,
        same_person(addresses, book, scheme),
    )
    without_mail = (each for each in senders if not each.mails)
    people = (replace(each, also=others[each.address]) for each in (*joined.senders, *without_mail))
    return Selection((*people, *wide), joined.pauses)


def same_person(addresses: Iterable[str], book: AddressBook, scheme: Scheme) -> Mapping[str, str]:
    """For each of these addresses the first of them, in order, that is on the same card."""
    first: dict[Card | str, str] = {}
    return {
        address: first.setdefault(readable_card(address, book, scheme) or address, address)
        for address in sorted(addresses)
    }


def standing_for(people: Selection) -> Mapping[str, str]:
    """For each address of these people, and of the conflicts among them, the one that stands for its card."""
    settled = {address: each.address for each in people.senders for address in each.addresses}
    return settled | {
        address: pause.sender
        for pause in people.pauses
        if pause.sender is not None
        for email in pause.mails
        if (address := sender_of(email)) is not None
    }
