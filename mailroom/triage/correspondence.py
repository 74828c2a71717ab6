"""Whether the user has to do with a stranger already: threads that hold a mail of the user's, and whom they wrote to.

A question that the server fails to answer stays open: what nobody knows is in neither mapping.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog
import trio

from mailroom.addresses import search_texts
from mailroom.contacts.base import AddressBook
from mailroom.errors import BatchRefused, MailroomError
from mailroom.jmap.batch import Batch, Call, Replies, Slot, slices
from mailroom.jmap.client import Client
from mailroom.jmap.mail_search import NESTING_REFUSED
from mailroom.jmap.new_mail import IN_THREAD, InThread, SentTo, Thread, get_threads, search_sent
from mailroom.jmap.query import Filter, all_of, any_of
from mailroom.jmap.session import Session

log = structlog.get_logger(component="triage")

T = TypeVar("T")

FIRST_PAGE = 5
"""A search for an address finds others that contain it: so many candidates mostly tell."""

SECOND_PAGE = 100


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked about strangers: threads, by id, and canonical addresses. `sent` is the id of Sent, if any."""

    threads: tuple[str, ...]
    addresses: tuple[str, ...]
    sent: str | None


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What was answered: of threads whether they hold a mail in Sent, of addresses whether the user wrote to them."""

    holds_sent: Mapping[str, bool]
    written_to: Mapping[str, bool]


_FIELDS: Mapping[str, str] = {"To": "to", "Cc": "cc", "Bcc": "bcc"}

NO_QUESTIONS = Questions((), (), None)
NOTHING_ASKED = Correspondence({}, {})


async def _nobody(_: AddressBook) -> Collection[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Strangers:
    """The senders of new mail, by canonical address, whose cards are looked up, and what is asked about them.

    Of further cards that the verdict needs, `uids` are the uids of some, `domains` the only addresses of those of whole
    domains, and `notes` are in the notes of others. `undecided` tells who is still to be asked about once the
    cards are there.
    """

    addresses: tuple[str, ...]
    uids: tuple[str, ...]
    domains: tuple[str, ...]
    notes: tuple[str, ...]
    questions: Questions
    undecided: Callable[[AddressBook], Awaitable[Collection[str]]] = _nobody

    def __bool__(self) -> bool:
        return bool(self.addresses or self.uids or self.domains)


NOBODY_NEW = Strangers((), (), (), (), NO_QUESTIONS)


class Asked:
    """Questions under way: some in the look-up's own batch, the rest in batches beside it."""

    def __init__(self, client: Client, session: Session, questions: Questions) -> None:
        self._client = client
        self._session = session
        self._questions = questions
        self._threads: tuple[Slot[tuple[Thread, ...]], Slot[tuple[InThread, ...]]] | None = None
        self._sent: dict[str, tuple[SentTo, ...]] = {}

    def stage(self, batch: Batch) -> None:
        """Ask in this batch as much as fits into its last request."""
        if self._questions.sent is None:
            return
        if self._questions.threads:
            self._threads = _stage_threads(batch, self._session, self._questions.threads)
        most = self._session.limits.max_calls_in_request
        free = -len(batch) % most if batch else most
        for address in self._questions.addresses[: free // _calls_of_one_sender(self._session)]:
            self._sent[address] = _stage_sent(batch, self._session, self._questions.sent, address)

    async def settle(self, replies: Replies, undecided: Collection[str]) -> Correspondence:
        """The answers; what did not fit is asked now, side by side, and only about addresses in `undecided`."""
        sent = self._questions.sent
        if sent is None:
            # Nobody was written to, and no thread holds a mail of the user's.
            return Correspondence(
                dict.fromkeys(self._questions.threads, False), dict.fromkeys(self._questions.addresses, False)
            )
        is_refused = self._session.nests_mailboxes and _refuses_to_nest(replies, self._sent)
        if is_refused:
            # A server that nobody has asked such a thing yet: they are asked in the other way.
            self._session, self._sent = replace(self._session, nests_mailboxes=False), {}
        written_to: dict[str, bool] = {}
        unsure: list[str] = []
        self._judge(replies, self._sent, written_to, unsure)
        rest = [each for each in self._questions.addresses if each not in self._sent and each in undecided]
        limits = self._session.limits
        side_by_side = trio.CapacityLimiter(limits.max_concurrent_requests)
        async with trio.open_nursery() as nursery:
            for part in slices(rest, max(1, limits.max_calls_in_request // _calls_of_one_sender(self._session))):
                nursery.start_soon(self._ask_apart, side_by_side, sent, part, written_to, unsure)
        if is_refused and (written_to or unsure):
            self._client.nest_no_mailboxes()
        await self._look_further(sent, unsure, written_to)
        return Correspondence(await self._holds_sent(replies, sent), written_to)

    async def _ask_apart(
        self,
        side_by_side: trio.CapacityLimiter,
        sent: str,
        addresses: Sequence[str],
        written_to: dict[str, bool],
        unsure: list[str],
    ) -> None:
        batch = Batch()
        asked = {address: _stage_sent(batch, self._session, sent, address) for address in addresses}
        try:
            async with side_by_side:
                replies = await self._client.send(batch)
            self._judge(replies, asked, written_to, unsure)
        except MailroomError as failure:
            log.warning("correspondents_unknown", addresses=len(addresses), reason=str(failure))

    def _judge(
        self, replies: Replies, asked: Mapping[str, Sequence[SentTo]], written_to: dict[str, bool], unsure: list[str]
    ) -> None:
        """Sort the addresses: written to, not written to, and those whose page was full of others."""
        for address, pages in asked.items():
            if (read := _read(replies, pages, address, FIRST_PAGE)) is None:
                continue
            if read.is_found or not read.is_full:
                written_to[address] = read.is_found
            else:
                unsure.append(address)

    async def _look_further(self, sent: str, unsure: Sequence[str], written_to: dict[str, bool]) -> None:
        """The next candidates of those whose first page was full; who is still unclear then counts as written to."""
        if not unsure:
            return
        batch = Batch()
        pages = {
            address: _stage_sent(
                batch, self._session, sent, address, position=FIRST_PAGE, limit=_second_page(self._session)
            )
            for address in unsure
        }
        try:
            replies = await self._client.send(batch)
        except MailroomError as failure:
            log.warning("correspondents_unknown", addresses=len(unsure), reason=str(failure))
            return
        for address, asked in pages.items():
            if (read := _read(replies, asked, address, _second_page(self._session))) is not None:
                written_to[address] = read.is_found or read.is_full

    async def _holds_sent(self, replies: Replies, sent: str) -> dict[str, bool]:
        if self._threads is None:
            return {}
        threads, mails = self._threads
        try:
            return _threads_with(sent, replies[threads], replies[mails])
        except BatchRefused as refused:
            # `requestTooLarge`: there are more threads than one /get takes, or together they have more mails.
            log.debug("threads_in_parts", threads=len(self._questions.threads), reason=str(refused))
        account = self._session.mail_account
        try:
            found = (
                replies[threads]
                if replies.error(threads) is None
                else await self._get(self._questions.threads, lambda ids: get_threads(account, ids))
            )
            of_all = [id for thread in found for id in thread.email_ids]
            return _threads_with(sent, found, await self._get(of_all, lambda ids: IN_THREAD.get(account, "ids", ids)))
        except MailroomError as failure:
            log.warning("threads_unknown", threads=len(self._questions.threads), reason=str(failure))
            return {}

    async def _get(self, ids: Iterable[str], call: Callable[[tuple[str, ...]], Call[tuple[T, ...]]]) -> tuple[T, ...]:
        """The objects with these ids, as many at a time as one /get takes."""
        batch = Batch()
        slots = [batch.add(call(part)) for part in slices(ids, self._session.limits.max_objects_in_get)]
        replies = await self._client.send(batch)
        return tuple(each for slot in slots for each in replies[slot])


def _stage_threads(
    batch: Batch, session: Session, ids: Iterable[str]
) -> tuple[Slot[tuple[Thread, ...]], Slot[tuple[InThread, ...]]]:
    threads = batch.add(get_threads(session.mail_account, ids))
    mails = batch.add(IN_THREAD.get(session.mail_account, "#ids", threads.result("/list/*/emailIds")))
    return threads, mails


def _threads_with(sent: str, threads: Iterable[Thread], mails: Iterable[InThread]) -> dict[str, bool]:
    """By thread id. One that the server didn't return is in no answer."""
    in_sent = {mail.id for mail in mails if sent in mail.mailbox_ids}
    return {thread.id: not in_sent.isdisjoint(thread.email_ids) for thread in threads}


@dataclass(frozen=True, slots=True)
class _Read:
    """What pages of candidates say of an address; `is_full` is whether there may be more of them."""

    is_found: bool
    is_full: bool


def _read(replies: Replies, pages: Iterable[SentTo], address: str, limit: int) -> _Read | None:
    """None where the server failed to answer."""
    found, full = False, False
    for page in pages:
        try:
            ids, mails = replies[page.query].ids, replies[page.mails]
        except BatchRefused as refused:
            log.warning("correspondents_unknown", addresses=1, reason=str(refused))
            return None
        found |= any(address in mail.recipients for mail in mails)
        full |= len(ids) >= limit
    return _Read(found, full)


def _refuses_to_nest(replies: Replies, asked: Mapping[str, Sequence[SentTo]]) -> bool:
    errors = [replies.error(page.query) for pages in asked.values() for page in pages]
    return bool(errors) and all(error is not None and error.type in NESTING_REFUSED for error in errors)


def _calls_of_one_sender(session: Session) -> int:
    return 2 if session.nests_mailboxes else 2 * len(_FIELDS)


def _stage_sent(
    batch: Batch, session: Session, sent: str, address: str, *, position: int = 0, limit: int = FIRST_PAGE
) -> tuple[SentTo, ...]:
    return tuple(
        search_sent(batch, session, filter, position=position, limit=limit) for filter in _to(session, sent, address)
    )


def _to(session: Session, sent: str, address: str) -> list[Filter]:
    """Mail in Sent that may be to the address. Without a search index `to` finds nothing, `header` all (Cyrus 3.6)."""
    if not session.nests_mailboxes:
        return [{"inMailbox": sent, field: address} for field in _FIELDS.values()]
    conditions: list[Filter] = []
    for text in search_texts(address):
        for header, field in _FIELDS.items():
            conditions += [{"header": (header, text)}, {field: text}]
    return [all_of([{"inMailbox": sent}, any_of(conditions)])]


def _second_page(session: Session) -> int:
    return min(SECOND_PAGE, session.limits.max_objects_in_get)
