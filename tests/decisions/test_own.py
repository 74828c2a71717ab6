"""The user's own addresses."""

import pytest

from mailroom.decisions.own import own_addresses

NAMES = ("Me@Example.org", "*@bücher.example", "robin", "")


@pytest.mark.parametrize(
    "address",
    ["me@example.org", "any@xn--bcher-kva.example", "*@xn--bcher-kva.example", '"a@b"@xn--bcher-kva.example'],
)
def test_own(address: str) -> None:
    assert address in own_addresses(NAMES)


@pytest.mark.parametrize("address", ["you@example.org", "any@sub.xn--bcher-kva.example", "robin", "", None, 5])
def test_not_own(address: object) -> None:
    assert address not in own_addresses(NAMES)


def test_none_may_be_known() -> None:
    assert not own_addresses(["robin", ""])
    assert own_addresses(NAMES)
    assert sorted(own_addresses(NAMES).addresses) == ["*@xn--bcher-kva.example", "me@example.org"]
