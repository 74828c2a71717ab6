"""Plays a script against a sandbox, and looks at the end of each round whether all is as it should be."""

from collections.abc import Callable
from dataclasses import dataclass

import trio
from trio.testing import wait_all_tasks_blocked

from bench.soak.acts import (
    Act,
    AddCard,
    Arrive,
    Calm,
    Check,
    Delete,
    DestroyCard,
    DropStreams,
    EditCard,
    EndStreams,
    FailCalls,
    FaultAct,
    Place,
    Put,
    Refuse,
    Relent,
    RenewSession,
    Resolve,
    Rest,
    Script,
    Strike,
    TakeOff,
    Tidy,
    UserAct,
)
from bench.soak.expected import ERROR_LABEL, LABELS, expected_after
from bench.soak.judge import problems
from mailroom.sandbox import MethodError, Sandbox, SetError

IDLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """How the account is at the end of a round. `waiting` counts mails that wait for the user, `faults` those that were
    switched on so far. `requests` are all so far, `idle_requests` those of the last `idle_seconds`, when there was
    nothing to do."""

    number: int
    problems: tuple[str, ...]
    senders: int
    mails: int
    waiting: int
    faults: int
    requests: int
    idle_requests: int
    idle_seconds: float


class Player:
    """The user, the mail's way here and the weather, at work on one sandbox."""

    def __init__(self, sandbox: Sandbox, script: Script) -> None:
        self._sandbox = sandbox
        self._script = script
        self._ids: dict[str, str] = {}
        self._rounds = 0
        self._faults = 0
        self._resting_since = 0.0
        self._requests_before = 0

    async def play(self, at_rest: Callable[[], None], at_end: Callable[[RoundEnd], None]) -> None:
        """The whole script, from now on. `at_rest` is called when nothing is left to do in a round, `at_end` then."""
        start = trio.current_time()
        for number, timed in enumerate(self._script.acts):
            await trio.sleep_until(start + timed.at)
            if isinstance(timed.act, Check):
                # A pass may begin in this very moment; on a clock that jumps, time waits for it.
                await wait_all_tasks_blocked(IDLE_SECONDS)
                at_end(self._look(number))
            else:
                self._act(timed.act, number)
                if isinstance(timed.act, Rest):
                    at_rest()

    def _act(self, act: Act, number: int) -> None:
        if isinstance(act, UserAct):
            self._use(act)
        elif isinstance(act, FaultAct):
            self._weather(act)
        elif isinstance(act, Tidy):
            self._tidy(number)
        elif isinstance(act, Rest):
            self._resting_since = trio.current_time()
            self._requests_before = len(self._sandbox.requests)

    def _look(self, number: int) -> RoundEnd:
        played = self._script.acts[:number]
        expected = expected_after(played)
        self._rounds += 1
        return RoundEnd(
            number=self._rounds,
            problems=problems(self._sandbox, self._ids, played),
            senders=len(expected.senders),
            mails=len(expected.mails),
            waiting=len(expected.waiting),
            faults=self._faults,
            requests=len(self._sandbox.requests),
            idle_requests=len(self._sandbox.requests) - self._requests_before,
            idle_seconds=trio.current_time() - self._resting_since,
        )

    def _use(self, act: UserAct) -> None:
        sandbox, ids = self._sandbox, self._ids
        match act:
            case Arrive(mail, address, mailboxes):
                ids[mail] = sandbox.deliver(f'"Shop {address}" <{address}>', mail, list(mailboxes))
            case Put(labels):
                for mail, label in labels:
                    sandbox.label(ids[mail], label)
            case TakeOff(mail, label):
                sandbox.unlabel(ids[mail], label)
            case Resolve(mails, kept):
                for mail in mails:
                    for label in sorted((LABELS | {ERROR_LABEL}) & sandbox.mailboxes_of(ids[mail])):
                        if (mail, label) != kept:
                            sandbox.unlabel(ids[mail], label)
            case Place(mail, mailboxes):
                sandbox.move(ids[mail], *mailboxes)
            case Delete(mail):
                sandbox.delete(ids[mail])
            case AddCard(address, name):
                sandbox.add_card(address, name)
            case EditCard(address, name, phone):
                patch = {"name": {"full": name}, "phones": {"p1": {"number": phone}}}
                sandbox.change_card(self._uid(address), patch)
            case DestroyCard(address):
                sandbox.destroy_card(self._uid(address))

    def _weather(self, act: FaultAct) -> None:
        faults = self._sandbox.faults
        match act:
            case Strike(fault, endpoint, times):
                self._faults += 1
                faults.next_request(fault, endpoint=endpoint, times=times)
            case FailCalls(method, error, times):
                self._faults += 1
                faults.method_error(method, MethodError(error), times=times)
            case Refuse():
                self._faults += 1
                for refused in self._refused(act):
                    faults.set_errors[refused] = SetError("forbidden")
            case Relent(mail, address):
                for taken in self._refused(Refuse((mail,), (address,))):
                    faults.set_errors.pop(taken, None)
            case DropStreams():
                self._sandbox.drop_streams()
            case EndStreams():
                self._sandbox.end_streams()
            case RenewSession():
                self._sandbox.renew_session()
            case Calm():
                faults.clear()

    def _refused(self, act: Refuse) -> list[str]:
        """The ids of mails, cards and groups, as far as there are such now."""
        cards = self._sandbox.store.cards.objects.values()
        return [
            *(self._ids[mail] for mail in act.mails),
            *(card.id for card in cards if card.kind != "group" and set(card.emails.split("\n")) & set(act.addresses)),
            *(card.id for card in cards if card.kind == "group" and card.data["name"]["full"] in act.groups),
        ]

    def _tidy(self, number: int) -> None:
        waiting = {self._ids[name] for name in expected_after(self._script.acts[:number]).waiting}
        for mail in self._sandbox.mails_in(ERROR_LABEL):
            if mail not in waiting:
                self._sandbox.unlabel(mail, ERROR_LABEL)

    def _uid(self, address: str) -> str:
        """Of the one card with this address."""
        cards = [card for card in self._sandbox.cards() if address in str(card.get("emails"))]
        return str(cards[0]["uid"])
