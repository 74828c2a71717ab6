"""A move out of the Screener is a tap: what a pass does about mail that was moved."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
import structlog.testing
import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Screening
from mailroom.errors import Unavailable
from mailroom.sandbox import JAMES, Flavour, Sandbox
from tests.exhaustive import a_part_of_the_examples
from tests.flavours import every_flavour
from tests.new_mail import ANN, BOB, ON, SCREENED, WATCH, arrives, join, keywords_of, later, screening, seen
from tests.screener import Wire, client_of, empty_sandbox, start

ANNS, BOBS = "ann@example.org", "bob@example.org"


def waits(sandbox: Sandbox, sender: str = ANN, *mailboxes: str) -> str:
    """A mail that was screened, and is in these mailboxes now."""
    return sandbox.deliver(sender, "Hi", mailboxes or ["Screener"], keywords=tuple(SCREENED), received_at=later(1))


def note(sandbox: Sandbox, address: str = ANNS) -> list[str]:
    """The lines of a note, without the minute."""
    (card,) = (
        card for card in sandbox.cards() if any(each["address"] == address for each in card.get("emails", {}).values())
    )
    return [line.partition(" on ")[0] for each in card["notes"].values() for line in each["note"].splitlines()]


@every_flavour
async def test_into_a_categorys_mailbox_is_as_its_label(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    async with screening(sandbox) as s:
        moved, other = arrives(sandbox), arrives(sandbox)
        await s.run(later(2))
        sandbox.move(moved, "Feed")
        with structlog.testing.capture_logs() as logs:
            requests = await s.requests_of_a_pass()
        # One more than for a label: the cards of those who may be decided already.
        assert requests == 5 or flavour is JAMES
        assert sandbox.mailboxes_of(moved) == sandbox.mailboxes_of(other) == {"Feed"}
        assert keywords_of(sandbox, moved) == {"mailroom-seen", "mailroom-from-inbox"}
        assert sandbox.groups()["Feed"] == {ANNS}
        assert note(sandbox)[-1] == "Moved to Feed"
        triaged = [line for line in logs if line["event"] == "sender_triaged"]
        assert [(line["sender"], line["category"], line["tap"]) for line in triaged] == [(ANNS, "Feed", "move")]
        before = sandbox.store.states()
        await s.run(later(3))
        assert sandbox.store.states() == before


@pytest.mark.parametrize(
    ("moved", "ends", "group"),
    [
        (["Imbox"], {"Imbox", "Inbox"}, "Imbox"),
        (["Truck"], {"Truck", "Paper Trail"}, "Truck"),
        (["Truck", "Paper Trail"], {"Truck", "Paper Trail"}, "Truck"),
        (["Paper Trail"], {"Paper Trail"}, "Paper Trail"),
        (["Feed", "Archive"], {"Feed", "Archive"}, "Feed"),
        (["Feed", "@ToFeed"], {"Feed"}, "Feed"),
        (["Imbox", "@ToFeed"], {"Feed"}, "Feed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_it_counts_as_mail_from_the_screener(moved: list[str], ends: set[str], group: str) -> None:
    sandbox = empty_sandbox()
    mail, other = waits(sandbox), waits(sandbox)
    async with screening(sandbox) as s:
        sandbox.move(mail, *moved)
        await s.run(later(2))
    assert sandbox.mailboxes_of(mail) == ends
    assert sandbox.mailboxes_of(other) == ends - {"Archive"}
    assert sandbox.groups()[group] == {ANNS}


@pytest.mark.parametrize(
    "moved",
    [["Inbox"], ["Archive"], ["Trash"], ["Junk"], ["Feed", "Inbox"], ["Feed", "Imbox"], ["Feed", "Trash"]],
    ids=" ".join,
)
async def test_elsewhere_it_is_about_this_mail_alone(moved: list[str]) -> None:
    sandbox = empty_sandbox()
    mail, other = waits(sandbox), waits(sandbox)
    async with screening(sandbox) as s:
        sandbox.move(mail, *moved)
        await s.run(later(2))
    assert seen(sandbox, mail) == (set(moved), {"mailroom-seen"})
    assert seen(sandbox, other) == ({"Screener"}, SCREENED)
    assert not any(ANNS in members for members in sandbox.groups().values())


async def test_of_a_sender_who_is_decided_it_takes_the_mark_off_and_nothing_else() -> None:
    sandbox = empty_sandbox()
    mail, other = waits(sandbox), waits(sandbox, BOB)
    join(sandbox, "Jail", sandbox.add_card(ANNS, "Ann Lee"))
    async with screening(sandbox) as s:
        sandbox.move(mail, "Feed")
        sandbox.move(other, "Feed")
        await s.run(later(2))
        assert seen(sandbox, mail) == ({"Feed"}, {"mailroom-seen"})
        assert (sandbox.groups()["Jail"], sandbox.groups()["Feed"]) == ({ANNS}, {BOBS})
        before = sandbox.store.states()
        await s.run(later(3))
        assert sandbox.store.states() == before


async def test_of_a_decided_sender_it_does_not_disturb_a_label() -> None:
    sandbox = empty_sandbox()
    moved, labelled = waits(sandbox), sandbox.deliver(ANN, "Hi", ["Archive"])
    join(sandbox, "Jail", sandbox.add_card(ANNS, "Ann Lee"))
    async with screening(sandbox) as s:
        sandbox.move(moved, "Feed")
        sandbox.label(labelled, "@ToTruck")
        await s.run(later(2))
    assert sandbox.groups()["Truck"] == {ANNS}
    assert sandbox.mailboxes_of(moved) == {"Paper Trail", "Truck"}


@pytest.mark.parametrize("sender", ["me@example.com", "undisclosed"])
async def test_of_the_user_or_nobody_it_teaches_nothing(sender: str) -> None:
    sandbox = empty_sandbox()
    mail = waits(sandbox, sender)
    async with screening(sandbox, replace(ON, own_addresses=("me@example.com",))) as s:
        sandbox.move(mail, "Feed")
        await s.run(later(2))
    assert seen(sandbox, mail) == ({"Feed"}, {"mailroom-seen"})
    assert sandbox.groups()["Feed"] == set()


async def test_two_mails_of_a_sender_in_two_categories_are_a_conflict_until_they_are_in_one() -> None:
    sandbox = empty_sandbox()
    one, two = waits(sandbox), waits(sandbox)
    async with screening(sandbox) as s:
        sandbox.move(one, "Feed")
        sandbox.move(two, "Imbox")
        await s.run(later(2))
        assert sandbox.mailboxes_of(one) == {"Feed", "@MailroomError"}
        assert sandbox.mailboxes_of(two) == {"Imbox", "@MailroomError"}
        before = sandbox.store.states()
        assert await s.requests_of_a_pass() == 1
        assert sandbox.store.states() == before
        sandbox.move(two, "Feed", "@MailroomError")
        await s.run(later(3))
        assert sandbox.mailboxes_of(one) == sandbox.mailboxes_of(two) == {"Feed"}
        assert sandbox.groups()["Feed"] == {ANNS}


async def test_a_move_and_a_label_that_differ_are_a_conflict_too() -> None:
    sandbox = empty_sandbox()
    one, two = waits(sandbox), waits(sandbox)
    async with screening(sandbox) as s:
        sandbox.move(one, "Feed")
        sandbox.label(two, "@ToImbox")
        await s.run(later(2))
        assert sandbox.mailboxes_of(one) == {"Feed", "@MailroomError"}
        sandbox.move(one, "Inbox", "@MailroomError")
        await s.run(later(3))
    assert sandbox.mailboxes_of(one) == sandbox.mailboxes_of(two) == {"Imbox", "Inbox"}


async def test_the_last_place_counts() -> None:
    sandbox = empty_sandbox()
    mail = waits(sandbox)
    async with screening(sandbox) as s:
        sandbox.move(mail, "Feed")
        sandbox.move(mail, "Jail")
        await s.run(later(2))
        assert sandbox.mailboxes_of(mail) == {"Jail"}
        assert note(sandbox) == ["— Mailroom —", "Created by Mailroom", "Moved to Jail"]


@pytest.mark.parametrize("window", [2, 3, 4, 5])
async def test_so_it_does_within_a_pass(window: int) -> None:
    sandbox = empty_sandbox()
    mail = waits(sandbox)
    sandbox.move(mail, "Feed")
    async with screening(sandbox, before={window: lambda: sandbox.move(mail, "Jail")}) as s:
        await s.run(later(2))
        await s.run(later(3))
        # Moved on once the sender was settled: that is as any other mail of a decided sender.
        assert sandbox.mailboxes_of(mail) == {"Jail"}
        before = sandbox.store.states()
        await s.run(later(4))
        assert sandbox.store.states() == before


async def test_a_whole_conversation_and_three_hundred_mails_are_one_decision_for_each_sender() -> None:
    sandbox = empty_sandbox()
    mails = [waits(sandbox, f"S <s{number % 20}@example.org>") for number in range(300)]
    async with screening(sandbox) as s:
        for mail in mails:
            sandbox.move(mail, "Feed")
        assert await s.requests_of_a_pass() == 5
        assert s.tally.senders_triaged == {"Feed": 20}
    assert len(sandbox.groups()["Feed"]) == 20
    assert all(seen(sandbox, mail) == ({"Feed"}, {"mailroom-seen", "mailroom-from-inbox"}) for mail in mails)


@pytest.mark.exhaustive
async def test_more_than_a_pass_takes_are_the_next_ones() -> None:
    sandbox = empty_sandbox()
    mails = [waits(sandbox, f"S <s{number}@example.org>", "Feed") for number in range(510)]
    async with screening(sandbox) as s:
        assert (await s.run(later(2))).has_more
        assert not (await s.run(later(2))).has_more
    assert len(sandbox.groups()["Feed"]) == 510
    assert all("mailroom-waiting" not in keywords_of(sandbox, mail) for mail in mails)


NO_MOVES = replace(DEFAULT_SCHEME, screening=Screening(mode="on", moves=False))


@pytest.mark.parametrize(
    ("scheme", "keywords"),
    [(WATCH, SCREENED), (DEFAULT_SCHEME, SCREENED), (NO_MOVES, {"mailroom-seen"})],
    ids=["watch", "off", "moves = false"],
)
async def test_nothing_is_learned_where_it_is_not_wanted(scheme: Scheme, keywords: set[str]) -> None:
    sandbox = empty_sandbox()
    mail = waits(sandbox)
    async with screening(sandbox, scheme) as s:
        sandbox.move(mail, "Feed")
        await s.run(later(2))
    assert seen(sandbox, mail) == ({"Feed"}, keywords)
    assert sandbox.groups()["Feed"] == set()


async def test_rules_of_the_server_that_file_there_teach_nothing() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox, mailbox="Feed")
    async with screening(sandbox) as s:
        assert await s.requests_of_a_pass() == 1
    assert seen(sandbox, mail) == ({"Feed"}, set())


async def test_it_needs_no_label_mailboxes() -> None:
    sandbox = empty_sandbox()
    for label in DEFAULT_SCHEME.labels:
        sandbox.destroy_mailbox(label)
    mail = waits(sandbox)
    async with screening(sandbox) as s:
        sandbox.move(mail, "Feed")
        await s.run(later(2))
    assert sandbox.groups()["Feed"] == {ANNS}


async def test_a_move_of_forged_mail_is_about_its_sender_as_a_label_is() -> None:
    sandbox = empty_sandbox()
    keywords = (*SCREENED, "mailroom-forged")
    mail, other = (sandbox.deliver(ANN, "Hi", ["Screener"], keywords=keywords) for _ in range(2))
    async with screening(sandbox) as s:
        sandbox.move(mail, "Feed")
        await s.run(later(2))
    assert (sandbox.mailboxes_of(mail), sandbox.mailboxes_of(other)) == ({"Feed"}, {"Screener"})


PLACES = ("Screener", "Feed", "Truck", "Imbox", "Inbox", "Archive", "Trash")


@dataclass(frozen=True)
class Mail:
    """`first` and `last` are where the user moves a mail that waits in the Screener, one after the other."""

    sender: str
    first: str
    last: str
    label: str

    @property
    def tap(self) -> str:
        places = {"Feed": "Feed", "Truck": "Truck", "Imbox": "Imbox"}
        return self.label.removeprefix("@To") or places.get(self.last, "")


_mails = st.lists(
    st.builds(
        Mail,
        sender=st.sampled_from((ANNS, BOBS, "cy@example.org")),
        first=st.sampled_from(PLACES),
        last=st.sampled_from(PLACES),
        label=st.sampled_from(("", "", "", "", "@ToFeed", "@ToTruck")),
    ),
    min_size=1,
    max_size=6,
).map(tuple)


def built(mails: Iterable[Mail], decided: Iterable[str]) -> tuple[Sandbox, list[str]]:
    sandbox = empty_sandbox()
    for address in sorted(decided):
        join(sandbox, "Jail", sandbox.add_card(address, address))
    ids = [waits(sandbox, mail.sender) for mail in mails]
    for mail, id in zip(mails, ids, strict=True):
        sandbox.move(id, mail.first)
        sandbox.move(id, mail.last)
        if mail.label:
            sandbox.label(id, mail.label)
    return sandbox, ids


async def passes(sandbox: Sandbox, *wires: Wire) -> None:
    """A start and a pass over each wire, one after the other."""
    for wire in wires:
        async with client_of(sandbox, wire) as client:
            with suppress(Unavailable):
                await (await start(client, ON)).run(later(2))


@a_part_of_the_examples(2)
@given(
    mails=_mails,
    decided=st.frozensets(st.sampled_from((ANNS, BOBS))),
    cut=st.integers(1, 9),
    is_after=st.booleans(),
)
def test_whatever_users_move_and_label_the_last_place_decides_and_no_crash_changes_that(
    mails: tuple[Mail, ...], decided: frozenset[str], cut: int, is_after: bool
) -> None:
    sandbox, ids = built(mails, decided)
    trio.run(passes, sandbox, Wire(cut_after=cut) if is_after else Wire(cut_before=cut), Wire(), Wire())
    groups = sandbox.groups()
    for sender in sorted({mail.sender for mail in mails}):
        theirs = [(mail, id) for mail, id in zip(mails, ids, strict=True) if mail.sender == sender]
        labels = {mail.tap for mail, _ in theirs if mail.label}
        taps = labels if sender in decided else {mail.tap for mail, _ in theirs} - {""}
        was = "Jail" if sender in decided else ""
        ends = min(taps) if len(taps) == 1 else was
        inside = {name for name, members in groups.items() if sender in members} - {"Mailroom"}
        assert inside == ({each.contact_group for each in ON.chain(ON.by_name[ends])} if ends else set())
        for mail, id in theirs:
            now, keywords = seen(sandbox, id)
            assert now, "no mail is without a mailbox"
            asks = len(taps) > 1 and bool(mail.label or (mail.last in ON.by_name and sender not in decided))
            assert ("@MailroomError" in now) == asks
            assert ("mailroom-waiting" in keywords) == ("Screener" in now or asks)
            if mail.last == "Trash":
                assert now >= {"Trash"}
    states = sandbox.store.states()
    trio.run(passes, sandbox, Wire())
    assert sandbox.store.states() == states
