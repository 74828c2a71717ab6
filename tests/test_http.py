"""HTTP that every backend shares: credentials, urls, patience."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pydantic import SecretStr

from mailroom.errors import BadReply
from mailroom.http import Credentials, Reply, basic, bearer, joined, retry_after
from mailroom.jmap.session import read_session

TRUSTED = httpx.URL("https://mail.example/jmap")


def reply(**headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(httpx.Response(503, headers=named, request=httpx.Request("GET", TRUSTED)), b"")


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://mail.example/other", True),
        ("https://mail.example:443/", True),
        ("http://mail.example/", False),
        ("https://mail.example:8443/", False),
        ("https://evil.example/", False),
        ("https://sub.mail.example/", False),
    ],
)
def test_credentials_go_to_trusted_origins_only(url: str, sent: bool) -> None:
    credentials = Credentials(bearer(SecretStr("secret")), TRUSTED)
    request = next(credentials.auth_flow(httpx.Request("GET", url)))
    assert ("Authorization" in request.headers) is sent


def test_the_authorization_values_are_those_of_the_standards() -> None:
    assert bearer(SecretStr("abc")).get_secret_value() == "Bearer abc"
    assert basic("Aladdin", SecretStr("open sesame")).get_secret_value() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert "open" not in repr(basic("Aladdin", SecretStr("open sesame")))


@pytest.mark.parametrize("reference", ["http://host:port/", "http://[bad]/", "\x00"])
def test_a_reference_that_is_no_url_is_a_bad_reply(reference: str) -> None:
    with pytest.raises(BadReply, match="no url"):
        joined(TRUSTED, reference)


def test_a_session_whose_api_url_is_no_url_is_a_bad_reply() -> None:
    mail = "urn:ietf:params:jmap:mail"
    session = {
        "username": "me",
        "apiUrl": "http://host:port/",
        "state": "1",
        "capabilities": {"urn:ietf:params:jmap:core": {}, mail: {}},
        "accounts": {"a": {"name": "me", "accountCapabilities": {mail: {}}}},
        "primaryAccounts": {mail: "a"},
    }
    with pytest.raises(BadReply, match="no url"):
        read_session(session, TRUSTED)


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("0", 0.0), ("soon", None), ("-3", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_retry_after_is_seconds(value: str, seconds: float | None) -> None:
    assert retry_after(reply(Retry_After=value)) == seconds


def test_retry_after_may_be_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    seconds = retry_after(reply(Retry_After=at))
    assert seconds is not None
    assert 3_500 < seconds <= 3_600


def test_without_retry_after_nothing_is_asked_for() -> None:
    assert retry_after(reply()) is None
