"""`mailroom doctor`: check one thing after the other, and say what to do about what is wrong."""

from collections.abc import Mapping, Sequence
from functools import partial

from mailroom.account.servers import open_servers
from mailroom.commands.doctor_report import Report, count
from mailroom.commands.terminal import log_to_stderr
from mailroom.commands.which_account import account_named
from mailroom.commands.with_servers import until_interrupted
from mailroom.config.account_files import Reading, read_folder
from mailroom.config.account_settings import AccountConfig
from mailroom.config.environment import read_environment
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import Mode
from mailroom.doctor import contacts_check, push_check, screening_checks
from mailroom.doctor.contacts_check import check_defaults, check_groups, check_reading, check_splits, check_writing
from mailroom.doctor.daily_check import check_daily
from mailroom.doctor.findings import Check, Examined, Finding, MachineCheck, Outcome, find, skipped
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
)
_ACCOUNT = (
    Check("mailboxes", "Mailboxes", check_mailboxes, ("session",)),
    Check("search", "Search", check_searching, ("session",)),
    Check("groups", "Groups", check_groups, ("contacts",)),
    Check("categories", "Categories", check_defaults, ("contacts",), if_broken=Outcome.WARNING),
    Check("splits", "Splits", check_splits, ("contacts",), if_broken=Outcome.WARNING),
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

MACHINE_CHECKS = (
    MachineCheck("health_port", "Health port", check_health_port),
    MachineCheck("dotenv", "Secrets", check_dotenv),
)
"""They come last; of several accounts before all, and once."""

_SETTINGS = "settings"
_SETTINGS_TITLE = "Settings"


async def run(checks: Sequence[Check], report: Report, name: str | None = None) -> int:
    """Run the checks, on each account of a folder or the one that is named; returns 1 if something would stop one."""
    log_to_stderr("info", "auto")
    try:
        environment = read_environment()
        log_to_stderr(environment.process.log_level, environment.process.log_format)
        folder = environment.process.accounts
        if folder is not None and name is None:
            return await until_interrupted(partial(_run_all, environment.process, read_folder(folder), checks, report))
        account = account_named(name, environment)
    except ConfigError as error:
        return _end(report, _without_settings(error, (*checks, *MACHINE_CHECKS), report))

    async def run_one() -> int:
        findings = await _examine(account, checks, report)
        machine = await _look_at_machine(environment.process, account.scheme.screening.mode, report)
        return _end(report, {**findings, **machine})

    return await until_interrupted(run_one)


async def _run_all(process: ProcessSettings, reading: Reading, checks: Sequence[Check], report: Report) -> int:
    report.begin_machine()
    machine = await _look_at_machine(process, None, report)
    found: dict[str, Mapping[str, Finding]] = {}
    for name in reading.names:
        report.begin(name)
        try:
            account = reading.account(name)
        except ConfigError as error:
            found[name] = _without_settings(error, checks, report)
        else:
            found[name] = await _examine(account, checks, report)
    report.end_all(machine, found)
    return 1 if any(count(findings, Outcome.FAILED) for findings in (machine, *found.values())) else 0


async def _look_at_machine(process: ProcessSettings, screening: Mode | None, report: Report) -> Mapping[str, Finding]:
    findings: dict[str, Finding] = {}
    for check in MACHINE_CHECKS:
        findings[check.name] = await check.run(process, screening)
        report.found(check.title, findings[check.name])
    return findings


def _without_settings(
    error: ConfigError, checks: Sequence[Check | MachineCheck], report: Report
) -> Mapping[str, Finding]:
    findings = {_SETTINGS: Finding(Outcome.FAILED, "\n".join(error.problems))}
    report.found(_SETTINGS_TITLE, findings[_SETTINGS])
    for check in checks:
        findings[check.name] = Finding(Outcome.SKIPPED, f"not possible without: {_SETTINGS_TITLE}")
        report.found(check.title, findings[check.name])
    return findings


async def _examine(account: AccountConfig, checks: Sequence[Check], report: Report) -> Mapping[str, Finding]:
    findings = {_SETTINGS: _settings_finding(account)}
    report.found(_SETTINGS_TITLE, findings[_SETTINGS])
    async with open_servers(account.settings) as servers:
        examined = Examined(account.settings, account.scheme, servers, report.tell)
        for check in checks:
            finding = skipped(check, checks, findings)
            if finding is None:
                if check.notice:
                    report.announce(check)
                with report.running(check):
                    finding = await find(check, examined)
            findings[check.name] = finding
            report.found(check.title, finding)
    return findings


def _end(report: Report, findings: Mapping[str, Finding]) -> int:
    report.end(findings)
    return 1 if count(findings, Outcome.FAILED) else 0


def _settings_finding(account: AccountConfig) -> Finding:
    login = "a token" if account.settings.jmap_token is not None else "user name and password"
    are_usual = account.scheme.categories == DEFAULT_SCHEME.categories
    source = "the usual ones" if are_usual else f"from {account.scheme_file}"
    served = "" if account.enabled else "; it is not served: enabled is false"
    return Finding(Outcome.OK, f"login by {login}; {len(account.scheme.categories)} categories, {source}{served}")
