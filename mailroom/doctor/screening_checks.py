"""Whether new mail is screened, since when, and whether the mail server takes the marks that this needs."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mailroom.decisions.keywords import SEEN
from mailroom.decisions.places import Places, find_places
from mailroom.decisions.state_card import State
from mailroom.doctor.clean_up import ChangeRefused, finished, undoing
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.jmap.batch import Batch, Call
from mailroom.jmap.mail import Move
from mailroom.jmap.mailbox import MAILBOX, RIGHTS, Rights, get_mailboxes, get_rights, read_mailboxes
from mailroom.jmap.new_mail import NEW_MAIL, newest, update_emails_in_state
from mailroom.jmap.session import MAIL
from mailroom.jmap.set import read_set_errors
from mailroom.triage.new_mail import NewFound, Window, read_new, search_new
from mailroom.triage.state import read_card, state_in
from mailroom.wire import Json

NOTICE = (
    f"puts {SEEN} on one mail in the Inbox that you have read, and takes it off again (--read-only leaves this out)"
)
BY_HAND = f"a mail in the Inbox that you have read keeps the keyword {SEEN}, which does no harm"

TURN_ON = "{} has it screen new mail itself, watch has it only tell what it would do"
NEEDED = "screening needs them: leave it off, and let rules on the mail server sort (`mailroom rules`)"
NO_SENT = "no mailbox has the role Sent: as far as can be seen you have written to nobody"
GIVE_THE_ROLE = "choose the folder for sent mail in your mail app, or name people in let_through"
CANNOT_ASK = "new mail can't be found: there is no Inbox or no Screener, or the server refuses the search"
ASK_OTHERWISE = "look at the checks above; if they are fine, leave it off, and let rules sort (`mailroom rules`)"
UNCHECKED = (
    "the server doesn't look at ifInState: a mail that you move in the very moment in which it is screened ends in the "
    "Screener, too"
)


async def check_screening(examined: Examined) -> Finding:
    """Whether new mail is screened, since when, until when everybody is let in, and how much waits for a verdict."""
    screening = examined.scheme.screening
    if screening.mode == "off":
        on = examined.settings.names.assigned("screening", "on")
        return Finding(Outcome.OK, "off: the daemon leaves new mail where it is", TURN_ON.format(on))
    client = examined.servers.client
    account_id = (await client.session()).mail_account
    places = await _places(examined)
    state = state_in((await read_card(client, await examined.servers.contacts(), account_id)).book, account_id)
    if screening.mode == "watch":
        lines = ["watch: the log says what would become of new mail, which stays where it is"]
    else:
        lines = [_since(state)]
    if state.screening_since is not None and screening.is_on:
        found = await _unjudged(examined, places, state.screening_since)
        if found is None:
            return Finding(Outcome.WARNING, f"{lines[0]}\n{CANNOT_ASK}", ASK_OTHERWISE)
        lines.append(_waiting(found))
    if places.sent is None:
        return Finding(Outcome.WARNING, "\n".join([*lines, NO_SENT]), GIVE_THE_ROLE)
    return Finding(Outcome.OK, "\n".join(lines))


def _since(state: State) -> str:
    if state.screening_since is None:
        return "on, but not begun: the daemon begins when it starts, and leaves mail from before alone"
    since = f"on since {_shown(state.screening_since)}"
    if state.open_until is None or state.open_until <= datetime.now(UTC):
        return since
    return f"{since}; everybody is let in until {_shown(state.open_until)}"


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


async def _unjudged(examined: Examined, places: Places, since: datetime) -> NewFound | None:
    """The mails that have no mark yet, asked for as the daemon asks; None where that can't be."""
    client = examined.servers.client
    after = examined.scheme.screening.new_after(since, datetime.now(UTC))
    batch = Batch()
    asked = search_new(batch, await client.session(), places, Window(after))
    return await read_new(client, asked, await client.send(batch))


def _waiting(found: NewFound) -> str:
    inbox, screener = len(found.work.inbox), len(found.work.screener)
    if not inbox + screener:
        return "no mail waits for a verdict"
    least = "at least " if found.is_full else ""
    return f"mails without a mark yet: {least}{inbox} in the Inbox, {least}{screener} in the Screener"


async def check_marking_rights(examined: Examined) -> Finding:
    """Whether keywords may be set on mail in the Inbox, as the server says."""
    inbox = await _inbox(examined)
    return _forbidden(inbox) or Finding(Outcome.OK, "this login may set them in the Inbox (asked, not tried)")


async def check_marking(examined: Examined) -> Finding:
    """Whether mail in the Inbox takes a mark, seen on one that was read; and whether a change since is noticed."""
    inbox = await _inbox(examined)
    if finding := _forbidden(inbox):
        return finding
    client = examined.servers.client
    session = await client.session()
    batch = Batch()
    marked = newest(batch, session, NEW_MAIL, {"inMailbox": inbox.id, "hasKeyword": SEEN}, 1)
    read = newest(batch, session, NEW_MAIL, {"inMailbox": inbox.id, "hasKeyword": "$seen"}, 1)
    stale = update_emails_in_state(batch, session, "a state that never was", {})
    replies = await client.send(batch)
    unchecked = [] if replies.error(stale) else [UNCHECKED]
    if replies[marked.query].ids:
        return Finding(Outcome.OK, "\n".join(["mail in the Inbox has them already", *unchecked]))
    if not replies[read.query].ids:
        seen = "this login may set them in the Inbox (no mail there has been read, to try it on)"
        return Finding(Outcome.OK, "\n".join([seen, *unchecked]))
    trial = _Trial(examined, replies[read.query].ids[0])
    async with undoing(trial.unmark, BY_HAND, examined.tell):
        problem = await finished(trial.mark)
    if problem:
        return Finding(Outcome.WARNING, f"the server stores none in the Inbox: {problem}", NEEDED)
    return Finding(Outcome.OK, "\n".join(["a mail in the Inbox took one, and lost it again", *unchecked]))


@dataclass(frozen=True, slots=True)
class _Inbox:
    """The id of the Inbox, None where there is none, and what this login may do there."""

    id: str | None
    rights: Rights


async def _inbox(examined: Examined) -> _Inbox:
    client = examined.servers.client
    session = await client.session()
    batch = Batch()
    mailboxes, rights = batch.add(get_mailboxes(session.mail_account)), batch.add(get_rights(session.mail_account))
    replies = await client.send(batch)
    found = await client.all_of(MAILBOX, session.mail_account, mailboxes, replies)
    id = find_places(found, examined.scheme).inbox
    allowed = await client.all_of(RIGHTS, session.mail_account, rights, replies)
    return _Inbox(id, next((each.my_rights for each in allowed if each.id == id), Rights()))


def _forbidden(inbox: _Inbox) -> Finding | None:
    if inbox.id is None:
        return Finding(Outcome.WARNING, "no mailbox has the role Inbox, so that no new mail is looked at")
    if not inbox.rights.may_set_keywords:
        return Finding(Outcome.WARNING, "this login may not set them in the Inbox", f"give it that right; {NEEDED}")
    return None


async def _places(examined: Examined) -> Places:
    return find_places(await read_mailboxes(examined.servers.client), examined.scheme)


@dataclass(frozen=True, slots=True)
class _Trial:
    """The mail with this id gets the mark, and loses it. The daemon leaves mail alone that was read, marked or not."""

    examined: Examined
    id: str

    async def mark(self) -> str:
        """What went wrong, or an empty string."""
        return await self._write(Move(set=frozenset({SEEN})))

    async def unmark(self) -> None:
        """Raises `ChangeRefused`."""
        if problem := await self._write(Move(clear=frozenset({SEEN}))):
            raise ChangeRefused(problem)

    async def _write(self, move: Move) -> str:
        client = self.examined.servers.client
        account_id = (await client.session()).mail_account
        batch = Batch()
        update: dict[str, Json] = {"accountId": account_id, "update": {self.id: move.patch()}}
        written = batch.add(Call("Email/set", update, MAIL, read_set_errors))
        read = batch.add(NEW_MAIL.get(account_id, "ids", (self.id,)))
        replies = await client.send(batch)
        for error in replies[written].errors().values():
            return "" if error.type == "notFound" else str(error)
        kept = {keyword for mail in replies[read] for keyword in mail.keywords}
        return "" if (SEEN in kept) == bool(move.set) else "it took a keyword, and then did not show it"
