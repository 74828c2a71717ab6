"""Where triage puts a mail from the Screener, and any scheme to try it with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import assume
from hypothesis import strategies as st

from mailroom.config.scheme import Category, Scheme, category
from mailroom.contacts.base import AddressBook, Group
from mailroom.decisions.places import find_places
from mailroom.decisions.plan import Plan, plan, settled
from mailroom.decisions.select import Sender
from mailroom.errors import ConfigError
from mailroom.jmap.mail import Address, Email
from mailroom.jmap.mailbox import Mailbox

SENDER = "ann@example.org"
INBOX = "Inbox"

Ending = frozenset[str]
"""The names of the mailboxes that a mail is in at last."""


@dataclass(frozen=True)
class Triaged:
    """What triage to a category does: the groups that the sender is in, and where the labelled mail ends."""

    groups: frozenset[str]
    ending: Ending


def triaged(scheme: Scheme, to: Category) -> Triaged:
    """Ask the planner, for an unknown sender with one mail in the Screener."""
    names = {INBOX, *scheme.managed_mailboxes, *scheme.labels, scheme.error_label, scheme.warning_label}
    mailboxes = [Mailbox(id=f"id of {name}", name=name, role="inbox" if name == INBOX else None) for name in names]
    places = find_places(mailboxes, scheme)
    ids = {name: f"id of {name}" for name in names}
    email = Email(
        id="M1",
        mailbox_ids=frozenset({ids[scheme.screener], ids[to.label]}),
        senders=(Address(name="Ann", email=SENDER),),
    )
    groups = tuple(Group(name, name, name, frozenset()) for name in sorted(scheme.groups | {scheme.provenance_group}))
    decided: Plan = plan(
        Sender(SENDER, "Ann", to, (email,)),
        AddressBook((), groups),
        (email,),
        places,
        scheme,
        "u1",
        datetime(2026, 3, 5, tzinfo=UTC),
    )
    move = settled(decided, [email], places)[email.id]
    at_last = (email.mailbox_ids | move.add) - move.remove
    joined = frozenset(group.name for group in decided.change.join) - {scheme.provenance_group}
    return Triaged(joined, frozenset(name for name in names if ids[name] in at_last))


def all_triaged(scheme: Scheme) -> Mapping[str, Triaged]:
    """What triage does, by the name of the category."""
    return {each.name: triaged(scheme, each) for each in scheme.categories}


NAMES = st.text(st.sampled_from('ab"\\ (){};#$/é[]'), min_size=1, max_size=6).filter(
    lambda name: name == name.strip() and all(part.strip() for part in name.split("/"))
)


@st.composite
def schemes(draw: st.DrawFn) -> Scheme:
    """Any sound scheme: parents, names with quotes in them, groups and mailboxes that a child has of its parent."""
    names = draw(st.lists(NAMES, min_size=1, max_size=7, unique=True))
    made: list[Category] = []
    for number, name in enumerate(names):
        parent = draw(st.none() | st.sampled_from(made)) if made else None
        shares = parent is not None and draw(st.integers(0, 3)) == 0
        made.append(
            category(
                name,
                label=f"@{number}",
                parent=parent.name if parent else None,
                contact_group=parent.contact_group if parent and shares else f"g {name}",
                destination_mailbox=parent.destination_mailbox if parent and draw(st.booleans()) else f"m {name}",
                add_to_inbox=draw(st.booleans()),
            )
        )
    try:
        return Scheme(tuple(draw(st.permutations(made))))
    except ConfigError:
        assume(False)
        raise
