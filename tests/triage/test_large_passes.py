"""However much there is to do, the process that does it stays small.

How long one stretch of work takes is told beside the memory by `tests/triage/large_pass.py`, and held by no test.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from mailroom.sandbox import Sandbox
from tests.guard import GUARD_SECONDS
from tests.screener import empty_sandbox, served

MOST_MIB = 200
MAILS = 24_000
CARDS = 150
NOTE = "\n".join(["— Mailroom —", "Created by Mailroom", *["Triaged to Feed on 2026-03-05T14:03Z"] * 2_600])
"""About as long as a note may be."""


def all_labelled() -> Sandbox:
    sandbox = empty_sandbox()
    for number in range(MAILS):
        sandbox.deliver(f"Ann Lee {number} <ann@x.org>", mailboxes=["Screener", "@ToFeed"])
    return sandbox


def one_labelled() -> Sandbox:
    sandbox = empty_sandbox()
    for number in range(MAILS):
        sandbox.deliver("Ann <ann@x.org>", mailboxes=["Screener", *(["@ToFeed"] if number == 0 else [])])
    return sandbox


def of_a_domain() -> Sandbox:
    """With as many long notes as one answer may hold."""
    sandbox = empty_sandbox()
    for label in ("@WholeDomain", "@WholeList"):
        sandbox.create_mailbox(label)
    for number in range(CARDS):
        sandbox.add_card(f"ann{number}@shop.example", "Ann", notes={"n1": {"note": NOTE}})
    for number in range(MAILS):
        labels = ["@ToFeed", "@WholeDomain"] if number == 0 else []
        sandbox.deliver(f"Bob <bob{number % 8_000}@shop.example>", mailboxes=["Screener", *labels])
    return sandbox


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory was held at most")
@pytest.mark.exhaustive
@pytest.mark.parametrize("filled", [all_labelled, one_labelled, of_a_domain])
async def test_passes_over_very_much_mail_take_little_memory(filled: Callable[[], Sandbox]) -> None:
    sandbox = filled()
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as session_url:
            command = [sys.executable, "-m", "tests.triage.large_pass", str(session_url), sandbox.token]
            done = await trio.run_process(command, capture_stdout=True)
    cost = json.loads(done.stdout.splitlines()[-1])
    assert cost["mails_filed"] == MAILS
    assert cost["peak_mib"] < MOST_MIB
