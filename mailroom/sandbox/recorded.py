"""What the sandbox remembers of each request."""

from __future__ import annotations

from dataclasses import dataclass

from mailroom.sandbox.faults import Endpoint


@dataclass(frozen=True)
class Recorded:
    """One HTTP request that reached the sandbox. Sizes are octets of the bodies.

    `calls` are the method names of an API request. `status` and `response_bytes` are None when the
    connection went away before an answer; `response_bytes` is None for a stream, too.
    """

    endpoint: Endpoint
    calls: tuple[str, ...]
    authorized: bool
    request_bytes: int
    status: int | None = None
    response_bytes: int | None = None
