"""12. Company: a new sender gets a company's card; a card that is there already stays yours.

Proves: a new card has the display name as organization; an existing one is adopted: its name and your own note stay,
  and it isn't counted among the cards that Mailroom made. A mail that shows another name than the card is warned of.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account; a category of contact_type company.
Steps:
  1. A card with a note is made for one of two invented companies. The daemon starts.
  2. A mail of each comes to lie in the Screener, and you put the same label on both.
  3. The daemon files them, makes one card and adopts the other.
Cleans up: the mails go to the Trash, the contact cards are deleted, the daemon is stopped.
"""

from account import Account, Sender, category_of, open_account
from daemon import running_daemon
from support import Run, main

from mailroom.contacts.base import Change, Fields, NewCard
from mailroom.decisions.contact import new_uid

NEW = Sender("Kontor New & Co", "kontor.new")
KNOWN = Sender("Kontor Known & Co", "kontor.known")
NAME_IN_CARD = "Our dear Kontor"
OWN_NOTE = "Met at the fair."


async def steps(run: Run) -> None:
    category = category_of(run, "company")
    account = await open_account(run, NEW, KNOWN)
    await write_known_card(account)
    async with running_daemon(run) as daemon:
        (one,) = await account.receive(NEW, "Mailroom human test 12: a new company")
        (two,) = await account.receive(KNOWN, "Mailroom human test 12: a known company")
        await account.put_label(category.label, one)
        await account.put_label(category.label, two)
        await daemon.sees(
            f"the new company's mail is filed for {category.name}", lambda: account.is_filed(category, one)
        )
        where = f"the known company's mail is in {category.destination_mailbox}"
        await daemon.sees(where, lambda: account.has(category.destination_mailbox, two))
    await check_new(account, {each.contact_group for each in run.scheme.chain(category)})
    await check_known(account, {each.contact_group for each in run.scheme.chain(category)})
    if account.places.warning_label is not None:
        (ids,) = await account.places_of(two)
        run.check("the other name on its mail is warned of", account.places.warning_label in ids)


async def write_known_card(account: Account) -> None:
    uid = new_uid((await account.run.servers.client.session()).mail_account, KNOWN.address)
    await account.write(Change(KNOWN.address, uid, NewCard(uid, KNOWN.address, Fields(NAME_IN_CARD), OWN_NOTE)))
    account.run.check(f"a card “{NAME_IN_CARD}” is there before", await account.is_known(KNOWN))


async def check_new(account: Account, groups: set[str]) -> None:
    check, contact = account.run.check, await account.contact(NEW)
    fields = contact.card.fields
    check("the new card has the name as organization, and no person's name", fields == Fields(NEW.name, NEW.name))
    with_provenance = groups | {account.run.scheme.provenance_group}
    check(f"it is in the groups {', '.join(sorted(with_provenance))}", contact.groups == with_provenance)


async def check_known(account: Account, groups: set[str]) -> None:
    check, contact = account.run.check, await account.contact(KNOWN)
    check("the known card keeps its name", contact.card.fields.full_name == NAME_IN_CARD)
    check("your own note is still there", contact.card.note.startswith(f"{OWN_NOTE}\n"))
    check(f"it is in the groups {', '.join(sorted(groups))}, as an adopted one", contact.groups == groups)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
