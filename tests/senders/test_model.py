"""Random decisions, about senders, whole domains and a list, undone, taken back and cut off: mail is where they say."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Category
from mailroom.decisions.undo import Subject
from mailroom.decisions.whole import WholeDomain, WholeList
from mailroom.errors import ConfigError, Unavailable
from mailroom.sandbox import Sandbox
from mailroom.senders.undo import find_undo, undo
from mailroom.triage.start_check import begin
from tests.exhaustive import a_part_of_the_examples
from tests.new_mail import raw
from tests.screener import NOW, Wire, client_of, empty_sandbox, start
from tests.senders.support import contacts_of

SHOP, OTHER, LIST = WholeDomain("shop.example"), WholeDomain("other.example"), WholeList("dev.lists.example")
DOMAINS = {"ann@shop.example": SHOP, "bob@news.shop.example": SHOP, "cy@other.example": OTHER}
ANN, BOB, CY = DOMAINS
Subjects = tuple[Subject, ...]
WIDE: tuple[Subjects, ...] = ((ANN, SHOP, LIST), (ANN, BOB, SHOP), (CY, OTHER, LIST, SHOP), (SHOP, LIST))
"""Few at a time, so that the decisions of a script meet each other."""
CATEGORIES = DEFAULT_SCHEME.by_name
NAMES = ("Imbox", "Feed", "Jail", "Person", "Truck")
MANAGED = DEFAULT_SCHEME.managed_mailboxes
BACK, UNDONE = "Screener", ""

Cut = tuple[Literal["cut_before", "cut_after"], int] | None


@dataclass(frozen=True)
class Mail:
    sender: str
    is_of_list: bool

    def subjects(self) -> Iterator[Subject]:
        """What decisions may be about that are about this mail, the nearest first."""
        yield self.sender
        if self.is_of_list:
            yield LIST
        yield DOMAINS[self.sender]


MAILS = tuple(Mail(sender, is_of_list) for sender in DOMAINS for is_of_list in (False, True))


@dataclass(frozen=True)
class Step:
    """A category's name, `BACK` for the label of the way back, or None for an undo; and what cuts it off.

    Of the mails that it is about, `tapped` counts to the one that gets the label.
    """

    about: Subject
    to: str | None
    tapped: int
    cut: Cut

    @property
    def mail(self) -> Mail | None:
        """The one with the label, which goes where that says, whoever decides about the others."""
        covered = [mail for mail in MAILS if self.about in mail.subjects()]
        return None if self.to is None else covered[self.tapped % len(covered)]


@dataclass
class Model:
    """An account by the decisions alone: the lines of the notes, and where the mails are."""

    lines: dict[Subject, list[str]] = field(default_factory=dict)
    mails: dict[Mail, set[str]] = field(default_factory=lambda: {mail: {"Screener"} for mail in MAILS})

    def last(self, subject: Subject) -> str:
        return self.lines.get(subject, [UNDONE])[-1]

    def nearest(self, mail: Mail) -> Subject | None:
        """Exact beats list beats domain; of the ways back only that of a sender has a say."""
        return next(
            (each for each in mail.subjects() if self.last(each) in CATEGORIES or self.is_sent_back(each)), None
        )

    def is_sent_back(self, subject: Subject) -> bool:
        return isinstance(subject, str) and self.last(subject) == BACK

    def before(self, subject: Subject) -> str:
        """What an undo leads to: the decision before, or that about the domain, or the Screener."""
        lines, last = self.lines[subject], self.last(subject)
        before = next((each for each in reversed(lines) if each != last), UNDONE)
        if before in CATEGORIES or before == BACK:
            return before
        if last == UNDONE:
            return BACK
        is_covered = isinstance(subject, str) and self.last(DOMAINS[subject]) in CATEGORIES
        return UNDONE if is_covered or last == BACK else BACK

    def decide(self, subject: Subject, to: str, tapped: Mail | None) -> None:
        # With no decision of its own any more a sender goes, list mail and all, where the whole domain does.
        leads_to = CATEGORIES.get(self.last(DOMAINS[subject]) if to == UNDONE and isinstance(subject, str) else to)
        held = {mail for mail in MAILS if self.nearest(mail) == subject}
        self._write(subject, to)
        for mail in MAILS:
            if subject in (mail.sender, self.nearest(mail)) or mail in held or mail == tapped:
                self.mails[mail] = filed(self.mails[mail], leads_to)

    def _write(self, subject: Subject, to: str) -> None:
        # Of a domain or list about which nothing was decided there is nothing to take back.
        if subject not in self.lines and to == BACK and not isinstance(subject, str):
            return
        lines = self.lines.setdefault(subject, [])
        if not lines or lines[-1] != to:
            lines.append(to)

    def groups(self, subject: Subject) -> set[str]:
        category = CATEGORIES.get(self.last(subject))
        return {each.contact_group for each in DEFAULT_SCHEME.chain(category)} if category else set()


def destinations(category: Category) -> set[str]:
    return {each.destination_mailbox for each in DEFAULT_SCHEME.chain(category)}


def filed(mail: set[str], category: Category | None) -> set[str]:
    if category is not None:
        inbox = category.add_to_inbox and "Screener" in mail
        others = mail - MANAGED - ({"Inbox"} if category.takes_from_inbox else set())
        return destinations(category) | others | ({"Inbox"} if inbox else set())
    fitting = [each for each in DEFAULT_SCHEME.categories if destinations(each) <= mail]
    if not fitting:
        return mail
    deepest = max(fitting, key=lambda each: len(DEFAULT_SCHEME.chain(each)))
    home = mail - MANAGED - ({"Inbox"} if deepest.add_to_inbox else set())
    return home or {"Screener"}


def steps(subjects: Subjects) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        about=st.sampled_from(subjects),
        to=st.sampled_from((*NAMES, BACK, *[None] * 4)),
        tapped=st.integers(0, 3),
        cut=st.none() | st.tuples(st.sampled_from(("cut_before", "cut_after")), st.integers(1, 9)),
    )
    return st.lists(step, min_size=3, max_size=8)


async def do(sandbox: Sandbox, step: Step, mails: dict[Mail, str]) -> None:
    """The step, and once more where it was cut off."""
    if step.mail:
        wide = {WholeDomain: ["@WholeDomain"], WholeList: ["@WholeList"]}.get(type(step.about), [])
        for label in (*wide, f"@To{step.to}"):
            sandbox.label(mails[step.mail], label)
    try:
        await act(sandbox, step, Wire(**{step.cut[0]: step.cut[1]}) if step.cut else Wire())
    except Unavailable:
        await act(sandbox, step, Wire())


async def act(sandbox: Sandbox, step: Step, wire: Wire) -> None:
    async with client_of(sandbox, wire) as client:
        if step.mail:
            await (await start(client)).run(NOW)
        else:
            run = await begin(client, await contacts_of(client), DEFAULT_SCHEME, NOW)
            await undo(run, await find_undo(run, step.about))


def delivered(sandbox: Sandbox) -> dict[Mail, str]:
    header = (f"List-Id: Developers <{LIST.id}>",)
    return {
        mail: sandbox.deliver(
            raw=raw(mail.sender, *(header if mail.is_of_list else ())),
            mailboxes=["Screener"],
            received_at=NOW - timedelta(days=1),
        )
        for mail in MAILS
    }


def groups_by_name(sandbox: Sandbox) -> dict[str, set[str]]:
    """The managed groups of each contact, by its name."""
    names = {card["uid"]: card["name"]["full"] for card in sandbox.cards()}
    found: dict[str, set[str]] = {name: set() for name in names.values()}
    for card in sandbox.store.cards.objects.values():
        if card.kind == "group" and (group := card.data["name"]["full"]) != "Mailroom":
            for uid in card.data.get("members", {}):
                found[names[uid]].add(group)
    return found


def name_of(subject: Subject) -> str:
    return {SHOP: "shop.example", OTHER: "other.example", LIST: "Developers"}.get(subject) or str(subject).split("@")[0]


async def play(script: list[Step]) -> None:
    sandbox, model = empty_sandbox(), Model()
    mails = delivered(sandbox)
    for step in script:
        if step.to is None and step.about not in model.lines:
            with pytest.raises(ConfigError):
                await act(sandbox, step, Wire())
            continue
        to = model.before(step.about) if step.to is None else step.to
        await do(sandbox, step, mails)
        model.decide(step.about, to, step.mail)
        assert {mail: sandbox.mailboxes_of(id) for mail, id in mails.items()} == model.mails, step
        assert groups_by_name(sandbox) == {name_of(each): model.groups(each) for each in model.lines}, step


@a_part_of_the_examples(5)
@given(script=steps((ANN, BOB)))
def test_a_sender_is_where_the_decisions_say_whatever_cuts_them_off(script: list[Step]) -> None:
    trio.run(play, script)


@a_part_of_the_examples(2)
@given(script=st.sampled_from(WIDE).flatmap(steps))
def test_mail_is_where_the_nearest_decision_says_whatever_cuts_them_off(script: list[Step]) -> None:
    trio.run(play, script)
