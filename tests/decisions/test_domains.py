"""Domains that a decision may be about."""

import pytest

from mailroom.decisions.domains import Refusal, above, covering, is_shared, refusal, registrable
from mailroom.decisions.own import own_addresses

NOBODY = own_addresses(())


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("shop.example", "shop.example"),
        ("a.b.shop.example", "shop.example"),
        ("news.shop.co.uk", "shop.co.uk"),
        ("co.uk", None),
        ("uk", None),
        ("localhost", None),
        ("ann.github.io", "ann.github.io"),
        ("mail.ann.github.io", "ann.github.io"),
        ("github.io", None),
        ("mail.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("xn--czr694b", None),
        ("127.0.0.1", None),
        ("[127.0.0.1]", None),
        ("[ipv6:2001:db8::1.example]", None),
        ("a..example", None),
    ],
)
def test_what_somebody_registered(domain: str, found: str | None) -> None:
    assert registrable(domain) == found


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("shop.example", ["shop.example"]),
        ("a.b.shop.example", ["a.b.shop.example", "b.shop.example", "shop.example"]),
        ("news.shop.co.uk", ["news.shop.co.uk", "shop.co.uk"]),
        ("co.uk", []),
        ("gmail.com", []),
        ("news.substack.com", []),
        ("127.0.0.1", []),
    ],
)
def test_a_decision_about_what_a_domain_lies_in_holds_for_it(domain: str, found: list[str]) -> None:
    assert list(covering(domain)) == found


def test_what_lies_above() -> None:
    assert list(above("a.b.example")) == ["b.example", "example"]
    assert list(above("example")) == []


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "googlemail.com", "outlook.com", "yahoo.co.jp", "gmx.de", "icloud.com", "proton.me", "qq.com"),
        *("mailbox.org", "tutanota.com", "hey.com", "fastmail.com", "onmicrosoft.com", "contoso.onmicrosoft.com"),
        *("privaterelay.appleid.com", "appleid.com", "mozmail.com", "simplelogin.com", "duck.com"),
        *("substack.com", "mg1.substack.com", "groups.io", "googlegroups.com", "mcsv.net", "list-id.mcsv.net"),
    ],
)
def test_providers_relays_and_newsletter_hosts_are_shared(domain: str) -> None:
    assert is_shared(domain)
    assert refusal(domain, NOBODY) is Refusal.SHARED_DOMAIN


@pytest.mark.parametrize(
    "domain", ["shop.example", "amazon.com", "google.com", "github.com", "apple.com", "python.org", "example.org"]
)
def test_companies_are_not_shared_even_where_something_below_them_is(domain: str) -> None:
    assert not is_shared(domain)
    assert refusal(domain, NOBODY) is None


@pytest.mark.parametrize("domain", ["co.uk", "example", "localhost", "192.0.2.1", "[192.0.2.1]", "github.io"])
def test_what_nobody_registers_is_refused(domain: str) -> None:
    assert refusal(domain, NOBODY) is Refusal.NO_DOMAIN


@pytest.mark.parametrize(
    ("domain", "is_own"),
    [
        ("home.example", True),
        ("mail.home.example", False),
        ("work.example", True),
        ("office.work.example", True),
        ("news.office.work.example", False),
        ("athome.example", False),
    ],
)
def test_domains_that_the_user_writes_from_are_refused(domain: str, is_own: bool) -> None:
    own = own_addresses(["me@home.example", "*@office.work.example"])
    assert (refusal(domain, own) is Refusal.OWN_DOMAIN) is is_own
