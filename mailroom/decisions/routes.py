"""Where the mail of each contact group's members goes: what every form of the rules has in common (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailroom.config.scheme import Category, Scheme


@dataclass(frozen=True, slots=True)
class Route:
    """What triage does with mail in the Screener, said by contact group: the deepest group of a sender decides.

    `chain` is the category and its ancestors, `destinations` are their mailboxes, each once.
    """

    chain: tuple[Category, ...]

    @property
    def category(self) -> Category:
        return self.chain[0]

    @property
    def group(self) -> str:
        return self.category.contact_group

    @property
    def inbox(self) -> bool:
        """Whether the mail is in the Inbox, too: the category's own say, never an ancestor's."""
        return self.category.add_to_inbox

    @property
    def destinations(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.destination_mailbox for each in self.chain))


def routes(scheme: Scheme) -> tuple[Route, ...]:
    """One route for each managed group, the deepest first, else in the user's order.

    A category that shares the group of an ancestor has none: by their groups, its senders are the ancestor's.
    """
    found = [Route(scheme.chain(each)) for each in scheme.categories if each not in without_route(scheme)]
    return tuple(sorted(found, key=lambda route: -len(route.chain)))


def deciding(groups: frozenset[str], routes: Iterable[Route]) -> Route | None:
    """The route of a sender in these managed groups: the deepest one; None if they don't lie on one chain."""
    deepest = next(route for route in routes if route.group in groups)
    return deepest if groups <= {each.contact_group for each in deepest.chain} else None


def without_route(scheme: Scheme) -> tuple[Category, ...]:
    """The categories whose future mail can't be told from an ancestor's, in the user's order."""
    return tuple(each for each in scheme.categories if _shares_group(scheme.chain(each)))


def _shares_group(chain: tuple[Category, ...]) -> bool:
    return any(above.contact_group == chain[0].contact_group for above in chain[1:])


def warnings(scheme: Scheme) -> Iterator[str]:
    """What the rules can't do for this scheme, one line each."""
    for each in without_route(scheme):
        owner = next(above for above in reversed(scheme.chain(each)) if above.contact_group == each.contact_group)
        yield (
            f"category {each.name} shares the contact group {each.contact_group} with {owner.name}, so future mail of "
            f"its senders is filed as {owner.name}'s; give {each.name} a contact_group of its own to change that"
        )
