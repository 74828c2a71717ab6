"""The rules as Fastmail's Settings → Filters & Rules imports them: a JSON array, the Screener's rule last (pure).

Where the daemon screens new mail itself, there is no rule for the Screener: strangers' mail is left to it.

Every rule that matches a mail adds its label, and takes the mail out of the Inbox if it says so. A mail's labels
come from several rules, so all that match one mail agree about the Inbox: where a category below another one
decides otherwise, its group is excluded from that one's rule and gets a second rule for that label. The user's splits
come first, and no rule follows the last one of a split.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailroom.config.scheme import Scheme
from mailroom.config.splits import Split
from mailroom.decisions.routes import Route, routes
from mailroom.decisions.splits import for_rules
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.decisions.wide_routes import WideRoute

REMOVE_BY_HAND = (
    "Fastmail's rules can't be removed from outside: delete those whose names begin with “Mailroom:” at Settings → "
    "Filters & Rules"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it is called, a Fastmail search, the label that it adds, and whether it is the last one asked."""

    name: str
    search: str
    label: str | None
    skip_inbox: bool
    stop: bool = False


def rules(scheme: Scheme, wide: Sequence[WideRoute] = ()) -> tuple[Rule, ...]:
    """Those of the splits; one rule for each category in the user's order, more where the Inbox asks for it; then those
    for whole lists and domains, which stop at the first that fits; and the Screener's last.

    The Screener has none where the daemon screens.
    """
    all_routes = routes(scheme)
    made = list(_split_rules(scheme, wide))
    made += (rule for each in scheme.categories for rule in _rules_of(each.name, each.destination_mailbox, all_routes))
    made += (rule for each in wide for rule in _wide_rules(each, scheme))
    return tuple(made) if scheme.screening.is_on else (*made, _catch_all(scheme))


def _split_rules(scheme: Scheme, wide: Sequence[WideRoute]) -> Iterator[Rule]:
    """A rule for each label of a split, about decided senders alone: by their groups, or as part of something wide."""
    by_group = [_from(each.group) for each in routes(scheme)]
    by_whole = [f"({_wide_search(each, scheme)})" for each in wide if not each.is_in_doubt]
    decided = " OR ".join([*by_group, *by_whole])
    for number, each in enumerate(for_rules(scheme), start=1):
        subjects = " OR ".join(f"subject:{_quoted(text)}" for text in each.split.subjects)
        search = f"({decided}) {_by(each.split)} ({subjects})"
        *others, last = each.route.destinations
        for label in (*others, last):
            name = f"Mailroom: split {number} ({label})"
            yield Rule(name, search, label, skip_inbox=not each.route.inbox, stop=label == last)


def _by(split: Split) -> str:
    if split.address:
        return f"from:{_quoted(split.address)}"
    return _of(WholeDomain(split.domain) if split.domain else WholeList(split.list_id))


def _wide_search(wide: WideRoute, scheme: Scheme) -> str:
    nearer = ["contacts"] if scheme.screening.known_contacts else []
    groups = dict.fromkeys(each.contact_group for each in scheme.categories)
    apart = [*(f"NOT {_from(group)}" for group in groups), *(f"NOT fromin:{each}" for each in nearer)]
    return " ".join([_of(wide.whole), *apart])


def _wide_rules(wide: WideRoute, scheme: Scheme) -> Iterator[Rule]:
    """A rule for each label. A list whose List-Id alone would lead into the Inbox is left to the daemon."""
    search = _wide_search(wide, scheme)
    if wide.is_in_doubt:
        label = None if scheme.screening.is_on else scheme.screener
        yield Rule(f"Mailroom: {wide.whole}, left to the daemon", search, label, label is not None, stop=True)
        return
    *others, last = wide.route.destinations
    for label in others:
        yield Rule(f"Mailroom: {wide.whole} ({label})", search, label, skip_inbox=not wide.route.inbox)
    yield Rule(f"Mailroom: {wide.whole} ({last})", search, last, skip_inbox=not wide.route.inbox, stop=True)


def _of(whole: Whole) -> str:
    """A search compares words: it finds a domain with all below it, and now and then a little more."""
    return f"from:{_quoted(whole.domain)}" if isinstance(whole, WholeDomain) else f"list:{_quoted(whole.id)}"


def as_json(made: Sequence[Rule]) -> str:
    """The array to import."""
    return json.dumps([_fields(rule) for rule in made], indent=2, ensure_ascii=False)


def _rules_of(category: str, label: str, all_routes: Sequence[Route]) -> Iterator[Rule]:
    """The rules that add one category's label: to its own senders' mail, and to that of all categories below."""
    concerned = [route for route in all_routes if category in _names(route)]
    heads = {_head(route, concerned) for route in concerned}
    for head in sorted(heads, key=lambda route: len(route.chain)):
        within = [_from(head.group)]
        within += [f"NOT {_from(each.group)}" for each in concerned if _leaves(each, head, concerned)]
        name = f"Mailroom: {category}" + (f" ({head.category.name})" if head.category.name != category else "")
        yield Rule(name, " ".join(within), label, skip_inbox=not head.inbox)


def _head(route: Route, concerned: Sequence[Route]) -> Route:
    """The uppermost route whose senders' mail is treated alike: the same about the Inbox all the way down."""
    above = _parent(route, concerned)
    return route if above is None or above.inbox != route.inbox else _head(above, concerned)


def _leaves(route: Route, head: Route, concerned: Sequence[Route]) -> bool:
    """Whether this is the first route below those of `head` to decide otherwise."""
    above = _parent(route, concerned)
    return above is not None and above.inbox != route.inbox and _head(above, concerned) == head


def _parent(route: Route, concerned: Sequence[Route]) -> Route | None:
    """The nearest route above, among those concerned."""
    above = [each for each in concerned if each != route and each.category.name in _names(route)]
    return max(above, key=lambda each: len(each.chain), default=None)


def _names(route: Route) -> tuple[str, ...]:
    return tuple(each.name for each in route.chain)


def name_of_catch_all(scheme: Scheme) -> str:
    """What the Screener's rule is called, for whoever has to delete it by hand."""
    return f"Mailroom: {scheme.screener}"


def _catch_all(scheme: Scheme) -> Rule:
    """Whoever is in no managed group waits in the Screener; a contact whom nobody judged does, too."""
    groups = dict.fromkeys(each.contact_group for each in scheme.categories)
    search = " ".join(f"NOT {_from(group)}" for group in groups)
    return Rule(name_of_catch_all(scheme), search, scheme.screener, skip_inbox=True)


def _from(group: str) -> str:
    return f"fromin:{_quoted(group)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _fields(rule: Rule) -> dict[str, str | bool | None]:
    return {
        "name": rule.name,
        "combinator": "all",
        "conditions": None,
        "search": rule.search,
        "fileIn": rule.label,
        "skipInbox": rule.skip_inbox,
        "stop": rule.stop,  # false where the mail of a child category needs its parent's rule as well
        "markRead": False,
        "markFlagged": False,
        "showNotification": False,
        "redirectTo": None,
        "discard": False,
        "markSpam": False,
        "snoozeUntil": None,
    }
