"""What an owner asks on a sandbox, with a connection that may be cut at any request."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.contacts.jmap import JmapContacts
from mailroom.decisions.undo import Subject
from mailroom.errors import Unavailable
from mailroom.jmap.client import Client
from mailroom.sandbox import Sandbox
from mailroom.senders.undo import find_undo, undo
from mailroom.triage.one_pass import Pass
from mailroom.triage.start_check import begin
from tests import screener
from tests.screener import NOW, Wire
from tests.triage.test_crash import seen


@asynccontextmanager
async def client_of(sandbox: Sandbox, wire: Wire | None = None) -> AsyncIterator[Client]:
    async with screener.client_of(sandbox, wire or Wire()) as client:
        yield client


async def contacts_of(client: Client) -> JmapContacts:
    session = await client.session()
    assert session.contacts_account is not None
    return JmapContacts(client, session.contacts_account, session.limits)


@asynccontextmanager
async def asking(sandbox: Sandbox, wire: Wire | None = None, scheme: Scheme = DEFAULT_SCHEME) -> AsyncIterator[Pass]:
    """What the functions need that an owner asks outside of a pass."""
    async with client_of(sandbox, wire) as client:
        yield await begin(client, await contacts_of(client), scheme, NOW)


async def undone(sandbox: Sandbox, subject: Subject, wire: Wire | None = None) -> int:
    """The last decision about somebody is undone; gives how many mails that moved."""
    async with asking(sandbox, wire) as run:
        return await undo(run, await find_undo(run, subject))


async def is_finished_by_the_same_call(
    when: str,
    filled: Callable[[], Awaitable[Sandbox]],
    subject: Subject,
    undoes: Callable[[Sandbox, Subject, Wire], Awaitable[object]] = undone,
) -> None:
    """An undo that is cut off at any request ends as a whole one once it is said again. `when` is a field of `Wire`."""
    whole, wire = await filled(), Wire()
    await undoes(whole, subject, wire)
    assert len(wire.writes) >= 3
    for k in range(1, wire.requests + 1) if when == "cut_before" else wire.writes:
        sandbox, is_cut_off = await filled(), False
        try:
            await undoes(sandbox, subject, Wire(**{when: k}))
        except* Unavailable:
            is_cut_off = True
        if is_cut_off:
            await undone(sandbox, subject)
        assert seen(sandbox) == seen(whole), f"{when} request {k}"
