import socket
from functools import partial

import httpx
import pytest
import trio
from hypercorn.config import Config

from mailroom.sandbox import AddressInUseError, Sandbox, serve
from tests.guard import GUARD_SECONDS

from .support import make_sandbox, running


async def test_a_port_in_use_is_said_clearly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(AddressInUseError, match=f"port {port}.*choose another port"):
            await serve(Sandbox(), port=port)


async def test_a_cancelled_server_stops_at_once_and_frees_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = make_sandbox()
    # Instead of hypercorn's 3 s of grace: who waits for an open stream doesn't get there.
    monkeypatch.setattr(Config, "graceful_timeout", 2 * GUARD_SECONDS)
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as clients, trio.open_nursery() as servers:
            base_url = await servers.start(serve, sandbox)
            clients.start_soon(follow_events_until_the_connection_ends, sandbox, base_url)
            await sandbox.broadcaster.wait_for_stream()
            servers.cancel_scope.cancel()
    assert sandbox.broadcaster.open_streams == 0
    async with trio.open_nursery() as nursery:
        again = partial(serve, sandbox, port=int(base_url.rpartition(":")[2]))
        assert await nursery.start(again) == base_url
        nursery.cancel_scope.cancel()


async def follow_events_until_the_connection_ends(sandbox: Sandbox, base_url: str) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get("/jmap/event/")


async def test_two_sandboxes_run_side_by_side() -> None:
    one, two = make_sandbox(), make_sandbox()
    async with running(one) as first, running(two) as second:
        assert first.base_url != second.base_url
        one.deliver()
        [[_, answer, _]] = (await second.post(("Email/query", {}))).json()["methodResponses"]
        assert answer["ids"] == []


async def test_a_server_listens_on_ipv6_too() -> None:
    sandbox = make_sandbox()
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(partial(serve, sandbox, host="::1"))
        async with httpx.AsyncClient(base_url=base_url) as http:
            assert (await http.get("/.well-known/jmap")).status_code == 301
        nursery.cancel_scope.cancel()
