"""26. The digest: who waits is told by a mail in the Inbox.

Proves: `mailroom digest` tells who waits in the Screener, and `mailroom digest --send` puts the same into the Inbox,
  once a day.
Needs: `mailroom setup --apply` was run. It has to know an address of yours (`own_addresses`).
Steps:
  1. A mail of an invented sender comes to lie in the Screener; `mailroom digest` shows its sender and subject.
  2. `mailroom digest --send` puts the digest into the Inbox. A second time it is there already.
Cleans up: both mails go to the Trash, Mailroom's own contact card is as before.
"""

from account import Account, Sender, open_account
from daemon import command
from own_card import put_own_card_back_at_the_end
from support import Run, Unmet, main

from mailroom.decisions.digest import KEYWORD
from mailroom.jmap.batch import Batch
from mailroom.jmap.mail import EMAIL
from mailroom.jmap.query import search
from mailroom.senders.waiting import read_account

DORA = Sender("Dora Digest", "dora.digest")
SUBJECT = "Mailroom human test 26: from Dora"


async def steps(run: Run) -> None:
    if not (await read_account(run.servers.client, run.scheme)).own.first:
        raise Unmet("Mailroom knows no address of yours, to write the digest from and to: write it into own_addresses")
    account = await open_account(run, DORA)
    await put_own_card_back_at_the_end(account)
    there = await digests(account)
    await account.receive(DORA, SUBJECT)
    status, shown = await command("digest")
    run.check("it ends with status 0, and shows the sender", status == 0 and DORA.address in shown)
    run.check("it shows the subject", SUBJECT in shown)
    status, _ = await command("digest", "--send")
    new = await digests(account) - there
    account.mails.update(new)
    run.check("it ends with status 0", status == 0)
    run.check(
        "there is one more digest in the Inbox, unless today's was there", len(new) == 1 or (bool(there) and not new)
    )
    await command("digest", "--send")
    run.check("a second time there is none more", await digests(account) - there == new)


async def digests(account: Account) -> set[str]:
    """The ids of the digests in the Inbox."""
    client = account.run.servers.client
    session = await client.session()
    batch = Batch()
    wanted = {"inMailbox": account.places.inbox, "hasKeyword": KEYWORD}
    found = search(batch, EMAIL, session.mail_account, session.limits, wanted)
    return {each.id for each in await client.all_found(found, await client.send(batch))}


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
