"""`mailroom doctor`: check one thing after the other, and say what to do about what is wrong."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from textwrap import wrap
from typing import Protocol

from rich.text import Text

from mailroom import __version__
from mailroom.account.servers import open_servers
from mailroom.commands.terminal import log_to_stderr, open_console, printable, working
from mailroom.commands.with_servers import until_interrupted
from mailroom.config.account_settings import AccountConfig
from mailroom.config.environment import Environment, read_environment
from mailroom.doctor import contacts_check, push_check, screening_checks
from mailroom.doctor.contacts_check import check_defaults, check_groups, check_reading, check_writing
from mailroom.doctor.daily_check import check_daily
from mailroom.doctor.findings import Check, Examined, Finding, Outcome, find, skipped
from mailroom.doctor.machine_checks import check_clock, check_dotenv, check_health_port
from mailroom.doctor.mail_checks import (
    check_mail,
    check_mailboxes,
    check_own_addresses,
    check_rules,
    check_searching,
    check_session,
)
from mailroom.doctor.push_check import check_connecting, check_hearing
from mailroom.doctor.screening_checks import check_marking, check_marking_rights, check_screening
from mailroom.errors import ConfigError

_SESSION = Check("session", "Session", check_session)
_MAIL = Check("mail", "Mail", check_mail, ("session",))
_REST = (
    Check("rules", "Future mail", check_rules, ("session",), if_broken=Outcome.WARNING),
    Check("clock", "Clock", check_clock, ("session",), if_broken=Outcome.WARNING),
    Check("health_port", "Health port", check_health_port),
    Check("dotenv", "Secrets", check_dotenv, if_broken=Outcome.WARNING),
)
_ACCOUNT = (
    Check("mailboxes", "Mailboxes", check_mailboxes, ("session",)),
    Check("search", "Search", check_searching, ("session",)),
    Check("groups", "Groups", check_groups, ("contacts",)),
    Check("categories", "Categories", check_defaults, ("contacts",), if_broken=Outcome.WARNING),
    Check("own_addresses", "Addresses", check_own_addresses, ("session",), if_broken=Outcome.WARNING),
    Check("screening", "Screening", check_screening, ("session", "contacts"), if_broken=Outcome.WARNING),
    Check("daily", "Once a day", check_daily, ("session", "contacts", "mailboxes"), if_broken=Outcome.WARNING),
)

CHECKS = (
    _SESSION,
    _MAIL,
    Check("contacts", "Contacts", check_writing, ("session",), contacts_check.NOTICE),
    *_ACCOUNT,
    Check("keywords", "Keywords", check_marking, ("mail",), screening_checks.NOTICE, Outcome.WARNING),
    Check("eventsource", "Push", check_hearing, ("session",), push_check.NOTICE, Outcome.WARNING),
    *_REST,
)
CHECKS_WITHOUT_WRITING = (
    _SESSION,
    _MAIL,
    Check("contacts", "Contacts", check_reading, ("session",)),
    *_ACCOUNT,
    Check("keywords", "Keywords", check_marking_rights, ("mail",), if_broken=Outcome.WARNING),
    Check("eventsource", "Push", check_connecting, ("session",), if_broken=Outcome.WARNING),
    *_REST,
)

_SETTINGS = "settings"
_SETTINGS_TITLE = "Settings"
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

    def end(self, findings: Mapping[str, Finding]) -> None: ...


async def run(checks: Sequence[Check], report: Report) -> int:
    """Run the checks; returns 1 if something would stop the daemon."""
    log_to_stderr("info", "auto")
    findings: dict[str, Finding] = {}
    try:
        environment = read_environment()
    except ConfigError as error:
        findings[_SETTINGS] = Finding(Outcome.FAILED, "\n".join(error.problems))
        report.found(_SETTINGS_TITLE, findings[_SETTINGS])
        for check in checks:
            findings[check.name] = Finding(Outcome.SKIPPED, f"not possible without: {_SETTINGS_TITLE}")
            report.found(check.title, findings[check.name])
        return _end(report, findings)
    log_to_stderr(environment.process.log_level, environment.process.log_format)
    findings[_SETTINGS] = _settings_finding(environment.account)
    report.found(_SETTINGS_TITLE, findings[_SETTINGS])
    return await until_interrupted(partial(_examine, environment, checks, report, findings))


async def _examine(
    environment: Environment, checks: Sequence[Check], report: Report, findings: dict[str, Finding]
) -> int:
    account = environment.account
    async with open_servers(account.settings) as servers:
        examined = Examined(account.settings, account.scheme, servers, report.tell, environment.process)
        for check in checks:
            finding = skipped(check, checks, findings)
            if finding is None:
                if check.notice:
                    report.announce(check)
                with report.running(check):
                    finding = await find(check, examined)
            findings[check.name] = finding
            report.found(check.title, finding)
    return _end(report, findings)


def _end(report: Report, findings: Mapping[str, Finding]) -> int:
    report.end(findings)
    return 1 if _count(findings, Outcome.FAILED) else 0


def _settings_finding(account: AccountConfig) -> Finding:
    login = "a token" if account.settings.jmap_token is not None else "user name and password"
    source = "the usual ones" if account.scheme_file is None else f"from {account.scheme_file}"
    return Finding(Outcome.OK, f"login by {login}; {len(account.scheme.categories)} categories, {source}")


def _count(findings: Mapping[str, Finding], outcome: Outcome) -> int:
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
        failed, warnings = _count(findings, Outcome.FAILED), _count(findings, Outcome.WARNING)
        self._console.print()
        if failed:
            self._console.print(f"{failed} of {len(findings)} checks found what would stop the daemon.", style="red")
        elif warnings:
            self._console.print(f"The daemon can run; {warnings} of {len(findings)} checks found what could be better.")
        else:
            self._console.print("The daemon can run.", style="green")

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
    skipped), `detail`, `advice` and `measured_seconds`.
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
        checks = [
            {
                "check": name,
                "status": finding.outcome.value,
                "detail": finding.detail,
                "advice": finding.advice,
                "measured_seconds": finding.measured_seconds,
            }
            for name, finding in findings.items()
        ]
        document = {"ok": not _count(findings, Outcome.FAILED), "version": __version__, "checks": checks}
        self._console.out(json.dumps(document, indent=2), highlight=False)
