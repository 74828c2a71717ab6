"""`mailroom demo`: see it work."""

import click


@click.command()
@click.option("--keep-running", is_flag=True, help="Leave sandbox and daemon up until Ctrl-C.")
@click.option("--page", is_flag=True, help="Serve the web page over the sample mailbox, for you to play the user.")
def command(keep_running: bool, page: bool) -> int:
    """See it work, in about 20 seconds.

    The real daemon settles the senders of a sandbox while somebody plays its user. No account is needed.
    """
    import trio

    from mailroom.commands import demo

    if page and keep_running:
        raise click.UsageError("--page keeps running anyway: leave out --keep-running.")
    if page:
        from mailroom.commands import demo_page

        return trio.run(demo_page.run)
    return trio.run(demo.run, keep_running)
