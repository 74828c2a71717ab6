"""What the scripted user, the mail's way here and the network do, as data; and how fast (pure).

Mails go by names of the script's own, since their ids are the server's. Senders go by address.
"""

from dataclasses import dataclass

from mailroom.sandbox.faults import Endpoint, Fault


@dataclass(frozen=True, slots=True)
class Arrive:
    """A mail of `address` comes into these mailboxes."""

    mail: str
    address: str
    mailboxes: tuple[str, ...] = ("Screener",)


@dataclass(frozen=True, slots=True)
class Put:
    """The user puts labels on: pairs of mail and label, all in the same moment."""

    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TakeOff:
    """The user takes a label off again, if it is still there."""

    mail: str
    label: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """The user ends a conflict: error labels off, and all labels of these mails but the one `kept`."""

    mails: tuple[str, ...]
    kept: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """The user moves a mail into these mailboxes and no others."""

    mail: str
    mailboxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delete:
    """The user deletes a mail for good."""

    mail: str


@dataclass(frozen=True, slots=True)
class AddCard:
    """Another client adds a contact."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class EditCard:
    """Another client renames a contact and gives it a phone number."""

    address: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class DestroyCard:
    """Another client deletes a contact."""

    address: str


@dataclass(frozen=True, slots=True)
class Strike:
    """So many requests to an endpoint (None: to any) meet a fault; `times` None: all until `Calm`."""

    fault: Fault
    endpoint: Endpoint | None = Endpoint.API
    times: int | None = None


@dataclass(frozen=True, slots=True)
class FailCalls:
    """So many calls of a method answer an error of this type; `times` None: all until `Calm`."""

    method: str
    error: str
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """The server refuses to change these mails, the cards of these addresses and these groups, until `Calm`."""

    mails: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relent:
    """The server takes changes of one mail, and of the card of one address, again."""

    mail: str
    address: str


@dataclass(frozen=True, slots=True)
class DropStreams:
    """Every open event stream is cut."""


@dataclass(frozen=True, slots=True)
class EndStreams:
    """Every open event stream ends in order."""


@dataclass(frozen=True, slots=True)
class RenewSession:
    """The session has a new state, so that the daemon has to read it again."""


@dataclass(frozen=True, slots=True)
class Calm:
    """Every fault is over."""


@dataclass(frozen=True, slots=True)
class Tidy:
    """The user takes the error label off all mail but what has to wait: this asks to try again."""


@dataclass(frozen=True, slots=True)
class Rest:
    """From now until the next `Check` nothing is left to do: requests are counted."""


@dataclass(frozen=True, slots=True)
class Check:
    """The account must be as the script so far says."""


UserAct = Arrive | Put | TakeOff | Resolve | Place | Delete | AddCard | EditCard | DestroyCard
FaultAct = Strike | FailCalls | Refuse | Relent | DropStreams | EndStreams | RenewSession | Calm
Act = UserAct | FaultAct | Tidy | Rest | Check


@dataclass(frozen=True, slots=True)
class Timed:
    """An act, and when: seconds from the start of the script."""

    at: float
    act: Act


@dataclass(frozen=True, slots=True)
class Between:
    """A range that something is drawn from, evenly."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How much happens how fast, under a `name`; all but counts in seconds.

    A round is `active`, then quiet until `length`. `tidy` and `rest` are counted from the end of the active part.
    A spell of bad weather lasts `spell`, a calm between two of them `calm`. `refusal` is how long a server refuses one
    sender, `asks_for` its Retry-After, `delays` how slow it may be; `streams` is what it may send on event streams.
    """

    name: str
    rounds: int
    length: float
    active: float
    tidy: float
    rest: float
    newcomers: int
    acquaintances: int
    spell: Between
    calm: Between
    refusal: Between
    asks_for: Between
    delays: Between
    streams: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """All that happens, in order; `spells` counts those of bad weather."""

    seed: int
    pace: Pace
    acts: tuple[Timed, ...]
    spells: int
