"""Whom labels on conversations and moves mean: the cards of those who may be meant, in a request of their own.

It goes before all else: what is treated in halves, or not yet, must not be parted from its conversation before. And
so nobody's mail is looked for who isn't meant.
"""

from collections.abc import Collection, Sequence

from mailroom.contacts.base import AddressBook, Wanted
from mailroom.contacts.steps import alone
from mailroom.decisions import moves
from mailroom.decisions.conversation import Context, Conversation, Meaning, in_doubt, meaning
from mailroom.errors import BatchRefused, ServerFailed
from mailroom.jmap.mail import Email
from mailroom.triage.one_pass import Pass
from mailroom.triage.turns import size_of, worked_out

_REFUSALS = 3
"""A server that refuses so many senders, each alone, refuses all of them."""


async def meant(run: Pass, labelled: Collection[Email], tapped: Collection[Conversation]) -> Meaning:
    """What labels and moves mean; no request where nothing was moved and each conversation has one sender.

    `tapped` are the conversations that were settled lately.
    """
    context = Context(run.places, run.scheme, run.own, tapped)
    size = len(labelled)
    addresses = await worked_out(size, lambda: in_doubt(labelled, context) | moves.in_doubt(labelled, context))
    book = await _cards(run, sorted(addresses))
    size += size_of(book.cards)
    return await worked_out(size, lambda: moves.without_the_decided(meaning(labelled, context, book), context, book))


async def _cards(run: Pass, addresses: Sequence[str]) -> AddressBook:
    """The cards of these addresses, and all groups.

    Somebody whom the server can't be asked about has none, and so fails later on: a sender that isn't settled.
    """
    books: list[AddressBook] = []
    refusals = 0
    waiting = [tuple(addresses)] if addresses else []
    while waiting:
        asked = waiting.pop()
        try:
            books.append((await alone(run.client, run.contacts.look_up(Wanted(asked)))).book)
        except (BatchRefused, ServerFailed):
            refusals += len(asked) == 1
            if refusals == _REFUSALS:
                raise
            middle = len(asked) // 2
            waiting += [half for half in (asked[middle:], asked[:middle]) if half and half != asked]
    return _together(books)


def _together(books: Sequence[AddressBook]) -> AddressBook:
    return AddressBook(
        cards=tuple(sorted({card for book in books for card in book.cards}, key=lambda card: card.ref)),
        groups=books[0].groups if books else (),
        unreadable=tuple(sorted({card for book in books for card in book.unreadable}, key=lambda card: card.ref)),
    )
