"""The Sieve script, run by a small interpreter: mail ends where triage would have put it. Cyrus: tests/real."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.config.screening import Mode, Screening
from mailroom.config.splits import Split
from mailroom.rules.found_script import (
    included,
    is_made_by_mailroom,
    mailbox_ids,
    needs,
    runs,
    screens_strangers,
    warnings_about,
)
from mailroom.rules.sieve import (
    ADDRESS_BOOKS,
    COUNTING,
    CYRUS_QUERY,
    ScriptNames,
    Server,
    grows_old,
    include_line,
    script,
    warnings,
)
from mailroom.rules.sieve_tests import quoted
from tests.exhaustive import always
from tests.rules.endings import INBOX, SENDER, Ending, all_triaged, schemes, triaged
from tests.rules.sieve_interpreter import Delivery, deliver, group_of

PLAIN = Server(frozenset({"fileinto"}))
COMMON = Server(frozenset({"fileinto", "copy", "mailbox", "mailboxid", "include"}))
LISTS = Server(COMMON.extensions | {"extlists"}, frozenset({ADDRESS_BOOKS}))
CYRUS = Server(LISTS.extensions | COUNTING | {CYRUS_QUERY}, LISTS.external_lists)
COUNTS = Server(COMMON.extensions | COUNTING)
SERVERS = {"plain": PLAIN, "common": COMMON, "lists": LISTS, "cyrus": CYRUS, "counts": COUNTS}
SCREENING = replace(DEFAULT_SCHEME, screening=Screening("on"))
OWN = "me@example.org"
OWN_DOMAIN = "*@me.example"


def account(scheme: Scheme, groups: frozenset[str] = frozenset(), sender: str = SENDER) -> ScriptNames:
    """An account whose one contact is in these groups."""
    return ScriptNames(
        mailbox_ids={name: f"id of {name}" for name in scheme.managed_mailboxes},
        group_uids={group: f"uid of {group}" for group in scheme.groups},
        members={group: frozenset({sender}) for group in groups},
        own=frozenset({OWN, OWN_DOMAIN}),
    )


def ending(
    scheme: Scheme, groups: frozenset[str], server: Server = COMMON, *, sender: str = SENDER, lists: bool = False
) -> Ending:
    """Where the script puts a mail of a sender in these groups; `lists`: the server knows groups as lists."""
    text = script(scheme, account(scheme, groups), server)
    delivery = Delivery(
        sender=sender,
        groups=groups,
        lists={name: group_of(name) for name in _lists(scheme)} if lists else {},
        group_uids={f"uid of {group}": group for group in scheme.groups},
        mailbox_names={f"id of {name}": name for name in scheme.managed_mailboxes},
    )
    return deliver(text, delivery)


def _lists(scheme: Scheme) -> set[str]:
    text = script(scheme, account(scheme), LISTS)
    return {line.strip(' ",') for line in text.splitlines() if line.lstrip().startswith(f'"{ADDRESS_BOOKS}')}


@pytest.mark.parametrize("server", always(2, SERVERS.values()), ids=SERVERS)
@pytest.mark.parametrize("name", [each.name for each in DEFAULT_SCHEME.categories])
def test_mail_ends_where_triage_would_have_put_it(name: str, server: Server) -> None:
    by_triage = triaged(DEFAULT_SCHEME, DEFAULT_SCHEME.by_name[name])
    assert ending(DEFAULT_SCHEME, by_triage.groups, server) == by_triage.ending


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_mail_of_strangers_waits_in_the_screener(server: Server) -> None:
    assert ending(DEFAULT_SCHEME, frozenset(), server) == {"Screener"}
    assert ending(DEFAULT_SCHEME, frozenset({"Choir"}), server) == {"Screener"}


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_mail_of_the_user_does_not_wait_in_the_screener(server: Server) -> None:
    """Nobody could triage it out of there."""
    assert ending(DEFAULT_SCHEME, frozenset(), server, sender=OWN) == {"Inbox"}
    assert ending(DEFAULT_SCHEME, frozenset(), server, sender="shop@me.example") == {"Inbox"}
    assert ending(DEFAULT_SCHEME, frozenset(), server, sender="shop@not.me.example") == {"Screener"}


@pytest.mark.parametrize("server", [CYRUS, COUNTS], ids=["cyrus", "counts"])
def test_mail_with_several_addresses_in_from_waits_in_the_screener_whoever_they_are(server: Server) -> None:
    groups = frozenset({"Imbox"})
    names = account(DEFAULT_SCHEME, groups)
    uids = {uid: group for group, uid in names.group_uids.items()}
    for sender in (SENDER, OWN):
        text = script(DEFAULT_SCHEME, names, server)
        assert deliver(text, Delivery(sender, groups, others=1, group_uids=uids)) == {"Screener"}
    assert not list(warnings(server))


@pytest.mark.parametrize("server", [PLAIN, COMMON, LISTS], ids=["plain", "common", "lists"])
def test_a_server_that_cannot_count_addresses_is_a_warning(server: Server) -> None:
    (warning,) = warnings(server)
    assert "lacks the extension relational" in warning


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ('fileinto "Junk";', True),
        ('if header :contains "X-Spam" "yes" { fileinto "Junk"; }', True),
        ('if header :contains "X-Spam" "yes" { fileinto "Junk"; stop; }', False),
        ('if header :contains "X-Spam" "yes" {\n fileinto :flags "\\\\Seen" "Junk";\n addflag "x";\n stop ;\n}', False),
        ('if true { if true { fileinto "Junk"; } stop; }', False),
        ('if true { fileinto "a"; } elsif true { fileinto "b"; stop; }', True),
        ('if true { fileinto "a"; } else { stop; }', True),
        ('if true { fileinto "a"; }\nstop;', False),
        ("if true { keep; }", True),
        ('fileinto :copy "Backup";', False),
        ('# fileinto "Junk";\n/* keep; */ redirect "a@x.org";', False),
        ('if header :is "Subject" "keep;" { discard; }', False),
        ("vacation text:\nkeep; it short\n.\n;", False),
        ("vacation text:\n.\n;keep;", True),
        ("", False),
    ],
)
def test_a_script_of_the_users_that_files_and_goes_on_is_a_warning(text: str, warned: bool) -> None:
    assert [*warnings_about(SCREENING, text)] == []
    assert [*warnings_about(DEFAULT_SCHEME, text)] == (
        [
            "your own script files or keeps mail and goes on, so that the rules put that mail into the Screener, too: "
            "write `stop;` after each `fileinto` and `keep` there"
        ]
        if warned
        else []
    )


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ('include "mailroom";', True),
        ('include :personal :once "mailroom";', True),
        ('include :personal :optional "mailroom";', False),
        ('include "other";', False),
    ],
)
def test_whether_the_users_script_needs_mailrooms(text: str, does: bool) -> None:
    assert needs(text, "mailroom") is does


def test_a_server_that_knows_groups_as_lists_is_asked_at_delivery() -> None:
    groups = frozenset({"Paper Trail", "Truck"})
    assert ending(DEFAULT_SCHEME, groups, LISTS, sender="later@example.org", lists=True) == {"Paper Trail", "Truck"}
    assert ending(DEFAULT_SCHEME, frozenset(), LISTS, lists=True) == {"Screener"}


def test_a_sender_in_a_childs_group_alone_is_the_childs() -> None:
    """The user put the card there by hand, and forgot the parent."""
    assert ending(DEFAULT_SCHEME, frozenset({"Person"})) == {"Person", "Imbox", "Inbox"}


def test_a_sender_in_unrelated_groups_ends_in_one_category() -> None:
    """Only a hand can do that; triage leaves a sender in one category's chain, and so does the script."""
    assert ending(DEFAULT_SCHEME, frozenset({"Jail", "Feed"})) == {"Feed"}


def test_only_what_the_server_has_is_required() -> None:
    assert 'require ["fileinto"];' in script(DEFAULT_SCHEME, account(DEFAULT_SCHEME), PLAIN)
    text = script(DEFAULT_SCHEME, account(DEFAULT_SCHEME), COMMON)
    assert 'require ["copy", "fileinto", "mailbox", "mailboxid"];' in text


def test_a_renamed_mailbox_is_found_by_its_id() -> None:
    delivery = Delivery("nobody@example.org", mailbox_names={"id of Screener": "Waiting room"})
    assert deliver(script(DEFAULT_SCHEME, account(DEFAULT_SCHEME), COMMON), delivery) == {"Waiting room"}


def test_a_mailbox_without_an_id_is_filed_into_by_name() -> None:
    text = script(DEFAULT_SCHEME, ScriptNames({}, {}, {}, frozenset()), COMMON)
    assert text.endswith('\n# everybody else\nfileinto :create "Screener";\n')


def test_a_domain_is_known_in_both_spellings() -> None:
    sender = "ann@xn--mller-kva.example"
    text = script(DEFAULT_SCHEME, account(DEFAULT_SCHEME, frozenset({"Feed"}), sender), COMMON)
    assert '[\n  "ann@müller.example",\n  "ann@xn--mller-kva.example"\n]' in text


@pytest.mark.parametrize("count", [1, 50, 51, 1_000])
def test_a_long_list_is_cut_into_tests_of_fifty_one_address_a_line(count: int) -> None:
    addresses = frozenset(f"sender{n:04}@example.org" for n in range(count))
    book = ScriptNames({}, {}, {"Feed": addresses}, frozenset())
    text = script(DEFAULT_SCHEME, book, COMMON)
    assert text.count("address :is") == -(-count // 50)
    assert sum(line.strip().startswith('"sender') for line in text.splitlines()) == count
    for sender in (min(addresses), max(addresses)):
        assert deliver(text, Delivery(sender)) == {"Feed"}
    assert deliver(text, Delivery("sender@example.org")) == {"Screener"}


def test_the_users_script_runs_first() -> None:
    text = script(DEFAULT_SCHEME, account(DEFAULT_SCHEME), COMMON, include="vacation")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines[:2] == [
        'require ["copy", "fileinto", "include", "mailbox", "mailboxid"];',
        'include :personal :once :optional "vacation";',
    ]


@given(name=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_the_users_script_is_read_back_from_mailrooms(name: str) -> None:
    text = script(DEFAULT_SCHEME, account(DEFAULT_SCHEME), COMMON, include=name)
    assert included(text) == included(text.replace("\n", "\r\n")) == name
    assert included(script(DEFAULT_SCHEME, account(DEFAULT_SCHEME), COMMON)) is None


@pytest.mark.parametrize("server", [PLAIN, COMMON, CYRUS], ids=["plain", "common", "cyrus"])
def test_the_ids_of_mailboxes_are_read_back_from_mailrooms(server: Server) -> None:
    scheme = Scheme((category("A", destination_mailbox='x"; \\ y'), category("B", parent="A")))
    names = account(scheme, scheme.groups)
    ids = mailbox_ids(script(scheme, names, server))
    assert ids == ({} if server is PLAIN else names.mailbox_ids)


# --- where the daemon screens new mail itself


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_mail_of_strangers_is_left_to_a_daemon_that_screens(server: Server) -> None:
    assert ending(SCREENING, frozenset(), server) == {"Inbox"}
    assert ending(SCREENING, frozenset({"Choir"}), server) == {"Inbox"}
    assert ending(SCREENING, frozenset(), server, sender=OWN) == {"Inbox"}


@pytest.mark.parametrize("server", [CYRUS, COUNTS], ids=["cyrus", "counts"])
def test_mail_of_several_people_waits_whoever_screens(server: Server) -> None:
    """The verdict on it is the same, and depends on nothing that a script can't ask."""
    text = script(SCREENING, account(SCREENING), server)
    assert deliver(text, Delivery(SENDER, others=1, group_uids={f"uid of {g}": g for g in SCREENING.groups})) == {
        "Screener"
    }


@pytest.mark.parametrize("mode", ["off", "watch"])
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_a_script_says_whether_it_screens_strangers_itself(server: Server, mode: Mode) -> None:
    scheme = replace(DEFAULT_SCHEME, screening=Screening(mode))
    assert screens_strangers(script(scheme, account(scheme, frozenset({"Feed"})), server))
    assert not screens_strangers(script(SCREENING, account(SCREENING, frozenset({"Feed"})), server))
    assert screens_strangers(script(scheme, account(scheme), server).replace("\n", "\r\n"))


def test_a_group_called_like_the_last_rule_is_not_it() -> None:
    scheme = replace(SCREENING, categories=(category("A", contact_group="everybody else"),))
    assert not screens_strangers(script(scheme, account(scheme, frozenset({"everybody else"})), COMMON))


@given(scheme=schemes(), data=st.data(), server=st.sampled_from([*SERVERS.values()]), lists=st.booleans())
def test_for_any_scheme_only_mail_of_strangers_ends_elsewhere_where_the_daemon_screens(
    scheme: Scheme, data: st.DataObject, server: Server, lists: bool
) -> None:
    groups = data.draw(st.frozensets(st.sampled_from(sorted(scheme.groups))))
    screening = replace(scheme, screening=Screening("on"))
    alone = ending(scheme, groups, server, lists=lists)
    assert ending(screening, groups, server, lists=lists) == (alone if groups else {INBOX})


def test_mailroom_knows_its_own_script() -> None:
    assert is_made_by_mailroom(script(DEFAULT_SCHEME, account(DEFAULT_SCHEME), PLAIN))
    assert not is_made_by_mailroom("keep;\n# Made by Mailroom")
    assert not is_made_by_mailroom("")


def test_a_script_with_addresses_in_it_grows_old() -> None:
    assert [name for name, server in SERVERS.items() if grows_old(server)] == ["plain", "common", "lists", "counts"]


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ('include "mailroom";', True),
        ('require "include";\ninclude :personal :once\n  "mailroom";', True),
        ('# include "mailroom";', False),
        ('/* include "mailroom"; */ keep;', False),
        ('include "other"; fileinto "mailroom";', False),
        ('fileinto "# not a comment"; include "mailroom";', True),
        ("", False),
    ],
)
def test_whether_the_users_script_runs_mailrooms(text: str, does: bool) -> None:
    assert runs(text, "mailroom") is does


def test_a_quoted_local_part_is_known_without_its_quotes_too() -> None:
    text = script(DEFAULT_SCHEME, account(DEFAULT_SCHEME, frozenset({"Feed"}), '"an n"@example.org'), COMMON)
    assert '[\n  "\\"an n\\"@example.org",\n  "an n@example.org"\n]' in text


HOSTILE = 'x"; discard; # \\" ] } ${hex:22}'


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_names_and_addresses_cannot_break_out_of_their_quotes(server: Server) -> None:
    scheme = Scheme((category("A", contact_group=HOSTILE, destination_mailbox=HOSTILE),), screener=HOSTILE + "2")
    assert ending(scheme, frozenset({HOSTILE}), server) == {HOSTILE}
    assert ending(scheme, frozenset(), server) == {HOSTILE + "2"}
    sender = f'"{HOSTILE}"@example.org'
    book = ScriptNames({}, {HOSTILE: HOSTILE}, {HOSTILE: frozenset({sender})}, frozenset())
    delivery = Delivery(sender, frozenset({HOSTILE}), group_uids={HOSTILE: HOSTILE})
    assert deliver(script(scheme, book, server), delivery) == {HOSTILE}


def test_a_line_break_in_a_name_does_not_end_a_comment() -> None:
    scheme = Scheme((category("A", contact_group="a\ndiscard;"),))
    assert ending(scheme, frozenset({"a\ndiscard;"})) == {"A"}


@pytest.mark.parametrize(("text", "string"), [("a", '"a"'), ('"', '"\\""'), ("\\", '"\\\\"'), ("", '""')])
def test_sieve_strings(text: str, string: str) -> None:
    assert quoted(text) == string


def test_an_include_line() -> None:
    assert include_line('my "own"') == 'include :personal :once :optional "my \\"own\\"";'


@given(scheme=schemes(), server=st.sampled_from([PLAIN, COMMON, LISTS, CYRUS]), lists=st.booleans())
def test_for_any_scheme_mail_ends_where_triage_would_have_put_it(scheme: Scheme, server: Server, lists: bool) -> None:
    by_triage = all_triaged(scheme).values()
    for each in by_triage:
        # Categories that share a group may leave their senders in the same groups.
        possible = {other.ending for other in by_triage if other.groups == each.groups}
        assert ending(scheme, each.groups, server, lists=lists) in possible
    assert ending(scheme, frozenset(), server, lists=lists) == {scheme.screener}


@given(scheme=schemes(), data=st.data())
def test_for_any_groups_a_mail_ends_in_the_screener_or_as_one_category_says(
    scheme: Scheme, data: st.DataObject
) -> None:
    groups = data.draw(st.frozensets(st.sampled_from(sorted(scheme.groups))))
    endings = {each.ending for each in all_triaged(scheme).values()}
    found = [
        ending(scheme, groups, server, lists=lists)
        for server, lists in itertools.product(SERVERS.values(), (False, True))
    ]
    assert len(set(found)) == 1
    assert found[0] in (endings if groups else {frozenset({scheme.screener})})


SPLITS = replace(
    DEFAULT_SCHEME,
    splits=(
        Split(("order", "receipt"), "Truck", domain="example.org"),
        Split(("order",), "Jail", address=SENDER),
        Split(("pay",), "Imbox", address=SENDER),
        Split(("vote",), "Jail", list_id="dev.x.org"),
    ),
)


def split_ending(server: Server, subject: str, *groups: str, sender: str = SENDER, list_id: str = "") -> Ending:
    names = frozenset(groups)
    delivery = Delivery(
        sender=sender,
        subject=subject,
        list_id=list_id,
        groups=names,
        lists={name: group_of(name) for name in _lists(SPLITS)} if server is LISTS else {},
        group_uids={f"uid of {group}": group for group in SPLITS.groups},
        mailbox_names={f"id of {name}": name for name in SPLITS.managed_mailboxes},
    )
    return deliver(script(SPLITS, account(SPLITS, names, sender), server), delivery)


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
class TestASplit:
    def test_files_what_a_decided_sender_writes_under_such_a_subject(self, server: Server) -> None:
        truck = split_ending(server, "Hi", "Truck", "Paper Trail")
        assert split_ending(server, "Your ORDER", "Feed") == split_ending(server, "A receipt", "Imbox") == truck
        assert split_ending(server, "Please pay", "Feed") == split_ending(server, "Hi", "Imbox")
        assert split_ending(server, "News", "Feed") == {"Feed"}

    def test_leaves_strangers_where_they_are(self, server: Server) -> None:
        assert split_ending(server, "Your order") == {"Screener"}

    def test_is_for_all_below_a_domain_and_for_nobody_beside_it(self, server: Server) -> None:
        below, beside = "ann@mail.example.org", "ann@myexample.org"
        assert split_ending(server, "Order", "Feed", sender=below) == split_ending(server, "Order", "Feed")
        assert split_ending(server, "Order", "Feed", sender=beside) == {"Feed"}

    @pytest.mark.parametrize("list_id", ["Dev <dev.x.org>", "<DEV.x.org>", "dev.x.org"])
    def test_is_for_a_list_whoever_writes(self, server: Server, list_id: str) -> None:
        assert split_ending(server, "A vote", "Feed", list_id=list_id) == {"Jail"}
        assert split_ending(server, "A vote", "Feed", list_id="<other.dev.x.org>") == {"Feed"}
