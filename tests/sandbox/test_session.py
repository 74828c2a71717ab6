import pytest

from mailroom.sandbox import CYRUS, FASTMAIL, Flavour, Limits, SandboxError, flavour_named
from mailroom.sandbox.dispatch import CONTACTS, CORE, MAIL, SIEVE, offered
from mailroom.sandbox.session import session_document

from .support import USING, make_sandbox, running, with_ids

URLS = ("apiUrl", "uploadUrl", "downloadUrl", "eventSourceUrl")


def test_fastmail_names_absolute_urls_and_a_plain_event_source() -> None:
    session = session_document(make_sandbox(FASTMAIL), "http://127.0.0.1:9")
    assert all(session[name].startswith("http://127.0.0.1:9/") for name in URLS)
    assert session["eventSourceUrl"] == "http://127.0.0.1:9/jmap/event/"


def test_cyrus_names_relative_urls_and_an_event_source_template() -> None:
    session = session_document(make_sandbox(CYRUS), "http://127.0.0.1:9")
    assert all(session[name].startswith("/jmap/") for name in URLS)
    assert session["eventSourceUrl"].endswith("?types={types}&closeafter={closeafter}&ping={ping}")


@pytest.mark.parametrize("flavour", [FASTMAIL, CYRUS], ids=lambda flavour: flavour.name)
async def test_after_a_move_the_former_session_leads_to_the_new_one_and_nothing_else_is_there(flavour: Flavour) -> None:
    sandbox = make_sandbox(flavour)
    sandbox.place = "elsewhere"
    async with running(sandbox) as server:
        moved = await server.http.get("/jmap/session")
        assert (moved.status_code, moved.headers["Location"]) == (301, "/elsewhere/session")
        session = (await server.http.get(moved.headers["Location"])).json()
        assert (await server.post(("Mailbox/get", {}))).status_code == 404
        assert (await server.http.get("/jmap/event/")).status_code == 404
        document = {"using": USING, "methodCalls": with_ids(sandbox, (("Mailbox/get", {}),))}
        assert (await server.http.post(session["apiUrl"], json=document)).status_code == 200


async def test_an_account_with_a_new_id_is_not_known_by_its_former_one() -> None:
    sandbox = make_sandbox()
    async with running(sandbox) as server, server.events() as events:
        await events.next()
        sandbox.change_account("u2")
        sandbox.deliver()
        assert '"u2"' in await events.next()
        assert session_document(sandbox, "")["primaryAccounts"][MAIL] == "u2"
        (answer,) = (await server.post(("Mailbox/get", {"accountId": "u1"}))).json()["methodResponses"]
        assert answer[1]["type"] == "accountNotFound"


@pytest.mark.parametrize("flavour", [FASTMAIL, CYRUS], ids=lambda flavour: flavour.name)
def test_every_capability_is_offered_by_the_one_account(flavour: Flavour) -> None:
    session = session_document(make_sandbox(flavour), "http://x")
    assert session["capabilities"].keys() == offered(flavour)
    of_the_account = session["accounts"]["u1"]["accountCapabilities"]
    assert session["primaryAccounts"] == {name: "u1" for name in of_the_account if name != CORE}
    assert session["capabilities"][MAIL] == {}
    may_create = session["accounts"]["u1"]["accountCapabilities"][CONTACTS]["mayCreateAddressBook"]
    assert may_create is flavour.may_create_address_book


def test_only_cyrus_has_sieve_scripts() -> None:
    assert SIEVE not in session_document(make_sandbox(FASTMAIL), "http://x")["capabilities"]
    cyrus = session_document(make_sandbox(CYRUS, Limits(max_size_script=9)), "http://x")
    details = cyrus["accounts"]["u1"]["accountCapabilities"][SIEVE]
    assert (details["maxSizeScript"], "fileinto" in details["sieveExtensions"]) == (9, True)


def test_the_limits_are_announced() -> None:
    session = session_document(make_sandbox(limits=Limits(max_objects_in_get=7)), "http://x")
    assert session["capabilities"][CORE]["maxObjectsInGet"] == 7


def test_flavours_have_names() -> None:
    assert flavour_named("cyrus") is CYRUS
    with pytest.raises(SandboxError, match="fastmail, cyrus"):
        flavour_named("exchange")
