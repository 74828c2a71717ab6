"""What waits in the account: mailboxes by name, every labelled mail, and new mail, in one request (step 1)."""

from dataclasses import dataclass, replace

from mailroom.config.scheme import Scheme
from mailroom.decisions.moves import taken_out
from mailroom.decisions.places import Places, find_places, with_renamed
from mailroom.jmap.batch import Batch, Replies
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, EMAIL_WITH_LIST, Email
from mailroom.jmap.mail_search import MailSearch, mail_found, search_mail
from mailroom.jmap.mailbox import MAILBOX, get_mailboxes
from mailroom.jmap.query import Kind
from mailroom.jmap.session import Session
from mailroom.triage.new_mail import NewFound, NewSearch, Window, read_new, search_new


@dataclass(frozen=True, slots=True)
class Scan:
    """The mailboxes as they are now, the mails with a label other than the warning label, sorted by id, and new mail if
    it was looked for. `moved` are mails that the user moved from the Screener into a category's mailbox, which `new`
    leaves out. `mails_waiting` is the number of mails in the Screener, None where the server doesn't tell."""

    places: Places
    labelled: tuple[Email, ...]
    new: NewFound | None = None
    moved: tuple[Email, ...] = ()
    mails_waiting: int | None = None

    @property
    def asking(self) -> tuple[Email, ...]:
        """The mails by which the user asks for something, each once."""
        asking = {email.id: email for email in (*self.moved, *self.labelled)}
        return tuple(asking[id] for id in sorted(asking))

    @property
    def is_full(self) -> bool:
        """Whether there may be more new mail, or moved."""
        return self.new is not None and self.new.is_full


@dataclass(frozen=True, slots=True)
class _Searches:
    labelled: MailSearch | None
    new: NewSearch | None


async def scan(client: Client, scheme: Scheme, places: Places, window: Window | None = None) -> Scan:
    """Mailboxes, labelled mails, and the new mail of `window`.

    One request, as long as the mailboxes searched are those of `places`: ids follow names.
    """
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    searches = _search(batch, session, places, window)
    replies = await client.send(batch)
    seen = await client.all_of(MAILBOX, session.mail_account, mailboxes, replies)
    now = with_renamed(find_places(seen, scheme), places.known(scheme), seen)
    if _searched(now) != _searched(places):
        # The queries asked for ids that are gone (and failed), or not for all that there are.
        batch = Batch()
        searches = _search(batch, session, now, window)
        replies = await client.send(batch)
    waiting = next((each.total_emails for each in seen if each.id == now.screener), None)
    labelled = await _found(client, searches.labelled, replies)
    new = await read_new(client, searches.new, replies)
    if new is None:
        return Scan(now, labelled, mails_waiting=waiting)
    moved, work = taken_out(new.work, now)
    return Scan(now, labelled, replace(new, work=work), moved, waiting)


def _searched(places: Places) -> tuple[frozenset[str], str | None, str | None]:
    return places.asking_labels, places.inbox, places.screener


def _search(batch: Batch, session: Session, places: Places, window: Window | None) -> _Searches:
    # New mail first: its state must be no newer than anything that was read.
    new = search_new(batch, session, places, window) if window is not None else None
    return _Searches(_search_labelled(batch, session, places), new)


def _search_labelled(batch: Batch, session: Session, places: Places) -> MailSearch | None:
    """Mail in any label mailbox; None where there is no label mailbox at all."""
    ids = places.asking_labels
    return search_mail(batch, session, within=ids, kind=labelled_kind(places)) if ids else None


def labelled_kind(places: Places) -> Kind[Email]:
    """What is read of labelled mail: its List-Id only where a label may ask for that."""
    return EMAIL if places.list_label is None else EMAIL_WITH_LIST


async def _found(client: Client, labelled: MailSearch | None, replies: Replies) -> tuple[Email, ...]:
    return () if labelled is None else await mail_found(client, labelled, replies)
