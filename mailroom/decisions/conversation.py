"""What a triage label on a conversation means: many mail apps label all mails of a thread at once (pure).

Mails of one thread with the same label are one tap. Of several senders it means those who wait for a decision, and the
label of the way back the only one who is decided; the others, and the user's own mail, just lose the label.
"""

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mailroom.config.scheme import Back, Scheme
from mailroom.contacts.base import AddressBook, Card
from mailroom.decisions import note
from mailroom.decisions.contact import managed_groups, readable_card
from mailroom.decisions.people import same_person
from mailroom.decisions.places import Places
from mailroom.decisions.routes import deciding, routes
from mailroom.decisions.select import Pause, Reason, Selection, by_age, labels_of
from mailroom.jmap.mail import Email, Move, moved


@dataclass(frozen=True, slots=True, order=True)
class Conversation:
    """A thread (that of a server without threads is a single mail) and a triage label on it, both by id."""

    thread_id: str
    label: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a label is understood by.

    `own` holds the user's canonical addresses. `settled` are the conversations of several senders that were settled
    lately: what is labelled there later on is more of the same tap.
    """

    places: Places
    scheme: Scheme
    own: Container[str]
    settled: Collection[Conversation] = ()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the labels on mails mean.

    `labelled` are the mails with the labels that count. `aside` are patches by id of mails that a label doesn't mean,
    `pauses` are conversations of which nobody knows whom the label means. `taps` are the conversations of several
    senders that mean somebody, with the addresses of all of them.
    """

    labelled: tuple[Email, ...]
    aside: Mapping[str, Move] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    taps: Mapping[Conversation, frozenset[str]] = field(default_factory=dict)

    def among(self, selection: Selection) -> Selection:
        """What was selected of `labelled`, with the rest."""
        return replace(selection, pauses=(*selection.pauses, *self.pauses), aside=self.aside)


@dataclass(frozen=True, slots=True)
class _Tap:
    """One label on one conversation: the mails that it means, those that just lose it, those that ask whom it means."""

    off: tuple[Email, ...] = ()
    asks: tuple[Email, ...] = ()
    senders: frozenset[str] = frozenset()


_MEANS_ALL = _Tap()


def conversations(labelled: Iterable[Email], places: Places) -> dict[Conversation, tuple[Email, ...]]:
    """The mails by conversation, oldest first.

    Mail with the error label is nobody's business. On a mailing list a label is about the list, whoever writes there.
    """
    found: dict[Conversation, list[Email]] = defaultdict(list)
    for email in sorted(labelled, key=by_age):
        if email.mailbox_ids.isdisjoint({places.error_label, places.list_label}):
            for label in labels_of(email, places):
                found[Conversation(email.thread_id or email.id, label)].append(email)
    return {conversation: tuple(mails) for conversation, mails in found.items()}


def in_doubt(labelled: Iterable[Email], context: Context) -> frozenset[str]:
    """The addresses whose cards tell what the labels mean; nobody where each conversation has one sender."""
    addresses: set[str] = set()
    for conversation, mails in _open_to_doubt(labelled, context).items():
        senders = _senders(mails, context.own)
        if len(senders) > 1 or conversation in context.settled:
            addresses |= senders
    return frozenset(addresses)


def meaning(labelled: Collection[Email], context: Context, book: AddressBook) -> Meaning:
    """What the labels mean; `book` has the cards of those who are `in_doubt`."""
    off: dict[str, set[str]] = defaultdict(set)
    pauses: list[Pause] = []
    taps: dict[Conversation, frozenset[str]] = {}
    for conversation, mails in sorted(_open_to_doubt(labelled, context).items()):
        tap = _tap(conversation, mails, context, book)
        for email in tap.off:
            off[email.id].add(conversation.label)
        if tap.asks:
            label = context.places.labels[conversation.label].label
            pauses.append(Pause(Reason.CONVERSATION, None, (label,), tap.asks))
        if tap.senders:
            taps[conversation] = tap.senders
    if (domain_label := context.places.domain_label) is not None:
        for id in _own_beside_others(labelled, domain_label, context):
            off[id].add(domain_label)
    asking = {email.id for pause in pauses for email in pause.mails}
    counting = tuple(
        moved(email, Move(remove=frozenset(off[email.id]))) if email.id in off else email
        for email in labelled
        if email.id not in asking
    )
    by_id = {email.id: email for email in labelled if email.id in off}
    asides = {id: _without(by_id[id], frozenset(labels), context, book) for id, labels in off.items()}
    return Meaning(counting, {id: move for id, move in asides.items() if move}, tuple(pauses), taps)


def _open_to_doubt(labelled: Iterable[Email], context: Context) -> dict[Conversation, tuple[Email, ...]]:
    """The conversations in which a label need not mean everybody: a mail alone, as most are, has one sender."""
    return {
        conversation: mails
        for conversation, mails in conversations(labelled, context.places).items()
        if len(mails) > 1 or conversation in context.settled
    }


def still_asks(pause: Pause, now: Iterable[Email], places: Places) -> bool:
    """Whether none of the mails of a conversation has lost its label, or been asked about, since."""
    ids = {email.id for email in pause.mails}
    mails = [email for email in now if email.id in ids]
    return bool(mails) and all(
        labels_of(email, places) and places.error_label not in email.mailbox_ids for email in mails
    )


def _senders(mails: Iterable[Email], own: Container[str]) -> frozenset[str]:
    """Who else but the user wrote these."""
    return frozenset(address for email in mails if (address := email.sender) is not None and address not in own)


def _own_beside_others(labelled: Collection[Email], domain_label: str, context: Context) -> Iterator[str]:
    """The user's own mails, by id, whose label for a whole domain, alone on them, means somebody else's."""
    widened = [email for email in labelled if domain_label in email.mailbox_ids]
    meant = {email.thread_id for email in widened if email.sender is not None and email.sender not in context.own}
    for email in widened:
        is_own = email.sender in context.own and email.thread_id is not None and email.thread_id in meant
        if is_own and not labels_of(email, context.places) and context.places.error_label not in email.mailbox_ids:
            yield email.id


def _tap(conversation: Conversation, mails: tuple[Email, ...], context: Context, book: AddressBook) -> _Tap:
    is_settled = conversation in context.settled
    senders = _senders(mails, context.own)
    if not senders and not is_settled:
        return _MEANS_ALL
    person = same_person(senders, book, context.scheme)
    if len(set(person.values())) == 1 and not is_settled:
        return _Tap(off=tuple(_others(mails, senders, context)))
    if isinstance(context.places.labels[conversation.label], Back):
        meant = set() if is_settled else _to_take_back(senders, person, context, book)
    else:
        meant = {
            person[address]
            for email in mails
            if (address := email.sender) in senders
            and address is not None
            and _is_meant(email, address, conversation, context, book)
        }
    if not meant and not is_settled:
        asks = tuple(email for email in mails if email.sender in senders)
        return _Tap(off=tuple(_others(mails, senders, context)), asks=asks)
    meant_addresses = frozenset(address for address in senders if person[address] in meant)
    return _Tap(off=tuple(_others(mails, meant_addresses, context)), senders=senders if meant else frozenset())


def _to_take_back(senders: Iterable[str], person: Mapping[str, str], context: Context, book: AddressBook) -> set[str]:
    """The only one who is decided, or whom a pass that was cut off has begun to take back; nobody if it isn't one."""
    cards = {person[each]: card for each in senders if (card := readable_card(each, book, context.scheme)) is not None}
    decided = {each for each, card in cards.items() if managed_groups(card.uid, book, context.scheme)}
    begun = {each for each, card in cards.items() if _is_taken_back(card)}
    found = decided or begun
    return found if len(found) == 1 else set()


def _is_taken_back(card: Card) -> bool:
    last = (note.read(card.note) or note.NOTHING_WRITTEN).last
    return last is not None and last.verb is note.Verb.BACK


def _others(mails: Iterable[Email], meant: Collection[str], context: Context) -> Iterator[Email]:
    """The mails that are not of these. One that waits and has no usable sender keeps its label, so that it is told."""
    for email in mails:
        address = email.sender
        if address not in meant and not (address is None and _waits(email, context.places)):
            yield email


def _is_meant(email: Email, address: str, conversation: Conversation, context: Context, book: AddressBook) -> bool:
    """Whether this sender waits for a decision, or a pass was cut off that had begun to settle it by this label."""
    card = readable_card(address, book, context.scheme)
    waits = _waits(email, context.places)
    if card is None or not managed_groups(card.uid, book, context.scheme):
        return waits or conversation in context.settled
    return waits and note.last_category(card.note) == context.places.labels[conversation.label].name


def _waits(email: Email, places: Places) -> bool:
    """Whether it is in the Screener, or an app that knows only folders moved it from there into the label."""
    return places.screener in email.mailbox_ids or email.mailbox_ids <= places.all_labels


def _without(email: Email, labels: frozenset[str], context: Context, book: AddressBook) -> Move:
    """These labels off, with the last of them the one that widens it; a mail that would be in no mailbox goes home.

    Nothing if there is no such place.
    """
    places = context.places
    left = email.mailbox_ids - labels
    if left & places.labels.keys():
        return Move(remove=labels)
    labels |= email.mailbox_ids & {places.domain_label}
    if left - places.all_labels:
        return Move(remove=labels)
    home = _home(email, context, book)
    return Move(home, labels) if home else Move()


def _home(email: Email, context: Context, book: AddressBook) -> frozenset[str]:
    """Where new mail of its sender would go, the user's own to Sent; the Inbox where nobody knows."""
    places, address = context.places, email.sender
    inbox = frozenset({places.inbox} if places.inbox else ())
    if address in context.own:
        return frozenset({places.sent}) if places.sent else inbox
    card = readable_card(address, book, context.scheme) if address else None
    groups = frozenset(group.name for group in managed_groups(card.uid, book, context.scheme)) if card else frozenset()
    route = deciding(groups, routes(context.scheme)) if groups else None
    if route is None or not places.destinations.keys() >= set(route.destinations):
        return inbox
    destinations = frozenset(places.destinations[name] for name in route.destinations)
    return destinations | inbox if route.inbox else destinations
