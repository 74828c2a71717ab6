"""`mailroom healthcheck`: ask the daemon here how it is."""

import click


@click.command()
def command() -> int:
    """Ask the daemon here how it is: status 0 or 1.

    0 is healthy, 1 is anything else. It needs MAILROOM_HEALTH_HOST and MAILROOM_HEALTH_PORT as the daemon has
    them, and no token.
    """
    from mailroom.commands import healthcheck

    return healthcheck.run()
