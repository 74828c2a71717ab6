"""14. Setup, dry run: `mailroom setup` says what is missing, and creates nothing.

Proves: the command reads the account, names everything that the categories need, and leaves the account as it is.
Needs: nothing but the settings.
Steps:
  1. Note all mailboxes and contact groups.
  2. Run `mailroom setup`.
  3. Compare.
Changes nothing.
"""

from daemon import command
from support import Run, main

from mailroom.commands.setup import Inventoried, look


async def steps(run: Run) -> None:
    before = await look(run.servers, run.scheme)
    status, output = await command("setup")
    run.check("it ends with status 0", status == 0)
    run.check(
        f"it names all {len(before.items)} mailboxes, labels and groups that the categories need",
        all(item.name in output and item.kind.value in output for item in before.items),
    )
    after = await look(run.servers, run.scheme)
    run.check("mailboxes and labels are the same as before", mailboxes(after) == mailboxes(before))
    run.check("what exists and what is missing is the same as before", after.items == before.items)


def mailboxes(account: Inventoried) -> set[tuple[str, str]]:
    return {(mailbox.id, mailbox.name) for mailbox in account.mailboxes}


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
