"""22. Whole domain, whole list: one mail decides about everybody who writes from there.

Proves: `@WholeDomain` beside a category's label files the mail of all senders of a domain, `@WholeList` that of all who
  write to a mailing list; one contact tells of each, and `mailroom undo` brings the domain's mail back.
Needs: `mailroom setup --apply` was run (it creates both labels), and no daemon runs on the account; a category.
Steps:
  1. The daemon starts. Mails of two invented senders of one domain come to lie in the Screener.
  2. You put `@WholeDomain` and a category's label on the first one: both are filed.
  3. `mailroom undo` brings both back into the Screener.
  4. Mails of two senders come from a mailing list. `@WholeList` and the label on the first one file both.
Cleans up: the mails go to the Trash, the contact cards are deleted, the daemon is stopped.
"""

from account import DOMAIN, LIST_ID, Account, Mail, Sender, category_of, open_account
from daemon import command, running_daemon
from support import Run, main

WADE, WILMA, EVERYBODY = Sender("Wade Whole", "wade.whole"), Sender("Wilma Whole", "wilma.whole"), Sender("", "*")


async def steps(run: Run) -> None:
    category = category_of(run, "company")
    account = await open_account(run, WADE, WILMA, EVERYBODY)
    async with running_daemon(run) as daemon:
        mails = await both(account, "of a domain")
        for label in (run.scheme.domain_label, category.label):
            await account.put_label(label, mails[0])
        await daemon.sees(f"both mails are filed for {category.name}", lambda: account.is_filed(category, *mails))
        card = (await account.contact(EVERYBODY)).card
        run.check("one contact tells of the domain", "Whole domain" in card.note)
        run.check("and none of its senders", not (await account.is_known(WADE) or await account.is_known(WILMA)))
        status, _ = await command("undo", f"@{DOMAIN}")
        run.check("`undo` ends with status 0", status == 0)
        screener = {account.id_of(account.screener)}
        run.check("both are in the Screener again", await account.places_of(*mails) == [screener, screener])
        mails = await both(account, "of a list", LIST_ID)
        for label in (run.scheme.list_label, category.label):
            await account.put_label(label, mails[0])
        await daemon.sees(f"both mails are filed for {category.name}", lambda: account.is_filed(category, *mails))
    _, members = await command("senders", "--category", category.name)
    run.check("`senders --category` lists the list", f"list:{LIST_ID}" in members)


async def both(account: Account, what: str, list_id: str = "") -> list[Mail]:
    first = await account.receive(WADE, f"Mailroom human test 22: {what}, from Wade", list_id=list_id)
    return [*first, *await account.receive(WILMA, f"Mailroom human test 22: {what}, from Wilma", list_id=list_id)]


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
