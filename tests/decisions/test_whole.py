"""Whole domains and whole lists: which mail asks for one, what somebody typed means, and which mail is of one."""

from dataclasses import replace

import pytest

from mailroom.addresses import canonical_list_id
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.decisions.domains import Refusal
from mailroom.decisions.own import own_addresses
from mailroom.decisions.places import find_places
from mailroom.decisions.whole import (
    ListRefusal,
    WholeDomain,
    WholeList,
    asked_for,
    list_name,
    typed_whole,
    whole_labels,
)
from mailroom.jmap.mail import Email
from mailroom.jmap.mailbox import Mailbox
from tests.decisions.test_plan import mail

DOMAIN, LIST = "@WholeDomain", "@WholeList"
PLACES = find_places([Mailbox(id=name, name=name) for name in ("Screener", DOMAIN, LIST, "@ToFeed")], DEFAULT_SCHEME)
OWN = own_addresses(["me@home.example", "me@mail.work.example"])
DEV = "Core developers <python-dev.python.org>"


def asks(*labels: str, sender: str | None = "news@mail.shop.example", list_id: str | None = None) -> Email:
    return replace(mail("1", "Screener", *labels, sender=sender), list_id=list_id)


class TestLabels:
    def test_widen_to_what_somebody_registered(self) -> None:
        assert asked_for(asks("@ToFeed", DOMAIN), PLACES, OWN) == WholeDomain("shop.example")

    def test_widen_to_the_mailing_list(self) -> None:
        assert asked_for(asks(LIST, list_id=DEV), PLACES, OWN) == WholeList("python-dev.python.org")

    def test_of_a_list_need_no_sender(self) -> None:
        assert asked_for(asks(LIST, sender=None, list_id=DEV), PLACES, OWN) == WholeList("python-dev.python.org")

    def test_of_both_kinds_are_too_much(self) -> None:
        assert asked_for(asks(DOMAIN, LIST, list_id=DEV), PLACES, OWN) is ListRefusal.TWO_LABELS

    @pytest.mark.parametrize("list_id", [None, "", " ", "<>"])
    def test_of_a_list_on_other_mail_are_refused(self, list_id: str | None) -> None:
        assert asked_for(asks(LIST, list_id=list_id), PLACES, OWN) is ListRefusal.NO_LIST

    @pytest.mark.parametrize(
        ("sender", "why"),
        [
            ("ann@gmail.com", Refusal.SHARED_DOMAIN),
            ("x7@privaterelay.appleid.com", Refusal.SHARED_DOMAIN),
            ("someone@bounces.amazon.com", Refusal.SHARED_DOMAIN),
            ("ann@[192.0.2.1]", Refusal.NO_DOMAIN),
            ("root@localhost", Refusal.NO_DOMAIN),
            ("boss@home.example", Refusal.OWN_DOMAIN),
            ("boss@news.work.example", Refusal.OWN_DOMAIN),
            (None, Refusal.NO_DOMAIN),
        ],
    )
    def test_of_a_domain_are_refused_where_it_is_nobodys_or_everybodys(self, sender: str | None, why: Refusal) -> None:
        assert asked_for(asks(DOMAIN, sender=sender), PLACES, OWN) is why

    def test_that_an_account_lacks_are_on_no_mail(self) -> None:
        nowhere = find_places([Mailbox(id="Screener", name="Screener")], DEFAULT_SCHEME)
        assert whole_labels(asks(DOMAIN, LIST), nowhere) == frozenset()
        assert whole_labels(asks(DOMAIN, LIST, "@ToFeed"), PLACES) == {DOMAIN, LIST}


class TestTyped:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("@shop.example", WholeDomain("shop.example")),
            (" *@Mail.SHOP.example. ", WholeDomain("mail.shop.example")),
            ("@bücher.example", WholeDomain("xn--bcher-kva.example")),
            ("@[192.0.2.1]", WholeDomain("[192.0.2.1]")),
            ("list:python-dev.python.org", WholeList("python-dev.python.org")),
            ("LIST: Core <Python-Dev.python.org>", WholeList("python-dev.python.org")),
            ("shop.example", None),
            ("ann@shop.example", None),
            ("@", None),
            ("@*", None),
            ("@*.shop.example", None),
            ("@a b", None),
            ("list:", None),
            ("list:*", None),
            ("list:two words", None),
        ],
    )
    def test_text_means(self, text: str, found: WholeDomain | WholeList | None) -> None:
        assert typed_whole(text) == found

    @pytest.mark.parametrize("whole", [WholeDomain("mail.shop.example"), WholeList("python-dev.python.org")])
    def test_what_is_shown_can_be_typed(self, whole: WholeDomain | WholeList) -> None:
        assert typed_whole(str(whole)) == whole


class TestCovered:
    @pytest.mark.parametrize(
        ("sender", "is_so"),
        [
            ("a@shop.example", True),
            ("b@news.shop.example", True),
            ("a@myshop.example", False),
            ("shop.example@other.example", False),
            ("a@shop.example.org", False),
            (None, False),
        ],
    )
    def test_by_a_domain_is_mail_of_exactly_that_or_below(self, sender: str | None, is_so: bool) -> None:
        assert WholeDomain("shop.example").covers(asks(sender=sender)) is is_so

    @pytest.mark.parametrize(
        ("list_id", "is_so"),
        [
            (DEV, True),
            ("<PYTHON-DEV.Python.ORG>", True),
            ("<not-python-dev.python.org>", False),
            ("python-dev.python.org <other.python.org>", False),
            (None, False),
        ],
    )
    def test_by_a_list_is_mail_of_exactly_that_one(self, list_id: str | None, is_so: bool) -> None:
        assert WholeList("python-dev.python.org").covers(asks(list_id=list_id)) is is_so


REAL = {
    "mailman": (" Python core developers <python-dev.python.org>", "python-dev.python.org", "Python core developers"),
    "mailman, folded": (
        ' "Discussion of Sieve,\r\n and \\"more\\"" <ietf-mta-filters.ietf.org>',
        "ietf-mta-filters.ietf.org",
        'Discussion of Sieve, and "more"',
    ),
    "mailman, encoded": (" =?utf-8?q?B=C3=BCcher?= <buecher.lists.example>", "buecher.lists.example", "Bücher"),
    "mailman, no name": (" <qmail.list.cr.yp.to>", "qmail.list.cr.yp.to", ""),
    "discourse": (
        " Discourse Meta | support <support.meta.discourse.org>",
        "support.meta.discourse.org",
        "Discourse Meta | support",
    ),
    "github": (
        " cyrusimap/cyrus-imapd <cyrus-imapd.cyrusimap.github.com>",
        "cyrus-imapd.cyrusimap.github.com",
        "cyrusimap/cyrus-imapd",
    ),
    "substack": (" <astralcodexten.substack.com>", "astralcodexten.substack.com", ""),
    "mailchimp": (
        " 5fd1c6b3 mc list <5fd1c6b3.123456.list-id.mcsv.net>",
        "5fd1c6b3.123456.list-id.mcsv.net",
        "5fd1c6b3 mc list",
    ),
    "google groups": (" <Golang-Nuts.googlegroups.com>", "golang-nuts.googlegroups.com", ""),
    "a comment behind": (" Devs <dev.example.org> (moderated)", "dev.example.org", "Devs"),
    "a comment before": (" (moderated) <dev.example.org>", "dev.example.org", "(moderated)"),
    "brackets in the name": (' "Devs <all>" <dev.example.org>', "dev.example.org", "Devs <all>"),
    "no brackets": (" dev.example.org", "dev.example.org", ""),
    "a broken encoded word": (" =?utf-8?b?!?= <dev.example.org>", "dev.example.org", ""),
    "an unknown charset": (" =?x-none?q?Devs?= <dev.example.org>", "dev.example.org", "=?x-none?q?Devs?="),
}


@pytest.mark.parametrize(("field", "id", "name"), [pytest.param(*each, id=kind) for kind, each in REAL.items()])
def test_of_real_lists(field: str, id: str, name: str) -> None:
    assert canonical_list_id(field) == id
    assert list_name(field) == name
