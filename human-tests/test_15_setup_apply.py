"""15. Setup, applied: `mailroom setup --apply` creates what is missing, once.

Proves: mailboxes, labels and contact groups are created on this server, a second run finds nothing missing, and the
  daemon starts with them.
Needs: nothing but the settings. Your own categories are not touched: the test has its own, whose names begin with
  “Human Test”.
Steps:
  1. Run `mailroom setup --apply` with these categories.
  2. Run it again.
  3. Start the daemon with them: it checks at its start that everything is there.
Cleans up: these mailboxes, labels and groups are removed, and the daemon is stopped.
"""

from daemon import command, running_daemon
from support import Run, main
from trial import open_trial

from mailroom.commands.setup import look
from mailroom.decisions.inventory import State


async def steps(run: Run) -> None:
    trial = await open_trial(run)
    before = await look(run.servers, trial.run.scheme)
    run.check("nothing of it is there yet", all(item.state is State.MISSING for item in before.items))
    status, output = await command("setup", "--apply", config=trial.config)
    run.check("it ends with status 0", status == 0)
    run.check(
        f"it says that it created all {len(before.items)}",
        f"{len(before.items)} of {len(before.items)} created" in output,
    )
    after = await look(run.servers, trial.run.scheme)
    run.check("all of it is there", all(item.state is State.EXISTS for item in after.items))
    status, output = await command("setup", "--apply", config=trial.config)
    run.check("a second run finds nothing missing", status == 0 and "Nothing is missing" in output)
    again = await look(run.servers, trial.run.scheme)
    run.check("it created nothing twice", len(again.mailboxes) == len(after.mailboxes))
    async with running_daemon(trial.run, config=trial.config) as daemon:
        run.check("SIGTERM ends the daemon with status 0", await daemon.stop() == 0)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
