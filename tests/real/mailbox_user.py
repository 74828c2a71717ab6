"""A user of a real server, with the mailboxes, labels and contact groups that the default categories need."""

from dataclasses import dataclass
from uuid import uuid4

import httpx

from tests.real.cyrus import Cyrus, NewMailbox

ROLES = (
    NewMailbox("Archive", r"\Archive"),
    NewMailbox("Drafts", r"\Drafts"),
    NewMailbox("Junk", r"\Junk"),
    NewMailbox("Sent", r"\Sent"),
    NewMailbox("Trash", r"\Trash"),
)
DESTINATIONS = ("Imbox", "Feed", "Paper Trail", "Jail", "Person", "Billboard", "Truck")
LABELS = ("@ToImbox", "@ToFeed", "@ToPaperTrail", "@ToJail", "@ToPerson", "@ToBillboard", "@ToTruck")
NOTICES = ("@MailroomError", "@MailroomWarning")
OPTIONAL_LABELS = ("@ToScreener", "@WholeDomain", "@WholeList")
MAILBOXES = (*ROLES, *(NewMailbox(name) for name in ("Screener", *DESTINATIONS, *LABELS, *NOTICES, *OPTIONAL_LABELS)))
GROUPS = (*DESTINATIONS, "Mailroom")


@dataclass(frozen=True, slots=True)
class MailboxUser:
    """One user of a running Cyrus."""

    server: Cyrus
    name: str

    @property
    def token(self) -> str:
        return self.server.token(self.name)

    @property
    def password(self) -> str:
        return self.server.password

    @property
    def book_url(self) -> str:
        """The user's default address book."""
        return f"{self.server.base_url}/dav/addressbooks/user/{self.name}/Default/"

    def append(self, mailbox: str, *messages: bytes) -> None:
        """Put RFC 5322 messages into a mailbox, in this order, unread."""
        self.server.append(self.name, mailbox, *messages)

    def http(self) -> httpx.Client:
        """A client with the user's bearer token; relative urls start at the server's root."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.server.base_url, headers=headers, timeout=30)


def create_mailbox_user(server: Cyrus, name: str) -> MailboxUser:
    """Create a user with all mailboxes and groups of the default categories, and no mail."""
    user = MailboxUser(server, name)
    server.create_user(name)
    server.create_mailboxes(name, MAILBOXES)
    with user.http() as http:
        for group in GROUPS:
            put_card(http, user.book_url, group_card(group))
    return user


def group_card(name: str) -> str:
    """An Apple-style contact group without members: a vCard 3.0 (RFC 2426) with X- properties."""
    lines = (
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{uuid4()}",
        f"FN:{name}",
        f"N:{name};;;;",
        "X-ADDRESSBOOKSERVER-KIND:group",
        "END:VCARD",
        "",
    )
    return "\r\n".join(lines)


def put_card(http: httpx.Client, book_url: str, card: str) -> str:
    """Create a card in an address book by plain HTTP (RFC 6352, section 6.3.2); returns its url."""
    url = f"{book_url}{uuid4()}.vcf"
    headers = {"Content-Type": "text/vcard; charset=utf-8", "If-None-Match": "*"}
    http.put(url, content=card, headers=headers).raise_for_status()
    return url
