"""The user's mail app: shows what waits in the Screener, puts labels on, sees changes as they are pushed."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import trio
from httpx_sse import aconnect_sse

from bench.load import label_for
from mailroom.account.servers import Servers
from mailroom.config.account_settings import AccountSettings
from mailroom.http_clients import http_client
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.event_stream import event_source_url
from mailroom.jmap.mail import EMAIL, Email, Move, get_emails, move_emails
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.jmap.query import search


@dataclass(frozen=True, slots=True)
class MailApp:
    """`mailboxes` are ids by name, `screened` is the oldest mail of each sender in the Screener."""

    http: httpx.AsyncClient
    client: Client
    mailboxes: dict[str, str]
    screened: tuple[Email, ...]

    async def label(self, labels: dict[str, str]) -> None:
        """Put labels on mails; names of labels by mail id."""
        batch = Batch()
        moves = {id: Move(add=frozenset({self.mailboxes[name]})) for id, name in labels.items()}
        slots = move_emails(batch, await self.client.session(), moves)
        replies = await self.client.send(batch)
        if refused := [error for slot in slots for error in replies[slot].errors().values()]:
            raise RuntimeError(f"{len(refused)} mails could not be labelled: {refused[0]}")

    async def label_all(self) -> None:
        """One label on one mail of each sender."""
        await self.label_some(range(len(self.screened)))

    async def label_some(self, numbers: Iterable[int]) -> None:
        """One label on one mail of each of these senders, who are numbered in the order of `screened`."""
        await self.label({self.screened[number].id: label_for(number) for number in numbers})

    async def has_label(self, id: str, label: str) -> bool:
        batch = Batch()
        (slot,) = get_emails(batch, await self.client.session(), [id])
        (email,) = (await self.client.send(batch))[slot]
        return self.mailboxes[label] in email.mailbox_ids

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[trio.MemoryReceiveChannel[None]]:
        """Something to receive after each event that the server pushes."""
        send, receive = trio.open_memory_channel[None](1_000)
        async with trio.open_nursery() as nursery:
            await nursery.start(self._listen, send)
            with receive:
                yield receive
            nursery.cancel_scope.cancel()

    async def _listen(
        self, changes: trio.MemorySendChannel[None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        template = (await self.client.session()).event_source_url
        if template is None:
            raise RuntimeError("this server has no event source: measure latency on another one")
        stream = aconnect_sse(self.http, "GET", str(event_source_url(template)), auth=self.client.credentials)
        with changes:
            async with stream as source:
                task_status.started()
                async for _ in source.aiter_sse():
                    await changes.send(None)


@asynccontextmanager
async def mail_app(settings: AccountSettings) -> AsyncIterator[MailApp]:
    """A mail app that is logged in and has read the Screener."""
    async with http_client() as http:
        servers = Servers(settings, http)
        client = servers.client
        session = await client.session()
        batch = Batch()
        slot = batch.add(get_mailboxes(session.mail_account))
        mailboxes = {mailbox.name: mailbox.id for mailbox in (await client.send(batch))[slot]}
        batch = Batch()
        page = search(batch, EMAIL, session.mail_account, session.limits, {"inMailbox": mailboxes["Screener"]})
        waiting = await client.all_found(page, await client.send(batch))
        yield MailApp(http, client, mailboxes, _one_of_each_sender(waiting))


def _one_of_each_sender(emails: tuple[Email, ...]) -> tuple[Email, ...]:
    newest_first = sorted(emails, key=lambda email: (email.received_at, email.id), reverse=True)
    of_each = {email.senders[0].email: email for email in newest_first if email.senders}
    return tuple(of_each[address] for address in sorted(of_each))
