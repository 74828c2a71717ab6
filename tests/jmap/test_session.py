"""The session object, as servers write it and as they should not."""

from typing import Any

import httpx
import pytest

from mailroom.errors import BadReply
from mailroom.jmap.event_stream import event_source_url
from mailroom.jmap.session import (
    CONTACTS,
    CORE,
    CYRUS_SIEVE,
    MAIL,
    MOST_OBJECTS,
    SIEVE,
    SUBMISSION,
    Limits,
    Session,
    SieveAccess,
    read_session,
)
from mailroom.urls import is_loopback

READ_FROM = httpx.URL("https://mail.example/jmap/session")
Document = dict[str, Any]


def document(**changes: Any) -> Document:
    """A session document of one account that can do everything."""
    urns = (CORE, MAIL, SUBMISSION, CONTACTS)
    return {
        "capabilities": {urn: {} for urn in urns},
        "accounts": {"u1": account("jane@mail.example", *urns)},
        "primaryAccounts": dict.fromkeys(urns, "u1"),
        "username": "jane@mail.example",
        "apiUrl": "https://mail.example/jmap/api/",
        "eventSourceUrl": "https://mail.example/jmap/event/",
        "state": "s1",
    } | changes


def account(name: str, *urns: str) -> Document:
    return {"name": name, "isPersonal": True, "accountCapabilities": {urn: {} for urn in urns}}


def read(value: object, read_from: httpx.URL = READ_FROM) -> Session:
    return read_session(value, read_from)


NO_HOSTS = [
    "https://xn--ls8h.la/",
    "https://xn--0/",
    "https://mail..example/",
    "https://" + "x" * 64 + ".example/",
    "https://mail.example:99999/",
]


class TestUrls:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("https://api.mail.example/jmap/", "https://api.mail.example/jmap/"),
            ("/jmap/", "https://mail.example/jmap/"),
            ("api", "https://mail.example/jmap/api"),
            ("//api.mail.example/", "https://api.mail.example/"),
            ("http://mail.example/jmap/", "https://mail.example/jmap/"),
        ],
    )
    def test_resolve_against_the_place_of_the_session(self, given: str, expected: str) -> None:
        assert str(read(document(apiUrl=given)).api_url) == expected

    @pytest.mark.parametrize(
        "template",
        [
            "/jmap/event/?types={types}&closeafter={closeafter}&ping={ping}",
            "https://mail.example/jmap/event/{?types,closeafter,ping}",
            "/jmap/event/{types}/{closeafter}/{ping}",
            "http://mail.example/jmap/event/{?types,closeafter,ping}",
        ],
    )
    def test_keep_the_braces_of_a_template(self, template: str) -> None:
        url = read(document(eventSourceUrl=template)).event_source_url
        assert url == "https://mail.example" + template[template.index("/jmap") :]

    @pytest.mark.parametrize("none", [None, ""])
    def test_of_the_event_source_may_be_missing(self, none: str | None) -> None:
        assert read(document(eventSourceUrl=none)).event_source_url is None
        absent = document()
        del absent["eventSourceUrl"]
        assert read(absent).event_source_url is None

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "127.8.9.1"])
    def test_may_be_plain_http_on_this_machine(self, host: str) -> None:
        session = read(
            document(apiUrl=f"http://{host}:8080/api", eventSourceUrl=None), httpx.URL(f"http://{host}:8080/session")
        )
        assert str(session.api_url) == f"http://{host}:8080/api"

    @pytest.mark.parametrize("name", ["apiUrl", "eventSourceUrl"])
    def test_are_no_plain_http_for_a_session_that_came_by_https(self, name: str) -> None:
        with pytest.raises(BadReply, match=rf"^{name} is http://127\.0\.0\.1:8080; expected an https url"):
            read(document(**{name: "http://127.0.0.1:8080/x"}))

    @pytest.mark.parametrize("name", ["apiUrl", "eventSourceUrl"])
    @pytest.mark.parametrize("url", NO_HOSTS)
    def test_of_no_host_are_refused(self, name: str, url: str) -> None:
        with pytest.raises(BadReply, match=rf"^{name} is no url; expected an https url"):
            read(document(**{name: url}))

    @pytest.mark.parametrize(
        "template", ["https://{types}{types}{types}{types}{types}{types}/", "https://xn--0{types}/"]
    )
    def test_that_become_one_of_no_host_are_refused(self, template: str) -> None:
        with pytest.raises(BadReply, match="eventSourceUrl is malformed"):
            event_source_url(template)

    @pytest.mark.parametrize("name", ["apiUrl", "eventSourceUrl"])
    @pytest.mark.parametrize(
        "url",
        [
            "http://mail.example:8080/api",
            "http://127.0.0.1.mail.example/api",
            "http://10.0.0.1/api",
            "http://0.0.0.0/api",
            "ftp://mail.example/api",
            "mailto:jane@mail.example",
            "file:///etc/passwd",
            "https://mail..example/api",
            "https://" + "x" * 64 + ".example/api",
            "https://mail.example:99999999999999999999/api",
        ],
    )
    def test_that_may_not_be_trusted_are_refused(self, name: str, url: str) -> None:
        with pytest.raises(BadReply, match=rf"^{name} is .*; expected an https url"):
            read(document(**{name: url}))

    @pytest.mark.parametrize("name", ["apiUrl", "eventSourceUrl"])
    @pytest.mark.parametrize(
        "url", ["https://[::1/", "https://mail.example:port/", "https://x\x00/", "https://ü" + "x" * 80, "/" * 70_000]
    )
    def test_that_are_none_are_refused(self, name: str, url: str) -> None:
        with pytest.raises(BadReply, match=r"expected (a valid|an https) url"):
            read(document(**{name: url}))

    def test_whose_query_no_url_can_hold_are_refused(self) -> None:
        with pytest.raises(BadReply, match="expected an https url"):
            read(document(eventSourceUrl="https://mail.example/event?a\n{types}"))


class TestAccounts:
    def test_are_the_primary_ones(self) -> None:
        accounts = {"a": account("shared", MAIL, CONTACTS), "b": account("jane", MAIL), "c": account("book", CONTACTS)}
        session = read(document(accounts=accounts, primaryAccounts={MAIL: "b", CONTACTS: "c"}))
        assert (session.mail_account, session.mail_account_name, session.contacts_account) == ("b", "jane", "c")

    @pytest.mark.parametrize("primary", [{}, {MAIL: "gone", CONTACTS: "gone"}])
    def test_without_a_primary_one_are_the_first_that_can(self, primary: Document) -> None:
        accounts = {"c": account("third", MAIL), "a": account("first"), "b": account("second", MAIL)}
        session = read(document(accounts=accounts, primaryAccounts=primary))
        assert (session.mail_account, session.contacts_account) == ("b", None)

    def test_for_contacts_need_the_servers_capability_too(self) -> None:
        session = read(document(capabilities={CORE: {}, MAIL: {}}))
        assert session.contacts_account is None
        assert not session.identities

    def test_for_sieve_scripts_and_those_that_are_read_only_are_known(self) -> None:
        shared = {**account("shared", MAIL), "isReadOnly": True}
        capabilities: Document = {CORE: {}, MAIL: {}, SIEVE: {}}
        session = read(document(capabilities=capabilities, accounts={"a": account("jane", MAIL, SIEVE), "b": shared}))
        assert session.sieve is not None
        assert (session.sieve.account_id, session.read_only) == ("a", frozenset({"b"}))
        assert (read(document()).sieve, read(document()).read_only) == (None, frozenset())

    def test_say_what_their_sieve_can_do(self) -> None:
        details = {
            "sieveExtensions": ["fileinto"],
            "externalLists": ["urn:x"],
            "maxSizeScript": 9,
            "maxRedirects": None,
        }
        jane = {"name": "jane", "accountCapabilities": {MAIL: {}, SIEVE: details}}
        session = read(document(capabilities={CORE: {}, MAIL: {}, SIEVE: {}}, accounts={"a": jane}))
        assert session.sieve == SieveAccess("a", SIEVE, frozenset({"fileinto"}), frozenset({"urn:x"}), 9)

    def test_may_have_sieve_as_cyrus_names_it_and_the_rfcs_goes_first(self) -> None:
        def sieve(*capabilities: str) -> SieveAccess | None:
            accounts = {"a": account("jane", MAIL, *capabilities)}
            offered: Document = {name: {} for name in (CORE, MAIL, *capabilities)}
            return read(document(capabilities=offered, accounts=accounts)).sieve

        found = [sieve(), sieve(CYRUS_SIEVE), sieve(CYRUS_SIEVE, SIEVE)]
        assert [each and each.capability for each in found] == [None, CYRUS_SIEVE, SIEVE]

    def test_have_identities_only_where_the_mail_account_may_send(self) -> None:
        assert read(document()).identities
        accounts = {"u1": account("jane", MAIL), "u2": account("other", SUBMISSION)}
        assert not read(document(accounts=accounts, primaryAccounts={MAIL: "u1", SUBMISSION: "u2"})).identities

    @pytest.mark.parametrize(
        "changes",
        [
            {"capabilities": {CORE: {}, CONTACTS: {}}},
            {"capabilities": {}},
            {"accounts": {}},
            {"accounts": {"u1": account("jane", CONTACTS)}, "primaryAccounts": {}},
        ],
        ids=["no-capability", "nothing", "no-account", "no-mail-account"],
    )
    def test_without_mail_are_refused_and_the_token_is_named_as_the_cause(self, changes: Document) -> None:
        with pytest.raises(BadReply, match=r"offers no mail account.*does the token allow access to mail"):
            read(document(**changes))


class TestLimits:
    def test_are_the_servers(self) -> None:
        core = {
            "maxConcurrentRequests": 10,
            "maxCallsInRequest": 50,
            "maxObjectsInGet": 4096,
            "maxObjectsInSet": 100,
            "maxSizeRequest": 5_000_000,
        }
        session = read(document(capabilities={CORE: core, MAIL: {}}))
        assert session.limits == Limits(
            max_concurrent_requests=10,
            max_calls_in_request=50,
            max_objects_in_get=4096,
            max_objects_in_set=100,
            max_size_request=5_000_000,
        )

    @pytest.mark.parametrize("core", [{}, None, {"maxSizeUpload": 5}])
    def test_that_are_not_told_are_the_suggested_minima(self, core: Document | None) -> None:
        limits = read(document(capabilities={CORE: core, MAIL: {}})).limits
        assert (limits.max_calls_in_request, limits.max_objects_in_get, limits.max_objects_in_set) == (16, 500, 500)

    @pytest.mark.parametrize("name", ["maxCallsInRequest", "maxObjectsInGet", "maxObjectsInSet", "maxSizeRequest"])
    @pytest.mark.parametrize("value", [0, -1, None, "many", float("inf"), float("nan"), 1.5, []])
    def test_that_allow_nothing_are_refused(self, name: str, value: object) -> None:
        with pytest.raises(BadReply, match=f"malformed at {name}"):
            read(document(capabilities={CORE: {name: value}, MAIL: {}}))

    def test_may_be_huge_and_are_ours_then(self) -> None:
        names = ("maxCallsInRequest", "maxSizeRequest", "maxObjectsInGet", "maxObjectsInSet")
        limits = read(document(capabilities={CORE: dict.fromkeys(names, 10**30), MAIL: {}})).limits
        assert limits.max_calls_in_request == 10**30
        assert limits.max_objects_in_get == limits.max_objects_in_set == MOST_OBJECTS
        assert limits.max_size_request == 10_000_000


class TestADocumentOfTheWrongShape:
    @pytest.mark.parametrize("value", [None, [], "", "session", 5, True, [{}], {}, {"type": "about:blank"}])
    def test_is_a_bad_reply(self, value: object) -> None:
        with pytest.raises(BadReply, match="malformed"):
            read(value)

    @pytest.mark.parametrize("name", ["capabilities", "accounts", "primaryAccounts", "username", "apiUrl", "state"])
    @pytest.mark.parametrize("value", [None, 5, ["u1"]])
    def test_in_one_place_is_a_bad_reply_that_names_the_place(self, name: str, value: object) -> None:
        with pytest.raises(BadReply, match=f"malformed at {name}"):
            read(document(**{name: value}))

    def test_is_not_quoted_in_the_error(self) -> None:
        with pytest.raises(BadReply) as caught:
            read(document(username=["jane's secret"]))
        assert "secret" not in str(caught.value)

    def test_may_have_more_than_we_know(self) -> None:
        assert read(document(uploadUrl=None, future={"x": [1]})) == read(document())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.1", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104  nothing listens here
        ("192.168.0.1", False),
        ("localhost.example", False),
        ("127.1", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_and_nothing_else(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
