from mailroom.sandbox import Sandbox, fill_sample
from mailroom.sandbox.sample import DESTINATIONS, GROUPS, LABELS, MARKERS, SENDERS

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


def test_one_sender_is_a_contact_already() -> None:
    [card] = sample().cards()
    assert card["name"] == {"full": "Marta Kowalska"}


def test_the_sample_is_the_same_every_time() -> None:
    one, two = sample(), sample()
    assert one.store.states() == two.store.states()
    assert [mail.message.raw for mail in one.store.mails.objects.values()] == [
        mail.message.raw for mail in two.store.mails.objects.values()
    ]
