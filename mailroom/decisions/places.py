"""Which mailbox plays which part: names of the scheme and roles, as ids (pure)."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from mailroom.config.scheme import Category, Scheme, Target
from mailroom.errors import ConfigError
from mailroom.jmap.mailbox import Mailbox
from mailroom.nfc import nfc

_DEEPEST = 50
_LONGEST_PATH = 1_000

_UNTOUCHED_ROLES = frozenset({"trash", "junk", "drafts", "sent"})


@dataclass(frozen=True, slots=True)
class Renamed:
    """A mailbox that was known under a name of the scheme, and the path that it has now."""

    id: str
    path: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A category, the id of its mailbox, and the ids of that and its ancestors' mailboxes."""

    category: Category
    mailbox: str
    chain: frozenset[str]


@dataclass(frozen=True)
class Places:
    """The ids of the mailboxes that triage knows, by the part they play; None or left out where there is none.

    `labels` maps the id of a triage label to where it sends a sender (that of the way back included), `destinations` a
    category's destination name to its id. `warning_label` is None, too, where warnings are off. The label of the way
    back, `domain_label` and `list_label` need not be there, and are never missing. `untouched` holds Trash, Junk,
    Drafts, Sent and what lies below them. `missing` are the names of the scheme without a mailbox, sorted;
    `in_other_case` maps those to the mailbox that has the name but for its case, `renamed` to the one that had the name
    before.
    """

    screener: str | None
    inbox: str | None
    error_label: str | None
    warning_label: str | None
    labels: Mapping[str, Target]
    destinations: Mapping[str, str]
    untouched: frozenset[str]
    missing: tuple[str, ...]
    sent: str | None = None
    followed: tuple[Followed, ...] = ()
    trash: str | None = None
    archive: str | None = None
    junk: str | None = None
    in_other_case: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, Renamed] = field(default_factory=dict)
    domain_label: str | None = None
    list_label: str | None = None

    def ids(self, scheme: Scheme) -> dict[str, str]:
        """The ids of the mailboxes that there are, by the scheme's names for them."""
        found = {
            scheme.screener: self.screener,
            scheme.error_label: self.error_label,
            scheme.warning_label: self.warning_label,
            scheme.domain_label: self.domain_label,
            scheme.list_label: self.list_label,
            **self.destinations,
            **{each.label: id for id, each in self.labels.items()},
        }
        return {name: id for name, id in found.items() if id is not None}

    def known(self, scheme: Scheme) -> dict[str, str]:
        """The ids by name, those of renamed mailboxes under the name that they had."""
        return {**{name: each.id for name, each in self.renamed.items()}, **self.ids(scheme)}

    # Asked of each of tens of thousands of mails.
    @cached_property
    def managed(self) -> frozenset[str]:
        """Every destination, and the Screener."""
        screener = () if self.screener is None else (self.screener,)
        return frozenset((*self.destinations.values(), *screener))

    @cached_property
    def triage_labels(self) -> frozenset[str]:
        """The labels that send a sender somewhere."""
        return frozenset(self.labels)

    @cached_property
    def asking_labels(self) -> frozenset[str]:
        """The labels by which the user asks for something, or that wait for an answer: all but the warning label."""
        others = (self.error_label, self.domain_label, self.list_label)
        return frozenset((*self.labels, *(id for id in others if id)))

    @cached_property
    def all_labels(self) -> frozenset[str]:
        """Triage labels, error label, warning label and the optional ones."""
        return self.asking_labels | ({self.warning_label} if self.warning_label else frozenset())

    def home_beside(self, left: Collection[str]) -> frozenset[str]:
        """Where a mail goes that is left in these mailboxes: into the Screener if there are none, else nowhere."""
        return frozenset({self.screener} if self.screener and not left else ())


@dataclass(frozen=True, slots=True)
class _Placed:
    """A mailbox in the tree. `path` is None for an endless one, `is_untouched` goes for all that lies below, too."""

    id: str
    path: tuple[str, ...] | None
    has_role: bool
    is_untouched: bool


_ABOVE_ALL = _Placed("", (), False, False)


def find_places(mailboxes: Sequence[Mailbox], scheme: Scheme) -> Places:
    """Match the names of a scheme with the mailboxes that there are."""
    placed = tuple(_from_the_top(mailboxes))
    ids = _ids_by_name(placed)
    roles = {mailbox.role: mailbox.id for mailbox in mailboxes if mailbox.role}

    def find(name: str) -> str | None:
        return ids.get(nfc(name))

    destinations = {name: id for name in scheme.destinations if (id := find(name))}
    missing = tuple(sorted(name for name in needed_mailboxes(scheme) if find(name) is None))
    return Places(
        screener=find(scheme.screener),
        inbox=roles.get("inbox"),
        error_label=find(scheme.error_label),
        warning_label=find(scheme.warning_label) if scheme.warnings_enabled else None,
        labels={id: each for each in scheme.targets if (id := find(each.label))},
        destinations=destinations,
        followed=_followed(scheme, destinations),
        untouched=frozenset(each.id for each in placed if each.is_untouched),
        sent=roles.get("sent"),
        trash=roles.get("trash"),
        archive=roles.get("archive"),
        junk=roles.get("junk"),
        missing=missing,
        in_other_case=_in_other_case(missing, ids),
        domain_label=find(scheme.domain_label),
        list_label=find(scheme.list_label),
    )


def _followed(scheme: Scheme, destinations: Mapping[str, str]) -> tuple[Followed, ...]:
    """Those at the top first: a mailbox that a category shares with its ancestor is the ancestor's."""
    if not scheme.screening.follows_moves:
        return ()
    chains = sorted((scheme.chain(each) for each in scheme.categories), key=len)
    return tuple(
        Followed(chain[0], id, frozenset(destinations.get(each.destination_mailbox, "") for each in chain))
        for chain in chains
        if (id := destinations.get(chain[0].destination_mailbox))
    )


def inbox_of(places: Places) -> str:
    """The id of the Inbox. Raises `ConfigError`."""
    if places.inbox is None:
        raise ConfigError(["the account has no Inbox: the server gives no mailbox that role"])
    return places.inbox


def _in_other_case(missing: Iterable[str], there: Iterable[str]) -> dict[str, str]:
    """Mailboxes are other ones in another case; people who rename them rarely know."""
    wanted = {nfc(name).casefold(): name for name in missing}
    found = ((wanted[name.casefold()], name) for name in sorted(there) if name.casefold() in wanted)
    return dict(found)


def with_case_hints(names: Iterable[str], places: Places) -> str:
    """The names in one line, each with the mailbox that is called so but for its case."""
    return ", ".join(
        f"{name} (there is {places.in_other_case[name]}: the case counts)" if name in places.in_other_case else name
        for name in names
    )


def with_renamed(places: Places, known: Mapping[str, str], mailboxes: Sequence[Mailbox]) -> Places:
    """With what has become of missing mailboxes whose ids are known by name; one in the Trash counts as deleted."""
    ids = {name: known[name] for name in places.missing if name in known}
    if not ids:
        return places
    paths = {id: "/".join(path) for path, id in ids_by_path(mailboxes).items() if id not in places.untouched}
    return replace(places, renamed={name: Renamed(id, paths[id]) for name, id in ids.items() if id in paths})


def how_to_mend(name: str, places: Places, scheme: Scheme) -> str:
    """What to do about a missing mailbox: one that only has another name now must not be created a second time."""
    if (renamed := places.renamed.get(name)) is None:
        return "create it, or run `mailroom setup --apply`"
    return f"{name} is now called {renamed.path}: rename it back, or set {_key(name, scheme)}"


def _key(name: str, scheme: Scheme) -> str:
    """What `mailroom.toml` calls a mailbox of this name."""
    keys = {
        scheme.screener: "screener_mailbox",
        scheme.error_label: "error_label",
        scheme.warning_label: "warning_label",
    }
    return keys.get(name, "label" if name in scheme.labels else "destination_mailbox")


def needed_mailboxes(scheme: Scheme) -> frozenset[str]:
    """The names that a scheme needs; the warning label need not exist where warnings are off."""
    warning = {scheme.warning_label} if scheme.warnings_enabled else frozenset[str]()
    return scheme.managed_mailboxes | scheme.labels | {scheme.error_label} | warning


def role_problems(mailboxes: Sequence[Mailbox], scheme: Scheme) -> list[str]:
    """Names of the scheme that mean a mailbox with a role (Archive, Trash …), one line each, sorted."""
    return sorted(
        f"mailbox {name} is the account's {role} mailbox: choose another name for it in the configuration"
        for name, role in roles_by_name(mailboxes, scheme).items()
    )


def roles_by_name(mailboxes: Sequence[Mailbox], scheme: Scheme) -> dict[str, str]:
    """The roles of those mailboxes that a name of the scheme means and that have one."""
    ids = _ids_by_name(_from_the_top(mailboxes))
    roles = {mailbox.id: mailbox.role for mailbox in mailboxes if mailbox.role}
    named = {name: ids.get(nfc(name)) for name in needed_mailboxes(scheme) | scheme.optional_labels}
    return {name: roles[id] for name, id in named.items() if id in roles}


def ids_by_path(mailboxes: Sequence[Mailbox]) -> dict[tuple[str, ...], str]:
    """Ids by the names from the top down, shorter paths first; none for an endless path (50 names, 1,000 characters).

    Names are normalized: some apps write é as two characters.
    """
    return _by_path(_from_the_top(mailboxes))


def _by_path(placed: Iterable[_Placed]) -> dict[tuple[str, ...], str]:
    ids: dict[tuple[str, ...], str] = {}
    paths = ((each.path, each.id) for each in placed if each.path is not None)
    for path, id in sorted(paths, key=lambda item: (len(item[0]), *item)):
        ids.setdefault(path, id)
    return ids


def _ids_by_name(placed: Iterable[_Placed]) -> dict[str, str]:
    """Ids by name and by path (`Parent/Child`), a top-level mailbox before a nested one of the same name.

    None below Trash, Junk, Drafts and Sent: many mail apps delete a mailbox by moving it into the Trash.
    """
    ids: dict[str, str] = {}
    for path, id in _by_path(each for each in placed if each.has_role or not each.is_untouched).items():
        ids.setdefault(path[-1], id)
        ids.setdefault("/".join(path), id)
    return ids


def _from_the_top(mailboxes: Sequence[Mailbox]) -> Iterator[_Placed]:
    """Each once, those above before those below, in linear time.

    One whose parent doesn't exist is at the top; so is, of those in a circle, the first by id.
    """
    by_id = {mailbox.id: mailbox for mailbox in mailboxes}
    below: defaultdict[str, list[Mailbox]] = defaultdict(list)
    tops: list[Mailbox] = []
    for mailbox in by_id.values():
        (below[mailbox.parent_id] if mailbox.parent_id in by_id else tops).append(mailbox)
    seen: set[str] = set()
    for top in (*tops, *(by_id[id] for id in sorted(by_id))):
        waiting = deque([(top, _ABOVE_ALL)])
        while waiting:
            mailbox, above = waiting.popleft()
            if mailbox.id not in seen:
                seen.add(mailbox.id)
                placed = _placed(mailbox, above)
                yield placed
                waiting += ((child, placed) for child in below[mailbox.id])


def _placed(mailbox: Mailbox, above: _Placed) -> _Placed:
    # Looked at before it is normalized: that takes its time.
    above_path = above.path if len(mailbox.name) <= _LONGEST_PATH else None
    path = None if above_path is None else (*above_path, nfc(mailbox.name))
    if path is not None and (len(path) > _DEEPEST or sum(map(len, path)) > _LONGEST_PATH):
        path = None
    is_untouched = above.is_untouched or mailbox.role in _UNTOUCHED_ROLES
    return _Placed(mailbox.id, path, bool(mailbox.role), is_untouched)
