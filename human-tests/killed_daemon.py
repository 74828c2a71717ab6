"""The real daemon, which kills itself once a server has answered a request of it that writes.

The server has acted, and nothing in the daemon knows of it: the worst moment there is. Used by test 10.
"""

import os
import signal
import sys

import httpx

from mailroom.__main__ import entry

_send = httpx.AsyncHTTPTransport.handle_async_request


async def _send_and_die(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
    response = await _send(transport, request)
    if request.method in ("PUT", "DELETE") or (request.method == "POST" and b'/set"' in request.content):
        os.kill(os.getpid(), signal.SIGKILL)
    return response


if __name__ == "__main__":
    httpx.AsyncHTTPTransport.handle_async_request = _send_and_die  # type: ignore[method-assign, assignment]  # for this process alone
    sys.exit(entry())
