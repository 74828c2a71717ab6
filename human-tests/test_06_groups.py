"""6. Groups: cards join and leave contact groups, and nobody else's membership changes.

Proves: Mailroom's backend for contacts adds two cards to two groups, adds nobody twice, takes one of them out again,
  and leaves every other member of these groups where it was.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account; two categories.
Steps:
  1. Create cards for two invented addresses, and let both join the groups of the first two categories.
  2. Let them join again.
  3. Take the first one out of the second group.
Cleans up: the cards leave all groups and are deleted.
"""

from account import Account, Sender, open_account
from support import Run, Unmet, main

from mailroom.contacts.base import Change, Departure, Fields, NewCard
from mailroom.decisions.contact import new_uid

GRETA, GUNNAR = Sender("Greta Group", "greta.group"), Sender("Gunnar Group", "gunnar.group")


async def steps(run: Run) -> None:
    names = list(dict.fromkeys(each.contact_group for each in run.scheme.categories))[:2]
    if len(names) < 2:
        raise Unmet("it needs two categories with a contact group each in MAILROOM_CONFIG")
    account = await open_account(run, GRETA, GUNNAR)
    others = await members(account, names)
    uids = await join(account, names)
    expected = [each | uids for each in others]
    run.check(f"both cards are in {names[0]} and {names[1]}", await members(account, names) == expected)
    await join(account, names)
    run.check("joining again changes nothing", await members(account, names) == expected)

    second = await account.group(names[1])
    contact = await account.contact(GRETA)
    await account.leave(Departure(GRETA.address, contact.card.uid, (second,)))
    expected[1] -= {contact.card.uid}
    run.check(f"one of them has left {names[1]}, and nobody else", await members(account, names) == expected)

    await account.forget()
    run.check("both groups have the members that they had before", await members(account, names) == others)


async def join(account: Account, names: list[str]) -> set[str]:
    """Create the cards where they are missing, and let them join; returns their uids."""
    mail_account = (await account.run.servers.client.session()).mail_account
    book = await account.book(GRETA, GUNNAR)
    groups = tuple(next(group for group in book.groups if group.name == name) for name in names)
    known = {card.uid for card in book.cards}
    changes: list[Change] = []
    for sender in (GRETA, GUNNAR):
        uid = new_uid(mail_account, sender.address)
        card = None if uid in known else NewCard(uid, sender.address, Fields(sender.name), "")
        changes.append(Change(sender.address, uid, card, groups))
    await account.write(*changes)
    return {change.uid for change in changes}


async def members(account: Account, names: list[str]) -> list[set[str]]:
    """The uids in each of the groups."""
    return [set((await account.group(name)).members) for name in names]


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
