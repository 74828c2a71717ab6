from mailroom.sandbox import Sandbox, fill_sample
from mailroom.sandbox.sample import DESTINATIONS, GROUPS, IN_THE_INBOX, LABELS, MARKERS, SENDERS, fill_inbox

from .support import NOON, call


def sample() -> Sandbox:
    sandbox = Sandbox(clock=lambda: NOON)
    fill_sample(sandbox)
    return sandbox


def test_the_sample_has_every_mailbox_and_group_that_the_default_categories_want() -> None:
    sandbox = sample()
    for name in ("Screener", *DESTINATIONS, *LABELS, *MARKERS):
        assert sandbox.mailbox_id(name)
    roles = {m.role for m in sandbox.store.mailboxes.objects.values() if m.role}
    assert roles == {"inbox", "archive", "drafts", "sent", "trash", "junk"}
    assert sandbox.groups() == {name: set() for name in GROUPS}
    assert "@ToPaperTrail" in LABELS


def test_the_sample_has_senders_in_the_screener_and_one_who_wrote_before() -> None:
    sandbox = sample()
    waiting = sandbox.mails_in("Screener")
    mails = call(sandbox, "Email/get", ids=waiting, properties=["from", "receivedAt"])["list"]
    assert len({mail["from"][0]["email"] for mail in mails}) == len(SENDERS) + 1
    assert all(mail["receivedAt"] < "2026-03-05T12:00:00Z" for mail in mails)
    archived = call(sandbox, "Email/get", ids=sandbox.mails_in("Archive"), properties=["from"])["list"]
    assert {mail["from"][0]["email"] for mail in archived} == {"ines@atelier-fontaine.example"}


def test_the_inbox_has_mail_of_the_last_hours_and_one_of_its_senders_was_written_to() -> None:
    sandbox = sample()
    fill_inbox(sandbox)
    mails = call(sandbox, "Email/get", ids=sandbox.mails_in("Inbox"), properties=["from", "receivedAt"])["list"]
    assert len(mails) == sum(len(sender.subjects) for sender in IN_THE_INBOX)
    assert all("2026-03-05T00:00:00Z" < mail["receivedAt"] < "2026-03-05T12:00:00Z" for mail in mails)
    [sent] = call(sandbox, "Email/get", ids=sandbox.mails_in("Sent"), properties=["to"])["list"]
    assert sent["to"][0]["email"] in {mail["from"][0]["email"] for mail in mails}


def test_one_sender_is_a_contact_already() -> None:
    [card] = sample().cards()
    assert card["name"] == {"full": "Marta Kowalska"}


def test_the_sample_is_the_same_every_time() -> None:
    one, two = sample(), sample()
    assert one.store.states() == two.store.states()
    assert [mail.message.raw for mail in one.store.mails.objects.values()] == [
        mail.message.raw for mail in two.store.mails.objects.values()
    ]
