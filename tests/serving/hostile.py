"""What clients send who mean no good, each of which ended a server once or could have."""

from types import MappingProxyType


def get(path: str, *fields: bytes) -> bytes:
    """A request."""
    return b"\r\n".join((b"GET %s HTTP/1.1" % path.encode(), b"Host: x", *fields, b"", b""))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113, section 4.1."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def http2(fields: bytes) -> bytes:
    """A request over HTTP/2 with prior knowledge; the field section is by RFC 7541."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    return preface + _frame(4, 0, 0, b"") + _frame(1, 5, 1, fields)


_GET, _HTTP, _ROOT = b"\x82", b"\x86", b"\x84"


def _named(index: int, value: bytes) -> bytes:
    """A field with the name of the static table: 1 is :authority, 2 :method, 4 :path."""
    return bytes((index, len(value))) + value


def _field(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


_HANDSHAKE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
_WEBSOCKET = (
    _named(2, b"CONNECT")
    + _field(b":protocol", b"websocket")
    + _HTTP
    + _ROOT
    + _named(1, b"x")
    + _field(b"sec-websocket-version", b"13")
    + _field(b"sec-websocket-protocol", b"\xff")
)

WEBSOCKET = get("/livez", *_HANDSHAKE, b"Sec-WebSocket-Protocol: \xff")

REFUSED = MappingProxyType(
    {
        "websocket": get("/livez", *_HANDSHAKE),
        "websocket protocol": WEBSOCKET,
        "websocket extensions": get("/livez", *_HANDSHAKE, b"Sec-WebSocket-Extensions: \xff"),
        "websocket list": get("/livez", b"Connection: Upgrade", b"Upgrade: h2c, websocket"),
        "HTTP/2": http2(_GET + _HTTP + _ROOT + _named(1, b"x")),
        "HTTP/2 :path": http2(_GET + _HTTP + _named(4, b"/\xff") + _named(1, b"x")),
        "HTTP/2 :method": http2(_named(2, b"\xff") + _HTTP + _ROOT + _named(1, b"x")),
        "HTTP/2 CONNECT": http2(_named(2, b"CONNECT") + _named(1, b"x:80")),
        "HTTP/2 CONNECT for a websocket": http2(_WEBSOCKET),
        "HTTP/9.9": b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
        "CONNECT": b"CONNECT livez:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT and path": b"CONNECT /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        "target without path": b"GET ?x HTTP/1.1\r\nHost: x\r\n\r\n",
        "target with half an address": b"GET http://[/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS *": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "no host": b"GET /livez HTTP/1.1\r\n\r\n",
        "two hosts": b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "host of 64 letters": b"GET /livez HTTP/1.1\r\nHost: %s\r\n\r\n" % (b"a" * 64),
        "host with an empty label": b"GET /livez HTTP/1.1\r\nHost: a..b\r\n\r\n",
        "host beyond ASCII": b"GET /livez HTTP/1.1\r\nHost: \xff\r\n\r\n",
        "body": b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
        "body of GET": get("/livez", b"Content-Length: 100000000000"),
        "body in chunks": b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "length below nothing": get("/livez", b"Content-Length: -5"),
        "length of many digits": get("/livez", b"Content-Length: " + b"9" * 5_000),
        "endless head": b"GET /livez HTTP/1.1\r\nX: " + b"y" * 100_000,
        "rubbish": b"\x00\xff\xfe\r\n\r\n",
    }
)
"""Each is answered 400."""
