"""24. Folders only: a mail that is moved out of the Screener decides about its sender, as a label does.

Proves: a mail app that knows no labels settles a sender by moving one mail from the Screener into a category's mailbox,
  and the contact's note says so; a mail that is moved into the Inbox is about that mail alone.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account; a category. The daemon of this test screens
  whatever mail comes into your Inbox while it runs, by your settings and categories; mail from before is left alone.
Steps:
  1. The daemon starts with screening on. Two mails of an invented sender and one of another arrive, and are screened.
  2. You move one of the two into the category's mailbox: both are filed, and the note says `Moved to`.
  3. You move the mail of the other sender into the Inbox: it stays there, and no contact is made.
Cleans up: the mails go to the Trash, the contact card is deleted, Mailroom's own card is as before, the daemon is
  stopped.
"""

from account import Account, Mail, Sender, category_of, open_account
from daemon import running_daemon
from own_card import put_own_card_back_at_the_end
from support import Run, main

from mailroom.decisions import note
from mailroom.decisions.keywords import WAITING
from mailroom.jmap.batch import Batch
from mailroom.jmap.mail import get_emails

MOIRA, ALEC = Sender("Moira Moved", "moira.moved"), Sender("Alec Alone", "alec.alone")
SUBJECT = "Mailroom human test 24:"


async def steps(run: Run) -> None:
    category = category_of(run, "company")
    account = await open_account(run, MOIRA, ALEC)
    await put_own_card_back_at_the_end(account)
    async with running_daemon(run, screening="on") as daemon:
        mails = await account.receive(MOIRA, f"{SUBJECT} number one", f"{SUBJECT} number two", mailbox="Inbox")
        (alone,) = await account.receive(ALEC, f"{SUBJECT} for this once", mailbox="Inbox")
        await daemon.sees("all three wait in the Screener", lambda: wait(account, *mails, alone))
        await account.move_to(category.destination_mailbox, mails[0])
        await daemon.sees(f"both mails are filed for {category.name}", lambda: account.is_filed(category, *mails))
        text = (await account.contact(MOIRA)).card.note
        last = (note.read(text) or note.NOTHING_WRITTEN).last
        run.check("the contact's note says that the mail was moved", last is not None and last.verb is note.Verb.MOVED)
        await account.move_to("Inbox", alone)
        await daemon.sees("the other sender's mail waits no longer", lambda: nothing_waits(account, alone))
        run.check("it is in the Inbox", await account.places_of(alone) == [frozenset({account.places.inbox})])
        run.check("its sender is no contact", not await account.is_known(ALEC))


async def wait(account: Account, *mails: Mail) -> bool:
    """Whether all of them are in the Screener, and nowhere else."""
    return await account.places_of(*mails) == [frozenset({account.places.screener})] * len(mails)


async def nothing_waits(account: Account, mail: Mail) -> bool:
    """Whether a mail is out of the Screener, and known to be."""
    batch = Batch()
    slots = get_emails(batch, await account.run.servers.client.session(), [mail.id])
    replies = await account.run.servers.client.send(batch)
    found = [email for slot in slots for email in replies[slot]]
    return all(WAITING not in email.keywords and account.places.screener not in email.mailbox_ids for email in found)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
