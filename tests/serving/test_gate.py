"""What passes the gate, byte by byte."""

import pytest

from mailroom.serving.gate import REFUSED, Gate

LIVEZ = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def passed(gate: Gate, *parts: bytes) -> bytes:
    """All that passes of what comes in these parts."""
    found = b""
    for part in parts:
        gate.add(part)
        while piece := gate.take():
            found += piece
    return found


def post(body: bytes, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (length, body)


def test_requests_pass_as_they_are() -> None:
    requests = LIVEZ + post(b"abc")
    assert passed(Gate(3), requests) == requests


def test_however_they_are_cut() -> None:
    requests = LIVEZ + post(b"abc") + LAST
    gate = Gate(3)
    assert passed(gate, *(bytes((byte,)) for byte in requests)) == requests
    assert (gate.requests_passed, gate.awaits_body) == (3, False)


def test_half_a_head_does_not_pass() -> None:
    assert passed(Gate(0), LIVEZ[:-1]) == b""


def test_a_request_is_written_anew() -> None:
    told = b"GET /livez HTTP/1.1\nhost:x \nX-Long: a\r\n  b\n\n"
    assert passed(Gate(0), told) == b"GET /livez HTTP/1.1\r\nhost: x\r\nx-long: a b\r\n\r\n"


def test_a_body_is_awaited_and_what_follows_is_a_request() -> None:
    gate = Gate(3)
    assert passed(gate, post(b"ab", length=3)) == post(b"ab", length=3)
    assert gate.awaits_body
    assert passed(gate, b"c" + LIVEZ) == b"c" + LIVEZ
    assert not gate.awaits_body


def test_the_body_of_the_last_request_still_passes() -> None:
    last = b"POST /x HTTP/1.0\r\ncontent-length: 4\r\n\r\nab"
    gate = Gate(4)
    assert passed(gate, last, b"cd" + LIVEZ, LIVEZ) == last + b"cd"
    assert gate.requests_passed == 1


@pytest.mark.parametrize("body", [b"abcd", b"a" * 1_000_000])
def test_a_body_that_is_too_long_is_refused_before_it_comes(body: bytes) -> None:
    assert passed(Gate(3), post(body)[:60]) == REFUSED


@pytest.mark.parametrize(
    "host",
    [b"", b"localhost", b"mail_room:8080", b"nas.example.org.", b"127.0.0.1:8080", b"[::1]:80", b"x:", b"a" * 63],
)
def test_any_host_that_there_can_be_passes(host: bytes) -> None:
    request = b"GET / HTTP/1.1\r\nhost: %s\r\n\r\n" % host
    assert passed(Gate(0), request) == request


@pytest.mark.parametrize(
    "host", [b".", b"a..b", b"a" * 64, b"\xff", b"a b", b"a,b", b"a@b", b"[", b"[a]:b", b"a:b", b"a/"]
)
def test_any_other_does_not(host: bytes) -> None:
    assert passed(Gate(0), b"GET / HTTP/1.1\r\nhost: %s\r\n\r\n" % host) == REFUSED


@pytest.mark.parametrize("method", [b"hEAD", b"get", b"Connect"])
def test_no_method_passes_that_others_would_read_in_capitals(method: bytes) -> None:
    assert passed(Gate(0), b"%s / HTTP/1.1\r\nhost: x\r\n\r\n" % method) == REFUSED


def test_nothing_passes_after_a_refusal() -> None:
    gate = Gate(0)
    assert passed(gate, LIVEZ + b"\0\r\n\r\n" + LIVEZ, LIVEZ) == LIVEZ + REFUSED
    assert gate.requests_passed == 1
