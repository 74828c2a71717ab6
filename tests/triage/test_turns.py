"""Thousands of mails hold up nobody: what is decided about them is decided in turns, or in a thread of its own."""

import threading
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
import trio

import mailroom.decisions
from mailroom.contacts.base import Card, Fields
from mailroom.decisions.select import MOST_NAMES
from mailroom.triage import turns
from mailroom.triage.turns import MOST_AT_ONCE, size_of, worked_out
from tests.between_checkpoints import Stretch, counting
from tests.guard import GUARD_SECONDS
from tests.screener import screener

DECISIONS = str(Path(mailroom.decisions.__file__).parent)
MANY = MOST_NAMES + 1


class Looks(Stretch):
    """Of decisions, in the thread of the loop, at different mails."""

    def __init__(self) -> None:
        self._seen = set[int]()

    def begin(self) -> None:
        self._seen.clear()

    def see(self, frame: FrameType, event: str) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(DECISIONS) and "email" in frame.f_locals:
            self._seen.add(id(frame.f_locals["email"]))

    def amount(self) -> int:
        return len(self._seen)


async def test_a_pass_over_many_mails_of_one_sender_looks_at_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_AT_ONCE", MOST_NAMES)
    async with screener() as s:
        mails = [s.sandbox.deliver("Ann Lee <ann@example.org>", "Hi", ["Screener", "@ToFeed"]) for _ in range(MANY)]
        others = [s.sandbox.deliver("Ann Lee <ann@example.org>", "Hi", ["Screener"]) for _ in range(MANY)]
        with counting(Looks()) as looks:
            await s.run()
        assert all(s.sandbox.mailboxes_of(mail) == {"Feed"} for mail in (*mails, *others))
    assert 0 < looks.most <= MOST_NAMES


@pytest.mark.parametrize(("size", "is_elsewhere"), [(MOST_AT_ONCE, False), (MOST_AT_ONCE + 1, True)])
async def test_much_is_worked_out_in_another_thread(size: int, is_elsewhere: bool) -> None:
    assert (await worked_out(size, threading.get_ident) != threading.get_ident()) is is_elsewhere


async def test_an_error_comes_out_of_the_thread() -> None:
    with pytest.raises(ZeroDivisionError):
        await worked_out(MOST_AT_ONCE + 1, lambda: 1 // 0)


async def test_who_is_cancelled_does_not_wait_for_the_thread() -> None:
    begun, may_end = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def work() -> None:
        token.run_sync_soon(begun.set)
        may_end.wait(GUARD_SECONDS)

    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worked_out, MOST_AT_ONCE + 1, work)
            await begun.wait()
            nursery.cancel_scope.cancel()
        assert not may_end.is_set()
        may_end.set()
        # There is one thread at a time: this one begins once the other has come to its end.
        await worked_out(MOST_AT_ONCE + 1, lambda: None)


def test_long_notes_are_much_to_read() -> None:
    card = Card("1", "u", Fields("Ann"), frozenset(), "")
    assert size_of([card]) == 1
    assert size_of([card, replace(card, note="x" * 100_000)]) > MOST_AT_ONCE
