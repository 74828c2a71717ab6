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
Received: second
Received: first
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
        ("header:Received:asText", "first"),
        ("header:Received:asText:all", ["second", "first"]),
        ("header:Missing", None),
        ("header:Missing:all", []),
    ],
)
def test_a_header_comes_in_the_form_asked_for(name: str, value: object) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(raw=MULTIPART)
    assert call(sandbox, "Email/get", ids=[mail_id], properties=[name])["list"] == [{"id": mail_id, name: value}]


@pytest.mark.parametrize("name", ["colour", "header:", "header:From:asNonsense", "header:From:all:asText"])
def test_unknown_properties_are_invalid(name: str) -> None:
    assert error_of(make_sandbox(), "Email/get", properties=[name]) == "invalidArguments"
    assert error_of(make_sandbox(), "Email/get", bodyProperties=[name]) == "invalidArguments"


def test_the_user_has_an_identity() -> None:
    [identity] = call(make_sandbox(), "Identity/get")["list"]
    assert (identity["name"], identity["email"]) == ("Robin Example", "robin@example.com")
