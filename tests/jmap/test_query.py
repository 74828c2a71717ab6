"""Searches: page by page, whatever the server makes of the limit, the position and the total."""

from dataclasses import replace

import pytest

from mailroom.errors import BadReply, TooMany
from mailroom.jmap import client
from mailroom.jmap.batch import Batch, MethodFailed
from mailroom.jmap.mail import EMAIL, Email
from mailroom.jmap.mailbox import MAILBOX, MAX_MAILBOXES, Mailbox, get_mailboxes
from mailroom.jmap.query import Kind, QueryResult, all_of, any_of, search
from mailroom.sandbox import JAMES, Limits, MethodError
from mailroom.wire import Json
from tests.jmap.support import ACCOUNT, Connected, in_process
from tests.jmap.trouble import answer
from tests.screener import empty_sandbox


async def find_all(c: Connected, kind: Kind[Email] = EMAIL) -> list[str]:
    """The ids of all mails, as a search for them finds them."""
    batch = Batch()
    limits = (await c.client.session()).limits
    first = search(batch, kind, ACCOUNT, limits, {"inMailbox": c.sandbox.mailbox_id("Screener")})
    return [mail.id for mail in await c.client.all_found(first, await c.client.send(batch))]


async def all_mailboxes(c: Connected) -> tuple[Mailbox, ...]:
    batch = Batch()
    slot = batch.add(get_mailboxes(ACCOUNT))
    return await c.client.all_of(MAILBOX, ACCOUNT, slot, await c.client.send(batch))


def page(*ids: str, position: int | None = None, total: int | None = None, gone: tuple[str, ...] = ()) -> list[Json]:
    """The two replies of a page; mails that are `gone` were deleted between the calls."""
    query: dict[str, Json] = {"ids": ids}
    query |= {} if position is None else {"position": position}
    query |= {} if total is None else {"total": total}
    mails: list[Json] = [{"id": id, "mailboxIds": {"a": True}} for id in ids if id not in gone]
    return [["Email/query", query, "c0"], ["Email/get", {"list": mails}, "c1"]]


async def found_on(*pages: list[Json]) -> tuple[list[str], list[int]]:
    """What a search finds on a server that answers these pages, and the positions it asked for."""
    async with in_process(empty_sandbox()) as c:
        for each in pages:
            c.sandbox.faults.next_request(answer(*each))
        found = await find_all(c)
        return found, [body["methodCalls"][0][1]["position"] for body in c.bodies]


class TestPages:
    @pytest.mark.parametrize(("mails", "requests"), [(0, 1), (1, 1), (3, 1), (4, 2), (7, 3)])
    async def test_are_read_to_the_end_where_the_limit_makes_them_short(self, mails: int, requests: int) -> None:
        async with in_process(empty_sandbox(Limits(max_objects_in_get=3))) as c:
            ids = [c.sandbox.deliver() for _ in range(mails)]
            assert await find_all(c) == sorted(ids)
            assert c.endpoints.count("api") == requests

    async def test_are_read_to_the_end_where_the_server_caps_them(self) -> None:
        async with in_process(empty_sandbox(Limits(max_query_page=2))) as c:
            ids = [c.sandbox.deliver() for _ in range(5)]
            assert await find_all(c) == sorted(ids)
            assert c.endpoints.count("api") == 3

    async def test_without_a_total_are_read_up_to_an_empty_one(self) -> None:
        pages = page("a", "b", position=0), page("c", position=2), page(position=3)
        assert await found_on(*pages) == (["a", "b", "c"], [0, 2, 3])

    async def test_with_a_total_of_null_are_read_up_to_an_empty_one(self) -> None:
        first = page("a", position=0)
        first[0] = ["Email/query", {"ids": ["a"], "position": 0, "total": None}, "c0"]
        assert await found_on(first, page(position=1)) == (["a"], [0, 1])

    async def test_may_come_to_an_end_before_the_total(self) -> None:
        assert await found_on(page("a", position=0, total=9), page(position=1, total=9)) == (["a"], [0, 1])

    async def test_may_show_a_mail_twice_that_moved_meanwhile(self) -> None:
        pages = page("a", "b", position=0, total=3), page("b", "c", position=2, total=4)
        assert await found_on(*pages) == (["a", "b", "c"], [0, 2])

    async def test_may_lack_mails_that_are_gone(self) -> None:
        pages = page("a", "b", position=0, total=3, gone=("a", "b")), page("c", position=2, total=3)
        assert await found_on(*pages) == (["c"], [0, 2])

    @pytest.mark.parametrize("total", [None, 1000])
    @pytest.mark.parametrize("position", [None, 0, 2])
    async def test_that_repeat_for_ever_are_a_bad_reply(self, position: int | None, total: int | None) -> None:
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(answer(*page("a", "b", position=0, total=total)))
            c.sandbox.faults.next_request(answer(*page("a", "b", position=position, total=total)), times=None)
            with pytest.raises(BadReply, match="Email/query gives the same page again"):
                await find_all(c)
            assert c.endpoints.count("api") == 2

    @pytest.mark.parametrize("total", [None, 10**9])
    async def test_without_end_are_a_bad_reply(self, total: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "MAX_PAGES", 5)
        async with in_process(empty_sandbox()) as c:
            for n in range(9):
                c.sandbox.faults.next_request(answer(*page(f"m{n}", position=n, total=total)))
            with pytest.raises(BadReply, match=r"Email/query goes on after 5 pages; expected at most 5"):
                await find_all(c)
            assert c.endpoints.count("api") == 5

    async def test_of_more_than_can_be_held_are_a_bad_reply(self) -> None:
        kind = replace(EMAIL, most=9)
        async with in_process(empty_sandbox(Limits(max_objects_in_get=3))) as c:
            for _ in range(9):
                c.sandbox.deliver()
            assert len(await find_all(c, kind)) == 9
            for _ in range(90):
                c.sandbox.deliver()
            before = c.endpoints.count("api")
            with pytest.raises(TooMany, match=r"the server has 99 of Email, or more; expected at most 9"):
                await find_all(c, kind)
            # The first page says so: to read 100,000 mails takes many requests.
            assert c.endpoints.count("api") == before + 1

    async def test_of_more_than_can_be_held_are_found_out_without_a_total(self) -> None:
        async with in_process(empty_sandbox(Limits(max_objects_in_get=3), flavour=JAMES)) as c:
            for _ in range(90):
                c.sandbox.deliver()
            with pytest.raises(TooMany, match=r"the server has 12 of Email, or more; expected at most 9"):
                await find_all(c, replace(EMAIL, most=9))

    async def test_that_hold_what_nobody_asked_for_are_a_bad_reply(self) -> None:
        mails: list[Json] = [{"id": f"m{n}", "mailboxIds": {"a": True}} for n in range(10)]
        query: Json = ["Email/query", {"ids": ["m1"], "position": 0, "total": 1}, "c0"]
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(answer(query, ["Email/get", {"list": mails}, "c1"]))
            with pytest.raises(BadReply, match=r"the server has 10 of Email, or more; expected at most 9"):
                await find_all(c, replace(EMAIL, most=9))

    @pytest.mark.parametrize("total", [-1, 0, 1, 2, 10**40])
    async def test_with_a_wrong_total_lose_nothing_that_was_found(self, total: int) -> None:
        found, _ = await found_on(page("a", "b", position=0, total=total), page(position=2))
        assert found == ["a", "b"]

    async def test_that_cant_be_read_fail_as_their_call_does(self) -> None:
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.method_error("Email/query", MethodError("invalidArguments", "no such mailbox"))
            with pytest.raises(MethodFailed, match=r"Email/(query|get) failed"):
                await find_all(c)

    @pytest.mark.parametrize("ids", [None, {}, "a", [5], [None]])
    async def test_without_ids_are_a_bad_reply(self, ids: Json) -> None:
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(answer(["Email/query", {"ids": ids, "position": 0}, "c0"], page()[1]))
            with pytest.raises(BadReply, match="malformed at ids"):
                await find_all(c)


class TestAllThereIs:
    @pytest.mark.parametrize(("most", "requests"), [(4096, 1), (5, 1 + 8), (1, 1 + 40)])
    async def test_is_read_where_a_get_takes_less(self, most: int, requests: int) -> None:
        async with in_process(empty_sandbox(Limits(max_objects_in_get=most))) as c:
            while len(c.sandbox.store.mailboxes.objects) < 40:
                c.sandbox.create_mailbox(f"Box {len(c.sandbox.store.mailboxes.objects)}")
            found = await all_mailboxes(c)
            assert sorted(each.id for each in found) == sorted(c.sandbox.store.mailboxes.objects)
            assert c.endpoints.count("api") == requests

    async def test_is_read_where_a_server_leaves_some_out(self) -> None:
        async with in_process(empty_sandbox(Limits(max_objects_in_get=2))) as c:
            boxes: list[Json] = [{"id": id, "name": id} for id in "abc"]
            c.sandbox.faults.next_request(answer(["Mailbox/get", {"list": boxes[:2]}, "c0"]))
            for position, part in ((0, boxes[:2]), (2, boxes[2:])):
                query: dict[str, Json] = {"ids": [str(b["id"]) for b in part if isinstance(b, dict)]}
                query |= {"position": position, "total": 3}
                c.sandbox.faults.next_request(
                    answer(["Mailbox/query", query, "c0"], ["Mailbox/get", {"list": part}, "c1"])
                )
            assert [each.id for each in await all_mailboxes(c)] == ["a", "b", "c"]

    async def test_of_mailboxes_is_a_bad_reply_beyond_what_any_account_has(self) -> None:
        boxes: list[Json] = [{"id": f"m{n}", "name": ""} for n in range(MAX_MAILBOXES + 1)]
        async with in_process(empty_sandbox()) as c:
            c.sandbox.faults.next_request(answer(["Mailbox/get", {"list": boxes}, "c0"]))
            with pytest.raises(BadReply, match=r"has 10,001 of Mailbox, or more; expected at most 10,000"):
                await all_mailboxes(c)


class TestASearch:
    async def test_asks_for_no_more_than_a_get_takes_oldest_first(self) -> None:
        async with in_process(empty_sandbox(Limits(max_objects_in_get=7))) as c:
            await find_all(c)
            (query, get) = c.bodies[0]["methodCalls"]
        assert query[1]["limit"] == 7
        assert query[1]["calculateTotal"] is True
        assert query[1]["sort"] == [{"property": "receivedAt", "isAscending": True}]
        assert get[1]["#ids"] == {"resultOf": query[2], "name": "Email/query", "path": "/ids"}
        assert sorted(get[1]["properties"]) == ["from", "id", "keywords", "mailboxIds", "receivedAt", "threadId"]

    async def test_finds_each_once_sorted_by_id(self) -> None:
        found, _ = await found_on(page("b", "a", "b", position=0, total=3))
        assert found == ["a", "b"]


class TestTheNextPosition:
    @pytest.mark.parametrize(
        ("ids", "position", "total", "expected"),
        [
            ([], 0, None, None),
            ([], 0, 5, None),
            (["a"], 0, 1, None),
            (["a"], 0, 2, 1),
            (["a"], 0, None, 1),
            (["a", "b"], 3, 5, None),
            (["a", "b"], 3, 6, 5),
            (["a", "b"], 3, 4, None),
            (["a"], 0, 0, None),
        ],
    )
    def test_is_after_the_last_id_unless_that_is_the_end(
        self, ids: list[str], position: int, total: int | None, expected: int | None
    ) -> None:
        assert QueryResult(ids=tuple(ids), position=position, total=total).next_position == expected


class TestFilters:
    def test_of_one_condition_are_that_condition(self) -> None:
        assert any_of([{"from": "a"}]) == all_of([{"from": "a"}]) == {"from": "a"}

    def test_of_several_name_the_operator(self) -> None:
        conditions: list[dict[str, Json]] = [{"from": "a"}, {"from": "b"}]
        assert any_of(conditions) == {"operator": "OR", "conditions": conditions}
        assert all_of(conditions) == {"operator": "AND", "conditions": conditions}
