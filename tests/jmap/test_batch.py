"""How calls are packed into requests, and their replies unpacked."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.errors import BadReply, MailroomError
from mailroom.jmap.batch import (
    Batch,
    Call,
    MethodError,
    MethodFailed,
    Replies,
    Request,
    Slot,
    chunks,
    slices,
)
from mailroom.jmap.session import CONTACTS, MAIL, MOST_OBJECTS, SUBMISSION, Limits
from mailroom.wire import Json, reply_reader


def call(arguments: Mapping[str, Json] | None = None, *, capability: str = MAIL) -> Call[object]:
    return Call("Core/echo", arguments or {}, capability, reply_reader(lambda reply: reply))


def batch_of(*refers_to: int | None, padding: Iterable[int] = ()) -> tuple[Batch, list[Slot[object]]]:
    """A batch of as many calls as given; a number is the earlier call whose result the call uses.

    `padding` is the size of each call's argument.
    """
    batch = Batch()
    slots: list[Slot[object]] = []
    sizes = iter(padding)
    for target in refers_to:
        text = "x" * next(sizes, 0)
        more: dict[str, Json] = {} if target is None else {"#ids": slots[target].result("/ids")}
        slots.append(batch.add(call({"text": text, **more})))
    return batch, slots


def packed(batch: Batch, limits: Limits) -> list[list[str]]:
    """The ids of the calls in each request."""
    return [[slot.id for slot, _ in request.calls] for request in batch.requests(limits)]


def limits(calls: int = 16, size: int = 10_000_000, get: int = 500, set: int = 500) -> Limits:
    return Limits(
        max_concurrent_requests=4,
        max_calls_in_request=calls,
        max_size_request=size,
        max_objects_in_get=get,
        max_objects_in_set=set,
    )


ROOMY = limits()


class TestPacking:
    def test_puts_all_calls_into_one_request(self) -> None:
        batch, _ = batch_of(None, None, None)
        assert packed(batch, ROOMY) == [["c0", "c1", "c2"]]

    def test_of_nothing_is_no_request(self) -> None:
        assert packed(Batch(), ROOMY) == []
        assert not Batch()

    def test_keeps_the_limit_of_calls(self) -> None:
        batch, _ = batch_of(*[None] * 5)
        assert packed(batch, limits(calls=2)) == [["c0", "c1"], ["c2", "c3"], ["c4"]]

    def test_keeps_the_limit_of_size(self) -> None:
        batch, _ = batch_of(None, None, None, padding=[4000, 4000, 4000])
        assert packed(batch, limits(size=10_000)) == [["c0", "c1"], ["c2"]]

    def test_sends_a_call_that_is_too_large_alone(self) -> None:
        batch, _ = batch_of(None, None, None, padding=[10, 9000, 10])
        assert packed(batch, limits(size=5000)) == [["c0"], ["c1"], ["c2"]]

    def test_asks_for_no_more_objects_at_once_than_an_answer_may_hold(self) -> None:
        batch = Batch()
        for number in (1, MOST_OBJECTS - 1, 1, MOST_OBJECTS + 1):
            batch.add(call({"ids": tuple(map(str, range(number)))}))
        batch.add(call())
        assert packed(batch, ROOMY) == [["c0", "c1"], ["c2"], ["c3", "c4"]]

    def test_changes_no_more_objects_at_once_than_others_like_to_wait_for(self) -> None:
        batch = Batch()
        for number in (1, MOST_OBJECTS - 1, 1):
            batch.add(call({"update": dict.fromkeys(map(str, range(number)))}))
        assert packed(batch, ROOMY) == [["c0", "c1"], ["c2"]]

    def test_keeps_a_call_and_its_back_reference_together(self) -> None:
        batch, _ = batch_of(None, None, 1, None)
        assert packed(batch, limits(calls=2)) == [["c0"], ["c1", "c2"], ["c3"]]

    def test_keeps_a_chain_of_back_references_together(self) -> None:
        batch, _ = batch_of(None, None, 1, 2, None)
        assert packed(batch, limits(calls=3)) == [["c0"], ["c1", "c2", "c3"], ["c4"]]

    def test_keeps_what_lies_between_a_call_and_its_back_reference_with_them(self) -> None:
        batch, _ = batch_of(None, None, None, 1)
        assert packed(batch, limits(calls=3)) == [["c0"], ["c1", "c2", "c3"]]

    def test_keeps_several_references_of_one_call_together(self) -> None:
        batch, slots = batch_of(None, None)
        batch.add(call({"#a": slots[0].result("/a"), "#b": slots[1].result("/b")}))
        batch.add(call())
        assert packed(batch, limits(calls=3)) == [["c0", "c1", "c2"], ["c3"]]

    @given(st.data(), st.integers(2, 6), st.integers(2_000, 20_000))
    def test_loses_nothing_keeps_the_order_and_the_limits(self, data: st.DataObject, calls: int, size: int) -> None:
        refers_to: list[int | None] = [
            data.draw(st.none() | st.integers(max(0, number - 3), number - 1)) if number else None
            for number in range(data.draw(st.integers(0, 20)))
        ]
        texts = data.draw(st.lists(st.text('aé日😀\\"\x00', max_size=900), max_size=20))
        batch = Batch()
        slots: list[Slot[object]] = []
        for number, target in enumerate(refers_to):
            more: dict[str, Json] = {} if target is None else {"#ids": slots[target].result("/ids")}
            text = texts[number % len(texts)] if texts else ""
            slots.append(batch.add(call({"text": text, **more})))
        requests = list(batch.requests(limits(calls, size)))

        ids = [[slot.id for slot, _ in request.calls] for request in requests]
        assert [id for request in ids for id in request] == [slot.id for slot in slots]
        for number, target in enumerate(refers_to):
            if target is not None:
                assert any({f"c{target}", f"c{number}"} <= set(request) for request in ids)
        for request in requests:
            if not _refers_back(request):
                assert len(request.calls) <= calls
                assert len(request.calls) == 1 or len(_body(request)) <= size
        assert all(request.calls for request in requests)


def _refers_back(request: Request) -> bool:
    return any(argument.startswith("#") for _, each in request.calls for argument in each.arguments)


def _body(request: Request) -> bytes:
    """As httpx writes it."""
    document = {"using": ["urn:ietf:params:jmap:core", *request.using], "methodCalls": request.method_calls}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class TestARequest:
    def test_uses_the_capabilities_of_its_own_calls_alone(self) -> None:
        batch = Batch()
        batch.add(call(capability=MAIL))
        batch.add(call(capability=SUBMISSION))
        batch.add(call(capability=MAIL))
        batch.add(call(capability=CONTACTS))
        first, second = batch.requests(limits(calls=3))
        assert first.using == (MAIL, SUBMISSION)
        assert second.using == (CONTACTS,)

    def test_names_the_result_that_a_call_uses(self) -> None:
        batch, _ = batch_of(None, 0)
        (request,) = batch.requests(ROOMY)
        reference = {"resultOf": "c0", "name": "Core/echo", "path": "/ids"}
        assert request.method_calls == [
            ["Core/echo", {"text": ""}, "c0"],
            ["Core/echo", {"text": "", "#ids": reference}, "c1"],
        ]


Response = tuple[str, object, str]


def unpacked(batch: Batch, *responses: Response) -> Replies:
    (request,) = batch.requests(ROOMY)
    return Replies(trio.run(request.read, responses))


class TestReplies:
    def test_belong_to_calls_by_id_whatever_their_order(self) -> None:
        batch, (first, second) = batch_of(None, None)
        replies = unpacked(batch, ("Core/echo", "two", "c1"), ("Core/echo", "one", "c0"))
        assert (replies[first], replies[second]) == ("one", "two")

    def test_may_come_with_others_that_nobody_asked_for(self) -> None:
        batch, (first,) = batch_of(None)
        replies = unpacked(batch, ("Email/set", "implied", "c0"), ("Core/echo", "one", "c0"), ("X/y", {}, "c9"))
        assert replies[first] == "one"

    def test_that_fail_are_told_apart_from_those_that_do_not(self) -> None:
        batch, (first, second) = batch_of(None, None)
        failure = {"type": "invalidArguments", "description": "no such mailbox"}
        replies = unpacked(batch, ("error", failure, "c0"), ("Core/echo", "two", "c1"))
        assert replies.error(first) == MethodError("invalidArguments")
        assert replies.error(second) is None
        assert replies[second] == "two"
        with pytest.raises(MethodFailed, match=r"^Core/echo failed: invalidArguments$") as caught:
            replies[first]
        assert isinstance(caught.value, MailroomError)
        assert caught.value.error.type == "invalidArguments"

    @pytest.mark.parametrize("description", [None, "", 0, "Quarterly figures of ann@example.org"])
    def test_that_fail_are_told_by_type_whatever_their_description_quotes(self, description: object) -> None:
        batch, (slot,) = batch_of(None)
        replies = unpacked(batch, ("error", {"type": "forbidden", "description": description}, "c0"))
        assert str(replies.error(slot)) == "forbidden"

    def test_that_fail_with_a_sentence_as_type_are_told_without_it(self) -> None:
        batch, (slot,) = batch_of(None)
        replies = unpacked(batch, ("error", {"type": "no such mail: Quarterly figures"}, "c0"))
        assert str(replies.error(slot)) == "…"

    @pytest.mark.parametrize(
        "responses",
        [
            [],
            [("Core/echo", {}, "c1")],
            [("Email/get", {}, "c0")],
            [("Core/echo", {}, "C0")],
            [("", {}, "c0")],
        ],
        ids=["none", "other-id", "other-name", "other-case", "empty-name"],
    )
    def test_that_are_missing_are_a_bad_reply(self, responses: Sequence[Response]) -> None:
        batch, _ = batch_of(None)
        with pytest.raises(BadReply, match="Core/echo was not answered; expected a response for every call"):
            unpacked(batch, *responses)

    @pytest.mark.parametrize("arguments", [None, [], "forbidden", {}, {"type": None}, {"type": 5}, {"type": ["x"]}])
    def test_that_fail_without_a_type_are_a_bad_reply(self, arguments: object) -> None:
        batch, _ = batch_of(None)
        with pytest.raises(BadReply, match="a method error has no type"):
            unpacked(batch, ("error", arguments, "c0"))


_OBJECTS = st.dictionaries(st.text("ab1", min_size=1, max_size=4), st.text('aé😀"', max_size=700), max_size=30)


class TestChunks:
    def test_keep_the_limit_of_objects(self) -> None:
        objects: dict[str, Json] = {str(number): None for number in range(5)}
        assert [list(part) for part in chunks(objects, limits(set=2))] == [["0", "1"], ["2", "3"], ["4"]]

    def test_of_nothing_are_none(self) -> None:
        assert list(chunks({}, ROOMY)) == []

    def test_hold_an_object_that_is_too_large_alone(self) -> None:
        objects: dict[str, Json] = {"a": "", "b": "x" * 9000, "c": ""}
        assert [list(part) for part in chunks(objects, limits(size=5000))] == [["a"], ["b"], ["c"]]

    @given(_OBJECTS, st.integers(1, 8), st.integers(3_000, 9_000))
    def test_lose_nothing_keep_the_order_and_fit_one_request(
        self, objects: dict[str, Any], set: int, size: int
    ) -> None:
        within = limits(set=set, size=size)
        parts = list(chunks(objects, within))
        assert [item for part in parts for item in part.items()] == list(objects.items())
        assert all(1 <= len(part) <= set for part in parts)
        batch = Batch()
        for part in parts:
            batch.add(call({"update": part}))
        assert all(len(_body(request)) <= size for request in batch.requests(within))


@given(st.lists(st.integers()), st.integers(1, 10))
def test_slices_lose_nothing_and_keep_the_order(items: list[int], size: int) -> None:
    parts = list(slices(items, size))
    assert [item for part in parts for item in part] == items
    assert all(1 <= len(part) <= size for part in parts)
