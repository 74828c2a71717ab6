"""The sample mailbox: mailboxes, contact groups, a Screener full of believable senders, and some mail in the Inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailroom.sandbox.message import compose
from mailroom.sandbox.sandbox import Sandbox

ROLES = (
    ("Inbox", "inbox"),
    ("Archive", "archive"),
    ("Drafts", "drafts"),
    ("Sent", "sent"),
    ("Trash", "trash"),
    ("Junk", "junk"),
)
DESTINATIONS = ("Imbox", "Feed", "Paper Trail", "Jail", "Person", "Billboard", "Truck")
LABELS = tuple("@To" + name.replace(" ", "") for name in DESTINATIONS)
MARKERS = ("@MailroomError", "@MailroomWarning")
OPTIONAL_LABELS = ("@ToScreener", "@WholeDomain", "@WholeList")
GROUPS = (*DESTINATIONS, "Mailroom")


@dataclass(frozen=True)
class Sender:
    """Someone who writes: the From header, and the subjects of the mails, oldest first."""

    address: str
    subjects: tuple[str, ...]


SENDERS = (
    Sender("Marta Kowalska <marta.kowalska@example.net>", ("Dinner on Friday?", "Re: Dinner on Friday?")),
    Sender("Dr. Samuel Osei <s.osei@praxis-osei.example>", ("Your appointment on 12 March",)),
    Sender("The Daily Loaf <newsletter@dailyloaf.example>", ("Sourdough at 5 °C", "Rye week", "Ask the baker")),
    Sender("Kiosk Weekly <hello@kiosk.example>", ("Issue 211: ferries", "Issue 212: lighthouses")),
    Sender(
        "Paketdienst Nord <status@paketdienst-nord.example>",
        ("Your parcel is on its way", "Delivery today 14 to 16 h", "Delivered to your neighbour"),
    ),
    Sender("Blue Bottle Books <orders@bluebottlebooks.example>", ("Order 40417 confirmed", "Receipt 40417")),
    Sender("City Energy <rechnung@cityenergy.example>", ("Your bill for February", "Your bill for March")),
    Sender("Trailhead Outdoor <deals@trailhead.example>", ("-30 % on tents", "Last chance: -30 % on tents")),
    Sender("Sofa & Co <news@sofaandco.example>", ("The spring catalogue is here",)),
    Sender('"Prize Office" <winner@claim-now.example>', ("You have been selected", "FINAL notice: claim now")),
    Sender("Growth Hacker Tom <tom@leadboost.example>", ("Quick question", "Following up", "Bumping this")),
    Sender("=?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <juergen@mueller.example>", ("Fotos vom Wochenende",)),
    Sender("Forum Digest <digest@lists.example>", ("12 new posts", "9 new posts", "31 new posts")),
    Sender("Harbour Bank <statements@harbourbank.example>", ("Statement 2/2026 is ready",)),
    Sender("no-reply@tickets.example", ("Your tickets for Saturday", "Doors open at 19:00")),
)
IN_THE_INBOX = (
    Sender("Marta Kowalska <marta.kowalska@example.net>", ("Lunch on Sunday?",)),
    Sender("Lena Roth <lena.roth@example.net>", ("The boat, again",)),
    Sender("Lantern Cinema <programme@lanterncinema.example>", ("Metropolis tonight", "Next week: Sunrise")),
    Sender("Nils Berg <nils@berg.example>", ("Boat shed keys",)),
)
WRITTEN_TO = "Lena Roth <lena.roth@example.net>"
ARCHIVED_SENDER = Sender("Ines Fontaine <ines@atelier-fontaine.example>", ("Framing the two prints", "Ready!"))
OLD_CONTACT = ("marta.kowalska@example.net", "Marta Kowalska")


def create_folders(sandbox: Sandbox) -> None:
    """Every mailbox and contact group that a daemon with default settings wants, all empty."""
    for name, role in ROLES:
        sandbox.create_mailbox(name, role)
    for name in ("Screener", *DESTINATIONS, *LABELS, *MARKERS, *OPTIONAL_LABELS):
        sandbox.create_mailbox(name)
    for name in GROUPS:
        sandbox.add_group(name)


def fill_sample(sandbox: Sandbox) -> None:
    """The folders, and mail of the last two days in the Screener; one sender has older mail in the Archive."""
    create_folders(sandbox)
    address, name = OLD_CONTACT
    sandbox.add_card(address, name, notes={"n1": {"note": "From the allotment."}})
    now = sandbox.store.clock()
    _deliver_all(sandbox, ARCHIVED_SENDER, "Archive", now - timedelta(days=40))
    for number, sender in enumerate((*SENDERS, ARCHIVED_SENDER)):
        _deliver_all(sandbox, sender, "Screener", now - timedelta(hours=48 - 3 * number))


def fill_inbox(sandbox: Sandbox) -> None:
    """Mail of the last hours in the Inbox: of a contact, of somebody whom the user has written to, and of strangers."""
    now = sandbox.store.clock()
    sent = now - timedelta(days=3)
    me = f"{sandbox.name} <{sandbox.email}>"
    raw = compose(me, WRITTEN_TO, "The boat", "Is it still there?", sent, "boat@sandbox.example")
    sandbox.deliver(raw=raw, mailboxes=["Sent"], received_at=sent, keywords=("$seen",))
    for number, sender in enumerate(IN_THE_INBOX):
        _deliver_all(sandbox, sender, "Inbox", now - timedelta(hours=9 - 2 * number))


def _deliver_all(sandbox: Sandbox, sender: Sender, mailbox: str, first: datetime) -> None:
    for number, subject in enumerate(sender.subjects):
        sandbox.deliver(sender.address, subject, [mailbox], received_at=first + timedelta(minutes=41 * number))
