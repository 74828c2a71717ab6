"""9. Second address: a contact is one sender, whichever of its addresses a mail comes from.

Proves: mail of every address of a contact is filed by one label, and the contact stays one card.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account; a category.
Steps:
  1. A contact with two addresses is made. A mail from each comes to lie in the Screener, and the daemon starts.
  2. You put a label on the mail from the first address.
  3. The daemon files both mails.
Cleans up: the mails go to the Trash, the contact card is deleted, the daemon is stopped.
"""

from account import Sender, category_of, open_account
from daemon import running_daemon
from support import Run, main

from mailroom.contacts.base import Change, Fields, NewCard

HOME = Sender("Tova Twice", "tova.twice")
WORK = Sender("Tova Twice", "tova.at.work")
UID = "6d1c2f0e-9a57-4b7e-8a53-7c1f3a0f9b09"


async def steps(run: Run) -> None:
    category = category_of(run, "company")
    account = await open_account(run, HOME, WORK)
    card = NewCard(UID, HOME.address, Fields(HOME.name, given="Tova", family="Twice"), "")
    await account.write(Change(HOME.address, UID, card))
    # A card that is there gets the address of one that would have its uid.
    await account.write(Change(WORK.address, UID, NewCard(UID, WORK.address, card.fields, "")))
    contact = await account.contact(HOME)
    run.check("the contact has both addresses", contact.card.addresses == {HOME.address, WORK.address})
    (first,) = await account.receive(HOME, "Mailroom human test 9: from home")
    (second,) = await account.receive(WORK, "Mailroom human test 9: from work")
    async with running_daemon(run) as daemon:
        await account.put_label(category.label, first)
        filed = f"both mails are in {category.destination_mailbox}, and no label is left"
        await daemon.sees(filed, lambda: account.is_filed(category, first, second))
    contact = await account.contact(WORK)
    run.check(f"the one contact is in the group {category.contact_group}", category.contact_group in contact.groups)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
