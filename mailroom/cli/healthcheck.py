"""`mailroom healthcheck`: ask the daemon here how it is."""

import click


@click.command()
@click.option("--account", metavar="NAME", help="Ask for one account of several.")
def command(account: str | None) -> int:
    """Ask the daemon here how it is: status 0 or 1.

    0 is healthy, 1 is anything else. It needs the host and port of health checks in its settings
    as the daemon has them, and no token. A daemon with several accounts is healthy as long as one of them is.
    """
    from mailroom.commands import healthcheck

    return healthcheck.run(account)
