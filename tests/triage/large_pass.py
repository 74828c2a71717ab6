"""A process that runs one pass, and says what it cost: `python -m tests.triage.large_pass URL TOKEN`."""

import gc
import json
import sys

import httpx
import trio
from pydantic import SecretStr

import mailroom.daemon.process  # noqa: F401  what the daemon holds in memory anyway
from mailroom.http import Credentials, bearer
from mailroom.http_clients import http_client
from mailroom.jmap.client import Client
from tests.jmap.large_reply import Stretches, peak_mib
from tests.screener import NOW, start


async def run_pass(session_url: httpx.URL, token: str, stretches: Stretches) -> None:
    """Run it, and print a line of JSON."""
    async with http_client() as http:
        triage = await start(Client(http, session_url, Credentials(bearer(SecretStr(token)), session_url)))
        stretches.longest = 0.0
        outcome = await triage.run(NOW)
    cost = {"longest_seconds": round(stretches.longest, 3), "peak_mib": peak_mib()}
    print(json.dumps({"mails_filed": outcome.mails_filed, **cost}))


if __name__ == "__main__":
    gc.freeze()  # as the daemon does
    stretches = Stretches()
    trio.run(run_pass, httpx.URL(sys.argv[1]), sys.argv[2], stretches, instruments=[stretches])
