"""Two users of one address book at the same time, such as a pass and a page: neither sees the other's look-up."""

from mailroom.contacts.base import CardEdit, Change, Fields, LookUp
from tests.contacts.dav_server import Answer, Request
from tests.contacts.test_carddav import GROUP, add, card, hrefs, look_up, multistatus, opened
from tests.contacts.test_jmap_contacts import ANN, BOB, EVE, book, new

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{0}\r\nFN:{0}\r\nEMAIL:{0}\r\nTITLE:Dr\r\nEND:VCARD\r\n"


def noted(found: LookUp, address: str) -> Change:
    """The sender's card gets a note and joins the group."""
    (theirs,) = found.book.cards
    groups = tuple(group for group in found.book.groups if group.name == "Feed")
    return Change(address, theirs.uid, CardEdit(theirs, Fields(), f"of {address}"), groups)


async def test_over_jmap() -> None:
    async with book() as b:
        for address in (ANN, BOB):
            b.sandbox.add_card(address, address)
        # The first member of a group is written alone: that would be a conflict, and told as one.
        (feed,) = await b.groups("Feed")
        assert await b.add(new(EVE, feed)) == {}
        await b.look_up(ANN)
        anns = b.found
        await b.look_up(BOB)
        bobs = b.found
        b.found = anns
        assert await b.add(noted(anns, ANN)) == {}
        b.found = bobs
        assert await b.add(noted(bobs, BOB)) == {}
        assert await bobs.extras(bobs.book.cards) == {bobs.book.cards[0].ref: frozenset()}
        written = {card.note for card in (await b.look_up(ANN, BOB)).cards}
        assert written == {f"of {ANN}", f"of {BOB}"}


async def test_over_carddav() -> None:
    def report(request: Request) -> Answer:
        props = {
            f"/book/{name}.vcf": card(CARD.format(name), f'"{name}"') for name in (ANN, BOB) if name in request.body
        }
        return hrefs({"/book/feed.vcf": card(GROUP, '"feed"'), **props})

    async with opened() as (contacts, server):
        server.answer = lambda request: report(request) if request.method == "REPORT" else Answer(204)
        anns = await look_up(contacts, ANN)
        bobs = await look_up(contacts, BOB)
        assert await anns.extras(anns.book.cards) == {anns.book.cards[0].ref: {"TITLE"}}
        assert await add(anns, noted(anns, ANN)) == {}
        assert await add(bobs, noted(bobs, BOB)) == {}
        assert await bobs.delete_cards(()) == {}
    assert server.methods == ["REPORT", "REPORT", "PUT", "PUT", "PUT", "PUT"]
    assert [request.headers["if-match"] for request in server.requests[2:]] == [
        f'"{ANN}"',
        '"feed"',
        f'"{BOB}"',
        '"feed"',
    ]


async def test_a_card_of_an_earlier_look_up_is_deleted_as_it_was_seen_then() -> None:
    answers = [multistatus(ann=card(CARD.format(ANN), '"1"')), multistatus(ann=card(CARD.format(ANN), '"2"'))]
    async with opened(REPORT=answers, DELETE=[Answer(204)]) as (contacts, server):
        before = await look_up(contacts, ANN)
        await look_up(contacts, ANN)
        assert await before.delete_cards(before.book.cards) == {}
    assert server.requests[-1].headers["if-match"] == '"1"'
