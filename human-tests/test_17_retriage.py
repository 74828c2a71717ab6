"""17. Re-triage: you may change your mind about a sender.

Proves: a second label moves a settled sender: all mail and the contact card leave the former places and join the new
  chain, and the note tells both decisions.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account; two categories.
Steps:
  1. The daemon starts. Two mails of an invented sender come to lie in the Screener; you put a label on one.
  2. When both are filed, you put another category's label on the other one.
  3. The daemon moves both.
Cleans up: the mails go to the Trash, the contact card is deleted, the daemon is stopped.
"""

from account import Account, Mail, Sender, category_of, open_account
from daemon import Daemon, running_daemon
from support import Run, main

from mailroom.config.scheme import Category

MINA = Sender("Mina Mind", "mina.mind")


async def steps(run: Run) -> None:
    first = category_of(run, "company")
    second = category_of(run, "company", but=run.scheme.chain(first))
    account = await open_account(run, MINA)
    async with running_daemon(run) as daemon:
        mails = await account.receive(MINA, "Mailroom human test 17: number one", "Mailroom human test 17: number two")
        await settle(daemon, account, first, mails[0], mails)
        await settle(daemon, account, second, mails[1], mails)
    note = (await account.contact(MINA)).card.note
    run.check("the note tells both decisions", f"Triaged to {first.name} on" in note)
    run.check("the second one as such", f"Re-triaged to {second.name} on" in note)


async def settle(daemon: Daemon, account: Account, category: Category, labelled: Mail, mails: list[Mail]) -> None:
    """One decision of the user, and all that follows from it."""
    await account.put_label(category.label, labelled)
    filed = f"both mails are filed for {category.name} and nowhere else, and the label is off"
    await daemon.sees(filed, lambda: account.is_filed(category, *mails))
    groups = {each.contact_group for each in account.run.scheme.chain(category)} | {account.run.scheme.provenance_group}
    contact = await account.contact(MINA)
    account.run.check(f"the card is in the groups {', '.join(sorted(groups))} and no other", contact.groups == groups)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
