"""`mailroom rules`: rules for mail yet to come."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import account_option, with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["fastmail", "sieve"]),
    help="A JSON array for Fastmail to import, or a Sieve script for servers that run one.",
)
@click.option("--apply", is_flag=True, help="Install the Sieve script on the server; yours goes on running.")
@click.option("--remove", is_flag=True, help="Remove that script again; yours is the active one as before.")
@account_option
def command(form: str | None, apply: bool, remove: bool) -> int:
    """Print rules for mail yet to come.

    The mail server runs them. With --apply, a Sieve script is installed beside yours; --remove takes it away.
    """
    if apply and remove:
        raise click.UsageError("--apply and --remove are opposites: give one of them.")
    if form is None and not remove:
        raise click.UsageError("Missing option '--format'. Choose from: fastmail, sieve.")
    return _rules(form, apply, remove)


@with_settings
def _rules(settings: "AccountSettings", scheme: "Scheme", form: str | None, apply: bool, remove: bool) -> int:
    import trio

    from mailroom.commands import rules

    if remove:
        return rules.remove_fastmail() if form == "fastmail" else trio.run(rules.remove_sieve, settings)
    if form == "fastmail":
        return rules.apply_fastmail() if apply else trio.run(rules.print_fastmail, settings, scheme)
    return trio.run(rules.apply_sieve if apply else rules.print_sieve, settings, scheme)
