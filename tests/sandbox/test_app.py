import base64

import httpx
import pytest

from mailroom.sandbox import FLAVOURS, Flavour, Limits
from mailroom.sandbox.dispatch import CORE, MAIL
from mailroom.sandbox.faults import Endpoint

from .support import make_sandbox, running


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        ("Bearer", 401),
        ("Digest sandbox-token", 401),
        ("Basic not-base64!", 401),
        (basic("robin@example.com:wrong"), 401),
        (basic("robin@example.com:sandbox-token"), 200),
        ("bearer sandbox-token", 200),
    ],
)
async def test_only_the_right_credentials_open_a_session(header: str | None, status: int) -> None:
    async with running(make_sandbox()) as server, httpx.AsyncClient(base_url=server.base_url) as http:
        headers = {} if header is None else {"Authorization": header}
        response = await http.get("/jmap/session", headers=headers)
        assert response.status_code == status
        assert ("WWW-Authenticate" in response.headers) == (status == 401)
        assert server.sandbox.requests[-1].authorized is (status == 200)


@pytest.mark.parametrize("path", ["/jmap/api/", "/jmap/event/", "/jmap/upload/u1/", "/jmap/download/u1/B1/x"])
async def test_every_endpoint_wants_credentials(path: str) -> None:
    async with running(make_sandbox()) as server, httpx.AsyncClient(base_url=server.base_url) as http:
        method = "POST" if path in ("/jmap/api/", "/jmap/upload/u1/") else "GET"
        assert (await http.request(method, path)).status_code == 401


async def test_discovery_redirects_to_the_session() -> None:
    async with running(make_sandbox()) as server:
        response = await server.http.get("/.well-known/jmap", follow_redirects=True)
        assert [step.status_code for step in response.history] == [301]
        assert response.url.path == "/jmap/session"
        assert response.json()["username"] == "robin@example.com"


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=lambda flavour: flavour.name)
async def test_the_urls_of_the_session_work(flavour: Flavour) -> None:
    async with running(make_sandbox(flavour)) as server:
        session = (await server.http.get("/jmap/session")).json()
        upload = session["uploadUrl"].replace("{accountId}", "u1")
        sent = await server.http.post(upload, content=b"hello", headers={"Content-Type": "text/plain"})
        blob = sent.json()
        assert (sent.status_code, blob["type"], blob["size"]) == (201, "text/plain", 5)
        download = session["downloadUrl"].format(accountId="u1", blobId=blob["blobId"], name="a b.txt", type="text/x")
        got = await server.http.get(download)
        assert (got.content, got.headers["content-type"]) == (b"hello", "text/x")
        echo = {"using": [CORE], "methodCalls": [["Core/echo", {}, "c"]]}
        assert (await server.http.post(session["apiUrl"], json=echo)).json()["methodResponses"] == [
            ["Core/echo", {}, "c"]
        ]


async def test_a_part_of_a_mail_can_be_downloaded() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(body="The text")
    async with running(sandbox) as server:
        arguments = {"ids": [mail_id], "properties": ["blobId", "textBody"]}
        [[_, answer, _]] = (await server.post(("Email/get", arguments))).json()["methodResponses"]
        [mail] = answer["list"]
        part = await server.http.get(f"/jmap/download/u1/{mail['textBody'][0]['blobId']}/x")
        whole = await server.http.get(f"/jmap/download/u1/{mail['blobId']}/x")
        missing = await server.http.get("/jmap/download/u1/B99/x")
        foreign = await server.http.get("/jmap/download/u2/B1/x")
    assert part.text.strip() == "The text"
    assert whole.text.startswith("From: Ann")
    assert (missing.status_code, foreign.status_code) == (404, 404)


async def test_problems_with_a_request_come_as_problem_documents() -> None:
    sandbox = make_sandbox(limits=Limits(max_size_request=200, max_size_upload=10))
    async with running(sandbox) as server:
        large = await server.http.post("/jmap/api/", json={"x": "y" * 200})
        text = await server.http.post("/jmap/api/", content=b"{}", headers={"Content-Type": "text/plain"})
        unknown = await server.post(("Core/echo", {}), using=("urn:example:none",))
        upload = await server.http.post("/jmap/upload/u1/", content=b"x" * 11)
    for response in (large, text, unknown, upload):
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
    assert (large.status_code, large.json()["limit"]) == (400, "maxSizeRequest")
    assert text.json()["type"].endswith(":notJSON")
    assert unknown.json()["type"].endswith(":unknownCapability")
    assert (upload.status_code, upload.json()["limit"]) == (413, "maxSizeUpload")


async def test_created_ids_come_back_when_the_client_sent_some() -> None:
    async with running(make_sandbox()) as server:
        create = {"accountId": "u1", "create": {"new": {"name": "News", "parentId": "#old"}}}
        document = {"using": [CORE, MAIL], "methodCalls": [["Mailbox/set", create, "c"]], "createdIds": {"old": "P4"}}
        answer = (await server.http.post("/jmap/api/", json=document)).json()
        assert answer["createdIds"] == {"old": "P4", "new": server.sandbox.mailbox_id("Feed/News")}


async def test_every_answer_names_the_state_of_the_session() -> None:
    async with running(make_sandbox()) as server:
        session = (await server.http.get("/jmap/session")).json()
        before = (await server.post(("Core/echo", {}))).json()["sessionState"]
        server.sandbox.renew_session()
        after = (await server.post(("Core/echo", {}))).json()["sessionState"]
        assert session["state"] == before != after


async def test_requests_are_recorded() -> None:
    async with running(make_sandbox()) as server:
        await server.http.get("/jmap/session")
        response = await server.post(("Mailbox/get", {}), ("Email/query", {}))
        session, api = server.sandbox.requests
    assert (session.endpoint, session.calls, session.status) == (Endpoint.SESSION, (), 200)
    assert (api.endpoint, api.calls) == (Endpoint.API, ("Mailbox/get", "Email/query"))
    assert (api.request_bytes, api.response_bytes) == (len(response.request.content), len(response.content))
