"""Kill the daemon at any request: the next start ends in the same state as a pass that nothing cut off."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from mailroom.errors import Unavailable
from mailroom.sandbox import Limits, Sandbox
from tests.exhaustive import always
from tests.new_mail import ON, arrives, join, keywords_of, later, raw
from tests.screener import Wire, client_of, empty_sandbox, start


@dataclass(frozen=True)
class Account:
    """All that a user can see; no ids, which differ from run to run."""

    mails: dict[str, frozenset[str]]
    keywords: dict[str, frozenset[str]]
    groups: dict[str, frozenset[str]]
    cards: dict[str, tuple[str, ...]]


def seen(sandbox: Sandbox) -> Account:
    return Account(
        mails={id: frozenset(sandbox.mailboxes_of(id)) for id in sandbox.store.mails.objects},
        keywords={id: frozenset(keywords_of(sandbox, id)) for id in sandbox.store.mails.objects},
        groups={name: frozenset(members) for name, members in sandbox.groups().items()},
        cards={
            address["address"]: (card["name"]["full"], *(each["note"] for each in card.get("notes", {}).values()))
            for card in sandbox.cards()
            for address in card.get("emails", {"": {"address": ""}}).values()
        },
    )


FEW = Limits(max_objects_in_set=4, max_objects_in_get=30, max_calls_in_request=20)


def labelled(sandbox: Sandbox) -> None:
    """New senders, one with a contact card, one to re-triage, a conflict, and mail of no usable sender."""
    for sender, label in (
        ("Ann <ann@x.org>", "@ToTruck"),
        ("Bob <bob@x.org>", "@ToImbox"),
        ("Cy <cy@x.org>", "@ToFeed"),
    ):
        mails = [sandbox.deliver(sender, f"Mail {n}", ["Screener"]) for n in range(3)]
        sandbox.label(mails[0], label)
    bob = sandbox.add_card("bob@x.org", "Bob the Builder", notes={"n1": {"note": "Mine."}})
    for group in ("Person", "Feed"):
        join(sandbox, group, bob)
    for label in ("@ToFeed", "@ToJail"):
        sandbox.label(sandbox.deliver("Dee <dee@x.org>", "Conflict", ["Screener"]), label)
    sandbox.label(sandbox.deliver("undisclosed", "Nobody", ["Screener"]), "@ToFeed")


def new_mail(sandbox: Sandbox) -> None:
    """Mail of strangers, a friend and a decided sender, in the Inbox and in the Screener; mail that the user moved."""
    sandbox.add_card("eve@y.org", "Eve")
    join(sandbox, "Jail", sandbox.add_card("fay@y.org", "Fay"))
    for sender in ("Gus <gus@y.org>", "Gus <gus@y.org>", "Hal <hal@y.org>", "Eve <eve@y.org>", "Fay <fay@y.org>"):
        arrives(sandbox, sender)
    for sender in ("Fay <fay@y.org>", "Ida <ida@y.org>"):
        arrives(sandbox, sender, mailbox="Screener")
    sandbox.deliver("Jo <jo@y.org>", "Moved", ["Archive"], keywords=("mailroom-seen", "mailroom-waiting"))


def namesakes(sandbox: Sandbox) -> None:
    """Senders of one name: a new one beside a contact without a name, and such a contact beside one that has it."""
    sandbox.add_card("bob@x.org", "")
    sandbox.add_card("cy@x.org", "Cy Roe")
    sandbox.add_card("dee@x.org", "")
    for sender in ("Ann Lee <ann@x.org>", "Ann Lee <bob@x.org>", "Cy Roe <cy@x.org>", "Cy Roe <dee@x.org>"):
        sandbox.deliver(sender, "Hi", ["Screener", "@ToFeed"])


def conversation(sandbox: Sandbox) -> None:
    """Strangers who wait, somebody decided and the user in one thread, all with one label."""
    for group in ("Paper Trail", "Truck"):
        join(sandbox, group, sandbox.add_card("bob@x.org", "Bob"))
    for sender, home in (
        ("Ann <ann@x.org>", "Screener"),
        ("Bob <bob@x.org>", "@ToFeed"),
        ("Cy <cy@x.org>", "Screener"),
    ):
        raw = f"From: {sender}\r\nSubject: Plans\r\nReferences: <1@thread>\r\n\r\nText\r\n"
        sandbox.label(sandbox.deliver(raw=raw.encode(), mailboxes=[home]), "@ToFeed")


def moves(sandbox: Sandbox) -> None:
    """Mail that the user moved out of the Screener: of strangers, of one in two places, of somebody decided."""
    join(sandbox, "Jail", sandbox.add_card("dee@x.org", "Dee"))
    for sender, home in (
        ("Ann <ann@x.org>", "Truck"),
        ("Ann <ann@x.org>", "Screener"),
        ("Bob <bob@x.org>", "Imbox"),
        ("Cy <cy@x.org>", "Feed"),
        ("Cy <cy@x.org>", "Jail"),
        ("Dee <dee@x.org>", "Feed"),
    ):
        sandbox.deliver(sender, "Moved", [home], keywords=("mailroom-seen", "mailroom-waiting"))


def wide(sandbox: Sandbox) -> None:
    """A new domain, one to re-triage, a list, a domain that joins, senders and contacts apart; new mail of these."""
    note = {"n1": {"note": "— Mailroom —\nCreated by Mailroom\nWhole domain\nTriaged to Jail on 2026-03-01"}}
    join(sandbox, "Jail", sandbox.add_card("*@old.example", "old.example", notes=note))
    join(sandbox, "Feed", sandbox.add_card("ann@joins.example", "Ann"))
    sandbox.add_card("friend@shop.example", "Friend")
    join(sandbox, "Truck", sandbox.add_card("exact@shop.example", "Exact"))
    devs = "List-Id: Devs <dev.python.org>"
    for number, (address, labels) in enumerate(
        (
            ("a@shop.example", ("@ToFeed", "@WholeDomain")),
            ("a@old.example", ("@ToTruck", "@WholeDomain")),
            ("dev@x.example", ("@ToPaperTrail", "@WholeList")),
            ("ann@joins.example", ("@WholeDomain",)),
            ("ann@gmail.com", ("@ToFeed", "@WholeDomain")),
        )
    ):
        header = [devs] if "@WholeList" in labels else []
        sandbox.deliver(raw=raw(f"S <{address}>", *header), mailboxes=["Screener", *labels])
        sandbox.deliver(raw=raw(f"T <{number}@{address.partition('@')[2]}>", *header), mailboxes=["Screener"])
        arrives(sandbox, f"U <u{number}@{address.partition('@')[2]}>", *header)
    for address in ("friend@shop.example", "exact@shop.example"):
        sandbox.deliver(raw=raw(f"V <{address}>"), mailboxes=["Screener"])


def both(sandbox: Sandbox) -> None:
    """All of that, and new mail of labelled senders."""
    labelled(sandbox)
    new_mail(sandbox)
    for sender in ("Ann <ann@x.org>", "Bob <bob@x.org>", "Cy <cy@x.org>", "Dee <dee@x.org>"):
        arrives(sandbox, sender)


def waiting(fill: Callable[[Sandbox], None]) -> Sandbox:
    sandbox = empty_sandbox(FEW if fill is both else None)
    # All mail comes in one second: whether the next had begun would decide which of a conversation's is the first.
    moment = datetime.now(UTC)
    sandbox.store.clock = lambda: moment
    fill(sandbox)
    return sandbox


async def triage(sandbox: Sandbox, wire: Wire) -> None:
    """A start, and passes until one has nothing to do."""
    async with client_of(sandbox, wire) as client:
        passes, states = await start(client, ON), None
        while states != (states := sandbox.store.states()):
            await passes.run(later(2))


async def ended_early(sandbox: Sandbox, wire: Wire) -> None:
    """What is cut off ends the daemon, but for questions about strangers: those stay open."""
    try:
        await triage(sandbox, wire)
    except* Unavailable:
        pass


async def uncut(fill: Callable[[Sandbox], None]) -> tuple[Account, Wire]:
    sandbox = waiting(fill)
    wire = Wire()
    await triage(sandbox, wire)
    return seen(sandbox), wire


@pytest.mark.parametrize(
    ("when", "fill"),
    always(
        1,
        [
            *(("cut_after", fill) for fill in (labelled, moves, wide, new_mail, conversation, namesakes, both)),
            *(("cut_before", fill) for fill in (moves, wide, new_mail, conversation, both)),
        ],
    ),
)
async def test_a_pass_that_is_cut_off_at_any_request_is_finished_by_the_next_start(
    when: str, fill: Callable[[Sandbox], None]
) -> None:
    expected, uncut_wire = await uncut(fill)
    requests = range(1, uncut_wire.requests + 1)
    assert len(requests) > 6
    assert expected.mails
    for k in requests if when == "cut_before" else uncut_wire.writes:
        sandbox = waiting(fill)
        await ended_early(sandbox, Wire(**{when: k}))
        await triage(sandbox, Wire())
        assert seen(sandbox) == expected, f"{when} request {k} of {len(requests)}"
