"""Which mailbox plays which part: names of the scheme and roles, as ids (pure)."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailroom.config.scheme import Category, Scheme
from mailroom.jmap.mailbox import Mailbox

_UNTOUCHED_ROLES = frozenset({"trash", "junk", "drafts", "sent"})


@dataclass(frozen=True, slots=True)
class Places:
    """The ids of the mailboxes that triage knows, by the part they play; None or left out where there is none.

    `labels` maps the id of a triage label to its category, `destinations` a category's destination name to its id.
    `warning_label` is None, too, where warnings are off. `untouched` holds Trash, Junk, Drafts, Sent and what lies
    below them. `missing` are the names of the scheme without a mailbox, sorted.
    """

    screener: str | None
    inbox: str | None
    error_label: str | None
    warning_label: str | None
    labels: Mapping[str, Category]
    destinations: Mapping[str, str]
    untouched: frozenset[str]
    missing: tuple[str, ...]

    @property
    def managed(self) -> frozenset[str]:
        """Every destination, and the Screener."""
        screener = () if self.screener is None else (self.screener,)
        return frozenset((*self.destinations.values(), *screener))

    @property
    def all_labels(self) -> frozenset[str]:
        """Triage labels, error label and warning label."""
        return frozenset((*self.labels, *(id for id in (self.error_label, self.warning_label) if id)))


def find_places(mailboxes: Sequence[Mailbox], scheme: Scheme) -> Places:
    """Match the names of a scheme with the mailboxes that there are."""
    ids = _ids_by_name(mailboxes)
    roles = {mailbox.role: mailbox.id for mailbox in mailboxes if mailbox.role}

    def find(name: str) -> str | None:
        return ids.get(unicodedata.normalize("NFC", name))

    return Places(
        screener=find(scheme.screener),
        inbox=roles.get("inbox"),
        error_label=find(scheme.error_label),
        warning_label=find(scheme.warning_label) if scheme.warnings_enabled else None,
        labels={id: each for each in scheme.categories if (id := find(each.label))},
        destinations={name: id for name in scheme.destinations if (id := find(name))},
        untouched=_untouched(mailboxes),
        missing=tuple(sorted(name for name in needed_mailboxes(scheme) if find(name) is None)),
    )


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
    ids = _ids_by_name(mailboxes)
    roles = {mailbox.id: mailbox.role for mailbox in mailboxes if mailbox.role}
    named = {name: ids.get(unicodedata.normalize("NFC", name)) for name in needed_mailboxes(scheme)}
    return {name: roles[id] for name, id in named.items() if id in roles}


def ids_by_path(mailboxes: Sequence[Mailbox]) -> dict[tuple[str, ...], str]:
    """Ids by the names from the top down, shorter paths first."""
    by_id = {mailbox.id: mailbox for mailbox in mailboxes}
    paths = {mailbox.id: _path(mailbox, by_id) for mailbox in mailboxes}
    ids: dict[tuple[str, ...], str] = {}
    for id, path in sorted(paths.items(), key=lambda item: (len(item[1]), item[0])):
        ids.setdefault(path, id)
    return ids


def _ids_by_name(mailboxes: Sequence[Mailbox]) -> dict[str, str]:
    """Ids by name and by path (`Parent/Child`), a top-level mailbox before a nested one of the same name.

    None below Trash, Junk, Drafts and Sent: many mail apps delete a mailbox by moving it into the Trash.
    """
    deleted = _untouched(mailboxes) - {mailbox.id for mailbox in mailboxes if mailbox.role}
    ids: dict[str, str] = {}
    for path, id in ids_by_path(mailboxes).items():
        if id not in deleted:
            ids.setdefault(path[-1], id)
            ids.setdefault("/".join(path), id)
    return ids


def _untouched(mailboxes: Sequence[Mailbox]) -> frozenset[str]:
    by_id = {mailbox.id: mailbox for mailbox in mailboxes}
    return frozenset(
        mailbox.id for mailbox in mailboxes if any(each.role in _UNTOUCHED_ROLES for each in _upwards(mailbox, by_id))
    )


def _path(mailbox: Mailbox, by_id: Mapping[str, Mailbox]) -> tuple[str, ...]:
    """Names from the top down."""
    names = [unicodedata.normalize("NFC", each.name) for each in _upwards(mailbox, by_id)]
    return tuple(reversed(names))


def _upwards(mailbox: Mailbox, by_id: Mapping[str, Mailbox]) -> Iterator[Mailbox]:
    """The mailbox, its parent, and so on. A parent that is unknown, or its own ancestor, ends it."""
    seen: set[str] = set()
    above: Mailbox | None = mailbox
    while above is not None and above.id not in seen:
        seen.add(above.id)
        yield above
        above = by_id.get(above.parent_id) if above.parent_id else None
