"""What the account must look like in the end, from what the user did alone (pure).

Written from the rules in docs/workflow.md, and on purpose without anything of the code that decides in `mailroom/`:
a mistake there must not be in here, too. A label is taken as settled in the moment that it is put on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bench.soak.acts import (
    Act,
    AddCard,
    Arrive,
    Delete,
    DestroyCard,
    EditCard,
    Place,
    Put,
    Resolve,
    TakeOff,
    Timed,
    UserAct,
)
from bench.soak.script import OWN_ADDRESS

ERROR_LABEL = "@MailroomError"

FILED_IN = {
    "@ToImbox": frozenset({"Imbox"}),
    "@ToFeed": frozenset({"Feed"}),
    "@ToPaperTrail": frozenset({"Paper Trail"}),
    "@ToJail": frozenset({"Jail"}),
    "@ToPerson": frozenset({"Person", "Imbox"}),
    "@ToBillboard": frozenset({"Billboard", "Paper Trail"}),
    "@ToTruck": frozenset({"Truck", "Paper Trail"}),
}
INTO_INBOX = frozenset({"@ToImbox", "@ToPerson"})
OUT_OF_INBOX = frozenset({"@ToJail"})
"""Mailboxes, which are called as the contact groups are, by label."""

LABELS = frozenset(FILED_IN)
MANAGED = frozenset[str]().union(*FILED_IN.values()) | {"Screener"}


@dataclass(slots=True)
class ExpectedMail:
    """Whose it is, and where; the warning label is left out, for it may come and go with failures."""

    address: str
    mailboxes: frozenset[str]


@dataclass(slots=True)
class ExpectedCard:
    """`name` and `phone` are what another client wrote last, or None; Mailroom must have left it."""

    by: Literal["mailroom", "another client"]
    name: str | None = None
    phone: str | None = None


@dataclass(slots=True)
class Expected:
    """Mails by the script's name for them; cards and groups by address."""

    mails: dict[str, ExpectedMail] = field(default_factory=dict)
    cards: dict[str, ExpectedCard] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def waiting(self) -> frozenset[str]:
        """Mails that wait for the user."""
        return frozenset(name for name, mail in self.mails.items() if ERROR_LABEL in mail.mailboxes)

    @property
    def senders(self) -> frozenset[str]:
        return frozenset(mail.address for mail in self.mails.values())


def expected_after(acts: Iterable[Timed]) -> Expected:
    """How everything is after these acts, once they are settled. Bad weather makes no difference."""
    expected = Expected()
    for timed in acts:
        if isinstance(timed.act, UserAct):
            _act(expected, timed.act)
    return expected


def _act(expected: Expected, act: Act) -> None:
    match act:
        case Arrive(mail, address, mailboxes):
            expected.mails[mail] = ExpectedMail(address, frozenset(mailboxes))
        case Delete(mail):
            del expected.mails[mail]
        case AddCard(address, name):
            expected.cards[address] = ExpectedCard("another client", name)
        case EditCard(address, name, phone):
            expected.cards[address].name, expected.cards[address].phone = name, phone
        case DestroyCard(address):
            # Groups list cards: who has none is in none.
            del expected.cards[address], expected.groups[address]
        case Put() | TakeOff() | Resolve() | Place():
            _settle(expected, _place(expected, act))


def _place(expected: Expected, act: Put | TakeOff | Resolve | Place) -> str:
    """Change mailboxes as the user does; returns whose mail it is."""
    mails = expected.mails
    match act:
        case Put(labels):
            for mail, label in labels:
                mails[mail].mailboxes |= {label}
            return mails[labels[0][0]].address
        case TakeOff(mail, label):
            mails[mail].mailboxes -= {label}
            return mails[mail].address
        case Resolve(names, (kept, label)):
            for mail in names:
                mails[mail].mailboxes -= LABELS | {ERROR_LABEL}
            mails[kept].mailboxes |= {label}
            return mails[kept].address
        case Place(mail, mailboxes):
            mails[mail].mailboxes = frozenset(mailboxes)
            return mails[mail].address


def _settle(expected: Expected, address: str) -> None:
    mails = [mail for mail in expected.mails.values() if mail.address == address]
    labelled = [mail for mail in mails if mail.mailboxes & LABELS]
    labels = frozenset[str]().union(*(mail.mailboxes & LABELS for mail in labelled))
    if len(labels) > 1 or (labels and address == OWN_ADDRESS):
        for mail in labelled:
            mail.mailboxes |= {ERROR_LABEL}
    elif labels:
        (label,) = labels
        for mail in mails:
            mail.mailboxes = _filed(mail.mailboxes, label)
        expected.groups[address] = FILED_IN[label]
        expected.cards.setdefault(address, ExpectedCard("mailroom"))


def _filed(mailboxes: frozenset[str], label: str) -> frozenset[str]:
    if "Trash" in mailboxes:
        return mailboxes - {label}
    from_screener = "Screener" in mailboxes or mailboxes == {label}
    inbox = {"Inbox"} if label in INTO_INBOX and from_screener else frozenset[str]()
    taken = {"Inbox"} if label in OUT_OF_INBOX else frozenset[str]()
    return (mailboxes - MANAGED - taken - {label}) | FILED_IN[label] | inbox
