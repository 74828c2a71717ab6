"""A decision about a whole domain or list undone."""

from collections.abc import Awaitable, Callable

import pytest

from mailroom.decisions.whole import WholeDomain, WholeList
from mailroom.errors import ConfigError
from mailroom.sandbox import Sandbox
from mailroom.senders.history import history
from mailroom.senders.undo import find_undo
from tests.exhaustive import always
from tests.screener import empty_sandbox, screener
from tests.senders.support import asking, is_finished_by_the_same_call, undone
from tests.triage.test_whole import DEV, DOMAIN, LIST, account, mail, note_of

SHOP = WholeDomain("shop.example")
PYTHON = WholeList("python-dev.python.org")


async def passed(sandbox: Sandbox) -> None:
    async with screener(sandbox) as s:
        await s.run()


def last_line(sandbox: Sandbox, name: str) -> str:
    return note_of(sandbox, name).splitlines()[-1].partition(" on ")[0]


async def shop(sandbox: Sandbox) -> list[str]:
    """Mail of two strangers of the domain, and of one who is decided, in Feed and Jail."""
    friend = mail(sandbox, "friend@shop.example", "Screener", "@ToJail")
    await passed(sandbox)
    mails = [mail(sandbox, "news@shop.example", "Screener", "@ToFeed", DOMAIN), mail(sandbox, "x@a.shop.example")]
    await passed(sandbox)
    return [*mails, friend]


async def mailing_list(sandbox: Sandbox) -> list[str]:
    mails = [
        mail(sandbox, "ann@x.example", "Screener", "@ToFeed", LIST, header=[DEV]),
        mail(sandbox, "bob@y.example", header=[DEV]),
    ]
    await passed(sandbox)
    return mails


async def test_of_a_domain_leads_back_and_another_one_forth_and_leaves_who_is_decided_apart() -> None:
    sandbox = account()
    *mails, friend = await shop(sandbox)
    await undone(sandbox, SHOP)
    assert [sandbox.mailboxes_of(id) for id in mails] == [{"Screener"}] * 2
    assert sandbox.mailboxes_of(friend) == {"Jail"}
    assert sandbox.groups()["Feed"] == set()
    assert last_line(sandbox, "shop.example") == "Back to the Screener"
    await undone(sandbox, SHOP)
    assert [sandbox.mailboxes_of(id) for id in mails] == [{"Feed"}] * 2
    assert sandbox.mailboxes_of(friend) == {"Jail"}
    assert sandbox.groups()["Feed"] == {"*@shop.example"}
    async with asking(sandbox) as run:
        assert [each.after for each in await history(run.contacts, str(SHOP))] == ["Feed", None, "Feed"]


async def test_of_a_list_leads_back_and_another_one_forth() -> None:
    sandbox = account()
    mails = await mailing_list(sandbox)
    await undone(sandbox, PYTHON)
    assert [sandbox.mailboxes_of(id) for id in mails] == [{"Screener"}] * 2
    await undone(sandbox, PYTHON)
    assert [sandbox.mailboxes_of(id) for id in mails] == [{"Feed"}] * 2


async def test_of_a_nearer_domain_leaves_its_mail_to_the_wider_one() -> None:
    sandbox = account()
    await shop(sandbox)
    note = "— Mailroom —\nCreated by Mailroom\nWhole domain\nTriaged to Jail on 2026-03-05"
    uid = sandbox.add_card("*@news.shop.example", "news.shop.example", notes={"n": {"note": note}})
    jail = next(each for each in sandbox.store.cards.objects.values() if each.data["name"]["full"] == "Jail")
    sandbox.change_card(jail.data["uid"], {"members": {**jail.data.get("members", {}), uid: True}})
    near = mail(sandbox, "a@news.shop.example", "Jail")
    await undone(sandbox, WholeDomain("news.shop.example"))
    assert sandbox.mailboxes_of(near) == {"Feed"}
    assert last_line(sandbox, "news.shop.example") == "Undone"
    assert sandbox.groups()["Jail"] == {"friend@shop.example"}


@pytest.mark.parametrize("subject", [SHOP, PYTHON])
async def test_where_nothing_was_decided_nothing_is_undone(subject: WholeDomain | WholeList) -> None:
    async with asking(empty_sandbox()) as run:
        with pytest.raises(ConfigError, match=f"nothing was decided about {subject}"):
            await find_undo(run, subject)


async def test_a_label_about_the_domain_that_is_not_settled_yet_stands_in_the_way() -> None:
    sandbox = account()
    one, other, _ = await shop(sandbox)
    sandbox.label(other, "@ToJail")
    async with asking(sandbox) as run:
        await find_undo(run, SHOP)
        sandbox.label(one, "@ToJail")
        sandbox.label(one, DOMAIN)
        with pytest.raises(ConfigError, match=r"mail of @shop\.example carries @ToJail"):
            await find_undo(run, SHOP)


@pytest.mark.parametrize(
    ("when", "fill", "subject"),
    always(
        1,
        [
            ("cut_after", shop, SHOP),
            ("cut_before", shop, SHOP),
            ("cut_after", mailing_list, PYTHON),
            ("cut_before", mailing_list, PYTHON),
        ],
    ),
)
async def test_cut_off_at_any_request_the_same_call_does_the_rest(
    when: str, fill: Callable[[Sandbox], Awaitable[list[str]]], subject: WholeDomain | WholeList
) -> None:
    async def filled() -> Sandbox:
        sandbox = account()
        await fill(sandbox)
        return sandbox

    await is_finished_by_the_same_call(when, filled, subject)
