"""A JMAP client that nobody here wrote, as the user's mail app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urljoin

import jmapc
import pytest
import requests
import trio
from jmapc import Comparator, Email, EmailQueryFilterCondition, Mailbox, MailboxQueryFilterCondition, Ref
from jmapc.methods import (
    CoreEcho,
    EmailChanges,
    EmailGet,
    EmailQuery,
    EmailSet,
    IdentityGet,
    MailboxChanges,
    MailboxGet,
    MailboxQuery,
    MailboxSet,
    ThreadGet,
)
from requests.adapters import HTTPAdapter

from mailroom.sandbox import FASTMAIL, FLAVOURS, Flavour, Sandbox, fill_sample
from tests.exhaustive import some_of

from .support import running

T = TypeVar("T")


class PlainHttp(HTTPAdapter):
    """jmapc knows only https; the sandbox speaks plain http on loopback."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **kwargs)


def connect(sandbox: Sandbox, base_url: str) -> jmapc.Client:
    client = jmapc.Client.create_with_api_token(base_url.removeprefix("http://"), sandbox.token)
    client.requests_session.mount("https://", PlainHttp())
    session = client.jmap_session
    # jmapc takes every url of the session for absolute.
    client.jmap_session = replace(
        session,
        api_url=urljoin(base_url, session.api_url),
        upload_url=urljoin(base_url, session.upload_url),
        download_url=urljoin(base_url, session.download_url),
        event_source_url=urljoin(base_url, session.event_source_url),
    )
    return client


def ask(client: jmapc.Client, calls: Any) -> Any:
    """jmapc types every answer as an error or anything, so its types say nothing here."""
    return client.request(calls)


async def with_jmapc(flavour: Flavour, use: Callable[[jmapc.Client], T]) -> tuple[Sandbox, T]:
    """Run `use` in a thread against the sample mailbox."""
    sandbox = Sandbox(flavour)
    fill_sample(sandbox)

    def in_thread(base_url: str) -> T:
        client = connect(sandbox, base_url)
        with client.requests_session:
            return use(client)

    async with running(sandbox) as server:
        return sandbox, await trio.to_thread.run_sync(in_thread, server.base_url)


@pytest.fixture(
    params=[
        pytest.param(each, id=each.name, marks=() if each is FASTMAIL else pytest.mark.exhaustive)
        for each in FLAVOURS.values()
    ]
)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    assert isinstance(request.param, Flavour)
    return request.param


writable = some_of("flavour", {each.name: each for each in FLAVOURS.values() if each.checks_state}, FASTMAIL.name)
"""jmapc can't read the answer of a set without oldState, as Apache James gives it."""


async def test_the_session_is_read(flavour: Flavour) -> None:
    _, session = await with_jmapc(flavour, lambda client: client.jmap_session)
    assert session.username == "robin@example.com"
    assert (session.primary_accounts.mail, session.primary_accounts.core) == ("u1", None)
    assert session.capabilities.core.max_objects_in_get == flavour.limits.max_objects_in_get
    assert "urn:ietf:params:jmap:contacts" in session.capabilities.urns


async def test_echo_and_identity(flavour: Flavour) -> None:
    _, (echo, identities) = await with_jmapc(
        flavour,
        lambda client: (ask(client, CoreEcho(data={"hello": "there"})), ask(client, IdentityGet(ids=None))),
    )
    assert echo.data == {"hello": "there"}
    assert [identity.email for identity in identities.data] == ["robin@example.com"]


async def test_a_mail_app_lists_mailboxes_and_reads_the_screener(flavour: Flavour) -> None:
    def use(client: jmapc.Client) -> tuple[list[Any], Any]:
        screener = ask(client, MailboxQuery(filter=MailboxQueryFilterCondition(name="Screener"))).ids[0]
        results = ask(
            client,
            [
                MailboxGet(ids=None),
                EmailQuery(
                    filter=EmailQueryFilterCondition(in_mailbox=screener, mail_from="marta"),
                    sort=[Comparator(property="receivedAt", is_ascending=False)],
                    limit=1,
                    calculate_total=True,
                ),
                EmailGet(ids=Ref("/ids"), fetch_text_body_values=True),
                ThreadGet(ids=Ref("/list/*/threadId")),
            ],
        )
        return [result.response for result in results], screener

    sandbox, ((mailboxes, query, mails, threads), screener) = await with_jmapc(flavour, use)
    assert {m.name: m.total_emails for m in mailboxes.data}["Screener"] == len(sandbox.mails_in("Screener"))
    assert (query.total, len(query.ids)) == (2 if flavour.gives_total else None, 1)
    [mail] = mails.data
    assert (mail.subject, mail.mail_from[0].name) == ("Re: Dinner on Friday?", "Marta Kowalska")
    assert mail.mailbox_ids == {screener: True}
    assert mail.body_values[mail.text_body[0].part_id].value.startswith("Hello")
    assert threads.data[0].email_ids == [mail.id]


@writable
async def test_a_mail_app_labels_and_files_mail(flavour: Flavour) -> None:
    def use(client: jmapc.Client) -> tuple[str, Any, Any]:
        ids = {m.name: m.id for m in ask(client, MailboxGet(ids=None)).data}
        mail_id = ask(client, EmailQuery(filter=EmailQueryFilterCondition(text="sourdough"))).ids[0]
        patch = {f"mailboxIds/{ids['@ToFeed']}": True, "keywords/$seen": True}
        done = ask(client, EmailSet(update={mail_id: patch}))
        refused = ask(client, EmailSet(update={mail_id: {"mailboxIds": {}}}))
        return mail_id, done, refused

    sandbox, (mail_id, done, refused) = await with_jmapc(flavour, use)
    assert sandbox.mailboxes_of(mail_id) == {"Screener", "@ToFeed"}
    assert done.updated == {mail_id: None}
    assert refused.not_updated[mail_id].type == "invalidProperties"
    assert refused.not_updated[mail_id].properties == ["mailboxIds"]


@writable
async def test_a_mail_app_writes_a_draft_and_follows_changes(flavour: Flavour) -> None:
    def use(client: jmapc.Client) -> tuple[Any, Any, Any]:
        drafts = ask(client, MailboxQuery(filter=MailboxQueryFilterCondition(role="drafts"))).ids[0]
        state = ask(client, EmailGet(ids=[])).state
        mailbox_state = ask(client, MailboxGet(ids=[])).state
        draft = Email(
            mailbox_ids={drafts: True},
            keywords={"$draft": True},
            mail_from=[jmapc.EmailAddress(name="Robin", email="robin@example.com")],
            to=[jmapc.EmailAddress(email="ann@example.org")],
            subject="Hello",
            text_body=[jmapc.EmailBodyPart(part_id="body", type="text/plain")],
            body_values={"body": jmapc.EmailBodyValue(value="Hello Ann")},
        )
        created = ask(client, EmailSet(create={"draft": draft})).created["draft"]
        changes = ask(client, EmailChanges(since_state=state))
        mailbox_changes = ask(client, MailboxChanges(since_state=mailbox_state))
        return created, changes, (mailbox_changes.updated, drafts)

    sandbox, (created, changes, (updated, drafts)) = await with_jmapc(flavour, use)
    assert sandbox.mails_in("Drafts") == [created.id]
    assert changes.created == [created.id]
    assert updated == [drafts]


@writable
async def test_a_mail_app_creates_renames_and_removes_a_mailbox(flavour: Flavour) -> None:
    def use(client: jmapc.Client) -> list[Any]:
        created = ask(client, MailboxSet(create={"new": Mailbox(name="News")}))
        mailbox_id = created.created["new"].id
        renamed = ask(client, MailboxSet(update={mailbox_id: {"name": "Old"}}))
        return [renamed, ask(client, MailboxSet(destroy=[mailbox_id])), mailbox_id]

    _, (renamed, destroyed, mailbox_id) = await with_jmapc(flavour, use)
    assert (renamed.updated, destroyed.destroyed) == ({mailbox_id: None}, [mailbox_id])


async def test_a_mail_app_follows_the_event_stream(flavour: Flavour) -> None:
    sandbox = Sandbox(flavour)
    fill_sample(sandbox)
    seen: list[Any] = []

    def follow(base_url: str) -> None:
        client = connect(sandbox, base_url)
        with client.requests_session:
            seen.extend(islice(client.events, 2 if flavour is FASTMAIL else 1))
            stream: Any = client._events
            stream.resp.close()

    async with running(sandbox) as server, trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, follow, server.base_url)
        await sandbox.broadcaster.wait_for_stream()
        sandbox.deliver()
    assert seen[-1].data.changed["u1"].email == sandbox.store.mails.state
    assert [event.data.type for event in seen] == (["connect", "change"] if flavour is FASTMAIL else [None])
    assert (seen[-1].id is not None) == flavour.numbers_events


async def test_a_mail_app_uploads_and_downloads(flavour: Flavour, tmp_path: Any) -> None:
    source, target = tmp_path / "a.txt", tmp_path / "b.txt"
    source.write_text("hello")

    def use(client: jmapc.Client) -> jmapc.Blob:
        blob = client.upload_blob(source)
        part = jmapc.EmailBodyPart(blob_id=blob.id, name="a.txt", type="text/plain")
        client.download_attachment(part, target)
        return blob

    _, blob = await with_jmapc(flavour, use)
    assert (blob.size, blob.type) == (5, "text/plain")
    assert target.read_text() == "hello"
