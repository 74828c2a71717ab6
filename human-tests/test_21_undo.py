"""21. Undo: what was decided is taken back, by a label or from the shell.

Proves: `@ToScreener` on a mail of a settled sender brings the mail back into the Screener and the contact out of the
  groups; `mailroom undo` undoes that, undone again it is as it was, and `mailroom history` tells it all.
Needs: `mailroom setup --apply` was run (it creates `@ToScreener`), and no daemon runs on the account; a category.
Steps:
  1. The daemon starts. Two mails of an invented sender come to lie in the Screener; you put a category's label on one.
  2. When both are filed, you put `@ToScreener` on one: both come back.
  3. `mailroom undo` files them again, and once more brings them back; then comes `mailroom history`.
Cleans up: the mails go to the Trash, the contact card is deleted, the daemon is stopped.
"""

from account import Account, Mail, Sender, category_of, open_account
from daemon import command, running_daemon
from support import Run, main

UMA = Sender("Uma Undo", "uma.undo")


async def steps(run: Run) -> None:
    category = category_of(run, "company")
    account = await open_account(run, UMA)
    async with running_daemon(run) as daemon:
        mails = await account.receive(UMA, "Mailroom human test 21: number one", "Mailroom human test 21: number two")
        await account.put_label(category.label, mails[0])
        await daemon.sees(f"both mails are filed for {category.name}", lambda: account.is_filed(category, *mails))
        await account.put_label(run.scheme.back_label, mails[1])
        await daemon.sees("both mails are in the Screener again", lambda: wait(account, *mails))
    run.check("the card is in no category's group", (await account.contact(UMA)).groups == provenance(run))
    status, output = await command("undo", UMA.address, "--dry-run")
    run.check("`undo --dry-run` says where they would go", status == 0 and f"goes back to {category.name}" in output)
    status, _ = await command("undo", UMA.address)
    run.check("`undo` ends with status 0", status == 0)
    run.check(f"both mails are filed for {category.name} again", await account.is_filed(category, *mails))
    status, _ = await command("undo", UMA.address)
    run.check("undone again, both are back in the Screener", status == 0 and await wait(account, *mails))
    run.check("the card is in no category's group", (await account.contact(UMA)).groups == provenance(run))
    _, told = await command("history", UMA.address)
    run.check("`history` tells all four decisions", "4 decisions" in told)


async def wait(account: Account, *mails: Mail) -> bool:
    """Whether all of them are in the Screener, and nowhere else."""
    return await account.places_of(*mails) == [frozenset({account.places.screener})] * len(mails)


def provenance(run: Run) -> set[str]:
    return {run.scheme.provenance_group}


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
