"""19. From the shell: senders are settled by `mailroom triage`, many at once, and before their first mail.

Proves: `mailroom triage A B CATEGORY` files the mail of both, `--new` lets somebody in who has not written yet, and
  `mailroom senders` says who waits and who is where.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account; a category.
Steps:
  1. A mail of each of two invented senders comes to lie in the Screener; `mailroom senders` lists both.
  2. `mailroom triage` settles both at once.
  3. A third one, who has not written, is refused, and settled with `--new`.
Cleans up: the mails go to the Trash, the contact cards are deleted.
"""

from account import Sender, category_of, open_account
from daemon import command
from support import Run, main

SHEA, SOL, NEWMAN = Sender("Shea Shell", "shea.shell"), Sender("Sol Shell", "sol.shell"), Sender("", "not.yet")


async def steps(run: Run) -> None:
    category = category_of(run, "company")
    account = await open_account(run, SHEA, SOL, NEWMAN)
    (one,) = await account.receive(SHEA, "Mailroom human test 19: from Shea")
    (two,) = await account.receive(SOL, "Mailroom human test 19: from Sol")
    _, waiting = await command("senders")
    run.check("`senders` lists both", SHEA.address in waiting and SOL.address in waiting)
    status, _ = await command("triage", SHEA.address, SOL.address, category.name)
    run.check("it ends with status 0", status == 0)
    run.check(f"both mails are filed for {category.name}", await account.is_filed(category, one, two))
    status, output = await command("triage", NEWMAN.address, category.name)
    run.check("a sender whom nobody knows is refused", status == 2 and "nobody writes from" in output)
    status, _ = await command("triage", "--new", NEWMAN.address, category.name)
    run.check("and let in with --new", status == 0)
    _, members = await command("senders", "--category", category.name)
    everybody = (SHEA, SOL, NEWMAN)
    run.check("`senders --category` lists all three", all(each.address in members for each in everybody))


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
