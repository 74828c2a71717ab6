"""`mailroom sandbox`: a server to try things on."""

import click

from mailroom.cli.ending import STOPPED


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Listen here; 0, the default, takes a free one."
)
@click.option(
    "--flavour",
    type=click.Choice(["fastmail", "cyrus", "james", "stalwart"]),
    default="fastmail",
    show_default=True,
    help="Whose manners the server has.",
)
def command(port: int, flavour: str) -> int:
    """Serve a sample mailbox to try things on.

    It speaks JMAP on this machine only, and prints the settings that point a daemon at it.
    """
    import trio

    from mailroom.config.keys import VARIABLES
    from mailroom.sandbox import command
    from mailroom.sandbox.errors import SandboxError

    try:
        trio.run(command.run, port, flavour, VARIABLES.bare)
    except SandboxError as error:
        raise click.UsageError(str(error)) from None
    return STOPPED
