"""A process that reads replies, and says what each cost: `python -m tests.jmap.large_reply URL CALL …`."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import trio
from pydantic import SecretStr

import mailroom.daemon.process  # noqa: F401  what the daemon holds in memory anyway
from mailroom.errors import MailroomError
from mailroom.http import Credentials, bearer
from mailroom.http_clients import http_client
from mailroom.jmap.batch import Batch, Call
from mailroom.jmap.cards import CARD
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.jmap.session import MAIL
from mailroom.jmap.set import SetResult, read_set_result

CALLS: dict[str, Call[Any]] = {
    "mailboxes": get_mailboxes("u1"),
    "mails": EMAIL.get("u1", "ids", ()),
    "cards": CARD.get("u1", "ids", ()),
    "set": Call[SetResult]("Email/set", {}, MAIL, read_set_result),
}


class Stretches(trio.abc.Instrument):
    """`longest` is the longest time that one task ran without a checkpoint, in seconds of CPU."""

    longest = 0.0
    _began = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.longest = max(self.longest, time.thread_time() - self._began)


def peak_mib() -> int:
    """The most memory so far. Not by getrusage, which begins with what the parent held at the fork."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


async def read_all(session_url: httpx.URL, names: Sequence[str], stretches: Stretches) -> None:
    """Make the calls, one after the other, and print a line of JSON about each reply."""
    async with http_client() as http:
        client = Client(http, session_url, Credentials(bearer(SecretStr("s3cret")), session_url))
        await client.session()
        for name in names:
            stretches.longest = 0.0
            said = await read(client, CALLS[name])
            cost = {"said": said, "longest_seconds": round(stretches.longest, 3), "peak_mib": peak_mib()}
            print(json.dumps(cost))


async def read(client: Client, call: Call[Any]) -> str:
    """The error that the reply was read as, or nothing."""
    batch = Batch()
    slot = batch.add(call)
    try:
        (await client.send(batch))[slot]
    except MailroomError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    stretches = Stretches()
    trio.run(read_all, httpx.URL(sys.argv[1]), sys.argv[2:], stretches, instruments=[stretches])
