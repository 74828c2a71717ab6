"""A step in the address book, done together with the mail's requests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.contacts.base import InBatch, OnItsOwn
from mailroom.contacts.carddav import CardDav, discover
from mailroom.contacts.steps import alone, before, beside
from mailroom.errors import BadReply, MailroomError, Unavailable
from mailroom.http import Credentials, basic
from mailroom.jmap.batch import Batch, Replies
from mailroom.jmap.client import Client
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.observe.status import Tally
from mailroom.triage.passes import prepare
from tests.contacts.dav_server import Answer, DavServer, Request, dav_server
from tests.contacts.test_carddav import IS_BOOK, multistatus
from tests.contacts.test_one_bad_address import GROUPS
from tests.guard import GUARD_SECONDS
from tests.jmap.support import ACCOUNT, in_process
from tests.screener import NOW, Wire, empty_sandbox, served
from tests.screener import connected as connected_by

ANN = "ann@example.org"


class TwoServers(Wire):
    """The way to the mail server, which the search for a sender's mail goes only once contacts are looked up, too."""

    def __init__(self) -> None:
        super().__init__()
        self.mail_asked, self.contacts_asked = trio.Event(), trio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if ANN.encode() in request.content:
            self.mail_asked.set()
            await self.contacts_asked.wait()
        return await super().handle_async_request(request)

    async def before_contacts(self, request: httpx.Request) -> None:
        if request.method == "REPORT" and ANN.encode() in request.content:
            self.contacts_asked.set()
            await self.mail_asked.wait()


@asynccontextmanager
async def carddav() -> AsyncIterator[tuple[CardDav, DavServer]]:
    def answer(request: Request) -> Answer:
        if request.method == "PROPFIND":
            return multistatus(book=IS_BOOK)
        return GROUPS if request.method == "REPORT" else Answer(201, headers={"ETag": '"2"'})

    async with dav_server(answer) as server:
        url = server.url.join("book/")
        yield await discover(server.http, url, Credentials(basic("user", SecretStr("password")), url)), server


async def test_a_pass_looks_up_contacts_over_carddav_while_it_looks_up_mail() -> None:
    sandbox, wire = empty_sandbox(), TwoServers()
    sandbox.label(sandbox.deliver(f"Ann <{ANN}>", "Hello", ["Screener"]), "@ToFeed")
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as url, connected_by(sandbox, url, wire) as client, carddav() as (contacts, server):
            triage = await prepare(client, contacts, DEFAULT_SCHEME, Tally(), NOW)
            server.http.event_hooks = {"request": [wire.before_contacts]}
            assert (await triage.run(NOW)).senders_triaged == 1
    assert len(sandbox.mails_in("Feed")) == 1


def in_batch(result: str) -> InBatch[str]:
    def stage(batch: Batch) -> Callable[[Replies], Awaitable[str]]:
        slot = batch.add(get_mailboxes(ACCOUNT))

        async def settle(replies: Replies) -> str:
            return f"{result} beside {len(replies[slot])} mailboxes"

        return settle

    return InBatch(stage)


def on_its_own(result: str | MailroomError) -> OnItsOwn[str]:
    async def run() -> str:
        await trio.lowlevel.checkpoint()
        if isinstance(result, MailroomError):
            raise result
        return result

    return OnItsOwn(run)


async def test_calls_travel_in_the_requests_of_mail() -> None:
    async with in_process(empty_sandbox()) as c:
        batch = Batch()
        slot = batch.add(get_mailboxes(ACCOUNT))
        replies, result = await beside(c.client, batch, in_batch("cards"))
        assert result == f"cards beside {len(replies[slot])} mailboxes"
        assert len(c.bodies) == 1


async def test_a_step_alone_needs_no_mail() -> None:
    async with in_process(empty_sandbox()) as c:
        assert await alone(c.client, on_its_own("cards")) == "cards"
        assert c.bodies == []
        assert (await alone(c.client, in_batch("cards"))).startswith("cards beside")
        assert len(c.bodies) == 1


async def fails(client: Client, step: OnItsOwn[str], slot_of: str = ACCOUNT) -> MailroomError:
    batch = Batch()
    batch.add(get_mailboxes(slot_of))
    with pytest.raises(MailroomError) as caught:
        await beside(client, batch, step)
    return caught.value


async def test_a_failure_is_raised_bare_and_after_the_other_request_is_over() -> None:
    async with in_process(empty_sandbox()) as c:
        failure = Unavailable("contacts are down")
        assert await fails(c.client, on_its_own(failure)) is failure
        assert len(c.bodies) == 1


async def test_of_two_failures_that_of_mail_is_told() -> None:
    async with in_process(empty_sandbox(), token="t0k-3xpired") as c:  # noqa: S106  a token that is none
        assert "token" in str(await fails(c.client, on_its_own(BadReply("contacts", expected="others"))))


async def test_a_bug_in_a_step_is_no_failure_of_a_server() -> None:
    async def run() -> str:
        raise RuntimeError("a bug")

    async with in_process(empty_sandbox()) as c:
        with pytest.RaisesGroup(RuntimeError):
            await alone(c.client, OnItsOwn(run))


async def test_what_goes_before_mail_is_staged_or_done() -> None:
    async def run() -> dict[str, str]:
        return {ANN: "refused"}

    batch = Batch()
    begun = await before(batch, OnItsOwn(run))
    assert not batch
    assert begun.failed == await begun.settle(Replies({})) == {ANN: "refused"}
