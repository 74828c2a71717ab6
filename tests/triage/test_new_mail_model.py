"""Random new mail, cards, threads, labels, and a user who acts meanwhile: what holds for every account."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.sandbox import Sandbox
from tests.exhaustive import a_part_of_the_examples
from tests.new_mail import ON, join, keywords_of, later, raw, screening, seen
from tests.screener import NOW, empty_sandbox

GROUPS = ("Feed", "Truck", "Imbox", "Jail")
LABELS = {f"@To{name}": name for name in GROUPS}
CHAINS = {each.name: {above.destination_mailbox for above in DEFAULT_SCHEME.chain(each)} for each in ON.categories}


@dataclass(frozen=True)
class Mail:
    """`is_new`: it came after screening began; `label` is the triage label that the user put on it, if any."""

    home: str
    is_new: bool
    is_answer: bool
    keyword: str
    label: str


@dataclass(frozen=True)
class Person:
    """A sender; `standing` is a category's name, or what else is known: nothing, a card, mail that was sent to them."""

    number: int
    standing: str
    mails: tuple[Mail, ...]

    @property
    def address(self) -> str:
        return f"p{self.number}@example.org"

    @property
    def is_known(self) -> bool:
        return self.standing in ("card", "written to")

    @property
    def label(self) -> str:
        return next((mail.label for mail in self.mails if mail.label), "")


def _person(number: int) -> st.SearchStrategy[Person]:
    mails = st.builds(
        Mail,
        home=st.sampled_from(("Inbox", "Inbox", "Inbox", "Screener", "Archive", "Work")),
        is_new=st.sampled_from((True, True, True, False)),
        is_answer=st.booleans(),
        keyword=st.sampled_from(("", "", "", "$seen", "$flagged")),
        label=st.sampled_from(("", "", "", *LABELS)),
    )
    return st.builds(
        Person,
        number=st.just(number),
        standing=st.sampled_from(("nothing", "nothing", "card", "written to", *GROUPS)),
        mails=st.lists(mails, min_size=1, max_size=4).map(_with_one_label),
    )


def _with_one_label(mails: list[Mail]) -> tuple[Mail, ...]:
    """The first one, in a thread of its own: conflicts and conversations are for other tests."""
    first = next((mail for mail in mails if mail.label), None)
    return tuple(replace(mail, is_answer=False) if mail is first else replace(mail, label="") for mail in mails)


people = st.tuples(*map(_person, range(3)))
People = tuple[Person, ...]


def built(world: People) -> tuple[Sandbox, dict[int, list[str]]]:
    """An account with these senders, and the ids of their mails."""
    sandbox = empty_sandbox()
    sandbox.create_mailbox("Work")
    sandbox.deliver(raw=raw("me@example.com", "Message-ID: <1@me>", "To: x@x.example"), mailboxes=["Sent"])
    ids: dict[int, list[str]] = {}
    for person in world:
        if person.standing == "written to":
            sandbox.deliver(raw=raw("me@example.com", f"To: {person.address}"), mailboxes=["Sent"])
        elif person.standing != "nothing":
            uid = sandbox.add_card(person.address, "Somebody")
            for each in DEFAULT_SCHEME.chain(DEFAULT_SCHEME.by_name[person.standing]) if not person.is_known else ():
                join(sandbox, each.contact_group, uid)
        ids[person.number] = [delivered(sandbox, person, mail) for mail in person.mails]
    return sandbox, ids


def delivered(sandbox: Sandbox, person: Person, mail: Mail) -> str:
    header = ("In-Reply-To: <1@me>", "References: <1@me>") if mail.is_answer else ()
    return sandbox.deliver(
        raw=raw(f"Somebody <{person.address}>", *header),
        mailboxes=[mail.home, *([mail.label] if mail.label else [])],
        keywords=(mail.keyword,) if mail.keyword else (),
        received_at=later(1) if mail.is_new else NOW.replace(year=2025),
    )


async def passes(sandbox: Sandbox, count: int, window: int = 0, act: Callable[[], object] = lambda: None) -> None:
    """Passes, the user acting before the request of this number."""
    async with screening(sandbox, before={window: act}) as s:
        for _ in range(count):
            await s.run(later(2))


examples = a_part_of_the_examples(4)


@examples
@given(world=people)
def test_what_holds_for_every_account(world: People) -> None:
    sandbox, ids = built(world)
    trio.run(passes, sandbox, 1)
    for person in world:
        ends = [sandbox.mailboxes_of(id) for id in ids[person.number]]
        category = LABELS.get(person.label) or (person.standing if person.standing in CHAINS else "")
        for mail, id, end in zip(person.mails, ids[person.number], ends, strict=True):
            assert end, "no mail is without a mailbox"
            if person.is_known and not person.label and mail.home != "Screener":
                assert "Screener" not in end, "mail of the known is never screened"
            if person.label:
                assert CHAINS[category] <= end, "labels win"
                assert not end & LABELS.keys()
            elif not mail.is_new and mail.home != "Screener":
                assert (end, keywords_of(sandbox, id)) == ({mail.home}, {mail.keyword} - {""}), "old mail is left alone"
            if "Screener" in end:
                assert "mailroom-waiting" in keywords_of(sandbox, id)
            else:
                assert "mailroom-waiting" not in keywords_of(sandbox, id)
        alike = [
            frozenset(end)
            for mail, end in zip(person.mails, ends, strict=True)
            if replace(mail, is_answer=False) == Mail("Inbox", True, False, "", "") and not mail.is_answer
        ]
        assert len(set(alike)) <= 1, "a sender's mails end alike"
    before = {id: seen(sandbox, id) for id in sandbox.store.mails.objects}
    states = sandbox.store.states()
    trio.run(passes, sandbox, 1)
    assert {id: seen(sandbox, id) for id in sandbox.store.mails.objects} == before
    assert sandbox.store.states() == states, "a second pass writes nothing"


@examples
@given(
    world=people,
    window=st.integers(1, 6),
    who=st.integers(0, 2),
    what=st.sampled_from(("Trash", "Archive", "Inbox", "@ToFeed", "delete", "decide")),
)
def test_whatever_the_user_does_meanwhile_mail_is_somewhere_and_comes_to_rest(
    world: People, window: int, who: int, what: str
) -> None:
    sandbox, ids = built(world)
    mail = ids[who][0]
    count = len(sandbox.store.mails.objects)
    trio.run(passes, sandbox, 3, window, partial(acts, sandbox, world[who], mail, what))
    assert len(sandbox.store.mails.objects) == count - (mail not in sandbox.store.mails.objects)
    assert all(each.mailbox_ids for each in sandbox.store.mails.objects.values())
    if mail in sandbox.store.mails.objects and "Trash" in sandbox.mailboxes_of(mail) and not world[who].label:
        assert sandbox.mailboxes_of(mail) == {"Trash"}
    states = sandbox.store.states()
    trio.run(passes, sandbox, 1)
    assert sandbox.store.states() == states


def acts(sandbox: Sandbox, person: Person, mail: str, what: str) -> None:
    if what == "delete":
        sandbox.delete(mail)
    elif what == "decide":
        join(sandbox, "Feed", sandbox.add_card(person.address, "Somebody"))
    elif what == "@ToFeed":
        sandbox.label(mail, what)
    else:
        sandbox.move(mail, what)
