"""7. A pass: one label on one mail settles its sender.

Proves: the daemon files all mail of a sender when one of them gets a triage label, makes a contact card in the
  category's groups, takes the label off, and touches nobody else; SIGTERM ends it with status 0.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account. This one treats whatever mail carries a
  triage label, so label no other one meanwhile.
Steps:
  1. The daemon starts. Three mails of one invented sender and one of another come to lie in the Screener.
  2. You put a label on one of the three.
  3. The daemon files all three; the fourth stays.
Cleans up: the mails go to the Trash, the contact card is deleted, the daemon is stopped.
"""

from account import Sender, category_of, open_account
from daemon import running_daemon
from support import Run, main, say

from mailroom.decisions.note import says_created

SARA, OTTO = Sender("Sara Screened", "sara.screened"), Sender("Otto Other", "otto.other")


async def steps(run: Run) -> None:
    category = category_of(run, "company", has_parent=False)
    account = await open_account(run, SARA, OTTO)
    async with running_daemon(run) as daemon:
        mails = await account.receive(SARA, *(f"Mailroom human test 7: number {n}" for n in ("one", "two", "three")))
        (stranger,) = await account.receive(OTTO, "Mailroom human test 7: somebody else")
        await account.put_label(category.label, mails[1])
        await daemon.sees(
            f"all three are in {category.destination_mailbox} and nowhere else, and the label is off",
            lambda: account.is_filed(category, *mails),
        )
        contact = await account.contact(SARA)
        groups = {category.contact_group, run.scheme.provenance_group}
        run.check(
            f"the sender has one contact card, in the groups {' and '.join(sorted(groups))}", contact.groups == groups
        )
        run.check("its note says where it came from", says_created(contact.card.note))
        run.check("the mail of the other sender still waits", await account.has(run.scheme.screener, stranger))
        run.check("the other sender has no contact card", not await account.is_known(OTTO))
        health = await daemon.health()
        run.check("/healthz says ok", health is not None and health.status == "ok")
        say(f"  • the last pass was triggered by: {health.last_poll_trigger if health else 'nothing'}")
        run.check("SIGTERM ends the daemon with status 0", await daemon.stop() == 0)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
