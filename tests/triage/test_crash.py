"""Kill the daemon at any request: the next start ends in the same state as a pass that nothing cut off."""

from dataclasses import dataclass

import pytest

from mailroom.errors import Unavailable
from mailroom.sandbox import Limits, Sandbox
from tests.screener import NOW, Wire, connected, empty_sandbox, served, start


@dataclass(frozen=True)
class Account:
    """All that a user can see; no ids, which differ from run to run."""

    mails: dict[str, frozenset[str]]
    groups: dict[str, frozenset[str]]
    cards: dict[str, tuple[str, ...]]


def seen(sandbox: Sandbox) -> Account:
    return Account(
        mails={id: frozenset(sandbox.mailboxes_of(id)) for id in sandbox.store.mails.objects},
        groups={name: frozenset(members) for name, members in sandbox.groups().items()},
        cards={
            address["address"]: (card["name"]["full"], *(each["note"] for each in card.get("notes", {}).values()))
            for card in sandbox.cards()
            for address in card["emails"].values()
        },
    )


def waiting() -> Sandbox:
    """New senders, one with a contact card, one to re-triage, a conflict, and mail of no usable sender."""
    sandbox = empty_sandbox(Limits(max_objects_in_set=3, max_objects_in_get=30, max_calls_in_request=8))
    for sender, label in (
        ("Ann <ann@x.org>", "@ToTruck"),
        ("Bob <bob@x.org>", "@ToImbox"),
        ("Cy <cy@x.org>", "@ToFeed"),
    ):
        mails = [sandbox.deliver(sender, f"Mail {n}", ["Screener"]) for n in range(3)]
        sandbox.label(mails[0], label)
    bob = sandbox.add_card("bob@x.org", "Bob the Builder", notes={"n1": {"note": "Mine."}})
    for card in sandbox.store.cards.objects.values():
        if card.data["name"]["full"] in ("Person", "Feed"):
            sandbox.change_card(card.data["uid"], {"members": {bob: True}})
    for label in ("@ToFeed", "@ToJail"):
        sandbox.label(sandbox.deliver("Dee <dee@x.org>", "Conflict", ["Screener"]), label)
    sandbox.label(sandbox.deliver("undisclosed", "Nobody", ["Screener"]), "@ToFeed")
    return sandbox


async def triage(sandbox: Sandbox, wire: Wire) -> None:
    """A start and a pass."""
    async with served(sandbox) as url, connected(sandbox, url, wire) as client:
        await (await start(client)).run(NOW)


async def uncut() -> tuple[Account, Wire]:
    sandbox = waiting()
    wire = Wire()
    await triage(sandbox, wire)
    return seen(sandbox), wire


@pytest.mark.parametrize("when", ["cut_before", "cut_after"])
async def test_a_pass_that_is_cut_off_at_any_request_is_finished_by_the_next_start(when: str) -> None:
    expected, uncut_wire = await uncut()
    requests = range(1, uncut_wire.requests + 1)
    assert len(requests) > 7
    assert expected.mails
    for k in requests if when == "cut_before" else uncut_wire.writes:
        sandbox = waiting()
        with pytest.RaisesGroup(Unavailable, flatten_subgroups=True):
            await triage(sandbox, Wire(**{when: k}))
        await triage(sandbox, Wire())
        assert seen(sandbox) == expected, f"{when} request {k} of {len(requests)}"
