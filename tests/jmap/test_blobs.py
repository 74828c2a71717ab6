"""Uploads and downloads (RFC 8620 §6): at the urls of the session, and only at those that may have the token."""

import pytest
import trio

from mailroom.errors import BadReply, Refused, Unavailable
from mailroom.jmap.client import Client
from mailroom.sandbox import CYRUS, FASTMAIL, Flavour, Limits, Sandbox, faults
from mailroom.sandbox.faults import Endpoint, Fault
from tests.guard import GUARD_SECONDS
from tests.jmap.trouble import edited
from tests.screener import Wire, connected, served

TEXT = "keep;\r\n# ü \x00".encode()


async def there_and_back(client: Client) -> bytes:
    blob_id = await client.upload("u1", TEXT, "application/sieve")
    return await client.download("u1", blob_id, "application/sieve")


async def fails(error: type[Exception], said: str, fault: Fault, endpoint: Endpoint) -> None:
    """An upload and a download with this fault end in this error."""
    sandbox = Sandbox()
    sandbox.faults.next_request(fault, endpoint=endpoint)
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as url, connected(sandbox, url, Wire()) as client:
            with pytest.raises(error, match=said):
                await there_and_back(client)


@pytest.mark.parametrize("flavour", [FASTMAIL, CYRUS], ids=lambda flavour: flavour.name)
async def test_what_was_uploaded_is_downloaded(flavour: Flavour) -> None:
    """Cyrus names its urls relative to the session's."""
    sandbox = Sandbox(flavour)
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as url, connected(sandbox, url, Wire()) as client:
            assert await there_and_back(client) == TEXT
    assert [request.authorized for request in sandbox.requests] == [True] * 3


@pytest.mark.parametrize("name", ["uploadUrl", "downloadUrl"])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://mail.example.com/{accountId}/", "expected an https url"),
        ("ftp://127.0.0.1/", "expected an https url"),
        ("//[", "expected an https url"),
        ("/{accountId:x}", "malformed; expected a url template"),
    ],
)
async def test_the_token_goes_to_no_url_that_is_not_safe(name: str, url: str, said: str) -> None:
    await fails(BadReply, said, edited(**{name: url}), Endpoint.SESSION)


@pytest.mark.parametrize("name", ["uploadUrl", "downloadUrl"])
@pytest.mark.parametrize("url", [None, ""])
async def test_a_session_without_the_url_is_named(name: str, url: str | None) -> None:
    await fails(BadReply, f"the session has no {name}", edited(**{name: url}), Endpoint.SESSION)


async def test_a_bad_url_matters_to_nobody_who_does_not_need_it() -> None:
    sandbox = Sandbox()
    sandbox.faults.next_request(edited(uploadUrl="http://mail.example.com/"), endpoint=Endpoint.SESSION)
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as url, connected(sandbox, url, Wire()) as client:
            assert (await client.session()).mail_account == "u1"


@pytest.mark.parametrize("endpoint", [Endpoint.UPLOAD, Endpoint.DOWNLOAD])
@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (faults.status(503), Unavailable, "HTTP 503"),
        (faults.status(401), Refused, "wrong or expired token"),
        (faults.CutAfter(), Unavailable, "127.0.0.1"),
        (faults.redirect("https://elsewhere.example/"), BadReply, "redirects"),
    ],
    ids=["unavailable", "refused", "cut", "redirected"],
)
async def test_failures_are_typed(endpoint: Endpoint, fault: Fault, error: type[Exception], said: str) -> None:
    await fails(error, said, fault, endpoint)


@pytest.mark.parametrize("fault", [faults.html(), faults.half_json(), faults.json_reply({"blobId": 5})])
async def test_an_upload_that_is_not_answered_with_a_blob_is_a_bad_reply(fault: Fault) -> None:
    await fails(BadReply, "expected", fault, Endpoint.UPLOAD)


async def test_more_than_the_server_takes_is_refused() -> None:
    with trio.fail_after(GUARD_SECONDS):
        sandbox = Sandbox(limits=Limits(max_size_upload=3))
        async with served(sandbox) as url, connected(sandbox, url, Wire()) as client:
            with pytest.raises(BadReply, match="HTTP 413"):
                await there_and_back(client)
