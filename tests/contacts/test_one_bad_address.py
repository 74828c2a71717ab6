"""One address that the contacts server rejects is one sender's failure, and nobody else's."""

from contextlib import AsyncExitStack

import pytest
import structlog.testing
import trio
from pydantic import SecretStr

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.contacts.carddav import discover
from mailroom.errors import BadReply
from mailroom.http import Credentials, basic
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Tally
from mailroom.sandbox import Sandbox
from mailroom.triage.passes import prepare
from tests.contacts.dav_server import Answer, Request, dav_server
from tests.contacts.test_carddav import IS_BOOK, card, hrefs, multistatus
from tests.guard import GUARD_SECONDS
from tests.screener import NOW, Wire, connected, empty_sandbox, served_here

SENDERS = [f"s{n}@example.org" for n in range(6)]
BAD = SENDERS[3]


def labelled() -> Sandbox:
    sandbox = empty_sandbox()
    for address in SENDERS:
        sandbox.label(sandbox.deliver(f"Some One <{address}>", address, ["Screener"]), "@ToFeed")
    return sandbox


def group(name: str) -> str:
    lines = ("BEGIN:VCARD", "VERSION:3.0", f"UID:{name}", f"FN:{name}", "X-ADDRESSBOOKSERVER-KIND:group", "END:VCARD")
    return card("\r\n".join((*lines, "")))


GROUPS = hrefs({f"/book/{name.replace(' ', '%20')}.vcf": group(name) for name in (*DEFAULT_SCHEME.groups, "Mailroom")})


def error(rule: str) -> str:
    return f'<d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"><{rule}/></d:error>'


async def run_pass(sandbox: Sandbox, refusal: Answer) -> PassOutcome:
    """A pass over this mail, and an address book that answers so whenever it is asked for the bad address."""

    def answer(request: Request) -> Answer:
        if request.method == "PROPFIND":
            return multistatus(book=IS_BOOK)
        if request.method == "PUT":
            return Answer(201, headers={"ETag": '"2"'})
        return refusal if BAD in request.body else GROUPS

    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served_here(sandbox))
        client = await stack.enter_async_context(connected(sandbox, url, Wire()))
        server = await stack.enter_async_context(dav_server(answer))
        with trio.fail_after(GUARD_SECONDS):
            book = server.url.join("book/")
            contacts = await discover(server.http, book, Credentials(basic("user", SecretStr("password")), book))
            return await (await prepare(client, contacts, DEFAULT_SCHEME, Tally(), NOW)).run(NOW)


@pytest.mark.parametrize(
    "refusal",
    [Answer(400, "Bad Request"), Answer(403, error("c:supported-filter")), Answer(403, error("d:valid-filter"))],
    ids=["bad request", "supported-filter", "valid-filter"],
)
async def test_an_address_that_the_search_rejects_fails_its_sender_alone(refusal: Answer) -> None:
    sandbox = labelled()
    with structlog.testing.capture_logs() as logs:
        outcome = await run_pass(sandbox, refusal)
    assert (outcome.senders_triaged, outcome.senders_failing) == (5, 1)
    (waiting,) = sandbox.mails_in("@ToFeed")
    assert sandbox.mailboxes_of(waiting) == {"Screener", "@ToFeed"}
    assert len(sandbox.mails_in("Feed")) == 5
    (failed,) = [entry for entry in logs if entry["event"] == "sender_failed"]
    assert failed["sender"] == BAD
    assert f"HTTP {refusal.status}" in failed["reason"]


@pytest.mark.parametrize("refusal", [Answer(403), Answer(403, error("d:need-privileges"))])
async def test_an_address_book_that_may_not_be_read_fails_the_pass_and_no_sender(refusal: Answer) -> None:
    sandbox = labelled()
    unreadable = pytest.RaisesExc(BadReply, match="is MAILROOM_CARDDAV_URL right")
    with pytest.RaisesGroup(unreadable, flatten_subgroups=True):
        await run_pass(sandbox, refusal)
    assert len(sandbox.mails_in("@ToFeed")) == 6
