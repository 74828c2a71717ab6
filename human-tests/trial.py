"""Categories for trial only, with mailboxes and groups of their own, so that yours are not touched."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from support import Failed, Run, say

from mailroom.commands.setup import Inventoried, look
from mailroom.config.scheme_file import read_scheme
from mailroom.contacts.base import GROUPS_ALONE, Card, Fields
from mailroom.contacts.steps import alone
from mailroom.decisions.inventory import State
from mailroom.decisions.places import ids_by_path
from mailroom.jmap.batch import Batch
from mailroom.jmap.mailbox import destroy_empty_mailboxes
from mailroom.jmap.set import merged_errors

TRIAL_TOML = """\
screener_mailbox = "Human Test Screener"
error_label = "@HumanTestError"
warning_label = "@HumanTestWarning"
back_label = "@HumanTestBack"
domain_label = "@HumanTestDomain"
list_label = "@HumanTestList"
provenance_group = "Human Test Mailroom"

[[categories]]
name = "Human Test Paper"

[[categories]]
name = "Human Test Parcels"
parent = "Human Test Paper"
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """A run with the categories for trial; `config` is the path of their file, for MAILROOM_CONFIG."""

    run: Run
    config: str


async def open_trial(run: Run) -> Trial:
    """The trial categories, of which nothing is there: consent given, leftovers removed, cleaning up arranged."""
    folder = run.clean_up.enter_context(TemporaryDirectory(prefix="mailroom-human-test-"))
    config = Path(folder) / "mailroom.toml"
    config.write_text(TRIAL_TOML, encoding="utf-8")
    trial = Trial(replace(run, scheme=read_scheme(config)), str(config))
    await run.consent()
    await remove(trial)
    run.clean_up.push_async_callback(remove, trial)
    return trial


async def remove(trial: Trial) -> None:
    """Remove mailboxes, labels and groups of the trial; a mailbox that holds mail stays. Raises `Failed`."""
    account = await look(trial.run.servers, trial.run.scheme)
    existing = [item for item in account.items if item.state is State.EXISTS]
    ids = {path[0]: id for path, id in ids_by_path(account.mailboxes).items() if len(path) == 1}
    problems = await _destroy(account, [ids[item.name] for item in existing if not item.kind.is_group])
    problems += await _delete_groups(trial, account)
    if existing:
        say(f"  • cleaned up: {len(existing)} mailboxes, labels and groups of the trial removed")
    if problems:
        raise Failed(f"mailboxes or groups of the trial are left: {'; '.join(sorted(problems))}")


async def _destroy(account: Inventoried, ids: list[str]) -> list[str]:
    batch = Batch()
    slots = destroy_empty_mailboxes(batch, await account.client.session(), ids)
    replies = await account.client.send(batch)
    return list(map(str, merged_errors(replies[slot] for slot in slots).values()))


async def _delete_groups(trial: Trial, account: Inventoried) -> list[str]:
    contacts = await trial.run.servers.contacts()
    found = await alone(account.client, contacts.look_up(GROUPS_ALONE))
    names = trial.run.scheme.groups | {trial.run.scheme.provenance_group}
    # To both protocols a group is a card.
    cards = [Card(each.ref, each.uid, Fields(), frozenset(), "") for each in found.book.groups if each.name in names]
    return list((await found.delete_cards(cards)).values()) if cards else []
