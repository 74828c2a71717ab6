"""The Radicale fixture itself, seen through plain HTTP (docs/servers.md)."""

import httpx

from tests.real.mailbox_user import group_card, put_card
from tests.real.radicale import Radicale


def test_discovery_leads_from_the_well_known_url_to_the_root(radicale: Radicale) -> None:
    reply = httpx.request("PROPFIND", f"{radicale.base_url}/.well-known/carddav", auth=("choir", "any"))
    assert reply.status_code == 301
    assert reply.headers["Location"] == "/"


def test_a_card_comes_back_as_it_was_put(radicale: Radicale) -> None:
    card = group_card("Choir")
    with httpx.Client(auth=("soprano", "any")) as http:
        url = put_card(http, radicale.create_book("soprano"), card)
        assert http.get(url).text == card


def test_a_uid_cannot_be_used_by_two_cards(radicale: Radicale) -> None:
    card = group_card("Choir")
    headers = {"Content-Type": "text/vcard; charset=utf-8", "If-None-Match": "*"}
    book = radicale.create_book("alto")
    with httpx.Client(auth=("alto", "any")) as http:
        names = ("one.vcf", "one.vcf", "two.vcf")
        puts = [http.put(f"{book}{name}", content=card, headers=headers) for name in names]
    assert [put.status_code for put in puts] == [201, 412, 409]
