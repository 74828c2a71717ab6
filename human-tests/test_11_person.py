"""11. Person: a sender in a category for people gets a person's card, and their mail a person's places.

Proves: given and family name are taken from the display name; card and mail join the category's chain of parents.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account; a category of contact_type person.
Steps:
  1. The daemon starts. A mail of an invented person comes to lie in the Screener.
  2. You put the category's label on it.
  3. The daemon files it, and makes a card.
Cleans up: the mail goes to the Trash, the contact card is deleted, the daemon is stopped.
"""

from account import Sender, category_of, open_account
from daemon import running_daemon
from support import Run, main

PETRA = Sender("Petra Maria Person", "petra.person")


async def steps(run: Run) -> None:
    category = category_of(run, "person")
    chain = run.scheme.chain(category)
    account = await open_account(run, PETRA)
    async with running_daemon(run) as daemon:
        (mail,) = await account.receive(PETRA, "Mailroom human test 11: a person")
        await account.put_label(category.label, mail)
        destinations = " and ".join(each.destination_mailbox for each in chain)
        await daemon.sees(f"the mail is in {destinations}", lambda: account.is_filed(category, mail))
        (ids,) = await account.places_of(mail)
        does = "is" if category.add_to_inbox else "is not"
        run.check(
            f"it {does} in the Inbox, as the category says", (account.places.inbox in ids) is category.add_to_inbox
        )
        contact = await account.contact(PETRA)
        fields = contact.card.fields
        run.check("the card has the full name", fields.full_name == PETRA.name)
        run.check(
            "given name Petra Maria, family name Person", (fields.given, fields.family) == ("Petra Maria", "Person")
        )
        run.check("no organization", fields.organization == "")
        groups = {each.contact_group for each in chain} | {run.scheme.provenance_group}
        run.check(f"it is in the groups {', '.join(sorted(groups))}", contact.groups == groups)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
