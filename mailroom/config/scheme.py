"""Categories: where a sender's mail goes, and the names that one account uses."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from mailroom.config.daily import Digest, Expiry
from mailroom.config.page_buttons import USUAL_BUTTONS, PageButtons, button_problems
from mailroom.config.screening import DEFAULT_SCREENING, Screening
from mailroom.config.splits import Split
from mailroom.errors import ConfigError
from mailroom.suggest import did_you_mean

ContactType = Literal["company", "person"]


@dataclass(frozen=True, slots=True)
class Category:
    """One place for senders. `label`, `contact_group` and `destination_mailbox` are names, as the user sees them;
    `parent` is the name of another category; `add_to_inbox` and `takes_from_inbox` count only for senders triaged to
    this very one."""

    name: str
    label: str
    contact_group: str
    destination_mailbox: str
    contact_type: ContactType
    parent: str | None
    add_to_inbox: bool
    takes_from_inbox: bool


@dataclass(frozen=True, slots=True)
class Back:
    """The way back out of all categories: a label, as a category has one, and the name of the mailbox where mail waits
    until somebody decides."""

    label: str
    name: str


Target = Category | Back
"""Where a label sends a sender."""


def category(
    name: str,
    *,
    label: str | None = None,
    contact_group: str | None = None,
    destination_mailbox: str | None = None,
    contact_type: ContactType = "company",
    parent: str | None = None,
    add_to_inbox: bool = False,
    takes_from_inbox: bool = False,
) -> Category:
    """A category whose names follow from `name` unless given: label `@ToPaperTrail` for `Paper Trail`."""
    return Category(
        name=name,
        label=label or "@To" + "".join(name.split()),
        contact_group=contact_group or name,
        destination_mailbox=destination_mailbox or name,
        contact_type=contact_type,
        parent=parent,
        add_to_inbox=add_to_inbox,
        takes_from_inbox=takes_from_inbox,
    )


DEFAULT_CATEGORIES = (
    category("Imbox", add_to_inbox=True),
    category("Feed"),
    category("Paper Trail"),
    category("Jail", takes_from_inbox=True),
    category("Person", parent="Imbox", contact_type="person", add_to_inbox=True),
    category("Billboard", parent="Paper Trail"),
    category("Truck", parent="Paper Trail"),
)


@dataclass(frozen=True, slots=True)
class Scheme:
    """The categories of one account, in the user's order, the other names that Mailroom uses there, and how new mail
    is screened.

    Raises `ConfigError` with every problem found, so that each Scheme there is can be relied on: names are unique,
    parents exist and don't go in circles, and no name means two things.
    """

    categories: tuple[Category, ...] = DEFAULT_CATEGORIES
    screener: str = "Screener"
    error_label: str = "@MailroomError"
    warning_label: str = "@MailroomWarning"
    back_label: str = "@ToScreener"
    domain_label: str = "@WholeDomain"
    list_label: str = "@WholeList"
    provenance_group: str = "Mailroom"
    warnings_enabled: bool = True
    screening: Screening = DEFAULT_SCREENING
    digest: Digest | None = None
    expire: Expiry | None = None
    splits: tuple[Split, ...] = ()
    buttons: PageButtons = USUAL_BUTTONS
    own_addresses: tuple[str, ...] = ()
    """What the user writes from, beside what the account tells: canonical; `*@example.org` is all of a domain."""

    def __post_init__(self) -> None:
        if found := _problems(self):
            raise ConfigError(found)

    @property
    def back(self) -> Back:
        return Back(self.back_label, self.screener)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where labels send senders: into the categories, and back."""
        return (*self.categories, self.back)

    @property
    def by_name(self) -> Mapping[str, Category]:
        return {each.name: each for each in self.categories}

    @property
    def by_label(self) -> Mapping[str, Category]:
        return {each.label: each for each in self.categories}

    @property
    def labels(self) -> frozenset[str]:
        """The names of the triage labels."""
        return frozenset(each.label for each in self.categories)

    @property
    def optional_labels(self) -> frozenset[str]:
        """The names of the labels that an account may do without."""
        return frozenset((self.back_label, self.domain_label, self.list_label))

    @property
    def destinations(self) -> frozenset[str]:
        return frozenset(each.destination_mailbox for each in self.categories)

    @property
    def managed_mailboxes(self) -> frozenset[str]:
        """Every destination, and the Screener."""
        return self.destinations | {self.screener}

    @property
    def groups(self) -> frozenset[str]:
        """The managed contact groups; the provenance group isn't one of them."""
        return frozenset(each.contact_group for each in self.categories)

    def chain(self, of: Target) -> tuple[Category, ...]:
        """The category itself, then its parent, and so on up; none on the way back."""
        return () if isinstance(of, Back) else (of, *_ancestors(of, self.by_name))


def _problems(scheme: Scheme) -> list[str]:
    """What is wrong with a scheme, one line each, naming the categories; empty for a sound one."""
    if not scheme.categories:
        return ["no categories given: list at least one, or leave `categories` out for the usual ones"]
    found = (
        *_duplicates(scheme.categories, "name", lambda each: each.name),
        *_parent_problems(scheme.categories),
        *_duplicates(scheme.categories, "label", lambda each: each.label),
        *_shared_by_strangers(scheme.categories, "contact_group", lambda each: each.contact_group),
        *_shared_by_strangers(scheme.categories, "destination_mailbox", lambda each: each.destination_mailbox),
        *_inbox_problems(scheme),
        *_path_problems(scheme),
        *_collisions(scheme),
        *_split_problems(scheme),
        *button_problems(scheme.buttons, scheme.by_name),
    )
    # Two categories of one name have most of their problems in common.
    return list(dict.fromkeys(found))


def _ancestors(of: Category, by_name: Mapping[str, Category]) -> Iterator[Category]:
    """From the parent upwards; it ends before a category that is unknown or has been seen."""
    seen = {of.name}
    while of.parent is not None and of.parent in by_name and of.parent not in seen:
        of = by_name[of.parent]
        seen.add(of.name)
        yield of


def _duplicates(categories: Iterable[Category], what: str, key: Callable[[Category], str]) -> Iterator[str]:
    holders: dict[str, list[str]] = {}
    for each in categories:
        holders.setdefault(key(each), []).append(each.name)
    for value, names in holders.items():
        if len(names) > 1:
            yield f"categories {', '.join(names)}: the same {what} {value}; give each its own"


def _parent_problems(categories: tuple[Category, ...]) -> Iterator[str]:
    by_name = {each.name: each for each in categories}
    reported: set[frozenset[str]] = set()
    for each in categories:
        if each.parent is None:
            continue
        if each.parent not in by_name:
            hint = did_you_mean(each.parent, by_name.keys() - {each.name})
            yield f"category {each.name}: its parent {each.parent} is not a category{hint}"
            continue
        circle = [each.name, *(above.name for above in _ancestors(each, by_name))]
        last = by_name[circle[-1]]
        if last.parent == each.name and frozenset(circle) not in reported:
            reported.add(frozenset(circle))
            yield f"category {each.name}: its parents go in a circle ({' → '.join([*circle, each.name])})"


def _shared_by_strangers(categories: tuple[Category, ...], what: str, key: Callable[[Category], str]) -> Iterator[str]:
    by_name = {each.name: each for each in categories}
    for one, other in combinations(categories, 2):
        if key(one) != key(other) or one.name == other.name:
            continue
        if one not in _ancestors(other, by_name) and other not in _ancestors(one, by_name):
            yield (
                f"categories {one.name} and {other.name}: both have the {what} {key(one)}; "
                "only a category and its parent may share one"
            )


def _inbox_problems(scheme: Scheme) -> Iterator[str]:
    for each in scheme.categories:
        if _is_inbox(each.destination_mailbox):
            yield f"category {each.name}: destination_mailbox can't be the Inbox; use add_to_inbox = true"
        if _is_inbox(each.label):
            yield f"category {each.name}: label can't be the Inbox; choose another name"
        if each.add_to_inbox and each.takes_from_inbox:
            yield f"category {each.name}: add_to_inbox and takes_from_inbox contradict each other; choose one"
    for key, name in _own_mailboxes(scheme):
        if _is_inbox(name):
            yield f"{key} can't be the Inbox; choose another name"


def _is_inbox(name: str) -> bool:
    return name.casefold() == "inbox"


def _path_problems(scheme: Scheme) -> Iterator[str]:
    """A mailbox name may be a path, `Parent/Child`; each part of it must be there."""
    mailboxes = [
        *((f"category {each.name}: label", each.label) for each in scheme.categories),
        *((f"category {each.name}: destination_mailbox", each.destination_mailbox) for each in scheme.categories),
        *_own_mailboxes(scheme),
    ]
    for what, name in mailboxes:
        if not all(part.strip() for part in name.split("/")):
            yield f"{what} {name!r} has an empty part; write a nested mailbox as Parent/Child"


def _collisions(scheme: Scheme) -> Iterator[str]:
    """Names that would mean two things at once."""
    destinations = {each.destination_mailbox: each.name for each in reversed(scheme.categories)}
    for each in scheme.categories:
        if each.label in destinations:
            owner = destinations[each.label]
            yield f"category {each.name}: its label {each.label} is also the destination_mailbox of category {owner}"
        for key, name in _own_mailboxes(scheme):
            for what, used in (("label", each.label), ("destination_mailbox", each.destination_mailbox)):
                if used == name:
                    yield f"category {each.name}: its {what} {used} is also the {key}"
        if each.contact_group == scheme.provenance_group:
            yield f"category {each.name}: its contact_group {each.contact_group} is also the provenance_group"
    for (key, name), (other_key, other_name) in combinations(_own_mailboxes(scheme), 2):
        if name == other_name:
            yield f"{key} and {other_key} are both {name}; give each its own name"


def _split_problems(scheme: Scheme) -> Iterator[str]:
    for number, each in enumerate(scheme.splits, start=1):
        if each.category not in scheme.by_name:
            hint = did_you_mean(each.category, scheme.by_name)
            yield f"split number {number} ({each.origin}): {each.category} is not a category{hint}"


def _own_mailboxes(scheme: Scheme) -> tuple[tuple[str, str], ...]:
    """The mailboxes that belong to no category, with the keys that name them in `mailroom.toml`."""
    return (
        ("screener_mailbox", scheme.screener),
        ("error_label", scheme.error_label),
        ("warning_label", scheme.warning_label),
        ("back_label", scheme.back_label),
        ("domain_label", scheme.domain_label),
        ("list_label", scheme.list_label),
    )


DEFAULT_SCHEME = Scheme()
