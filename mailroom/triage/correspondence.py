"""Whether the user has to do with a stranger already: threads that hold a mail of the user's, and whom they wrote to.

A question that the server fails to answer stays open: what nobody knows is in neither mapping.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
import trio

from mailroom.addresses import search_texts
from mailroom.errors import BatchRefused, MailroomError
from mailroom.jmap.batch import Batch, Replies, Slot, slices
from mailroom.jmap.client import Client
from mailroom.jmap.new_mail import IN_THREAD, InThread, SentTo, Thread, get_threads, search_sent
from mailroom.jmap.query import Filter, all_of, any_of
from mailroom.jmap.session import Session

log = structlog.get_logger(component="triage")

FIRST_PAGE = 5
"""A search for an address finds others that contain it: so many candidates mostly tell."""

SECOND_PAGE = 100

CALLS_OF_ONE_SENDER = 2
CALLS_OF_CONTACTS = 8
"""Kept free in the look-up request: contacts over JMAP need them there."""


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


NO_QUESTIONS = Questions((), (), None)
NOTHING_ASKED = Correspondence({}, {})


@dataclass(frozen=True, slots=True)
class Strangers:
    """The senders of new mail, by canonical address, whose cards are looked up, and what is asked about them.

    `uids` are those of further cards that the verdict needs.
    """

    addresses: tuple[str, ...]
    uids: tuple[str, ...]
    questions: Questions

    def __bool__(self) -> bool:
        return bool(self.addresses or self.uids)


NOBODY_NEW = Strangers((), (), NO_QUESTIONS)


class Asked:
    """Questions under way: some in the look-up's own batch, the rest in batches beside it."""

    def __init__(self, client: Client, session: Session, questions: Questions) -> None:
        self._client = client
        self._session = session
        self._questions = questions
        self._threads: tuple[Slot[tuple[Thread, ...]], Slot[tuple[InThread, ...]]] | None = None
        self._sent: dict[str, SentTo] = {}

    def stage(self, batch: Batch) -> None:
        """Ask in this batch as much as fits into its request."""
        if self._questions.sent is None:
            return
        if self._questions.threads:
            self._threads = _stage_threads(batch, self._session, self._questions.threads)
        free = self._session.limits.max_calls_in_request - len(batch) - CALLS_OF_CONTACTS
        for address in self._questions.addresses[: max(0, free // CALLS_OF_ONE_SENDER)]:
            self._sent[address] = _stage_sent(batch, self._session, self._questions.sent, address)

    async def settle(self, replies: Replies) -> Correspondence:
        """The answers to all questions; those that did not fit are asked now, side by side."""
        sent = self._questions.sent
        if sent is None:
            # Nobody was written to, and no thread holds a mail of the user's.
            return Correspondence(
                dict.fromkeys(self._questions.threads, False), dict.fromkeys(self._questions.addresses, False)
            )
        written_to: dict[str, bool] = {}
        unsure: list[str] = []
        self._judge(replies, self._sent, written_to, unsure)
        rest = [address for address in self._questions.addresses if address not in self._sent]
        at_once = max(1, self._session.limits.max_calls_in_request // CALLS_OF_ONE_SENDER)
        async with trio.open_nursery() as nursery:
            for part in slices(rest, at_once):
                nursery.start_soon(self._ask_apart, sent, part, written_to, unsure)
        await self._look_further(sent, unsure, written_to)
        return Correspondence(await self._holds_sent(replies, sent), written_to)

    async def _ask_apart(
        self, sent: str, addresses: Sequence[str], written_to: dict[str, bool], unsure: list[str]
    ) -> None:
        batch = Batch()
        asked = {address: _stage_sent(batch, self._session, sent, address) for address in addresses}
        try:
            replies = await self._client.send(batch)
        except MailroomError as failure:
            log.warning("correspondents_unknown", addresses=len(addresses), reason=str(failure))
            return
        self._judge(replies, asked, written_to, unsure)

    def _judge(
        self, replies: Replies, asked: Mapping[str, SentTo], written_to: dict[str, bool], unsure: list[str]
    ) -> None:
        """Sort the addresses: written to, not written to, and those whose page was full of others."""
        for address, page in asked.items():
            try:
                ids, mails = replies[page.query].ids, replies[page.mails]
            except BatchRefused as refused:
                log.warning("correspondents_unknown", addresses=1, reason=str(refused))
                continue
            if any(address in mail.recipients for mail in mails):
                written_to[address] = True
            elif len(ids) >= FIRST_PAGE:
                unsure.append(address)
            else:
                written_to[address] = False

    async def _look_further(self, sent: str, unsure: Sequence[str], written_to: dict[str, bool]) -> None:
        """The next candidates of those whose first page was full; who is still unclear then counts as written to."""
        if not unsure:
            return
        batch = Batch()
        pages = {
            address: search_sent(
                batch, self._session, _to(sent, address), position=FIRST_PAGE, limit=_second_page(self._session)
            )
            for address in unsure
        }
        try:
            replies = await self._client.send(batch)
        except MailroomError as failure:
            log.warning("correspondents_unknown", addresses=len(unsure), reason=str(failure))
            return
        for address, page in pages.items():
            try:
                ids, mails = replies[page.query].ids, replies[page.mails]
            except BatchRefused as refused:
                log.warning("correspondents_unknown", addresses=1, reason=str(refused))
                continue
            found = any(address in mail.recipients for mail in mails)
            written_to[address] = found or len(ids) >= _second_page(self._session)

    async def _holds_sent(self, replies: Replies, sent: str) -> dict[str, bool]:
        if self._threads is None:
            return {}
        try:
            return _threads_with(sent, replies[self._threads[0]], replies[self._threads[1]])
        except BatchRefused as refused:
            # `requestTooLarge`: together they have more mails than one /get takes.
            log.debug("threads_one_by_one", threads=len(self._questions.threads), reason=str(refused))
        holds: dict[str, bool] = {}
        for id in self._questions.threads:
            batch = Batch()
            threads, mails = _stage_threads(batch, self._session, (id,))
            try:
                answers = await self._client.send(batch)
                holds |= _threads_with(sent, answers[threads], answers[mails])
            except MailroomError as failure:
                log.warning("thread_unknown", reason=str(failure))
        return holds


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


def _stage_sent(batch: Batch, session: Session, sent: str, address: str) -> SentTo:
    return search_sent(batch, session, _to(sent, address), position=0, limit=FIRST_PAGE)


def _to(sent: str, address: str) -> Filter:
    """Mail in Sent that may be to the address. Without a search index `to` finds nothing, `header` all (Cyrus 3.6)."""
    conditions: list[Filter] = []
    for text in search_texts(address):
        for header, field in (("To", "to"), ("Cc", "cc"), ("Bcc", "bcc")):
            conditions += [{"header": (header, text)}, {field: text}]
    return all_of([{"inMailbox": sent}, any_of(conditions)])


def _second_page(session: Session) -> int:
    return min(SECOND_PAGE, session.limits.max_objects_in_get)
