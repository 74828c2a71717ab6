"""What `mailroom doctor` prints: lines for people, as they come, or one JSON document."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from textwrap import wrap
from typing import Protocol

from rich.text import Text

from mailroom import __version__
from mailroom.commands.table import Column, print_table
from mailroom.commands.terminal import open_console, printable, working
from mailroom.doctor.findings import Check, Finding, Outcome
from mailroom.plural import plural

_SIGNS = {
    Outcome.OK: ("✓", "green"),
    Outcome.WARNING: ("!", "yellow"),
    Outcome.FAILED: ("✗", "bold red"),
    Outcome.SKIPPED: ("-", "dim"),
}
_TITLE_WIDTH = 12
_INDENT = _TITLE_WIDTH + 3


class Report(Protocol):
    """Where findings go, as they come."""

    def announce(self, check: Check) -> None:
        """A check that changes something for a moment is about to run."""
        ...

    def running(self, check: Check) -> AbstractContextManager[None]:
        """Around a check that runs."""
        ...

    def found(self, title: str, finding: Finding) -> None: ...

    def tell(self, text: str) -> None:
        """What the user must know, whatever else happens."""
        ...

    def end(self, findings: Mapping[str, Finding]) -> None:
        """All was found about a single account."""
        ...

    def begin_machine(self) -> None:
        """What is found from now on is about what all of several accounts have in common."""
        ...

    def begin(self, account: str) -> None:
        """What is found from now on is about this account, of several."""
        ...

    def end_all(self, machine: Mapping[str, Finding], found: Mapping[str, Mapping[str, Finding]]) -> None:
        """All was found: about what they have in common, and by account."""
        ...


def count(findings: Mapping[str, Finding], outcome: Outcome) -> int:
    return sum(finding.outcome is outcome for finding in findings.values())


class TextReport:
    """Lines for people, each printed once its check is done."""

    def __init__(self) -> None:
        self._console = open_console()

    def running(self, check: Check) -> AbstractContextManager[None]:
        return working(self._console, check.title)

    def announce(self, check: Check) -> None:
        self._print("·", "dim", check.title, [check.notice])

    def found(self, title: str, finding: Finding) -> None:
        advice = [f"→ {finding.advice}"] if finding.advice else []
        sign, style = _SIGNS[finding.outcome]
        self._print(sign, style, title, [*finding.detail.splitlines(), *advice, *self._more(finding)])

    def _more(self, finding: Finding) -> list[str]:
        return []

    def tell(self, text: str) -> None:
        self._print("!", "bold red", "Left behind", [text])

    def end(self, findings: Mapping[str, Finding]) -> None:
        failed, warnings = count(findings, Outcome.FAILED), count(findings, Outcome.WARNING)
        self._console.print()
        if failed:
            self._console.print(f"{failed} of {len(findings)} checks found what would stop the daemon.", style="red")
        elif warnings:
            self._console.print(f"The daemon can run; {warnings} of {len(findings)} checks found what could be better.")
        else:
            self._console.print("The daemon can run.", style="green")

    def begin_machine(self) -> None:
        self._console.print("For all accounts:", style="bold")

    def begin(self, account: str) -> None:
        self._console.print(f"{account}:", style="bold")

    def end_all(self, machine: Mapping[str, Finding], found: Mapping[str, Mapping[str, Finding]]) -> None:
        """A table with a line an account, and the figures."""
        names, results = [*found], [_result(findings) for findings in found.values()]
        self._console.print()
        print_table(self._console, [Column("Account", names, folds=False), Column("Found", results)])
        failed = sum(bool(count(findings, Outcome.FAILED)) for findings in found.values())
        if count(machine, Outcome.FAILED):
            self._console.print("The daemon can't run as it is: see above, for all accounts.", style="red")
        if failed:
            self._console.print(
                f"{failed} of {plural(len(found), 'account')} can't be served as they are.", style="red"
            )
        elif not count(machine, Outcome.FAILED):
            self._console.print(f"All {plural(len(found), 'account')} can be served.", style="green")

    def _print(self, sign: str, style: str, title: str, lines: Sequence[str]) -> None:
        """The lines beside the title, wrapped on a terminal."""
        width = max(20, self._console.width - _INDENT)
        wrapped = [
            part
            for line in lines
            for part in wrap(printable(line), width, break_long_words=False, break_on_hyphens=False)
        ]
        first, *others = wrapped or [""]
        self._console.print(Text(sign, style), f"{title:<{_TITLE_WIDTH}} {first}", soft_wrap=True)
        for other in others:
            self._console.print(" " * _INDENT + other, soft_wrap=True)


class VerboseReport(TextReport):
    """Also what the servers said in their own words, which may quote mail and contacts."""

    def _more(self, finding: Finding) -> list[str]:
        return [f"the server said: {finding.server_said}"] if finding.server_said else []


class JsonReport:
    """One JSON document at the end; what the user must know at once goes to standard error.

    Its keys stay as they are: `ok`, `version` and `checks`, each of these with `check`, `status` (ok, warning, failed,
    skipped), `detail`, `advice` and `measured_seconds`. Of several
    accounts: `ok`, `version`, `checks` (of what they have in common) and `accounts`, each of these with `account`, `ok`
    and `checks`.
    """

    def __init__(self) -> None:
        self._console = open_console()
        self._errors = open_console(stderr=True)

    def running(self, check: Check) -> AbstractContextManager[None]:
        return nullcontext()

    def announce(self, check: Check) -> None:
        self.tell(f"{check.title}: {check.notice}")

    def found(self, title: str, finding: Finding) -> None:
        """Nothing yet."""

    def tell(self, text: str) -> None:
        self._errors.print(printable(text))

    def end(self, findings: Mapping[str, Finding]) -> None:
        self._print({"ok": _is_ok(findings), "version": __version__, "checks": _as_json(findings)})

    def begin_machine(self) -> None:
        """Nothing yet."""

    def begin(self, account: str) -> None:
        """Nothing yet."""

    def end_all(self, machine: Mapping[str, Finding], found: Mapping[str, Mapping[str, Finding]]) -> None:
        accounts = [
            {"account": name, "ok": _is_ok(findings), "checks": _as_json(findings)} for name, findings in found.items()
        ]
        is_ok = all(map(_is_ok, (machine, *found.values())))
        self._print({"ok": is_ok, "version": __version__, "checks": _as_json(machine), "accounts": accounts})

    def _print(self, document: Mapping[str, object]) -> None:
        self._console.out(json.dumps(document, indent=2), highlight=False)


def _is_ok(findings: Mapping[str, Finding]) -> bool:
    return not count(findings, Outcome.FAILED)


def _as_json(findings: Mapping[str, Finding]) -> Sequence[Mapping[str, object]]:
    return [
        {
            "check": name,
            "status": finding.outcome.value,
            "detail": finding.detail,
            "advice": finding.advice,
            "measured_seconds": finding.measured_seconds,
        }
        for name, finding in findings.items()
    ]


def _result(findings: Mapping[str, Finding]) -> str:
    """What is not as it should be, in the words of `status` and the keys of the checks; or that all is well."""
    told = [
        f"{outcome.value}: {', '.join(name for name, finding in findings.items() if finding.outcome is outcome)}"
        for outcome in (Outcome.FAILED, Outcome.WARNING)
        if count(findings, outcome)
    ]
    return "; ".join(told) or "all is well"
