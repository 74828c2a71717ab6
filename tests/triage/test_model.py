"""Random mailboxes and address books: what holds for every one of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Category
from mailroom.errors import Unavailable
from mailroom.jmap.batch import MethodFailed
from mailroom.sandbox import MethodError, Sandbox, SetError
from tests.exhaustive import a_part_of_the_examples
from tests.screener import NOW, Wire, client_of, empty_sandbox, start

ADDRESSES = ("ann@x.org", "bob@x.org", "cy@x.org", "dee@x.org")
HOMES = ("Screener", "Inbox", "Archive", "Work", "Trash", "Sent", "Feed", "Paper Trail", "Truck", "Imbox", "Person")
LABELS = ("@ToFeed", "@ToTruck", "@ToImbox", "@ToPerson")
FLAGS = ("@MailroomError", "@MailroomWarning")
FIRST_MAIL = datetime(2026, 3, 1, tzinfo=UTC)
MAY_CHANGE = DEFAULT_SCHEME.managed_mailboxes | DEFAULT_SCHEME.labels | {"Inbox", *FLAGS}


@dataclass(frozen=True)
class Mail:
    name: str
    mailboxes: frozenset[str]


@dataclass(frozen=True)
class Person:
    """A sender, with its mails and what the address book says of it."""

    address: str
    mails: tuple[Mail, ...]
    card: str | None
    groups: frozenset[str]


@dataclass(frozen=True)
class Seen:
    """All that concerns one sender: mails in order of arrival, groups, and the card's name and note."""

    mails: tuple[frozenset[str], ...]
    groups: frozenset[str]
    card: tuple[str, ...]


_mails = st.builds(
    Mail,
    name=st.sampled_from(("Ann Lee", "Bob", "")),
    mailboxes=st.builds(
        lambda homes, labels, flags: homes | labels | flags,
        st.frozensets(st.sampled_from(HOMES), min_size=1, max_size=3),
        # Mostly no label or one: two are a conflict.
        st.frozensets(st.sampled_from(LABELS), max_size=2) | st.just(frozenset({"@ToFeed"})),
        st.frozensets(st.sampled_from(FLAGS), max_size=1) | st.just(frozenset()),
    ),
)


def _person(address: str) -> st.SearchStrategy[Person]:
    return st.builds(
        Person,
        address=st.just(address),
        mails=st.lists(_mails, max_size=4).map(tuple),
        card=st.none() | st.sampled_from(("Ann Lee", "Somebody", "")),
        groups=st.frozensets(st.sampled_from(sorted(DEFAULT_SCHEME.groups)), max_size=3),
    )


worlds = st.tuples(*map(_person, ADDRESSES))
World = tuple[Person, ...]


def built(people: Iterable[Person]) -> tuple[Sandbox, dict[str, list[str]]]:
    """An account with these senders, and the ids of their mails."""
    sandbox = empty_sandbox()
    sandbox.create_mailbox("Work")
    ids: dict[str, list[str]] = {}
    for person in people:
        ids[person.address] = [
            sandbox.deliver(
                f'"{mail.name}" <{person.address}>',
                "Hi",
                sorted(mail.mailboxes),
                # The newest mail names its sender; times on the wire are whole seconds.
                received_at=FIRST_MAIL + timedelta(seconds=number),
            )
            for number, mail in enumerate(person.mails)
        ]
        if person.card is not None:
            uid = sandbox.add_card(person.address, person.card)
            for card in list(sandbox.store.cards.objects.values()):
                if card.data["name"]["full"] in person.groups and card.kind == "group":
                    members = {**card.data.get("members", {}), uid: True}
                    sandbox.change_card(card.data["uid"], {"members": members})
    return sandbox, ids


def conflicting(person: Person) -> bool:
    visible = [mail.mailboxes for mail in person.mails if "@MailroomError" not in mail.mailboxes]
    return len(frozenset(LABELS) & frozenset[str]().union(*visible)) > 1


def seen(sandbox: Sandbox, ids: dict[str, list[str]]) -> dict[str, Seen]:
    groups = sandbox.groups()
    cards = {card["emails"][key]["address"]: card for card in sandbox.cards() for key in card["emails"]}
    return {
        address: Seen(
            mails=tuple(frozenset(sandbox.mailboxes_of(id)) for id in mails),
            groups=frozenset(name for name, members in groups.items() if address in members),
            card=_card(cards[address]) if address in cards else (),
        )
        for address, mails in ids.items()
    }


def without_warnings(people: dict[str, Seen]) -> dict[str, Seen]:
    warning = {"@MailroomWarning"}
    return {
        address: replace(each, mails=tuple(mailboxes - warning for mailboxes in each.mails))
        for address, each in people.items()
    }


def _card(card: dict[str, object]) -> tuple[str, ...]:
    return tuple(str(card.get(key)) for key in ("name", "kind", "organizations", "notes"))


async def passes(sandbox: Sandbox, *wires: Wire) -> None:
    """A start and a pass over each wire, one after the other. What fails a pass ends the daemon."""
    for wire in wires:
        async with client_of(sandbox, wire) as client:
            try:
                await (await start(client)).run(NOW)
            except (Unavailable, MethodFailed):
                continue


def after_a_pass(people: Iterable[Person]) -> dict[str, Seen]:
    sandbox, ids = built(people)
    trio.run(passes, sandbox, Wire())
    return seen(sandbox, ids)


examples = a_part_of_the_examples(4)


@examples
@given(world=worlds)
def test_a_second_pass_writes_nothing(world: World) -> None:
    sandbox, ids = built(world)
    trio.run(passes, sandbox, Wire())
    before, states = seen(sandbox, ids), sandbox.store.states()
    trio.run(passes, sandbox, Wire())
    assert seen(sandbox, ids) == before
    assert sandbox.store.states() == states


@examples
@given(world=worlds)
def test_mail_changes_only_in_what_mailroom_manages_and_is_never_without_a_mailbox(world: World) -> None:
    after = after_a_pass(world)
    for person in world:
        for mail, now in zip(person.mails, after[person.address].mails, strict=True):
            assert now
            assert now ^ mail.mailboxes <= MAY_CHANGE
            # No category here takes from the Inbox.
            assert "Inbox" not in mail.mailboxes - now


@examples
@given(world=worlds)
def test_each_sender_ends_as_if_it_were_alone(world: World) -> None:
    # But for warnings: those are about the names of others.
    together = without_warnings(after_a_pass(world))
    for person in world:
        assert without_warnings(after_a_pass([person])) == {person.address: together[person.address]}


@examples
@given(world=worlds, order=st.permutations(range(len(ADDRESSES))))
def test_the_order_of_senders_is_irrelevant(world: World, order: list[int]) -> None:
    assert after_a_pass([world[n] for n in order]) == after_a_pass(world)


@examples
@given(world=worlds, k=st.integers(1, 8), before=st.booleans())
def test_a_crash_at_any_request_and_one_clean_pass_end_like_a_clean_pass(world: World, k: int, before: bool) -> None:
    sandbox, ids = built(world)
    cut = Wire(cut_before=k) if before else Wire(cut_after=k)
    trio.run(passes, sandbox, cut, Wire())
    assert seen(sandbox, ids) == after_a_pass(world)


@examples
@given(
    world=worlds,
    method=st.sampled_from(("Email/query", "Email/get", "Email/set", "ContactCard/query", "ContactCard/set")),
    error=st.sampled_from(("serverFail", "forbidden", "requestTooLarge", "stateMismatch")),
    skip=st.integers(0, 3),
    refused=st.sets(st.integers(1, 16), max_size=3),
)
def test_failures_at_any_step_and_one_clean_pass_end_like_a_clean_pass(
    world: World, method: str, error: str, skip: int, refused: set[int]
) -> None:
    sandbox, ids = built(world)
    # A conflict of which only a part gets the error label is none for the next pass: what is seen of it is clean.
    mails = [id for person in world if not conflicting(person) for id in ids[person.address]]
    sandbox.faults.method_error(method, MethodError(error), skip=skip)
    sandbox.faults.set_errors |= {mails[n % len(mails)]: SetError("forbidden") for n in refused if mails}
    trio.run(passes, sandbox, Wire())
    sandbox.faults.clear()
    trio.run(passes, sandbox, Wire())
    # A warning on a mail that lost its label before the failure is an old one for the next pass, which takes it off.
    assert without_warnings(seen(sandbox, ids)) == without_warnings(after_a_pass(world))


@examples
@given(
    person=_person("ann@x.org").filter(lambda person: bool(person.mails)),
    history=st.lists(st.sampled_from(DEFAULT_SCHEME.categories), min_size=1, max_size=4),
)
def test_after_any_sequence_of_triages_groups_and_mail_are_the_last_categorys_chain(
    person: Person, history: list[Category]
) -> None:
    waiting = tuple(replace(mail, mailboxes=frozenset({"Screener"})) for mail in person.mails)
    sandbox, ids = built([replace(person, mails=waiting)])
    for each in history:
        sandbox.label(ids[person.address][0], each.label)
        trio.run(passes, sandbox, Wire())
    last = DEFAULT_SCHEME.chain(history[-1])
    now = seen(sandbox, ids)[person.address]
    assert now.groups - {"Mailroom"} == {each.contact_group for each in last}
    for mailboxes in now.mails:
        assert mailboxes - {"Inbox", "@MailroomWarning"} == {each.destination_mailbox for each in last}
