"""What a benchmark fills a mailbox with."""

from dataclasses import dataclass

from mailroom.decisions.keywords import SEEN
from mailroom.sandbox.sample import LABELS


@dataclass(frozen=True, slots=True)
class Load:
    """So many senders, each with so many mails in the Screener; so many contact cards of other people.

    `new` are mails in the Inbox, each of another stranger, `marked` those that were judged before, `sent` the user's
    own. The senders are of so many `domains`, each of one of its own where that is 0.
    """

    senders: int = 0
    mails_each: int = 0
    cards: int = 0
    new: int = 0
    marked: int = 0
    sent: int = 0
    domains: int = 0

    @property
    def mails(self) -> int:
        return self.senders * self.mails_each

    def messages(self) -> tuple[bytes, ...]:
        """Every mail (RFC 5322), sender by sender."""
        numbers = ((sender, mail) for sender in range(self.senders) for mail in range(self.mails_each))
        return tuple(_message(sender, mail, self.domains) for sender, mail in numbers)

    def in_inbox(self) -> dict[str, tuple[bytes, ...]]:
        """Mail in the Inbox, by the keyword that it has; an empty one for none."""
        return {
            "": tuple(_mail(n, f"New Number {n} <hello@new{n}.example>", ME) for n in range(self.new)),
            SEEN: tuple(_mail(n, f"Old Number {n % 500} <hi@old{n % 500}.example>", ME) for n in range(self.marked)),
        }

    def sent_messages(self) -> tuple[bytes, ...]:
        """Mail in Sent, to 500 people in turn."""
        return tuple(_mail(n, ME, f"Friend Number {n % 500} <pal{n % 500}@pals.example>") for n in range(self.sent))

    def contacts(self) -> tuple["Contact", ...]:
        """Whose cards are in the address book before anything is triaged."""
        return tuple(
            Contact(f"Friend Number {number}", f"friend{number}@people.example") for number in range(self.cards)
        )


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody with a card, who sends no mail here. `note` makes the card as big as cards are."""

    name: str
    address: str
    note: str = "Met at the allotment. " * 10


ME = "Robin Example <robin@example.com>"


def label_for(number: int) -> str:
    """Labels in turn, so that a pass has all categories, and with them all contact groups, to treat."""
    return LABELS[number % len(LABELS)]


def _message(sender: int, mail: int, domains: int) -> bytes:
    address = f"news{sender}@shop{sender % domains}.example" if domains else f"news@shop{sender}.example"
    lines = (
        f"From: Shop Number {sender} <{address}>",
        "To: Robin Example <robin@example.com>",
        f"Subject: Newsletter {mail}",
        "Date: Mon, 02 Mar 2026 10:00:00 +0000",
        f"Message-ID: <{mail}@shop{sender}.example>",
        "",
        "Everything must go. " * 20,
        "",
    )
    return "\r\n".join(lines).encode()


def _mail(number: int, sender: str, recipient: str) -> bytes:
    # Cyrus refuses too many mails that are the same to the byte.
    lines = (
        f"From: {sender}",
        f"To: {recipient}",
        "Subject: A word",
        "Date: Fri, 06 Mar 2026 10:00:00 +0000",
        f"Message-ID: <{number}@{sender.rpartition('@')[2]}",
        "",
        "How are you? " * 20,
        "",
    )
    return "\r\n".join(lines).encode()
