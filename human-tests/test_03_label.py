"""3. Label: a label is a mailbox that a mail is in as well, put on and taken off again.

Proves: a label that is put on (in your mail app, or over JMAP with --auto) shows as one more mailbox of the mail, is
  found by the search that begins every pass, and comes off without any other mailbox changing.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account.
Steps:
  1. A mail of an invented sender is made in the Screener.
  2. You put a triage label on it.
  3. You take it off again.
Cleans up: the mail goes to the Trash.
"""

from account import Account, Mail, Sender, category_of, open_account
from support import Run, main

from mailroom.triage.scan import scan

LENA = Sender("Lena Label", "lena.label")


async def steps(run: Run) -> None:
    account = await open_account(run, LENA)
    label = category_of(run, "company").label
    (mail,) = await account.receive(LENA, "Mailroom human test 3: label")
    (before,) = await account.places_of(mail)
    run.check("it is in the Screener alone", before == {account.places.screener})

    await account.put_label(label, mail)
    await run.until(f"the mail is in {label} as well", lambda: is_in(account, mail, before | {account.id_of(label)}))
    labelled = (await scan(run.servers.client, run.scheme, account.places)).labelled
    run.check("the search that begins a pass finds it", mail.id in {each.id for each in labelled})

    await account.take_label(label, mail)
    await run.until("the mail is in the Screener alone again", lambda: is_in(account, mail, before))
    labelled = (await scan(run.servers.client, run.scheme, account.places)).labelled
    run.check("the search doesn't find it any more", mail.id not in {each.id for each in labelled})


async def is_in(account: Account, mail: Mail, ids: frozenset[str]) -> bool:
    return await account.places_of(mail) == [ids]


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
