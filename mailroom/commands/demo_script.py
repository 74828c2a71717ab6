"""The demo's script: what its user does, and how the mailbox shows that Mailroom has done its part."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import trio

from mailroom.commands.demo_report import TOO_LATE, Filed, Teller, Who
from mailroom.config.scheme import Category, Scheme
from mailroom.decisions.keywords import SEEN
from mailroom.plural import plural
from mailroom.sandbox import Sandbox
from mailroom.sandbox.addresses import addresses
from mailroom.sandbox.store import Mail

PATIENCE_SECONDS = 10.0
"""What takes longer than this has failed."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A label that the user put on a mail, and how things were at that moment.

    `at` is trio's time; `mails` counts those of the sender that have to move; `groups` are the managed contact
    groups that the sender was in.
    """

    sender: str
    address: str
    category: Category
    at: float
    mails: int
    is_contact: bool
    groups: frozenset[str]
    push_was_down: bool


class User:
    """Somebody with a mailbox, who taps labels in a mail app and looks what becomes of them.

    `pace` scales the pauses for thought: 1 is a person's, 0 none. `screened` are the seconds that mail of strangers was
    in the Inbox. `late` names what didn't happen in time.
    """

    def __init__(self, sandbox: Sandbox, scheme: Scheme, teller: Teller, pace: float = 1.0) -> None:
        self.sandbox = sandbox
        self.scheme = scheme
        self.teller = teller
        self.taps: list[Tap] = []
        self.filed: list[Filed] = []
        self.screened: list[float] = []
        self.late: list[str] = []
        self._pace = pace

    async def think(self, seconds: float) -> None:
        await trio.sleep(seconds * self._pace)

    def receive(self, sender: str, who: str, subject: str) -> Mail:
        """New mail lands in the Inbox; `who` says what the sender is to the user."""
        mail = self._mail(self.sandbox.deliver(sender, subject, ["Inbox"]))
        self.teller.tell(Who.MAIL, f"a mail of {_sender_of(mail)[0]}, {who}, arrives in the Inbox")
        return mail

    async def see_screened(self, stranger: Mail, friend: Mail) -> bool:
        """Whether the one leaves the Inbox for the Screener, and the other is judged to stay, in time."""
        at = trio.current_time()
        name, screener = _sender_of(stranger)[0], self.scheme.screener
        if not await self.sees(lambda: self._is_screened(stranger, friend), f"screening {name}"):
            return False
        seconds = trio.current_time() - at
        self.screened.append(seconds)
        tell = partial(self.teller.tell, Who.MAILROOM)
        tell(f"put the mail of {name} into the {screener} after {seconds:.2f} s")
        tell(f"left the mail of {_sender_of(friend)[0]} in the Inbox")
        return True

    def _is_screened(self, stranger: Mail, friend: Mail) -> bool:
        return (
            self.sandbox.mailboxes_of(stranger.id) == {self.scheme.screener}
            and self.sandbox.mailboxes_of(friend.id) == {"Inbox"}
            and SEEN in self._mail(friend.id).keywords
        )

    def tap(self, category: str, subject: str, *, push_is_down: bool = False) -> Tap:
        """Put the category's label on the newest mail with this subject, and expect its sender to be filed."""
        tap = self.expect(category, subject, push_is_down=push_is_down)
        self.put(tap.category.label, subject)
        return tap

    def move(self, category: str, subject: str) -> Tap:
        """Move the newest mail with this subject into the category's mailbox, and expect its sender to be filed."""
        tap = self.expect(category, subject)
        mailbox = tap.category.destination_mailbox
        self.sandbox.move(self._mail_about(subject).id, mailbox)
        self.teller.tell(Who.YOU, f"move a mail of {tap.sender} from the {self.scheme.screener} to {mailbox}")
        return tap

    def expect(self, category: str, subject: str, *, push_is_down: bool = False) -> Tap:
        """From now on the mail's sender is to be filed."""
        name, address = _sender_of(self._mail_about(subject))
        tap = Tap(
            sender=name,
            address=address,
            category=self.scheme.by_name[category],
            at=trio.current_time(),
            mails=len([mail for mail in self._mails_from(address) if not self._is_placed(mail, category)]),
            is_contact=self._is_contact(address),
            groups=self._groups_of(address),
            push_was_down=push_is_down,
        )
        self.taps.append(tap)
        return tap

    def put(self, label: str, subject: str) -> None:
        mail = self._mail_about(subject)
        self.sandbox.label(mail.id, label)
        self.teller.tell(Who.YOU, f"put {label} on a mail of {_sender_of(mail)[0]}")

    def take_off(self, label: str, subject: str) -> None:
        self.sandbox.unlabel(self._mail_about(subject).id, label)
        self.teller.tell(Who.YOU, f"take {label} off again")

    def has(self, label: str, subject: str) -> bool:
        return label in self.sandbox.mailboxes_of(self._mail_about(subject).id)

    async def see_filed(self, *taps: Tap) -> None:
        """Wait until the mailbox shows that the senders are settled, and tell how long each took."""
        async with trio.open_nursery() as nursery:
            for tap in taps:
                nursery.start_soon(self._see_filed, tap)

    async def _see_filed(self, tap: Tap) -> None:
        if not await self.sees(lambda: self._is_filed(tap), f"filing {tap.sender}"):
            return
        seconds = trio.current_time() - tap.at
        self.filed.append(Filed(tap.sender, tap.mails, seconds, tap.is_contact, tap.push_was_down))
        where = [each.destination_mailbox for each in self.scheme.chain(tap.category)]
        if any("Inbox" in self.sandbox.mailboxes_of(mail.id) for mail in self._mails_from(tap.address)):
            where.append("the Inbox")
        self.teller.tell(
            Who.MAILROOM,
            f"filed {plural(tap.mails, 'mail')} of {tap.sender} in {' and '.join(where)} "
            f"after {seconds:.2f} s{_fate_of_contact(tap)}",
        )

    async def sees(self, happened: Callable[[], bool], what: str) -> bool:
        """Whether the mailbox comes to be so in time. If not, that is told and noted in `late`."""
        with trio.move_on_after(PATIENCE_SECONDS):
            while not happened():
                await self.sandbox.changed()
            return True
        self.gives_up_on(what)
        return False

    def gives_up_on(self, what: str) -> None:
        self.late.append(what)
        self.teller.tell(Who.MAILROOM, f"{TOO_LATE}: {what} took more than {PATIENCE_SECONDS:.0f} s")

    def _is_filed(self, tap: Tap) -> bool:
        """Mail, label and contact groups: all of it, not only the label that goes last."""
        return self._groups_of(tap.address) == {each.contact_group for each in self.scheme.chain(tap.category)} and all(
            self._is_placed(mail, tap.category.name) for mail in self._mails_from(tap.address)
        )

    def _is_placed(self, mail: Mail, category: str) -> bool:
        """Whether the mail is in the category's destinations, in no other managed mailbox, and has no label left."""
        destinations = {each.destination_mailbox for each in self.scheme.chain(self.scheme.by_name[category])}
        others = self.scheme.managed_mailboxes | self.scheme.labels | {self.scheme.error_label}
        return self.sandbox.mailboxes_of(mail.id) & (destinations | others) == destinations

    def _groups_of(self, address: str) -> frozenset[str]:
        groups = self.sandbox.groups()
        return frozenset(name for name in self.scheme.groups if address in groups[name])

    def _is_contact(self, address: str) -> bool:
        return any(
            address == each["address"] for card in self.sandbox.cards() for each in card.get("emails", {}).values()
        )

    def _mail(self, mail_id: str) -> Mail:
        return self.sandbox.store.mails.objects[mail_id]

    def _mail_about(self, subject: str) -> Mail:
        """The newest mail with this subject."""
        mails = self.sandbox.store.mails.objects.values()
        return next(mail for mail in reversed(mails) if mail.message.subject == subject)

    def _mails_from(self, address: str) -> list[Mail]:
        return [mail for mail in self.sandbox.store.mails.objects.values() if _sender_of(mail)[1] == address]


def _sender_of(mail: Mail) -> tuple[str, str]:
    """Display name and address of who wrote the mail."""
    [(name, address)] = addresses(mail.message.values("From")[0])
    return name or address, address


def _fate_of_contact(tap: Tap) -> str:
    if tap.groups:
        return f", contact moved from {' and '.join(sorted(tap.groups))}"
    return ", contact kept" if tap.is_contact else ""


async def play(user: User) -> None:
    """The whole script: about 20 s at the pace of a person. It ends early once something is late."""
    for act in ACTS:
        await user.think(0.9)
        await act(user)
        if user.late:
            user.teller.title("Something took too long: the rest is left out")
            return


async def _stranger_and_friend(user: User) -> None:
    user.teller.title("A stranger writes to you, and so does a friend; one tap lets the stranger in")
    await user.think(0.3)
    stranger = user.receive("Nils Berg <nils@berg.example>", "a stranger", "Boat shed keys")
    friend = user.receive("Marta Kowalska <marta.kowalska@example.net>", "a friend", "Lunch on Sunday?")
    if await user.see_screened(stranger, friend):
        await user.think(1.2)
        await user.see_filed(user.tap("Person", "Boat shed keys"))


async def _one_tap(user: User) -> None:
    user.teller.title("One tap files all mail of a sender, and makes them a contact")
    await user.think(0.3)
    await user.see_filed(user.tap("Feed", "Ask the baker"))


async def _category_with_parent(user: User) -> None:
    user.teller.title("Truck is a part of Paper Trail: mail for the one is in both")
    await user.think(0.3)
    await user.see_filed(user.tap("Truck", "Delivery today 14 to 16 h"))


async def _move(user: User) -> None:
    user.teller.title("Your app knows folders only? To move a mail says the same")
    await user.think(0.3)
    await user.see_filed(user.move("Paper Trail", "Your bill for March"))


async def _two_at_once(user: User) -> None:
    user.teller.title("Two taps at once are one pass; your own contacts stay as you wrote them")
    await user.think(0.3)
    taps = [user.tap("Jail", "FINAL notice: claim now"), user.tap("Imbox", "Dinner on Friday?")]
    await user.see_filed(*taps)


async def _conflict(user: User) -> None:
    user.teller.title("Two labels on one mail: Mailroom doesn't guess, it asks")
    await user.think(0.3)
    subject, error_label = "-30 % on tents", user.scheme.error_label
    user.put("@ToFeed", subject)
    user.put("@ToBillboard", subject)
    if await user.sees(lambda: user.has(error_label, subject), "marking the conflict"):
        user.teller.tell(Who.MAILROOM, f"marked it {error_label} and touched nothing else")
    await user.think(1.0)
    user.take_off("@ToFeed", subject)
    tap = user.expect("Billboard", subject)
    user.take_off(error_label, subject)
    await user.see_filed(tap)


async def _change_of_mind(user: User) -> None:
    user.teller.title("You may change your mind")
    await user.think(0.3)
    await user.see_filed(user.tap("Imbox", "Rye week"))


async def _outage(user: User) -> None:
    user.teller.title("The push connection breaks, and nothing is lost")
    user.teller.tell(Who.NETWORK, "drops the event stream")
    user.sandbox.drop_streams()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_see_reconnect, user, trio.current_time())
        await user.think(0.3)
        await user.see_filed(user.tap("Feed", "Issue 212: lighthouses", push_is_down=True))


async def _see_reconnect(user: User, since: float) -> None:
    with trio.move_on_after(PATIENCE_SECONDS):
        await user.sandbox.broadcaster.wait_for_next_stream()
        user.teller.tell(Who.MAILROOM, f"is connected again after {trio.current_time() - since:.2f} s")
        return
    user.gives_up_on("connecting again")


Act = Callable[[User], Awaitable[None]]

ACTS: tuple[Act, ...] = (
    _stranger_and_friend,
    _one_tap,
    _category_with_parent,
    _move,
    _two_at_once,
    _conflict,
    _change_of_mind,
    _outage,
)
