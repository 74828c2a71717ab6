"""20. Screening: a stranger's mail leaves the Inbox within seconds, and a friend's stays.

Proves: with screening on, the daemon moves new mail of a stranger from the Inbox to the Screener, leaves that of
  somebody in your address book, lets everybody in while `mailroom open` says so, and marks what it has judged.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account. This one screens whatever mail comes into
  your Inbox while the test runs, by your settings and categories; mail from before is left alone.
Steps:
  1. The daemon starts with screening on. One of three invented senders has a contact card, as a friend of yours would.
  2. A mail of the friend and one of a stranger arrive in the Inbox. The stranger's goes to the Screener.
  3. `mailroom open 15m`, and a mail of another stranger stays; `mailroom open off`, and their next one does not.
Cleans up: the mails go to the Trash, the contact cards are deleted, Mailroom's own card is as before, the daemon is
  stopped.
"""

from account import Account, Mail, Sender, open_account
from daemon import command, running_daemon
from own_card import put_own_card_back_at_the_end
from support import Run, main

from mailroom.contacts.base import Change, Fields, NewCard
from mailroom.decisions.contact import new_uid
from mailroom.decisions.keywords import SEEN
from mailroom.jmap.batch import Batch
from mailroom.jmap.new_mail import NEW_MAIL

FAY, STELLA = Sender("Fay Friend", "fay.friend"), Sender("Stella Stranger", "stella.stranger")
LARS = Sender("Lars Let-in", "lars.letin")
SUBJECT = "Mailroom human test 20: from"


async def steps(run: Run) -> None:
    account = await open_account(run, FAY, STELLA, LARS)
    await put_own_card_back_at_the_end(account)
    await befriend(account, FAY)
    async with running_daemon(run, screening="on") as daemon:
        (friends,) = await account.receive(FAY, f"{SUBJECT} a friend", mailbox="Inbox")
        (strangers,) = await account.receive(STELLA, f"{SUBJECT} a stranger", mailbox="Inbox")
        await daemon.sees(
            "the stranger's mail is in the Screener, and no longer in the Inbox",
            lambda: lies_in(account, account.places.screener, strangers),
        )
        run.check("the friend's is in the Inbox", await lies_in(account, account.places.inbox, friends))
        run.check("both are marked as judged", await are_judged(account, friends, strangers))
        status, _ = await command("open", "15m", screening="on")
        run.check("`open 15m` ends with status 0", status == 0)
        (let_in,) = await account.receive(LARS, f"{SUBJECT} another stranger", mailbox="Inbox")
        await daemon.sees("the next stranger's mail is judged", lambda: are_judged(account, let_in))
        run.check("it stays in the Inbox", await lies_in(account, account.places.inbox, let_in))
        status, _ = await command("open", "off", screening="on")
        run.check("`open off` ends with status 0", status == 0)
        (late,) = await account.receive(LARS, f"{SUBJECT} another stranger, again", mailbox="Inbox")
        await daemon.sees(
            "the mail after that is in the Screener", lambda: lies_in(account, account.places.screener, late)
        )
        run.check("SIGTERM ends the daemon with status 0", await daemon.stop() == 0)


async def lies_in(account: Account, mailbox: str | None, mail: Mail) -> bool:
    """Whether a mail is in this mailbox, by its id, and in no other."""
    return await account.places_of(mail) == [frozenset({mailbox})]


async def are_judged(account: Account, *mails: Mail) -> bool:
    """Whether all carry the mark of mail that was judged."""
    client = account.run.servers.client
    batch = Batch()
    ids = [mail.id for mail in mails]
    slot = batch.add(NEW_MAIL.get((await client.session()).mail_account, "ids", ids))
    found = (await client.send(batch))[slot]
    return len(found) == len(mails) and all(SEEN in mail.keywords for mail in found)


async def befriend(account: Account, sender: Sender) -> None:
    """A card such as you would make."""
    uid = new_uid((await account.run.servers.client.session()).mail_account, sender.address)
    await account.write(Change(sender.address, uid, NewCard(uid, sender.address, Fields(sender.name), "A friend.")))


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
