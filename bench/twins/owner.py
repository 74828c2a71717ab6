"""One owner of a mailbox: gets mail, decides about senders, thinks again; and knows what has to come of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import trio

from bench.soak.acts import Arrive, Put, Timed, UserAct
from bench.soak.expected import FILED_IN
from bench.soak.judge import problems
from mailroom.decisions.keywords import WAITING
from mailroom.sandbox import Sandbox

LABELS = ("@ToFeed", "@ToPaperTrail", "@ToTruck")

MAILS = 2
"""Of each new sender, one of which gets the label."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What an owner did or got, the mails that have to end up in the same place, and when it happened by trio's clock.

    `is_tap` is whether a label was put on; otherwise new mail came, which is screened or put where its sender's go.
    """

    account: str
    sender: str
    is_tap: bool
    mails: tuple[str, ...]
    place: frozenset[str]
    at: float


@dataclass
class Owner:
    """Of the account `name`. Mail that comes is screened there if `screens`.

    A sender of whom something is under way is left alone until it is done: what comes of two decisions at once is not
    the twins' affair. `acts` are what has to have come of everything, in the words of the endurance test's script.
    """

    name: str
    sandbox: Sandbox
    screens: bool
    acts: list[Timed] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    strangers: int = 0
    """Mails that have to be put into the Screener."""
    _decided: dict[str, str] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)

    def acts_somehow(self, random: Random) -> Deed:
        """Mostly a new sender gets a label; sometimes a known one gets another, or new mail comes."""
        known = sorted(self._decided.keys() - self._busy)
        kind = random.choices(("new", "anew", "stranger", "known"), (6, 2, 1, 1))[0]
        if kind == "stranger" and self.screens:
            return self._stranger_writes()
        if kind == "known" and self.screens and known:
            return self._known_one_writes(random.choice(known))
        if kind == "anew" and known:
            return self._decides_anew(random.choice(known), random)
        return self._decides(random.choice(LABELS))

    async def is_done(self, deed: Deed) -> None:
        """Wait until all mails of it are where they have to be, and nowhere else."""
        while any(self.sandbox.mailboxes_of(mail) != deed.place for mail in deed.mails):
            await self.sandbox.changed()
        self._busy.discard(deed.sender)

    def complaints(self) -> Iterator[str]:
        """What is not as it has to be, once all is done."""
        for problem in problems(self.sandbox, self.ids, tuple(self.acts)):
            yield f"{self.name}: {problem}"
        screener = self.sandbox.mailbox_id("Screener")
        for id, mail in self.sandbox.store.mails.objects.items():
            if self.screens and (WAITING in mail.keywords) != (screener in mail.mailbox_ids):
                places = sorted(self.sandbox.mailboxes_of(id))
                yield f"{self.name}: mail {id} is in {places} and has {sorted(mail.keywords)}"
        states = [card for card in self.sandbox.cards() if not card.get("emails")]
        if len(states) != self.screens:
            yield f"{self.name}: {len(states)} cards of Mailroom's own"

    def _decides(self, label: str) -> Deed:
        sender = f"s{len(self.ids)}@example.org"
        mails = [self._gets(sender, "Screener") for _ in range(MAILS)]
        return self._labels(sender, mails, label)

    def _decides_anew(self, sender: str, random: Random) -> Deed:
        mails = self._mails_of(sender)
        return self._labels(sender, mails, random.choice([each for each in LABELS if each != self._decided[sender]]))

    def _labels(self, sender: str, mails: list[str], label: str) -> Deed:
        self._does(Put(((mails[0], label),)))
        self.sandbox.label(self.ids[mails[0]], label)
        self._decided[sender] = label
        return self._deed(sender, mails, FILED_IN[label], is_tap=True)

    def _stranger_writes(self) -> Deed:
        sender = f"s{len(self.ids)}@example.org"
        self.strangers += 1
        return self._deed(sender, [self._gets(sender, "Inbox", "Screener")], frozenset({"Screener"}), is_tap=False)

    def _known_one_writes(self, sender: str) -> Deed:
        place = FILED_IN[self._decided[sender]]
        return self._deed(sender, [self._gets(sender, "Inbox", *sorted(place))], place, is_tap=False)

    def _gets(self, sender: str, comes_to: str, *ends_in: str) -> str:
        name = f"m{len(self.ids)}"
        self.ids[name] = self.sandbox.deliver(f"Sender <{sender}>", mailboxes=[comes_to])
        self._does(Arrive(name, sender, ends_in or (comes_to,)))
        return name

    def _mails_of(self, sender: str) -> list[str]:
        arrived = [timed.act for timed in self.acts if isinstance(timed.act, Arrive)]
        return [act.mail for act in arrived if act.address == sender]

    def _does(self, act: UserAct) -> None:
        self.acts.append(Timed(len(self.acts), act))

    def _deed(self, sender: str, mails: list[str], place: frozenset[str], *, is_tap: bool) -> Deed:
        self._busy.add(sender)
        ids = tuple(self.ids[mail] for mail in mails)
        return Deed(self.name, sender, is_tap, ids, place, trio.current_time())
