"""`mailroom accounts`: the accounts of a folder, and how they are."""

import click

from mailroom.cli.with_settings import read_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, for scripts.")
def command(as_json: bool) -> int:
    """List the accounts of the folder, and how they are.

    It asks the daemon that runs here, and no mail server. Status 1 means that a file has a mistake, an account is
    unhealthy, or the daemon serves another shard than was asked for.
    """
    import trio

    from mailroom.commands import accounts

    return trio.run(accounts.as_json if as_json else accounts.show, read_settings())
