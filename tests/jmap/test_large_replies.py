"""Whatever a reply of the allowed size holds, a process that reads it stays small.

How long one stretch of work takes is told beside the memory by `tests/jmap/large_reply.py`, and held by no test.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from mailroom.http import MAX_REPLY_BYTES
from mailroom.wire import MAX_JSON_VALUES
from tests.guard import GUARD_SECONDS
from tests.scripted_server import Answer, ScriptedServer, reply, session_reply

MOST_MIB = 200
ROOM = MAX_REPLY_BYTES - 1_000


def answer(name: str, arguments: bytes) -> bytes:
    return b'{"methodResponses": [["%b", %b, "c0"]], "sessionState": "s1"}' % (name.encode(), arguments)


def listed(item: bytes, values: int, most: int = MAX_JSON_VALUES) -> bytes:
    """A list of as many of these as fit into the size and the number of values, of which one has so many."""
    count = min(ROOM // (len(item) + 1), (most - 100) // (values + 1))
    return b'{"list": [%b]}' % b",".join([item] * count)


def refusals(error: bytes) -> bytes:
    return b'{"notUpdated": {%b}}' % b",".join(b'"%x": %b' % (n, error) for n in range((MAX_JSON_VALUES - 100) // 2))


MAIL = b'{"id":"M1234567890abcdef","mailboxIds":{"P1":true},"from":[{"name":"Ann Lee","email":"ann@example.org"}]}'
WIDE = '"😀'.encode() + b"x" * 14_000_000 + b'"'

REPLIES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "mailboxes": ("mailboxes", "Mailbox/get", lambda: listed(b'{"id":"","name":""}', 2)),
    "too many empty objects": ("mailboxes", "Mailbox/get", lambda: listed(b"{}", 1, 10**9)),
    "small objects": ("mailboxes", "Mailbox/get", lambda: listed(b'{"":"abcd"}', 1)),
    "a wide text": ("mailboxes", "Mailbox/get", lambda: b'{"list": [{"id": "", "name": %b}]}' % WIDE),
    "halves of characters": ("mailboxes", "Mailbox/get", lambda: b'{"list": ["%b"]}' % (rb"\ud800" * (ROOM // 7))),
    "escapes": ("mailboxes", "Mailbox/get", lambda: b'{"list": ["%b\\ud800"]}' % (rb"\\" * (ROOM // 3))),
    "mails": ("mails", "Email/get", lambda: listed(MAIL, 9)),
    "odd mails": ("mails", "Email/get", lambda: b'{"list": [{"id": "", "from": [%b]}]}' % b",".join([b"1"] * 150_000)),
    "cards": ("cards", "ContactCard/get", lambda: listed(b'{"id":"","uid":""}', 2)),
    "odd cards": ("cards", "ContactCard/get", lambda: listed(b'{"id":""}', 1)),
    "refusals": ("set", "Email/set", lambda: refusals(b'{"type":"abcde"}')),
    "odd refusals": ("set", "Email/set", lambda: refusals(b"{}")),
}


def sends(name: str, arguments: Callable[[], bytes]) -> Answer:
    """Made when it is asked for, so that this process holds one at a time."""

    async def send(stream: trio.abc.Stream) -> None:
        body = answer(name, arguments())
        assert len(body) <= MAX_REPLY_BYTES
        await reply("200 OK", body, Content_Type="application/json")(stream)

    return send


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory was held at most")
@pytest.mark.exhaustive
async def test_replies_of_the_allowed_size_take_little_memory() -> None:
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            server = ScriptedServer()
            await nursery.start(server.serve)
            server.script("/session", session_reply())
            server.script("/api", *(sends(name, arguments) for _, name, arguments in REPLIES.values()))
            calls = [call for call, _, _ in REPLIES.values()]
            command = [sys.executable, "-m", "tests.jmap.large_reply", f"{server.origin}/session", *calls]
            done = await trio.run_process(command, capture_stdout=True)
            nursery.cancel_scope.cancel()
    costs = dict(zip(REPLIES, map(json.loads, done.stdout.splitlines()), strict=True))
    assert max(cost["peak_mib"] for cost in costs.values()) < MOST_MIB
    refused = {name for name, cost in costs.items() if "holds too much" in cost["said"]}
    assert refused == {"too many empty objects"}
