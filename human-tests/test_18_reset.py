"""18. Reset: `mailroom reset --apply` undoes what Mailroom did, and nothing else.

Proves: the dry run changes nothing; --apply is refused while a daemon runs; then it puts mail back into the Screener,
  and mail that was screened into the Inbox, leaves mail of a sender whom nobody judged where it is, deletes the card
  that Mailroom made, takes its note off a card that was there before, and empties its groups.
Needs: no daemon runs on the account, no contact has a note of Mailroom's, no mail a keyword of its, and no Sieve script
  of it is installed: a reset takes these away whatever the categories, so on an account that Mailroom works for this
  test is not run. Your own mailboxes and groups are not touched: the test has its own, whose names begin with “Human
  Test”.
Steps:
  1. `mailroom setup --apply` with these categories. A card with a note is made for one of two invented senders.
  2. The daemon starts. A mail of each sender comes to lie in “Human Test Screener”, is labelled (by the script, as
     labels are not what this test is about), and is filed. A mail of a third sender lies in a destination already, and
     one of a fourth in the Screener, with the keywords of a mail that was screened.
  3. `mailroom reset --apply --yes` beside the daemon, which is then stopped; `mailroom reset`;
     `mailroom reset --apply --yes`; and once more, with nothing left to undo.
Cleans up: the mails go to the Trash, the contact cards are deleted, and so are these mailboxes, labels and groups.
"""

from dataclasses import dataclass, replace

from account import Account, Mail, Sender, look_at_account
from daemon import Daemon, command, running_daemon
from support import UNMET, Run, Unmet, main
from trial import Trial, open_trial

from mailroom.contacts.base import Change, Fields, NewCard
from mailroom.decisions.contact import new_uid
from mailroom.decisions.keywords import ALL_MARKS, FROM_INBOX, SEEN, WAITING
from mailroom.decisions.note import has_block
from mailroom.jmap.batch import Batch
from mailroom.jmap.mail import Move
from mailroom.jmap.mail_search import mail_found, search_mail
from mailroom.jmap.query import Filter
from mailroom.senders.sieve_script import find_installed

ROSA, ADA = Sender("Rosa Reset", "rosa.reset"), Sender("Ada Adopted", "ada.adopted")
OTTO, SVEN = Sender("Otto Other", "otto.other"), Sender("Sven Screened", "sven.screened")
OWN_NOTE = "Met at the fair."


async def steps(run: Run) -> None:
    await check_that_nobody_has_a_note(run)
    await check_that_no_rules_are_installed(run)
    await check_that_nothing_was_screened(run)
    trial = await open_trial(run)
    status, _ = await command("setup", "--apply", config=trial.config)
    run.check("setup ends with status 0", status == 0)
    # Whoever runs the test has agreed to it: the labels are put on by the script in any case.
    account = await look_at_account(replace(trial.run, auto=True), ROSA, ADA, OTTO, SVEN)
    await account.forget_at_the_end()
    await write_own_card(account)
    others = await lay_into_a_destination(account)
    screened = await screen(account)
    async with running_daemon(trial.run, config=trial.config) as daemon:
        mails = await settle_both(account, daemon)
        beside = {"health_host": "127.0.0.1", "health_port": str(daemon.port)}
        status, output = await command("reset", "--apply", "--yes", config=trial.config, **beside)
        run.check("reset is refused beside a daemon", status == UNMET and "stop it" in output)
        run.check("SIGTERM ends the daemon with status 0", await daemon.stop() == 0)
    await dry_run(account, trial, mails)
    status, _ = await command("reset", "--apply", "--yes", config=trial.config)
    run.check("it ends with status 0", status == 0)
    await check_undone(account, mails)
    run.check("the mail of the third sender is where it was", await account.places_of(others.mail) == [others.places])
    run.check("the mail that was screened is back in the Inbox", await is_in_inbox_alone(account, screened))
    run.check("no mail has a keyword of Mailroom's", not await marked_mails(run))
    status, output = await command("reset", "--apply", "--yes", config=trial.config)
    run.check("a second run finds nothing to undo", status == 0 and "Nothing to undo" in output)


async def check_that_nobody_has_a_note(run: Run) -> None:
    """What an earlier run of this test left may be there."""
    contacts = await run.servers.contacts()
    own = {ROSA.address, ADA.address}
    noted = [
        card for card in (await contacts.read_all()).book.cards if has_block(card.note) and not card.addresses <= own
    ]
    if noted:
        raise Unmet(f"{len(noted)} contacts have a note of Mailroom's, which a reset takes off: use another account")
    run.check("no contact has a note of Mailroom's", True)


async def check_that_no_rules_are_installed(run: Run) -> None:
    client = run.servers.client
    access = (await client.session()).sieve
    if access is not None and (await find_installed(client, access)).is_mailrooms:
        raise Unmet("rules of Mailroom's are installed, which a reset removes: use another account")
    run.check("no Sieve script of Mailroom's is seen", True)


async def check_that_nothing_was_screened(run: Run) -> None:
    if marked := await marked_mails(run):
        raise Unmet(f"{marked} mails have a keyword of Mailroom's, which a reset takes off: use another account")
    run.check("no mail has a keyword of Mailroom's yet", True)


async def marked_mails(run: Run) -> int:
    client = run.servers.client
    batch = Batch()
    keywords: list[Filter] = [{"hasKeyword": keyword} for keyword in sorted(ALL_MARKS)]
    asked = search_mail(batch, await client.session(), any_condition=keywords)
    return len(await mail_found(client, asked, await client.send(batch)))


async def screen(account: Account) -> Mail:
    """A mail that waits in the Screener, as screening leaves it."""
    (mail,) = await account.receive(SVEN, "Mailroom human test 18: screened")
    await account.move(mail, Move(set=frozenset({SEEN, WAITING, FROM_INBOX})))
    return mail


async def is_in_inbox_alone(account: Account, mail: Mail) -> bool:
    return await account.places_of(mail) == [{account.places.inbox}]


@dataclass(frozen=True, slots=True)
class Lying:
    """A mail, and where it is."""

    mail: Mail
    places: frozenset[str]


async def lay_into_a_destination(account: Account) -> Lying:
    """A mail that is in a destination, and not by Mailroom."""
    (mail,) = await account.receive(OTTO, "Mailroom human test 18: not Mailroom's")
    destination = account.id_of(account.run.scheme.categories[0].destination_mailbox)
    await account.move(mail, Move(frozenset({destination}), frozenset({account.places.screener or ""})))
    return Lying(mail, frozenset({destination}))


async def write_own_card(account: Account) -> None:
    uid = new_uid((await account.run.servers.client.session()).mail_account, ADA.address)
    await account.write(Change(ADA.address, uid, NewCard(uid, ADA.address, Fields(ADA.name), OWN_NOTE)))


async def settle_both(account: Account, daemon: Daemon) -> tuple[Mail, Mail]:
    """A mail of each sender, filed."""
    category = account.run.scheme.categories[-1]
    (one,) = await account.receive(ROSA, "Mailroom human test 18: to be undone")
    (two,) = await account.receive(ADA, "Mailroom human test 18: to be undone as well")
    await account.put_label(category.label, one)
    await account.put_label(category.label, two)
    await daemon.sees(f"both mails are filed for {category.name}", lambda: account.is_filed(category, one, two))
    return one, two


async def dry_run(account: Account, trial: Trial, mails: tuple[Mail, Mail]) -> None:
    check, category = account.run.check, account.run.scheme.categories[-1]
    status, output = await command("reset", config=trial.config)
    check("the dry run ends with status 0", status == 0)
    check("it names both contacts", ROSA.address in output and ADA.address in output)
    check("both mails are still filed", await account.is_filed(category, *mails))
    check("both contact cards are still there", await account.is_known(ROSA) and await account.is_known(ADA))


async def check_undone(account: Account, mails: tuple[Mail, Mail]) -> None:
    check, screener = account.run.check, account.places.screener
    check(f"both mails are in {account.screener} alone", await account.places_of(*mails) == [{screener}] * 2)
    check("the card that Mailroom made is gone", not await account.is_known(ROSA))
    contact = await account.contact(ADA)
    check("the other card has your own note alone", contact.card.note.strip() == OWN_NOTE)
    check("it is in no group", contact.groups == frozenset())
    names = account.run.scheme.groups | {account.run.scheme.provenance_group}
    groups = [group for group in (await account.book()).groups if group.name in names]
    check(f"the {len(groups)} groups are empty", len(groups) == len(names) and not any(each.members for each in groups))


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
