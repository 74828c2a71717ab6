"""One sender's mail in two categories, told apart by the subject."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.splits import Split, split_of
from mailroom.decisions.splits import (
    Content,
    content_of,
    diversions,
    diverted,
    for_rules,
    may_write,
    split_warnings,
    without_sender,
)
from mailroom.decisions.standing import Standing, Standings
from mailroom.jmap.mail import Address, Email

SHOP = "@shop.example"
DECIDED = Standing(groups=frozenset({"Feed"}))


def made(origin: str, *subjects: str, category: str = "Paper Trail") -> Split:
    split = split_of(origin, subjects or ("order",), category)
    assert split is not None
    return split


def scheme(*splits: Split) -> Scheme:
    return replace(DEFAULT_SCHEME, splits=splits)


def content(sender: str = "news@shop.example", subject: str = "Your order", list_id: str = "") -> Content:
    return Content(sender, list_id, subject, is_of_the_list=True)


def category_of(mail: Content, *splits: Split) -> str | None:
    found = diverted(mail, diversions(scheme(*splits)))
    return None if found is None else found.route.category.name


class TestASubject:
    @pytest.mark.parametrize(
        "subject", ["order", "Your ORDER 5", "reorders", "Re: Your\n order", "a receipt", "x" * 900 + "order"]
    )
    def test_holds_any_of_the_texts_whatever_its_case(self, subject: str) -> None:
        assert category_of(content(subject=subject), made(SHOP, "Order", "receipt")) == "Paper Trail"

    @pytest.mark.parametrize("subject", ["", "News", "or der", "x" * 1_000 + "order"])
    def test_holds_none_of_them(self, subject: str) -> None:
        assert category_of(content(subject=subject), made(SHOP, "order", "receipt")) is None

    def test_is_compared_folded(self) -> None:
        assert category_of(content(subject="In der STRASSE  5"), made(SHOP, "straße 5")) == "Paper Trail"


class TestTheOrigin:
    @pytest.mark.parametrize(
        ("origin", "sender", "fits"),
        [
            ("news@shop.example", "news@shop.example", True),
            ("news@shop.example", "old-news@shop.example", False),
            (SHOP, "news@shop.example", True),
            (SHOP, "a@mail.shop.example", True),
            (SHOP, "a@bookshop.example", False),
            (SHOP, "a@shop.example.net", False),
            (SHOP, "", False),
        ],
    )
    def test_is_an_address_or_a_domain_with_all_below_it(self, origin: str, sender: str, fits: bool) -> None:
        assert (category_of(content(sender), made(origin)) is not None) == fits
        assert may_write(made(origin), sender) == fits

    def test_is_a_list_whoever_writes(self) -> None:
        split = made("list:dev.x.org")
        assert category_of(content("a@y.org", list_id="dev.x.org"), split) == "Paper Trail"
        assert category_of(content("a@y.org", list_id="users.x.org"), split) is None
        assert category_of(content("a@y.org"), split) is None
        assert may_write(split, "a@y.org")

    def test_is_a_list_for_the_inbox_only_if_it_is_what_it_says(self) -> None:
        mail = replace(content(list_id="dev.x.org"), is_of_the_list=False)
        assert category_of(mail, made("list:dev.x.org", category="Imbox")) is None
        assert category_of(mail, made("list:dev.x.org", category="Feed")) == "Feed"
        assert category_of(mail, made(SHOP, category="Imbox")) == "Imbox"


def test_the_first_in_the_file_counts() -> None:
    splits = made("a@shop.example"), made(SHOP, category="Truck"), made(SHOP, "order", category="Feed")
    assert category_of(content(), *splits) == "Truck"
    assert category_of(content("a@shop.example"), *splits) == "Paper Trail"


def test_rules_hold_no_split_that_a_list_id_alone_would_lead_into_the_inbox() -> None:
    in_doubt = made("list:dev.x.org", category="Imbox")
    splits = scheme(made(SHOP, category="Imbox"), in_doubt, made("list:dev.x.org", category="Feed"))
    assert [each.split for each in for_rules(splits)] == [splits.splits[0], splits.splits[2]]
    assert list(split_warnings(splits)) == [
        "the split for list:dev.x.org is left to the daemon: Imbox has its mail in the Inbox, and rules can't tell who "
        "wrote a List-Id"
    ]


def test_a_split_has_the_route_of_its_category() -> None:
    (found,) = diversions(scheme(made(SHOP, category="Truck")))
    assert found.route.destinations == ("Truck", "Paper Trail")


@given(text=st.text(), subject=st.text(max_size=200))
def test_any_subject_that_holds_the_text_falls_under_it(text: str, subject: str) -> None:
    split = split_of(SHOP, (text,), "Feed")
    assert split is not None
    if text.strip() and text.isascii() and subject.isascii():
        expected = "Feed" if " ".join(text.casefold().split()) in " ".join(subject.casefold().split()) else None
        assert category_of(content(subject=subject), split) == expected


@pytest.mark.parametrize(
    ("fields", "is_of_the_list"),
    [
        (None, True),
        (("mx; dkim=pass header.d=x.org",), True),
        (("mx; dkim=pass header.d=y.org",), False),
    ],
)
def test_of_a_mail_sender_list_and_subject_are_looked_at(fields: tuple[str, ...] | None, is_of_the_list: bool) -> None:
    email = Email(
        "1",
        frozenset(),
        senders=(Address(email="News@Shop.example"),),
        list_id=" Dev <dev.x.org>",
        authentication_results=fields,
        subject="Hi",
    )
    assert content_of(email) == Content("news@shop.example", "dev.x.org", "Hi", is_of_the_list)
    assert content_of(Email(id="1", mailbox_ids=frozenset(), senders=None)) == Content("", "", "", is_of_the_list=True)


class TestADecidedSender:
    ADDRESS, DOMAIN, LIST = made("a@shop.example"), made(SHOP), made("list:dev.x.org")

    @pytest.mark.parametrize(
        ("standings", "idle"),
        [
            (Standings(), ["a@shop.example", SHOP, "list:dev.x.org"]),
            (Standings({"a@shop.example": Standing(is_users=True)}), ["a@shop.example", SHOP, "list:dev.x.org"]),
            (Standings({"a@shop.example": DECIDED}), []),
            (Standings({"b@mail.shop.example": DECIDED}), ["a@shop.example"]),
            (Standings({"b@other.example": DECIDED}), ["a@shop.example", SHOP]),
            (Standings(domains={"shop.example": DECIDED}), []),
            (Standings(domains={"mail.shop.example": DECIDED}), ["a@shop.example"]),
            (Standings(domains={"other.example": DECIDED}), ["a@shop.example", SHOP]),
            (Standings(domains={"other.example": Standing()}), ["a@shop.example", SHOP, "list:dev.x.org"]),
            (Standings(lists={"dev.x.org": DECIDED}), ["a@shop.example", SHOP]),
            (Standings(lists={"dev.x.org": Standing()}), ["a@shop.example", SHOP, "list:dev.x.org"]),
            (Standings(lists={"users.x.org": DECIDED}), ["a@shop.example", SHOP, "list:dev.x.org"]),
        ],
    )
    def test_is_there_or_not(self, standings: Standings, idle: list[str]) -> None:
        found = without_sender(scheme(self.ADDRESS, self.DOMAIN, self.LIST), standings)
        assert [each.origin for each in found] == idle
