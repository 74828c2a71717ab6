"""What a client sends, request by request: only what hypercorn may see passes. Without I/O."""

import re

import h11

LONGEST_HEAD_BYTES = 16 * 1024
"""Of a request line with its header fields, while it comes."""

REFUSED = b"\0\r\n\r\n"
"""What hypercorn is given in the place of a request that it must not see. It answers 400, after the answers that it
still owes, and hangs up."""

_HOST = re.compile(rb"(([\w-]{1,63}\.)*([\w-]{1,63})?|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?", re.ASCII)
"""A name or an address, and a port. At any other Quart (0.22) raises."""


class Gate:
    """Lets heads of requests through, whole and written anew, so that nobody reads them differently, and their bodies.

    Anything else is refused: other versions than HTTP/1.0 and 1.1, CONNECT, WebSocket, a target that isn't a path or a
    host that can't be one (RFC 9112, section 3.2), a body in chunks or of more than `longest_body` bytes (0: none is
    wanted). Nothing passes after that, nor after a request that is the last by its version or its `Connection: close`.
    """

    def __init__(self, longest_body: int) -> None:
        self._longest_body = longest_body
        self._head = _new_parser()
        self._body = b""
        self._body_bytes_left = 0
        self._last_has_come = False
        self.requests_passed = 0

    @property
    def awaits_body(self) -> bool:
        """More must come of a request that has passed."""
        return self._body_bytes_left > 0

    @property
    def has_begun(self) -> bool:
        """A part of a head has come, and its end hasn't."""
        return bool(self._head.trailing_data[0])

    def add(self, data: bytes) -> None:
        """Take what came from the client."""
        self._body += data[: self._body_bytes_left]
        rest = data[self._body_bytes_left :]
        self._body_bytes_left -= len(data) - len(rest)
        if rest and not self._last_has_come:
            self._head.receive_data(rest)

    def take(self) -> bytes:
        """The next piece that passes; empty while more must come first."""
        if self._body:
            piece, self._body = self._body, b""
            return piece
        if self._last_has_come:
            return b""
        try:
            request = self._head.next_event()
        except h11.RemoteProtocolError:
            return self._refuse()
        return self._judge(request) if isinstance(request, h11.Request) else b""

    def _judge(self, request: h11.Request) -> bytes:
        body_bytes = int(_value_of(request, b"content-length") or 0)
        if not _is_plain(request) or body_bytes > self._longest_body:
            return self._refuse()
        rest, _ = self._head.trailing_data
        self._head = _new_parser()
        self._body_bytes_left = body_bytes
        self._last_has_come = _is_last(request)
        self.requests_passed += 1
        self.add(rest)
        return _written(request)

    def _refuse(self) -> bytes:
        self._last_has_come = True
        return REFUSED


def _new_parser() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD_BYTES)


def _is_plain(request: h11.Request) -> bool:
    """A request for a path over HTTP/1, framed by its length alone.

    An offer of h2c, as Java's client makes it with every request, is passed over (RFC 9110, section 7.8).
    """
    return (
        request.http_version in (b"1.0", b"1.1")
        # Methods are case-sensitive (RFC 9110, section 9.1): Quart takes hEAD for HEAD, and h11 waits for its content.
        and request.method == request.method.upper() != b"CONNECT"
        and request.target.startswith(b"/")
        and _HOST.fullmatch(_value_of(request, b"host")) is not None
        and not _value_of(request, b"transfer-encoding")
        and _value_of(request, b"upgrade").lower() in (b"", b"h2c")
    )


def _is_last(request: h11.Request) -> bool:
    options = _value_of(request, b"connection").lower().split(b",")
    return request.http_version == b"1.0" or b"close" in map(bytes.strip, options)


def _value_of(request: h11.Request, wanted: bytes) -> bytes:
    """All values of a header field, as a list by RFC 9110, section 5.3; empty where there is none."""
    return b",".join(value for name, value in request.headers if name == wanted)


def _written(request: h11.Request) -> bytes:
    fields = [b"%s: %s\r\n" % field for field in request.headers if field[0] != b"upgrade"]
    start = b"%s %s HTTP/%s\r\n" % (request.method, request.target, request.http_version)
    return b"".join((start, *fields, b"\r\n"))
