"""8. Conflict: two labels for one sender wait for the user, and go on once there is one.

Proves: a sender with two different triage labels gets the error label on both mails and is left alone, and the commands
  say why; when one triage label comes off, the error labels go by themselves, and the other label counts.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account; two categories.
Steps:
  1. Two mails of an invented sender come to lie in the Screener, and you put a different label on each.
  2. The daemon starts, and marks both with the error label. `mailroom senders` and `mailroom triage` say what it asks.
  3. You take one triage label off; the daemon files both mails.
Cleans up: the mails go to the Trash, the contact card is deleted, the daemon is stopped.
"""

from account import Sender, category_of, open_account
from daemon import command, running_daemon
from support import Run, main

CORA = Sender("Cora Conflict", "cora.conflict")


async def steps(run: Run) -> None:
    category = category_of(run, "company", has_parent=False)
    other = category_of(run, "company", but=[category])
    error_label = run.scheme.error_label
    account = await open_account(run, CORA)
    one, two = await account.receive(CORA, "Mailroom human test 8: first", "Mailroom human test 8: second")
    await account.put_label(category.label, one)
    await account.put_label(other.label, two)
    await run.until("both labels are on", lambda: account.has(category.label, one))
    await run.until("on a mail each", lambda: account.has(other.label, two))
    async with running_daemon(run) as daemon:
        await daemon.sees(f"both mails have the label {error_label}", lambda: account.has(error_label, one, two))
        run.check("the triage labels are still on", await account.has(category.label, one))
        run.check("both mails are still in the Screener", await account.has(run.scheme.screener, one, two))
        run.check("the sender has no contact card", not await account.is_known(CORA))

        labels = sorted((category.label, other.label))
        _, waiting = await command("senders")
        run.check("`senders` says what it asks", f"asks you: {labels[0]} and {labels[1]}" in waiting)
        status, refused = await command("triage", CORA.address, category.name)
        run.check("`triage` doesn't decide unasked", status == 2 and f"{other.label}, {error_label}" in refused)

        await account.take_label(other.label, two)
        filed = f"both mails are in {category.destination_mailbox}, and no label is left"
        await daemon.sees(filed, lambda: account.is_filed(category, one, two))
        contact = await account.contact(CORA)
        run.check(f"the sender is in the group {category.contact_group}", category.contact_group in contact.groups)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
