"""Batches over real sockets: to a sandbox that behaves, and to one with faults."""

import gzip

import pytest

from mailroom import http as http_module
from mailroom import wire
from mailroom.errors import BadReply, BatchRefused, MailroomError, Refused, TooLarge, Unavailable
from mailroom.jmap.batch import Batch, MethodFailed
from mailroom.jmap.cards import get_address_books
from mailroom.jmap.mail import EMAIL, Move, get_identities, move_emails
from mailroom.jmap.mailbox import NewMailbox, create_mailboxes, get_mailboxes
from mailroom.jmap.query import search
from mailroom.jmap.session import CONTACTS, CORE, MAIL, SUBMISSION
from mailroom.sandbox import Limits, MethodError, Sandbox, SetError, faults
from mailroom.sandbox.faults import Delay, Endpoint, Fault, Reply
from tests.jmap.support import ACCOUNT, connected, served
from tests.jmap.trouble import assert_clean, with_nonsense, with_outages
from tests.screener import empty_sandbox

API, SESSION = Endpoint.API, Endpoint.SESSION


class TestSend:
    @with_nonsense
    async def test_calls_nonsense_a_bad_reply_and_goes_on(self, fault: Fault, message: str) -> None:
        async with connected(empty_sandbox()) as c:
            await c.client.session()
            c.sandbox.faults.next_request(fault)
            with pytest.raises(BadReply, match=message) as caught:
                await c.mailboxes()
            assert_clean(caught.value)
            assert len(await c.mailboxes()) > 0

    @with_outages
    async def test_calls_an_outage_unavailable_and_goes_on(self, fault: Fault, retry_after: float | None) -> None:
        async with connected(empty_sandbox()) as c:
            await c.client.session()
            c.sandbox.faults.next_request(fault)
            with pytest.raises(Unavailable) as caught:
                await c.mailboxes()
            assert caught.value.retry_after == retry_after
            assert_clean(caught.value)
            assert len(await c.mailboxes()) > 0

    async def test_calls_a_late_answer_unavailable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with connected(empty_sandbox()) as c:
            await c.client.session()
            monkeypatch.setattr(http_module, "DEADLINE_SECONDS", 0.1)
            c.sandbox.faults.next_request(Delay(30))
            with pytest.raises(Unavailable, match=r"gave no whole answer in 0\.1 s"):
                await c.mailboxes()

    async def test_calls_an_endless_answer_a_bad_reply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with connected(empty_sandbox()) as c:
            await c.client.session()
            monkeypatch.setattr(http_module, "MAX_REPLY_BYTES", 1024 * 1024)
            c.sandbox.faults.next_request(Reply(body=b" " * (1024 * 1024 + 1)))
            with pytest.raises(BadReply, match="sends too large an answer; expected at most 1 MiB"):
                await c.mailboxes()

    async def test_asks_in_parts_where_the_answer_to_all_is_too_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with connected(empty_sandbox()) as c:
            one = await c.mailboxes()
            batch = Batch()
            slots = [batch.add(get_mailboxes(ACCOUNT)) for _ in range(3)]
            monkeypatch.setattr(wire, "MAX_JSON_VALUES", 5 * len(one) * 2)
            replies = await c.client.send(batch)
            assert [replies[slot] for slot in slots] == [one] * 3
            assert [len(body["methodCalls"]) for body in c.bodies] == [1, 3, 1, 2, 1, 1]

    async def test_asks_no_write_again_where_the_answer_is_too_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with connected(empty_sandbox()) as c:
            session = await c.client.session()
            monkeypatch.setattr(wire, "MAX_JSON_VALUES", 5)
            batch = Batch()
            create_mailboxes(batch, session, [NewMailbox("new", "New")])
            batch.add(get_mailboxes(ACCOUNT))
            with pytest.raises(TooLarge, match="holds too much; expected at most 5 values at once"):
                await c.client.send(batch)
            assert len(c.bodies) == 1

    @pytest.mark.parametrize(
        ("status", "said"),
        [(401, r"refused the credentials \(HTTP 401\): wrong or expired token"), (403, r"forbids it \(HTTP 403\)")],
    )
    @pytest.mark.parametrize("endpoint", [SESSION, API])
    async def test_calls_refused_credentials_refused(self, endpoint: Endpoint, status: int, said: str) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(faults.status(status), endpoint=endpoint)
            with pytest.raises(Refused, match=said):
                await c.mailboxes()

    async def test_calls_a_wrong_token_refused_and_does_not_show_it(self) -> None:
        async with connected(empty_sandbox(), token="wrong-token") as c:  # noqa: S106  invented
            with pytest.raises(Refused, match=rf"^{c.base_url.scheme}://.*:\d+ refused the credentials") as caught:
                await c.mailboxes()
        assert "wrong-token" not in repr(caught.value)

    async def test_does_not_follow_redirects_with_the_calls(self) -> None:
        other = Sandbox()
        async with connected(empty_sandbox()) as c, served(other) as other_url:
            c.sandbox.faults.next_request(faults.redirect(str(other_url.join("/jmap/api/")), 307))
            with pytest.raises(BadReply, match="redirects"):
                await c.mailboxes()
        assert other.requests == []

    async def test_reads_a_compressed_answer(self) -> None:
        body = gzip.compress(b'{"methodResponses": [["Mailbox/get", {"list": []}, "c0"]], "sessionState": "s1"}')
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(Reply(body=body, headers=(("Content-Encoding", "gzip"),)))
            assert await c.mailboxes() == ()

    async def test_asks_for_the_capabilities_of_its_calls_alone(self) -> None:
        async with connected(empty_sandbox()) as c:
            mail, contacts, everything = Batch(), Batch(), Batch()
            for batch in (mail, everything):
                batch.add(get_mailboxes(ACCOUNT))
            for batch in (contacts, everything):
                batch.add(get_address_books(ACCOUNT))
            everything.add(get_identities(ACCOUNT))
            for batch in (mail, contacts, everything):
                await c.client.send(batch)
        used = [body["using"] for body in c.bodies]
        assert used == [[CORE, MAIL], [CONTACTS, CORE], [CONTACTS, CORE, MAIL, SUBMISSION]]

    async def test_of_nothing_asks_for_nothing(self) -> None:
        async with connected(empty_sandbox()) as c:
            await c.client.send(Batch())
            assert "api" not in c.endpoints

    async def test_cuts_what_is_too_much_for_one_request(self) -> None:
        async with connected(empty_sandbox(Limits(max_calls_in_request=2, max_objects_in_set=2))) as c:
            session = await c.client.session()
            mails = [c.sandbox.deliver() for _ in range(9)]
            feed, screener = c.sandbox.mailbox_id("Feed"), c.sandbox.mailbox_id("Screener")
            batch = Batch()
            slots = move_emails(batch, session, dict.fromkeys(mails, Move(frozenset({feed}), frozenset({screener}))))
            replies = await c.client.send(batch)
            assert [replies[slot].errors() for slot in slots] == [{}] * 5
            assert c.endpoints == ["session", "api", "api", "api"]
            assert c.sandbox.mails_in("Feed") == mails


class TestProblems:
    @pytest.mark.parametrize("limit", ["maxConcurrentRequests", "maxCallsInRequest", "maxSizeRequest"])
    async def test_about_a_limit_are_outages(self, limit: str) -> None:
        problem = faults.problem("limit", limit=limit)
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(
                Reply(problem.status, problem.body, problem.content_type, (("Retry-After", "9"),))
            )
            with pytest.raises(Unavailable, match=f"the server's limit {limit} is reached") as caught:
                await c.mailboxes()
            assert caught.value.retry_after == 9

    @pytest.mark.parametrize("kind", ["notJSON", "notRequest", "unknownCapability"])
    async def test_of_other_kinds_are_bad_replies(self, kind: str) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(faults.problem(kind))
            with pytest.raises(BadReply, match="HTTP 400"):
                await c.mailboxes()

    async def test_in_plain_text_name_the_capability_that_was_refused(self) -> None:
        async with connected(empty_sandbox()) as c:
            text = f"The token has no access to {CONTACTS}".encode()
            c.sandbox.faults.next_request(Reply(400, text, "text/plain"))
            batch = Batch()
            batch.add(get_mailboxes(ACCOUNT))
            batch.add(get_address_books(ACCOUNT))
            with pytest.raises(BadReply, match=f"that uses {CONTACTS} .*does the token allow it"):
                await c.client.send(batch)


class TestMethodErrors:
    @pytest.mark.parametrize("kind", ["serverFail", "serverUnavailable", "serverPartialFail", "rateLimit"])
    async def test_that_pass_are_outages(self, kind: str) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.method_error("Mailbox/get", MethodError(kind, "later"))
            with pytest.raises(Unavailable, match=rf"the server answered {kind}$"):
                await c.mailboxes()
            assert len(await c.mailboxes()) > 0

    @pytest.mark.parametrize("kind", ["invalidArguments", "forbidden", "requestTooLarge", "x:new"])
    async def test_that_stay_are_for_the_caller(self, kind: str) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.method_error("Mailbox/get", MethodError(kind))
            with pytest.raises(MethodFailed, match=f"Mailbox/get failed: {kind}") as caught:
                await c.mailboxes()
            assert caught.value.error.type == kind

    @pytest.mark.parametrize(
        "kind", ["accountNotFound", "accountNotSupportedByMethod", "accountReadOnly", "unknownMethod"]
    )
    async def test_about_the_whole_account_are_bad_replies(self, kind: str) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.method_error("Mailbox/get", MethodError(kind))
            with pytest.raises(BadReply, match=f"Mailbox/get failed: {kind}; expected an account"):
                await c.mailboxes()

    @pytest.mark.parametrize("page", [0, 1])
    async def test_of_a_search_are_those_of_its_query(self, page: int) -> None:
        async with connected(empty_sandbox(Limits(max_query_page=1))) as c:
            for _ in range(2):
                c.sandbox.deliver()
            c.sandbox.faults.method_error("Email/query", MethodError("unsupportedFilter"), skip=page)
            batch = Batch()
            found = search(batch, EMAIL, ACCOUNT, (await c.client.session()).limits, {})
            replies = await c.client.send(batch)
            with pytest.raises(MethodFailed, match="Email/query failed: unsupportedFilter"):
                await c.client.all_found(found, replies)

    async def test_leave_the_other_calls_alone(self) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.method_error("Identity/get", MethodError("forbidden"))
            batch = Batch()
            identities, mailboxes = batch.add(get_identities(ACCOUNT)), batch.add(get_mailboxes(ACCOUNT))
            replies = await c.client.send(batch)
            assert replies.error(identities) is not None
            assert len(replies[mailboxes]) > 0


class TestSetErrors:
    @pytest.mark.parametrize("kind", ["rateLimit", "serverFail", "serverUnavailable"])
    async def test_that_pass_are_outages(self, kind: str) -> None:
        async with connected(empty_sandbox()) as c:
            good, bad = c.sandbox.deliver(), c.sandbox.deliver()
            c.sandbox.faults.set_errors[bad] = SetError(kind, "later")
            batch = Batch()
            move = Move(add=frozenset({c.sandbox.mailbox_id("Feed")}))
            move_emails(batch, await c.client.session(), {good: move, bad: move})
            with pytest.raises(Unavailable, match=rf"the server answered {kind}$"):
                await c.client.send(batch)

    async def test_that_stay_concern_their_object_alone(self) -> None:
        async with connected(empty_sandbox()) as c:
            good, bad = c.sandbox.deliver(), c.sandbox.deliver()
            c.sandbox.faults.set_errors[bad] = SetError("invalidProperties", properties=("mailboxIds",))
            batch = Batch()
            move = Move(add=frozenset({c.sandbox.mailbox_id("Feed")}))
            (slot,) = move_emails(batch, await c.client.session(), {good: move, bad: move})
            errors = (await c.client.send(batch))[slot].errors()
            assert {id: str(error) for id, error in errors.items()} == {bad: "invalidProperties (mailboxIds)"}
            assert c.sandbox.mailboxes_of(good) == {"Screener", "Feed"}


def test_the_errors_are_the_tree_that_is_drawn() -> None:
    assert {kind.__base__ for kind in (Unavailable, Refused, BadReply, BatchRefused)} == {MailroomError}
    assert MethodFailed.__base__ is BatchRefused
    assert Unavailable("x").retry_after is None
    assert str(BadReply("it sent x", expected="y")) == "it sent x; expected y"
