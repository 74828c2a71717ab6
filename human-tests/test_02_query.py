"""2. Query: the searches that every pass makes find what is there.

Proves: mailboxes are listed, a mailbox's mail is found whole and page by page, and a search for a sender finds the
  sender's newest mail.
Needs: one mail with a sender in the Screener, the Inbox or the Archive.
Steps:
  1. List the mailboxes.
  2. Find all mail of the first of these three that holds any, in one request or more.
  3. Take the sender of the newest, and search all mail for that address as a pass does.
Changes nothing; no address and no subject is shown.
"""

from collections.abc import Sequence

from support import Run, Unmet, main, say

from mailroom.addresses import search_texts
from mailroom.decisions.places import find_places
from mailroom.decisions.select import sender_of
from mailroom.jmap.batch import Batch
from mailroom.jmap.mail import EMAIL, Email
from mailroom.jmap.mailbox import Mailbox, get_mailboxes
from mailroom.jmap.query import Filter, any_of, search


async def steps(run: Run) -> None:
    session = await run.servers.client.session()
    batch = Batch()
    slot = batch.add(get_mailboxes(session.mail_account))
    mailboxes = (await run.servers.client.send(batch))[slot]
    run.check(f"{len(mailboxes)} mailboxes are listed", bool(mailboxes))
    run.check("one of them is the Inbox", any(mailbox.role == "inbox" for mailbox in mailboxes))
    mails = await first_mails(run, mailboxes)
    newest = max((mail for mail in mails if sender_of(mail)), key=lambda mail: mail.received_at, default=None)
    if newest is None:
        raise Unmet("no mail with a sender in Screener, Inbox and Archive: send yourself one, and run this again")
    address = sender_of(newest) or ""
    texts = search_texts(address)
    found = await find(run, any_of([each for text in texts for each in ({"from": text}, {"header": ["From", text]})]))
    exact = [mail for mail in found if sender_of(mail) == address]
    say(f"  • a search for its sender finds {len(found)} mails, {len(exact)} of them with exactly that address")
    run.check("the newest mail is among them", newest.id in {mail.id for mail in exact})


async def first_mails(run: Run, mailboxes: Sequence[Mailbox]) -> tuple[Email, ...]:
    """The mails of the first of these mailboxes that holds any, each in it."""
    roles = {mailbox.role: mailbox.id for mailbox in mailboxes}
    screener = find_places(mailboxes, run.scheme).screener
    for what, id in (("Screener", screener), ("Inbox", roles["inbox"]), ("Archive", roles.get("archive"))):
        mails = await find(run, {"inMailbox": id}) if id else ()
        say(f"  • {what}: {f'{len(mails)} mails' if id else 'no such mailbox'}")
        if mails:
            run.check("all of them are in it", all(id in mail.mailbox_ids for mail in mails))
            return mails
    return ()


async def find(run: Run, condition: Filter) -> tuple[Email, ...]:
    session = await run.servers.client.session()
    batch = Batch()
    page = search(batch, EMAIL, session.mail_account, session.limits, condition)
    return await run.servers.client.all_found(page, await run.servers.client.send(batch))


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
