"""`mailroom setup`: shows what is missing, creates it, and says what it could not create."""

import os
import pty
import signal
import sys

import pytest
import trio

from mailroom.categories import DEFAULT_SCHEME, Scheme, category
from mailroom.commands import setup
from mailroom.errors import Refused
from mailroom.sandbox import CYRUS, FASTMAIL, Flavour, Limits, Sandbox, SetError, faults
from mailroom.sandbox.faults import Endpoint
from tests.commands.support import bare_sandbox, command, environment, sets, settings_for
from tests.screener import Wire, connected, empty_sandbox, start

ALL = 25
"""Screener, 7 destinations, 7 labels, error and warning label, 7 groups, provenance group."""

FLAVOURS = pytest.mark.parametrize("flavour", [FASTMAIL, CYRUS], ids=lambda flavour: flavour.name)


def rows(output: str) -> dict[str, str]:
    """The state by part and name, in the order of the table."""
    table, _, _ = output.partition("\n\n")
    return {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in table.splitlines()[1:]}


def subscribed(sandbox: Sandbox) -> set[str]:
    return {mailbox.name for mailbox in sandbox.store.mailboxes.objects.values() if mailbox.is_subscribed}


@FLAVOURS
async def test_a_new_account_is_shown_what_it_lacks_and_stays_as_it_is(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = bare_sandbox(flavour)
    async with settings_for(sandbox) as settings:
        assert await setup.show(settings, DEFAULT_SCHEME) == 0
    output = capsys.readouterr().out
    assert [*rows(output)][:3] == [
        "Screener          Screener",
        "destination       Imbox",
        "destination       Feed",
    ]
    assert [*rows(output)][-3:] == [
        "contact group     Billboard",
        "contact group     Truck",
        "provenance group  Mailroom",
    ]
    assert list(rows(output).values()) == ["missing"] * ALL
    assert output.endswith("\n\n25 of 25 missing: `mailroom setup --apply` creates them.\n")
    assert sets(sandbox) == []


@FLAVOURS
async def test_what_is_missing_is_created_and_the_daemon_finds_it(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = bare_sandbox(flavour)
    before = subscribed(sandbox)
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
        output = capsys.readouterr().out
        assert list(rows(output).values()) == ["created"] * ALL
        assert output.endswith("\n25 of 25 created.\n")
        new = subscribed(sandbox) - before
        assert new >= DEFAULT_SCHEME.managed_mailboxes | DEFAULT_SCHEME.labels | {"@MailroomError", "@MailroomWarning"}
        assert sandbox.groups() == dict.fromkeys({*DEFAULT_SCHEME.groups, "Mailroom"}, set())
        async with connected(sandbox, url := _session_url(settings.jmap_session_url), Wire()) as client:
            assert str(url) == settings.jmap_session_url
            await start(client)


def _session_url(url: str) -> "httpx.URL":
    return httpx.URL(url)
