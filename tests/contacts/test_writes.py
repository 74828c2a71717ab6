"""Which writes go out side by side, and which wait for others."""

import httpx
import pytest

from mailroom.contacts.base import Change
from mailroom.contacts.writes import in_turns
from tests.contacts.dav_server import Answer
from tests.contacts.test_carddav import GROUP, add, card, look_up, multistatus, opened


@pytest.mark.parametrize(
    ("orders", "turns"),
    [
        ([], []),
        ([()], []),
        (["a"], ["a"]),
        (["abc"], ["a", "b", "c"]),
        (["a", "b", "c"], ["abc"]),
        (["xa", "xb", "xbc"], ["x", "ba", "c"]),
        (["bc", "abc"], ["a", "b", "c"]),
        ([*"abcdefg"], ["abcdef", "g"]),
        ([*"abcdef", "gh"], ["gabcde", "fh"]),
        (["ab", "ba", "c"], ["c", "a", "b"]),
    ],
)
def test_a_turn_comes_when_nothing_before_it_is_left(orders: list[str], turns: list[str]) -> None:
    assert ["".join(turn) for turn in in_turns(orders)] == turns


async def test_groups_are_written_six_at_a_time_after_the_one_that_comes_first_for_all() -> None:
    names = ("first", *"abcdefgh")
    cards = {name: card(GROUP.replace("UID:g", f"UID:{name}").replace("FN:Feed", f"FN:{name}")) for name in names}
    at_work: set[str] = set()
    together: dict[str, int] = {}
    async with opened(REPORT=[multistatus(**cards)], PUT=[Answer(204)]) as (contacts, server):
        found = await look_up(contacts)
        groups = {group.name: group for group in found.book.groups}

        async def begin(request: httpx.Request) -> None:
            at_work.add(request.url.path)
            together.update({path: max(len(at_work), together.get(path, 0)) for path in at_work})

        async def end(response: httpx.Response) -> None:
            at_work.discard(response.request.url.path)

        server.http.event_hooks = {"request": [begin], "response": [end]}
        changes = [Change(f"{n}@example.com", n, None, (groups["first"], groups[n])) for n in names[1:]]
        assert await add(found, *changes) == {}
    assert sorted(together) == sorted(f"/book/{name}.vcf" for name in names)
    assert together["/book/first.vcf"] == 1
    assert max(together.values()) == 6


async def test_a_group_that_is_refused_keeps_its_senders_out_of_the_later_ones_and_nobody_else() -> None:
    cards = {name: card(GROUP.replace("FN:Feed", f"FN:{name}")) for name in ("feed", "imbox", "jail")}
    async with opened(REPORT=[multistatus(**cards)]) as (contacts, server):
        found = await look_up(contacts)
        groups = {group.name: group for group in found.book.groups}
        server.answer = lambda request: Answer(403 if request.path == "/book/feed.vcf" else 204)
        failures = await add(
            found,
            Change("a@example.com", "a", None, (groups["feed"], groups["imbox"])),
            Change("b@example.com", "b", None, (groups["jail"], groups["imbox"])),
        )
    assert failures == {"a@example.com": "group feed: the contacts server refuses the card: HTTP 403"}
    written = {request.path: request.body for request in server.requests if request.method == "PUT"}
    assert set(written) == {"/book/feed.vcf", "/book/imbox.vcf", "/book/jail.vcf"}
    assert "urn:uuid:b" in written["/book/imbox.vcf"]
    assert "urn:uuid:a" not in written["/book/imbox.vcf"]
