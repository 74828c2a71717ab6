"""What a reset shows: everything that it undoes, in figures and card by card, and what stays."""

from collections import Counter
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table

from mailroom.commands.terminal import printable
from mailroom.config.scheme import Scheme
from mailroom.decisions.reset import ContactUndo, Undo, entered_by_mailbox, left_by_mailbox, names_of
from mailroom.plural import plural
from mailroom.senders.reset import Found
from mailroom.senders.sieve_script import Installed, after_removal, why_it_stays

COMMAND = "mailroom reset --apply"

_SCREENING = (
    "• Screening is on in your settings: set its `mode` there to off, or a daemon "
    "screens the mail that comes after its start.\n"
)

Row = tuple[str, str, str]


def show_plan(console: Console, found: Found, scheme: Scheme) -> None:
    """Print what there is to undo."""
    if not found:
        console.print(
            "Nothing to undo: no contact has a note of Mailroom's, and no mail a label or keyword.\n", soft_wrap=True
        )
        return
    if found.rules is not None:
        console.print(f"{printable(_rules_line(found.rules))}\n", soft_wrap=True)
    figures = _table("What", "Where")
    figures.add_column("How many", no_wrap=True)
    for row in _rows(found.undo, found.names, scheme):
        figures.add_row(*map(printable, row))
    if figures.row_count:
        console.print(figures)
        console.print()
    if found.undo.contacts:
        cards = _table("Contact", "Name", "What happens to it")
        for each in found.undo.contacts:
            cards.add_row(*map(printable, _card_row(each)))
        console.print(cards)
        console.print()


def _rules_line(rules: Installed) -> str:
    reason = why_it_stays(rules)
    return f"The Sieve script stays: {reason}." if reason else f"The Sieve script goes first; {after_removal(rules)}."


def what_stays(found: Found, scheme: Scheme) -> str:
    """What a reset leaves, and how to remove it."""
    # What can be seen is removed, or has a line of its own.
    rules = (
        "• Rules for new mail, which go on sorting it, and which this server shows to no program: remove what "
        "`mailroom rules` printed from where you put it, on Fastmail at Settings → Filters & Rules.\n"
    )
    return (
        "What stays, and how to remove it:\n"
        f"{_SCREENING if scheme.screening.mode == 'on' else ''}"
        f"{rules if found.access is None else ''}"
        f"• The mailboxes and labels. Mail that is in {printable(scheme.screener)} and nowhere else belongs in the "
        "Inbox: move it there; then delete those that are empty or hold only mail that is elsewhere, too.\n"
        "• The contact groups, with the members that you put there: delete them in your address book app.\n"
        "• Names that Mailroom filled into empty fields of your own contacts: edit them there.\n"
        "Mail is never deleted, and none leaves the Inbox."
    )


def _rows(undo: Undo, names: Mapping[str, str], scheme: Scheme) -> Iterator[Row]:
    """In the order in which it is undone; mailboxes and groups by name."""
    named = (*scheme.labels, scheme.error_label, scheme.warning_label, *scheme.optional_labels)
    labels = {name.rpartition("/")[2] for name in named}
    back = {names[id]: count for id, count in entered_by_mailbox(undo.mails.moves.values()).items()}
    left = {names[id]: count for id, count in left_by_mailbox(undo.mails.moves.values()).items()}
    yield from (("Mail back into", name, plural(back[name], "mail")) for name in sorted(back))
    yield from (("Mail out of", name, plural(left[name], "mail")) for name in sorted(left.keys() - labels))
    yield from (("Label off", name, plural(left[name], "mail")) for name in sorted(left.keys() & labels))
    groups = Counter(group.name for each in undo.contacts for group in each.leave)
    yield from (("Contacts out of the group", name, plural(groups[name], "contact")) for name in sorted(groups))
    if undo.kept:
        yield "Mailroom's note off", "address book", plural(len(undo.kept), "contact")
    if undo.deleted:
        yield "Contacts deleted", "address book", plural(len(undo.deleted), "contact")
    if undo.provenance:
        yield "Group emptied", scheme.provenance_group, plural(len(undo.provenance_members), "contact")
    if undo.state_card is not None:
        yield "Contact card deleted", undo.state_card.fields.full_name, "since when mail is screened"
    if undo.marked:
        yield "Mailroom's keywords off", "all mailboxes", plural(len(undo.marked), "mail")
    others = {names[id]: count for id, count in undo.mails.left.items()}
    yield from (("Stays: not Mailroom's", name, plural(others[name], "mail")) for name in sorted(others))


def _card_row(undo: ContactUndo) -> Row:
    fate = f"stays without Mailroom's note: {'; '.join(undo.stays)}" if undo.stays else "deleted: Mailroom made it"
    return ", ".join(sorted(names_of(undo.card))) or "(no address)", undo.card.fields.full_name, fate


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
