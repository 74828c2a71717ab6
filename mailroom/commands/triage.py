"""`mailroom triage ADDRESS… CATEGORY`: what labels on the phone do, from the shell."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from rich.console import Console

from mailroom.account.servers import Servers
from mailroom.addresses import canonical
from mailroom.commands.names import WIDE
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.with_servers import with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Category, Scheme
from mailroom.contacts.base import CardEdit, NewCard
from mailroom.decisions.plan import Plan
from mailroom.decisions.select import Sender
from mailroom.decisions.splits import may_write
from mailroom.errors import ConfigError, SenderFailed
from mailroom.plural import plural
from mailroom.senders.settle import Outcome, Permissions, settle
from mailroom.triage.one_pass import Pass
from mailroom.triage.start_check import begin
from mailroom.triage.treat import Settled

STANDARD_INPUT = "-"


def given(words: Iterable[str]) -> list[str]:
    """The addresses that were given, in canonical form, each once; `-` stands for those on standard input.

    These are one a line; blank lines and what follows a `#` don't count. Raises `ConfigError` that names all that are
    no addresses.
    """
    texts = lines_of(words)
    if problems := [
        f"{text!r} is no mail address; give it alone, such as ann@example.org; {WIDE}"
        for text in texts
        if canonical(text) is None
    ]:
        raise ConfigError(problems)
    return list(dict.fromkeys(address for text in texts if (address := canonical(text))))


def lines_of(words: Iterable[str]) -> list[str]:
    """The words, with those on standard input in the place of `-`. Raises `ConfigError` if there are none."""
    texts = [text for word in words for text in (_lines() if word == STANDARD_INPUT else [word])]
    if not texts:
        raise ConfigError(["there is no address on standard input: write one a line"])
    return texts


def _lines() -> list[str]:
    return [text for line in sys.stdin if (text := line.partition("#")[0].strip())]


async def triage(
    addresses: Sequence[str], category: Category, permissions: Permissions, settings: AccountSettings, scheme: Scheme
) -> int:
    """Settle senders (canonical addresses) and print what happened; returns 1 if some failed.

    Raises `MailroomError`.
    """
    return await with_servers(settings, partial(_triage, addresses, category, permissions, scheme))


async def _triage(
    addresses: Sequence[str], category: Category, permissions: Permissions, scheme: Scheme, servers: Servers
) -> int:
    console = open_console()
    who = printable(addresses[0]) if len(addresses) == 1 else f"{len(addresses)} senders"
    with working(console, f"Triaging {who} to {category.name}"):
        run = await _start(addresses, scheme, servers)
        outcome = await settle(run, addresses, category, permissions)
    return tell_outcome(console, outcome, scheme)


def tell_outcome(console: Console, outcome: Outcome, scheme: Scheme) -> int:
    """Print who is settled, and why others are not; returns 1 if there are any. Raises `SenderFailed` for one alone."""
    for settled in outcome.settled:
        _tell(console, settled, scheme)
    if outcome.failed and not outcome.settled and len(outcome.failed) == 1:
        raise SenderFailed(outcome.failed[0])
    errors = open_console(stderr=True)
    for problem in outcome.failed:
        errors.print(f"mailroom: {printable(problem)}", soft_wrap=True)
    return 1 if outcome.failed else 0


async def _start(addresses: Sequence[str], scheme: Scheme, servers: Servers) -> Pass:
    """The daemon's start check, and the one for these addresses. Raises `ConfigError`."""
    contacts = await servers.contacts()
    run = await begin(servers.client, contacts, scheme, datetime.now(UTC))
    if own := [each for each in addresses if each in run.own]:
        raise ConfigError([f"{each} is one of your own addresses: these are never triaged" for each in own])
    return run


def _tell(console: Console, settled: Settled, scheme: Scheme) -> None:
    console.print(_told(settled, scheme), soft_wrap=True)
    if settled.plan.warned:
        name = printable(settled.plan.card_name)
        console.print(
            f"The mail shows another name than the contact ({name}), or another contact's, so it carries "
            f"{scheme.warning_label}.",
            soft_wrap=True,
        )


def _told(settled: Settled, scheme: Scheme) -> str:
    plan = settled.plan
    mails = plural(settled.mails, "mail")
    where = ", ".join(each.destination_mailbox for each in scheme.chain(plan.sender.category))
    where += " or where a split says" if _may_be_split(plan.sender, scheme) else ""
    parts = [f"{mails} filed in {where}" if settled.mails else "no mail to file", *_contact_changes(plan, scheme)]
    return f"{printable(plan.sender.address)} is settled in {plan.sender.category.name}: {'; '.join(parts)}."


def _may_be_split(sender: Sender, scheme: Scheme) -> bool:
    return any(sender.whole is not None or may_write(each, sender.address) for each in scheme.splits)


def _contact_changes(plan: Plan, scheme: Scheme) -> Iterable[str]:
    match plan.change.card:
        case NewCard():
            yield f"contact {printable(plan.card_name)!r} created"
        case CardEdit():
            yield f"contact {printable(plan.card_name)!r} updated"
    if joined := [group.name for group in plan.change.join if group.name != scheme.provenance_group]:
        yield f"joined {', '.join(joined)}"
    if left := [group.name for group in plan.departure.leave]:
        yield f"left {', '.join(left)}"
