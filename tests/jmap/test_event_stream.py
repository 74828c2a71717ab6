import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.errors import BadReply
from mailroom.jmap.event_stream import (
    EventSize,
    LineEnds,
    Silence,
    clamp_retry,
    concerns,
    ends_a_line,
    event_source_url,
    sendable_id,
)


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        (
            "https://jmap.example/event/",
            "https://jmap.example/event/?types=Email%2CMailbox&closeafter=no&ping=60",
        ),
        (
            "https://jmap.example/event/?key=1",
            "https://jmap.example/event/?key=1&types=Email%2CMailbox&closeafter=no&ping=60",
        ),
        (
            "https://jmap.example/event?types={types}&closeafter={closeafter}&ping={ping}",
            "https://jmap.example/event?types=Email%2CMailbox&closeafter=no&ping=60",
        ),
        (
            "https://jmap.example/event{?types,closeAfter,ping}",
            "https://jmap.example/event?types=Email%2CMailbox&closeAfter=no&ping=60",
        ),
        (
            "https://jmap.example/{account}event?types={types}",
            "https://jmap.example/event?types=Email%2CMailbox",
        ),
    ],
)
def test_the_url_is_the_template_expanded_or_the_plain_url_completed(offered: str, asked: str) -> None:
    assert str(event_source_url(offered)) == asked


def test_what_is_no_url_is_a_bad_reply() -> None:
    for offered in ("https://jmap.example:port/{types}", "https://jmap.example/{types:x}"):
        with pytest.raises(BadReply, match="eventSourceUrl"):
            event_source_url(offered)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({"@type": "StateChange", "changed": {"u1": {"Email": "s2"}}}, True),
        ({"@type": "StateChange", "changed": {"u1": {"Mailbox": "s2", "Thread": "s2"}}}, True),
        ({"type": "connect", "changed": {"u1": {"Email": "s1"}}}, True),
        ({"type": "change", "changed": {"u1": {"Email": "s1"}}}, True),
        ({"changed": {"u1": {"ContactCard": "s2", "EmailDelivery": "s2"}}}, False),
        ({"changed": {"u2": {"Email": "s2"}}}, False),
        ({"changed": {}}, False),
    ],
)
def test_only_mail_and_mailboxes_of_our_account_count(change: object, counts: bool) -> None:
    assert concerns(json.dumps(change), "u1") is counts


@pytest.mark.parametrize("data", ["", "{", "[" * 100_000, "null", '{"changed": []}', '{"changed": {"u1": "s"}}', "{}"])
def test_a_state_event_that_is_no_state_change_is_a_bad_reply(data: str) -> None:
    with pytest.raises(BadReply):
        concerns(data, "u1")


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [(5000, 5.0), (0, 0.1), (-7, 0.1), (150, 0.15), (300_000, 300.0), (300_001, 300.0), (10**400, 300.0)],
)
def test_retry_is_kept_between_a_tenth_of_a_second_and_five_minutes(milliseconds: int, seconds: float) -> None:
    assert clamp_retry(milliseconds) == seconds


@pytest.mark.parametrize(
    ("id", "sendable"),
    [("42", True), ("é 42", True), (" 42", False), ("42 ", False), ("a\x01", False), ("x" * 1025, False)],
)
def test_an_id_is_sent_back_only_if_a_header_can_hold_it(id: str, sendable: bool) -> None:
    assert sendable_id(id) is sendable


def test_silence_is_half_an_hour_until_two_pings_were_seen() -> None:
    silence = Silence()
    assert silence.allowed == 1800
    silence.ping(100)
    assert silence.allowed == 1800


@pytest.mark.parametrize(("gap", "allowed"), [(30, 75), (60, 150), (300, 750), (5, 60), (24, 60)])
def test_silence_is_two_and_a_half_ping_gaps_but_at_least_a_minute(gap: float, allowed: float) -> None:
    silence = Silence()
    silence.ping(100)
    silence.ping(100 + gap)
    assert silence.allowed == allowed


def test_pings_that_come_together_do_not_shorten_the_silence() -> None:
    silence = Silence()
    for at in (0, 300, 300.1, 300.2):
        silence.ping(at)
    assert silence.allowed == 750


def size_after(*parts: bytes) -> int:
    size = EventSize()
    for part in parts:
        size.add(part)
    return size.pending


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n", b"\r\n\n"])
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_blank_line_however_written_and_cut_ends_an_event(blank: bytes, cut: int) -> None:
    assert size_after(b"data: " + b"x" * 1000, blank[:cut], blank[cut:], b"data: y") <= len(b"\ndata: y")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_an_event_grows_until_its_blank_line(end: bytes) -> None:
    line = b"data: " + b"x" * 100 + end
    assert size_after(*[line] * 50) == 50 * len(line)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\n\r"])))
def test_line_ends_are_lf_however_they_are_cut(parts: list[bytes]) -> None:
    ends = LineEnds()
    whole = b"".join(parts)
    assert b"".join(map(ends.as_lf, parts)) == whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def test_a_lone_cr_is_a_line_end_at_once() -> None:
    ends = LineEnds()
    assert [ends.as_lf(part) for part in (b"a\r", b"\n", b"b\r", b"\r", b"c")] == [b"a\n", b"", b"b\n", b"\n", b"c"]


@pytest.mark.parametrize(("part", "ends"), [(b"data: a", False), (b"c\n", True), (b":\rd", True)])
def test_a_line_ends_with_cr_or_lf(part: bytes, ends: bool) -> None:
    assert ends_a_line(part) is ends
