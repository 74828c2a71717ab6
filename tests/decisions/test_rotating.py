"""Senders who write from a new address each time, with shapes as they are seen in mail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.decisions.rotating import FEWEST, Rotation, rotations, shape
from mailroom.decisions.whole import WholeDomain, WholeList
from mailroom.jmap.mail import Address, Email

SES = (
    "0100018c2d1a7b5f-3c1f2a6b-1d2e-4f5a-9b8c-7d6e5f4a3b2c-000000",
    "0100018d11aa22bb-aaaabbbb-cccc-dddd-eeee-ffff00001111-000000",
    "0100018e99ff0011-12345678-9abc-def0-1234-56789abcdef0-000001",
)
MANDRILL = (
    "bounce-md_30850198.65f1a2b3.v1-0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "bounce-md_30850198.65f2c4d5.v1-ffeeddccbbaa99887766554433221100",
    "bounce-md_30850198.65f3e6f7.v1-1234567890abcdef1234567890abcdef",
)
MAILCHIMP = (
    "bounce-mc.us1_123456.7890-a1b2c3d4e5",
    "bounce-mc.us1_123456.7901-f6e7d8c9b0",
    "bounce-mc.us2_1.2-0a9b8c7d6e",
)
DISCOURSE = (
    "reply+0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "reply+ffeeddccbbaa99887766554433221100",
    "reply+abcdefabcdefabcdefabcdefabcdefab",
)
GITHUB = ("reply+abzq7xkd2mtg7evbnhhgw2b4", "reply+bcyr6wlc3nsf6dwcmiighx3c5", "reply+cdxs5vmb4orp5cxdljjhiy4d6")
VERP = ("news-ann=gmail.com", "news-bob=example.org", "news-cy.lee=mail.example.net")
COUNTED = ("bounce-12", "bounce-1234567", "bounce-99999999999")
TAGGED = ("shop+a", "shop+order-77", "shop+b.c")
FAMILIES = {
    "SES": SES,
    "Mandrill": MANDRILL,
    "Mailchimp": MAILCHIMP,
    "Discourse": DISCOURSE,
    "GitHub": GITHUB,
    "VERP": VERP,
    "counted": COUNTED,
    "tagged": TAGGED,
}


def mail(address: str, name: str | None = "Shop News", list_id: str | None = None, at: int = 1) -> Email:
    sender = Address(name, address)
    when = f"2026-03-{at:02}"
    return Email(f"{address} {at}", frozenset(), senders=(sender,), received_at=when, list_id=list_id)


def mails(
    locals: tuple[str, ...], domain: str, name: str | None = "Shop News", list_id: str | None = None
) -> list[Email]:
    return [mail(f"{each}@{domain}", name, list_id) for each in locals]


@pytest.mark.parametrize("locals", FAMILIES.values(), ids=FAMILIES)
class TestChangingAddresses:
    def test_have_one_shape(self, locals: tuple[str, ...]) -> None:
        assert len({shape(f"{each}@shop.example") for each in locals}) == 1

    def test_are_one_sender_whose_domain_can_be_decided_about(self, locals: tuple[str, ...]) -> None:
        found = rotations(mails(locals, "mail.shop.example"), ())
        assert found == (Rotation(WholeDomain("shop.example"), 3),)

    def test_of_a_list_mean_the_list_whoever_writes(self, locals: tuple[str, ...]) -> None:
        senders = [mail(f"{each}@discoursemail.com", each[-4:], "Forum <forum.x.org>") for each in locals]
        assert rotations(senders, ()) == (Rotation(WholeList("forum.x.org"), 3),)

    def test_at_a_domain_of_many_mean_nothing(self, locals: tuple[str, ...]) -> None:
        for domain in ("gmail.com", "amazonses.com", "mandrillapp.com", "mcsv.net", "substack.com"):
            assert rotations(mails(locals, domain), ()) == ()

    def test_at_a_domain_of_the_users_mean_nothing(self, locals: tuple[str, ...]) -> None:
        assert rotations(mails(locals, "shop.example"), ["me@shop.example"]) == ()
        assert rotations(mails(locals, "shop.example"), ["*@shop.example"]) == ()

    def test_that_are_two_mean_nothing(self, locals: tuple[str, ...]) -> None:
        assert rotations(mails(locals[:2], "shop.example"), ()) == ()
        assert rotations([*mails(locals[:2], "shop.example"), mail(f"{locals[0]}@shop.example", at=2)], ()) == ()

    def test_of_several_names_mean_nothing(self, locals: tuple[str, ...]) -> None:
        people = [mail(f"{each}@shop.example", name) for each, name in zip(locals, ("Ann", "Bob", "Cy"), strict=True)]
        assert rotations(people, ()) == ()


def test_at_a_domain_that_nobody_registers_they_mean_nothing() -> None:
    assert rotations(mails(COUNTED, "co.uk"), ()) == ()
    assert rotations(mails(COUNTED, "[192.0.2.1]"), ()) == ()


def test_a_domain_that_counts_changes_too() -> None:
    assert shape("news@em12.shop.example") == shape("news@em345.shop.example") == "news@em#.shop.example"
    senders = [mail(f"news@em{n}.shop.example") for n in range(FEWEST)]
    assert rotations(senders, ()) == (Rotation(WholeDomain("shop.example"), 3),)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ann@x.org", "ann@x.org"),
        ("ann.lee@x.org", "ann.lee@x.org"),
        ("ann1@x.org", "ann#@x.org"),
        ("+a@x.org", "+*@x.org"),
        ("ann+a@x.org", "ann+*@x.org"),
        ("a=b@x.org", "*@x.org"),
        ("bounces+1-ann=x.org@y.org", "bounces+*@y.org"),
        ("1234567@x.org", "#@x.org"),
        ("123456789@x.org", "#@x.org"),
        ("a234567@x.org", "a#@x.org"),
        ("a2345678@x.org", "*@x.org"),
        ("newsletter@x.org", "newsletter@x.org"),
        ('"a@b1"@x.org', '"a@b#"@x.org'),
    ],
)
def test_a_shape_is_what_stays(address: str, expected: str) -> None:
    assert shape(address) == expected


class TestPeople:
    def test_with_numbers_at_one_domain_are_several_unless_they_are_called_the_same(self) -> None:
        numbers = ("s1001", "s1002", "s1003")
        assert rotations(mails(numbers, "uni.example", name=None), ()) == ()
        assert rotations(mails(numbers, "uni.example", name="Uni News"), ()) != ()

    def test_without_a_name_are_none_where_a_machine_wrote_the_address(self) -> None:
        assert rotations(mails(SES, "shop.example", name=None), ()) == (Rotation(WholeDomain("shop.example"), 3),)

    def test_without_numbers_are_several(self) -> None:
        assert rotations(mails(("ann", "bob", "cy"), "shop.example"), ()) == ()

    def test_at_a_provider_are_several(self) -> None:
        assert rotations(mails(("ann1", "ann2", "ann3"), "gmail.com", name="Ann"), ()) == ()

    def test_are_called_as_their_newest_mail_says_whatever_the_case(self) -> None:
        senders = [
            mail(f"{each}@shop.example", name) for each, name in zip(COUNTED, ("Shop", "SHOP", "shop "), strict=True)
        ]
        older = mail(f"{COUNTED[0]}@shop.example", "Old", at=0)
        assert rotations([*senders, older], ()) == (Rotation(WholeDomain("shop.example"), 3),)
        assert rotations([*senders, mail(f"{COUNTED[0]}@shop.example", "New", at=9)], ()) == ()


def test_only_a_list_that_all_their_mail_names_is_theirs() -> None:
    senders = mails(COUNTED, "shop.example", list_id="<news.shop.example>")
    assert rotations(senders, ()) == (Rotation(WholeList("news.shop.example"), 3),)
    without = mail(f"{COUNTED[0]}@shop.example", at=2)
    assert rotations([*senders, without], ()) == (Rotation(WholeDomain("shop.example"), 3),)


def test_mail_without_a_usable_sender_is_left_out() -> None:
    nobody = Email(id="1", mailbox_ids=frozenset(), senders=None)
    assert rotations([nobody, *mails(COUNTED, "shop.example")], ()) == (Rotation(WholeDomain("shop.example"), 3),)


def test_most_addresses_come_first_and_two_shapes_of_one_domain_are_counted_together() -> None:
    senders = [
        *mails(COUNTED, "a.example"),
        *mails(COUNTED, "c.example"),
        *mails(COUNTED, "b.example"),
        *mails(SES, "b.example"),
    ]
    expected = [(WholeDomain("b.example"), 6), (WholeDomain("a.example"), 3), (WholeDomain("c.example"), 3)]
    assert rotations(senders, ()) == tuple(Rotation(whole, addresses) for whole, addresses in expected)


@given(local=st.from_regex(r"\A[a-z]{1,8}\Z"), numbers=st.sets(st.integers(0, 10**12), min_size=2, max_size=5))
def test_a_number_of_any_length_is_one_thing(local: str, numbers: set[int]) -> None:
    assert len({shape(f"{local}-{number}@x.org") for number in numbers}) == 1
