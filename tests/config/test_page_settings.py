"""What the page needs to be safe, and what is said where it lacks something."""
# ruff: noqa: S106  passwords that are invented

import pytest

from mailroom.config.account_settings import AccountSettings
from mailroom.config.environment import Environment, read_environment
from mailroom.errors import ConfigError

SECRET = "s" * 32
PROXY = {"PAGE_PROXY_HEADER": "Remote-User", "PAGE_PROXY_FROM": "127.0.0.1, 10.0.0.0/8", "PAGE_PROXY_USERS": "ann, bob"}


def load(monkeypatch: pytest.MonkeyPatch, **values: str) -> Environment:
    for name, value in {"JMAP_TOKEN": "t0ken", **values}.items():
        monkeypatch.setenv(f"MAILROOM_{name}", value)
    return read_environment()


def account(read: Environment) -> AccountSettings:
    assert read.account is not None
    return read.account.settings


def test_the_page_is_off_and_here_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    read = load(monkeypatch)
    process, password = read.process, account(read).page_password
    assert (password, process.page_proxy_header, process.page_url) == (None, None, None)
    assert (process.page_host, process.page_port) == ("127.0.0.1", 8081)


def test_lists_have_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    read = load(monkeypatch, **PROXY)
    assert account(read).page_proxy_users == ("ann", "bob")
    assert [str(each) for each in read.process.page_proxy_from] == ["127.0.0.1/32", "10.0.0.0/8"]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Mail.Example.com/", "https://mail.example.com"),
        ("https://mail.example.com:443", "https://mail.example.com"),
        ("https://mail.example.com:8443", "https://mail.example.com:8443"),
        ("http://localhost:8081", "http://localhost:8081"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_its_url_is_written_as_browsers_write_an_origin(url: str, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, PAGE_URL=url).process.page_url == origin


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"PAGE_PASSWORD": "short"}, "MAILROOM_PAGE_PASSWORD must be 12 characters or more"),
        ({"PAGE_URL": "https://mail.example.com/mailroom"}, "MAILROOM_PAGE_URL must be an origin without a path"),
        ({"PAGE_URL": "http://mail.example.com"}, "MAILROOM_PAGE_URL must be https"),
        ({"PAGE_URL": "mail.example.com"}, "MAILROOM_PAGE_URL must be how a browser sees the page"),
        ({"PAGE_PORT": "0"}, "MAILROOM_PAGE_PORT must be a whole number from 1 to 65535"),
        (PROXY | {"PAGE_PROXY_HEADER": "Cookie"}, "MAILROOM_PAGE_PROXY_HEADER must be a header that names"),
        (PROXY | {"PAGE_PROXY_HEADER": "Remote_User"}, "MAILROOM_PAGE_PROXY_HEADER must be the name of a header"),
        (PROXY | {"PAGE_PROXY_FROM": "proxy.lan"}, "MAILROOM_PAGE_PROXY_FROM must be addresses or networks"),
        (PROXY | {"PAGE_PROXY_FROM": "10.0.0.1/8"}, "MAILROOM_PAGE_PROXY_FROM must be addresses or networks"),
        (PROXY | {"PAGE_PROXY_SECRET": "short"}, "MAILROOM_PAGE_PROXY_SECRET must be 32 characters or more"),
        (PROXY | {"PAGE_PROXY_FROM": ""}, "MAILROOM_PAGE_PROXY_FROM is missing"),
        (PROXY | {"PAGE_PROXY_USERS": " "}, "MAILROOM_PAGE_PROXY_USERS is missing"),
        (PROXY | {"PAGE_PROXY_USERS": ","}, "MAILROOM_PAGE_PROXY_USERS must be names"),
        (PROXY | {"PAGE_PROXY_FROM": ","}, "MAILROOM_PAGE_PROXY_FROM must be addresses or networks"),
        ({"PAGE_PROXY_USERS": "ann"}, "MAILROOM_PAGE_PROXY_HEADER is missing"),
        ({"PAGE_PROXY_SECRET": SECRET}, "MAILROOM_PAGE_PROXY_HEADER is missing"),
        ({"PAGE_PASSWORD": "correct horse", "PAGE_HOST": "192.0.2.1"}, "MAILROOM_PAGE_URL is missing"),
        (
            PROXY | {"PAGE_HOST": "::", "PAGE_URL": "https://mail.example.com"},
            "MAILROOM_PAGE_PROXY_SECRET is missing",
        ),
    ],
)
def test_what_is_wrong_is_told(values: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError) as raised:
        load(monkeypatch, **values)
    assert [each[: len(problem)] for each in raised.value.problems] == [problem]


def test_a_proxy_of_forwarded_addresses_alone_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    read = load(monkeypatch, PAGE_PASSWORD="correct horse battery", PAGE_PROXY_FROM="127.0.0.1")
    assert len(read.process.page_proxy_from) == 1
