"""What `just twins` notices, and what it prints; the troubles themselves are played in tests/faults/test_twins.py."""

import io
from random import Random

import pytest
from rich.console import Console

from bench.twins.owner import Deed, Owner
from bench.twins.pace import USUAL
from bench.twins.play import Done, Played, Strike
from bench.twins.report import WIDTH, table
from bench.twins.troubles import TROUBLES
from mailroom.decisions.keywords import WAITING
from tests.screener import empty_sandbox


@pytest.fixture
async def owner() -> Owner:
    """Whom no daemon serves, after some days."""
    owner = Owner("a001", empty_sandbox(), screens=True)
    random = Random(1)  # noqa: S311  no secret
    for _ in range(20):
        owner.acts_somehow(random)
    return owner


async def test_what_nobody_has_done_is_told(owner: Owner) -> None:
    complaints = list(owner.complaints())
    assert owner.strangers > 0
    assert "a001: mail m0 is in @ToFeed, Screener, not in Feed" in complaints
    assert "a001: s0@example.org has 0 contact cards, not 1" in complaints
    assert "a001: 0 cards of Mailroom's own" in complaints


async def test_a_mail_that_waits_no_longer_and_is_marked_so_is_told(owner: Owner) -> None:
    mail = owner.sandbox.deliver(mailboxes=["Feed"], keywords=(WAITING,))
    assert f"a001: mail {mail} is in ['Feed'] and has ['mailroom-waiting']" in list(owner.complaints())


def test_taps_that_met_a_trouble_are_told_apart() -> None:
    played = Played(TROUBLES["kill -9"], USUAL, strikes=[Strike(10.0, 30.0, 14.0)])
    for at, seconds in ((2, 3), (8, 5), (12, 9), (29, 11), (31, 3)):
        played.done.append(Done(Deed("a", "s", True, (), frozenset(), at), at + seconds))
    assert played.in_trouble() == [5, 9, 11]
    assert played.in_calm() == [3, 3]
    text = io.StringIO()
    Console(file=text, width=WIDTH).print(table([played], USUAL))
    assert "│ kill -9       │     1 │    3 │   9.0 │  11.0 │    11.0 │    1 │     14.0 │" in text.getvalue()
