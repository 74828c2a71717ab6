"""New mail, labels and decisions in one pass: labels win, and new mail follows what the pass leaves in the groups."""

from mailroom.sandbox import Flavour, Sandbox
from tests.flavours import every_flavour
from tests.new_mail import ANN, arrives, join, keywords_of, later, screening, seen
from tests.screener import empty_sandbox

FORGED = "Authentication-Results: mx.example.com; dmarc=fail (p=reject) header.from=example.org"


def person(sandbox: Sandbox, name: str, *groups: str) -> str:
    """The From header of somebody who has a card in these groups."""
    uid = sandbox.add_card(f"{name.lower()}@example.org", name)
    for group in groups:
        join(sandbox, group, uid)
    return f"{name} <{name.lower()}@example.org>"


@every_flavour
async def test_what_waits_of_decided_senders_is_filed_and_what_is_forged_is_not(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    feed = person(sandbox, "Feed", "Feed")
    waiting = {
        "feed": arrives(sandbox, feed, mailbox="Screener"),
        "imbox": arrives(sandbox, person(sandbox, "Imbox", "Imbox"), mailbox="Screener"),
        "truck": arrives(sandbox, person(sandbox, "Truck", "Truck", "Paper Trail"), mailbox="Screener"),
        "friend": arrives(sandbox, person(sandbox, "Friend"), mailbox="Screener"),
        "forged": arrives(sandbox, feed, FORGED, mailbox="Screener"),
        "stranger": arrives(sandbox, mailbox="Screener"),
    }
    async with screening(sandbox) as s:
        await s.run(later(2))
        assert {what: sandbox.mailboxes_of(mail) - {"@MailroomWarning"} for what, mail in waiting.items()} == {
            "feed": {"Feed"},
            "imbox": {"Imbox", "Inbox"},
            "truck": {"Truck", "Paper Trail"},
            "friend": {"Screener"},
            "forged": {"Screener"},
            "stranger": {"Screener"},
        }
        states = sandbox.store.states()
        await s.run(later(3))
        assert sandbox.store.states() == states


@every_flavour
async def test_a_label_wins_whatever_screening_thinks(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mails = {
        "stranger": arrives(sandbox),
        "friend": arrives(sandbox, person(sandbox, "Friend")),
        "forged": arrives(sandbox, person(sandbox, "Bank"), FORGED),
        "decided": arrives(sandbox, person(sandbox, "Imbox", "Imbox")),
    }
    for mail in mails.values():
        sandbox.label(mail, "@ToFeed")
    async with screening(sandbox) as s:
        outcome = await s.run(later(2))
    assert (outcome.senders_triaged, outcome.mails_screened) == (4, 0)
    for what, mail in mails.items():
        assert sandbox.mailboxes_of(mail) - {"Inbox", "@MailroomWarning"} == {"Feed"}, what
    assert sandbox.groups()["Feed"] == {f"{who}@example.org" for who in ("ann", "friend", "bank", "imbox")}


@every_flavour
async def test_new_mail_follows_the_groups_as_the_pass_leaves_them(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    moving = person(sandbox, "Moving", "Person", "Imbox")
    new = {"jail": arrives(sandbox, moving), "feed": arrives(sandbox), "imbox": arrives(sandbox, "New <new@x.example>")}
    for sender, label in ((moving, "@ToJail"), (ANN, "@ToFeed"), ("New <new@x.example>", "@ToImbox")):
        sandbox.label(sandbox.deliver(sender, "Old", ["Archive"]), label)
    forged = arrives(sandbox, ANN, FORGED)
    async with screening(sandbox) as s:
        await s.run(later(2))
        assert seen(sandbox, new["jail"]) == ({"Jail"}, {"mailroom-seen", "mailroom-from-inbox"})
        assert seen(sandbox, new["feed"]) == ({"Feed"}, {"mailroom-seen", "mailroom-from-inbox"})
        assert seen(sandbox, new["imbox"]) == ({"Imbox", "Inbox"}, {"mailroom-seen"})
        assert sandbox.mailboxes_of(forged) == {"Screener", "@MailroomWarning"}
        assert "mailroom-forged" in keywords_of(sandbox, forged)
        states = sandbox.store.states()
        await s.run(later(3))
        assert sandbox.store.states() == states


@every_flavour
async def test_a_conflict_of_labels_decides_nothing_about_new_mail(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    for label in ("@ToFeed", "@ToJail"):
        sandbox.label(sandbox.deliver(ANN, "Old", ["Archive"]), label)
    new = arrives(sandbox)
    async with screening(sandbox) as s:
        await s.run(later(2))
    assert sandbox.mailboxes_of(new) == {"Screener"}
