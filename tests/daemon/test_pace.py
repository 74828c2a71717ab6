"""Many accounts are spread over the poll interval, each at the same place after every start."""

from mailroom.daemon.pace import poll_offset


def test_accounts_are_spread_evenly_over_the_interval() -> None:
    tenths = [0] * 10
    for number in range(2000):
        tenths[int(10 * poll_offset(f"account-{number}"))] += 1
    assert all(140 < each < 260 for each in tenths)


def test_an_account_keeps_its_place() -> None:
    assert poll_offset("anna") == poll_offset("anna") != poll_offset("bert")
    assert 0 <= poll_offset("anna") < 1
