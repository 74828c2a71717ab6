"""Opening the event source (RFC 8620 §7.3): asks for the stream, and says what an answer means that is none."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
import trio

from mailroom.errors import BadReply, MailroomError, Unavailable
from mailroom.http import DEADLINE_SECONDS, Reply, check_status, no_exchange
from mailroom.jmap.client import Client
from mailroom.urls import origin
from mailroom.wire import plain_name

_NO_PUSH = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
"""204 is HTML's "stop asking" (§9.2.3); the others say that no such thing is there."""


class NoPush(MailroomError):
    """The server offers no push: no url, or a status that says so. Polling does the work."""


class StreamGone(MailroomError):
    """The event source's url is gone (404); a session read anew may name another."""


async def connect(client: Client, http: httpx.AsyncClient, url: httpx.URL, last_event_id: str = "") -> httpx.Response:
    """Ask for the event stream at `url`; the caller closes the response. Raises `Unavailable`."""
    # Not compressed, so that what is counted is what memory holds.
    headers = [
        (b"Accept", b"text/event-stream"),
        (b"Accept-Encoding", b"identity"),
        (b"Cache-Control", b"no-store"),
    ]
    if last_event_id:
        headers.append((b"Last-Event-ID", last_event_id.encode()))
    request = http.build_request("GET", url, headers=headers)
    with typed_errors(url), trio.fail_after(DEADLINE_SECONDS):
        return await http.send(request, auth=client.credentials, stream=True)


def check_stream(response: httpx.Response) -> None:
    """Raise a `MailroomError` unless this is an event stream."""
    reply = Reply(response, b"")
    where = origin(response.url)
    if reply.status in _NO_PUSH:
        raise NoPush(f"{where} answered HTTP {reply.status}")
    if reply.status == HTTPStatus.NOT_FOUND:
        raise StreamGone(f"{where} answered HTTP 404")
    check_status(reply, response.url)
    encoding = reply.headers.get("Content-Encoding", "identity").lower()
    if reply.content_type != "text/event-stream" or encoding != "identity":
        what = reply.content_type if encoding == "identity" else f"{plain_name(encoding)} of {reply.content_type}"
        raise BadReply(f"{where} sent {what}", expected="text/event-stream, not compressed")


@contextmanager
def typed_errors(url: httpx.URL) -> Iterator[None]:
    try:
        yield
    except trio.TooSlowError:
        raise Unavailable(f"{origin(url)} gave no answer in {DEADLINE_SECONDS} s") from None
    except UnicodeError:
        raise Unavailable(f"{origin(url)} has, or leads to, a name that no host can have") from None
    except (httpx.TransportError, OSError) as error:
        raise no_exchange(url, error) from error


def keep_alive(response: httpx.Response) -> None:
    """Let the kernel find out about a peer that vanished without a word, within about two minutes.

    Set on the socket, not through the transport's socket_options: a transport of our own would bypass the proxy
    that the environment may name.
    """
    sock = response.extensions["network_stream"].get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # macOS names the first one differently and has its own defaults.
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
