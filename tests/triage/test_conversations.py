"""A label on a conversation: whom a pass settles, who just loses the label, and what is remembered."""

from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
import structlog.testing
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.decisions.conversation import Conversation
from mailroom.decisions.select import Sender
from mailroom.errors import Unavailable
from mailroom.jmap.mail import Email
from mailroom.sandbox import JAMES, Flavour, MethodError, Sandbox, SetError
from mailroom.triage.memory import Memory
from tests.decisions.test_plan import PLACES
from tests.exhaustive import a_part_of_the_examples
from tests.flavours import every_flavour
from tests.new_mail import join
from tests.screener import NOW, Screener, Wire, client_of, empty_sandbox, screener, start

BOB, ANN, CY, ME = "bob@x.org", "ann@x.org", "cy@x.org", "me@example.com"
OWN = replace(DEFAULT_SCHEME, own_addresses=(ME,))


def writes(sandbox: Sandbox, sender: str, *mailboxes: str, thread: str = "1") -> str:
    """A mail of a thread."""
    head = (f"From: {sender}", "Subject: Plans", f"References: <{thread}@thread>")
    return sandbox.deliver(raw="\r\n".join([*head, "", "Text", ""]).encode(), mailboxes=mailboxes)


def decided(sandbox: Sandbox, address: str, *groups: str) -> None:
    uid = sandbox.add_card(address, address)
    for group in groups:
        join(sandbox, group, uid)


def conversation(sandbox: Sandbox) -> dict[str, str]:
    """A stranger who waits, a friend who was decided long ago, and the user, all with one label."""
    decided(sandbox, ANN, "Imbox")
    mails = {
        BOB: writes(sandbox, BOB, "Screener"),
        ANN: writes(sandbox, ANN, "Inbox", "Imbox"),
        ME: writes(sandbox, ME, "Sent"),
    }
    for mail in mails.values():
        sandbox.label(mail, "@ToFeed")
    return mails


@every_flavour
async def test_the_label_means_who_waits_and_the_others_just_lose_it(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mails = conversation(sandbox)
    async with screener(sandbox, OWN) as s:
        requests = await s.requests_of_a_pass()
        if flavour is JAMES:
            # It gives every mail a thread of its own: each label is a tap.
            assert sandbox.groups()["Feed"] == {ANN, BOB}
            return
        assert requests == 5, "one more: the cards of those who may be meant"
        assert sandbox.mailboxes_of(mails[BOB]) == {"Feed"}
        assert sandbox.mailboxes_of(mails[ANN]) == {"Inbox", "Imbox"}
        assert sandbox.mailboxes_of(mails[ME]) == {"Sent"}
        assert (sandbox.groups()["Feed"], sandbox.groups()["Imbox"]) == ({BOB}, {ANN})
        before = sandbox.store.states()
        assert await s.requests_of_a_pass() == 1
        assert sandbox.store.states() == before


async def test_a_label_that_the_server_keeps_is_tried_again_less_and_less_often(autojump_clock: MockClock) -> None:
    sandbox = empty_sandbox()
    mails = conversation(sandbox)
    sandbox.faults.set_errors[mails[ANN]] = SetError("forbidden")
    async with screener(sandbox, OWN) as s:
        assert [await writes_of_a_pass(s) for _ in range(4)] == [2, 1, 0, 0]
        assert sandbox.mailboxes_of(mails[BOB]) == {"Feed"}
        assert sandbox.mailboxes_of(mails[ANN]) == {"Inbox", "Imbox", "@ToFeed"}
        sandbox.faults.clear()
        autojump_clock.jump(61)
        assert await writes_of_a_pass(s) == 1
        assert sandbox.mailboxes_of(mails[ANN]) == {"Inbox", "Imbox"}
        assert (sandbox.groups()["Feed"], sandbox.groups()["Imbox"]) == ({BOB}, {ANN})


async def writes_of_a_pass(s: Screener) -> int:
    """How many of its requests change anything."""
    before = len(s.wire.writes)
    await s.run()
    return len(s.wire.writes) - before


async def test_a_label_of_a_whole_domain_alone_has_it_join_and_the_users_own_mail_just_loses_it() -> None:
    sandbox = empty_sandbox()
    sandbox.create_mailbox("@WholeDomain")
    decided(sandbox, "ann@shop.example", "Feed")
    mails = [writes(sandbox, each, "Feed", "@WholeDomain") for each in ("ann@shop.example", "stranger@y.example")]
    mine = writes(sandbox, ME, "Sent", "@WholeDomain")
    async with screener(sandbox, OWN) as s:
        await s.run()
        assert await s.requests_of_a_pass() == 2, "a stranger's waits for a triage label"
    places = [sandbox.mailboxes_of(each) for each in (*mails, mine)]
    assert places == [{"Feed"}, {"Feed", "@WholeDomain"}, {"Sent"}]
    assert sandbox.groups()["Feed"] == {"ann@shop.example", "*@shop.example"}


async def test_of_one_sender_and_the_user_it_costs_no_request_more() -> None:
    sandbox = empty_sandbox()
    mails = [writes(sandbox, BOB, "Screener", "@ToFeed"), writes(sandbox, ME, "Sent", "@ToFeed")]
    async with screener(sandbox, OWN) as s:
        assert await s.requests_of_a_pass() == 4
    assert [sandbox.mailboxes_of(mail) for mail in mails] == [{"Feed"}, {"Sent"}]


async def test_mail_that_is_in_no_other_mailbox_goes_home() -> None:
    sandbox = empty_sandbox()
    decided(sandbox, ANN, "Imbox")
    mails = [writes(sandbox, sender, "@ToFeed") for sender in (BOB, ANN, ME)]
    async with screener(sandbox, OWN) as s:
        await s.run()
    assert [sandbox.mailboxes_of(mail) for mail in mails] == [{"Feed"}, {"Imbox", "Inbox"}, {"Sent"}]


async def test_where_nobody_waits_it_asks_and_is_asked_for_no_more_until_the_labels_go() -> None:
    sandbox = empty_sandbox()
    decided(sandbox, ANN, "Imbox")
    mails = [writes(sandbox, sender, "Inbox", "@ToFeed") for sender in (ANN, CY, ME)]
    async with screener(sandbox, OWN) as s:
        with structlog.testing.capture_logs() as logs:
            await s.run()
        assert [line["reason"] for line in logs if line["event"] == "mail_paused"] == [
            "several senders in one conversation: take the label off, and label one mail of the one you mean"
        ]
        assert [sandbox.mailboxes_of(mail) for mail in mails] == [
            {"Inbox", "@ToFeed", "@MailroomError"},
            {"Inbox", "@ToFeed", "@MailroomError"},
            {"Inbox"},
        ]
        assert await s.requests_of_a_pass() == 1
        for mail in mails:
            sandbox.unlabel(mail, "@ToFeed")
        await s.run()
        assert [sandbox.mailboxes_of(mail) for mail in mails] == [{"Inbox"}] * 3
        sandbox.label(mails[1], "@ToFeed")
        await s.run()
        assert sandbox.groups()["Feed"] == {CY}


async def test_without_an_error_label_it_is_asked_about_less_and_less_often() -> None:
    sandbox = empty_sandbox()
    mails = [writes(sandbox, sender, "Inbox", "@ToFeed") for sender in (ANN, CY)]
    sandbox.destroy_mailbox("@MailroomError")
    async with screener(sandbox, OWN) as s:
        for _ in range(2):
            await s.run()
        with structlog.testing.capture_logs() as logs:
            await s.run()
        assert [line["event"] for line in logs] == []
    assert [sandbox.mailboxes_of(mail) for mail in mails] == [{"Inbox", "@ToFeed"}] * 2


async def test_a_sender_who_is_asked_about_in_one_thread_may_be_settled_by_another() -> None:
    sandbox = empty_sandbox()
    asked = [writes(sandbox, sender, "Inbox", "@ToFeed") for sender in (ANN, CY)]
    other = writes(sandbox, CY, "Screener", "@ToJail", thread="2")
    async with screener(sandbox, OWN) as s:
        await s.run()
        await s.run()
    assert sandbox.mailboxes_of(other) == {"Jail"}
    assert sandbox.mailboxes_of(asked[0]) == {"Inbox", "@ToFeed", "@MailroomError"}
    assert sandbox.groups()["Jail"] == {CY}


async def test_a_label_that_means_somebody_else_does_not_keep_the_mail_from_going_with_its_sender() -> None:
    sandbox = empty_sandbox()
    mails = conversation(sandbox)
    other = writes(sandbox, ANN, "Inbox", "Imbox", "@ToTruck", thread="2")
    async with screener(sandbox, OWN) as s:
        await s.run()
    assert sandbox.mailboxes_of(other) == sandbox.mailboxes_of(mails[ANN]) == {"Inbox", "Paper Trail", "Truck"}
    assert (sandbox.groups()["Feed"], sandbox.groups()["Truck"]) == ({BOB}, {ANN})


class TestMailByMail:
    async def test_what_is_labelled_later_is_the_same_tap(self) -> None:
        sandbox = empty_sandbox()
        decided(sandbox, ANN, "Imbox")
        decided(sandbox, CY, "Jail")
        bob, ann = writes(sandbox, BOB, "Screener", "@ToFeed"), writes(sandbox, ANN, "Inbox", "Imbox", "@ToFeed")
        cy, me = writes(sandbox, CY, "Jail"), writes(sandbox, ME, "Sent")
        dee = writes(sandbox, "dee@x.org", "Archive")
        async with screener(sandbox, OWN) as s:
            await s.run()
            for mail in (cy, me, dee):
                sandbox.label(mail, "@ToFeed")
            assert await s.requests_of_a_pass() == 5
            sandbox.label(ann, "@ToFeed")
            assert await s.requests_of_a_pass() == 3
        assert [sandbox.mailboxes_of(mail) for mail in (bob, ann, cy, me, dee)] == [
            {"Feed"},
            {"Inbox", "Imbox"},
            {"Jail"},
            {"Sent"},
            {"Archive", "Feed"},
        ]
        assert sandbox.groups()["Feed"] == {BOB, "dee@x.org"}

    async def test_another_decision_about_somebody_in_it_ends_that(self) -> None:
        sandbox = empty_sandbox()
        mails = conversation(sandbox)
        async with screener(sandbox, OWN) as s:
            await s.run()
            sandbox.label(writes(sandbox, ANN, "Inbox", thread="2"), "@ToJail")
            await s.run()
            sandbox.label(mails[ANN], "@ToFeed")
            await s.run()
        assert sandbox.groups()["Feed"] == {ANN, BOB}

    async def test_a_crash_forgets_it_and_that_is_as_one_label_on_one_mail(self) -> None:
        sandbox = empty_sandbox()
        mails = conversation(sandbox)
        for mail in (ANN, ME):
            sandbox.unlabel(mails[mail], "@ToFeed")
        sandbox.label(writes(sandbox, CY, "Inbox"), "@ToFeed")
        async with screener(sandbox, OWN) as s:
            await s.run()
        sandbox.label(mails[ANN], "@ToFeed")
        sandbox.label(mails[ME], "@ToFeed")
        async with screener(sandbox, OWN) as s:
            await s.run()
            before = sandbox.store.states()
            await s.run()
            assert sandbox.store.states() == before
        # One more decision, which the note tells and a label takes back; no mail is lost, and none waits.
        assert sandbox.groups()["Feed"] == {ANN, BOB}
        assert sandbox.mailboxes_of(mails[ANN]) == {"Inbox", "Feed"}
        assert sandbox.mailboxes_of(mails[ME]) == {"Sent"}


async def test_a_server_that_refuses_to_be_asked_about_all_is_asked_about_few() -> None:
    sandbox = empty_sandbox()
    mails = conversation(sandbox)
    async with screener(sandbox, OWN) as s:
        # The cards of both, which come before any other.
        sandbox.faults.method_error("ContactCard/query", MethodError("requestTooLarge"), skip=1)
        await s.run()
    assert sandbox.mailboxes_of(mails[BOB]) == {"Feed"}
    assert sandbox.mailboxes_of(mails[ANN]) == {"Inbox", "Imbox"}


@dataclass(frozen=True)
class Mail:
    sender: str
    home: str
    is_labelled: bool


@dataclass(frozen=True)
class World:
    mails: tuple[Mail, ...]
    decided: frozenset[str]


_mails = st.lists(
    st.builds(
        Mail,
        sender=st.sampled_from((BOB, ANN, CY, ME)),
        home=st.sampled_from(("Screener", "Inbox", "Archive", "@ToFeed")),
        is_labelled=st.sampled_from((True, True, False)),
    ),
    min_size=1,
    max_size=7,
).map(tuple)
worlds = st.builds(World, _mails, st.frozensets(st.sampled_from((BOB, ANN, CY))))


def built(world: World) -> tuple[Sandbox, list[str]]:
    sandbox = empty_sandbox()
    for address in sorted(world.decided):
        decided(sandbox, address, "Jail")
    ids = [writes(sandbox, mail.sender, mail.home) for mail in world.mails]
    for mail, id in zip(world.mails, ids, strict=True):
        if mail.is_labelled:
            sandbox.label(id, "@ToFeed")
    return sandbox, ids


def labelled(world: World) -> list[Mail]:
    return [mail for mail in world.mails if mail.is_labelled or mail.home == "@ToFeed"]


def meant(world: World) -> set[str]:
    """Who is settled by the label, said in another way."""
    senders = {mail.sender for mail in labelled(world)} - {ME}
    if len(senders) < 2:
        return senders
    waiting = {mail.sender for mail in labelled(world) if mail.home in ("Screener", "@ToFeed")}
    return waiting - {ME} - world.decided


async def passes(sandbox: Sandbox, *wires: Wire) -> None:
    """A start and a pass over each wire, one after the other."""
    for wire in wires:
        async with client_of(sandbox, wire) as client:
            with suppress(Unavailable):
                await (await start(client, OWN)).run(NOW)


@a_part_of_the_examples(2)
@given(world=worlds, cut=st.integers(1, 9), is_after=st.booleans())
def test_whoever_is_in_it_who_waits_is_settled_and_nobody_else_whatever_cuts_it_off(
    world: World, cut: int, is_after: bool
) -> None:
    sandbox, ids = built(world)
    trio.run(passes, sandbox, Wire(cut_after=cut) if is_after else Wire(cut_before=cut), Wire())
    assert sandbox.groups()["Feed"] == meant(world)
    assert sandbox.groups()["Jail"] == world.decided - meant(world)
    asks = not meant(world) and bool({mail.sender for mail in labelled(world)} - {ME})
    for mail, id in zip(world.mails, ids, strict=True):
        now = sandbox.mailboxes_of(id)
        assert now, "no mail is without a mailbox"
        if mail.sender == ME and meant(world):
            assert now == ({"Sent"} if mail.home == "@ToFeed" else {mail.home})
        elif mail.sender in meant(world):
            assert "Feed" in now
        elif mail.sender in world.decided and not asks:
            assert now == ({"Jail"} if mail.home == "@ToFeed" else {mail.home})
        assert asks or "@ToFeed" not in now or mail.sender == ME
    states = sandbox.store.states()
    trio.run(passes, sandbox, Wire())
    assert sandbox.store.states() == states


class TestMemory:
    CONVERSATION = Conversation("T", "@ToFeed")

    def settled(self, memory: Memory, *mails: Email, by: str = BOB, now: float = 0) -> None:
        sender = Sender(by, "", DEFAULT_SCHEME.by_name["Feed"], mails)
        memory.settled([sender], {self.CONVERSATION: frozenset({ANN, BOB})}, PLACES, now)

    def mail(self, thread: str) -> Email:
        return Email(id=thread, mailbox_ids=frozenset({"@ToFeed"}), senders=None, thread_id=thread)

    def test_lasts_ten_minutes_from_the_last_tap(self) -> None:
        memory = Memory(PLACES)
        self.settled(memory, self.mail("T"), now=5)
        assert (*memory.tapped(604.9),) == (self.CONVERSATION,)
        self.settled(memory, self.mail("T"), now=604)
        assert (*memory.tapped(1203.9),) == (self.CONVERSATION,)
        assert (*memory.tapped(1204),) == ()

    def test_holds_what_was_settled_alone(self) -> None:
        memory = Memory(PLACES)
        self.settled(memory, self.mail("other"))
        assert (*memory.tapped(0),) == ()

    @pytest.mark.parametrize(("who", "left"), [(ANN, 0), (BOB, 0), (CY, 1)])
    def test_is_ended_by_another_decision_about_somebody_in_it(self, who: str, left: int) -> None:
        memory = Memory(PLACES)
        self.settled(memory, self.mail("T"))
        memory.settled([Sender(who, "", DEFAULT_SCHEME.by_name["Jail"], (self.mail("U"),))], {}, PLACES, 1)
        assert len(memory.tapped(1)) == left

    def test_keeps_those_who_were_in_it_before(self) -> None:
        memory = Memory(PLACES)
        self.settled(memory, self.mail("T"))
        sender = Sender(CY, "", DEFAULT_SCHEME.by_name["Feed"], (self.mail("T"),))
        memory.settled([sender], {self.CONVERSATION: frozenset({CY})}, PLACES, 1)
        memory.settled([Sender(ANN, "", DEFAULT_SCHEME.by_name["Jail"], ())], {}, PLACES, 2)
        assert (*memory.tapped(2),) == ()
