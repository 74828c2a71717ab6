"""Passes over labels for whole domains and whole lists."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
import structlog.testing

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import LetThrough, Screening
from mailroom.sandbox import Flavour, Sandbox
from tests.flavours import every_flavour
from tests.new_mail import arrives, join, later, raw, screening
from tests.screener import empty_sandbox, screener

DOMAIN, LIST, ERROR = "@WholeDomain", "@WholeList", "@MailroomError"
LABELS = ("@ToFeed", "@ToJail")
DEV = "List-Id: Core developers <python-dev.python.org>"


def account(flavour: Flavour | None = None) -> Sandbox:
    sandbox = empty_sandbox(flavour=flavour) if flavour else empty_sandbox()
    for label in (DOMAIN, LIST):
        if sandbox._find_mailbox(label) is None:
            sandbox.create_mailbox(label)
    return sandbox


def mail(sandbox: Sandbox, sender: str, *mailboxes: str, header: Iterable[str] = ()) -> str:
    return sandbox.deliver(raw=raw(f"Somebody <{sender}>", *header), mailboxes=mailboxes or ["Screener"])


def card_named(sandbox: Sandbox, name: str) -> dict[str, object]:
    (card,) = (each for each in sandbox.cards() if each["name"]["full"] == name)
    return {key: card.get(key) for key in ("emails", "organizations", "notes", "kind")}


def note_of(sandbox: Sandbox, name: str) -> str:
    notes = card_named(sandbox, name)["notes"]
    assert isinstance(notes, dict)
    return "\n".join(str(each["note"]) for each in notes.values())


@every_flavour
async def test_all_of_a_domain_goes_with_one_mail_and_one_card_tells_of_it(flavour: Flavour) -> None:
    sandbox = account(flavour)
    tapped = mail(sandbox, "news@mail.shop.example", "Screener", "@ToFeed", DOMAIN)
    others = [mail(sandbox, each) for each in ("orders@shop.example", "x@a.b.shop.example", "Y@SHOP.example")]
    strangers = [mail(sandbox, each) for each in ("a@myshop.example", "shop.example@other.example")]
    async with screener(sandbox) as s:
        await s.run()
        assert all(sandbox.mailboxes_of(each) == {"Feed"} for each in (tapped, *others))
        assert all(sandbox.mailboxes_of(each) == {"Screener"} for each in strangers)
        assert sandbox.groups()["Feed"] == sandbox.groups()["Mailroom"] == {"*@shop.example"}
        assert len(sandbox.cards()) == 1
        assert note_of(sandbox, "shop.example") == (
            "— Mailroom —\nCreated by Mailroom\nWhole domain\nTriaged to Feed on 2026-03-05T14:03Z"
        )
        assert card_named(sandbox, "shop.example")["kind"] == "org"
        states = sandbox.store.states()
        await s.run()
        assert sandbox.store.states() == states


@every_flavour
async def test_all_of_a_list_goes_with_one_mail_whoever_writes_it(flavour: Flavour) -> None:
    sandbox = account(flavour)
    tapped = mail(sandbox, "ann@x.example", "Screener", "@ToFeed", LIST, header=[DEV])
    others = [mail(sandbox, "bob@y.example", header=[DEV]), mail(sandbox, "cy@z.example", header=[DEV.upper()])]
    other = mail(sandbox, "bob@y.example", header=["List-Id: <not-python-dev.python.org>"])
    async with screener(sandbox) as s:
        await s.run()
        assert all(sandbox.mailboxes_of(each) == {"Feed"} for each in (tapped, *others))
        assert sandbox.mailboxes_of(other) == {"Screener"}
        card = card_named(sandbox, "Core developers")
        assert card["emails"] is None
        assert [each["name"] for each in dict(card["organizations"]).values()] == ["python-dev.python.org"]  # type: ignore[call-overload]  # JSON
        assert "Whole list <python-dev.python.org>" in note_of(sandbox, "Core developers")
        states = sandbox.store.states()
        await s.run()
        assert sandbox.store.states() == states


async def test_a_domain_is_not_called_like_a_list_that_it_writes_to() -> None:
    sandbox = account()
    mail(sandbox, "a@shop.example", "Screener", "@ToFeed", DOMAIN, header=[DEV])
    async with screener(sandbox) as s:
        await s.run()
        assert [each["name"]["full"] for each in sandbox.cards()] == ["shop.example"]


async def test_a_second_decision_about_a_domain_takes_the_same_card() -> None:
    sandbox = account()
    first = mail(sandbox, "a@shop.example", "Screener", "@ToFeed", DOMAIN)
    async with screener(sandbox) as s:
        await s.run()
        sandbox.label(first, "@ToJail")
        sandbox.label(first, DOMAIN)
        await s.run()
        assert sandbox.mailboxes_of(first) == {"Jail"}
        assert sandbox.groups()["Jail"] == {"*@shop.example"}
        assert sandbox.groups()["Feed"] == set()
        assert note_of(sandbox, "shop.example").endswith("Re-triaged to Jail on 2026-03-05T14:03Z")


async def test_a_second_decision_about_a_list_takes_the_same_card() -> None:
    sandbox = account()
    first = mail(sandbox, "a@shop.example", "Screener", "@ToFeed", LIST, header=[DEV])
    async with screener(sandbox) as s:
        await s.run()
        sandbox.label(first, "@ToJail")
        sandbox.label(first, LIST)
        await s.run()
        assert len(sandbox.cards()) == 1
        assert note_of(sandbox, "Core developers").endswith("Re-triaged to Jail on 2026-03-05T14:03Z")


class TestNearerThings:
    """They speak for their mail, whatever becomes of the rest of the domain."""

    async def left_out(self, sandbox: Sandbox, sender: str, *header: str, scheme: object = DEFAULT_SCHEME) -> None:
        assert isinstance(scheme, type(DEFAULT_SCHEME))
        mail(sandbox, "a@shop.example", "Screener", "@ToFeed", DOMAIN)
        theirs, other = mail(sandbox, sender, header=header), mail(sandbox, "z@shop.example")
        async with screener(sandbox, scheme) as s:
            await s.run()
            assert sandbox.mailboxes_of(theirs) == {"Screener"}
            assert sandbox.mailboxes_of(other) == {"Feed"}

    async def test_an_exact_decision(self) -> None:
        sandbox = account()
        join(sandbox, "Jail", sandbox.add_card("b@shop.example", "B"))
        await self.left_out(sandbox, "b@shop.example")

    async def test_a_contact_of_the_user(self) -> None:
        sandbox = account()
        sandbox.add_card("b@news.shop.example", "B")
        await self.left_out(sandbox, "b@news.shop.example")

    async def test_the_users_own_address(self) -> None:
        sandbox = account()
        scheme = replace(DEFAULT_SCHEME, own_addresses=("*@me.example",))
        tapped = mail(sandbox, "ann@x.example", "Screener", "@ToFeed", LIST, header=[DEV])
        mine = mail(sandbox, "i@me.example", header=[DEV])
        async with screener(sandbox, scheme) as s:
            await s.run()
            assert (sandbox.mailboxes_of(tapped), sandbox.mailboxes_of(mine)) == ({"Feed"}, {"Screener"})

    @pytest.mark.parametrize(
        "let_through",
        [
            LetThrough(addresses=frozenset({"b@news.shop.example"})),
            LetThrough(domains=frozenset({"news.shop.example"})),
            LetThrough(above=frozenset({"news.shop.example"})),
            LetThrough(lists=frozenset({"python-dev.python.org"})),
        ],
    )
    async def test_whom_the_configuration_lets_through(self, let_through: LetThrough) -> None:
        scheme = replace(DEFAULT_SCHEME, screening=Screening(let_through=let_through))
        sender = "b@x.news.shop.example" if let_through.above else "b@news.shop.example"
        await self.left_out(account(), sender, DEV, scheme=scheme)

    async def test_a_nearer_domain(self) -> None:
        sandbox = account()
        note = {"n1": {"note": "— Mailroom —\nCreated by Mailroom\nWhole domain\nTriaged to Jail on 2026-03-01"}}
        join(sandbox, "Jail", sandbox.add_card("*@news.shop.example", "news.shop.example", notes=note))
        await self.left_out(sandbox, "b@x.news.shop.example")

    async def test_a_list(self) -> None:
        sandbox = account()
        text = "— Mailroom —\nCreated by Mailroom\nWhole list <python-dev.python.org>\nTriaged to Jail on 2026-03-01"
        join(sandbox, "Jail", sandbox.add_card("", "Core", notes={"n1": {"note": text}}, emails={}))
        await self.left_out(sandbox, "b@shop.example", DEV)

    async def test_a_tap_at_the_same_time(self) -> None:
        sandbox = account()
        mail(sandbox, "b@shop.example", "Screener", "@ToJail")
        mail(sandbox, "a@shop.example", "Screener", "@ToFeed", DOMAIN)
        both = [mail(sandbox, "b@shop.example"), mail(sandbox, "c@shop.example")]
        async with screener(sandbox) as s:
            await s.run()
            assert [sandbox.mailboxes_of(each) for each in both] == [{"Jail"}, {"Feed"}]

    async def test_of_whoever_writes_to_a_list(self) -> None:
        sandbox = account()
        join(sandbox, "Jail", sandbox.add_card("b@shop.example", "B"))
        sandbox.add_card("c@y.example", "C")
        mail(sandbox, "a@x.example", "Screener", "@ToFeed", LIST, header=[DEV])
        senders = ("b@shop.example", "c@y.example", "d@z.example")
        others = [mail(sandbox, each, header=[DEV]) for each in senders]
        async with screener(sandbox) as s:
            assert await s.requests_of_a_pass() == 5
            assert [sandbox.mailboxes_of(each) for each in others] == [{"Screener"}, {"Screener"}, {"Feed"}]


async def test_a_card_like_that_of_a_domain_is_none_without_its_note() -> None:
    sandbox = account()
    join(sandbox, "Jail", sandbox.add_card("*@shop.example", "Mine"))
    tapped = mail(sandbox, "a@shop.example", "Screener", "@ToFeed", DOMAIN)
    async with screener(sandbox) as s:
        await s.run()
        assert sandbox.mailboxes_of(tapped) == {"Feed"}
        assert len(sandbox.cards()) == 2


class TestALabelAlone:
    async def test_has_the_domain_join_the_category_of_a_decided_sender(self) -> None:
        sandbox = account()
        join(sandbox, "Feed", sandbox.add_card("a@shop.example", "A"))
        tapped = mail(sandbox, "a@shop.example", "Feed", DOMAIN)
        other = mail(sandbox, "b@shop.example")
        async with screener(sandbox) as s:
            await s.run()
            assert sandbox.mailboxes_of(tapped) == sandbox.mailboxes_of(other) == {"Feed"}
            assert sandbox.groups()["Feed"] == {"a@shop.example", "*@shop.example"}

    async def test_has_the_list_join_the_category_of_a_decided_sender(self) -> None:
        sandbox = account()
        uid = sandbox.add_card("a@x.example", "A")
        for group in ("Truck", "Paper Trail"):
            join(sandbox, group, uid)
        tapped = mail(sandbox, "a@x.example", "Inbox", LIST, header=[DEV])
        other = mail(sandbox, "b@y.example", header=[DEV])
        async with screener(sandbox) as s:
            await s.run()
            assert sandbox.mailboxes_of(tapped) == {"Inbox", "Truck", "Paper Trail"}
            assert sandbox.mailboxes_of(other) == {"Truck", "Paper Trail"}

    async def test_waits_on_mail_of_an_undecided_sender_for_a_triage_label(self) -> None:
        sandbox = account()
        waiting = mail(sandbox, "a@shop.example", "Screener", DOMAIN)
        async with screener(sandbox) as s:
            for _ in range(2):
                await s.run()
                assert sandbox.mailboxes_of(waiting) == {"Screener", DOMAIN}
            sandbox.label(waiting, "@ToFeed")
            await s.run()
            assert sandbox.mailboxes_of(waiting) == {"Feed"}
            assert sandbox.groups()["Feed"] == {"*@shop.example"}

    async def test_goes_off_where_another_mail_decides_about_the_domain(self) -> None:
        sandbox = account()
        alone, tapped = mail(sandbox, "b@shop.example", "Inbox", DOMAIN), mail(sandbox, "a@shop.example", "Screener")
        for label in ("@ToFeed", DOMAIN):
            sandbox.label(tapped, label)
        async with screener(sandbox) as s:
            await s.run()
            assert sandbox.mailboxes_of(alone) == {"Inbox", "Feed"}

    async def test_of_senders_in_two_categories_waits_for_a_triage_label(self) -> None:
        sandbox = account()
        for group in ("Feed", "Jail"):
            join(sandbox, group, sandbox.add_card(f"{group}@shop.example".lower(), f"Shop {group}"))
        both = [mail(sandbox, f"{each}@shop.example", each.title(), DOMAIN) for each in ("feed", "jail")]
        async with screener(sandbox) as s:
            await s.run()
            assert [sandbox.mailboxes_of(each) for each in both] == [{"Feed", DOMAIN}, {"Jail", DOMAIN}]


class TestRefused:
    @pytest.mark.parametrize("labels", [("@ToFeed", DOMAIN), (DOMAIN,)])
    @pytest.mark.parametrize(
        ("sender", "why"),
        [
            ("ann@gmail.com", "many write from the domain"),
            ("ann@[192.0.2.1]", "nobody registers such a domain"),
            ("boss@sandbox.example", "you write from the domain yourself"),
        ],
    )
    async def test_a_domain_gets_the_error_label_and_the_log_says_why(
        self, sender: str, why: str, labels: tuple[str, ...]
    ) -> None:
        sandbox = account()
        tapped = mail(sandbox, sender, "Screener", *labels)
        scheme = replace(DEFAULT_SCHEME, own_addresses=("me@sandbox.example",))
        async with screener(sandbox, scheme) as s:
            with structlog.testing.capture_logs() as logs:
                await s.run()
            assert sandbox.mailboxes_of(tapped) == {"Screener", ERROR, *labels}
            assert [each["reason"].startswith(why) for each in logs if each["event"] == "mail_paused"] == [True]
            assert sandbox.cards() == []
            assert await s.requests_of_a_pass() == 1

    async def test_mail_of_no_list_gets_the_error_label(self) -> None:
        sandbox = account()
        tapped = mail(sandbox, "a@shop.example", "Screener", "@ToFeed", LIST)
        async with screener(sandbox) as s:
            await s.run()
            assert sandbox.mailboxes_of(tapped) == {"Screener", "@ToFeed", LIST, ERROR}

    async def test_the_error_label_goes_off_once_both_labels_are_off(self) -> None:
        sandbox = account()
        tapped = mail(sandbox, "a@shop.example", "Screener", "@ToFeed", LIST)
        async with screener(sandbox) as s:
            await s.run()
            sandbox.unlabel(tapped, LIST)
            sandbox.unlabel(tapped, "@ToFeed")
            await s.run()
            assert sandbox.mailboxes_of(tapped) == {"Screener"}

    async def test_different_triage_labels_are_a_conflict_and_the_wide_one_is_none(self) -> None:
        sandbox = account()
        pair = [mail(sandbox, f"{n}@shop.example", "Screener", label, DOMAIN) for n, label in enumerate(LABELS)]
        async with screener(sandbox) as s:
            await s.run()
            assert all(ERROR in sandbox.mailboxes_of(each) for each in pair)
            sandbox.unlabel(pair[0], LABELS[0])
            await s.run()
            await s.run()
            assert all(sandbox.mailboxes_of(each) == {"Jail"} for each in pair)


async def test_a_card_that_was_made_somebody_elses_fails_the_domain_alone() -> None:
    sandbox = account()
    tapped = mail(sandbox, "a@shop.example", "Screener", "@ToFeed", DOMAIN)
    async with screener(sandbox) as s:
        await s.run()
        uid = sandbox.cards()[0]["uid"]
        sandbox.change_card(uid, {"emails": {"e1": {"address": "bob@x.example"}}})
        other = mail(sandbox, "cy@y.example", "Screener", "@ToFeed")
        for label in ("@ToJail", DOMAIN):
            sandbox.label(tapped, label)
        with structlog.testing.capture_logs() as logs:
            await s.run()
        assert sandbox.mailboxes_of(other) == {"Feed"}
        assert sandbox.mailboxes_of(tapped) == {"Feed", "@ToJail", DOMAIN}
        (failed,) = (each for each in logs if each["event"] == "sender_failed")
        assert "was made for the whole of @shop.example" in failed["reason"]


async def test_a_domain_of_300_senders_costs_as_many_requests_as_one_sender() -> None:
    async def requests(senders: int, *labels: str) -> int:
        sandbox = account()
        for number in range(600):
            mail(sandbox, f"s{number % senders}@shop.example")
        mail(sandbox, "s0@shop.example", "Screener", *labels)
        async with screener(sandbox) as s:
            requests = await s.requests_of_a_pass()
            assert sandbox.mails_in("Screener") == []
            assert len(sandbox.cards()) == 1
            return requests

    assert await requests(1, "@ToFeed") == await requests(300, "@ToFeed", DOMAIN) == 4


class TestNewMail:
    @every_flavour
    async def test_is_routed_by_its_domain_and_by_its_list(self, flavour: Flavour) -> None:
        sandbox = account(flavour)
        mail(sandbox, "a@shop.example", "Screener", "@ToFeed", DOMAIN)
        mail(sandbox, "b@x.example", "Screener", "@ToPaperTrail", LIST, header=[DEV])
        async with screening(sandbox) as s:
            await s.run()
            new = [
                arrives(sandbox, "c@news.shop.example"),
                arrives(sandbox, "d@y.example", DEV),
                arrives(sandbox, "e@shop.example", DEV),
                arrives(sandbox, "f@z.example"),
            ]
            await s.run(later(2))
            places = [sandbox.mailboxes_of(each) for each in new]
            assert places == [{"Feed"}, {"Paper Trail"}, {"Paper Trail"}, {"Screener"}]

    async def test_that_comes_with_the_tap_is_routed_by_the_same_pass(self) -> None:
        sandbox = account()
        async with screening(sandbox) as s:
            await s.run()
            mail(sandbox, "a@shop.example", "Screener", "@ToFeed", DOMAIN)
            new = arrives(sandbox, "c@shop.example")
            await s.run(later(2))
            assert sandbox.mailboxes_of(new) == {"Feed"}

    @pytest.mark.parametrize(
        ("results", "where"),
        [
            ("dkim=pass header.d=python.org", {"Imbox", "Inbox"}),
            ("dkim=pass header.d=evil.example", {"Screener"}),
            (None, {"Imbox", "Inbox"}),
        ],
    )
    async def test_reaches_the_inbox_by_its_list_only_if_the_server_vouches_for_it(
        self, results: str | None, where: set[str]
    ) -> None:
        sandbox = account()
        header = [DEV, *([f"Authentication-Results: mx; {results}"] if results else [])]
        mail(sandbox, "a@x.example", "Screener", "@ToImbox", LIST, header=[DEV])
        there = mail(sandbox, "c@y.example", "Screener", header=header)
        async with screening(sandbox) as s:
            await s.run()
            new = arrives(sandbox, "b@y.example", *header)
            await s.run(later(2))
            assert sandbox.mailboxes_of(new) == where
            assert sandbox.mailboxes_of(there) == where
