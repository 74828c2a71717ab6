"""10. Retry safety: a daemon that is killed after every single write still gets there, and does nothing twice.

Proves: whatever request a pass was cut off after, the next start goes on from what it finds: one contact card, one
  line in its note, every mail filed, the label off last.
Needs: `mailroom setup --apply` was run, and no daemon runs on the account. This one treats whatever mail carries a
  triage label, so label no other one meanwhile.
Steps:
  1. Three mails of an invented sender come to lie in the Screener, and you put a label on one of them.
  2. The daemon starts and is killed (SIGKILL) once the server has answered its first request that writes. It is
     started again and killed again, until nothing is left to write.
Cleans up: the mails go to the Trash, the contact card is deleted, the daemon is stopped.
"""

import signal
import sys
from pathlib import Path

import trio
from account import Sender, category_of, open_account
from daemon import Daemon, started_daemon
from support import LOOK_AGAIN_SECONDS, Failed, Run, main, say

KILLED_DAEMON = (sys.executable, str(Path(__file__).parent / "killed_daemon.py"))
MOST_KILLS = 20

RITA = Sender("Rita Retry", "rita.retry")


async def steps(run: Run) -> None:
    category = category_of(run, "company", has_parent=False)
    account = await open_account(run, RITA)
    mails = await account.receive(RITA, *(f"Mailroom human test 10: number {n}" for n in ("one", "two", "three")))
    await account.put_label(category.label, mails[0])
    await run.until("the label is on", lambda: account.has(category.label, mails[0]))
    kills = 0
    while await is_killed(run):
        kills += 1
        is_labelled = await account.has(category.label, mails[0])
        say(f"  • kill number {kills}, after a write; the label is {'still on' if is_labelled else 'off'}")
        if kills == MOST_KILLS:
            raise Failed(f"after {kills} starts there is still something to write")
    run.check("it was killed in the middle of its work", kills > 0)
    filed = f"all three mails are in {category.destination_mailbox} and nowhere else, and the label is off"
    run.check(filed, await account.is_filed(category, *mails))
    contact = await account.contact(RITA)
    groups = {category.contact_group, run.scheme.provenance_group}
    run.check(f"there is one contact card, in the groups {' and '.join(sorted(groups))}", contact.groups == groups)
    run.check("its note tells of it once", contact.card.note.count("riaged to ") == 1)


async def is_killed(run: Run) -> bool:
    """Start the daemon; whether it was killed before its first pass was done."""
    async with started_daemon(run, KILLED_DAEMON) as daemon:
        with trio.move_on_after(run.patience_seconds):
            while daemon.process.poll() is None:
                if await daemon.is_ready():
                    return False
                await trio.sleep(LOOK_AGAIN_SECONDS)
            check_end(daemon)
            return True
        raise Failed("the daemon is neither killed nor done with its first pass")


def check_end(daemon: Daemon) -> None:
    if daemon.process.returncode != -signal.SIGKILL:
        raise Failed(f"the daemon ended with status {daemon.process.returncode}")


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
