"""Where mail of whole domains and lists goes, for rules that a mail server runs (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook
from mailroom.decisions.domains import covering
from mailroom.decisions.routes import Route, deciding, routes
from mailroom.decisions.standing import standings
from mailroom.decisions.whole import Whole, WholeDomain, WholeList


@dataclass(frozen=True, slots=True)
class WideRoute:
    """Where the mail of a whole domain or list goes."""

    whole: Whole
    route: Route

    @property
    def is_in_doubt(self) -> bool:
        """Whether it would reach the Inbox by its List-Id alone, which anybody can write: rules can't ask who did."""
        return isinstance(self.whole, WholeList) and self.route.inbox


@dataclass(frozen=True, slots=True)
class WideRoutes:
    """All of them, lists first, then nearer domains before wider ones: the first that fits a mail decides.

    `apart` are the canonical addresses that none of them concerns: the user's own contacts, and who was taken back.
    """

    routes: tuple[WideRoute, ...] = ()
    apart: frozenset[str] = field(default_factory=frozenset)


NOTHING_WIDE = WideRoutes()


def wide_routes(book: AddressBook, scheme: Scheme) -> WideRoutes:
    """What the cards of a whole address book say; nothing where nothing wide is decided."""
    found = tuple(_found(book, scheme))
    return WideRoutes(found, _apart(book, scheme)) if found else NOTHING_WIDE


def _found(book: AddressBook, scheme: Scheme) -> Iterator[WideRoute]:
    standing, all_routes = standings(book, scheme), routes(scheme)
    lists = ((WholeList(id), standing.lists[id].groups) for id in sorted(standing.lists))
    nearest_first = sorted(standing.domains, key=lambda name: (-name.count("."), name))
    domains = ((WholeDomain(name), standing.domains[name].groups) for name in nearest_first if name in covering(name))
    wholes: Iterator[tuple[Whole, frozenset[str]]] = chain(lists, domains)
    for whole, groups in wholes:
        if groups and (route := deciding(groups, all_routes)) is not None:
            yield WideRoute(whole, route)


def _apart(book: AddressBook, scheme: Scheme) -> frozenset[str]:
    known = scheme.screening.known_contacts
    return frozenset(
        address
        for address, said in standings(book, scheme).senders.items()
        if not (said.groups or address.startswith("*@"))
        and (said.is_taken_back or said.is_unreadable or (said.is_users and known))
    )


def wide_warnings(wide: WideRoutes) -> Iterator[str]:
    """What rules can't do for whole lists, one line each."""
    for each in wide.routes:
        if each.is_in_doubt:
            yield (
                f"mail of {each.whole} is left to the daemon: {each.route.category.name} has it in the Inbox, and "
                "rules can't tell who wrote its List-Id"
            )
