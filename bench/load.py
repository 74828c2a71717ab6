"""What a benchmark fills a mailbox with."""

from dataclasses import dataclass

from mailroom.sandbox.sample import LABELS


@dataclass(frozen=True, slots=True)
class Load:
    """So many senders, each with so many mails in the Screener; so many contact cards of other people."""

    senders: int
    mails_each: int
    cards: int = 0

    @property
    def mails(self) -> int:
        return self.senders * self.mails_each

    def messages(self) -> tuple[bytes, ...]:
        """Every mail (RFC 5322), sender by sender."""
        return tuple(_message(sender, mail) for sender in range(self.senders) for mail in range(self.mails_each))

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


def label_for(number: int) -> str:
    """Labels in turn, so that a pass has all categories, and with them all contact groups, to treat."""
    return LABELS[number % len(LABELS)]


def _message(sender: int, mail: int) -> bytes:
    lines = (
        f"From: Shop Number {sender} <news@shop{sender}.example>",
        "To: Robin Example <robin@example.com>",
        f"Subject: Newsletter {mail}",
        "Date: Mon, 02 Mar 2026 10:00:00 +0000",
        f"Message-ID: <{mail}@shop{sender}.example>",
        "",
        "Everything must go. " * 20,
        "",
    )
    return "\r\n".join(lines).encode()
