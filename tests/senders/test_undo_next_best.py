"""A decision undone where others cover the mail: each mail goes where the next-best one sends it, as new mail does."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import LetThrough, Screening
from mailroom.config.splits import Split
from mailroom.decisions.undo import Subject
from mailroom.decisions.whole import WholeDomain, WholeList
from mailroom.sandbox import JAMES, Flavour, Sandbox
from mailroom.senders.undo import Undo, find_undo, undo
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.new_mail import ON, arrives, join, later, raw, screening
from tests.screener import NOW, Wire, screener
from tests.senders.support import asking, is_finished_by_the_same_call
from tests.triage.test_whole import DEV, LIST, account, note_of

ANN = "ann@shop.example"
SHOP, PYTHON = WholeDomain("shop.example"), WholeList("python-dev.python.org")
BLOCK = "— Mailroom —\nCreated by Mailroom"


def decide(sandbox: Sandbox, about: str, *groups: str) -> None:
    """A card as Mailroom has written it: of a sender, of `@domain`, or of a list, which is called as its id."""
    line = f"\nWhole list <{about}>" if "@" not in about else "\nWhole domain" if about.startswith("@") else ""
    note = f"{BLOCK}{line}\nTriaged to {groups[0]} on 2026-03-01T10:00Z"
    address: dict[str, Any] = {"emails": {}} if "@" not in about else {}
    uid = sandbox.add_card(f"*{about}" if about[0] == "@" else about, about, notes={"n": {"note": note}}, **address)
    for group in (*groups, "Mailroom"):
        join(sandbox, group, uid)


def filed(sandbox: Sandbox, sender: str, *mailboxes: str, header: tuple[str, ...] = ()) -> str:
    received = NOW - timedelta(days=1)
    return sandbox.deliver(raw=raw(sender, *header), mailboxes=mailboxes, received_at=received)


async def undone(
    sandbox: Sandbox, subject: Subject = ANN, wire: Wire | None = None, scheme: Scheme = DEFAULT_SCHEME
) -> Undo:
    async with asking(sandbox, wire, scheme) as run:
        found = await find_undo(run, subject)
        assert await undo(run, found) == found.mails
        return found


def last_line(sandbox: Sandbox, name: str = ANN) -> str:
    return note_of(sandbox, name).splitlines()[-1].partition(" on ")[0]


def anns(sandbox: Sandbox, *, domain: bool = True) -> tuple[str, str]:
    """A mail of Ann's, and one by the list, which is decided; so is her domain. She is in Jail, for a while."""
    decide(sandbox, ANN, "Jail")
    decide(sandbox, PYTHON.id, "Feed")
    if domain:
        decide(sandbox, str(SHOP), "Paper Trail")
    return filed(sandbox, ANN, "Jail"), filed(sandbox, ANN, "Jail", header=(DEV,))


@every_flavour
async def test_a_senders_mail_goes_with_its_list_and_the_rest_with_the_domain(flavour: Flavour) -> None:
    sandbox = account(flavour)
    plain, by_list = anns(sandbox)
    found = await undone(sandbox)
    assert (sandbox.mailboxes_of(plain), sandbox.mailboxes_of(by_list)) == ({"Paper Trail"}, {"Feed"})
    assert (found.to, found.going) == ("Feed and Paper Trail", {"Paper Trail": 1, "Feed": 1})
    assert last_line(sandbox) == "Undone"
    await undone(sandbox)
    assert sandbox.mailboxes_of(plain) == sandbox.mailboxes_of(by_list) == {"Jail"}


@every_flavour
async def test_where_a_list_alone_is_decided_the_rest_waits_and_new_mail_goes_the_same_ways(flavour: Flavour) -> None:
    sandbox = account(flavour)
    plain, by_list = anns(sandbox, domain=False)
    found = await undone(sandbox, scheme=ON)
    assert (sandbox.mailboxes_of(plain), sandbox.mailboxes_of(by_list)) == ({"Screener"}, {"Feed"})
    assert (found.to, last_line(sandbox)) == ("Feed and Screener", "Undone")
    async with screening(sandbox) as s:
        await s.run()
        new = [arrives(sandbox, ANN), arrives(sandbox, ANN, DEV)]
        await s.run(later(2))
        assert [sandbox.mailboxes_of(each) for each in new] == [{"Screener"}, {"Feed"}]


async def test_taken_back_by_a_label_a_sender_waits_whatever_is_decided_about_list_and_domain() -> None:
    sandbox = account()
    plain, by_list = anns(sandbox)
    sandbox.label(plain, "@ToScreener")
    async with screener(sandbox) as s:
        await s.run()
    assert sandbox.mailboxes_of(plain) == sandbox.mailboxes_of(by_list) == {"Screener"}
    found = await undone(sandbox)
    assert (found.to, sandbox.mailboxes_of(plain), sandbox.mailboxes_of(by_list)) == ("Jail", {"Jail"}, {"Jail"})


def lists(sandbox: Sandbox) -> Mapping[str, str]:
    """Mails by the list, which is in Feed: of a domain that is decided, of a nearer one, and of none; and others."""
    decide(sandbox, PYTHON.id, "Feed")
    decide(sandbox, str(SHOP), "Paper Trail")
    decide(sandbox, "@news.shop.example", "Imbox")
    decide(sandbox, "exact@shop.example", "Jail")
    sandbox.add_card("friend@shop.example", "Friend")
    senders = (ANN, "bob@news.shop.example", "cy@other.example", "exact@shop.example", "friend@shop.example")
    return {each: filed(sandbox, each, "Feed", header=(DEV,)) for each in senders}


LEFT_TO_OTHERS = {
    ANN: {"Paper Trail"},
    "bob@news.shop.example": {"Imbox"},
    "cy@other.example": {"Screener"},
    "exact@shop.example": {"Feed"},
    "friend@shop.example": {"Feed"},
}
"""Mail that the list never held stays where it is."""


@every_flavour
async def test_a_lists_mail_goes_where_the_senders_domains_send_it(flavour: Flavour) -> None:
    sandbox = account(flavour)
    mails = lists(sandbox)
    found = await undone(sandbox, PYTHON)
    assert {each: sandbox.mailboxes_of(mail) for each, mail in mails.items()} == LEFT_TO_OTHERS
    assert (found.to, found.going) == ("Imbox and Paper Trail and Screener", dict.fromkeys(found.to.split(" and "), 1))
    assert last_line(sandbox, PYTHON.id) == "Undone"
    await undone(sandbox, PYTHON)
    assert [sandbox.mailboxes_of(mails[each]) for each in LEFT_TO_OTHERS][:3] == [{"Feed"}] * 3


@every_flavour
async def test_a_list_that_a_label_takes_back_leaves_its_mail_to_the_domains_but_the_labelled_one(
    flavour: Flavour,
) -> None:
    sandbox = account(flavour)
    mails = lists(sandbox)
    tapped = filed(sandbox, "dee@shop.example", "Feed", "@ToScreener", LIST, header=(DEV,))
    async with screener(sandbox) as s:
        assert await s.requests_of_a_pass() == 6 or flavour is JAMES
        # James takes 16 calls a request, and wants two for each label.
        assert await s.requests_of_a_pass() == (2 if flavour is JAMES else 1)
    assert {each: sandbox.mailboxes_of(mail) for each, mail in mails.items()} == LEFT_TO_OTHERS
    assert sandbox.mailboxes_of(tapped) == {"Screener"}
    assert last_line(sandbox, PYTHON.id) == "Back to the Screener"


async def test_where_the_domain_is_decided_by_the_same_pass_the_lists_mail_goes_with_it() -> None:
    sandbox = account()
    decide(sandbox, PYTHON.id, "Feed")
    mail = filed(sandbox, ANN, "Feed", header=(DEV,))
    filed(sandbox, "bob@shop.example", "Screener", "@ToJail", "@WholeDomain")
    filed(sandbox, "cy@other.example", "Feed", "@ToScreener", LIST, header=(DEV,))
    async with screener(sandbox) as s:
        await s.run()
    assert sandbox.mailboxes_of(mail) == {"Jail"}


async def test_undone_before_and_decided_again_a_list_leaves_its_mail_to_the_domains_all_the_same() -> None:
    sandbox = account()
    mails = lists(sandbox)
    for _ in range(3):
        await undone(sandbox, PYTHON)
    assert sandbox.mailboxes_of(mails[ANN]) == {"Paper Trail"}


@pytest.mark.parametrize(("subject", "requests"), [(ANN, 5), (PYTHON, 7), (SHOP, 5)], ids=str)
async def test_it_costs_no_request_more_than_an_undo_with_nothing_beside(subject: Subject, requests: int) -> None:
    for beside in (False, True):
        sandbox, wire = account(), Wire()
        decide(sandbox, str(subject).removeprefix("list:"), "Jail")
        if beside:
            for about in (ANN, str(SHOP), PYTHON.id):
                if about != str(subject).removeprefix("list:"):
                    decide(sandbox, about, "Feed")
        for sender in (ANN, "bob@shop.example"):
            filed(sandbox, sender, "Jail", header=(DEV,))
        async with asking(sandbox, wire) as run:
            before = wire.requests
            await undo(run, await find_undo(run, subject))
            assert wire.requests - before == requests


async def test_mail_that_comes_meanwhile_goes_the_same_ways() -> None:
    sandbox, wire, new = account(), Wire(), list[str]()
    anns(sandbox, domain=False)

    def arrive() -> None:
        new.extend((filed(sandbox, ANN, "Screener", header=(DEV,)), filed(sandbox, ANN, "Screener")))

    async with asking(sandbox, wire) as run:
        found = await find_undo(run, ANN)
        wire.before = {wire.requests + 1: arrive}
        assert await undo(run, found) == 3
    assert [sandbox.mailboxes_of(each) for each in new] == [{"Feed"}, {"Screener"}]


async def test_what_speaks_for_a_mail_before_lists_and_domains_keeps_it_from_them() -> None:
    let_through = LetThrough(recipients=frozenset({"ann+me@home.example"}))
    scheme = replace(DEFAULT_SCHEME, screening=Screening(let_through=let_through))
    sandbox = account()
    plain, by_list = anns(sandbox)
    to_me = filed(sandbox, ANN, "Jail", header=(DEV, "To: ann+me@home.example"))
    await undone(sandbox, scheme=scheme)
    mails = (plain, by_list, to_me)
    assert [sandbox.mailboxes_of(each) for each in mails] == [{"Paper Trail"}, {"Feed"}, {"Screener"}]


async def test_the_inbox_is_for_a_list_alone_that_is_what_it_says() -> None:
    sandbox = account()
    decide(sandbox, ANN, "Jail")
    decide(sandbox, PYTHON.id, "Imbox")
    said = "Authentication-Results: mx; dkim=pass header.d="
    mails = [filed(sandbox, ANN, "Jail", header=(DEV, f"{said}{each}")) for each in ("python.org", "evil.example")]
    await undone(sandbox)
    assert [sandbox.mailboxes_of(each) for each in mails] == [{"Imbox"}, {"Screener"}]


async def test_a_split_beats_the_list_that_is_left() -> None:
    split = Split(("receipt",), "Truck", domain="shop.example")
    scheme = replace(DEFAULT_SCHEME, splits=(split,))
    sandbox = account()
    _, by_list = anns(sandbox)
    text = raw(ANN, DEV).replace(b"Subject: Hello", b"Subject: Your receipt")
    receipt = sandbox.deliver(raw=text, mailboxes=["Jail"], received_at=NOW)
    await undone(sandbox, scheme=scheme)
    assert (sandbox.mailboxes_of(receipt), sandbox.mailboxes_of(by_list)) == ({"Truck", "Paper Trail"}, {"Feed"})


async def test_mail_of_a_cards_other_address_goes_with_the_domain_of_that() -> None:
    sandbox = account()
    decide(sandbox, ANN, "Jail")
    decide(sandbox, "@work.example", "Feed")
    (card,) = (each for each in sandbox.cards() if ANN in str(each.get("emails")))
    sandbox.change_card(card["uid"], {"emails/other": {"address": "ann@work.example"}})
    plain, work = filed(sandbox, ANN, "Jail"), filed(sandbox, "ann@work.example", "Jail")
    await undone(sandbox)
    assert (sandbox.mailboxes_of(plain), sandbox.mailboxes_of(work)) == ({"Screener"}, {"Feed"})


def of_a_sender(sandbox: Sandbox) -> None:
    anns(sandbox)


def of_a_list(sandbox: Sandbox) -> None:
    lists(sandbox)


@pytest.mark.parametrize(
    ("when", "fill", "subject"),
    always(
        1,
        [
            ("cut_after", of_a_sender, ANN),
            ("cut_before", of_a_sender, ANN),
            ("cut_after", of_a_list, PYTHON),
            ("cut_before", of_a_list, PYTHON),
        ],
    ),
)
async def test_cut_off_at_any_request_the_same_call_does_the_rest(
    when: str, fill: Callable[[Sandbox], None], subject: Subject
) -> None:
    async def filled() -> Sandbox:
        sandbox = account()
        fill(sandbox)
        return sandbox

    await is_finished_by_the_same_call(when, filled, subject, undone)
