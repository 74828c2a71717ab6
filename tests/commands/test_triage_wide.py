"""`mailroom triage @shop.example Feed` and `mailroom triage list:ID Feed`."""

import pytest

from mailroom.sandbox import Sandbox
from tests.commands.support import command, sets, settings_for
from tests.new_mail import join
from tests.triage.test_whole import DEV, DOMAIN, LIST, account, mail, note_of

LIST_ID = "list:python-dev.python.org"


def shop(senders: int = 3) -> Sandbox:
    """Mail of a shop that writes from several addresses, one of them decided, one a contact, and of somebody else."""
    sandbox = account()
    join(sandbox, "Jail", sandbox.add_card("spam@shop.example", "Spam"))
    sandbox.add_card("friend@shop.example", "Friend")
    for address in ("spam@shop.example", "friend@shop.example", "a@myshop.example"):
        mail(sandbox, address)
    for number in range(senders):
        for _ in range(number + 1):
            mail(sandbox, f"s{number}@{'mail.' * (number % 2)}shop.example")
    return sandbox


async def triage(sandbox: Sandbox, *words: str) -> tuple[int, str, str]:
    async with settings_for(sandbox) as settings:
        ended = await command(settings, "triage", *words)
    return ended.status, ended.output, ended.errors


async def test_a_dry_run_says_whom_it_catches_the_most_mails_first_and_changes_nothing() -> None:
    sandbox = shop()
    status, output, _ = await triage(sandbox, "@shop.example", "Feed", "--dry-run")
    assert (status, sets(sandbox)) == (0, [])
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert lines[0] == "@shop.example to Feed: 3 senders with 6 mails, the most mails first"
    assert lines[2:5] == [
        "3 s2@shop.example Somebody",
        "2 s1@mail.shop.example Somebody",
        "1 s0@shop.example Somebody",
    ]
    assert "1 friend@shop.example Somebody the sender is in your address book" in lines
    assert "1 spam@shop.example Somebody you decided about the sender" in lines


async def test_a_domain_is_decided_with_all_its_mail_and_the_labels_are_off_again() -> None:
    sandbox = shop()
    status, output, _ = await triage(sandbox, "@shop.example", "Feed", "--yes")
    assert status == 0
    assert (
        "@shop.example is settled in Feed: 6 mails filed in Feed; contact 'shop.example' created; joined Feed."
        in output
    )
    assert len(sandbox.mails_in("Feed")) == 6
    assert len(sandbox.mails_in("Screener")) == 3
    assert sandbox.mails_in(DOMAIN) == sandbox.mails_in("@ToFeed") == []
    assert sandbox.groups()["Feed"] == {"*@shop.example"}


async def test_a_list_is_decided_and_called_as_it_calls_itself() -> None:
    sandbox = account()
    mails = [mail(sandbox, f"{name}@x.example", header=[DEV]) for name in ("ann", "bob")]
    status, _, _ = await triage(sandbox, LIST_ID, "Truck", "--yes")
    assert status == 0
    assert all(sandbox.mailboxes_of(each) == {"Truck", "Paper Trail"} for each in mails)
    assert "Whole list <python-dev.python.org>" in note_of(sandbox, "Core developers")


@pytest.mark.parametrize("what", ["@shop.example", "@mail.shop.example", LIST_ID])
async def test_without_mail_or_labels_the_contact_alone_is_settled(what: str) -> None:
    sandbox = account()
    for label in (DOMAIN, LIST):
        sandbox.destroy_mailbox(label)
    other = mail(sandbox, "a@mail.shop.example", header=[DEV])
    status, _, _ = await triage(sandbox, what, "Feed", "--yes")
    assert (status, sandbox.mailboxes_of(other), len(sandbox.cards())) == (0, {"Feed"}, 1)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("@gmail.com", "nothing can be decided about @gmail.com: many write from the domain"),
        ("@co.uk", "nothing can be decided about @co.uk: nobody registers such a domain"),
        ("@[192.0.2.1]", "nobody registers such a domain"),
        (
            "shop.example",
            "'shop.example' is no mail address; give it alone, such as ann@example.org; a whole domain is @example.org",
        ),
    ],
)
async def test_what_cant_be_decided_is_refused_before_anything_is_written(what: str, why: str) -> None:
    sandbox = account()
    status, _, errors = await triage(sandbox, what, "Feed", "--yes")
    assert (status, sets(sandbox)) == (2, [])
    assert why in errors


@pytest.mark.parametrize(
    ("what", "how"), [("@shop.exmaple", ""), ("list:dev.python", " The field List-Id of its mail says how.")]
)
async def test_without_mail_the_spelling_may_be_wrong(what: str, how: str) -> None:
    status, output, _ = await triage(account(), what, "Feed", "--dry-run")
    assert status == 0
    assert output == f"{what} to Feed: 0 senders with 0 mails\nThere is no mail of it yet. Is it spelled right?{how}\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("@shop.example", "Feed"), "There is no terminal to ask on: add --yes"),
        (("ann@shop.example", "@shop.example", "Feed"), "in a command of their own"),
        (("ann@shop.example", "Feed", "--dry-run"), "--dry-run and --yes go with whole domains"),
    ],
)
async def test_the_command_line_says_what_goes_together(words: tuple[str, ...], why: str) -> None:
    sandbox = account()
    status, _, errors = await triage(sandbox, *words)
    assert (status, sets(sandbox)) == (2, [])
    assert why in errors


async def test_labels_for_another_category_are_told_and_force_decides() -> None:
    sandbox = account()
    for address in ("a@shop.example", "b@shop.example"):
        mail(sandbox, address, "Screener", "@ToJail", DOMAIN)
    status, _, errors = await triage(sandbox, "@shop.example", "Feed", "--yes")
    assert (status, sets(sandbox)) == (2, [])
    assert "mail of @shop.example already carries @ToJail" in errors
    assert (await triage(sandbox, "@shop.example", "Feed", "--yes", "--force"))[0] == 0
    assert len(sandbox.mails_in("Feed")) == 2
