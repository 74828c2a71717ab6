"""Random decisions, about senders, whole domains and a list, by labels, moves and a command, undone, taken back and cut
off: mail is where they say."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import Category
from mailroom.config.splits import Split
from mailroom.decisions.keywords import SEEN, WAITING
from mailroom.decisions.undo import Subject
from mailroom.decisions.whole import WholeDomain, WholeList
from mailroom.errors import ConfigError, Unavailable
from mailroom.sandbox import Sandbox
from mailroom.senders.undo import find_undo, undo
from mailroom.senders.wide import settle_wide
from mailroom.triage.start_check import begin
from tests.exhaustive import a_part_of_the_examples
from tests.new_mail import ON, raw
from tests.screener import NOW, Wire, client_of, empty_sandbox, start
from tests.senders.support import contacts_of

SHOP, OTHER, LIST = WholeDomain("shop.example"), WholeDomain("other.example"), WholeList("dev.lists.example")
NEWS = WholeDomain("news.shop.example")
"""No label means this one: it means what somebody registered."""
DOMAINS = {"ann@shop.example": (SHOP,), "bob@news.shop.example": (NEWS, SHOP), "cy@other.example": (OTHER,)}
ANN, BOB, CY = DOMAINS
Subjects = tuple[Subject, ...]
WIDE: tuple[Subjects, ...] = (
    (ANN, SHOP, LIST),
    (ANN, BOB, SHOP),
    (BOB, NEWS, SHOP, LIST),
    (CY, OTHER, LIST, SHOP),
    (NEWS, SHOP),
    (SHOP, LIST),
)
"""Few at a time, so that the decisions of a script meet each other."""
SCHEME = replace(ON, splits=(Split(("receipt",), "Truck", domain=SHOP.domain),))
CATEGORIES = SCHEME.by_name
NAMES = ("Imbox", "Feed", "Jail", "Person", "Truck")
MANAGED = SCHEME.managed_mailboxes
WIDE_LABELS = {WholeDomain: "@WholeDomain", WholeList: "@WholeList"}
BACK, UNDONE = "Screener", ""

How = Literal["label", "label of its width alone", "move", "command", "undo"]
Cut = tuple[Literal["cut_before", "cut_after"], int] | None


@dataclass(frozen=True)
class Mail:
    sender: str
    is_of_list: bool
    is_receipt: bool = False

    def subjects(self) -> Iterator[Subject]:
        """What decisions may be about that are about this mail, the nearest first."""
        yield self.sender
        if self.is_of_list:
            yield LIST
        yield from DOMAINS[self.sender]

    def category(self, decided: str) -> Category | None:
        """Where a decision for this category, or for none, sends it."""
        is_split = decided in CATEGORIES and self.is_receipt and SHOP in DOMAINS[self.sender]
        return CATEGORIES.get("Truck" if is_split else decided)


MAILS = (
    *(Mail(sender, is_of_list) for sender in DOMAINS for is_of_list in (False, True)),
    *(Mail(ANN, True, is_receipt=True), Mail(BOB, False, is_receipt=True), Mail(CY, False, is_receipt=True)),
)


@dataclass(frozen=True)
class Step:
    """What somebody does: `to` is a category's name, or `BACK` for the label of the way back; `cut` cuts it off.

    Of the mails that it is about, `number` counts to the one that gets the label, or is moved.
    """

    how: How
    about: Subject
    to: str
    number: int
    cut: Cut

    @property
    def mail(self) -> Mail:
        """The one with the label, which goes where that says, whoever decides about the others."""
        covered = [mail for mail in MAILS if self.about in mail.subjects()]
        return covered[self.number % len(covered)]


@dataclass
class Model:
    """An account by the decisions alone: the lines of the notes, and where the mails are."""

    lines: dict[Subject, list[str]] = field(default_factory=dict)
    mails: dict[Mail, set[str]] = field(default_factory=lambda: {mail: {"Screener"} for mail in MAILS})

    def last(self, subject: Subject) -> str:
        return self.lines.get(subject, [UNDONE])[-1]

    def nearest(self, mail: Mail) -> Subject | None:
        """Exact beats list beats domain, a nearer one a wider one; of the ways back only that of a sender has a say."""
        return next(
            (each for each in mail.subjects() if self.last(each) in CATEGORIES or self.is_sent_back(each)), None
        )

    def is_sent_back(self, subject: Subject) -> bool:
        return isinstance(subject, str) and self.last(subject) == BACK

    def before(self, subject: Subject) -> str:
        """What an undo leads to: the decision before, or a wider one about any of the mail, or the Screener."""
        lines, last = self.lines[subject], self.last(subject)
        before = next((each for each in reversed(lines) if each != last), UNDONE)
        if before in CATEGORIES or before == BACK:
            return before
        if last == UNDONE:
            return BACK
        return UNDONE if self.is_covered(subject) or last == BACK else BACK

    def is_covered(self, subject: Subject) -> bool:
        """Whether anything wider is decided about some of its mail, that is not decided in a nearer way."""
        for mail in (each for each in MAILS if subject in each.subjects()):
            nearer, wider = parted(mail, subject)
            is_nearer = any(self.last(each) in CATEGORIES or self.is_sent_back(each) for each in nearer)
            if not is_nearer and any(self.last(each) in CATEGORIES for each in wider):
                return True
        return False

    def play(self, step: Step) -> None:
        """What the step should come to."""
        match step.how:
            case "undo":
                self.decide(step.about, self.before(step.about), None)
            case "command":
                self.decide(step.about, step.to, None)
            case "label":
                self.decide(step.about, step.to, step.mail)
            case "label of its width alone" if self.last(step.mail.sender) in CATEGORIES:
                self.decide(step.about, self.last(step.mail.sender), step.mail)
            case "move" if self.last(step.mail.sender) in CATEGORIES:
                # About this mail alone.
                self.mails[step.mail] = {CATEGORIES[step.to].destination_mailbox}
            case "move":
                self.decide(step.about, step.to, step.mail)

    def decide(self, subject: Subject, to: str, tapped: Mail | None) -> None:
        held = {mail for mail in MAILS if self.nearest(mail) == subject}
        self._write(subject, to)
        is_undone = to not in CATEGORIES and not self.is_sent_back(subject)
        for mail in MAILS:
            if mail == tapped:
                self.mails[mail] = filed(self.mails[mail], mail.category(to))
            elif subject in (mail.sender, self.nearest(mail)) or mail in held:
                # What this one holds no more goes where the next-best one sends it.
                others = self.nearest(mail) if is_undone else None
                self.mails[mail] = filed(self.mails[mail], mail.category(to if others is None else self.last(others)))

    def _write(self, subject: Subject, to: str) -> None:
        # Of a domain or list about which nothing was decided there is nothing to take back.
        if subject not in self.lines and to == BACK and not isinstance(subject, str):
            return
        lines = self.lines.setdefault(subject, [])
        if not lines or lines[-1] != to:
            lines.append(to)

    def groups(self, subject: Subject) -> set[str]:
        category = CATEGORIES.get(self.last(subject))
        return {each.contact_group for each in SCHEME.chain(category)} if category else set()


def parted(mail: Mail, subject: Subject) -> tuple[list[Subject], list[Subject]]:
    """What decisions about a mail may be about that are nearer than this one, and that are wider."""
    subjects = [*mail.subjects()]
    at = subjects.index(subject)
    return subjects[:at], subjects[at + 1 :]


def destinations(category: Category) -> set[str]:
    return {each.destination_mailbox for each in SCHEME.chain(category)}


def filed(mail: set[str], category: Category | None) -> set[str]:
    if category is not None:
        inbox = category.add_to_inbox and "Screener" in mail
        others = mail - MANAGED - ({"Inbox"} if category.takes_from_inbox else set())
        return destinations(category) | others | ({"Inbox"} if inbox else set())
    fitting = [each for each in SCHEME.categories if destinations(each) <= mail]
    deepest = max(fitting, key=lambda each: len(SCHEME.chain(each)), default=None)
    home = mail - MANAGED - ({"Inbox"} if deepest and deepest.add_to_inbox else set())
    return home or {"Screener"}


def steps(subjects: Subjects) -> st.SearchStrategy[list[Step]]:
    def step(about: Subject, how: How) -> st.SearchStrategy[Step]:
        targets = NAMES if how in ("move", "command") else (*NAMES, BACK)
        cut = st.none() | st.tuples(st.sampled_from(("cut_before", "cut_after")), st.integers(1, 9))
        return st.builds(Step, st.just(how), st.just(about), st.sampled_from(targets), st.integers(0, 8), cut)

    kinds = [(about, how) for about in subjects for how in ways_to_decide(about)]
    return st.lists(st.sampled_from(kinds).flatmap(lambda kind: step(*kind)), min_size=3, max_size=8)


def ways_to_decide(about: Subject) -> tuple[How, ...]:
    if about == NEWS:
        return ("command", "command", "undo", "undo")
    if isinstance(about, str):
        return ("label", "label", "move", "undo", "undo")
    return ("label", "label", "label of its width alone", "undo", "undo")


async def do(sandbox: Sandbox, step: Step, mails: dict[Mail, str]) -> None:
    """The step, and once more where it was cut off."""
    if step.how in ("label", "label of its width alone"):
        wide = [WIDE_LABELS[type(step.about)]] if not isinstance(step.about, str) else []
        for label in (*wide, *([f"@To{step.to}"] if step.how == "label" else [])):
            sandbox.label(mails[step.mail], label)
    if step.how == "move":
        sandbox.move(mails[step.mail], CATEGORIES[step.to].destination_mailbox)
    try:
        await act(sandbox, step, Wire(**{step.cut[0]: step.cut[1]}) if step.cut else Wire())
    except Unavailable:
        await act(sandbox, step, Wire())


async def act(sandbox: Sandbox, step: Step, wire: Wire) -> None:
    async with client_of(sandbox, wire) as client:
        if step.how not in ("undo", "command"):
            await (await start(client, SCHEME)).run(NOW)
            return
        run = await begin(client, await contacts_of(client), SCHEME, NOW)
        if step.how == "undo":
            await undo(run, await find_undo(run, step.about))
        elif isinstance(step.about, WholeDomain):
            assert not (await settle_wide(run, [step.about], CATEGORIES[step.to], frozenset())).failed


def delivered(sandbox: Sandbox) -> dict[Mail, str]:
    header = (f"List-Id: Developers <{LIST.id}>",)
    return {
        mail: sandbox.deliver(
            raw=raw(mail.sender, *(header if mail.is_of_list else ())).replace(
                b"Hello", b"Your receipt" if mail.is_receipt else b"Hello"
            ),
            mailboxes=["Screener"],
            keywords=(SEEN, WAITING),
            received_at=NOW - timedelta(days=1),
        )
        for mail in MAILS
    }


def groups_by_name(sandbox: Sandbox) -> dict[str, set[str]]:
    """The managed groups of each contact, by its name; the card that tells since when new mail is screened is none."""
    names = {card["uid"]: card["name"]["full"] for card in sandbox.cards() if card["name"]["full"] != "Mailroom"}
    found: dict[str, set[str]] = {name: set() for name in names.values()}
    for card in sandbox.store.cards.objects.values():
        if card.kind == "group" and (group := card.data["name"]["full"]) != "Mailroom":
            for uid in card.data.get("members", {}):
                found[names[uid]].add(group)
    return found


def name_of(subject: Subject) -> str:
    if isinstance(subject, str):
        return subject.partition("@")[0]
    return "Developers" if subject == LIST else subject.named


async def play(script: list[Step]) -> None:
    sandbox, model = empty_sandbox(), Model()
    mails = delivered(sandbox)
    for step in script:
        if step.how == "undo" and step.about not in model.lines:
            with pytest.raises(ConfigError):
                await act(sandbox, step, Wire())
            continue
        if step.how == "move" and model.mails[step.mail] != {"Screener"}:
            continue
        await do(sandbox, step, mails)
        model.play(step)
        if step.how == "label of its width alone" and model.last(step.mail.sender) not in CATEGORIES:
            # It waits for a triage label; the user thinks again.
            sandbox.unlabel(mails[step.mail], WIDE_LABELS[type(step.about)])
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
