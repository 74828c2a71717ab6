"""One trouble, again and again, while owners of many accounts go on with their mail."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import httpx
import trio

from bench.soak.figures import crashes_in
from bench.twins.owner import Deed, Owner
from bench.twins.pace import Pace
from bench.twins.pair import Pair, pair_of
from bench.twins.troubles import Trouble

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Done:
    """A deed, and when all of it was done, by trio's clock."""

    deed: Deed
    at: float

    @property
    def seconds(self) -> float:
        return self.at - self.deed.at


@dataclass(frozen=True, slots=True)
class Strike:
    """From when until when the first one was gone, by trio's clock.

    `polled` is how many seconds it took until the twin had looked at every account.
    """

    struck: float
    over: float
    polled: float

    def meets(self, done: Done) -> bool:
        """Whether it was still to be done while there was only the twin."""
        return self.struck < done.at and done.deed.at < self.over


@dataclass
class Played:
    """What was seen of one trouble; `problems` is what must not be."""

    trouble: Trouble
    pace: Pace
    done: list[Done] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _more: trio.Event = field(default_factory=trio.Event)

    def is_done(self, deed: Deed) -> None:
        self.done.append(Done(deed, trio.current_time()))
        self._more.set()
        self._more = trio.Event()

    async def has_taps(self, number: int, since: float) -> None:
        """Wait until so many have been filed that were put on since."""
        while sum(each.deed.is_tap and each.deed.at >= since for each in self.done) < number:
            await self._more.wait()

    def taps(self) -> list[Done]:
        return [each for each in self.done if each.deed.is_tap]

    def in_trouble(self) -> list[float]:
        """Seconds from tap to filed mail, of taps while the first one was gone."""
        return [each.seconds for each in self.taps() if any(strike.meets(each) for strike in self.strikes)]

    def in_calm(self) -> list[float]:
        """Of all others."""
        return [each.seconds for each in self.taps() if not any(strike.meets(each) for strike in self.strikes)]


async def play(trouble: Trouble, times: int, pace: Pace, random: Random, progress: Progress) -> Played:
    """Play it so many times, then let all come to rest and look at every account."""
    played = Played(trouble, pace)
    async with pair_of(pace) as pair:
        async with trio.open_nursery() as nursery:
            going_on = trio.CancelScope()
            nursery.start_soon(_owners_act, pair, played, random, going_on, nursery)
            for number in range(times):
                await trio.sleep(random.uniform(0, pace.calm))
                await _strike(pair, played)
                wrong = f", NOT AS PROMISED: {'; '.join(played.problems)}" if played.problems else ""
                progress(f"{trouble.name} {number + 1} of {times}: {len(played.done)} done{wrong}")
            going_on.cancel()
        for daemon in (pair.first, pair.twin):
            await pair.polls_all(daemon, since=len(daemon.lines))
        played.problems += _complaints(pair)
    return played


async def _owners_act(
    pair: Pair, played: Played, random: Random, going_on: trio.CancelScope, nursery: trio.Nursery
) -> None:
    """At random accounts, at random moments."""
    with going_on:
        while True:
            await trio.sleep(random.expovariate(played.pace.per_second))
            owner = random.choice(pair.owners)
            nursery.start_soon(_see_done, owner, owner.acts_somehow(random), played)


async def _see_done(owner: Owner, deed: Deed, played: Played) -> None:
    with trio.move_on_after(played.pace.lost):
        await owner.is_done(deed)
        played.is_done(deed)
        return
    where = [sorted(owner.sandbox.mailboxes_of(mail)) for mail in deed.mails]
    played.problems.append(f"{owner.name}: {deed.sender} is lost: in {where}, not in {sorted(deed.place)}")


async def _strike(pair: Pair, played: Played) -> None:
    """The trouble; it ends once the twin has shown that it does all of the work."""
    pace = played.pace
    struck, struck_at_unix, lines = trio.current_time(), time.time(), len(pair.twin.lines)
    async with played.trouble.strikes(pair):
        await trio.sleep(played.trouble.seconds(pace))
        with trio.move_on_after(pace.lost) as patience:
            await pair.polls_all(pair.twin, since=lines)
            await played.has_taps(pace.taps, struck)
        if patience.cancelled_caught:
            played.problems.append(f"the twin didn't do the work within {pace.lost:g} s")
        played.problems += await _health_problems(pair)
        over = trio.current_time()
    polled = pair.polled(pair.twin.lines[lines:]).values()
    played.strikes.append(Strike(struck, over, max(polled) - struck_at_unix))


async def _health_problems(pair: Pair) -> list[str]:
    """Who watches the twin sees that it works, and which one it is."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(pair.twin.health_url)
    health = answer.json()
    if (answer.status_code, health["role"]) == (200, "standby"):
        return []
    return [f"the twin's health was {answer.status_code} {health}"]


def _complaints(pair: Pair) -> Iterator[str]:
    for owner in pair.owners:
        yield from owner.complaints()
    strangers = sum(owner.strangers for owner in pair.owners)
    screened = sum(line["mails"] for daemon in pair.all for line in daemon.logged("mail_screened"))
    if screened > strangers:
        yield f"{screened} mails were screened, and only {strangers} came from strangers"
    for daemon in pair.all:
        yield from crashes_in(daemon.lines)
        if daemon.errors:
            yield f"a daemon printed: {daemon.errors[-500:]}"
