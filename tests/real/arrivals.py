"""One mail for each line of the verdict on new mail, with what it meets in the account, and where it ends."""

from dataclasses import dataclass, replace

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import LetThrough, Screening
from mailroom.decisions.state_card import uid_of
from tests.real.accounts import SUBJECT_CODE, Account, Contacts

ME = "robin@example.com"
SCHEME = replace(
    DEFAULT_SCHEME,
    own_addresses=(ME,),
    screening=Screening(
        mode="on",
        let_through=LetThrough(
            addresses=frozenset({"named@let.example"}),
            domains=frozenset({"whole.example"}),
            above=frozenset({"above.example"}),
            lists=frozenset({"news.lists.example"}),
            recipients=frozenset({"robin+shop@example.com"}),
        ),
    ),
)
HEAD = "— Mailroom —\nCreated by Mailroom\nTriaged to Feed on 2026-03-01"
SINCE = "Screening since 2026-03-05T14:03:00Z"
OPEN = "Open until 2026-03-05T14:10:00Z"
SERVER = "Authentication-Results: mx.example.com"
FORGED = f"{SERVER}; dmarc=fail (p=reject dis=none) header.from=bank.example"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail whose subject is `what`; `ends` are its mailboxes after a pass, `reason` is why."""

    what: str
    header: tuple[str, ...]
    ends: frozenset[str]
    reason: str


def _arrival(what: str, sender: str, *header: str, ends: str, reason: str) -> Arrival:
    return Arrival(what, (*([f"From: {sender}"] if sender else []), *header), frozenset(ends.split(", ")), reason)


ARRIVALS = (
    # 0
    _arrival(
        "forged, of a contact", "Bank <info@bank.example>", FORGED, ends="Screener, @MailroomWarning", reason="forged"
    ),
    _arrival(
        "fails where nothing is asked for, of a contact",
        "Bank <info@bank.example>",
        f"{SERVER}; dmarc=fail (p=none) header.from=bank.example",
        ends="Inbox, @MailroomWarning",
        reason="known_contact",
    ),
    _arrival(
        "a forgery that a stranger's server claims",
        "Bank <info@bank.example>",
        f"{SERVER}; dmarc=pass header.from=bank.example",
        "Authentication-Results: elsewhere.example; dmarc=fail (p=reject) header.from=bank.example",
        ends="Inbox",
        reason="known_contact",
    ),
    # 1
    _arrival("own", f"Robin <{ME}>", ends="Inbox", reason="own_address"),
    # 2
    _arrival("no From", "", ends="Screener", reason="no_sender"),
    _arrival("a From without address", "undisclosed", ends="Screener", reason="no_sender"),
    _arrival("several", "One <one@x.example>, Two <two@x.example>", ends="Screener", reason="no_sender"),
    _arrival("everybody of a domain", "All <*@x.example>", ends="Screener", reason="no_sender"),
    # 3
    _arrival("decided", "Feed <feed@decided.example>", ends="Feed", reason="decided"),
    _arrival("decided, the deepest", "Truck <truck@decided.example>", ends="Truck, Paper Trail", reason="decided"),
    _arrival("decided, for the Inbox", "Imbox <imbox@decided.example>", ends="Imbox, Inbox", reason="decided"),
    _arrival("decided, out of the Inbox", "Jail <jail@decided.example>", ends="Jail", reason="decided"),
    _arrival("torn", "Torn <torn@decided.example>", ends="Inbox", reason="unrelated_groups"),
    # 4
    _arrival("taken back", "Back <back@decided.example>", ends="Screener", reason="taken_back"),
    # 5
    _arrival("let through, address", "N <named@let.example>", ends="Inbox", reason="let_through"),
    _arrival("not let through, its domain", "N <other@let.example>", ends="Screener", reason="stranger"),
    _arrival("let through, domain", "N <any@whole.example>", ends="Inbox", reason="let_through"),
    _arrival("let through, below a domain", "N <any@a.b.above.example>", ends="Inbox", reason="let_through"),
    _arrival("not let through, above", "N <any@above.example>", ends="Screener", reason="stranger"),
    _arrival(
        "let through, list",
        "P <poster1@x.example>",
        "List-Id: News <news.lists.example>",
        f"{SERVER}; dkim=pass header.d=lists.example",
        ends="Inbox",
        reason="let_through",
    ),
    _arrival(
        "not let through, for nobody vouches for the list",
        "P <poster2@x.example>",
        "List-Id: News <news.lists.example>",
        f"{SERVER}; dkim=pass header.d=x.example",
        ends="Screener",
        reason="stranger",
    ),
    _arrival(
        "let through, recipient",
        "Shop <shop@x.example>",
        "To: Robin <Robin+Shop@example.com>",
        ends="Inbox",
        reason="let_through",
    ),
    # 6
    _arrival("known", "Friend <friend@known.example>", ends="Inbox", reason="known_contact"),
    _arrival("known to Mailroom alone", "Made <made@known.example>", ends="Screener", reason="stranger"),
    _arrival("on a card that can't be read", "B <broken@known.example>", ends="Inbox", reason="unreadable_card"),
    # 7 comes with whole lists and domains: their cards are not looked for yet.
    # 8
    _arrival(
        "Re: Question",
        "Any <any@answers.example>",
        "In-Reply-To: <question@me.example>",
        "References: <question@me.example>",
        ends="Inbox",
        reason="answers_user",
    ),
    _arrival(
        "Re: another's question",
        "Any <other@answers.example>",
        "In-Reply-To: <nothing@elsewhere.example>",
        "References: <nothing@elsewhere.example>",
        ends="Screener",
        reason="stranger",
    ),
    # 9
    _arrival("written to", "Bob <bob@written.example>", ends="Inbox", reason="correspondent"),
    _arrival("written to, in a copy", "Cy <CY@written.example>", ends="Inbox", reason="correspondent"),
    _arrival("written to, in a blind copy", "Di <di@written.example>", ends="Inbox", reason="correspondent"),
    _arrival("written to another of the name", "B <ob@written.example>", ends="Screener", reason="stranger"),
    # 10
    _arrival(
        "bounced",
        "Mail <MAILER-DAEMON@mx.example>",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        ends="Inbox",
        reason="delivery_report",
    ),
    # 11
    _arrival(
        f"with the code {SUBJECT_CODE.get_secret_value().upper()}!",
        "Code <code@x.example>",
        ends="Inbox",
        reason="subject_code",
    ),
    # 13
    _arrival("of a stranger", "New <new@x.example>", ends="Screener", reason="stranger"),
)
WHILE_OPEN = _arrival("while screening is open", "Any <any@open.example>", ends="Inbox", reason="screening_open")


def prepare(account: Account) -> None:
    """What the mails meet: contacts, groups, sent mail, and a state card by which screening is open for a while."""
    _fill(account.contacts)
    note = f"Mailroom's own.\n{SINCE}\n{OPEN}"
    account.contacts.add_with_note(uid_of(account.id), "state@mailroom.example", "Mailroom", note)
    mail = account.mail
    mail.receive("Sent", "Question", f"From: {ME}", "To: someone@else.example", "Message-ID: <question@me.example>")
    recipients = ("To: Bob <bob@written.example>", "Cc: cy@Written.Example", "Bcc: Di <di@written.example>")
    mail.receive("Sent", "Greetings", f"From: {ME}", *recipients)
    mail.receive("Archive", "another's question", "From: x@x.example", "Message-ID: <nothing@elsewhere.example>")


def _fill(contacts: Contacts) -> None:
    contacts.add("info@bank.example", "Bank")
    contacts.add("friend@known.example", "Friend")
    contacts.add_broken("broken@known.example")
    contacts.add_with_note("made", "made@known.example", "Made", HEAD)
    contacts.add_with_note("back", "back@decided.example", "Back", f"{HEAD}\nBack to the Screener on 2026-03-02")
    for name, groups in (
        ("Feed", ("Feed",)),
        ("Truck", ("Truck", "Paper Trail")),
        ("Imbox", ("Imbox",)),
        ("Jail", ("Jail",)),
        ("Torn", ("Feed", "Jail")),
    ):
        uid = contacts.add(f"{name.lower()}@decided.example", name)
        for group in groups:
            contacts.join(group, uid)
