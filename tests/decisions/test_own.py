"""The user's own addresses."""

import pytest

from mailroom.decisions.own import own_addresses

OWN = own_addresses(["Me@Example.org", "*@bücher.example", "robin", ""])


@pytest.mark.parametrize("address", ["me@example.org", "any@xn--bcher-kva.example", "*@xn--bcher-kva.example"])
def test_own(address: str) -> None:
    assert address in OWN


@pytest.mark.parametrize("address", ["you@example.org", "any@sub.xn--bcher-kva.example", "robin", "", None, 5])
def test_not_own(address: object) -> None:
    assert address not in OWN


def test_none_may_be_known() -> None:
    assert not own_addresses(["robin", ""])
    assert OWN
    assert sorted(OWN.addresses) == ["*@xn--bcher-kva.example", "me@example.org"]
