"""What a scheme needs in the account, and what of it is there (pure)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook
from mailroom.decisions.places import find_places, how_to_mend, ids_by_path, roles_by_name, with_renamed
from mailroom.jmap.mailbox import Mailbox, NewMailbox
from mailroom.nfc import nfc

NOTHING_KNOWN: Mapping[str, str] = {}


class Kind(Enum):
    """The parts that things play, in the order in which they are shown."""

    SCREENER = "Screener"
    DESTINATION = "destination"
    TRIAGE_LABEL = "triage label"
    ERROR_LABEL = "error label"
    WARNING_LABEL = "warning label"
    OPTIONAL_LABEL = "optional label"
    GROUP = "contact group"
    PROVENANCE_GROUP = "provenance group"

    @property
    def is_group(self) -> bool:
        return self in (Kind.GROUP, Kind.PROVENANCE_GROUP)


class State(Enum):
    EXISTS = "exists"
    MISSING = "missing"
    CREATED = "created"
    FAILED = "failed"
    CONFLICT = "conflict"
    UNREADABLE = "unreadable"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that the scheme needs. `problem` says what is wrong and what to do; empty where nothing is.

    `mailbox` is the id of one that exists.
    """

    kind: Kind
    name: str
    state: State
    problem: str = ""
    mailbox: str | None = None


def inventory(
    mailboxes: Sequence[Mailbox], book: AddressBook, scheme: Scheme, known: Mapping[str, str] = NOTHING_KNOWN
) -> tuple[Item, ...]:
    """All that the scheme needs, each name once, by kind and then in the order of the categories.

    `known` are ids of mailboxes by the names that they had once.
    """
    places = with_renamed(find_places(mailboxes, scheme), known, mailboxes)
    ids = places.ids(scheme)
    missing_groups = {*scheme.groups, scheme.provenance_group} - {group.name for group in book.groups}
    roles = roles_by_name(mailboxes, scheme)

    def item(kind: Kind, name: str) -> Item:
        if kind.is_group:
            problem = unreadable_group(name, book) if name in missing_groups else ""
            missing = State.UNREADABLE if problem else State.MISSING
            return Item(kind, name, missing if name in missing_groups else State.EXISTS, problem)
        if name in roles:
            advice = f"it is the account's {roles[name]} mailbox: choose another name for it in the configuration"
            return Item(kind, name, State.CONFLICT, advice)
        if name in places.renamed:
            return Item(kind, name, State.RENAMED, how_to_mend(name, places, scheme), places.renamed[name].id)
        other = places.in_other_case.get(name, "")
        hint = f"there is {other}: the case counts, so rename it or the one in the configuration" if other else ""
        return Item(kind, name, State.EXISTS if name in ids else State.MISSING, hint, mailbox=ids.get(name))

    return tuple(item(kind, name) for kind, name in dict.fromkeys(_needed(scheme)))


def unreadable_group(name: str, book: AddressBook) -> str:
    """Why a group that isn't found may be there all the same, and what to do; empty where nothing speaks for it."""
    for card in book.unreadable:
        if card.group in (name, ""):
            reason = f"may be this group, and can't be read ({card.reason})"
            return f"the contact card {card.known_as} {reason}: mend or delete it"
    return ""


def _needed(scheme: Scheme) -> Iterator[tuple[Kind, str]]:
    yield Kind.SCREENER, scheme.screener
    yield from ((Kind.DESTINATION, each.destination_mailbox) for each in scheme.categories)
    yield from ((Kind.TRIAGE_LABEL, each.label) for each in scheme.categories)
    yield Kind.ERROR_LABEL, scheme.error_label
    if scheme.warnings_enabled:
        yield Kind.WARNING_LABEL, scheme.warning_label
    yield from ((Kind.OPTIONAL_LABEL, name) for name in (scheme.back_label, scheme.domain_label, scheme.list_label))
    yield from ((Kind.GROUP, each.contact_group) for each in scheme.categories)
    yield Kind.PROVENANCE_GROUP, scheme.provenance_group


@dataclass(frozen=True, slots=True)
class Creation:
    """Mailboxes to create, parents first; `ids` are the creation ids along each name's path, the last its own."""

    mailboxes: tuple[NewMailbox, ...]
    ids: dict[str, tuple[str, ...]]


def creation(names: Iterable[str], mailboxes: Sequence[Mailbox]) -> Creation:
    """What to create so that each of the names is there: a nested one (`Parent/Child`) with all that lies above it."""
    known = ids_by_path(mailboxes)
    new: dict[tuple[str, ...], NewMailbox] = {}
    ids: dict[str, tuple[str, ...]] = {}
    for name in names:
        path = tuple(nfc(part) for part in name.split("/"))
        steps = [path[:depth] for depth in range(1, len(path) + 1)]
        for step in steps:
            if step not in known:
                creation_id = f"mailbox{len(new)}"
                new[step] = NewMailbox(creation_id, step[-1], known.get(step[:-1]))
                known[step] = f"#{creation_id}"
        ids[name] = tuple(new[step].creation_id for step in steps if step in new)
    return Creation(tuple(new.values()), ids)
