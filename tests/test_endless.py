"""Texts and lists without end, as no real mail or card holds them: their beginning counts, or nothing of them does."""

import trio

from mailroom.addresses import addresses_in, canonical_list_id
from mailroom.contacts import jscontact
from mailroom.contacts.uids import bare_uid
from mailroom.decisions.sender_auth import Result, sender_auth
from mailroom.jmap.cards import CARD, ContactCard
from mailroom.jmap.mail import EMAIL
from mailroom.jmap.new_mail import NEW_MAIL
from mailroom.names import display_name

FAILED = "mx.example.org; dmarc=fail"


def test_a_name() -> None:
    assert display_name(" " * 1_000 + "Ann") == "Ann"
    assert display_name(" " * 1_000_000 + "Ann") == ""


def test_a_list_of_addresses() -> None:
    assert addresses_in(";" * 1_000 + "ann@example.org") == {"ann@example.org"}
    assert addresses_in(";" * 1_000_000 + "ann@example.org") == frozenset()


def test_a_list_id() -> None:
    assert canonical_list_id("Ann's list " * 50 + "<ann.example.org>") == "ann.example.org"
    assert canonical_list_id("Ann's list " * 1_000 + "<ann.example.org>") == ""


def test_a_uid() -> None:
    assert bare_uid('"' * 1_000 + "ann") == "ann"
    assert bare_uid(endless := '"' * 1_000_000 + "ann") == endless


def test_what_servers_say_of_a_sender() -> None:
    assert sender_auth(["mx.example.org; x=y"] * 100 + [FAILED]).dmarc is Result.FAIL
    assert sender_auth(["mx.example.org; x=y"] * 10_000 + [FAILED]).dmarc is Result.NOT_TOLD
    assert sender_auth(["mx.example.org; x=" + "y" * 200_000, FAILED]).dmarc is Result.NOT_TOLD


def test_the_addresses_of_a_card() -> None:
    emails = {str(n): {"address": f"a{n}@example.org"} for n in range(5_000)}
    (card,) = trio.run(CARD.read_list, {"list": [{"id": "c", "uid": "c", "emails": emails}]})
    assert isinstance(card, ContactCard)
    assert 500 < len(jscontact.addresses(card)) < 5_000


def test_the_senders_of_a_mail() -> None:
    mail = {"id": "m", "mailboxIds": {"a": True}, "from": [{"email": f"a{n}@example.org"} for n in range(5_000)]}
    (found,) = trio.run(EMAIL.read_list, {"list": [mail]})
    (new,) = trio.run(NEW_MAIL.read_list, {"list": [mail]})
    assert found.senders == new.senders
    assert 2 <= len(new.senders or ()) < 5_000
