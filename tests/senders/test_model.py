"""Random decisions, undone, taken back and cut off: a sender is where the decisions alone say."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Category
from mailroom.errors import ConfigError, Unavailable
from mailroom.sandbox import Sandbox
from mailroom.senders.undo import find_undo, undo
from tests.exhaustive import a_part_of_the_examples
from tests.screener import NOW, Wire, connected, empty_sandbox, served, start
from tests.senders.support import asking

ADDRESSES = ("ann@x.org", "bob@x.org")
MAILS = 2
NAMES = ("Imbox", "Feed", "Jail", "Person", "Truck")
MANAGED = DEFAULT_SCHEME.managed_mailboxes

Cut = tuple[Literal["cut_before", "cut_after"], int] | None


@dataclass(frozen=True)
class Step:
    """A category's name, `Screener` for the label of the way back, or empty for an undo; and what cuts it off."""

    who: str
    to: str
    cut: Cut


@dataclass
class Model:
    """One sender, by the decisions alone: those of the note, and where the mails are."""

    decisions: list[str] = field(default_factory=list)
    mails: list[set[str]] = field(default_factory=lambda: [{"Screener"} for _ in range(MAILS)])

    @property
    def before(self) -> str | None:
        """What an undo leads to; None where there is nothing to undo."""
        if not self.decisions:
            return None
        different = [each for each in self.decisions if each != self.decisions[-1]]
        # A first `Screener` undone is no decision at all.
        return different[-1] if different else ("" if self.decisions[-1] == "Screener" else "Screener")

    def decide(self, to: str) -> None:
        if not self.decisions or self.decisions[-1] != to:
            self.decisions.append(to)
        self.mails = [filed(mail, DEFAULT_SCHEME.by_name.get(to)) for mail in self.mails]

    @property
    def groups(self) -> set[str]:
        category = DEFAULT_SCHEME.by_name.get(self.decisions[-1]) if self.decisions else None
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


steps = st.lists(
    st.builds(
        Step,
        who=st.sampled_from(ADDRESSES),
        to=st.sampled_from((*NAMES, "Screener", "", "")),
        cut=st.none() | st.tuples(st.sampled_from(("cut_before", "cut_after")), st.integers(1, 9)),
    ),
    min_size=1,
    max_size=6,
)


async def do(sandbox: Sandbox, step: Step, mail: str) -> None:
    """The step, and once more where it was cut off."""
    if step.to:
        sandbox.label(mail, f"@To{step.to}")
    is_cut_off = False
    try:
        await act(sandbox, step, Wire(**{step.cut[0]: step.cut[1]}) if step.cut else Wire())
    except* Unavailable:
        is_cut_off = True
    if is_cut_off:
        await act(sandbox, step, Wire())


async def act(sandbox: Sandbox, step: Step, wire: Wire) -> None:
    await (label_pass(sandbox, wire) if step.to else undone(sandbox, wire, step.who))


async def label_pass(sandbox: Sandbox, wire: Wire) -> None:
    async with served(sandbox) as url, connected(sandbox, url, wire) as client:
        await (await start(client)).run(NOW)


async def undone(sandbox: Sandbox, wire: Wire, who: str) -> None:
    async with asking(sandbox, wire) as run:
        await undo(run, await find_undo(run, who))


async def play(script: list[Step]) -> None:
    sandbox = empty_sandbox()
    models = {who: Model() for who in ADDRESSES}
    mails = {
        who: [sandbox.deliver(who, "Hi", ["Screener"], received_at=NOW - timedelta(days=1)) for _ in range(MAILS)]
        for who in ADDRESSES
    }
    for step in script:
        model = models[step.who]
        to = step.to or model.before
        if to is None:
            with pytest.RaisesGroup(ConfigError, flatten_subgroups=True):
                await undone(sandbox, Wire(), step.who)
            continue
        await do(sandbox, step, mails[step.who][0])
        model.decide(to)
        for who in ADDRESSES:
            groups = {name for name, members in sandbox.groups().items() if who in members} - {"Mailroom"}
            assert groups == models[who].groups, (step, who)
            assert [sandbox.mailboxes_of(mail) for mail in mails[who]] == models[who].mails, (step, who)


@a_part_of_the_examples(5)
@given(script=steps)
def test_a_sender_is_where_the_decisions_say_whatever_cuts_them_off(script: list[Step]) -> None:
    trio.run(play, script)
