"""The Cyrus fixture itself, seen through plain HTTP: what the other tests may rely on (docs/servers.md)."""

from collections.abc import Generator

import httpx
import pytest
import trio

from tests.guard import GUARD_SECONDS
from tests.real.cyrus import Cyrus
from tests.real.mail_app import USING, MailApp, message
from tests.real.mailbox_user import (
    DESTINATIONS,
    GROUPS,
    LABELS,
    NOTICES,
    OPTIONAL_LABELS,
    MailboxUser,
    create_mailbox_user,
    group_card,
    put_card,
)

SENDER = "news@shop.example"
GROUP_REPORT = """\
<?xml version="1.0" encoding="utf-8"?>
<C:addressbook-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">
  <prop><getetag/><C:address-data/></prop>
  <C:filter><C:prop-filter name="X-ADDRESSBOOKSERVER-KIND">
    <C:text-match match-type="equals">group</C:text-match>
  </C:prop-filter></C:filter>
</C:addressbook-query>
"""


class Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self.token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


def test_the_session_has_relative_urls_and_the_mail_capability(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        session = http.get(mailbox_user.server.session_url).raise_for_status().json()
    assert session["apiUrl"] == "/jmap/"
    assert session["eventSourceUrl"].startswith("/jmap/eventsource/?types={types}")
    assert session["primaryAccounts"]["urn:ietf:params:jmap:mail"] == mailbox_user.name
    assert session["capabilities"]["urn:ietf:params:jmap:core"]["maxCallsInRequest"] == 50
    assert "urn:ietf:params:jmap:contacts" not in session["capabilities"]


@pytest.mark.parametrize("url", ["/jmap/", "/dav/addressbooks/"])
def test_token_and_password_open_the_account_and_forgeries_do_not(mailbox_user: MailboxUser, url: str) -> None:
    user, server = mailbox_user, mailbox_user.server
    forged = server.token("somebody else").rpartition(".")[2]
    unsigned = user.token.rpartition(".")[0]
    attempts: list[tuple[bool, httpx.Auth]] = [
        (True, Bearer(user.token)),
        (True, httpx.BasicAuth(user.name, user.password)),
        (False, Bearer(f"{unsigned}.{forged}")),
        (False, httpx.BasicAuth(user.name, f"{user.password}x")),
        (False, httpx.Auth()),
    ]
    with httpx.Client(base_url=server.base_url, timeout=30) as http:
        for allowed, auth in attempts:
            status = http.request("OPTIONS", url, auth=auth).status_code
            assert (status != 401) is allowed


def test_mailboxes_have_their_names_and_roles(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        mailboxes = MailApp(http, mailbox_user).call("Mailbox/get")["list"]
    roles = {mailbox["name"]: mailbox["role"] for mailbox in mailboxes}
    expected = {name: name.lower() for name in ("Inbox", "Archive", "Drafts", "Junk", "Sent", "Trash")}
    assert roles == expected | dict.fromkeys(("Screener", *DESTINATIONS, *LABELS, *NOTICES, *OPTIONAL_LABELS))
    assert {mailbox["parentId"] for mailbox in mailboxes} == {None}


def test_a_new_mail_is_found_by_header_at_once_and_by_from_once_indexed(mailbox_user: MailboxUser) -> None:
    mailbox_user.append("Screener", message(SENDER, "Spring sale"))
    with mailbox_user.http() as http:
        mail = MailApp(http, mailbox_user)
        found = mail.ids(header=["From", SENDER])
        assert len(found) == 1
        assert mail.ids(**{"from": SENDER}) == []
        mailbox_user.server.index(mailbox_user.name)
        assert mail.ids(**{"from": SENDER}) == found


async def test_the_running_indexer_makes_new_mail_searchable_by_from(indexed_mailbox_user: MailboxUser) -> None:
    user = indexed_mailbox_user
    await trio.to_thread.run_sync(user.append, "Screener", message(SENDER, "Spring sale"))
    condition = {"from": SENDER}
    query = ["Email/query", {"accountId": user.name, "filter": condition}, "0"]
    headers = {"Authorization": f"Bearer {user.token}"}
    async with httpx.AsyncClient(base_url=user.server.base_url, headers=headers) as http:
        found: list[str] = []
        with trio.fail_after(GUARD_SECONDS):
            while not found:
                reply = await http.post("/jmap/", json={"using": USING, "methodCalls": [query]})
                found = reply.raise_for_status().json()["methodResponses"][0][1]["ids"]
    assert len(found) == 1


def test_a_mail_may_be_in_several_mailboxes_but_not_in_none(mailbox_user: MailboxUser) -> None:
    mailbox_user.append("Screener", message(SENDER, "Spring sale"))
    with mailbox_user.http() as http:
        mail = MailApp(http, mailbox_user)
        [email] = mail.ids(header=["From", SENDER])
        by_name = {mailbox["name"]: mailbox["id"] for mailbox in mail.call("Mailbox/get")["list"]}
        label, screener = by_name["@ToFeed"], by_name["Screener"]
        labelled = mail.call("Email/set", update={email: {f"mailboxIds/{label}": True}})
        assert labelled["updated"] == {email: None}
        nowhere = {f"mailboxIds/{label}": None, f"mailboxIds/{screener}": None}
        refused = mail.call("Email/set", update={email: nowhere})
        assert refused["notUpdated"] == {email: {"type": "invalidProperties", "properties": ["mailboxIds"]}}
        [unchanged] = mail.call("Email/get", ids=[email], properties=["mailboxIds"])["list"]
    assert unchanged["mailboxIds"] == {label: True, screener: True}


def test_the_identity_has_no_address_so_the_account_name_is_all_there_is(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        identities = MailApp(http, mailbox_user).call("Identity/get")["list"]
    assert [identity["email"] for identity in identities] == [""]


def test_the_event_source_answers_204(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        url = http.get("/jmap/").json()["eventSourceUrl"]
        for name, value in {"types": "Email,Mailbox", "closeafter": "no", "ping": "60"}.items():
            url = url.replace(f"{{{name}}}", value)
        assert http.get(url).status_code == 204


def test_carddav_discovery_starts_with_a_redirect(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        reply = http.request("PROPFIND", "/.well-known/carddav", headers={"Depth": "0"})
    assert reply.status_code == 301
    assert reply.headers["Location"] == f"{mailbox_user.server.base_url}/dav/addressbooks"


def test_a_report_lists_the_groups(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        put_card(http, mailbox_user.book_url, group_card("Choir"))
        names = _group_names(_report(http, mailbox_user.book_url, {"Content-Type": "application/xml"}))
    assert sorted(names) == sorted([*GROUPS, "Choir"])


def test_a_report_without_content_type_is_refused(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        assert _report(http, mailbox_user.book_url, {}).status_code == 415


def test_only_the_resource_name_keeps_a_uid_unique(mailbox_user: MailboxUser) -> None:
    card = group_card("Choir")
    headers = {"Content-Type": "text/vcard; charset=utf-8", "If-None-Match": "*"}
    with mailbox_user.http() as http:
        names = ("one.vcf", "one.vcf", "two.vcf")
        puts = [http.put(f"{mailbox_user.book_url}{name}", content=card, headers=headers) for name in names]
    assert [put.status_code for put in puts] == [201, 412, 201]


def test_every_put_gives_a_new_etag_and_the_old_one_no_longer_writes(mailbox_user: MailboxUser) -> None:
    card = group_card("Choir")
    with mailbox_user.http() as http:
        url = put_card(http, mailbox_user.book_url, card)
        old = http.get(url).headers["ETag"]
        headers = {"Content-Type": "text/vcard; charset=utf-8", "If-Match": old}
        edited = card.replace("FN:Choir", "FN:Choir of 2026")
        written = http.put(url, content=edited, headers=headers)
        assert written.status_code == 204
        assert written.headers["ETag"] != old
        assert http.put(url, content=card, headers=headers).status_code == 412
        assert http.get(url).text == edited


def test_users_do_not_see_each_other(mailbox_user: MailboxUser) -> None:
    other = MailboxUser(mailbox_user.server, f"{mailbox_user.name}-neighbour")
    other.server.create_user(other.name)
    other.append("INBOX", message(SENDER, "Spring sale"))
    with mailbox_user.http() as http:
        assert MailApp(http, mailbox_user).ids(header=["From", SENDER]) == []


def test_a_token_for_an_unknown_user_is_answered_with_500(cyrus: Cyrus) -> None:
    headers = {"Authorization": f"Bearer {cyrus.token('nobody')}"}
    assert httpx.get(cyrus.session_url, headers=headers).status_code == 500


def _report(http: httpx.Client, book_url: str, headers: dict[str, str]) -> httpx.Response:
    return http.request("REPORT", book_url, headers={"Depth": "1", **headers}, content=GROUP_REPORT.encode())


def _group_names(reply: httpx.Response) -> list[str]:
    assert reply.status_code == 207
    return [line.removeprefix("FN:") for line in reply.text.splitlines() if line.startswith("FN:")]


def test_each_request_over_one_connection_is_of_the_login_that_goes_with_it(cyrus: Cyrus) -> None:
    """Accounts share connections: none of them may be taken for another, whatever went over it before."""
    ann, bob = (create_mailbox_user(cyrus, name) for name in ("shared-ann", "shared-bob"))
    logins: list[tuple[str | None, httpx.Auth]] = [
        (ann.name, Bearer(ann.token)),
        (bob.name, httpx.BasicAuth(bob.name, bob.password)),
        (None, httpx.BasicAuth(bob.name, "wrong")),
        (ann.name, httpx.BasicAuth(ann.name, ann.password)),
        (bob.name, Bearer(bob.token)),
        (None, httpx.Auth()),
        (None, Bearer("wr.on.g")),
        (ann.name, Bearer(ann.token)),
    ]
    connections = set()
    with httpx.Client(base_url=cyrus.base_url, timeout=30) as http:
        for name, auth in logins:
            reply = http.get("/jmap/", auth=auth)
            connections.add(reply.extensions["network_stream"].get_extra_info("client_addr"))
            assert (reply.json()["username"] if reply.status_code == 200 else None) == name
            for owner in (ann, bob):
                url = f"/dav/addressbooks/user/{owner.name}/"
                reply = http.request("PROPFIND", url, auth=auth, headers={"Depth": "0"})
                connections.add(reply.extensions["network_stream"].get_extra_info("client_addr"))
                assert (reply.status_code == 207) is (owner.name == name)
    assert len(connections) == 1
