"""How `mailroom screen` shows what it found: what becomes of mail, and why, sender by sender; or as JSON.

Two columns under a line for each verdict: that can be read on a phone.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console

from mailroom.commands.table import Column, print_table
from mailroom.commands.terminal import local_time, printable
from mailroom.config.keys import Keys
from mailroom.config.scheme import Scheme
from mailroom.decisions.judge import Outcome, Reason, Verdict
from mailroom.plural import plural
from mailroom.senders.screen import Findings, Group, Unjudged
from mailroom.wire import utc_date

NOBODY = "(no usable sender)"
TURN_ON = "Screening is not on: {} has the daemon do this with new mail."


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in the mail of the last `days` (None: in what is new), and whether it was done.

    `names` are what settings and commands are called there.
    """

    scheme: Scheme
    unjudged: Unjudged
    findings: Findings
    days: int | None
    is_applied: bool
    names: Keys


def apply_command(days: int | None, names: Keys) -> str:
    """The command that does what a dry run showed."""
    since = "" if days is None else f" --since {days}"
    return names.command(f"mailroom screen{since} --apply")


def show_table(console: Console, report: Report) -> None:
    """What becomes of mail, and why, sender by sender; then the figures."""
    for verdict, groups in _sections(report.findings):
        _show_section(console, report, verdict, groups)
    _show_figures(console, report)


def show_explained(console: Console, report: Report) -> None:
    """The same, with what each reason means."""
    for verdict, groups in _sections(report.findings):
        _show_section(console, report, verdict, groups, verdict.reason.text)
    _show_figures(console, report)


def show_json(console: Console, report: Report) -> None:
    """One object; docs/workflow.md says what is in it."""
    findings = report.findings
    senders = [
        {
            "sender": group.sender or None,
            "mails": findings.mails[group],
            "outcome": group.verdict.outcome.name.lower(),
            "category": group.category,
            "reason": _name(group.verdict.reason),
            "explanation": group.verdict.reason.text,
            "warned": group.verdict.is_warned,
        }
        for _, groups in _sections(findings)
        for group in groups
    ]
    document = {
        "mode": report.scheme.screening.mode,
        "applied": report.is_applied,
        "since": utc_date(report.unjudged.window.after),
        "screened": findings.count(Outcome.SCREENED),
        "routed": dict(sorted(findings.routed.items())),
        "stays": findings.count(Outcome.STAYS),
        "undecided": findings.count(Outcome.UNDECIDED),
        "left_alone": findings.left_alone,
        "failed": dict(sorted(findings.failed.items())),
        "senders": senders,
    }
    # ASCII alone, so that no locale and no terminal can spoil it.
    console.print(json.dumps(document, indent=2), soft_wrap=True)


def _name(reason: Reason) -> str:
    """As the log calls it."""
    return reason.name.lower()


def _sections(findings: Findings) -> Iterator[tuple[Verdict, list[Group]]]:
    """What moves first, then what stays, each by the order in which the reasons are asked; the most mails first."""
    order = (Outcome.SCREENED, Outcome.ROUTED, Outcome.STAYS, Outcome.UNDECIDED)
    reasons = list(Reason)

    def place(group: Group) -> tuple[int, str, int, bool]:
        verdict = group.verdict
        return order.index(verdict.outcome), group.category or "", reasons.index(verdict.reason), verdict.is_warned

    groups = sorted(findings.mails, key=lambda each: (place(each), -findings.mails[each], each.sender))
    for verdict, section in groupby(groups, key=lambda each: each.verdict):
        yield verdict, list(section)


def _show_section(
    console: Console, report: Report, verdict: Verdict, groups: Sequence[Group], explanation: str = ""
) -> None:
    mails = report.findings.mails
    warning = f" and {report.scheme.warning_label}" if verdict.is_warned and report.scheme.warnings_enabled else ""
    total = plural(sum(mails[each] for each in groups), "mail")
    console.print(f"{_what(verdict, report.scheme)}{warning}, {_name(verdict.reason)}: {total}", style="bold")
    if explanation:
        console.print(f"({explanation})", style="italic")
    counts = Column("", [f"{mails[each]:5}" for each in groups], folds=False)
    print_table(console, [counts, Column("", [printable(each.sender or NOBODY) for each in groups])])


def _what(verdict: Verdict, scheme: Scheme) -> str:
    if (route := verdict.route) is not None:
        inbox = ("the Inbox",) if route.inbox else ()
        return f"To {' and '.join((*route.destinations, *inbox))}"
    return {Outcome.SCREENED: f"To {scheme.screener}", Outcome.STAYS: "Stays"}.get(verdict.outcome, "Left for now")


def _show_figures(console: Console, report: Report) -> None:
    """How many went where, what is left, and what to do next; one line each."""
    findings, command = report.findings, apply_command(report.days, report.names)
    console.print(printable(_summary(report)))
    if undecided := findings.count(Outcome.UNDECIDED):
        console.print(f"✗ {plural(undecided, 'mail')} could not be judged: {Reason.NOT_ANSWERED.text}.", style="red")
    for reason, mails in sorted(findings.failed.items()):
        console.print(f"✗ {plural(mails, 'mail')} could not be screened: {printable(reason)}.", style="red")
    if report.is_applied and not findings.is_whole:
        console.print(f"`{command}` tries again.", soft_wrap=True)
    if not report.is_applied and report.unjudged.ids:
        console.print(f"Nothing is changed yet: `{_next(report)}` does this.", soft_wrap=True)
    if not report.scheme.screening.is_on:
        console.print(TURN_ON.format(report.names.assigned("screening", "on")), soft_wrap=True)


def _next(report: Report) -> str:
    """The command that does what this dry run showed: where screening has not begun, it has to be told how far back."""
    has_begun = report.unjudged.screening_since is not None
    days = report.days if has_begun else report.days or report.scheme.screening.days
    return apply_command(days, report.names)


def _summary(report: Report) -> str:
    findings = report.findings
    since = f"since {local_time(report.unjudged.window.after)}"
    total = sum(findings.mails.values()) + findings.left_alone
    if not total and not findings.failed:
        further = " --since DAYS reaches further back." if report.days is None else ""
        return f"Nothing to judge: no mail in the Inbox {since} is without a verdict.{further}"
    stays = findings.count(Outcome.STAYS)
    parts = [
        *_part(findings.count(Outcome.SCREENED), f"to {report.scheme.screener}"),
        *(part for name, mails in sorted(findings.routed.items()) for part in _part(mails, f"to {name}")),
        *_part(stays, "stays" if stays == 1 else "stay"),
        *_part(findings.left_alone, "left alone (read, flagged, answered, labelled or filed already)"),
    ]
    return f"{'Screened ' if report.is_applied else ''}{plural(total, 'mail')} {since}: {', '.join(parts)}."


def _part(mails: int, what: str) -> Iterator[str]:
    if mails:
        yield f"{mails} {what}"
