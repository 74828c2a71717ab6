from datetime import UTC, datetime

import pytest

from .support import call, error_of, make_sandbox

MULTIPART = b"""\
From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>
To: Robin <robin@example.com>, Ann <ann@example.org>
Cc: Team: one@example.org, two@example.org;
Subject: =?utf-8?b?R3LDvMOfZQ==?=
Message-ID: <m1@example.org>
References: <r1@example.org>
 <r2@example.org>
Date: Thu, 5 Mar 2026 08:00:00 +0100
List-Unsubscribe: <https://example.org/u?x=1>
X-Trace:  second\x20
X-Trace:	first
Received: by x;
	Thu, 5 Mar 2026 08:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=B

--B
Content-Type: multipart/alternative; boundary=A

--A
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

Viele Gr\xfc\xdfe,   J
--A
Content-Type: text/html; charset=utf-8

<p>Hello</p>
--A--
--B
Content-Type: text/csv; name=data.csv
Content-Disposition: attachment; filename=data.csv

a,b
--B--
""".replace(b"\n", b"\r\n")

TEAM = [{"name": None, "email": "one@example.org"}, {"name": None, "email": "two@example.org"}]


def test_a_mail_shows_its_properties() -> None:
    sandbox = make_sandbox()
    received = datetime(2026, 3, 5, 7, 30, tzinfo=UTC)
    mail_id = sandbox.deliver(raw=MULTIPART, received_at=received, keywords=("$seen",))
    [mail] = call(sandbox, "Email/get", ids=[mail_id])["list"]
    assert mail["from"] == [{"name": "Jürgen", "email": "juergen@example.org"}]
    assert [to["email"] for to in mail["to"]] == ["robin@example.com", "ann@example.org"]
    assert [cc["email"] for cc in mail["cc"]] == ["one@example.org", "two@example.org"]
    assert mail["bcc"] is None
    assert mail["subject"] == "Grüße"
    assert (mail["receivedAt"], mail["sentAt"]) == ("2026-03-05T07:30:00Z", "2026-03-05T08:00:00+01:00")
    assert mail["messageId"] == ["m1@example.org"]
    assert mail["references"] == ["r1@example.org", "r2@example.org"]
    assert mail["mailboxIds"] == {sandbox.mailbox_id("Screener"): True}
    assert mail["keywords"] == {"$seen": True}
    assert mail["preview"] == "Viele Grüße, J"
    assert mail["hasAttachment"] is True
    assert mail["size"] == len(MULTIPART)


def test_a_mail_shows_its_bodies() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(raw=MULTIPART)
    [mail] = call(sandbox, "Email/get", ids=[mail_id], fetchTextBodyValues=True, maxBodyValueBytes=10)["list"]
    assert [part["type"] for part in mail["textBody"]] == ["text/plain"]
    assert [part["type"] for part in mail["htmlBody"]] == ["text/html"]
    assert [part["name"] for part in mail["attachments"]] == ["data.csv"]
    [(part_id, value)] = mail["bodyValues"].items()
    assert part_id == mail["textBody"][0]["partId"]
    assert value == {"value": "Viele Gr\u00fc", "isEncodingProblem": False, "isTruncated": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("header:From", " =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>"),
        ("header:from:asRaw", " =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>"),
        ("header:Subject:asText", "Grüße"),
        ("header:From:asAddresses", [{"name": "Jürgen", "email": "juergen@example.org"}]),
        ("header:References:asMessageIds", ["r1@example.org", "r2@example.org"]),
        ("header:Date:asDate", "2026-03-05T08:00:00+01:00"),
        ("header:List-Unsubscribe:asURLs", ["https://example.org/u?x=1"]),
        ("header:X-Trace:asText", "first"),
        ("header:X-Trace:asText:all", ["second", "first"]),
        ("header:X-Trace:asRaw:all", ["  second ", "\tfirst"]),
        ("header:Received", " by x;\r\n\tThu, 5 Mar 2026 08:00:00 +0100"),
        ("header:Cc:asGroupedAddresses", [{"name": "Team", "addresses": TEAM}]),
        ("header:Missing", None),
        ("header:Missing:all", []),
    ],
)
def test_a_header_comes_in_the_form_asked_for(name: str, value: object) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(raw=MULTIPART)
    assert call(sandbox, "Email/get", ids=[mail_id], properties=[name])["list"] == [{"id": mail_id, name: value}]


AUTHENTICATED = b"""\
Authentication-Results: mx.example.com;\r
 dmarc=pass (p=none)  header.from=example.org\r
authentication-results:mx.example.com; spf=fail\r
From: a@example.org\r
Authentication-Results: forged.example; dmarc=pass\r
\r
Hello
"""


def test_section_4_1_3_all_gives_every_field_in_order_and_the_plain_form_the_last() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(raw=AUTHENTICATED)
    name = "header:Authentication-Results"
    [mail] = call(
        sandbox, "Email/get", ids=[mail_id], properties=[name, f"{name}:asRaw:all", f"{name}:asText", f"{name}:all"]
    )["list"]
    assert mail[f"{name}:asRaw:all"] == [
        " mx.example.com;\r\n dmarc=pass (p=none)  header.from=example.org",
        "mx.example.com; spf=fail",
        " forged.example; dmarc=pass",
    ]
    assert mail[f"{name}:all"] == mail[f"{name}:asRaw:all"]
    assert mail[name] == " forged.example; dmarc=pass"
    assert mail[f"{name}:asText"] == "forged.example; dmarc=pass"


@pytest.mark.parametrize(
    "name",
    ["From:asDate", "From:asText", "Received:asText", "Date:asAddresses", "List-Post:asText", "Subject:asURLs:all"],
)
def test_section_4_1_2_fields_of_the_standards_come_in_their_own_forms(name: str) -> None:
    assert error_of(make_sandbox(), "Email/get", properties=[f"header:{name}"]) == "invalidArguments"


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        ("Thu, 5 Mar 2026 08:00:00 -0000", "2026-03-05T08:00:00-00:00"),
        ("Thu, 5 Mar 2026 08:00:00 GMT", "2026-03-05T08:00:00+00:00"),
        ("soon", None),
    ],
)
def test_section_4_1_2_5_an_unknown_time_zone_stays_unknown(date: str, shown: str | None) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(raw=f"Date: {date}\r\n\r\nHello".encode())
    assert call(sandbox, "Email/get", ids=[mail_id])["list"][0]["sentAt"] == shown


def test_section_4_1_4_lines_of_a_body_end_in_lf() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(body="one\ntwo")
    [mail] = call(sandbox, "Email/get", ids=[mail_id], fetchTextBodyValues=True)["list"]
    assert mail["bodyValues"][mail["textBody"][0]["partId"]]["value"] == "one\ntwo\n"


def test_section_4_1_4_the_preview_of_html_is_its_text() -> None:
    sandbox = make_sandbox()
    html = b"<head><style>p {}</style></head><p>Fish &amp;\r\n chips</p><!-- no --><p>today</p>"
    mail_id = sandbox.deliver(raw=b"Content-Type: text/html\r\n\r\n" + html)
    assert call(sandbox, "Email/get", ids=[mail_id])["list"][0]["preview"] == "Fish & chips today"


@pytest.mark.parametrize("name", ["colour", "header:", "header:From:asNonsense", "header:From:all:asText"])
def test_unknown_properties_are_invalid(name: str) -> None:
    assert error_of(make_sandbox(), "Email/get", properties=[name]) == "invalidArguments"
    assert error_of(make_sandbox(), "Email/get", bodyProperties=[name]) == "invalidArguments"


def test_the_user_has_an_identity() -> None:
    [identity] = call(make_sandbox(), "Identity/get")["list"]
    assert (identity["name"], identity["email"]) == ("Robin Example", "robin@example.com")


def test_section_6_1_the_user_has_as_many_identities_as_the_test_says() -> None:
    sandbox = make_sandbox()
    sandbox.identities.append(("", "*@example.net"))
    shown = call(sandbox, "Identity/get", properties=["email", "mayDelete"])["list"]
    assert shown == [
        {"id": "I1", "email": "robin@example.com", "mayDelete": False},
        {"id": "I2", "email": "*@example.net", "mayDelete": False},
    ]
    assert call(sandbox, "Identity/get", ids=["I2", "I3"])["notFound"] == ["I3"]
