"""The script: who writes, what the user does about it, and what goes wrong meanwhile; from a seed (pure).

A sender has one story in a round, and each story ends with something that decides: whatever weather, a pass under way
and the user's haste make of the acts in between, the end is one only. `bench/soak/expected.py` works it out.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from bench.soak.acts import (
    AddCard,
    Arrive,
    Calm,
    Check,
    Delete,
    DestroyCard,
    EditCard,
    Pace,
    Place,
    Put,
    Refuse,
    Relent,
    Resolve,
    Rest,
    Script,
    TakeOff,
    Tidy,
    Timed,
)
from bench.soak.weather import forecast
from mailroom.sandbox.sample import LABELS

OWN_ADDRESS = "robin@example.com"

_NO_INBOX = tuple(label for label in LABELS if label != "@ToImbox")
"""Whether a pass saw a label that was taken off again shows in the Inbox alone, where mail stays once it is there."""


def write_script(seed: int, pace: Pace) -> Script:
    """Always the same for the same seed and pace."""
    author = _Author(random.Random(seed), pace)  # noqa: S311  plays dice, keeps no secret
    acts = [timed for number in range(pace.rounds) for timed in author.round(number * pace.length)]
    return Script(seed, pace, tuple(sorted(acts, key=lambda timed: timed.at)), author.spells)


@dataclass(slots=True)
class _Sender:
    """`mails` are those outside of the Trash; `conflict` are the mails that wait for the user, with their labels."""

    address: str
    mails: list[str] = field(default_factory=list)
    conflict: tuple[tuple[str, str], ...] = ()


Moments = Iterator[float]
Story = Iterator[Timed]


class _Author:
    """Writes rounds; remembers who has written and which mail there is."""

    def __init__(self, rng: random.Random, pace: Pace) -> None:
        self._rng = rng
        self._pace = pace
        self._known: list[_Sender] = []
        self._numbers = count(1)
        self._end = 0.0
        self.spells = 0

    def round(self, start: float) -> Iterator[Timed]:
        self._end = start + self._pace.active
        for weather in forecast(self._rng, self._pace, start):
            self.spells += 1
            yield from weather
        met = self._rng.sample(self._known, min(self._pace.acquaintances, len(self._known)))
        for sender in met:
            yield from self._go_on_with(sender, start)
        for _ in range(self._pace.newcomers):
            yield from self._introduce(start)
        yield from self._own_mail(self._rng.uniform(start, self._end))
        yield Timed(self._end, Calm())
        yield Timed(self._end + self._pace.tidy, Tidy())
        yield Timed(self._end + self._pace.rest, Rest())
        yield Timed(start + self._pace.length, Check())

    def _moments(self, start: float) -> Moments:
        """Times within the active part, one after the other; they crowd towards its end."""
        at = self._rng.uniform(start, self._end)
        while True:
            yield at
            at = self._rng.uniform(at, self._end)

    def _introduce(self, start: float) -> Story:
        sender = _Sender(f"news@shop{next(self._numbers)}.example")
        moments = self._moments(start)
        if self._rng.random() < 0.2:
            yield Timed(next(moments), AddCard(sender.address, f"Shop {sender.address}"))
        for _ in range(self._rng.randint(1, 4)):
            yield self._arrival(sender, next(moments))
        yield from self._rng.choice(self._OF_NEWCOMERS)(self, sender, moments)
        self._known.append(sender)

    def _go_on_with(self, sender: _Sender, start: float) -> Story:
        moments = self._moments(start)
        if sender.conflict:
            # Some conflicts wait for days.
            if self._rng.random() < 0.7:
                yield from self._resolve(sender, moments)
            return
        yield from self._rng.choice(self._OF_ACQUAINTANCES)(self, sender, moments)

    def _arrival(self, sender: _Sender, at: float) -> Timed:
        mail = f"{sender.address} {next(self._numbers)}"
        sender.mails.append(mail)
        return Timed(at, Arrive(mail, sender.address))

    def _own_mail(self, at: float) -> Story:
        """A mail from oneself, labelled by mistake: it waits for the user, who never looks."""
        mail = f"{OWN_ADDRESS} {next(self._numbers)}"
        yield Timed(at, Arrive(mail, OWN_ADDRESS))
        yield Timed(at, Put(((mail, self._label()),)))

    def _label(self, among: tuple[str, ...] = LABELS) -> str:
        return self._rng.choice(among)

    def _two_labels(self) -> list[str]:
        return self._rng.sample(LABELS, 2)

    # --- stories

    def _triage(self, sender: _Sender, moments: Moments) -> Story:
        yield Timed(next(moments), Put(((self._rng.choice(sender.mails), self._label()),)))

    def _folder_app(self, sender: _Sender, moments: Moments) -> Story:
        """A mail app that knows only folders moves the mail into the label's mailbox."""
        mail, label = self._rng.choice(sender.mails), self._label()
        yield Timed(next(moments), Place(mail, (label,)))

    def _second_thoughts(self, sender: _Sender, moments: Moments) -> Story:
        """A label goes on and comes off, perhaps in the middle of a pass; then another one."""
        mail, label = self._rng.choice(sender.mails), self._label(_NO_INBOX)
        at = next(moments)
        yield Timed(at, Put(((mail, label),)))
        yield Timed(min(at + self._rng.uniform(0, 10), self._end), TakeOff(mail, label))
        yield Timed(self._end, Put(((mail, self._label(_NO_INBOX)),)))

    def _mail_meanwhile(self, sender: _Sender, moments: Moments) -> Story:
        """Mail comes in while the sender is being settled; in the end the label goes on one of them instead."""
        mail, label = self._rng.choice(sender.mails), self._label(_NO_INBOX)
        at = next(moments)
        yield Timed(at, Put(((mail, label),)))
        for _ in range(self._rng.randint(1, 3)):
            yield self._arrival(sender, min(at + self._rng.uniform(0, 10), self._end))
        # In an outage the first label may still be there: left on, it would make a conflict.
        yield Timed(self._end, TakeOff(mail, label))
        yield Timed(self._end, Put(((sender.mails[-1], self._label(_NO_INBOX)),)))

    def _unlucky(self, sender: _Sender, moments: Moments) -> Story:
        """The server refuses a mail or the card of the sender for a while, perhaps until the error label goes on."""
        refused, labelled = self._rng.choice(sender.mails), self._rng.choice(sender.mails)
        at = next(moments)
        over = at + self._rng.uniform(self._pace.refusal.least, self._pace.refusal.most)
        yield Timed(at, Refuse(mails=(refused,), addresses=(sender.address,)))
        yield Timed(at, Put(((labelled, self._label()),)))
        yield Timed(min(over, self._end), Relent(refused, sender.address))

    def _conflict(self, sender: _Sender, moments: Moments) -> Story:
        """Two labels: on one mail, or on two mails of one sender; perhaps it is resolved on the same day."""
        two = self._rng.sample(sender.mails, 2) if len(sender.mails) > 1 else sender.mails * 2
        if self._rng.random() < 0.5:
            two = two[:1] * 2
        sender.conflict = tuple(zip(two, self._two_labels(), strict=True))
        yield Timed(next(moments), Put(sender.conflict))
        if self._rng.random() < 0.7:
            yield from self._resolve(sender, moments)

    def _resolve(self, sender: _Sender, moments: Moments) -> Story:
        kept = self._rng.choice(sender.conflict)
        yield Timed(next(moments), Resolve(tuple(mail for mail, _ in sender.conflict), kept))
        sender.conflict = ()

    def _more_mail(self, sender: _Sender, moments: Moments) -> Story:
        """Nobody labels it: it stays in the Screener."""
        yield self._arrival(sender, next(moments))

    def _more_mail_and_triage(self, sender: _Sender, moments: Moments) -> Story:
        yield self._arrival(sender, next(moments))
        yield from self._triage(sender, moments)

    def _archive(self, sender: _Sender, moments: Moments) -> Story:
        yield Timed(next(moments), Place(self._rng.choice(sender.mails), ("Archive",)))
        yield from self._triage(sender, moments)

    def _to_trash(self, sender: _Sender, moments: Moments) -> Story:
        if len(sender.mails) > 1:
            mail = sender.mails.pop(self._rng.randrange(len(sender.mails)))
            yield Timed(next(moments), Place(mail, ("Trash",)))
            yield Timed(next(moments), Put(((self._rng.choice([mail, *sender.mails]), self._label()),)))

    def _delete(self, sender: _Sender, moments: Moments) -> Story:
        if len(sender.mails) > 1:
            yield Timed(next(moments), Delete(sender.mails.pop(self._rng.randrange(len(sender.mails)))))
        yield from self._triage(sender, moments)

    def _card_edited(self, sender: _Sender, moments: Moments) -> Story:
        number = next(self._numbers)
        yield Timed(next(moments), EditCard(sender.address, f"Friend {number}", f"+49 30 {number}"))
        yield from self._triage(sender, moments)

    def _card_destroyed(self, sender: _Sender, moments: Moments) -> Story:
        yield Timed(next(moments), DestroyCard(sender.address))
        yield from self._triage(sender, moments)

    _OF_NEWCOMERS: tuple[Callable[["_Author", _Sender, Moments], Story], ...] = (
        _triage,
        _triage,
        _folder_app,
        _second_thoughts,
        _mail_meanwhile,
        _unlucky,
        _conflict,
    )
    _OF_ACQUAINTANCES: tuple[Callable[["_Author", _Sender, Moments], Story], ...] = (
        _triage,
        _second_thoughts,
        _mail_meanwhile,
        _unlucky,
        _conflict,
        _more_mail,
        _more_mail_and_triage,
        _archive,
        _to_trash,
        _delete,
        _card_edited,
        _card_destroyed,
    )
