"""Whole domains and lists in a pass: those that join a sender's category, and which mail is theirs to move."""

from collections.abc import Iterable, Sequence

import trio

from mailroom.config.scheme import Category
from mailroom.contacts.base import Wanted
from mailroom.contacts.steps import alone
from mailroom.decisions.arrival import Known
from mailroom.decisions.joining import joined
from mailroom.decisions.next_best import wider_category
from mailroom.decisions.select import Selection, Sender
from mailroom.decisions.standing import Standings
from mailroom.decisions.whole import WholeList
from mailroom.decisions.whole_sweep import decided_together, is_moved_by
from mailroom.jmap.mail import Email
from mailroom.triage.look_up import Found, mails_of, posters_of
from mailroom.triage.one_pass import Pass
from mailroom.triage.screening import known_of
from mailroom.triage.turns import size_of, worked_out


async def with_joinings(run: Pass, selection: Selection) -> Selection:
    """The selection with the domains and lists that join the category of a sender: one more request, if there are any.

    Those of undecided senders wait for a triage label.
    """
    if not selection.joinings:
        return selection
    addresses = sorted({each.sender for each in selection.joinings})
    found = await alone(run.client, run.contacts.look_up(Wanted(addresses=addresses)))
    return await worked_out(size_of(found.book.cards), lambda: joined(selection, found.book, run.scheme))


async def known_with(run: Pass, senders: Sequence[Sender], found: Found) -> Known:
    """What the verdicts go by that say which mail whole domains and lists move, once all these are settled."""
    if all(each.whole is None for each in senders):
        return known_of(run, Standings())
    size = size_of(found.book.cards)
    return known_of(run, await worked_out(size, lambda: decided_together(senders, found.book, run.scheme)))


async def mails_to_sweep(sender: Sender, found: Found, known: Known) -> Sequence[Email]:
    """The mails of a sender; those of a whole domain or list for which nothing nearer speaks."""
    return await sweepable(sender, mails_of(sender, found.mails), known)


async def sweepable(sender: Sender, mails: Sequence[Email], known: Known) -> Sequence[Email]:
    """Those of these mails that a decision about the sender moves."""
    if sender.whole is None:
        return mails
    moved: list[Email] = []
    for email in mails:
        # Thousands of them must not hold up the health port.
        await trio.lowlevel.checkpoint()
        if is_moved_by(email, sender, known):
            moved.append(email)
    return moved


async def wider_categories(mails: Iterable[Email], known: Known) -> dict[str, Category | None]:
    """The categories of the lists and domains of these mails, by mail id."""
    told: dict[str, Category | None] = {}
    for email in mails:
        await trio.lowlevel.checkpoint()
        told[email.id] = wider_category(email, known)
    return told


def of_known_people(sender: Sender, strays: Iterable[Email], found: Found) -> list[Email]:
    """Strays but those of whoever wrote to a whole list only now: nobody has asked whether they have a card."""
    if not isinstance(sender.whole, WholeList):
        return list(strays)
    known = posters_of([sender.whole], found.mails)
    return [email for email in strays if email.sender in known]
