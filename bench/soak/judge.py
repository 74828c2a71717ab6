"""Whether the account is as the script says: each difference is a line."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from bench.soak.acts import Timed
from bench.soak.expected import Expected, expected_after
from mailroom.sandbox import Sandbox
from mailroom.sandbox.errors import Json

_IGNORED = frozenset({"@MailroomWarning"})


def problems(sandbox: Sandbox, ids: Mapping[str, str], acts: tuple[Timed, ...]) -> tuple[str, ...]:
    """`ids` are the mails' ids by the script's names; `acts` are those that were played."""
    expected = expected_after(acts)
    return (*_mail_problems(sandbox, ids, expected), *_contact_problems(sandbox, expected))


def _mail_problems(sandbox: Sandbox, ids: Mapping[str, str], expected: Expected) -> Iterator[str]:
    there = sandbox.store.mails.objects
    for name, mail in expected.mails.items():
        if ids[name] not in there:
            yield f"mail {name} is lost"
            continue
        mailboxes = frozenset(sandbox.mailboxes_of(ids[name])) - _IGNORED
        if not there[ids[name]].mailbox_ids:
            yield f"mail {name} is without a mailbox"
        elif mailboxes != mail.mailboxes:
            yield f"mail {name} is in {_listed(mailboxes)}, not in {_listed(mail.mailboxes)}"
    for extra in there.keys() - {ids[name] for name in expected.mails}:
        yield f"mail {extra} was deleted by the user, or never came, and is there"


def _contact_problems(sandbox: Sandbox, expected: Expected) -> Iterator[str]:
    cards: dict[str, list[Json]] = defaultdict(list)
    for card in sandbox.cards():
        for email in card.get("emails", {}).values():
            cards[email["address"]].append(card)
    groups = sandbox.groups()
    for address in sorted(expected.senders | cards.keys()):
        in_groups = frozenset(name for name, members in groups.items() if address in members)
        wanted = expected.groups.get(address, frozenset())
        if address in expected.cards and expected.cards[address].by == "mailroom":
            wanted |= {"Mailroom"}
        if in_groups != wanted:
            yield f"{address} is in the groups {_listed(in_groups)}, not in {_listed(wanted)}"
        yield from _card_problems(address, cards[address], expected)


def _card_problems(address: str, cards: list[Json], expected: Expected) -> Iterator[str]:
    wanted = expected.cards.get(address)
    if len(cards) != (wanted is not None):
        yield f"{address} has {len(cards)} contact cards, not {int(wanted is not None)}"
    elif wanted is not None:
        name = cards[0].get("name", {}).get("full")
        phones = [phone["number"] for phone in cards[0].get("phones", {}).values()]
        if wanted.name is not None and name != wanted.name:
            yield f"the card of {address} is called {name}, not {wanted.name}"
        if wanted.phone is not None and phones != [wanted.phone]:
            yield f"the card of {address} has the phone numbers {phones}, not {wanted.phone}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
