"""5. Contacts: a card is created once, completed without loss, and deleted.

Proves: Mailroom's backend for contacts (JMAP or CardDAV, whichever the settings lead to) writes cards that it finds
  again, makes no second card when it creates one twice, and fills empty fields only.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account.
Steps:
  1. Create a card for an invented address; create it again; look it up.
  2. Fill in the organization, and replace the note; look it up.
Cleans up: the card is deleted, which is looked up as well.
"""

from account import Sender, open_account
from support import Run, main

from mailroom.contacts.base import CardEdit, Change, Fields, NewCard
from mailroom.decisions.contact import new_uid

CARL = Sender("Carl Card", "carl.card")


async def steps(run: Run) -> None:
    account = await open_account(run, CARL)
    uid = new_uid((await run.servers.client.session()).mail_account, CARL.address)
    new = NewCard(uid, CARL.address, Fields(CARL.name), "First note")
    run.check("nobody has the address yet", not await account.is_known(CARL))
    await account.write(Change(CARL.address, uid, new))
    card = (await account.contact(CARL)).card
    run.check("a card is created and found by its address", card.uid == uid)
    run.check("it has the name and the note", (card.fields.full_name, card.note) == (CARL.name, "First note"))
    await account.write(Change(CARL.address, uid, new))
    card = (await account.contact(CARL)).card
    run.check("created again, it is still one card", card.uid == uid)

    edit = CardEdit(card, Fields(organization="Cards & Co"), "First note\nSecond note")
    await account.write(Change(CARL.address, uid, edit))
    card = (await account.contact(CARL)).card
    run.check("an empty field is filled", card.fields.organization == "Cards & Co")
    run.check("the name is as it was", card.fields.full_name == CARL.name)
    run.check("the note is the new one", card.note == "First note\nSecond note")

    await account.forget()
    run.check("deleted, it is not found any more", not await account.is_known(CARL))


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
