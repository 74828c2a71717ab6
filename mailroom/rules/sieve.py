"""The rules as a Sieve script (RFC 5228), for servers that run one at delivery (pure).

A sender is in the first group that matches, the deepest first, and that one decides everything: labels, and whether
the mail is in the Inbox, too. Who is in no group waits in the Screener; where the daemon screens new mail itself, such
mail is left in the Inbox for it. How a script knows the members of a group
depends on the server: it asks the address book at delivery where it can, else the addresses are in the script.

Sieve compares every address of a From header, and nobody can tell whose a mail from several people is: where the
server can count them (RFC 5231), such a mail waits in the Screener.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mailroom.config.scheme import Scheme
from mailroom.decisions.routes import Route, routes
from mailroom.decisions.splits import for_rules
from mailroom.decisions.wide_routes import NOTHING_WIDE, WideRoutes
from mailroom.rules.sieve_tests import (
    falls_under,
    from_any,
    from_let_through,
    from_own,
    narrowed,
    of_whole,
    quoted,
    string_list,
)

MARKER = "# Made by Mailroom"
ADDRESS_BOOKS = "urn:ietf:params:sieve:addrbook"
"""The external lists (RFC 6134 §2.5) that name address books, and on some servers groups."""

CYRUS_QUERY = "vnd.cyrus.jmapquery"
NEEDED = "fileinto"
COUNTING = frozenset({"relational", "comparator-i;ascii-numeric"})

_SEVERAL_IN_FROM = 'address :count "gt" :comparator "i;ascii-numeric" :all "from" "1"'
INSTALL = "mailroom rules --format sieve --apply"
"""The command that puts the script on the server."""

_HEADER = f"""\
{MARKER} for mail yet to come: each sender's mail goes where the contact groups say.
# What you change here is lost with the next `{INSTALL}`.
"""
_LEAVES_STRANGERS = "# Mail of everybody else is left in the Inbox, where the daemon screens it.\n"
CATCH_ALL = "everybody else"
KEEP = "keep;"
"""Leaves mail in the Inbox."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server's Sieve can do: names of extensions, and URIs of external lists (RFC 9661 §1.2.1)."""

    extensions: frozenset[str]
    external_lists: frozenset[str] = frozenset()

    @property
    def asks_groups(self) -> bool:
        """Whether a script can ask for a contact group by its uid, as Cyrus can."""
        return CYRUS_QUERY in self.extensions

    @property
    def asks_lists(self) -> bool:
        """Whether a script can ask for an address book by its name."""
        return "extlists" in self.extensions and ADDRESS_BOOKS in self.external_lists

    @property
    def counts(self) -> bool:
        """Whether a script can count the addresses of a header."""
        return self.extensions >= COUNTING

    def having(self, *extensions: str) -> frozenset[str]:
        """Those of these extensions that the server has."""
        return self.extensions.intersection(extensions)


@dataclass(frozen=True, slots=True)
class ScriptNames:
    """What a script says of an account: ids of mailboxes by name, uids and member addresses of groups by name.

    `own` are the user's own addresses: they are never triaged, so their mail doesn't go to the Screener. All
    addresses are canonical; in `own`, `*@example.org` is all of a domain. `wide` is of whole domains and lists.
    """

    mailbox_ids: Mapping[str, str]
    group_uids: Mapping[str, str]
    members: Mapping[str, frozenset[str]]
    own: frozenset[str]
    wide: WideRoutes = NOTHING_WIDE


@dataclass(frozen=True, slots=True)
class _Case:
    """One branch: where the test is true, this is done. No test is always true."""

    comment: str
    test: str | None
    actions: tuple[str, ...]


def script(scheme: Scheme, names: ScriptNames, server: Server, include: str | None = None) -> str:
    """The script, lines ending in LF. `include` names the user's own script, which then runs first.

    It runs first so that its `stop`, `discard` and `reject` count for more than where Mailroom files a mail.
    """
    first = [] if include is None else [include_line(include), ""]
    header = _HEADER + _LEAVES_STRANGERS if scheme.screening.is_on else _HEADER
    return "\n".join([header, _require(server, include), "", *first, *_body(scheme, names, server), ""])


def include_line(name: str) -> str:
    """Run another script of the user's, once, if it is there (RFC 6609 §3.2)."""
    return f"include :personal :once :optional {quoted(name)};"


def warnings(server: Server) -> Iterator[str]:
    """What the rules can't do on this server, one line each."""
    if not server.counts:
        yield (
            "the server can't count the addresses in From (it lacks the extension relational), so a mail with several "
            "is filed as that of any one of them"
        )


def grows_old(server: Server) -> bool:
    """Whether addresses are in the script, which then has to be made anew after a triage."""
    return not server.asks_groups


def _require(server: Server, include: str | None) -> str:
    needs = {NEEDED, *server.having("copy", "mailbox", "mailboxid"), *(COUNTING if server.counts else ())}
    if include is not None:
        needs.add("include")
    if server.asks_groups:
        needs.add(CYRUS_QUERY)
    elif server.asks_lists:
        needs.add("extlists")
    return f"require [{', '.join(quoted(each) for each in sorted(needs))}];"


def _body(scheme: Scheme, names: ScriptNames, server: Server) -> Iterator[str]:
    all_routes = routes(scheme)
    by_group = {route.group: names.members.get(route.group, frozenset()) for route in all_routes}
    if server.asks_groups:
        tests = {group: narrowed(_in_group(names.group_uids[group]), members) for group, members in by_group.items()}
        yield from _branches(_cases(scheme, names, server, tests))
        return
    by_address = {group: from_any(members) for group, members in by_group.items()}
    if not server.asks_lists:
        yield from _branches(_cases(scheme, names, server, by_address))
        return
    lists = {route.group: _list_of(route.group) for route in all_routes}
    by_list = {
        group: narrowed(f'address :list "from" {quoted(name)}', by_group[group]) for group, name in lists.items()
    }
    yield "# The server may know groups as lists; if it doesn't, the addresses of today count."
    yield f"if valid_ext_list {string_list(lists.values())} {{"
    yield from _indented(_branches(_cases(scheme, names, server, by_list)))
    yield "} else {"
    yield from _indented(_branches(_cases(scheme, names, server, by_address)))
    yield "}"


def _cases(scheme: Scheme, names: ScriptNames, server: Server, tests: Mapping[str, str | None]) -> Iterator[_Case]:
    """Several senders, the routes by the tests for their groups (None for a group without members), the Screener.

    Where the daemon screens, strangers are its: here nobody can ask who answers the user, or whom the user wrote to.
    """
    screener = _fileinto(scheme.screener, names, server, frozenset())
    if server.counts:
        yield _Case("several addresses in From: nobody can tell whose mail it is", _SEVERAL_IN_FROM, (screener,))
    for route in routes(scheme):
        test = tests[route.group]
        if test is not None:
            yield _Case(f"group {route.group}", test, tuple(_filed_by_subject(route, scheme, names, server)))
    own = from_own(names.own)
    yield from _wide_cases(scheme, names, server, own, screener)
    if scheme.screening.is_on:
        return
    yield _Case(CATCH_ALL, None if own is None else f"not {own}", (screener,))


def _wide_cases(scheme: Scheme, names: ScriptNames, server: Server, own: str | None, screener: str) -> Iterator[_Case]:
    """Whole lists, then whole domains; before them whoever they don't concern, whose mail is left to what follows."""
    if not names.wide.routes:
        return
    left = KEEP if scheme.screening.is_on else screener
    if own is not None:
        yield _Case("yourself, whatever is decided about whole domains and lists", own, (KEEP,))
    if (apart := from_let_through(scheme.screening.let_through, names.wide.apart)) is not None:
        yield _Case("whoever whole domains and lists don't concern", apart, (left,))
    for each in names.wide.routes:
        if each.is_in_doubt:
            yield _Case(f"{each.whole}: the daemon alone can see who wrote its List-Id", of_whole(each.whole), (left,))
        else:
            filed = tuple(_filed_by_subject(each.route, scheme, names, server))
            yield _Case(f"all of {each.whole}", of_whole(each.whole), filed)


def _filed_by_subject(route: Route, scheme: Scheme, names: ScriptNames, server: Server) -> Iterator[str]:
    """Where the route leads, but for mail that falls under a split."""
    filed = tuple(_filed(route, names, server))
    splits = [
        _Case(f"split {each.split.origin}", falls_under(each.split), tuple(_filed(each.route, names, server)))
        for each in for_rules(scheme)
    ]
    yield from _branches([*splits, _Case("all its other mail", None, filed)]) if splits else filed


def _filed(route: Route, names: ScriptNames, server: Server) -> Iterator[str]:
    *others, last = route.destinations
    copy = server.having("copy")
    for name in others:
        yield _fileinto(name, names, server, copy)
    yield _fileinto(last, names, server, copy if route.inbox else frozenset())
    if route.inbox:
        yield KEEP


def _fileinto(name: str, names: ScriptNames, server: Server, copy: frozenset[str]) -> str:
    """File by id, so that a renamed mailbox is found (RFC 9042), else by name, created where missing (RFC 5490)."""
    words = ["fileinto", *(f":{each}" for each in copy)]
    if server.having("mailbox"):
        words.append(":create")
    if server.having("mailboxid") and name in names.mailbox_ids:
        words += [":mailboxid", quoted(names.mailbox_ids[name])]
    return f"{' '.join([*words, quoted(name)])};"


def _in_group(uid: str) -> str:
    return f"{CYRUS_QUERY.rpartition('.')[2]} {quoted(json.dumps({'fromContactGroupId': uid}))}"


def _list_of(group: str) -> str:
    return f"{ADDRESS_BOOKS}:{quote(group, safe='')}"


def _branches(cases: Iterable[_Case]) -> Iterator[str]:
    keyword = "if"
    for case in cases:
        yield f"# {' '.join(case.comment.split())}"
        if case.test is None and keyword == "if":
            yield from case.actions
            continue
        yield from f"{'else' if case.test is None else f'{keyword} {case.test}'} {{".splitlines()
        yield from _indented(case.actions)
        yield "}"
        keyword = "elsif"


def _indented(lines: Iterable[str]) -> Sequence[str]:
    return [f"  {line}" for line in lines]
