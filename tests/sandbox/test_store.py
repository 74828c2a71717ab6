from mailroom.sandbox import Sandbox

from .support import call, error_of, make_sandbox


def changes(sandbox: Sandbox, method: str, since: str) -> tuple[list[str], list[str], list[str]]:
    answer = call(sandbox, method, sinceState=since)
    assert answer["hasMoreChanges"] is False
    return answer["created"], answer["updated"], answer["destroyed"]


def test_every_type_has_a_state_of_its_own_that_moves_only_with_it() -> None:
    sandbox = make_sandbox()
    before = sandbox.store.states()
    sandbox.add_card("ann@example.org", "Ann")
    after = sandbox.store.states()
    assert {name for name in before if before[name] != after[name]} == {"ContactCard"}


def test_filing_a_mail_moves_the_states_of_mail_and_mailboxes() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    before = sandbox.store.states()
    sandbox.move(mail_id, "Feed")
    after = sandbox.store.states()
    assert {name for name in before if before[name] != after[name]} == {"Email", "Mailbox"}


def test_a_change_that_changes_nothing_leaves_the_states() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    before = sandbox.store.states()
    sandbox.label(mail_id, "Screener")
    assert sandbox.store.states() == before


def test_changes_tell_what_was_created_updated_and_destroyed_since() -> None:
    sandbox = make_sandbox()
    kept, lost = sandbox.deliver(), sandbox.deliver()
    state = sandbox.store.mails.state
    new, brief = sandbox.deliver(), sandbox.deliver()
    sandbox.label(kept, "Feed")
    sandbox.label(new, "Feed")
    sandbox.delete(lost)
    sandbox.delete(brief)
    assert changes(sandbox, "Email/changes", state) == ([new], [kept], [lost])


def test_changes_come_in_pages() -> None:
    sandbox = make_sandbox()
    state = sandbox.store.mails.state
    ids = [sandbox.deliver() for _ in range(3)]
    first = call(sandbox, "Email/changes", sinceState=state, maxChanges=2)
    assert (first["created"], first["hasMoreChanges"]) == (ids[:2], True)
    assert changes(sandbox, "Email/changes", first["newState"]) == (ids[2:], [], [])


def test_changes_since_an_unknown_state_can_not_be_calculated() -> None:
    sandbox = make_sandbox()
    for state in ("Email-99", "Mailbox-0", "nonsense"):
        assert error_of(sandbox, "Email/changes", sinceState=state) == "cannotCalculateChanges"


def test_replies_share_a_thread() -> None:
    sandbox = make_sandbox()
    first = sandbox.deliver(raw=b"From: a@example.org\r\nMessage-ID: <one@x>\r\n\r\nHello")
    reply = sandbox.deliver(raw=b"From: b@example.org\r\nMessage-ID: <two@x>\r\nIn-Reply-To: <one@x>\r\n\r\nYes")
    other = sandbox.deliver()
    threads = [sandbox.store.mails.objects[i].thread_id for i in (first, reply, other)]
    assert threads[0] == threads[1] != threads[2]


def test_ids_are_the_same_in_every_run() -> None:
    one, two = make_sandbox(), make_sandbox()
    assert [one.deliver(), one.add_card("a@x.org", "A")] == [two.deliver(), two.add_card("a@x.org", "A")]
