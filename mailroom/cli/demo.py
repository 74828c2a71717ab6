"""`mailroom demo`: see it work."""

import click


@click.command()
@click.option("--keep-running", is_flag=True, help="Leave sandbox and daemon up until Ctrl-C.")
def command(keep_running: bool) -> int:
    """See it work, in about 20 seconds.

    The real daemon settles the senders of a sandbox while somebody plays its user. No account is needed.
    """
    import trio

    from mailroom.commands import demo

    return trio.run(demo.run, keep_running)
