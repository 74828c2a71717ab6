"""`mailroom doctor`: check everything."""

import click

from mailroom.cli.with_settings import account_asked_for, account_option


@click.command()
@click.option("--read-only", is_flag=True, help="Leave out the checks that write for a moment.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts.")
@click.option("--verbose", is_flag=True, help="Show what servers say in their own words; it may quote mail.")
@account_option
def command(read_only: bool, as_json: bool, verbose: bool) -> int:
    """Check settings, servers and account, and say what to do.

    It creates a contact and a mailbox and removes them at once. Status 1 means that something would stop the daemon.
    Without --account, it is about all accounts.
    """
    import trio

    from mailroom.commands import doctor, doctor_report

    if as_json and verbose:
        raise click.UsageError("--verbose is for people: leave out --json")
    checks = doctor.CHECKS_WITHOUT_WRITING if read_only else doctor.CHECKS
    text = doctor_report.VerboseReport() if verbose else doctor_report.TextReport()
    return trio.run(doctor.run, checks, doctor_report.JsonReport() if as_json else text, account_asked_for())
