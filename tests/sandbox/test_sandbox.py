from collections.abc import Callable

import pytest
import trio

from mailroom.sandbox import Sandbox, SandboxError

from .support import make_sandbox


def test_a_scripted_user_labels_moves_and_deletes_mail() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(mailboxes=["Screener"])
    sandbox.label(mail_id, "Feed")
    assert sandbox.mailboxes_of(mail_id) == {"Screener", "Feed"}
    sandbox.unlabel(mail_id, "Screener")
    assert sandbox.mailboxes_of(mail_id) == {"Feed"}
    sandbox.move(mail_id, "Trash")
    assert (sandbox.mails_in("Feed"), sandbox.mails_in("Trash")) == ([], [mail_id])
    sandbox.delete(mail_id)
    assert sandbox.mails_in("Trash") == []


def test_what_a_user_can_not_do_is_said_clearly() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(mailboxes=["Screener"])
    with pytest.raises(SandboxError, match="no mailbox 'Nowhere'"):
        sandbox.label(mail_id, "Nowhere")
    with pytest.raises(SandboxError, match="in no mailbox"):
        sandbox.unlabel(mail_id, "Screener")
    with pytest.raises(SandboxError, match="no mail 'M99'"):
        sandbox.delete("M99")
    with pytest.raises(SandboxError, match=r"No contact has the address 'ann@example\.org'"):
        sandbox.add_group("Feed", ["ann@example.org"])


def test_mailboxes_are_found_by_name_or_path_and_renamed_and_removed() -> None:
    sandbox = make_sandbox()
    nested = sandbox.create_mailbox("Deep", parent="Feed")
    flat = sandbox.create_mailbox("Feed/Flat")
    assert sandbox.mailbox_id("Feed/Deep") == nested
    assert sandbox.mailbox_id("Feed/Flat") == flat
    sandbox.rename_mailbox("Feed/Deep", "Deeper")
    assert sandbox.mailbox_id("Feed/Deeper") == nested
    sandbox.destroy_mailbox("Feed/Deeper")
    with pytest.raises(SandboxError):
        sandbox.mailbox_id("Feed/Deeper")


def test_contacts_and_groups_are_added_changed_and_removed() -> None:
    sandbox = make_sandbox()
    uid = sandbox.add_card("ann@example.org", "Ann", notes={"n": {"note": "x"}})
    sandbox.add_group("Feed", ["ANN@example.org"])
    sandbox.add_group("Jail")
    assert sandbox.groups() == {"Feed": {"ann@example.org"}, "Jail": set()}
    sandbox.change_card(uid, {"emails/e1/address": "ann@new.example"})
    assert sandbox.groups()["Feed"] == {"ann@new.example"}
    with pytest.raises(SandboxError, match="invalidProperties"):
        sandbox.change_card(uid, {"colour": "red"})
    sandbox.destroy_card(uid)
    assert (sandbox.cards(), sandbox.groups()["Feed"]) == ([], set())


def test_any_message_can_be_delivered() -> None:
    sandbox = Sandbox()
    sandbox.create_mailbox("Screener")
    mail_id = sandbox.deliver(raw=b"Subject: nobody wrote this\r\n\r\n")
    assert sandbox.store.mails.objects[mail_id].message.from_text == ""


@pytest.mark.parametrize(
    "act",
    [
        lambda sandbox: sandbox.deliver(mailboxes=["Screener"]),
        lambda sandbox: sandbox.create_mailbox("New"),
        lambda sandbox: sandbox.add_card("ann@example.org", "Ann"),
    ],
    ids=["mail", "mailbox", "contact"],
)
async def test_a_change_of_anything_wakes_who_waits_for_one(
    autojump_clock: trio.testing.MockClock, act: Callable[[Sandbox], object]
) -> None:
    sandbox = make_sandbox()
    with trio.move_on_after(1) as too_early:
        await sandbox.changed()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sandbox.changed)
        nursery.start_soon(sandbox.changed)
        await trio.testing.wait_all_tasks_blocked()
        act(sandbox)
        nursery.cancel_scope.deadline = trio.current_time() + 1
    assert too_early.cancelled_caught
    assert not nursery.cancel_scope.cancelled_caught
