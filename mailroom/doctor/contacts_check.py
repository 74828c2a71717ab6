"""Whether contacts can be written: seen by writing a card and removing it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mailroom.contacts.base import GROUPS_ALONE, Change, Contacts, Departure, Fields, Group, LookUp, NewCard, Wanted
from mailroom.contacts.jmap import JmapContacts
from mailroom.contacts.steps import alone
from mailroom.decisions.changed_defaults import WHAT_CHANGED, how_to_keep, may_concern, settled_before
from mailroom.decisions.contact import new_uid
from mailroom.decisions.drift import drift
from mailroom.decisions.inventory import State, inventory
from mailroom.decisions.splits import without_sender
from mailroom.decisions.standing import standings
from mailroom.doctor.clean_up import ChangeRefused, finished, undoing
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.doctor.mail_checks import CREATE
from mailroom.jmap.client import Client

ADDRESS = "doctor@mailroom.invalid"
"""Nobody's: `.invalid` never is a domain (RFC 2606 §2)."""

NAME = "Mailroom doctor (a test card: delete it)"
NOTE = "Made by `mailroom doctor`, which removes it again. Delete it if it is still here."
BY_HAND = f"delete the contact {NAME!r} yourself, or run `mailroom doctor` again"
NOTICE = f"creates the contact {NAME!r} in the provenance group and removes it again (--read-only leaves this out)"

RECIPE = "docs/workflow.md says how, under “Change a name”"


async def check_reading(examined: Examined) -> Finding:
    """Whether the address book can be found and read."""
    contacts, client = await examined.servers.contacts(), examined.servers.client
    if finding := await _read_only(examined, contacts):
        return finding
    groups = (await alone(client, contacts.look_up(GROUPS_ALONE))).book.groups
    return Finding(Outcome.OK, f"can be read ({len(groups)} groups); writing was not tried (--read-only)")


async def check_writing(examined: Examined) -> Finding:
    """Whether a card can be created, put into the provenance group, taken out and deleted."""
    contacts, client = await examined.servers.contacts(), examined.servers.client
    if finding := await _read_only(examined, contacts):
        return finding
    trial = _Trial(contacts, client, new_uid((await client.session()).mail_account, ADDRESS))
    # An earlier run may have been killed.
    await trial.remove()
    found = await alone(client, contacts.look_up(GROUPS_ALONE))
    provenance = tuple(group for group in found.book.groups if group.name == examined.scheme.provenance_group)[:1]
    async with undoing(trial.remove, BY_HAND, examined.tell):
        problem = await finished(partial(trial.create, found, provenance))
        if not problem and not await trial.is_there():
            problem = "the server took a new card, and then did not show it"
    if problem:
        return Finding(Outcome.FAILED, problem, "allow this login to write contacts")
    where = f"in the group {provenance[0].name}" if provenance else "in no group, since the provenance group is missing"
    return Finding(Outcome.OK, f"a test card was created {where}, and removed again")


async def _read_only(examined: Examined, contacts: Contacts) -> Finding | None:
    """The finding that contacts can't be written, where the server says so; CardDAV servers don't."""
    session = await examined.servers.client.session()
    if isinstance(contacts, JmapContacts) and session.contacts_account in session.read_only:
        return Finding(Outcome.FAILED, "the contacts account is read-only", "make a token that may write contacts")
    return None


@dataclass(frozen=True, slots=True)
class _Trial:
    """The test card with this uid."""

    contacts: Contacts
    client: Client
    uid: str

    async def create(self, found: LookUp, groups: Sequence[Group]) -> str:
        """Create the card in the groups; what went wrong, or an empty string."""
        card = NewCard(self.uid, ADDRESS, Fields(NAME, organization=NAME), NOTE)
        failures = await alone(self.client, found.add([Change(ADDRESS, self.uid, card, tuple(groups))]))
        return failures.get(ADDRESS, "")

    async def is_there(self) -> bool:
        found = await alone(self.client, self.contacts.look_up(Wanted((ADDRESS,))))
        return any(card.uid == self.uid for card in found.book.cards)

    async def remove(self) -> None:
        """Take the card out of every group and delete it, if it is there. Raises `MailroomError`."""
        found = await alone(self.client, self.contacts.look_up(Wanted((ADDRESS,))))
        failures: dict[str, str] = {}
        joined = tuple(group for group in found.book.groups if self.uid in group.members)
        if joined:
            failures |= await alone(self.client, found.remove([Departure(ADDRESS, self.uid, joined)]))
        cards = [card for card in found.book.cards if card.uid == self.uid]
        failures |= await found.delete_cards(cards) if cards else {}
        if failures:
            raise ChangeRefused("; ".join(failures.values()))


async def check_groups(examined: Examined) -> Finding:
    """Whether every contact group is there, and whether the contacts' notes agree with them."""
    book = (await (await examined.servers.contacts()).read_all()).book
    items = [item for item in inventory((), book, examined.scheme) if item.kind.is_group]
    unreadable = [f"{item.name}: {item.problem}" for item in items if item.state is State.UNREADABLE]
    missing = [item.name for item in items if item.state is State.MISSING]
    if unreadable or missing:
        names = [f"missing: {', '.join(missing)}"] if missing else []
        return Finding(Outcome.FAILED, "\n".join([*unreadable, *names]), CREATE if missing else "")
    if lines := drift(book, examined.scheme):
        return Finding(Outcome.WARNING, "\n".join(lines), RECIPE)
    return Finding(Outcome.OK, f"all {len(items)} contact groups are there")


async def check_splits(examined: Examined) -> Finding:
    """Whether each split of the configuration is about somebody who was decided about."""
    scheme = examined.scheme
    if not scheme.splits:
        return Finding(Outcome.OK, "none in the configuration")
    book = (await (await examined.servers.contacts()).read_all()).book
    if idle := [each.origin for each in without_sender(scheme, standings(book, scheme))]:
        detail = f"nobody was decided about whom these are for: {', '.join(idle)}"
        return Finding(Outcome.WARNING, detail, "settle the sender, or mend the split's from: it does nothing as it is")
    return Finding(Outcome.OK, f"each of {len(scheme.splits)} is for somebody who was decided about")


async def check_defaults(examined: Examined) -> Finding:
    """Whether the usual categories were others when the account was set up."""
    contacts, scheme = await examined.servers.contacts(), examined.scheme
    book = (await contacts.read_all()).book
    if may_concern(book.groups, scheme) and settled_before(book.cards):
        return Finding(Outcome.WARNING, WHAT_CHANGED, how_to_keep(examined.settings.names.scheme_place))
    return Finding(Outcome.OK, f"{', '.join(each.name for each in scheme.categories)}")
