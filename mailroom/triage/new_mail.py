"""New mail in the scan: in the Inbox, in the Screener, and moved out of the Screener by the user."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import structlog

from mailroom.decisions.arrival import Arrival
from mailroom.decisions.keywords import SEEN, WAITING
from mailroom.decisions.marks import WorkList
from mailroom.decisions.places import Places
from mailroom.errors import BatchRefused
from mailroom.jmap.batch import Batch, Replies, Slot
from mailroom.jmap.client import Client
from mailroom.jmap.mail_search import NESTING_REFUSED
from mailroom.jmap.new_mail import NEW_MAIL, NEW_MAIL_WITH_SUBJECT, Newest, NewMail, newest
from mailroom.jmap.query import Filter, Kind, all_of, none_of
from mailroom.jmap.session import Session
from mailroom.wire import utc_date

log = structlog.get_logger(component="triage")

Where = Literal["moved", "inbox", "screener"]
"""The lists of new mail."""

_FURTHER_PAGES = 8
"""Some 2,000 mails on Apache James, in one request."""

MAILS_A_PASS = 500
"""500 take Cyrus 0.1 to 0.3 s; 4,096 took 7.8 s, and held up a delivery."""

SMALLEST_CAP = 256
"""Some servers give no more ids than they like, whatever limit is asked for: Apache James 256."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which mail is new: what came after a moment. `with_subject` is whether subjects are read, too."""

    after: datetime
    with_subject: bool = False

    @property
    def kind(self) -> Kind[NewMail]:
        """What is read of such mail."""
        return NEW_MAIL_WITH_SUBJECT if self.with_subject else NEW_MAIL


@dataclass(frozen=True, slots=True)
class Finding:
    """A mail in one of the lists: the same mail in another one is there because something has happened to it."""

    where: Where
    id: str


@dataclass(frozen=True, slots=True)
class NewFound:
    """New mail, each list the newest first, and the state of all mails before any of it was read.

    `is_full` is whether there may be more.
    """

    state: str
    work: WorkList
    is_full: bool

    def __bool__(self) -> bool:
        return bool(self.work.inbox or self.work.screener or self.work.moved)

    @property
    def findings(self) -> frozenset[Finding]:
        return frozenset(
            (
                *(Finding("moved", mail.id) for mail in self.work.moved),
                *(Finding("inbox", mail.id) for mail in self.work.inbox),
                *(Finding("screener", mail.id) for mail in self.work.screener),
            )
        )

    @property
    def senders(self) -> tuple[str, ...]:
        """Canonical addresses, sorted; empty for mail of no usable sender."""
        return tuple(sorted({mail.sender for mail in (*self.work.moved, *self.work.inbox, *self.work.screener)}))

    def of(self, senders: Collection[str]) -> "NewFound":
        """The mail of these senders."""
        return self._only(lambda _, mail: mail.sender in senders)

    def without(self, findings: Collection[Finding]) -> "NewFound":
        """The same, but for these."""
        return self._only(lambda where, mail: Finding(where, mail.id) not in findings)

    def _only(self, is_wanted: Callable[[Where, Arrival], bool]) -> "NewFound":
        work = WorkList(
            moved=tuple(mail for mail in self.work.moved if is_wanted("moved", mail)),
            inbox=tuple(mail for mail in self.work.inbox if is_wanted("inbox", mail)),
            screener=tuple(mail for mail in self.work.screener if is_wanted("screener", mail)),
        )
        return replace(self, work=work)


@dataclass(frozen=True, slots=True)
class NewSearch:
    """The calls of one scan, of which `moved` asks for mail that waits and isn't in `screener_id`."""

    session: Session
    kind: Kind[NewMail]
    screener_id: str
    state: Slot[str]
    inbox: Newest
    screener: Newest
    moved: Newest


def search_new(batch: Batch, session: Session, places: Places, window: Window) -> NewSearch | None:
    """Ask for new mail; None where there is no Inbox or no Screener."""
    if places.inbox is None or places.screener is None:
        return None
    state = batch.add(NEW_MAIL.get_state(session.mail_account))

    def find(filter: Filter) -> Newest:
        return newest(batch, session, window.kind, filter, MAILS_A_PASS)

    return NewSearch(
        session,
        window.kind,
        places.screener,
        state,
        inbox=find(new_in_inbox(places.inbox, window)),
        screener=find({"inMailbox": places.screener, "notKeyword": WAITING}),
        moved=find(_moved_from(places.screener, session)),
    )


def new_in_inbox(inbox: str, window: Window) -> Filter:
    """Mail in the Inbox that nobody has judged yet; `inbox` is its id."""
    return {"inMailbox": inbox, "notKeyword": SEEN, "after": utc_date(window.after)}


def _moved_from(screener: str, session: Session) -> Filter:
    """Mail that waits and isn't in the Screener; where no operator may hold a mailbox, what is in others, too."""
    waits: Filter = {"hasKeyword": WAITING}
    if not session.nests_mailboxes:
        return {**waits, "inMailboxOtherThan": [screener]}
    return all_of([waits, none_of([{"inMailbox": screener}])])


async def read_new(client: Client, asked: NewSearch | None, replies: Replies) -> NewFound | None:
    """What was found; None where the server doesn't tell: then mail stays where it is."""
    if asked is None:
        return None
    pages = (asked.inbox, asked.screener)
    try:
        inbox, screener = (tuple(map(arrival, replies[page.mails])) for page in pages)
        moved, is_full = await _moved(client, asked, replies)
        is_full = is_full or any(_is_full(page, replies) for page in pages)
        return NewFound(replies[asked.state], WorkList(moved=moved, inbox=inbox, screener=screener), is_full)
    except BatchRefused as refused:
        log.warning("new_mail_unknown", reason=str(refused))
        return None


async def _moved(client: Client, asked: NewSearch, replies: Replies) -> tuple[tuple[Arrival, ...], bool]:
    """Mail that the user took out of the Screener, the newest first, and whether there may be more of it.

    A server that takes no mailbox inside an operator is asked again without one. What it finds may still be in the
    Screener as well, so that a page full of it says nothing of older mail: further pages are read, in one request.
    """
    pages, session = [asked.moved], asked.session
    refusal = replies.error(asked.moved.query)
    if session.nests_mailboxes and refusal is not None and refusal.type in NESTING_REFUSED:
        session = replace(session, nests_mailboxes=False)
        pages, replies = await _moved_pages(client, session, asked, [0])
        # The Screener is there, as it was searched alone.
        replies[pages[0].query]
        client.nest_no_mailboxes()
    found = list(replies[pages[-1].mails])
    if not session.nests_mailboxes and _is_full(pages[-1], replies):
        size = len(replies[pages[-1].query].ids)
        pages, replies = await _moved_pages(client, session, asked, [size * n for n in range(1, 1 + _FURTHER_PAGES)])
        found += [mail for page in pages for mail in replies[page.mails]]
    moved = {mail.id: arrival(mail) for mail in found if asked.screener_id not in mail.mailbox_ids}
    return tuple(moved.values()), _is_full(pages[-1], replies)


async def _moved_pages(
    client: Client, session: Session, asked: NewSearch, positions: Iterable[int]
) -> tuple[list[Newest], Replies]:
    batch = Batch()
    filter = _moved_from(asked.screener_id, session)
    pages = [newest(batch, session, asked.kind, filter, MAILS_A_PASS, position=each) for each in positions]
    return pages, await client.send(batch)


def _is_full(page: Newest, replies: Replies) -> bool:
    return len(replies[page.query].ids) >= min(page.limit, SMALLEST_CAP)


def arrival(mail: NewMail) -> Arrival:
    """A mail as the verdict takes it."""
    return Arrival(
        id=mail.id,
        mailbox_ids=mail.mailbox_ids,
        keywords=mail.keywords,
        senders=mail.senders or (),
        recipients=(*(mail.to or ()), *(mail.cc or ())),
        thread_id=mail.thread_id,
        is_answer=bool(mail.in_reply_to or mail.references),
        list_id=mail.list_id or "",
        content_type=mail.content_type or "",
        authentication_results=mail.authentication_results or (),
        subject=mail.subject or "",
        received_at=mail.received_at,
    )
