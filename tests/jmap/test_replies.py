"""Replies that no proper server sends, and odd ones that some do."""

import pytest

from mailroom.errors import BadReply
from mailroom.jmap.batch import Batch, MethodFailed
from mailroom.jmap.cards import get_whole_cards
from mailroom.jmap.mail import EMAIL, Address, Email
from mailroom.sandbox import faults
from mailroom.sandbox.faults import Reply
from mailroom.wire import Json
from tests.jmap.support import ACCOUNT, Connected, in_process
from tests.jmap.trouble import answer, assert_clean
from tests.screener import empty_sandbox

GOOD = ["Mailbox/get", {"list": []}, "c0"]


class TestResponses:
    @pytest.mark.parametrize(
        "responses",
        [
            [],
            [["Mailbox/get", {"list": []}, "c1"]],
            [["Email/get", {"list": []}, "c0"]],
        ],
        ids=["missing", "wrong-id", "wrong-name"],
    )
    async def test_to_other_calls_are_bad_replies(self, responses: list[Json]) -> None:
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(answer(*responses))
            with pytest.raises(BadReply, match="Mailbox/get was not answered; expected a response for every call"):
                await c.mailboxes()

    @pytest.mark.parametrize(
        "responses",
        [
            None,
            {},
            "c0",
            [None],
            [[]],
            [["Mailbox/get"]],
            [["Mailbox/get", {}]],
            [[*GOOD, 1]],
            [["Mailbox/get", {}, 0]],
        ],
    )
    async def test_of_the_wrong_shape_are_bad_replies(self, responses: Json) -> None:
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(faults.json_reply({"methodResponses": responses, "sessionState": "s1"}))
            with pytest.raises(BadReply, match="malformed at methodResponses"):
                await c.mailboxes()

    @pytest.mark.parametrize(
        ("arguments", "place"),
        [
            (None, "the top"),
            ([], "the top"),
            ({}, "list"),
            ({"list": None}, "list"),
            ({"list": {}}, "list"),
            ({"list": [None]}, "list/0"),
            ({"list": [{"id": "m1", "name": "A"}, {"id": 5, "name": "B"}]}, "list/1/id"),
            ({"list": [{"id": "m1"}]}, "list/0/name"),
        ],
    )
    async def test_with_malformed_arguments_are_bad_replies_that_name_the_place(
        self, arguments: Json, place: str
    ) -> None:
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(answer(["Mailbox/get", arguments, "c0"]))
            with pytest.raises(BadReply, match=f"^the server's answer is malformed at {place}; expected "):
                await c.mailboxes()

    async def test_may_hold_more_than_was_asked_for(self) -> None:
        more: dict[str, Json] = {"id": "m1", "name": "A", "sortOrder": 10**40, "isSubscribed": None, "x": {"y": [1.5]}}
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(answer(["Mailbox/get", {"list": [more], "notFound": None, "z": 1}, "c0"]))
            (mailbox,) = await c.mailboxes()
            assert (mailbox.id, mailbox.name, mailbox.role) == ("m1", "A", None)

    async def test_may_begin_with_a_byte_order_mark(self) -> None:
        body = b'\xef\xbb\xbf{"methodResponses": [["Mailbox/get", {"list": []}, "c0"]], "sessionState": "s1"}'
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(Reply(body=body))
            assert await c.mailboxes() == ()

    async def test_lose_halves_of_characters_that_could_not_be_sent_back(self) -> None:
        # A mail with such a name would otherwise stop every pass that has to write the name somewhere.
        text = r'{"methodResponses": [["Mailbox/get", {"list": [{"id": "1", "name": "A\ud83d \ud83d\ude00"}]}, "c0"]]}'
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(Reply(body=text.encode()))
            (mailbox,) = await c.mailboxes()
            assert mailbox.name == "A\N{REPLACEMENT CHARACTER} 😀"


async def read_mails(c: Connected, *mails: Json) -> tuple[Email, ...]:
    """Get mails from a server that answers this."""
    c.sandbox.faults.next_request(answer(["Email/get", {"list": mails}, "c0"]))
    batch = Batch()
    slot = batch.add(EMAIL.get(ACCOUNT, "ids", ["m1"]))
    return (await c.client.send(batch))[slot]


@pytest.mark.parametrize("card", [{}, {"id": None}, {"id": 5}])
async def test_a_whole_card_without_an_id_is_a_bad_reply(card: Json) -> None:
    async with in_process(empty_sandbox()) as c:
        c.sandbox.faults.next_request(answer(["ContactCard/get", {"list": [card]}, "c0"]))
        batch = Batch()
        get_whole_cards(batch, ACCOUNT, (await c.client.session()).limits, ["1"])
        with pytest.raises(BadReply, match=r"malformed at list/0; expected .*a card with an id"):
            await c.client.send(batch)


async def test_an_endless_description_is_not_repeated() -> None:
    async with in_process(empty_sandbox()) as c:
        error: Json = {"type": "invalidArguments", "description": "x" * 1_000_000}
        c.sandbox.faults.next_request(answer(["error", error, "c0"]))
        with pytest.raises(MethodFailed) as caught:
            await c.mailboxes()
        assert str(caught.value) == "Mailbox/get failed: invalidArguments"


class TestMails:
    async def test_are_in_the_mailboxes_that_are_true(self) -> None:
        async with in_process(empty_sandbox()) as c:
            (mail,) = await read_mails(c, {"id": "m1", "mailboxIds": {"a": True, "b": False, "c": True}})
        assert mail.mailbox_ids == {"a", "c"}

    async def test_in_the_same_mailboxes_share_them_as_there_may_be_tens_of_thousands(self) -> None:
        async with in_process(empty_sandbox()) as c:
            mails = [{"id": id, "mailboxIds": {"a": True, "b": True}} for id in ("m1", "m2")]
            one, other = await read_mails(c, *mails)
        assert one.mailbox_ids is other.mailbox_ids
        assert not hasattr(one, "__dict__")

    @pytest.mark.parametrize(
        ("senders", "expected"),
        [
            (None, None),
            ([], ()),
            ([{}], (Address(name=None, email=""),)),
            ([{"name": None, "email": None}], (Address(name=None, email=""),)),
            ([{"name": "Ann", "email": "a@b.c", "x": 1}], (Address(name="Ann", email="a@b.c"),)),
        ],
    )
    async def test_may_have_no_usable_sender(self, senders: Json, expected: tuple[Address, ...] | None) -> None:
        async with in_process(empty_sandbox()) as c:
            (mail,) = await read_mails(c, {"id": "m1", "mailboxIds": {"a": True}, "from": senders})
        assert mail.senders == expected

    @pytest.mark.parametrize(
        ("mail", "place"),
        [
            ({"id": "m1"}, "mailboxIds"),
            ({"id": "m1", "mailboxIds": None}, "mailboxIds"),
            ({"id": "m1", "mailboxIds": "a"}, "mailboxIds"),
            ({"mailboxIds": {"a": True}}, "id"),
            ({"id": "m1", "mailboxIds": {"a": True}, "from": "Ann Lee <ann@example.org>"}, "from"),
            ({"id": "m1", "mailboxIds": {"a": True}, "from": [{"email": ["ann@example.org"]}]}, "from/0/email"),
            (
                {"id": "m1", "mailboxIds": {"a": True}, "receivedAt": 5, "from": [{"email": "ann@example.org"}]},
                "receivedAt",
            ),
        ],
    )
    async def test_that_are_malformed_are_bad_replies_without_their_content(self, mail: Json, place: str) -> None:
        async with in_process(empty_sandbox()) as c:
            with pytest.raises(BadReply, match=f"malformed at list/0/{place}") as caught:
                await read_mails(c, mail)
        assert_clean(caught.value)
