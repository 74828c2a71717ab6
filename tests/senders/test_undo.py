"""A decision undone, outside of a pass."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from mailroom.errors import ConfigError, SenderFailed
from mailroom.sandbox import Flavour, Sandbox, SetError
from mailroom.senders.reset import look, undo_all
from mailroom.senders.undo import find_undo, undo
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.new_mail import ON, arrives, join, keywords_of, screening
from tests.new_mail import later as minutes_on
from tests.screener import NOW, Wire, empty_sandbox, screener
from tests.senders.support import asking, is_finished_by_the_same_call, undone

ANN = "ann@x.org"


async def decided(sandbox: Sandbox, *labels: str, mails: int = 1) -> list[str]:
    """Ann wrote, and was settled by these labels, one after the other."""
    ids = [
        sandbox.deliver(f"Ann Lee <{ANN}>", f"Mail {n}", ["Screener"], received_at=NOW - timedelta(days=1))
        for n in range(mails)
    ]
    for label in labels:
        sandbox.label(ids[0], label)
        async with screener(sandbox) as mailroom:
            await mailroom.run()
    return ids


def members(sandbox: Sandbox, address: str = ANN) -> set[str]:
    return {name for name, addresses in sandbox.groups().items() if address in addresses}


def lines(sandbox: Sandbox) -> list[str]:
    (card,) = (each for each in sandbox.cards() if ANN in str(each.get("emails")))
    (text,) = (each["note"] for each in card["notes"].values())
    return [line.partition(" on ")[0] for line in str(text).splitlines()]


@every_flavour
async def test_a_sender_is_back_in_the_category_before(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    ids = await decided(sandbox, "@ToFeed", "@ToJail", mails=3)
    async with asking(sandbox) as run:
        found = await find_undo(run, ANN)
        assert (found.to, found.mails, found.undone.category) == ("Feed", 3, "Jail")
        with capture_logs() as logs:
            assert await undo(run, found) == 3
    assert members(sandbox) == {"Mailroom", "Feed"}
    assert [sandbox.mailboxes_of(id) for id in ids] == [{"Feed"}] * 3
    assert lines(sandbox)[2:] == ["Triaged to Feed", "Re-triaged to Jail", "Re-triaged to Feed"]
    (told,) = (each for each in logs if each["event"] == "decision_taken_back")
    assert (told["sender"], told["to"], told["mails"], told["removed_from"]) == (ANN, "Feed", 3, ["Jail"])


async def test_a_move_that_decided_is_undone_as_a_label_is() -> None:
    sandbox = empty_sandbox()
    async with screener(sandbox, ON) as mailroom:
        mail = sandbox.deliver(f"Ann Lee <{ANN}>", "Mail", ["Inbox"], received_at=minutes_on(1))
        await mailroom.run(minutes_on(2))
        sandbox.move(mail, "Feed")
        sandbox.label(mail, "@ToFeed")
        await mailroom.run(minutes_on(3))
        assert (members(sandbox), sandbox.mailboxes_of(mail)) == ({"Mailroom", "Feed"}, {"Feed"})
        assert await undone(sandbox, ANN) == 1
        assert (members(sandbox), sandbox.mailboxes_of(mail)) == ({"Mailroom"}, {"Screener"})
        before = sandbox.store.states()
        await mailroom.run(minutes_on(4))
        assert (sandbox.store.states(), lines(sandbox)[-1]) == (before, "Back to the Screener")


async def test_it_costs_as_many_requests_for_one_mail_as_for_many() -> None:
    requests = []
    for mails in (1, 40):
        sandbox, wire = empty_sandbox(), Wire()
        await decided(sandbox, "@ToFeed", "@ToJail", mails=mails)
        async with asking(sandbox, wire) as run:
            before = wire.requests
            await undo(run, await find_undo(run, ANN))
            requests.append(wire.requests - before)
    # Look up; join and move; leave; look again; write the note.
    assert requests == [5, 5]


@pytest.mark.parametrize("request_of_undo", always(2, (2, 3, 1, 4, 5)))
async def test_new_mail_that_a_pass_files_meanwhile_waits_in_the_end(request_of_undo: int) -> None:
    sandbox, wire = empty_sandbox(), Wire()
    new: list[str] = []
    async with screening(sandbox) as mailroom:
        first = arrives(sandbox, f"Ann <{ANN}>", mailbox="Screener")
        sandbox.label(first, "@ToFeed")
        await mailroom.run(minutes_on(2))

        async def mail_comes() -> None:
            new.append(arrives(sandbox, f"Ann <{ANN}>"))
            await mailroom.run(minutes_on(3))

        async with asking(sandbox, wire, ON) as run:
            wire.before = {wire.requests + request_of_undo: mail_comes}
            await undo(run, await find_undo(run, ANN))
        await mailroom.run(minutes_on(4))
    assert [*map(sandbox.mailboxes_of, (first, *new))] == [{"Screener"}, {"Screener"}]


async def test_the_first_decision_undone_leads_back_into_the_screener_and_again_into_the_category() -> None:
    sandbox = empty_sandbox()
    (mail,) = await decided(sandbox, "@ToImbox")
    await undone(sandbox, ANN)
    assert members(sandbox) == {"Mailroom"}
    assert sandbox.mailboxes_of(mail) == {"Screener"}
    assert keywords_of(sandbox, mail) == {"mailroom-seen", "mailroom-waiting", "mailroom-from-inbox"}
    assert lines(sandbox)[-1] == "Back to the Screener"
    await undone(sandbox, ANN)
    assert members(sandbox) == {"Mailroom", "Imbox"}
    assert sandbox.mailboxes_of(mail) == {"Imbox", "Inbox"}
    assert lines(sandbox)[-1] == "Triaged to Imbox"


async def test_a_sender_without_mail_is_changed_as_well() -> None:
    sandbox = empty_sandbox()
    (mail,) = await decided(sandbox, "@ToFeed", "@ToJail")
    sandbox.delete(mail)
    assert await undone(sandbox, ANN) == 0
    assert members(sandbox) == {"Mailroom", "Feed"}


async def test_mail_of_all_addresses_of_the_card_goes_along() -> None:
    sandbox = empty_sandbox()
    await decided(sandbox, "@ToFeed", "@ToJail")
    (card,) = (each for each in sandbox.cards() if ANN in str(each.get("emails")))
    sandbox.change_card(card["uid"], {"emails/other": {"address": "ann@work.example"}})
    other = sandbox.deliver("Ann <ann@work.example>", "From work", ["Jail"])
    assert await undone(sandbox, ANN) == 2
    assert sandbox.mailboxes_of(other) == {"Feed"}


async def test_a_whole_domain_that_is_decided_holds_where_there_was_nothing() -> None:
    sandbox = empty_sandbox()
    (mail,) = await decided(sandbox, "@ToImbox")
    note = "— Mailroom —\nCreated by Mailroom\nWhole domain\nTriaged to Feed on 2026-03-05T14:03Z"
    join(sandbox, "Feed", sandbox.add_card("*@x.org", "x.org", notes={"n": {"note": note}}))
    await undone(sandbox, ANN)
    assert members(sandbox) == {"Mailroom"}
    assert sandbox.mailboxes_of(mail) == {"Feed", "Inbox"}
    assert lines(sandbox)[-1] == "Undone"
    await undone(sandbox, ANN)
    assert members(sandbox) == {"Mailroom", "Imbox"}


async def test_a_reset_finds_what_was_taken_back_and_undoes_all_of_it() -> None:
    sandbox = empty_sandbox()
    (mail,) = await decided(sandbox, "@ToImbox")
    await undone(sandbox, ANN)
    async with asking(sandbox) as run:
        found = await look(run.client, run.contacts, run.scheme)
        assert [each.card.fields.full_name for each in found.undo.deleted] == ["Ann Lee"]
        assert await undo_all(found, lambda _: None) == []
        assert not await look(run.client, run.contacts, run.scheme)
    assert members(sandbox) == set()
    assert not [card for card in sandbox.cards() if card.get("emails")]
    assert (sandbox.mailboxes_of(mail), keywords_of(sandbox, mail)) == ({"Inbox"}, set())


async def test_asked_twice_about_one_decision_only_that_one_is_undone() -> None:
    sandbox = empty_sandbox()
    await decided(sandbox, "@ToFeed", "@ToJail")
    async with asking(sandbox) as run:
        found = await find_undo(run, ANN)
        await undo(run, found)
        with pytest.raises(ConfigError, match="another one by now"):
            await find_undo(run, ANN, found.undone)
        assert (await find_undo(run, ANN)).to == "Jail"


@pytest.mark.parametrize("address", ["bob@x.org", "friend@x.org"])
async def test_where_nothing_was_decided_nothing_is_undone(address: str) -> None:
    sandbox = empty_sandbox()
    sandbox.add_card("friend@x.org", "Friend", notes={"n": {"note": "Mine."}})
    async with asking(sandbox) as run:
        with pytest.raises(ConfigError, match=f"nothing was decided about {address}"):
            await find_undo(run, address)


async def test_mail_with_a_label_that_is_not_settled_yet_stands_in_the_way() -> None:
    sandbox = empty_sandbox()
    (mail,) = await decided(sandbox, "@ToFeed")
    sandbox.label(mail, "@ToJail")
    async with asking(sandbox) as run:
        with pytest.raises(ConfigError, match=f"mail of {ANN} carries @ToJail: take that off"):
            await find_undo(run, ANN)


async def test_what_the_server_refuses_is_told_and_the_note_stays() -> None:
    sandbox = empty_sandbox()
    (mail,) = await decided(sandbox, "@ToFeed")
    sandbox.faults.set_errors[mail] = SetError("forbidden")
    with pytest.raises(SenderFailed, match="could not be filed"):
        await undone(sandbox, ANN)
    assert lines(sandbox)[-1] == "Triaged to Feed"
    sandbox.faults.clear()
    await undone(sandbox, ANN)
    assert lines(sandbox)[-1] == "Back to the Screener"


async def first(sandbox: Sandbox) -> None:
    await decided(sandbox, "@ToPerson", mails=2)


async def later(sandbox: Sandbox) -> None:
    await decided(sandbox, "@ToFeed", "@ToTruck", mails=2)


async def without_mail(sandbox: Sandbox) -> None:
    for id in await decided(sandbox, "@ToFeed", "@ToTruck"):
        sandbox.delete(id)


@pytest.mark.parametrize(
    ("when", "fill"),
    always(1, ((when, fill) for when in ("cut_after", "cut_before") for fill in (later, first, without_mail))),
)
async def test_cut_off_at_any_request_the_same_call_does_the_rest(
    when: str, fill: Callable[[Sandbox], Awaitable[None]]
) -> None:
    async def filled() -> Sandbox:
        sandbox = empty_sandbox()
        await fill(sandbox)
        return sandbox

    await is_finished_by_the_same_call(when, filled, ANN)
